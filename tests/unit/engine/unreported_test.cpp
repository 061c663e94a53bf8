/// Agents that are lost over an action: who waits for the outcome, how long, and what then.

#include <gtest/gtest.h>

#include <algorithm>

#include "reconciler/engine/facts.h"
#include "schema/base/limits.h"
#include "tests/unit/engine/rollout.h"

namespace tidegate::engine {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr Milliseconds kAwaited = limits::kAgentGrace;

AssignmentPtr waiting(const AssignmentPtr& wish) {
    auto made = std::make_shared<Assignment>(*wish);
    made->offline = Offline::wait;
    return made;
}

/// v1 is good everywhere, v2 on its way; the agent of the newest action is lost over it.
class LostAgentTest : public testing::Test {
protected:
    void begin(int targets, const Strategy& strategy, int verified, Offline offline) {
        rollout_.emplace(targets, strategy);
        for (int i = 0; i < targets; ++i) (void)rollout_->finish_one();
        auto second = second_version(targets, strategy);
        rollout_->wish(offline == Offline::wait ? waiting(second) : second);
        for (int i = 0; i < verified; ++i) (void)rollout_->finish_one();
        lost_ = verified;
        id_ = rollout_->next().id;
        rollout_->leaves(lost_);
    }
    void begin(int verified, Offline offline = Offline::skip) {
        begin(3, one_by_one(), verified, offline);
    }
    [[nodiscard]] std::optional<Hold> hold(std::string_view gate) const {
        const auto holds = rollout_->holds();
        const auto found = std::ranges::find(holds, gate, &Hold::gate);
        return found == holds.end() ? std::nullopt : std::optional(*found);
    }
    [[nodiscard]] const OutboxEntry& entry() { return rollout_->state().outbox.at(id_); }
    [[nodiscard]] const TargetProgress& progress() {
        for (const auto& [id, release] : rollout_->state().releases)
            if (const auto found = release.targets.find(name_of(lost_));
                found != release.targets.end() && found->second.action == id_)
                return found->second;
        ADD_FAILURE() << "no release has this action";
        return none_;
    }
    void finish(int target) { (void)rollout_->finish_on(name_of(target)); }
    /// To just after it.
    void pass_deadline() { rollout_->pass(*entry().deadline - rollout_->lived() + Seconds{1}); }

