#include "reconciler/planner/strategy.h"

namespace tidegate::planner {

std::vector<Step> compile_all_at_once(const Strategy&, Targets targets) {
    Step step;
    for (const auto* target : targets) step.targets.push_back(target->name);
    step.required = static_cast<int>(step.targets.size());
    return {std::move(step)};
}

}  // namespace tidegate::planner
