#pragma once
/// Releases and everything about them that is persisted and shown.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "schema/model/agent.h"
#include "schema/model/assignment.h"

namespace tidegate {

/// A gate's answer: which gate, why, until when (if that is known).
struct Hold {
    std::string gate;  ///< window, freeze, pause, config, unsupported, offline, quarantine, …
    std::string reason;
    std::optional<Timestamp> until;
    std::string until_local{};  ///< the same on the clock of a window's zone, for people; or empty

    friend auto operator<=>(const Hold&, const Hold&) = default;
};

enum class ReleaseKind { introduce, heal, catch_up, restore, uninstall, retire };
constexpr auto enum_names(ReleaseKind) {
    return std::array{"introduce"sv, "heal"sv,      "catch_up"sv,
                      "restore"sv,   "uninstall"sv, "retire"sv};
}
/// Keeps what was let through once, or clears away what nothing uses any more (retire); all others
/// bring about what a commit asks for.
[[nodiscard]] constexpr bool is_upkeep(ReleaseKind kind) {
    return kind == ReleaseKind::heal || kind == ReleaseKind::catch_up ||
           kind == ReleaseKind::retire;
}

/// pending → running ⇄ paused → success | failed | cancelled
///              └→ rolling_back → rollback | failed
enum class ReleaseStatus {
    pending,
    scheduled,
    approving,
    running,
    paused,
    rolling_back,
    success,
    failed,
    cancelled,
    rollback,
};
constexpr auto enum_names(ReleaseStatus) {
    return std::array{"pending"sv,      "scheduled"sv, "approving"sv, "running"sv,   "paused"sv,
                      "rolling_back"sv, "success"sv,   "failed"sv,    "cancelled"sv, "rollback"sv};
}
[[nodiscard]] constexpr bool is_final(ReleaseStatus status) {
    return status >= ReleaseStatus::success;
}
/// From its first dispatch to its end.
[[nodiscard]] constexpr bool is_active(ReleaseStatus status) {
    return status == ReleaseStatus::running || status == ReleaseStatus::paused ||
           status == ReleaseStatus::rolling_back;
}

/// In the order of Work's alternatives.
enum class StepKind { deploy, verify, await, route };
constexpr auto enum_names(StepKind) {
    return std::array{"deploy"sv, "verify"sv, "await"sv, "route"sv};
}
enum class StepStatus { pending, running, success, failed, cancelled, skipped };
constexpr auto enum_names(StepStatus) {
    return std::array{"pending"sv, "running"sv,   "success"sv,
                      "failed"sv,  "cancelled"sv, "skipped"sv};
}

/// Brings the new version to its targets, and checks it there once. How far each is stands in its
/// TargetProgress: a target is deployed by one step of a release only.
struct DeployWork {
    std::vector<std::string> targets;  ///< in the order in which they go
    int required = 0;                  ///< how many must be deployed, at least one
    int max_unavailable = 0;  ///< changing and unavailable targets at once; 0 = all of the step
    Seconds wait_before{0};   ///< after the end of the former deploy step
};
/// Watches every target that has the new version by then, for so long. How far each is stands in
/// its TargetProgress::watch.
struct VerifyWork {
    Seconds duration{0};
};
/// Waits for a person's promote past its entry; the former verify goes on.
struct AwaitWork {
    bool approver = false;           ///< only an approver's counts, by no author of the change
    std::optional<Seconds> timeout;  ///< then the release is taken back
};
/// Gives so much of the traffic to the new side, and the rest to the old one. How far each router
/// is, its agent says (RouteReport).
struct RouteWork {
    int weight = 0;  ///< 0..100, of the release's slot
    Seconds timeout{60};
    std::uint64_t revision = 0;  ///< of the route that it set; 0 = none yet
};
using Work = std::variant<DeployWork, VerifyWork, AwaitWork, RouteWork>;

/// What a strategy compiles to; fixed when the release starts, but that deploy steps lose targets
/// that leave, and swap those that are away for later ones.
struct Step {
    int index = 0;
    int entry = 0;  ///< of the strategy's `steps` or `cluster_order`, from 1; 0 = it has none
    Work work;
    StepStatus status = StepStatus::pending;
    /// Its first dispatch: the gates were open (on_close: finish_step).
    std::optional<Timestamp> admitted_at{};
    std::optional<Timestamp> started_at{};
    std::optional<Timestamp> finished_at{};
    std::optional<Lived> began{};
    std::optional<Lived> ended{};
    std::optional<Lived> deadline{};
};
[[nodiscard]] constexpr StepKind kind_of(const Work& work) {
    return static_cast<StepKind>(work.index());
}
[[nodiscard]] constexpr StepKind kind_of(const Step& step) { return kind_of(step.work); }
/// Null: it deploys nothing.
[[nodiscard]] inline DeployWork* deploy_of(Step& step) {
    return std::get_if<DeployWork>(&step.work);
}
[[nodiscard]] inline const DeployWork* deploy_of(const Step& step) {
    return std::get_if<DeployWork>(&step.work);
}
/// Those that it deploys to; of other steps none: they are about all that have the new version.
[[nodiscard]] inline std::span<const std::string> targets_of(const Step& step) {
    const auto* work = deploy_of(step);
    return work ? work->targets : std::span<const std::string>{};
}

enum class TargetStatus {
    waiting,
    dispatched,
    unreported,
    success,
    failed,
    unknown,
    skipped,
    cancelled,
    restoring,
    restored,
    restore_failed,
};
constexpr auto enum_names(TargetStatus) {
    return std::array{"waiting"sv,   "dispatched"sv, "unreported"sv,    "success"sv,
                      "failed"sv,    "unknown"sv,    "skipped"sv,       "cancelled"sv,
                      "restoring"sv, "restored"sv,   "restore_failed"sv};
}

/// One target in the verify or await step that watches it.
struct Watch {
    int step = 0;  ///< its index; of any other step it says nothing
    /// waiting (its agent is away, or to be asked), dispatched (it watches), success, failed.
    TargetStatus status = TargetStatus::waiting;
    int attempt = 0;
    std::string action;
    std::string error;
    std::optional<Timestamp> started_at;
    std::optional<Timestamp> finished_at;
    std::optional<Lived> began;  ///< as started_at
};

struct TargetProgress {
    std::string name;
    TargetStatus status = TargetStatus::waiting;
    std::string from;  ///< version before
    std::string to;
    Digest desired;  ///< target digest
    int attempt = 0;
    std::string action;         ///< the last action's id
    std::string failed_action;  ///< the one that a restore followed
    std::string error;
    std::string agent;  ///< that told the last outcome; empty in rows of former builds
    std::vector<StageResult> stages;
    std::optional<Timestamp> started_at;
    std::optional<Timestamp> finished_at;
    std::optional<Lived> ended;  ///< as finished_at
    /// Of its agent, the newest at its success; later the one that made it doubtful, by saying that
    /// it is down or old, or the first after that which says that it is well again.
    std::optional<std::uint64_t> report;
    std::optional<Lived> doubted_at;  ///< when that came; none: it is not doubtful
    std::optional<Watch> watch;       ///< the newest
    bool was_well = false;            ///< it had passed its checks when its release was rolled back
    bool let_go = false;              ///< it failed, which max_failed allows: it goes back alone
};

/// How far the Git side of a rollback is.
enum class RevertState { none, wanted, pushed, branched, not_needed };
constexpr auto enum_names(RevertState) {
    return std::array{"none"sv, "wanted"sv, "pushed"sv, "branched"sv, "not_needed"sv};
}

/// A release but its steps and targets, which have rows of their own: their number is not bounded.
struct ReleaseHead {
    std::string id;
    std::uint64_t number = 0;  ///< rises within its assignment, as clocks do not; 0: not known
    AssignmentKey key;
    ReleaseKind kind = ReleaseKind::introduce;
    Operation operation = Operation::deploy;
    ReleaseStatus status = ReleaseStatus::pending;
    Digest digest;
    std::string from;  ///< version before, the most common one on the targets
    std::string to;
    std::string commit;  ///< intent commit
    std::string digest_commit;
    std::string author;
    std::string message;  ///< the intent commit's first line
    std::string cause;    ///< heal, catch_up: target and report number
    int retry = 0;
    StrategyType strategy = StrategyType::rolling;
    std::string reason;                 ///< in words, why it is in this status
    std::optional<LastGood> last_good;  ///< to come back to, fixed when it starts
    bool forward_only = false;
    int max_failed = 0;  ///< so many targets may fail before that is a bad verdict
    /// That it works in; empty where there are none. Beside the live one: nobody notices before
    /// traffic is sent there.
    std::string slot;

