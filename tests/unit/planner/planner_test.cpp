#include <gtest/gtest.h>

#include "reconciler/planner/action.h"
#include "reconciler/planner/diff.h"
#include "reconciler/planner/strategy.h"
#include "schema/base/limits.h"
#include "schema/resolve/action_size.h"
#include "schema/wire/messages.h"

namespace tidegate::planner {
namespace {

Installation seen(InstallStatus status, const char* digest, bool drifted = false) {
    Installation made;
    made.status = status;
    made.digest = Digest::of(digest);
    made.drifted = drifted;
    return made;
}

struct CompareCase {
    const char* name;
    bool absent;
    std::optional<Installation> there;
    TargetState expected;
};
class CompareTest : public testing::TestWithParam<CompareCase> {};
TEST_P(CompareTest, MatchesExpected) {
    const auto& [name, absent, there, expected] = GetParam();
    EXPECT_EQ(compare({Digest::of("d"), absent}, there ? &*there : nullptr), expected) << name;
}
INSTANTIATE_TEST_SUITE_P(
    States, CompareTest,
    testing::Values(
        CompareCase{"nothing there", false, std::nullopt, TargetState::to_install},
        CompareCase{"nothing wanted", true, std::nullopt, TargetState::in_sync},
        CompareCase{"uninstalled", false, seen(InstallStatus::absent, "d"),
                    TargetState::to_install},
        CompareCase{"same", false, seen(InstallStatus::installed, "d"), TargetState::in_sync},
        CompareCase{"other", false, seen(InstallStatus::installed, "e"), TargetState::to_update},
        CompareCase{"failed", false, seen(InstallStatus::failed, "d"), TargetState::to_update},
        CompareCase{"drifted", false, seen(InstallStatus::installed, "d", true),
                    TargetState::drifted},
        CompareCase{"unknown", false, seen(InstallStatus::unknown, "d"), TargetState::unknown},
        CompareCase{"to go", true, seen(InstallStatus::installed, "d"),
                    TargetState::to_uninstall}));

TEST(DiffTest, MergesSortedListsAndFindsOrphans) {
    std::vector<WishRow> wished;
    std::vector<Installation> there;
    for (const auto* target : {"a", "b", "c"})
        wished.push_back({{target, "shop", ""}, {Digest::of("d"), false}});
    for (const auto* target : {"0", "b", "c", "z"}) {
        auto made = seen(InstallStatus::installed, target[0] == 'c' ? "old" : "d");
        made.key = {target, "shop", ""};
        there.push_back(made);
    }
    std::string text;
    for (const auto& difference : diff(wished, there))
        text += fmt::format("{} {}; ", difference.key.target, to_string(difference.state));
    EXPECT_EQ(text, "0 orphaned; a to_install; c to_update; z orphaned; ");
}

struct StepsCase {
    const char* name;
    StrategyType type;
    Amount batch;
    Amount unavailable;
    int targets;
    const char* expected;  ///< size/max_unavailable of each step
    int there = 0;         ///< that many more have the version already
};
class CompileTest : public testing::TestWithParam<StepsCase> {};
TEST_P(CompileTest, MatchesExpected) {
    const auto& test = GetParam();
    std::vector<DesiredTarget> all(static_cast<std::size_t>(test.targets));
    std::vector<const DesiredTarget*> targets;
    for (auto& target : all) {
        target.name = fmt::format("t{}", targets.size());
        targets.push_back(&target);
    }
    Strategy strategy;
    strategy.type = test.type;
    strategy.batch_size = test.batch;
    strategy.max_unavailable = test.unavailable;
    strategy.batch_interval = Seconds{30};
    std::string text;
    const int total = test.targets + test.there;
    for (const auto& step : compile(strategy, {targets, {}, total, total})) {
        const auto& work = std::get<DeployWork>(step.work);
        text += fmt::format("{}/{} ", work.targets.size(), work.max_unavailable);
        EXPECT_EQ(work.required, static_cast<int>(work.targets.size()));
        const bool waits = test.type == StrategyType::rolling && step.index > 0;
        EXPECT_EQ(work.wait_before, Seconds{waits ? 30 : 0});
    }
    EXPECT_EQ(text, test.expected) << test.name;
}
INSTANTIATE_TEST_SUITE_P(
    Strategies, CompileTest,
    testing::Values(
        StepsCase{"one by one", StrategyType::rolling, {1, false}, {1, false}, 3, "1/1 1/1 1/1 "},
        StepsCase{"a rest", StrategyType::rolling, {2, false}, {1, false}, 5, "2/1 2/1 1/1 "},
        StepsCase{"a share", StrategyType::rolling, {25, true}, {50, true}, 8, "2/4 2/4 2/4 2/4 "},
        StepsCase{"at least one", StrategyType::rolling, {10, true}, {1, true}, 3, "1/1 1/1 1/1 "},
        StepsCase{
            "a share of all", StrategyType::rolling, {50, true}, {25, true}, 5, "4/2 1/2 ", 3},
        StepsCase{"more than all", StrategyType::rolling, {9, false}, {9, false}, 2, "2/9 "},
        StepsCase{"all", StrategyType::all_at_once, {1, false}, {1, false}, 4, "4/0 "},
        StepsCase{"none", StrategyType::rolling, {1, false}, {1, false}, 0, ""}));

TEST(ActionTest, MergesVariablesLaterWinsAndFillsBuiltIns) {
    Release release;
    release.id = "r";
    release.key = {"prod", "shop"};
    release.commit = "0123456789abcdef";
    release.message = std::string(100'000, 'm');
    release.started_at = Timestamp{Milliseconds{1'767'225'600'000}};
    DesiredTarget target;
    target.name = "web-1";
    target.variables["PORT"].value = "target";
    target.variables["HOST"].value = "target";
    Definition definition;
    definition.version = "2.0";
    for (const auto* name : {"PORT", "HOST", "BASE"}) definition.base[name].value = "base";
    definition.release["PORT"].value = "release";
    const ActionSpec spec{.release = release,
                          .target = target,
                          .definition = definition,
                          .check = {},
                          .step = 1,
                          .attempt = 0,
                          .kind = ActionKind::rollback,
                          .digest = Digest::of("d"),
                          .current_version = "3.0",
                          .last_good = {},
                          .rejected = {},
                          .rollback_script = "undo",
                          .repo = "",
                          .branch = ""};
    const auto action = render(spec);
    const auto value = [&](const char* name) { return action.variables.at(name).value; };
    EXPECT_EQ(value("PORT"), "release");
    EXPECT_EQ(value("HOST"), "target");
    EXPECT_EQ(value("BASE"), "base");
    EXPECT_EQ(value("CURRENT_VERSION"), "3.0");
    EXPECT_EQ(value("RELEASE_TIME"), "2026-01-01T00:00:00Z");
    EXPECT_EQ(value("RELEASE_TIMESTAMP"), "1767225600");
    EXPECT_EQ(value("ROLLBACK_VERSION"), "2.0");
    EXPECT_EQ(value("GIT_COMMIT_SHORT"), "0123456789ab");
    EXPECT_EQ(value("GIT_MESSAGE").size(), 4096u);
    EXPECT_EQ(action.id, action_id("r", 1, "web-1", 0));
    EXPECT_NE(action.id, action_id("r", 1, "web-1", 1));
}

TEST(ActionTest, SaysWhichSlotItWorksIn) {
    Release release;
    release.id = "r";
    release.key = {"prod", "shop"};
    DesiredTarget target;
    target.name = "web-1";
    Definition definition;
    definition.base["LIVE_SLOT"].value = "mine";
    const std::optional<HealthCheck> check;
    ActionSpec spec{.release = release,
                    .target = target,
                    .definition = definition,
                    .check = check,
                    .step = 1,
                    .attempt = 0,
                    .kind = ActionKind::deploy,
                    .digest = {},
                    .current_version = "",
                    .last_good = {},
                    .rejected = {},
                    .rollback_script = "",
                    .repo = "",
                    .branch = ""};
    const auto without = render(spec);
    spec.slot = "green";
    spec.live_slot = "blue";
    const auto green = render(spec);
    EXPECT_EQ(green.key.text(), "web-1/shop@green");
    EXPECT_EQ(green.variables.at("SLOT").value, "green");
    EXPECT_EQ(green.variables.at("OTHER_SLOT").value, "blue");
    EXPECT_EQ(green.variables.at("LIVE_SLOT").value, "blue");
    EXPECT_EQ(without.key.text(), "web-1/shop");
    EXPECT_EQ(without.variables.at("SLOT").value, "");
    EXPECT_EQ(without.variables.at("LIVE_SLOT").value, "mine") << "as before there were slots";
    spec.slot = "blue";
    EXPECT_EQ(std::set({without.id, green.id, render(spec).id}).size(), 3U);
}

/// Every text as long as it may be, and many of each: what validate counts is not less than what an
/// agent is sent.
TEST(ActionTest, TakesNoMoreThanIsCountedBefore) {
    const auto of = [](std::size_t size) { return std::string(size, 'x'); };
    const LastGood state{Digest::of("d"), of(64), of(limits::kVersionBytesMax)};
    Release release;
    release.id = of(36);
    release.key = {of(limits::kNameBytesMax), of(limits::kNameBytesMax)};
    release.commit = of(64);
    release.author = of(limits::kPersonBytesMax);
    release.message = of(limits::kCommitMessageBytesMax);
    DesiredTarget target;
    target.name = target.agent = of(limits::kNameBytesMax);
    target.work_dir = of(500);
    Definition definition;
    definition.commit = of(64);
    definition.version = of(limits::kVersionBytesMax);
    definition.artifact = Artifact{of(500), of(64)};
    definition.pipeline.name = of(limits::kPipelineNameBytesMax);
    HealthCheck check;
    check.type = CheckType::tcp;
    check.host = check.port = of(limits::kPortBytesMax);
    check.expected_status = 599;
    check.timeout = check.interval = limits::kDurationMax;
    definition.health_check = check;
    Task task;
    task.type = TaskType::start_service;
    task.on_error = OnError::rollback;
    task.timeout = task.retry_delay = task.graceful_timeout = limits::kDurationMax;
    task.ready_timeout = task.duration = limits::kDurationMax;
    task.parallel = task.wait_ready = true;
    task.check = check;
    for (int i = 0; i < 50; ++i) {
        const auto name = fmt::format("NAME_{}", i);
        task.name = name;
        task.depends_on.push_back(name);
        definition.pipeline.release.push_back(task);
        definition.deploy.script.environment[name] = of(50);
        target.labels[name] = of(50);
        target.variables[name].value = of(50);
        auto& variable = definition.base["BASE_" + name];
        variable.type = VariableType::env_specific;
        variable.values = {{of(63), of(50)}, {"prod", of(50)}};
    }
    const ActionSpec spec{.release = release,
                          .target = target,
                          .definition = definition,
                          .check = definition.health_check,
                          .step = kRestoreStep,
                          .attempt = 1'000'000,
                          .kind = ActionKind::rollback,
                          .digest = Digest::of("d"),
                          .current_version = of(limits::kAgentWordBytesMax),
                          .last_good = state,
                          .rejected = state,
                          .rollback_script = {},
                          .repo = of(200),
                          .branch = of(50)};
    const auto sent = wire::encode(wire::DaemonMessage{wire::Run{1ULL << 63, render(spec), {}}});
    ASSERT_TRUE(sent) << sent.error().text();
    EXPECT_LE(sent->size(), action_bytes(definition) + action_bytes(target));
}

TEST(ActionTest, ItsTimeBoundCoversEveryTask) {
    Action action;
    const auto bare = time_bound(action);
    auto& task = action.pipeline.release.emplace_back();
    task.timeout = Seconds{100};
    task.retry = 2;
    task.retry_delay = Seconds{5};
    EXPECT_EQ(time_bound(action), bare + Seconds{315});
    auto& check = action.verify.emplace_back();
    check.timeout = Seconds{10};
    check.interval = Seconds{5};
    check.retry = 3;
    EXPECT_EQ(time_bound(action), bare + Seconds{375});
}

TEST(ActionTest, RestoresHaveAStepThatTheWireCanCarry) {
    EXPECT_GT(kRestoreStep, 0) << "schema/wire refuses steps below 0";
}

}  // namespace
}  // namespace tidegate::planner
