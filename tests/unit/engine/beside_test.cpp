/// Heal and catch_up go on beside a release that only watches, or waits.

#include <gtest/gtest.h>

#include <algorithm>

#include "schema/base/limits.h"
#include "tests/unit/engine/blue_green.h"

namespace tidegate::engine {
namespace {

/// A quarter first; the rest after a person's promote.
Strategy quarter_first() {
    Strategy strategy;
    strategy.type = StrategyType::canary;
    strategy.steps = {{25, std::nullopt, Seconds{600}}, {100, std::nullopt, Seconds{0}}};
    strategy.max_unavailable = Amount{4, false};
    strategy.auto_promote = false;
    strategy.health_check = HealthCheck{};
    return strategy;
}

/// Four hosts with v1; the first has v2, and is watched.
class BesideTest : public testing::Test {
protected:
    BesideTest() {
        for (int i = 0; i < 4; ++i) (void)rollout_.finish_one();
        rollout_.wish(second_version(4, quarter_first()));
        (void)rollout_.finish_one();
        main_ = newest(rollout_).id;
    }
    [[nodiscard]] const Release& main() { return rollout_.state().releases.at(main_); }
    [[nodiscard]] const AssignmentState& assignment() {
        return rollout_.state().assignments.at(kKey);
    }
    void drifts(int target) { rollout_.reports_drift(target, true, "its file is gone"); }
    void is_watched_well() {
        rollout_.pass(Seconds{600});
        (void)rollout_.finish_on(name_of(0));
    }
    void promotes() {
        auto wish = std::make_shared<Assignment>(*assignment().wish);
        wish->promotion = Promotion{{"v2", 1, false}, "p1", "Alice", "alice@example.com", true};
        rollout_.wish(wish);
    }
    [[nodiscard]] std::vector<std::string> deploying() {
        auto names = in_outbox(rollout_);
        std::ranges::sort(names);
        return names;
    }

    Rollout rollout_{4, all_at_once()};
    std::string main_;
};

TEST_F(BesideTest, WhatItHasNotTouchedIsHealedTowardsLastGood) {
    drifts(2);
    EXPECT_EQ(newest(rollout_).kind, ReleaseKind::heal);
    ASSERT_EQ(deploying(), std::vector{name_of(2)});
    EXPECT_EQ(rollout_.state().outbox.begin()->second.action.version, "v1");
    (void)rollout_.finish_on(name_of(2));
    EXPECT_EQ(newest(rollout_).status, ReleaseStatus::success);
    EXPECT_EQ(assignment().active, main_);
    EXPECT_EQ(assignment().beside, "");
    EXPECT_EQ(main().status, ReleaseStatus::running);
}

TEST_F(BesideTest, WhatItHasTouchedIsItsOwn) {
    for (int i = 0; i < 2; ++i) drifts(0);  // it is looked at twice
    EXPECT_EQ(newest(rollout_).id, main_);
    EXPECT_EQ(main().status, ReleaseStatus::rolling_back);
}

TEST_F(BesideTest, GoesOnWhileAPersonIsWaitedFor) {
    is_watched_well();
    EXPECT_EQ(main().status, ReleaseStatus::paused);
    drifts(3);
    EXPECT_EQ(deploying(), std::vector{name_of(3)});
    (void)rollout_.finish_on(name_of(3));
    EXPECT_EQ(newest(rollout_).status, ReleaseStatus::success);
    EXPECT_EQ(main().status, ReleaseStatus::paused);
}

TEST_F(BesideTest, WhatHasBegunEndsBeforeTheReleaseComesThere) {
    is_watched_well();
    drifts(3);
    const auto heal = newest(rollout_).id;
    promotes();
    EXPECT_EQ(deploying(), (std::vector{name_of(1), name_of(2), name_of(3)}));
    (void)rollout_.finish_on(name_of(3));
    EXPECT_EQ(rollout_.state().releases.at(heal).status, ReleaseStatus::success);
    EXPECT_EQ(deploying(), (std::vector{name_of(1), name_of(2), name_of(3)})) << "with v2 now";
}

TEST_F(BesideTest, ABadVersionIsTakenBackAtOnceAndTheHealGoesOn) {
    drifts(2);
    (void)rollout_.finish_on(name_of(0), ActionOutcome::failed);
    EXPECT_EQ(main().status, ReleaseStatus::rolling_back);
    EXPECT_EQ(deploying(), (std::vector{name_of(0), name_of(2)}));
    (void)rollout_.finish_on(name_of(0));
    EXPECT_EQ(main().status, ReleaseStatus::rollback);
    EXPECT_EQ(assignment().active, newest(rollout_).id);
    (void)rollout_.finish_on(name_of(2));
    EXPECT_EQ(assignment().active, "");
}

TEST_F(BesideTest, AHealThatFailsBlocksItsTargetOnly) {
    drifts(2);
    (void)rollout_.finish_on(name_of(2), ActionOutcome::failed);
    EXPECT_EQ(newest(rollout_).status, ReleaseStatus::failed);
    EXPECT_EQ(main().status, ReleaseStatus::running);
    EXPECT_EQ(rollout_.told(NoticeKind::target_blocked), 1);
}

TEST_F(BesideTest, BothGoOnAfterARestart) {
    drifts(2);
    const auto heal = newest(rollout_).id;
    rollout_.restart();
    EXPECT_EQ(assignment().active, main_);
    EXPECT_EQ(assignment().beside, heal);
    rollout_.wish(second_version(4, quarter_first()));
    for (int i = 0; i < 4; ++i) rollout_.comes_back(i);
    (void)rollout_.finish_on(name_of(2));
    EXPECT_EQ(rollout_.state().releases.at(heal).status, ReleaseStatus::success);
    EXPECT_EQ(main().status, ReleaseStatus::running);
}

TEST_F(BesideTest, ANewerWishEndsBoth) {
    drifts(2);
    const auto heal = newest(rollout_).id;
    rollout_.wish(AssignmentPtr(version_of(4, all_at_once(), 3)));
    EXPECT_EQ(main().status, ReleaseStatus::cancelled);
    EXPECT_TRUE(is_active(rollout_.state().releases.at(heal).status)) << "it has something running";
    (void)rollout_.finish_on(name_of(2));
    EXPECT_TRUE(is_final(rollout_.state().releases.at(heal).status));
    EXPECT_EQ(newest(rollout_).to, "v3");
    EXPECT_EQ(newest(rollout_).status, ReleaseStatus::running);
}

TEST(BesideSlotsTest, TheLiveSlotIsHealedWhileTheOtherOneIsWatched) {
    BlueGreen fleet(hybrid());
    fleet.installs_first();
    fleet.pass(Seconds{600});
    fleet.finish_all();
    const auto live = fleet.sides().live;
    fleet.brings(2);
    fleet.obey();
    const auto main = newest(fleet).id;
    const auto weights = fleet.sides().weights;
    ASSERT_EQ(weights.size(), 2u);
    auto there = fleet.state().agents.at(name_of(1)).installations.at({name_of(1), "shop", live});
    there.drifted = true;
    there.drift_reason = "its file is gone";
    there.report += 1000;
    fleet.reports_as(1, there);
    ASSERT_EQ(newest(fleet).kind, ReleaseKind::heal);
    EXPECT_EQ(newest(fleet).slot, live);
    (void)fleet.finish_on(name_of(1));
    EXPECT_EQ(fleet.sides().weights, weights) << "the release's traffic is its own";
    EXPECT_EQ(fleet.state().assignments.at(kKey).active, main);
}

}  // namespace
}  // namespace tidegate::engine
