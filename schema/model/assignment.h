#pragma once
/// The desired side: what one accepted commit asks for, resolved. Made by schema/resolve,
/// immutable, shared between threads.

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "schema/base/digest.h"
#include "schema/model/documents.h"

namespace tidegate {

/// All that defines the installed thing (design, section 1: assignment digest).
struct Definition {
    AssignmentKey key;
    std::string commit;  ///< where it was resolved; not part of the digest
    Digest digest;       ///< the assignment digest
    std::string version;
    std::optional<Artifact> artifact;
    bool absent = false;
    bool keep_data = false;
    Deploy deploy;
    Pipeline pipeline;
    /// Of the strategy there. Not part of the digest; what is restored to is verified with it.
    std::optional<HealthCheck> health_check;
    Variables base;     ///< system, project and environment levels, merged
    Variables release;  ///< the version file's level; the target's goes between the two
};
using DefinitionPtr = std::shared_ptr<const Definition>;

struct DesiredTarget {
    std::string name;
    std::string agent;
    std::map<std::string, std::string> labels;
    int priority = 0;
    std::string work_dir;
    Variables variables;
    Digest config_digest;      ///< of the target's own config and variables
    DefinitionPtr definition;  ///< the assignment's, or the pinned one
    bool pinned = false;
    Digest digest;  ///< target digest: what an agent must report to be in sync
};

/// The commit behind an assignment's desired state, and who is behind it.
struct Intent {
    std::string commit;         ///< intent commit: changed digest, state, operation, retry, pins
    std::string digest_commit;  ///< the commit at which the digest last took its value anew
    std::string parent;         ///< the anchor: first parent of `commit`; empty = none
    std::string author_name;
    std::string author_email;
    std::string message;  ///< first line
    Timestamp committed_at;
    std::set<std::string> authors;  ///< "name <email>" of all commits the change brings
    bool by_daemon = false;         ///< one of our own reverts (checked, not only a trailer)
    std::string emergency_reason;   ///< trailer Tidegate-Emergency, or empty
    std::map<std::string, std::string> trailers;  ///< those that start with `Tidegate-`
};

/// While an assignment had one digest: who changed what defines it, `state`, `operation` or `retry`
/// in the commits that brought it there from the digest before.
struct Stretch {
    Digest digest;
    std::set<std::string> authors;  ///< "name <email>"

    friend bool operator==(const Stretch&, const Stretch&) = default;
};

/// A person's word that the running release may go on, and whose it is.
struct Promotion {
    Promote promote;
    std::string commit;  ///< the first-parent commit that brought it, or changed it last
    std::string author_name;
    std::string author_email;
    /// It came after the intent commit: one that came with it, or before, counts for nothing.
    bool after_intent = false;
};

/// An (assignment, digest) that no kind of release may deploy until a person lifts it.
struct Quarantine {
    AssignmentKey key;
    Digest digest;
    std::string version;
    std::string release;
    std::string digest_commit;  ///< a newer entering of the digest lifts it
    int retry = 0;              ///< a higher counter than that of its time lifts it
    std::string reason;
    Timestamp at;
};

struct Assignment {
    AssignmentKey key;
    std::string commit;  ///< the accepted commit this was resolved at
    DefinitionPtr definition;
    Operation operation = Operation::deploy;
    bool paused = false;
    int retry = 0;
    bool forward_only = false;
    std::vector<DesiredTarget> targets;  ///< sorted by (priority, name)
    Strategy strategy;
    RollbackRules rollback;
    Heal heal = Heal::on;
    Offline offline = Offline::skip;
    Rules rules;  ///< of the accepted commit
    /// Of the anchor: those of this environment, and of those that held its targets.
    std::vector<std::shared_ptr<const Rules>> anchor_rules;
    Intent intent;
    std::optional<Promotion> promotion;
    /// The newest last, at most kStretchesKept: the authors of older ones are in the oldest kept.
    std::vector<Stretch> stretches;
    /// Of the strategy's traffic: router target → its agent.
    std::map<std::string, std::string> routers;
    /// What our own reverts took away and no person brought back: a lost store gets its quarantines
    /// back from these.
    std::vector<Quarantine> reverts;
    std::vector<Error> config_errors;  ///< newer commits' errors that hold it here: hold `config`
};
using AssignmentPtr = std::shared_ptr<const Assignment>;

/// The whole desired state in force. Assignments that newer commits broke are at their last valid
/// state, with `config_errors`.
struct Desired {
    std::string root_commit;  ///< the repo's first commit; part of release ids
    std::string commit;       ///< the accepted commit
    Timestamp accepted_at;
    std::map<AssignmentKey, AssignmentPtr> assignments;
    std::string repo{};    ///< for GIT_REPO: as people know it, without credentials
    std::string branch{};  ///< for GIT_BRANCH
};

/// What the status page says of the config repo.
enum class TipState { accepted, partial, held };
constexpr auto enum_names(TipState) { return std::array{"accepted"sv, "partial"sv, "held"sv}; }

struct ConfigStatus {
    std::string accepted_commit;
    std::optional<Timestamp> accepted_at;
    std::string tip_commit;
    TipState tip_state = TipState::accepted;
    std::vector<Error> errors;
    std::vector<Error> warnings;
    std::optional<Timestamp> last_poll_at;
    std::string poll_error;  ///< empty when the last poll reached the remote
};

}  // namespace tidegate
