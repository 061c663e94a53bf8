#include "tests/simulation/engine/end_checks.h"

#include <algorithm>

#include "schema/model/json.h"
#include "schema/resolve/digest.h"

namespace tidegate::simulation {
namespace {

using engine::AssignmentState;

const Installation* known_of(const World& world, const DesiredTarget& target,
                             const InstallKey& install) {
    const auto agent = world.state().agents.find(target.agent);
    if (agent == world.state().agents.end()) return nullptr;
    const auto seen = agent->second.installations.find(install);
    return seen == agent->second.installations.end() ? nullptr : &seen->second;
}

/// `digest` empty: nothing may be there.
std::string check_target(World& world, const DesiredTarget& target, const AssignmentKey& key,
                         const Digest& digest) {
    const auto install = live_key(world.state(), key, target.name);
    const auto& there = world.agent(target.agent).real[install];
    if (there.digest != digest)
        return fmt::format("21: {} did not converge, it has '{}'\n", install.text(), there.version);
    const auto* known = known_of(world, target, install);
    const bool absent = !known || known->status == InstallStatus::absent;
    if (digest.empty() ? !absent : absent || known->digest != digest)
        return "3: the daemon does not know " + install.text() + "\n";
    return "";
}

/// Nothing is left in a slot that does not serve.
std::string check_spare(World& world, const DesiredTarget& target, const AssignmentKey& key) {
    const auto live = live_key(world.state(), key, target.name);
    if (live.slot.empty()) return "";
    std::string problem;
    for (const auto* slot : {"", "blue", "green"})
        if (const auto& there = world.agent(target.agent).real[{target.name, key.project, slot}];
            slot != live.slot && !there.digest.empty())
            problem += fmt::format("25: {} in '{}' of {} is not removed\n", there.version, slot,
                                   target.name);
    return problem;
}

/// Pinned targets stay as they are while the rest is uninstalled; a pin may mean an uninstall, too.
std::string check_wish(World& world, const Assignment& wish) {
    std::string problem;
    for (const auto& target : wish.targets) {
        const auto& definition = target.pinned ? target.definition : wish.definition;
        if (!wish.definition->absent || !target.pinned)
            problem += check_target(world, target, wish.key,
                                    definition->absent ? Digest{} : target.digest);
        if (!wish.paused) problem += check_spare(world, target, wish.key);
    }
    return problem;
}

/// Who waits for what a person has to say, waits for ever; all else ends.
bool waits_for_a_person(const Hold& hold) {
    for (const auto* gate : {"quarantine", "failed", "unknown", "pause", "config", "backoff",
                             "budget", "no_targets", "pin", "await"})
        if (hold.gate == gate) return true;
    return false;
}

/// Rolled back in Git or waiting for a merge, and nothing keeps a target from last good.
bool is_taken_back(const World& world, const AssignmentState& assignment,
                   const std::vector<Hold>& holds) {
    const auto& wish = *assignment.wish;
    const auto found = world.state().quarantines.find({wish.key, wish.definition->digest});
    if (found == world.state().quarantines.end() || !assignment.good) return false;
    const auto release = world.state().releases.find(found->second.release);
    const bool reverts = release != world.state().releases.end() &&
                         release->second.status == ReleaseStatus::rollback &&
                         release->second.revert != RevertState::none;
    const bool good_is_good =
        !world.state().quarantines.contains({wish.key, assignment.good->good.digest});
    return reverts && good_is_good &&
           std::ranges::all_of(holds, [](const Hold& hold) { return hold.gate == "quarantine"; });
}

/// What never works, or never for long, is tried again for ever, when the window lets it; under
/// `absent` pinned targets stay as they are.
bool keeps_failing(const World& world, const Assignment& wish) {
    return std::ranges::any_of(wish.targets, [&](const DesiredTarget& target) {
        const auto install = live_key(world.state(), wish.key, target.name);
        const auto* known = known_of(world, target, install);
        const auto host = world.agents().find(target.agent);
        const bool restless =
            host != world.agents().end() && host->second->restless.contains(slotless(install));
        return (known && known->status == InstallStatus::failed) ||
               (known && known->drifted && restless) || (target.pinned && wish.definition->absent);
    });
}

/// The next one waits for the active one, which says itself what it waits for.
bool waits_for_active(const World& world, const AssignmentState& assignment, const Hold& hold) {
    if (hold.gate != "release" || assignment.active.empty()) return false;
    return !world.state().releases.at(assignment.active).holds.empty();
}

std::string check_assignment(World& world, const AssignmentState& assignment) {
    const auto& wish = *assignment.wish;
    if (keeps_failing(world, wish)) return "";
    const auto view = *engine::explain(world.state(), wish.key, world.now());
    if (view.sync == Sync::in_sync) return check_wish(world, wish);
    const auto is_pause = [](const Hold& hold) { return hold.gate == "pause"; };
    if (std::ranges::any_of(view.holds, is_pause)) return "";  // that holds all of it
    const auto stuck = std::ranges::find_if_not(view.holds, [&](const Hold& hold) {
        return waits_for_a_person(hold) || waits_for_active(world, assignment, hold);
    });
    if (view.holds.empty() || stuck != view.holds.end())
        return fmt::format("21: {} is {} and waits for {}\n", wish.key.text(), to_string(view.sync),
                           view.holds.empty() ? "nothing" : stuck->gate + ": " + stuck->reason);
    std::string problem;
    if (!is_taken_back(world, assignment, view.holds)) return problem;
    const auto& good = assignment.good->good;
    for (const auto& target : wish.targets)
        if (!target.pinned)
            problem += check_target(
                world, target, wish.key,
                good.absent ? Digest{} : target_digest(good.digest, target.config_digest));
    return problem;
}

// ---- records

std::string check_journal(World& world, const std::string& name, const ModelAgent& host) {
    std::string problem;
    std::set<std::string> rows;
    const auto prefix = name + ' ';
    for (const auto& [key, body] : world.rows())
        if (key.first == Table::installation && key.second.starts_with(prefix))
            rows.insert(key.second);
    for (const auto& installation : host.journal().installations) {
        const auto key = prefix + installation.key.text();
        const auto row = world.rows().find({Table::installation, key});
        if (row == world.rows().end() || row->second != to_json(installation))
            problem += "3: the store has another " + key + "\n";
        rows.erase(key);
    }
    for (const auto& key : rows) problem += "3: no journal has " + key + "\n";
    for (const auto& entry : host.journal().actions)
        if (!entry.result && entry.action.kind != ActionKind::verify)
            problem += "2: without an outcome: " + entry.action.id + "\n";
    if (!host.inventory().results.empty()) problem += "2: outcomes nobody took in: " + name + "\n";
    return problem;
}

std::string word_of(const std::string& detail, std::string_view key) {
    const auto mark = fmt::format("\"{}\":\"", key);
    const auto at = detail.find(mark) + mark.size();
    return detail.substr(at, detail.find('"', at) - at);
}

/// By agent and action: the outcome, "" while it has none, "withdrawn". After a lost store an
/// action may come again, on the agent to which its target went meanwhile.
std::map<std::pair<std::string, std::string>, std::string> audited_ends(const World& world) {
    std::map<std::pair<std::string, std::string>, std::string> ends;
    std::map<std::string, std::string> agents;
    for (const auto& entry : world.audit()) {
        const auto& id = entry.subject;
        if (entry.kind == "action.run" || entry.kind == "action.restore") {
            agents[id] = word_of(entry.detail, "agent");
            ends[{agents[id], id}] = "";
        } else if (entry.kind == "action.withdrawn") {
            ends[{agents[id], id}] = "withdrawn";
        } else if (entry.kind == "action.ended") {
            ends[{agents[id], id}] = word_of(entry.detail, "outcome");
        }
    }
    return ends;
}

std::string check_audit(World& world) {
    std::string problem;
    const auto ends = audited_ends(world);
    for (const auto& [action, end] : ends)
        if (end.empty()) problem += "3: the audit tells no end of " + action.second + "\n";
    for (const auto& [name, host] : world.agents())
        for (const auto& entry : host->journal().actions) {
            const auto told = ends.find({name, entry.action.id});
            // Withdrawn: it did not leave, or its target did while the agent was away. The journal
            // may know its end all the same, in the first case from before a lost store.
            if (told == ends.end() || told->second == "withdrawn" || !entry.result) continue;
            if (told->second != to_string(entry.result->outcome))
                problem += fmt::format("3: {} ended {} by the journal of {}, {} by the audit\n",
                                       entry.action.id, to_string(entry.result->outcome), name,
                                       told->second);
        }
    return problem;
}

}  // namespace

std::string check_wishes(World& world) {
    std::string problem;
    for (const auto& [key, assignment] : world.state().assignments)
        if (assignment.wish) problem += check_wish(world, *assignment.wish);
    return problem;
}

std::string check_without_a_commit(World& world) {
    std::string problem;
    for (const auto& [key, assignment] : world.state().assignments)
        if (assignment.wish) problem += check_assignment(world, assignment);
    return problem;
}

std::string check_records(World& world) {
    std::string problem;
    for (const auto& [name, host] : world.agents()) problem += check_journal(world, name, *host);
    return problem + check_audit(world);
}

}  // namespace tidegate::simulation
