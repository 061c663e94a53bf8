#include "reconciler/engine/facts.h"

#include <algorithm>

#include "reconciler/engine/sides.h"
#include "schema/base/limits.h"
#include "schema/resolve/digest.h"

namespace tidegate::engine {
namespace {

const DesiredTarget* find_in(const AssignmentPtr& assignment, const std::string& name) {
    if (!assignment) return nullptr;
    const auto found = std::ranges::find(assignment->targets, name, &DesiredTarget::name);
    return found == assignment->targets.end() ? nullptr : &*found;
}

}  // namespace

/// Lived does not begin to count before the grace of the start is over.
Lived grace_ends(const State& state, const std::string& agent) {
    const auto found = state.agents.find(agent);
    const bool lost = found != state.agents.end() && found->second.lost_at;
    return lost ? *found->second.lost_at + limits::kAgentGrace : state.started_at + Milliseconds{1};
}

Reach reach(const State& state, const std::string& agent, Lived now) {
    const auto found = state.agents.find(agent);
    if (found != state.agents.end() && found->second.online) return Reach::online;
    if (found != state.agents.end() && found->second.revoked) return Reach::offline;
    return now < grace_ends(state, agent) ? Reach::reconnecting : Reach::offline;
}

bool all_are_back(const State& state) {
    const auto is_back = [&](const auto& served) {
        const auto found = state.agents.find(served.first);
        return found != state.agents.end() && (found->second.online || found->second.revoked);
    };
    return state.desired && std::ranges::all_of(state.by_agent, is_back) &&
           std::ranges::all_of(state.sent_to, is_back);
}

const HostTrouble* trouble_at(const State& state, const InstallKey& key, Lived now) {
    const auto found = state.troubles.find(key);
    return found == state.troubles.end() || now >= found->second.until ? nullptr : &found->second;
}

Reach reach(const State& state, const AssignmentKey& assignment, const DesiredTarget& target,
            Lived now) {
    if (trouble_at(state, key_of(assignment, target.name), now)) return Reach::offline;
    return reach(state, target.agent, now);
}

const Assignment* rules_of(const AssignmentState& assignment) {
    return assignment.wish ? assignment.wish.get() : assignment.former.get();
}

InstallKey key_of(const AssignmentKey& assignment, const std::string& target) {
    return {target, assignment.project, ""};
}

const Installation* seen_on(const State& state, const std::string& agent, const InstallKey& key) {
    const auto found = state.agents.find(agent);
    if (found == state.agents.end()) return nullptr;
    const auto installation = found->second.installations.find(key);
    return installation == found->second.installations.end() ? nullptr : &installation->second;
}

InstallKey place_of(InstallKey key) {
    key.slot.clear();
    return key;
}

const Installation* seen_on(const State& state, const AssignmentKey& assignment,
                            const DesiredTarget& target) {
    return seen_on(state, target.agent,
                   {target.name, assignment.project, live_slot(state, assignment)});
}

const Installation* seen_in(const State& state, const Release& release,
                            const DesiredTarget& target) {
    return seen_on(state, target.agent, {target.name, release.key.project, release.slot});
}

const DesiredTarget* wished_target(const AssignmentState& assignment, const std::string& name) {
    const auto found = assignment.target_index.find(name);
    return found == assignment.target_index.end() ? nullptr
                                                  : &assignment.wish->targets[found->second];
}

const DesiredTarget* find_target(const AssignmentState& assignment, const std::string& name) {
    const auto* wished = wished_target(assignment, name);
    return wished ? wished : find_in(assignment.former, name);
}

DefinitionPtr definition_of(const AssignmentState& assignment, const Digest& digest) {
    if (assignment.wish && assignment.wish->definition->digest == digest)
        return assignment.wish->definition;
    const auto found = assignment.definitions.find(digest);
    return found == assignment.definitions.end() ? nullptr : found->second;
}

const Quarantine* quarantine_of(const State& state, const AssignmentKey& key,
                                const Digest& digest) {
    const auto found = state.quarantines.find({key, digest});
    return found == state.quarantines.end() ? nullptr : &found->second;
}

const Block* block_of(const State& state, const AssignmentKey& key, const DesiredTarget& target,
                      const Digest& digest, Lived now) {
    const auto found = state.blocks.find(key_of(key, target.name));
    if (found == state.blocks.end()) return nullptr;
    const auto& block = found->second;
    return block.digest == digest && block.until > now ? &block : nullptr;
}

Lived outcome_due(Lived sent, const Action& action) {
    return sent + action.start_within + action.deadline + limits::kStepDeadlineSlack;
}

bool is_lost(const State& state, const TargetProgress& progress) {
    const auto found = state.outbox.find(progress.action);
    return found != state.outbox.end() && found->second.lost;
}

bool takes_budget(const AssignmentState& assignment, const OutboxEntry& entry) {
    const auto* rules = rules_of(assignment);
    return !entry.lost || (rules && rules->offline == Offline::wait);
}

bool is_over(const Block& block, Lived now) {
    return block.until <= now &&
           (!block.healed_at || now >= *block.healed_at + limits::kHealProven);
}

Hold backoff_hold(const State& state, const Block& block) {
    return {"backoff",
            fmt::format("{}: {} (failure {})", block.key.target, block.reason, block.failures),
            wall_time(state, block.until)};
}

std::optional<LastGood> kept_state(const State& state, const AssignmentKey& key) {
    const auto found = state.assignments.find(key);
    if (found == state.assignments.end() || !found->second.good) return std::nullopt;
    const auto& good = found->second.good->good;
    if (quarantine_of(state, key, good.digest)) return std::nullopt;
    return good;
}

bool is_proven(const State& state, const AssignmentKey& key, const DesiredTarget& target) {
    const auto agent = state.agents.find(target.agent);
    if (agent == state.agents.end() || !agent->second.seen_at) return false;
    return planner::compare({target.digest, target.definition->absent},
                            seen_on(state, key, target)) == planner::TargetState::in_sync;
}

bool is_proven(const State& state, const Assignment& wish) {
    return std::ranges::any_of(wish.targets, [&](const DesiredTarget& target) {
        return !target.pinned && is_proven(state, wish.key, target);
    });
}

Digest target_digest_for(const DesiredTarget& target, const Digest& assignment) {
    return target.pinned ? target.digest : target_digest(assignment, target.config_digest);
}

std::set<std::string> unavailable_targets(const State& state, const AssignmentKey& key, Lived now) {
    std::set<std::string> names;
    const auto found = state.assignments.find(key);
    if (found == state.assignments.end() || !found->second.wish) return names;
    const auto& wish = *found->second.wish;
    const auto is_down = [&](const DesiredTarget& target) {
        const auto* seen = seen_on(state, key, target);
        return seen &&
               (seen->status == InstallStatus::failed || seen->status == InstallStatus::unknown) &&
               (wish.offline == Offline::wait || reach(state, key, target, now) != Reach::offline);
    };
    for (const auto& target : wish.targets) {
        const auto action = state.outbox_by_key.find(key_of(key, target.name));
        const bool changes = action != state.outbox_by_key.end() &&
                             takes_budget(found->second, state.outbox.at(action->second));
        if (changes || is_down(target)) names.insert(target.name);
    }
    return names;
}

std::string some_of(const std::vector<std::string>& names) {
    constexpr std::size_t kNamed = 5;
    const auto named = std::min(names.size(), kNamed);
    std::string text;
    for (std::size_t i = 0; i < named; ++i) text += (i == 0 ? "" : ", ") + names[i];
    if (named < names.size()) text += fmt::format(" and {} more", names.size() - named);
    return text;
}

bool is_waiting(const State& state, Lived now) {
    const auto counts = [&](const auto& entry) { return !is_over(entry.second, now); };
    const auto is_active = [](const auto& entry) { return !entry.second.active.empty(); };
    return !state.outbox.empty() || std::ranges::any_of(state.blocks, counts) ||
           std::ranges::any_of(state.assignments, is_active);
}

const Release* active_release(const State& state, const AssignmentKey& key) {
    const auto found = state.assignments.find(key);
    if (found == state.assignments.end() || found->second.active.empty()) return nullptr;
    return &state.releases.at(found->second.active);
}

}  // namespace tidegate::engine
