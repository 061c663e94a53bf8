#pragma once
/// The connections whose handshake is complete: whose they are, and until when each has to say
/// Hello on a session (an enrolment has that long, too).

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "transport/server.h"

namespace tidegate::fleet {

class Links {
public:
    using Time = std::chrono::steady_clock::time_point;

    /// False: its agent holds limits::kConnectionsPerAgentMax others already, so it must go.
    [[nodiscard]] bool add(const transport::Connection& connection, Time hello_until);
    void remove(std::uint64_t connection);
    /// Those of that agent, with a session or not.
    [[nodiscard]] std::vector<transport::Connection> of(const std::string& agent) const;
    /// Those whose time for a Hello has run out, each once.
    [[nodiscard]] std::vector<transport::Connection> take_late(
        Time now, const std::function<bool(std::uint64_t)>& has_greeted);

private:
    struct Link {
        transport::Connection connection;
        std::string agent;  ///< by its certificate; empty without one
    };

    std::map<std::uint64_t, Link> links_;              ///< by connection
    std::map<std::string, std::size_t> count_;         ///< by agent
    std::deque<std::pair<Time, std::uint64_t>> wait_;  ///< for a Hello until then
};

}  // namespace tidegate::fleet
