#include "tests/simulation/engine/world.h"

namespace tidegate::simulation {
namespace {

bool is_known(const Fleet& fleet, const std::string& target) {
    for (const auto& [name, place] : fleet.environments)
        for (const auto& known : place.targets)
            if (known.name == target) return true;
    return false;
}

}  // namespace

/// A target arrives, leaves, goes to another agent, or to another environment.
void World::person_moves_fleet() {
    auto environments = git_.fleet().environments;
    auto place = environments.begin();
    std::advance(place, pick(0, static_cast<int>(environments.size()) - 1));
    if (place->first == kGates) return;
    auto& targets = place->second.targets;
    const auto at = targets.begin() + pick(0, static_cast<int>(targets.size()) - 1);
    const auto to = pick(0, 2) == 0 ? fmt::format("a-{}", pick(1, 9)) : some_agent();
    const int what = pick(0, 3);
    if (what == 0) {
        const auto name = fmt::format("n-{}", pick(1, 9));
        if (!is_known(git_.fleet(), name)) targets.push_back({name, to});
    } else if (what == 1) {
        at->agent = to;
    } else if (targets.size() > 1) {
        const auto moved = *at;
        targets.erase(at);
        if (what == 3) std::prev(environments.end())->second.targets.push_back(moved);
    }
    Edits edits;
    for (const auto& [name, now] : environments)
        if (now.targets != git_.fleet().environments.at(name).targets)
            edits[environment_path(name)] = text_of(name, now);
    if (!edits.empty()) land("the fleet moves", edits);
}

}  // namespace tidegate::simulation
