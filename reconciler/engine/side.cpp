#include <algorithm>
#include <set>

#include "reconciler/engine/blocks.h"
#include "reconciler/engine/dispatch.h"
#include "reconciler/engine/facts.h"
#include "reconciler/engine/next.h"
#include "reconciler/engine/release_machine.h"
#include "reconciler/engine/sides.h"
#include "reconciler/engine/way_back.h"

namespace tidegate::engine {
namespace {

using planner::TargetState;

/// After a failure without a way back nothing moves by itself.
bool is_frozen(const State& state, const AssignmentKey& key, const Assignment& wish) {
    const auto* quarantine = quarantine_of(state, key, wish.definition->digest);
    if (!quarantine) return false;
    if (wish.rollback.granularity == Granularity::single_target) return true;
    const auto release = state.releases.find(quarantine->release);
    return release != state.releases.end() && release->second.revert == RevertState::none;
}

/// What an action left is not known: nobody goes there again before a person says so, by a newer
/// intent than that of the last release that was there. No release is known of after a lost store:
/// what was left there says whose it was.
bool may_overwrite_unknown(const State& state, const AssignmentState& assignment,
                           const DesiredTarget& target, const Installation& left) {
    const auto& intent = assignment.wish->intent;
    if (intent.by_daemon) return false;
    for (auto id = assignment.releases.rbegin(); id != assignment.releases.rend(); ++id) {
        const auto& release = state.releases.at(*id);
        const auto progress = release.targets.find(target.name);
        if (progress != release.targets.end() && !progress->second.action.empty())
            return release.commit != intent.commit;
    }
    const auto is_left = [&](const Digest& digest) {
        return digest == left.assignment_digest ||
               (left.rejected && digest == left.rejected->digest);
    };
    return (assignment.former && assignment.former->intent.commit != intent.commit) ||
           (!is_left(assignment.wish->definition->digest) && !is_left(target.definition->digest));
}

class Finder {
public:
    Finder(Turn& turn, const AssignmentKey& key, const Assignment& wish,
           const std::optional<LastGood>& kept, bool head_waits_for_agents)
        : turn_(turn),
          key_(key),
          wish_(wish),
          kept_(kept),
          head_waits_for_agents_(head_waits_for_agents) {}

    /// What the target needs to be as it should be kept; in_sync = nothing, or not now.
    TargetState need(const DesiredTarget& target) {
        if (!target.pinned && !kept_) return TargetState::in_sync;
        const auto& digest = target.pinned ? target.definition->digest : kept_->digest;
        if (reach(turn_.state, key_, target, turn_.lived) != Reach::online ||
            turn_.state.outbox_by_key.contains(key_of(key_, target.name)) ||
            is_owed(turn_.state, key_, target.name) || is_with_release(target) ||
            is_quarantined(target, digest))
            return TargetState::in_sync;
        const auto desired = target_digest_for(target, digest);
        if (is_blocked(target, desired)) return TargetState::in_sync;
        const auto* seen = seen_on(turn_.state, key_, target);
        // A pin means its version as it was: it may have been uninstalled there.
        const bool absent = target.pinned ? target.definition->absent : kept_->absent;
        // Nobody asked for it to go again, and its release will come to it.
        if (absent && !target.pinned && seen && seen->digest == target.digest)
            return TargetState::in_sync;
        const auto state = planner::compare({desired, absent}, seen);
        if (state == TargetState::unknown &&
            !may_overwrite_unknown(turn_.state, turn_.state.assignments.at(key_), target, *seen)) {
            add_holds(
                turn_, key_,
                {{"unknown",
                  fmt::format("what {} has is not known; raise retry or commit anew", target.name),
                  {}}});
            return TargetState::in_sync;
        }
        if (state == TargetState::drifted) {
            const bool waits = wish_.heal != Heal::on || is_failed_heal(turn_, key_, target, *seen);
            return waits ? TargetState::in_sync : state;
        }
        // Some agents are back before others: no way back to last good in between.
        return head_waits_for_agents_ && !target.pinned ? TargetState::in_sync : state;
    }

private:
    /// The release that is under way has touched it. In the other slot it is beside what serves.
    [[nodiscard]] bool is_with_release(const DesiredTarget& target) const {
        const auto* active = active_release(turn_.state, key_);
        if (!active || is_upkeep(active->kind) || is_beside(turn_.state, *active)) return false;
        const auto progress = active->targets.find(target.name);
        return progress != active->targets.end() && is_touched(progress->second);
    }
    bool is_quarantined(const DesiredTarget& target, const Digest& digest) {
        if (!quarantine_of(turn_.state, key_, digest)) return false;
        if (target.pinned)
            add_holds(turn_, key_,
                      {{"quarantine",
                        fmt::format("{} is pinned to {}, which is quarantined", target.name,
                                    target.definition->version),
                        {}}});
        return true;
    }
    bool is_blocked(const DesiredTarget& target, const Digest& desired) {
        const auto* block = block_of(turn_.state, key_, target, desired, turn_.lived);
        if (block) add_holds(turn_, key_, {backoff_hold(turn_.state, *block)});
        return block != nullptr;
    }

