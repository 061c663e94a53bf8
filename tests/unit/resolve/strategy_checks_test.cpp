/// Strategies against the targets of their environments, and promotes against strategies.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schema/resolve/resolve.h"
#include "tests/unit/resolve/line.h"
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
    auto& traffic = strategy.traffic.emplace();
    traffic.targets = {{target, {kFile, 14, 3}}};
    traffic.socket = "/run/haproxy.sock";
    traffic.backend = "${APP_NAME}";
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

TEST_F(StrategyChecksTest, APromoteCountsTheWeightsOfABlueGreen) {
    auto api = project("api");
    api.deploy.script.work_dir = "/opt/${SLOT}";
    tree_.add(api).remove("versions/prod/web.yaml");
    auto strategy = routed_by("s-1");
    strategy.type = StrategyType::blue_green;
    strategy.traffic->router = RouterType::script;
    strategy.steps = {{std::nullopt, 10, Seconds{0}}, {std::nullopt, 100, Seconds{0}}};
    EXPECT_THAT(promoting(2, strategy), Not(HasSubstr("promote")));
    EXPECT_TRUE(valid_);
    EXPECT_THAT(promoting(3, strategy), HasSubstr("promote names step 3, the strategy has 2"));
    strategy.steps.clear();
    EXPECT_THAT(promoting(1, strategy), Not(HasSubstr("promote")));
    EXPECT_TRUE(valid_);
    EXPECT_THAT(promoting(2, strategy), HasSubstr("promote names step 2, the strategy has 1"));
}

