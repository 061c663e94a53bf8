#include "reconciler/engine/look.h"

#include "reconciler/engine/dispatch.h"
#include "reconciler/engine/facts.h"
#include "reconciler/engine/next.h"
#include "reconciler/engine/release_machine.h"
#include "schema/base/limits.h"

namespace tidegate::engine {
namespace {

/// The oldest ended ones go, but those that something still waits for.
void prune(Turn& turn, const AssignmentKey& key) {
    auto& assignment = turn.state.assignments[key];
    auto& ids = assignment.releases;
    if (ids.size() <= limits::kReleasesKeptPerAssignment) return;
    auto excess = ids.size() - limits::kReleasesKeptPerAssignment;
    std::erase_if(ids, [&](const std::string& id) {
        const auto& release = turn.state.releases.at(id);
        if (excess == 0 || !is_final(release.status) || assignment.owing.contains(id) ||
            turn.state.reverts.contains(id) || has_in_flight(turn, release))
            return false;
        --excess;
        turn.drop(id);
        return true;
    });
}

}  // namespace

void look(Turn& turn, const AssignmentKey& key) {
    auto& assignment = turn.state.assignments[key];
    turn.forget_wake(key);
    assignment.holds.clear();
    load_definitions(turn, key);
    tend_outbox(turn, key);
    if (!assignment.active.empty()) advance(turn, key);
    if (assignment.active.empty()) restore_owed(turn, key);
    begin_next(turn, key);
    tend_outbox(turn, key);
    tend_reverts(turn, key);
    prune(turn, key);
}

}  // namespace tidegate::engine
