#include "reconciler/engine/steps.h"

#include <algorithm>

#include "reconciler/engine/dispatch.h"
#include "reconciler/engine/facts.h"
#include "reconciler/engine/walk.h"

namespace tidegate::engine {
namespace {

Progress walk_step(const Walk& walk) {
    struct {
        const Walk& walk;
        Progress operator()(DeployWork& work) const { return walk_deploy(walk, work); }
        Progress operator()(const VerifyWork& work) const { return walk_verify(walk, work); }
        Progress operator()(const AwaitWork& work) const { return walk_await(walk, work); }
        Progress operator()(RouteWork& work) const { return walk_route(walk, work); }
    } const walker{walk};
    return std::visit(walker, walk.step.work);
}

bool is_done(const Step& step) {
    return step.status == StepStatus::success || step.status == StepStatus::skipped;
}

}  // namespace

Progress pass_step(const Walk& walk, StepStatus status) {
    walk.step.status = status;
    walk.step.finished_at = walk.turn.now;
    walk.step.ended = walk.turn.lived;
    walk.turn.save(walk.release, walk.step);
    return Progress::passed;
}

void pause(const Walk& walk, std::vector<Hold> holds, bool idle) {
    auto& [turn, release, step, substitutes] = walk;
    add_holds(turn, release.key, holds);
    if (idle && !release.paused_at) {
        release.paused_at = turn.lived;
        release.status = ReleaseStatus::paused;
        turn.save(release);
    }
    if (release.holds != holds) {
        release.holds = std::move(holds);
        turn.save(release);
    }
}

void resume(const Walk& walk) {
    auto& [turn, release, step, substitutes] = walk;
    if (!release.holds.empty()) {
        release.holds.clear();
        turn.save(release);
    }
    if (release.status != ReleaseStatus::paused) return;
    const auto pause = turn.lived - *release.paused_at;
    if (release.deadline) *release.deadline += pause;
    if (step.deadline) {
        *step.deadline += pause;
        turn.save(release, step);
    }
    release.paused_at.reset();
    release.status = ReleaseStatus::running;
    turn.save(release);
}

void wait_until(const Walk& walk, Hold hold, Lived end) {
    hold.until = walk.turn.wall(end);
    walk.turn.wake(walk.release.key, end);
    add_holds(walk.turn, walk.release.key, {std::move(hold)});
}

void remove_from_steps(Turn& turn, Release& release, const std::set<std::string>& targets) {
    if (targets.empty()) return;
    for (auto& step : release.steps) {
        const auto left = [&](const std::string& name) { return targets.contains(name); };
        auto* work = deploy_of(step);
        if (!work || std::erase_if(work->targets, left) == 0) continue;
        work->required = static_cast<int>(work->targets.size());
        turn.save(release, step);
    }
}

bool advance_steps(Turn& turn, Release& release) {
    Substitutes substitutes(turn, release);
    for (auto& step : release.steps) {
        if (is_done(step)) continue;
        if (walk_step({turn, release, step, substitutes}) == Progress::stays) return false;
    }
    return true;
}

void keep_watching(Turn& turn, Release& release) {
    Substitutes substitutes(turn, release);
    watch_superseded(
        {turn, release, *std::ranges::find_if_not(release.steps, is_done), substitutes});
}

const Step* current_step(const Release& release) {
    const auto found = std::ranges::find_if_not(release.steps, is_done);
    return found == release.steps.end() ? nullptr : &*found;
}

bool is_watching(const Release& release) {
    const auto* step = current_step(release);
    if (!step || step->status != StepStatus::running) return false;
    return kind_of(*step) == StepKind::verify ||
           (kind_of(*step) == StepKind::await && is_verified_before(release, *step));
}

}  // namespace tidegate::engine
