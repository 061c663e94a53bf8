#pragma once
/// What agents of balancers are told of a route, and what they say of it. Told until each has the
/// newest revision, and anew over each link; what Git names no longer they forget.

#include <string>
#include <string_view>
#include <vector>

#include "reconciler/engine/turn.h"

namespace tidegate::engine {

/// What the agent last said of the route through that target of its; null = nothing, over no link
/// since the daemon's start.
[[nodiscard]] const RouteReport* report_of(const State& state, const AssignmentKey& key,
                                           const std::string& target, const std::string& agent);

/// What each router says of the route of now.
struct Routers {
    int in_force = 0;
    std::vector<std::string> late;  ///< there, or about to come back, and not in force
    std::vector<std::string> away;
    std::string error;  ///< of one that is late

    [[nodiscard]] bool all() const { return late.empty() && away.empty(); }
};
[[nodiscard]] Routers ask_routers(const State& state, const AssignmentKey& key, Lived now);
/// Enough of them to go on: under `offline: skip` one, and all that are there; else all.
[[nodiscard]] bool are_enough(const State& state, const AssignmentKey& key, const Routers& routers);
[[nodiscard]] Hold router_hold(const Routers& routers, std::string_view what);

/// That servers without weight still have there, as far as routers can tell.
[[nodiscard]] int sessions_in(const State& state, const Sides& sides, const std::string& slot);

/// To those that are there and lack the newest; looks again when others may be away for good.
void send_routes(Turn& turn, const Sides& sides);
/// To those that keep a route of it, and are no routers of it any more.
void forget_routes(Turn& turn, const AssignmentKey& key);
/// What a router's agent says of a route. One of an assignment that Git does not know is forgotten.
void keep_report(Turn& turn, const std::string& agent, const RouteReport& report);

}  // namespace tidegate::engine
