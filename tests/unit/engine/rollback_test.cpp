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
    EXPECT_EQ(budget->until, rollout_->now() + limits::kRollbackInTurns);
    finish(2);
    EXPECT_EQ(going_back(), std::vector{name_of(0)}) << "it counts for nothing";
    finish(0);
    EXPECT_EQ(going_back(), std::vector{name_of(1)});
    finish(1);
    EXPECT_EQ(newest(*rollout_).status, ReleaseStatus::rollback);
}

/// A person took it back while the rollback was already doing the same.
TEST_F(RollbackOrderTest, APersonsWayBackThatFindsItselfDoneSaysSo) {
    fail_third(3, all_at_once());
    auto back = std::make_shared<Assignment>(*wish_of(3, all_at_once()));
    back->intent.commit = back->intent.digest_commit = "c3";
    rollout_->wish(back);
    EXPECT_EQ(newest(*rollout_).kind, ReleaseKind::restore);
    EXPECT_EQ(newest(*rollout_).status, ReleaseStatus::pending);
    while (rollout_->in_flight() > 0) (void)rollout_->finish_one();
    rollout_->drain();
    EXPECT_EQ(newest(*rollout_).status, ReleaseStatus::cancelled);
    EXPECT_EQ(newest(*rollout_).reason, "nothing was left to do at its start");
}

