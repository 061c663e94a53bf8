#pragma once
/// What would happen, without doing it: for `tidegate plan` and merge-request comments. Uses the
/// same diff, steps and gates as the engine.

#include <map>
#include <vector>

#include "reconciler/planner/diff.h"
#include "schema/model/assignment.h"
#include "schema/model/release.h"

namespace tidegate::planner {

struct PlannedTarget {
    std::string name;
    TargetState state{};
    std::string from;  ///< version there now; empty = nothing
    std::string to;
};
struct AssignmentPlan {
    AssignmentKey key;
    ReleaseKind kind = ReleaseKind::introduce;
    std::string version;
    Digest digest;
    StrategyType strategy{};
    std::vector<PlannedTarget> targets;  ///< all; also those in sync
    std::vector<Step> steps;             ///< empty = nothing to do
    std::vector<Hold> holds;             ///< gates that are closed at `now`
};

using Observed = std::map<InstallKey, Installation>;

/// Assignments that have nothing to do come with no steps.
[[nodiscard]] std::vector<AssignmentPlan> plan(const Desired& desired, const Observed& observed,
                                               Timestamp now);

}  // namespace tidegate::planner
