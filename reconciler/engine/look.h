#pragma once
/// One look at one assignment: everything that can go on now goes on.

#include "reconciler/engine/turn.h"

namespace tidegate::engine {

void look(Turn& turn, const AssignmentKey& key);

/// Asks for definitions that are needed and not loaded; forgets those that are not needed.
void load_definitions(Turn& turn, const AssignmentKey& key);

/// The Git side of rollbacks: one revert per release, until it is pushed, branched or not needed.
void tend_reverts(Turn& turn, const AssignmentKey& key);

}  // namespace tidegate::engine
