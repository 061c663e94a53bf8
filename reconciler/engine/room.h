#pragma once
/// How much an agent is sent at once: what it can begin at once. The rest waits here, where gates
/// are asked again, where a newer wish can take it back, and where no deadline counts.

#include <cstddef>
#include <string>

#include "reconciler/engine/turn.h"

namespace tidegate::engine {

/// Of an action that was, or is to be sent; also where a forecast keeps it without its contents.
[[nodiscard]] std::size_t bytes_of(const State& state, const Action& action);
/// It runs one more now, that long. One place is kept for restores. Always true of an agent that
/// has nothing to do.
[[nodiscard]] bool has_room(const State& state, const std::string& agent, bool restore,
                            std::size_t bytes = 0);
/// The assignment is looked at again when its turn comes; restores before all others, else in the
/// order in which they came.
void wait_for_room(State& state, const std::string& agent, const AssignmentKey& key, bool restore);
/// Why it does not go on: `targets` wait for places on their agents.
[[nodiscard]] Hold crowded_hold(const std::vector<std::string>& targets);

/// Touches the next that waits for one of the agents where something ended; false: nobody does.
[[nodiscard]] bool touch_next_in_line(Turn& turn);

}  // namespace tidegate::engine
