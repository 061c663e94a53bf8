#include "agent/machine/routes.h"

#include <fmt/core.h>

#include "schema/base/limits.h"

namespace tidegate::machine {
namespace {

/// Nobody has looked yet.
RouteReport blank_report(const Route& route) {
    RouteReport report;
    report.key = route.key;
    report.target = route.target;
    report.revision = route.revision;
    return report;
}

bool takes_place_of(const Route& route, const Route& kept) {
    return route.revision > kept.revision || (route.revision == kept.revision && route != kept);
}

}  // namespace

RouteId id_of(const Route& route) { return {route.key, route.target}; }

Routes::Routes(std::vector<Route> kept) {
    for (auto& route : kept) keep(std::move(route));
}

Routes::Kept& Routes::keep(Route route) {
    auto& kept = kept_[id_of(route)];
    kept = {std::move(route), ++tickets_, {}};
    kept.report = blank_report(kept.route);
    return kept;
}

std::vector<ApplyRoute> Routes::boot() const {
    std::vector<ApplyRoute> out;
    for (const auto& [id, kept] : kept_) out.push_back({kept.route, kept.ticket});
    return out;
}

RouteEffects Routes::set(const SetRouteCommand& command) {
    const auto& route = command.route;
    if (command.forget) return forget(id_of(route));
    const auto known = kept_.find(id_of(route));
    if (known != kept_.end() && !takes_place_of(route, known->second.route))
        return {ReportRoute{known->second.report}};
    if (!command.unreadable.empty()) return refuse(route, command.unreadable);
    if (known == kept_.end() && kept_.size() >= limits::kRoutesPerAgentMax)
        return refuse(route,
                      fmt::format("the agent keeps {} routes already", limits::kRoutesPerAgentMax));
    const auto& kept = keep(route);
    return {JournalRoute{kept.route, kept.ticket}};
}

RouteEffects Routes::forget(const RouteId& id) {
    if (kept_.erase(id) == 0) return {};
    return {JournalForgetRoute{id}, DropRoute{id}};
}

RouteEffects Routes::refuse(const Route& route, std::string why) {
    auto report = blank_report(route);
    report.error = why;
    if (const auto known = kept_.find(id_of(route)); known != kept_.end()) {
        auto& kept = known->second;
        report.weights = kept.report.weights;
        report.sessions = kept.report.sessions;
        kept.report = report;
        kept.refused.emplace(route.revision, std::move(why));
    }
    return {ReportRoute{std::move(report)}};
}

RouteEffects Routes::unkept(const RouteUnkept& input) {
    const auto known = kept_.find(input.id);
    if (known == kept_.end() || known->second.ticket != input.ticket) return {};
    known->second.unkept = input.why;
    return {ApplyRoute{known->second.route, input.ticket}};
}

RouteEffects Routes::durable(const RouteDurable& input) {
    const auto known = kept_.find(input.id);
    if (known == kept_.end() || known->second.ticket != input.ticket) return {};
    known->second.unkept.clear();
    return {ApplyRoute{known->second.route, input.ticket}};
}

RouteEffects Routes::looked(const RouteLooked& input) {
    const auto known = kept_.find({input.report.key, input.report.target});
    if (known == kept_.end() || known->second.ticket != input.ticket) return {};
    auto& kept = known->second;
    auto report = input.report;
    report.revision = kept.route.revision;
    if (kept.refused) {
        report.in_force = false;
        std::tie(report.revision, report.error) = *kept.refused;
    }
    if (!kept.unkept.empty() && report.in_force) {
        report.in_force = false;
        report.error = "it is set, but a restart of the agent would forget it: " + kept.unkept;
    }
    if (std::exchange(kept.told, true) && report == kept.report) return {};
    kept.report = report;
    return {ReportRoute{std::move(report)}};
}

std::vector<RouteReport> Routes::reports() const {
    std::vector<RouteReport> all;
    for (const auto& [id, kept] : kept_) all.push_back(kept.report);
    return all;
}

}  // namespace tidegate::machine
