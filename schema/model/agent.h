#pragma once
/// What daemon and agent say to each other, as values. schema/wire puts them on the wire.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/base/digest.h"
#include "schema/model/deploy.h"
#include "schema/model/documents.h"
#include "schema/model/names.h"
#include "schema/model/route.h"

namespace tidegate {

/// A state to come back to.
struct LastGood {
    Digest digest;  ///< assignment digest
    std::string commit;
    std::string version;
    bool absent = false;  ///< nothing is there: a finished uninstall

    friend bool operator==(const LastGood&, const LastGood&) = default;
};

enum class InstallStatus { absent, installed, failed, unknown };
constexpr auto enum_names(InstallStatus) {
    return std::array{"absent"sv, "installed"sv, "failed"sv, "unknown"sv};
}

/// A file or folder that the project's scripts put into BACKUP_DIR.
struct Backup {
    std::string path;
    Timestamp at{};  ///< when it was last written to, by its file system

    friend bool operator==(const Backup&, const Backup&) = default;
};

/// What an agent has on one target for one project, from its journal.
struct Installation {
    InstallKey key;
    InstallStatus status = InstallStatus::absent;
    std::string version;  ///< the last one whose action succeeded; empty = none, or gone since
    /// Tried since then without success: files of it may be there. Empty = nothing was.
    std::string tried_version;
    Digest digest;  ///< target digest of what was tried last
    Digest assignment_digest;
    std::string commit;
    bool drifted = false;
    /// Drifted: why. Not drifted: empty, or why nobody can tell; then nothing is done about it.
    std::string drift_reason;
    std::optional<Timestamp> installed_at;  ///< the agent's clock; shown, never compared
    /// As they were when the last action ended: newest first, at most limits::kBackupsMax.
    std::vector<Backup> backups;
    /// Of the last Run: where last_good and rejected are true. Empty: a build of before took it.
    std::string environment;
    std::optional<LastGood> last_good;  ///< as the last Run carried it
    /// What the last restore took away from here, as its Run carried it: lets a daemon that lost
    /// its store find its quarantines again. Cleared by the next action that is not a restore.
    std::optional<LastGood> rejected;
    std::uint64_t report = 0;  ///< durable per installation, grows with every change of it

    friend bool operator==(const Installation&, const Installation&) = default;
};

enum class ActionKind { deploy, install, update, rollback, uninstall, verify };
constexpr auto enum_names(ActionKind) {
    return std::array{"deploy"sv, "install"sv, "update"sv, "rollback"sv, "uninstall"sv, "verify"sv};
}

/// It brings something that may never have run there.
[[nodiscard]] constexpr bool goes_forward(ActionKind kind) {
    return kind == ActionKind::deploy || kind == ActionKind::install || kind == ActionKind::update;
}
/// Once it is done, its definition is what stands there.
[[nodiscard]] constexpr bool puts_in_place(ActionKind kind) {
    return goes_forward(kind) || kind == ActionKind::rollback;
}

/// One command to one agent, whole: it runs to its end without the link. At most one effect.
struct Action {
    std::string id;  ///< hash(release, step, target, attempt), hexadecimal
    std::string release;
    int step = 0;
    int attempt = 0;
    ActionKind kind = ActionKind::deploy;  ///< deploy: install or update, by what the target has
    InstallKey key;
    std::string environment;

    Digest digest;  ///< target digest to report after success
    Digest assignment_digest;
    std::string commit;
    std::string version;
    std::string current_version;   ///< what the daemon saw there; CURRENT_VERSION
    std::string rollback_version;  ///< rollback: version to come back to
    std::optional<LastGood> last_good;
    std::optional<LastGood> rejected;  ///< restore: the quarantined state it takes away
    std::optional<Artifact> artifact;
    bool keep_data = false;

    std::string target_work_dir;  ///< root below which work_dir must lie; empty = none named
    Deploy deploy;
    Pipeline pipeline;
    /// rollback: the failed definition's rollback_script; empty = use deploy's update path.
    std::string rollback_script;
    std::vector<HealthCheck> verify;  ///< the strategy's check, after the pipeline
    /// Kind verify: for so long the checks of `verify` and the health_check tasks of post_release
    /// run again and again; nothing else of the action does.
    Seconds watch_for{0};
    /// Merged for this target, built-ins included. Secrets stay ciphertext until the agent.
    Variables variables;

