#include "reconciler/engine/admission.h"

#include <algorithm>
#include <utility>

#include "reconciler/engine/facts.h"

namespace tidegate::engine {
namespace {

/// From here on the way back to last good leads over an irreversible change.
void mark_forward_only(Turn& turn, const Release& release) {
    auto good = turn.state.assignments.at(release.key).good;
    if (!release.forward_only || !good || good->forward_only) return;
    good->forward_only = true;
    good->forward_by = release.id;
    turn.put(*good);
}

void unmark_forward_only(Turn& turn, const Release& release) {
    auto good = turn.state.assignments.at(release.key).good;
    if (!good || good->forward_by != release.id) return;
    good->forward_only = false;
    good->forward_by.clear();
    turn.put(*good);
}

bool is_any_touched(const Release& release, const Step& step) {
    return std::ranges::any_of(targets_of(step), [&](const std::string& name) {
        return is_touched(release.targets.at(name));
    });
}

/// What was sent is believed to have begun until its agent says that it never came.
bool may_have_begun(const State& state, const TargetProgress& progress) {
    const auto found = state.outbox.find(progress.action);
    if (found == state.outbox.end() || found->second.sent) return is_touched(progress);
    const auto agent = state.agents.find(found->second.agent);
    return agent == state.agents.end() || !agent->second.online;
}

}  // namespace

void admit(Turn& turn, Release& release, Step& step) {
    if (step.status == StepStatus::running) return;
    step.status = StepStatus::running;
    step.started_at = turn.now;
    step.began = turn.lived;
    step.admitted_at = turn.now;
    turn.save(release, step);
    if (std::exchange(release.admitted, true)) return;
    turn.save(release);
    mark_forward_only(turn, release);
}

void take_admission_back(Turn& turn, Release& release, int index) {
    const auto left = turn.state.left.find(release.id);
    const bool any = left != turn.state.left.end();
    auto& step = release.steps.at(static_cast<std::size_t>(index));
    const bool began = any && left->second >= index && is_any_touched(release, step);
    if (step.status == StepStatus::running && !began) {
        step.status = StepStatus::pending;
        step.started_at.reset();
        step.began.reset();
        step.admitted_at.reset();
        step.deadline.reset();
        if (any) left->second = std::min(left->second, index - 1);
        turn.save(release, step);
    }
    const bool touched = any && std::ranges::any_of(release.targets, [](const auto& entry) {
                             return is_touched(entry.second);
                         });
    if (touched) return;
    turn.state.left.erase(release.id);
    if (!std::exchange(release.admitted, false)) return;
    turn.save(release);
    unmark_forward_only(turn, release);
}

GateQuestion question_anew(const State& state, const Release& release, const Order& order) {
    auto question = question_of(release, order);
    if (order.restore) return question;
    const auto begun = [&](const std::string& name) {
        return may_have_begun(state, release.targets.at(name));
    };
    const auto& step = release.steps.at(static_cast<std::size_t>(order.step));
    question.step_admitted = question.step_admitted && std::ranges::any_of(targets_of(step), begun);
    question.release_admitted =
        question.release_admitted &&
        std::ranges::any_of(release.targets, [&](const auto& entry) { return begun(entry.first); });
    return question;
}

}  // namespace tidegate::engine
