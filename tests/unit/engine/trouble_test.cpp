/// What a host lacks or forbids says nothing of the version: its target is as good as away.

#include <gtest/gtest.h>

#include <algorithm>

#include "reconciler/engine/views.h"
#include "schema/base/limits.h"
#include "tests/unit/engine/rollout.h"

namespace tidegate::engine {
namespace {

constexpr const char* kFull = "journal: cannot allocate: No space left on device";

bool is_held_by(Rollout& rollout, std::string_view gate, std::string_view words) {
    return std::ranges::any_of(rollout.holds(), [&](const Hold& hold) {
        return hold.gate == gate && hold.reason.find(words) != std::string::npos;
    });
}

/// No longer than that: an action that nobody answers has a deadline.
void pass_until_it_is_tried_again(Rollout& rollout) {
    for (Seconds waited{0}; rollout.in_flight() == 0 && waited < 2 * limits::kAskAgainMax; ++waited)
        rollout.pass(Seconds{1});
}

TEST(HostTroubleTest, LeavesNoRecordWhereNothingEverWas) {
    Rollout rollout(1, one_by_one());
    rollout.finds_host_trouble(kFull);
    EXPECT_EQ(rollout.rows(Table::installation), 0u);
}

TEST(HostTroubleTest, IsNoVerdictHoweverOftenItComes) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    rollout.wish(second_version(1, one_by_one()));
    const auto id = rollout.next().id;
    for (int tries = 0; tries < 20; ++tries) {
        ASSERT_EQ(rollout.in_flight(), 1u) << tries;
        EXPECT_EQ(rollout.next().id, id);
        rollout.finds_host_trouble(kFull);
        EXPECT_TRUE(is_held_by(rollout, "host", "web-00000: journal: cannot allocate"));
        pass_until_it_is_tried_again(rollout);
    }
    EXPECT_TRUE(rollout.state().quarantines.empty());
    EXPECT_TRUE(rollout.asked().empty());
    (void)rollout.finish_one();
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::success);
    EXPECT_FALSE(is_held_by(rollout, "host", ""));
    EXPECT_TRUE(rollout.state().troubles.empty());
}

TEST(HostTroubleTest, IsTriedAgainAfterLongerAndLongerTimes) {
    Rollout rollout(1, one_by_one());
    rollout.finds_host_trouble(kFull);
    rollout.pass(Seconds{9});
    EXPECT_EQ(rollout.in_flight(), 0u);
    rollout.pass(Seconds{2});
    ASSERT_EQ(rollout.in_flight(), 1u);
    rollout.finds_host_trouble(kFull);
    rollout.pass(Seconds{19});
    EXPECT_EQ(rollout.in_flight(), 0u);
    rollout.pass(Seconds{2});
    EXPECT_EQ(rollout.in_flight(), 1u);
}

TEST(HostTroubleTest, ACommitIsTriedAtOnce) {
    Rollout rollout(1, one_by_one());
    for (int tries = 0; tries < 5; ++tries) {
        rollout.finds_host_trouble(kFull);
        pass_until_it_is_tried_again(rollout);
    }
    rollout.finds_host_trouble(kFull);
    rollout.wish(second_version(1, one_by_one()));
    ASSERT_EQ(rollout.in_flight(), 1u);
    EXPECT_EQ(rollout.next().version, "v2");
    EXPECT_EQ(rollout.told(NoticeKind::host_trouble), 1);
    rollout.finds_host_trouble(kFull);
    rollout.pass(Seconds{11});
    EXPECT_EQ(rollout.in_flight(), 1u) << "from the shortest wait on";
}

TEST(HostTroubleTest, TheOthersGoOnAndItCatchesUp) {
    Rollout rollout(3, all_at_once());
    for (int i = 0; i < 3; ++i) (void)rollout.finish_one();
    rollout.wish(second_version(3, one_by_one()));
    rollout.finds_host_trouble(kFull);
    ASSERT_EQ(rollout.in_flight(), 1u);
    EXPECT_EQ(rollout.next().key.target, name_of(1));
    (void)rollout.finish_one();
    (void)rollout.finish_one();
    EXPECT_EQ(newest(rollout).kind, ReleaseKind::introduce);
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::success);
    EXPECT_EQ(newest(rollout).targets.at(name_of(0)).status, TargetStatus::skipped);
    EXPECT_EQ(newest(rollout).targets.at(name_of(0)).error,
              std::string{kFull} + "; catches up on return");
    rollout.pass(Seconds{11});
    ASSERT_EQ(rollout.in_flight(), 1u);
    EXPECT_EQ(newest(rollout).kind, ReleaseKind::catch_up);
    EXPECT_EQ(rollout.next().key.target, name_of(0));
    EXPECT_EQ(rollout.next().version, "v2");
}

