#include <algorithm>

#include "reconciler/engine/admission.h"
#include "reconciler/engine/dispatch.h"
#include "reconciler/engine/facts.h"
#include "reconciler/engine/release_machine.h"
#include "reconciler/engine/sides.h"
#include "reconciler/engine/walk.h"
#include "schema/base/limits.h"

namespace tidegate::engine {
namespace {

void begin(const Walk& walk, RouteWork& work) {
    auto& [turn, release, step, substitutes] = walk;
    resume(walk);
    admit(turn, release, step);
    route_to(turn, release, work.weight);
    work.revision = turn.state.assignments.at(release.key).sides->revision;
    step.deadline = turn.lived + work.timeout;
    const auto* rules = rules_of(turn.state.assignments.at(release.key));
    if (release.deadline && !(rules && rules->rollback.release_deadline))
        release.deadline = std::max(*release.deadline, *step.deadline + limits::kAgentGrace);
    turn.save(release, step);
    turn.save(release);
}

/// Those that are away, and are to be waited for: nobody's time runs.
bool waits_for_return(const Walk& walk, const Routers& routers) {
    const auto& wish = *walk.turn.state.assignments.at(walk.release.key).wish;
    return routers.late.empty() &&
           (wish.offline == Offline::wait || walk.release.kind == ReleaseKind::uninstall);
}

bool any_is_back(const Walk& walk) {
    const auto& [turn, release, step, substitutes] = walk;
    const auto& assignment = turn.state.assignments.at(release.key);
    return std::ranges::any_of(assignment.wish->targets, [&](const DesiredTarget& target) {
        const auto progress = release.targets.find(target.name);
        const bool left_out =
            progress == release.targets.end() ||
            (progress->second.status != TargetStatus::success && !progress->second.let_go);
        return left_out && !target.pinned &&
               reach(turn.state, release.key, target, turn.lived) == Reach::online;
    });
}

}  // namespace

/// Passed when every router that is there says that the share is in force. One that cannot is no
/// proof against the version: it is taken back without a quarantine (docs/adr/0026).
Progress walk_route(const Walk& walk, RouteWork& work) {
    auto& [turn, release, step, substitutes] = walk;
    if (step.status != StepStatus::running) {
        auto holds = dispatch_holds(turn, release.key, question_of(release, {step.index, false}));
        const bool crowds = is_crowding(turn.state, release);
        if (crowds && any_is_back(walk)) {
            end_release(turn, release, ReleaseStatus::cancelled,
                        "targets that were away are back: it begins anew with them");
            return Progress::stays;
        }
        if (crowds)
            holds.push_back({"offline",
                             fmt::format("fewer than half of the targets that serve have {}: all "
                                         "traffic would go to these",
                                         release.to),
                             {}});
        if (!holds.empty()) {
            pause(walk, std::move(holds), true);
            return Progress::stays;
        }
        begin(walk, work);
    }
    const auto routers = ask_routers(turn.state, release.key, turn.lived);
    if (are_enough(turn.state, release.key, routers)) {
        resume(walk);
        return pass_step(walk, StepStatus::success);
    }
    auto hold = router_hold(routers, fmt::format("to send {} % there", work.weight));
    if (waits_for_return(walk, routers)) {
        pause(walk, {std::move(hold)}, true);
        return Progress::stays;
    }
    resume(walk);
    if (turn.lived >= *step.deadline && release.kind != ReleaseKind::uninstall) {
        take_back(turn, release,
                  fmt::format("no route in force within {}: {}", format_duration(work.timeout),
                              hold.reason));
        return Progress::stays;
    }
    if (turn.lived < *step.deadline) hold.until = turn.wall(*step.deadline);
    add_holds(turn, release.key, {std::move(hold)});
    return Progress::stays;
}

}  // namespace tidegate::engine
