#include <gtest/gtest.h>

#include "schema/base/limits.h"
#include "schema/resolve/digest.h"
#include "tests/unit/engine/rollout.h"

namespace tidegate::engine {
namespace {

TEST(OutcomeCostTest, AnOutcomeWritesAndShowsTheSameHoweverManyTargetsThereAre) {
    std::vector<Cost> costs;
    for (const int targets : {300, 10'000}) {
        Rollout rollout(targets, all_at_once());
        rollout.drain();
        ASSERT_EQ(rollout.in_flight(), static_cast<std::size_t>(targets));
        (void)rollout.finish_one();
        costs.push_back(rollout.finish_one());
    }
    EXPECT_EQ(costs[0].rows, costs[1].rows);
    EXPECT_EQ(costs[0].shown, 1u);
    EXPECT_EQ(costs[1].shown, 1u);
    EXPECT_LT(costs[1].bytes, 2'000u);
    EXPECT_EQ(costs[0].bytes, costs[1].bytes);
}

TEST(OutcomeCostTest, AStepWritesTheSameHoweverManyStepsThereAre) {
    std::vector<Cost> costs;
    for (const int targets : {10, 200}) {
        Rollout rollout(targets, one_by_one());
        (void)rollout.finish_one();
        costs.push_back(rollout.finish_one());
    }
    EXPECT_EQ(costs[0].rows, costs[1].rows);
    EXPECT_EQ(costs[0].shown, costs[1].shown);
    EXPECT_NEAR(static_cast<double>(costs[0].bytes), static_cast<double>(costs[1].bytes), 8.0);
}

/// The hold is shown and stored, so it may not grow with the fleet.
TEST(StepTest, SaysOnceThatTargetsAreBusy) {
    constexpr int kTargets = 20;
    Rollout rollout(kTargets, all_at_once());
    for (int i = 0; i < kTargets; ++i) (void)rollout.finish_one();
    auto forward = std::make_shared<Assignment>(*second_version(kTargets, all_at_once()));
    forward->forward_only = true;
    rollout.wish(forward);
    (void)rollout.finish_one(ActionOutcome::failed);
    rollout.pass(std::chrono::hours{7});
    rollout.wish(version_of(kTargets, all_at_once(), 3));
    ASSERT_EQ(rollout.holds().size(), 1u);
    EXPECT_EQ(rollout.holds()[0].gate, "busy");
    EXPECT_LT(rollout.holds()[0].reason.size(), 200u);
}

TEST(StepTest, AnEmptyOneCostsNoPauseOfItsOwn) {
    auto slowly = one_by_one();
    slowly.batch_interval = Seconds{60};
    Rollout rollout(3, slowly);
    (void)rollout.finish_one();
    rollout.pass(Seconds{50});
    auto fewer = std::make_shared<Assignment>(*wish_of(3, slowly));
    fewer->targets.erase(fewer->targets.begin() + 1);
    rollout.wish(fewer);
    rollout.pass(Seconds{9});
    EXPECT_EQ(rollout.in_flight(), 0u);
    rollout.pass(Seconds{1});
    EXPECT_EQ(in_outbox(rollout), std::vector{name_of(2)});
}

TEST(OfflineTest, WhatHasTheNewVersionKeepsItWhileTheRestIsAway) {
    auto slowly = one_by_one();
    slowly.batch_interval = Seconds{60};
    Rollout rollout(2, all_at_once());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    rollout.wish(second_version(2, slowly));
    ASSERT_EQ(rollout.next().key.target, name_of(0));
    (void)rollout.finish_one();
    rollout.leaves(1);
    auto again = std::make_shared<Assignment>(*second_version(2, slowly));
    again->intent.commit = "c3";
    again->retry = 1;
    rollout.wish(again);
    rollout.pass(std::chrono::hours{8});
    EXPECT_EQ(in_outbox(rollout).size(), 0u);
    EXPECT_EQ(newest(rollout).kind, ReleaseKind::introduce);
    rollout.comes_back(1);
    EXPECT_EQ(in_outbox(rollout), std::vector{name_of(1)});
    EXPECT_EQ(rollout.next().version, "v2");
}

TEST(OfflineTest, PicksAreReplacedByTheFirstOnlineOnesOfLaterSteps) {
    auto strategy = one_by_one();
    strategy.batch_size = {2, false};
    strategy.max_unavailable = {2, false};
    Rollout rollout(8, all_at_once());
    for (int i = 0; i < 8; ++i) (void)rollout.finish_one();
    rollout.wish(second_version(8, strategy));
    for (const int away : {2, 3, 4, 6}) rollout.leaves(away);
    rollout.pass(std::chrono::minutes{5});
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    const auto targets = [&](std::size_t step) {
        return deploy_of(newest(rollout).steps.at(step))->targets;
    };
    EXPECT_EQ(targets(1), (std::vector{name_of(5), name_of(7)}));
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    EXPECT_TRUE(targets(2).empty());
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::success);
    EXPECT_EQ(newest(rollout).targets.at(name_of(6)).status, TargetStatus::skipped);
}

TEST(OfflineTest, SaysUntilWhenAgentsAreWaitedFor) {
    Rollout rollout(2, one_by_one());
    rollout.leaves(1);
    (void)rollout.finish_one();
    const auto holds = rollout.holds();
    ASSERT_EQ(holds.size(), 1u);
    EXPECT_EQ(holds[0].gate, "offline");
    EXPECT_EQ(holds[0].until, rollout.now() + limits::kAgentGrace);
}

TEST(DeadlineTest, OfAReleaseDoesNotCountItsPlannedWaits) {
    auto slowly = one_by_one();
    slowly.batch_interval = std::chrono::hours{4};
    Rollout rollout(3, slowly);
    for (int i = 0; i < 3; ++i) {
        ASSERT_EQ(rollout.in_flight(), 1u) << newest(rollout).reason;
        (void)rollout.finish_one();
        rollout.pass(std::chrono::hours{4});
    }
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::success) << newest(rollout).reason;
}

/// A hundred hosts, one by one, four minutes each: it takes longer than six hours.
TEST(DeadlineTest, OfAReleaseFollowsFromItsSteps) {
    Rollout rollout(100, one_by_one());
    for (int i = 0; i < 100; ++i) {
        ASSERT_EQ(rollout.in_flight(), 1u) << newest(rollout).reason;
        rollout.pass(std::chrono::minutes{4});
        (void)rollout.finish_one();
    }
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::success) << newest(rollout).reason;
}

TEST(DeadlineTest, OfAReleaseIsAPersonsWhereOneIsGiven) {
    auto first = std::make_shared<Assignment>(*wish_of(100, one_by_one()));
    first->rollback.release_deadline = std::chrono::hours{1};
    Rollout rollout(100, AssignmentPtr(first));
    for (int i = 0; i < 15 && rollout.in_flight() == 1; ++i) {
        rollout.pass(std::chrono::minutes{4});
        if (i < 14) (void)rollout.finish_one();
    }
    EXPECT_TRUE(newest(rollout).condemned);
    EXPECT_NE(newest(rollout).reason.find("deadline"), std::string::npos) << newest(rollout).reason;
}

/// Its agent is there, but has lost the action or hangs.
TEST(DeadlineTest, AnAnswerThatNeverComesIsNotWaitedForForever) {
    Rollout rollout(2, all_at_once());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    auto forward = std::make_shared<Assignment>(*second_version(2, all_at_once()));
    forward->forward_only = true;
    rollout.wish(forward);
    (void)rollout.finish_one(ActionOutcome::failed);
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::running);
    rollout.pass(std::chrono::hours{7});
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::failed);
    EXPECT_EQ(in_outbox(rollout), std::vector{name_of(1)}) << "it may come yet";
}

