#pragma once
/// A stop token that also stops by itself when time is up.

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include "schema/base/time.h"

namespace tidegate::agent {

/// Stops when `parent` does or after `time` (never by itself without one). Any thread.
class StopAfter {
public:
    StopAfter(std::stop_token parent, std::optional<Milliseconds> time);

    [[nodiscard]] std::stop_token token() const { return source_.get_token(); }
    /// It was the time, not the parent.
    [[nodiscard]] bool expired() const { return expired_; }

private:
    std::stop_source source_;
    std::atomic<bool> expired_{false};
    std::stop_callback<std::function<void()>> on_parent_;
    std::jthread timer_;
};

/// Sleeps; false when it was stopped before the time was over.
bool wait_for(Milliseconds time, const std::stop_token& stop);

}  // namespace tidegate::agent
