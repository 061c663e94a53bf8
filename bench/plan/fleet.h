#pragma once
/// A made-up fleet for row 10: environments of a thousand targets, ten targets to an agent, one
/// project, all at version 1; and the wish for version 2 in one environment of a hundred.

#include <memory>
#include <string>
#include <vector>

#include "reconciler/engine/state.h"
#include "reconciler/forecast/forecast.h"
#include "reconciler/planner/diff.h"

namespace tidegate::bench {

struct Fleet {
    std::shared_ptr<const Desired> former;  ///< all targets have this
    std::shared_ptr<const Desired> wanted;  ///< resolved anew; one environment in a hundred differs
    std::size_t changed = 0;                ///< targets whose digest differs
};
[[nodiscard]] Fleet make_fleet(std::size_t targets);

/// What the engine knows of it after its agents have connected, at rest at `former`.
[[nodiscard]] engine::State settled_state(const Fleet& fleet, const Clocks& clocks);

/// The first of its environments, of so many targets, rolling in three stages.
[[nodiscard]] forecast::Start three_stages(std::size_t targets, Timestamp now);

/// The same as two sorted lists, which the planner takes.
[[nodiscard]] std::vector<planner::WishRow> wish_rows(const Fleet& fleet);
[[nodiscard]] std::vector<Installation> installations(const Fleet& fleet);

}  // namespace tidegate::bench
