#include "reconciler/engine/sides.h"

#include <algorithm>

#include "reconciler/engine/drain.h"
#include "reconciler/engine/facts.h"

namespace tidegate::engine {
namespace {

constexpr int kAll = 100;

/// Without places: they change with every commit, and mean nothing here.
Traffic plain(Traffic traffic) {
    traffic.position = {};
    for (auto& target : traffic.targets) target.position = {};
    return traffic;
}

/// It is gone, and is to be.
bool is_uninstalled(const AssignmentState& assignment) {
    return assignment.good && assignment.good->good.absent && assignment.wish->definition->absent;
}

/// Where targets are changed in place each gets its share as soon as it is served.
std::map<std::string, int> standing_weights(const State& state, const AssignmentKey& key) {
    const bool any = drains_first(state, key) ? !is_uninstalled(state.assignments.at(key))
                                              : has_old_side(state, key);
    if (!any) return {};
    return {{live_slot(state, key), kAll}};
}

/// Of all that served there their agents say that nothing is left, as where pins took it away.
bool is_deserted(const State& state, const AssignmentKey& key) {
    const auto& assignment = state.assignments.at(key);
    const auto served = assignment.sides->served.find(assignment.sides->live);
    if (served == assignment.sides->served.end()) return false;
    return std::ranges::none_of(served->second, [&](const std::string& name) {
        const auto* target = wished_target(assignment, name);
        const auto* seen = target ? seen_on(state, key, *target) : nullptr;
        return target && (!seen || seen->status != InstallStatus::absent);
    });
}

/// While a release routes: what leaves gets nothing, what is first gets all.
std::map<std::string, int> shares(const State& state, const Release& release, int weight) {
    if (release.kind == ReleaseKind::uninstall) return {};
    auto weights = standing_weights(state, release.key);
    const int share = weights.empty() || is_deserted(state, release.key) ? kAll : weight;
    for (auto& [slot, rest] : weights) rest = kAll - share;
    weights[release.slot] = share;
    std::erase_if(weights, [](const auto& each) { return each.second == 0; });
    return weights;
}

/// What stands there without slots, when the first release with them, or with traffic, is about to
/// begin.
Sides first_sides(const State& state, const AssignmentKey& key) {
    Sides sides;
    sides.key = key;
    for (const auto& target : state.assignments.at(key).wish->targets) {
        const auto* seen = seen_on(state, target.agent, key_of(key, target.name));
        if (drains_first(state, key) && state.outbox_by_key.contains(key_of(key, target.name)))
            sides.out.insert(target.name);
        else if (seen && seen->status == InstallStatus::installed)
            sides.served[""].insert(target.name);
    }
    return sides;
}

bool serves_without_slots(const Sides& sides) {
    const auto before = sides.served.find("");
    return before != sides.served.end() && !before->second.empty();
}

/// Of those that it brought something to: a pin may mean that nothing is there.
std::set<std::string> deployed_by(const State& state, const Release& release) {
    std::set<std::string> names;
    for (const auto& [name, progress] : release.targets) {
        const auto* target = wished_target(state.assignments.at(release.key), name);
        const auto* seen = target ? seen_in(state, release, *target) : nullptr;
        if (progress.status == TargetStatus::success && seen &&
            seen->status == InstallStatus::installed)
            names.insert(name);
    }
    return names;
}

/// A router has seen a newer one: of a life of this daemon that lost its store.
void pass_revisions(Turn& turn, const AssignmentKey& key) {
    auto sides = *turn.state.assignments.at(key).sides;
    auto newest = sides.revision;
    for (const auto& [target, agent] : sides.routers)
        if (const auto* report = report_of(turn.state, key, target, agent))
            newest = std::max(newest, report->revision);
    if (newest <= sides.revision) return;
    sides.revision = newest;
    change_route(turn, std::move(sides));
}

/// Those of whom their agent says that nothing is there. Not the last ones of a slot that serves:
/// an agent that lost its records is no proof that nobody answers there.
bool drop_servers(const State& state, Sides& sides) {
    const auto& assignment = state.assignments.at(sides.key);
    bool any = false;
    for (auto& [slot, names] : sides.served) {
        auto left = names;
        std::erase_if(left, [&](const std::string& name) {
            const auto* target = wished_target(assignment, name);
            if (!target) return false;
            const auto* seen = seen_on(state, target->agent, {name, sides.key.project, slot});
            return !seen || seen->status == InstallStatus::absent;
        });
        if (left.size() == names.size() || (left.empty() && sides.weights.contains(slot))) continue;
        names = std::move(left);
        any = true;
    }
    return any;
}

/// What is kept, or pinned, is there, and passed its checks.
bool add_servers(const State& state, Sides& sides) {
    const auto kept = kept_state(state, sides.key);
    const auto is_as_kept = [&](const DesiredTarget& target) {
        const auto* seen = seen_on(state, sides.key, target);
        return seen && seen->status == InstallStatus::installed &&
               (target.pinned ? seen->digest == target.digest
                              : kept && seen->digest == target_digest_for(target, kept->digest));
    };
    bool any = false;
    for (const auto& target : state.assignments.at(sides.key).wish->targets)
        if (!sides.out.contains(target.name) && is_as_kept(target))
            any = sides.served[sides.live].insert(target.name).second || any;
    return any;
}

/// Those that left Git get nothing first (render_route), and are forgotten once all routers have
/// said so.
bool drop_departed(Turn& turn, Sides& sides) {
    auto& assignment = turn.state.assignments.at(sides.key);
    std::set<std::string> departed;
    for (const auto& [slot, names] : sides.served)
        for (const auto& name : names)
            if (!wished_target(assignment, name)) departed.insert(name);
    if (departed != assignment.servers_leaving) {
        assignment.servers_leaving = std::move(departed);
        return true;
    }
    if (departed.empty() || !ask_routers(turn.state, sides.key, turn.lived).all()) return false;
    for (auto& [slot, names] : sides.served)
        std::erase_if(names, [&](const std::string& name) { return departed.contains(name); });
    assignment.servers_leaving.clear();
    turn.put(sides);
    return false;
}

/// The wish names other balancers, or none any more: at once, as the old ones may be gone.
bool adopt_traffic(const State& state, Sides& sides) {
    const auto& assignment = state.assignments.at(sides.key);
    const auto& wish = *assignment.wish;
    std::optional<Traffic> traffic;
    if (wish.strategy.traffic) traffic = plain(*wish.strategy.traffic);
    // Those that are out would get nothing for ever.
    const bool needed = !assignment.active.empty() || !sides.out.empty();
    if (!traffic && (wish.strategy.type == StrategyType::blue_green || needed)) return false;
    if (sides.traffic == traffic && sides.routers == wish.routers) return false;
    sides.traffic = std::move(traffic);
    sides.routers = wish.routers;
    return true;
}

/// It has neither slots nor traffic any more.
bool routes_nothing(const AssignmentState& assignment) {
    return !assignment.sides->traffic && !has_slots(*assignment.sides) &&
           assignment.wish->strategy.type != StrategyType::blue_green;
}

/// What speaks for a slot after a lost store.
struct Evidence {
    std::set<std::string> there;
    std::set<std::string> good;
    int weight = 0;
};

bool is_good(const AssignmentState& assignment, const DesiredTarget& target,
             const Installation& seen) {
    return assignment.good && !target.pinned &&
           seen.assignment_digest == assignment.good->good.digest;
}

void add_weights(const State& state, const AssignmentKey& key,
                 std::map<std::string, Evidence>& slots) {
    for (const auto& [target, agent] : state.assignments.at(key).wish->routers)
        if (const auto* report = report_of(state, key, target, agent))
            for (const auto& [slot, weight] : report->weights)
                if (slots.contains(slot)) slots[slot].weight += weight;
}

}  // namespace

void change_route(Turn& turn, Sides sides) {
    // Agents may keep what a life sent whose store is lost. The epoch is a time in milliseconds, so
    // the revisions of each life are above those of the ones before it.
    sides.revision = std::max(sides.revision, turn.state.epoch) + 1;
    turn.touch(sides.key);
    turn.put(sides);
}

bool has_slots(const Sides& sides) {
    const auto is_one = [](const auto& each) { return !each.first.empty(); };
    return !sides.live.empty() || std::ranges::any_of(sides.weights, is_one) ||
           std::ranges::any_of(sides.served, [&](const auto& each) {
               return is_one(each) && !each.second.empty();
           });
}

std::string live_slot(const State& state, const AssignmentKey& key) {
    const auto found = state.assignments.find(key);
    return found == state.assignments.end() || !found->second.sides ? ""
                                                                    : found->second.sides->live;
}

std::string slot_for(const State& state, const AssignmentKey& key, ReleaseKind kind) {
    auto live = live_slot(state, key);
    const auto& assignment = state.assignments.at(key);
    const auto& wish = assignment.wish;
    if (!wish || wish->strategy.type != StrategyType::blue_green) return live;
    const bool is_good =
        assignment.good && assignment.good->good.digest == wish->definition->digest;
    if (kind != ReleaseKind::introduce && (kind != ReleaseKind::restore || is_good)) return live;
    return std::string(live.empty() ? kBlue : other_slot(live));
}

bool is_beside(const State& state, const Release& release) {
    return (release.kind == ReleaseKind::introduce || release.kind == ReleaseKind::restore) &&
           release.slot != live_slot(state, release.key);
}

bool has_old_side(const State& state, const AssignmentKey& key) {
    const auto& assignment = state.assignments.at(key);
    if (assignment.good) return !assignment.good->good.absent;
    const auto& sides = assignment.sides;
    if (!sides || !sides->live.empty()) return sides.has_value();
    return serves_without_slots(*sides);
}

/// A balancer would go on sending requests to what is about to be retired.
bool lacks_server_before(const State& state, const AssignmentKey& key) {
    const auto& assignment = state.assignments.at(key);
    const auto& traffic = *assignment.wish->strategy.traffic;
    if (traffic.router != RouterType::haproxy || !traffic.server_before.empty() ||
        drains_first(state, key) || !live_slot(state, key).empty() || !assignment.good ||
        assignment.good->good.absent)
        return false;
    return serves_without_slots(assignment.sides.value_or(first_sides(state, key)));
}

bool route_stands(const State& state, const AssignmentKey& key) {
    const auto& assignment = state.assignments.at(key);
    const auto& wish = *assignment.wish;
    if (!wish.strategy.traffic) return true;
    const auto& sides = assignment.sides;
    return sides && assignment.routed_at == wish.commit &&
           sides->traffic == plain(*wish.strategy.traffic) && sides->routers == wish.routers &&
           sides->weights == standing_weights(state, key);
}

void begin_in_place(Turn& turn, const AssignmentKey& key) {
    const auto& assignment = turn.state.assignments.at(key);
    if (assignment.sides || !assignment.recalled || !drains_first(turn.state, key)) return;
    const auto& wish = *assignment.wish;
    for (const auto& target : wish.targets)
        if (reach(turn.state, target.agent, turn.lived) == Reach::reconnecting)
            return turn.wake(key, grace_ends(turn.state, target.agent));
    auto sides = first_sides(turn.state, key);
    sides.traffic = plain(*wish.strategy.traffic);
    sides.routers = wish.routers;
    sides.weights = standing_weights(turn.state, key);
    change_route(turn, std::move(sides));
}

std::vector<Hold> standing_route_holds(Turn& turn, const AssignmentKey& key) {
    auto& assignment = turn.state.assignments.at(key);
    const auto& wish = *assignment.wish;
    if (!wish.strategy.traffic) return {};
    if (!assignment.sides) recall_sides(turn, key);
    if (!assignment.sides && drains_first(turn.state, key)) {
        begin_in_place(turn, key);
        if (!assignment.sides) return {{"offline", "waits for agents to say what serves", {}}};
    }
    if (lacks_server_before(turn.state, key))
        return {{"router",
                 "what is there without slots would keep its traffic: name its server in "
                 "server_before",
                 {}}};
    if (!route_stands(turn.state, key)) {
        auto sides = assignment.sides.value_or(first_sides(turn.state, key));
        sides.traffic = plain(*wish.strategy.traffic);
        sides.routers = wish.routers;
        sides.weights = standing_weights(turn.state, key);
        change_route(turn, std::move(sides));
        assignment.drains.at_zero.clear();  // servers may have other names now
        assignment.routed_at = wish.commit;
        tend_sides(turn, key);
    }
    // Each target waits for its own; and a fix must not wait for what the last version broke.
    if (drains_first(turn.state, key)) return {};
    const auto routers = ask_routers(turn.state, key, turn.lived);
    if (are_enough(turn.state, key, routers)) return {};
    return {router_hold(routers, "to have the route of now in force")};
}

void route_to(Turn& turn, const Release& release, int weight) {
    auto sides = *turn.state.assignments.at(release.key).sides;
    auto weights = shares(turn.state, release, weight);
    auto served = sides.served;
    if (is_beside(turn.state, release)) served[release.slot] = deployed_by(turn.state, release);
    if (sides.weights == weights && sides.served == served) return;
    sides.weights = std::move(weights);
    sides.served = std::move(served);
    change_route(turn, std::move(sides));
    tend_sides(turn, release.key);
}

bool is_crowding(const State& state, const Release& release) {
    const auto& assignment = state.assignments.at(release.key);
    if (!assignment.sides || !is_beside(state, release)) return false;
    const auto served = assignment.sides->served.find(assignment.sides->live);
    if (served == assignment.sides->served.end()) return false;
    const auto deployed = deployed_by(state, release);
    const auto left_out = std::ranges::count_if(served->second, [&](const std::string& name) {
        const auto* target = wished_target(assignment, name);
        return target && !target->pinned && !deployed.contains(name);
    });
    return std::ssize(deployed) < left_out;
}

void route_back(Turn& turn, const AssignmentKey& key) {
    const auto& known = turn.state.assignments.at(key).sides;
    if (!known) return;
    auto weights = standing_weights(turn.state, key);
    if (known->weights == weights) return;
    auto sides = *known;
    sides.weights = std::move(weights);
    sides.kept_until = turn.lived;
    change_route(turn, std::move(sides));
    tend_sides(turn, key);
}

void leave_live(Turn& turn, const Release& release) {
    const auto& known = turn.state.assignments.at(release.key).sides;
    if (!known || has_old_side(turn.state, release.key)) return;
    const auto weight = known->weights.find(release.slot);
    if (weight == known->weights.end() || weight->second != kAll) return;
    auto sides = *known;
    sides.live = release.slot;
    turn.put(sides);
}

void settle_sides(Turn& turn, const Release& release) {
    const auto& assignment = turn.state.assignments.at(release.key);
    if (!assignment.sides || release.kind == ReleaseKind::retire) return;
    auto sides = *assignment.sides;
    if (is_beside(turn.state, release)) {
        sides.live = release.slot;
        sides.served[release.slot] = deployed_by(turn.state, release);
        sides.out.clear();  // of the side that served before
        sides.kept_until = turn.lived + assignment.wish->strategy.keep_old;
        return turn.put(sides);  // it was routed to before
    }
    if (release.kind == ReleaseKind::uninstall) {
        sides.live.clear();
        sides.served.clear();
        sides.out.clear();
        return turn.put(sides);  // it was routed to nowhere before
    }
    if (assignment.beside != release.id) sides.weights = standing_weights(turn.state, release.key);
    auto brought = deployed_by(turn.state, release);
    if (release.slot != sides.live) return;  // the release beside it ended first
    auto& served = sides.served[sides.live];
    for (const auto& [name, progress] : release.targets)
        if (progress.status == TargetStatus::success && !brought.contains(name)) served.erase(name);
    std::erase_if(brought, [&](const auto& name) { return sides.out.contains(name); });
    served.merge(brought);
    if (sides.weights != assignment.sides->weights || sides.served != assignment.sides->served)
        change_route(turn, std::move(sides));
}

void tend_sides(Turn& turn, const AssignmentKey& key) {
    auto& assignment = turn.state.assignments.at(key);
    if (turn.state.fenced) return;
    if (assignment.wish ? assignment.recalled : assignment.active.empty()) forget_routes(turn, key);
    if (assignment.wish) begin_in_place(turn, key);
    if (!assignment.sides || !assignment.wish) return;
    pass_revisions(turn, key);
    auto sides = *assignment.sides;
    const bool adopted = adopt_traffic(turn.state, sides);
    const bool dropped = drop_servers(turn.state, sides);
    const bool added = add_servers(turn.state, sides);
    const bool left = drop_departed(turn, sides);
    if (adopted) assignment.drains.at_zero.clear();
    if (adopted || dropped || added || left) change_route(turn, std::move(sides));
    if (routes_nothing(assignment)) {
        forget_routes(turn, key);
        return turn.erase_sides(key);
    }
    send_routes(turn, *assignment.sides);
    note_drained(turn, key);
}

/// Where last good is on most; where that is not known, what routers give most to.
void recall_sides(Turn& turn, const AssignmentKey& key) {
    const auto& assignment = turn.state.assignments.at(key);
    if (assignment.sides || !assignment.wish) return;
    std::map<std::string, Evidence> slots;
    for (const auto& target : assignment.wish->targets)
        for (const auto place : kAnySlot) {
            const std::string slot(place);
            const auto* seen = seen_on(turn.state, target.agent, {target.name, key.project, slot});
            if (!seen || seen->status != InstallStatus::installed) continue;
            slots[slot].there.insert(target.name);
            if (is_good(assignment, target, *seen)) slots[slot].good.insert(target.name);
        }
    add_weights(turn.state, key, slots);
    if (std::ranges::none_of(kSlots, [&](auto slot) { return slots.contains(std::string(slot)); }))
        return;
    const auto live = std::ranges::max_element(slots, {}, [](const auto& each) {
        return std::tuple(each.second.good.size(), each.second.weight, each.second.there.size());
    });
    Sides sides;
    sides.key = key;
    sides.live = live->first;
    const auto& [there, good, weight] = live->second;
    sides.served[sides.live] = good.empty() ? there : good;
    if (assignment.wish->strategy.traffic)
        sides.traffic = plain(*assignment.wish->strategy.traffic);
    sides.routers = assignment.wish->routers;
    turn.put(sides);
    sides.weights = standing_weights(turn.state, key);
    if (weight > 0) sides.weights = {{sides.live, kAll}};
    change_route(turn, std::move(sides));
    turn.audit("sides.recalled", key.text(), "",
               json_object({{"live", live_slot(turn.state, key)}}));
}

}  // namespace tidegate::engine
