#pragma once
/// Targets that a release has deployed already, while it goes on with others.

#include <vector>

#include "reconciler/engine/turn.h"

namespace tidegate::engine {

/// One that its agent reports down or old has failed at the second such report, or when no better
/// one has come for as long as the agent takes to look again. Until then the returned holds keep
/// the release from going on. A link that is away says nothing.
[[nodiscard]] std::vector<Hold> watch_deployed(Turn& turn, Release& release);

}  // namespace tidegate::engine
