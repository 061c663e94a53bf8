#pragma once
/// Instants and their text. Nothing here reads a clock: whoever needs the time is given it.

#include <chrono>
#include <string>
#include <string_view>

#include "schema/base/result.h"

namespace tidegate {

/// An instant, UTC, milliseconds since the Unix epoch.
using Timestamp = std::chrono::sys_time<std::chrono::milliseconds>;
using Milliseconds = std::chrono::milliseconds;
using Seconds = std::chrono::seconds;

/// The clock of `Lived`. Nothing reads it here; reconciler/daemon counts it.
struct LifeTime {
    using duration = Milliseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<LifeTime>;
    static constexpr bool is_steady = true;
};
/// How long the daemon has lived by then, over all its starts. It never goes back and never leaps:
/// it stands still while the daemon is away, and after each start until agents had the time to come
/// back. What somebody is given time for (deadlines, back-offs, graces) counts in it; what is told
/// to people, and what people wrote (windows, schedules), is a Timestamp.
using Lived = LifeTime::time_point;

/// What the clocks say when something happens.
struct Clocks {
    Timestamp now;
    Lived lived;
    Milliseconds still{0};  ///< for so long `lived` is going to stand still
};

/// `2026-11-23T02:00:00Z`, with `.123` only where there are milliseconds (RFC 3339 §5.6).
[[nodiscard]] std::string format_rfc3339(Timestamp at);
/// Takes any RFC 3339 instant, with an offset or `Z`; fractions beyond milliseconds are cut.
[[nodiscard]] Result<Timestamp> parse_rfc3339(std::string_view text);
/// `90`, `10m`, `24h`, `7d`, `1h30m`: whole seconds or units s, m, h, d in falling order.
[[nodiscard]] Result<Seconds> parse_duration(std::string_view text);
/// The shortest of those forms: `90s`, `10m`, `1h30m`.
[[nodiscard]] std::string format_duration(Seconds duration);

}  // namespace tidegate
