/// `max_failed`: so many targets go back alone, and the release goes on without them.

#include <gmock/gmock.h>

#include "schema/base/limits.h"
#include "tests/unit/engine/blue_green.h"

namespace tidegate::engine {
namespace {

using testing::HasSubstr;

Strategy allowing(Strategy strategy, Amount failures) {
    strategy.max_failed = failures;
    return strategy;
}

/// Four hosts with v1, to which v2 comes one after the other.
class MaxFailedTest : public testing::Test {
protected:
    MaxFailedTest() { begin(allowing(one_by_one(), {1, false})); }

    void begin(const Strategy& strategy) {
        rollout_ = Rollout(4, all_at_once());
        for (int i = 0; i < 4; ++i) (void)rollout_.finish_one();
        rollout_.wish(second_version(4, strategy));
    }
    void second_fails() {
        (void)rollout_.finish_one();
        (void)rollout_.finish_one(ActionOutcome::failed);
    }
    void passes_all() {
        for (int i = 0; i < 20 && rollout_.in_flight() > 0; ++i) (void)rollout_.finish_one();
    }
    [[nodiscard]] const TargetProgress& second() { return newest(rollout_).targets.at(name_of(1)); }

    Rollout rollout_{4, all_at_once()};
};

TEST_F(MaxFailedTest, OneGoesBackAloneAndTheReleaseGoesOn) {
    second_fails();
    ASSERT_EQ(rollout_.in_flight(), 1u) << "what is down uses up max_unavailable";
    EXPECT_EQ(rollout_.next().key.target, name_of(1));
    EXPECT_EQ(rollout_.next().kind, ActionKind::rollback);
    EXPECT_FALSE(rollout_.next().rejected) << "it says nothing against the version";
    passes_all();
    EXPECT_EQ(newest(rollout_).status, ReleaseStatus::success);
    EXPECT_EQ(second().status, TargetStatus::restored);
    EXPECT_THAT(newest(rollout_).reason, HasSubstr("3 of 4, web-00001 failed"));
    EXPECT_EQ(rollout_.state().assignments.at(kKey).good->good.version, "v2");
    EXPECT_EQ(rollout_.told(NoticeKind::target_blocked), 1);
}

TEST_F(MaxFailedTest, CatchesUpOnceItsTimeIsOver) {
    second_fails();
    passes_all();
    EXPECT_EQ(newest(rollout_).kind, ReleaseKind::introduce);
    rollout_.pass(limits::kBlockMin);
    ASSERT_EQ(newest(rollout_).kind, ReleaseKind::catch_up);
    EXPECT_EQ(rollout_.next().key.target, name_of(1));
    EXPECT_EQ(rollout_.next().version, "v2");
}

TEST_F(MaxFailedTest, OneMoreIsABadVerdict) {
    second_fails();
    (void)rollout_.finish_one();  // it is back
    (void)rollout_.finish_one(ActionOutcome::failed);
    const auto& release = newest(rollout_);
    EXPECT_EQ(release.status, ReleaseStatus::rolling_back);
    EXPECT_THAT(release.reason, HasSubstr("web-00002: failed"));
    EXPECT_THAT(release.reason, HasSubstr("1 failed before it, max_failed is 1"));
    passes_all();
    EXPECT_EQ(release.status, ReleaseStatus::rollback);
    for (const auto& [name, progress] : release.targets)
        EXPECT_NE(progress.status, TargetStatus::success) << name;
}

TEST_F(MaxFailedTest, NobodyIsLetGoBeforeAnythingProvesTheVersion) {
    (void)rollout_.finish_one(ActionOutcome::failed);
    EXPECT_EQ(newest(rollout_).status, ReleaseStatus::rolling_back);
}

TEST_F(MaxFailedTest, AShareOfLessThanOneTargetAllowsNone) {
    begin(allowing(one_by_one(), {20, true}));
    second_fails();
    EXPECT_EQ(newest(rollout_).status, ReleaseStatus::rolling_back);
    begin(allowing(one_by_one(), {25, true}));
    second_fails();
    EXPECT_TRUE(second().let_go);
}

TEST_F(MaxFailedTest, OneThatFailsUnderWatchGoesBackAlone) {
    auto strategy = allowing({}, {1, false});
    strategy.type = StrategyType::canary;
    strategy.steps = {{50, std::nullopt, Seconds{600}}, {100, std::nullopt, Seconds{0}}};
    strategy.health_check = HealthCheck{};
    strategy.max_unavailable = Amount{2, false};
    begin(strategy);
    for (int i = 0; i < 2; ++i) (void)rollout_.finish_one();
    ASSERT_EQ(rollout_.next().kind, ActionKind::verify);
    (void)rollout_.finish_on(name_of(1), ActionOutcome::failed);
    EXPECT_EQ(newest(rollout_).status, ReleaseStatus::running);
    EXPECT_EQ(second().status, TargetStatus::restoring);
    (void)rollout_.finish_on(name_of(0), ActionOutcome::failed);
    EXPECT_EQ(newest(rollout_).status, ReleaseStatus::rolling_back) << "the other one is alone now";
}

TEST_F(MaxFailedTest, TheReleaseEndsOnceTheLastOfThemIsBack) {
    for (int i = 0; i < 3; ++i) (void)rollout_.finish_one();
    (void)rollout_.finish_one(ActionOutcome::failed);
    EXPECT_TRUE(is_active(newest(rollout_).status));
    ASSERT_EQ(in_outbox(rollout_), std::vector{name_of(3)});
    (void)rollout_.finish_one();
    EXPECT_EQ(newest(rollout_).status, ReleaseStatus::success);
    EXPECT_EQ(newest(rollout_).targets.at(name_of(3)).status, TargetStatus::restored);
}

TEST_F(MaxFailedTest, StaysSoOverARestart) {
    second_fails();
    const auto action = rollout_.next().id;
    rollout_.restart();
    const auto& entry = rollout_.state().outbox.at(action);
    EXPECT_TRUE(entry.restore);
    EXPECT_TRUE(second().let_go);
    rollout_.wish(second_version(4, allowing(one_by_one(), {1, false})));
    for (int i = 0; i < 4; ++i) rollout_.comes_back(i);
    passes_all();
    EXPECT_EQ(newest(rollout_).status, ReleaseStatus::success);
    EXPECT_EQ(second().status, TargetStatus::restored);
}

TEST_F(MaxFailedTest, WhereNothingMayGoBackItStaysAsItIs) {
    auto strategy = allowing(one_by_one(), {1, false});
    strategy.auto_rollback = false;
    begin(strategy);
    second_fails();
    EXPECT_EQ(second().status, TargetStatus::failed);
    EXPECT_EQ(in_outbox(rollout_), std::vector{name_of(2)}) << "it takes nothing of the budget";
    passes_all();
    EXPECT_EQ(newest(rollout_).status, ReleaseStatus::success);
}

TEST(MaxFailedSlotsTest, WhatFailsBesideGetsNoTrafficAndNothingIsRestored) {
    auto strategy = blue_green();
    strategy.max_failed = Amount{1, false};
    BlueGreen fleet(strategy);
    fleet.installs_first();
    fleet.wishes(2);
    fleet.obey();
    ASSERT_EQ(fleet.in_flight(), 3u);
    (void)fleet.finish_one(ActionOutcome::failed);
    (void)fleet.finish_one();
    (void)fleet.finish_one();
    EXPECT_EQ(newest(fleet).targets.at(name_of(0)).status, TargetStatus::restored);
    EXPECT_EQ(fleet.last_route(), "blue 0 green 0/100");
    EXPECT_EQ(doing(fleet), "") << "nothing was taken away from it";
    fleet.obey();
    EXPECT_EQ(fleet.state().assignments.at(kKey).good->good.version, "v2");
}

/// The rest would be too few for all of the traffic: it would begin anew for ever.
TEST(MaxFailedSlotsTest, MoreThanHalfIsABadVerdictWhateverIsAllowed) {
    auto strategy = blue_green();
    strategy.max_failed = Amount{2, false};
    BlueGreen fleet(strategy);
    fleet.installs_first();
    fleet.wishes(2);
    fleet.obey();
    for (int i = 0; i < 2; ++i) (void)fleet.finish_one(ActionOutcome::failed);
    EXPECT_TRUE(fleet.state().quarantines.contains({kKey, Digest::of("v2")}));
}

}  // namespace
}  // namespace tidegate::engine
