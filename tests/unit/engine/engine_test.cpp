#include <gtest/gtest.h>

#include "schema/base/limits.h"
#include "schema/resolve/digest.h"
#include "tests/unit/engine/rollout.h"

namespace tidegate::engine {
namespace {

TEST(OutcomeCostTest, AnOutcomeWritesAndShowsTheSameHoweverManyTargetsThereAre) {
    std::vector<Cost> costs;
    for (const int targets : {300, 10'000}) {
        Rollout rollout(targets, all_at_once());
        rollout.drain();
        ASSERT_EQ(rollout.in_flight(), static_cast<std::size_t>(targets));
        (void)rollout.finish_one();
        costs.push_back(rollout.finish_one());
    }
    EXPECT_EQ(costs[0].rows, costs[1].rows);
    EXPECT_EQ(costs[0].shown, 1u);
    EXPECT_EQ(costs[1].shown, 1u);
    EXPECT_LT(costs[1].bytes, 2'000u);
    EXPECT_EQ(costs[0].bytes, costs[1].bytes);
}

TEST(OutcomeCostTest, AStepWritesTheSameHoweverManyStepsThereAre) {
    std::vector<Cost> costs;
    for (const int targets : {10, 200}) {
        Rollout rollout(targets, one_by_one());
        (void)rollout.finish_one();
        costs.push_back(rollout.finish_one());
    }
    EXPECT_EQ(costs[0].rows, costs[1].rows);
    EXPECT_EQ(costs[0].shown, costs[1].shown);
    EXPECT_NEAR(static_cast<double>(costs[0].bytes), static_cast<double>(costs[1].bytes), 8.0);
}

TEST(StepTest, AKindThatNobodyWalksHoldsTheRelease) {
    Rollout rollout(3, one_by_one());
    auto& release = rollout.state().releases.begin()->second;
    release.steps.at(1).kind = StepKind::await;
    release.steps.at(1).targets.clear();
    (void)rollout.finish_one();
    EXPECT_EQ(rollout.in_flight(), 0u);
    EXPECT_EQ(release.steps.at(1).status, StepStatus::pending);
    EXPECT_EQ(release.steps.at(2).status, StepStatus::pending);
    const auto view = explain(rollout.state(), kKey, Timestamp{});
    ASSERT_EQ(view->holds.size(), 1u);
    EXPECT_EQ(view->holds[0].gate, "unsupported");
}

Strategy checked_by(const char* url) {
    auto strategy = one_by_one();
    strategy.health_check.emplace();
    strategy.health_check->url = url;
    return strategy;
}

/// A commit that breaks its own health check must not break the way back, too.
TEST(RestoreTest, IsVerifiedWithTheChecksOfLastGood) {
    Rollout rollout(1, checked_by("old"));
    (void)rollout.finish_one();
    auto second = std::make_shared<Assignment>(*wish_of(1, checked_by("new")));
    auto definition = std::make_shared<Definition>(*second->definition);
    definition->digest = Digest::of("v2");
    definition->version = "v2";
    second->definition = second->targets[0].definition = definition;
    second->targets[0].digest = target_digest(definition->digest, second->targets[0].config_digest);
    second->intent.commit = second->intent.digest_commit = "c2";
    rollout.wish(second);
    ASSERT_EQ(rollout.next().verify.at(0).url, "new");
    (void)rollout.finish_one(ActionOutcome::failed);
    ASSERT_EQ(rollout.in_flight(), 1u);
    EXPECT_EQ(rollout.next().kind, ActionKind::rollback);
    EXPECT_EQ(rollout.next().verify.at(0).url, "old");
    // The version is taken back in Git, the broken check is not.
    auto reverted = std::make_shared<Assignment>(*wish_of(1, checked_by("new")));
    reverted->intent.commit = reverted->intent.digest_commit = "c3";
    reverted->intent.by_daemon = true;
    rollout.wish(reverted);
    (void)rollout.finish_one(ActionOutcome::failed);
    ASSERT_EQ(rollout.in_flight(), 1u);
    EXPECT_EQ(rollout.next().kind, ActionKind::rollback);
    EXPECT_EQ(rollout.next().verify.at(0).url, "old");
}

/// A way back that no agent can be sent restores nothing; the good version alone does.
TEST(RestoreTest, LeavesOutTheFailedWayBackWhereBothDoNotFit) {
    const auto sent_back = [](std::size_t good, std::size_t script) {
        auto first = std::make_shared<Assignment>(*wish_of(1, one_by_one()));
        auto with = [&](const char* version) {
            auto definition = std::make_shared<Definition>(*first->definition);
            definition->digest = Digest::of(version);
            definition->version = version;
            return definition;
        };
        const auto wish = [&](const DefinitionPtr& definition) {
            auto made = std::make_shared<Assignment>(*first);
            made->definition = made->targets[0].definition = definition;
            made->targets[0].digest =
                target_digest(definition->digest, made->targets[0].config_digest);
            made->intent.commit = made->intent.digest_commit = definition->version;
            return made;
        };
        auto old = with("v1");
        old->deploy.script.install_script.assign(good, 'x');
        auto bad = with("v2");
        bad->deploy.script.rollback_script.assign(script, 'y');
        Rollout rollout(1, wish(old));
        (void)rollout.finish_one();
        rollout.wish(wish(bad));
        (void)rollout.finish_one(ActionOutcome::failed);
        EXPECT_EQ(rollout.next().kind, ActionKind::rollback);
        return rollout.next().rollback_script.size();
    };
    EXPECT_EQ(sent_back(100'000, 80'000), 80'000u);
    EXPECT_EQ(sent_back(100'000, 120'000), 0u);
}

TEST(RestoreTest, IsToldWhatItTakesAwayInEveryTry) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    rollout.wish(second_version(1, one_by_one()));
    for (int tries = 0; tries < 2; ++tries) {
        (void)rollout.finish_one(ActionOutcome::failed);
        ASSERT_EQ(rollout.in_flight(), 1u);
        EXPECT_EQ(rollout.next().kind, ActionKind::rollback);
        EXPECT_EQ(rollout.next().current_version, "v2");
    }
}

/// The agent was killed in the middle. What was admitted may end, whatever holds by now.
TEST(SuspendedTest, GoesOnWhileItIsWanted) {
    Rollout rollout(2, all_at_once());
    const auto first = rollout.next().id;
    rollout.leaves(0);
    auto frozen = std::make_shared<Assignment>(*wish_of(2, all_at_once()));
    frozen->rules.freeze.active = true;
    rollout.wish(frozen);
    rollout.comes_back_interrupted(0, {first});
    ASSERT_EQ(rollout.in_flight(), 3u);
    (void)rollout.finish_one();
    (void)rollout.finish_one();
    EXPECT_EQ(rollout.next().id, first);
    EXPECT_TRUE(rollout.cancelled().empty());
}

TEST(SuspendedTest, IsDroppedWhenNobodyWaitsForIt) {
    Rollout rollout(2, all_at_once());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    rollout.wish(second_version(2, all_at_once()));
    const auto away = rollout.state().outbox_by_key.at({name_of(1), kKey.project, ""});
    rollout.leaves(1);
    (void)rollout.finish_one(ActionOutcome::failed);
    ASSERT_EQ(newest(rollout).status, ReleaseStatus::rolling_back);
    const auto sent = rollout.in_flight();
    rollout.comes_back_interrupted(1, {away, "another"});
    EXPECT_EQ(rollout.cancelled(), (std::vector<std::string>{away, "another"}));
    EXPECT_EQ(rollout.in_flight(), sent);
}

/// What our own revert brought back fails: the fleet goes back, Git stays as it is.
TEST(RestoreTest, ARevertIsNeverReverted) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    auto reverted = std::make_shared<Assignment>(*second_version(1, one_by_one()));
    reverted->intent.by_daemon = true;
    rollout.wish(reverted);
    (void)rollout.finish_one(ActionOutcome::failed);
    EXPECT_EQ(rollout.next().kind, ActionKind::rollback);
    EXPECT_EQ(newest(rollout).revert, RevertState::not_needed);
    EXPECT_TRUE(rollout.state().reverts.empty());
}

/// The hold is shown and stored, so it may not grow with the fleet.
TEST(StepTest, SaysOnceThatTargetsAreBusy) {
    constexpr int kTargets = 20;
    Rollout rollout(kTargets, all_at_once());
    for (int i = 0; i < kTargets; ++i) (void)rollout.finish_one();
    auto forward = std::make_shared<Assignment>(*second_version(kTargets, all_at_once()));
    forward->forward_only = true;
    rollout.wish(forward);
    (void)rollout.finish_one(ActionOutcome::failed);
    rollout.pass(std::chrono::hours{7});
    rollout.wish(version_of(kTargets, all_at_once(), 3));
    ASSERT_EQ(rollout.holds().size(), 1u);
    EXPECT_EQ(rollout.holds()[0].gate, "busy");
    EXPECT_LT(rollout.holds()[0].reason.size(), 200u);
}

TEST(StepTest, AnEmptyOneCostsNoPauseOfItsOwn) {
    auto slowly = one_by_one();
    slowly.batch_interval = Seconds{60};
    Rollout rollout(3, slowly);
    (void)rollout.finish_one();
    rollout.pass(Seconds{50});
    auto fewer = std::make_shared<Assignment>(*wish_of(3, slowly));
    fewer->targets.erase(fewer->targets.begin() + 1);
    rollout.wish(fewer);
    rollout.pass(Seconds{9});
    EXPECT_EQ(rollout.in_flight(), 0u);
    rollout.pass(Seconds{1});
    EXPECT_EQ(in_outbox(rollout), std::vector{name_of(2)});
}

TEST(PauseTest, WhatNeverReachedItsAgentWaitsLikeTheRest) {
    Rollout rollout(1, one_by_one());
    const auto action = rollout.next().id;
    rollout.leaves(0);
    auto paused = std::make_shared<Assignment>(*wish_of(1, one_by_one()));
    paused->paused = true;
    rollout.wish(paused);
    rollout.comes_back(0);
    EXPECT_EQ(in_outbox(rollout).size(), 0u);
    rollout.pass(std::chrono::hours{24});
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::paused);
    rollout.wish(wish_of(1, one_by_one()));
    ASSERT_EQ(rollout.in_flight(), 2u);
    (void)rollout.finish_one();
    EXPECT_EQ(rollout.next().id, action);
}

TEST(AdmissionTest, AStepIsAdmittedByItsFirstDispatchOnly) {
    auto waiting = std::make_shared<Assignment>(*wish_of(1, one_by_one()));
    waiting->offline = Offline::wait;
    Rollout rollout(1, AssignmentPtr(waiting));
    (void)rollout.finish_one();
    rollout.leaves(0);
    auto second = std::make_shared<Assignment>(*second_version(1, one_by_one()));
    second->offline = Offline::wait;
    rollout.wish(second);
    rollout.pass(std::chrono::hours{1});
    ASSERT_FALSE(newest(rollout).steps.empty());
    EXPECT_FALSE(newest(rollout).steps[0].admitted_at);
    EXPECT_FALSE(newest(rollout).admitted);
    rollout.comes_back(0);
    EXPECT_TRUE(newest(rollout).steps[0].admitted_at);
    EXPECT_TRUE(newest(rollout).admitted);
}

/// v2, from the first ten minutes of each day only.
std::shared_ptr<Assignment> windowed() {
    auto wish = version_of(2, one_by_one(), 2);
    ReleaseWindow window;
    window.allowed.push_back({{}, std::chrono::minutes{0}, std::chrono::minutes{10}, ""});
    wish->rules.window = window;
    wish->rules.zone = std::make_shared<const ZoneRules>(ZoneRules{"UTC", Seconds{0}, {}});
    return wish;
}

/// `on_close: finish_step`, and no script has run before the window closes.
TEST(AdmissionTest, CountsForNothingWhereNothingBegan) {
    Rollout rollout(2, all_at_once());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    rollout.wish(AssignmentPtr(windowed()));
    for (int i = 0; i < 600; ++i) {
        while (rollout.in_flight() > 0) rollout.finds_host_trouble("disk full");
        rollout.pass(Seconds{1});
    }
    rollout.pass(std::chrono::hours{23});
    EXPECT_EQ(rollout.in_flight(), 0u);
    EXPECT_FALSE(newest(rollout).admitted);
    rollout.pass(std::chrono::hours{1});
    EXPECT_EQ(rollout.in_flight(), 1u) << newest(rollout).reason;
}

TEST(AdmissionTest, CountsForNothingWhereNothingReachedAnAgent) {
    Rollout rollout(2, all_at_once());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    rollout.wish(AssignmentPtr(windowed()));
    ASSERT_EQ(in_outbox(rollout), std::vector{name_of(0)});
    rollout.leaves(0);
    rollout.pass(std::chrono::minutes{9});
    rollout.comes_back(0);
    ASSERT_EQ(in_outbox(rollout), std::vector{name_of(0)}) << "it is open yet";
    rollout.leaves(0);
    rollout.pass(std::chrono::minutes{2});
    rollout.comes_back(0);
    EXPECT_EQ(in_outbox(rollout).size(), 0u);
    EXPECT_FALSE(newest(rollout).steps[0].admitted_at);
}

TEST(AdmissionTest, StaysWhereSomethingBegan) {
    Rollout rollout(2, all_at_once());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    auto both = windowed();
    both->strategy = all_at_once();
    rollout.wish(AssignmentPtr(both));
    (void)rollout.finish_one();
    rollout.finds_host_trouble("disk full");
    EXPECT_TRUE(newest(rollout).admitted);
    EXPECT_TRUE(newest(rollout).steps[0].admitted_at);
}

TEST(OfflineTest, WhatHasTheNewVersionKeepsItWhileTheRestIsAway) {
    auto slowly = one_by_one();
    slowly.batch_interval = Seconds{60};
    Rollout rollout(2, all_at_once());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    rollout.wish(second_version(2, slowly));
    ASSERT_EQ(rollout.next().key.target, name_of(0));
    (void)rollout.finish_one();
    rollout.leaves(1);
    auto again = std::make_shared<Assignment>(*second_version(2, slowly));
    again->intent.commit = "c3";
    again->retry = 1;
    rollout.wish(again);
    rollout.pass(std::chrono::hours{8});
    EXPECT_EQ(in_outbox(rollout).size(), 0u);
    EXPECT_EQ(newest(rollout).kind, ReleaseKind::introduce);
    rollout.comes_back(1);
    EXPECT_EQ(in_outbox(rollout), std::vector{name_of(1)});
    EXPECT_EQ(rollout.next().version, "v2");
}

TEST(ForwardOnlyTest, MayBeSaidWhileTheReleaseWaits) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    auto second = std::make_shared<Assignment>(*second_version(1, one_by_one()));
    second->rules.freeze.active = true;
    rollout.wish(std::make_shared<Assignment>(*second));
    second->forward_only = true;
    rollout.wish(std::make_shared<Assignment>(*second));
    second->rules.freeze = {};
    rollout.wish(second);
    ASSERT_EQ(rollout.in_flight(), 1u);
    (void)rollout.finish_one(ActionOutcome::failed);
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::failed);
    EXPECT_EQ(rollout.in_flight(), 0u);
}

