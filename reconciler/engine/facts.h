#pragma once
/// Questions about a state that need no decision: who is where, what is there, what is wished.

#include <array>
#include <optional>
#include <set>
#include <string>

#include "reconciler/engine/state.h"
#include "reconciler/planner/diff.h"
#include "reconciler/planner/way_back.h"
#include "schema/model/slots.h"

namespace tidegate::engine {

/// How an agent can be reached.
enum class Reach {
    online,        ///< its inventory has come
    reconnecting,  ///< away for less than kAgentGrace: worth waiting for
    offline,
};
[[nodiscard]] Reach reach(const State& state, const std::string& agent, Lived now);
/// The same of one of an assignment's targets: its host may be in trouble with that project.
[[nodiscard]] Reach reach(const State& state, const AssignmentKey& assignment,
                          const DesiredTarget& target, Lived now);
/// Null: none, or it is to be tried again.
[[nodiscard]] const HostTrouble* trouble_at(const State& state, const InstallKey& key, Lived now);
/// The wishes are known, and every agent that they name or that has something to do is online.
[[nodiscard]] bool all_are_back(const State& state);
/// When `reconnecting` becomes `offline`.
[[nodiscard]] Lived grace_ends(const State& state, const std::string& agent);

/// The wish, or what was last wished: whose rules speak. Null = never wished in this life.
[[nodiscard]] const Assignment* rules_of(const AssignmentState& assignment);

/// The place that an assignment has on a target, whichever slot it works in: one thing happens
/// there at a time, and one may be tried again or not.
[[nodiscard]] InstallKey key_of(const AssignmentKey& assignment, const std::string& target);
[[nodiscard]] InstallKey place_of(InstallKey key);
/// Where something may stand at a place.
inline constexpr std::array kAnySlot{std::string_view{}, kBlue, kGreen};

/// What the target's own agent last reported there; null = nothing, or never heard.
[[nodiscard]] const Installation* seen_on(const State& state, const std::string& agent,
                                          const InstallKey& key);
/// What serves there: the installation of an assignment's project on one of its targets, in the
/// live slot.
[[nodiscard]] const Installation* seen_on(const State& state, const AssignmentKey& assignment,
                                          const DesiredTarget& target);
/// The same in the slot that a release works in.
[[nodiscard]] const Installation* seen_in(const State& state, const Release& release,
                                          const DesiredTarget& target);

/// The target as wished now, or as last wished (it may have left in the middle); null = never.
[[nodiscard]] const DesiredTarget* find_target(const AssignmentState& assignment,
                                               const std::string& name);
/// As wished now; null = it is not.
[[nodiscard]] const DesiredTarget* wished_target(const AssignmentState& assignment,
                                                 const std::string& name);

/// A definition by its digest, if it is loaded.
[[nodiscard]] DefinitionPtr definition_of(const AssignmentState& assignment, const Digest& digest);

[[nodiscard]] const Quarantine* quarantine_of(const State& state, const AssignmentKey& key,
                                              const Digest& digest);

/// What keeps this digest off a target for now; null = nothing does.
[[nodiscard]] const Block* block_of(const State& state, const AssignmentKey& key,
                                    const DesiredTarget& target, const Digest& digest, Lived now);
/// When the agent must have told how it ended, if it was sent at that time: from its start it has
/// its own deadline, which the agent sees to.
[[nodiscard]] Lived outcome_due(Lived sent, const Action& action);
/// Nobody waits for the outcome of the target's action any more: its status is no verdict.
[[nodiscard]] bool is_lost(const State& state, const TargetProgress& progress);
/// It uses up `max_unavailable` (invariant 6): all that are on their way, but lost ones under
/// `offline: skip`.
[[nodiscard]] bool takes_budget(const AssignmentState& assignment, const OutboxEntry& entry);

/// It holds nothing any more, nor is drift that comes now the failure of its heal.
[[nodiscard]] bool is_over(const Block& block, Lived now);
[[nodiscard]] Hold backoff_hold(const State& state, const Block& block);

/// What unpinned targets should have while nothing new is being introduced: last good. Empty =
/// there is none: nothing to keep.
[[nodiscard]] std::optional<LastGood> kept_state(const State& state, const AssignmentKey& key);

/// The target is as wished, and its agent itself said so in this life of the daemon: neither a hint
/// of the store nor what has drifted proves anything.
[[nodiscard]] bool is_proven(const State& state, const AssignmentKey& key,
                             const DesiredTarget& target);
/// Some target proves the wish. Pinned ones have something else.
[[nodiscard]] bool is_proven(const State& state, const Assignment& wish);

using planner::is_touched;

/// Target digest for an assignment digest on a target; pinned ones keep their own.
[[nodiscard]] Digest target_digest_for(const DesiredTarget& target, const Digest& assignment);

/// Targets that are changing, unreported, failed or unknown: they use up max_unavailable. Where
/// offline targets are skipped they do not, however they were when they were last seen, nor does an
/// action that was lost with its agent: one burnt host would hold every release.
[[nodiscard]] std::set<std::string> unavailable_targets(const State& state,
                                                        const AssignmentKey& key, Lived now);

/// `a, b, c and 17 more`, for reasons that stay short in a large fleet.
[[nodiscard]] std::string some_of(const std::vector<std::string>& names);

/// Somebody is given time for something: it must not be lost in a crash how much of it has passed.
[[nodiscard]] bool is_waiting(const State& state, Lived now);

[[nodiscard]] const Release* active_release(const State& state, const AssignmentKey& key);

}  // namespace tidegate::engine
