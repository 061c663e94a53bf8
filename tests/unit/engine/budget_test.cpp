/// What is down takes of `max_unavailable`, and must not keep others, or itself, down for good.

#include <gtest/gtest.h>

#include <algorithm>

#include "schema/base/limits.h"
#include "tests/unit/engine/rollout.h"

namespace tidegate::engine {
namespace {

/// v1 on two targets, one of which may be down at a time.
class BudgetTest : public testing::Test {
protected:
    BudgetTest() {
        for (int i = 0; i < 2; ++i) (void)rollout_.finish_one();
    }
    /// v2 and the way back fail on the first target.
    void first_is_left_down() {
        rollout_.wish(second_version(2, one_by_one()));
        for (int tries = 0; rollout_.in_flight() > 0 && tries < 10; ++tries)
            (void)rollout_.finish_one(ActionOutcome::failed);
        ASSERT_EQ(newest(rollout_).status, ReleaseStatus::failed);
        ASSERT_EQ(rollout_.in_flight(), 0u);
    }
    void third_version() { rollout_.wish(AssignmentPtr(version_of(2, one_by_one(), 3))); }
    bool is_held_by_budget() {
        return std::ranges::any_of(rollout_.holds(),
                                   [](const Hold& hold) { return hold.gate == "budget"; });
    }

    Rollout rollout_{2, one_by_one()};
};

TEST_F(BudgetTest, AHostThatDiedAfterAFailureTakesNothingOfIt) {
    first_is_left_down();
    rollout_.leaves(0);
    rollout_.pass(limits::kAgentGrace);
    third_version();
    ASSERT_EQ(rollout_.in_flight(), 1u);
    EXPECT_EQ(rollout_.next().key.target, name_of(1));
    (void)rollout_.finish_one();
    EXPECT_EQ(newest(rollout_).status, ReleaseStatus::success);
}

TEST_F(BudgetTest, ARevokedHostTakesNothingOfIt) {
    first_is_left_down();
    rollout_.leaves(0);
    rollout_.is_revoked(0);
    third_version();
    ASSERT_EQ(rollout_.in_flight(), 1u);
    EXPECT_EQ(rollout_.next().key.target, name_of(1));
}

TEST_F(BudgetTest, AnUninstallTriesAgainWhatIsDownAndGoesOn) {
    rollout_.wish(AssignmentPtr(absent_of(2, one_by_one(), 2)));
    (void)rollout_.finish_one(ActionOutcome::failed);
    EXPECT_EQ(rollout_.in_flight(), 0u);
    EXPECT_TRUE(is_held_by_budget());
    rollout_.pass(limits::kBlockMin);
    ASSERT_EQ(rollout_.in_flight(), 1u);
    EXPECT_EQ(rollout_.next().key.target, name_of(0)) << "which takes nothing more away";
    for (int i = 0; i < 2; ++i) (void)rollout_.finish_one();
    EXPECT_EQ(newest(rollout_).status, ReleaseStatus::success);
}

TEST_F(BudgetTest, AHealMakesWayForWhatIsDown) {
    rollout_.reports_drift(0, true, "its file is gone");
    (void)rollout_.finish_one(ActionOutcome::failed);
    rollout_.reports_drift(1, true, "its file is gone");
    EXPECT_EQ(rollout_.in_flight(), 0u);
    EXPECT_TRUE(is_held_by_budget());
    rollout_.pass(limits::kBlockMin);
    ASSERT_EQ(rollout_.in_flight(), 1u);
    EXPECT_EQ(rollout_.next().key.target, name_of(0));
    (void)rollout_.finish_one();
    ASSERT_EQ(rollout_.in_flight(), 1u);
    EXPECT_EQ(rollout_.next().key.target, name_of(1));
    EXPECT_EQ(newest(rollout_).kind, ReleaseKind::heal);
}

/// Until the head begins nobody goes back to what is last good, so there is none to make way for.
TEST(BudgetOfThreeTest, AHealMakesWayForNobodyWhileTheHeadWaitsForAgents) {
    Rollout rollout(3, one_by_one());
    for (int i = 0; i < 3; ++i) (void)rollout.finish_one();
    rollout.reports(0, InstallStatus::failed, 1'000);
    (void)rollout.finish_one(ActionOutcome::failed);
    rollout.leaves(2);
    rollout.wish(second_version(3, one_by_one()));
    rollout.reports_drift(1, true, "its file is gone");
    ASSERT_EQ(newest(rollout).kind, ReleaseKind::heal);
    ASSERT_EQ(newest(rollout).status, ReleaseStatus::paused);
    const auto releases = rollout.state().releases.size();
    for (int i = 0; i < 6; ++i) rollout.hold_tip(i % 2 == 0);  // each lets it be looked at
    EXPECT_EQ(rollout.state().releases.size(), releases);
}

/// It fails again and again: nothing moves, and nothing is begun over and over.
TEST_F(BudgetTest, WhatStaysDownIsTriedLessAndLess) {
    rollout_.wish(AssignmentPtr(absent_of(2, one_by_one(), 2)));
    int tries = 0;
    for (Seconds waited{0}; waited < std::chrono::hours{1}; waited += Seconds{1}) {
        for (; rollout_.in_flight() > 0; ++tries) {
            ASSERT_EQ(rollout_.next().key.target, name_of(0));
            (void)rollout_.finish_one(ActionOutcome::failed);
        }
        rollout_.pass(Seconds{1});
    }
    EXPECT_GE(tries, 4);
    EXPECT_LE(tries, 10);
    EXPECT_LE(rollout_.state().releases.size(), 2u * static_cast<std::size_t>(tries) + 2);
}

}  // namespace
}  // namespace tidegate::engine