/// Its targets are away, and a person thinks better of it.
TEST(ForwardOnlyTest, BindsNobodyBeforeSomethingOfItWasSent) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    const auto waiting = [](int number) {
        auto wish = version_of(1, one_by_one(), number);
        wish->offline = Offline::wait;
        return wish;
    };
    rollout.leaves(0);
    rollout.pass(std::chrono::minutes{1});
    auto forward = waiting(2);
    forward->forward_only = true;
    rollout.wish(forward);
    ASSERT_EQ(newest(rollout).status, ReleaseStatus::paused);
    EXPECT_FALSE(rollout.state().assignments.at(kKey).good->forward_only);
    rollout.wish(waiting(3));
    rollout.comes_back(0);
    ASSERT_EQ(rollout.in_flight(), 1u);
    EXPECT_FALSE(rollout.state().assignments.at(kKey).good->forward_only);
    (void)rollout.finish_one(ActionOutcome::failed);
    ASSERT_EQ(rollout.in_flight(), 1u) << newest(rollout).reason;
    EXPECT_EQ(rollout.next().kind, ActionKind::rollback);
}

TEST(ForwardOnlyTest, BindsFromItsFirstActionOn) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    auto forward = version_of(1, one_by_one(), 2);
    forward->forward_only = true;
    rollout.wish(forward);
    ASSERT_EQ(rollout.in_flight(), 1u);
    EXPECT_TRUE(rollout.state().assignments.at(kKey).good->forward_only);
    EXPECT_TRUE(rollout.restarted().assignments.at(kKey).good->forward_only);
}

