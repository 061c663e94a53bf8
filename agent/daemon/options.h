#pragma once
/// Flags of tidegate-agent, with agent.yaml read in.

#include <cstdint>
#include <optional>
#include <string>

#include "agent/daemon/agent_config.h"
#include "schema/base/time.h"

namespace tidegate::agent {

struct AgentOptions {
    std::string host;
    std::uint16_t port = 0;
    std::string name;
    std::string data_dir;
    Result<std::string> token;  ///< of --token-file, empty without one; or why it cannot be read
    Seconds drift_interval{60};
    Seconds keep_alive = limits::kKeepAlive;
    AgentConfig config;
};

/// Ends the process for --help and --version (0) and for wrong usage (2).
[[nodiscard]] AgentOptions parse_options(int argc, char** argv);

}  // namespace tidegate::agent
