#pragma once
/// An action made ready to run: checked against the host's rules, all strings expanded.

#include <memory>
#include <vector>

#include "agent/daemon/host_rules.h"
#include "agent/drivers/driver.h"
#include "schema/model/agent.h"

namespace tidegate::agent {

struct PreparedAction {
    DriverContext context;
    Pipeline pipeline;  ///< with its deploy task
    std::vector<HealthCheck> verify;
};

/// An error is a refusal: nothing was touched. `unavailable`: it is the host that will not or
/// cannot have it, whatever the version (ActionResult::host_trouble).
[[nodiscard]] Result<PreparedAction> prepare(const HostRules& rules, const Action& action,
                                             const Installation& current);

}  // namespace tidegate::agent
