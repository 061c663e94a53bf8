#pragma once
/// What status, explain and metrics show.

#include <optional>

#include "reconciler/engine/effect.h"
#include "reconciler/engine/state.h"

namespace tidegate::engine {

/// nullopt: nothing is known of it any more.
[[nodiscard]] std::optional<AssignmentView> view_of(const State& state, const AssignmentKey& key,
                                                    Timestamp now);
/// The same to what is published. False: nothing is known of it any more.
[[nodiscard]] bool add_view(const State& state, const AssignmentKey& key, Timestamp now,
                            Publish& news);
/// nullopt: no assignment has a target of that name.
[[nodiscard]] ReleaseChange whole_change(const Release& release);
[[nodiscard]] std::optional<TargetView> target_view_of(const State& state, const std::string& name);

}  // namespace tidegate::engine
