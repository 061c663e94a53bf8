#include <algorithm>

#include "schema/base/limits.h"
#include "tests/unit/engine/rollout.h"

namespace tidegate::engine {
namespace {

using std::chrono::minutes;

/// 20 % for ten minutes, then all.
Strategy canary(bool auto_promote = true) {
    Strategy strategy;
    strategy.type = StrategyType::canary;
    strategy.steps = {{20, std::nullopt, Seconds{600}}, {100, std::nullopt, Seconds{0}}};
    strategy.auto_promote = auto_promote;
    strategy.health_check = HealthCheck{};
    return strategy;
}

/// Ten hosts with v1; v2 is on the first two of them, its canaries.
class Canary : public Rollout {
public:
    explicit Canary(const Strategy& strategy = canary()) : Rollout(10, all_at_once()) {
        for (int i = 0; i < 10; ++i) (void)finish_one();
        wish(second_version(10, strategy));
        for (int i = 0; i < 2; ++i) (void)finish_one();
    }

    /// What agents were told to do last, and have not answered.
    [[nodiscard]] std::string doing() const {
        std::string text;
        for (const auto& action : sent())
            text += fmt::format("{}{} {}", text.empty() ? "" : ", ", to_string(action.kind),
                                action.key.target.substr(8));
        return text;
    }
    [[nodiscard]] bool holds_for(std::string_view gate) const {
        return std::ranges::any_of(holds(), [&](const Hold& hold) { return hold.gate == gate; });
    }
    void promotes(int step, bool after_intent = true, const char* who = "alice@example.com") {
        auto wish = std::make_shared<Assignment>(*state().assignments.at(kKey).wish);
        wish->promotion = Promotion{{"v2", step, false}, "p1", "Alice", who, after_intent};
        Rollout::wish(wish);
    }
    /// Those that are watching say that all is well, after the time that it takes.
    void canaries_pass() {
        pass(minutes{10});
        for (int i = 0; i < 2; ++i) (void)finish_one();
    }
    void passes_all() {
        while (in_flight() > 0) (void)finish_one();
    }
};

const Release& release_of(Canary& canary) { return newest(canary); }

TEST(CanaryTest, DeploysWatchesAndDeploysTheRest) {
    Canary canary;
    EXPECT_EQ(canary.doing(), "verify 0, verify 1");
    EXPECT_EQ(canary.next().watch_for, Seconds{600});
    EXPECT_EQ(canary.next().verify.size(), 1u);
    EXPECT_TRUE(canary.holds_for("verify"));
    canary.pass(minutes{10});
    (void)canary.finish_one();
    EXPECT_EQ(canary.doing(), "verify 1") << "one is not all";
    (void)canary.finish_one();
    EXPECT_EQ(canary.in_flight(), 2u) << "25 % at a time";
    EXPECT_EQ(canary.next().kind, ActionKind::deploy);
    canary.passes_all();
    EXPECT_EQ(release_of(canary).status, ReleaseStatus::success);
    EXPECT_EQ(canary.state().assignments.at(kKey).good->good.version, "v2");
}

TEST(CanaryTest, AFailedWatchTakesTheVersionBackFromItsCanariesAlone) {
    Canary canary;
    (void)canary.finish_one(ActionOutcome::failed);
    const auto& release = release_of(canary);
    EXPECT_EQ(release.status, ReleaseStatus::rolling_back);
    EXPECT_EQ(release.reason, "web-00000: failed: verify: http: 500");
    ASSERT_EQ(canary.cancelled().size(), 1u) << "the other one need not watch any more";
    canary.forget_sent();
    auto back = in_outbox(canary);
    std::ranges::sort(back);
    EXPECT_EQ(back, (std::vector{name_of(0), name_of(1)}));
    EXPECT_TRUE(canary.state().quarantines.contains({kKey, Digest::of("v2")}));
}

TEST(CanaryTest, WaitsForAPromoteAndGoesOnWatching) {
    Canary canary(tidegate::engine::canary(false));
    canary.canaries_pass();
    EXPECT_EQ(release_of(canary).status, ReleaseStatus::paused);
    EXPECT_TRUE(canary.holds_for("await"));
    EXPECT_EQ(canary.told(NoticeKind::promote_awaited), 1);
    EXPECT_EQ(canary.doing(), "verify 0, verify 1");
    canary.pass(std::chrono::hours{48});
    EXPECT_EQ(release_of(canary).status, ReleaseStatus::paused) << "its deadlines stand still";
    (void)canary.finish_one();
    EXPECT_EQ(canary.doing(), "verify 1, verify 0") << "and again";
    canary.promotes(1);
    EXPECT_EQ(release_of(canary).status, ReleaseStatus::running);
    EXPECT_EQ(canary.doing(), "verify 1, verify 0, deploy 2, deploy 3");
}

TEST(CanaryTest, AVersionThatTurnsBadWhileItWaitsForAPersonIsTakenBack) {
    Canary canary(tidegate::engine::canary(false));
    canary.canaries_pass();
    canary.pass(std::chrono::hours{1});
    (void)canary.finish_one(ActionOutcome::failed);
    EXPECT_EQ(release_of(canary).status, ReleaseStatus::rolling_back);
    canary.promotes(1);
    EXPECT_EQ(release_of(canary).status, ReleaseStatus::rolling_back) << "too late";
}

TEST(CanaryTest, APromoteThatCameWithTheChangeCountsForNothing) {
    Canary canary(tidegate::engine::canary(false));
    canary.canaries_pass();
    canary.promotes(1, false);
    EXPECT_EQ(release_of(canary).status, ReleaseStatus::paused);
    canary.promotes(1);
    EXPECT_EQ(release_of(canary).status, ReleaseStatus::running);
}

TEST(CanaryTest, NobodyPromotesInTimeAndItIsTakenBackWithoutQuarantine) {
    auto strategy = canary(false);
    strategy.promote_timeout = Seconds{3'600};
    Canary canary(strategy);
    canary.canaries_pass();
    canary.forget_sent();
    canary.pass(minutes{61});
    EXPECT_EQ(release_of(canary).status, ReleaseStatus::rolling_back);
    EXPECT_TRUE(canary.state().quarantines.empty());
    canary.passes_all();
    EXPECT_EQ(release_of(canary).status, ReleaseStatus::rollback);
    canary.pass(std::chrono::hours{2});
    EXPECT_EQ(canary.in_flight(), 0u) << "nothing begins again by itself";
}

TEST(CanaryTest, AnAgentThatGoesAwayHoldsItAndFailsAtTheDeadline) {
    Canary canary;
    canary.leaves(0);
    canary.pass(minutes{11});
    (void)canary.finish_on(name_of(1));
    EXPECT_EQ(release_of(canary).status, ReleaseStatus::running);
    canary.pass(minutes{20});
    EXPECT_EQ(release_of(canary).status, ReleaseStatus::rolling_back);
}

TEST(CanaryTest, AnAgentThatWasRestartedWatchesForTheWholeTimeAgain) {
    Canary canary;
    const auto first = canary.next();
    canary.pass(minutes{9});
    canary.leaves(0);
    canary.comes_back(0);
    EXPECT_EQ(canary.doing(), "verify 0, verify 1, verify 0");
    const auto again = canary.sent().back();
    EXPECT_NE(again.id, first.id);
    EXPECT_EQ(again.watch_for, Seconds{600});
    canary.pass(minutes{2});
    (void)canary.finish_on(name_of(1));
    canary.tells(name_of(0), first, ActionOutcome::done);
    EXPECT_EQ(release_of(canary).steps.at(1).status, StepStatus::running) << "a former try's";
    canary.pass(minutes{8});
    canary.tells(name_of(0), again, ActionOutcome::done);
    EXPECT_EQ(release_of(canary).steps.at(1).status, StepStatus::success);
}

TEST(CanaryTest, AnotherAgentsWordSaysNothing) {
    Canary canary;
    canary.tells(name_of(5), canary.next(), ActionOutcome::failed);
    EXPECT_EQ(release_of(canary).status, ReleaseStatus::running);
}

TEST(CanaryTest, WhatEndsWellBeforeItsTimeHasProvenNothing) {
    Canary canary;
    (void)canary.finish_one();
    EXPECT_EQ(canary.doing(), "verify 1") << "not as fast as it answers";
    canary.pass(Seconds{6});
    EXPECT_EQ(canary.doing(), "verify 1, verify 0");
    EXPECT_EQ(release_of(canary).steps.at(1).status, StepStatus::running);
}

TEST(CanaryTest, AnAgentThatIsRestartedOftenCondemnsNothing) {
    Canary canary;
    for (int i = 0; i < 10; ++i) {
        canary.pass(Seconds{6});
        (void)canary.finish_on(name_of(0), ActionOutcome::cancelled);
    }
    EXPECT_EQ(release_of(canary).status, ReleaseStatus::running);
}

TEST(CanaryTest, WhatIsAlwaysRefusedFails) {
    Canary canary;
    for (int i = 0; i < limits::kRefusedAttemptsMax; ++i) {
        canary.pass(Seconds{6});
        (void)canary.finish_on(name_of(0), ActionOutcome::refused);
    }
    EXPECT_EQ(release_of(canary).status, ReleaseStatus::rolling_back);
}

TEST(CanaryTest, AFixNeverWaitsForAVerify) {
    Canary canary;
    canary.forget_sent();
    canary.wish(version_of(10, tidegate::engine::canary(), 3));
    EXPECT_EQ(release_of(canary).to, "v3");
    EXPECT_EQ(release_of(canary).status, ReleaseStatus::running);
    EXPECT_EQ(canary.cancelled().size(), 2u);
    EXPECT_EQ(canary.doing(), "deploy 0, deploy 1");
}

TEST(CanaryTest, WhileANewerWishMustWaitItGoesOnBeingWatched) {
    Canary canary;
    canary.wish(frozen(version_of(10, tidegate::engine::canary(), 3)));
    const auto& releases = canary.state().assignments.at(kKey).releases;
    const auto& active = canary.state().releases.at(canary.state().assignments.at(kKey).active);
    EXPECT_EQ(active.to, "v2");
    EXPECT_EQ(canary.cancelled().size(), 0u);
    (void)canary.finish_one(ActionOutcome::failed);
    EXPECT_EQ(active.status, ReleaseStatus::rolling_back);
    EXPECT_EQ(releases.size(), 3u);
}

TEST(CanaryTest, TakesUpAfterARestart) {
    Canary canary;
    const auto running = canary.next();
    canary.pass(Seconds{6});
    canary.restart();
    canary.wish(second_version(10, tidegate::engine::canary()));
    canary.forget_sent();
    for (int i = 0; i < 10; ++i) canary.comes_back(i);
    EXPECT_EQ(canary.doing(), "verify 0, verify 1") << "nobody did it any more";
    EXPECT_NE(canary.next().id, running.id);
    canary.canaries_pass();
    canary.passes_all();
    EXPECT_EQ(release_of(canary).status, ReleaseStatus::success);
}

TEST(CanaryTest, WithoutAnyCheckTheTimeHasToPassWithoutDrift) {
    auto strategy = canary();
    strategy.health_check.reset();
    Canary canary(strategy);
    EXPECT_EQ(canary.doing(), "");
    canary.pass(minutes{9});
    EXPECT_EQ(canary.doing(), "");
    canary.pass(minutes{2});
    EXPECT_EQ(canary.doing(), "deploy 2, deploy 3");
}

TEST(CanaryTest, DriftFailsAVerify) {
    Canary canary;
    canary.reports_drift(0, true, "the process is gone");
    canary.reports_drift(0, true, "the process is gone");
    EXPECT_EQ(release_of(canary).status, ReleaseStatus::rolling_back);
}

TEST(CanaryTest, OldAgentsHoldItBeforeItBegins) {
    Rollout rollout(10, all_at_once());
    for (int i = 0; i < 10; ++i) (void)rollout.finish_one();
    rollout.leaves(3);
    rollout.comes_back_of_former_build(3);
    rollout.wish(second_version(10, canary()));
    EXPECT_EQ(rollout.in_flight(), 0u);
    ASSERT_FALSE(rollout.holds().empty());
    EXPECT_EQ(rollout.holds().front().gate, "agent");
    rollout.leaves(3);
    rollout.comes_back(3);
    EXPECT_EQ(rollout.in_flight(), 2u);
}

TEST(CanaryTest, WithoutAnyCheckAHostThatIsAwayHoldsAndFailsToo) {
    auto strategy = canary();
    strategy.health_check.reset();
    Canary canary(strategy);
    canary.leaves(0);
    canary.pass(minutes{15});
    EXPECT_EQ(canary.doing(), "");
    EXPECT_TRUE(canary.holds_for("offline"));
    canary.pass(minutes{9});
    EXPECT_EQ(release_of(canary).status, ReleaseStatus::rolling_back);
}

TEST(CanaryTest, ATargetThatLeavesAndReturnsIsWatchedAnew) {
    Canary canary;
    const auto first = canary.next();
    auto without = std::make_shared<Assignment>(*canary.state().assignments.at(kKey).wish);
    const auto with = std::make_shared<Assignment>(*without);
    without->targets.erase(without->targets.begin());
    canary.wish(without);
    canary.tells(name_of(0), first, ActionOutcome::done);
    canary.pass(minutes{2});
    canary.wish(with);
    EXPECT_EQ(canary.sent().back().key.target, name_of(0));
    EXPECT_NE(canary.sent().back().id, first.id);
}

TEST(CanaryTest, WhatItsAgentSaysHasFailedSinceIsABadVerdict) {
    Canary canary;
    auto there = canary.state().agents.at(name_of(0)).installations.begin()->second;
    there.status = InstallStatus::failed;
    there.report += 1;
    canary.reports_as(0, there);
    EXPECT_EQ(release_of(canary).status, ReleaseStatus::rolling_back);
}

TEST(CanaryTest, APromoteWaitsForCanariesThatAreAway) {
    Canary canary(tidegate::engine::canary(false));
    canary.canaries_pass();
    canary.leaves(0);
    canary.promotes(1);
    EXPECT_EQ(release_of(canary).status, ReleaseStatus::paused);
    EXPECT_TRUE(canary.holds_for("offline"));
    canary.comes_back_running(0);
    EXPECT_TRUE(canary.in_flight() > 2) << "the rest begins";
}

TEST(CanaryTest, WhatMayNotBeTakenBackGoesOnWaiting) {
    auto strategy = canary(false);
    strategy.promote_timeout = Seconds{3'600};
    strategy.auto_rollback = false;
    Canary canary(strategy);
    canary.canaries_pass();
    canary.pass(std::chrono::hours{3});
    EXPECT_EQ(release_of(canary).status, ReleaseStatus::paused);
    canary.promotes(1);
    EXPECT_EQ(release_of(canary).status, ReleaseStatus::running);
}

TEST(CanaryTest, NobodyGoesInThePlaceOfANamedOneThatIsAway) {
    Rollout rollout(10, all_at_once());
    for (int i = 0; i < 10; ++i) (void)rollout.finish_one();
    rollout.leaves(4);
    rollout.pass(minutes{10});
    auto strategy = canary();
    strategy.steps = {{std::nullopt, std::nullopt, Seconds{600}}};
    strategy.canary_targets = {{name_of(4), {}}};
    rollout.wish(second_version(10, strategy));
    EXPECT_EQ(rollout.in_flight(), 0u);
    ASSERT_FALSE(rollout.holds().empty());
    EXPECT_EQ(rollout.holds().front().gate, "offline");
}

TEST(CanaryTest, WhatHasToWaitForAPersonAndWatchesNothingGivesWayAtOnce) {
    auto strategy = canary(false);
    strategy.steps.front().verify_duration = Seconds{0};
    Canary canary(strategy);
    EXPECT_EQ(release_of(canary).status, ReleaseStatus::paused);
    canary.wish(frozen(version_of(10, strategy, 3)));
    EXPECT_EQ(canary.state().assignments.at(kKey).active, "");
}

TEST(CanaryTest, AWatchTakesNoPlaceAndNoBudget) {
    Canary canary;
    canary.breaks(5);
    EXPECT_TRUE(canary.state().outbox.empty());
    EXPECT_EQ(release_of(canary).steps.at(1).status, StepStatus::running);
}

}  // namespace
}  // namespace tidegate::engine
