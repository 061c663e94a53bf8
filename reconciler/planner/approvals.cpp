#include "reconciler/planner/approvals.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "reconciler/planner/deploys.h"

namespace tidegate::planner {
namespace {

bool asks_approver(const Step& step) {
    const auto* await = std::get_if<AwaitWork>(&step.work);
    return await && await->approver;
}

/// Whether the part of the entry that begins there, or another one before it, asked.
bool is_asked_before(const std::vector<Step>& steps, std::size_t at) {
    for (auto i = at; i-- > 0;) {
        if (asks_approver(steps[i])) return true;
        if (kind_of(steps[i]) == StepKind::deploy && steps[i].entry != steps[at].entry)
            return false;
    }
    return false;
}

/// Entries of the strategy's own that ask for an approver before they reach their targets.
using OwnEntries = std::map<std::string_view, int>;

OwnEntries own_entries(const ApprovalDemand& demand) {
    OwnEntries entries;
    if (demand.kind != ReleaseKind::introduce) return entries;
    int number = 0;
    for (const auto& group : demand.strategy.cluster_order) {
        ++number;
        for (const auto& target : group.targets)
            if (group.approval_required) entries.emplace(target.name, number);
    }
    return entries;
}

bool is_missing(const std::vector<Step>& steps, const ApprovalDemand& demand,
                const OwnEntries& own) {
    return std::ranges::any_of(demand.away, [&](const DesiredTarget* target) {
        if (target->pinned || !demand.names.contains(target->name)) return false;
        const auto found = own.find(target->name);
        const int entry = found == own.end() ? 0 : found->second;
        return std::ranges::none_of(steps, [&](const Step& step) {
            const bool begins = entry > 0 && step.entry == entry && deploy_of(step);
            return begins || (asks_approver(step) && step.entry >= entry);
        });
    });
}

int last_entry(const std::vector<Step>& steps, const OwnEntries& own) {
    int last = 0;
    for (const auto& step : steps) last = std::max(last, step.entry);
    for (const auto& [name, entry] : own) last = std::max(last, entry);
    return last;
}

}  // namespace

void demand_approvals(std::vector<Step>& steps, const ApprovalDemand& demand) {
    if (demand.names.empty() || steps.empty()) return;
    const auto own = own_entries(demand);
    const auto await_of = [&](int entry) {
        return make_step(entry, AwaitWork{true, demand.strategy.promote_timeout});
    };
    const auto needs_word = [&](const std::string& name) {
        return demand.names.contains(name) && !own.contains(name);
    };
    for (std::size_t at = 0; at < steps.size(); ++at) {
        const auto* work = deploy_of(steps[at]);
        if (!work || !std::ranges::any_of(work->targets, needs_word) || is_asked_before(steps, at))
            continue;
        steps.insert(steps.begin() + static_cast<std::ptrdiff_t>(at), await_of(steps[at].entry));
        ++at;
    }
    if (is_missing(steps, demand, own)) steps.push_back(await_of(last_entry(steps, own)));
    for (std::size_t i = 0; i < steps.size(); ++i) steps[i].index = static_cast<int>(i);
}

}  // namespace tidegate::planner
