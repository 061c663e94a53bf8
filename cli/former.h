#pragma once
/// Which version an assignment had before.

#include "cli/change.h"

namespace tidegate::cli {

struct FormerVersion {
    std::string version;
    std::string text;  ///< of the version file
    std::string commit;
};

/// Says in a commit what `tidegate rollback` put back; such commits and the daemon's own reverts
/// (`Tidegate-Rollback`) take versions away instead of adding one.
inline constexpr std::string_view kBackTo = "Tidegate-Back-To";

/// The newest state with version `wanted`; if that is empty, the last version before the tip's that
/// was not itself rolled back, so that a second rollback goes further back and never forward to
/// what was bad. Of a long line only the newest kHistoryCommitsMax commits are looked at.
/// not_found: there is none.
[[nodiscard]] Result<FormerVersion> find_former(const Tip& tip, const std::string& wanted);

}  // namespace tidegate::cli
