#pragma once
/// `tidegate plan`: what a change of the config repo would do, before it is merged. The same
/// diff, steps and gates as the daemon's; base..head counts as one change, as a merge does.

#include "cli/console.h"
#include "reconciler/planner/plan.h"

namespace tidegate::cli {

struct PlanOptions {
    std::string repo;  ///< a local repository
    std::string base;
    std::string head;
    std::string server;  ///< empty: what base desires is taken as installed
};

/// One assignment that the change touches.
struct PlannedChange {
    planner::AssignmentPlan plan;  ///< `steps` empty = nothing to deploy
    std::string from;              ///< version desired at base; empty = new
    bool removed = false;          ///< its version file is gone
    /// When the first step may start, as far as gates are known; none: a person has to act first.
    std::optional<Timestamp> starts;
    std::vector<std::string> notes;
};

struct PlanReport {
    std::string base, head;  ///< commits
    Timestamp at;
    std::vector<PlannedChange> changes;
    std::vector<Error> errors;    ///< at head
    std::vector<Error> warnings;  ///< at head, but not at base
    std::vector<std::string> notes;
};

[[nodiscard]] Result<PlanReport> make_plan(const PlanOptions& options, Timestamp now);

/// kProblem when head has errors.
int plan(const Console& console, const PlanOptions& options, Timestamp now);
/// In the console's format; markdown is for merge-request comments.
void print_plan(const Console& console, const PlanReport& report);

}  // namespace tidegate::cli
