/// Targets that left an assignment, and assignments that left Git.

#include <gtest/gtest.h>

#include <set>
#include <utility>

#include "schema/base/limits.h"
#include "tests/unit/engine/rollout.h"

namespace tidegate::engine {
namespace {

TEST(TargetsThatLeftTest, AnActionThereIsGivenUpAtItsDeadlineAndTheReleaseGoesOn) {
    Rollout rollout(2, one_by_one());
    rollout.leaves(0);
    rollout.wish(wish_of(2, one_by_one(), 1));
    EXPECT_EQ(in_outbox(rollout), std::vector{name_of(0)});
    rollout.pass(std::chrono::hours{1});
    EXPECT_EQ(in_outbox(rollout), std::vector{name_of(1)});
}

TEST(TargetsThatLeftTest, WithoutAnyTargetNothingIsInSync) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    const auto shown = [&] { return *explain(rollout.state(), kKey, rollout.now()); };
    ASSERT_EQ(shown().sync, Sync::in_sync);
    rollout.wish(wish_of(1, one_by_one(), 1));
    EXPECT_EQ(rollout.holds(), (std::vector<Hold>{{"no_targets", "prod has no targets", {}}}));
    EXPECT_EQ(shown().sync, Sync::held);
    EXPECT_EQ(rollout.orphaned(), std::vector{name_of(0)});
    auto absent = std::make_shared<Assignment>(*wish_of(1, one_by_one(), 1));
    auto definition = std::make_shared<Definition>(*absent->definition);
    definition->absent = true;
    absent->definition = definition;
    rollout.wish(absent);
    EXPECT_TRUE(rollout.holds().empty()) << "nowhere is where it is wanted";
    EXPECT_EQ(shown().sync, Sync::in_sync);
    rollout.wish(wish_of(1, one_by_one()));
    EXPECT_TRUE(rollout.holds().empty());
}

/// The whole environment was deleted, its installations stay.
TEST(TargetsThatLeftTest, WithTheirAssignmentAreOrphanedAndNothingIsUninstalled) {
    Rollout rollout(2, one_by_one());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    rollout.wish(std::vector<AssignmentPtr>{});
    rollout.pass(std::chrono::hours{24});
    EXPECT_EQ(rollout.in_flight(), 0u);
    EXPECT_EQ(rollout.orphaned(), (std::vector{name_of(0), name_of(1)}));
    EXPECT_EQ(explain(rollout.state(), kKey, rollout.now())->desired_commit, "");
}

TEST(TargetsThatLeftTest, AReleaseWithoutAnyTargetLeftProvesNothing) {
    Rollout rollout(1, one_by_one());
    rollout.leaves(0);
    rollout.wish(wish_of(2, one_by_one(), 1));
    rollout.pass(std::chrono::hours{1});
    ASSERT_EQ(rollout.state().releases.size(), 2u);
    EXPECT_FALSE(rollout.state().assignments.at(kKey).good);
}

TEST(TargetsThatLeftTest, ARefusalThatComesThenIsNotTriedOver) {
    Rollout rollout(2, one_by_one());
    rollout.wish(wish_of(2, one_by_one(), 1));
    (void)rollout.finish_one(ActionOutcome::refused);
    EXPECT_EQ(in_outbox(rollout), std::vector{name_of(1)});
    (void)rollout.finish_one();
    EXPECT_EQ(rollout.state().releases.begin()->second.status, ReleaseStatus::success);
}

TEST(TargetsThatLeftTest, TheyUseUpNoBudget) {
    auto strategy = one_by_one();
    strategy.batch_size = {2, false};
    Rollout rollout(2, strategy);
    ASSERT_EQ(in_outbox(rollout), std::vector{name_of(0)});
    rollout.breaks(1);
    rollout.wish(wish_of(2, strategy, 1));
    EXPECT_EQ(in_outbox(rollout).size(), 2u);
}

/// The newest wish says whose it is, and what goes back there.
TEST(TargetsThatLeftTest, WhatMovedToAnotherEnvironmentIsNotRestoredByTheFormer) {
    Rollout rollout(2, one_by_one());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    rollout.wish(second_version(2, one_by_one()));
    ASSERT_EQ(rollout.next().key.target, name_of(0));
    auto other = std::make_shared<Assignment>(*wish_of(1, one_by_one()));
    other->key.environment = "edge";
    auto rest = std::make_shared<Assignment>(*second_version(2, one_by_one()));
    rest->targets.erase(rest->targets.begin());
    rollout.wish({rest, other});
    (void)rollout.finish_one(ActionOutcome::failed);
    ASSERT_EQ(rollout.in_flight(), 1u);
    EXPECT_EQ(rollout.next().key.target, name_of(0));
    EXPECT_EQ(rollout.next().environment, "edge");
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::rollback) << newest(rollout).reason;
}

/// After a lost store the same action may be on its way to the agent to which its target went.
TEST(TargetsThatLeftTest, WhatTheirFormerAgentTellsIsTakenIn) {
    Rollout rollout(1, one_by_one());
    const auto action = rollout.next();
    rollout.comes_with_outcome_of(1, action);
    EXPECT_EQ(rollout.acknowledged(1), std::vector{action.id});
    EXPECT_EQ(in_outbox(rollout), std::vector{name_of(0)}) << "that is another's";
}

