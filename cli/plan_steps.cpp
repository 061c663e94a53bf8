/// The tables of steps, forward and back, of a plan.

#include <algorithm>
#include <set>

#include "cli/plan_words.h"

namespace tidegate::cli {
namespace {

constexpr Milliseconds kAtTheStart{1'500};

std::string when_text(const forecast::ReleaseTimeline& timeline, const Step& step) {
    const auto& at = step.started_at;
    if (!at || !timeline.release.started_at) return "–";
    if (const auto* promote = timeline.promote_before(step.index)) {
        const auto after = *at - promote->at;
        return after < kAtTheStart ? "after the promote"
                                   : "+" + span_text(after) + " after the promote";
    }
    const auto after = *at - *timeline.release.started_at;
    return after < kAtTheStart ? "at the start" : "+" + span_text(after);
}

std::string at_a_time(const DeployWork& work) {
    const auto all = static_cast<int>(work.targets.size());
    if (work.max_unavailable <= 0 || work.max_unavailable >= all) return "";
    return fmt::format(", {} at a time", work.max_unavailable);
}

struct Does {
    const Release& release;

    std::string operator()(const DeployWork& work) const {
        const auto wait =
            work.wait_before.count() > 0
                ? fmt::format(", after a pause of {}", format_duration(work.wait_before))
                : "";
        return "deploy" + at_a_time(work) + wait;
    }
    std::string operator()(const VerifyWork& work) const {
        return "watch for " + format_duration(work.duration);
    }
    std::string operator()(const AwaitWork& work) const {
        return work.approver ? "wait for an approver's promote" : "wait for a promote";
    }
    std::string operator()(const RouteWork& work) const {
        return fmt::format("route {} % of the traffic to {}", work.weight,
                           release.slot.empty() ? "it" : release.slot);
    }
};

std::string takes_text(const Step& step) {
    if (kind_of(step) == StepKind::await && step.status != StepStatus::cancelled)
        return "as long as it takes";
    if (step.status == StepStatus::skipped) return "skipped";
    if (!step.started_at || !step.finished_at)
        return step.status == StepStatus::cancelled ? "not begun" : "–";
    const auto span = span_text(*step.finished_at - *step.started_at);
    if (step.status == StepStatus::failed) return "fails after " + span;
    if (step.status == StepStatus::cancelled) return "ends after " + span;
    return span;
}

/// What the first step of a way back does, which is what people notice.
std::string failure_text(const Release& release, const std::vector<planner::BackStep>& way_back) {
    if (way_back.empty()) return "";
    const auto& first = way_back.front();
    switch (first.kind) {
        case planner::BackKind::route:
            return "traffic goes back";
        case planner::BackKind::remove:
            if (!release.slot.empty()) return release.slot + " is removed";
            [[fallthrough]];
        case planner::BackKind::restore:
            return counted(first.targets.size(), "goes back", "go back");
        case planner::BackKind::verify:
        case planner::BackKind::nothing:
            break;
    }
    return "";
}

/// Of the steps of a release in their order: what a failure in each would undo.
class WhatIf {
public:
    explicit WhatIf(const PlannedChange& change) : undo_{change.timeline.undo} {
        if (undo_) release_ = planner::rewound(change.timeline.first()->release);
    }

    std::string in(const Step& step) {
        if (!undo_ || !goes_back(*undo_)) return "";
        planner::advance_to(release_, step);
        return failure_text(release_, planner::compile_rollback(release_, undo_->situation));
    }

private:
    const std::optional<forecast::Undo>& undo_;
    Release release_;
};

}  // namespace

std::vector<StepLine> step_lines(const PlannedChange& change) {
    const auto& timeline = *change.timeline.first();
    const auto& release = timeline.release;
    static const std::vector<std::string> none;
    std::vector<StepLine> lines;
    WhatIf fails{change};
    for (const auto& step : release.steps) {
        const auto* work = deploy_of(step);
        const auto entry = step.entry > 0 ? fmt::format(" (entry {})", step.entry) : "";
        lines.push_back({fmt::format("{}{}", step.index, entry),
                         std::visit(Does{release}, step.work), when_text(timeline, step),
                         takes_text(step), fails.in(step), work ? &work->targets : &none});
    }
    return lines;
}

std::vector<BackLine> back_lines(const PlanReport& report, const PlannedChange& change) {
    std::vector<BackLine> lines;
    const auto add = [&](const std::vector<planner::BackStep>& steps, bool is_over) {
        for (const auto& step : steps)
            lines.push_back({std::to_string(step.index), step.does,
                             is_over ? std::string{to_string(step.status)} : "", &step.targets});
    };
    const auto& releases = change.timeline.releases;
    const auto back =
        std::ranges::find_if(releases, [](const auto& each) { return !each.way_back.empty(); });
    if (report.simulated && back != releases.end())
        add(back->way_back, true);
    else if (change.timeline.undo)
        add(change.timeline.undo->steps, false);
    return lines;
}

}  // namespace tidegate::cli