    Seconds start_within{60};  ///< the agent refuses to start it later than this after receipt
    Seconds deadline{600};     ///< the whole action's upper bound

    friend bool operator==(const Action&, const Action&) = default;
};

enum class TaskStatus { pending, running, success, failed, skipped, cancelled };
constexpr auto enum_names(TaskStatus) {
    return std::array{"pending"sv, "running"sv, "success"sv,
                      "failed"sv,  "skipped"sv, "cancelled"sv};
}

struct TaskResult {
    std::string name;
    std::string type;
    TaskStatus status = TaskStatus::pending;
    int retry_count = 0;
    std::string error;
    std::string output;  ///< its tail, bounded and masked
    std::optional<Timestamp> started_at;
    std::optional<Timestamp> finished_at;

    friend bool operator==(const TaskResult&, const TaskResult&) = default;
};
struct StageResult {
    std::string name;  ///< pre_release, release, post_release, verify; a restore's after "restore/"
    std::vector<TaskResult> tasks;

    friend bool operator==(const StageResult&, const StageResult&) = default;
};

enum class ActionOutcome { done, failed, unknown, cancelled, refused };
constexpr auto enum_names(ActionOutcome) {
    return std::array{"done"sv, "failed"sv, "unknown"sv, "cancelled"sv, "refused"sv};
}

struct ActionResult {
    std::string id;
    std::string release;
    int step = 0;
    int attempt = 0;
    ActionKind kind = ActionKind::deploy;
    ActionOutcome outcome = ActionOutcome::done;
    std::string error;
    /// refused: what of the host is in the way (a full disk, agent.yaml, …). It says nothing of the
    /// version: the target is as good as away, and the same action may come again.
    std::string host_trouble;
    std::vector<StageResult> stages;
    Installation installation;  ///< the state after it; its key says target, project, slot

    friend bool operator==(const ActionResult&, const ActionResult&) = default;
};

/// Progress of a running action; may be lost, never decides anything.
struct ActionUpdate {
    std::string id;
    std::string stage;
    std::string task;
    TaskStatus status = TaskStatus::running;
    int progress = 0;  ///< 0–100

    friend bool operator==(const ActionUpdate&, const ActionUpdate&) = default;
};

/// That a daemon of some CA speaks, or spoke, with this epoch: the CA's signature over
/// wire::epoch_statement.
struct EpochProof {
    std::uint64_t epoch = 0;
    std::string signature;

    friend bool operator==(const EpochProof&, const EpochProof&) = default;
};

/// Among an agent's capabilities: what it finds drifted it reports, with a raised `report`, once
/// more when it finds the same at its next look; and what cannot be told it does not call drifted.
inline constexpr std::string_view kSecondLookCapability = "drift.second_look";

/// The same: it runs actions of kind verify.
inline constexpr std::string_view kVerifyCapability = "verify";

struct Hello {
    std::string agent;
    std::string boot_id;  ///< new per process start
    std::string version;
    std::vector<std::string> capabilities;  ///< driver.script, slots, …
    std::uint64_t highest_epoch = 0;
    std::vector<std::string> targets;  ///< that agent.yaml allows; empty = any
    /// For an epoch of at least highest_epoch, as a rule.
    std::optional<EpochProof> epoch_proof{};
    int runs_at_once = 0;  ///< how many actions; 0: it does not say (limits::kActionsAtOnceDefault)

    friend bool operator==(const Hello&, const Hello&) = default;
};

/// The agent's whole state, after Hello; sent in pieces, put together by reconciler/fleet.
struct Inventory {
    std::vector<Installation> installations;
    std::vector<std::string> running;   ///< ids of actions in progress
    std::vector<ActionResult> results;  ///< journal outcomes not yet acknowledged
    /// Those running that a restart of the agent interrupted: the rest of each runs when it is sent
    /// again, and is dropped when it is cancelled.
    std::vector<std::string> suspended;
    std::vector<RouteReport> routes;  ///< that it keeps, as of now

    friend bool operator==(const Inventory&, const Inventory&) = default;
};

}  // namespace tidegate
