#include <algorithm>
#include <set>
#include <span>

#include "reconciler/engine/coverage.h"
#include "reconciler/engine/drain.h"
#include "reconciler/engine/facts.h"
#include "reconciler/engine/release_machine.h"
#include "reconciler/engine/sides.h"
#include "reconciler/engine/substitutes.h"
#include "reconciler/planner/approvals.h"
#include "schema/base/limits.h"

namespace tidegate::engine {
namespace {

/// Broken ones first: moving them takes nothing away.
std::vector<const DesiredTarget*> in_order(const Turn& turn, const AssignmentKey& key,
                                           std::vector<const DesiredTarget*> targets) {
    auto broken = unavailable_targets(turn.state, key, turn.lived);
    broken.merge(out_of_service(turn.state, key, turn.lived));
    std::ranges::stable_partition(
        targets, [&](const DesiredTarget* target) { return broken.contains(target->name); });
    return targets;
}

void add_progress(Turn& turn, Release& release, const DesiredTarget& target) {
    auto& progress = release.targets[target.name];
    const auto* seen = seen_on(turn.state, release.key, target);
    progress.name = target.name;
    progress.from = seen ? seen->version : "";
    progress.to = target.pinned ? target.definition->version : release.to;
    progress.desired = target_digest_for(target, release.digest);
    progress.status = TargetStatus::waiting;
}

/// It has the version by an earlier try: it is watched, and goes back, as those that this one
/// moves.
void add_there(Turn& turn, Release& release, const DesiredTarget& target) {
    add_progress(turn, release, target);
    auto& progress = release.targets.at(target.name);
    progress.status = TargetStatus::success;
    progress.agent = target.agent;
    progress.report = seen_in(turn.state, release, target)->report;
}

bool is_there(const State& state, const Release& release, const DesiredTarget& target) {
    const auto& progress = release.targets.at(target.name);
    return planner::compare({progress.desired, false}, seen_in(state, release, target)) ==
           planner::TargetState::in_sync;
}

/// Takes those out that have it in their slot already.
std::vector<const DesiredTarget*> take_there(Turn& turn, Release& release,
                                             std::vector<const DesiredTarget*>& moving) {
    std::vector<const DesiredTarget*> there;
    std::erase_if(moving, [&](const DesiredTarget* target) {
        if (!is_there(turn.state, release, *target)) return false;
        add_there(turn, release, *target);
        there.push_back(target);
        return true;
    });
    return there;
}

std::vector<Step> compile_steps(Turn& turn, Release& release,
                                std::span<const DesiredTarget* const> targets,
                                std::vector<const DesiredTarget*> moving) {
    if (targets.empty()) return {};
    const auto& wish = *turn.state.assignments.at(release.key).wish;
    if (is_beside(turn.state, release)) {
        const auto there = take_there(turn, release, moving);
        const auto all = static_cast<int>(targets.size());
        return planner::compile(wish.strategy, {moving, there, all, all, release.kind,
                                                has_old_side(turn.state, release.key), true});
    }
    const auto covered = covered_by(turn.state, wish, release.digest, targets, turn.lived);
    if (release.kind == ReleaseKind::introduce && wish.strategy.type == StrategyType::canary)
        for (const auto* target : covered.there) add_there(turn, release, *target);
    return planner::compile(wish.strategy, covered.fleet(moving, release.kind));
}

/// What accepted rules and those before the change keep for an approver's word waits for it.
void ask_approvers(const State& state, Release& release,
                   std::span<const DesiredTarget* const> away) {
    if (release.kind != ReleaseKind::introduce && release.kind != ReleaseKind::uninstall) return;
    const auto& wish = *state.assignments.at(release.key).wish;
    std::set<std::string> names{wish.rules.approved_only.begin(), wish.rules.approved_only.end()};
    for (const auto& rules : wish.anchor_rules)
        names.insert(rules->approved_only.begin(), rules->approved_only.end());
    planner::demand_approvals(release.steps, {names, wish.strategy, release.kind, away});
}

/// Before anything is taken away, nobody is sent there any more.
void route_away_first(const State& state, Release& release) {
    const auto& sides = state.assignments.at(release.key).sides;
    if (release.kind != ReleaseKind::uninstall || !sides || !sides->traffic) return;
    Step away;
    away.work = RouteWork{0, state.assignments.at(release.key).wish->strategy.switch_timeout, 0};
    release.steps.insert(release.steps.begin(), std::move(away));
    for (std::size_t i = 0; i < release.steps.size(); ++i)
        release.steps[i].index = static_cast<int>(i);
}

/// Of all that it covers; a share that is less than one target allows none.
int failures_allowed(const Assignment& wish, ReleaseKind kind) {
    const auto& allowed = wish.strategy.max_failed;
    if (!allowed || kind != ReleaseKind::introduce) return 0;
    const auto all =
        static_cast<int>(std::ranges::count(wish.targets, false, &DesiredTarget::pinned));
    return allowed->percent ? all * allowed->value / 100 : allowed->value;
}

/// Waiting as planned is no reason to fail.
Seconds planned_waits(const Release& release) {
    Seconds waits{0};
    for (const auto& step : release.steps) {
        if (const auto* work = deploy_of(step)) waits += work->wait_before;
        if (const auto* work = std::get_if<VerifyWork>(&step.work)) waits += work->duration;
        if (const auto* work = std::get_if<RouteWork>(&step.work)) waits += work->timeout;
    }
    return waits;
}

}  // namespace

void start_release(Turn& turn, Release& release, const std::vector<const DesiredTarget*>& targets) {
    auto& assignment = turn.state.assignments[release.key];
    const auto& wish = *assignment.wish;
    if (targets.empty())  // what serves is it already
        release.slot = live_slot(turn.state, release.key);
    else if (release.kind != ReleaseKind::retire)  // the live one may be another by now
        release.slot = slot_for(turn.state, release.key, release.kind);
    std::vector<const DesiredTarget*> moving, left_out;
    for (const auto* target : in_order(turn, release.key, targets)) {
        const bool away = reach(turn.state, release.key, *target, turn.lived) != Reach::online;
        add_progress(turn, release, *target);
        const bool skips = away && wish.offline == Offline::skip;
        if (skips) skip_offline(turn, release, *target);
        (skips ? left_out : moving).push_back(target);
    }
    release.steps = compile_steps(turn, release, targets, std::move(moving));
    ask_approvers(turn.state, release, left_out);
    route_away_first(turn.state, release);
    release.status = ReleaseStatus::running;
    release.started_at = turn.now;
    const auto span =
        wish.rollback.release_deadline.value_or(limits::kReleaseDeadline + planned_waits(release));
    release.deadline = turn.lived + span;
    release.holds.clear();
    // It may have been said while the release waited.
    release.forward_only = wish.forward_only && release.kind == ReleaseKind::introduce;
    release.max_failed = failures_allowed(wish, release.kind);
    if (assignment.good) release.last_good = assignment.good->good;
    (assignment.active.empty() ? assignment.active : assignment.beside) = release.id;
    if (!is_upkeep(release.kind)) forget_owed(turn, release.key);
    turn.save_whole(release);
    turn.audit("release.started", release.key.text(), release.commit,
               json_object({{"release", release.id}, {"version", release.to}}));
    turn.notify(
        NoticeKind::release_started, release.key, release.id,
        fmt::format("{}: {} {} begins", release.key.text(), to_string(release.kind), release.to));
    advance(turn, release);
}

}  // namespace tidegate::engine
