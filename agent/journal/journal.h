#pragma once
/// What the agent must still know after a crash: intents and outcomes of actions, the state of
/// installations, what they were installed from, routes, and the highest epoch. One file in the
/// data directory's `journal/`, appended to and now and then written anew without what is over.

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "agent/journal/host_clock.h"
#include "agent/journal/tried.h"
#include "agent/machine/machine.h"
#include "schema/base/result.h"

namespace tidegate::agent {

/// A process that an action started: lets the next agent process end what this one left. Only read:
/// agents wrote it before scripts had supervisors, which stand in a register of their own.
struct ProcessStarted {
    std::string action;
    pid_t pid = 0;
    std::uint64_t start_time = 0;
    std::string marker;

    friend bool operator==(const ProcessStarted&, const ProcessStarted&) = default;
};

/// Stands behind an action's intent, written with it: when that was, and that from then on each
/// task is noted. An intent without it is an older build's.
struct ActionBegan {
    std::string action;
    ClockReading at;

    friend bool operator==(const ActionBegan&, const ActionBegan&) = default;
};

using JournalRecord =
    std::variant<machine::JournalIntent, machine::JournalOutcome, machine::JournalEpoch,
                 machine::JournalInstallation, machine::JournalForget, machine::JournalAcks,
                 machine::JournalRoute, machine::JournalForgetRoute, ProcessStarted, ActionBegan,
                 machine::TaskNote>;

/// What was found at start.
struct JournalContent {
    machine::Records records;
    /// The action that each present installation came from; what drift checks go by.
    std::map<InstallKey, Action> definitions;
    TriedActions tried;
    /// The newest process of each action that has no outcome.
    std::vector<ProcessStarted> running;
    /// Of the actions without an outcome; none of those that an older build began.
    std::map<std::string, ClockReading> began;
    std::uint64_t torn_bytes = 0;  ///< cut off at the end of the file
};

/// Blocks in fsync; used by one thread at a time. `exhausted`: the disk has no room; nothing of the
/// call was written, and the journal goes on. After any other error the process must stop: what is
/// on disk is not known any more.
///
/// A forward action's intent leaves limits::kJournalReserveBytes free, so that on a disk that fills
/// up the outcome of what runs, restores and routes can still be written.
class Journal {
public:
    /// Makes the directory (0700) where needed and reads all. conflict: another process uses it;
    /// invalid: damaged in the middle.
    [[nodiscard]] static Result<std::unique_ptr<Journal>> open(const std::string& directory);
    ~Journal();
    Journal(const Journal&) = delete;
    Journal& operator=(const Journal&) = delete;

    /// Once, after open.
    [[nodiscard]] JournalContent take_content();
    /// All records by one write and, if an intent, an outcome, an epoch, a route or the begin of a
    /// task that may not run twice is among them, one fsync.
    [[nodiscard]] Result<void> write(const std::vector<JournalRecord>& records);

private:
    class Impl;
    explicit Journal(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace tidegate::agent
