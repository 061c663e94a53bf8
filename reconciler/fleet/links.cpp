#include "reconciler/fleet/links.h"

#include <algorithm>

#include "schema/base/limits.h"

namespace tidegate::fleet {

std::optional<transport::Connection> Links::add(const transport::Connection& connection,
                                                Time hello_until, const HasGreeted& has_greeted) {
    const auto identity = connection.identity();
    const auto agent = identity ? identity->agent : std::string{};
    links_[connection.id()] = {connection, agent};
    wait_.emplace_back(hello_until, connection.id());
    if (agent.empty() || ++count_[agent] <= limits::kConnectionsPerAgentMax) return std::nullopt;
    const auto oldest = std::ranges::find_if(links_, [&](const auto& entry) {
        return entry.second.agent == agent && !has_greeted(entry.first);
    });
    auto displaced =
        oldest->second.connection;  // at the latest the new one, which has said nothing
    remove(oldest->first);
    return displaced;
}

void Links::remove(std::uint64_t connection) {
    const auto link = links_.extract(connection);
    if (link.empty()) return;
    const auto count = count_.find(link.mapped().agent);
    if (count != count_.end() && --count->second == 0) count_.erase(count);
}

std::vector<transport::Connection> Links::of(const std::string& agent) const {
    std::vector<transport::Connection> all;
    for (const auto& [id, link] : links_)
        if (link.agent == agent) all.push_back(link.connection);
    return all;
}

std::vector<transport::Connection> Links::take_late(Time now, const HasGreeted& has_greeted) {
    std::vector<transport::Connection> late;
    for (; !wait_.empty() && wait_.front().first <= now; wait_.pop_front()) {
        const auto found = links_.find(wait_.front().second);
        if (found != links_.end() && !has_greeted(found->first))
            late.push_back(found->second.connection);
    }
    return late;
}

}  // namespace tidegate::fleet
