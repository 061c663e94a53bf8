/// Whose promote counts, and for what.

#include "policies/promote.h"

#include <gmock/gmock.h>

#include "schema/base/limits.h"

namespace tidegate {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const auto kGood = Digest::of("v1");
const std::string kVersion = "v3";

std::shared_ptr<const Rules> rules(std::vector<std::string> approvers,
                                   const std::string& environment = "prod") {
    Rules rules;
    rules.environment = environment;
    rules.commit = "0123456789abcdef";
    rules.approvers = std::move(approvers);
    return std::make_shared<const Rules>(std::move(rules));
}

/// v1 by Ann is last good, then v2 by Bob, then v3 by Eve; Rev promotes.
Assignment promoted(const std::string& name = "Rev", const std::string& email = "rev@example.com") {
    Assignment assignment;
    assignment.key = {"prod", "shop"};
    assignment.rules = *rules({"rev@example.com", "Ann", "bob@example.com", "eve@example.com"});
    assignment.stretches = {{kGood, {"Ann <ann@example.com>"}},
                            {Digest::of("v2"), {"Bob <bob@example.com>"}},
                            {Digest::of("v3"), {"Eve <eve@example.com>"}}};
    assignment.promotion = Promotion{{kVersion, 1, false}, "c9", name, email, true};
    return assignment;
}

std::string why(const Assignment& assignment, bool approver = true, const Digest* good = &kGood) {
    return why_not_promoted(assignment, {kVersion, 1, approver, good}).value_or("it counts");
}

TEST(PromoteTest, OfAnApproverWhoIsNoAuthorCounts) { EXPECT_EQ(why(promoted()), "it counts"); }

struct WhoCase {
    const char* name;
    const char* person;
    const char* email;
    const char* expected;
};
class WhoTest : public testing::TestWithParam<WhoCase> {};
TEST_P(WhoTest, MatchesExpected) {
    const auto& test = GetParam();
    EXPECT_EQ(why(promoted(test.person, test.email)), test.expected);
    EXPECT_EQ(why(promoted(test.person, test.email), false), "it counts") << "anybody's does";
}
INSTANTIATE_TEST_SUITE_P(
    Of, WhoTest,
    testing::Values(
        WhoCase{"Author", "Eve", "eve@example.com", "eve@example.com is an author of the change"},
        WhoCase{"AuthorOfAnEarlierCommit", "Bob", "bob@example.com",
                "bob@example.com is an author of the change"},
        WhoCase{"AuthorByAnotherName", "Evelyn", "eve@example.com",
                "eve@example.com is an author of the change"},
        WhoCase{"AuthorOfWhatIsGood", "Ann", "ann@example.com", "it counts"},
        WhoCase{"ByName", "Ann", "", "it counts"},
        WhoCase{"Nobody", "Joe", "joe@example.com", "joe@example.com is no approver"},
        WhoCase{"WithoutAnEmail", "Eve", "", "Eve is no approver"},
        WhoCase{"OneOfSeveral", limits::kMoreAuthors, "",
                "several people wrote the version file in the merge that brought the promote, so "
                "nobody can tell whose it is"}),
    [](const auto& each) { return std::string{each.param.name}; });

TEST(PromoteTest, PeopleAreTheSameByEmailWhateverItsCase) {
    auto assignment = promoted("Rev", "rev@example.com");
    assignment.stretches.back().authors = {"Somebody <REV@Example.com>"};
    EXPECT_EQ(why(assignment), "rev@example.com is an author of the change");
    assignment.stretches.back().authors = {"Rev <other@example.com>"};
    EXPECT_EQ(why(assignment), "it counts") << "another one of that name";
    assignment.stretches.back().authors = {"Rev <>"};
    EXPECT_EQ(why(assignment), "rev@example.com is an author of the change")
        << "nothing but the name is known";
}

TEST(PromoteTest, WhomTheRulesKnowByNameIsNoOtherByAnotherEmail) {
    auto assignment = promoted("Ann", "ann@elsewhere.example");
    EXPECT_EQ(why(assignment), "it counts");
    assignment.stretches.back().authors = {"Ann <ann@example.com>"};
    EXPECT_EQ(why(assignment), "ann@elsewhere.example is an author of the change");
}

TEST(PromoteTest, AllRuleSetsHaveToListThem) {
    auto assignment = promoted();
    assignment.anchor_rules = {rules({"rev@example.com"})};
    EXPECT_EQ(why(assignment), "it counts");
    assignment.anchor_rules.push_back(rules({"eve@example.com"}));
    EXPECT_EQ(why(assignment),
              "rev@example.com is no approver by the rules at 0123456789ab, before the change");
    assignment.anchor_rules.back() = rules({}, "staging");
    EXPECT_EQ(why(assignment),
              "rev@example.com is no approver by the rules of staging at 0123456789ab, before the "
              "change");
    assignment.anchor_rules = {rules({"rev@example.com"})};
    assignment.rules.approvers = {"eve@example.com"};
    EXPECT_EQ(why(assignment), "rev@example.com is no approver");
}

TEST(PromoteTest, WhereNotAllAuthorsAreKnownEverybodyMayBeOne) {
    auto assignment = promoted();
    assignment.stretches[1].authors.insert(limits::kMoreAuthors);
    EXPECT_EQ(why(assignment),
              "rev@example.com may be an author of the change: not all of them are known");
    const auto second = Digest::of("v2");
    EXPECT_EQ(why(assignment, true, &second), "it counts") << "of what is new all are known";
}

TEST(PromoteTest, AuthorsAreThoseSinceLastGoodWasThereLast) {
    auto stretches = promoted().stretches;
    EXPECT_THAT(authors_since(stretches, &kGood),
                ElementsAre("Bob <bob@example.com>", "Eve <eve@example.com>"));
    EXPECT_EQ(authors_since(stretches, nullptr).size(), 3u) << "nothing was good";
    const auto unknown = Digest::of("v0");
    EXPECT_EQ(authors_since(stretches, &unknown).size(), 3u) << "it is older than what is kept";
    stretches.push_back({kGood, {"Bob <bob@example.com>"}});
    stretches.push_back({Digest::of("v4"), {"Fay <fay@example.com>"}});
    EXPECT_THAT(authors_since(stretches, &kGood), ElementsAre("Fay <fay@example.com>"));
    stretches.pop_back();
    EXPECT_THAT(authors_since(stretches, &kGood), IsEmpty());
}

TEST(PromoteTest, CountsForTheVersionTheEntryAndTheTimeThatItSpeaksOf) {
    auto assignment = promoted();
    assignment.promotion->promote.version = "v2";
    EXPECT_EQ(why(assignment), "the promote there is for v2");
    assignment = promoted();
    EXPECT_EQ(why_not_promoted(assignment, {kVersion, 2, true, &kGood}),
              "the promote there is up to step 1");
    assignment.promotion->promote = {kVersion, 0, true};
    EXPECT_EQ(why_not_promoted(assignment, {kVersion, 2, true, &kGood}), std::nullopt);
    assignment.promotion->after_intent = false;
    EXPECT_EQ(why(assignment),
              "the promote there came with the change, or before it, and counts for nothing");
    assignment.promotion.reset();
    EXPECT_EQ(why(assignment), "");
}

}  // namespace
}  // namespace tidegate
