#pragma once
/// What must differ between two slots of one project (blue_green). Each has its folder, its service
/// and its addresses: else the one that is deployed overwrites the one that has the traffic, or a
/// check of the new side is answered by the old one.

#include <span>
#include <string_view>
#include <vector>

#include "schema/base/result.h"
#include "schema/model/assignment.h"

namespace tidegate {

/// That a strategy deploys to: blue and green, or the empty name for none.
[[nodiscard]] std::span<const std::string_view> slots_of(StrategyType strategy);

/// What is the same in both slots on this target, or lies one in the other: work_dir, service.unit,
/// and the address of every http and tcp check that speaks of the slot which is deployed to (the
/// strategy's, and those of release and post_release; pre_release speaks of the live one). Values
/// are the repo's; what only the release or the agent gives counts as the same in both. Of what has
/// no value at all (a secret) nobody can say. Each with its place and what to do about it.
[[nodiscard]] std::vector<Error> slot_faults(const Definition& definition,
                                             const DesiredTarget& target, const Strategy& strategy);

}  // namespace tidegate
