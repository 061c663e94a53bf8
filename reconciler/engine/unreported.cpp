#include "reconciler/engine/unreported.h"

#include <algorithm>

#include "reconciler/engine/dispatch.h"
#include "reconciler/engine/facts.h"
#include "reconciler/engine/steps.h"
#include "schema/base/limits.h"

namespace tidegate::engine {
namespace {

bool is_overdue(const Turn& turn, const OutboxEntry& entry) {
    return turn.lived >= *entry.deadline && !turn.state.leaving.contains(entry.action.id);
}

/// Failing there, it would have been the first: an agent that dies over a version may have been
/// killed by it.
bool is_verified_elsewhere(const State& state, const Release& release) {
    const auto& good = state.assignments.at(release.key).good;
    if (is_upkeep(release.kind) || (good && good->good.digest == release.digest)) return true;
    return std::ranges::any_of(release.targets, [](const auto& entry) {
        return entry.second.status == TargetStatus::success;
    });
}

bool may_skip(const State& state, const Release& release) {
    const auto* rules = rules_of(state.assignments.at(release.key));
    return !rules || rules->offline == Offline::skip;
}

bool is_to_wait(const State& state, const Release& release) {
    return !may_skip(state, release) && is_verified_elsewhere(state, release);
}

/// Why nobody waits for it any more; empty = somebody does. Its agent is away for good.
std::string lost_reason(const Turn& turn, const Release& release, const OutboxEntry& entry) {
    const auto& assignment = turn.state.assignments.at(release.key);
    const auto agent = turn.state.agents.find(entry.agent);  // not heard of since the start: none
    if (agent != turn.state.agents.end() && agent->second.revoked) return "its agent was revoked";
    if (!is_active(release.status)) return "its release has ended";
    if (release.status == ReleaseStatus::rolling_back) return "";
    if (is_superseded(assignment, release)) return "a newer wish is there";
    if (is_overdue(turn, entry) && may_skip(turn.state, release) &&
        is_verified_elsewhere(turn.state, release))
        return "its deadline passed";
    return "";
}

void lose(Turn& turn, Release& release, const OutboxEntry& entry, const std::string& why) {
    auto lost = entry;
    lost.lost = true;
    turn.put(lost);
    const auto& target = lost.action.key.target;
    auto& progress = release.targets.at(target);
    if (!lost.restore && is_active(release.status) && progress.action == lost.action.id) {
        progress.status = TargetStatus::unknown;
        progress.error =
            fmt::format("agent {} is away and never told how it ended; {}", lost.agent, why);
        progress.finished_at = turn.now;
        progress.ended = turn.lived;
        turn.save(release, progress);
        remove_from_steps(turn, release, {target});
    }
    turn.audit("action.lost", lost.action.id, lost.action.commit,
               json_object({{"target", lost.action.key.text()},
                            {"release", release.id},
                            {"agent", lost.agent},
                            {"reason", why}}));
}

/// Those of its steps' targets whose outcome is still waited for though its time is over.
std::vector<const OutboxEntry*> overdue_of(const Turn& turn, const Release& release) {
    std::vector<const OutboxEntry*> overdue;
    const auto& ids = turn.state.assignments.at(release.key).in_flight;
    for (const auto& id : ids) {
        const auto& entry = turn.state.outbox.at(id);
        if (entry.action.release == release.id && !entry.restore && !entry.lost &&
            is_overdue(turn, entry))
            overdue.push_back(&entry);
    }
    return overdue;
}

bool awaits_lost(const Turn& turn, const Release& release) {
    if (!is_to_wait(turn.state, release)) return false;
    return std::ranges::any_of(overdue_of(turn, release), [&](const OutboxEntry* entry) {
        return reach(turn.state, entry->agent, turn.lived) != Reach::online;
    });
}

}  // namespace

void tend_unreported(Turn& turn, const AssignmentKey& key) {
    std::vector<std::string> awaited;
    std::optional<Lived> until;
    const auto ids = turn.state.assignments.at(key).in_flight;
    for (const auto& id : ids) {
        const auto& entry = turn.state.outbox.at(id);
        const auto reached = reach(turn.state, entry.agent, turn.lived);
        if (entry.lost) continue;
        if (!is_overdue(turn, entry)) turn.wake(key, *entry.deadline);
        if (reached == Reach::online) continue;
        if (reached == Reach::reconnecting) turn.wake(key, grace_ends(turn.state, entry.agent));
        auto& release = turn.state.releases.at(entry.action.release);
        const auto why =
            reached == Reach::offline ? lost_reason(turn, release, entry) : std::string();
        if (!why.empty()) {
            lose(turn, release, entry, why);
            continue;
        }
        awaited.push_back(entry.action.key.target);
        if (!is_overdue(turn, entry))
            until = std::min(until.value_or(*entry.deadline), *entry.deadline);
    }
    if (awaited.empty()) return;
    add_holds(
        turn, key,
        {{"unreported",
          fmt::format("the agents of {} are away with an action on its way", some_of(awaited)),
          until ? std::optional(turn.wall(*until)) : std::nullopt}});
}

std::string find_overdue(const Turn& turn, const Release& release) {
    const bool awaits = is_to_wait(turn.state, release);
    for (const auto* entry : overdue_of(turn, release)) {
        const auto reached = reach(turn.state, entry->agent, turn.lived);
        if (reached == Reach::reconnecting || (awaits && reached != Reach::online)) continue;
        return fmt::format("{}: {}", entry->action.key.target,
                           reached == Reach::online
                               ? "no outcome by the action's deadline"
                               : "its agent was lost over it and is not back by the deadline");
    }
    return "";
}

void stand_still(Turn& turn, Release& release) {
    const bool awaits = awaits_lost(turn, release);
    if (release.status == ReleaseStatus::paused || awaits == release.paused_at.has_value()) return;
    if (!awaits && release.deadline) *release.deadline += turn.lived - *release.paused_at;
    release.paused_at = awaits ? std::optional(turn.lived) : std::nullopt;
    turn.save(release);
}

std::optional<Lived> awaited_until(const Turn& turn, const Release& release) {
    std::optional<Lived> until;
    for (const auto& id : turn.state.assignments.at(release.key).in_flight) {
        const auto& entry = turn.state.outbox.at(id);
        if (entry.action.release == release.id && !entry.lost && !is_overdue(turn, entry))
            until = std::max(until, entry.deadline);
    }
    return until;
}

void renew(Turn& turn, Release& release, OutboxEntry& entry) {
    entry.lost = false;
    entry.deadline = outcome_due(turn.lived, entry.action);
    turn.put(entry);
    if (entry.restore || !is_active(release.status)) return;
    auto& step = release.steps.at(static_cast<std::size_t>(entry.action.step));
    step.deadline = std::max(step.deadline, entry.deadline);
    release.deadline =
        std::max(release.deadline, std::optional(*entry.deadline + limits::kAgentGrace));
    turn.save(release, step);
    turn.save(release);
}

}  // namespace tidegate::engine
