#pragma once
/// The variables that nobody has to write down, and who gives them their value.
///
/// docs/config.md lists them. RELEASE_TIME and RELEASE_TIMESTAMP are when the release started, the
/// same on all its targets and in its restores.
///
/// APP_NAME, APP_DIR, BACKUP_DIR, LOG_DIR, TEMP_DIR, CONTAINER_NAME, IMAGE_*, K8S_* are defaults:
/// a variable of the same name wins over them. The others always win, but for those of slots where
/// there are none (add_slots).

#include <array>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "schema/model/deploy.h"

namespace tidegate {

enum class FilledBy { daemon, agent, nobody };

struct BuiltIn {
    std::string_view name;
    FilledBy filled_by = FilledBy::daemon;
    bool is_default = false;  ///< a user's variable wins over it
};

/// Sorted by name.
[[nodiscard]] std::span<const BuiltIn> built_ins();
/// Null when there is none of that name.
[[nodiscard]] const BuiltIn* find_built_in(std::string_view name);

/// Lays built-in values over merged variables, as plain ones; defaults only where nothing is.
/// Values of other names (agent.yaml) win. For the daemon (Action::variables) and for the agent.
void add_runtime(Variables& variables, const std::map<std::string, std::string>& values);

/// The same with SLOT, OTHER_SLOT and LIVE_SLOT (`live`; empty = nothing is yet) as seen from
/// `slot`. Without a slot all are empty, and yield to variables of these names: commits from before
/// there were slots may have them.
void add_slots(Variables& variables, std::string_view slot, std::string_view live);

}  // namespace tidegate
