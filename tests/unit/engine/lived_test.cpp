/// What somebody is given time for: it counts while the daemon lives and could hear its agents.

#include <gtest/gtest.h>

#include "reconciler/engine/facts.h"
#include "reconciler/engine/life.h"
#include "schema/base/limits.h"
#include "schema/model/json.h"
#include "tests/unit/engine/rollout.h"

namespace tidegate::engine {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr Lived kStored{hours{3}};
constexpr Milliseconds kGrace = limits::kAgentGrace;

/// One reading a second, as the daemon takes them.
Lived read_on(Life& life, Milliseconds from, Milliseconds time) {
    auto lived = life.at(from);
    for (auto at = from; at < from + time;) lived = life.at(at += Milliseconds{1'000});
    return lived;
}

TEST(LifeTest, BeginsToCountWhenAgentsHadTheTimeToComeBack) {
    Life life{kStored};
    EXPECT_EQ(read_on(life, hours{90}, kGrace), kStored);
    EXPECT_EQ(life.at(hours{90} + kGrace + Milliseconds{700}), kStored + Milliseconds{700});
}

TEST(LifeTest, DoesNotCountWhatItSleptAndGivesTheGraceAnew) {
    Life life{kStored};
    auto reading = Milliseconds{minutes{1}};
    const auto before = read_on(life, Milliseconds{0}, reading);
    reading += hours{8};
    EXPECT_EQ(life.at(reading), before);
    EXPECT_EQ(life.until(before + Milliseconds{1}), kGrace + Milliseconds{1});
    EXPECT_EQ(read_on(life, reading, kGrace), before);
    EXPECT_GT(life.at(reading + kGrace + Milliseconds{900}), before);
}

TEST(LifeTest, CountsAtOnceWhenAllAreBackButNotAfterItSlept) {
    Life life{kStored};
    (void)life.at(Milliseconds{0});
    life.all_are_back();
    EXPECT_EQ(life.at(Milliseconds{900}), kStored + Milliseconds{900});
    (void)life.at(hours{1});
    life.all_are_back();
    EXPECT_EQ(life.still(), kGrace);
}

TEST(LivedTest, AllAreBackOnceWhoIsNamedOrHasSomethingToDoIs) {
    Rollout rollout(2, all_at_once());
    EXPECT_TRUE(all_are_back(rollout.state()));
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    rollout.wish(second_version(2, all_at_once()));
    ASSERT_EQ(rollout.in_flight(), 2u);
    rollout.restart();
    EXPECT_FALSE(all_are_back(rollout.state()));
    rollout.comes_back_running(0);
    EXPECT_FALSE(all_are_back(rollout.state())) << "something is on its way to the other one";
    rollout.comes_back_running(1);
    EXPECT_FALSE(all_are_back(rollout.state())) << "who else is wished for is not known yet";
    rollout.wish(second_version(2, all_at_once()));
    EXPECT_TRUE(all_are_back(rollout.state()));
    rollout.wish(second_version(3, all_at_once()));
    EXPECT_FALSE(all_are_back(rollout.state()));
}

TEST(LifeTest, SaysHowLongItTakesAtLeast) {
    Life life{kStored};
    (void)life.at(Milliseconds{0});
    EXPECT_EQ(life.until(kStored), Milliseconds{0});
    EXPECT_EQ(life.until(kStored + Seconds{5}), kGrace + Seconds{5});
}

TEST(LifeTest, ComesBackFromItsRow) {
    const auto put = keep_life(kStored);
    const std::vector<Row> rows{{Table::meta, "accepted", "{}"}, {put.table, put.key, put.body}};
    EXPECT_EQ(*stored_life(rows), kStored);
    EXPECT_EQ(*stored_life({}), Lived{});
    const std::vector<Row> bad{{Table::meta, put.key, "soon"}};
    EXPECT_FALSE(stored_life(bad));
}

TEST(LivedTest, IsWrittenWithWhatCountsByIt) {
    Rollout rollout(1, one_by_one());
    rollout.pass(minutes{2});
    (void)rollout.finish_one();
    rollout.wish(second_version(1, one_by_one()));
    EXPECT_EQ(rollout.stored_life(), rollout.lived());
}

/// The daemon was away longer than any deadline, and the hosts did what they were told.
TEST(LivedTest, ADaemonThatWasAwayHearsItsAgentsBeforeItJudges) {
    Rollout rollout(2, all_at_once());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    rollout.wish(second_version(2, all_at_once()));
    ASSERT_EQ(rollout.in_flight(), 2u);
    rollout.is_away(hours{24});
    rollout.restart();
    rollout.wish(second_version(2, all_at_once()));
    rollout.pass(Milliseconds{0});
    for (int i = 0; i < 2; ++i) rollout.comes_back_done(i);
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::success) << newest(rollout).reason;
    EXPECT_TRUE(rollout.state().quarantines.empty());
}

/// Or each look would find another end, write it, and bring the next look.
TEST(LivedTest, TheEndOfAWaitDoesNotMoveWhileTheClockStandsStill) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    rollout.restart();
    rollout.stands_still(kGrace);
    const std::vector<AssignmentPtr> next{second_version(1, one_by_one())};
    (void)rollout.wish(next);
    const auto until = rollout.holds().at(0).until;
    EXPECT_EQ(until, rollout.now() + kGrace + Milliseconds{1});
    rollout.grace_passes(Seconds{5});
    EXPECT_EQ(rollout.wish(next).rows, 0u);
    EXPECT_EQ(rollout.holds().at(0).until, until);
}

/// The same without a restart: the machine slept, or its clock was set.
TEST(LivedTest, AClockThatLeapsForwardEndsNoDeadline) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    rollout.wish(second_version(1, one_by_one()));
    rollout.is_away(hours{24});
    rollout.pass(Seconds{1});
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::running) << newest(rollout).reason;
    (void)rollout.finish_one();
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::success);
}

