#include "schema/resolve/moved.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <vector>

#include "schema/resolve/parts.h"

namespace tidegate {
namespace {

using Names = std::set<std::string>;

/// The place on the line of the state in force.
std::uint64_t age_of(const AssignmentHistory& facts) {
    return facts.held_at.empty() ? std::numeric_limits<std::uint64_t>::max() : facts.held_number;
}

/// What two environments both have. Many assignments share few of these.
class CommonTargets {
public:
    const Names& of(const EnvironmentPart& one, const EnvironmentPart& other) {
        const auto [found, is_new] = known_.try_emplace({&one, &other});
        if (is_new)
            std::ranges::set_intersection(names_of(one.targets), names_of(other.targets),
                                          std::inserter(found->second, found->second.end()));
        return found->second;
    }

private:
    std::map<std::pair<const EnvironmentPart*, const EnvironmentPart*>, Names> known_;
};

}  // namespace

std::map<AssignmentKey, Names> targets_moved_away(
    const History& history, const std::map<AssignmentKey, ResolvedAssignmentPtr>& valid) {
    std::map<AssignmentKey, Names> moved;
    std::map<std::string, std::vector<AssignmentKey>> held, all;  ///< by project
    for (const auto& [key, entry] : valid)
        if (!history.assignments.at(key).held_at.empty()) held[key.project].push_back(key);
    if (held.empty()) return moved;
    for (const auto& [key, entry] : valid) all[key.project].push_back(key);
    CommonTargets common;
    for (const auto& [project, keys] : held)
        for (const auto& key : keys)
            for (const auto& other : all.at(project)) {
                if (age_of(history.assignments.at(other)) <= age_of(history.assignments.at(key)))
                    continue;
                const auto& names =
                    common.of(*valid.at(key)->environment, *valid.at(other)->environment);
                if (!names.empty()) moved[key].insert(names.begin(), names.end());
            }
    return moved;
}

}  // namespace tidegate
