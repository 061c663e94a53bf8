#include "reconciler/engine/gone.h"
#include "reconciler/engine/blocks.h"

#include <algorithm>

#include "reconciler/engine/facts.h"
#include "schema/base/limits.h"

namespace tidegate::engine {
namespace {

/// Bounds the batch that one step persists.
constexpr int kForgottenPerStep = 100;

bool is_gone(const State& state, const AssignmentState& assignment) {
    return !assignment.wish && assignment.active.empty() && assignment.pending.empty() &&
           assignment.in_flight.empty() && assignment.owing.empty() &&
           assignment.departed.empty() &&
           std::ranges::none_of(assignment.releases,
                                [&](const std::string& id) { return state.reverts.contains(id); });
}

/// By what is stored, so that a restart changes no order.
Timestamp last_active(const State& state, const AssignmentState& assignment) {
    if (assignment.releases.empty()) return {};
    const auto& newest = state.releases.at(assignment.releases.back());
    return newest.finished_at.value_or(newest.created_at);
}

void drop_releases(Turn& turn, const AssignmentKey& key) {
    for (const auto& id : turn.state.assignments.at(key).releases) {
        for (const auto& [name, progress] : turn.state.releases.at(id).targets) {
            if (turn.state.owners.contains(key_of(key, name))) continue;
            for (const auto& block : block_keys(key, name)) turn.erase_block(block);
        }
        turn.drop(id);
    }
}

void lift_all(Turn& turn, const AssignmentKey& key) {
    auto& quarantines = turn.state.quarantines;
    for (auto it = quarantines.lower_bound({key, Digest{}});
         it != quarantines.end() && it->first.first == key;) {
        const auto digest = it++->first.second;
        turn.erase_quarantine(key, digest);
    }
}

void forget(Turn& turn, const AssignmentKey& key) {
    turn.audit("assignment.forgotten", key.text(), "", json_object({}));
    drop_releases(turn, key);
    lift_all(turn, key);
    turn.erase_good(key);
    turn.erase_sides(key);
    turn.forget_wake(key);
    auto& state = turn.state;
    state.gone.erase({*state.assignments.at(key).gone, key});
    state.assignments.erase(key);
}

}  // namespace

void note_gone(State& state, const AssignmentKey& key) {
    auto& assignment = state.assignments.at(key);
    if (assignment.gone) state.gone.erase({*assignment.gone, key});
    assignment.gone.reset();
    if (!is_gone(state, assignment)) return;
    assignment.gone = last_active(state, assignment);
    state.gone.emplace(*assignment.gone, key);
}

void forget_gone(Turn& turn) {
    auto& gone = turn.state.gone;
    for (int i = 0; i < kForgottenPerStep && gone.size() > limits::kGoneAssignmentsKept; ++i) {
        const auto key = gone.begin()->second;
        note_gone(turn.state, key);  // it may be back, and its look postponed
        if (turn.state.assignments.at(key).gone) forget(turn, key);
    }
}

}  // namespace tidegate::engine
