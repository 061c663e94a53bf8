/// Strategies against the targets of their environments, and promotes against strategies.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schema/resolve/resolve.h"
#include "tests/unit/resolve/tree_builder.h"

namespace tidegate {
namespace {

using namespace testing_support;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr auto kFile = "environments/prod.yaml";

Strategy canary_of(std::vector<CanaryStep> steps) {
    Strategy strategy;
    strategy.type = StrategyType::canary;
    strategy.steps = std::move(steps);
    strategy.position = {kFile, 9, 1};
    return strategy;
}
const CanaryStep kFirst{std::nullopt, std::nullopt, Seconds{0}};
const CanaryStep kTen{10, std::nullopt, Seconds{0}};
const CanaryStep kAllOfThem{100, std::nullopt, Seconds{0}};

Strategy named(std::vector<std::string> names) {
    auto strategy = canary_of({kFirst, kAllOfThem});
    for (auto& name : names) strategy.canary_targets.push_back({std::move(name), {kFile, 11, 7}});
    return strategy;
}
Strategy selected(const std::string& value) {
    auto strategy = canary_of({kFirst, kAllOfThem});
    strategy.canary_selector = {{"canary", value}};
    return strategy;
}
Strategy routed_by(const std::string& target) {
    auto strategy = canary_of({kTen, kAllOfThem});
    strategy.traffic.emplace().targets = {{target, {kFile, 14, 3}}};
    return strategy;
}

class StrategyChecksTest : public testing::Test {
protected:
    /// Errors and warnings of a tree whose prod has p-1, p-2 (labelled canary) and this strategy.
    std::string found(const Strategy& strategy, Checks checks = kChecksNow) {
        auto prod = environment("prod", {"p-1", "p-2"});
        prod.targets[1].labels = {{"canary", "true"}};
        prod.strategy = strategy;
        tree_.add(prod);
        const auto resolved = resolve(tree_.files, zones, "c1", checks);
        valid_ = resolved.assignments.at(kProdApi)->assignment != nullptr;
        return lines(resolved.errors()) + lines(resolved.warnings());
    }
    std::string promoting(int step, const Strategy& strategy, Checks checks = kChecksNow) {
        auto api = version("prod", "api", "1.0.0");
        api.promote = Promote{"1.0.0", step, step == 0};
        tree_.add(api);
        return found(strategy, checks);
    }
    Tree tree_ = small_tree();
    bool valid_ = false;
};

TEST_F(StrategyChecksTest, WhoGoesFirstIsSomebodyAndNotEverybody) {
    for (const auto& good : {named({"p-1"}), selected("true")}) {
        EXPECT_THAT(found(good), Not(HasSubstr("goes first")));
        EXPECT_TRUE(valid_);
    }
    auto both = selected("true");
    both.canary_targets = {{"p-1", {kFile, 11, 7}}};
    for (const auto& all : {named({"p-1", "p-2"}), both}) {
        EXPECT_THAT(found(all), HasSubstr("environments/prod.yaml:9:1: the canary is all 2 targets "
                                          "here: nothing is tried first; choose fewer\n"));
        EXPECT_FALSE(valid_);
        EXPECT_THAT(found(all, Checks::second), HasSubstr("choose fewer (an error in newer"));
        EXPECT_TRUE(valid_) << "what was accepted stays accepted";
    }
    EXPECT_THAT(found(selected("flase")),
                HasSubstr("environments/prod.yaml:9:1: canary_selector chooses none of the targets "
                          "here: nobody goes first\n"));
    EXPECT_FALSE(valid_);
    found(selected("flase"), Checks::second);
    EXPECT_TRUE(valid_);
}

TEST_F(StrategyChecksTest, GroupsHoldTargetsOfTheirOwnEnvironment) {
    auto strategy = canary_of({});
    strategy.cluster_order = {
        {1, {{"s-1", {kFile, 12, 9}}}, Seconds{0}, false, std::nullopt, false}};
    EXPECT_THAT(found(strategy), HasSubstr("environments/prod.yaml:12:9: unknown target of this "
                                           "environment \"s-1\""));
    EXPECT_FALSE(valid_);
}

TEST_F(StrategyChecksTest, RoutersAreTargetsOfAnyEnvironmentButOfOnesOwn) {
    EXPECT_THAT(found(routed_by("s-1")), Not(HasSubstr("environments/prod.yaml:14:3")));
    EXPECT_TRUE(valid_);
    EXPECT_THAT(found(routed_by("lb")),
                HasSubstr("environments/prod.yaml:14:3: unknown target \"lb\""));
    EXPECT_FALSE(valid_);
    EXPECT_THAT(found(routed_by("p-1")),
                HasSubstr("environments/prod.yaml:14:3: router target p-1 is one that is deployed "
                          "to"));
    EXPECT_FALSE(valid_);
    auto api = version("prod", "api", "1.0.0");
    api.strategy = routed_by("p-2");
    tree_.add(api);
    EXPECT_THAT(found(canary_of({kTen, kAllOfThem})), HasSubstr("router target p-2 is one"));
    EXPECT_FALSE(valid_);
}

TEST_F(StrategyChecksTest, APromoteNamesAnEntryThatThereIs) {
    const auto strategy = canary_of({kTen, kAllOfThem});
    for (const int step : {0, 1, 2}) {
        EXPECT_THAT(promoting(step, strategy), Not(HasSubstr("promote")));
        EXPECT_TRUE(valid_);
    }
    EXPECT_THAT(promoting(3, strategy),
                HasSubstr("versions/prod/api.yaml:1:1: promote names step 3, the strategy has 2: "
                          "name one of these, or write to: full\n"));
    EXPECT_FALSE(valid_);
    promoting(3, strategy, Checks::second);
    EXPECT_TRUE(valid_);
    EXPECT_THAT(promoting(3, Strategy{}),
                HasSubstr("promote does nothing: strategy rolling waits for nobody"));
    EXPECT_TRUE(valid_);
}

TEST_F(StrategyChecksTest, ACanaryIsActedOnButForTrafficAndFailures) {
    auto strategy = canary_of({kTen, kAllOfThem});
    const auto held = HasSubstr("is not acted on yet");
    EXPECT_THAT(found(strategy), Not(held));
    EXPECT_THAT(promoting(1, strategy), Not(held));
    auto groups = canary_of({});
    groups.cluster_order.emplace_back().targets = {{"p-1", {kFile, 12, 9}}};
    EXPECT_THAT(found(groups), Not(held));
    strategy.max_failed = Amount{1, false};
    EXPECT_THAT(found(strategy), HasSubstr("9:1: strategy: max_failed is not acted on yet"));
    EXPECT_THAT(found(routed_by("s-1")),
                HasSubstr("9:1: strategy: canary with traffic is not acted on yet"));
    EXPECT_THAT(found(canary_of({{std::nullopt, 10, Seconds{0}}, kAllOfThem})),
                HasSubstr("9:1: strategy: canary by weight is not acted on yet"));
}

TEST_F(StrategyChecksTest, AVerifyWithoutACheckIsTold) {
    auto strategy = canary_of({{10, std::nullopt, Seconds{60}}, kAllOfThem});
    const auto told = HasSubstr("environments/prod.yaml:9:1: verify only looks for drift of api");
    EXPECT_THAT(found(strategy), told);
    EXPECT_TRUE(valid_);
    auto api = project("api");
    api.pipeline.post_release.emplace_back().type = TaskType::health_check;
    tree_.add(api);
    EXPECT_THAT(found(strategy), Not(told));
    tree_.add(project("api"));
    strategy.health_check.emplace();
    EXPECT_THAT(found(strategy), Not(told));
    EXPECT_THAT(found(canary_of({kTen, kAllOfThem})), Not(told));
}

}  // namespace
}  // namespace tidegate
