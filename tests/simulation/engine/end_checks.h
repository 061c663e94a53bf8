#pragma once
/// What must be so once faults are over and nothing is on its way any more. Each returns what is
/// not, one line each; empty = all is well.

#include <string>

#include "tests/simulation/engine/world.h"

namespace tidegate::simulation {

/// Every target has what the accepted commit asks for: version and all that defines it.
[[nodiscard]] std::string check_wishes(World& world);

/// Nobody committed since the faults ended: each assignment is as wished, or it says what a person
/// has to decide, and where it was rolled back all targets are at last good again.
[[nodiscard]] std::string check_without_a_commit(World& world);

/// What agents have in their journals, what the daemon has in its store, and what the audit log
/// tells (since the store was last lost) is the same.
[[nodiscard]] std::string check_records(World& world);

}  // namespace tidegate::simulation
