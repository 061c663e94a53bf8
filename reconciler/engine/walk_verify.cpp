#include <algorithm>

#include "reconciler/engine/dispatch.h"
#include "reconciler/engine/facts.h"
#include "reconciler/engine/release_machine.h"
#include "reconciler/engine/verify.h"
#include "reconciler/engine/walk.h"
#include "schema/base/limits.h"

namespace tidegate::engine {
namespace {

/// Time for the last tries, and for agents that are away or begin anew.
Milliseconds time_of(const VerifyWork& work) {
    return work.duration + std::max<Seconds>(work.duration, limits::kAgentGrace) +
           limits::kWatchSlack + limits::kStepDeadlineSlack;
}

void begin(const Walk& walk, const VerifyWork& work) {
    auto& [turn, release, step, substitutes] = walk;
    resume(walk);  // the former step may have lost what it was held for
    step.status = StepStatus::running;
    step.started_at = turn.now;
    step.began = turn.lived;
    step.deadline = turn.lived + time_of(work);
    turn.save(release, step);
    const auto* rules = rules_of(turn.state.assignments.at(release.key));
    if (rules && rules->rollback.release_deadline) return;
    release.deadline =
        std::max(release.deadline, std::optional(*step.deadline + limits::kAgentGrace));
    turn.save(release);
}

std::vector<Hold> holds_of(const Walk& walk, const Watching& watching, Lived end) {
    auto& [turn, release, step, substitutes] = walk;
    auto holds = watch_holds(release, watching);
    for (auto& hold : holds) hold.until = turn.wall(*step.deadline);
    holds.push_back({"verify",
                     fmt::format("step {} watches {} target{}; {} passed", number_of(step),
                                 watching.total, watching.total == 1 ? "" : "s", watching.passed),
                     turn.lived < end ? std::optional(turn.wall(end)) : std::nullopt});
    return holds;
}

}  // namespace

bool brought_something(const Walk& walk) {
    return std::ranges::any_of(walk.release.steps, [](const Step& step) {
        return deploy_of(step) && step.status == StepStatus::success;
    });
}

/// All that had it left, or has another host: the release begins anew with what is there now.
Progress end_without_any(const Walk& walk) {
    if (!brought_something(walk)) return pass_step(walk, StepStatus::skipped);
    end_release(walk.turn, walk.release, ReleaseStatus::cancelled,
                "what it brought about is on no target any more");
    return Progress::stays;
}

/// Passed when every target that has the version was well for the whole time.
Progress walk_verify(const Walk& walk, const VerifyWork& work) {
    auto& [turn, release, step, substitutes] = walk;
    if (step.status != StepStatus::running) begin(walk, work);
    const auto watching = tend_watches(turn, release, step, work.duration, false);
    if (watching.total == 0) return end_without_any(walk);
    const auto end = *step.began + work.duration;
    if (watching.passed == watching.total) return pass_step(walk, StepStatus::success);
    if (turn.lived >= *step.deadline) {
        fail_watches(turn, release, step);
        return Progress::stays;
    }
    turn.wake(release.key, *step.deadline);
    if (turn.lived < end) turn.wake(release.key, end);
    add_holds(turn, release.key, holds_of(walk, watching, end));
    return Progress::stays;
}

}  // namespace tidegate::engine
