#include "reconciler/forecast/words.h"

#include <algorithm>

namespace tidegate::forecast {
namespace {

bool is_author(const Assignment& assignment, const std::string& who) {
    return std::ranges::any_of(assignment.intent.authors, [&](const std::string& author) {
        return author.find(who) != std::string::npos;
    });
}

bool is_listed(const Rules& rules, const std::string& who) {
    return std::ranges::find(rules.approvers, who) != rules.approvers.end();
}

}  // namespace

std::optional<std::string> approver_of(const Assignment& assignment, bool only_approvers) {
    if (!only_approvers) return "a person";
    for (const auto& who : assignment.rules.approvers) {
        const bool everywhere = std::ranges::all_of(
            assignment.anchor_rules, [&](const auto& rules) { return is_listed(*rules, who); });
        if (everywhere && !is_author(assignment, who)) return who;
    }
    return std::nullopt;
}

}  // namespace tidegate::forecast