TEST(ForwardOnlyTest, BindsNobodyBeforeSomethingOfItBegan) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    const auto forward = [&](int number) {
        auto wish = version_of(1, one_by_one(), number);
        wish->forward_only = true;
        rollout.wish(AssignmentPtr(wish));
    };
    const auto binds = [&] { return rollout.state().assignments.at(kKey).good->forward_only; };
    forward(2);
    rollout.finds_host_trouble("disk full");
    EXPECT_FALSE(binds());
    rollout.pass(Seconds{11});
    EXPECT_TRUE(binds());
    (void)rollout.finish_one(ActionOutcome::failed);
    forward(3);
    rollout.finds_host_trouble("disk full");
    EXPECT_TRUE(binds()) << "the one before was there";
}

/// Else no later bad version would ever be taken back.
TEST(ForwardOnlyTest, BindsNoMoreOnceAPersonsWayBackHasWorked) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    auto forward = version_of(1, one_by_one(), 2);
    forward->forward_only = true;
    rollout.wish(AssignmentPtr(forward));
    (void)rollout.finish_one(ActionOutcome::failed);
    auto back = std::make_shared<Assignment>(*wish_of(1, one_by_one()));
    back->intent.commit = back->intent.digest_commit = "c3";
    rollout.wish(back);
    ASSERT_EQ(newest(rollout).kind, ReleaseKind::restore);
    EXPECT_TRUE(rollout.state().assignments.at(kKey).good->forward_only) << "it may fail";
    (void)rollout.finish_one();
    EXPECT_FALSE(rollout.restarted().assignments.at(kKey).good->forward_only);
    rollout.wish(AssignmentPtr(version_of(1, one_by_one(), 4)));
    (void)rollout.finish_one(ActionOutcome::failed);
    ASSERT_EQ(rollout.in_flight(), 1u) << newest(rollout).reason;
    EXPECT_EQ(rollout.next().kind, ActionKind::rollback);
}

