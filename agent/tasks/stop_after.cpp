#include "agent/tasks/stop_after.h"

#include <utility>

namespace tidegate::agent {

StopAfter::StopAfter(std::stop_token parent, std::optional<Milliseconds> time)
    : on_parent_{std::move(parent), [this] { source_.request_stop(); }} {
    if (!time) return;
    timer_ = std::jthread{[this, time = *time](const std::stop_token& stop) {
        if (!wait_for(time, stop)) return;
        expired_ = !source_.stop_requested();
        source_.request_stop();
    }};
}

bool wait_for(Milliseconds time, const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock{mutex};
    // The predicate is only ever true by the stop, so this sleeps the whole time otherwise.
    return !stopped.wait_for(lock, stop, time, [&] { return stop.stop_requested(); });
}

}  // namespace tidegate::agent
