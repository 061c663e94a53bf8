#pragma once
/// Small questions about assignments and releases. Private to this folder.

#include <optional>
#include <string>

#include "schema/model/agent.h"
#include "schema/model/assignment.h"

namespace tidegate::forecast {

/// How commits are named that a forecast makes up.
inline constexpr auto kRevertCommit = "revert of ";

/// Whose promote would count; for any await "a person", for an approver's the first in all lists
/// who is no author of what is new since `good`. None: nobody's would.
[[nodiscard]] std::optional<std::string> approver_of(const Assignment& assignment,
                                                     const std::optional<LastGood>& good,
                                                     bool only_approvers);

}  // namespace tidegate::forecast
