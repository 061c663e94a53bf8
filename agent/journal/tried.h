#pragma once
/// What failed on each installation since its last success: who has to stop what runs there may
/// need its definition.

#include <map>

#include "schema/model/agent.h"

namespace tidegate::agent {

/// The newest action of each installation that tried to bring something else, in vain.
using TriedActions = std::map<InstallKey, Action>;

/// To be called for each outcome, oldest first.
void note_outcome(TriedActions& tried, const Action& action, const ActionResult& result);

}  // namespace tidegate::agent
