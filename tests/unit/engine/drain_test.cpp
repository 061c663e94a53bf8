/// Traffic without slots: drain, deploy, check, ready.
#include "tests/unit/engine/blue_green.h"

namespace tidegate::engine {
namespace {

using std::chrono::minutes;

Strategy rolling(int max_unavailable = 1) {
    auto strategy = blue_green();
    strategy.type = StrategyType::rolling;
    strategy.batch_size = Amount{100, true};
    strategy.max_unavailable = Amount{max_unavailable, false};
    return strategy;
}

/// Of each host, `100 0 100`: what it is to get.
std::string shares(const Route& route) {
    std::string text;
    for (const auto& server : route.servers)
        text += fmt::format("{}{}", text.empty() ? "" : " ", server.weight);
    return text;
}

/// Three hosts behind one balancer, each changed in place.
class Drained : public BlueGreen {
public:
    explicit Drained(const Strategy& strategy = rolling()) : BlueGreen(strategy) {}

    [[nodiscard]] std::string route() const {
        return routed().empty() ? "" : shares(routed().back().second.route);
    }
    /// The newest route is in force, and so many requests still run where nothing is sent.
    void obeys_with(int sessions) {
        const auto& route = routed().back().second.route;
        router_tells(kRouter,
                     {route.key, route.target, route.revision, true, "", {}, {{"", sessions}}});
    }
    void refuses(const std::string& why) {
        const auto& route = routed().back().second.route;
        router_tells(kRouter, {route.key, route.target, route.revision, false, why, {}, {}});
    }
    [[nodiscard]] std::set<std::string> out() { return sides().out; }
    void installs() {
        wishes(1);
        obey();
        finish_all();
        ASSERT_EQ(newest(*this).status, ReleaseStatus::success);
        ASSERT_EQ(route(), "100 100 100");
    }
};

TEST(DrainTest, AFirstInstallGetsTrafficWhereItIsDeployedAndNowhereElse) {
    Drained rollout;
    rollout.wishes(1);
    EXPECT_EQ(rollout.route(), "0 0 0");
    EXPECT_EQ(rollout.in_flight(), 0u) << "a balancer may send something there already";
    EXPECT_TRUE(rollout.holds_for("router"));
    rollout.obey();
    EXPECT_EQ(doing(rollout), "deploy 0");
    (void)rollout.finish_one();
    EXPECT_EQ(rollout.route(), "100 0 0");
    EXPECT_EQ(rollout.in_flight(), 0u) << "the balancer has not said that it sends anything there";
    rollout.obey();
    EXPECT_EQ(doing(rollout), "deploy 1");
    rollout.finish_all();
    EXPECT_EQ(rollout.route(), "100 100 100");
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::success);
    EXPECT_EQ(rollout.sides().live, "");
}

TEST(DrainTest, EachTargetIsDrainedDeployedCheckedAndThenReady) {
    Drained rollout;
    rollout.installs();
    rollout.wishes(2);
    rollout.obey();
    for (const auto* during : {"0 100 100", "100 0 100", "100 100 0"}) {
        rollout.obeys_with(1);  // it is looked at again meanwhile
        EXPECT_EQ(rollout.route(), during);
        ASSERT_EQ(rollout.in_flight(), 1u);
        (void)rollout.finish_one();
        EXPECT_EQ(rollout.route(), "100 100 100");
        EXPECT_EQ(rollout.in_flight(), 0u);
        EXPECT_EQ(newest(rollout).status, ReleaseStatus::running);
        rollout.obey();
    }
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::success);
    EXPECT_TRUE(rollout.out().empty());
}

TEST(DrainTest, NothingIsDispatchedBeforeTheRouteIsInForce) {
    Drained rollout;
    rollout.installs();
    rollout.wishes(2);
    rollout.obeys_with(0);  // the route of now: its first target goes out
    EXPECT_EQ(rollout.route(), "0 100 100");
    EXPECT_EQ(rollout.in_flight(), 0u);
    EXPECT_TRUE(rollout.holds_for("router"));
    rollout.obeys_with(0);
    EXPECT_EQ(doing(rollout), "deploy 0");
}

