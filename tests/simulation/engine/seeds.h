#pragma once
/// Many worlds, one per core at a time. From the environment: TIDEGATE_SEED, the first (then one
/// world by default), TIDEGATE_SEEDS, how many. With TIDEGATE_GO_ON a failure does not end the run:
/// each failing seed is told by its first line.

#include <cstdint>
#include <functional>
#include <string>

namespace tidegate::simulation {

/// Fills in what was violated; empty = nothing.
using RunSeed = std::function<void(std::uint64_t seed, std::string& problem)>;

/// The report of the first failure, or one line for each; empty = none.
[[nodiscard]] std::string run_seeds(std::uint64_t seeds, const RunSeed& run);

}  // namespace tidegate::simulation
