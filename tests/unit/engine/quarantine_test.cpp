/// What a bad verdict leaves: quarantines, and reverts that wait for Git.

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "schema/base/limits.h"
#include "tests/unit/engine/rollout.h"

namespace tidegate::engine {
namespace {

/// A retry pushed before the failure is no answer to it, whether the wish is read again or not.
TEST(QuarantineTest, IsLiftedByWhatAPersonSaysAfterItOnly) {
    const auto second = second_version(2, one_by_one());
    Rollout rollout(2, one_by_one());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    rollout.wish(AssignmentPtr(second));
    const auto& failing = newest(rollout);
    rollout.wish(with_retry(second, 1));
    (void)rollout.finish_one(ActionOutcome::failed);
    (void)rollout.finish_one();
    ASSERT_EQ(failing.status, ReleaseStatus::rollback);
    rollout.wish(with_retry(second, 1));
    EXPECT_EQ(rollout.state().quarantines.size(), 1u) << "read again after another commit";
    rollout.restart();
    rollout.wish(with_retry(second, 1));
    EXPECT_EQ(rollout.state().quarantines.size(), 1u) << "read again after a restart";
    for (int i = 0; i < 2; ++i) rollout.comes_back(i);
    EXPECT_EQ(rollout.in_flight(), 0u);
    rollout.wish(with_retry(second, 2));
    EXPECT_TRUE(rollout.state().quarantines.empty());
    ASSERT_EQ(rollout.in_flight(), 1u);
    EXPECT_EQ(rollout.next().version, "v2");
}

/// The release that failed is still waited for, and looked at often.
TEST(QuarantineTest, ThatAPersonLiftedIsNotSetAgainByTheSameRelease) {
    auto second = std::make_shared<Assignment>(*second_version(2, all_at_once()));
    second->forward_only = true;
    Rollout rollout(2, all_at_once());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    rollout.wish(AssignmentPtr(second));
    const auto& failing = newest(rollout);
    (void)rollout.finish_one(ActionOutcome::failed);
    ASSERT_EQ(rollout.state().quarantines.size(), 1u);
    rollout.wish(with_retry(second, 1));
    EXPECT_TRUE(rollout.state().quarantines.empty());
    (void)rollout.finish_one(ActionOutcome::failed);
    EXPECT_TRUE(rollout.state().quarantines.empty());
    EXPECT_EQ(failing.status, ReleaseStatus::failed);
    EXPECT_NE(newest(rollout).id, failing.id);
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::running);
}

AssignmentPtr entered_anew(const char* commit) {
    auto made = std::make_shared<Assignment>(*second_version(1, one_by_one()));
    made->intent.commit = made->intent.digest_commit = commit;
    return made;
}

struct SecondTryCase {
    const char* name;
    AssignmentPtr commit;
};
class SecondTryTest : public testing::TestWithParam<SecondTryCase> {};
/// The first try's revert could not be pushed yet.
TEST_P(SecondTryTest, IsNotTakenBackForTheFirst) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    rollout.wish(second_version(1, one_by_one()));
    const auto& first = newest(rollout);
    (void)rollout.finish_one(ActionOutcome::failed);
    (void)rollout.finish_one();
    ASSERT_EQ(first.status, ReleaseStatus::rollback);
    const auto away = fail(ErrorCode::unavailable, "Git is away");
    (void)rollout.answer(away);
    rollout.wish(GetParam().commit);
    rollout.pass(limits::kAskAgainMax);
    EXPECT_TRUE(rollout.asked().empty());
    EXPECT_EQ(first.revert, RevertState::not_needed);
    (void)rollout.finish_one(ActionOutcome::failed);
    ASSERT_EQ(rollout.asked().size(), 1u) << "the second try fails, too";
    EXPECT_EQ(rollout.asked()[0].release, newest(rollout).id);
    EXPECT_NE(rollout.asked()[0].release, first.id);
}
INSTANTIATE_TEST_SUITE_P(
    Commits, SecondTryTest,
    testing::Values(SecondTryCase{"retry", with_retry(second_version(1, one_by_one()), 1)},
                    SecondTryCase{"there_and_back", entered_anew("c4")}),
    [](const auto& test) { return std::string{test.param.name}; });

