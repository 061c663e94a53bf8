#pragma once
/// What can happen to the engine. An event says what is known now and "look again"; the engine
/// decides from its whole state, so a lost or doubled event costs nothing but time.

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "reconciler/engine/question.h"
#include "schema/model/agent.h"
#include "schema/model/assignment.h"
#include "schema/model/release.h"

namespace tidegate::engine {

/// A commit was accepted (or the same one was resolved anew): the whole desired state in force.
struct ConfigChanged {
    std::shared_ptr<const Desired> desired;
};

/// The tip does not descend from the accepted commit: nothing but restores moves while `held`
/// (design, section 4.1). Sent again with `held` false once it does, or was accepted.
struct GitHeld {
    bool held = false;
    std::string tip;
    std::string reason;
};

/// Hello and the whole inventory have come: from now on its targets may be sent to. Unacknowledged
/// journal outcomes are in the inventory. A second one of the same agent replaces the first.
struct AgentConnected {
    Hello hello;
    Inventory inventory;
};
/// The agent has no connection any more, or has said that it is about to end it: outcomes may still
/// come. Never sent for a connection that a newer one replaced.
struct AgentDisconnected {
    std::string agent;
};
/// A Run was not sent: what it waited for took so long that it may not leave any more (leave).
struct Unsent {
    std::string agent;
    std::string action;
    bool resumes = false;  ///< as the Run
};
/// It was shut out: it does not come back before it is enrolled anew.
struct AgentRevoked {
    std::string agent;
};
/// Changes of single installations after the inventory.
struct AgentChanged {
    std::string agent;
    std::vector<Installation> installations;
};
/// Progress; shown, never decides.
struct ActionUpdated {
    std::string agent;
    ActionUpdate update;
};
/// The agent's journal holds this outcome. Answered with AckResults once it is durable here.
struct ActionFinished {
    std::string agent;
    ActionResult result;
};
/// An agent refused this daemon's epoch: a newer daemon speaks. Nothing is dispatched any more.
struct AgentFenced {
    std::string agent;
    std::uint64_t epoch = 0;  ///< the higher one it has seen
};

/// What a router's agent says of a route that it keeps.
struct RouteTold {
    std::string agent;
    RouteReport report;
};

/// The time of the last WakeAt has come. Early or doubled ones do no harm.
struct Woke {};

using Event = std::variant<ConfigChanged, GitHeld, AgentConnected, AgentDisconnected, AgentChanged,
                           ActionUpdated, ActionFinished, AgentFenced, Answered, Woke, AgentRevoked,
                           Unsent, RouteTold>;

}  // namespace tidegate::engine
