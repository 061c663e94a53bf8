#pragma once
/// Which path is answered by what, and what to do instead of writing to it. Free of sockets and of
/// the HTTP library, so that tests ask it directly. Internal to this folder.
///
/// To add a route: a function of type Route::Handler, a row in routes.cpp, a path in openapi.json.

#include <span>
#include <string_view>
#include <vector>

#include "reconciler/status/answer.h"

namespace tidegate::status {

/// What a route's function is given. `names` are the values of the `:name` parts of its pattern.
struct Call {
    const Request& request;
    const StatusSnapshot& snapshot;
    const Services& services;
    std::vector<std::string> names;
};

struct Route {
    using Handler = Answer (*)(const Call& call);
    std::string_view pattern;  ///< `/api/release/deploys/:id`
    std::string_view change;   ///< the commit or command that changes what is shown here
    Handler handler;
};

[[nodiscard]] std::span<const Route> routes();

/// Finds the route and asks it; 404, 405, ETag and If-None-Match (304) are handled here.
/// `snapshot` may be null: nothing is known yet.
[[nodiscard]] Answer answer(const Request& request, const StatusSnapshot* snapshot,
                            const Services& services);

[[nodiscard]] Answer not_found(std::string_view message);
[[nodiscard]] Answer bad_request(const Error& error);

// Grouped by file; one line each in the table of routes.cpp.
Answer show_healthz(const Call& call);
Answer show_readyz(const Call& call);
Answer show_metrics(const Call& call);
Answer show_openapi(const Call& call);
Answer show_page(const Call& call);
Answer show_config(const Call& call);
Answer list_assignments(const Call& call);
Answer watch_assignments(const Call& call);

Answer list_projects(const Call& call);
Answer show_project(const Call& call);
Answer list_project_environments(const Call& call);
Answer list_project_pipelines(const Call& call);
Answer list_project_variables(const Call& call);
Answer list_project_artifacts(const Call& call);
Answer list_project_dependencies(const Call& call);
Answer show_dependency_graph(const Call& call);

Answer list_environments(const Call& call);
Answer show_environment(const Call& call);
Answer list_environment_targets(const Call& call);
Answer list_environment_variables(const Call& call);
Answer show_environment_window(const Call& call);
Answer show_target_status(const Call& call);
Answer list_approvals(const Call& call);
Answer show_approval(const Call& call);

Answer list_deploys(const Call& call);
Answer show_deploy(const Call& call);
Answer show_deploy_status(const Call& call);
Answer show_deploy_logs(const Call& call);
Answer show_deploy_analytics(const Call& call);
Answer watch_deploy(const Call& call);

}  // namespace tidegate::status