TEST(EvidenceTest, IsOfWhatIsKnown) {
    Rollout rollout(2, all_at_once());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    rollout.wish(second_version(2, all_at_once()));
    ASSERT_EQ(rollout.in_flight(), 2u);
    rollout.tells_of_a_failed_task();
    (void)rollout.finish_one(ActionOutcome::failed);
    ASSERT_EQ(rollout.asked().size(), 1u);
    EXPECT_EQ(rollout.asked()[0].evidence, "");
}

/// One commit to a shared file broke many assignments; a revert of each is due.
class RevertsTest : public testing::Test {
protected:
    static AssignmentPtr wish_of_app(int number, int version, const std::string& commit) {
        auto wish = version_of(1, all_at_once(), version);
        auto definition = std::make_shared<Definition>(*wish->definition);
        wish->key.project = definition->key.project = fmt::format("app-{:03}", number);
        wish->definition = wish->targets[0].definition = definition;
        wish->intent.commit = wish->intent.digest_commit = commit;
        wish->intent.by_daemon = commit.starts_with("revert");
        return wish;
    }

    RevertsTest() {
        for (auto& wish : wishes_) wish = wish_of_app(index_of(wish), 2, "c2");
        rollout_.wish(wishes_);
        while (rollout_.in_flight() > 0)
            (void)rollout_.finish_one(rollout_.next().version == "v2" ? ActionOutcome::failed
                                                                      : ActionOutcome::done);
    }

    static std::vector<AssignmentPtr> first_wishes() {
        std::vector<AssignmentPtr> wishes;
        for (int i = 0; i < kApps; ++i) wishes.push_back(wish_of_app(i, 1, "c1"));
        return wishes;
    }
    int index_of(const AssignmentPtr& wish) const {
        return static_cast<int>(&wish - wishes_.data());
    }
    /// What the branch says once our revert is there.
    Cost takes_back(const AssignmentKey& key, const std::string& commit) {
        for (auto& wish : wishes_)
            if (wish->key == key) wish = wish_of_app(index_of(wish), 1, commit);
        return rollout_.wish(wishes_);
    }

    static constexpr int kApps = 40;
    static constexpr std::size_t kFew = 2;  ///< whom it is about, and who is next
    std::vector<AssignmentPtr> wishes_ = first_wishes();
    Rollout rollout_{1, wishes_};
};

TEST_F(RevertsTest, OneAfterTheOtherAndAnAnswerCostsTheSameHoweverManyWait) {
    std::set<std::string> made;
    for (int i = 0; i < kApps; ++i) {
        ASSERT_EQ(rollout_.asked().size(), 1u);
        const auto request = rollout_.asked().front();
        EXPECT_TRUE(made.insert(request.release).second);
        const auto commit = fmt::format("revert-{}", i);
        EXPECT_LE(rollout_.answer(RevertDone::Prepared{commit}).looks, kFew);
        ASSERT_EQ(rollout_.asked().size(), 1u);
        EXPECT_EQ(rollout_.asked().front().prepared, commit);
        EXPECT_LE(rollout_.answer(RevertDone::Pushed{commit}).looks, kFew);
        EXPECT_LE(takes_back(request.key, commit).looks, kFew);
    }
    EXPECT_TRUE(rollout_.asked().empty());
    EXPECT_TRUE(rollout_.state().reverts.empty());
}

/// Its own turn goes to the next one, and comes back.
TEST_F(RevertsTest, OneThatFailsHoldsNoOtherUp) {
    const auto failing = rollout_.asked().front().release;
    (void)rollout_.answer(fail(ErrorCode::unavailable, "Git is away"));
    for (int i = 1; i < kApps; ++i) {
        ASSERT_EQ(rollout_.asked().size(), 1u);
        EXPECT_NE(rollout_.asked().front().release, failing);
        EXPECT_LE(rollout_.answer(RevertDone::Branched{"b"}).looks, kFew);
    }
    EXPECT_TRUE(rollout_.asked().empty());
    rollout_.pass(limits::kAskAgainMax);
    ASSERT_EQ(rollout_.asked().size(), 1u);
    EXPECT_EQ(rollout_.asked().front().release, failing);
}

