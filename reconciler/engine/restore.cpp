#include <algorithm>
#include <tuple>
#include <utility>

#include "reconciler/engine/departed.h"
#include "reconciler/engine/engine.h"
#include "reconciler/engine/facts.h"
#include "schema/base/limits.h"
#include "schema/model/json.h"

namespace tidegate::engine {
namespace {

/// Beside another only upkeep goes on.
void take_active(AssignmentState& assignment, const Release& release) {
    auto other = std::exchange(assignment.active, release.id);
    if (other.empty()) return;
    assignment.beside = std::move(other);
    if (is_upkeep(release.kind)) std::swap(assignment.active, assignment.beside);
}

Result<void> take_release(State& state, const Row& row) {
    auto release = TRY(release_from_json(row.body));
    auto& assignment = state.assignments[release.key];
    assignment.recalled = true;
    assignment.releases.push_back(release.id);
    if (is_active(release.status))
        take_active(assignment, release);
    else if (!is_final(release.status))
        assignment.pending = release.id;
    if (release.revert == RevertState::wanted) state.reverts[release.id];
    state.releases.insert_or_assign(release.id, std::move(release));
    return {};
}

/// `ID REST`: the release that a row belongs to.
Result<Release*> owner_of(State& state, const Row& row) {
    const auto found = state.releases.find(row.key.substr(0, row.key.find(' ')));
    if (found == state.releases.end())
        return fail(ErrorCode::invalid, "stored {} {} has no release", to_string(row.table),
                    row.key);
    return &found->second;
}

Result<void> take_step(State& state, const Row& row) {
    auto& steps = TRY(owner_of(state, row))->steps;
    auto step = TRY(step_from_json(row.body));
    const auto index = static_cast<std::size_t>(step.index);
    if (step.index < 0 || index >= limits::kStepsPerReleaseMax)
        return fail(ErrorCode::invalid, "stored step {} has no good number", row.key);
    if (index >= steps.size()) steps.resize(index + 1);
    steps[index] = std::move(step);
    return {};
}

Result<void> take_target(State& state, const Row& row) {
    auto& targets = TRY(owner_of(state, row))->targets;
    auto progress = TRY(target_progress_from_json(row.body));
    auto name = progress.name;
    targets.insert_or_assign(std::move(name), std::move(progress));
    return {};
}

/// Whether it was received is not known: the agent's inventory will tell.
Result<void> take_action(State& state, const Row& row) {
    auto entry = TRY(outbox_entry_from_json(row.body));
    entry.sent = false;
    const auto& id = entry.action.id;
    state.outbox_by_key[place_of(entry.action.key)] = id;
    state.sent_to[entry.agent].insert(id);
    state.assignments[entry.assignment].in_flight.insert(id);
    state.outbox.insert_or_assign(row.key, std::move(entry));
    return {};
}

Result<void> take_row(State& state, const Row& row) {
    switch (row.table) {
        case Table::release_step:
            return take_step(state, row);
        case Table::release_target:
            return take_target(state, row);
        case Table::action:
            return take_action(state, row);
        case Table::quarantine: {
            auto quarantine = TRY(quarantine_from_json(row.body));
            state.assignments[quarantine.key].recalled = true;
            state.quarantines.insert_or_assign({quarantine.key, quarantine.digest}, quarantine);
            return {};
        }
        case Table::block: {
            auto block = TRY(block_from_json(row.body));
            state.blocks.insert_or_assign(block.key, block);
            return {};
        }
        case Table::history: {
            auto good = TRY(good_state_from_json(row.body));
            auto& assignment = state.assignments[good.key];
            assignment.recalled = true;
            assignment.good = std::move(good);
            return {};
        }
        case Table::sides: {
            auto sides = TRY(sides_from_json(row.body));
            for (const auto& [target, agent] : sides.routers)
                state.by_router[agent].insert(sides.key);
            auto& assignment = state.assignments[sides.key];
            assignment.recalled = true;
            assignment.sides = std::move(sides);
            return {};
        }
        case Table::revert: {
            const auto revert = TRY(own_revert_from_json(row.body));
            state.own_reverts.insert_or_assign(revert.release, revert.at);
            return {};
        }
        case Table::installation: {
            auto installation = TRY(installation_from_json(row.body));
            const auto agent = row.key.substr(0, row.key.find(' '));
            state.agents[agent].installations.insert_or_assign(installation.key, installation);
            return {};
        }
        default:
            return {};
    }
}

/// Of all that releases name and agents reported or may yet report, each from the one that named it
/// last; what is wished comes later.
void find_departed(State& state) {
    std::map<InstallKey, std::string> known;
    for (const auto& [name, agent] : state.agents)
        for (const auto& [install, seen] : agent.installations)
            if (seen.status != InstallStatus::absent) known[place_of(install)] = name;
    for (const auto& [id, entry] : state.outbox) known[place_of(entry.action.key)] = entry.agent;
    std::map<InstallKey, const Release*> last;
    for (const auto& [id, release] : state.releases)
        for (const auto& [name, progress] : release.targets) {
            const auto install = key_of(release.key, name);
            if (!known.contains(install)) continue;
            auto& named = last[install];
            if (!named || named->created_at < release.created_at) named = &release;
        }
    for (const auto& [install, release] : last)
        depart(state, release->key, install.target, known.at(install));
}

/// Rolled back, but with targets that were away: still owed unless a newer head began, as only the
/// newest head that began can be.
void find_owing(const State& state, AssignmentState& assignment) {
    const auto began = [&](const std::string& id) {
        const auto& release = state.releases.at(id);
        return release.started_at && !is_upkeep(release.kind);
    };
    const auto newest =
        std::find_if(assignment.releases.rbegin(), assignment.releases.rend(), began);
    if (newest == assignment.releases.rend()) return;
    const auto& release = state.releases.at(*newest);
    const bool rolled_back =
        is_final(release.status) && release.last_good && release.revert != RevertState::none;
    if (rolled_back && std::ranges::any_of(release.targets, [](const auto& entry) {
            return is_touched(entry.second);
        }))
        assignment.owing.insert(release.id);
}

/// What was admitted may have left. And former builds kept deadlines by the wall clock: what was
/// waited for then gets all its time anew.
void take_up_active(State& state) {
    for (auto& [id, release] : state.releases) {
        if (!is_active(release.status)) continue;
        for (const auto& step : release.steps)
            if (step.admitted_at) state.left[id] = step.index;
        const bool back = release.status == ReleaseStatus::rolling_back;
        const auto span = back ? Seconds{limits::kRollbackDeadline} : limits::kReleaseDeadline;
        if (!release.deadline) release.deadline = state.started_at + span;
        if (release.status == ReleaseStatus::paused && !release.paused_at)
            release.paused_at = state.started_at;
        for (auto& step : release.steps) {
            if (step.status != StepStatus::running || step.deadline) continue;
            step.began = state.started_at;
            step.deadline = release.deadline;
        }
    }
    for (auto& [id, entry] : state.outbox)
        if (!entry.deadline) entry.deadline = outcome_due(state.started_at, entry.action);
}

}  // namespace

Result<State> restore(std::span<const Row> rows, std::uint64_t epoch, const Clocks& clocks) {
    State state;
    state.epoch = epoch;
    state.started_at = state.lived_stored = clocks.lived;
    state.last_step = clocks.now;
    for (const auto& row : rows)
        if (row.table == Table::release) CHECK(take_release(state, row));
    for (const auto& row : rows) CHECK(take_row(state, row));
    for (const auto& [id, entry] : state.outbox)
        if (!state.releases.contains(entry.action.release))
            return fail(ErrorCode::invalid, "stored action {} has no release", id);
    for (auto& [key, assignment] : state.assignments) {
        std::ranges::sort(assignment.releases, [&](const auto& left, const auto& right) {
            const auto& a = state.releases.at(left);
            const auto& b = state.releases.at(right);
            return std::tie(a.number, a.created_at, left) < std::tie(b.number, b.created_at, right);
        });
        find_owing(state, assignment);
    }
    find_departed(state);
    take_up_active(state);
    return state;
}

}  // namespace tidegate::engine
