#pragma once
/// What the shares of a strategy are of.

#include <vector>

#include "reconciler/engine/state.h"
#include "reconciler/planner/strategy.h"

namespace tidegate::engine {

/// All that an assignment covers; pinned targets have something else, whatever it brings.
struct Coverage {
    std::vector<const DesiredTarget*> there;  ///< online, and have that version already
    int total = 0;
    int online = 0;

    /// References into both arguments and this.
    [[nodiscard]] planner::Fleet fleet(std::span<const DesiredTarget* const> moving,
                                       ReleaseKind kind) const {
        return {moving, there, total, online, kind, true};
    }
};
/// `moving`: those that a release of this digest moves, whatever they have.
[[nodiscard]] Coverage covered_by(const State& state, const Assignment& wish, const Digest& digest,
                                  std::span<const DesiredTarget* const> moving, Lived now);

}  // namespace tidegate::engine
