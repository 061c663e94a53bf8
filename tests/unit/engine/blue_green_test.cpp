#include "tests/unit/engine/blue_green.h"
#include "reconciler/engine/routers.h"

namespace tidegate::engine {
namespace {

using std::chrono::minutes;

TEST(BlueGreenTest, TheFirstInstallGoesIntoBlueOnceTheRouterGivesItNothing) {
    BlueGreen rollout;
    rollout.wishes(1);
    EXPECT_EQ(rollout.in_flight(), 0u);
    EXPECT_TRUE(rollout.holds_for("router"));
    EXPECT_EQ(rollout.last_route(), "blue 0 green 0");
    rollout.obey();
    EXPECT_EQ(doing(rollout), "deploy 0@blue, deploy 1@blue, deploy 2@blue");
    for (int i = 0; i < 3; ++i) (void)rollout.finish_one();
    EXPECT_EQ(rollout.last_route(), "blue 100 green 0");
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::running) << "until the router says so";
    rollout.obey();
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::success);
    EXPECT_EQ(rollout.sides().live, "blue");
}

TEST(BlueGreenTest, ANewVersionGoesBesideTheOldOneAndTakesItsTraffic) {
    BlueGreen rollout;
    rollout.installs_first();
    rollout.wishes(2);
    rollout.obey();
    EXPECT_EQ(doing(rollout), "deploy 0@green, deploy 1@green, deploy 2@green");
    EXPECT_EQ(rollout.last_route(), "blue 100 green 0");
    for (int i = 0; i < 3; ++i) (void)rollout.finish_one();
    EXPECT_EQ(rollout.last_route(), "blue 0 green 100");
    EXPECT_EQ(rollout.sides().live, "blue") << "before the router has said so";
    rollout.obey();
    EXPECT_EQ(rollout.sides().live, "green");
    EXPECT_EQ(doing(rollout), "uninstall 0@blue, uninstall 1@blue, uninstall 2@blue");
    EXPECT_EQ(newest(rollout).kind, ReleaseKind::retire);
    rollout.finish_all();
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::success);
    EXPECT_EQ(rollout.state().assignments.at(kKey).good->good.version, "v2");
    rollout.pass(minutes{10});
    EXPECT_EQ(rollout.in_flight(), 0u);
}

TEST(BlueGreenTest, ARouteThatCannotBeRenderedHidesNothingOfTheOneInForce) {
    BlueGreen rollout;
    rollout.installs_first();
    const auto last = rollout.routed().back().second.route;
    rollout.router_tells(kRouter, {last.key,
                                   last.target,
                                   last.revision,
                                   true,
                                   "",
                                   {{"blue", 100}, {"green", 0}},
                                   {{"green", 3}}});
    auto strategy = blue_green();
    strategy.traffic->backend = "${NOBODY_KNOWS}";
    rollout.wish(routed_through(version_of(3, strategy, 2)));
    const auto& told = *report_of(rollout.state(), kKey, kRouter, kRouter);
    EXPECT_NE(told.error.find("NOBODY_KNOWS"), std::string::npos) << told.error;
    EXPECT_EQ(told.weights, (std::map<std::string, int>{{"blue", 100}, {"green", 0}}));
    EXPECT_EQ(told.sessions, (std::map<std::string, int>{{"green", 3}}));
    EXPECT_LT(told.revision, rollout.sides().revision) << "which is not the route of now";
    EXPECT_TRUE(rollout.holds_for("router"));
}

TEST(BlueGreenTest, WeightsRiseStepByStepEachWatched) {
    BlueGreen rollout(hybrid());
    rollout.installs_first();
    rollout.brings(2);
    EXPECT_EQ(rollout.last_route(), "blue 75 green 25");
    rollout.obey();
    EXPECT_EQ(doing(rollout), "verify 0@green, verify 1@green, verify 2@green");
    rollout.pass(minutes{10});
    for (int i = 0; i < 3; ++i) (void)rollout.finish_one();
    EXPECT_EQ(rollout.last_route(), "blue 0 green 100");
    rollout.obey();
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::success);
    EXPECT_EQ(rollout.in_flight(), 0u) << "blue is kept";
    rollout.pass(minutes{61});
    EXPECT_EQ(doing(rollout), "uninstall 0@blue, uninstall 1@blue, uninstall 2@blue");
}

