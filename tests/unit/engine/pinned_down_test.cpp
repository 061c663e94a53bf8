/// A pinned target that is down is in no release's hands: what brings it back goes beside the one
/// that it holds by max_unavailable.

#include <gtest/gtest.h>

#include <algorithm>

#include "schema/base/limits.h"
#include "tests/unit/engine/rollout.h"

namespace tidegate::engine {
namespace {

/// v1 on three targets; the first is pinned to what fails there.
class PinnedDownTest : public testing::Test {
protected:
    PinnedDownTest() {
        for (int i = 0; i < 3; ++i) (void)rollout_.finish_one();
    }
    static AssignmentPtr with_pin(int version) {
        auto wish = version_of(3, one_by_one(), version);
        pin(wish->targets[0], "v0");
        return wish;
    }
    void fails_at_its_pin() {
        rollout_.wish(with_pin(1));
        ASSERT_EQ(in_outbox(rollout_), std::vector{name_of(0)});
        (void)rollout_.finish_one(ActionOutcome::failed);
        ASSERT_EQ(rollout_.in_flight(), 0u);
    }
    void is_brought_back() {
        ASSERT_EQ(in_outbox(rollout_), std::vector{name_of(0)});
        EXPECT_EQ(newest(rollout_).kind, ReleaseKind::catch_up);
        (void)rollout_.finish_one();
    }
    void the_others_follow(std::initializer_list<int> targets) {
        for (const int target : targets) {
            ASSERT_EQ(in_outbox(rollout_), std::vector{name_of(target)});
            EXPECT_EQ(rollout_.next().version, "v2");
            (void)rollout_.finish_one();
        }
        EXPECT_EQ(introduced().status, ReleaseStatus::success) << introduced().reason;
        EXPECT_EQ(introduced().targets.size(), 2u);
    }
    const Release& introduced() {
        for (const auto& [id, release] : rollout_.state().releases)
            if (release.kind == ReleaseKind::introduce && release.to == "v2") return release;
        ADD_FAILURE() << "v2 was not introduced";
        return newest(rollout_);
    }

