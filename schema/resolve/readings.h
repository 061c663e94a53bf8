#pragma once
/// Which digest is in force for what newer checks read otherwise than those by which it was
/// accepted: the one that it had then. Private to this folder.

#include "schema/resolve/history.h"
#include "schema/resolve/parts.h"

namespace tidegate {

[[nodiscard]] Digest digest_in_force(const AssignmentHistory& facts, const Digest& digest);
/// The entry with the digests that are in force for it and, by `readings`, for its targets.
[[nodiscard]] ResolvedAssignmentPtr in_force(const AssignmentHistory& facts,
                                             const Readings& readings,
                                             const ResolvedAssignmentPtr& entry);

/// Remembers what the tip is by other checks than before. A held assignment has nothing there: its
/// last valid state is read by the checks of its commit.
void note_reading(AssignmentHistory& facts, const Definition& anew);
/// The same of the environment's targets.
void note_readings(EnvironmentHistory& known, const EnvironmentPart& before,
                   const EnvironmentPart& anew);

}  // namespace tidegate
