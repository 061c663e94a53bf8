#include "reconciler/engine/routers.h"

#include "reconciler/engine/facts.h"
#include "schema/base/limits.h"
#include "schema/resolve/routes.h"

namespace tidegate::engine {
namespace {

bool takes(const AgentState& agent, RouterType router) { return agent.routers.contains(router); }

void send_route(Turn& turn, const Sides& sides, const std::string& target, AgentState& agent,
                const std::string& name) {
    const auto& assignment = turn.state.assignments.at(sides.key);
    const auto* rules = rules_of(assignment);
    if (!rules || !sides.traffic || !takes(agent, sides.traffic->router)) return;
    auto& sent = agent.routes_sent[{sides.key, target}];
    const auto* report = report_of(turn.state, sides.key, target, name);
    if (sent >= sides.revision || (report && report->revision >= sides.revision)) return;
    auto route = render_route(*rules, *rules->definition, sides, target);
    if (!route) {
        // What it holds in force is still what it said last.
        auto& told = agent.routes[{sides.key, target}];
        told.key = sides.key;
        told.target = target;
        told.error = route.error().message;
        return;
    }
    sent = sides.revision;
    turn.send(name, SetRoute{turn.state.epoch, *std::move(route), false});
}

bool is_router(const AssignmentState& assignment, const std::string& target,
               const std::string& agent) {
    const auto is_in = [&](const std::map<std::string, std::string>& routers) {
        const auto found = routers.find(target);
        return found != routers.end() && found->second == agent;
    };
    return assignment.wish && (is_in(assignment.wish->routers) ||
                               (assignment.sides && is_in(assignment.sides->routers)));
}

void forget_route(Turn& turn, const std::string& agent, const RouteReport& report) {
    Route gone;
    gone.key = report.key;
    gone.target = report.target;
    gone.revision = report.revision;
    turn.send(agent, SetRoute{turn.state.epoch, std::move(gone), true});
}

}  // namespace

const RouteReport* report_of(const State& state, const AssignmentKey& key,
                             const std::string& target, const std::string& agent) {
    const auto known = state.agents.find(agent);
    if (known == state.agents.end()) return nullptr;
    const auto found = known->second.routes.find({key, target});
    return found == known->second.routes.end() ? nullptr : &found->second;
}

Routers ask_routers(const State& state, const AssignmentKey& key, Lived now) {
    Routers routers;
    const auto& sides = state.assignments.at(key).sides;
    if (!sides || !sides->traffic) return routers;
    for (const auto& [target, name] : sides->routers) {
        const auto agent = state.agents.find(name);
        const bool online = agent != state.agents.end() && agent->second.online;
        const auto* report = report_of(state, key, target, name);
        if (report && report->revision == sides->revision && report->in_force) {
            ++routers.in_force;
        } else if (!online && reach(state, name, now) != Reach::reconnecting) {
            routers.away.push_back(target);
        } else {
            routers.late.push_back(target);
            if (!online)
                routers.error = fmt::format("agent {} is about to come back", name);
            else if (!takes(agent->second, sides->traffic->router))
                routers.error = fmt::format(
                    "{}: agent {} takes no routes for {}: upgrade it, or allow "
                    "it under `routers` in its agent.yaml",
                    target, name, to_string(sides->traffic->router));
            else if (report && !report->error.empty() && routers.error.empty())
                routers.error = target + ": " + report->error;
        }
    }
    return routers;
}

bool are_enough(const State& state, const AssignmentKey& key, const Routers& routers) {
    if (routers.all()) return true;
    const auto* rules = rules_of(state.assignments.at(key));
    const bool wait = rules && rules->offline == Offline::wait;
    return !wait && routers.late.empty() && routers.in_force > 0;
}

Hold router_hold(const Routers& routers, std::string_view what) {
    auto reason = fmt::format("waits for {} {}",
                              some_of(routers.late.empty() ? routers.away : routers.late), what);
    if (routers.late.empty()) reason += ", whose agents are away";
    if (!routers.error.empty()) reason += "; " + routers.error;
    return {"router", std::move(reason), {}};
}

int sessions_in(const State& state, const Sides& sides, const std::string& slot) {
    int sessions = 0;
    for (const auto& [target, agent] : sides.routers) {
        const auto* report = report_of(state, sides.key, target, agent);
        if (!report) continue;
        const auto count = report->sessions.find(slot);
        if (count != report->sessions.end()) sessions += count->second;
    }
    return sessions;
}

void send_routes(Turn& turn, const Sides& sides) {
    for (const auto& [target, name] : sides.routers) {
        const auto agent = turn.state.agents.find(name);
        if (agent != turn.state.agents.end() && agent->second.online)
            send_route(turn, sides, target, agent->second, name);
        else if (reach(turn.state, name, turn.lived) == Reach::reconnecting)
            turn.wake(sides.key, grace_ends(turn.state, name));
    }
}

void forget_routes(Turn& turn, const AssignmentKey& key) {
    const auto& assignment = turn.state.assignments.at(key);
    for (const auto& [name, keys] : turn.state.by_router) {
        auto& agent = turn.state.agents[name];
        if (!agent.online || !keys.contains(key)) continue;
        for (auto it = agent.routes.lower_bound({key, ""});
             it != agent.routes.end() && it->first.first == key;) {
            if (is_router(assignment, it->first.second, name) || it->second.revision == 0) {
                ++it;
                continue;
            }
            forget_route(turn, name, it->second);
            agent.routes_sent.erase(it->first);
            it = agent.routes.erase(it);
        }
    }
}

void keep_report(Turn& turn, const std::string& name, const RouteReport& report) {
    auto& agent = turn.state.agents[name];
    if (turn.state.desired && !turn.state.assignments.contains(report.key)) {
        if (agent.online && !turn.state.fenced) forget_route(turn, name, report);
        return;
    }
    if (agent.routes.size() >= limits::kRoutesPerAgentMax &&
        !agent.routes.contains({report.key, report.target}))
        return;
    agent.routes.insert_or_assign({report.key, report.target}, report);
    turn.state.by_router[name].insert(report.key);
    if (turn.state.assignments.contains(report.key)) turn.touch(report.key);
}

}  // namespace tidegate::engine
