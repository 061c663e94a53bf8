#pragma once
/// Walks a running release through its steps, by the walkers of walk.h.

#include "reconciler/engine/turn.h"

namespace tidegate::engine {

/// Does what may be done now. True when no step is left.
[[nodiscard]] bool advance_steps(Turn& turn, Release& release);

/// The first that is not over; null: all are.
[[nodiscard]] const Step* current_step(const Release& release);

/// What it has brought about is being watched now.
[[nodiscard]] bool is_watching(const Release& release);
/// Of one that must begin nothing any more: that goes on, and no other step follows it.
void keep_watching(Turn& turn, Release& release);

void remove_from_steps(Turn& turn, Release& release, const std::set<std::string>& targets);

}  // namespace tidegate::engine
