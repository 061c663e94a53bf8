#pragma once
/// Strategies: each compiles to a list of steps, in a file of its own. The engine only walks steps.
///
/// To add one: write `<name>.cpp` with a function of type `Compiler`, declare it below, give it a
/// row in strategies.cpp, and let `is_supported(StrategyType)` say yes (docs/extending.md).

#include <span>
#include <vector>

#include "schema/model/assignment.h"
#include "schema/model/release.h"

namespace tidegate::planner {

using Targets = std::span<const DesiredTarget* const>;

/// `targets` are those to be moved, in the order in which they go; never empty.
using Compiler = std::vector<Step> (*)(const Strategy& strategy, Targets targets);

std::vector<Step> compile_rolling(const Strategy& strategy, Targets targets);
std::vector<Step> compile_all_at_once(const Strategy& strategy, Targets targets);

/// The steps of a release, numbered; none for no targets, or where this build has no compiler for
/// the strategy (gate `unsupported` holds it then).
[[nodiscard]] std::vector<Step> compile(const Strategy& strategy, Targets targets);

}  // namespace tidegate::planner
