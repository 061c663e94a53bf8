/// What agents report of targets that a release has deployed already.

#include <gtest/gtest.h>

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

TEST_F(WatchTest, SoIsOneThatNoBetterOneFollows) {
    reports(true);
    EXPECT_TRUE(finish_and_look().empty());
    rollout_.pass(Seconds{89});
    EXPECT_EQ(newest(rollout_).status, ReleaseStatus::running);
    rollout_.pass(Seconds{2});
    EXPECT_EQ(newest(rollout_).status, ReleaseStatus::rolling_back);
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

TEST_F(WatchTest, OldIsLikeDown) {
    auto there = rollout_.state().agents.at(name_of(0)).installations.begin()->second;
    there.digest = Digest::of("something else");
    there.version = "v0";
    for (int i = 0; i < 2; ++i) {
        there.report += 100;
        rollout_.reports_as(0, there);
    }
    EXPECT_EQ(newest(rollout_).status, ReleaseStatus::rolling_back);
    EXPECT_NE(newest(rollout_).reason.find("version v0 is there"), std::string::npos);
}

}  // namespace
}  // namespace tidegate::engine
