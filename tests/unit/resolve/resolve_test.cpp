#include "schema/resolve/resolve.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/unit/resolve/tree_builder.h"

namespace tidegate {
namespace {

using namespace testing_support;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(ResolveTest, JoinsWhatAnAssignmentNeeds) {
    auto tree = small_tree();
    auto prod = environment("prod", {"b-2"});
    prod.targets.push_back(target("z-1", "environments/prod.yaml", 9, -1));
    prod.window = Reference{"office", {"environments/prod.yaml", 3, 9}};
    prod.variables["LEVEL"] = plain("environment");
    auto api = project("api");
    api.variables["LEVEL"] = plain("project");
    Repository repository;
    repository.variables = {{"LEVEL", plain("system")}, {"SYSTEM", plain("yes")}};
    repository.offline = Offline::wait;
    tree.add(prod).add(api).add(repository).add(window("office", "Asia/Shanghai"));
    TargetList list;
    list.environment = "prod";
    list.targets = {target("a-1", "environments/prod/targets/a.yaml", 4)};
    tree.add("environments/prod/targets/a.yaml", list);

    const auto resolved = at(tree);
    EXPECT_EQ(lines(resolved.errors()), "");
    const auto& assignment = *resolved.assignments.at(kProdApi)->assignment;
    std::vector<std::string> names;
    for (const auto& each : assignment.targets) names.push_back(each.name);
    EXPECT_THAT(names, ElementsAre("z-1", "a-1", "b-2"));
    EXPECT_EQ(assignment.targets[0].agent, "z-1");
    EXPECT_EQ(assignment.targets[0].definition, assignment.definition);
    EXPECT_FALSE(assignment.targets[0].digest.empty());
    EXPECT_EQ(assignment.definition->base.at("LEVEL").value, "environment");
    EXPECT_EQ(assignment.definition->base.at("SYSTEM").value, "yes");
    EXPECT_EQ(assignment.offline, Offline::wait);
    EXPECT_EQ(assignment.rules.window->name, "office");
    EXPECT_EQ(assignment.rules.zone->name, "Asia/Shanghai");
    EXPECT_THAT(assignment.rules.unsupported, IsEmpty());
}

TEST(ResolveTest, StrategyIsTheMostSpecificOne) {
    auto tree = small_tree();
    auto prod = environment("prod", {"p-1"});
    prod.allow_override = true;
    Strategy all;
    all.type = StrategyType::all_at_once;
    Repository repository;
    repository.strategy = all;
    tree.add(repository);
    EXPECT_EQ(at(tree).assignments.at(kProdApi)->assignment->strategy.type,
              StrategyType::all_at_once);
    prod.strategy = Strategy{};
    prod.strategy->batch_size = Amount{3, false};
    tree.add(prod);
    EXPECT_EQ(at(tree).assignments.at(kProdApi)->assignment->strategy.batch_size,
              (Amount{3, false}));
    auto changed = version("prod", "api", "1.0.0");
    changed.strategy = all;
    changed.strategy->auto_rollback = false;
    tree.add(changed);
    const auto resolved = at(tree);
    EXPECT_EQ(resolved.assignments.at(kProdApi)->assignment->strategy.type,
              StrategyType::all_at_once);
    EXPECT_FALSE(resolved.assignments.at(kProdApi)->assignment->rollback.auto_rollback);
}

/// The variables of prod's targets, in order, whose only project uses `${DISK}`.
std::string errors_of_targets(const std::vector<Variables>& targets) {
    auto tree = small_tree();
    auto api = project("api");
    api.deploy.script.work_dir = "/opt/${DISK}";
    auto prod = environment("prod", {});
    for (std::size_t i = 0; i < targets.size(); ++i) {
        const int line = static_cast<int>(10 * i);
        auto spec = target(fmt::format("p-{:03}", i), "environments/prod.yaml", line);
        spec.variables = targets[i];
        for (auto& [name, variable] : spec.variables)
            variable.position = {"environments/prod.yaml", line, 9};
        prod.targets.push_back(std::move(spec));
    }
    tree.add(api).add(prod).remove("versions/staging/api.yaml").remove("versions/prod/web.yaml");
    return lines(at(tree).errors());
}

/// 5,000 targets with a template each in 200 projects are a million checks otherwise. Each would
/// tell of the same DISK, so what the last one lacks would not be told any more.
TEST(ResolveTest, TargetsWhoseVariablesAreAlikeAreCheckedOnce) {
    const Variables alike{{"ROOT", templated("/data/${TARGET_NAME}")},
                          {"ZONE", by_environment({{"staging", "s"}, {"prod", "p"}})}};
    std::vector<Variables> targets(100, alike);
    targets.push_back({{"DISK", templated("${NOPE}")}});
    EXPECT_EQ(errors_of_targets(targets),
              "environments/prod.yaml:1000:9: unknown variable NOPE\n"
              "projects/api.yaml:4:1: unknown variable DISK\n");
}

TEST(ResolveTest, AFaultInTheVariablesOfATargetIsToldOfEachThatHasIt) {
    const Variables good{{"DISK", templated("${TARGET_NAME}")}};
    const Variables wrong{{"DISK", templated("${NOPE}")}};
    EXPECT_EQ(errors_of_targets({good, wrong, good, wrong}),
              "environments/prod.yaml:10:9: unknown variable NOPE\n"
              "environments/prod.yaml:30:9: unknown variable NOPE\n");
    const Variables here{{"DISK", by_environment({{"prod", "d"}})}};
    const Variables elsewhere{{"DISK", by_environment({{"staging", "d"}})}};
    EXPECT_EQ(errors_of_targets({here, elsewhere, here, elsewhere}),
              "environments/prod.yaml:10:9: variable DISK has no value for environment prod\n"
              "environments/prod.yaml:30:9: variable DISK has no value for environment prod\n");
    EXPECT_EQ(errors_of_targets({good, here, {{"DISK", plain("d")}}}), "");
    EXPECT_EQ(errors_of_targets({{{"DISK", templated("")}}, elsewhere}),
              "environments/prod.yaml:10:9: variable DISK has no value for environment prod\n");
}

/// Otherwise they are accepted and then never sent.
TEST(ResolveTest, HoldsWhatNoAgentCanBeSent) {
    const auto errors_with = [](std::size_t script, std::size_t back, std::size_t of_target) {
        auto tree = small_tree();
        auto api = project("api", std::string(script, 'x'));
        api.deploy.script.rollback_script.assign(back, 'x');
        auto prod = environment("prod", {"p-1", "p-2"});
        prod.targets[1].variables["BIG"] = plain(std::string(of_target, 'x'));
        return at(tree.add(api).add(prod)).errors();
    };
    EXPECT_EQ(lines(errors_with(90'000, 45'000, 10'000)), "");
    EXPECT_THAT(lines(errors_with(90'000, 10'000, 100'000)),
                testing::MatchesRegex("environments/prod.yaml:6:5: an action for prod/api on "
                                      "target \"p-2\" takes [0-9]+ bytes, an agent takes "
                                      "204800: [a-z, ]+\n"));
    EXPECT_EQ(errors_with(150'000, 60'000, 0).size(), 3u);
}

/// The bound leaves nothing out that a file decides.
TEST(ResolveTest, PortsAndTheNameOfThePipelineCountToo) {
    const auto errors_with = [](std::size_t port, std::size_t name) {
        auto tree = small_tree();
        auto api = project("api");
        api.pipeline.name.assign(name, 'x');
        auto& task = api.pipeline.post_release.emplace_back();
        task.type = TaskType::health_check;
        task.check.port.assign(port, '8');
        tree.remove("versions/staging/api.yaml");
        return at(tree.add(api)).errors().size();
    };
    EXPECT_EQ(errors_with(100'000, 90'000), 0u);
    EXPECT_EQ(errors_with(200'000, 0), 2u) << "one for each target";
    EXPECT_EQ(errors_with(0, 200'000), 2u);
}

TEST(ResolveTest, HeldAssignmentsStillTellPauseAndFreeze) {
    auto tree = small_tree();
    auto prod = environment("prod", {"p-1"});
    prod.freeze = {true, "audit", {}};
    auto api = version("prod", "api", "1.0.0");
    api.paused = true;
    tree.add(prod).add(api).break_file("projects/api.yaml");
    const auto resolved = at(tree);
    const auto& entry = *resolved.assignments.at(kProdApi);
    EXPECT_FALSE(entry.assignment);
    EXPECT_EQ(entry.paused, true);
    EXPECT_TRUE(entry.freeze->active);
}

TEST(ResolveTest, SaysInWordsWhatIsNotActedOn) {
    auto tree = small_tree();
    auto prod = environment("prod", {"p-1"});
    prod.require_approval = true;
    prod.strategy = Strategy{};
    prod.strategy->traffic.emplace().router = RouterType::istio;
    prod.strategy->position = {"environments/prod.yaml", 9, 1};
    auto api = project("api");
    api.variables["KEY"] = of_type(VariableType::secret, "encrypted:age:x");
    api.variables["KEY"].position = {"projects/api.yaml", 12, 3};
    Task migrate;
    migrate.name = "migrate";
    migrate.type = TaskType::db_migrate;
    migrate.position = {"projects/api.yaml", 20, 5};
    api.pipeline.release = {migrate};
    auto wish = version("prod", "api", "1.0.0");
    wish.scheduled_release = text("tomorrow");
    tree.add(prod).add(api).add(wish);
    const auto resolved = at(tree);
    EXPECT_EQ(lines(resolved.errors()), "");
    EXPECT_THAT(resolved.assignments.at(kProdApi)->assignment->rules.unsupported,
                ElementsAre("approval: require_approval", "schedule: scheduled_release",
                            "strategy: router istio", "task: migrate of type db_migrate",
                            "variable: KEY of type secret"));
    EXPECT_THAT(resolved.rules_of("prod")->unsupported, ElementsAre("approval: require_approval"));
    EXPECT_THAT(
        lines(resolved.warnings()),
        HasSubstr("environments/prod.yaml:9:1: strategy: router istio is not acted on yet: the "
                  "release will hold with gate unsupported\n"));
}

TEST(ResolveTest, PoliciesHoldWhatTheyApplyToThoughNobodyNamesThem) {
    const auto held_by = [](const Value& applies_to) {
        Policy policy;
        policy.name = "mine";
        policy.applies_to = applies_to;
        auto tree = small_tree();
        tree.add(project("unreleased"));
        const auto resolved = at(tree.add(policy));
        std::string names;
        for (const auto& [key, entry] : resolved.assignments)
            if (!entry->assignment->rules.unsupported.empty()) names += key.text() + ' ';
        return names;
    };
    EXPECT_EQ(held_by({}), "prod/api prod/web staging/api staging/web ");
    EXPECT_EQ(held_by(scope("environments", "prod")), "prod/api prod/web ");
    EXPECT_EQ(held_by(scope("projects", "web")), "prod/web staging/web ");
    EXPECT_EQ(held_by(scope("projects", "unreleased")), "");
}

TEST(ResolveTest, APolicyIsToldOnceHoweverItComesToAnEnvironment) {
    auto prod = environment("prod", {"p-1"});
    prod.policies = {{"mine", {"environments/prod.yaml", 3, 1}},
                     {"theirs", {"environments/prod.yaml", 3, 9}}};
    auto tree = small_tree();
    tree.add(prod).add(policy_for("mine", "prod")).add(policy_for("theirs", "staging"));
    tree.add(policy_for("ours", "prod"));
    EXPECT_THAT(at(tree).rules_of("prod")->unsupported,
                ElementsAre("policy: mine", "policy: theirs", "policy: ours"));
}

TEST(ResolveTest, ARejectionHolds) {
    const auto held_by = [](const char* decision) {
        ApprovalList list;
        list.key = kProdApi;
        list.approvals = Value{Value::List{Value{Value::Map{{"decision", text(decision)}}}}};
        auto tree = small_tree();
        return at(tree.add(list)).assignments.at(kProdApi)->assignment->rules.unsupported;
    };
    EXPECT_THAT(held_by("approved"), IsEmpty());
    EXPECT_THAT(held_by("rejected"), ElementsAre("approval: a decision is rejected"));
}

TEST(ResolveChangedTest, TouchesOnlyWhatChanged) {
    auto tree = small_tree();
    auto resolved = at(tree);
    EXPECT_EQ(resolved.touched.size(), 4U);
    (void)tree.take_changed();

    const auto step = [&] {
        resolved = resolve_changed(resolved, tree.files, zones, "c2", tree.take_changed());
        std::vector<std::string> names;
        for (const auto& key : resolved.touched) names.push_back(key.text());
        return names;
    };
    tree.add(version("prod", "api", "1.1.0"));
    EXPECT_THAT(step(), ElementsAre("prod/api"));
    tree.add(project("web", "false"));
    EXPECT_THAT(step(), ElementsAre("prod/web", "staging/web"));
    tree.add(environment("staging", {"s-1", "s-2"}));
    EXPECT_THAT(step(), ElementsAre("staging/api", "staging/web"));
    tree.add(window("unused"));
    EXPECT_THAT(step(), IsEmpty());
    tree.remove("versions/prod/web.yaml");
    EXPECT_THAT(step(), ElementsAre("prod/web"));
    tree.break_file("environments/prod.yaml");
    EXPECT_THAT(step(), ElementsAre("prod/api"));
    tree.add(environment("prod", {"p-1", "p-2"}));
    EXPECT_THAT(step(), ElementsAre("prod/api"));
    EXPECT_EQ(lines(resolved.errors()), "");
}

/// Whatever the way, the same tree gives the same result.
TEST(ResolveChangedTest, AgreesWithResolvingAnew) {
    auto tree = small_tree();
    auto resolved = at(tree);
    (void)tree.take_changed();
    const std::vector<std::function<void()>> steps{
        [&] { tree.break_file("projects/api.yaml"); },
        [&] { tree.add(environment("staging", {"p-1"})); },
        [&] { tree.remove("environments/prod.yaml"); },
        [&] { tree.add(environment("prod", {"p-1"})).add(project("api")); },
        [&] { tree.add(environment("staging", {"s-1"})); },
    };
    for (const auto& step : steps) {
        step();
        resolved =
            resolve_changed(std::move(resolved), tree.files, zones, "c", tree.take_changed());
        const auto anew = at(tree);
        EXPECT_EQ(lines(resolved.errors()), lines(anew.errors()));
        EXPECT_EQ(held(resolved), held(anew));
    }
    EXPECT_THAT(held(resolved), IsEmpty());
}

}  // namespace
}  // namespace tidegate
