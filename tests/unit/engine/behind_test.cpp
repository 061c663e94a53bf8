/// Targets that a release went well without.

#include <gtest/gtest.h>

#include "tests/unit/engine/rollout.h"

namespace tidegate::engine {
namespace {

class BehindTest : public testing::Test {
protected:
    BehindTest() {
        for (int i = 0; i < 3; ++i) (void)rollout_.finish_one();
    }
    void release(int number) {
        rollout_.wish(AssignmentPtr(version_of(3, all_at_once(), number)));
        while (rollout_.in_flight() > 0) (void)rollout_.finish_one();
    }
    auto behind_since() { return explain(rollout_.state(), kKey, rollout_.now())->behind_since; }

    Rollout rollout_{3, all_at_once()};
};

TEST_F(BehindTest, IsToldWithTheReleaseThatLeftIt) {
    rollout_.leaves(2);
    const auto left = rollout_.now();
    rollout_.pass(std::chrono::hours{1});
    release(2);
    EXPECT_EQ(newest(rollout_).status, ReleaseStatus::success);
    EXPECT_EQ(newest(rollout_).reason,
              fmt::format("2 of 3, {} away since {}", name_of(2), format_rfc3339(left)));
    EXPECT_EQ(rollout_.words(NoticeKind::release_succeeded),
              fmt::format("prod/shop: introduce v2 ended: success, {}", newest(rollout_).reason));
}

TEST_F(BehindTest, TheOldestCounts) {
    rollout_.leaves(2);
    rollout_.pass(std::chrono::hours{1});
    release(2);
    const auto first = newest(rollout_).finished_at;
    rollout_.leaves(1);
    rollout_.pass(std::chrono::hours{1});
    release(3);
    ASSERT_EQ(rollout_.state().assignments.at(kKey).behind.size(), 2u);
    EXPECT_EQ(behind_since(), first);
    rollout_.comes_back(2);
    ASSERT_EQ(rollout_.in_flight(), 1u);
    (void)rollout_.finish_one();
    EXPECT_GT(behind_since(), first) << "the other one is left";
}

TEST_F(BehindTest, IsToldWithTheTroubleOfItsHost) {
    rollout_.wish(AssignmentPtr(version_of(3, all_at_once(), 2)));
    rollout_.finds_host_trouble("disk full");
    for (int i = 0; i < 2; ++i) (void)rollout_.finish_one();
    EXPECT_EQ(newest(rollout_).status, ReleaseStatus::success);
    EXPECT_EQ(newest(rollout_).reason, fmt::format("2 of 3, {}: disk full", name_of(0)));
}

TEST_F(BehindTest, IsSoSinceTheOthersHaveWhatItLacks) {
    EXPECT_FALSE(behind_since());
    rollout_.leaves(2);
    rollout_.pass(std::chrono::hours{1});
    EXPECT_FALSE(behind_since()) << "it has what the others have";
    release(2);
    const auto first = newest(rollout_).finished_at;
    EXPECT_EQ(behind_since(), first);
    rollout_.pass(std::chrono::hours{1});
    release(3);
    EXPECT_EQ(behind_since(), first) << "the next release does not make it younger";
    rollout_.restart();
    rollout_.wish(AssignmentPtr(version_of(3, all_at_once(), 3)));
    for (int i = 0; i < 2; ++i) rollout_.comes_back(i);
    EXPECT_EQ(behind_since(), first);
    rollout_.comes_back(2);
    ASSERT_EQ(rollout_.in_flight(), 1u);
    (void)rollout_.finish_one();
    EXPECT_FALSE(behind_since());
}

TEST_F(BehindTest, IsNobodyWhileTheRestIsUnderWay) {
    auto strategy = one_by_one();
    rollout_.wish(AssignmentPtr(version_of(3, strategy, 2)));
    (void)rollout_.finish_one();
    EXPECT_FALSE(behind_since());
}

TEST_F(BehindTest, IsNoPinnedTarget) {
    auto wish = version_of(3, all_at_once(), 2);
    pin(wish->targets[2], "v1");
    rollout_.wish(AssignmentPtr(wish));
    while (rollout_.in_flight() > 0) (void)rollout_.finish_one();
    EXPECT_EQ(newest(rollout_).reason, "");
    EXPECT_FALSE(behind_since());
}

}  // namespace
}  // namespace tidegate::engine
