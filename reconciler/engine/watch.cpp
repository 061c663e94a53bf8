#include "reconciler/engine/watch.h"

#include <algorithm>

#include "reconciler/engine/facts.h"

namespace tidegate::engine {
namespace {

/// Agents look every minute, and report what has changed only.
constexpr Seconds kSecondLook{90};

std::string trouble(const Installation* seen) {
    if (seen->drifted) return seen->drift_reason.empty() ? "it has drifted" : seen->drift_reason;
    if (seen->status != InstallStatus::installed)
        return fmt::format("it is {}", to_string(seen->status));
    return fmt::format("version {} is there", seen->version);
}

/// Empty = it is as it was deployed, or nobody can say.
std::string trouble_of(const Turn& turn, const Release& release, const TargetProgress& progress) {
    const auto* target = wished_target(turn.state.assignments.at(release.key), progress.name);
    if (!target || reach(turn.state, target->agent, turn.lived) != Reach::online) return "";
    // Another host, or the same one set up anew, says nothing of the version: it catches up.
    if (!progress.agent.empty() && progress.agent != target->agent) return "";
    const auto* seen = seen_on(turn.state, release.key, *target);
    if (!seen || seen->status == InstallStatus::absent || seen->report < progress.report) return "";
    // What was known at its success, or before, is no news.
    if (!progress.doubted_at && progress.report == seen->report) return "";
    const auto there = planner::compare({progress.desired, false}, seen);
    return there == planner::TargetState::in_sync ? "" : trouble(seen);
}

std::uint64_t report_of(const Turn& turn, const Release& release, const TargetProgress& progress) {
    const auto* target = wished_target(turn.state.assignments.at(release.key), progress.name);
    const auto* seen = seen_on(turn.state, release.key, *target);
    return seen ? seen->report : 0;
}

/// nullopt: it has failed.
std::optional<Hold> doubt(Turn& turn, Release& release, TargetProgress& progress,
                          const std::string& why) {
    const auto report = report_of(turn, release, progress);
    if (!progress.doubted_at) {
        progress.doubted_at = turn.lived;
        progress.report = report;
        turn.save(release, progress);
    }
    const auto end = *progress.doubted_at + kSecondLook;
    if (progress.report == report && turn.lived < end) {
        turn.wake(release.key, end);
        return Hold{"verify", fmt::format("{}: {}; is looked at again", progress.name, why),
                    turn.wall(end)};
    }
    progress.status = TargetStatus::failed;
    progress.error = "after its success: " + why;
    turn.save(release, progress);
    return std::nullopt;
}

}  // namespace

std::vector<Hold> watch_deployed(Turn& turn, Release& release) {
    std::vector<Hold> holds;
    if (release.kind != ReleaseKind::introduce && release.kind != ReleaseKind::restore)
        return holds;
    for (auto& [name, progress] : release.targets) {
        if (progress.status != TargetStatus::success) continue;
        const auto why = trouble_of(turn, release, progress);
        if (why.empty()) continue;
        if (auto hold = doubt(turn, release, progress, why)) holds.push_back(*std::move(hold));
    }
    return holds;
}

}  // namespace tidegate::engine
