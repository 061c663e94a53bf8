#pragma once
/// Which checks a commit of the config repo is judged by (ADR 21). What was accepted stays
/// accepted: a build that makes an error of what was valid gives that a new number, and uses it
/// only on commits that come after the ones it found accepted. Older ones (and with them anchors,
/// last goods and pins) are read by the checks of their time; what a newer check would refuse is
/// a warning there.

namespace tidegate {

/// In order; each includes those before it.
enum class Checks {
    first = 1,
    second = 2,  ///< what docs/config.md marks "since checks 2"
};
inline constexpr auto kChecksNow = Checks::second;

/// What a warning ends with where newer commits get an error.
inline constexpr auto kRefusedNow = " (an error in newer commits)";

}  // namespace tidegate
