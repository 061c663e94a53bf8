#include <utility>

#include "reconciler/engine/admission.h"
#include "reconciler/engine/dispatch.h"
#include "reconciler/engine/drain.h"
#include "reconciler/engine/facts.h"
#include "reconciler/engine/step_dispatch.h"
#include "reconciler/engine/walk.h"

namespace tidegate::engine {
namespace {

struct Count {
    int deployed = 0;
    int waiting = 0;
    int running = 0;
};

Count count(const Release& release, const DeployWork& work) {
    Count count;
    for (const auto& name : work.targets) {
        const auto status = release.targets.at(name).status;
        if (status == TargetStatus::success) ++count.deployed;
        if (status == TargetStatus::waiting) ++count.waiting;
        if (status == TargetStatus::dispatched || status == TargetStatus::unreported)
            ++count.running;
    }
    return count;
}

/// Of the last one that moved something: an empty one is no reason to wait once more.
std::optional<Lived> former_end(const Release& release, const Step& step) {
    for (auto i = static_cast<std::size_t>(step.index); i-- > 0;)
        if (const auto& former = release.steps[i];
            deploy_of(former) && former.status == StepStatus::success)
            return former.ended;
    return std::nullopt;
}

}  // namespace

Progress walk_deploy(const Walk& walk, DeployWork& work) {
    auto& [turn, release, step, substitutes] = walk;
    if (work.targets.empty()) return pass_step(walk, StepStatus::skipped);
    const auto before = count(release, work);
    if (before.waiting == 0 && before.running == 0 && before.deployed >= work.required)
        return are_ready(walk, work) ? pass_step(walk, StepStatus::success) : Progress::stays;
    if (before.waiting == 0) return Progress::stays;
    if (const auto end = former_end(release, step); end && turn.lived < *end + work.wait_before) {
        wait_until(walk, {"interval", fmt::format("pause before step {}", step.index), {}},
                   *end + work.wait_before);
        return Progress::stays;
    }
    auto holds = dispatch_holds(turn, release.key, question_of(release, {step.index, false}));
    if (!holds.empty()) {
        pause(walk, std::move(holds), before.running == 0);
        return Progress::stays;
    }
    substitutes.replace(step, work, holds);
    if (work.targets.empty()) return walk_deploy(walk, work);
    for (auto& hold : dispatch_waiting(turn, release, step, work)) holds.push_back(std::move(hold));
    const auto after = count(release, work);
    if (after.running > 0 || holds.empty()) {
        resume(walk);
        add_holds(turn, release.key, holds);
    } else {
        pause(walk, std::move(holds), true);
    }
    return after.waiting + after.running == 0 ? walk_deploy(walk, work) : Progress::stays;
}

}  // namespace tidegate::engine
