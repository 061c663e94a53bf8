#pragma once
/// The way back of a release as steps, for API and page. Internal to this folder.

#include <vector>

#include "reconciler/planner/way_back.h"
#include "reconciler/status/views.h"

namespace tidegate::status {

/// By what the snapshot knows of its assignment and its targets; empty: it has none.
[[nodiscard]] std::vector<planner::BackStep> way_back_of(const StatusSnapshot& snapshot,
                                                         const Release& release);
/// Adds `rollback`, where there is any.
void add_way_back(Json& to, const std::vector<planner::BackStep>& steps);

}  // namespace tidegate::status
