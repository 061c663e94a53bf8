#include "reconciler/status/routes.h"

#include <algorithm>
#include <array>

#include "reconciler/status/lists.h"
#include "schema/base/digest.h"

namespace tidegate::status {
namespace {

// Whole commands, so that a test can look each of them up.
constexpr std::string_view kVersionFile =
    "set version, paused, retry, promote or pins in versions/<environment>/<project>.yaml of the "
    "config repo and push; tidegate rollback, tidegate pause, tidegate resume, tidegate retry, "
    "tidegate promote and tidegate pin write such commits";
constexpr std::string_view kProjectFile = "change projects/<project>.yaml and push";
constexpr std::string_view kEnvironmentFile = "change environments/<environment>.yaml and push";
constexpr std::string_view kWindowFile =
    "change windows/<name>.yaml, or release_window in environments/<environment>.yaml, and push";
constexpr std::string_view kTargets =
    "change targets in environments/<environment>.yaml and push; tidegate enroll admits an agent, "
    "tidegate agents revoke shuts it out";
constexpr std::string_view kApprovals =
    "add to approvals in approvals/<environment>/<project>.yaml of the config repo and push";
constexpr std::string_view kConfig =
    "push to the config repo; tidegate accept takes a tip that was held";
constexpr std::string_view kNothing = "this shows the daemon; the config repo is where to change";

constexpr std::array kRoutes{
    Route{"/", kVersionFile, show_page},
    Route{"/healthz", kNothing, show_healthz},
    Route{"/readyz", kNothing, show_readyz},
    Route{"/metrics", kNothing, show_metrics},
    Route{"/openapi.json", kNothing, show_openapi},
    Route{"/api/release/config", kConfig, show_config},
    Route{"/api/release/assignments", kVersionFile, list_assignments},
    Route{"/api/release/assignments/watch", kVersionFile, watch_assignments},
    Route{"/api/release/projects", kProjectFile, list_projects},
    Route{"/api/release/projects/:name", kProjectFile, show_project},
    Route{"/api/release/projects/:name/environments", kVersionFile, list_project_environments},
    Route{"/api/release/projects/:name/pipelines", kProjectFile, list_project_pipelines},
    Route{"/api/release/projects/:name/variables", kProjectFile, list_project_variables},
    Route{"/api/release/projects/:name/artifacts", kVersionFile, list_project_artifacts},
    Route{"/api/release/projects/:name/dependencies", kProjectFile, list_project_dependencies},
    Route{"/api/release/projects/:name/dependency-graph", kProjectFile, show_dependency_graph},
    Route{"/api/release/environments", kEnvironmentFile, list_environments},
    Route{"/api/release/environments/:env", kEnvironmentFile, show_environment},
    Route{"/api/release/environments/:env/targets", kTargets, list_environment_targets},
    Route{"/api/release/environments/:env/variables", kEnvironmentFile, list_environment_variables},
    Route{"/api/release/environments/:env/window", kWindowFile, show_environment_window},
    Route{"/api/release/targets/:name/status", kTargets, show_target_status},
    Route{"/api/release/deploys", kVersionFile, list_deploys},
    Route{"/api/release/deploys/:id", kVersionFile, show_deploy},
    Route{"/api/release/deploys/:id/status", kVersionFile, show_deploy_status},
    Route{"/api/release/deploys/:id/logs", kVersionFile, show_deploy_logs},
    Route{"/api/release/deploys/:id/analytics", kVersionFile, show_deploy_analytics},
    Route{"/api/release/deploys/:id/watch", kVersionFile, watch_deploy},
    Route{"/api/release/approvals", kApprovals, list_approvals},
    Route{"/api/release/approvals/:id", kApprovals, show_approval},
};

/// The part up to the next slash, taken off `path`.
std::string_view next_part(std::string_view& path) {
    const auto part = path.substr(0, path.find('/'));
    path.remove_prefix(part.size() == path.size() ? part.size() : part.size() + 1);
    return part;
}

/// The values of the pattern's names, if the path fits it.
std::optional<std::vector<std::string>> match(std::string_view pattern, std::string_view path) {
    if (std::ranges::count(pattern, '/') != std::ranges::count(path, '/')) return std::nullopt;
    std::vector<std::string> names;
    while (!pattern.empty()) {
        const auto wanted = next_part(pattern);
        const auto got = next_part(path);
        const bool is_name = wanted.starts_with(':');
        if (is_name ? got.empty() : wanted != got) return std::nullopt;
        if (is_name) names.emplace_back(got);
    }
    if (!path.empty()) return std::nullopt;
    return names;
}

struct Found {
    const Route* route = nullptr;
    std::vector<std::string> names;
};
/// Fixed parts win over names: `/assignments/watch` stands before `/assignments/:x` would.
Found find_route(std::string_view path) {
    for (const auto& route : kRoutes)
        if (auto names = match(route.pattern, path)) return {&route, *std::move(names)};
    return {};
}

Answer method_not_allowed(const Route* route) {
    auto answer = error_answer(405, "method_not_allowed",
                               fmt::format("this endpoint only shows; to change something: {}",
                                           route != nullptr ? route->change : kVersionFile));
    answer.fields.emplace_back("Allow", "GET, HEAD");
    return answer;
}

/// An ETag of the content, so that a snapshot that changed elsewhere still answers 304.
void tag(const Request& request, Answer& answer) {
    const auto etag = fmt::format("\"{}\"", Digest::of(answer.body).hex().substr(0, 32));
    answer.fields.emplace_back("ETag", etag);
    const auto& known = request.if_none_match;
    if (known != "*" && known.find(etag) == std::string::npos) return;
    answer.status = 304;
    answer.body.clear();
}

}  // namespace

std::span<const Route> routes() { return kRoutes; }

Answer error_answer(int status, std::string_view code, std::string_view message) {
    Answer answer;
    answer.status = status;
    answer.body = print({{"error", {{"code", code}, {"message", message}}}});
    return answer;
}

Answer not_found(std::string_view message) { return error_answer(404, "not_found", message); }

Answer bad_request(const Error& error) { return error_answer(400, "invalid", error.message); }

Answer answer(const Request& request, const StatusSnapshot* snapshot, const Services& services) {
    static const StatusSnapshot kNothingKnown;
    auto found = find_route(request.path);
    if (request.method != "GET" && request.method != "HEAD") return method_not_allowed(found.route);
    if (found.route == nullptr) return not_found("no such path; see /openapi.json");
    const auto& shown = snapshot != nullptr ? *snapshot : kNothingKnown;
    auto result = found.route->handler({request, shown, services, std::move(found.names)});
    result.fields.emplace_back("Cache-Control", "no-cache");
    if (result.status == 200 && !result.watch) tag(request, result);
    return result;
}

}  // namespace tidegate::status