TEST_F(StrategyChecksTest, ACanaryIsActedOnButForWeightsAndOtherRouters) {
    auto strategy = canary_of({kTen, kAllOfThem});
    const auto held = HasSubstr("is not acted on yet");
    EXPECT_THAT(found(strategy), Not(held));
    EXPECT_THAT(promoting(1, strategy), Not(held));
    auto groups = canary_of({});
    groups.cluster_order.emplace_back().targets = {{"p-1", {kFile, 12, 9}}};
    EXPECT_THAT(found(groups), Not(held));
    strategy.max_failed = Amount{1, false};
    EXPECT_THAT(found(strategy), Not(held));
    EXPECT_THAT(found(routed_by("s-1")), Not(held));
    EXPECT_THAT(found(routed_by("s-1"), Checks::fourth),
                HasSubstr("9:1: strategy: canary with traffic is not acted on yet"))
        << "nobody looked at what it needs";
    auto istio = routed_by("s-1");
    istio.traffic->router = RouterType::istio;
    EXPECT_THAT(found(istio), HasSubstr("9:1: strategy: router istio is not acted on yet"));
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

/// prod behind HAProxy on lb, which is a target of edge.
class RoutersTest : public testing::Test {
protected:
    RoutersTest() {
        for (const auto* name : {"api", "web"}) line_.tree.add(slotted(name));
        line_.tree.add(edge("lb-agent")).add(prod("lb"));
        line_.commit();
    }
    static Project slotted(const std::string& name) {
        auto result = project(name);
        result.deploy.script.work_dir = "/opt/apps/" + name + "-${SLOT}";
        return result;
    }
    static Environment edge(const std::string& agent) {
        auto result = environment("edge", {"lb"});
        result.targets[0].agent = agent;
        return result;
    }
    static Strategy routed(const std::string& router, const std::string& server) {
        Strategy strategy;
        strategy.type = StrategyType::blue_green;
        strategy.position = {kFile, 9, 1};
        auto& traffic = strategy.traffic.emplace();
        traffic.targets = {{router, {kFile, 14, 3}}};
        traffic.socket = "/run/haproxy.sock";
        traffic.backend = "shop";
        traffic.server = server;
        traffic.position = {kFile, 12, 5};
        return strategy;
    }
    static Environment prod(const std::string& router,
                            const std::string& server = "${APP_NAME}-${TARGET_NAME}-${SLOT}") {
        auto result = environment("prod", {"p-1", "p-2"});
        result.allow_override = true;
        result.strategy = routed(router, server);
        return result;
    }
    static Version own_traffic(const std::string& project_name, const std::string& server) {
        auto result = version("prod", project_name, "1.0.0");
        result.strategy = routed("lb", server);
        result.strategy->traffic->position = {result.position.file, 20, 5};
        return result;
    }
    std::map<std::string, std::string> routers(const AssignmentKey& key = kProdApi) {
        return line_.get(key)->routers;
    }
    std::string errors() { return lines(line_.tracker.errors()); }
    using Agents = std::map<std::string, std::string>;

    Line line_;
};

TEST_F(RoutersTest, AreThoseOfTheSameCommitInWhateverEnvironment) {
    EXPECT_EQ(errors(), "");
    EXPECT_EQ(routers(), (Agents{{"lb", "lb-agent"}}));
    line_.tree.add(edge("other"));
    line_.commit();
    EXPECT_EQ(routers(), (Agents{{"lb", "other"}})) << "nothing else of prod changed";
    line_.restart();
    EXPECT_EQ(routers(), (Agents{{"lb", "other"}}));
}

TEST_F(RoutersTest, StayWhatTheyWereWhileTheirEnvironmentCannotBeRead) {
    line_.tree.break_file("environments/edge.yaml");
    line_.commit();
    EXPECT_THAT(errors(), HasSubstr("environments/prod.yaml:14:3: unknown target \"lb\"; it may be "
                                    "in what has errors: environment edge\n"));
    EXPECT_EQ(routers(), (Agents{{"lb", "lb-agent"}}));
    EXPECT_FALSE(line_.get()->config_errors.empty());
    line_.restart();
    EXPECT_EQ(routers(), (Agents{{"lb", "lb-agent"}}));
    line_.tree.add(edge("lb-agent"));
    line_.commit();
    EXPECT_EQ(errors(), "");
    EXPECT_TRUE(line_.get()->config_errors.empty());
}

TEST_F(RoutersTest, OfAnUnknownNameAreAnErrorWithTheNearest) {
    line_.tree.add(prod("lbb"));
    line_.commit();
    EXPECT_THAT(errors(), HasSubstr("environments/prod.yaml:14:3: unknown target \"lbb\"; did you "
                                    "mean 'lb'?\n"));
    auto api = own_traffic("api", "${TARGET_NAME}-${SLOT}");
    api.strategy->traffic->targets[0] = {"bl", {api.position.file, 22, 3}};
    line_.tree.add(prod("lb")).add(api);
    line_.commit();
    EXPECT_THAT(errors(), HasSubstr("versions/prod/api.yaml:22:3: unknown target \"bl\""));
}

TEST_F(RoutersTest, OfOneNameHaveOneAgent) {
    auto far = environment("far", {"lb"});
    far.targets[0].agent = "another";
    line_.tree.add(far);
    line_.commit();
    EXPECT_THAT(errors(), HasSubstr("environments/prod.yaml:14:3: router target lb is there more "
                                    "than once, of agents another and lb-agent: which is the "
                                    "balancer's?"));
    EXPECT_EQ(routers(), (Agents{{"lb", "lb-agent"}}));
}

TEST_F(RoutersTest, AServerBelongsToOneAssignment) {
    line_.tree.add(prod("lb", "${TARGET_NAME}-${SLOT}"));
    line_.commit();
    EXPECT_EQ(errors(),
              "environments/prod.yaml:12:5: prod/api (environments/prod.yaml:12:5) and prod/web "
              "(environments/prod.yaml:12:5) both send traffic to server shop/p-1-blue on router "
              "target lb: a server belongs to one assignment; tell them apart, as by ${APP_NAME} "
              "and ${APP_ENV} in server or backend\n");
    for (const auto& key : {kProdApi, kProdWeb})
        EXPECT_EQ(line_.get(key)->strategy.traffic->server, "${APP_NAME}-${TARGET_NAME}-${SLOT}")
            << "the last valid state";
    line_.tree.add(own_traffic("web", "web-${TARGET_NAME}-${SLOT}"));
    line_.commit();
    EXPECT_EQ(errors(), "") << "the other is right again with it";
    EXPECT_EQ(line_.get()->strategy.traffic->server, "${TARGET_NAME}-${SLOT}");
    line_.tree.add(own_traffic("web", "${TARGET_NAME}-${SLOT}"));
    line_.commit();
    EXPECT_THAT(errors(), HasSubstr("(versions/prod/web.yaml:20:5) both send traffic"));
    line_.restart();
    EXPECT_FALSE(line_.get()->config_errors.empty());
    line_.tree.remove("versions/prod/web.yaml");
    line_.commit();
    EXPECT_EQ(errors(), "");
    EXPECT_TRUE(line_.get()->config_errors.empty());
}

TEST_F(RoutersTest, BalancersBehindOneAgentMayNameTheirServersAlike) {
    line_.tree.add(prod("lb", "${TARGET_NAME}-${SLOT}"));
    auto web = own_traffic("web", "${TARGET_NAME}-${SLOT}");
    web.strategy->traffic->socket = "/run/second.sock";
    line_.tree.add(web);
    line_.commit();
    EXPECT_EQ(errors(), "") << "each by a socket of its own";
}

TEST_F(RoutersTest, AServerBelongsToOneAssignmentWithoutSlotsToo) {
    auto rolling = prod("lb", "${TARGET_NAME}");
    rolling.strategy->type = StrategyType::rolling;
    line_.tree.add(rolling);
    line_.checks = Checks::fourth;
    line_.commit();
    EXPECT_EQ(errors(), "") << "it is held";
    EXPECT_THAT(line_.get()->rules.unsupported,
                testing::ElementsAre("strategy: rolling with traffic"));
    line_.checks = kChecksNow;
    line_.commit();
    EXPECT_THAT(errors(), HasSubstr("both send traffic to server shop/p-1 on router target lb"));
    rolling.strategy->traffic->server = "${APP_NAME}-${TARGET_NAME}";
    line_.tree.add(rolling);
    line_.commit();
    EXPECT_EQ(errors(), "");
    EXPECT_THAT(line_.get()->rules.unsupported, IsEmpty());
    EXPECT_EQ(routers(), (Agents{{"lb", "lb-agent"}}));
}

TEST(BlueGreen, OfOlderChecksIsHeldAsItWas) {
    auto tree = small_tree();
    auto prod = environment("prod", {"p-1"});
    prod.strategy.emplace();
    prod.strategy->type = StrategyType::blue_green;
    prod.strategy->position = {kFile, 9, 1};
    prod.strategy->traffic.emplace().server = "one";
    prod.strategy->traffic->router = RouterType::nginx;
    auto api = project("api");
    api.deploy.script.work_dir = "/opt/${SLOT}";
    api.variables["PORT"].type = VariableType::slot_specific;
    tree.add(prod).add(api);
    const auto words = [&](Checks checks) {
        return resolve(tree.files, zones, "c1", checks)
            .assignments.at(kProdApi)
            ->assignment->rules.unsupported;
    };
    EXPECT_THAT(words(Checks::third), testing::ElementsAre("strategy: blue_green"));
    EXPECT_THAT(words(Checks::fourth), testing::ElementsAre("strategy: router nginx"));
    prod.strategy->traffic->router = RouterType::script;
    tree.add(prod);
    EXPECT_THAT(words(Checks::fourth), IsEmpty());
    prod.strategy->type = StrategyType::rolling;
    prod.strategy->traffic.reset();
    prod.targets[0].variables["HOST"].type = VariableType::slot_specific;
    tree.add(prod);
    EXPECT_THAT(words(Checks::fourth),
                testing::ElementsAre("variable: HOST of type slot_specific without slots",
                                     "variable: PORT of type slot_specific without slots"));
}

}  // namespace
}  // namespace tidegate
