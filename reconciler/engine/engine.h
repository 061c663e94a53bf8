#pragma once
/// The heart of the daemon: from what is wished and what is seen to what is to be done next.
/// Pure and deterministic: same state, same events at the same times → same effects, same ids.
/// Runs on the loop thread; never blocks; an event costs what it touches, not the fleet's size.

#include <span>

#include "reconciler/engine/effect.h"
#include "reconciler/engine/event.h"
#include "reconciler/engine/state.h"

namespace tidegate::engine {

/// A state from the store's rows (tables release, action, quarantine, block, history, installation,
/// revert; others are ignored). Empty rows are a fresh or a lost store: Git, the
/// inventories and the agents' journals bring the rest. Fails on a row that cannot be read: never
/// guess. `clocks`: with the age that the same store has kept (life.h).
[[nodiscard]] Result<State> restore(std::span<const Row> rows, std::uint64_t epoch,
                                    const Clocks& clocks);

/// Takes in one event and says what is to be done. The wall clock may be set to any time between
/// two events; `lived` never goes back.
[[nodiscard]] Effects step(State& state, const Event& event, const Clocks& clocks);

/// To be asked when a Send leaves at last: effects wait for the store, and while its disk is
/// blocked windows close and wishes change. False for a Run that the gates hold now, or that is not
/// wanted any more: it must not be sent, and the engine be told by Unsent.
[[nodiscard]] bool leave(State& state, const Send& send, const Clocks& clocks);

/// Everything as Publish would show it; for the first status snapshot.
[[nodiscard]] Publish snapshot(const State& state, Timestamp now);

/// Why it is not moving, and until when; nullopt for an assignment that is not known.
[[nodiscard]] std::optional<AssignmentView> explain(const State& state, const AssignmentKey& key,
                                                    Timestamp now);

}  // namespace tidegate::engine
