#include "reconciler/engine/drain.h"

#include <algorithm>
#include <utility>

#include "reconciler/engine/dispatch.h"
#include "reconciler/engine/facts.h"
#include "reconciler/engine/sides.h"

namespace tidegate::engine {
namespace {

/// What it does, it does to what serves.
bool is_in_place(const State& state, const Release& release) {
    return drains_first(state, release.key) && release.slot == live_slot(state, release.key);
}

/// Of the whole release, or of a target that it goes on without.
bool is_way_back(const Release& release, const std::string& target) {
    const auto progress = release.targets.find(target);
    return release.status == ReleaseStatus::rolling_back || is_final(release.status) ||
           (progress != release.targets.end() && progress->second.let_go);
}

/// Then it waits for nobody any more.
Lived way_back_ends(const State& state, const Release& release, Lived since) {
    const auto& wish = *state.assignments.at(release.key).wish;
    const auto end = since + wish.strategy.switch_timeout;
    const bool rolls = release.status == ReleaseStatus::rolling_back;
    return rolls && release.all_back_at ? std::min<Lived>(end, *release.all_back_at) : end;
}

bool is_in_flight(const State& state, const AssignmentKey& key, const std::string& target) {
    return state.outbox_by_key.contains(key_of(key, target));
}

bool is_installed(const State& state, const AssignmentKey& key, const DesiredTarget& target) {
    const auto* seen = seen_on(state, key, target);
    return seen && seen->status == InstallStatus::installed;
}

bool is_served(const Sides& sides, const std::string& target) {
    const auto served = sides.served.find(sides.live);
    return served != sides.served.end() && served->second.contains(target);
}

/// Its route is on its way, by which it gets requests again.
bool is_returning(const Sides& sides, const std::string& target) {
    return sides.out.contains(target) && is_served(sides, target);
}

bool serves(const Turn& turn, const AssignmentState& assignment, const DesiredTarget& target) {
    const auto& sides = *assignment.sides;
    return is_served(sides, target.name) && !sides.out.contains(target.name) &&
           !assignment.drains.leaving.contains(target.name) &&
           is_installed(turn.state, sides.key, target) &&
           reach(turn.state, target.agent, turn.lived) != Reach::offline;
}

int count_serving(const Turn& turn, const AssignmentState& assignment) {
    return static_cast<int>(std::ranges::count_if(
        assignment.wish->targets,
        [&](const DesiredTarget& target) { return serves(turn, assignment, target); }));
}

/// Others get nothing for now, and will again by themselves.
bool others_come_back(const Turn& turn, const AssignmentState& assignment,
                      const std::string& name) {
    const auto& state = turn.state;
    const auto& key = assignment.sides->key;
    return std::ranges::any_of(assignment.wish->targets, [&](const DesiredTarget& target) {
        return target.name != name &&
               (is_in_flight(state, key, target.name) ||
                assignment.drains.leaving.contains(target.name) ||
                (assignment.sides->out.contains(target.name) && is_installed(state, key, target) &&
                 reach(state, target.agent, turn.lived) != Reach::offline));
    });
}

/// Nobody would be left, though others could take its traffic soon.
bool is_last(Turn& turn, AssignmentState& assignment, const DesiredTarget& target) {
    auto& serving = assignment.drains.serving;
    if (!serving) serving = count_serving(turn, assignment);
    return *serving == 1 && serves(turn, assignment, target) &&
           others_come_back(turn, assignment, target.name);
}

void go_out(Turn& turn, AssignmentState& assignment, const std::string& name) {
    const auto* target = wished_target(assignment, name);
    if (is_returning(*assignment.sides, name)) {  // balancers may never find it ready
        assignment.drains.leaving.insert(name);
        return;
    }
    if (!target || is_last(turn, assignment, *target)) return;
    if (!are_enough(turn.state, assignment.sides->key,
                    ask_routers(turn.state, assignment.sides->key, turn.lived)))
        return;
    if (serves(turn, assignment, *target)) --*assignment.drains.serving;
    assignment.drains.leaving.insert(name);
}

/// At weight 0, and nobody is served there any more.
bool is_drained(Turn& turn, const AssignmentState& assignment, const std::string& name) {
    const auto at_zero = assignment.drains.at_zero.find(name);
    if (at_zero == assignment.drains.at_zero.end()) return false;
    const auto& sides = *assignment.sides;
    const auto end = at_zero->second + sides.traffic->drain_timeout;
    if (turn.lived >= end || sessions_in(turn.state, sides, sides.live) == 0) return true;
    turn.wake(sides.key, end);
    return false;
}

enum class Standing {
    stays_out,
    serves,
    is_gone,   ///< nothing is there
    has_left,  ///< Git: it is in the route until routers send nothing there (sides.h)
};

/// Of one that is out, when nobody asks for it.
Standing standing_of(Turn& turn, const AssignmentKey& key, const std::string& name) {
    const auto& assignment = turn.state.assignments.at(key);
    const auto* target = wished_target(assignment, name);
    if (is_in_flight(turn.state, key, name)) return Standing::stays_out;
    if (!target) return Standing::has_left;
    const auto reached = reach(turn.state, target->agent, turn.lived);
    if (reached == Reach::reconnecting) {
        turn.wake(key, grace_ends(turn.state, target->agent));
        return is_returning(*assignment.sides, name) ? Standing::serves : Standing::stays_out;
    }
    // A balancer finds nobody there, and refuses the whole route.
    if (reached == Reach::offline) return Standing::stays_out;
    const auto* seen = seen_on(turn.state, key, *target);
    if (!seen || seen->status == InstallStatus::absent) return Standing::is_gone;
    return seen->status == InstallStatus::installed ? Standing::serves : Standing::stays_out;
}

/// Not for what is done beside what serves.
std::set<std::string> changed_in_place(const State& state, const AssignmentState& assignment) {
    std::set<std::string> names;
    if (!drains_first(state, assignment.sides->key)) return names;
    for (const auto& id : assignment.in_flight)
        if (const auto& action = state.outbox.at(id).action;
            action.key.slot == assignment.sides->live)
            names.insert(action.key.target);
    return names;
}

/// By what is on its way, what was asked for, and what is well.
Sides sides_of_now(Turn& turn, const AssignmentState& assignment) {
    const auto& drains = assignment.drains;
    auto sides = *assignment.sides;
    auto out = changed_in_place(turn.state, assignment);
    out.insert(drains.leaving.begin(), drains.leaving.end());
    auto& served = sides.served[sides.live];
    for (const auto& name : out)
        if (wished_target(assignment, name)) served.erase(name);
    for (const auto& name : sides.out) {
        if (out.contains(name)) continue;
        const auto standing =
            drains.asked.contains(name) ? Standing::stays_out : standing_of(turn, sides.key, name);
        if (standing == Standing::serves || standing == Standing::has_left)
            served.insert(name);
        else if (wished_target(assignment, name))
            served.erase(name);
        if (standing == Standing::serves || standing == Standing::stays_out) out.insert(name);
    }
    sides.out = std::move(out);
    return sides;
}

void forget_those_in_service(Drains& drains, const Sides& sides) {
    std::erase_if(drains.since, [&](const auto& each) {
        return !sides.out.contains(each.first) && !drains.asked.contains(each.first);
    });
    std::erase_if(drains.at_zero, [&](const auto& each) {
        return !sides.out.contains(each.first) || is_served(sides, each.first);
    });
}

/// Who waits for what.
struct Waiting {
    std::vector<std::string> to_go;     ///< for balancers to send nothing there
    std::vector<std::string> to_serve;  ///< to send there again
    std::vector<std::string> in_turn;   ///< for others to be back
    std::optional<Lived> drained;       ///< for sessions, at the latest
};
Waiting waiting_for(const State& state, const AssignmentState& assignment) {
    const auto& sides = *assignment.sides;
    const auto& drains = assignment.drains;
    Waiting waiting;
    for (const auto& name : sides.out)
        if (is_served(sides, name)) waiting.to_serve.push_back(name);
    for (const auto& name : drains.asked) {
        if (is_in_flight(state, sides.key, name)) continue;
        const auto at_zero = drains.at_zero.find(name);
        if (at_zero == drains.at_zero.end())
            (sides.out.contains(name) ? waiting.to_go : waiting.in_turn).push_back(name);
        else
            waiting.drained =
                std::max(waiting.drained,
                         std::optional<Lived>(at_zero->second + sides.traffic->drain_timeout));
    }
    return waiting;
}

void add_drain_holds(Turn& turn, const AssignmentState& assignment) {
    const auto& sides = *assignment.sides;
    const auto waiting = waiting_for(turn.state, assignment);
    const auto routers = ask_routers(turn.state, sides.key, turn.lived);
    std::vector<Hold> holds;
    if (!are_enough(turn.state, sides.key, routers)) {
        if (!waiting.to_go.empty())
            holds.push_back(router_hold(routers, fmt::format("to send nothing to {} before it is "
                                                             "changed",
                                                             some_of(waiting.to_go))));
        if (!waiting.to_serve.empty())
            holds.push_back(router_hold(
                routers, fmt::format("to send requests to {} again", some_of(waiting.to_serve))));
        if (holds.empty() && !waiting.in_turn.empty())
            holds.push_back(router_hold(routers, "to have the route of now in force"));
    } else if (!waiting.in_turn.empty()) {
        holds.push_back({"drain",
                         fmt::format("{} waits until others serve again", some_of(waiting.in_turn)),
                         {}});
    }
    if (const int sessions = sessions_in(turn.state, sides, sides.live);
        waiting.drained && sessions > 0)
        holds.push_back({"drain",
                         fmt::format("what is about to be changed still has {} sessions", sessions),
                         turn.wall(*waiting.drained)});
    add_holds(turn, sides.key, holds);
}

}  // namespace

bool drains_first(const State& state, const AssignmentKey& key) {
    const auto found = state.assignments.find(key);
    if (found == state.assignments.end() || !found->second.wish) return false;
    const auto& strategy = found->second.wish->strategy;
    return strategy.traffic && strategy.type != StrategyType::blue_green;
}

bool leave_service(Turn& turn, const Release& release, const std::string& target) {
    if (!is_in_place(turn.state, release)) return true;
    auto& assignment = turn.state.assignments.at(release.key);
    if (!assignment.sides) begin_in_place(turn, release.key);  // a lost store was recalled just now
    if (!assignment.sides || !assignment.sides->traffic) {
        if (is_way_back(release, target)) return true;
        add_holds(turn, release.key, {{"offline", "waits for agents to say what serves", {}}});
        return false;
    }
    auto& drains = assignment.drains;
    const auto since = drains.since.try_emplace(target, turn.lived).first->second;
    drains.asked.insert(target);
    const auto& sides = *assignment.sides;
    if (!sides.out.contains(target) || is_served(sides, target))
        go_out(turn, assignment, target);
    else if (is_drained(turn, assignment, target))
        return true;
    if (!is_way_back(release, target)) return false;
    const auto end = way_back_ends(turn.state, release, since);
    if (turn.lived >= end) return true;
    turn.wake(release.key, end);
    return false;
}

std::set<std::string> out_of_service(const State& state, const AssignmentKey& key, Lived now) {
    std::set<std::string> names;
    const auto& assignment = state.assignments.at(key);
    if (!assignment.sides || !drains_first(state, key)) return names;
    for (const auto& name : assignment.sides->out) {
        const auto* target = wished_target(assignment, name);
        if (target && (assignment.wish->offline == Offline::wait ||
                       reach(state, key, *target, now) != Reach::offline))
            names.insert(name);
    }
    return names;
}

std::optional<Hold> overdue_hold(Turn& turn, const Release& release) {
    auto& assignment = turn.state.assignments.at(release.key);
    auto& drains = assignment.drains;
    if (!drains.late_since) return std::nullopt;
    const auto end = *drains.late_since + assignment.wish->strategy.switch_timeout;
    if (turn.lived < end) {
        turn.wake(release.key, end);
        return std::nullopt;
    }
    const auto routers = ask_routers(turn.state, release.key, turn.lived);
    auto hold = router_hold(routers, "to have the route of now in force");
    if (!std::exchange(drains.told, true))
        turn.notify(NoticeKind::router_away, release.key, release.id,
                    fmt::format("{}: {}", release.key.text(), hold.reason));
    return hold;
}

bool are_ready(const Walk& walk, const DeployWork& work) {
    auto& [turn, release, step, substitutes] = walk;
    const auto& assignment = turn.state.assignments.at(release.key);
    if (!is_in_place(turn.state, release) || !assignment.sides || !assignment.sides->traffic)
        return true;
    const auto& sides = *assignment.sides;
    const bool any_out = std::ranges::any_of(work.targets, [&](const std::string& name) {
        const auto* target = wished_target(assignment, name);
        return sides.out.contains(name) && target &&
               release.targets.at(name).status == TargetStatus::success &&
               reach(turn.state, target->agent, turn.lived) != Reach::offline &&
               is_installed(turn.state, release.key, *target);
    });
    if (!any_out) {
        resume(walk);
        return true;
    }
    if (auto hold = overdue_hold(turn, release)) pause(walk, {*std::move(hold)}, true);
    return false;
}

bool is_under_way(const State& state, const AssignmentKey& key) {
    const auto& assignment = state.assignments.at(key);
    if (!assignment.sides || !drains_first(state, key)) return false;
    const auto& sides = *assignment.sides;
    return !assignment.drains.asked.empty() ||
           std::ranges::any_of(sides.out, [&](const auto& name) { return is_served(sides, name); });
}

void note_drained(Turn& turn, const AssignmentKey& key) {
    auto& assignment = turn.state.assignments.at(key);
    auto& drains = assignment.drains;
    if (!are_enough(turn.state, key, ask_routers(turn.state, key, turn.lived))) {
        if (!drains.late_since) drains.late_since = turn.lived;
        return;
    }
    drains.late_since.reset();
    drains.told = false;
    auto sides = *assignment.sides;
    std::erase_if(sides.out, [&](const std::string& name) { return is_served(sides, name); });
    for (const auto& name : sides.out) drains.at_zero.try_emplace(name, turn.lived);
    if (sides.out.size() != assignment.sides->out.size()) turn.put(sides);
}

void settle_drains(Turn& turn, const AssignmentKey& key) {
    auto& assignment = turn.state.assignments.at(key);
    auto& drains = assignment.drains;
    const auto& sides = assignment.sides;
    const bool any = sides && sides->traffic && assignment.wish && !turn.state.fenced;
    if (any && (drains_first(turn.state, key) || !sides->out.empty())) {
        auto now = sides_of_now(turn, assignment);
        if (now.served != sides->served) {
            change_route(turn, std::move(now));
            send_routes(turn, *sides);
        } else if (now.out != sides->out) {
            turn.put(now);
            turn.touch(key);
        }
        forget_those_in_service(drains, *sides);
        note_drained(turn, key);
        add_drain_holds(turn, assignment);
    }
    drains.asked.clear();
    drains.leaving.clear();
    drains.serving.reset();
}

}  // namespace tidegate::engine
