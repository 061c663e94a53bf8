#pragma once
/// What a revert is planned from, as far as the engine's request and the history of the line say it
/// (design, section 4.10). The texts of the files are for the source to add.

#include "reconciler/engine/effect.h"
#include "schema/base/result.h"

namespace tidegate {
struct History;
struct RevertInput;
}  // namespace tidegate

namespace tidegate::engine {

/// Error: conflict where the assignment is not valid at the tip, as nobody can say then whether it
/// still asks for the guilty state.
[[nodiscard]] Result<RevertInput> revert_input(const RevertRequest& request,
                                               const History& history);

}  // namespace tidegate::engine
