#include <gtest/gtest.h>

#include "tests/unit/engine/rollout.h"

namespace tidegate::engine {
namespace {

/// The file as it was when it was good comes back with the operation that it asked for then.
TEST(OperationTest, IsNotAskedForByARevert) {
    auto forced = std::make_shared<Assignment>(*wish_of(1, one_by_one()));
    forced->operation = Operation::update;
    Rollout rollout(1, AssignmentPtr(forced));
    (void)rollout.finish_one();
    rollout.wish(second_version(1, one_by_one()));
    (void)rollout.finish_one(ActionOutcome::failed);
    (void)rollout.finish_one();
    auto reverted = std::make_shared<Assignment>(*forced);
    reverted->intent.commit = reverted->intent.digest_commit = "c3";
    reverted->intent.by_daemon = true;
    rollout.wish(reverted);
    EXPECT_EQ(rollout.in_flight(), 0u);
    EXPECT_EQ(rollout.state().releases.size(), 2u);
}

TEST(OperationTest, WhatComesAfterItsReleaseDecidesByWhatIsThere) {
    auto forced = std::make_shared<Assignment>(*wish_of(1, one_by_one()));
    forced->operation = Operation::update;
    Rollout rollout(2, AssignmentPtr(forced));
    EXPECT_EQ(rollout.next().kind, ActionKind::update);
    (void)rollout.finish_one();
    auto grown = std::make_shared<Assignment>(*wish_of(2, one_by_one()));
    grown->operation = Operation::update;
    rollout.wish(grown);
    ASSERT_EQ(rollout.in_flight(), 1u);
    EXPECT_EQ(rollout.next().key.target, name_of(1));
    EXPECT_EQ(rollout.next().kind, ActionKind::deploy);
}

/// `operation` for what is last good already: a catch-up of all targets.
std::shared_ptr<Assignment> forced_on(int targets) {
    auto forced = std::make_shared<Assignment>(*wish_of(targets, one_by_one()));
    forced->intent.commit = "c2";
    forced->operation = Operation::update;
    return forced;
}

TEST(OperationTest, IsNotLostWhileItsTargetsAreAway) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    rollout.leaves(0);
    rollout.wish(forced_on(1));
    for (const auto wait : {Milliseconds{1'000}, Milliseconds{std::chrono::hours{1}}}) {
        rollout.pass(wait);
        ASSERT_EQ(rollout.holds().size(), 1u);
        EXPECT_EQ(rollout.holds()[0].gate, "offline");
        EXPECT_EQ(rollout.state().releases.size(), 1u);
    }
    rollout.comes_back(0);
    ASSERT_EQ(rollout.in_flight(), 1u);
    EXPECT_EQ(rollout.next().kind, ActionKind::update);
    (void)rollout.finish_one();
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::success);
    EXPECT_EQ(rollout.in_flight(), 0u) << "once";
}

TEST(OperationTest, IsNotPromisedToTargetsThatAreAway) {
    Rollout rollout(2, all_at_once());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    rollout.leaves(1);
    rollout.pass(std::chrono::hours{1});
    rollout.wish(forced_on(2));
    (void)rollout.finish_one();
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::success);
    const auto& away = newest(rollout).targets.at(name_of(1));
    EXPECT_EQ(away.status, TargetStatus::skipped);
    EXPECT_EQ(away.error.find("catches up"), std::string::npos) << away.error;
    rollout.comes_back(1);
    EXPECT_EQ(rollout.in_flight(), 0u);
}

/// It makes way for the upkeep of others, comes again, and repeats nothing.
TEST(OperationTest, IsNotLostWhileAHostIsInTrouble) {
    Rollout rollout(3, all_at_once());
    for (int i = 0; i < 3; ++i) (void)rollout.finish_one();
    auto forced = forced_on(3);
    forced->offline = Offline::wait;
    pin(forced->targets[2], "v1");
    rollout.wish(AssignmentPtr(forced));
    (void)rollout.finish_on(name_of(0));
    ASSERT_EQ(in_outbox(rollout), std::vector{name_of(1)});
    rollout.finds_host_trouble("disk full");
    rollout.reports(2, InstallStatus::failed, 4);
    ASSERT_EQ(in_outbox(rollout), std::vector{name_of(2)});
    EXPECT_EQ(rollout.next().kind, ActionKind::deploy);
    (void)rollout.finish_one();
    const auto releases = rollout.state().releases.size();
    rollout.pass(Seconds{11});
    ASSERT_EQ(in_outbox(rollout), std::vector{name_of(1)});
    EXPECT_EQ(rollout.next().kind, ActionKind::update);
    EXPECT_EQ(rollout.state().releases.size(), releases + 1);
    (void)rollout.finish_one();
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::success);
    rollout.pass(std::chrono::minutes{10});
    EXPECT_EQ(rollout.in_flight(), 0u) << "once";
}

TEST(OperationTest, ThatWaitsKeepsNothingElseWaiting) {
    Rollout rollout(2, all_at_once());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    rollout.leaves(0);
    auto forced = forced_on(2);
    pin(forced->targets[1], "v0");
    rollout.wish(forced);
    ASSERT_EQ(rollout.in_flight(), 1u);
    EXPECT_EQ(rollout.next().version, "v0");
    (void)rollout.finish_one();
    rollout.comes_back(0);
    ASSERT_EQ(rollout.in_flight(), 1u);
    EXPECT_EQ(rollout.next().key.target, name_of(0));
    EXPECT_EQ(rollout.next().kind, ActionKind::update);
}

}  // namespace
}  // namespace tidegate::engine
