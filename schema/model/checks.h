#pragma once
/// Which checks a commit of the config repo is judged by (ADR 21). What was accepted stays
/// accepted: a build that makes an error of what was valid gives that a new number, and uses it
/// only on commits that come after the ones it found accepted. Older ones (and with them anchors,
/// last goods and pins) are read by the checks of their time; what a newer check would refuse is
/// a warning there.

#include <algorithm>
#include <array>

namespace tidegate {

/// In order; each includes those before it.
enum class Checks {
    first = 1,
    second = 2,  ///< what docs/config.md marks "since checks 2"
    third = 3,   ///< the same of 3: canary, blue-green and promotes
    fourth = 4,  ///< the same of 4: slots and routers that releases act on
    fifth = 5,   ///< the same of 5: traffic without slots, and strategies of single versions
};
inline constexpr auto kChecksNow = Checks::fifth;

/// Those of before, the newest first.
inline constexpr std::array kOlderChecks{Checks::fourth, Checks::third, Checks::second,
                                         Checks::first};

/// Of a kept number; those of a newer build are not known here.
[[nodiscard]] constexpr Checks checks_of(int number) {
    const int known =
        std::clamp(number, static_cast<int>(Checks::first), static_cast<int>(kChecksNow));
    return static_cast<Checks>(known);
}

/// What a warning ends with where newer commits get an error.
inline constexpr auto kRefusedNow = " (an error in newer commits)";

}  // namespace tidegate
