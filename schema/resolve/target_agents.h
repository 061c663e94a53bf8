#pragma once
/// Which agents act for a target, in whatever environment it is: balancers are targets of any.
/// Private to this folder.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "schema/resolve/resolve.h"

namespace tidegate {

/// Borrows the environments of one commit; looks each name up once.
class TargetAgents {
public:
    explicit TargetAgents(const std::map<std::string, EnvironmentPartPtr>& environments)
        : environments_{environments} {}

    /// More than one where the name is there twice; none: no environment that can be read has it.
    [[nodiscard]] const std::set<std::string>& of(const std::string& target);
    /// That of a name which nothing has: with the nearest one, and with the environments whose
    /// errors may hide it.
    [[nodiscard]] Error unknown(const Reference& target) const;

private:
    const std::map<std::string, EnvironmentPartPtr>& environments_;
    std::map<std::string, std::set<std::string>> known_;
};

}  // namespace tidegate
