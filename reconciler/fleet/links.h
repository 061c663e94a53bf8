#pragma once
/// The connections whose handshake is complete: whose they are, and until when each has to say
/// Hello on a session (an enrolment has that long, too).

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "transport/server.h"

namespace tidegate::fleet {

class Links {
public:
    using Time = std::chrono::steady_clock::time_point;

    using HasGreeted = std::function<bool(std::uint64_t connection)>;

    /// Returns what has to go for it: with more than limits::kConnectionsPerAgentMax of one agent,
    /// the oldest that has not said Hello. So an agent gets in, whoever else holds its identity.
    [[nodiscard]] std::optional<transport::Connection> add(const transport::Connection& connection,
                                                           Time hello_until,
                                                           const HasGreeted& has_greeted);
    void remove(std::uint64_t connection);
    /// Those of that agent, with a session or not.
    [[nodiscard]] std::vector<transport::Connection> of(const std::string& agent) const;
    /// Those whose time for a Hello has run out, each once.
    [[nodiscard]] std::vector<transport::Connection> take_late(Time now,
                                                               const HasGreeted& has_greeted);

private:
    struct Link {
        transport::Connection connection;
        std::string agent;  ///< by its certificate; empty without one
    };

    std::map<std::uint64_t, Link> links_;              ///< by connection, ids grow
    std::map<std::string, std::size_t> count_;         ///< by agent
    std::deque<std::pair<Time, std::uint64_t>> wait_;  ///< for a Hello until then
};

}  // namespace tidegate::fleet
