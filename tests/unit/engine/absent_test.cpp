/// A finished uninstall is the state to keep, and to come back to.

#include <gtest/gtest.h>

#include "tests/unit/engine/rollout.h"

namespace tidegate::engine {
namespace {

/// v1 on two targets, and gone again by commit c2.
class AbsentTest : public testing::Test {
protected:
    AbsentTest() {
        for (int i = 0; i < 2; ++i) (void)rollout_.finish_one();
        rollout_.wish(AssignmentPtr(absent_of(2, one_by_one(), 2)));
        for (int i = 0; i < 2; ++i) (void)rollout_.finish_one();
    }
    /// v3, held by the freeze that its own commit lifts: upkeep goes on.
    static AssignmentPtr waiting() {
        auto wish = version_of(2, one_by_one(), 3);
        auto rules = std::make_shared<Rules>();
        rules->freeze.active = true;
        wish->anchor_rules.push_back(rules);
        return wish;
    }
    const std::optional<GoodState>& good() { return rollout_.state().assignments.at(kKey).good; }

    Rollout rollout_{2, one_by_one()};
};

TEST_F(AbsentTest, IsWhatIsKeptWhileTheNextVersionWaits) {
    ASSERT_EQ(newest(rollout_).status, ReleaseStatus::success);
    EXPECT_TRUE(good()->good.absent);
    rollout_.wish(waiting());
    rollout_.drain();
    EXPECT_EQ(rollout_.in_flight(), 0u);
    EXPECT_EQ(newest(rollout_).status, ReleaseStatus::pending);
}

TEST_F(AbsentTest, IsKeptAfterARestartToo) {
    rollout_.restart();
    rollout_.wish(waiting());
    for (int i = 0; i < 2; ++i) rollout_.comes_back(i);
    rollout_.drain();
    EXPECT_EQ(rollout_.in_flight(), 0u);
    EXPECT_TRUE(good()->good.absent);
}

/// It was away during the uninstall.
TEST_F(AbsentTest, IsMadeSoWhereSomethingIsLeft) {
    rollout_.wish(waiting());
    rollout_.reports(1, InstallStatus::installed, 50);
    ASSERT_EQ(rollout_.in_flight(), 1u);
    EXPECT_EQ(rollout_.next().kind, ActionKind::uninstall);
    EXPECT_EQ(rollout_.next().key.target, name_of(1));
}

/// What failed is taken away by the uninstall that came with it; that of before is for the next
/// try.
TEST_F(AbsentTest, IsWhatAFailedVersionGoesBackTo) {
    auto bad = version_of(2, one_by_one(), 3);
    auto definition = std::make_shared<Definition>(*bad->definition);
    definition->deploy.script.uninstall_script = "take v3 away";
    bad->definition = definition;
    for (auto& target : bad->targets) target.definition = definition;
    rollout_.wish(AssignmentPtr(bad));
    ASSERT_EQ(rollout_.in_flight(), 1u);
    (void)rollout_.finish_one(ActionOutcome::failed);
    ASSERT_EQ(rollout_.in_flight(), 1u);
    EXPECT_EQ(rollout_.next().kind, ActionKind::uninstall);
    EXPECT_EQ(rollout_.next().assignment_digest, good()->good.digest);
    EXPECT_EQ(rollout_.next().deploy.script.uninstall_script, "take v3 away");
    ASSERT_EQ(rollout_.asked().size(), 1u);
    EXPECT_TRUE(rollout_.asked()[0].good->absent);
    (void)rollout_.finish_one(ActionOutcome::failed);
    ASSERT_EQ(rollout_.in_flight(), 1u);
    EXPECT_EQ(rollout_.next().deploy.script.uninstall_script, "");
    (void)rollout_.finish_one();
    EXPECT_EQ(newest(rollout_).status, ReleaseStatus::rollback);
    EXPECT_EQ(rollout_.in_flight(), 0u) << "nothing of v1 comes";
}

/// The same digest as before is introduced, not caught up with.
TEST_F(AbsentTest, IsLeftByAnIntroduce) {
    auto again = std::make_shared<Assignment>(*wish_of(2, one_by_one()));
    again->intent.commit = again->intent.digest_commit = "c3";
    rollout_.wish(again);
    ASSERT_EQ(rollout_.in_flight(), 1u);
    EXPECT_EQ(newest(rollout_).kind, ReleaseKind::introduce);
}

/// Two targets that report `status`, and a store that knows nothing.
class LostAbsentTest : public testing::Test {
protected:
    static Installation gone(int target) {
        Installation there;
        there.key = {name_of(target), kKey.project, ""};
        there.status = InstallStatus::absent;
        there.assignment_digest = Digest::of("v2");
        there.commit = "c2";
        there.last_good = LastGood{Digest::of("v1"), "c1", "v1"};
        there.report = 10;
        return there;
    }
};

TEST_F(LostAbsentTest, IsRememberedByTheAgents) {
    Rollout rollout(0, std::vector<AssignmentPtr>{});
    for (int i = 0; i < 2; ++i) rollout.comes_with(i, {gone(i)});
    auto wish = version_of(2, one_by_one(), 3);
    auto rules = std::make_shared<Rules>();
    rules->freeze.active = true;
    wish->anchor_rules.push_back(rules);
    rollout.wish(AssignmentPtr(wish));
    ASSERT_EQ(rollout.candidates().size(), 2u);
    EXPECT_TRUE(rollout.candidates()[0].absent);
    EXPECT_EQ(rollout.candidates()[0].commit, "c2");
    EXPECT_FALSE(rollout.candidates()[1].absent);
}

TEST_F(LostAbsentTest, IsNotWhatIsKeptWhileSomethingIsThere) {
    Rollout rollout(0, std::vector<AssignmentPtr>{});
    auto there = gone(1);
    there.status = InstallStatus::installed;
    rollout.comes_with(0, {gone(0)});
    rollout.comes_with(1, {there});
    rollout.wish(AssignmentPtr(version_of(2, one_by_one(), 3)));
    ASSERT_EQ(rollout.candidates().size(), 1u);
    EXPECT_EQ(rollout.candidates()[0].commit, "c1");
}

/// Of a build that kept v1 after its uninstall.
TEST(FormerAbsentTest, IsNoticedWhereNothingIsLeft) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    rollout.wish(frozen(wish_of(1, one_by_one())));
    rollout.reports(0, InstallStatus::absent, 50);
    rollout.wish(AssignmentPtr(absent_of(1, one_by_one(), 2)));
    EXPECT_EQ(rollout.in_flight(), 0u);
    EXPECT_TRUE(rollout.state().assignments.at(kKey).good->good.absent);
}

}  // namespace
}  // namespace tidegate::engine