TEST(DrainTest, SessionsAreWaitedForAndNotForEver) {
    Drained rollout;
    rollout.installs();
    rollout.wishes(2);
    rollout.obeys_with(0);
    rollout.obeys_with(2);
    EXPECT_EQ(rollout.in_flight(), 0u);
    EXPECT_TRUE(rollout.holds_for("drain"));
    rollout.obeys_with(0);
    EXPECT_EQ(doing(rollout), "deploy 0");
    (void)rollout.finish_one();
    rollout.obeys_with(0);
    rollout.obeys_with(1);
    rollout.pass(Seconds{59});
    EXPECT_EQ(rollout.in_flight(), 0u);
    rollout.pass(Seconds{1});
    EXPECT_EQ(doing(rollout), "deploy 1") << "drain_timeout";
}

TEST(DrainTest, SeveralGoOutInOneRouteAndOneIsAlwaysLeft) {
    Drained rollout(rolling(3));
    rollout.installs();
    rollout.wishes(2);
    rollout.obey();
    EXPECT_EQ(rollout.route(), "0 0 100");
    EXPECT_EQ(doing(rollout), "deploy 0, deploy 1");
    (void)rollout.finish_one();
    EXPECT_EQ(rollout.route(), "100 0 100");
    rollout.obey();
    EXPECT_EQ(rollout.route(), "100 0 0") << "others serve again";
    EXPECT_EQ(doing(rollout), "deploy 1, deploy 2");
}

TEST(DrainTest, NoMoreAreOutThanMayBeUnavailable) {
    Drained rollout(rolling(2));
    rollout.installs();
    rollout.wishes(2);
    rollout.obey();
    EXPECT_EQ(rollout.route(), "0 0 100");
    (void)rollout.finish_one();
    rollout.refuses("its server is down");
    EXPECT_EQ(rollout.route(), "100 0 100") << "the first one gets nothing yet";
    rollout.obey();
    EXPECT_EQ(rollout.route(), "100 0 0");
}

TEST(DrainTest, OneTargetAloneIsDrainedAllTheSame) {
    Drained rollout;
    const auto only = [](int version) { return routed_through(version_of(1, rolling(), version)); };
    rollout.wish(only(1));
    rollout.obey();
    rollout.finish_all();
    EXPECT_EQ(rollout.route(), "100");
    rollout.wish(only(2));
    rollout.obey();
    EXPECT_EQ(rollout.route(), "0");
    EXPECT_EQ(doing(rollout), "deploy 0");
}

TEST(DrainTest, WhatFailedStaysOutUntilItIsRestored) {
    Drained rollout;
    rollout.installs();
    rollout.wishes(2);
    rollout.obey();
    (void)rollout.finish_one();
    rollout.obey();
    (void)rollout.finish_one(ActionOutcome::failed);
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::rolling_back);
    EXPECT_EQ(doing(rollout), "rollback 1") << "it is out already";
    EXPECT_EQ(rollout.route(), "0 0 100") << "what is well goes out before it goes back";
    rollout.obey();
    EXPECT_EQ(doing(rollout), "rollback 1, rollback 0");
    (void)rollout.finish_one();
    EXPECT_EQ(rollout.route(), "0 100 100");
    (void)rollout.finish_one();
    EXPECT_EQ(rollout.route(), "100 100 100");
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::rollback);
}

