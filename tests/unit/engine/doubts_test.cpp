/// What agents report of targets that a release has deployed already.

#include <gtest/gtest.h>

#include "schema/base/limits.h"
#include "tests/unit/engine/rollout.h"

namespace tidegate::engine {
namespace {

/// v1 on three targets; v2 on the first one, and on its way to the second.
class WatchTest : public testing::Test {
protected:
    WatchTest() {
        for (int i = 0; i < 3; ++i) (void)rollout_.finish_one();
        rollout_.wish(second_version(3, one_by_one()));
        (void)rollout_.finish_one();
    }
    void reports(bool drifted) {
        rollout_.reports_drift(0, drifted, drifted ? "service.status: exit code 3" : "");
    }
    std::vector<std::string> finish_and_look() {
        (void)rollout_.finish_one();
        return in_outbox(rollout_);
    }

    Rollout rollout_{3, one_by_one()};
};

TEST_F(WatchTest, OneReportIsLookedAtAgainBeforeAnythingElseBegins) {
    reports(true);
    EXPECT_TRUE(finish_and_look().empty());
    ASSERT_EQ(rollout_.holds().size(), 1u);
    EXPECT_EQ(rollout_.holds()[0].gate, "verify");
    reports(false);
    EXPECT_EQ(in_outbox(rollout_), std::vector{name_of(2)});
}

TEST_F(WatchTest, TwoReportsAreAVerdict) {
    reports(true);
    reports(false);
    EXPECT_EQ(newest(rollout_).status, ReleaseStatus::running);
    reports(true);
    EXPECT_EQ(newest(rollout_).status, ReleaseStatus::rolling_back);
    EXPECT_EQ(newest(rollout_).reason,
              name_of(0) + ": failed: after its success: service.status: exit code 3");
    EXPECT_EQ(rollout_.state().quarantines.size(), 1u);
}

/// Agents look when they look: they tell what they found a second time.
TEST_F(WatchTest, OneAloneIsNone) {
    reports(true);
    EXPECT_TRUE(finish_and_look().empty());
    rollout_.pass(std::chrono::minutes{9});
    EXPECT_EQ(newest(rollout_).status, ReleaseStatus::running) << newest(rollout_).reason;
    reports(true);
    EXPECT_EQ(newest(rollout_).status, ReleaseStatus::rolling_back);
}

TEST_F(WatchTest, ADoubtIsNoVerdictOnceTheLinkIsBack) {
    reports(true);
    rollout_.leaves(0);
    rollout_.pass(std::chrono::minutes{9});
    rollout_.comes_back(0);
    rollout_.pass(Seconds{1});
    EXPECT_EQ(newest(rollout_).status, ReleaseStatus::running) << newest(rollout_).reason;
    EXPECT_EQ(rollout_.holds().at(0).gate, "verify");
}

TEST_F(WatchTest, ADoubtIsForgottenWhenItStaysWell) {
    reports(true);
    reports(false);
    rollout_.pass(limits::kDoubtForgotten);
    reports(true);
    EXPECT_EQ(newest(rollout_).status, ReleaseStatus::running) << newest(rollout_).reason;
    reports(false);
    rollout_.pass(limits::kDoubtForgotten - Seconds{1});
    reports(true);
    EXPECT_EQ(newest(rollout_).status, ReleaseStatus::rolling_back);
}

/// What cannot tell was `drifted` for agents of former builds, and they told nothing twice.
TEST_F(WatchTest, NothingIsMadeOfWhatAFormerAgentReports) {
    rollout_.leaves(0);
    rollout_.comes_back_of_former_build(0);
    reports(true);
    reports(false);
    reports(true);
    EXPECT_EQ(finish_and_look(), std::vector{name_of(2)});
}

/// What is there now says nothing of the version: it catches up.
TEST_F(WatchTest, AnotherAgentsHostIsAnotherHost) {
    auto moved = std::make_shared<Assignment>(*second_version(3, one_by_one()));
    moved->targets[0].agent = name_of(2);
    rollout_.wish(AssignmentPtr(moved));
    EXPECT_EQ(finish_and_look(), std::vector{name_of(2)});
    rollout_.pass(std::chrono::minutes{9});
    (void)rollout_.finish_one();
    EXPECT_EQ(newest(rollout_).kind, ReleaseKind::catch_up) << newest(rollout_).reason;
    EXPECT_EQ(in_outbox(rollout_), std::vector{name_of(0)});
    EXPECT_TRUE(rollout_.state().quarantines.empty());
}

TEST_F(WatchTest, SoIsOneWithNothingOnIt) {
    rollout_.leaves(0);
    rollout_.comes_with(0, {});
    EXPECT_EQ(finish_and_look(), std::vector{name_of(2)});
    rollout_.pass(std::chrono::minutes{9});
    (void)rollout_.finish_one();
    EXPECT_EQ(newest(rollout_).kind, ReleaseKind::catch_up) << newest(rollout_).reason;
    EXPECT_EQ(in_outbox(rollout_), std::vector{name_of(0)});
}

TEST_F(WatchTest, ItsFirstReportIsRememberedOverARestart) {
    reports(true);
    reports(false);
    rollout_.restart();
    rollout_.wish(second_version(3, one_by_one()));
    for (int i = 0; i < 3; ++i) rollout_.comes_back(i);
    reports(true);
    EXPECT_EQ(newest(rollout_).status, ReleaseStatus::rolling_back);
}

TEST_F(WatchTest, ALinkThatIsAwaySaysNothing) {
    rollout_.leaves(0);
    EXPECT_EQ(finish_and_look(), std::vector{name_of(2)});
    (void)rollout_.finish_one();
    EXPECT_EQ(newest(rollout_).status, ReleaseStatus::success);
}

/// Its agent did something else there, for whomever.
TEST_F(WatchTest, WhatAnotherActionLeftIsNoReportOnTheVersion) {
    auto there = rollout_.state().agents.at(name_of(0)).installations.begin()->second;
    there.digest = Digest::of("something else");
    there.version = "v0";
    for (int i = 0; i < 2; ++i) {
        there.report += 100;
        rollout_.reports_as(0, there);
    }
    EXPECT_EQ(finish_and_look(), std::vector{name_of(2)});
}

/// A wait has an end.
TEST_F(WatchTest, AnAgentThatNeverLooksAgainIsNotWaitedForForEver) {
    reports(true);
    EXPECT_TRUE(finish_and_look().empty());
    rollout_.pass(std::chrono::hours{12});
    EXPECT_TRUE(is_final(newest(rollout_).status)) << to_string(newest(rollout_).status);
}

}  // namespace
}  // namespace tidegate::engine
