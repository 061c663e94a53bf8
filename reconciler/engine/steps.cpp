#include "reconciler/engine/steps.h"

#include <algorithm>
#include <set>
#include <utility>

#include "reconciler/engine/admission.h"
#include "reconciler/engine/dispatch.h"
#include "reconciler/engine/facts.h"
#include "reconciler/engine/step_dispatch.h"
#include "reconciler/engine/substitutes.h"
#include "schema/base/limits.h"

namespace tidegate::engine {
namespace {

struct Count {
    int verified = 0;
    int waiting = 0;
    int running = 0;
};

Count count(const Release& release, const Step& step) {
    Count count;
    for (const auto& name : step.targets) {
        const auto status = release.targets.at(name).status;
        if (status == TargetStatus::success) ++count.verified;
        if (status == TargetStatus::waiting) ++count.waiting;
        if (status == TargetStatus::dispatched || status == TargetStatus::unreported)
            ++count.running;
    }
    return count;
}

/// Deadlines stand still while gates hold the release and nothing runs.
void pause(Turn& turn, Release& release, std::vector<Hold> holds, bool idle) {
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

void resume(Turn& turn, Release& release, Step& step) {
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

enum class Progress { stays, passed };

Progress pass_step(Turn& turn, Release& release, Step& step, StepStatus status) {
    step.status = status;
    step.finished_at = turn.now;
    step.ended = turn.lived;
    turn.save(release, step);
    return Progress::passed;
}

/// All of the step's targets are verified: when its verify_duration is over, too.
Lived soak_ends(const Release& release, const Step& step) {
    auto end = step.began.value_or(Lived{});
    for (const auto& name : step.targets)
        end = std::max(end, release.targets.at(name).ended.value_or(end));
    return end + step.verify_duration;
}

/// Of the last one that moved something: an empty one is no reason to wait once more.
std::optional<Lived> former_end(const Release& release, const Step& step) {
    for (auto i = static_cast<std::size_t>(step.index); i-- > 0;)
        if (release.steps[i].status == StepStatus::success) return release.steps[i].ended;
    return std::nullopt;
}

void wait_until(Turn& turn, const Release& release, Hold hold, Lived end) {
    hold.until = turn.wall(end);
    turn.wake(release.key, end);
    add_holds(turn, release.key, {std::move(hold)});
}

/// Never passed over: what the step is for (traffic, an approval) has not happened.
Progress hold_unsupported(Turn& turn, Release& release, const Step& step) {
    pause(turn, release,
          {{"unsupported",
            fmt::format("step {} ({}) is not acted on yet", step.index, to_string(step.kind)),
            {}}},
          true);
    return Progress::stays;
}

Progress advance_step(Turn& turn, Release& release, Step& step, Substitutes& substitutes) {
    if (step.kind != StepKind::deploy) return hold_unsupported(turn, release, step);
    if (step.targets.empty()) return pass_step(turn, release, step, StepStatus::skipped);
    const auto before = count(release, step);
    if (before.waiting == 0 && before.running == 0 && before.verified >= step.required) {
        const auto end = soak_ends(release, step);
        if (turn.lived >= end) return pass_step(turn, release, step, StepStatus::success);
        wait_until(turn, release, {"verify", fmt::format("step {} is watched", step.index), {}},
                   end);
        return Progress::stays;
    }
    if (before.waiting == 0) return Progress::stays;
    if (const auto end = former_end(release, step); end && turn.lived < *end + step.wait_before) {
        wait_until(turn, release, {"interval", fmt::format("pause before step {}", step.index), {}},
                   *end + step.wait_before);
        return Progress::stays;
    }
    auto holds = dispatch_holds(turn, release.key, question_of(release, {step.index, false}));
    if (!holds.empty()) {
        pause(turn, release, std::move(holds), before.running == 0);
        return Progress::stays;
    }
    substitutes.replace(step, holds);
    if (step.targets.empty()) return advance_step(turn, release, step, substitutes);
    for (auto& hold : dispatch_waiting(turn, release, step)) holds.push_back(std::move(hold));
    const auto after = count(release, step);
    if (after.running > 0 || holds.empty()) {
        resume(turn, release, step);
        add_holds(turn, release.key, holds);
    } else {
        pause(turn, release, std::move(holds), true);
    }
    return after.waiting + after.running == 0 ? advance_step(turn, release, step, substitutes)
                                              : Progress::stays;
}

}  // namespace

void remove_from_steps(Turn& turn, Release& release, const std::set<std::string>& targets) {
    if (targets.empty()) return;
    for (auto& step : release.steps) {
        const auto left = [&](const std::string& name) { return targets.contains(name); };
        if (std::erase_if(step.targets, left) == 0) continue;
        step.required = static_cast<int>(step.targets.size());
        turn.save(release, step);
    }
}

bool advance_steps(Turn& turn, Release& release) {
    Substitutes substitutes(turn, release);
    for (auto& step : release.steps) {
        if (step.status == StepStatus::success || step.status == StepStatus::skipped) continue;
        if (advance_step(turn, release, step, substitutes) == Progress::stays) return false;
    }
    return true;
}

}  // namespace tidegate::engine
