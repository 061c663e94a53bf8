#include "reconciler/engine/look.h"

#include <algorithm>

#include "reconciler/engine/behind.h"
#include "reconciler/engine/departed.h"
#include "reconciler/engine/dispatch.h"
#include "reconciler/engine/drain.h"
#include "reconciler/engine/facts.h"
#include "reconciler/engine/gone.h"
#include "reconciler/engine/next.h"
#include "reconciler/engine/release_machine.h"
#include "reconciler/engine/sides.h"
#include "reconciler/engine/trouble.h"
#include "reconciler/engine/unreported.h"
#include "schema/base/limits.h"

namespace tidegate::engine {
namespace {

constexpr std::size_t kManyTargets = 256;
constexpr Milliseconds kLookPause{100};

/// That there was one for this intent is why there is no other.
bool acts_once(const AssignmentState& assignment, const Release& release) {
    if (!assignment.wish || assignment.wish->intent.commit != release.commit) return false;
    const bool deploys =
        release.kind == ReleaseKind::introduce || release.kind == ReleaseKind::restore;
    return (deploys && release.status != ReleaseStatus::cancelled) || is_forced(release.cause);
}

bool is_in_outbox(const State& state, const AssignmentState& assignment, const std::string& id) {
    return std::ranges::any_of(assignment.in_flight, [&](const std::string& action) {
        return state.outbox.at(action).action.release == id;
    });
}

/// The oldest ended ones go, but those that something still waits for.
void prune(Turn& turn, const AssignmentKey& key) {
    auto& assignment = turn.state.assignments[key];
    auto& ids = assignment.releases;
    if (ids.size() <= limits::kReleasesKeptPerAssignment) return;
    auto excess = ids.size() - limits::kReleasesKeptPerAssignment;
    std::erase_if(ids, [&](const std::string& id) {
        const auto& release = turn.state.releases.at(id);
        if (excess == 0 || !is_final(release.status) || assignment.owing.contains(id) ||
            turn.state.reverts.contains(id) || is_in_outbox(turn.state, assignment, id) ||
            acts_once(assignment, release))
            return false;
        --excess;
        turn.drop(id);
        return true;
    });
}

}  // namespace

Timestamp next_look(const State& state, const AssignmentKey& key, Timestamp now) {
    const auto found = state.assignments.find(key);
    if (found == state.assignments.end() || !found->second.looked_at ||
        found->second.target_index.size() < kManyTargets || *found->second.looked_at > now)
        return now;
    return *found->second.looked_at + kLookPause;
}

void look(Turn& turn, const AssignmentKey& key) {
    auto& assignment = turn.state.assignments[key];
    assignment.looked_at = turn.now;
    turn.forget_wake(key);
    assignment.holds.clear();
    forget_departed(turn.state, key);
    load_definitions(turn, key);
    tend_outbox(turn, key, Resend::later);
    tend_unreported(turn, key);
    show_troubles(turn, key);
    tend_sides(turn, key);
    for (const auto& id : {assignment.active, assignment.beside})
        if (!id.empty()) advance(turn, turn.state.releases.at(id));
    if (assignment.active.empty()) restore_owed(turn, key);
    begin_next(turn, key);
    tend_outbox(turn, key, Resend::now);
    settle_drains(turn, key);
    tend_reverts(turn, key);
    prune(turn, key);
    if (!turn.state.imagined) note_behind(turn, key);  // of which only people are told
    note_gone(turn.state, key);
}

}  // namespace tidegate::engine