TEST(BlueGreenTest, ABadVerdictUnderTrafficSendsAllBackAtOnceAndThenClearsTheSlot) {
    BlueGreen rollout(hybrid());
    rollout.installs_first();
    rollout.brings(2);
    rollout.obey();
    (void)rollout.finish_one(ActionOutcome::failed);
    EXPECT_EQ(rollout.last_route(), "blue 100 green 0");
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::rolling_back);
    EXPECT_EQ(rollout.asked().size(), 1u) << "Git is reverted meanwhile";
    rollout.forget_sent();
    rollout.obey();
    const auto& release = rollout.state().releases.at(rollout.asked().front().release);
    EXPECT_EQ(release.status, ReleaseStatus::rollback);
    EXPECT_EQ(release.targets.at(name_of(0)).status, TargetStatus::restored);
    EXPECT_EQ(rollout.sides().live, "blue");
    EXPECT_EQ(doing(rollout), "uninstall 0@green, uninstall 1@green, uninstall 2@green");
    EXPECT_TRUE(rollout.state().quarantines.contains({kKey, Digest::of("v2")}));
    rollout.finish_all();
    EXPECT_EQ(rollout.in_flight(), 0u);
}

TEST(BlueGreenTest, AFailedDeployLeavesTheTrafficAlone) {
    BlueGreen rollout;
    rollout.installs_first();
    rollout.wishes(2);
    rollout.obey();
    const auto before = rollout.routed().size();
    (void)rollout.finish_one(ActionOutcome::failed);
    EXPECT_EQ(rollout.routed().size(), before);
    EXPECT_EQ(rollout.cancelled().size(), 2u) << "the others need not go on";
    EXPECT_EQ(doing(rollout), "deploy 1@green, deploy 2@green, uninstall 0@green");
    EXPECT_EQ(rollout.sides().live, "blue");
}

TEST(BlueGreenTest, NothingIsRemovedBeforeEveryRouterGivesItNothing) {
    BlueGreen rollout;
    rollout.installs_first();
    rollout.brings(2);
    rollout.obey();
    rollout.finish_all();
    rollout.router_leaves(kRouter);
    rollout.pass(minutes{5});
    rollout.wishes(3);
    EXPECT_EQ(rollout.in_flight(), 0u);
    EXPECT_TRUE(rollout.holds_for("router"));
    rollout.router_comes(kRouter);
    rollout.obey();
    EXPECT_EQ(doing(rollout), "deploy 0@blue, deploy 1@blue, deploy 2@blue");
}

/// Hosts that serve v2 from green, and keep v1 in blue for an hour.
class Kept : public BlueGreen {
public:
    Kept() : BlueGreen(hybrid()) {
        installs_first();
        ends();
        brings(2);
        ends();
    }
    void ends() {
        for (int i = 0; i < 10 && newest(*this).status != ReleaseStatus::success; ++i) {
            obey();
            pass(Seconds{600});
            finish_all();
        }
    }
    /// v1 once more, by commit c3.
    void goes_back() {
        auto wish = std::make_shared<Assignment>(*wish_of(3, hybrid()));
        wish->intent.commit = wish->intent.digest_commit = "c3";
        Rollout::wish(routed_through(wish));
        obey();
    }
};

