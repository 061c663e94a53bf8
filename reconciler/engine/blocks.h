#pragma once
/// Back-offs: what failed on one target is not tried over at once, whatever asks for it.

#include "reconciler/engine/turn.h"

namespace tidegate::engine {

/// What an upkeep or an uninstall failed with there: tried again after a time that doubles.
void block(Turn& turn, const Release& release, const TargetProgress& progress);

/// The release brought the target there: earlier failures are over. Those of healing only once it
/// has stayed healed for kHealProven.
void note_success(Turn& turn, const Release& release, const TargetProgress& progress);

/// Drift on a target that was healed a short time ago: that heal has failed. True: it waits.
[[nodiscard]] bool is_failed_heal(Turn& turn, const AssignmentKey& key, const DesiredTarget& target,
                                  const Installation& seen);

/// Of clearing a slot: that it cannot be cleared keeps nobody from what serves beside it.
[[nodiscard]] InstallKey retire_block(const AssignmentKey& key, const std::string& target,
                                      const std::string& slot);
/// All that may stand against one target.
[[nodiscard]] std::vector<InstallKey> block_keys(const AssignmentKey& key,
                                                 const std::string& target);

}  // namespace tidegate::engine
