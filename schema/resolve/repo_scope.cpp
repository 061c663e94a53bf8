#include "schema/resolve/repo_scope.h"

#include <utility>

#include "schema/resolve/built_ins.h"

namespace tidegate {
namespace {

/// What the daemon gives every script, of that what somebody may build a path with.
Variables runtime_of(const Definition& definition, const DesiredTarget& target) {
    const auto& [environment, project] = definition.key;
    const auto& version = definition.version;
    Variables variables;
    add_runtime(variables, {{"APP_ENV", environment},
                            {"APP_NAME", project},
                            {"APP_VERSION", version},
                            {"RELEASE_ENV", environment},
                            {"RELEASE_VERSION", version},
                            {"TARGET_NAME", target.name}});
    return variables;
}

}  // namespace

RepoScope::RepoScope(const Definition& definition, const DesiredTarget& target,
                     std::string_view slot, Variables unknown)
    : below_{std::move(unknown)},
      above_{runtime_of(definition, target)},
      scope_{definition.key.environment, std::string{slot}} {
    below_.insert_or_assign("APP_NAME", above_.extract("APP_NAME").mapped());  // a default
    add_slots(slot.empty() ? below_ : above_, slot, {});
    scope_.add(below_).add(definition.base).add(target.variables).add(definition.release);
    scope_.add(above_);
}

}  // namespace tidegate
