#pragma once
/// What the daemon makes of the config repo: the real LineTracker and the real plan of reverts over
/// the model's commits. A line that is kept, loaded or replayed must say the same.

#include <set>
#include <string>

#include "reconciler/engine/effect.h"
#include "reconciler/engine/event.h"
#include "schema/resolve/line_tracker.h"
#include "schema/resolve/revert.h"
#include "tests/simulation/engine/model_git.h"

namespace tidegate::simulation {

class ModelSource {
public:
    explicit ModelSource(ModelGit& git, bool keeps_rules = false);

    /// How a start of the daemon comes by the line: all ways lead to the same.
    enum class Start { kept, loaded, replayed };
    void start(Start how, std::set<std::string> own_commits);
    /// Up to the next tip the form of our own reverts has to prove them.
    void forget_store() { rebuilt_to_.clear(); }

    /// Takes in every new commit.
    [[nodiscard]] std::shared_ptr<const Desired> poll(Timestamp now);
    [[nodiscard]] const std::string& tip() const { return tracker_.tip(); }

    [[nodiscard]] Result<DefinitionPtr> load(const engine::LoadDefinition& query) const;
    [[nodiscard]] std::optional<LastGood> find(const engine::FindLastGood& query) const;
    /// Prepares or pushes. The caller may lose the answer.
    [[nodiscard]] Result<engine::RevertDone> revert(const engine::RevertRequest& request,
                                                    Timestamp now);

    /// Invariants 11 and 12, and those of the line, as seen from the repo; empty = kept.
    std::string violation;

private:
    void follow();
    void add(const LineChange& change);
    [[nodiscard]] bool is_proven_by_form(const Commit& commit) const;
    void provide_missing();
    [[nodiscard]] Result<engine::RevertDone> prepare(const engine::RevertRequest& request,
                                                     Timestamp now,
                                                     const std::string& branch_only_reason);
    [[nodiscard]] Result<engine::RevertDone> push(const engine::RevertRequest& request,
                                                  Timestamp now);
    [[nodiscard]] Result<RevertInput> input_of(const engine::RevertRequest& request) const;
    [[nodiscard]] std::optional<Digest> digest_with(const AssignmentKey& key,
                                                    const std::optional<std::string>& text) const;
    [[nodiscard]] std::string create(const RevertPlan& plan, const std::string& release,
                                     Timestamp now);
    void check_pushed(const engine::RevertRequest& request);
    [[nodiscard]] bool is_known(const std::string& revert) const;

    ModelGit& git_;
    bool keeps_rules_;  ///< see Models::reverts_keep_rules
    LineTracker tracker_;
    std::set<std::string> own_;
    std::string rebuilt_to_;                       ///< the first commit that this store accepted
    std::map<std::string, std::string> reverted_;  ///< release → its revert that was pushed
};

}  // namespace tidegate::simulation
