/// What is foretold of a way back (planner/way_back.h) is what the engine then does.

#include "reconciler/engine/way_back.h"

#include "tests/unit/engine/blue_green.h"

namespace tidegate::engine {
namespace {

using planner::BackKind;
using testing::ElementsAre;

std::vector<planner::BackStep> way_back_of(Rollout& rollout, const Release& release) {
    return planner::compile_rollback(release,
                                     situation_of(rollout.state(), release, rollout.lived()));
}

std::vector<BackKind> kinds_of(const std::vector<planner::BackStep>& steps) {
    std::vector<BackKind> kinds;
    for (const auto& step : steps) kinds.push_back(step.kind);
    return kinds;
}

std::vector<std::string> restored_in(const Release& release) {
    std::vector<std::string> names;
    for (const auto& [name, progress] : release.targets)
        if (progress.status == TargetStatus::restored) names.push_back(name);
    return names;
}

void finish_whole(Rollout& rollout) {
    while (rollout.in_flight() > 0) (void)rollout.finish_one();
}

class WayBackTest : public testing::TestWithParam<Granularity> {};

TEST_P(WayBackTest, WhatItTellsBeforeAFailureIsWhatGoesBack) {
    constexpr int kTargets = 5;
    for (int well = 0; well < kTargets; ++well) {
        auto strategy = one_by_one();
        const auto with_rules = [&](AssignmentPtr wish) {
            auto made = std::make_shared<Assignment>(*wish);
            made->rollback.granularity = GetParam();
            return made;
        };
        Rollout rollout(kTargets, with_rules(wish_of(kTargets, strategy)));
        finish_whole(rollout);
        rollout.wish(with_rules(second_version(kTargets, strategy)));
        for (int i = 0; i < well; ++i) (void)rollout.finish_one();
        const auto id = newest(rollout).id;
        const auto told = way_back_of(rollout, newest(rollout));
        ASSERT_THAT(kinds_of(told), ElementsAre(BackKind::restore, BackKind::verify)) << well;
        (void)rollout.finish_one(ActionOutcome::failed);
        const auto& release = rollout.state().releases.at(id);
        EXPECT_EQ(way_back_of(rollout, release)[0].status, StepStatus::running);
        finish_whole(rollout);
        EXPECT_EQ(restored_in(release), told[0].targets) << well;
        EXPECT_EQ(way_back_of(rollout, release)[1].status, StepStatus::success);
    }
}

INSTANTIATE_TEST_SUITE_P(, WayBackTest,
                         testing::Values(Granularity::all, Granularity::single_target));

TEST(WayBackOfASwitchTest, RoutesFirstAndTheRemovalOutlivesTheRelease) {
    BlueGreen rollout(hybrid());
    rollout.installs_first();
    rollout.brings(2);
    rollout.obey();
    const auto id = newest(rollout).id;
    const auto told = way_back_of(rollout, newest(rollout));
    ASSERT_THAT(kinds_of(told), ElementsAre(BackKind::route, BackKind::remove));
    (void)rollout.finish_one(ActionOutcome::failed);
    const auto& release = rollout.state().releases.at(id);
    EXPECT_EQ(way_back_of(rollout, release)[0].status, StepStatus::running);
    rollout.forget_sent();
    rollout.obey();
    EXPECT_EQ(release.status, ReleaseStatus::rollback);
    EXPECT_EQ(way_back_of(rollout, release)[0].status, StepStatus::success);
    EXPECT_EQ(way_back_of(rollout, release)[1].status, StepStatus::running);
    EXPECT_EQ(restored_in(release), told[1].targets);
    finish_whole(rollout);
    EXPECT_EQ(way_back_of(rollout, release)[1].status, StepStatus::success);
    EXPECT_EQ(way_back_of(rollout, release)[1].done, 3);
}

TEST(WayBackOfASwitchTest, UnderSingleTargetItGoesBackWholeAndSaysSo) {
    BlueGreen rollout(hybrid());
    rollout.installs_first();
    auto second = std::make_shared<Assignment>(*routed_through(version_of(3, hybrid(), 2)));
    second->rollback.granularity = Granularity::single_target;
    rollout.wish(second);
    rollout.obey();
    for (int i = 0; i < 3; ++i) (void)rollout.finish_one();
    rollout.obey();
    const auto id = newest(rollout).id;
    (void)rollout.finish_one(ActionOutcome::failed);
    rollout.forget_sent();
    rollout.obey();
    const auto& release = rollout.state().releases.at(id);
    EXPECT_EQ(release.status, ReleaseStatus::rollback);
    EXPECT_EQ(restored_in(release).size(), 3u);
    EXPECT_EQ(release.revert_note,
              "granularity is single_target: the slot goes back whole, as a side serves whole or "
              "not at all; a person decides");
}

TEST(WayBackOfASwitchTest, AFirstInstallLeavesNothingInItsSlot) {
    BlueGreen rollout;
    rollout.wishes(1);
    rollout.obey();
    (void)rollout.finish_one(ActionOutcome::failed);
    rollout.finish_all();
    const auto failed = std::ranges::find(rollout.state().releases, ReleaseKind::introduce,
                                          [](const auto& each) { return each.second.kind; });
    ASSERT_NE(failed, rollout.state().releases.end());
    EXPECT_EQ(failed->second.status, ReleaseStatus::failed);
    EXPECT_TRUE(
        failed->second.reason.ends_with("; its slot is cleared, as there is no last good version"))
        << failed->second.reason;
    EXPECT_EQ(way_back_of(rollout, failed->second).back().status, StepStatus::success);
}

}  // namespace
}  // namespace tidegate::engine
