#pragma once
/// Foretells what a change of the config repo does, by the daemon's own engine: it runs on a
/// virtual clock against agents that only pretend (fleet.h).
///
///     now   base is in force, agents have told what they have, nothing moves yet
///     now   head is accepted                         ConfigChanged
///     +0s   the engine sends, agents begin           Send(Run) → begin → queue
///     +10s  the first of them ends                   ActionFinished → the next step …
///     …     nothing is on its way, and every assignment is done or waits for a person: the end
///
/// The same is done once without head. What differs between the two is the change's doing: also a
/// release that stands still today and begins because a freeze is lifted. And once more with a
/// failure at the end of each release, to tell what that would undo.
///
/// Pure: no clock (GoOn bounds the work), no Git (Answers). Deterministic.

#include <functional>
#include <memory>
#include <vector>

#include "reconciler/engine/question.h"
#include "reconciler/forecast/fleet.h"
#include "reconciler/forecast/timeline.h"

namespace tidegate::forecast {

/// The state that a forecast begins with.
struct Start {
    Timestamp now;
    std::shared_ptr<const Desired> base;
    std::shared_ptr<const Desired> head;
    std::vector<AgentNow> agents;
    std::vector<GoodState> good;
    std::vector<Quarantine> quarantines;
    std::vector<Sides> sides;  ///< their `kept_until` counts from Lived{}, which is `now`
    Durations durations;
    std::vector<Failure> failures;
};

/// All that `installed` desires is in place, well, and last good; every agent is there. As a rule
/// that is what base desires.
void make_healthy(Start& start, const Desired& installed);
inline void make_healthy(Start& start) { make_healthy(start, *start.base); }

/// What Git knows: definitions other than those of base and head. Reverts are not asked for here,
/// they succeed.
using Answers = std::function<Result<engine::Answer>(const engine::Question&)>;
/// Asked again and again; false: the time is up.
using GoOn = std::function<bool()>;

struct Surroundings {
    Answers answers;
    GoOn go_on = [] { return true; };
};

/// Of each assignment that differs between the two, or behaves otherwise. At most
/// limits::kForecastSpan ahead. `undo` is told where no failures are asked for.
[[nodiscard]] Forecast foretell(const Start& start, const Surroundings& around);

}  // namespace tidegate::forecast
