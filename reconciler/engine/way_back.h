#pragma once
/// What brings a target back to last good, and whether anything can.

#include <string>

#include "reconciler/engine/state.h"
#include "reconciler/planner/way_back.h"

namespace tidegate::engine {

/// What one action does on a target.
struct Way {
    /// What is there afterwards, and verifies itself; null = not loaded yet, or nowhere.
    DefinitionPtr definition;
    ActionKind kind = ActionKind::deploy;
    /// Of a restore: the failed definition's own; empty = the update path of `definition`.
    std::string rollback_script;
};

/// The failed definition's rollback script on the first try, last good's update path on the next
/// one (design, 4.10); where last good is lost, that script each time, with the failed definition's
/// pipeline and checks. Back to "absent" leads an uninstall: that of what failed, then that of the
/// commit that took it away before.
[[nodiscard]] Way way_back(const AssignmentState& assignment, const Release& release, int attempt);

/// Why last good cannot be read any more: the branch was rewritten, and its commit is in no Git.
/// Empty: it can, or may yet.
[[nodiscard]] std::string why_lost(const AssignmentState& assignment, const LastGood& good);

/// Why no action leads back; empty = one does, or may yet.
[[nodiscard]] std::string no_way_back(const AssignmentState& assignment, const Release& release);

/// Why a failure of it now would undo nothing; empty: it would.
[[nodiscard]] std::string why_stays(const AssignmentState& assignment, const Release& release);
/// For planner::compile_rollback.
[[nodiscard]] planner::Situation situation_of(const State& state, const Release& release,
                                              Lived now);

/// What it is made of may still be on its way here: worth waiting for, but not for long.
[[nodiscard]] bool waits_for_way_back(const AssignmentState& assignment, const Release& release);

/// It is not known yet only because Git has not been asked, or has not answered once: something
/// slow may be before it, which is no fault of the way back.
[[nodiscard]] bool is_first_read(const AssignmentState& assignment, const Release& release);
[[nodiscard]] Hold loading_hold();

}  // namespace tidegate::engine
