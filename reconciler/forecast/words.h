#pragma once
/// Small questions about assignments and releases. Private to this folder.

#include <optional>
#include <string>

#include "schema/model/assignment.h"

namespace tidegate::forecast {

/// How commits are named that a forecast makes up.
inline constexpr auto kRevertCommit = "revert of ";

/// Whose promote would count; for any await "a person", for an approver's the first in all lists
/// who is no author of the change. None: nobody's would.
[[nodiscard]] std::optional<std::string> approver_of(const Assignment& assignment,
                                                     bool only_approvers);

}  // namespace tidegate::forecast