TEST(BlueGreenTest, ACommitBackToWhatIsKeptIsOneLookAndOneRoute) {
    Kept fleet;
    ASSERT_EQ(fleet.sides().live, kGreen);
    ASSERT_EQ(doing(fleet), "");
    fleet.goes_back();
    ASSERT_EQ(newest(fleet).kind, ReleaseKind::restore);
    EXPECT_EQ(doing(fleet), "verify 0@blue, verify 1@blue, verify 2@blue");
    fleet.pass(Seconds{1});
    for (int i = 0; i < 3; ++i) (void)fleet.finish_one();
    EXPECT_EQ(fleet.last_route(), "blue 100 green 0");
    fleet.obey();
    EXPECT_EQ(newest(fleet).status, ReleaseStatus::success);
    EXPECT_EQ(fleet.sides().live, kBlue);
    EXPECT_EQ(fleet.state().assignments.at(kKey).good->good.version, "v1");
}

TEST(BlueGreenTest, WhatIsKeptAndBadByNowIsTakenBackAsAnythingNew) {
    Kept fleet;
    fleet.goes_back();
    fleet.pass(Seconds{1});
    (void)fleet.finish_one(ActionOutcome::failed);
    EXPECT_EQ(newest(fleet).status, ReleaseStatus::rollback);
    EXPECT_EQ(fleet.sides().live, kGreen);
    EXPECT_TRUE(fleet.state().quarantines.contains({kKey, Digest::of("v1")}));
    EXPECT_EQ(fleet.last_route(), "blue 0 green 100");
}

TEST(BlueGreenTest, WhatIsKeptWaitsForAgentsThatCannotWatch) {
    Kept fleet;
    fleet.state().agents.at(name_of(1)).watches = false;
    fleet.goes_back();
    EXPECT_TRUE(fleet.holds_for("agent"));
    EXPECT_EQ(doing(fleet), "");
    EXPECT_FALSE(fleet.state().quarantines.contains({kKey, Digest::of("v1")}));
}

TEST(BlueGreenTest, WhatIsNotKeptAnyMoreIsIntroducedAnew) {
    Kept fleet;
    fleet.obey();
    fleet.pass(std::chrono::hours{1} + Seconds{60});
    EXPECT_EQ(doing(fleet), "uninstall 0@blue, uninstall 1@blue, uninstall 2@blue");
    fleet.finish_all();
    fleet.goes_back();
    fleet.finish_all();
    EXPECT_EQ(newest(fleet).kind, ReleaseKind::introduce);
}

TEST(BlueGreenTest, TheKeptSlotIsClearedEarlyWhenTheNextReleaseNeedsIt) {
    BlueGreen rollout(hybrid());
    rollout.installs_first();
    rollout.brings(2);
    rollout.obey();
    rollout.pass(minutes{10});
    rollout.finish_all();
    ASSERT_EQ(rollout.sides().live, "green");
    rollout.wishes(3);
    EXPECT_EQ(doing(rollout), "uninstall 0@blue, uninstall 1@blue, uninstall 2@blue");
    for (int i = 0; i < 3; ++i) (void)rollout.finish_one();
    rollout.obey();
    EXPECT_EQ(doing(rollout), "deploy 0@blue, deploy 1@blue, deploy 2@blue");
}

TEST(BlueGreenTest, ARouteThatNeverComesIntoForceIsTakenBackWithoutAQuarantine) {
    BlueGreen rollout;
    rollout.installs_first();
    rollout.brings(2);
    const auto& route = rollout.routed().back().second.route;
    rollout.router_tells(kRouter,
                         {route.key, route.target, route.revision, false, "socket away", {}, {}});
    EXPECT_TRUE(rollout.holds_for("router"));
    rollout.pass(Seconds{61});
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::rolling_back);
    EXPECT_THAT(newest(rollout).reason, testing::HasSubstr("socket away"));
    EXPECT_EQ(rollout.last_route(), "blue 100 green 0");
    EXPECT_TRUE(rollout.state().quarantines.empty());
}