TEST(ForwardOnlyTest, BindsNobodyWhereItNeverReachedAnAgent) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    auto forward = version_of(1, one_by_one(), 2);
    forward->forward_only = true;
    rollout.wish(AssignmentPtr(forward));
    rollout.leaves(0);
    rollout.wish(AssignmentPtr(version_of(1, one_by_one(), 3)));
    EXPECT_TRUE(rollout.state().assignments.at(kKey).good->forward_only);
    rollout.comes_back(0);
    EXPECT_FALSE(rollout.state().assignments.at(kKey).good->forward_only);
}

TEST(RestoreTest, OfAPinnedTargetIsCalledWhatItIs) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    rollout.wish(second_version(1, one_by_one()));
    auto pinned = std::make_shared<Assignment>(*second_version(1, one_by_one()));
    auto& target = pinned->targets[0];
    pin(target, "v0");
    rollout.wish(pinned);
    (void)rollout.finish_one(ActionOutcome::failed);
    ASSERT_EQ(rollout.in_flight(), 1u);
    EXPECT_EQ(rollout.next().kind, ActionKind::rollback);
    EXPECT_EQ(rollout.next().digest, target_digest(Digest::of("v1"), target.config_digest));
}

/// After a restart the failed version's definition, and its way back, have to be read first.
TEST(RestoreTest, ThatIsOwedIsNotOvertakenByACatchUp) {
    Rollout rollout(2, one_by_one());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    auto bad = std::make_shared<Assignment>(*second_version(2, one_by_one()));
    auto definition = std::make_shared<Definition>(*bad->definition);
    definition->deploy.script.rollback_script = "go back";
    bad->definition = bad->targets[0].definition = bad->targets[1].definition = definition;
    rollout.wish(bad);
    (void)rollout.finish_one();
    rollout.leaves(0);
    (void)rollout.finish_one(ActionOutcome::failed);
    (void)rollout.finish_one();
    rollout.pass(std::chrono::minutes{1});
    ASSERT_EQ(newest(rollout).status, ReleaseStatus::rollback);
    rollout.restart();
    auto reverted = std::make_shared<Assignment>(*wish_of(2, one_by_one()));
    reverted->intent.commit = reverted->intent.digest_commit = "c3";
    reverted->intent.by_daemon = true;
    rollout.wish(reverted);
    for (int i = 0; i < 2; ++i) rollout.comes_back(i);
    EXPECT_EQ(rollout.in_flight(), 0u);
    rollout.loads("c2", definition);
    ASSERT_EQ(rollout.in_flight(), 1u);
    EXPECT_EQ(rollout.next().kind, ActionKind::rollback);
    EXPECT_EQ(rollout.next().rollback_script, "go back");
    (void)rollout.finish_one();
    EXPECT_EQ(newest(rollout).targets.at(name_of(0)).status, TargetStatus::restored);
    EXPECT_EQ(rollout.in_flight(), 0u);
}

