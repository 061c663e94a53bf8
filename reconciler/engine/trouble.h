#pragma once
/// Host trouble: an agent could not begin an action for what its host lacks or forbids. It says
/// nothing of the version, so the target counts as away, for this project, until it is tried again.

#include "reconciler/engine/turn.h"

namespace tidegate::engine {

/// The action of that outcome never began: its target waits as before, or its restore is owed.
void take_trouble(Turn& turn, const OutboxEntry& entry, const ActionResult& result);
/// The same of what only looks, and leaves all as it is.
void note_trouble(Turn& turn, const Release& release, const std::string& agent,
                  const std::string& target, const std::string& version, const std::string& reason);
/// Something began there after all, or its target left that host.
void clear_trouble(Turn& turn, const InstallKey& key);
/// It need not wait for the next try any longer: what a person did may have mended it.
void end_wait(Turn& turn, const InstallKey& key);
/// Its agent comes anew: its host may be another by now.
void clear_troubles_of(Turn& turn, const std::string& agent);
/// As holds of the assignment; it is looked at again when they end. Those that nobody tried again
/// are forgotten: nothing is wanted there any more.
void show_troubles(Turn& turn, const AssignmentKey& key);

/// Nothing of the release is on its way, and what it waits for is hosts in trouble alone.
[[nodiscard]] bool waits_for_hosts(const Turn& turn, const Release& release);

}  // namespace tidegate::engine
