#include "agent/daemon/stoppers.h"

#include <utility>

#include "agent/daemon/prepare.h"
#include "agent/drivers/script_driver.h"
#include "agent/machine/machine.h"

namespace tidegate::agent {
namespace {

bool is_same(const Action& one, const Action& other) {
    return !one.digest.empty() && one.digest == other.digest;
}

}  // namespace

Stoppers::Stoppers(const HostRules& rules, const Action& action, const Installation& current,
                   const FormerActions& former, Driver& own) {
    const auto here = work_dir_of(rules, action);
    const auto add = [&](Driver& driver) {
        if (driver.has_service(ServiceVerb::stop)) order_.push_back(&driver);
    };
    const auto add_elsewhere = [&](Driver& driver) {
        if (!driver.has_service(ServiceVerb::stop)) return;
        order_.insert(order_.begin() + static_cast<std::ptrdiff_t>(elsewhere_++), &driver);
    };
    const auto add_former = [&](const std::optional<Action>& known) {
        if (!known || is_same(*known, action)) return;
        auto prepared = prepare(rules, *known, current);
        if (!prepared) return;  // the host's rules are others by now
        prepared->context.action = action.id;
        auto& driver = *others_.emplace_back(make_script_driver(std::move(prepared->context)));
        const auto there = work_dir_of(rules, *known);
        if (here && there && *here != *there)
            add_elsewhere(driver);
        else
            add(driver);
    };
    const bool restores = machine::is_restore(action);
    if (!restores) add(own);
    add_former(former.tried);
    add_former(former.installed);
    if (restores) add(own);
}

}  // namespace tidegate::agent
