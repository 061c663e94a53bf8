#pragma once
/// Walks a running release through its steps.

#include "reconciler/engine/turn.h"

namespace tidegate::engine {

/// Dispatches what may be dispatched now. True when no step is left.
[[nodiscard]] bool advance_steps(Turn& turn, Release& release);

void remove_from_steps(Turn& turn, Release& release, const std::set<std::string>& targets);

}  // namespace tidegate::engine
