#pragma once
/// Journal records as bytes. Payloads are the agent protocol's own messages, so its compatibility
/// rules hold for the journal too.

#include <string>
#include <string_view>

#include "agent/journal/journal.h"

namespace tidegate::agent {

inline constexpr char kIntent = 'I';
inline constexpr char kOutcome = 'O';
inline constexpr char kEpoch = 'E';
inline constexpr char kInstallation = 'S';
inline constexpr char kForget = 'F';
inline constexpr char kAcks = 'A';
inline constexpr char kProcess = 'P';
inline constexpr char kBegan = 'B';
inline constexpr char kTask = 'T';
inline constexpr char kRoute = 'R';  ///< as it was told: newer ones take its place, or forget it
/// Only in files written anew: an intent without its entry, kept because it is installed. Its
/// payload starts with the installation's report number and a line feed.
inline constexpr char kDefinition = 'D';

struct EncodedRecord {
    char type = 0;
    std::string payload;
};

[[nodiscard]] Result<EncodedRecord> encode(const JournalRecord& record);
/// Of any type but kDefinition.
[[nodiscard]] Result<JournalRecord> decode(char type, std::string_view payload);

}  // namespace tidegate::agent
