#include "reconciler/forecast/words.h"

#include "policies/promote.h"

namespace tidegate::forecast {

std::optional<std::string> approver_of(const Assignment& assignment,
                                       const std::optional<LastGood>& good, bool only_approvers) {
    if (!only_approvers) return "a person";
    const auto authors = authors_since(assignment.stretches, good ? &good->digest : nullptr);
    for (const auto& who : assignment.rules.approvers)
        if (why_no_approver(assignment, who, who, authors).empty()) return who;
    return std::nullopt;
}

}  // namespace tidegate::forecast
