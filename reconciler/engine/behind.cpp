#include "reconciler/engine/behind.h"

#include <algorithm>
#include <utility>

#include "reconciler/engine/facts.h"

namespace tidegate::engine {
namespace {

bool has(const Installation* seen, const Digest& digest, bool absent) {
    const auto there = planner::compare({digest, absent}, seen);
    return there == planner::TargetState::in_sync || there == planner::TargetState::drifted;
}

bool is_behind(const State& state, const AssignmentKey& key, const DesiredTarget& target,
               const LastGood& kept) {
    const auto* seen = seen_on(state, key, target);
    if (has(seen, target.digest, target.definition->absent)) return false;
    return target.pinned || !has(seen, target_digest_for(target, kept.digest), kept.absent);
}

/// The end of the first of those releases that went well without it, one after the other.
std::optional<Timestamp> skipped_since(const State& state, const AssignmentState& assignment,
                                       const std::string& target) {
    std::optional<Timestamp> since;
    const auto& ids = assignment.releases;
    for (auto id = ids.rbegin(); id != ids.rend(); ++id) {
        const auto& release = state.releases.at(*id);
        if (is_upkeep(release.kind) || release.status != ReleaseStatus::success) continue;
        const auto progress = release.targets.find(target);
        const bool without = progress != release.targets.end() &&
                             (progress->second.status == TargetStatus::skipped ||
                              progress->second.status == TargetStatus::unknown);
        if (!without) break;
        since = release.finished_at;
    }
    return since;
}

std::string away_since(const State& state, const AssignmentKey& key, const DesiredTarget& target) {
    const auto block = state.blocks.find(key_of(key, target.name));
    if (block != state.blocks.end() && !block->second.healed_at)
        return fmt::format("{} failed{}{}", target.name, block->second.reason.empty() ? "" : ": ",
                           block->second.reason);
    const auto trouble = state.troubles.find(key_of(key, target.name));
    if (trouble != state.troubles.end()) return target.name + ": " + trouble->second.reason;
    const auto agent = state.agents.find(target.agent);
    if (agent == state.agents.end() || !agent->second.seen_at)
        return target.name + " not seen since the daemon's start";
    if (agent->second.online) return target.name + " not changed";
    return fmt::format("{} away since {}", target.name, format_rfc3339(*agent->second.seen_at));
}

}  // namespace

void note_behind(Turn& turn, const AssignmentKey& key) {
    auto& assignment = turn.state.assignments.at(key);
    const auto kept = kept_state(turn.state, key);
    auto former = std::exchange(assignment.behind, {});
    if (!assignment.wish || !kept) return;
    for (const auto& target : assignment.wish->targets) {
        if (!is_behind(turn.state, key, target, *kept)) continue;
        const auto known = former.find(target.name);
        assignment.behind[target.name] =
            known != former.end()
                ? known->second
                : skipped_since(turn.state, assignment, target.name).value_or(turn.now);
    }
}

std::optional<Timestamp> behind_since(const AssignmentState& assignment) {
    const auto oldest = std::ranges::min_element(assignment.behind, {},
                                                 [](const auto& entry) { return entry.second; });
    if (oldest == assignment.behind.end()) return std::nullopt;
    return oldest->second;
}

std::string shortfall(const State& state, const Release& release) {
    const auto& wish = *state.assignments.at(release.key).wish;
    std::vector<std::string> missing;
    int all = 0;
    for (const auto& target : wish.targets) {
        if (target.pinned) continue;
        ++all;
        const auto progress = release.targets.find(target.name);
        const bool verified =
            progress != release.targets.end() && progress->second.status == TargetStatus::success;
        if (!verified &&
            !has(seen_in(state, release, target), target.digest, target.definition->absent))
            missing.push_back(away_since(state, release.key, target));
    }
    if (missing.empty()) return "";
    return fmt::format("{} of {}, {}", all - static_cast<int>(missing.size()), all,
                       some_of(missing));
}

}  // namespace tidegate::engine
