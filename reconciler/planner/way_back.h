#pragma once
/// The way back of a release as a list of steps, as they stand at this moment: before a bad verdict
/// what a failure now would undo, from it on how far each of them is. Engine, forecast, API and
/// page tell the same ones; the engine walks them (reconciler/engine/rollback.cpp).
///
/// A rolling release of 1.5.0 that reached web-1 and web-2, and the same once web-2 is back:
///
/// ```
/// 0  restore   1.4.0 on web-1 web-2             pending    running, 1 of 2
/// 1  verify    1.4.0 by its own checks there    pending    running, 1 of 2
/// ```
/// A blue_green in green, of which 25 % of the traffic go there, and the same once it is taken
/// back:
///
/// ```
/// 0  route     all traffic to blue              pending    success, 2 of 2 routers
/// 1  remove    green from web-1 … web-4         pending    running, 3 of 4
/// ```
/// A first install without slots, `auto_rollback: false`, `forward_only`: one step of kind nothing,
/// which says why.

#include <set>
#include <string>
#include <vector>

#include "schema/model/release.h"
#include "schema/model/rules.h"

namespace tidegate::planner {

enum class BackKind { route, restore, remove, verify, nothing };
constexpr auto enum_names(BackKind) {
    return std::array{"route"sv, "restore"sv, "remove"sv, "verify"sv, "nothing"sv};
}

struct BackStep {
    int index = 0;  ///< from 0, as steps of a release
    BackKind kind = BackKind::nothing;
    std::string does;  ///< in words
    StepStatus status = StepStatus::pending;
    std::vector<std::string> targets;  ///< of a route none
    int done = 0;                      ///< of the targets; of a route: routers
    int all = 0;
};

/// What of its assignment the way back of a release depends on.
struct Situation {
    std::string live{};   ///< the slot that serves; empty: what is there without slots, or nothing
    bool serves = false;  ///< something does that traffic can go back to
    Granularity granularity = Granularity::all;
    std::string stays{};  ///< why nothing would be undone; empty: it would
    int routers = 0;
    int in_force = 0;                 ///< of them, the route of now
    std::set<std::string> in_slot{};  ///< targets on which something of it is left in its slot
};

/// It has one of the two slots to itself, beside what serves: what is undone there nobody notices.
[[nodiscard]] bool works_beside(const Release& release);
/// Its verdict was bad, and it goes back, or went.
[[nodiscard]] bool is_taken_back(const Release& release);
/// Something of the release may be on the target, and it is not back yet.
[[nodiscard]] bool is_touched(const TargetProgress& progress);
/// What the release's slot holds there is what it brought, or what a failed action of it left.
[[nodiscard]] bool is_left(const Installation& in_its_slot, const TargetProgress& progress);
/// A bad verdict takes it back: under `single_target` not what is well.
[[nodiscard]] bool goes_back(const TargetProgress& progress, Granularity granularity);

/// Empty: a failure has nothing to do with it (no introduce), it has not begun, or ended otherwise.
[[nodiscard]] std::vector<BackStep> compile_rollback(const Release& release,
                                                     const Situation& situation);

/// The release as at its begin, and as when that step of it is under way: what a failure there
/// would undo, before it comes so far.
[[nodiscard]] Release rewound(Release release);
void advance_to(Release& rewound, const Step& step);

}  // namespace tidegate::planner