    Timestamp created_at;
    std::optional<Timestamp> started_at;
    std::optional<Timestamp> finished_at;
    std::optional<Lived> paused_at;  ///< deadlines stand still since then
    std::optional<Lived> deadline;
    std::optional<Lived> all_back_at;  ///< rolling back: from then on nobody waits for a turn
    bool admitted = false;   ///< its first dispatch passed the gates (on_close: finish_release)
    bool condemned = false;  ///< its verdict was bad, and its digest was quarantined for that

    std::vector<Hold> holds;

    RevertState revert = RevertState::none;
    std::string revert_commit;  ///< stored before the push
    std::string revert_note;    ///< branch name, or why nothing was written
};

struct Release : ReleaseHead {
    std::vector<Step> steps;
    std::map<std::string, TargetProgress> targets;  ///< by name
};

/// A (target, project) whose heal, catch-up or uninstall failed: not tried again before `until`. Or
/// whose heal went well: kept for kHealProven after that.
struct Block {
    InstallKey key;
    Digest digest;  ///< target digest
    int failures = 0;
    Lived until;
    std::string reason;
    /// Its last heal ended well: drift that returns soon is a failure of that heal.
    std::optional<Lived> healed_at;
};

/// An action in the outbox: sent, or to be sent, and not yet answered.
struct OutboxEntry {
    Action action;
    AssignmentKey assignment;
    std::string agent;
    bool restore = false;
    bool sent = false;
    Timestamp created_at;
    std::optional<Lived> deadline;  ///< when its agent must have told how it ended
    /// Its agent is away, and nobody waits for the outcome: asked for when the agent is back.
    bool lost = false;
};

/// The newest introduce that ended with success, or uninstall: what to keep, and to come back to.
struct GoodState {
    AssignmentKey key;
    LastGood good;
    bool forward_only = false;
    std::string release;
    std::string forward_by{};  ///< the release whose first action set forward_only
};

/// Where an assignment's traffic goes, once a blue_green release began; until its uninstall.
struct Sides {
    AssignmentKey key;
    std::string live;  ///< has what is kept; empty: what was installed without slots, or nothing
    std::uint64_t revision = 0;          ///< of the route; rises
    std::map<std::string, int> weights;  ///< by slot, in percent: 100 in all, or nothing
    /// Who gets a share of its slot's: deployed there, checks passed.
    std::map<std::string, std::set<std::string>> served;
    std::optional<Lived> kept_until;  ///< the other slot is not removed before
    /// Targets that get nothing while something is done to them: traffic without slots.
    std::set<std::string> out{};
    /// The environment's traffic when it was last routed: also what is no longer wished is routed.
    std::optional<Traffic> traffic;
    std::map<std::string, std::string> routers{};  ///< likewise: router target → its agent
};

/// A commit of our own: only what stands here, written before the push, proves it. Kept apart from
/// its release, which is forgotten sooner.
struct OwnRevert {
    std::string release;
    std::string commit;
    Timestamp at;
};

enum class Sync { in_sync, out_of_sync, releasing, held, quarantined, unknown };
constexpr auto enum_names(Sync) {
    return std::array{"in_sync"sv, "out_of_sync"sv, "releasing"sv,
                      "held"sv,    "quarantined"sv, "unknown"sv};
}

/// What an agent says of a target that is not as it was installed.
struct DriftNote {
    std::string target;
    std::string reason;
    bool drifted = false;  ///< else nobody can tell, and nothing is done

