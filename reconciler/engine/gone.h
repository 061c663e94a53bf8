#pragma once
/// Assignments that left Git. With an environment for each merge request there is no end of them,
/// so that of those of which nothing is expected any more only the newest are remembered.

#include "reconciler/engine/turn.h"

namespace tidegate::engine {

/// At the end of a look: whether it is one of them.
void note_gone(State& state, const AssignmentKey& key);

/// Beyond kGoneAssignmentsKept the oldest go, with all their rows. One that comes back is met as
/// after a lost store (recall.h): by a newer intent, so that its releases have other ids. Only a
/// branch that was forced back brings the same intent; what agents then answer from their journals
/// is older than what they reported since, and is taken for what it is.
void forget_gone(Turn& turn);

}  // namespace tidegate::engine
