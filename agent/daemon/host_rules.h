#pragma once
/// agent.yaml and the flags, made ready for use: users looked up, contradictions refused.

#include <optional>
#include <string>

#include "agent/daemon/agent_config.h"
#include "agent/daemon/exposure.h"
#include "agent/drivers/driver.h"
#include "agent/drivers/run_register.h"
#include "schema/model/agent.h"

namespace tidegate::agent {

struct HostRules {
    AgentConfig config;
    HostLimits limits;
    std::string host_address;  ///< TARGET_IP
    Exposure exposure;         ///< of the data dir to scripts
    FormerRuns former;         ///< scripts that a former agent process left running
};

/// Makes the data dir where it is missing. Scripts' users must be able to pass through it to tmp/;
/// pki/ and journal/ are private. exhausted: the disk, or a quota, has no room for it.
[[nodiscard]] Result<void> make_data_dir(const std::string& path);

/// denied: scripts would run as root and nobody allowed it,
/// or run_as needs root.
[[nodiscard]] Result<HostRules> make_host_rules(AgentConfig config, const std::string& data_dir);

/// Makes the scripts' directory, empty. Other users may enter it, not list it: each script belongs
/// to the user that runs it. Only for who holds the journal: another agent's scripts may be there.
/// `denied` names the folder where the scripts' user cannot get through to it.
[[nodiscard]] Result<void> make_tmp_dir(const HostRules& rules);

/// Makes the register of running scripts where it is missing, and tells those that a former agent
/// process left to end. Only for who holds the journal.
[[nodiscard]] Result<FormerRuns> end_former_runs(const HostRules& rules);

/// Why the host does not allow this action; empty when it does.
[[nodiscard]] std::string refusal(const HostRules& rules, const Action& action);

}  // namespace tidegate::agent
