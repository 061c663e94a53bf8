/// Whose strategy acts, and whose word a strategy keeps targets for.

#include "tests/unit/resolve/line.h"

namespace tidegate {
namespace {

using namespace testing_support;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr auto kFault =
    "versions/prod/api.yaml:9:3: strategy of a version file acts only with allow_override: true in "
    "environments/prod.yaml; allow it there first, or leave the strategy to the environment";

Version overriding(const std::string& number = "1.0.0") {
    auto wish = version("prod", "api", number);
    wish.strategy.emplace();
    wish.strategy->type = StrategyType::all_at_once;
    wish.strategy->position = {version_path(wish.key), 9, 3};
    return wish;
}

Environment prod(bool allow) {
    auto result = environment("prod", {"p-1", "p-2"});
    result.allow_override = allow;
    return result;
}

/// p-2 for an approver.
Environment approved(std::vector<std::string> approvers = {"ann@example.com"},
                     bool approval = true) {
    auto result = environment("prod", {"p-1", "p-2"});
    result.approvers = std::move(approvers);
    result.strategy.emplace();
    result.strategy->type = StrategyType::canary;
    result.strategy->position = {result.position.file, 4, 3};
    result.strategy->cluster_order = {{1, {{"p-1", {}}}, {}, false, {}, false},
                                      {2, {{"p-2", {}}}, {}, approval, {}, false}};
    return result;
}

std::vector<std::string> words_of_anchor(Line& line) {
    return line.get(kProdApi)->anchor_rules.at(0)->unsupported;
}

TEST(OverrideTest, ActsOnlyWhereTheEnvironmentAllowsIt) {
    Line line;
    line.tree.add(overriding());
    line.commit();
    EXPECT_EQ(lines(line.tracker.errors()), kFault + std::string{"\n"});
    EXPECT_EQ(line.get(kProdApi)->strategy.type, StrategyType::rolling) << "as before";
    line.tree.add(prod(true));
    line.commit();
    EXPECT_THAT(line.tracker.errors(), IsEmpty());
    EXPECT_EQ(line.get(kProdApi)->strategy.type, StrategyType::all_at_once);
}

TEST(OverrideTest, WhatOlderChecksLetThroughGoesOnActing) {
    Line line{Checks::fourth};
    line.tree.add(overriding());
    line.commit();
    EXPECT_THAT(line.tracker.errors(), IsEmpty());
    EXPECT_THAT(lines(line.tracker.warnings()), HasSubstr(kFault + std::string{kRefusedNow}));
    EXPECT_EQ(line.get(kProdApi)->strategy.type, StrategyType::all_at_once);
    line.checks = Checks::fifth;
    line.tree.add(overriding("1.1.0"));
    line.commit();
    EXPECT_EQ(lines(line.tracker.errors()), kFault + std::string{"\n"});
    EXPECT_EQ(line.get(kProdApi)->strategy.type, StrategyType::all_at_once);
    EXPECT_EQ(line.get(kProdApi)->definition->version, "1.0.0");
}

TEST(OverrideTest, RulesByOlderChecksAllowIt) {
    Line line{Checks::fourth};
    line.tree.add(overriding());
    line.commit();
    line.checks = Checks::fifth;
    line.tree.add(prod(true)).add(overriding("1.1.0"));
    line.commit();
    EXPECT_EQ(line.get(kProdApi)->definition->version, "1.1.0");
    EXPECT_THAT(words_of_anchor(line), IsEmpty()) << "they asked nobody";
}

TEST(OverrideTest, OneCommitDoesNotGiveItselfTheLeave) {
    Line line;
    line.tree.add(prod(true)).add(overriding("1.1.0"));
    line.commit();
    for (const bool restarted : {false, true}) {
        if (restarted) line.restart();
        EXPECT_THAT(words_of_anchor(line),
                    ElementsAre("strategy: of the version file, without allow_override"));
    }
    auto again = overriding("1.1.0");
    again.retry = 1;
    line.tree.add(again);
    line.commit();
    EXPECT_THAT(words_of_anchor(line), IsEmpty()) << "the rules before allow it now";
}

/// The strategy comes after the version, which waits: what is accepted later opens nothing.
TEST(OverrideTest, NorDoesALaterOneForTheChangeBefore) {
    Line line;
    line.tree.add(version("prod", "api", "1.1.0"));
    line.commit();
    line.tree.add(prod(true)).add(overriding("1.1.0"));
    line.commit();
    EXPECT_EQ(line.get(kProdApi)->intent.commit, "c2");
    EXPECT_THAT(words_of_anchor(line),
                ElementsAre("strategy: of the version file, without allow_override"));
}

TEST(ApprovedOnlyTest, RulesNameTheTargetsOfGroupsThatWait) {
    Line line;
    line.tree.add(approved());
    line.commit();
    EXPECT_THAT(line.get(kProdApi)->rules.approved_only, ElementsAre("p-2"));
    EXPECT_THAT(line.get(kProdApi)->rules.unsupported, IsEmpty());
    line.tree.add(approved({"ann@example.com"}, false)).add(version("prod", "api", "1.1.0"));
    line.commit();
    for (const bool restarted : {false, true}) {
        if (restarted) line.restart();
        EXPECT_THAT(line.get(kProdApi)->rules.approved_only, IsEmpty());
        EXPECT_THAT(line.get(kProdApi)->anchor_rules.at(0)->approved_only, ElementsAre("p-2"));
    }
}

TEST(ApprovedOnlyTest, AStrategyOfTheVersionFileOpensNothing) {
    Line line;
    auto env = approved();
    env.allow_override = true;
    line.tree.add(env);
    line.commit();
    line.tree.add(overriding("1.1.0"));
    line.commit();
    EXPECT_EQ(line.get(kProdApi)->strategy.type, StrategyType::all_at_once);
    EXPECT_THAT(line.get(kProdApi)->rules.approved_only, ElementsAre("p-2"));
}

TEST(ApprovedOnlyTest, SomebodyHasToBeThereToApprove) {
    Line line;
    line.tree.add(approved({}));
    line.commit();
    EXPECT_THAT(lines(line.tracker.errors()),
                HasSubstr("environments/prod.yaml:4:3: approval_required of a group waits for a "
                          "promote by one of the environment's approvers, and it names none"));
}

/// A build of before held them all: nobody had looked who could approve.
TEST(ApprovedOnlyTest, WhatOlderChecksLetThroughStaysHeld) {
    Line line{Checks::fourth};
    line.tree.add(approved());
    line.commit();
    EXPECT_THAT(line.get(kProdApi)->rules.unsupported,
                Contains("strategy: approval_required of a group in cluster_order"));
}

}  // namespace
}  // namespace tidegate
