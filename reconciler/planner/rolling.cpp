#include "reconciler/planner/deploys.h"
#include "reconciler/planner/strategy.h"

namespace tidegate::planner {

/// Batches of `batch_size` in order, `batch_interval` apart, `max_unavailable` at a time; one by
/// one where the strategy does not say.
std::vector<Step> compile_rolling(const Strategy& strategy, const Fleet& fleet) {
    const auto amount = [&](const std::optional<Amount>& written) {
        return written.value_or(Amount{}).of(fleet.total);
    };
    std::vector<Step> steps;
    add_deploys(
        steps, fleet.moving, 0,
        {amount(strategy.batch_size), amount(strategy.max_unavailable), strategy.batch_interval});
    return steps;
}

}  // namespace tidegate::planner