TEST(UninstallTest, SaysWhenItIsTriedAgain) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    auto gone = std::make_shared<Assignment>(*second_version(1, one_by_one()));
    auto definition = std::make_shared<Definition>(*gone->definition);
    definition->absent = true;
    gone->definition = gone->targets[0].definition = definition;
    rollout.wish(gone);
    (void)rollout.finish_one(ActionOutcome::failed);
    const auto holds = rollout.holds();
    ASSERT_EQ(holds.size(), 1u);
    EXPECT_EQ(holds[0].gate, "backoff");
    EXPECT_EQ(holds[0].until, rollout.now() + limits::kBlockMin);
    rollout.pass(limits::kBlockMin);
    EXPECT_EQ(rollout.next().kind, ActionKind::uninstall);
}

/// A pin to what was reverted is held after the store was lost, too.
TEST(LostStoreTest, OwnRevertsAreQuarantinesAgain) {
    auto wish = std::make_shared<Assignment>(*wish_of(1, one_by_one()));
    auto reverted = std::make_shared<Definition>(*wish->definition);
    reverted->digest = Digest::of("v2");
    wish->reverts = {{kKey, reverted->digest, "v2", "r1", "c0", 0, "it broke", Timestamp{}}};
    auto& target = wish->targets[0];
    target.pinned = true;
    target.definition = reverted;
    target.digest = target_digest(reverted->digest, target.config_digest);
    Rollout rollout(1, wish);
    rollout.drain();
    EXPECT_EQ(rollout.in_flight(), 0u);
    EXPECT_TRUE(rollout.state().quarantines.contains({kKey, reverted->digest}));
}

TEST(OutcomeCostTest, ALargeReleaseEndsAndComesBackFromItsRows) {
    Rollout rollout(1'000, all_at_once());
    rollout.drain();
    while (rollout.in_flight() > 0) (void)rollout.finish_one();
    rollout.drain();
    const auto back = rollout.restarted();
    ASSERT_EQ(back.releases.size(), 1u);
    const auto& release = back.releases.begin()->second;
    EXPECT_EQ(release.status, ReleaseStatus::success);
    EXPECT_EQ(release.targets.size(), 1'000u);
    EXPECT_EQ(targets_of(release.steps.at(0)).size(), 1'000u);
}

}  // namespace
}  // namespace tidegate::engine
