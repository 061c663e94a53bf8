/// Which assignments a fault holds, and what is said of it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "schema/base/limits.h"
#include "schema/resolve/resolve.h"
#include "tests/unit/resolve/tree_builder.h"

namespace tidegate {
namespace {

using namespace testing_support;

Project api_that_needs(const char* service) {
    auto api = project("api");
    Dependency needed;
    needed.service = {service, {"projects/api.yaml", 8, 5}};
    api.depends_on = {needed};
    return api;
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
                  [](Tree& repo) { repo.add(api_that_needs("api")); },
                  {"prod/api", "staging/api"},
                  "projects/api.yaml:8:5: projects depend on each other in a circle: api → api\n"},
        FaultCase{"MissingDependency",
                  [](Tree& repo) { repo.add(api_that_needs("wab")); },
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
                  "environments/prod.yaml:3:1: unknown target of this environment \"p-2\"; did you "
                  "mean 'p-1'?\n"},
        FaultCase{"UnknownCanaryTargetOfDefaults",
                  [](Tree& repo) {
                      Repository repository;
                      repository.strategy = Strategy{};
                      repository.strategy->canary_targets = {{"nowhere", {"tidegate.yaml", 4, 1}}};
                      repo.add(repository);
                  },
                  kAll, "tidegate.yaml:4:1: unknown target of this environment \"nowhere\"\n"},
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

}  // namespace
}  // namespace tidegate