TEST(OfflineTest, PicksAreReplacedByTheFirstOnlineOnesOfLaterSteps) {
    auto strategy = one_by_one();
    strategy.batch_size = {2, false};
    strategy.max_unavailable = {2, false};
    Rollout rollout(8, all_at_once());
    for (int i = 0; i < 8; ++i) (void)rollout.finish_one();
    rollout.wish(second_version(8, strategy));
    for (const int away : {2, 3, 4, 6}) rollout.leaves(away);
    rollout.pass(std::chrono::minutes{5});
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    const auto targets = [&](std::size_t step) { return newest(rollout).steps.at(step).targets; };
    EXPECT_EQ(targets(1), (std::vector{name_of(5), name_of(7)}));
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    EXPECT_TRUE(targets(2).empty());
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::success);
    EXPECT_EQ(newest(rollout).targets.at(name_of(6)).status, TargetStatus::skipped);
}

TEST(OfflineTest, SaysUntilWhenAgentsAreWaitedFor) {
    Rollout rollout(2, one_by_one());
    rollout.leaves(1);
    (void)rollout.finish_one();
    const auto holds = rollout.holds();
    ASSERT_EQ(holds.size(), 1u);
    EXPECT_EQ(holds[0].gate, "offline");
    EXPECT_EQ(holds[0].until, rollout.now() + limits::kAgentGrace);
}

