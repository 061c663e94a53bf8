#include "reconciler/daemon/last_resort.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>

namespace tidegate::daemon {
namespace {

void end_after(Milliseconds patience, const std::stop_token& destroyed) {
    std::mutex mutex;
    std::unique_lock lock{mutex};
    std::condition_variable_any never;
    never.wait_for(lock, destroyed, patience, [] { return false; });
    if (destroyed.stop_requested()) return;
    spdlog::critical("not stopped after {} s, does the disk hang? Ending all the same",
                     std::chrono::floor<Seconds>(patience).count());
    ::_exit(1);
}

}  // namespace

LastResort::LastResort(Milliseconds patience)
    : thread_{[patience](const std::stop_token& destroyed) { end_after(patience, destroyed); }} {}

}  // namespace tidegate::daemon
