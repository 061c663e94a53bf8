#pragma once
/// Where installations lie on their hosts, as far as the repo says: agents add values of their own.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/resolve/resolve.h"

namespace tidegate {

class RepoScope;  // repo_scope.h, private to this folder

/// Whether a project's work_dir is not at or below a target's, whatever its variables hold: as
/// written, `${…}` and all. Both are absolute, or begin with a variable: then nobody can say.
[[nodiscard]] bool lies_outside(std::string_view work_dir, std::string_view root);

struct WorkDirFault {
    std::string message;
    bool of_target = false;  ///< the target's own work_dir is wrong, whatever lies below it
};
/// Why the agent would refuse an installation's work_dir; none: it would not, or only what it alone
/// knows can tell. Variables have the values that the repo gives them. `slot`: empty = no slots.
[[nodiscard]] std::optional<WorkDirFault> work_dir_fault(const Definition& definition,
                                                         const DesiredTarget& target,
                                                         std::string_view slot = {});
/// Where an installation lies, with one slash at its end; none where only the agent knows.
[[nodiscard]] std::optional<std::string> folder_of(const Definition& definition,
                                                   const DesiredTarget& target,
                                                   const RepoScope& scope);

/// Warnings for installations (of each slot) on one agent whose work_dirs are equal or one in the
/// other, unless both projects say `shared_work_dir: true`: uninstalling one takes the other's
/// files. Variables are those of the repo; a place that they do not give is passed over. At most
/// kErrorsReportedMax.
[[nodiscard]] std::vector<Error> overlapping_work_dirs(const ResolvedTree& tree);

}  // namespace tidegate