    friend bool operator==(const DriftNote&, const DriftNote&) = default;
};

struct TargetCounts {
    int total = 0, in_sync = 0, updating = 0, failed = 0, offline = 0, drifted = 0;
};

/// One balancer of an assignment, for people.
struct RouterView {
    std::string target;
    std::string agent;
    bool online = false;
    bool in_force = false;  ///< the route of now
    std::string error;
    std::map<std::string, int> weights{};  ///< by slot, as read back
};
/// What Sides is to people.
struct SidesView {
    std::string live;
    std::uint64_t revision = 0;
    std::map<std::string, int> weights;
    std::vector<RouterView> routers;
    std::optional<Timestamp> kept_until;  ///< the other slot is there until then
    std::vector<std::string> out{};       ///< targets that get nothing while they change
};

/// One assignment as status, explain and metrics show it.
struct AssignmentView {
    AssignmentKey key;
    std::string desired_version;
    Digest desired_digest;
    std::string desired_commit;  ///< empty: it is no longer in Git; nothing is desired
    Sync sync = Sync::unknown;
    TargetCounts targets;
    std::string release;  ///< id, or empty
    std::optional<LastGood> last_good;
    std::vector<Hold> holds;
    std::vector<std::string> orphaned;  ///< installed there, but no longer desired
    std::string revert_note;
    std::vector<DriftNote> drift;  ///< the first kDriftNotesShown
    /// The oldest target that has neither last good nor what is wished, such as one that was away.
    std::optional<Timestamp> behind_since;
    std::optional<SidesView> sides{};  ///< none: it has no slots
};

/// What of a host keeps an action from beginning there (ActionResult::host_trouble).
struct HostTrouble {
    std::string project;
    std::string agent;
    std::string reason;  ///< one line
    Timestamp since;
    Lived until;               ///< it counts as away until then, when it is tried again
    Timestamp tried_again_at;  ///< the same, as people are told it
    int tries = 0;
};

enum class AgentStatus { unknown, online, offline };
constexpr auto enum_names(AgentStatus) { return std::array{"unknown"sv, "online"sv, "offline"sv}; }

struct TargetView {
    std::string name;
    std::string environment;
    std::string agent;
    AgentStatus status = AgentStatus::unknown;
    std::optional<Timestamp> last_seen_at;
    std::map<std::string, std::string> labels;
    std::vector<Installation> installations;
    std::vector<HostTrouble> troubles;
};

}  // namespace tidegate
