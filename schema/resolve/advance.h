#pragma once
/// How one commit changes what the history says of one assignment. Private to this folder.
///
/// ```
///            valid                  invalid
///  absent ----------> present, held_at = "" <----------> present, held_at = last valid commit
///    ^                     |                  valid           |
///    +---------------------+------- version file removed -----+
/// ```

#include <set>
#include <string>

#include "schema/resolve/history.h"

namespace tidegate {

struct Change {
    const LineCommit& commit;
    const std::set<std::string>& changed;  ///< paths
    const std::string& identity;           ///< of the daemon
    const AssignmentKey& key;
    /// As the commit before has them: its environment's, and those of the ones that held its
    /// targets.
    const std::vector<std::shared_ptr<const Rules>>& rules_before;
};

/// Whether a freeze lasts at least as long as another active one.
[[nodiscard]] bool outlasts(const Freeze& now, const Freeze& before);

// `history.tip`, `history.environments`, `history.dependencies` and all `rejected` are still those
// of the commit before.
void record_valid(History& history, AssignmentHistory& facts, const Change& change,
                  const ResolvedAssignment& entry);
void record_invalid(const History& history, AssignmentHistory& facts, const Change& change,
                    const ResolvedAssignment& entry);
void record_removed(History& history, AssignmentHistory& facts, const Change& change);

/// What the history says of the assignment at its last valid commit.
void tell(const AssignmentHistory& facts, Assignment& assignment);

}  // namespace tidegate