TEST(DrainTest, WhatFailedAndIsNotTakenBackGetsNothingUntilItIsWell) {
    auto strategy = rolling();
    strategy.auto_rollback = false;
    Drained rollout(strategy);
    rollout.installs();
    rollout.wishes(2);
    rollout.obey();
    (void)rollout.finish_one(ActionOutcome::failed);
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::failed);
    rollout.obey();
    EXPECT_EQ(rollout.in_flight(), 0u);
    EXPECT_EQ(rollout.route(), "0 100 100");
    rollout.wishes(3);
    rollout.obey();
    EXPECT_EQ(doing(rollout), "deploy 0") << "nobody has to be drained for it";
    EXPECT_EQ(rollout.route(), "0 100 100");
    rollout.finish_all();
    EXPECT_EQ(rollout.route(), "100 100 100");
}

TEST(DrainTest, AWayBackWaitsForNoRouterLongerThanItsTime) {
    Drained rollout;
    rollout.installs();
    rollout.wishes(2);
    rollout.obey();
    (void)rollout.finish_one();
    rollout.obey();
    rollout.router_leaves(kRouter);
    (void)rollout.finish_one(ActionOutcome::failed);
    EXPECT_EQ(doing(rollout), "rollback 1");
    (void)rollout.finish_one();
    EXPECT_EQ(rollout.in_flight(), 0u);
    rollout.pass(Seconds{61});
    EXPECT_EQ(doing(rollout), "rollback 0");
    (void)rollout.finish_one();
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::rollback);
    rollout.router_comes(kRouter);
    EXPECT_EQ(rollout.route(), "100 100 100");
}

TEST(DrainTest, APauseBringsBackWhatIsNotYetChanged) {
    Drained rollout;
    rollout.installs();
    rollout.wishes(2);
    rollout.obeys_with(0);
    rollout.obeys_with(3);
    ASSERT_EQ(rollout.route(), "0 100 100");
    auto paused = std::make_shared<Assignment>(*rollout.state().assignments.at(kKey).wish);
    paused->paused = true;
    rollout.wish(AssignmentPtr(paused));
    EXPECT_EQ(rollout.route(), "100 100 100");
    rollout.obey();
    EXPECT_EQ(rollout.in_flight(), 0u);
    rollout.wishes(2);
    rollout.obey();
    EXPECT_EQ(doing(rollout), "deploy 0");
    EXPECT_EQ(rollout.route(), "0 100 100");
}

TEST(DrainTest, ANewerWishTakesOverWhatIsDrainedAlready) {
    Drained rollout;
    rollout.installs();
    rollout.wishes(2);
    rollout.obeys_with(0);
    rollout.obeys_with(3);
    rollout.wishes(3);
    EXPECT_EQ(rollout.route(), "0 100 100");
    EXPECT_TRUE(rollout.holds_for("router")) << "its servers may have other names";
    rollout.obey();
    EXPECT_EQ(rollout.next().version, "v3");
    EXPECT_EQ(rollout.route(), "0 100 100");
}

TEST(DrainTest, AfterARestartWhatIsBeingChangedIsStillOut) {
    Drained rollout;
    rollout.installs();
    rollout.wishes(2);
    rollout.obey();
    const auto agents = rollout.state().agents;
    rollout.restart();
    EXPECT_EQ(rollout.out(), std::set{name_of(0)});
    rollout.state().agents = agents;
    for (auto& [name, agent] : rollout.state().agents) agent.online = false;
    rollout.wishes(2);
    rollout.comes_back_running(0);
    for (int i = 1; i < 3; ++i) rollout.comes_back(i);
    rollout.router_comes(kRouter);
    EXPECT_EQ(rollout.route(), "0 100 100");
    rollout.obey();
    rollout.finish_all();
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::success);
    EXPECT_EQ(rollout.route(), "100 100 100");
}

