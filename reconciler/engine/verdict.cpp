#include <algorithm>
#include <utility>

#include "reconciler/engine/blocks.h"
#include "reconciler/engine/dispatch.h"
#include "reconciler/engine/facts.h"
#include "reconciler/engine/release_machine.h"
#include "reconciler/engine/sides.h"
#include "reconciler/engine/unreported.h"
#include "reconciler/engine/verify.h"
#include "schema/base/limits.h"

namespace tidegate::engine {
namespace {

bool is_bad(const TargetProgress& progress) {
    return progress.status == TargetStatus::failed || progress.status == TargetStatus::unknown ||
           (progress.status == TargetStatus::cancelled && !progress.action.empty());
}

void block_targets(Turn& turn, const Release& release) {
    for (const auto& [name, progress] : release.targets) {
        if (is_lost(turn.state, progress)) continue;
        if (is_bad(progress) || progress.status == TargetStatus::unreported ||
            progress.status == TargetStatus::dispatched)
            block(turn, release, progress);
    }
}

/// Once per release: what a person lifted since then stays lifted. By the wish of now where it asks
/// for the same: it was said before the verdict, so it lifts nothing, read again or not.
void quarantine(Turn& turn, Release& release, const std::string& reason) {
    if (std::exchange(release.condemned, true)) return;
    turn.save(release);
    if (quarantine_of(turn.state, release.key, release.digest)) return;
    Quarantine made{release.key,           release.digest, release.to, release.id,
                    release.digest_commit, release.retry,  reason,     turn.now};
    const auto& wish = turn.state.assignments.at(release.key).wish;
    if (wish && wish->definition->digest == release.digest) {
        made.digest_commit = wish->intent.digest_commit;
        made.retry = wish->retry;
    }
    turn.put(made);
    turn.audit("quarantine.set", release.key.text(), release.commit,
               json_object({{"digest", release.digest.hex()},
                            {"version", release.to},
                            {"release", release.id},
                            {"reason", reason}}));
}

void fail_running_steps(Turn& turn, Release& release) {
    for (auto& step : release.steps)
        if (step.status == StepStatus::running) {
            step.status = StepStatus::failed;
            step.finished_at = turn.now;
            turn.save(release, step);
        }
}

/// Why the change stays in Git; empty = it is taken back.
std::string keep_reason(const Assignment& rules, const Release& release) {
    if (rules.intent.by_daemon && rules.intent.commit == release.commit)
        return "a revert is never reverted";
    if (rules.rollback.granularity == Granularity::single_target)
        return "granularity is single_target: only what failed was restored; a person decides";
    return "";
}

void begin_rollback(Turn& turn, Release& release, const Assignment& rules,
                    const std::string& reason) {
    fail_running_steps(turn, release);
    end_watches(turn, release);
    release.status = ReleaseStatus::rolling_back;
    release.reason = reason;
    release.paused_at.reset();
    release.holds.clear();
    const auto time = rules.rollback.deadline.value_or(Seconds(limits::kRollbackDeadline));
    release.deadline = turn.lived + time;
    release.all_back_at =
        turn.lived + (is_beside(turn.state, release)
                          ? Milliseconds{rules.strategy.switch_timeout}
                          : std::min<Milliseconds>(limits::kRollbackInTurns, time / 2));
    for (auto& [name, progress] : release.targets) {
        const bool well = progress.status == TargetStatus::success;
        if (progress.attempt == 0 && progress.was_well == well) continue;
        progress.attempt = 0;
        progress.was_well = well;
        turn.save(release, progress);
    }
    release.revert_note = keep_reason(rules, release);
    if (!release.revert_note.empty()) {
        release.revert = RevertState::not_needed;
    } else {
        release.revert = RevertState::wanted;
        turn.state.reverts[release.id];
    }
    turn.save(release);
    turn.audit("release.rolling_back", release.key.text(), release.commit,
               json_object({{"release", release.id}, {"reason", reason}}));
    turn.notify(NoticeKind::rollback_started, release.key, release.id,
                fmt::format("{}: {} is rolled back: {}", release.key.text(), release.to, reason));
    advance_rollback(turn, release);
}

}  // namespace

std::string why_no_rollback(const AssignmentState& assignment, const Release& release) {
    if (release.forward_only) return "it is forward_only";
    if (assignment.good && assignment.good->forward_only)
        return "last good is on the far side of a forward_only release";
    const auto* rules = rules_of(assignment);
    if (!rules) return "it is no longer in Git";
    if (!rules->strategy.auto_rollback.value_or(rules->rollback.auto_rollback))
        return "auto_rollback is off";
    return "";
}

std::string find_verdict(const Turn& turn, const Release& release) {
    for (const auto& [name, progress] : release.targets)
        if (is_bad(progress) && !is_lost(turn.state, progress))
            return fmt::format("{}: {}{}{}", name, to_string(progress.status),
                               progress.error.empty() ? "" : ": ", progress.error);
    if (auto overdue = find_overdue(turn, release); !overdue.empty()) return overdue;
    if (release.paused_at) return "";
    if (release.deadline && turn.lived >= *release.deadline)
        return "the release was not done by its deadline";
    return "";
}

void take_back(Turn& turn, Release& release, const std::string& reason) {
    const auto& assignment = turn.state.assignments.at(release.key);
    const bool introduces = release.kind == ReleaseKind::introduce;
    const auto freeze = introduces ? why_no_rollback(assignment, release) : "";
    if (introduces && freeze.empty())
        return begin_rollback(turn, release, *rules_of(assignment), reason);
    // What hangs beyond its deadline stays in the outbox, so that nothing else goes there.
    if (const auto until = awaited_until(turn, release)) return turn.wake(release.key, *until);
    if (!introduces) block_targets(turn, release);
    fail_running_steps(turn, release);
    end_release(turn, release, ReleaseStatus::failed,
                freeze.empty() ? reason : fmt::format("{}; not rolled back: {}", reason, freeze));
}

void condemn(Turn& turn, Release& release, const std::string& reason) {
    if (release.kind == ReleaseKind::introduce) quarantine(turn, release, reason);
    take_back(turn, release, reason);
}

}  // namespace tidegate::engine
