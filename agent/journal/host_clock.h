#pragma once
/// How long ago something was, across restarts of the agent. Only readings of one host are
/// compared.

#include <cstdint>
#include <string>

#include "schema/base/time.h"

namespace tidegate::agent {

struct ClockReading {
    std::string boot_id;         ///< of the kernel: since_boot can be compared within one boot only
    Milliseconds since_boot{0};  ///< goes on while the host sleeps
    Milliseconds wall{0};        ///< since 1970, as the host believes

    friend bool operator==(const ClockReading&, const ClockReading&) = default;
};

[[nodiscard]] ClockReading read_clocks();

/// By the kernel's own clock, or after a reboot by the wall clock, which may have been set: never
/// less than nothing.
[[nodiscard]] Milliseconds time_between(const ClockReading& from, const ClockReading& to);

}  // namespace tidegate::agent