TEST(BlueGreenTest, ANewerWishInTheMiddleBringsTheTrafficBackFirst) {
    BlueGreen rollout(hybrid());
    rollout.installs_first();
    rollout.brings(2);
    rollout.obey();
    rollout.forget_sent();
    rollout.wishes(3);
    EXPECT_EQ(rollout.last_route(), "blue 100 green 0");
    rollout.obey();
    EXPECT_EQ(doing(rollout), "uninstall 0@green, uninstall 1@green, uninstall 2@green");
    for (int i = 0; i < 3; ++i) (void)rollout.finish_one();
    rollout.obey();
    EXPECT_EQ(doing(rollout), "deploy 0@green, deploy 1@green, deploy 2@green");
    EXPECT_EQ(rollout.next().version, "v3");
}

TEST(BlueGreenTest, IsTakenUpAfterARestartInEachStep) {
    BlueGreen rollout(hybrid());
    rollout.installs_first();
    rollout.brings(2);
    const auto agents = rollout.state().agents;
    rollout.restart();
    EXPECT_EQ(rollout.sides().live, "blue");
    EXPECT_EQ(rollout.sides().weights, (std::map<std::string, int>{{"blue", 75}, {"green", 25}}));
    rollout.state().agents = agents;
    for (auto& [name, agent] : rollout.state().agents) agent.online = false;
    rollout.wishes(2);
    for (int i = 0; i < 3; ++i) rollout.comes_back(i);
    rollout.router_comes(kRouter);
    EXPECT_EQ(rollout.last_route(), "blue 75 green 25");
    rollout.obey();
    EXPECT_EQ(doing(rollout), "verify 0@green, verify 1@green, verify 2@green");
}

TEST(BlueGreenTest, AnUninstallTakesTheTrafficAwayFirst) {
    BlueGreen rollout;
    rollout.installs_first();
    auto gone = absent_of(3, blue_green(), 2);
    rollout.wish(routed_through(gone));
    EXPECT_EQ(rollout.last_route(), "blue 0 green 0");
    EXPECT_EQ(rollout.in_flight(), 0u);
    rollout.obey();
    EXPECT_EQ(rollout.next().kind, ActionKind::uninstall);
    EXPECT_EQ(rollout.next().key.slot, "blue");
    rollout.finish_all();
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::success);
    EXPECT_EQ(rollout.in_flight(), 0u);
}

TEST(BlueGreenTest, WhatIsThereWithoutSlotsIsTheOldSideOfTheFirstRelease) {
    Rollout rollout(3, all_at_once());
    for (int i = 0; i < 3; ++i) (void)rollout.finish_one();
    auto strategy = blue_green();
    strategy.traffic->server_before = "${TARGET_NAME}";
    rollout.router_comes(kRouter);
    rollout.wish(routed_through(second_version(3, strategy)));
    EXPECT_EQ(weights_of(rollout.routed().back().second.route), "none 100 blue 0 green 0");
    const auto obey = [&] {
        const auto route = rollout.routed().back().second.route;
        rollout.router_tells(kRouter, {route.key, route.target, route.revision, true, "", {}, {}});
    };
    obey();
    EXPECT_EQ(doing(rollout), "deploy 0@blue, deploy 1@blue, deploy 2@blue");
    for (int i = 0; i < 3; ++i) (void)rollout.finish_one();
    EXPECT_EQ(weights_of(rollout.routed().back().second.route), "none 0 blue 100 green 0");
    obey();
    EXPECT_EQ(doing(rollout), "uninstall 0, uninstall 1, uninstall 2");
}

TEST(BlueGreenTest, ATargetThatReturnsCatchesUpInTheLiveSlotAndThenGetsItsShare) {
    BlueGreen rollout;
    rollout.installs_first();
    rollout.leaves(2);
    rollout.pass(minutes{5});
    rollout.wishes(2);
    rollout.obey();
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    rollout.obey();
    ASSERT_EQ(rollout.sides().live, "green");
    EXPECT_EQ(rollout.last_route(), "blue 0 green 0/100");
    rollout.finish_all();
    rollout.comes_back(2);
    EXPECT_EQ(doing(rollout), "deploy 2@green");
    (void)rollout.finish_one();
    EXPECT_EQ(rollout.last_route(), "blue 0 green 100");
    rollout.obey();
    EXPECT_EQ(doing(rollout), "uninstall 2@blue") << "it owed that";
}

