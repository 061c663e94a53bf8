#pragma once
/// What Git and the agents' journals tell a daemon that lost its store: last good states
/// and quarantines. Done once per assignment, before anything is started for it.

#include <optional>

#include "reconciler/engine/turn.h"

namespace tidegate::engine {

/// Why to wait; nullopt when everything is known.
[[nodiscard]] std::optional<Hold> recall(Turn& turn, const AssignmentKey& key);
/// Last good is known now (or there is none): quarantines follow.
void finish_recall(Turn& turn, const AssignmentKey& key);

}  // namespace tidegate::engine
