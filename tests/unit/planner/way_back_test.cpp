#include "reconciler/planner/way_back.h"

#include <gmock/gmock.h>

namespace tidegate::planner {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Release rolling(int deployed) {
    Release release;
    release.status = ReleaseStatus::running;
    release.to = "1.5.0";
    release.started_at = Timestamp{};
    release.last_good.emplace().version = "1.4.0";
    for (int i = 1; i <= 3; ++i) {
        auto& progress = release.targets[fmt::format("web-{}", i)];
        progress.name = fmt::format("web-{}", i);
        if (i <= deployed) progress.status = TargetStatus::success;
    }
    return release;
}

Release switching(bool routed) {
    auto release = rolling(3);
    release.strategy = StrategyType::blue_green;
    release.slot = "green";
    release.steps.push_back({.work = DeployWork{{"web-1", "web-2", "web-3"}}});
    release.steps.push_back({.index = 1, .work = RouteWork{25}});
    if (routed) release.steps.back().started_at = Timestamp{};
    return release;
}

Situation beside_blue() { return {.live = "blue", .serves = true, .routers = 2}; }

void take_back(Release& release) {
    release.status = ReleaseStatus::rolling_back;
    release.revert = RevertState::wanted;
}

/// `0 restore 1.4.0 (running 1/2: web-1 web-2)`.
std::vector<std::string> told(const std::vector<BackStep>& steps) {
    std::vector<std::string> lines;
    for (const auto& step : steps) {
        auto line = fmt::format("{} {} ({} {}/{}", step.index, step.does, to_string(step.status),
                                step.done, step.all);
        for (const auto& target : step.targets) line += ' ' + target;
        lines.push_back(line + ')');
    }
    return lines;
}

TEST(WayBackTest, BeforeAFailureItIsWhatOneNowWouldUndo) {
    EXPECT_THAT(told(compile_rollback(rolling(2), {})),
                ElementsAre("0 restore 1.4.0 (pending 0/2 web-1 web-2)",
                            "1 check 1.4.0 (pending 0/2 web-1 web-2)"));
}

TEST(WayBackTest, OnItsWayItSaysHowFarEachStepIs) {
    auto release = rolling(2);
    take_back(release);
    EXPECT_THAT(told(compile_rollback(release, {})),
                ElementsAre("0 restore 1.4.0 (running 0/2 web-1 web-2)",
                            "1 check 1.4.0 (pending 0/2 web-1 web-2)"));
    release.targets["web-1"].status = TargetStatus::restored;
    release.targets["web-2"].status = TargetStatus::restoring;
    EXPECT_THAT(told(compile_rollback(release, {})),
                ElementsAre("0 restore 1.4.0 (running 1/2 web-1 web-2)",
                            "1 check 1.4.0 (running 1/2 web-1 web-2)"));
    release.targets["web-2"].status = TargetStatus::restored;
    release.status = ReleaseStatus::rollback;
    EXPECT_THAT(told(compile_rollback(release, {})),
                ElementsAre("0 restore 1.4.0 (success 2/2 web-1 web-2)",
                            "1 check 1.4.0 (success 2/2 web-1 web-2)"));
    release.targets["web-2"].status = TargetStatus::restore_failed;
    release.status = ReleaseStatus::failed;
    EXPECT_THAT(told(compile_rollback(release, {})),
                ElementsAre("0 restore 1.4.0 (failed 1/2 web-1 web-2)",
                            "1 check 1.4.0 (failed 1/2 web-1 web-2)"));
}

TEST(WayBackTest, OfASwitchTrafficGoesBackFirstAndTheSlotIsRemovedAfterwards) {
    auto release = switching(true);
    EXPECT_THAT(told(compile_rollback(release, beside_blue())),
                ElementsAre("0 route all traffic to blue (pending 0/2)",
                            "1 remove green (pending 0/3 web-1 web-2 web-3)"));
    take_back(release);
    auto situation = beside_blue();
    situation.in_force = 1;
    situation.in_slot = {"web-1", "web-2", "web-3"};
    EXPECT_THAT(told(compile_rollback(release, situation)),
                ElementsAre("0 route all traffic to blue (running 1/2)",
                            "1 remove green (pending 0/3 web-1 web-2 web-3)"));
    for (auto& [name, progress] : release.targets) progress.status = TargetStatus::restored;
    release.status = ReleaseStatus::rollback;
    situation.in_force = 2;
    situation.in_slot = {"web-3"};
    EXPECT_THAT(told(compile_rollback(release, situation)),
                ElementsAre("0 route all traffic to blue (success 2/2)",
                            "1 remove green (running 2/3 web-1 web-2 web-3)"))
        << "a duty that outlives the release";
    situation.in_slot.clear();
    EXPECT_EQ(compile_rollback(release, situation)[1].status, StepStatus::success);
}

TEST(WayBackTest, WhatWasNotRoutedToNobodyNotices) {
    EXPECT_THAT(told(compile_rollback(switching(false), beside_blue())),
                ElementsAre("0 remove green (pending 0/3 web-1 web-2 web-3)"));
    auto first = switching(true);
    first.last_good.reset();
    EXPECT_THAT(told(compile_rollback(first, {.routers = 1})),
                ElementsAre("0 route no traffic to green (pending 0/1)",
                            "1 remove green (pending 0/3 web-1 web-2 web-3)"));
}

TEST(WayBackTest, WhereNothingIsUndoneItSaysWhy) {
    auto release = rolling(2);
    EXPECT_THAT(told(compile_rollback(release, {.stays = "auto_rollback is off"})),
                ElementsAre("0 what is there stays: auto_rollback is off (pending 0/0)"));
    EXPECT_THAT(told(compile_rollback(rolling(0), {})),
                ElementsAre("0 nothing was touched yet (pending 0/0)"));
    release.last_good.reset();
    EXPECT_THAT(told(compile_rollback(release, {})),
                ElementsAre("0 what is there stays: there is no last good version (pending 0/0)"));
    release.status = ReleaseStatus::failed;
    EXPECT_THAT(told(compile_rollback(release, {})),
                ElementsAre("0 what is there stays (skipped 0/0)"));
}

TEST(WayBackTest, UnderSingleTargetWhatIsWellStays) {
    auto release = rolling(2);
    release.targets["web-2"].status = TargetStatus::failed;
    const Situation single{.granularity = Granularity::single_target};
    const auto steps = compile_rollback(release, single);
    ASSERT_EQ(steps.size(), 2U);
    EXPECT_EQ(steps[0].does, "restore 1.4.0 where it fails; what is well keeps 1.5.0");
    EXPECT_THAT(steps[0].targets, ElementsAre("web-2"));
    auto beside = beside_blue();
    beside.granularity = Granularity::single_target;
    EXPECT_EQ(compile_rollback(switching(true), beside)[1].targets.size(), 3U) << "whole";
}

TEST(WayBackTest, BackToNothingIsAnUninstall) {
    auto release = rolling(1);
    release.last_good->absent = true;
    EXPECT_THAT(told(compile_rollback(release, {})),
                ElementsAre("0 uninstall 1.5.0 (pending 0/1 web-1)"));
}

TEST(WayBackTest, OthersHaveNone) {
    auto release = rolling(2);
    release.kind = ReleaseKind::heal;
    EXPECT_THAT(compile_rollback(release, {}), IsEmpty());
    release = rolling(2);
    release.status = ReleaseStatus::success;
    EXPECT_THAT(compile_rollback(release, {}), IsEmpty());
    release = rolling(0);
    release.started_at.reset();
    EXPECT_THAT(compile_rollback(release, {}), IsEmpty()) << "it has not begun";
}

TEST(WayBackTest, OfAStepToComeItIsWhatAFailureThereWouldUndo) {
    auto release = switching(true);
    release.status = ReleaseStatus::success;
    auto foretold = rewound(release);
    EXPECT_THAT(told(compile_rollback(foretold, beside_blue())),
                ElementsAre("0 nothing was touched yet (pending 0/0)"));
    advance_to(foretold, release.steps[0]);
    EXPECT_THAT(told(compile_rollback(foretold, beside_blue())),
                ElementsAre("0 remove green (pending 0/3 web-1 web-2 web-3)"));
    advance_to(foretold, release.steps[1]);
    EXPECT_EQ(compile_rollback(foretold, beside_blue())[0].kind, BackKind::route);
}

}  // namespace
}  // namespace tidegate::planner