TEST(BlueGreenTest, WhatIsRemovedLosesItsShare) {
    BlueGreen rollout;
    rollout.installs_first();
    auto gone =
        rollout.state().agents.at(name_of(2)).installations.at({name_of(2), "shop", "blue"});
    gone.status = InstallStatus::absent;
    gone.report += 100;
    rollout.reports_as(2, gone);
    EXPECT_EQ(rollout.last_route(), "blue 0/100 green 0");
}

TEST(BlueGreenTest, AnUninstallThatANewerWishEndsGivesTheTrafficBack) {
    BlueGreen rollout;
    rollout.installs_first();
    rollout.wish(routed_through(absent_of(3, blue_green(), 2)));
    EXPECT_EQ(rollout.last_route(), "blue 0 green 0");
    rollout.wishes(1);
    EXPECT_EQ(rollout.last_route(), "blue 100 green 0");
}

TEST(BlueGreenTest, ALostStoreFindsTheLiveSlotByWhatTheRouterGives) {
    BlueGreen rollout;
    rollout.installs_first();
    const auto route = rollout.routed().back().second.route;
    auto agents = rollout.state().agents;
    Rollout anew(0, std::vector<AssignmentPtr>{});
    anew.state().epoch = 1'000;
    anew.router_comes(
        kRouter, {{kKey, kRouter, route.revision, true, "", {{"blue", 100}, {"green", 0}}, {}}});
    for (int i = 0; i < 3; ++i) {
        std::vector<Installation> there;
        for (const auto& [key, seen] : agents.at(name_of(i)).installations) there.push_back(seen);
        anew.comes_with(i, there);
    }
    anew.wish(routed_through(wish_of(3, blue_green())));
    const auto& sides = *anew.state().assignments.at(kKey).sides;
    EXPECT_EQ(sides.live, "blue");
    EXPECT_GT(sides.revision, route.revision);
    EXPECT_EQ(weights_of(anew.routed().back().second.route), "blue 100 green 0");
    EXPECT_EQ(newest(anew).reason, "already in place everywhere")
        << to_string(newest(anew).kind) << to_string(newest(anew).status)
        << (anew.holds().empty() ? "" : anew.holds()[0].gate + anew.holds()[0].reason);
}

TEST(BlueGreenTest, ARevisionOfAFormerLifeIsNeverTakenForThisOnes) {
    BlueGreen rollout;
    rollout.installs_first();
    rollout.router_comes(kRouter,
                         {{kKey, kRouter, rollout.sides().revision + 7, true, "", {}, {}}});
    EXPECT_GT(rollout.routed().back().second.route.revision, rollout.sides().revision - 1);
    EXPECT_GT(rollout.sides().revision, 7u);
}

TEST(BlueGreenTest, APausedReleaseRoutesNothingNew) {
    BlueGreen rollout;
    rollout.installs_first();
    rollout.wishes(2);
    rollout.obey();
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    auto paused = std::make_shared<Assignment>(*rollout.state().assignments.at(kKey).wish);
    paused->paused = true;
    rollout.wish(AssignmentPtr(paused));
    (void)rollout.finish_one();
    EXPECT_EQ(rollout.last_route(), "blue 100 green 0");
    EXPECT_TRUE(rollout.holds_for("pause"));
}

