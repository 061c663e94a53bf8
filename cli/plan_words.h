#pragma once
/// How a plan is told to people, the same in text and markdown. Nothing here is escaped.

#include "cli/plan.h"

namespace tidegate::cli {

/// `34s`, `10m`, `1h30m`, `2d4h`: what is below a sixtieth of it is left out.
[[nodiscard]] std::string span_text(Milliseconds span);
/// `Mon 2026-11-23 02:00 UTC`, with what a clock of the window's zone shows where that is told.
[[nodiscard]] std::string instant_text(Timestamp at, const std::string& local = "");
/// The first `shown`, and how many more.
[[nodiscard]] std::string names_text(const std::vector<std::string>& names, std::size_t shown,
                                     std::string_view separator);
[[nodiscard]] std::string counted(std::size_t number, std::string_view one, std::string_view many);

/// `1 assignment changes: 5 targets move, from at once on, for about 34s`, `nothing changes`.
[[nodiscard]] std::string summary_of(const PlanReport& report);

/// The release that brings about what is wished; null: nothing moves.
[[nodiscard]] const Release* main_release(const PlannedChange& change);
[[nodiscard]] bool is_removed(const PlannedChange& change);
/// `introduce`, `no deployment`, `removed`.
[[nodiscard]] std::string kind_text(const PlannedChange& change);
/// `1.4.1 → 1.4.2`.
[[nodiscard]] std::string versions_text(const PlannedChange& change);
/// How many targets the release moves, or would.
[[nodiscard]] std::size_t moving_targets(const PlannedChange& change);
/// `at once`, `Mon 2026-11-23 02:00 UTC, in 26h`, `after a person acts`; empty: nothing moves.
[[nodiscard]] std::string start_text(const PlanReport& report, const PlannedChange& change);
/// `about 34s`, `about 20m and 1 promote`; empty: it does not end by itself.
[[nodiscard]] std::string length_text(const PlannedChange& change);
/// What holds it now: gates only, as `freeze, window`; empty: nothing does.
[[nodiscard]] std::string gates_text(const PlanReport& report, const PlannedChange& change);

/// One line of the table of steps.
struct StepLine {
    std::string number;  ///< as explain and promote know it
    std::string does;
    std::string begins;
    std::string takes;
    std::string undoes;                       ///< a failure there; empty: it is not told
    const std::vector<std::string>* targets;  ///< never null
};
/// Of the release that it begins with, which must be.
[[nodiscard]] std::vector<StepLine> step_lines(const PlannedChange& change);
/// One step of a way back; `status` empty: before it is taken.
struct BackLine {
    std::string number;
    std::string does;
    std::string status;
    const std::vector<std::string>* targets;  ///< never null
};
/// Of the failure that the plan tells of; simulated: of the first release that was taken back.
[[nodiscard]] std::vector<BackLine> back_lines(const PlanReport& report,
                                               const PlannedChange& change);
/// `window until Mon 2026-11-23 02:00 UTC: business-hours is closed`.
struct HoldLine {
    std::string gate;
    std::string when;
    std::string reason;
};
[[nodiscard]] std::vector<HoldLine> hold_lines(const PlanReport& report,
                                               const PlannedChange& change);
/// Something is taken back.
[[nodiscard]] bool goes_back(const forecast::Undo& undo);
/// `if web-5 fails in step 2 …`; empty: nothing is undone.
[[nodiscard]] std::string undo_text(const forecast::Undo& undo);
/// What each release after the first one does, and, simulated, how each ends: `catch_up 1.4.2 …`.
[[nodiscard]] std::vector<std::string> outcome_lines(const PlanReport& report,
                                                     const PlannedChange& change);
/// Targets that come, leave, or are away.
[[nodiscard]] std::vector<std::string> fleet_lines(const PlannedChange& change);
/// Where the times come from, and where the forecast was cut.
[[nodiscard]] std::vector<std::string> caveats(const PlanReport& report);

}  // namespace tidegate::cli
