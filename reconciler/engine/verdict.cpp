#include <algorithm>
#include <utility>

#include "reconciler/engine/blocks.h"
#include "reconciler/engine/dispatch.h"
#include "reconciler/engine/facts.h"
#include "reconciler/engine/release_machine.h"
#include "reconciler/engine/sides.h"
#include "reconciler/engine/steps.h"
#include "reconciler/engine/unreported.h"
#include "reconciler/engine/verify.h"
#include "schema/base/limits.h"

namespace tidegate::engine {
namespace {

bool is_bad(const TargetProgress& progress) {
    if (progress.let_go) return false;
    return progress.status == TargetStatus::failed || progress.status == TargetStatus::unknown ||
           (progress.status == TargetStatus::cancelled && !progress.action.empty());
}

/// Others prove the version, or those that it goes with may yet: were it let go otherwise, nothing
/// would. What is pinned proves nothing of it.
bool is_proven_without(const State& state, const Release& release, const std::string& name) {
    const auto step = std::ranges::find_if(release.steps, [&](const Step& each) {
        return std::ranges::find(targets_of(each), name) != targets_of(each).end();
    });
    const auto with =
        step == release.steps.end() ? std::span<const std::string>{} : targets_of(*step);
    return std::ranges::any_of(release.targets, [&](const auto& entry) {
        const auto* target = wished_target(state.assignments.at(release.key), entry.first);
        if (entry.first == name || !target || target->pinned) return false;
        const auto status = entry.second.status;
        if (status == TargetStatus::success) return true;
        const bool goes = status == TargetStatus::waiting || status == TargetStatus::dispatched;
        return goes && std::ranges::find(with, entry.first) != with.end();
    });
}

int let_go_of(const Release& release) {
    return static_cast<int>(std::ranges::count_if(
        release.targets, [](const auto& entry) { return entry.second.let_go; }));
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
    if (rules.rollback.granularity != Granularity::single_target) return "";
    return planner::works_beside(release)
               ? "granularity is single_target: the slot goes back whole, as a side serves whole "
                 "or not at all; a person decides"
               : "granularity is single_target: only what failed was restored; a person decides";
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

/// What the other slot still has is to serve again: that is found bad, and taken back, as anything
/// that is introduced.
bool is_new_there(const State& state, const Release& release) {
    return release.kind == ReleaseKind::introduce || is_beside(state, release);
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

void let_go(Turn& turn, Release& release) {
    if (release.max_failed == 0) return;
    int most = release.max_failed;
    // Beside what serves the others are to take over all of its traffic.
    if (is_beside(turn.state, release))
        most = std::min(most, static_cast<int>(release.targets.size()) / 2);
    int left = most - let_go_of(release);
    for (auto& [name, progress] : release.targets) {
        if (left <= 0) return;
        if (!is_bad(progress) || is_lost(turn.state, progress) ||
            !is_proven_without(turn.state, release, name))
            continue;
        --left;
        progress.let_go = true;
        progress.attempt = 0;
        turn.save(release, progress);
        block(turn, release, progress);
        remove_from_steps(turn, release, {name});
        turn.audit(
            "target.let_go", release.key.text(), release.commit,
            json_object({{"release", release.id}, {"target", name}, {"error", progress.error}}));
    }
}

std::string find_verdict(const Turn& turn, const Release& release) {
    for (const auto& [name, progress] : release.targets)
        if (is_bad(progress) && !is_lost(turn.state, progress))
            return fmt::format("{}: {}{}{}{}", name, to_string(progress.status),
                               progress.error.empty() ? "" : ": ", progress.error,
                               let_go_of(release) > 0
                                   ? fmt::format("; {} failed before it, max_failed is {}",
                                                 let_go_of(release), release.max_failed)
                                   : "");
    if (auto overdue = find_overdue(turn, release); !overdue.empty()) return overdue;
    if (release.paused_at) return "";
    if (release.deadline && turn.lived >= *release.deadline)
        return "the release was not done by its deadline";
    return "";
}

void take_back(Turn& turn, Release& release, const std::string& reason) {
    const auto& assignment = turn.state.assignments.at(release.key);
    const bool introduces = is_new_there(turn.state, release);
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
    if (is_new_there(turn.state, release)) quarantine(turn, release, reason);
    take_back(turn, release, reason);
}

}  // namespace tidegate::engine
