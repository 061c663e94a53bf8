#include "reconciler/engine/retire.h"

#include <algorithm>
#include <array>

#include "reconciler/engine/blocks.h"
#include "reconciler/engine/facts.h"
#include "reconciler/engine/sides.h"
#include "schema/resolve/digest.h"

namespace tidegate::engine {
namespace {

using Targets = std::vector<const DesiredTarget*>;

const Installation* in_slot(const State& state, const AssignmentKey& key,
                            const DesiredTarget& target, const std::string& slot) {
    const auto* seen = seen_on(state, target.agent, {target.name, key.project, slot});
    return seen && seen->status != InstallStatus::absent ? seen : nullptr;
}

/// Neither live nor worked in; without slots only once there is a live one.
std::vector<std::string> spare_slots(const State& state, const AssignmentKey& key) {
    const auto& assignment = state.assignments.at(key);
    std::vector<std::string> spare;
    if (!assignment.sides || !assignment.wish) return spare;
    const auto& live = assignment.sides->live;
    const auto* active = active_release(state, key);
    for (const auto slot : kAnySlot) {
        const bool in_use = slot == live || (active && active->slot == slot);
        if (!in_use) spare.emplace_back(slot);
    }
    return spare;
}

Targets having(const State& state, const AssignmentKey& key, const std::string& slot) {
    Targets targets;
    const auto& wish = state.assignments.at(key).wish;
    if (!wish) return targets;
    for (const auto& target : wish->targets)
        if (in_slot(state, key, target, slot)) targets.push_back(&target);
    return targets;
}

bool is_free(Turn& turn, const AssignmentKey& key, const DesiredTarget& target,
             const std::string& slot) {
    if (reach(turn.state, key, target, turn.lived) != Reach::online ||
        turn.state.outbox_by_key.contains(key_of(key, target.name)))
        return false;
    const auto block = turn.state.blocks.find(retire_block(key, target.name, slot));
    if (block == turn.state.blocks.end() || is_over(block->second, turn.lived)) return true;
    add_holds(turn, key, {backoff_hold(turn.state, block->second)});
    return false;
}

std::string name_of(const std::string& slot) {
    return slot.empty() ? "what is there without slots" : slot;
}

/// No router sends anything there, nobody is served there any more, and it is not kept.
bool may_go(Turn& turn, const AssignmentKey& key, const std::string& slot) {
    const auto& sides = *turn.state.assignments.at(key).sides;
    if (const auto weight = sides.weights.find(slot);
        weight != sides.weights.end() && weight->second > 0)
        return false;
    const auto kept = sides.kept_until.value_or(turn.lived);
    if (turn.lived < kept) {
        turn.wake(key, kept);
        return false;
    }
    if (const auto routers = ask_routers(turn.state, key, turn.lived); !routers.all()) {
        add_holds(turn, key,
                  {router_hold(routers, fmt::format("to send nothing to {} before it is removed",
                                                    name_of(slot)))});
        return false;
    }
    const auto drained = kept + (sides.traffic ? sides.traffic->drain_timeout : Seconds{0});
    const int sessions = sessions_in(turn.state, sides, slot);
    if (sessions == 0 || turn.lived >= drained) return true;
    turn.wake(key, drained);
    add_holds(turn, key,
              {{"drain", fmt::format("{} still has {} sessions", name_of(slot), sessions),
                turn.wall(drained)}});
    return false;
}

std::string version_in(const State& state, const AssignmentKey& key, const Targets& targets,
                       const std::string& slot) {
    const auto* seen = in_slot(state, key, *targets.front(), slot);
    return seen->version.empty() ? seen->tried_version : seen->version;
}

bool is_as_wanted(const State& state, const AssignmentKey& key, const DesiredTarget& target,
                  const std::string& slot, const Candidate& candidate) {
    const auto* seen = in_slot(state, key, target, slot);
    return !seen || (seen->status == InstallStatus::installed &&
                     seen->digest == target_digest_for(target, candidate.digest));
}

/// Of those that can be asked: the others are owed.
Targets in_its_way(const Turn& turn, const AssignmentKey& key, const Candidate& candidate,
                   const std::string& slot) {
    auto targets = having(turn.state, key, slot);
    std::erase_if(targets, [&](const DesiredTarget* target) {
        return reach(turn.state, key, *target, turn.lived) != Reach::online ||
               (candidate.kind != ReleaseKind::uninstall &&
                is_as_wanted(turn.state, key, *target, slot, candidate));
    });
    return targets;
}

/// The script that clears a slot. Without slots its folder may hold those of the slots: only its
/// service is stopped, unless a script says more.
std::shared_ptr<Definition> clearing(const Definition& there, const std::string& slot) {
    auto made = std::make_shared<Definition>(there);
    auto& script = made->deploy.script;
    if (slot.empty())
        script.uninstall_script =
            script.slot_remove_script.empty() ? script.service.stop : script.slot_remove_script;
    made->pipeline = {};
    made->absent = true;
    made->commit.clear();  // what it leaves is no uninstall: nothing that was ever wished
    return made;
}

bool is_lost_to_git(const AssignmentState& assignment, const std::string& commit) {
    const auto asked = assignment.loading.find(commit);
    return asked != assignment.loading.end() && !asked->second.gone.empty();
}

}  // namespace

std::optional<Candidate> retire_of(Turn& turn, const AssignmentKey& key) {
    for (const auto& slot : spare_slots(turn.state, key)) {
        auto targets = having(turn.state, key, slot);
        if (targets.empty() || !may_go(turn, key, slot)) continue;
        std::erase_if(targets, [&](const DesiredTarget* target) {
            return !is_free(turn, key, *target, slot);
        });
        if (targets.empty()) continue;
        const auto& assignment = turn.state.assignments.at(key);
        Candidate candidate;
        candidate.kind = ReleaseKind::retire;
        candidate.digest = assignment.wish->definition->digest;
        candidate.digest_commit = assignment.wish->intent.digest_commit;
        candidate.version = version_in(turn.state, key, targets, slot);
        const auto* seen = in_slot(turn.state, key, *targets.front(), slot);
        candidate.cause = fmt::format("{} of {}@{}", slot.empty() ? "none" : slot,
                                      targets.front()->name, seen->report);
        candidate.targets = std::move(targets);
        candidate.slot = slot;
        identify(turn.state, key, candidate, true);
        return candidate;
    }
    return std::nullopt;
}

std::vector<Obstacle> in_the_way(const Turn& turn, const AssignmentKey& key,
                                 const Candidate& candidate) {
    std::vector<Obstacle> found;
    const bool uninstalls = candidate.kind == ReleaseKind::uninstall;
    if (is_upkeep(candidate.kind)) return found;
    const auto wanted = slot_for(turn.state, key, candidate.kind);
    if (!uninstalls && wanted == live_slot(turn.state, key)) return found;
    for (const auto& slot : spare_slots(turn.state, key))
        if (uninstalls || slot == wanted)
            for (const auto* target : in_its_way(turn, key, candidate, slot))
                found.push_back({slot, target->name});
    return found;
}

std::vector<Hold> slot_holds(Turn& turn, const AssignmentKey& key, const Candidate& candidate) {
    const auto obstacles = in_the_way(turn, key, candidate);
    if (obstacles.empty()) return {};
    auto sides = *turn.state.assignments.at(key).sides;
    if (sides.kept_until && *sides.kept_until > turn.lived) {
        sides.kept_until = turn.lived;
        turn.put(sides);
    }
    const auto& slot = obstacles.front().slot;
    std::vector<std::string> names;
    for (const auto& obstacle : obstacles)
        if (obstacle.slot == slot) names.push_back(obstacle.target);
    return {{"slot",
             fmt::format("{} has to be removed from {} first", name_of(slot), some_of(names)),
             {}}};
}

Way way_to_retire(const State& state, const Release& release, const DesiredTarget& target) {
    const auto& assignment = state.assignments.at(release.key);
    const auto* seen = in_slot(state, release.key, target, release.slot);
    auto there = seen ? definition_of(assignment, seen->assignment_digest) : nullptr;
    if (!there && (!seen || seen->commit.empty() || is_lost_to_git(assignment, seen->commit)) &&
        assignment.wish)
        there = assignment.wish->definition;
    if (!there) return {};
    return {clearing(*there, release.slot), ActionKind::uninstall, ""};
}

void add_retired(const State& state, const AssignmentKey& key,
                 std::map<Digest, std::string>& needs) {
    const auto* active = active_release(state, key);
    auto slots = spare_slots(state, key);
    if (active && active->kind == ReleaseKind::retire) slots.push_back(active->slot);
    for (const auto& slot : slots)
        for (const auto* target : having(state, key, slot)) {
            const auto* seen = in_slot(state, key, *target, slot);
            if (!seen->commit.empty()) needs.emplace(seen->assignment_digest, seen->commit);
        }
}

}  // namespace tidegate::engine
