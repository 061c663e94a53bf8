#pragma once
/// What stands in a slot that nothing uses is taken away, by releases of kind retire: the old side
/// after `keep_old`, a bad version once no router sends anything there. What is to go is read off
/// the agents' reports, so that no restart and no absence forgets it.

#include <optional>
#include <string>
#include <vector>

#include "reconciler/engine/next.h"
#include "reconciler/engine/turn.h"
#include "reconciler/engine/way_back.h"

namespace tidegate::engine {

/// The next that may be removed now; holds and wake-ups say what others wait for.
[[nodiscard]] std::optional<Candidate> retire_of(Turn& turn, const AssignmentKey& key);
struct Obstacle {
    std::string slot;
    std::string target;
};
/// What stands in the slot that such a release needs, on those that can be asked.
[[nodiscard]] std::vector<Obstacle> in_the_way(const Turn& turn, const AssignmentKey& key,
                                               const Candidate& candidate);
/// Says so, and keeps it no longer.
[[nodiscard]] std::vector<Hold> slot_holds(Turn& turn, const AssignmentKey& key,
                                           const Candidate& candidate);
/// How a release of kind retire clears a target: by what stands there, or, where Git has lost that,
/// by what is wished. Null: it is being read.
[[nodiscard]] Way way_to_retire(const State& state, const Release& release,
                                const DesiredTarget& target);
/// The definitions that are needed for it, by digest, and where each can be read.
void add_retired(const State& state, const AssignmentKey& key,
                 std::map<Digest, std::string>& needs);

}  // namespace tidegate::engine
