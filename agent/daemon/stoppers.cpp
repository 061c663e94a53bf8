#include "agent/daemon/stoppers.h"

#include <utility>

#include "agent/daemon/prepare.h"
#include "agent/drivers/script_driver.h"

namespace tidegate::agent {
namespace {

bool is_same(const Action& one, const Action& other) {
    return !one.digest.empty() && one.digest == other.digest;
}

}  // namespace

Stoppers::Stoppers(const HostRules& rules, const Action& action, const Installation& current,
                   const FormerActions& former, Driver& own) {
    const auto add = [&](Driver& driver) {
        if (driver.has_service(ServiceVerb::stop)) order_.push_back(&driver);
    };
    const auto add_former = [&](const std::optional<Action>& known) {
        if (!known || is_same(*known, action)) return;
        auto prepared = prepare(rules, *known, current);
        if (!prepared) return;  // the host's rules are others by now
        prepared->context.action = action.id;
        add(*others_.emplace_back(make_script_driver(std::move(prepared->context))));
    };
    const bool restores = action.kind == ActionKind::rollback;
    if (!restores) add(own);
    add_former(former.tried);
    add_former(former.installed);
    if (restores) add(own);
}

}  // namespace tidegate::agent
