#include "policies/promote.h"
#include "reconciler/engine/dispatch.h"
#include "reconciler/engine/facts.h"
#include "reconciler/engine/release_machine.h"
#include "reconciler/engine/verify.h"
#include "reconciler/engine/walk.h"
#include "schema/base/limits.h"

namespace tidegate::engine {
namespace {

void begin(const Walk& walk) {
    auto& [turn, release, step, substitutes] = walk;
    step.status = StepStatus::running;
    step.started_at = turn.now;
    step.began = turn.lived;
    step.deadline = release.deadline;  // it stands still with the release's
    turn.save(release, step);
    turn.notify(NoticeKind::promote_awaited, release.key, release.id,
                fmt::format("{}: {} waits for a promote past step {}", release.key.text(),
                            release.to, step.entry));
}

Hold hold_of(const Walk& walk, const AwaitWork& work, const std::string& why_not) {
    auto& [turn, release, step, substitutes] = walk;
    const auto who = work.approver ? "an approver" : "a person";
    const auto up_to = step.entry == 0 ? "--full" : fmt::format("--step {}", step.entry);
    auto reason =
        fmt::format("{} has to promote {} past step {}: tidegate promote {} {} {}", who, release.to,
                    step.entry, release.key.project, release.key.environment, up_to);
    if (!why_not.empty()) reason += "; " + why_not;
    Hold hold{"await", std::move(reason), {}};
    if (work.timeout) hold.until = turn.wall(*step.began + *work.timeout);
    return hold;
}

/// Why time that runs out takes nothing back here; empty = it does.
std::string keeps_because(const Walk& walk) {
    const auto& assignment = walk.turn.state.assignments.at(walk.release.key);
    if (rules_of(assignment)->rollback.granularity == Granularity::single_target)
        return "granularity is single_target";
    return why_no_rollback(assignment, walk.release);
}

bool is_too_late(const Walk& walk, const AwaitWork& work) {
    return work.timeout && walk.turn.lived >= *walk.step.began + *work.timeout;
}

}  // namespace

/// The release's deadlines stand still; what the targets' agents find counts as before. A promote
/// goes with the health of that moment: it waits for those who cannot tell.
Progress walk_await(const Walk& walk, const AwaitWork& work) {
    auto& [turn, release, step, substitutes] = walk;
    const auto& wish = *turn.state.assignments.at(release.key).wish;
    if (step.status != StepStatus::running) begin(walk);
    std::vector<Hold> holds;
    if (is_verified_before(release, step))
        holds = watch_holds(release, tend_watches(turn, release, step, limits::kAwaitWatch, true));
    const auto& good = release.last_good;
    auto why_not = why_not_promoted(
        wish, {release.to, step.entry, work.approver, good ? &good->digest : nullptr});
    if (!why_not && holds.empty()) {
        resume(walk);
        return pass_step(walk, StepStatus::success);
    }
    const bool late = why_not && is_too_late(walk, work);
    const auto kept = late ? keeps_because(walk) : "";
    if (late && kept.empty()) {
        take_back(turn, release,
                  fmt::format("nobody promoted it past step {} in time", step.entry));
        return Progress::stays;
    }
    if (!kept.empty()) *why_not += (why_not->empty() ? "" : "; ") + ("it stays, as " + kept);
    if (work.timeout && !late) turn.wake(release.key, *step.began + *work.timeout);
    if (why_not) holds.push_back(hold_of(walk, work, *why_not));
    pause(walk, std::move(holds), true);
    return Progress::stays;
}

void watch_superseded(const Walk& walk) {
    auto& [turn, release, step, substitutes] = walk;
    if (const auto* work = std::get_if<VerifyWork>(&step.work)) {
        if (walk_verify(walk, *work) == Progress::passed) turn.touch(release.key);
        return;
    }
    auto holds = watch_holds(release, tend_watches(turn, release, step, limits::kAwaitWatch, true));
    add_holds(turn, release.key, holds);
}

bool is_verified_before(const Release& release, const Step& step) {
    for (auto i = static_cast<std::size_t>(step.index); i-- > 0;) {
        const auto kind = kind_of(release.steps[i]);
        if (kind != StepKind::await) return kind == StepKind::verify;
    }
    return false;
}

}  // namespace tidegate::engine