TEST(DeadlineTest, OfAReleaseDoesNotCountItsPlannedWaits) {
    auto slowly = one_by_one();
    slowly.batch_interval = std::chrono::hours{4};
    Rollout rollout(3, slowly);
    for (int i = 0; i < 3; ++i) {
        ASSERT_EQ(rollout.in_flight(), 1u) << newest(rollout).reason;
        (void)rollout.finish_one();
        rollout.pass(std::chrono::hours{4});
    }
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::success) << newest(rollout).reason;
}

/// A hundred hosts, one by one, four minutes each: it takes longer than six hours.
TEST(DeadlineTest, OfAReleaseFollowsFromItsSteps) {
    Rollout rollout(100, one_by_one());
    for (int i = 0; i < 100; ++i) {
        ASSERT_EQ(rollout.in_flight(), 1u) << newest(rollout).reason;
        rollout.pass(std::chrono::minutes{4});
        (void)rollout.finish_one();
    }
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::success) << newest(rollout).reason;
}

TEST(DeadlineTest, OfAReleaseIsAPersonsWhereOneIsGiven) {
    auto first = std::make_shared<Assignment>(*wish_of(100, one_by_one()));
    first->rollback.release_deadline = std::chrono::hours{1};
    Rollout rollout(100, AssignmentPtr(first));
    for (int i = 0; i < 15 && rollout.in_flight() == 1; ++i) {
        rollout.pass(std::chrono::minutes{4});
        if (i < 14) (void)rollout.finish_one();
    }
    EXPECT_TRUE(newest(rollout).condemned);
    EXPECT_NE(newest(rollout).reason.find("deadline"), std::string::npos) << newest(rollout).reason;
}

