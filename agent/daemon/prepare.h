#pragma once
/// An action made ready to run: checked against the host's rules, all strings expanded.

#include <memory>
#include <optional>
#include <vector>

#include "agent/daemon/host_rules.h"
#include "agent/drivers/driver.h"
#include "schema/model/agent.h"

namespace tidegate::agent {

struct PreparedAction {
    DriverContext context;
    Pipeline pipeline;  ///< with its deploy task
    std::vector<HealthCheck> verify;
    /// Of the slot that is live, where that is another than the action's: what runs the scripts of
    /// pre_release.
    std::optional<DriverContext> live;
    bool has_live = true;  ///< false: there are slots, and none of them is live yet
};

/// Where the action's project belongs on this host, in its own slot: absolute, expanded.
[[nodiscard]] Result<std::string> work_dir_of(const HostRules& rules, const Action& action);

/// An error is a refusal: nothing was touched. `unavailable`: it is the host that will not or
/// cannot have it, whatever the version (ActionResult::host_trouble).
[[nodiscard]] Result<PreparedAction> prepare(const HostRules& rules, const Action& action,
                                             const Installation& current);

}  // namespace tidegate::agent