TEST(HostTroubleTest, IsWaitedForWhereAwayOnesAre) {
    Rollout rollout(2, all_at_once());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    auto second = std::make_shared<Assignment>(*second_version(2, one_by_one()));
    second->offline = Offline::wait;
    rollout.wish(second);
    rollout.finds_host_trouble(kFull);
    EXPECT_EQ(rollout.in_flight(), 0u);
    EXPECT_TRUE(is_held_by(rollout, "offline", name_of(0)));
    rollout.pass(Seconds{11});
    EXPECT_FALSE(is_final(newest(rollout).status));
    ASSERT_EQ(rollout.in_flight(), 1u);
    EXPECT_EQ(rollout.next().key.target, name_of(0));
}

TEST(HostTroubleTest, ARestoreIsOwedUntilTheHostCanHaveIt) {
    Rollout rollout(2, one_by_one());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    rollout.wish(second_version(2, one_by_one()));
    (void)rollout.finish_one(ActionOutcome::failed);
    ASSERT_EQ(rollout.next().kind, ActionKind::rollback);
    const auto id = rollout.next().id;
    rollout.finds_host_trouble(kFull);
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::rollback);
    for (int tries = 0; tries < 5; ++tries) {
        pass_until_it_is_tried_again(rollout);
        ASSERT_EQ(rollout.in_flight(), 1u);
        EXPECT_EQ(rollout.next().id, id);
        rollout.finds_host_trouble(kFull);
    }
    pass_until_it_is_tried_again(rollout);
    (void)rollout.finish_one();
    EXPECT_EQ(newest(rollout).targets.at(name_of(0)).status, TargetStatus::restored);
}

TEST(HostTroubleTest, TakesNoTurnInARollback) {
    Rollout rollout(3, all_at_once());
    for (int i = 0; i < 3; ++i) (void)rollout.finish_one();
    rollout.wish(second_version(3, one_by_one()));
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    (void)rollout.finish_one(ActionOutcome::failed);
    ASSERT_EQ(newest(rollout).status, ReleaseStatus::rolling_back);
    ASSERT_EQ(rollout.next().key.target, name_of(0));
    rollout.finds_host_trouble(kFull);
    auto restored = in_outbox(rollout);
    std::ranges::sort(restored);
    EXPECT_EQ(restored, (std::vector{name_of(1), name_of(2)}));
}

TEST(HostTroubleTest, KeepsNobodyElseFromBeingHealed) {
    Rollout rollout(2, all_at_once());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    rollout.breaks(0);
    ASSERT_EQ(newest(rollout).kind, ReleaseKind::catch_up);
    rollout.finds_host_trouble(kFull);
    ASSERT_FALSE(is_final(newest(rollout).status));
    rollout.reports(1, InstallStatus::failed, 100);
    ASSERT_EQ(rollout.in_flight(), 1u);
    EXPECT_EQ(rollout.next().key.target, name_of(1));
}

TEST(HostTroubleTest, LeavesWithItsTargetAndStaysOnItsHost) {
    Rollout rollout(2, all_at_once());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    auto second = version_of(2, all_at_once(), 2);
    rollout.wish(AssignmentPtr(second));
    for (int i = 0; i < 2; ++i) rollout.finds_host_trouble(kFull);
    ASSERT_EQ(rollout.state().troubles.size(), 2u);
    auto moved = std::make_shared<Assignment>(*second);
    moved->targets.erase(moved->targets.begin());
    moved->targets[0].agent = name_of(0);
    rollout.wish(AssignmentPtr(moved));
    EXPECT_TRUE(rollout.state().troubles.empty());
    EXPECT_EQ(in_outbox(rollout), std::vector{name_of(1)});
}

TEST(HostTroubleTest, IsToldInOneLine) {
    Rollout rollout(1, one_by_one());
    rollout.finds_host_trouble(
        "disk\xC2\x85"
        "full\n");
    EXPECT_EQ(rollout.state().troubles.begin()->second.reason, "disk full");
}

TEST(HostTroubleTest, IsOverWhenTheAgentComesAnewOrNobodyWantsAnything) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    rollout.wish(second_version(1, one_by_one()));
    rollout.finds_host_trouble(kFull);
    ASSERT_EQ(target_view_of(rollout.state(), name_of(0))->troubles.size(), 1u);
    EXPECT_EQ(target_view_of(rollout.state(), name_of(0))->troubles[0].reason, kFull);
    rollout.leaves(0);
    rollout.comes_back(0);
    ASSERT_EQ(rollout.in_flight(), 1u);
    rollout.finds_host_trouble(kFull);
    auto back = std::make_shared<Assignment>(*wish_of(1, one_by_one()));
    back->intent.commit = back->intent.digest_commit = "c3";
    rollout.wish(back);
    rollout.pass(std::chrono::minutes{10});
    EXPECT_TRUE(rollout.state().troubles.empty());
    EXPECT_EQ(rollout.in_flight(), 0u);
}

}  // namespace
}  // namespace tidegate::engine