/// Watching is not cut short by it, either.
TEST(LivedTest, AClockThatLeapsForwardEndsNoPauseBetweenBatches) {
    auto slowly = one_by_one();
    slowly.batch_interval = minutes{10};
    Rollout rollout(2, slowly);
    (void)rollout.finish_one();
    rollout.is_away(hours{24});
    rollout.pass(minutes{9});
    EXPECT_EQ(rollout.in_flight(), 0u);
    rollout.pass(minutes{1});
    EXPECT_EQ(rollout.in_flight(), 1u);
}

TEST(LivedTest, BackOffsDoNotEndWhileTheDaemonIsAway) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    rollout.breaks(0);
    ASSERT_EQ(rollout.in_flight(), 1u);
    (void)rollout.finish_one(ActionOutcome::failed);
    rollout.is_away(hours{24});
    rollout.pass(limits::kBlockMin - Seconds{1});
    EXPECT_EQ(rollout.in_flight(), 0u);
    rollout.pass(Seconds{1});
    EXPECT_EQ(rollout.in_flight(), 1u);
}

TEST(ClockSetBackTest, AgentsThatWereLostBeforeAreWaitedForNoLonger) {
    Rollout rollout(2, all_at_once());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    rollout.leaves(1);
    rollout.set_clock_back(hours{1});
    rollout.wish(second_version(2, all_at_once()));
    rollout.pass(kGrace);
    (void)rollout.finish_one();
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::success) << rollout.holds().at(0).reason;
}

/// A large assignment is looked at every so often; the time for that is far away now.
TEST(ClockSetBackTest, NoLookIsForgotten) {
    constexpr int kMany = 300;
    Rollout rollout(kMany, all_at_once());
    (void)rollout.finish_one();
    (void)rollout.finish_one();
    rollout.set_clock_back(hours{1});
    while (rollout.in_flight() > 0) (void)rollout.finish_one();
    rollout.pass(Seconds{2});
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::success);
}

/// The same where nothing else happens any more that would bring one.
TEST(ClockSetBackTest, TheLastLookIsNotForgotten) {
    Rollout rollout(300, all_at_once());
    while (rollout.in_flight() > 0) (void)rollout.finish_one();
    ASSERT_EQ(newest(rollout).status, ReleaseStatus::running) << "its last look is put off";
    rollout.set_clock_back(hours{1});
    rollout.wakes();
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::success);
}

/// Its deadlines were by the wall clock: nobody is condemned by them, and nobody waits for ever.
TEST(FormerStoreTest, WhatIsOnItsWayGetsItsTimeAnew) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    rollout.wish(second_version(1, one_by_one()));
    rollout.forget_lived();
    rollout.restart();
    rollout.wish(second_version(1, one_by_one()));
    rollout.pass(minutes{5});
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::running);
    rollout.pass(hours{13});
    EXPECT_TRUE(is_final(newest(rollout).status)) << newest(rollout).reason;
}

}  // namespace
}  // namespace tidegate::engine
