#pragma once
/// Promotes: a person's word in the version file that a release may go past its awaits.

#include <optional>
#include <string>

#include "schema/model/assignment.h"

namespace tidegate {

/// Whether the assignment's promote lets a release of `version` past the await of that entry; then
/// nullopt. Else why not; empty where nobody promoted anything. It counts if it came after the
/// intent commit and names that version and an entry that is not before this one. `approver`: only
/// if its author is among the approvers of all rule sets, the accepted ones and the anchor's, and
/// no author of the change.
[[nodiscard]] std::optional<std::string> why_not_promoted(const Assignment& assignment,
                                                          const std::string& version, int entry,
                                                          bool approver);

/// `user` of a list in Git means this author: by e-mail if it has an @, else by name.
[[nodiscard]] bool is_meant(const std::string& user, const std::string& author_name,
                            const std::string& author_email);

}  // namespace tidegate
