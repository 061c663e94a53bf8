#pragma once
/// agent.yaml and the flags, made ready for use: users looked up, contradictions refused.

#include <optional>
#include <string>

#include "agent/daemon/agent_config.h"
#include "agent/drivers/driver.h"
#include "schema/model/agent.h"

namespace tidegate::agent {

struct HostRules {
    AgentConfig config;
    HostLimits limits;
    std::string host_address;  ///< TARGET_IP
};

/// Makes `<data dir>/tmp` and empties it. denied: scripts would run as root and nobody allowed it,
/// or run_as needs root.
[[nodiscard]] Result<HostRules> make_host_rules(AgentConfig config, const std::string& data_dir);

/// Why the host does not allow this action; empty when it does.
[[nodiscard]] std::string refusal(const HostRules& rules, const Action& action);

}  // namespace tidegate::agent
