#pragma once
/// Servers of balancers that more than one assignment sends traffic to: each would set its own
/// weights. Private to this folder.

#include <map>
#include <vector>

#include "schema/resolve/resolve.h"

namespace tidegate {

/// By what they hold: of each two assignments one error for both, at the traffic of either.
[[nodiscard]] std::map<AssignmentKey, std::vector<Error>> shared_servers(
    const std::map<AssignmentKey, ResolvedAssignmentPtr>& assignments);

}  // namespace tidegate
