#include "schema/resolve/override.h"

#include <fmt/core.h>

namespace tidegate {

void check_override(const Version& version, const Environment& environment,
                    const Findings& findings) {
    if (!version.strategy || environment.allow_override) return;
    findings.error_since(
        Checks::fifth,
        {ErrorCode::invalid,
         fmt::format("strategy of a version file acts only with allow_override: true in {}; allow "
                     "it there first, or leave the strategy to the environment",
                     environment_path(environment.name)),
         version.strategy->position});
}

void hold_early_override(const ResolvedAssignment& entry, Assignment& assignment) {
    const auto* version = document_of<Version>(entry.version_file);
    if (version == nullptr || !version->strategy) return;
    for (auto& anchor : assignment.anchor_rules) {
        if (anchor->allow_override || anchor->environment != assignment.key.environment) continue;
        auto rules = *anchor;
        rules.unsupported.emplace_back("strategy: of the version file, without allow_override");
        anchor = std::make_shared<const Rules>(std::move(rules));
    }
}

}  // namespace tidegate
