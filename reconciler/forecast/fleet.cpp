#include "reconciler/forecast/fleet.h"

#include <algorithm>

namespace tidegate::forecast {

Milliseconds Durations::of(const std::string& project, ActionKind kind) const {
    const auto found = learnt_.find({project, kind});
    return found == learnt_.end() ? Milliseconds{limits::kForecastDuration} : found->second;
}

Fleet::Fleet(std::vector<AgentNow> agents, Durations durations, std::vector<Failure> failures)
    : durations_{std::move(durations)}, failures_{std::move(failures)} {
    for (auto& agent : agents) {
        for (const auto& there : agent.installations) there_[{agent.name, there.key}] = there;
        auto name = agent.name;
        agents_.insert_or_assign(std::move(name), std::move(agent));
    }
}

std::vector<engine::AgentConnected> Fleet::hellos() const {
    std::vector<engine::AgentConnected> events;
    for (const auto& [name, agent] : agents_) {
        if (!agent.online) continue;
        auto& event = events.emplace_back();
        event.hello.agent = name;
        event.hello.boot_id = name;
        for (const auto capability : {kSecondLookCapability, kVerifyCapability, kSlotsCapability,
                                      kHaproxyCapability, kScriptRouterCapability})
            event.hello.capabilities.emplace_back(capability);
        event.inventory.installations = agent.installations;
        event.inventory.routes = agent.routes;
    }
    return events;
}

bool Fleet::fails(const std::string& target, const AssignmentKey& key, int step) const {
    return std::ranges::any_of(failures_, [&](const Failure& failure) {
        return failure.target == target && (!failure.step || *failure.step == step) &&
               (!failure.only || *failure.only == key);
    });
}

bool Fleet::fails(const Action& action) const {
    if (!goes_forward(action.kind) && action.kind != ActionKind::verify) return false;
    return fails(action.key.target, {action.environment, action.key.project}, action.step);
}

Fleet::Ending Fleet::begin(const Action& action) const {
    const bool fail = fails(action);
    const bool watches = action.kind == ActionKind::verify;
    Ending ending;
    // What fails while it is watched may do so at once: the sooner, the less has moved by then.
    ending.after = watches && !fail ? Milliseconds{action.watch_for}
                                    : durations_.of(action.key.project, action.kind);
    ending.result.id = action.id;
    ending.result.release = action.release;
    ending.result.step = action.step;
    ending.result.attempt = action.attempt;
    ending.result.kind = action.kind;
    ending.result.outcome = fail ? ActionOutcome::failed : ActionOutcome::done;
    if (fail) ending.result.error = "assumed to fail";
    return ending;
}

void Fleet::end(const std::string& agent, const Action& action, ActionResult& result) {
    auto& there = there_[{agent, action.key}];
    there.key = action.key;
    result.installation = there;
    if (action.kind == ActionKind::verify) return;
    const bool done = result.outcome == ActionOutcome::done;
    const bool gone = done && action.kind == ActionKind::uninstall;
    there.status = gone   ? InstallStatus::absent
                   : done ? InstallStatus::installed
                          : InstallStatus::failed;
    if (done) there.version = gone ? "" : action.version;
    there.tried_version = done ? "" : action.version;
    there.digest = action.digest;
    there.assignment_digest = action.assignment_digest;
    there.commit = action.commit;
    there.environment = action.environment;
    there.drifted = false;
    there.drift_reason.clear();
    there.last_good = action.last_good;
    there.rejected = action.rejected;
    there.report = ++report_;
    result.installation = there;
}

RouteReport Fleet::set(const Route& route, std::optional<int> step) const {
    RouteReport report;
    report.key = route.key;
    report.target = route.target;
    report.revision = route.revision;
    report.in_force = !step || !fails(route.target, route.key, *step);
    if (!report.in_force) {
        report.error = "assumed to fail";
        return report;
    }
    for (const auto& server : route.servers) {
        auto& weight = report.weights[server.slot];
        weight = std::max(weight, server.weight);
    }
    return report;
}

}  // namespace tidegate::forecast
