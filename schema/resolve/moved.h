#pragma once
/// Targets that went to another environment while their assignment is held. Private to this folder.

#include <map>
#include <set>
#include <string>

#include "schema/resolve/history.h"

namespace tidegate {

/// By held assignment, the targets of its last valid state that an assignment of the same project
/// has at a newer one: they belong to that one alone. No commit that is valid for both gives a
/// target to two environments, so the newer state always tells.
[[nodiscard]] std::map<AssignmentKey, std::set<std::string>> targets_moved_away(
    const History& history, const std::map<AssignmentKey, ResolvedAssignmentPtr>& valid);

}  // namespace tidegate
