/// What makes a version last good: that it was verified somewhere, or is in place there.

#include <gtest/gtest.h>

#include "schema/resolve/digest.h"
#include "tests/unit/engine/rollout.h"

namespace tidegate::engine {
namespace {

AssignmentPtr pinned(std::shared_ptr<Assignment> wish, std::initializer_list<std::size_t> targets) {
    for (const auto target : targets) pin(wish->targets[target], "v1");
    return wish;
}

std::string good_version(Rollout& rollout) {
    const auto& good = rollout.state().assignments.at(kKey).good;
    return good ? good->good.version : "none";
}

TEST(ProofTest, APinnedTargetIsNone) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    rollout.wish(pinned(version_of(1, one_by_one(), 2), {0}));
    EXPECT_EQ(good_version(rollout), "v1");
    ASSERT_EQ(rollout.holds().size(), 1u);
    EXPECT_EQ(rollout.holds()[0].gate, "pin");
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::pending);
    rollout.wish(AssignmentPtr(version_of(1, one_by_one(), 2)));
    ASSERT_EQ(rollout.in_flight(), 1u);
    EXPECT_EQ(rollout.next().version, "v2");
    (void)rollout.finish_one();
    EXPECT_EQ(good_version(rollout), "v2");
}

/// Not last good, which stays where it is.
TEST(ProofTest, ACatchUpOfPinnedTargetsIsCalledWhatTheyComeTo) {
    Rollout rollout(2, all_at_once());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    rollout.wish(AssignmentPtr(version_of(2, all_at_once(), 2)));
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    rollout.wish(pinned(version_of(2, all_at_once(), 2), {0}));
    ASSERT_EQ(rollout.in_flight(), 1u);
    EXPECT_EQ(newest(rollout).kind, ReleaseKind::catch_up);
    EXPECT_EQ(newest(rollout).to, "v1");
}

/// All the others left, or were pinned, while it was under way.
TEST(ProofTest, APinnedTargetIsNoneInTheMiddleOfARelease) {
    Rollout rollout(2, one_by_one());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    rollout.wish(AssignmentPtr(version_of(2, one_by_one(), 2)));
    ASSERT_EQ(in_outbox(rollout), std::vector{name_of(0)});
    rollout.leaves(0);
    auto rest = version_of(2, one_by_one(), 2);
    rest->targets.erase(rest->targets.begin());
    rollout.wish(pinned(rest, {0}));
    rollout.pass(std::chrono::hours{1});
    EXPECT_EQ(good_version(rollout), "v1");
    ASSERT_FALSE(rollout.holds().empty());
    EXPECT_EQ(rollout.holds()[0].gate, "pin");
}

/// Its host was replaced, and the other target left.
TEST(ProofTest, WhatIsNowhereAnyMoreIsNone) {
    Rollout rollout(2, one_by_one());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    rollout.wish(AssignmentPtr(version_of(2, one_by_one(), 2)));
    (void)rollout.finish_one();
    ASSERT_EQ(in_outbox(rollout), std::vector{name_of(1)});
    rollout.leaves(1);
    auto rest = version_of(1, one_by_one(), 2);
    rest->targets[0].agent = name_of(2);
    rollout.wish(AssignmentPtr(rest));
    rollout.pass(std::chrono::hours{1});
    EXPECT_EQ(good_version(rollout), "v1");
    rollout.comes_with(2, {});
    ASSERT_EQ(rollout.in_flight(), 2u);
    EXPECT_EQ(newest(rollout).kind, ReleaseKind::introduce);
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::running);
}

Installation in_place(int target, const Assignment& wish) {
    Installation there;
    there.key = {name_of(target), kKey.project, ""};
    there.status = InstallStatus::installed;
    there.version = wish.definition->version;
    there.digest = wish.targets[static_cast<std::size_t>(target)].digest;
    return there;
}

/// A store that knows nothing of a fleet that is as it should be.
TEST(ProofTest, WhatIsInPlaceIsOne) {
    const auto wish = version_of(2, one_by_one(), 2);
    Rollout rollout(0, std::vector<AssignmentPtr>{});
    for (int i = 0; i < 2; ++i) rollout.comes_with(i, {in_place(i, *wish)});
    rollout.wish(AssignmentPtr(wish));
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::success);
    EXPECT_EQ(good_version(rollout), "v2");
}

