/// When a release and its steps count as begun, and what binds from then on.

#include <gtest/gtest.h>

#include "tests/unit/engine/rollout.h"

namespace tidegate::engine {
namespace {

TEST(PauseTest, WhatNeverReachedItsAgentWaitsLikeTheRest) {
    Rollout rollout(1, one_by_one());
    const auto action = rollout.next().id;
    rollout.leaves(0);
    auto paused = std::make_shared<Assignment>(*wish_of(1, one_by_one()));
    paused->paused = true;
    rollout.wish(paused);
    rollout.comes_back(0);
    EXPECT_EQ(in_outbox(rollout).size(), 0u);
    rollout.pass(std::chrono::hours{24});
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::paused);
    rollout.wish(wish_of(1, one_by_one()));
    ASSERT_EQ(rollout.in_flight(), 2u);
    (void)rollout.finish_one();
    EXPECT_EQ(rollout.next().id, action);
}

TEST(AdmissionTest, AStepIsAdmittedByItsFirstDispatchOnly) {
    auto waiting = std::make_shared<Assignment>(*wish_of(1, one_by_one()));
    waiting->offline = Offline::wait;
    Rollout rollout(1, AssignmentPtr(waiting));
    (void)rollout.finish_one();
    rollout.leaves(0);
    auto second = std::make_shared<Assignment>(*second_version(1, one_by_one()));
    second->offline = Offline::wait;
    rollout.wish(second);
    rollout.pass(std::chrono::hours{1});
    ASSERT_FALSE(newest(rollout).steps.empty());
    EXPECT_FALSE(newest(rollout).steps[0].admitted_at);
    EXPECT_FALSE(newest(rollout).admitted);
    rollout.comes_back(0);
    EXPECT_TRUE(newest(rollout).steps[0].admitted_at);
    EXPECT_TRUE(newest(rollout).admitted);
}

/// v2, from the first ten minutes of each day only.
std::shared_ptr<Assignment> windowed() {
    auto wish = version_of(2, one_by_one(), 2);
    ReleaseWindow window;
    window.allowed.push_back({{}, std::chrono::minutes{0}, std::chrono::minutes{10}, ""});
    wish->rules.window = window;
    wish->rules.zone = std::make_shared<const ZoneRules>(ZoneRules{"UTC", Seconds{0}, {}});
    return wish;
}

/// `on_close: finish_step`, and no script has run before the window closes.
TEST(AdmissionTest, CountsForNothingWhereNothingBegan) {
    Rollout rollout(2, all_at_once());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    rollout.wish(AssignmentPtr(windowed()));
    for (int i = 0; i < 600; ++i) {
        while (rollout.in_flight() > 0) rollout.finds_host_trouble("disk full");
        rollout.pass(Seconds{1});
    }
    rollout.pass(std::chrono::hours{23});
    EXPECT_EQ(rollout.in_flight(), 0u);
    EXPECT_FALSE(newest(rollout).admitted);
    rollout.pass(std::chrono::hours{1});
    EXPECT_EQ(rollout.in_flight(), 1u) << newest(rollout).reason;
}

TEST(AdmissionTest, CountsForNothingWhereNothingReachedAnAgent) {
    Rollout rollout(2, all_at_once());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    rollout.wish(AssignmentPtr(windowed()));
    ASSERT_EQ(in_outbox(rollout), std::vector{name_of(0)});
    rollout.leaves(0);
    rollout.pass(std::chrono::minutes{9});
    rollout.comes_back(0);
    ASSERT_EQ(in_outbox(rollout), std::vector{name_of(0)}) << "it is open yet";
    rollout.leaves(0);
    rollout.pass(std::chrono::minutes{2});
    rollout.comes_back(0);
    EXPECT_EQ(in_outbox(rollout).size(), 0u);
    EXPECT_FALSE(newest(rollout).steps[0].admitted_at);
}

TEST(AdmissionTest, StaysWhereSomethingBegan) {
    Rollout rollout(2, all_at_once());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    auto both = windowed();
    both->strategy = all_at_once();
    rollout.wish(AssignmentPtr(both));
    (void)rollout.finish_one();
    rollout.finds_host_trouble("disk full");
    EXPECT_TRUE(newest(rollout).admitted);
    EXPECT_TRUE(newest(rollout).steps[0].admitted_at);
}

TEST(ForwardOnlyTest, MayBeSaidWhileTheReleaseWaits) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    auto second = std::make_shared<Assignment>(*second_version(1, one_by_one()));
    second->rules.freeze.active = true;
    rollout.wish(std::make_shared<Assignment>(*second));
    second->forward_only = true;
    rollout.wish(std::make_shared<Assignment>(*second));
    second->rules.freeze = {};
    rollout.wish(second);
    ASSERT_EQ(rollout.in_flight(), 1u);
    (void)rollout.finish_one(ActionOutcome::failed);
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::failed);
    EXPECT_EQ(rollout.in_flight(), 0u);
}

