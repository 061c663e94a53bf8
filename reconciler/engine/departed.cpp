#include "reconciler/engine/departed.h"

#include <algorithm>

#include "reconciler/engine/facts.h"

namespace tidegate::engine {
namespace {

bool is_installed(const State& state, const std::string& agent, const InstallKey& install) {
    const auto is_in = [&](std::string_view slot) {
        const auto* seen =
            seen_on(state, agent, {install.target, install.project, std::string(slot)});
        return seen && seen->status != InstallStatus::absent;
    };
    return std::ranges::any_of(kAnySlot, is_in);
}

}  // namespace

void depart(State& state, const AssignmentKey& key, const std::string& target,
            const std::string& agent) {
    state.assignments[key].departed[target] = agent;
    state.departed[key_of(key, target)] = key;
}

void arrive(Turn& turn, const InstallKey& install) {
    const auto former = turn.state.departed.extract(install);
    if (former.empty()) return;
    turn.state.assignments[former.mapped()].departed.erase(install.target);
    turn.touch(former.mapped());
}

void forget_departed(State& state, const AssignmentKey& key) {
    std::erase_if(state.assignments[key].departed, [&](const auto& entry) {
        const auto install = key_of(key, entry.first);
        if (!state.owners.contains(install) &&
            (is_installed(state, entry.second, install) || state.outbox_by_key.contains(install)))
            return false;
        const auto found = state.departed.find(install);
        if (found != state.departed.end() && found->second == key) state.departed.erase(found);
        return true;
    });
}

std::vector<std::string> orphans(const State& state, const AssignmentKey& key) {
    std::vector<std::string> found;
    for (const auto& [name, agent] : state.assignments.at(key).departed)
        if (is_installed(state, agent, key_of(key, name))) found.push_back(name);
    return found;
}

}  // namespace tidegate::engine
