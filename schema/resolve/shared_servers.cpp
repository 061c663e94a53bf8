#include "schema/resolve/shared_servers.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

namespace tidegate {
namespace {

/// One assignment's use of a server, through one agent.
struct ServerUse {
    const ServerClaim* claim = nullptr;
    const AssignmentKey* key = nullptr;
    const ResolvedAssignment* entry = nullptr;
    const std::string* router = nullptr;
};

std::map<std::string, std::vector<ServerUse>> uses_by_agent(
    const std::map<AssignmentKey, ResolvedAssignmentPtr>& assignments) {
    std::map<std::string, std::vector<ServerUse>> uses;
    for (const auto& [key, entry] : assignments)
        for (const auto& [router, agents] : entry->routers)
            for (const auto& agent : agents)
                for (const auto& claim : entry->servers)
                    uses[agent].push_back({&claim, &key, entry.get(), &router});
    return uses;
}

std::string sharing(const ServerUse& one, const ServerUse& other) {
    return fmt::format(
        "{} ({}) and {} ({}) both send traffic to server {}/{} on router target {}: a server "
        "belongs to one assignment; tell them apart, as by ${{APP_NAME}} and ${{APP_ENV}} in "
        "server "
        "or backend",
        one.key->text(), one.entry->traffic.text(), other.key->text(), other.entry->traffic.text(),
        one.claim->backend, one.claim->server, *one.router);
}

}  // namespace

std::map<AssignmentKey, std::vector<Error>> shared_servers(
    const std::map<AssignmentKey, ResolvedAssignmentPtr>& assignments) {
    std::map<AssignmentKey, std::vector<Error>> errors;
    std::set<std::pair<AssignmentKey, AssignmentKey>> said;
    auto uses = uses_by_agent(assignments);
    for (auto& [agent, there] : uses) {
        std::ranges::sort(there, [](const ServerUse& a, const ServerUse& b) {
            return std::tie(*a.claim, *a.key) < std::tie(*b.claim, *b.key);
        });
        for (std::size_t i = 1; i < there.size(); ++i) {
            const auto& one = there[i - 1];
            const auto& other = there[i];
            if (*one.claim != *other.claim || *one.key == *other.key) continue;
            if (!said.emplace(*one.key, *other.key).second) continue;
            const auto text = sharing(one, other);
            for (const auto* use : {&one, &other})
                errors[*use->key].push_back({ErrorCode::conflict, text, use->entry->traffic});
        }
    }
    return errors;
}

}  // namespace tidegate
