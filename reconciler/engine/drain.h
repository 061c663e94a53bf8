#pragma once
/// Traffic of strategies without slots: a target gets none while something is done to it. Part of
/// the route, as desired state (`Sides::out`); it is sent, looked at and set again as any other.
///
///     in service ─asked for→ out ─every router that is there says so→ at weight 0
///         ↑                   │           └ no session left, or drain_timeout → it may be changed
///         │                   └ nobody asks, nothing is on its way there, and it is well
///         └─ every router says so ─ returning ←┘
///
/// `served` says who gets requests by the route of now, `out` who gets none for now: one that
/// returns is in both, until that route is in force.
///
/// Who is about to change a target asks for it at each look (leave_service); what goes out or comes
/// back is found at the end of the look (settle_drains). So a pause, a newer wish, a target that is
/// away and a restart need nothing of their own: what nobody asks for any more is back in service.
/// What failed stays out until it is well.
///
///     look 1   asks for web-1                       → out {web-1}, route 7
///     look 2   route 7 is in force, no sessions     → asks for web-1, which is sent its action
///     look 3   it is done, and its checks passed    → web-1 returns, route 8
///     look 4   route 8 is in force                  → out {}: web-2 is next, or the step passes
///
/// While a route is on its way nobody else goes out: never are more without traffic than the step's
/// budget allows. A way back waits for no router, and for no session, longer than `switch_timeout`.

#include <optional>
#include <set>
#include <string>

#include "reconciler/engine/walk.h"

namespace tidegate::engine {

/// Its strategy has traffic, and no slots to deploy beside what serves.
[[nodiscard]] bool drains_first(const State& state, const AssignmentKey& key);
/// Whether something may be done to it now. Else it is to be asked for again at the next look.
[[nodiscard]] bool leave_service(Turn& turn, const Release& release, const std::string& target);
/// Those that get nothing for now: they use up max_unavailable as those that are changing.
[[nodiscard]] std::set<std::string> out_of_service(const State& state, const AssignmentKey& key,
                                                   Lived now);
/// Somebody is on the way out of traffic, or back.
[[nodiscard]] bool is_under_way(const State& state, const AssignmentKey& key);
/// Routers have let it wait for `switch_timeout`, which people are told once.
[[nodiscard]] std::optional<Hold> overdue_hold(Turn& turn, const Release& release);
/// All that a step has deployed gets its traffic again, and routers say so.
[[nodiscard]] bool are_ready(const Walk& walk, const DeployWork& work);

// Once per look.

/// After what was heard: what is at weight 0 by now, and since when routers are late.
void note_drained(Turn& turn, const AssignmentKey& key);
/// After all that was asked for: the route of now, and what is waited for.
void settle_drains(Turn& turn, const AssignmentKey& key);

}  // namespace tidegate::engine
