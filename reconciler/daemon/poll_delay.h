#pragma once
/// When the config repo is looked at again. Pure.

#include <algorithm>
#include <cstdint>

#include "schema/base/limits.h"
#include "schema/base/time.h"

namespace tidegate::daemon {

/// The interval, twice as long after each failure in a row, up to kPollDelayMax; and by `random` up
/// to a tenth more, so that many daemons do not ask one server in step.
[[nodiscard]] inline Milliseconds poll_delay(Milliseconds interval, int failures,
                                             std::uint64_t random) {
    const auto longest = std::max<Milliseconds>(limits::kPollDelayMax, interval);
    auto delay = interval;
    for (int i = 0; i < failures && delay < longest; ++i) delay *= 2;
    delay = std::min(delay, longest);
    const auto tenth = static_cast<std::uint64_t>(delay.count()) / 10;
    return delay + Milliseconds{static_cast<std::int64_t>(random % (tenth + 1))};
}

}  // namespace tidegate::daemon
