#include "reconciler/engine/next.h"

#include <algorithm>

#include "reconciler/engine/coverage.h"
#include "reconciler/engine/dispatch.h"
#include "reconciler/engine/drain.h"
#include "reconciler/engine/facts.h"
#include "reconciler/engine/recall.h"
#include "reconciler/engine/release_machine.h"
#include "reconciler/engine/retire.h"
#include "reconciler/engine/sides.h"
#include "reconciler/engine/steps.h"
#include "reconciler/engine/verify.h"
#include "reconciler/planner/action.h"
#include "schema/base/limits.h"

namespace tidegate::engine {
namespace {

ReleaseStatus waiting_status(const std::vector<Hold>& holds) {
    const auto waits_for = [&](std::string_view gate) {
        return std::ranges::any_of(holds, [&](const Hold& hold) { return hold.gate == gate; });
    };
    if (waits_for("approval")) return ReleaseStatus::approving;
    if (waits_for("window") || waits_for("schedule")) return ReleaseStatus::scheduled;
    return ReleaseStatus::pending;
}

std::string most_common_version(const State& state, const AssignmentKey& key,
                                const Candidate& candidate) {
    std::map<std::string, int> counts;
    for (const auto* target : candidate.targets)
        if (const auto* seen = seen_on(state, key, *target)) ++counts[seen->version];
    const auto most = std::ranges::max_element(counts, {}, [](const auto& c) { return c.second; });
    return most == counts.end() ? "" : most->first;
}

std::uint64_t next_number(const State& state, const AssignmentState& assignment) {
    const auto& ids = assignment.releases;
    return ids.empty() ? 1 : state.releases.at(ids.back()).number + 1;
}

Release& create(Turn& turn, const AssignmentKey& key, const Candidate& candidate) {
    auto& assignment = turn.state.assignments[key];
    const auto& wish = *assignment.wish;
    TG_ASSERT(!turn.state.releases.contains(candidate.id));
    Release release;
    release.id = candidate.id;
    release.number = next_number(turn.state, assignment);
    release.key = key;
    release.kind = candidate.kind;
    // It acts once per intent commit: what keeps the state afterwards decides by what is there.
    const bool keeps = is_upkeep(candidate.kind) && !is_forced(candidate.cause);
    release.operation = keeps ? Operation::deploy : wish.operation;
    release.digest = candidate.digest;
    release.from = most_common_version(turn.state, key, candidate);
    release.to = candidate.version;
    release.commit = wish.intent.commit;
    release.digest_commit = candidate.digest_commit;
    release.author =
        wish.intent.author_email.empty() ? wish.intent.author_name : wish.intent.author_email;
    release.message = wish.intent.message;
    release.cause = candidate.cause;
    release.retry = wish.retry;
    release.strategy = wish.strategy.type;
    release.forward_only = wish.forward_only && candidate.kind == ReleaseKind::introduce;
    release.slot = candidate.kind == ReleaseKind::retire
                       ? candidate.slot
                       : slot_for(turn.state, key, candidate.kind);
    release.created_at = turn.now;
    assignment.releases.push_back(release.id);
    turn.audit("release.created", key.text(), release.commit,
               json_object({{"release", release.id},
                            {"kind", std::string(to_string(release.kind))},
                            {"version", release.to}}),
               release.author);
    return turn.state.releases.insert_or_assign(release.id, std::move(release)).first->second;
}

/// `why`: what keeps its wish from beginning, if anything does.
std::string why_cancelled(const AssignmentState& assignment, const Release& release,
                          const std::vector<Hold>& why) {
    if (!assignment.wish) return "it left Git before its start";
    if (assignment.wish->intent.commit != release.commit)
        return "a newer wish came before its start";
    return why.empty() ? "nothing was left to do at its start" : why.front().reason;
}

void cancel_pending(Turn& turn, AssignmentState& assignment, const std::string& except,
                    const std::vector<Hold>& why = {}) {
    if (assignment.pending.empty() || assignment.pending == except) return;
    auto& release = turn.state.releases.at(assignment.pending);
    assignment.pending.clear();
    end_release(turn, release, ReleaseStatus::cancelled, why_cancelled(assignment, release, why));
}

void show_waiting(Turn& turn, Release& release, const std::vector<Hold>& holds) {
    const auto status = waiting_status(holds);
    if (release.holds == holds && release.status == status) return;
    release.holds = holds;
    release.status = status;
    turn.save(release);
}

std::vector<Hold> offline_holds(Turn& turn, const AssignmentKey& key, const Candidate& candidate) {
    const bool wait = turn.state.assignments.at(key).wish->offline == Offline::wait;
    std::vector<std::string> awaited;
    std::optional<Lived> until;
    bool any_online = candidate.targets.empty();
    for (const auto* target : candidate.targets) {
        const auto reached = reach(turn.state, key, *target, turn.lived);
        any_online = any_online || reached == Reach::online;
        if (reached != Reach::reconnecting) continue;
        awaited.push_back(target->name);
        until = std::max(until, std::optional(grace_ends(turn.state, target->agent)));
    }
    if (until) {
        turn.wake(key, *until);
        return {{"offline", fmt::format("waits for the agents of {}", some_of(awaited)),
                 turn.wall(*until)}};
    }
    if (!any_online && !wait) return {{"offline", "none of its targets is online", {}}};
    return {};
}

/// What a head that does not begin waits for.
enum class Waits { no, for_agents, for_its_slot };

bool are_all(const std::vector<Hold>& holds, std::string_view gate) {
    return std::ranges::all_of(holds, [&](const Hold& hold) { return hold.gate == gate; });
}

Waits begin_head(Turn& turn, const AssignmentKey& key, const Candidate& head) {
    auto& assignment = turn.state.assignments[key];
    cancel_pending(turn, assignment, head.id);
    const bool is_new = assignment.pending.empty();
    auto& release = is_new ? create(turn, key, head) : turn.state.releases.at(head.id);
    assignment.pending = release.id;
    if (is_new) turn.save(release);
    auto holds = start_holds(turn, key, head);
    if (!assignment.active.empty()) {
        const auto& active = turn.state.releases.at(assignment.active);
        const bool back = active.status == ReleaseStatus::rolling_back;
        holds.push_back({back ? "rollback" : "release",
                         fmt::format("{} {} is {}", to_string(active.kind), active.to,
                                     to_string(active.status)),
                         {}});
    }
    if (holds.empty()) holds = make_ready(turn, key, head);
    add_holds(turn, key, holds);
    if (!holds.empty()) {
        show_waiting(turn, release, holds);
        return are_all(holds, "offline") ? Waits::for_agents
               : are_all(holds, "slot")  ? Waits::for_its_slot
                                         : Waits::no;
    }
    assignment.pending.clear();
    start_release(turn, release, head.targets);
    return Waits::no;
}

bool any_online(const Turn& turn, const AssignmentKey& key, const Candidate& candidate) {
    return std::ranges::any_of(candidate.targets, [&](const DesiredTarget* target) {
        return reach(turn.state, key, *target, turn.lived) == Reach::online;
    });
}

/// True: it began, or will once it may, and treats the targets that are there itself. It comes only
/// once, so that it waits for agents as a head does.
bool begin_forced(Turn& turn, const AssignmentKey& key) {
    const auto forced = forced_of(turn.state, key);
    if (!forced) return false;
    const bool any = any_online(turn, key, *forced);
    auto holds = start_holds(turn, key, *forced);
    if (holds.empty() && !any && !forced->targets.empty())
        holds.push_back({"offline", "none of its targets is online", {}});
    add_holds(turn, key, holds);
    if (!holds.empty()) return any;
    start_release(turn, create(turn, key, *forced), forced->targets);
    return true;
}

void begin_upkeep(Turn& turn, const AssignmentKey& key, const std::optional<Candidate>& side) {
    if (!side) return;
    const auto holds = dispatch_holds(turn, key, {side->kind, false, false, false});
    add_holds(turn, key, holds);
    if (holds.empty()) start_release(turn, create(turn, key, *side), side->targets);
}

/// It is held by what is down; who is up would wait for the same.
bool brings_back_any(const Turn& turn, const AssignmentKey& key, const Candidate& side) {
    const auto down = unavailable_targets(turn.state, key, turn.lived);
    return std::ranges::any_of(
        side.targets, [&](const DesiredTarget* target) { return down.contains(target->name); });
}

bool deploys_next(const Release& release) {
    const auto* step = current_step(release);
    return step && kind_of(*step) == StepKind::deploy;
}

void begin_side(Turn& turn, const AssignmentKey& key, Waits head) {
    if (begin_forced(turn, key)) return;
    auto side = head == Waits::for_its_slot ? retire_of(turn, key) : std::nullopt;
    if (!side) side = side_of(turn, key, head == Waits::for_agents);
    if (!side) side = retire_of(turn, key);
    begin_upkeep(turn, key, side);
}

/// Blocks that end later let a head have targets again. A heal that has proven itself is forgotten;
/// other failures count on until the next try.
void tend_blocks(Turn& turn, const AssignmentKey& key, const Assignment& wish) {
    for (const auto& target : wish.targets) {
        const auto found = turn.state.blocks.find(key_of(key, target.name));
        if (found == turn.state.blocks.end()) continue;
        const auto& block = found->second;
        if (block.until > turn.lived)
            turn.wake(key, block.until);
        else if (block.healed_at && is_over(block, turn.lived))
            turn.erase_block(InstallKey(found->first));
        else if (block.healed_at)
            turn.wake(key, *block.healed_at + limits::kHealProven);
    }
}

/// Nothing has to move. What is there already proves the version, or nothing does: then it may not
/// become last good.
std::vector<Hold> proof_holds(const Turn& turn, const AssignmentKey& key,
                              const Candidate& candidate) {
    const auto& wish = *turn.state.assignments.at(key).wish;
    if (is_proven(turn.state, wish)) return {};
    if (std::ranges::all_of(wish.targets, &DesiredTarget::pinned))
        return {{"pin",
                 fmt::format("every target is pinned, so nothing proves {}", candidate.version),
                 {}}};
    return {{"offline",
             fmt::format("no target has reported {} since the daemon's start", candidate.version),
             {}}};
}

bool watches_anything(const Strategy& strategy) {
    const auto takes_time = [](const auto& entry) { return entry.verify_duration.count() > 0; };
    return (strategy.type == StrategyType::canary || strategy.type == StrategyType::blue_green) &&
           (takes_time(strategy) || std::ranges::any_of(strategy.steps, takes_time) ||
            std::ranges::any_of(strategy.cluster_order, takes_time));
}

bool knows_no_slots(const State& state, const std::string& name) {
    const auto agent = state.agents.find(name);
    return agent != state.agents.end() && agent->second.online && !agent->second.knows_slots;
}

/// Agents that cannot do what a canary, or blue_green, will ask of them.
std::vector<Hold> agent_holds(const Turn& turn, const Assignment& wish, bool always_watches) {
    const bool watches = (always_watches || watches_anything(wish.strategy)) &&
                         planner::has_checks(*wish.definition, wish.strategy.health_check);
    const bool has_slots = wish.strategy.type == StrategyType::blue_green;
    std::vector<std::string> old;
    if (watches || has_slots)
        for (const auto& target : wish.targets)
            if ((watches && !target.pinned && cannot_watch(turn.state, target.agent)) ||
                (has_slots && knows_no_slots(turn.state, target.agent)))
                old.push_back(target.name);
    if (old.empty()) return {};
    return {{"agent",
             fmt::format("the agents of {} are too old for strategy {}: upgrade them", some_of(old),
                         to_string(wish.strategy.type)),
             {}}};
}

/// What an introduce would lack once it is under way.
std::vector<Hold> strategy_holds(const Turn& turn, const AssignmentKey& key,
                                 const Candidate& candidate) {
    const auto& wish = *turn.state.assignments.at(key).wish;
    auto holds = agent_holds(turn, wish, false);
    if (wish.strategy.type != StrategyType::canary) return holds;
    const auto covered =
        covered_by(turn.state, wish, candidate.digest, candidate.targets, turn.lived);
    auto moving = candidate.targets;
    if (wish.offline == Offline::skip)  // start_release leaves them out
        std::erase_if(moving, [&](const DesiredTarget* target) {
            return reach(turn.state, key, *target, turn.lived) != Reach::online;
        });
    if (moving.empty()) return holds;
    auto lacks = planner::lacks_online(wish.strategy, covered.fleet(moving, candidate.kind));
    if (!lacks.empty()) holds.push_back({"offline", std::move(lacks), {}});
    return holds;
}

/// It is gone everywhere without an uninstall of ours that said so: of a former build, or before
/// the store was lost.
void note_gone_everywhere(Turn& turn, const AssignmentKey& key, const Assignment& wish) {
    const auto& good = turn.state.assignments.at(key).good;
    if (!wish.definition->absent || !good || good->good.absent) return;
    const auto is_left = [&](const DesiredTarget& target) {
        return !target.pinned &&
               planner::compare({target.digest, true}, seen_on(turn.state, key, target)) !=
                   planner::TargetState::in_sync;
    };
    if (std::ranges::any_of(wish.targets, is_left) || !is_proven(turn.state, wish)) return;
    turn.put(GoodState{
        key,
        {wish.definition->digest, wish.intent.digest_commit, wish.definition->version, true},
        false,
        ""});
}

}  // namespace

std::vector<Hold> start_holds(Turn& turn, const AssignmentKey& key, const Candidate& candidate) {
    if (candidate.targets.empty()) return proof_holds(turn, key, candidate);
    auto holds = dispatch_holds(turn, key, {candidate.kind, false, false, false});
    for (auto& hold : offline_holds(turn, key, candidate)) holds.push_back(std::move(hold));
    if (candidate.kind == ReleaseKind::introduce)
        for (auto& hold : strategy_holds(turn, key, candidate)) holds.push_back(std::move(hold));
    if (candidate.kind == ReleaseKind::restore &&
        slot_for(turn.state, key, candidate.kind) != live_slot(turn.state, key))
        for (auto& hold : agent_holds(turn, *turn.state.assignments.at(key).wish, true))
            holds.push_back(std::move(hold));
    return holds;
}

std::vector<Hold> make_ready(Turn& turn, const AssignmentKey& key, const Candidate& candidate) {
    if (candidate.targets.empty()) return {};
    route_back(turn, key);  // a release that failed, and was not taken back, may have left it
    auto holds = slot_holds(turn, key, candidate);
    const bool beside = slot_for(turn.state, key, candidate.kind) != live_slot(turn.state, key);
    const bool drained = candidate.kind != ReleaseKind::uninstall && drains_first(turn.state, key);
    if (holds.empty() && (beside || drained)) return standing_route_holds(turn, key);
    return holds;
}

void begin_next(Turn& turn, const AssignmentKey& key) {
    auto& assignment = turn.state.assignments[key];
    if (assignment.wish) add_holds(turn, key, standing_holds(*assignment.wish, turn.now));
    if (const auto hold = recall(turn, key)) return add_holds(turn, key, {*hold});
    if (!assignment.wish) return cancel_pending(turn, assignment, "");
    tend_blocks(turn, key, *assignment.wish);
    std::vector<Hold> why;
    if (assignment.active.empty()) note_gone_everywhere(turn, key, *assignment.wish);
    if (assignment.active.empty() && assignment.good &&
        assignment.good->good.digest == assignment.wish->definition->digest)
        route_back(turn, key);
    const auto head = head_of(turn.state, key, turn.lived, &why);
    add_holds(turn, key, why);
    auto waits = Waits::no;
    if (!head)
        cancel_pending(turn, assignment, "", why);
    else if (head->id != assignment.active)
        waits = begin_head(turn, key, *head);
    if (assignment.active.empty()) return begin_side(turn, key, waits);
    const auto& active = turn.state.releases.at(assignment.active);
    if (!assignment.beside.empty() || !only_waits(turn, active)) return;
    auto side = side_of(turn, key, false);
    if (side && active.paused_at && deploys_next(active) && !brings_back_any(turn, key, *side))
        return;
    begin_upkeep(turn, key, side);
}

}  // namespace tidegate::engine
