#pragma once
/// `tidegate plan` and `tidegate simulate`: what a change of the config repo does, before it is
/// merged. The daemon's own engine runs on a virtual clock (reconciler/forecast); base..head counts
/// as one change, as a merge does.

#include "cli/changed_keys.h"
#include "cli/console.h"
#include "reconciler/forecast/forecast.h"
#include "reconciler/planner/diff.h"

namespace tidegate::cli {

struct PlanOptions {
    std::string repo;  ///< a local repository
    std::string base;  ///< empty: the first parent of head
    std::string head;
    std::string server;              ///< empty: what base desires is taken as installed
    std::vector<std::string> fails;  ///< `TARGET` or `TARGET@STEP`
};

struct PlannedTarget {
    std::string name;
    planner::TargetState state{};
    std::string from;  ///< version there now; empty = nothing
    std::string to;
};

/// One assignment that the change concerns.
struct PlannedChange {
    forecast::Timeline timeline;
    std::vector<ChangedFile> causes;
    std::vector<PlannedTarget> targets;  ///< all; also those in sync
    std::vector<std::string> notes;
};

struct PlanReport {
    std::string base, head;  ///< commits; base empty: nothing was there
    Timestamp at;
    bool simulated = false;  ///< what comes of each step is told, not only when it comes
    std::vector<std::string> failures;
    std::size_t files = 0;  ///< of the config, that differ
    std::vector<PlannedChange> changes;
    std::vector<Error> errors;    ///< at head
    std::vector<Error> warnings;  ///< at head, but not at base
    std::vector<std::string> notes;
    /// How long actions take is known from former ones for these projects; else assumed.
    std::vector<std::string> learnt;
    forecast::Cut cut = forecast::Cut::none;
    Timestamp cut_at;
};

[[nodiscard]] Result<PlanReport> make_plan(const PlanOptions& options, Timestamp now);

/// kProblem when head has errors.
int plan(const Console& console, const PlanOptions& options, Timestamp now);
/// The same, with failures where they are asked for, and with what comes of it.
int simulate(const Console& console, const PlanOptions& options, Timestamp now);

/// In the console's format.
void print_plan(const Console& console, const PlanReport& report);
void print_plan_text(const Console& console, const PlanReport& report);
void print_plan_json(const Console& console, const PlanReport& report);
/// For merge-request comments: the summary first, a table of assignments, details folded; never
/// more than limits::kForecastMarkdownBytesMax.
void print_plan_markdown(const Console& console, const PlanReport& report);

}  // namespace tidegate::cli
