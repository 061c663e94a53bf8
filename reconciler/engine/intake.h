#pragma once
/// Takes an event's facts into the state and touches the assignments that it can concern. Decides
/// nothing about releases, but what an action's outcome means for its target.

#include "reconciler/engine/event.h"
#include "reconciler/engine/turn.h"

namespace tidegate::engine {

void take(Turn& turn, const ConfigChanged& event);
void take(Turn& turn, const GitHeld& event);
void take(Turn& turn, const AgentConnected& event);
/// What a restart of the agent interrupted goes on if it is wanted; it was admitted, so no gate is
/// asked again. Of what is not in the outbox nobody waits for the end.
void answer_suspended(Turn& turn, const AgentConnected& event);
void take(Turn& turn, const AgentDisconnected& event);
void take(Turn& turn, const AgentChanged& event);
void take(Turn& turn, const ActionUpdated& event);
void take(Turn& turn, const ActionFinished& event);
void take(Turn& turn, const AgentFenced& event);
void take(Turn& turn, const Answered& event);
void take(Turn& turn, const Woke& event);
void take(Turn& turn, const AgentRevoked& event);
void take(Turn& turn, const Unsent& event);
void take(Turn& turn, const RouteTold& event);

/// Parts used by more than one of them.

/// An outcome: the installation, the release's target, the outbox, the answer to the agent.
void settle(Turn& turn, const std::string& agent, const ActionResult& result);
/// What a restart of its agent interrupted is not to go on.
void cancel_suspended(Turn& turn, const std::string& agent, const std::string& action);
/// Takes an installation's record over, unless a newer one is known.
void observe(Turn& turn, const std::string& agent, const Installation& installation);

}  // namespace tidegate::engine