TEST(ProofTest, WhatHasDriftedIsNoneAndIsDeployedAgain) {
    const auto wish = version_of(1, one_by_one(), 2);
    Rollout rollout(0, std::vector<AssignmentPtr>{});
    auto there = in_place(0, *wish);
    there.drifted = true;
    rollout.comes_with(0, {there});
    rollout.wish(AssignmentPtr(wish));
    EXPECT_EQ(good_version(rollout), "none");
    ASSERT_EQ(rollout.in_flight(), 1u);
    (void)rollout.finish_one();
    EXPECT_EQ(good_version(rollout), "v2");
}

TEST(ProofTest, WhatTheStoreRemembersIsNone) {
    const auto wish = version_of(1, one_by_one(), 2);
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    rollout.wish(frozen(wish_of(1, one_by_one())));
    auto there = in_place(0, *wish);
    there.report = 50;
    rollout.reports_as(0, there);
    rollout.restart();
    rollout.wish(AssignmentPtr(wish));
    EXPECT_EQ(good_version(rollout), "v1");
    rollout.comes_with(0, {in_place(0, *wish)});
    rollout.drain();
    EXPECT_EQ(good_version(rollout), "v2");
}

/// After a lost store releases have the ids that they had.
TEST(ProofTest, WhatAnAgentDidOnceIsNoneWhereSomethingElseIsSince) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    rollout.wish(AssignmentPtr(version_of(1, one_by_one(), 2)));
    auto there = in_place(0, *version_of(1, one_by_one(), 1));
    there.report = 2;
    rollout.reports_as(0, there);
    const auto first = rollout.next().id;
    rollout.answers_from_its_journal();
    EXPECT_EQ(good_version(rollout), "v1");
    ASSERT_EQ(rollout.in_flight(), 1u);
    EXPECT_NE(rollout.next().id, first);
    EXPECT_EQ(rollout.next().version, "v2");
    (void)rollout.finish_one();
    EXPECT_EQ(good_version(rollout), "v2");
}

/// After a lost store: a target came from another environment, where the same was rolled back.
TEST(ProofTest, WhatFailedElsewhereIsNotQuarantinedWhereItIsGood) {
    const LastGood good{Digest::of("v1"), "c1", "v1"};
    Rollout rollout(0, std::vector<AssignmentPtr>{});
    auto here = in_place(0, *version_of(2, one_by_one(), 1));
    here.last_good = good;
    rollout.comes_with(0, {here});
    auto moved = in_place(1, *version_of(2, one_by_one(), 3));
    moved.rejected = LastGood{good.digest, "elsewhere", "v1"};
    rollout.comes_with(1, {moved});
    rollout.wish(AssignmentPtr(version_of(2, one_by_one(), 2)));
    ASSERT_EQ(rollout.candidates(), std::vector{good});
    rollout.finds_good(good);
    EXPECT_EQ(good_version(rollout), "v1");
    EXPECT_TRUE(rollout.state().quarantines.empty());
}

struct ElsewhereCase {
    const char* name;
    const char* says_bad;  ///< the environment of the one that says that it failed
    const char* says_good;
    bool is_good;
    bool is_bad;
};
class ElsewhereTest : public testing::TestWithParam<ElsewhereCase> {};
/// After a lost store, of the same state, which one commit brought to both environments.
TEST_P(ElsewhereTest, EachEnvironmentHasAWordOfItsOwn) {
    const LastGood same{Digest::of("v1"), "c1", "v1"};
    Rollout rollout(0, std::vector<AssignmentPtr>{});
    auto good = in_place(0, *version_of(2, one_by_one(), 1));
    good.environment = GetParam().says_good;
    good.last_good = same;
    rollout.comes_with(0, {good});
    auto bad = in_place(1, *version_of(2, one_by_one(), 3));
    bad.environment = GetParam().says_bad;
    bad.rejected = same;
    rollout.comes_with(1, {bad});
    rollout.wish(AssignmentPtr(version_of(2, one_by_one(), 2)));
    EXPECT_EQ(rollout.candidates().size(), GetParam().is_good ? 1u : 0u);
    if (GetParam().is_good) rollout.finds_good(same);
    EXPECT_EQ(good_version(rollout), GetParam().is_good ? "v1" : "none");
    EXPECT_EQ(rollout.state().quarantines.size(), GetParam().is_bad ? 1u : 0u);
}
INSTANTIATE_TEST_SUITE_P(Words, ElsewhereTest,
                         testing::Values(ElsewhereCase{"good_here", "staging", "prod", true, false},
                                         ElsewhereCase{"bad_here", "prod", "staging", false, true},
                                         ElsewhereCase{"neither_here", "staging", "staging", false,
                                                       false},
                                         ElsewhereCase{"agents_of_before", "", "", false, true}),
                         [](const auto& test) { return test.param.name; });

