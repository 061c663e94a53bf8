#pragma once
/// One look at one assignment: everything that can go on now goes on.

#include "reconciler/engine/turn.h"

namespace tidegate::engine {

/// When it may be looked at. A look costs as much as the assignment has targets, so that of many
/// outcomes within kLookPause only the first and, at its end, all others together are looked at;
/// what they report is taken in and persisted at once. Small ones are looked at on every event.
[[nodiscard]] Timestamp next_look(const State& state, const AssignmentKey& key, Timestamp now);

void look(Turn& turn, const AssignmentKey& key);

/// Asks for definitions that are needed and not loaded; forgets those that are not needed.
void load_definitions(Turn& turn, const AssignmentKey& key);

/// The Git side of rollbacks: one revert per release, until it is pushed, branched or not needed.
void tend_reverts(Turn& turn, const AssignmentKey& key);
/// It is pushed, branched or not needed; `note` says where, or why.
void finish_revert(Turn& turn, Release& release, RevertState how, std::string note);
/// Unless one is being made or pushed: whose turn it is, or will be. However many wait, only that
/// one is looked at.
void touch_next_revert(Turn& turn);

}  // namespace tidegate::engine