    Rollout rollout_{3, one_by_one()};
};

TEST_F(PinnedDownTest, IsBroughtBackBeforeANewVersionBegins) {
    fails_at_its_pin();
    rollout_.wish(with_pin(2));
    ASSERT_EQ(in_outbox(rollout_), std::vector{name_of(0)}) << "a commit is tried at once";
    (void)rollout_.finish_one(ActionOutcome::failed);
    EXPECT_EQ(rollout_.in_flight(), 0u);
    rollout_.pass(limits::kBlockMin);
    is_brought_back();
    the_others_follow({1, 2});
}

TEST_F(PinnedDownTest, IsTriedLessAndLessWhileANewVersionWaits) {
    fails_at_its_pin();
    rollout_.wish(with_pin(2));
    int tries = 0;
    for (Seconds waited{0}; waited < std::chrono::hours{1}; waited += Seconds{1}) {
        for (; rollout_.in_flight() > 0; ++tries) {
            ASSERT_EQ(rollout_.next().key.target, name_of(0));
            (void)rollout_.finish_one(ActionOutcome::failed);
        }
        rollout_.pass(Seconds{1});
    }
    EXPECT_GE(tries, 3);
    EXPECT_LE(tries, 10);
    rollout_.wish(version_of(3, one_by_one(), 2));
    ASSERT_EQ(in_outbox(rollout_), std::vector{name_of(0)}) << "not pinned any more";
    EXPECT_EQ(rollout_.next().version, "v1") << "v2 comes to it after its release";
}

/// What has the new version by then keeps it, and goes back with the rest if that fails.
TEST_F(PinnedDownTest, IsBroughtBackInTheMiddleOfARelease) {
    for (const bool restarts : {false, true}) {
        SCOPED_TRACE(restarts);
        rollout_ = Rollout{3, one_by_one()};
        for (int i = 0; i < 3; ++i) (void)rollout_.finish_one();
        fails_at_its_pin();
        rollout_.leaves(0);
        rollout_.pass(limits::kBlockMin);
        rollout_.wish(with_pin(2));
        ASSERT_EQ(in_outbox(rollout_), std::vector{name_of(1)});
        rollout_.comes_back(0);
        (void)rollout_.finish_one();
        if (restarts) {
            rollout_.restart();
            rollout_.wish(with_pin(2));
            rollout_.loads("c1", wish_of(3, one_by_one())->definition);
            for (int i = 0; i < 3; ++i) rollout_.comes_back_running(i);
        }
        is_brought_back();
        ASSERT_EQ(in_outbox(rollout_), std::vector{name_of(2)});
        (void)rollout_.finish_one(ActionOutcome::failed);
        EXPECT_EQ(introduced().status, ReleaseStatus::rolling_back);
        while (rollout_.in_flight() > 0) {
            EXPECT_NE(rollout_.next().key.target, name_of(0));
            (void)rollout_.finish_one();
        }
        EXPECT_EQ(introduced().status, ReleaseStatus::rollback);
        EXPECT_EQ(introduced().targets.at(name_of(1)).status, TargetStatus::restored);
    }
}

/// The release may go on by `on_close`; what brings the pinned target back has to wait.
TEST_F(PinnedDownTest, IsNotBroughtBackOutsideItsWindowAndThatIsSaid) {
    fails_at_its_pin();
    rollout_.leaves(0);
    rollout_.pass(limits::kBlockMin);
    rollout_.wish(with_pin(2));
    auto closed = std::make_shared<Assignment>(*with_pin(2));
    auto& window = closed->rules.window.emplace();
    window.name = "nightly";
    window.allowed.push_back({{}, std::chrono::hours{22}, std::chrono::hours{23}, ""});
    window.on_close = OnClose::finish_release;
    closed->rules.zone = std::make_shared<ZoneRules>(ZoneRules{"UTC", Seconds{0}, {}});
    const std::vector<AssignmentPtr> next{closed};
    rollout_.wish(next);
    rollout_.comes_back(0);
    (void)rollout_.finish_one();
    ASSERT_EQ(rollout_.in_flight(), 0u);
    EXPECT_EQ(introduced().status, ReleaseStatus::paused);
    EXPECT_EQ(rollout_.wish(next).rows, 0u);
    const auto holds = rollout_.holds();
    for (const auto* gate : {"budget", "window"})
        EXPECT_TRUE(std::ranges::any_of(holds, [&](const Hold& hold) { return hold.gate == gate; }))
            << gate;
    rollout_.pass(std::chrono::hours{23});
    is_brought_back();
    the_others_follow({2});
}

/// Nothing repairs a pin under `absent`: a person has to say what is to become of it.
TEST_F(PinnedDownTest, HoldsAnUninstallUntilItsPinIsTakenAway) {
    fails_at_its_pin();
    auto absent = absent_of(3, one_by_one(), 2);
    pin(absent->targets[0], "v0");
    rollout_.wish(AssignmentPtr(absent));
    rollout_.pass(std::chrono::hours{1});
    EXPECT_EQ(rollout_.in_flight(), 0u);
    ASSERT_EQ(rollout_.holds().size(), 1u);
    EXPECT_EQ(rollout_.holds()[0].reason, "max_unavailable 1 is used up by " + name_of(0));
    rollout_.wish(AssignmentPtr(absent_of(3, one_by_one(), 2)));
    for (int i = 0; i < 3; ++i) {
        ASSERT_EQ(in_outbox(rollout_), std::vector{name_of(i)});
        (void)rollout_.finish_one();
    }
    EXPECT_EQ(newest(rollout_).status, ReleaseStatus::success);
}

/// It was away when the release began.
TEST(SkippedDownTest, IsBroughtBackBesideTheReleaseThatItHolds) {
    Rollout rollout(3, one_by_one());
    for (int i = 0; i < 3; ++i) (void)rollout.finish_one();
    rollout.reports_drift(0, true, "its file is gone");
    (void)rollout.finish_one(ActionOutcome::failed);
    rollout.leaves(0);
    rollout.pass(limits::kAgentGrace);
    rollout.wish(second_version(3, one_by_one()));
    ASSERT_EQ(in_outbox(rollout), std::vector{name_of(1)});
    rollout.comes_back(0);
    (void)rollout.finish_one();
    ASSERT_EQ(in_outbox(rollout), std::vector{name_of(0)});
    EXPECT_EQ(rollout.next().version, "v1");
    (void)rollout.finish_one();
    ASSERT_EQ(in_outbox(rollout), std::vector{name_of(2)});
    (void)rollout.finish_one();
    EXPECT_EQ(rollout.state().assignments.at(kKey).good->good.version, "v2");
    ASSERT_EQ(in_outbox(rollout), std::vector{name_of(0)});
    EXPECT_EQ(rollout.next().version, "v2");
}

}  // namespace
}  // namespace tidegate::engine
