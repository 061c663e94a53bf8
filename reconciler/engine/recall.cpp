#include "reconciler/engine/recall.h"
#include "reconciler/engine/ask.h"

#include <algorithm>

#include "reconciler/engine/facts.h"
#include "reconciler/engine/sides.h"
#include "reconciler/planner/action.h"

namespace tidegate::engine {
namespace {

/// A release that rolled back before the store was lost: found again by its id, its Git side open.
void recall_release(Turn& turn, const AssignmentKey& key, const AssignmentState& assignment,
                    const LastGood& rejected) {
    const auto& wish = *assignment.wish;
    const auto id =
        planner::release_id(turn.state.desired->root_commit, key, ReleaseKind::introduce,
                            wish.intent.commit, rejected.digest, "");
    if (turn.state.releases.contains(id)) return;
    Release release;
    release.id = id;
    release.key = key;
    release.status = ReleaseStatus::rollback;
    release.condemned = true;
    release.digest = rejected.digest;
    release.to = rejected.version;
    release.commit = wish.intent.commit;
    release.digest_commit = rejected.commit;
    release.author = wish.intent.author_email;
    release.message = wish.intent.message;
    release.reason = "rolled back before the store was lost; known from the agents' journals";
    release.created_at = turn.now;
    release.finished_at = turn.now;
    if (assignment.good) release.last_good = assignment.good->good;
    const bool stays =
        wish.intent.by_daemon || wish.rollback.granularity == Granularity::single_target;
    release.revert = stays ? RevertState::not_needed : RevertState::wanted;
    if (release.revert == RevertState::wanted) turn.state.reverts[id];
    turn.state.assignments[key].releases.push_back(id);
    turn.state.releases.emplace(id, release);
    turn.save(release);
}

/// Not one that a person's commit may have lifted since, or that is another environment's, from
/// which a target came: its digest came in here at another commit.
bool recall_quarantine(Turn& turn, const Quarantine& known) {
    const auto& assignment = turn.state.assignments.at(known.key);
    const auto& wish = *assignment.wish;
    const auto& good = assignment.good;
    const bool lifted =
        wish.definition->digest == known.digest && wish.intent.digest_commit != known.digest_commit;
    const bool is_good =
        good && good->good.digest == known.digest && good->good.commit != known.digest_commit;
    if (lifted || is_good || quarantine_of(turn.state, known.key, known.digest)) return false;
    turn.put(known);
    turn.audit("quarantine.recalled", known.key.text(), known.digest_commit,
               json_object({{"digest", known.digest.hex()}}));
    return true;
}

void recall_rejected(Turn& turn, const AssignmentKey& key, const LastGood& rejected) {
    const auto& assignment = turn.state.assignments.at(key);
    const auto& wish = *assignment.wish;
    const bool is_wish = wish.definition->digest == rejected.digest;
    const bool recalled =
        recall_quarantine(turn, {key, rejected.digest, rejected.version, "", rejected.commit,
                                 is_wish ? wish.retry : 0, "a restore took it away", turn.now});
    if (recalled && is_wish) recall_release(turn, key, assignment, rejected);
}

/// A target may have come from another environment, where the same was good or bad by itself.
bool is_of(const AssignmentKey& key, const Installation& seen) {
    return seen.environment.empty() || seen.environment == key.environment;
}

/// In whichever slot: which of them is live is found by what was good.
std::vector<const Installation*> reports_of(const State& state, const AssignmentKey& key,
                                            const Assignment& wish) {
    std::vector<const Installation*> reports;
    for (const auto& target : wish.targets)
        for (const auto slot : kAnySlot)
            if (const auto* seen =
                    seen_on(state, target.agent, {target.name, key.project, std::string(slot)});
                seen && !target.pinned)
                reports.push_back(seen);
    return reports;
}

/// Of uninstalls, where nothing is left anywhere: what an agent last did it remembers, too.
std::vector<LastGood> reported_absent(const AssignmentKey& key,
                                      const std::vector<const Installation*>& reports) {
    const auto is_gone = [](const auto* seen) { return seen->status == InstallStatus::absent; };
    if (!std::ranges::all_of(reports, is_gone)) return {};
    std::vector<LastGood> candidates;
    for (const auto* seen : reports)
        if (!seen->commit.empty() && is_of(key, *seen))
            candidates.push_back({seen->assignment_digest, seen->commit, "", true});
    return candidates;
}

/// What all targets that can be asked run, and run well: that the newest success is last good no
/// action has told them yet. What is wished itself may be in the middle of its release.
std::vector<LastGood> reported_in_place(const Turn& turn, const AssignmentKey& key,
                                        const Assignment& wish) {
    std::vector<LastGood> common;
    for (const auto& target : wish.targets) {
        if (target.pinned || reach(turn.state, target.agent, turn.lived) != Reach::online) continue;
        const auto* seen = seen_on(turn.state, key, target);
        if (!seen || seen->status != InstallStatus::installed || seen->commit.empty()) return {};
        LastGood there{seen->assignment_digest, seen->commit, seen->version, false};
        if (!common.empty() && common.front().digest != there.digest) return {};
        common.push_back(std::move(there));
    }
    if (!common.empty() && common.front().digest == wish.definition->digest) return {};
    return common;
}

std::vector<LastGood> reported_good(const Turn& turn, const AssignmentKey& key,
                                    const Assignment& wish) {
    const auto reports = reports_of(turn.state, key, wish);
    auto candidates = reported_absent(key, reports);
    for (const auto* seen : reports)
        if (seen->last_good && is_of(key, *seen)) candidates.push_back(*seen->last_good);
    for (auto& there : reported_in_place(turn, key, wish)) candidates.push_back(std::move(there));
    // Good where the target came from, and by the same digest taken back here.
    const auto was_reverted = [&](const LastGood& candidate) {
        return std::ranges::find(wish.reverts, candidate.digest, &Quarantine::digest) !=
                   wish.reverts.end() ||
               std::ranges::any_of(reports, [&](const auto* seen) {
                   return is_of(key, *seen) && seen->rejected == candidate;
               });
    };
    std::vector<LastGood> each;
    for (auto& candidate : candidates)
        if (!was_reverted(candidate) && std::ranges::find(each, candidate) == each.end())
            each.push_back(std::move(candidate));
    return each;
}

/// Looked at again when it is waited for no more.
bool any_reconnecting(Turn& turn, const AssignmentKey& key, const Assignment& wish) {
    bool waiting = false;
    for (const auto& target : wish.targets)
        if (reach(turn.state, target.agent, turn.lived) == Reach::reconnecting) {
            waiting = true;
            turn.wake(key, grace_ends(turn.state, target.agent));
        }
    for (const auto& [target, agent] : wish.routers)
        if (reach(turn.state, agent, turn.lived) == Reach::reconnecting) {
            waiting = true;
            turn.wake(key, grace_ends(turn.state, agent));
        }
    return waiting;
}

}  // namespace

std::optional<Hold> recall(Turn& turn, const AssignmentKey& key) {
    auto& assignment = turn.state.assignments[key];
    if (assignment.recalled || !assignment.wish) return std::nullopt;
    const Hold hold{"history", "asks agents and Git what was last good here", {}};
    if (any_reconnecting(turn, key, *assignment.wish)) return hold;
    if (!is_to_ask(turn, key, assignment.recalling)) return hold;
    auto candidates = reported_good(turn, key, *assignment.wish);
    if (candidates.empty()) {
        finish_recall(turn, key);
        return std::nullopt;
    }
    ask(turn, key, assignment.recalling, FindLastGood{key, std::move(candidates)});
    return hold;
}

void finish_recall(Turn& turn, const AssignmentKey& key) {
    auto& assignment = turn.state.assignments[key];
    assignment.recalled = true;
    if (!assignment.wish) return;
    for (const auto* seen : reports_of(turn.state, key, *assignment.wish))
        if (seen->rejected && is_of(key, *seen)) recall_rejected(turn, key, *seen->rejected);
    for (const auto& revert : assignment.wish->reverts) recall_quarantine(turn, revert);
    recall_sides(turn, key);
}

}  // namespace tidegate::engine
