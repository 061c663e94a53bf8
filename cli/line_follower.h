#pragma once
/// What is desired at commits of a local repository, as the daemon would find it.

#include <map>
#include <set>

#include "reconciler/git/repository.h"
#include "reconciler/source/document_reader.h"
#include "schema/resolve/line_tracker.h"

namespace tidegate::cli {

/// Refers to the repository. One thread.
class LineFollower {
public:
    explicit LineFollower(const git::Repository& repository);

    /// Every commit of the line from the root to `commit`. Nobody knows here which of them a daemon
    /// accepted by older checks, so they all count as such.
    [[nodiscard]] Result<void> follow(const std::string& commit);
    /// From the tip to `commit` in one step, whatever lies between: how a merge arrives. Judged by
    /// the newest checks; `commit` may be the tip itself.
    [[nodiscard]] Result<void> merge(const std::string& commit);
    [[nodiscard]] Result<Desired> desired(Timestamp now);
    /// What defined the assignment at that commit. Errors: not_found, invalid.
    [[nodiscard]] Result<DefinitionPtr> definition(const AssignmentKey& key,
                                                   const std::string& commit);
    [[nodiscard]] const LineTracker& tracker() const { return tracker_; }
    /// What the commit that was merged does not say, for people.
    [[nodiscard]] const std::vector<Error>& unread() const { return unread_; }

private:
    [[nodiscard]] Result<void> follow_at_once(const std::string& commit);
    [[nodiscard]] Result<git::Commit> change_to(const std::string& commit);
    [[nodiscard]] Result<void> adopt();
    [[nodiscard]] Result<void> add(const git::Commit& commit, Checks checks);

    const git::Repository& repository_;
    source::DocumentReader reader_;
    LineTracker tracker_;
    DocumentTree documents_;
    std::vector<Error> unread_;
};

}  // namespace tidegate::cli
