#include "policies/promote.h"

#include <algorithm>

namespace tidegate {
namespace {

bool is_approver(const Rules& rules, const Promotion& promotion) {
    return std::ranges::any_of(rules.approvers, [&](const std::string& user) {
        return is_meant(user, promotion.author_name, promotion.author_email);
    });
}

std::string why_no_approver(const Assignment& assignment, const Promotion& promotion) {
    const auto who =
        promotion.author_email.empty() ? promotion.author_name : promotion.author_email;
    const auto author = fmt::format("{} <{}>", promotion.author_name, promotion.author_email);
    if (assignment.intent.authors.contains(author) ||
        (!promotion.author_email.empty() &&
         promotion.author_email == assignment.intent.author_email))
        return fmt::format("{} is an author of the change", who);
    const bool listed = is_approver(assignment.rules, promotion) &&
                        std::ranges::all_of(assignment.anchor_rules, [&](const auto& rules) {
                            return is_approver(*rules, promotion);
                        });
    return listed ? "" : fmt::format("{} is no approver", who);
}

}  // namespace

bool is_meant(const std::string& user, const std::string& author_name,
              const std::string& author_email) {
    return user == (user.find('@') != std::string::npos ? author_email : author_name);
}

std::optional<std::string> why_not_promoted(const Assignment& assignment,
                                            const std::string& version, int entry, bool approver) {
    const auto& promotion = assignment.promotion;
    if (!promotion) return "";
    const auto& promote = promotion->promote;
    if (promote.version != version)
        return fmt::format("the promote there is for {}", promote.version);
    if (!promotion->after_intent)
        return "the promote there came with the change, or before it, and counts for nothing";
    if (!promote.full && promote.step < entry)
        return fmt::format("the promote there is up to step {}", promote.step);
    if (!approver) return std::nullopt;
    auto why = why_no_approver(assignment, *promotion);
    if (why.empty()) return std::nullopt;
    return why;
}

}  // namespace tidegate
