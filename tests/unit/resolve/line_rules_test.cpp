/// Which rules bind an assignment along the line: those of its anchor, and what newer commits
/// tighten while it is held.

#include <functional>
#include <optional>
#include <tuple>

#include "tests/unit/resolve/line.h"

namespace tidegate {
namespace {

using namespace testing_support;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(LineRules, AnchorHasTheRulesOfTheFirstParent) {
    Line line;
    auto closed = environment("prod", {"p-1"});
    closed.window = window("", "UTC");
    closed.require_approval = true;
    line.tree.add(closed);
    line.commit();
    line.tree.add(environment("prod", {"p-1"})).add(version("prod", "api", "1.1.0"));
    line.commit();
    ASSERT_EQ(line.get()->anchor_rules.size(), 1U);
    EXPECT_EQ(line.get()->anchor_rules.at(0)->commit, "c2");
    EXPECT_TRUE(line.get()->anchor_rules.at(0)->window);
    EXPECT_THAT(line.get()->anchor_rules.at(0)->unsupported,
                ElementsAre("approval: require_approval"));
    EXPECT_FALSE(line.get()->rules.window);

    auto again = version("prod", "api", "1.1.0");
    again.retry = 1;
    line.tree.add(again);
    line.commit();
    EXPECT_FALSE(line.get()->anchor_rules.at(0)->window) << "retry anchors anew";
}

TEST(LineRules, ACommitCannotLoosenThePolicyOfItsProject) {
    const auto policy_of = [](const std::string& project_name) {
        Policy policy;
        policy.name = "mine";
        policy.applies_to = Value{Value::Map{{"projects", Value{Value::List{text(project_name)}}}}};
        return policy;
    };
    Line line;
    line.tree.add(policy_of("api"));
    line.commit();
    line.restart();
    line.tree.add(policy_of("web")).add(version("prod", "api", "1.1.0"));
    line.tree.add(version("prod", "web", "2.1.0"));
    line.commit();
    for (const bool restarted : {false, true}) {
        if (restarted) line.restart();
        EXPECT_THAT(line.get()->rules.unsupported, IsEmpty());
        EXPECT_THAT(line.get()->anchor_rules.at(0)->unsupported, ElementsAre("policy: mine"));
        EXPECT_THAT(line.get(kProdWeb)->rules.unsupported, ElementsAre("policy: mine"));
        EXPECT_THAT(line.get(kProdWeb)->anchor_rules.at(0)->unsupported, IsEmpty());
    }
}

Project depending(const std::string& name, const std::string& service) {
    auto result = project(name);
    result.depends_on.emplace_back().service = {service, {"projects/" + name + ".yaml", 8, 5}};
    return result;
}

TEST(LineRules, ACommitCannotDropTheDependencyOfItsProject) {
    Line line;
    line.tree.add(depending("api", "web"));
    line.commit();
    line.restart();
    line.tree.add(project("api")).add(version("prod", "api", "1.1.0"));
    line.tree.add(version("prod", "web", "2.1.0"));
    line.commit();
    for (const bool restarted : {false, true}) {
        if (restarted) line.restart();
        EXPECT_THAT(line.get()->rules.unsupported, IsEmpty());
        EXPECT_THAT(line.get()->anchor_rules.at(0)->unsupported, ElementsAre("dependency: web"));
        EXPECT_THAT(line.get(kProdWeb)->anchor_rules.at(0)->unsupported, IsEmpty());
    }
    line.tree.add(version("prod", "api", "1.2.0"));
    line.commit();
    EXPECT_THAT(line.get()->anchor_rules.at(0)->unsupported, IsEmpty()) << "dropped before";
}

TEST(LineRules, ADependencyThatIsNotRequiredAnyMoreBindsTheCommitThatSaysSo) {
    Line line;
    line.tree.add(depending("api", "web"));
    line.commit();
    auto optional = depending("api", "web");
    optional.depends_on[0].required = false;
    line.tree.add(optional).add(version("prod", "api", "1.1.0"));
    line.commit();
    EXPECT_THAT(line.get()->anchor_rules.at(0)->unsupported, ElementsAre("dependency: web"));
}

TEST(LineRules, AnAssignmentThatIsNewHasTheDependenciesBeforeIt) {
    Line line;
    line.tree.add(depending("db", "web"));
    line.commit();
    line.tree.add(project("db")).add(version("prod", "db", "1"));
    line.commit();
    EXPECT_THAT(line.get({"prod", "db"})->anchor_rules.at(0)->unsupported,
                ElementsAre("dependency: web"));
}

TEST(LineRules, SpoilingAProjectDropsNoDependency) {
    Line line;
    line.tree.add(depending("api", "web"));
    line.commit();
    for (const auto& spoil :
         std::vector<std::function<void()>>{[&] { line.tree.break_file("projects/api.yaml"); },
                                            [&] { line.tree.add(depending("api", "nowhere")); }}) {
        spoil();
        line.commit();
        line.restart();
    }
    line.tree.add(project("api")).add(version("prod", "api", "1.1.0"));
    line.commit();
    EXPECT_THAT(line.get()->anchor_rules.at(0)->unsupported, ElementsAre("dependency: web"));
}

ApprovalList rejection() {
    ApprovalList list;
    list.key = kProdApi;
    list.approvals = Value{Value::List{Value{Value::Map{{"decision", text("rejected")}}}}};
    return list;
}

TEST(LineRules, ACommitCannotTakeBackARejection) {
    Line line;
    line.tree.add(rejection());
    line.commit();
    line.restart();
    line.tree.remove("approvals/prod/api.yaml").add(version("prod", "api", "1.1.0"));
    line.tree.add(version("prod", "web", "2.1.0"));
    line.commit();
    EXPECT_THAT(line.get()->rules.unsupported, IsEmpty());
    EXPECT_THAT(line.get()->anchor_rules.at(0)->unsupported, ElementsAre(kRejected));
    EXPECT_THAT(line.get(kProdWeb)->anchor_rules.at(0)->unsupported, IsEmpty());

    line.tree.add(version("prod", "api", "1.2.0"));
    line.commit();
    EXPECT_THAT(line.get()->anchor_rules.at(0)->unsupported, IsEmpty()) << "taken back before";
}

TEST(LineRules, SpoilingTheApprovalsTakesNoRejectionBack) {
    Line line;
    line.tree.add(rejection());
    line.commit();
    line.tree.break_file("approvals/prod/api.yaml").add(version("prod", "api", "1.1.0"));
    line.commit();
    for (const bool restarted : {false, true}) {
        if (restarted) line.restart();
        EXPECT_EQ(line.get()->definition->version, "1.0.0");
        EXPECT_THAT(line.get()->rules.unsupported, ElementsAre(kRejected));
        EXPECT_EQ(lines(line.get()->config_errors), "approvals/prod/api.yaml:2:3: broken\n");
    }

    line.tree.remove("approvals/prod/api.yaml");
    line.commit();
    EXPECT_EQ(line.get()->definition->version, "1.1.0");
    EXPECT_THAT(line.get()->anchor_rules.at(0)->unsupported, ElementsAre(kRejected));
}

TEST(LineRules, ARejectionBindsAHeldAssignmentToo) {
    Line line;
    line.tree.break_file("projects/api.yaml");
    line.commit();
    line.tree.add(rejection());
    line.commit();
    for (const bool spoilt : {false, true}) {
        if (spoilt) line.tree.break_file("approvals/prod/api.yaml"), line.commit();
        line.restart();
        EXPECT_EQ(line.get()->commit, "c1");
        EXPECT_THAT(line.get()->rules.unsupported, ElementsAre(kRejected));
    }
}

TEST(LineRules, OnlyACommitThatLiftsAFreezeStaysFrozen) {
    const auto frozen = [] {
        auto prod = environment("prod", {"p-1"});
        prod.freeze = {true, "audit", {}};
        return prod;
    };
    Line later;
    later.tree.add(frozen());
    later.commit();
    later.tree.add(version("prod", "api", "1.1.0"));
    later.commit();
    later.tree.add(environment("prod", {"p-1"}));
    later.commit();
    EXPECT_FALSE(later.get()->rules.freeze.active);
    EXPECT_FALSE(later.get()->anchor_rules.at(0)->freeze.active);

    Line at_once;
    at_once.tree.add(frozen());
    at_once.commit();
    at_once.tree.add(environment("prod", {"p-1"})).add(version("prod", "api", "1.1.0"));
    at_once.commit();
    EXPECT_FALSE(at_once.get()->rules.freeze.active);
    EXPECT_TRUE(at_once.get()->anchor_rules.at(0)->freeze.active);
}

TEST(LineRules, AFreezeCutShortByTheCommitItselfHoldsIt) {
    const auto until = [](Timestamp end) {
        auto prod = environment("prod", {"p-1"});
        prod.freeze = {true, "audit", end};
        return prod;
    };
    for (const auto& [end, holds] :
         {std::pair{Seconds{50}, true}, {Seconds{100}, false}, {Seconds{200}, false}}) {
        Line line;
        line.tree.add(until(Timestamp{Seconds{100}}));
        line.commit();
        line.tree.add(until(Timestamp{end})).add(version("prod", "api", "1.1.0"));
        line.commit();
        EXPECT_EQ(line.get()->anchor_rules.at(0)->freeze.active, holds) << end.count();
    }
}

std::vector<std::string> anchor_environments(const AssignmentPtr& assignment) {
    std::vector<std::string> names;
    for (const auto& rules : assignment->anchor_rules) names.push_back(rules->environment);
    return names;
}

TEST(LineRules, ATargetKeepsTheRulesOfTheEnvironmentThatHeldIt) {
    const AssignmentKey moved{"prod2", "api"};
    Line line;
    auto frozen = environment("prod", {"p-1", "p-2"});
    frozen.freeze = {true, "audit", {}};
    line.tree.add(frozen);
    line.commit();
    frozen = environment("prod", {"p-2"});
    frozen.freeze = {true, "audit", {}};
    line.tree.add(frozen).add(environment("prod2", {"p-1"})).add(version("prod2", "api", "6.6.6"));
    line.commit();
    ASSERT_THAT(anchor_environments(line.get(moved)), ElementsAre("prod"));
    EXPECT_TRUE(line.get(moved)->anchor_rules[0]->freeze.active);
    EXPECT_EQ(line.get(moved)->anchor_rules[0]->commit, "c2");
    line.restart();
    EXPECT_THAT(anchor_environments(line.get(moved)), ElementsAre("prod"));

    // The rest follows, into an environment that has rules of its own by now; prod goes.
    line.tree.remove("environments/prod.yaml").remove("versions/prod/api.yaml");
    line.tree.remove("versions/prod/web.yaml");
    line.tree.add(environment("prod2", {"p-1", "p-2"})).add(version("prod2", "api", "6.6.7"));
    line.commit();
    EXPECT_THAT(anchor_environments(line.get(moved)), ElementsAre("prod2", "prod"));

    auto again = version("prod2", "api", "6.6.7");
    again.retry = 1;
    line.tree.add(again);
    line.commit();
    EXPECT_THAT(anchor_environments(line.get(moved)), ElementsAre("prod2"));
}

TEST(LineRules, PauseOfTheParentDoesNotBind) {
    Line line;
    auto paused = version("prod", "api", "1.0.0");
    paused.paused = true;
    line.tree.add(paused);
    line.commit();
    EXPECT_TRUE(line.get()->paused);
    EXPECT_EQ(line.get()->intent.commit, "c1");
    line.tree.add(version("prod", "api", "1.1.0"));
    line.commit();
    EXPECT_FALSE(line.get()->paused);
    EXPECT_FALSE(line.get()->anchor_rules.at(0)->paused);
}

TEST(LineRules, AHeldAssignmentStaysFrozenForTheLongerOfTwoFreezes) {
    using Until = std::optional<Timestamp>;
    const Until early = Timestamp{Seconds{50}}, late = Timestamp{Seconds{100}}, endless;
    const auto frozen = [](const Until& end) {
        auto prod = environment("prod", {"p-1"});
        prod.freeze = {true, "audit", end};
        return prod;
    };
    for (const auto& [before, newer, expected] : {std::tuple{late, early, late},
                                                  {early, late, late},
                                                  {endless, late, endless},
                                                  {late, endless, endless}}) {
        Line line;
        line.tree.add(frozen(before));
        line.commit();
        line.tree.add(frozen(newer)).break_file("projects/api.yaml");
        line.commit();
        EXPECT_TRUE(line.get()->rules.freeze.active);
        EXPECT_EQ(line.get()->rules.freeze.until, expected);
    }
    Line ended;
    auto thawed = environment("prod", {"p-1"});
    thawed.freeze = {false, "", {}};
    ended.tree.add(thawed);
    ended.commit();
    ended.tree.add(frozen(early)).break_file("projects/api.yaml");
    ended.commit();
    EXPECT_EQ(ended.get()->rules.freeze.until, early) << "what is not active has no end";
}

}  // namespace
}  // namespace tidegate
