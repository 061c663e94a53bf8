#pragma once
/// How long what failed is left alone: twice as long each time, within bounds.

#include <algorithm>

#include "schema/base/limits.h"
#include "schema/base/time.h"

namespace tidegate::engine {

/// After so many failures in a row.
[[nodiscard]] inline Seconds back_off(int failures, Seconds least, Seconds most) {
    auto wait = least;
    for (int i = 1; i < failures && wait < most; ++i) wait *= 2;
    return std::min(wait, most);
}
/// Git, or a host in trouble, is asked again.
[[nodiscard]] inline Seconds until_asked_again(int failures) {
    return back_off(failures, limits::kAskAgain, limits::kAskAgainMax);
}

}  // namespace tidegate::engine
