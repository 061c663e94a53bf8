#pragma once
/// Traffic between the sides of an assignment, as daemon and routers' agents speak of it. A route
/// is desired state, no event: the agent keeps the newest in its journal, sets it, looks again and
/// sets it once more, and says when it is in force. It never carries what is secret.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "schema/base/time.h"
#include "schema/model/names.h"
#include "schema/model/rules.h"

namespace tidegate {

/// One server of a balancer: what stands on one target in one slot.
struct RouteServer {
    std::string name;    ///< expanded, as the balancer knows it
    std::string target;  ///< that it is on
    std::string slot;    ///< empty: what was installed without slots
    int weight = 0;      ///< 0..100, absolute; 0: it gets nothing, and need not be there

    friend bool operator==(const RouteServer&, const RouteServer&) = default;
};

/// How the traffic of one assignment is to go, through one router target's agent.
struct Route {
    AssignmentKey key;
    std::string target;          ///< the router target: its agent acts
    std::uint64_t revision = 0;  ///< rises with every change of the assignment's route
    RouterType router = RouterType::haproxy;
    std::vector<RouteServer> servers;  ///< of both sides; the script router needs none of them
    /// The side that is to have it all, and its share by now; the other has the rest, or nobody
    /// (`slot_old` says which it is; both may be empty).
    std::string slot_new;
    std::string slot_old;
    int weight_new = 0;
    int weight_old = 0;
    // haproxy
    std::string socket;
    std::string backend;
    std::string state_file;
    // script
    std::string route_script;
    std::string interpreter;
    Seconds timeout{60};
    std::string header_name;
    std::string header_value;
    std::map<std::string, std::string> variables;  ///< expanded, for the script's environment

    friend bool operator==(const Route&, const Route&) = default;
};

/// What a router's agent says of one route.
struct RouteReport {
    AssignmentKey key;
    std::string target;          ///< the router target
    std::uint64_t revision = 0;  ///< of the newest route that it got
    bool in_force = false;       ///< that one was set, and read back so, at its last look
    std::string error;           ///< why not; one line
    /// As it was read back, by slot: the greatest weight of its servers. Empty: it cannot tell.
    std::map<std::string, int> weights;
    /// Sessions that servers of weight 0 still have, by slot. Empty: it cannot tell.
    std::map<std::string, int> sessions;

    friend bool operator==(const RouteReport&, const RouteReport&) = default;
};

/// Among an agent's capabilities: it takes routes for that router.
inline constexpr std::string_view kHaproxyCapability = "router.haproxy";
inline constexpr std::string_view kScriptRouterCapability = "router.script";

}  // namespace tidegate
