#pragma once
/// Follows the first-parent line commit by commit and says what is desired at its tip.
///
/// ```
/// LineTracker tracker{options};                     // or LineTracker::load(options, json, tree)
/// for each new commit, oldest first:  tracker.add_commit(meta, tree, changed paths);
/// for each commit of tracker.missing():  tracker.provide(commit, tree at it);
/// tracker.desired(at);  save tracker.json();
/// ```
/// An assignment that a commit makes invalid stays as its last valid commit has it, with the
/// errors. One thread; pure: whoever calls reads Git.

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "schema/resolve/history.h"

namespace tidegate {

struct LineOptions {
    ZoneLookup zones;
    /// "name <email>" that the daemon commits as, for LineCommit::proven_by_form. Empty = never.
    std::string identity;
};

class LineTracker {
public:
    explicit LineTracker(LineOptions options);
    /// Goes on from `json()` of an earlier run; `tree` is that of its tip, read by its checks.
    /// Errors: invalid, conflict (this build resolves the tip otherwise): start anew from the root.
    [[nodiscard]] static Result<LineTracker> load(LineOptions options, std::string_view json,
                                                  const DocumentTree& tree);
    LineTracker(LineTracker&&) noexcept;
    LineTracker& operator=(LineTracker&&) noexcept;
    ~LineTracker();

    /// Empty before the first commit.
    [[nodiscard]] const std::string& tip() const;
    /// By which the tip is judged.
    [[nodiscard]] Checks checks() const;
    /// Before the first commit that newer checks judge: `tree` is the tip's, read by those. What is
    /// in force stays as it is; from the next commit on they decide.
    void adopt(Checks checks, const DocumentTree& tree);
    /// `changed`: every path that differs from the tree of the commit before. All commits in order;
    /// `tree` is read by the checks of the tip.
    void add_commit(const LineCommit& commit, const DocumentTree& tree,
                    const std::set<std::string>& changed);

    /// Commits whose trees `desired` needs and this object does not have: of pinned versions, and
    /// after `load` the last valid ones of held assignments.
    [[nodiscard]] std::set<std::string> missing() const;
    /// `checks`: those that the tree was read by, the ones of that commit's time.
    void provide(const std::string& commit, const DocumentTree& tree, Checks checks = kChecksNow);

    /// What is in force. `missing()` must be empty. Assignments that nothing touched since the last
    /// call are the same objects.
    [[nodiscard]] Desired desired(Timestamp accepted_at);
    /// All errors and warnings at the tip, those of pins included.
    [[nodiscard]] std::vector<Error> errors() const;
    [[nodiscard]] std::vector<Error> warnings() const;

    /// The tip resolved, errors and all.
    [[nodiscard]] const ResolvedTree& at_tip() const;
    /// The assignment's digest in force if `tree`, the tip's with another version file of it, were
    /// the tip's; none where it is not there or not valid.
    [[nodiscard]] std::optional<Digest> digest_with(const DocumentTree& tree,
                                                    const AssignmentKey& key) const;
    /// The newest commit at which the assignment had this version; none if it never had.
    [[nodiscard]] std::optional<VersionPoint> find_version(const AssignmentKey& key,
                                                           const std::string& version) const;

    /// The digest that is in force for what a commit's files say: not the one that they have by the
    /// newest checks where it was accepted with another one before those.
    [[nodiscard]] Digest digest_in_force(const AssignmentKey& key, const Digest& digest) const;
    [[nodiscard]] const History& history() const;
    [[nodiscard]] std::string json() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace tidegate