TEST(TargetsThatLeftTest, AreRememberedForAsLongAsTheirAgentReportsThem) {
    Rollout rollout(2, one_by_one());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    const auto& departed = rollout.state().assignments.at(kKey).departed;
    rollout.wish(wish_of(1'000, one_by_one()));
    rollout.wish(wish_of(2, one_by_one(), 1));
    EXPECT_EQ(rollout.orphaned(), std::vector{name_of(0)});
    EXPECT_EQ(departed.size(), 1u) << "nothing is on the others";
    rollout.reports(0, InstallStatus::absent, 10);
    EXPECT_TRUE(rollout.orphaned().empty());
    EXPECT_TRUE(departed.empty());
}

TEST(TargetsThatLeftTest, AreRememberedWhenTheirLastActionEnds) {
    Rollout rollout(2, one_by_one());
    rollout.wish(wish_of(2, one_by_one(), 1));
    EXPECT_TRUE(rollout.orphaned().empty());
    (void)rollout.finish_one();
    EXPECT_EQ(rollout.orphaned(), std::vector{name_of(0)});
    const auto back = rollout.restarted();
    EXPECT_TRUE(back.assignments.at(kKey).departed.contains(name_of(0)));
}

TEST(TargetsThatLeftTest, AreRememberedOfTheWishThatHadThemLastAlsoAfterARestart) {
    Rollout rollout(2, one_by_one());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    auto other = std::make_shared<Assignment>(*second_version(1, one_by_one()));
    other->key.environment = "edge";
    const auto rest = wish_of(2, one_by_one(), 1);
    rollout.pass(Milliseconds{1'000});
    rollout.wish({rest, other});
    (void)rollout.finish_one();
    rollout.wish(rest);
    const auto remembered = [](const State& state, const AssignmentKey& key) {
        return state.assignments.at(key).departed.contains(name_of(0));
    };
    const auto back = rollout.restarted();
    for (const auto* state : {&std::as_const(rollout.state()), &back}) {
        EXPECT_TRUE(remembered(*state, other->key));
        EXPECT_FALSE(remembered(*state, kKey));
    }
}

/// An environment for each merge request: all of them come, and go again.
class PreviewTest : public testing::Test {
protected:
    static constexpr int kMany = static_cast<int>(limits::kGoneAssignmentsKept) + 20;

    static AssignmentPtr preview(int number, const std::string& commit) {
        auto wish = version_of(1, one_by_one(), number);
        wish->key.environment = fmt::format("preview-{:05}", number);
        auto definition = std::make_shared<Definition>(*wish->definition);
        definition->key = wish->key;
        wish->definition = wish->targets[0].definition = definition;
        wish->intent.commit = wish->intent.digest_commit = commit;
        return wish;
    }
    static AssignmentPtr preview(int number) { return preview(number, fmt::format("p{}", number)); }

    void run(const AssignmentPtr& wish) {
        rollout_.pass(Milliseconds{1'000});
        rollout_.wish(wish);
        ASSERT_EQ(rollout_.in_flight(), 1u);
        EXPECT_TRUE(ids_.insert(rollout_.next().release).second);
        (void)rollout_.finish_one();
    }
    bool is_known(int number) {
        return rollout_.state().assignments.contains(preview(number)->key);
    }

    PreviewTest() {
        ids_.insert(rollout_.next().release);
        (void)rollout_.finish_one();
        for (int i = 1; i < kMany; ++i) run(preview(i));
    }

    std::set<std::string> ids_;
    Rollout rollout_{1, preview(0)};
};

TEST_F(PreviewTest, OfThoseThatAreGoneTheNewestAreRemembered) {
    constexpr auto kKept = limits::kGoneAssignmentsKept + 1;  // the last one is wished
    EXPECT_EQ(rollout_.state().assignments.size(), kKept);
    EXPECT_EQ(rollout_.state().releases.size(), kKept);
    for (const auto table :
         {Table::release, Table::release_step, Table::release_target, Table::history})
        EXPECT_EQ(rollout_.rows(table), kKept) << to_string(table);
    EXPECT_FALSE(is_known(0));
    EXPECT_TRUE(is_known(kMany - 1));
    rollout_.restart();
    rollout_.wish(preview(kMany - 1));
    EXPECT_EQ(rollout_.state().assignments.size(), kKept);
    EXPECT_EQ(rollout_.state().gone.size(), kKept - 1);
}

TEST_F(PreviewTest, OneThatComesBackIsReleasedAnew) {
    run(preview(0, "later"));
    EXPECT_TRUE(is_known(0));
    EXPECT_EQ(rollout_.state().assignments.at(preview(0)->key).good->good.commit, "later");
}

/// The branch was forced back, so that the agent knows the action that it is sent.
TEST_F(PreviewTest, AnAnswerOfFormerTimesIsNotTakenForWhatIsThere) {
    rollout_.wish(preview(0));
    ASSERT_EQ(rollout_.in_flight(), 1u);
    EXPECT_TRUE(ids_.contains(rollout_.next().release));
    rollout_.answers_from_its_journal();
    ASSERT_EQ(rollout_.in_flight(), 1u);
    EXPECT_TRUE(ids_.insert(rollout_.next().release).second);
    EXPECT_EQ(rollout_.next().version, "v0");
}

}  // namespace
}  // namespace tidegate::engine
