// What only an environment's targets or a project's checks show of a strategy.
#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "schema/resolve/parts.h"

namespace tidegate {
namespace {

using Targets = std::vector<DesiredTarget>;

bool is_selected(const DesiredTarget& target, const std::map<std::string, std::string>& selector) {
    return !selector.empty() && std::ranges::all_of(selector, [&](const auto& label) {
        const auto found = target.labels.find(label.first);
        return found != target.labels.end() && found->second == label.second;
    });
}

/// Names and labels choose somebody, and leave somebody.
void check_first_ones(const Strategy& strategy, const Targets& targets, const Findings& findings) {
    if (strategy.canary_targets.empty() && strategy.canary_selector.empty()) return;
    std::set<std::string> names;
    for (const auto& target : strategy.canary_targets) names.insert(target.name);
    const auto first = std::ranges::count_if(targets, [&](const DesiredTarget& target) {
        return names.contains(target.name) || is_selected(target, strategy.canary_selector);
    });
    const auto all = std::ssize(targets);
    if (first == 0 && names.empty() && all > 0)
        findings.error_since(Checks::third,
                             {ErrorCode::invalid,
                              "canary_selector chooses none of the targets here: nobody goes first",
                              strategy.position});
    if (first == all && all > 1)
        findings.error_since(
            Checks::third,
            {ErrorCode::invalid,
             fmt::format("the canary is all {} targets here: nothing is tried first; choose fewer",
                         all),
             strategy.position});
}

void check_own_routers(const Strategy& strategy, const Targets& targets, const Findings& findings) {
    if (!strategy.traffic) return;
    for (const auto& router : strategy.traffic->targets)
        if (std::ranges::find(targets, router.name, &DesiredTarget::name) != targets.end())
            findings.errors.push_back(
                {ErrorCode::invalid,
                 fmt::format("router target {} is one that is deployed to: its agent cannot send "
                             "traffic away from itself; name the balancers' hosts",
                             router.name),
                 router.position});
}

}  // namespace

void Findings::error_since(Checks since, Error error) const {
    const bool refuses = checks >= since;
    if (!refuses) error.message += kRefusedNow;
    (refuses ? errors : warnings).push_back(std::move(error));
}

void check_strategy(const Strategy& strategy, const Targets& targets, const Findings& findings) {
    const KnownNames known{"target of this environment", names_of(targets)};
    each_target(strategy, [&](const Reference& target) { known.check(target, findings.errors); });
    check_first_ones(strategy, targets, findings);
    check_own_routers(strategy, targets, findings);
}

void check_approvers(const Strategy& strategy, const std::vector<std::string>& approvers,
                     const Findings& findings) {
    if (!approvers.empty() || approved_only(strategy).empty()) return;
    findings.error_since(Checks::fifth,
                         {ErrorCode::invalid,
                          "approval_required of a group waits for a promote by one of the "
                          "environment's approvers, and it names none: list them, or leave it out",
                          strategy.position});
}

std::vector<std::string> approved_only(const Strategy& strategy) {
    std::set<std::string> names;
    for (const auto& group : strategy.cluster_order)
        for (const auto& target : group.targets)
            if (group.approval_required) names.insert(target.name);
    return {names.begin(), names.end()};
}

const Strategy& strategy_of(const Version& version, const EnvironmentPart& environment) {
    return version.strategy ? *version.strategy : environment.strategy;
}

std::size_t entries_of(const Strategy& strategy) {
    if (strategy.type == StrategyType::blue_green)
        return std::max<std::size_t>(strategy.steps.size(), 1);
    return strategy.cluster_order.empty() ? strategy.steps.size() : strategy.cluster_order.size();
}

bool verifies(const Strategy& strategy) {
    const auto lasts = [](const auto& each) { return each.verify_duration > Seconds{0}; };
    return lasts(strategy) || std::ranges::any_of(strategy.steps, lasts) ||
           std::ranges::any_of(strategy.cluster_order, lasts);
}

}  // namespace tidegate
