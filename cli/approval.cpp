#include "cli/approval.h"

#include <algorithm>

#include "cli/line_follower.h"
#include "policies/promote.h"

namespace tidegate::cli {
namespace {

bool waits_for_approver(const Assignment& assignment) {
    return std::ranges::any_of(assignment.strategy.cluster_order,
                               &ClusterGroup::approval_required) ||
           !assignment.rules.approved_only.empty() ||
           std::ranges::any_of(assignment.anchor_rules,
                               [](const auto& rules) { return !rules->approved_only.empty(); });
}

}  // namespace

std::string why_not_approved(const git::Repository& repository, const std::string& commit,
                             const PromoteBy& by) {
    LineFollower line{repository};
    if (!line.follow(commit)) return "";
    const auto desired = line.desired(by.now);
    if (!desired || !desired->assignments.contains(by.key)) return "";
    const auto& assignment = *desired->assignments.at(by.key);
    if (!waits_for_approver(assignment) || assignment.stretches.empty()) return "";
    return why_no_approver(assignment, by.person.name, by.person.email,
                           assignment.stretches.back().authors);
}

}  // namespace tidegate::cli
