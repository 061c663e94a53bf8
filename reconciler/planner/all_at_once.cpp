#include "reconciler/planner/deploys.h"
#include "reconciler/planner/strategy.h"

namespace tidegate::planner {

std::vector<Step> compile_all_at_once(const Strategy&, const Fleet& fleet) {
    std::vector<Step> steps;
    add_deploys(steps, fleet.moving, 0, {});
    return steps;
}

}  // namespace tidegate::planner