TEST(DrainTest, ALostStoreFindsWhoServesByWhatAgentsSay) {
    Drained rollout;
    rollout.installs();
    const auto route = rollout.routed().back().second.route;
    auto agents = rollout.state().agents;
    Rollout anew(0, std::vector<AssignmentPtr>{});
    anew.state().epoch = 1'000;
    anew.router_comes(kRouter, {{kKey, kRouter, route.revision, true, "", {{"", 100}}, {}}});
    for (int i = 0; i < 3; ++i) {
        auto there = agents.at(name_of(i)).installations.begin()->second;
        if (i == 2) there.status = InstallStatus::failed;
        anew.comes_with(i, {there});
    }
    anew.wish(routed_through(wish_of(3, rolling())));
    EXPECT_EQ(shares(anew.routed().back().second.route), "100 100 0");
    EXPECT_GT(anew.routed().back().second.route.revision, route.revision);
}

TEST(DrainTest, ARouterThatDoesNotObeyHoldsTheReleaseAndPeopleAreTold) {
    Drained rollout;
    rollout.installs();
    rollout.wishes(2);
    rollout.obeys_with(0);
    rollout.refuses("socket away");
    rollout.pass(Seconds{59});
    EXPECT_EQ(rollout.told(NoticeKind::router_away), 0);
    rollout.pass(minutes{600});
    EXPECT_EQ(rollout.told(NoticeKind::router_away), 1);
    EXPECT_THAT(rollout.words(NoticeKind::router_away), testing::HasSubstr("socket away"));
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::paused);
    EXPECT_EQ(rollout.in_flight(), 0u);
    EXPECT_TRUE(rollout.holds_for("router"));
    EXPECT_TRUE(rollout.state().quarantines.empty());
    rollout.obey();
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::running);
    EXPECT_EQ(doing(rollout), "deploy 0");
}

TEST(DrainTest, ARouterThatDoesNotSendBackHoldsTheStep) {
    Drained rollout;
    rollout.installs();
    rollout.wishes(2);
    rollout.obey();
    (void)rollout.finish_one();
    rollout.refuses("its server is down");
    rollout.pass(minutes{2});
    EXPECT_EQ(rollout.told(NoticeKind::router_away), 1);
    EXPECT_EQ(rollout.in_flight(), 0u);
    rollout.obey();
    rollout.finish_all();
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::success);
}

TEST(DrainTest, AFixBeginsWhereABalancerNeverFindsTheLastVersionReady) {
    for (const bool restarts : {false, true}) {
        Drained rollout;
        rollout.installs();
        rollout.reports_drift(2, true, "a file was changed");  // not the first by its name
        rollout.obey();
        (void)rollout.finish_one();
        rollout.refuses("its server is down");
        ASSERT_EQ(rollout.out(), std::set{name_of(2)});
        if (restarts) {
            const auto agents = rollout.state().agents;
            rollout.restart();
            rollout.state().agents = agents;
            for (auto& [name, agent] : rollout.state().agents) agent.online = false;
            rollout.wishes(1);
            for (int i = 0; i < 3; ++i) rollout.comes_back(i);
            rollout.router_comes(kRouter);
            rollout.refuses("its server is down");
        }
        rollout.wishes(2);
        EXPECT_EQ(rollout.route(), "100 100 0");
        rollout.obey();
        EXPECT_EQ(doing(rollout), "deploy 2");
        rollout.finish_all();
        EXPECT_EQ(newest(rollout).status, ReleaseStatus::success);
    }
}

TEST(DrainTest, ARouterThatIsAwayIsLeftOutUnderSkipWhereAnotherIsThere) {
    for (const auto offline : {Offline::skip, Offline::wait}) {
        Drained rollout;
        rollout.router_comes("lb-2");
        const auto wish = [&](int version) {
            auto made = std::make_shared<Assignment>(*routed_through(
                AssignmentPtr(version_of(3, rolling(), version)), {kRouter, "lb-2"}));
            made->offline = offline;
            rollout.wish(AssignmentPtr(made));
        };
        const auto both_obey = [&] {
            rollout.obey();
            rollout.obey("lb-2");
            rollout.obey();
        };
        wish(1);
        for (int i = 0; i < 8; ++i) {
            both_obey();
            if (rollout.in_flight() > 0) (void)rollout.finish_one();
        }
        ASSERT_EQ(newest(rollout).status, ReleaseStatus::success);
        rollout.router_leaves("lb-2");
        rollout.pass(minutes{5});
        wish(2);
        rollout.obey();
        EXPECT_EQ(rollout.in_flight(), offline == Offline::skip ? 1u : 0u);
    }
}

