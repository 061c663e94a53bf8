#include <algorithm>
#include <utility>

#include "tests/simulation/engine/checks.h"

namespace tidegate::simulation {

using namespace std::chrono_literals;

void Checks::check_release(const Release& release, const engine::State& state, Timestamp now) {
    const bool succeeds =
        release.status == ReleaseStatus::success && succeeded_.insert(release.id).second;
    if (succeeds) check_watched(release, state, now);
    if (succeeds && !is_upkeep(release.kind)) done_[release.key] = release;
    if (!succeeds && is_final(release.status)) return;
    auto& most = covered_[release.id];
    most = std::max(most, static_cast<int>(std::ranges::count(last_.at(release.key)->targets, false,
                                                              &DesiredTarget::pinned)));
    const auto let_go = std::ranges::count_if(
        release.targets, [](const auto& entry) { return entry.second.let_go; });
    const auto& allowed = last_.at(release.key)->strategy.max_failed;
    if (let_go > (allowed ? allowed->value : 0))
        fail(fmt::format("7: {} goes on without {} that failed", release.id, let_go), now);
    bool former_passed = true;
    for (const auto& step : release.steps) {
        check_step(release, step, former_passed, state, now);
        former_passed = step.status == StepStatus::success || step.status == StepStatus::skipped;
    }
    if (release.status == ReleaseStatus::success && !former_passed)
        fail("7: success before the last step was done: " + release.id, now);
    if (is_active(release.status) && !release.deadline)
        fail("2: an active release without a deadline", now);
}

void Checks::check_step(const Release& release, const Step& step, bool former_passed,
                        const engine::State& state, Timestamp now) {
    const bool begun = step.status == StepStatus::running || step.status == StepStatus::success;
    if (begun && !former_passed)
        fail(fmt::format("7: step {} of {} began too early", step.index, release.id), now);
    if (step.status == StepStatus::running && !step.deadline)
        fail("2: a running step without a deadline", now);
    // Only at its pass: what was verified may fail later, or is restored.
    const std::pair place{release.id, step.index};
    if (step.status != StepStatus::success) passed_.erase(place);
    if (step.status != StepStatus::success || !passed_.insert(place).second) return;
    const auto* work = deploy_of(step);
    if (kind_of(step) == StepKind::verify) check_verified(release, step, state, now);
    if (kind_of(step) == StepKind::await) check_promoted(release, step, now);
    if (!work) return;
    const auto verified = std::ranges::count_if(work->targets, [&](const auto& name) {
        return release.targets.at(name).status == TargetStatus::success;
    });
    if (verified < 1 || verified < work->required)
        fail(fmt::format("7: step {} passed with {} of {}", step.index, verified, work->required),
             now);
}

/// 7: a person said so, of this version and of this entry at least, after the wish.
void Checks::check_promoted(const Release& release, const Step& step, Timestamp now) {
    const auto& promotion = last_.at(release.key)->promotion;
    if (!promotion || !promotion->after_intent || promotion->promote.version != release.to ||
        (!promotion->promote.full && promotion->promote.step < step.entry))
        fail(fmt::format("7: nobody promoted {} past entry {}", release.id, step.entry), now);
}

/// 7: each target that has the version, as its own agent says, said as well that all was well.
void Checks::check_verified(const Release& release, const Step& step, const engine::State& state,
                            Timestamp now) {
    const auto& well = well_[{release.id, step.index}];
    for (const auto& target : last_.at(release.key)->targets) {
        const auto progress = release.targets.find(target.name);
        const auto agent = state.agents.find(target.agent);
        if (target.pinned || progress == release.targets.end() || agent == state.agents.end() ||
            progress->second.status != TargetStatus::success)
            continue;
        const auto seen =
            agent->second.installations.find({target.name, release.key.project, release.slot});
        if (seen == agent->second.installations.end() ||
            seen->second.digest != progress->second.desired ||
            seen->second.status != InstallStatus::installed)
            continue;
        if (!well.contains(target.name))
            fail(fmt::format("7: step {} passed, and {} was not watched", step.index, target.name),
                 now);
    }
}

/// What its agent found down or old since it was deployed is looked at again before anything goes
/// on. A link that is away says nothing.
void Checks::check_watched(const Release& release, const engine::State& state, Timestamp now) {
    const bool watches =
        release.kind == ReleaseKind::introduce || release.kind == ReleaseKind::restore;
    if (!models_.second_looks || !watches) return;
    for (const auto& target : last_.at(release.key)->targets) {
        const auto progress = release.targets.find(target.name);
        const auto agent = state.agents.find(target.agent);
        if (progress == release.targets.end() || progress->second.status != TargetStatus::success ||
            progress->second.agent != target.agent || agent == state.agents.end() ||
            !agent->second.online || !agent->second.looks_twice)
            continue;
        const auto seen =
            agent->second.installations.find({target.name, release.key.project, release.slot});
        if (seen == agent->second.installations.end() || !seen->second.drifted ||
            seen->second.status == InstallStatus::absent ||
            seen->second.digest != progress->second.desired)
            continue;
        if (seen->second.report > progress->second.report || progress->second.doubted_at)
            fail("7: goes on, and " + target.name + " is reported down: " + release.id, now);
    }
}

void Checks::check_alone(const AssignmentKey& key, const engine::State& state, Timestamp now) {
    int heads = 0;
    int upkeep = 0;
    for (const auto& id : state.assignments.at(key).releases) {
        const auto& release = state.releases.at(id);
        if (is_active(release.status)) ++(is_upkeep(release.kind) ? upkeep : heads);
    }
    if (heads > 1 || upkeep > 1) fail("5: two active releases of " + key.text(), now);
}

void Checks::check_outbox(const engine::State& state, Timestamp now) {
    std::set<InstallKey> busy;
    for (const auto& [id, entry] : state.outbox)
        if (!busy.insert(slotless(entry.action.key)).second)
            fail("5: two actions for " + entry.action.key.text(), now);
}

/// After a lost store it is what agents and Git say.
void Checks::check_good(const GoodState& good, const engine::State& state, Timestamp now) {
    if (std::exchange(goods_[good.key], good.good) == good.good) return;  // only its rules changed
    const auto release = state.releases.find(good.release);
    // A finished uninstall makes "absent" the state to come back to, of whatever version.
    if (release == state.releases.end() || release->second.kind == ReleaseKind::uninstall) return;
    const bool moved = std::ranges::any_of(release->second.targets, [](const auto& entry) {
        return entry.second.status == TargetStatus::success;
    });
    if (moved && !models_.probes_see_bad && good.good.version.starts_with("bad"))
        fail("7: a bad version is last good: " + good.good.version, now);
    if (!models_.all_pinned) return;
    const auto& targets = last_.at(good.key)->targets;
    const bool somewhere = std::ranges::any_of(targets, [&](const DesiredTarget& target) {
        const auto agent = state.agents.find(target.agent);
        if (target.pinned || agent == state.agents.end()) return false;
        const auto seen = agent->second.installations.find(live_key(state, good.key, target.name));
        return seen != agent->second.installations.end() &&
               seen->second.assignment_digest == good.good.digest;
    });
    if (!somewhere) fail("7: last good, and nobody has it: " + good.good.version, now);
}

void Checks::check_deadlines(const engine::State& state, const Clocks& clocks) {
    constexpr auto kSlack = 2min;
    if (!models_.lost_agents) return;
    for (const auto& [id, release] : state.releases) {
        if (release.status != ReleaseStatus::running || release.paused_at) continue;
        if (release.deadline && *release.deadline + kSlack < clocks.lived)
            fail("2: a release runs beyond its deadline: " + id, clocks.now);
    }
}

}  // namespace tidegate::simulation