TEST(BlueGreenTest, AfterAFailureThatIsNotTakenBackTheWayBackToLastGoodIsOneRoute) {
    auto strategy = blue_green();
    strategy.auto_rollback = false;
    strategy.verify_duration = Seconds{60};
    strategy.health_check = HealthCheck{};
    BlueGreen rollout(strategy);
    rollout.wishes(1);
    rollout.obey();
    for (int i = 0; i < 2; ++i) {
        for (int k = 0; k < 3; ++k) (void)rollout.finish_one();
        rollout.pass(minutes{2});
        for (int k = 0; k < 3; ++k) (void)rollout.finish_one();
        rollout.obey();
    }
    ASSERT_EQ(rollout.sides().live, "blue");
    rollout.brings(2);
    rollout.pass(minutes{2});
    for (int k = 0; k < 3; ++k) (void)rollout.finish_one();
    rollout.obey();
    EXPECT_EQ(rollout.last_route(), "blue 0 green 100");
    (void)rollout.finish_one(ActionOutcome::failed);
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::failed);
    EXPECT_EQ(rollout.last_route(), "blue 0 green 100") << "a person decides";
    rollout.forget_sent();
    auto back = std::make_shared<Assignment>(*routed_through(wish_of(3, strategy)));
    back->intent.commit = back->commit = "c3";
    rollout.wish(AssignmentPtr(back));
    EXPECT_EQ(rollout.last_route(), "blue 100 green 0");
}

TEST(BlueGreenTest, ATargetThatLeftGitGetsNothingAnyMore) {
    BlueGreen rollout;
    rollout.installs_first();
    rollout.wish(routed_through(wish_of(2, blue_green())));
    const auto& route = rollout.routed().back().second.route;
    const auto server = std::ranges::find_if(route.servers, [](const RouteServer& each) {
        return each.target == name_of(2) && each.slot == "blue";
    });
    ASSERT_NE(server, route.servers.end());
    EXPECT_EQ(server->weight, 0);
    rollout.obey();
    EXPECT_FALSE(rollout.sides().served.at("blue").contains(name_of(2)));
}

TEST(BlueGreenTest, AnotherBalancerIsToldAtOnceAndTheFormerOneForgetsItsRoute) {
    BlueGreen rollout;
    rollout.installs_first();
    rollout.router_comes("lb-2");
    rollout.wish(routed_through(wish_of(3, blue_green()), {"lb-2"}));
    const auto told = [&](const std::string& name, bool forget) {
        return std::ranges::any_of(rollout.routed(), [&](const auto& each) {
            return each.first == name && each.second.forget == forget;
        });
    };
    EXPECT_TRUE(told("lb-2", false));
    EXPECT_TRUE(told(kRouter, true));
}

TEST(BlueGreenTest, AnAssignmentThatLeftGitIsForgottenByItsBalancers) {
    BlueGreen rollout;
    rollout.installs_first();
    rollout.wish(std::vector<AssignmentPtr>{});
    EXPECT_TRUE(rollout.routed().back().second.forget);
}

TEST(BlueGreenTest, AllTrafficIsNotSentToTheFewThatCouldBeReached) {
    BlueGreen rollout;
    rollout.installs_first();
    rollout.leaves(1);
    rollout.leaves(2);
    rollout.pass(minutes{5});
    rollout.wishes(2);
    rollout.obey();
    (void)rollout.finish_one();
    EXPECT_EQ(rollout.last_route(), "blue 100 green 0");
    EXPECT_TRUE(rollout.holds_for("offline"));
}

TEST(BlueGreenTest, AFirstReleaseThatHadAllTrafficServesUntilTheNextTakesOver) {
    auto strategy = blue_green();
    strategy.verify_duration = Seconds{60};
    strategy.health_check = HealthCheck{};
    BlueGreen rollout(strategy);
    rollout.brings(1);
    rollout.pass(minutes{2});
    for (int k = 0; k < 3; ++k) (void)rollout.finish_one();
    rollout.obey();
    EXPECT_EQ(rollout.last_route(), "blue 100 green 0");
    rollout.forget_sent();
    rollout.wishes(2);
    EXPECT_EQ(rollout.sides().live, "blue");
    EXPECT_EQ(rollout.last_route(), "blue 100 green 0");
    rollout.obey();
    EXPECT_EQ(doing(rollout), "deploy 0@green, deploy 1@green, deploy 2@green");
}

}  // namespace
}  // namespace tidegate::engine
