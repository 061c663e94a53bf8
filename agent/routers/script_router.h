#pragma once
/// Routes through a script of the project's, for balancers that Tidegate does not know. Exit code 0
/// says that the route is in force, and nothing can be read back: the script runs once for each
/// route, again after a failure and after a restart of the agent, never just to look. So it must be
/// repeatable: what it is told is the whole, not a step.

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "agent/routers/router.h"
#include "schema/base/result.h"

namespace tidegate::agent {

/// Runs the route's script to its end in that environment; an error says how it failed.
using RouteScript =
    std::function<Result<void>(const Route& route, std::map<std::string, std::string> environment,
                               const std::stop_token& stop)>;

[[nodiscard]] std::unique_ptr<Router> make_script_router(Route route, RouteScript script);

/// WEIGHT_NEW, WEIGHT_OLD, SLOT_NEW, SLOT_OLD, HEADER_NAME, HEADER_VALUE, over the route's own
/// variables. `invalid`: a name that no environment can have.
[[nodiscard]] Result<std::map<std::string, std::string>> route_environment(const Route& route);

}  // namespace tidegate::agent