/// Its agent is there, but has lost the action or hangs.
TEST(DeadlineTest, AnAnswerThatNeverComesIsNotWaitedForForever) {
    Rollout rollout(2, all_at_once());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    auto forward = std::make_shared<Assignment>(*second_version(2, all_at_once()));
    forward->forward_only = true;
    rollout.wish(forward);
    (void)rollout.finish_one(ActionOutcome::failed);
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::running);
    rollout.pass(std::chrono::hours{7});
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::failed);
    EXPECT_EQ(in_outbox(rollout), std::vector{name_of(1)}) << "it may come yet";
}

TEST(UninstallTest, SaysWhenItIsTriedAgain) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    auto gone = std::make_shared<Assignment>(*second_version(1, one_by_one()));
    auto definition = std::make_shared<Definition>(*gone->definition);
    definition->absent = true;
    gone->definition = gone->targets[0].definition = definition;
    rollout.wish(gone);
    (void)rollout.finish_one(ActionOutcome::failed);
    const auto holds = rollout.holds();
    ASSERT_EQ(holds.size(), 1u);
    EXPECT_EQ(holds[0].gate, "backoff");
    EXPECT_EQ(holds[0].until, rollout.now() + limits::kBlockMin);
    rollout.pass(limits::kBlockMin);
    EXPECT_EQ(rollout.next().kind, ActionKind::uninstall);
}

/// A pin to what was reverted is held after the store was lost, too.
TEST(LostStoreTest, OwnRevertsAreQuarantinesAgain) {
    auto wish = std::make_shared<Assignment>(*wish_of(1, one_by_one()));
    auto reverted = std::make_shared<Definition>(*wish->definition);
    reverted->digest = Digest::of("v2");
    wish->reverts = {{kKey, reverted->digest, "v2", "r1", "c0", 0, "it broke", Timestamp{}}};
    auto& target = wish->targets[0];
    target.pinned = true;
    target.definition = reverted;
    target.digest = target_digest(reverted->digest, target.config_digest);
    Rollout rollout(1, wish);
    rollout.drain();
    EXPECT_EQ(rollout.in_flight(), 0u);
    EXPECT_TRUE(rollout.state().quarantines.contains({kKey, reverted->digest}));
}

TEST(OutcomeCostTest, ALargeReleaseEndsAndComesBackFromItsRows) {
    Rollout rollout(1'000, all_at_once());
    rollout.drain();
    while (rollout.in_flight() > 0) (void)rollout.finish_one();
    rollout.drain();
    const auto back = rollout.restarted();
    ASSERT_EQ(back.releases.size(), 1u);
    const auto& release = back.releases.begin()->second;
    EXPECT_EQ(release.status, ReleaseStatus::success);
    EXPECT_EQ(release.targets.size(), 1'000u);
    EXPECT_EQ(release.steps.at(0).targets.size(), 1'000u);
}

}  // namespace
}  // namespace tidegate::engine
