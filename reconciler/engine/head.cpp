#include <algorithm>

#include "reconciler/engine/facts.h"
#include "reconciler/engine/next.h"
#include "reconciler/engine/sides.h"

namespace tidegate::engine {
namespace {

using planner::TargetState;

std::vector<const DesiredTarget*> out_of_sync(const State& state, const Assignment& wish,
                                              bool all) {
    std::vector<const DesiredTarget*> found;
    for (const auto& target : wish.targets) {
        if (target.pinned) continue;
        const auto state_there = planner::compare({target.digest, wish.definition->absent},
                                                  seen_on(state, wish.key, target));
        const bool moved =
            state_there != TargetState::in_sync && state_there != TargetState::drifted;
        if (all || moved) found.push_back(&target);
    }
    return found;
}

void drop_blocked(const State& state, Candidate& candidate, const AssignmentKey& key, Lived now,
                  std::vector<Hold>* why) {
    std::erase_if(candidate.targets, [&](const DesiredTarget* target) {
        const auto* block = block_of(state, key, *target, target->digest, now);
        if (block && why) why->push_back(backoff_hold(state, *block));
        return block != nullptr;
    });
}

Candidate base(const Assignment& wish) {
    Candidate candidate;
    candidate.digest = wish.definition->digest;
    candidate.digest_commit = wish.intent.digest_commit;
    candidate.version = wish.definition->version;
    return candidate;
}

std::optional<Candidate> uninstall(const State& state, const Assignment& wish, Lived now,
                                   std::vector<Hold>* why) {
    auto candidate = base(wish);
    candidate.kind = ReleaseKind::uninstall;
    candidate.targets = out_of_sync(state, wish, false);
    drop_blocked(state, candidate, wish.key, now, why);
    identify(state, wish.key, candidate, true);
    if (candidate.targets.empty()) return std::nullopt;
    return candidate;
}

/// A person's commit back to last good; what is left over after it is for catch_up.
std::optional<Candidate> restore(const State& state, const Assignment& wish, const LastGood& good) {
    if (wish.intent.by_daemon || wish.intent.digest_commit == good.commit) return std::nullopt;
    auto candidate = base(wish);
    candidate.kind = ReleaseKind::restore;
    candidate.targets = out_of_sync(state, wish, wish.operation != Operation::deploy);
    identify(state, wish.key, candidate, false);
    const auto known = state.releases.find(candidate.id);
    const bool done = known != state.releases.end() && is_final(known->second.status);
    if (done || candidate.targets.empty()) return std::nullopt;
    return candidate;
}

/// The live colour is the assignment's: whatever serves moves to the other one together, and what
/// is pinned with its own version, unless that is known to be bad.
std::vector<const DesiredTarget*> all_of(const State& state, const Assignment& wish) {
    std::vector<const DesiredTarget*> targets;
    for (const auto& target : wish.targets)
        if (!target.pinned || !quarantine_of(state, wish.key, target.definition->digest))
            targets.push_back(&target);
    return targets;
}

/// What has drifted proves nothing, so where nothing else does it is deployed again.
std::vector<const DesiredTarget*> to_introduce(const State& state, const Assignment& wish) {
    auto targets = out_of_sync(state, wish, wish.operation != Operation::deploy);
    if (!targets.empty() && wish.strategy.type == StrategyType::blue_green)
        return all_of(state, wish);
    if (!targets.empty() || is_proven(state, wish)) return targets;
    for (const auto& target : wish.targets)
        if (const auto* seen = seen_on(state, wish.key, target);
            !target.pinned && seen && seen->drifted)
            targets.push_back(&target);
    return targets;
}

/// It has served from the slot that is not live now, and is there still: one route brings it back.
bool is_kept(const State& state, const Assignment& wish) {
    const auto live = live_slot(state, wish.key);
    if (wish.strategy.type != StrategyType::blue_green || live.empty()) return false;
    const std::string kept(other_slot(live));
    const auto& ids = state.assignments.at(wish.key).releases;
    const bool has_served = std::ranges::any_of(ids, [&](const std::string& id) {
        const auto& release = state.releases.at(id);
        return release.digest == wish.definition->digest && release.slot == kept &&
               release.status == ReleaseStatus::success && release.kind != ReleaseKind::retire;
    });
    return has_served && std::ranges::any_of(wish.targets, [&](const DesiredTarget& target) {
               const auto* seen =
                   seen_on(state, target.agent, {target.name, wish.key.project, kept});
               return !target.pinned && seen && seen->status == InstallStatus::installed &&
                      seen->digest == target.digest;
           });
}

/// What has begun goes on as what it is.
ReleaseKind kind_for(const State& state, const Assignment& wish) {
    for (const auto& id : state.assignments.at(wish.key).releases) {
        const auto& release = state.releases.at(id);
        if (release.commit == wish.intent.commit && release.digest == wish.definition->digest &&
            !is_upkeep(release.kind) && release.started_at &&
            release.status != ReleaseStatus::cancelled)
            return release.kind;
    }
    return is_kept(state, wish) ? ReleaseKind::restore : ReleaseKind::introduce;
}

std::optional<Candidate> introduce(const State& state, const Assignment& wish,
                                   std::vector<Hold>* why) {
    auto candidate = base(wish);
    candidate.kind = kind_for(state, wish);
    candidate.targets = to_introduce(state, wish);
    identify(state, wish.key, candidate, false);
    const auto known = state.releases.find(candidate.id);
    if (known == state.releases.end() || !is_final(known->second.status)) return candidate;
    if (why && known->second.status != ReleaseStatus::success)
        why->push_back({"failed",
                        fmt::format("{} ended {}: {}; raise retry or commit anew", known->second.to,
                                    to_string(known->second.status), known->second.reason),
                        {}});
    return std::nullopt;
}

}  // namespace

std::optional<Candidate> head_of(const State& state, const AssignmentKey& key, Lived now,
                                 std::vector<Hold>* why) {
    const auto& assignment = state.assignments.at(key);
    if (!assignment.wish) return std::nullopt;
    const auto& wish = *assignment.wish;
    if (wish.targets.empty()) {
        if (why && !wish.definition->absent)
            why->push_back({"no_targets", key.environment + " has no targets", {}});
        return std::nullopt;
    }
    const auto& digest = wish.definition->digest;
    if (const auto* quarantine = quarantine_of(state, key, digest)) {
        if (why)
            why->push_back({"quarantine",
                            fmt::format("{}: {}; a new commit or a higher retry lifts it",
                                        quarantine->version, quarantine->reason),
                            {}});
        return std::nullopt;
    }
    if (wish.definition->absent) return uninstall(state, wish, now, why);
    if (assignment.good && assignment.good->good.digest == digest)
        return restore(state, wish, assignment.good->good);
    return introduce(state, wish, why);
}

}  // namespace tidegate::engine