/// Releases are pruned; what proves a commit ours is not.
TEST_F(RevertsTest, IsRememberedBeforeItsPushAndOncePerRelease) {
    (void)rollout_.answer(RevertDone::Prepared{"revert-1"});
    EXPECT_EQ(rollout_.rows(Table::revert), 1u);
    const auto release = rollout_.asked().front().release;
    (void)rollout_.answer(fail(ErrorCode::conflict, "lost the race"));
    while (rollout_.asked().front().release != release)
        (void)rollout_.answer(fail(ErrorCode::unavailable, "Git is away"));
    (void)rollout_.answer(RevertDone::Prepared{"revert-2"});
    EXPECT_EQ(rollout_.rows(Table::revert), 1u);
    EXPECT_TRUE(rollout_.restarted().own_reverts.contains(release));
}

TEST_F(RevertsTest, IsRememberedForLongerThanItsRelease) {
    const auto request = rollout_.asked().front();
    (void)rollout_.answer(RevertDone::Prepared{"revert-1"});
    (void)rollout_.answer(RevertDone::Pushed{"revert-1"});
    (void)takes_back(request.key, "revert-1");
    auto& wish = *std::ranges::find(wishes_, request.key, [](const auto& one) { return one->key; });
    const auto number = index_of(wish);
    for (int i = 3; rollout_.state().releases.contains(request.release); ++i) {
        ASSERT_LT(i, 2 * static_cast<int>(limits::kReleasesKeptPerAssignment));
        wish = wish_of_app(number, i, fmt::format("c{}", i));
        rollout_.wish(wishes_);
        while (rollout_.in_flight() > 0) (void)rollout_.finish_one();
    }
    const auto later = rollout_.restarted();
    EXPECT_FALSE(later.releases.contains(request.release));
    EXPECT_TRUE(later.own_reverts.contains(request.release));
}

TEST_F(RevertsTest, IsRememberedWhereItIsOfferedToo) {
    (void)rollout_.answer(RevertDone::Branched{"tidegate/revert-1", "revert-1"});
    EXPECT_EQ(rollout_.rows(Table::revert), 1u);
}

/// A person was quicker than the one whose turn it is.
TEST_F(RevertsTest, WhatIsNotNeededAnyMoreIsPassedOver) {
    for (int i = 0; i < kApps; ++i)
        (void)rollout_.answer(fail(ErrorCode::unavailable, "Git is away"));
    ASSERT_TRUE(rollout_.asked().empty());
    const auto& state = rollout_.state();
    const auto next = state.reverts.begin()->first;
    (void)takes_back(state.releases.at(next).key, "c3");
    EXPECT_FALSE(state.reverts.contains(next));
    EXPECT_EQ(rollout_.asked().size(), 1u);
}

TEST_F(RevertsTest, OneCommitThatEndsAllButOneLeavesTheTurnToThatOne) {
    for (int i = 0; i < kApps; ++i)
        (void)rollout_.answer(fail(ErrorCode::unavailable, "Git is away"));
    for (int i = 1; i < kApps; ++i) wishes_[static_cast<std::size_t>(i)] = wish_of_app(i, 1, "c3");
    rollout_.wish(wishes_);
    EXPECT_EQ(rollout_.state().reverts.size(), 1u);
    ASSERT_EQ(rollout_.asked().size(), 1u);
    EXPECT_EQ(rollout_.asked().front().key, wishes_[0]->key);
}

/// A person takes it back between its making and its push: the next one's turn comes all the same.
TEST_F(RevertsTest, OneThatIsTakenBackWhileTheTipIsHeldGivesItsTurnAway) {
    const auto first = rollout_.asked().front();
    rollout_.hold_tip(true);
    (void)rollout_.answer(RevertDone::Prepared{"revert-1"});
    EXPECT_TRUE(rollout_.asked().empty());
    (void)takes_back(first.key, "c3");
    EXPECT_FALSE(rollout_.state().reverts.contains(first.release));
    rollout_.hold_tip(false);
    ASSERT_EQ(rollout_.asked().size(), 1u);
    EXPECT_NE(rollout_.asked().front().release, first.release);
}

}  // namespace
}  // namespace tidegate::engine
