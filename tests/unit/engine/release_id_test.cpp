#include <gtest/gtest.h>

#include <set>

#include "schema/base/limits.h"
#include "tests/unit/engine/rollout.h"

namespace tidegate::engine {
namespace {

/// Nothing that is done there shows, so the same is tried again and again.
TEST(ReleaseIdTest, IsNeverUsedAgain) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    auto forced = std::make_shared<Assignment>(*wish_of(1, one_by_one()));
    forced->intent.commit = "c2";
    forced->operation = Operation::update;
    rollout.wish(forced);
    ASSERT_EQ(rollout.next().kind, ActionKind::update);
    rollout.reports(0, InstallStatus::absent, 1'000);
    std::set<std::string> releases;
    for (int i = 0; i < 300; ++i) {
        ASSERT_EQ(rollout.in_flight(), 1u);
        EXPECT_TRUE(releases.insert(rollout.next().release).second) << i;
        EXPECT_EQ(rollout.next().kind, i == 0 ? ActionKind::update : ActionKind::deploy) << i;
        (void)rollout.finish_one();
    }
    EXPECT_LE(rollout.state().releases.size(), limits::kReleasesKeptPerAssignment + 1);
}

/// The branch was forced back to a commit, and a person accepted that.
TEST(ReleaseIdTest, AnIntentThatComesBackIsTriedAnew) {
    const auto second = version_of(1, one_by_one(), 2);
    const auto third = version_of(1, one_by_one(), 3);
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    rollout.wish(frozen(second));
    rollout.wish(frozen(third));
    for (const auto& wish : {second, third, second}) {
        rollout.wish(AssignmentPtr(wish));
        ASSERT_EQ(rollout.in_flight(), 1u) << rollout.holds().at(0).reason;
        EXPECT_EQ(rollout.next().version, wish->definition->version);
        (void)rollout.finish_one();
        EXPECT_EQ(newest(rollout).status, ReleaseStatus::success);
    }
    const auto& ids = rollout.state().assignments.at(kKey).releases;
    EXPECT_EQ(ids.size(), 6u);
    EXPECT_EQ(std::set(ids.begin(), ids.end()).size(), 6u);
}

TEST(ReleaseIdTest, AnIntentThatComesBackBeforeAnotherBeganGoesOn) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    const auto second = version_of(1, one_by_one(), 2);
    rollout.wish(AssignmentPtr(second));
    rollout.wish(frozen(version_of(1, one_by_one(), 3)));
    rollout.wish(AssignmentPtr(second));
    (void)rollout.finish_one();
    EXPECT_EQ(rollout.in_flight(), 0u);
    const auto& state = rollout.state();
    EXPECT_EQ(state.releases.size(), 3u);
    EXPECT_EQ(state.assignments.at(kKey).good->good.commit, "c2");
}

TEST(ReleaseIdTest, AnUninstallThatComesBackIsAnotherRelease) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    std::set<std::string> actions;
    for (int i = 0; i < 60; ++i) {
        for (const auto& wish : {AssignmentPtr(absent_of(1, one_by_one(), 2)),
                                 AssignmentPtr(version_of(1, one_by_one(), 3))}) {
            rollout.wish(wish);
            ASSERT_EQ(rollout.in_flight(), 1u);
            EXPECT_TRUE(actions.insert(rollout.next().id).second);
            EXPECT_EQ(rollout.next().kind == ActionKind::uninstall, wish->definition->absent);
            (void)rollout.finish_one();
        }
    }
    const auto& ids = rollout.state().assignments.at(kKey).releases;
    EXPECT_EQ(ids.size(), rollout.state().releases.size());
}

/// Former builds wrote no number into the cause.
TEST(ReleaseIdTest, IsNotUsedAgainAfterAnUpgrade) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    rollout.wish(AssignmentPtr(absent_of(1, one_by_one(), 2)));
    std::set<std::string> releases;
    for (int i = 0; i < 10; ++i) {
        ASSERT_EQ(rollout.in_flight(), 1u);
        EXPECT_TRUE(releases.insert(rollout.next().release).second) << i;
        (void)rollout.finish_one(ActionOutcome::failed);
        if (i == 4)
            for (auto& [id, release] : rollout.state().releases) release.cause.clear();
        rollout.pass(std::chrono::hours{24});
    }
}

TEST(ReleaseIdTest, TheNewestReleaseIsTheNewestAfterARestart) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    for (int number = 2; number < 10; ++number) {
        rollout.set_clock_back(std::chrono::minutes{10});
        rollout.wish(AssignmentPtr(version_of(1, one_by_one(), number)));
        (void)rollout.finish_one();
    }
    EXPECT_EQ(rollout.restarted().assignments.at(kKey).releases,
              rollout.state().assignments.at(kKey).releases);
}

}  // namespace
}  // namespace tidegate::engine
