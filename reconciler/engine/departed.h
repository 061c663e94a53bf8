#pragma once
/// Targets that left a wish: what they still have is shown as orphaned, until their agent says that
/// it is gone or another wish has them.

#include "reconciler/engine/turn.h"

namespace tidegate::engine {

void depart(State& state, const AssignmentKey& key, const std::string& target,
            const std::string& agent);
/// Of whatever left it: somebody wishes something there.
void arrive(Turn& turn, const InstallKey& install);
/// Those that nothing is on any more. Bounds what is remembered by what agents report.
void forget_departed(State& state, const AssignmentKey& key);

/// Installed by one of its releases, but no longer wished there.
[[nodiscard]] std::vector<std::string> orphans(const State& state, const AssignmentKey& key);

}  // namespace tidegate::engine
