#include "policies/promote.h"

#include <algorithm>
#include <iterator>

#include "schema/base/limits.h"
#include "schema/model/people.h"

namespace tidegate {
namespace {

const std::string* listed_as(const Rules& rules, const Author& person) {
    const auto found = std::ranges::find_if(rules.approvers, [&](const std::string& user) {
        return is_meant(user, person.name, person.email);
    });
    return found == rules.approvers.end() ? nullptr : &*found;
}

/// Whom the rules know by name alone would be another by another e-mail.
bool wrote(const std::string& author, const Author& person, bool by_name) {
    const auto other = author_in(author);
    return is_same(other, person) || (by_name && other.name == person.name);
}

}  // namespace

bool is_meant(const std::string& user, const std::string& author_name,
              const std::string& author_email) {
    return user == (user.find('@') != std::string::npos ? author_email : author_name);
}

std::set<std::string> authors_since(const std::vector<Stretch>& stretches, const Digest* good) {
    auto from = stretches.rbegin();
    while (from != stretches.rend() && !(good && from->digest == *good)) ++from;
    std::set<std::string> authors;
    for (auto at = stretches.rbegin(); at != from; ++at)
        authors.insert(at->authors.begin(), at->authors.end());
    return authors;
}

std::string why_no_approver(const Assignment& assignment, const std::string& name,
                            const std::string& email, const std::set<std::string>& authors) {
    const Author person{name, email};
    const auto& who = email.empty() ? name : email;
    if (name == limits::kMoreAuthors && email.empty())
        return "several people wrote the version file in the merge that brought the promote, so "
               "nobody can tell whose it is";
    bool by_name = false;
    const auto is_listed = [&](const Rules& rules) {
        const auto* user = listed_as(rules, person);
        by_name = by_name || (user && *user == name);
        return user != nullptr;
    };
    if (!is_listed(assignment.rules)) return fmt::format("{} is no approver", who);
    for (const auto& rules : assignment.anchor_rules)
        if (!is_listed(*rules))
            return fmt::format("{} is no approver by the rules {}at {}, before the change", who,
                               rules->environment == assignment.key.environment
                                   ? ""
                                   : fmt::format("of {} ", rules->environment),
                               rules->commit.substr(0, 12));
    if (std::ranges::any_of(authors,
                            [&](const auto& each) { return wrote(each, person, by_name); }))
        return fmt::format("{} is an author of the change", who);
    if (authors.contains(limits::kMoreAuthors))
        return fmt::format("{} may be an author of the change: not all of them are known", who);
    return "";
}

std::optional<std::string> why_not_promoted(const Assignment& assignment,
                                            const AwaitQuestion& question) {
    const auto& promotion = assignment.promotion;
    if (!promotion) return "";
    const auto& promote = promotion->promote;
    if (promote.version != question.version)
        return fmt::format("the promote there is for {}", promote.version);
    if (!promotion->after_intent)
        return "the promote there came with the change, or before it, and counts for nothing";
    // An await of no entry is passed by `to: full` alone.
    if (!promote.full && (question.entry == 0 || promote.step < question.entry))
        return fmt::format("the promote there is up to step {}", promote.step);
    if (!question.approver) return std::nullopt;
    auto why = why_no_approver(assignment, promotion->author_name, promotion->author_email,
                               authors_since(assignment.stretches, question.good));
    if (why.empty()) return std::nullopt;
    return why;
}

}  // namespace tidegate
