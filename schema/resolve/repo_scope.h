#pragma once
/// The values that the repo gives one installation's variables, before an agent adds its own.
/// Private to this folder.

#include <string>

#include "schema/model/assignment.h"
#include "schema/resolve/expand.h"

namespace tidegate {

/// Borrows the definition and the target.
class RepoScope {
public:
    /// `unknown`: what stands for the values that only the agent and the release have; left out,
    /// what uses these has no value.
    RepoScope(const Definition& definition, const DesiredTarget& target, std::string_view slot,
              Variables unknown = {});
    RepoScope(const RepoScope&) = delete;
    RepoScope& operator=(const RepoScope&) = delete;

    [[nodiscard]] const VariableScope& get() const { return scope_; }

private:
    Variables below_;
    Variables above_;
    VariableScope scope_;
};

}  // namespace tidegate
