#pragma once
/// A config repo as a line of values: commits, what they resolve to, reverts, push races.

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "reconciler/engine/effect.h"
#include "reconciler/engine/event.h"

namespace tidegate::simulation {

/// What a version file says. Versions that begin with "bad" fail wherever they are installed.
struct Spec {
    std::string version;
    bool absent = false;
    bool paused = false;
    int retry = 0;
    bool forward_only = false;
    Operation operation = Operation::deploy;
    std::map<std::string, std::string> pins{};  ///< target → version

    friend bool operator==(const Spec&, const Spec&) = default;
};

/// Environments do not change in a run; a commit may take a window away, or put it back.
struct Fleet {
    struct Target {
        std::string name;
        std::string agent;
    };
    struct Place {
        std::vector<Target> targets;
        Strategy strategy;
        RollbackRules rollback;
        Offline offline = Offline::skip;
        Rules rules;
    };
    std::map<std::string, Place> environments;
    std::vector<std::string> projects;
};
/// prod: five targets on four agents, rolling; edge: three, all at once, open from 0 to 12 o'clock.
[[nodiscard]] Fleet usual_fleet();
/// The same with another `on_close` in edge; where a step may end later, its targets go one by one.
[[nodiscard]] Fleet fleet_closing(OnClose on_close);

class ModelGit {
public:
    explicit ModelGit(Fleet fleet) : fleet_(std::move(fleet)) {}

    /// A person's commit on the tip; nullptr takes the version file away. With `turn_window`, it
    /// also takes the environment's window away, or puts it back.
    std::string commit(const AssignmentKey& key, const Spec* spec, Timestamp now,
                       bool turn_window = false);
    /// Whether the environment's window was in the config at that commit; "" = before the first.
    [[nodiscard]] bool has_window(const std::string& commit, const std::string& environment) const;
    [[nodiscard]] const std::string& tip() const { return line_.back().id; }
    [[nodiscard]] bool empty() const { return line_.empty(); }
    [[nodiscard]] const Spec* spec_at_tip(const AssignmentKey& key) const;
    [[nodiscard]] Digest digest_at_tip(const AssignmentKey& key) const;
    [[nodiscard]] std::shared_ptr<const Desired> resolve() const;
    [[nodiscard]] const Fleet& fleet() const { return fleet_; }

    [[nodiscard]] engine::DefinitionLoaded load(const engine::LoadDefinition& query) const;
    [[nodiscard]] engine::LastGoodFound find(const engine::FindLastGood& query) const;
    /// Prepares or pushes. The caller may lose the answer.
    [[nodiscard]] engine::RevertDone revert(const engine::RevertRequest& request, Timestamp now);

    /// Invariants 11 and 12, as seen from the repo; empty = kept.
    std::string violation;
    bool protected_branch = false;
    bool moved_on = false;  ///< the tip is never the one that reverts are planned on
    int reverts_asked = 0;

private:
    struct Commit {
        std::string id;
        std::map<AssignmentKey, Spec> specs;
        std::set<std::string> windowless{};  ///< environments
        bool daemon = false;
        std::string release;  ///< a revert's
        Timestamp at;
    };
    struct Prepared {
        std::string parent;
        Commit commit;
        AssignmentKey key;
        std::optional<LastGood> good;
    };

    [[nodiscard]] DefinitionPtr define(const AssignmentKey& key, const Spec& spec,
                                       const std::string& commit) const;
    [[nodiscard]] Rules rules_at(const std::string& commit, const std::string& environment) const;
    [[nodiscard]] AssignmentPtr assign(const AssignmentKey& key) const;
    [[nodiscard]] Intent intent_of(const AssignmentKey& key) const;
    [[nodiscard]] const Commit* find_commit(const std::string& id) const;
    engine::RevertDone prepare(const engine::RevertRequest& request, Timestamp now);
    engine::RevertDone push(const engine::RevertRequest& request);

    Fleet fleet_;
    std::vector<Commit> line_;
    std::map<std::string, Prepared> prepared_;
    std::set<std::string> reverted_;  ///< releases whose revert was pushed
    int next_ = 0;
    mutable std::map<std::string, AssignmentPtr> resolved_;
};

[[nodiscard]] Digest digest_of(const AssignmentKey& key, const Spec& spec);

}  // namespace tidegate::simulation
