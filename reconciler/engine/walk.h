#pragma once
/// The walkers: one for each kind of work that a step may be (schema/model/release.h). A walker
/// looks at its step as often as something may have changed, does what can be done now, and says
/// whether the step is over. To add a kind: an alternative of `Work`, a walker here, and a file.
///
/// A canary of 10 % of 20 hosts, watched for ten minutes, then a person's word, then all:
///
///     0 deploy 2    walk_deploy: two actions leave, both succeed              → passed
///     1 verify 10m  walk_verify: both agents watch; both say well in time     → passed
///     2 await       walk_await:  they go on watching; a promote is accepted   → passed
///     3 deploy 18   walk_deploy: 5 at a time (max_unavailable 25 %), to the end
///
/// A target that fails in any of them is a bad verdict (verdict.h): no walker ends a release.

#include "reconciler/engine/substitutes.h"
#include "reconciler/engine/turn.h"

namespace tidegate::engine {

enum class Progress { stays, passed };

/// What a walker works on; lives for one look.
struct Walk {
    Turn& turn;
    Release& release;
    Step& step;
    Substitutes& substitutes;
};

Progress walk_deploy(const Walk& walk, DeployWork& work);
Progress walk_verify(const Walk& walk, const VerifyWork& work);
Progress walk_await(const Walk& walk, const AwaitWork& work);
/// Gives a share of the traffic to what was deployed (sides.h).
Progress walk_route(const Walk& walk, RouteWork& work);
/// A verify was there before that await: then those that have the version go on being watched.
[[nodiscard]] bool is_verified_before(const Release& release, const Step& step);
/// Of a release that is superseded: only what its targets' agents find counts still.
void watch_superseded(const Walk& walk);

// What walkers share.

/// As people know it: what a promote counts, where there is such a thing.
[[nodiscard]] inline int number_of(const Step& step) {
    return step.entry > 0 ? step.entry : step.index;
}
[[nodiscard]] Progress pass_step(const Walk& walk, StepStatus status);
/// The release's deadlines stand still from now on, while nothing of it runs (`idle`); `holds` say
/// for what.
void pause(const Walk& walk, std::vector<Hold> holds, bool idle);
/// They go on, by as much later.
void resume(const Walk& walk);
/// Says that it waits, and looks again at its end.
void wait_until(const Walk& walk, Hold hold, Lived end);

}  // namespace tidegate::engine
