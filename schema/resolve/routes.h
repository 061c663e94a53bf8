#pragma once
/// Routes of assignments with traffic in plain values: what the config repo says of the balancers,
/// its variables filled in. Pure.
///
/// A text has the variables of the repo (system, project and environment; a server's name its
/// target's, too) and the built-ins that no version and no release changes: APP_NAME, APP_ENV,
/// RELEASE_ENV, and for a server TARGET_NAME, TARGET_ID, TARGET_HOST, SLOT, OTHER_SLOT. A server
/// that the next version calls otherwise could not be taken out of traffic any more. What is secret
/// has no value here: routes are kept and shown as they are.

#include <string>
#include <string_view>
#include <vector>

#include "schema/base/result.h"
#include "schema/model/release.h"
#include "schema/model/route.h"
#include "schema/resolve/resolve.h"

namespace tidegate {

/// How the traffic of `sides` is to go through one of its routers. Names come from
/// `sides.traffic`, and from the variables of `definition`.
///
/// haproxy: a server for every target that is wished or in `sides.served`, in blue, in green, and,
/// where something without slots is served and `server_before` names it, in the slot "". Of other
/// strategies: in the slots that there are, without any in "", which is named by `server` (by
/// default the target's name alone). It has the weight of its slot if it is wished and served
/// there, else 0. Of a target that left Git the variables are not known any more: a server that
/// cannot be named without them is left out.
///
/// `slot_new` is the slot that is not live, while it has a share; else the live one.
///
/// script: the variables are those of the repo that have a value here (of type slot_specific: that
/// of `slot_new`), and of strategies without slots TARGETS_IN and TARGETS_OUT: names, joined by
/// commas.
/// Errors: invalid (no traffic, a name that is none, a secret), not_found (a variable).
[[nodiscard]] Result<Route> render_route(const Assignment& assignment, const Definition& definition,
                                         const Sides& sides, const std::string& router_target);

/// What is wrong with the traffic of a strategy, each with its place and what to do about it: a
/// deploy type without slots, what HAProxy or a strategy without slots cannot do, texts without a
/// value or that are no names, two sides or two targets with one server, routes that no message
/// holds.
struct RouteFindings {
    std::vector<Error> faults;         ///< of a text that many servers share the first
    std::vector<ServerClaim> servers;  ///< sorted; empty where the router names none
};
[[nodiscard]] RouteFindings check_routes(const Definition& definition,
                                         const std::vector<DesiredTarget>& targets,
                                         const Strategy& strategy);

/// What goes into commands on HAProxy's admin socket.
[[nodiscard]] bool is_haproxy_name(std::string_view name);

}  // namespace tidegate
