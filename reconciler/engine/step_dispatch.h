#pragma once
/// What of a step may move now: within its budget, and as far as the agents have room.

#include "reconciler/engine/turn.h"

namespace tidegate::engine {

/// Dispatches what waits in the step, in its order; the gates were asked just before. Returns the
/// holds of what could not be dispatched.
[[nodiscard]] std::vector<Hold> dispatch_waiting(Turn& turn, Release& release, Step& step,
                                                 const DeployWork& work);

}  // namespace tidegate::engine
