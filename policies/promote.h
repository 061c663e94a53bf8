#pragma once
/// Promotes: a person's word in the version file that a release may go past its awaits.

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "schema/model/assignment.h"

namespace tidegate {

/// An await that waits for a promote.
struct AwaitQuestion {
    const std::string& version;  ///< of the release
    int entry = 0;
    bool approver = false;         ///< only an approver's counts
    const Digest* good = nullptr;  ///< of what was last good before the release; null = nothing
};

/// Whether the assignment's promote lets a release past that await; then nullopt. Else why not;
/// empty where nobody promoted anything. It counts if it came after the intent commit and names the
/// release's version and an entry that is not before this one. `approver`: only if its author is
/// among the approvers of all rule sets, the accepted ones and the anchor's, and no author of the
/// change.
[[nodiscard]] std::optional<std::string> why_not_promoted(const Assignment& assignment,
                                                          const AwaitQuestion& question);

/// "name <email>" of all who wrote what is new since the assignment last had the digest `good`;
/// null, or one that Git does not know (any more): since it is there.
[[nodiscard]] std::set<std::string> authors_since(const std::vector<Stretch>& stretches,
                                                  const Digest* good);

/// Why this person is nobody whose promote an approver's await takes, whoever wrote what; empty =
/// it does. `authors`: of the change.
[[nodiscard]] std::string why_no_approver(const Assignment& assignment, const std::string& name,
                                          const std::string& email,
                                          const std::set<std::string>& authors);

/// `user` of a list in Git means this author: by e-mail if it has an @, else by name.
[[nodiscard]] bool is_meant(const std::string& user, const std::string& author_name,
                            const std::string& author_email);

}  // namespace tidegate
