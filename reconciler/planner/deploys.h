#pragma once
/// What strategies share: targets in deploy steps. Private to this folder.

#include <limits>
#include <span>
#include <vector>

#include "reconciler/planner/strategy.h"

namespace tidegate::planner {

/// How much of it moves at a time.
struct Pace {
    int batch = std::numeric_limits<int>::max();  ///< targets of one step
    int max_unavailable = 0;                      ///< as in DeployWork
    Seconds interval{0};                          ///< between steps that follow each other
};

/// Of canary and blue_green: the whole step, a quarter of all at a time, if nothing else is said.
[[nodiscard]] Pace pace_of(const Strategy& strategy, const Fleet& fleet);

[[nodiscard]] Step make_step(int entry, Work work);

/// Adds `targets` to the end, in order.
void add_deploys(std::vector<Step>& steps, std::span<const DesiredTarget* const> targets, int entry,
                 const Pace& pace);

}  // namespace tidegate::planner