TEST(DrainTest, AHostThatGoesAwayWhileItIsDrainedStaysOutAndHoldsUpNobody) {
    Drained rollout;
    rollout.installs();
    rollout.wishes(2);
    rollout.obeys_with(0);
    rollout.obeys_with(3);
    rollout.leaves(0);
    rollout.pass(minutes{5});
    rollout.obey();
    EXPECT_EQ(doing(rollout), "deploy 1");
    EXPECT_EQ(rollout.route(), "0 0 100");
    rollout.finish_all();
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::success);
    rollout.comes_back(0);
    rollout.obey();
    EXPECT_EQ(doing(rollout), "deploy 0") << "it catches up first";
    EXPECT_EQ(rollout.route(), "0 100 100");
    rollout.finish_all();
    EXPECT_EQ(rollout.route(), "100 100 100");
}

TEST(DrainTest, AHostThatGoesAwayBeforeItIsReadyHoldsUpTheStepOnlyWhileItMayComeBack) {
    Drained rollout;
    rollout.installs();
    rollout.wishes(2);
    rollout.obey();
    (void)rollout.finish_one();
    rollout.refuses("its server is down");
    rollout.leaves(0);
    EXPECT_EQ(rollout.route(), "100 100 100") << "its agent may only have been started anew";
    rollout.pass(minutes{5});
    EXPECT_EQ(rollout.route(), "0 100 100");
    rollout.obey();
    EXPECT_EQ(doing(rollout), "deploy 1");
    rollout.finish_all();
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::success);
    EXPECT_EQ(rollout.route(), "0 100 100");
    rollout.comes_back(0);
    EXPECT_EQ(rollout.route(), "100 100 100") << "it has this version";
}

TEST(DrainTest, AHealIsDrainedToo) {
    Drained rollout;
    rollout.installs();
    rollout.reports_drift(1, true, "a file was changed");
    EXPECT_EQ(rollout.route(), "100 0 100");
    EXPECT_EQ(rollout.in_flight(), 0u);
    rollout.obey();
    EXPECT_EQ(doing(rollout), "deploy 1");
    (void)rollout.finish_one();
    EXPECT_EQ(rollout.route(), "100 100 100");
    rollout.obey();
    EXPECT_EQ(newest(rollout).kind, ReleaseKind::heal);
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::success);
}

TEST(DrainTest, ATargetThatLeavesGitInTheMiddleGetsNothingAndHoldsUpNobody) {
    Drained rollout;
    rollout.installs();
    rollout.wishes(2);
    rollout.obeys_with(0);
    rollout.obeys_with(3);
    auto fewer = std::make_shared<Assignment>(*version_of(3, rolling(), 2));
    fewer->targets.erase(fewer->targets.begin());
    rollout.wish(routed_through(AssignmentPtr(fewer)));
    EXPECT_EQ(rollout.route(), "0 0 100") << "the next one goes out";
    rollout.obey();
    EXPECT_EQ(doing(rollout), "deploy 1");
    rollout.finish_all();
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::success);
    EXPECT_EQ(rollout.route(), "100 100");
}

