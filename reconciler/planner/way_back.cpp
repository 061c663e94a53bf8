#include "reconciler/planner/way_back.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace tidegate::planner {
namespace {

/// Restored, or to be.
bool is_concerned(const TargetProgress& progress, Granularity granularity) {
    return progress.status == TargetStatus::restored ||
           progress.status == TargetStatus::restore_failed || goes_back(progress, granularity);
}

bool is_routed(const Release& release) {
    return std::ranges::any_of(release.steps, [](const Step& step) {
        return kind_of(step) == StepKind::route && step.started_at;
    });
}

/// Collects the steps of one release.
class Way {
public:
    Way(const Release& release, const Situation& situation)
        : release_{release}, situation_{situation}, taken_back_{is_taken_back(release)} {
        const auto granularity = works_beside(release) ? Granularity::all : situation.granularity;
        for (const auto& [name, progress] : release.targets)
            if (is_concerned(progress, granularity)) concerned_.push_back(name);
    }

    std::vector<BackStep> compile() && {
        if (const auto why = why_nothing(); !why.empty())
            nothing(why);
        else if (works_beside(release_))
            beside();
        else
            in_place();
        return std::move(steps_);
    }

private:
    [[nodiscard]] std::string why_nothing() const {
        const bool stayed = is_final(release_.status) && !taken_back_;
        if (!taken_back_ && !situation_.stays.empty())
            return "what is there stays: " + situation_.stays;
        if (stayed) return "what is there stays";
        if (works_beside(release_))
            return concerned_.empty() && !is_routed(release_) ? "nothing was touched yet" : "";
        if (!release_.last_good) return "what is there stays: there is no last good version";
        if (concerned_.empty() && situation_.granularity == Granularity::all)
            return "nothing was touched yet";
        return "";
    }

    BackStep& add(BackKind kind, std::string does, std::vector<std::string> targets) {
        auto& step = steps_.emplace_back();
        step.index = static_cast<int>(steps_.size()) - 1;
        step.kind = kind;
        step.does = std::move(does);
        step.targets = std::move(targets);
        step.all = static_cast<int>(step.targets.size());
        return step;
    }
    void nothing(const std::string& why) {
        auto& step = add(BackKind::nothing, why, {});
        if (is_final(release_.status)) step.status = StepStatus::skipped;
    }

    /// Nothing that serves is touched; what is in the slot is removed by a release of its own.
    void beside() {
        if (is_routed(release_)) {
            const auto live = situation_.live.empty() ? "what was there before" : situation_.live;
            auto& route = add(BackKind::route,
                              situation_.serves ? "route all traffic to " + live
                                                : "route no traffic to " + release_.slot,
                              {});
            route.done = taken_back_ ? situation_.in_force : 0;
            route.all = situation_.routers;
            if (taken_back_)
                route.status = route.done == route.all ? StepStatus::success : StepStatus::running;
        }
        if (concerned_.empty()) return;
        auto& remove = add(BackKind::remove, "remove " + release_.slot, concerned_);
        if (!taken_back_) return;
        remove.done = remove.all - static_cast<int>(std::ranges::count_if(
                                       concerned_, [&](const std::string& name) {
                                           return situation_.in_slot.contains(name);
                                       }));
        if (remove.done == remove.all)
            remove.status = StepStatus::success;
        else if (is_final(release_.status))
            remove.status = StepStatus::running;
    }

    void in_place() {
        const bool alone = situation_.granularity == Granularity::single_target;
        const auto& good = *release_.last_good;
        if (good.absent) {
            const auto* where = alone && !taken_back_ ? " where it fails" : "";
            return follow(add(BackKind::remove, fmt::format("uninstall {}{}", release_.to, where),
                              concerned_));
        }
        const auto what = alone && !taken_back_
                              ? fmt::format("restore {} where it fails; what is well keeps {}",
                                            good.version, release_.to)
                              : "restore " + good.version;
        follow(add(BackKind::restore, what, concerned_));
        // A restore ends with these: it is back only where they pass.
        auto& checks = add(BackKind::verify, "check " + good.version, concerned_);
        follow(checks);
        if (checks.status == StepStatus::running && checks.done == 0)
            checks.status = StepStatus::pending;
    }

    void follow(BackStep& step) const {
        if (!taken_back_) return;
        int failed = 0;
        for (const auto& name : step.targets) {
            const auto status = release_.targets.at(name).status;
            step.done += status == TargetStatus::restored ? 1 : 0;
            failed += status == TargetStatus::restore_failed ? 1 : 0;
        }
        step.status = step.done + failed < step.all ? StepStatus::running
                      : failed > 0                  ? StepStatus::failed
                                                    : StepStatus::success;
    }

    const Release& release_;
    const Situation& situation_;
    bool taken_back_;
    std::vector<std::string> concerned_;
    std::vector<BackStep> steps_;
};

}  // namespace

bool works_beside(const Release& release) {
    return release.kind == ReleaseKind::introduce && !release.slot.empty() &&
           release.strategy == StrategyType::blue_green;
}

bool is_taken_back(const Release& release) {
    return release.status == ReleaseStatus::rolling_back ||
           release.status == ReleaseStatus::rollback ||
           (release.status == ReleaseStatus::failed && release.revert != RevertState::none);
}

bool is_touched(const TargetProgress& progress) {
    switch (progress.status) {
        case TargetStatus::dispatched:
        case TargetStatus::unreported:
        case TargetStatus::success:
        case TargetStatus::failed:
        case TargetStatus::unknown:
        case TargetStatus::restoring:
            return true;
        case TargetStatus::cancelled:
            return !progress.action.empty();
        default:
            return false;
    }
}

bool is_left(const Installation& in_its_slot, const TargetProgress& progress) {
    if (in_its_slot.status == InstallStatus::absent) return false;
    return in_its_slot.digest == progress.desired || in_its_slot.status != InstallStatus::installed;
}

bool goes_back(const TargetProgress& progress, Granularity granularity) {
    return is_touched(progress) &&
           !(granularity == Granularity::single_target && progress.status == TargetStatus::success);
}

std::vector<BackStep> compile_rollback(const Release& release, const Situation& situation) {
    if (release.kind != ReleaseKind::introduce || !release.started_at ||
        release.status == ReleaseStatus::success || release.status == ReleaseStatus::cancelled)
        return {};
    return Way{release, situation}.compile();
}

Release rewound(Release release) {
    release.status = ReleaseStatus::running;
    release.revert = RevertState::none;
    for (auto& step : release.steps) step.started_at.reset();
    for (auto& [name, progress] : release.targets) progress.status = TargetStatus::waiting;
    return release;
}

void advance_to(Release& rewound, const Step& step) {
    rewound.steps.at(static_cast<std::size_t>(step.index)).started_at = rewound.started_at;
    for (const auto& name : targets_of(step))
        rewound.targets.at(name).status = TargetStatus::success;
}

}  // namespace tidegate::planner
