#pragma once
/// Targets that the others have left behind: what happens without them is a success, but not a
/// whole one.

#include <optional>
#include <string>

#include "reconciler/engine/turn.h"

namespace tidegate::engine {

/// Keeps AssignmentState::behind up to date: whoever has neither last good nor what is wished, and
/// since when the others have it. What no release tells is counted from when it was first seen.
void note_behind(Turn& turn, const AssignmentKey& key);
[[nodiscard]] std::optional<Timestamp> behind_since(const AssignmentState& assignment);

/// `7 of 8, web-8 away since …`; empty = it is everywhere. Pinned targets are not counted.
[[nodiscard]] std::string shortfall(const State& state, const Release& release);

}  // namespace tidegate::engine
