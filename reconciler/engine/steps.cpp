#include "reconciler/engine/steps.h"

#include <algorithm>
#include <set>
#include <utility>

#include "reconciler/engine/admission.h"
#include "reconciler/engine/dispatch.h"
#include "reconciler/engine/facts.h"
#include "reconciler/engine/substitutes.h"
#include "schema/base/limits.h"

namespace tidegate::engine {
namespace {

/// Bounds the batch that one look persists.
constexpr int kDispatchesPerLook = 500;

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
    if (!release.paused_at) return;
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

/// A dispatch may not take what is unavailable or changing over the step's budget; moving what is
/// unavailable already takes nothing more away.
class Budget {
public:
    Budget(const State& state, const AssignmentKey& key, const Step& step)
        : limit_(step.max_unavailable), away_(unavailable_targets(state, key)) {
        const auto& assignment = state.assignments.at(key);
        for (const auto& id : assignment.in_flight) {
            const auto& entry = state.outbox.at(id);
            const bool counts =
                !entry.restore && wished_target(assignment, entry.action.key.target);
            changing_ += counts ? 1 : 0;
        }
    }
    [[nodiscard]] bool allows(const std::string& name) const {
        if (limit_ == 0) return true;
        return away_.contains(name) ? changing_ < limit_ : static_cast<int>(away_.size()) < limit_;
    }
    void take(const std::string& name) {
        away_.insert(name);
        ++changing_;
    }
    [[nodiscard]] Hold hold() const {
        return {"budget",
                fmt::format("max_unavailable {} is used up by {}", limit_,
                            some_of({away_.begin(), away_.end()})),
                {}};
    }

private:
    int limit_;
    int changing_ = 0;
    std::set<std::string> away_;
};

void extend_deadline(Turn& turn, Release& release, Step& step, const Action& action) {
    const auto size = static_cast<int>(step.targets.size());
    const int at_once = step.max_unavailable > 0 ? std::min(step.max_unavailable, size) : size;
    const int waves = (size + at_once - 1) / std::max(1, at_once);
    const auto bound = waves * (action.deadline + action.start_within) + step.verify_duration +
                       limits::kStepDeadlineSlack;
    const auto deadline =
        step.began.value_or(turn.lived) + std::max<Seconds>(bound, limits::kStepDeadlineMin);
    if (step.deadline && *step.deadline >= deadline) return;
    step.deadline = deadline;
    turn.save(release, step);
}

Hold busy_hold(const std::vector<std::string>& names) {
    return {"busy", fmt::format("waits for the end of earlier actions on {}", some_of(names)), {}};
}

/// Returns holds of what could not be dispatched.
std::vector<Hold> dispatch_waiting(Turn& turn, Release& release, Step& step) {
    std::vector<Hold> holds;
    std::vector<std::string> busy;
    const auto& assignment = turn.state.assignments.at(release.key);
    Budget budget(turn.state, release.key, step);
    int sent = 0;
    for (const auto& name : step.targets) {
        if (release.targets.at(name).status != TargetStatus::waiting) continue;
        if (sent == kDispatchesPerLook) {
            turn.wake(release.key, turn.now);
            break;
        }
        const auto* target = wished_target(assignment, name);
        if (!target || reach(turn.state, release.key, *target, turn.lived) != Reach::online)
            continue;
        if (turn.state.outbox_by_key.contains(key_of(release.key, name))) {
            busy.push_back(name);
            continue;
        }
        if (!budget.allows(name)) {
            holds.push_back(budget.hold());
            break;
        }
        if (!dispatch(turn, release, *target, {step.index, false})) {
            holds.push_back({"loading", "reads the definition from Git", {}});
            break;
        }
        admit(turn, release, step);
        budget.take(name);
        ++sent;
        extend_deadline(turn, release, step,
                        turn.state.outbox.at(release.targets.at(name).action).action);
    }
    if (!busy.empty()) holds.push_back(busy_hold(busy));
    return holds;
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
    if (step.deadline && !release.paused_at) turn.wake(release.key, *step.deadline);
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
