#pragma once
/// The documents of the config repo, as read: plain values with the places of what may dangle.
/// schema/config makes them from YAML; schema/resolve joins them into assignments.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "schema/model/names.h"
#include "schema/model/rules.h"

namespace tidegate {

struct TargetSpec {
    std::string name;
    std::string agent;  ///< empty = the agent of the same name
    std::string type = "host";
    std::map<std::string, std::string> labels;
    int priority = 0;  ///< lower goes first
    std::string work_dir;
    Value config;  ///< all of `config`, as written
    Variables variables;
    Position position;

    friend bool operator==(const TargetSpec&, const TargetSpec&) = default;
};

struct Dependency {
    Reference service;
    bool required = true;
    bool wait_ready = true;
    std::optional<Seconds> timeout;
    std::optional<HealthCheck> health_check;

    friend bool operator==(const Dependency&, const Dependency&) = default;
};

struct Project {
    std::string name;
    std::string description;
    std::string owner;
    Deploy deploy;
    Variables variables;
    Pipeline pipeline;
    std::vector<Dependency> depends_on;
    Position position;

    friend bool operator==(const Project&, const Project&) = default;
};

struct Environment {
    std::string name;
    std::optional<Reference> promotes_from;
    bool require_approval = false;
    std::vector<std::string> approvers;
    std::optional<std::variant<Reference, ReleaseWindow>> window;
    std::optional<Strategy> strategy;
    bool allow_override = false;  ///< a version file may name a strategy of its own
    std::optional<RollbackRules> rollback;
    std::optional<Heal> heal;
    std::optional<Offline> offline;
    Freeze freeze;
    Value budget;                     ///< as written; held `unsupported`
    std::vector<Reference> policies;  ///< held `unsupported`
    Variables variables;
    std::vector<TargetSpec> targets;
    Position position;

    friend bool operator==(const Environment&, const Environment&) = default;
};

struct TargetList {
    std::string environment;  ///< from the path
    std::vector<TargetSpec> targets;
    Position position;

    friend bool operator==(const TargetList&, const TargetList&) = default;
};

struct Policy {
    std::string name;
    std::string language;
    Value applies_to;
    std::string rule;
    Position position;

    friend bool operator==(const Policy&, const Policy&) = default;
};

enum class Operation { deploy, install, update };
constexpr auto enum_names(Operation) { return std::array{"deploy"sv, "install"sv, "update"sv}; }

struct Pin {
    Reference target;
    std::string version;

    friend bool operator==(const Pin&, const Pin&) = default;
};

/// `promote`: lets a release of that version go past its awaits.
struct Promote {
    std::string version;
    int step = 0;       ///< up to that entry of the strategy; 0 beside `full`
    bool full = false;  ///< all of them

    friend bool operator==(const Promote&, const Promote&) = default;
};

struct Restored {
    std::string version;
    std::string commit;
    Position position;

    friend bool operator==(const Restored&, const Restored&) = default;
};

struct Version {
    AssignmentKey key;
    Reference project;      ///< with the place to blame when there is no such project
    Reference environment;  ///< likewise
    std::string version;
    std::optional<Artifact> artifact;
    Operation operation = Operation::deploy;
    bool absent = false;
    bool keep_data = false;
    bool paused = false;
    std::optional<Promote> promote;
    int retry = 0;
    std::vector<Pin> pins;
    Value scheduled_release;  ///< as written; held `unsupported`
    std::optional<Strategy> strategy;
    Variables variables;
    bool forward_only = false;
    std::optional<Restored> restored;
    Position position;

    friend bool operator==(const Version&, const Version&) = default;
};

struct ApprovalList {
    AssignmentKey key;
    Value approvals;  ///< as written, checked
    Position position;

    friend bool operator==(const ApprovalList&, const ApprovalList&) = default;
};

struct Trust {
    bool require_signatures = false;
    Value allowed_signers;
    std::optional<Seconds> rules_soak;

    friend bool operator==(const Trust&, const Trust&) = default;
};

struct Repository {
    std::string name;
    Trust trust;
    Variables variables;
    std::optional<Strategy> strategy;       ///< defaults.strategy
    std::optional<RollbackRules> rollback;  ///< defaults.rollback
    std::optional<Heal> heal;
    std::optional<Offline> offline;
    /// Valid top-level parts this build only warns about: notifications, artifact_storage, …
    std::map<std::string, Value> not_acted_on;
    Position position;

    friend bool operator==(const Repository&, const Repository&) = default;
};

/// One file's content.
using Document = std::variant<Repository, Project, Environment, TargetList, ReleaseWindow, Policy,
                              Version, ApprovalList>;

/// What reading one file gave. Immutable and shared: the same blob is parsed once.
struct ParsedFile {
    std::shared_ptr<const Document> document;  ///< null when there are errors
    std::vector<Error> errors;                 ///< all of the file's, with places
    std::vector<Error> warnings;               ///< valid, but not acted on yet
};

/// All files of one commit inside the layout, by path. Paths outside it are not here.
using DocumentTree = std::map<std::string, std::shared_ptr<const ParsedFile>>;

}  // namespace tidegate
