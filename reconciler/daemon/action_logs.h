#pragma once
/// What actions printed: one file each, `<action>.log`, in the data dir's `logs/`. Bounded: a file
/// by `kOutputBytesMax`, their number by `kLogFilesMax` (the oldest goes first), what waits for the
/// disk by `kLogBytesWaitingMax` (more is dropped; logs are no record).

#include <atomic>
#include <deque>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "reconciler/daemon/worker.h"

namespace tidegate::daemon {

class ActionLogs {
public:
    explicit ActionLogs(std::filesystem::path folder) : folder_{std::move(folder)} {}

    /// From the loop thread; written by a thread of its own. Ids that are no action's are ignored.
    void append(const std::string& action, std::string_view bytes);
    /// From any thread. None: no such action, or forgotten.
    [[nodiscard]] static std::optional<std::string> read(const std::filesystem::path& folder,
                                                         const std::string& action);

private:
    void write(const std::string& action, const std::string& bytes);
    void take_stock();
    void make_room();

    std::filesystem::path folder_;
    std::atomic<std::size_t> waiting_bytes_ = 0;
    // The worker's.
    bool stock_taken_ = false;
    std::deque<std::string> by_age_;  ///< oldest first
    std::set<std::string> known_;
    Worker worker_;  ///< the last member: ends before what it uses
};

}  // namespace tidegate::daemon
