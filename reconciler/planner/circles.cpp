#include "reconciler/planner/circles.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <unordered_map>

namespace tidegate::planner {
namespace {

std::vector<Member> members_of(const Fleet& fleet) {
    std::vector<Member> members;
    members.reserve(fleet.there.size() + fleet.moving.size());
    for (const auto* target : fleet.there) members.push_back({target, true});
    for (const auto* target : fleet.moving) members.push_back({target, false});
    return members;
}

int share_of(int percent, int total) {
    return percent >= 100 ? kAll : Amount{percent, true}.of(total);
}

/// Named ones to the front; how many these are.
int put_named_first(const Strategy& strategy, Circle& circle) {
    std::set<std::string_view> names;
    for (const auto& target : strategy.canary_targets) names.insert(target.name);
    const auto& selector = strategy.canary_selector;
    const auto has = [](const DesiredTarget& target, const auto& label) {
        const auto found = target.labels.find(label.first);
        return found != target.labels.end() && found->second == label.second;
    };
    const auto is_named = [&](const Member* member) {
        const bool by_label =
            !selector.empty() && std::ranges::all_of(selector, [&](const auto& label) {
                return has(*member->target, label);
            });
        return by_label || names.contains(member->target->name);
    };
    const auto others = std::ranges::stable_partition(circle.members, is_named);
    return static_cast<int>(others.begin() - circle.members.begin());
}

/// `steps`, and the short forms that mean steps: one circle for all.
void add_steps(const Strategy& strategy, const Fleet& fleet, Entries& entries) {
    auto& circle = entries.circles.emplace_back();
    circle.total = fleet.total;
    circle.online = fleet.online;
    for (auto& member : entries.members) circle.members.push_back(&member);
    if (!strategy.canary_targets.empty() || !strategy.canary_selector.empty())
        entries.named = put_named_first(strategy, circle);
    int number = 0;
    for (const auto& step : strategy.steps) {
        const int share =
            step.percent ? share_of(*step.percent, fleet.total) : std::max(entries.named, 1);
        entries.list.push_back({++number, &circle, share, step.verify_duration});
    }
}

Entry entry_of(const ClusterGroup& group, int number, Circle& circle, int share) {
    return {number, &circle, share, group.verify_duration, group.approval_required};
}

/// Where no later entry takes them: what a share of the group leaves.
void add_rest(const ClusterGroup& group, int number, const Circle& circle, Entries& entries) {
    auto& rest = entries.circles.emplace_back();
    for (auto* member : circle.members)
        if (member->last == number) rest.members.push_back(member);
    entries.list.push_back(entry_of(group, number, rest, kAll));
}

using ByName = std::unordered_map<std::string_view, Member*>;

std::vector<Member*> members_of(const ClusterGroup& group, const ByName& by_name) {
    std::vector<Member*> members;
    for (const auto& target : group.targets)
        if (const auto found = by_name.find(target.name); found != by_name.end())
            members.push_back(found->second);
    std::ranges::sort(members);  // as they stand in the fleet
    return members;
}

/// A circle for each group, and at last one for those that are in none.
void add_groups(const Strategy& strategy, Entries& entries) {
    ByName by_name;
    by_name.reserve(entries.members.size());
    for (auto& member : entries.members) by_name[member.target->name] = &member;
    int number = 0;
    for (const auto& group : strategy.cluster_order) {
        auto& circle = entries.circles.emplace_back();
        circle.members = members_of(group, by_name);
        circle.total = static_cast<int>(group.targets.size());
        circle.online = static_cast<int>(circle.members.size());
        ++number;
        for (auto* member : circle.members) member->last = number;
    }
    for (int i = 0; i < number; ++i) {
        const auto at = static_cast<std::size_t>(i);
        const auto& group = strategy.cluster_order[at];
        auto& circle = entries.circles[at];
        const int percent = group.full_rollout ? 100 : group.canary_percent.value_or(100);
        const int share = share_of(percent, circle.total);
        entries.list.push_back(entry_of(group, i + 1, circle, share));
        if (share != kAll) add_rest(group, i + 1, circle, entries);
    }
    auto& others = entries.circles.emplace_back();
    for (auto& member : entries.members)
        if (member.last == 0) others.members.push_back(&member);
    entries.list.push_back({0, &others});
}

}  // namespace

Entries entries_of(const Strategy& strategy, const Fleet& fleet) {
    Entries entries;
    entries.members = members_of(fleet);
    if (strategy.cluster_order.empty())
        add_steps(strategy, fleet, entries);
    else
        add_groups(strategy, entries);
    return entries;
}

}  // namespace tidegate::planner