/// Its targets are away, and a person thinks better of it.
TEST(ForwardOnlyTest, BindsNobodyBeforeSomethingOfItWasSent) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    const auto waiting = [](int number) {
        auto wish = version_of(1, one_by_one(), number);
        wish->offline = Offline::wait;
        return wish;
    };
    rollout.leaves(0);
    rollout.pass(std::chrono::minutes{1});
    auto forward = waiting(2);
    forward->forward_only = true;
    rollout.wish(forward);
    ASSERT_EQ(newest(rollout).status, ReleaseStatus::paused);
    EXPECT_FALSE(rollout.state().assignments.at(kKey).good->forward_only);
    rollout.wish(waiting(3));
    rollout.comes_back(0);
    ASSERT_EQ(rollout.in_flight(), 1u);
    EXPECT_FALSE(rollout.state().assignments.at(kKey).good->forward_only);
    (void)rollout.finish_one(ActionOutcome::failed);
    ASSERT_EQ(rollout.in_flight(), 1u) << newest(rollout).reason;
    EXPECT_EQ(rollout.next().kind, ActionKind::rollback);
}

TEST(ForwardOnlyTest, BindsFromItsFirstActionOn) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    auto forward = version_of(1, one_by_one(), 2);
    forward->forward_only = true;
    rollout.wish(forward);
    ASSERT_EQ(rollout.in_flight(), 1u);
    EXPECT_TRUE(rollout.state().assignments.at(kKey).good->forward_only);
    EXPECT_TRUE(rollout.restarted().assignments.at(kKey).good->forward_only);
}

TEST(ForwardOnlyTest, BindsNobodyBeforeSomethingOfItBegan) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    const auto forward = [&](int number) {
        auto wish = version_of(1, one_by_one(), number);
        wish->forward_only = true;
        rollout.wish(AssignmentPtr(wish));
    };
    const auto binds = [&] { return rollout.state().assignments.at(kKey).good->forward_only; };
    forward(2);
    rollout.finds_host_trouble("disk full");
    EXPECT_FALSE(binds());
    rollout.pass(Seconds{11});
    EXPECT_TRUE(binds());
    (void)rollout.finish_one(ActionOutcome::failed);
    forward(3);
    rollout.finds_host_trouble("disk full");
    EXPECT_TRUE(binds()) << "the one before was there";
}

/// Else no later bad version would ever be taken back.
TEST(ForwardOnlyTest, BindsNoMoreOnceAPersonsWayBackHasWorked) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    auto forward = version_of(1, one_by_one(), 2);
    forward->forward_only = true;
    rollout.wish(AssignmentPtr(forward));
    (void)rollout.finish_one(ActionOutcome::failed);
    auto back = std::make_shared<Assignment>(*wish_of(1, one_by_one()));
    back->intent.commit = back->intent.digest_commit = "c3";
    rollout.wish(back);
    ASSERT_EQ(newest(rollout).kind, ReleaseKind::restore);
    EXPECT_TRUE(rollout.state().assignments.at(kKey).good->forward_only) << "it may fail";
    (void)rollout.finish_one();
    EXPECT_FALSE(rollout.restarted().assignments.at(kKey).good->forward_only);
    rollout.wish(AssignmentPtr(version_of(1, one_by_one(), 4)));
    (void)rollout.finish_one(ActionOutcome::failed);
    ASSERT_EQ(rollout.in_flight(), 1u) << newest(rollout).reason;
    EXPECT_EQ(rollout.next().kind, ActionKind::rollback);
}

TEST(ForwardOnlyTest, BindsNobodyWhereItNeverReachedAnAgent) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    auto forward = version_of(1, one_by_one(), 2);
    forward->forward_only = true;
    rollout.wish(AssignmentPtr(forward));
    rollout.leaves(0);
    rollout.wish(AssignmentPtr(version_of(1, one_by_one(), 3)));
    EXPECT_TRUE(rollout.state().assignments.at(kKey).good->forward_only);
    rollout.comes_back(0);
    EXPECT_FALSE(rollout.state().assignments.at(kKey).good->forward_only);
}

}  // namespace
}  // namespace tidegate::engine