/// Three work, one failed, and of one nobody knows yet.
TEST_F(RollbackOrderTest, AsManyAtATimeAsAReleaseMayTakeDownBesideWhatIsUnproven) {
    auto strategy = one_by_one();
    strategy.batch_size = strategy.max_unavailable = {2, false};
    rollout_.emplace(6, strategy);
    while (rollout_->in_flight() > 0) (void)rollout_->finish_one();
    rollout_->wish(second_version(6, strategy));
    for (int i = 0; i < 4; ++i) (void)rollout_->finish_one();
    ASSERT_EQ(going_back(), (std::vector{name_of(4), name_of(5)}));
    finish(4, ActionOutcome::failed);
    ASSERT_EQ(newest(*rollout_).status, ReleaseStatus::rolling_back);
    EXPECT_EQ(going_back(), (std::vector{name_of(0), name_of(1), name_of(4), name_of(5)}));
    finish(5);
    EXPECT_EQ(going_back(), (std::vector{name_of(0), name_of(1), name_of(4), name_of(5)}))
        << "too late to prove anything: it goes back at once, beside the two";
    finish(0);
    EXPECT_EQ(going_back(), (std::vector{name_of(1), name_of(2), name_of(4), name_of(5)}));
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

TEST_F(RollbackOrderTest, WhatBreaksWhileItWaitsTakesNobodysTurn) {
    rollout_.emplace(4, one_by_one());
    for (int i = 0; i < 4; ++i) (void)rollout_->finish_one();
    rollout_->wish(second_version(4, one_by_one()));
    for (int i = 0; i < 3; ++i) (void)rollout_->finish_one();
    (void)rollout_->finish_one(ActionOutcome::failed);
    ASSERT_EQ(going_back(), (std::vector{name_of(0), name_of(3)}));
    rollout_->reports(1, InstallStatus::failed, 1'000);
    ASSERT_EQ(going_back(), (std::vector{name_of(0), name_of(1), name_of(3)}));
    finish(0);
    EXPECT_EQ(going_back(), (std::vector{name_of(1), name_of(2), name_of(3)}));
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

/// v1 was good, the branch was rewritten, and after a restart nobody can say what v1 was.
class LostGoodTest : public testing::Test {
protected:
    void fail_second(const char* rollback_script) {
        (void)rollout_.finish_one();
        rollout_.restart();
        auto second = version_of(1, one_by_one(), 2);
        auto definition = std::make_shared<Definition>(*second->definition);
        definition->deploy.script.rollback_script = rollback_script;
        definition->deploy.script.update_script = "forward";
        second->definition = second->targets[0].definition = definition;
        rollout_.wish(AssignmentPtr(second));
        rollout_.loads_nothing("c1");
        rollout_.comes_back(0);
        ASSERT_EQ(rollout_.in_flight(), 1u);
        (void)rollout_.finish_one(ActionOutcome::failed);
    }
    bool is_loading() {
        const auto holds = rollout_.holds();
        return std::ranges::find(holds, "loading", &Hold::gate) != holds.end();
    }

    Rollout rollout_{1, one_by_one()};
};

TEST_F(LostGoodTest, IsGoneBackToByTheFailedVersionsOwnScript) {
    fail_second("back");
    for (int attempt = 0; attempt < 2; ++attempt) {
        ASSERT_EQ(rollout_.in_flight(), 1u) << attempt;
        EXPECT_EQ(rollout_.next().kind, ActionKind::rollback);
        EXPECT_EQ(rollout_.next().rollback_script, "back");
        EXPECT_EQ(rollout_.next().deploy.script.update_script, "");
        EXPECT_EQ(rollout_.next().version, "v1");
        EXPECT_EQ(rollout_.next().assignment_digest, Digest::of("v1"));
        (void)rollout_.finish_one(attempt == 0 ? ActionOutcome::failed : ActionOutcome::done);
    }
    EXPECT_EQ(newest(rollout_).status, ReleaseStatus::rollback);
}

TEST_F(LostGoodTest, WithoutOneIsFrozenAtOnceAndSaysWhy) {
    fail_second("");
    EXPECT_EQ(rollout_.in_flight(), 0u);
    EXPECT_EQ(newest(rollout_).status, ReleaseStatus::failed);
    EXPECT_NE(newest(rollout_).reason.find(
                  "frozen, as last good v1 (c1) cannot be read any more: no such commit"),
              std::string::npos)
        << newest(rollout_).reason;
    EXPECT_EQ(rollout_.asked().size(), 1u) << "what Git still has may bring it back";
}

/// Git may be away for a while: then it is waited for.
TEST_F(LostGoodTest, IsNotTakenForLostWhileGitIsAway) {
    (void)rollout_.finish_one();
    rollout_.restart();
    rollout_.wish(second_version(1, one_by_one()));
    rollout_.cannot_load("c1");
    rollout_.comes_back(0);
    (void)rollout_.finish_one(ActionOutcome::failed);
    EXPECT_EQ(newest(rollout_).status, ReleaseStatus::rolling_back);
}

/// A slow fetch may be before it.
TEST_F(LostGoodTest, CostsNoTimeUntilGitHasAnsweredOnce) {
    (void)rollout_.finish_one();
    rollout_.restart();
    rollout_.wish(second_version(1, one_by_one()));
    rollout_.comes_back(0);
    (void)rollout_.finish_one(ActionOutcome::failed);
    rollout_.pass(3 * limits::kRollbackDeadline);
    ASSERT_EQ(newest(rollout_).status, ReleaseStatus::rolling_back);
    EXPECT_TRUE(is_loading());
    rollout_.cannot_load("c1");
    EXPECT_TRUE(is_loading());
    rollout_.pass(limits::kRollbackDeadline - Seconds{1});
    ASSERT_EQ(newest(rollout_).status, ReleaseStatus::rolling_back);
    rollout_.loads("c1", wish_of(1, one_by_one())->definition);
    EXPECT_FALSE(is_loading());
    (void)rollout_.finish_one();
    EXPECT_EQ(newest(rollout_).status, ReleaseStatus::rollback);
}

TEST_F(LostGoodTest, IsNotWaitedForForEverOnceGitHasAnswered) {
    (void)rollout_.finish_one();
    rollout_.restart();
    rollout_.wish(second_version(1, one_by_one()));
    rollout_.cannot_load("c1");
    rollout_.comes_back(0);
    (void)rollout_.finish_one(ActionOutcome::failed);
    rollout_.pass(limits::kRollbackDeadline + Seconds{1});
    EXPECT_EQ(newest(rollout_).status, ReleaseStatus::failed);
}

TEST_F(LostGoodTest, IsReadBeforeItIsKept) {
    (void)rollout_.finish_one();
    rollout_.restart();
    rollout_.wish(frozen(second_version(1, one_by_one())));
    rollout_.comes_back(0);
    EXPECT_TRUE(is_loading());
    rollout_.loads("c1", wish_of(1, one_by_one())->definition);
    EXPECT_FALSE(is_loading());
}

TEST_F(LostGoodTest, IsToldWhereItWouldBeKept) {
    (void)rollout_.finish_one();
    rollout_.restart();
    auto waiting = version_of(1, one_by_one(), 2);
    auto rules = std::make_shared<Rules>();
    rules->freeze.active = true;
    waiting->anchor_rules.push_back(rules);
    rollout_.wish(AssignmentPtr(waiting));
    rollout_.loads_nothing("c1");
    rollout_.comes_back(0);
    const auto holds = rollout_.holds();
    EXPECT_TRUE(std::ranges::any_of(holds, [](const Hold& hold) {
        return hold.gate == "history" && hold.reason.find("v1") != std::string::npos;
    }));
}

}  // namespace
}  // namespace tidegate::engine
