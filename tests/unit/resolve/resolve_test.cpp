#include "schema/resolve/resolve.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "schema/base/limits.h"
#include "tests/unit/resolve/tree_builder.h"

namespace tidegate {
namespace {

using namespace testing_support;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

ResolvedTree at(const Tree& tree) { return resolve(tree.files, zones, "c1"); }

std::vector<std::string> held(const ResolvedTree& tree) {
    std::vector<std::string> result;
    for (const auto& [key, entry] : tree.assignments)
        if (!entry->assignment) result.push_back(key.text());
    return result;
}

const AssignmentKey kProdApi{"prod", "api"};

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
    Strategy all;
    all.type = StrategyType::all_at_once;
    Repository repository;
    repository.strategy = all;
    tree.add(repository);
    EXPECT_EQ(at(tree).assignments.at(kProdApi)->assignment->strategy.type,
              StrategyType::all_at_once);
    prod.strategy = Strategy{};
    prod.strategy->batch_size = {3, false};
    tree.add(prod);
    EXPECT_EQ(at(tree).assignments.at(kProdApi)->assignment->strategy.batch_size.value, 3);
    auto changed = version("prod", "api", "1.0.0");
    changed.strategy = all;
    changed.strategy->auto_rollback = false;
    tree.add(changed);
    const auto resolved = at(tree);
    EXPECT_EQ(resolved.assignments.at(kProdApi)->assignment->strategy.type,
              StrategyType::all_at_once);
    EXPECT_FALSE(resolved.assignments.at(kProdApi)->assignment->rollback.auto_rollback);
}

/// `{list: [names]}`, as in applies_to.
Value scope(const std::string& list, const std::string& name) {
    return Value{Value::Map{{list, Value{Value::List{text(name)}}}}};
}

Policy policy_for(const std::string& name, const std::string& environment) {
    Policy result;
    result.name = name;
    result.position = {"policies/" + name + ".yaml", 1, 1};
    result.applies_to = scope("environments", environment);
    return result;
}

struct FaultCase {
    const char* name;
    std::function<void(Tree&)> plant;
    std::vector<std::string> held;
    std::string errors;
};

class FaultTest : public testing::TestWithParam<FaultCase> {};

TEST_P(FaultTest, HoldsWhatDependsOnIt) {
    auto tree = small_tree();
    GetParam().plant(tree);
    const auto resolved = at(tree);
    EXPECT_EQ(held(resolved), GetParam().held);
    EXPECT_EQ(lines(resolved.errors()), GetParam().errors);
}

const std::vector<std::string> kProd{"prod/api", "prod/web"};
const std::vector<std::string> kAll{"prod/api", "prod/web", "staging/api", "staging/web"};

INSTANTIATE_TEST_SUITE_P(
    Table, FaultTest,
    testing::Values(
        FaultCase{"Nothing", [](Tree&) {}, {}, ""},
        FaultCase{"Version",
                  [](Tree& repo) { repo.break_file("versions/prod/api.yaml"); },
                  {"prod/api"},
                  "versions/prod/api.yaml:2:3: broken\n"},
        FaultCase{"Project",
                  [](Tree& repo) { repo.break_file("projects/api.yaml"); },
                  {"prod/api", "staging/api"},
                  "projects/api.yaml:2:3: broken\n"},
        FaultCase{"Environment", [](Tree& repo) { repo.break_file("environments/prod.yaml"); },
                  kProd, "environments/prod.yaml:2:3: broken\n"},
        FaultCase{"TargetList",
                  [](Tree& repo) { repo.break_file("environments/prod/targets/x.yaml"); }, kProd,
                  "environments/prod/targets/x.yaml:2:3: broken\n"},
        FaultCase{"Repository", [](Tree& repo) { repo.break_file("tidegate.yaml"); }, kAll,
                  "tidegate.yaml:2:3: broken\n"},
        FaultCase{"UnusedWindow",
                  [](Tree& repo) { repo.break_file("windows/w.yaml"); },
                  {},
                  "windows/w.yaml:2:3: broken\n"},
        FaultCase{"UsedWindow",
                  [](Tree& repo) {
                      auto prod = environment("prod", {"p-1"});
                      prod.window = Reference{"w", {"environments/prod.yaml", 3, 9}};
                      repo.add(prod).break_file("windows/w.yaml");
                  },
                  kProd, "windows/w.yaml:2:3: broken\n"},
        FaultCase{"MissingWindow",
                  [](Tree& repo) {
                      auto prod = environment("prod", {"p-1"});
                      prod.window = Reference{"ofice", {"environments/prod.yaml", 3, 9}};
                      repo.add(prod).add(window("office"));
                  },
                  kProd,
                  "environments/prod.yaml:3:9: unknown window \"ofice\"; did you mean "
                  "'office'?\n"},
        FaultCase{
            "UnknownZone",
            [](Tree& repo) {
                auto prod = environment("prod", {"p-1"});
                prod.window = window("", "Mars/Base");
                std::get<ReleaseWindow>(*prod.window).position = {"environments/prod.yaml", 4, 3};
                repo.add(prod);
            },
            kProd,
            "environments/prod.yaml:4:3: unknown time zone \"Mars/Base\" (wanted an IANA "
            "name such as Europe/Berlin)\n"},
        FaultCase{"MissingProject",
                  [](Tree& repo) { repo.add(version("prod", "apo", "1")); },
                  {"prod/apo"},
                  "versions/prod/apo.yaml:3:10: unknown project \"apo\"; did you mean 'api'?\n"},
        FaultCase{"MissingEnvironment",
                  [](Tree& repo) { repo.add(version("prd", "api", "1")); },
                  {"prd/api"},
                  "versions/prd/api.yaml:4:14: unknown environment \"prd\"; did you mean "
                  "'prod'?\n"},
        FaultCase{"SameTargetTwice", [](Tree& repo) { repo.add(environment("staging", {"p-2"})); },
                  kAll,
                  "environments/staging.yaml:5:5: target \"p-2\" is already defined at "
                  "environments/prod.yaml:6:5\n"},
        FaultCase{
            "PromotionCircle",
            [](Tree& repo) {
                auto prod = environment("prod", {"p-1"});
                prod.promotes_from = Reference{"staging", {"environments/prod.yaml", 3, 1}};
                auto staging = environment("staging", {"s-1"});
                staging.promotes_from = Reference{"prod", {"environments/staging.yaml", 3, 1}};
                repo.add(prod).add(staging);
            },
            kAll,
            "environments/prod.yaml:3:1: environments promote in a circle: prod → staging "
            "→ prod\n"},
        FaultCase{"DependencyCircle",
                  [](Tree& repo) {
                      auto api = project("api");
                      Dependency itself;
                      itself.service = {"api", {"projects/api.yaml", 8, 5}};
                      api.depends_on = {itself};
                      repo.add(api);
                  },
                  {"prod/api", "staging/api"},
                  "projects/api.yaml:8:5: projects depend on each other in a circle: api → api\n"},
        FaultCase{"MissingDependency",
                  [](Tree& repo) {
                      auto api = project("api");
                      Dependency missing;
                      missing.service = {"wab", {"projects/api.yaml", 8, 5}};
                      api.depends_on = {missing};
                      repo.add(api);
                  },
                  {"prod/api", "staging/api"},
                  "projects/api.yaml:8:5: unknown project \"wab\"; did you mean 'web'?\n"},
        FaultCase{"UnknownPin",
                  [](Tree& repo) {
                      auto api = version("prod", "api", "1.0.0");
                      api.pins = {{{"p-3", {"versions/prod/api.yaml", 7, 5}}, "0.9"}};
                      repo.add(api);
                  },
                  {"prod/api"},
                  "versions/prod/api.yaml:7:5: unknown target \"p-3\"; did you mean 'p-1'?\n"},
        FaultCase{"UnknownVariable",
                  [](Tree& repo) {
                      auto api = project("api");
                      api.deploy.script.work_dir = "/opt/${APP_DOR}/${LEVEL}";
                      repo.add(api);
                      auto prod = environment("prod", {"p-1"});
                      prod.variables["LEVEL"] = plain("x");
                      repo.add(prod);
                  },
                  {"prod/api", "staging/api"},
                  "projects/api.yaml:4:1: unknown variable APP_DOR; did you mean 'APP_DIR'?\n"
                  "projects/api.yaml:4:1: unknown variable LEVEL\n"},
        FaultCase{"VariableOfOneTargetOnly",
                  [](Tree& repo) {
                      auto api = project("api");
                      api.deploy.script.work_dir = "/opt/${DISK}";
                      repo.add(api);
                      for (const auto* name : {"prod", "staging"}) {
                          auto env = environment(
                              name, {std::string(name) + "-1", std::string(name) + "-2"});
                          env.targets[0].variables["DISK"] = plain("a");
                          if (env.name == "staging") env.targets[1].variables["DISK"] = plain("b");
                          repo.add(env);
                      }
                  },
                  {"prod/api"},
                  "projects/api.yaml:4:1: unknown variable DISK\n"},
        FaultCase{"ListOfNoEnvironment",
                  [](Tree& repo) {
                      TargetList list;
                      list.environment = "prd";
                      list.position = {"environments/prd/targets/a.yaml", 1, 1};
                      repo.add(list.position.file, list);
                  },
                  {},
                  "environments/prd/targets/a.yaml:1:1: unknown environment \"prd\"; did you mean "
                  "'prod'?\n"},
        FaultCase{"UnknownPolicy",
                  [](Tree& repo) {
                      auto prod = environment("prod", {"p-1"});
                      prod.policies = {{"jumps", {"environments/prod.yaml", 3, 1}}};
                      repo.add(prod).add(policy_for("jump", "staging"));
                  },
                  kProd,
                  "environments/prod.yaml:3:1: unknown policy \"jumps\"; did you mean 'jump'?\n"},
        FaultCase{"BrokenPolicy", [](Tree& repo) { repo.break_file("policies/jump.yaml"); }, kAll,
                  "policies/jump.yaml:2:3: broken\n"},
        FaultCase{"UnknownPromotion",
                  [](Tree& repo) {
                      auto prod = environment("prod", {"p-1"});
                      prod.promotes_from = Reference{"stagin", {"environments/prod.yaml", 3, 1}};
                      repo.add(prod);
                  },
                  kProd,
                  "environments/prod.yaml:3:1: unknown environment \"stagin\"; did you mean "
                  "'staging'?\n"},
        FaultCase{"UnknownCanaryTarget",
                  [](Tree& repo) {
                      auto prod = environment("prod", {"p-1"});
                      prod.strategy = Strategy{};
                      prod.strategy->canary_targets = {{"p-2", {"environments/prod.yaml", 3, 1}}};
                      repo.add(prod);
                  },
                  kProd,
                  "environments/prod.yaml:3:1: unknown target \"p-2\"; did you mean 'p-1'?\n"},
        FaultCase{"UnknownCanaryTargetOfDefaults",
                  [](Tree& repo) {
                      Repository repository;
                      repository.strategy = Strategy{};
                      repository.strategy->canary_targets = {{"nowhere", {"tidegate.yaml", 4, 1}}};
                      repo.add(repository);
                  },
                  kAll, "tidegate.yaml:4:1: unknown target \"nowhere\"\n"},
        FaultCase{"ApprovalsOfNoVersion",
                  [](Tree& repo) {
                      ApprovalList list;
                      list.key = {"prod", "apo"};
                      list.position = {"approvals/prod/apo.yaml", 1, 1};
                      repo.add(list);
                  },
                  {},
                  "approvals/prod/apo.yaml:1:1: there is no versions/prod/apo.yaml\n"},
        FaultCase{"Approvals",
                  [](Tree& repo) { repo.break_file("approvals/prod/api.yaml"); },
                  {"prod/api"},
                  "approvals/prod/api.yaml:2:3: broken\n"},
        FaultCase{"ApprovalsOfAnotherKind",
                  [](Tree& repo) { repo.put("approvals/prod/api.yaml", project("api")); },
                  {"prod/api"},
                  "versions/prod/api.yaml: a file that this depends on is of another kind\n"},
        FaultCase{"StrayFileAmongPolicies",
                  [](Tree& repo) { repo.break_file("policies/notes.txt"); },
                  {},
                  "policies/notes.txt:2:3: broken\n"}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(ResolveTest, KeepsABoundedNumberOfErrorsPerAssignment) {
    auto tree = small_tree();
    auto api = project("api");
    for (int i = 0; i < 150; ++i)
        api.deploy.script.environment["X" + std::to_string(i)] =
            "${NOT_THERE_" + std::to_string(i) + "}";
    tree.add(api);
    const auto resolved = at(tree);
    EXPECT_EQ(resolved.assignments.at(kProdApi)->errors.size(), limits::kErrorsPerAssignmentMax);
}

using References = std::vector<Reference>;
struct DanglingCase {
    const char* name;
    std::function<void(Tree&, const References&)> plant;
};
class DanglingTest : public testing::TestWithParam<DanglingCase> {};

/// Each hint compares a name with all others: a small file of dangling names must not cost minutes.
TEST_P(DanglingTest, NearNamesAreLookedForOnlyWhileTheyAreShown) {
    const std::string near = "a-name-that-is-there";
    auto tree = small_tree();
    Policy policy;
    policy.name = near;
    tree.add(policy).add(project(near)).add(environment("prod", {near}));
    References dangling;
    for (int i = 0; i < 2'000; ++i)
        dangling.push_back({near + std::to_string(i), {"a.yaml", 10 + i, 1}});
    GetParam().plant(tree, dangling);
    const auto hints = std::ranges::count_if(at(tree).errors(), [](const Error& error) {
        return error.message.find("did you mean") != std::string::npos;
    });
    EXPECT_EQ(hints, limits::kErrorsPerAssignmentMax);
}

INSTANTIATE_TEST_SUITE_P(
    Places, DanglingTest,
    testing::Values(DanglingCase{"Policies",
                                 [](Tree& tree, const References& dangling) {
                                     auto prod = environment("prod", {"a-name-that-is-there"});
                                     prod.policies = dangling;
                                     tree.add(prod);
                                 }},
                    DanglingCase{"CanaryTargets",
                                 [](Tree& tree, const References& dangling) {
                                     auto prod = environment("prod", {"a-name-that-is-there"});
                                     prod.strategy = Strategy{};
                                     prod.strategy->canary_targets = dangling;
                                     tree.add(prod);
                                 }},
                    DanglingCase{"Dependencies",
                                 [](Tree& tree, const References& dangling) {
                                     auto api = project("api");
                                     for (const auto& reference : dangling)
                                         api.depends_on.emplace_back().service = reference;
                                     tree.add(api);
                                 }}),
    [](const auto& each) { return std::string(each.param.name); });

/// It may outlive what it was for, and may be a slip of the pen.
TEST(ResolveTest, APolicyForNamesThatAreNotThereHoldsNothingAndIsTold) {
    auto jump = policy_for("jump", "prd");
    auto leap = policy_for("leap", "prod");
    leap.applies_to = scope("projects", "wab");
    const auto tree = small_tree().add(jump).add(leap);
    const auto resolved = at(tree);
    EXPECT_EQ(lines(resolved.errors()), "");
    EXPECT_EQ(lines(resolved.warnings()),
              "policies/jump.yaml:1:1: unknown environment \"prd\"; did you mean 'prod'?\n"
              "policies/leap.yaml:1:1: unknown project \"wab\"; did you mean 'web'?\n");
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
    prod.strategy->type = StrategyType::canary;
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
    EXPECT_THAT(
        resolved.assignments.at(kProdApi)->assignment->rules.unsupported,
        ElementsAre("approval: require_approval", "schedule: scheduled_release", "strategy: canary",
                    "task: migrate of type db_migrate", "variable: KEY of type secret"));
    EXPECT_THAT(resolved.rules_of("prod")->unsupported, ElementsAre("approval: require_approval"));
    EXPECT_THAT(lines(resolved.warnings()),
                HasSubstr("environments/prod.yaml:9:1: strategy: canary is not acted on yet: the "
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