    Turn& turn_;
    const AssignmentKey& key_;
    const Assignment& wish_;
    const std::optional<LastGood>& kept_;
    bool head_waits_for_agents_;
};

bool keeps_something(const State& state, const AssignmentKey& key) {
    const auto& wish = state.assignments.at(key).wish;
    if (!wish || wish->definition->absent || is_frozen(state, key, *wish)) return false;
    const auto& good = state.assignments.at(key).good;
    // The first release with slots decides where everything is, but that nothing is to be there.
    return (good && good->good.absent) || wish->strategy.type != StrategyType::blue_green ||
           !live_slot(state, key).empty() || has_old_side(state, key);
}

Candidate candidate_of(const std::optional<LastGood>& kept) {
    Candidate candidate;
    if (!kept) return candidate;
    candidate.digest = kept->digest;
    candidate.digest_commit = kept->commit;
    candidate.version = kept->version;
    return candidate;
}

/// What its targets come to: pinned ones have a version of their own. The kept one where they
/// differ.
std::string version_for(const Candidate& candidate) {
    const auto& first = *candidate.targets.front();
    const auto is_like_first = [&](const DesiredTarget* target) {
        return target->pinned && target->definition->version == first.definition->version;
    };
    const bool all = std::ranges::all_of(candidate.targets, is_like_first);
    return all ? first.definition->version : candidate.version;
}

/// By the tries so far of the wish's operation: what was away then is not promised it.
std::set<std::string> treated_by_force(const State& state, const AssignmentState& assignment) {
    std::set<std::string> treated;
    for (const auto& id : assignment.releases) {
        const auto& release = state.releases.at(id);
        if (release.commit != assignment.wish->intent.commit || !is_forced(release.cause)) continue;
        for (const auto& [name, progress] : release.targets)
            if (progress.status == TargetStatus::success ||
                progress.status == TargetStatus::skipped)
                treated.insert(name);
    }
    return treated;
}

}  // namespace

std::optional<Candidate> forced_of(const State& state, const AssignmentKey& key) {
    if (!keeps_something(state, key)) return std::nullopt;
    const auto& assignment = state.assignments.at(key);
    const auto& wish = *assignment.wish;
    auto candidate = candidate_of(kept_state(state, key));
    if (wish.operation == Operation::deploy || candidate.digest != wish.definition->digest ||
        wish.intent.by_daemon)
        return std::nullopt;
    candidate.kind = ReleaseKind::catch_up;
    candidate.cause = kForced;
    const bool introduced = std::ranges::any_of(assignment.releases, [&](const std::string& id) {
        const auto& release = state.releases.at(id);
        return release.commit == wish.intent.commit && !is_upkeep(release.kind);
    });
    identify(state, key, candidate, false);
    if (introduced || state.releases.contains(candidate.id)) return std::nullopt;
    const auto treated = treated_by_force(state, assignment);
    for (const auto& target : wish.targets)
        if (!target.pinned && !treated.contains(target.name)) candidate.targets.push_back(&target);
    if (candidate.targets.empty() && !treated.empty()) return std::nullopt;
    return candidate;
}

std::optional<Candidate> side_of(Turn& turn, const AssignmentKey& key, bool head_waits_for_agents) {
    if (!keeps_something(turn.state, key)) return std::nullopt;
    const auto& assignment = turn.state.assignments.at(key);
    const auto& wish = *assignment.wish;
    const auto kept = kept_state(turn.state, key);
    if (kept && !definition_of(assignment, kept->digest)) {
        const auto why = why_lost(assignment, *kept);
        add_holds(turn, key, {why.empty() ? loading_hold() : Hold{"history", why, {}}});
        return std::nullopt;
    }
    auto candidate = candidate_of(kept);
    std::vector<const DesiredTarget*> drifted;
    Finder finder(turn, key, wish, kept, head_waits_for_agents);
    for (const auto& target : wish.targets) {
        const auto need = finder.need(target);
        if (need == TargetState::drifted)
            drifted.push_back(&target);
        else if (need != TargetState::in_sync)
            candidate.targets.push_back(&target);
    }
    candidate.kind = candidate.targets.empty() ? ReleaseKind::heal : ReleaseKind::catch_up;
    if (candidate.targets.empty()) candidate.targets = std::move(drifted);
    if (candidate.targets.empty()) return std::nullopt;
    candidate.version = version_for(candidate);
    const auto& first = *candidate.targets.front();
    const auto* seen = seen_on(turn.state, key, first);
    candidate.cause = fmt::format("{}@{}", first.name, seen ? seen->report : 0);
    identify(turn.state, key, candidate, true);
    return candidate;
}

}  // namespace tidegate::engine
