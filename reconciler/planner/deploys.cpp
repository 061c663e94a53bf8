#include "reconciler/planner/deploys.h"

#include <algorithm>
#include <utility>

namespace tidegate::planner {

Pace pace_of(const Strategy& strategy, const Fleet& fleet) {
    constexpr Amount kMaxUnavailable{25, true};
    Pace pace;
    if (strategy.batch_size) pace.batch = strategy.batch_size->of(fleet.total);
    pace.max_unavailable = strategy.max_unavailable.value_or(kMaxUnavailable).of(fleet.total);
    return pace;
}

Step make_step(int entry, Work work) {
    Step step;
    step.entry = entry;
    step.work = std::move(work);
    return step;
}

void add_deploys(std::vector<Step>& steps, std::span<const DesiredTarget* const> targets, int entry,
                 const Pace& pace) {
    const auto batch = static_cast<std::size_t>(pace.batch);
    for (std::size_t first = 0; first < targets.size(); first += batch) {
        DeployWork work;
        const auto part = targets.subspan(first, std::min(batch, targets.size() - first));
        work.targets.reserve(part.size());
        for (const auto* target : part) work.targets.push_back(target->name);
        work.required = static_cast<int>(part.size());
        work.max_unavailable = pace.max_unavailable;
        if (first > 0) work.wait_before = pace.interval;
        steps.push_back(make_step(entry, std::move(work)));
    }
}

}  // namespace tidegate::planner
