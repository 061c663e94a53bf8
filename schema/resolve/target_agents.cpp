#include "schema/resolve/target_agents.h"

#include <fmt/format.h>

#include "schema/resolve/parts.h"

namespace tidegate {

const std::set<std::string>& TargetAgents::of(const std::string& target) {
    const auto [found, is_new] = known_.try_emplace(target);
    if (!is_new) return found->second;
    for (const auto& [name, part] : environments_)
        for (const auto& each : part->targets)
            if (each.name == target) found->second.insert(each.agent);
    return found->second;
}

Error TargetAgents::unknown(const Reference& target) const {
    std::vector<std::string> names;
    std::vector<std::string> faulty;
    for (const auto& [name, part] : environments_) {
        for (const auto& each : part->targets) names.push_back(each.name);
        if (!part->errors.empty()) faulty.push_back(name);
    }
    auto error = dangling("target", target, names);
    if (!faulty.empty())
        error.message += fmt::format("; it may be in what has errors: environment{} {}",
                                     faulty.size() == 1 ? "" : "s", fmt::join(faulty, ", "));
    return error;
}

}  // namespace tidegate
