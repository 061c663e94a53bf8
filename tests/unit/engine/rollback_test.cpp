/// The order in which targets go back, and what they go back by.

#include <gtest/gtest.h>

#include <algorithm>

#include "schema/base/limits.h"
#include "tests/unit/engine/rollout.h"

namespace tidegate::engine {
namespace {

/// v1 everywhere; v2 works on the first two of three or more, and fails on the third.
class RollbackOrderTest : public testing::Test {
protected:
    void fail_third(int targets, const Strategy& strategy) {
        rollout_.emplace(targets, strategy);
        for (int i = 0; i < targets; ++i) (void)rollout_->finish_one();
        rollout_->wish(second_version(targets, strategy));
        for (int i = 0; i < 2; ++i) (void)rollout_->finish_one();
        (void)rollout_->finish_one(ActionOutcome::failed);
        ASSERT_EQ(newest(*rollout_).status, ReleaseStatus::rolling_back);
    }
    std::vector<std::string> going_back() {
        auto targets = in_outbox(*rollout_);
        std::ranges::sort(targets);
        return targets;
    }
    void finish(int target, ActionOutcome outcome = ActionOutcome::done) {
        rollout_->finish_on(name_of(target), outcome);
    }

    std::optional<Rollout> rollout_;
};

TEST_F(RollbackOrderTest, WhatFailedGoesAtOnceAndWhatWorksOneByOne) {
    fail_third(3, one_by_one());
    EXPECT_EQ(going_back(), (std::vector{name_of(0), name_of(2)}));
    const auto holds = rollout_->holds();
    const auto budget = std::ranges::find(holds, "budget", &Hold::gate);
    ASSERT_NE(budget, holds.end());
    EXPECT_EQ(budget->until, newest(*rollout_).all_back_at);
    finish(2);
    EXPECT_EQ(going_back(), std::vector{name_of(0)}) << "it counts for nothing";
    finish(0);
    EXPECT_EQ(going_back(), std::vector{name_of(1)});
    finish(1);
    EXPECT_EQ(newest(*rollout_).status, ReleaseStatus::rollback);
}

/// Its second try is still its own turn.
TEST_F(RollbackOrderTest, OneThatFailsOnItsWayBackKeepsItsTurn) {
    fail_third(3, one_by_one());
    finish(2);
    finish(0, ActionOutcome::failed);
    EXPECT_EQ(going_back(), std::vector{name_of(0)});
    finish(0);
    EXPECT_EQ(going_back(), std::vector{name_of(1)});
}

TEST_F(RollbackOrderTest, AfterFourMinutesNobodyWaits) {
    fail_third(3, one_by_one());
    rollout_->pass(limits::kRollbackInTurns - Seconds{1});
    EXPECT_EQ(going_back(), (std::vector{name_of(0), name_of(2)}));
    rollout_->pass(Seconds{1});
    EXPECT_EQ(going_back(), (std::vector{name_of(0), name_of(1), name_of(2)}));
}

TEST_F(RollbackOrderTest, WhatBreaksWhileItWaitsWaitsNoLonger) {
    fail_third(3, one_by_one());
    rollout_->reports(1, InstallStatus::failed, 1'000);
    EXPECT_EQ(going_back(), (std::vector{name_of(0), name_of(1), name_of(2)}));
}

TEST_F(RollbackOrderTest, WhatIsAwayTakesNoTurn) {
    fail_third(3, one_by_one());
    rollout_->leaves(1);
    finish(2);
    finish(0);
    rollout_->pass(limits::kAgentGrace);
    EXPECT_EQ(newest(*rollout_).status, ReleaseStatus::rollback);
    rollout_->comes_back(1);
    EXPECT_EQ(going_back(), std::vector{name_of(1)});
}

TEST_F(RollbackOrderTest, WhereAllGoForwardAtOnceAllGoBackAtOnce) {
    fail_third(3, all_at_once());
    EXPECT_EQ(going_back().size(), 3u);
}

TEST_F(RollbackOrderTest, TurnsAreKeptOverARestart) {
    fail_third(3, one_by_one());
    rollout_->restart();
    rollout_->wish(second_version(3, one_by_one()));
    for (int i = 0; i < 3; ++i) rollout_->comes_back(i);
    EXPECT_EQ(going_back(), (std::vector{name_of(0), name_of(2)}));
}

}  // namespace
}  // namespace tidegate::engine
