#pragma once
/// Whose folder is whose on this host. Two installations in one folder, or one in the folder of the
/// other, are a mistake unless both say that they are meant so: the scripts of one may delete what
/// the other needs.

#include <optional>
#include <string>
#include <vector>

#include "agent/daemon/host_rules.h"
#include "schema/model/agent.h"

namespace tidegate::agent {

struct Tenant {
    InstallKey key;
    std::string work_dir;  ///< absolute, as configured
    bool shared = false;   ///< it says shared_work_dir
};

/// Of what the action installs. An error: its work_dir cannot be expanded.
[[nodiscard]] Result<Tenant> tenant_of(const HostRules& rules, const Action& action);

/// Who is on this host while an action starts.
struct Tenants {
    std::optional<Tenant> now;  ///< as it is installed; none: it is not
    std::vector<Tenant> others;
};

/// Why the action may not work in its folder; empty when it may. Judges an install into a folder in
/// which this installation is not yet, an uninstall by a script and the removal of a slot; never a
/// restore. That others share the folder is no excuse for who removes it whole. Looks at the
/// action's own folder, so it may block; never at those of others, whose mounts are not its own.
[[nodiscard]] std::string clash(const HostRules& rules, const Action& action,
                                const Tenants& tenants);

}  // namespace tidegate::agent
