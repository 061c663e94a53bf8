#pragma once
/// Who may stop what runs at an installation before something else takes its place. A definition
/// may repair the stop of the one before it, or break it, so no single one is relied upon:
///
///     forward:  the new one, then what failed since the last success, then what is installed
///     restore:  what failed or runs there, then last good (the action's own)
///
/// A definition looks for its service in its own work_dir, so one of another folder answers for
/// what runs there alone: those are all asked, before the others.

#include <memory>
#include <optional>
#include <vector>

#include "agent/daemon/host_rules.h"
#include "agent/drivers/driver.h"
#include "schema/model/agent.h"

namespace tidegate::agent {

/// What came before an action at its place.
struct FormerActions {
    std::optional<Action> installed;
    std::optional<Action> tried;
};

class Stoppers {
public:
    /// `own` is the action's driver, borrowed.
    Stoppers(const HostRules& rules, const Action& action, const Installation& current,
             const FormerActions& former, Driver& own);

    /// Those that know how to stop, in the order in which they are to be asked.
    [[nodiscard]] const std::vector<Driver*>& in_order() const { return order_; }
    /// Those of them, at the front, whose work_dir is another than the action's.
    [[nodiscard]] std::size_t elsewhere() const { return elsewhere_; }

private:
    std::vector<std::unique_ptr<Driver>> others_;
    std::size_t elsewhere_ = 0;
    std::vector<Driver*> order_;
};

}  // namespace tidegate::agent