/// Agents that are asked after a lost store; `there` is what each of them has, and ran well.
class RecalledGoodTest : public testing::Test {
protected:
    void come_with(const std::vector<int>& there) {
        int target = 0;
        for (const int number : there) {
            const auto wish = version_of(2, all_at_once(), number);
            auto seen = in_place(target, *wish);
            seen.assignment_digest = wish->definition->digest;
            seen.commit = "c" + std::to_string(number);
            rollout_.comes_with(target++, {seen});
        }
    }

    Rollout rollout_{0, std::vector<AssignmentPtr>{}};
};

/// Else a bad version that comes meanwhile would be taken for the first one, and its file removed.
TEST_F(RecalledGoodTest, IsWhatAllOfThemRun) {
    come_with({1, 1});
    rollout_.wish(AssignmentPtr(version_of(2, all_at_once(), 2)));
    ASSERT_EQ(rollout_.candidates(), (std::vector{LastGood{Digest::of("v1"), "c1", "v1"}}));
    rollout_.finds_good(rollout_.candidates().front());
    rollout_.loads("c1", version_of(2, all_at_once(), 1)->definition);
    for (int i = 0; i < 2; ++i) (void)rollout_.finish_one(ActionOutcome::failed);
    ASSERT_EQ(rollout_.in_flight(), 2u) << newest(rollout_).reason;
    EXPECT_EQ(rollout_.next().kind, ActionKind::rollback);
    EXPECT_EQ(rollout_.next().version, "v1");
}

/// It was in the middle of its release.
TEST_F(RecalledGoodTest, IsNotWhatSomeOfThemRun) {
    come_with({1, 3});
    rollout_.wish(AssignmentPtr(version_of(2, all_at_once(), 2)));
    EXPECT_TRUE(rollout_.candidates().empty());
}

TEST_F(RecalledGoodTest, IsNotWhatIsStillWished) {
    come_with({2, 2});
    rollout_.wish(frozen(version_of(2, all_at_once(), 2)));
    EXPECT_TRUE(rollout_.candidates().empty());
}

/// A pinned target on which nobody knows what is there, and no release any more that was there.
TEST(ProofTest, WhatAFormerWishLeftUnknownIsOverwrittenAfterALostStore) {
    const auto wish = pinned(version_of(1, one_by_one(), 2), {0});
    const auto comes_with_unknown_of = [&](const Digest& digest, const Digest& rejected) {
        Rollout rollout(0, std::vector<AssignmentPtr>{});
        auto there = in_place(0, *version_of(1, one_by_one(), 1));
        there.status = InstallStatus::unknown;
        there.assignment_digest = digest;
        if (!rejected.empty()) there.rejected = LastGood{rejected, "c0", "bad"};
        rollout.comes_with(0, {there});
        rollout.wish(wish);
        return rollout.in_flight();
    };
    const auto& wished = wish->definition->digest;
    EXPECT_EQ(comes_with_unknown_of(Digest::of("another"), {}), 1u);
    EXPECT_EQ(comes_with_unknown_of(Digest::of("another"), Digest::of("bad")), 1u);
    EXPECT_EQ(comes_with_unknown_of(Digest::of("another"), wished), 0u) << "its own restore";
    EXPECT_EQ(comes_with_unknown_of(wished, {}), 0u);
    EXPECT_EQ(comes_with_unknown_of(wish->targets[0].definition->digest, {}), 0u);
}

/// A forced operation that reaches nobody did nothing.
TEST(ProofTest, AnOperationOnPinnedTargetsOnlyIsHeld) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    auto forced = version_of(1, one_by_one(), 1);
    forced->intent.commit = "c2";
    forced->operation = Operation::update;
    rollout.wish(pinned(forced, {0}));
    ASSERT_EQ(rollout.holds().size(), 1u);
    EXPECT_EQ(rollout.holds()[0].gate, "pin");
    EXPECT_EQ(rollout.state().releases.size(), 1u);
}

}  // namespace
}  // namespace tidegate::engine
