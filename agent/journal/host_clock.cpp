#include "agent/journal/host_clock.h"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <fstream>

namespace tidegate::agent {
namespace {

Milliseconds read(clockid_t clock) {
    timespec now{};
    ::clock_gettime(clock, &now);
    return std::chrono::duration_cast<Milliseconds>(std::chrono::seconds{now.tv_sec} +
                                                    std::chrono::nanoseconds{now.tv_nsec});
}

}  // namespace

ClockReading read_clocks() {
    ClockReading reading;
    std::ifstream{"/proc/sys/kernel/random/boot_id"} >> reading.boot_id;
    reading.since_boot = read(CLOCK_BOOTTIME);
    reading.wall = read(CLOCK_REALTIME);
    return reading;
}

Milliseconds time_between(const ClockReading& from, const ClockReading& to) {
    const bool same_boot = !from.boot_id.empty() && from.boot_id == to.boot_id;
    return std::max(Milliseconds{0},
                    same_boot ? to.since_boot - from.since_boot : to.wall - from.wall);
}

}  // namespace tidegate::agent
