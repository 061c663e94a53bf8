#include <algorithm>

#include "reconciler/engine/admission.h"
#include "reconciler/engine/facts.h"
#include "reconciler/engine/intake.h"
#include "reconciler/engine/trouble.h"
#include "reconciler/engine/verify.h"
#include "schema/base/limits.h"

namespace tidegate::engine {
namespace {

TargetStatus forward_status(TargetProgress& progress, ActionOutcome outcome) {
    switch (outcome) {
        case ActionOutcome::done:
            return TargetStatus::success;
        case ActionOutcome::unknown:
            return TargetStatus::unknown;
        case ActionOutcome::cancelled:
            return TargetStatus::cancelled;
        case ActionOutcome::failed:
            return TargetStatus::failed;
        case ActionOutcome::refused:
            break;
    }
    if (++progress.attempt < limits::kRefusedAttemptsMax) return TargetStatus::waiting;
    return TargetStatus::failed;
}

/// The failed definition's rollback script first, last good's update path second; an effect that
/// is not known is not tried over.
TargetStatus restore_status(TargetProgress& progress, ActionOutcome outcome) {
    if (outcome == ActionOutcome::done) return TargetStatus::restored;
    if (outcome == ActionOutcome::unknown) return TargetStatus::restore_failed;
    if (++progress.attempt < limits::kRestoreAttemptsMax) return TargetStatus::failed;
    return TargetStatus::restore_failed;
}

constexpr std::string_view kRestorePrefix = "restore/";
/// Of what was tried, and of the restore after it.
constexpr std::size_t kStagesPerTargetMax = 2 * limits::kStagesPerActionMax;

/// What failed stays readable beside what its restore did.
void note_stages(TargetProgress& progress, const ActionResult& result, bool restore) {
    if (!restore) {
        progress.stages = result.stages;
        return;
    }
    std::erase_if(progress.stages,
                  [](const auto& stage) { return stage.name.starts_with(kRestorePrefix); });
    for (auto stage : result.stages) {
        stage.name.insert(0, kRestorePrefix);
        progress.stages.push_back(std::move(stage));
    }
}

/// Its target left the config, and nobody knows how it ended there: it leaves the steps, without a
/// verdict.
bool left_unknown(const Turn& turn, const OutboxEntry& entry, const TargetProgress& progress) {
    const auto& release = turn.state.releases.at(entry.action.release);
    return progress.status == TargetStatus::unknown && is_active(release.status) &&
           release.status != ReleaseStatus::rolling_back &&
           !wished_target(turn.state.assignments.at(release.key), progress.name);
}

void note_outcome(Turn& turn, const OutboxEntry& entry, const ActionResult& result) {
    auto& release = turn.state.releases.at(entry.action.release);
    if (result.outcome == ActionOutcome::refused && !result.host_trouble.empty())
        return take_trouble(turn, entry, result);
    clear_trouble(turn, place_of(entry.action.key));
    auto& progress = release.targets.at(entry.action.key.target);
    if (progress.action != result.id) return;
    progress.status = entry.restore ? restore_status(progress, result.outcome)
                                    : forward_status(progress, result.outcome);
    progress.error = result.error;
    if (progress.status == TargetStatus::waiting && is_final(release.status))
        progress.status = TargetStatus::cancelled;
    if (progress.status == TargetStatus::waiting) {  // its target may have left in the meantime
        turn.state.assignments.at(release.key).targets_changed = true;
        take_admission_back(turn, release, entry.action.step);
    }
    if (left_unknown(turn, entry, progress)) {
        progress.status = TargetStatus::waiting;
        turn.state.assignments.at(release.key).targets_changed = true;
    }
    note_stages(progress, result, entry.restore);
    progress.finished_at = turn.now;
    progress.ended = turn.lived;
    progress.agent = entry.agent;
    const auto* seen = seen_on(turn.state, entry.agent, entry.action.key);
    if (seen) progress.report = seen->report;
    turn.save(release, progress);
}

}  // namespace

void settle(Turn& turn, const std::string& agent, const ActionResult& result) {
    const auto& there = result.installation;
    // Where nothing ever was its report has no number, and no journal has it.
    const bool is_none = there.report == 0 && there.status == InstallStatus::absent;
    if (!there.key.target.empty() && !is_none) observe(turn, agent, there);
    turn.acknowledge(agent, result.id);
    if (result.kind == ActionKind::verify) return take_watch(turn, agent, result);
    const auto found = turn.state.outbox.find(result.id);
    if (found == turn.state.outbox.end() || found->second.agent != agent) return;
    note_outcome(turn, found->second, result);
    turn.audit("action.ended", result.id, found->second.action.commit,
               json_object({{"target", found->second.action.key.text()},
                            {"release", found->second.action.release},
                            {"outcome", std::string(to_string(result.outcome))},
                            {"error", result.error}}),
               "agent/" + agent);
    turn.erase_outbox(result.id);
}

void take(Turn& turn, const ActionFinished& event) { settle(turn, event.agent, event.result); }

void take(Turn& turn, const Unsent& event) {
    take_unsent_watch(turn, event.agent, event.action);
    if (event.resumes) return cancel_suspended(turn, event.agent, event.action);
    const auto found = turn.state.outbox.find(event.action);
    if (found == turn.state.outbox.end() || found->second.agent != event.agent) return;
    auto& entry = found->second;
    entry.sent = false;
    if (!entry.restore) {
        auto& release = turn.state.releases.at(entry.action.release);
        take_admission_back(turn, release, entry.action.step);
    }
    turn.touch(entry.assignment);
    turn.free_place(event.agent);
}

void take(Turn& turn, const ActionUpdated& event) {
    const auto& update = event.update;
    const auto found = turn.state.outbox.find(update.id);
    if (found == turn.state.outbox.end() || found->second.agent != event.agent) return;
    auto& release = turn.state.releases.at(found->second.action.release);
    auto& progress = release.targets.at(found->second.action.key.target);
    auto& stages = progress.stages;
    auto name = update.stage;
    if (found->second.restore) name.insert(0, kRestorePrefix);
    auto stage = std::ranges::find(stages, name, &StageResult::name);
    if (stage == stages.end()) {
        if (stages.size() >= kStagesPerTargetMax) return;
        stage = stages.insert(stages.end(), StageResult{name, {}});
    }
    auto task = std::ranges::find(stage->tasks, update.task, &TaskResult::name);
    if (task == stage->tasks.end()) {
        if (stage->tasks.size() >= limits::kTasksPerStageMax) return;
        task = stage->tasks.insert(stage->tasks.end(), TaskResult{});
        task->name = update.task;
    }
    task->status = update.status;
    turn.show(release, progress);
}

}  // namespace tidegate::engine
