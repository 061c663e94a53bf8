#pragma once
/// Targets that no release reaches before an approver's promote, whatever compiled its steps.

#include <set>
#include <span>
#include <string>
#include <vector>

#include "reconciler/planner/strategy.h"

namespace tidegate::planner {

struct ApprovalDemand {
    const std::set<std::string>& names;  ///< of the targets: Rules::approved_only of all rule sets
    const Strategy& strategy;            ///< that compiled the steps
    ReleaseKind kind = ReleaseKind::introduce;
    /// They get it later, once it is there, without being asked for again.
    std::span<const DesiredTarget* const> away;
};

/// Puts an await that only an approver's promote passes before each deploy that reaches one of them
/// unasked, and at the end where nobody was asked for one that is away. What the strategy's own
/// groups ask for is asked once.
///
/// ```
/// rolling over w1 p1 p2, one at a time, names = p1 p2
///     deploy w1   await!   deploy p1   deploy p2
/// ```
void demand_approvals(std::vector<Step>& steps, const ApprovalDemand& demand);

}  // namespace tidegate::planner
