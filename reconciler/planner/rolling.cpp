#include <algorithm>

#include "reconciler/planner/strategy.h"

namespace tidegate::planner {

/// Batches of `batch_size` in order, `batch_interval` apart, `max_unavailable` at a time. Shares
/// are of the targets to be moved.
std::vector<Step> compile_rolling(const Strategy& strategy, Targets targets) {
    const auto total = static_cast<int>(targets.size());
    const auto batch = static_cast<std::size_t>(strategy.batch_size.of(total));
    std::vector<Step> steps;
    for (std::size_t first = 0; first < targets.size(); first += batch) {
        Step step;
        for (const auto* target : targets.subspan(first, std::min(batch, targets.size() - first)))
            step.targets.push_back(target->name);
        step.required = static_cast<int>(step.targets.size());
        step.max_unavailable = strategy.max_unavailable.of(total);
        if (first > 0) step.wait_before = strategy.batch_interval;
        steps.push_back(std::move(step));
    }
    return steps;
}

}  // namespace tidegate::planner
