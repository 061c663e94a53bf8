/// The daemon's disk is blocked while something waits to be sent: gates are asked when it leaves.

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/engine/rollout.h"

namespace tidegate::engine {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

/// Open for the first hour of each day; the rollout begins at its start.
std::shared_ptr<Assignment> early(int targets, const Strategy& strategy, OnClose on_close) {
    auto wish = std::make_shared<Assignment>(*second_version(targets, strategy));
    auto& window = wish->rules.window.emplace();
    window.name = "early";
    window.allowed.push_back({{}, minutes{0}, minutes{60}, ""});
    window.on_close = on_close;
    wish->rules.zone = std::make_shared<ZoneRules>(ZoneRules{"UTC", Seconds{0}, {}});
    return wish;
}

class LeaveLateTest : public testing::TestWithParam<OnClose> {};

TEST_P(LeaveLateTest, NothingLeavesAfterItsWindowHasClosed) {
    Rollout rollout(2, all_at_once());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    rollout.block_disk();
    rollout.wish(AssignmentPtr(early(2, all_at_once(), GetParam())));
    ASSERT_EQ(in_outbox(rollout).size(), 2u);
    rollout.pass(hours{2});
    rollout.free_disk();
    EXPECT_EQ(rollout.in_flight(), 0u);
    EXPECT_TRUE(in_outbox(rollout).empty());
    EXPECT_FALSE(newest(rollout).admitted);
    const auto holds = rollout.holds();
    ASSERT_FALSE(holds.empty());
    EXPECT_EQ(holds[0].gate, "window");
    rollout.pass(hours{22});
    EXPECT_EQ(rollout.in_flight(), 2u);
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::success) << newest(rollout).reason;
}
INSTANTIATE_TEST_SUITE_P(OnClose, LeaveLateTest,
                         testing::Values(OnClose::pause, OnClose::finish_step,
                                         OnClose::finish_release),
                         [](const auto& test) { return std::string{to_string(test.param)}; });

TEST(LeaveTest, WhatBeganWhileItWasOpenMayEnd) {
    auto slowly = one_by_one();
    slowly.batch_size = {2, false};
    Rollout rollout(2, slowly);
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    rollout.wish(AssignmentPtr(early(2, slowly, OnClose::finish_step)));
    ASSERT_EQ(rollout.in_flight(), 1u);
    rollout.block_disk();
    (void)rollout.finish_one();
    rollout.pass(hours{2});
    rollout.free_disk();
    EXPECT_EQ(rollout.in_flight(), 1u) << "the same step";
}

/// Also where its target waits on, and may be sent the same again.
TEST(LeaveTest, TheAuditLogTellsTheEndOfWhatDidNotLeave) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    rollout.block_disk();
    rollout.wish(AssignmentPtr(early(1, one_by_one(), OnClose::pause)));
    ASSERT_EQ(in_outbox(rollout).size(), 1u);
    EXPECT_EQ(rollout.audit().back(), "action.run");
    rollout.pass(hours{2});
    rollout.free_disk();
    ASSERT_TRUE(in_outbox(rollout).empty());
    EXPECT_EQ(rollout.audit().back(), "action.withdrawn");
}

/// The agent was killed in the middle, and the disk blocked when it came back.
TEST(LeaveTest, WhatWasInterruptedDoesNotGoOnOnceItsVersionHasFailed) {
    Rollout rollout(2, all_at_once());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    rollout.wish(second_version(2, all_at_once()));
    const auto interrupted = rollout.state().outbox_by_key.at({name_of(1), kKey.project, ""});
    rollout.leaves(1);
    rollout.block_disk();
    rollout.comes_back_interrupted(1, {interrupted});
    (void)rollout.finish_one(ActionOutcome::failed);
    ASSERT_EQ(newest(rollout).status, ReleaseStatus::rolling_back);
    const auto sent = rollout.in_flight();
    rollout.free_disk();
    EXPECT_EQ(rollout.in_flight(), sent + 1) << "the restore of the other";
    EXPECT_EQ(rollout.cancelled(), std::vector{interrupted});
}

TEST(LeaveTest, WhatWasInterruptedAndHasEndedIsNotSentAgain) {
    Rollout rollout(1, one_by_one());
    const auto interrupted = rollout.next().id;
    rollout.leaves(0);
    rollout.block_disk();
    rollout.comes_back_interrupted(0, {interrupted});
    (void)rollout.finish_one(ActionOutcome::unknown);
    rollout.free_disk();
    EXPECT_EQ(rollout.in_flight(), 0u);
}

struct HeldCase {
    const char* gate;
    void (*hold)(Rollout&, Assignment);
};
class LeaveHeldTest : public testing::TestWithParam<HeldCase> {};

/// Whatever else holds it by then.
TEST_P(LeaveHeldTest, NothingLeavesThatIsHeldByThen) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    rollout.block_disk();
    rollout.wish(second_version(1, one_by_one()));
    ASSERT_EQ(in_outbox(rollout).size(), 1u);
    GetParam().hold(rollout, *second_version(1, one_by_one()));
    rollout.free_disk();
    EXPECT_EQ(rollout.in_flight(), 0u);
    EXPECT_TRUE(in_outbox(rollout).empty());
    EXPECT_TRUE(std::ranges::any_of(rollout.holds(),
                                    [](const Hold& hold) { return hold.gate == GetParam().gate; }));
    rollout.hold_tip(false);
    rollout.wish(second_version(1, one_by_one()));
    EXPECT_EQ(rollout.in_flight(), 1u);
}
INSTANTIATE_TEST_SUITE_P(
    Gates, LeaveHeldTest,
    testing::Values(HeldCase{"pause",
                             [](Rollout& rollout, Assignment wish) {
                                 wish.paused = true;
                                 rollout.wish(std::make_shared<Assignment>(wish));
                             }},
                    HeldCase{"freeze",
                             [](Rollout& rollout, Assignment wish) {
                                 wish.rules.freeze.active = true;
                                 rollout.wish(std::make_shared<Assignment>(wish));
                             }},
                    HeldCase{"config",
                             [](Rollout& rollout, Assignment) { rollout.hold_tip(true); }}),
    [](const auto& test) { return std::string{test.param.gate}; });

TEST(LeaveTest, NothingLeavesThatIsNotWantedAnyMore) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    rollout.block_disk();
    rollout.wish(second_version(1, one_by_one()));
    rollout.wish(version_of(1, one_by_one(), 3));
    rollout.free_disk();
    ASSERT_EQ(rollout.in_flight(), 1u);
    EXPECT_EQ(rollout.next().version, "v3");
}

}  // namespace
}  // namespace tidegate::engine
