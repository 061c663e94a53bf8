#include "reconciler/engine/coverage.h"

#include <set>

#include "reconciler/engine/facts.h"

namespace tidegate::engine {

Coverage covered_by(const State& state, const Assignment& wish, const Digest& digest,
                    std::span<const DesiredTarget* const> moving, Lived now) {
    const std::set<const DesiredTarget*> moved(moving.begin(), moving.end());
    Coverage covered;
    for (const auto& target : wish.targets) {
        if (target.pinned) continue;
        ++covered.total;
        if (reach(state, wish.key, target, now) != Reach::online) continue;
        ++covered.online;
        const planner::Wish there{target_digest_for(target, digest), wish.definition->absent};
        if (!moved.contains(&target) && planner::compare(there, seen_on(state, wish.key, target)) ==
                                            planner::TargetState::in_sync)
            covered.there.push_back(&target);
    }
    return covered;
}

}  // namespace tidegate::engine
