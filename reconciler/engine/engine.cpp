#include "reconciler/engine/engine.h"

#include <utility>

#include "reconciler/engine/gone.h"
#include "reconciler/engine/intake.h"
#include "reconciler/engine/look.h"
#include "reconciler/engine/room.h"
#include "reconciler/engine/turn.h"
#include "reconciler/engine/views.h"

namespace tidegate::engine {
namespace {

void look_at_touched(Turn& turn) {
    while (const auto key = turn.next_unseen()) {
        const auto at = next_look(turn.state, *key, turn.now);
        if (at <= turn.now)
            look(turn, *key);
        else
            turn.postpone(*key, at);
    }
}

/// What was soon is far away now that the wall clock was set back.
constexpr Milliseconds kStepBack{1'000};

void touch_all(Turn& turn) {
    for (const auto& [key, assignment] : turn.state.assignments) turn.touch(key);
}

void decide(Turn& turn) {
    look_at_touched(turn);
    while (turn.take_revert_pass()) {
        touch_next_revert(turn);
        look_at_touched(turn);
    }
    while (touch_next_in_line(turn)) look_at_touched(turn);
    forget_gone(turn);
}

}  // namespace

Effects step(State& state, const Event& event, const Clocks& clocks) {
    Turn turn(state, clocks);
    std::visit([&](const auto& known) { take(turn, known); }, event);
    if (std::exchange(state.last_step, clocks.now) > clocks.now + kStepBack) touch_all(turn);
    if (state.desired) decide(turn);
    // Only now: what else the agent told may have condemned the version.
    if (const auto* connected = std::get_if<AgentConnected>(&event))
        answer_suspended(turn, *connected);
    return turn.finish();
}

Publish snapshot(const State& state, Timestamp now) {
    Publish all;
    for (const auto& [key, assignment] : state.assignments) (void)add_view(state, key, now, all);
    for (const auto& [id, release] : state.releases) all.releases.push_back(whole_change(release));
    std::string former;
    for (const auto& [key, owner] : state.owners) {
        if (key.target == former) continue;
        former = key.target;
        if (auto view = target_view_of(state, key.target)) all.targets.push_back(std::move(*view));
    }
    return all;
}

std::optional<AssignmentView> explain(const State& state, const AssignmentKey& key, Timestamp now) {
    return view_of(state, key, now);
}

}  // namespace tidegate::engine
