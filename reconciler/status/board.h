#pragma once
/// Where the loop leaves the newest snapshot and HTTP threads find it.

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "schema/model/snapshot.h"

namespace tidegate::status {

/// Any thread. The lock is held for a pointer's copy only, so neither side waits for the other's
/// work.
class SnapshotBoard {
public:
    void set(SnapshotPtr next) {
        {
            const std::lock_guard lock{mutex_};
            newest_ = std::move(next);
        }
        changed_.notify_all();
    }
    /// Null before the first one.
    [[nodiscard]] SnapshotPtr get() const {
        const std::lock_guard lock{mutex_};
        return newest_;
    }
    /// The newest snapshot once its generation is above `seen`, or after `patience` whatever there
    /// is; for event streams.
    [[nodiscard]] SnapshotPtr wait_beyond(std::uint64_t seen, std::chrono::milliseconds patience) {
        std::unique_lock lock{mutex_};
        changed_.wait_for(lock, patience, [&] { return newest_ && newest_->generation > seen; });
        return newest_;
    }

private:
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    SnapshotPtr newest_;
};

}  // namespace tidegate::status