TEST(DrainTest, TrafficThatGitNamesNoMoreIsForgottenOnceAllAreInService) {
    Drained rollout;
    rollout.installs();
    rollout.wishes(2);
    rollout.obey();
    auto strategy = rolling();
    strategy.traffic.reset();
    rollout.wish(AssignmentPtr(version_of(3, strategy, 2)));
    EXPECT_EQ(rollout.route(), "0 100 100");
    (void)rollout.finish_one();
    EXPECT_EQ(rollout.route(), "100 100 100");
    EXPECT_EQ(doing(rollout), "deploy 1") << "nothing more is drained";
    rollout.finish_all();
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::success);
    EXPECT_TRUE(rollout.routed().back().second.forget);
    EXPECT_FALSE(rollout.state().assignments.at(kKey).sides);
}

TEST(DrainTest, TrafficThatIsNewInTheMiddleFindsWhatIsBeingChangedOut) {
    auto strategy = rolling();
    strategy.traffic.reset();
    Rollout rollout(3, AssignmentPtr(version_of(3, strategy, 1)));
    for (int i = 0; i < 3; ++i) (void)rollout.finish_one();
    rollout.wish(AssignmentPtr(version_of(3, strategy, 2)));
    ASSERT_EQ(doing(rollout), "deploy 0");
    rollout.router_comes(kRouter);
    rollout.wish(routed_through(AssignmentPtr(version_of(3, rolling(), 2))));
    EXPECT_EQ(shares(rollout.routed().back().second.route), "0 100 100");
    (void)rollout.finish_one();
    EXPECT_EQ(shares(rollout.routed().back().second.route), "100 100 100");
    EXPECT_EQ(rollout.in_flight(), 0u);
}

TEST(DrainTest, AnUninstallTakesAllTrafficAwayFirst) {
    Drained rollout;
    rollout.installs();
    rollout.wish(routed_through(absent_of(3, rolling(), 2)));
    EXPECT_EQ(rollout.route(), "0 0 0");
    EXPECT_EQ(rollout.in_flight(), 0u);
    rollout.obey();
    EXPECT_EQ(rollout.next().kind, ActionKind::uninstall);
    rollout.finish_all();
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::success);
    EXPECT_EQ(rollout.route(), "0 0 0");
    EXPECT_TRUE(rollout.out().empty());
    rollout.wishes(3);
    rollout.obey();
    rollout.finish_all();
    EXPECT_EQ(rollout.route(), "100 100 100");
}

TEST(DrainTest, BlueGreenTakesOverWhatServedWithoutSlotsAndRollingWorksInItsSlot) {
    Drained rollout;
    rollout.installs();
    auto slots = blue_green();
    slots.traffic->server_before = "${TARGET_NAME}";
    rollout.wish(routed_through(AssignmentPtr(version_of(3, slots, 2))));
    EXPECT_EQ(rollout.last_route(), "none 100 blue 0 green 0");
    rollout.obey();
    EXPECT_EQ(doing(rollout), "deploy 0@blue, deploy 1@blue, deploy 2@blue");
    for (int i = 0; i < 3; ++i) (void)rollout.finish_one();
    EXPECT_EQ(rollout.last_route(), "none 0 blue 100 green 0");
    rollout.obey();
    rollout.finish_all();
    ASSERT_EQ(rollout.sides().live, "blue");
    rollout.wishes(3);
    rollout.obey();
    EXPECT_EQ(doing(rollout), "deploy 0@blue");
    EXPECT_EQ(rollout.last_route(), "blue 0/100 green 0");
    EXPECT_EQ(rollout.routed().back().second.route.servers.front().name, name_of(0) + "-blue");
    rollout.finish_all();
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::success);
    EXPECT_EQ(rollout.last_route(), "blue 100 green 0");
}

TEST(DrainTest, AReleaseWithoutTrafficAsksNoRouter) {
    auto strategy = rolling();
    strategy.traffic.reset();
    Rollout rollout(3, AssignmentPtr(version_of(3, strategy, 1)));
    EXPECT_EQ(doing(rollout), "deploy 0");
    EXPECT_FALSE(rollout.state().assignments.at(kKey).sides);
}

}  // namespace
}  // namespace tidegate::engine
