#pragma once
/// Many worlds, one per core at a time, or TIDEGATE_JOBS of them. From the environment:
/// TIDEGATE_SEED, the first (then one world by default), TIDEGATE_SEEDS, how many, or
/// TIDEGATE_RELEASES: as many as it takes until so many releases began. With TIDEGATE_GO_ON a
/// failure does not end the run: each failing seed is told by its first line.

#include <cstdint>
#include <functional>
#include <string>

#include "tests/simulation/engine/counts.h"

namespace tidegate::simulation {

/// What became of one world.
struct Ran {
    std::uint64_t trace = 0;
    std::string problem;  ///< what was violated; empty = nothing
    Counts counts;
};
using RunSeed = std::function<Ran(std::uint64_t seed)>;

struct RanAll {
    std::string failure;  ///< the report of the first one, or one line for each; empty = none
    Counts counts;
};
[[nodiscard]] RanAll run_seeds(std::uint64_t seeds, const RunSeed& run);
/// Nobody asked for fewer, more or other worlds than a test has by itself.
[[nodiscard]] bool has_usual_seeds();

}  // namespace tidegate::simulation