    std::optional<Rollout> rollout_;
    int lost_ = 0;
    std::string id_;
    TargetProgress none_;
};

TEST_F(LostAgentTest, IsWaitedForAndItIsSaidUntilWhen) {
    begin(0);
    rollout_->pass(kAwaited);
    const auto held = hold("unreported");
    ASSERT_TRUE(held);
    EXPECT_EQ(held->until, wall_time(rollout_->state(), *entry().deadline));
    EXPECT_NE(held->reason.find(name_of(0)), std::string::npos) << held->reason;
}

/// It may have been killed by the version.
TEST_F(LostAgentTest, CondemnsAVersionThatNobodyElseVerified) {
    begin(0);
    pass_deadline();
    EXPECT_NE(newest(*rollout_).reason.find("lost over it"), std::string::npos)
        << newest(*rollout_).reason;
    EXPECT_EQ(rollout_->state().quarantines.size(), 1u);
}

TEST_F(LostAgentTest, IsNotCountedWhereAnotherVerifiedTheVersion) {
    begin(1);
    pass_deadline();
    EXPECT_TRUE(entry().lost);
    EXPECT_EQ(progress().status, TargetStatus::unknown);
    EXPECT_EQ(in_outbox(*rollout_).size(), 2u) << "max_unavailable is 1, and it takes none of it";
    finish(2);
    EXPECT_TRUE(entry().lost);
    EXPECT_EQ(newest(*rollout_).status, ReleaseStatus::success) << newest(*rollout_).reason;
    EXPECT_TRUE(rollout_->state().quarantines.empty());
}

TEST_F(LostAgentTest, IsWaitedForWhereAsked) {
    begin(1, Offline::wait);
    pass_deadline();
    rollout_->pass(hours{24});
    EXPECT_EQ(newest(*rollout_).status, ReleaseStatus::running) << newest(*rollout_).reason;
    EXPECT_TRUE(hold("unreported"));
    rollout_->comes_back_done(lost_);
    finish(2);
    EXPECT_EQ(newest(*rollout_).status, ReleaseStatus::success) << newest(*rollout_).reason;
}

/// Nothing of it ever began.
TEST_F(LostAgentTest, IsSentAgainWhatItNeverGot) {
    begin(1, Offline::wait);
    pass_deadline();
    rollout_->pass(hours{24});
    rollout_->comes_back(lost_);
    EXPECT_EQ(newest(*rollout_).reason, "");
    EXPECT_TRUE(rollout_->state().quarantines.empty());
    ASSERT_GT(*entry().deadline, rollout_->lived());
    finish(lost_);
    finish(2);
    EXPECT_EQ(newest(*rollout_).status, ReleaseStatus::success) << newest(*rollout_).reason;
}

TEST_F(LostAgentTest, NoDeadlineCountsWhileItIsWaitedFor) {
    auto in_one_step = one_by_one();
    in_one_step.batch_size = {3, false};
    rollout_.emplace(3, in_one_step);
    for (int i = 0; i < 3; ++i) (void)rollout_->finish_one();
    auto second = version_of(3, in_one_step, 2);
    second->offline = Offline::wait;
    second->rollback.release_deadline = hours{1};
    rollout_->wish(AssignmentPtr(second));
    (void)rollout_->finish_one();
    lost_ = 1;
    id_ = rollout_->next().id;
    rollout_->leaves(lost_);
    pass_deadline();
    for (int i = 0; i < 3; ++i) {
        rollout_->pass(hours{8});
        rollout_->comes_back(0);  // it is looked at
    }
    EXPECT_EQ(newest(*rollout_).status, ReleaseStatus::running) << newest(*rollout_).reason;
    rollout_->comes_back_done(lost_);
    finish(2);
    EXPECT_EQ(newest(*rollout_).status, ReleaseStatus::success) << newest(*rollout_).reason;
}

TEST_F(LostAgentTest, LeavesWithoutAVerdictForANewerIntent) {
    begin(0);
    const auto former = newest(*rollout_).id;
    rollout_->wish(version_of(3, one_by_one(), 3));
    EXPECT_EQ(rollout_->state().releases.at(former).status, ReleaseStatus::running)
        << "it may be back in a moment";
    rollout_->pass(kAwaited);
    EXPECT_EQ(rollout_->state().releases.at(former).status, ReleaseStatus::cancelled);
    EXPECT_TRUE(rollout_->state().quarantines.empty());
    EXPECT_TRUE(entry().lost);
    for (const int there : {1, 2}) finish(there);
    EXPECT_EQ(newest(*rollout_).to, "v3");
    EXPECT_EQ(newest(*rollout_).status, ReleaseStatus::success) << newest(*rollout_).reason;
}

TEST_F(LostAgentTest, LeavesWithoutAVerdictAtOnceWhenRevoked) {
    begin(0);
    rollout_->is_revoked(0);
    EXPECT_TRUE(entry().lost);
    EXPECT_TRUE(rollout_->state().quarantines.empty());
    const auto there = in_outbox(*rollout_);
    EXPECT_NE(std::ranges::find(there, name_of(1)), there.end()) << "the next one goes on";
}

TEST_F(LostAgentTest, LeavesWithoutAVerdictWithItsTarget) {
    begin(0);
    auto rest = std::make_shared<Assignment>(*second_version(3, one_by_one()));
    rest->targets.erase(rest->targets.begin());
    rollout_->wish(AssignmentPtr(rest));
    rollout_->pass(kAwaited);
    EXPECT_EQ(in_outbox(*rollout_), std::vector{name_of(1)});
    EXPECT_TRUE(rollout_->state().quarantines.empty());
}

/// Also where it is back before anybody gave it up, and cannot tell how it ended.
TEST_F(LostAgentTest, LeavesWithoutAVerdictWithItsTargetThoughItIsBack) {
    begin(0);
    auto rest = std::make_shared<Assignment>(*second_version(3, one_by_one()));
    rest->targets.erase(rest->targets.begin());
    rollout_->wish(AssignmentPtr(rest));
    rollout_->comes_back_done(lost_, ActionOutcome::unknown);
    EXPECT_TRUE(rollout_->state().quarantines.empty()) << newest(*rollout_).reason;
    for (const int there : {1, 2}) finish(there);
    EXPECT_EQ(newest(*rollout_).status, ReleaseStatus::success) << newest(*rollout_).reason;
}

/// Which is asked before anything else is sent there.
TEST_F(LostAgentTest, SaysWhatItDidWhenItIsBack) {
    begin(1);
    pass_deadline();
    rollout_->wish(version_of(3, one_by_one(), 3));
    rollout_->pass(minutes{1});
    rollout_->comes_back_running(lost_);
    EXPECT_FALSE(entry().lost);
    const auto there = in_outbox(*rollout_);
    EXPECT_EQ(std::ranges::count(there, name_of(lost_)), 1) << "only what is there already";
    rollout_->comes_back_done(lost_);
    EXPECT_FALSE(rollout_->state().outbox.contains(id_));
}

TEST_F(LostAgentTest, LearnsOfAFailureThatComesWhileTheReleaseRuns) {
    begin(1);
    pass_deadline();
    rollout_->comes_back_done(lost_, ActionOutcome::failed);
    EXPECT_EQ(rollout_->state().quarantines.size(), 1u);
}

/// It never got it, or lost its journal.
TEST_F(LostAgentTest, IsNotSentAgainWhatNobodyWaitsFor) {
    begin(1);
    pass_deadline();
    finish(2);
    ASSERT_EQ(newest(*rollout_).status, ReleaseStatus::success);
    rollout_->comes_back(lost_);
    EXPECT_FALSE(rollout_->state().outbox.contains(id_));
    EXPECT_EQ(in_outbox(*rollout_), std::vector{name_of(lost_)});
    EXPECT_EQ(newest(*rollout_).kind, ReleaseKind::catch_up);
}

TEST_F(LostAgentTest, StaysLostOverARestart) {
    begin(1);
    pass_deadline();
    rollout_->restart();
    rollout_->wish(second_version(3, one_by_one()));
    EXPECT_TRUE(entry().lost);
    for (const int there : {0, 2}) rollout_->comes_back_running(there);
    finish(2);
    EXPECT_TRUE(entry().lost);
    EXPECT_EQ(newest(*rollout_).status, ReleaseStatus::success) << newest(*rollout_).reason;
}

/// The daemon was started anew, and the agent has never told of an installation.
TEST_F(LostAgentTest, MayBeOneThatIsNotHeardOfSinceTheStart) {
    Rollout rollout(1, one_by_one());
    rollout.restart();
    rollout.wish(wish_of(1, one_by_one()));
    rollout.pass(hours{2});
    EXPECT_NE(newest(rollout).reason.find("lost over it"), std::string::npos)
        << newest(rollout).reason;
}

/// Its host died in the middle of its way back: the others are back, and it owes the rest.
TEST_F(LostAgentTest, OfARestoreHoldsNoRollbackUp) {
    begin(1);
    rollout_->comes_back_done(lost_, ActionOutcome::failed);
    ASSERT_EQ(newest(*rollout_).status, ReleaseStatus::rolling_back);
    id_ = rollout_->state().outbox_by_key.at({name_of(lost_), kKey.project, ""});
    ASSERT_TRUE(entry().restore);
    rollout_->leaves(lost_);
    finish(0);
    EXPECT_EQ(newest(*rollout_).status, ReleaseStatus::rolling_back) << "it may be back at once";
    EXPECT_TRUE(hold("unreported"));
    rollout_->pass(kAwaited);
    EXPECT_EQ(newest(*rollout_).status, ReleaseStatus::rollback) << newest(*rollout_).reason;
    EXPECT_TRUE(entry().lost);
    EXPECT_FALSE(hold("unreported"));
    rollout_->comes_back_done(lost_);
    EXPECT_EQ(newest(*rollout_).targets.at(name_of(lost_)).status, TargetStatus::restored);
    EXPECT_EQ(rollout_->in_flight(), 0u);
}

TEST_F(LostAgentTest, OfAnUninstallIsWaitedForUntilItsDeadline) {
    for (const int verified : {0, 1}) {
        SCOPED_TRACE(verified);
        rollout_.emplace(2, one_by_one());
        for (int i = 0; i < 2; ++i) (void)rollout_->finish_one();
        rollout_->wish(AssignmentPtr(absent_of(2, one_by_one(), 2)));
        for (int i = 0; i < verified; ++i) (void)rollout_->finish_one();
        lost_ = verified;
        id_ = rollout_->next().id;
        rollout_->leaves(lost_);
        rollout_->pass(kAwaited);
        EXPECT_EQ(hold("unreported")->until, wall_time(rollout_->state(), *entry().deadline));
        EXPECT_EQ(newest(*rollout_).status, ReleaseStatus::running);
        pass_deadline();
        const auto first = rollout_->state().releases.at(entry().action.release).status;
        EXPECT_EQ(first, verified > 0 ? ReleaseStatus::success : ReleaseStatus::failed);
        if (verified > 0) continue;
        finish(1);
        EXPECT_EQ(newest(*rollout_).status, ReleaseStatus::success) << newest(*rollout_).reason;
    }
}

/// A heal's agent is lost: the version is known to be good, nobody waits for it for ever.
TEST_F(LostAgentTest, OfAHealIsNotWaitedForBeyondItsDeadline) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    rollout.breaks(0);
    ASSERT_EQ(rollout.in_flight(), 1u);
    rollout.leaves(0);
    rollout.pass(hours{2});
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::cancelled) << newest(rollout).reason;
    rollout.wish(second_version(1, one_by_one()));
    ASSERT_EQ(rollout.holds().size(), 1u);
    EXPECT_EQ(rollout.holds()[0].gate, "offline");
}

}  // namespace
}  // namespace tidegate::engine
