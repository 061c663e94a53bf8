#include "reconciler/engine/doubts.h"

#include <algorithm>

#include "reconciler/engine/facts.h"
#include "schema/base/limits.h"

namespace tidegate::engine {
namespace {

bool looks_twice(const State& state, const std::string& agent) {
    const auto found = state.agents.find(agent);
    return found != state.agents.end() && found->second.online && found->second.looks_twice;
}

/// What was deployed there, as its agent sees it now. Null: nobody can say, or something else is
/// there. On another host, on one that was set up anew and after another's action that says nothing
/// of the version: it catches up.
const Installation* deployed_on(const Turn& turn, const Release& release,
                                const TargetProgress& progress) {
    const auto* target = wished_target(turn.state.assignments.at(release.key), progress.name);
    const bool same = target && (progress.agent.empty() || progress.agent == target->agent);
    if (!same || !looks_twice(turn.state, target->agent)) return nullptr;
    const auto* seen = seen_in(turn.state, release, *target);
    if (!seen || seen->report < progress.report) return nullptr;
    const auto there = planner::compare({progress.desired, false}, seen);
    const bool is_it =
        there == planner::TargetState::in_sync || there == planner::TargetState::drifted;
    return is_it ? seen : nullptr;
}

/// What was known at its success is no news.
void doubt(Turn& turn, Release& release, TargetProgress& progress, const Installation& seen,
           std::vector<Hold>& holds) {
    const bool again = progress.doubted_at.has_value();
    if (progress.report != seen.report && again) {
        progress.status = TargetStatus::failed;
        progress.error = "after its success: " + seen.drift_reason;
        return turn.save(release, progress);
    }
    if (progress.report != seen.report) {
        progress.doubted_at = turn.lived;
        progress.report = seen.report;
        turn.save(release, progress);
    }
    if (progress.doubted_at)
        holds.push_back(
            {"verify",
             fmt::format("{}: {}; is looked at again", progress.name, seen.drift_reason),
             {}});
}

void reassure(Turn& turn, Release& release, TargetProgress& progress, const Installation& seen) {
    if (!progress.doubted_at) return;
    if (progress.report != seen.report) {
        progress.doubted_at = turn.lived;
        progress.report = seen.report;
        turn.save(release, progress);
    }
    const auto end = *progress.doubted_at + limits::kDoubtForgotten;
    if (turn.lived < end) return turn.wake(release.key, end);
    progress.doubted_at.reset();
    turn.save(release, progress);
}

void wake_at_deadlines(Turn& turn, const Release& release) {
    if (release.paused_at) return;  // they stand still
    if (release.deadline) turn.wake(release.key, *release.deadline);
    for (const auto& step : release.steps)
        if (step.status == StepStatus::running && step.deadline)
            turn.wake(release.key, *step.deadline);
}

}  // namespace

std::vector<Hold> doubt_deployed(Turn& turn, Release& release) {
    std::vector<Hold> holds;
    if (release.kind != ReleaseKind::introduce && release.kind != ReleaseKind::restore)
        return holds;
    for (auto& [name, progress] : release.targets) {
        if (progress.status != TargetStatus::success) continue;
        const auto* seen = deployed_on(turn, release, progress);
        if (!seen) continue;
        if (seen->drifted)
            doubt(turn, release, progress, *seen, holds);
        else
            reassure(turn, release, progress, *seen);
    }
    if (!holds.empty()) wake_at_deadlines(turn, release);
    return holds;
}

}  // namespace tidegate::engine
