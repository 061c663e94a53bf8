#pragma once
/// Renders the command that moves one target, and the ids of releases and actions.

#include <optional>
#include <string>

#include "schema/model/assignment.h"
#include "schema/model/release.h"

namespace tidegate::planner {

/// Steps of restores have this number, above that of any forward step; on the wire a step has no
/// sign.
inline constexpr int kRestoreStep = 1'000'000;

/// UUIDv5(root commit, assignment, kind, intent commit, assignment digest, cause), design 4.5: a
/// daemon that lost its store finds the same ids.
[[nodiscard]] std::string release_id(const std::string& root_commit, const AssignmentKey& key,
                                     ReleaseKind kind, const std::string& intent_commit,
                                     const Digest& digest, const std::string& cause);
/// hash(release, step, target, attempt, and the slot where there is one), design 4.8.
[[nodiscard]] std::string action_id(const std::string& release, int step, const std::string& target,
                                    int attempt, const std::string& slot = {});

/// Everything an action is made of. References must outlive the call only.
struct ActionSpec {
    const Release& release;
    const DesiredTarget& target;
    const Definition& definition;             ///< what is to be there afterwards
    const std::optional<HealthCheck>& check;  ///< the verification
    int step = 0;
    int attempt = 0;
    ActionKind kind = ActionKind::deploy;
    Seconds watch_for{0};  ///< verify only
    Digest digest;         ///< target digest
    std::string current_version;
    std::optional<LastGood> last_good;
    std::optional<LastGood> rejected;  ///< restore: what it takes away
    std::string rollback_script;       ///< restore: the failed definition's, or empty
    std::string repo;
    std::string branch;
    std::string slot{};       ///< that it works in; empty = there are none
    std::string live_slot{};  ///< that has the traffic; empty = none has yet
    bool imagined = false;    ///< nobody runs it: it gets no variables
};
/// One of kind verify carries its checks and what they need (work_dir, environment, variables), and
/// nothing that moves a target.
[[nodiscard]] Action render(const ActionSpec& spec);

/// Whether an action of kind verify would have something to check: the strategy's check, or a
/// health_check task of post_release. One with `on_error: continue` decides nothing, here neither.
[[nodiscard]] bool has_checks(const Definition& definition,
                              const std::optional<HealthCheck>& check);

/// How long the action may take at most: the sum of all its time-outs, tries and waits. Of a
/// verify: watch_for, limits::kWatchSlack and the time of its longest check, for what began as time
/// was up.
[[nodiscard]] Seconds time_bound(const Action& action);

}  // namespace tidegate::planner
