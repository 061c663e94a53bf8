#pragma once
/// Named places at which tests kill the daemon as `kill -9` would: TIDEGATE_CRASHPOINT=name, or
/// name:N for the N-th time it is passed. Without the variable a call costs one comparison.

#include <array>
#include <string_view>

namespace tidegate::daemon {

/// All names, for tests that walk through them.
inline constexpr std::array<std::string_view, 9> kCrashPoints{
    "store.before_commit", "store.after_commit",  "config.after_fetch",
    "config.accepted",     "effects.before_send", "effects.after_send",
    "revert.before_push",  "revert.after_push",   "result.received"};

/// Does not return when this is the place. Any thread.
void crash_point(std::string_view name);

}  // namespace tidegate::daemon
