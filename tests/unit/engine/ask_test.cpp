/// What is asked of the world outside: asked anew when no answer comes, and what a late one is
/// worth.

#include <gtest/gtest.h>

#include "schema/base/limits.h"
#include "tests/unit/engine/rollout.h"

namespace tidegate::engine {
namespace {

/// A bad second version was taken back: its revert is asked for.
class AskTest : public testing::Test {
protected:
    AskTest() {
        (void)rollout_.finish_one();
        rollout_.wish(second_version(1, one_by_one()));
        (void)rollout_.finish_one(ActionOutcome::failed);
        (void)rollout_.finish_one();
    }
    [[nodiscard]] std::uint64_t id() { return rollout_.state().last_ask; }

    Rollout rollout_{1, one_by_one()};
};

TEST_F(AskTest, AnAnswerIsWaitedFor) {
    ASSERT_EQ(rollout_.asked().size(), 1u);
    rollout_.pass(limits::kAnswerWithin - Seconds{1});
    EXPECT_EQ(rollout_.asked().size(), 1u);
}

TEST_F(AskTest, WhatIsNotAnsweredIsAskedAnewAndALateAnswerIsDropped) {
    const auto late = id();
    rollout_.pass(limits::kAnswerWithin);
    ASSERT_EQ(rollout_.asked().size(), 2u);
    ASSERT_NE(id(), late);
    (void)rollout_.tell(late, fail(ErrorCode::unavailable, "Git is away"));
    rollout_.pass(limits::kAskAgainMax);
    EXPECT_EQ(rollout_.asked().size(), 2u);
    (void)rollout_.tell(id(), RevertDone{RevertDone::Pushed{"revert-1"}});
    EXPECT_EQ(newest(rollout_).revert, RevertState::pushed);
}

/// A server that refuses each push would be asked as fast as it answers.
TEST_F(AskTest, APushThatKeepsFailingIsTriedLaterEachTime) {
    const auto fails = [&] {
        (void)rollout_.tell(id(), RevertDone{RevertDone::Prepared{"revert-1"}});
        (void)rollout_.tell(id(), fail(ErrorCode::conflict, "cannot lock ref"));
    };
    fails();
    const auto once = rollout_.asked().size();
    EXPECT_EQ(once, 3u) << "one lost race is tried over at once";
    fails();
    EXPECT_EQ(rollout_.asked().size(), once + 1);
    rollout_.pass(limits::kAskAgain * 2 - Seconds{1});
    EXPECT_EQ(rollout_.asked().size(), once + 1);
    rollout_.pass(Seconds{2});
    EXPECT_EQ(rollout_.asked().size(), once + 2);
}

TEST_F(AskTest, WhatIsAnsweredTwiceIsTakenOnce) {
    const auto asked = id();
    (void)rollout_.tell(asked, RevertDone{RevertDone::Prepared{"revert-1"}});
    ASSERT_EQ(rollout_.asked().back().prepared, "revert-1");
    (void)rollout_.tell(asked, RevertDone{RevertDone::Prepared{"revert-2"}});
    EXPECT_EQ(rollout_.asked().back().prepared, "revert-1");
}

}  // namespace
}  // namespace tidegate::engine
