#pragma once
/// A strategy of the version file's own, which an environment has to allow. Private to this folder.

#include "schema/resolve/parts.h"

namespace tidegate {

/// An error where the environment does not allow it: whoever ships a version does not choose how.
void check_override(const Version& version, const Environment& environment,
                    const Findings& findings);

/// Where the rules before the change did not allow it yet, what it introduces holds: one commit
/// does not give itself the leave. What newer rules allow counts once `retry` asks for it.
void hold_early_override(const ResolvedAssignment& entry, Assignment& assignment);

}  // namespace tidegate
