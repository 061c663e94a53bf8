#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/simulation/engine/world.h"

namespace tidegate::simulation {
namespace {

using namespace std::chrono_literals;

const AssignmentKey kShop{"prod", "shop"};
const AssignmentKey kEdge{"edge", "shop"};
constexpr auto kAllV1 = "p-1=v1 p-2=v1 p-3=v1 p-4=v1 p-5=v1";
constexpr auto kAllV2 = "p-1=v2 p-2=v2 p-3=v2 p-4=v2 p-5=v2";

/// A calm world with v1 everywhere in prod/shop.
struct Calm : World {
    explicit Calm(Fleet fleet = usual_fleet()) : World({7, std::move(fleet), false}) {
        commit(kShop, {"v0"});  // for pins; never seen at the tip
        commit(kShop, {"v1"});
        EXPECT_TRUE(settle(1h));
        EXPECT_EQ(installed(kShop), kAllV1);
    }
};

TEST(ScenarioTest, RollsInBatchesAndRemembersLastGood) {
    Calm world;
    world.commit(kShop, {"v2"});
    EXPECT_TRUE(world.settle(1h));
    EXPECT_EQ(world.installed(kShop), kAllV2);
    EXPECT_EQ(world.releases(kShop), "introduce v1 success, introduce v2 success");
    const auto& release =
        world.state().releases.at(world.state().assignments.at(kShop).releases[1]);
    EXPECT_EQ(release.steps.size(), 3u);
    EXPECT_EQ(world.state().assignments.at(kShop).good->good.version, "v2");
    EXPECT_EQ(engine::explain(world.state(), kShop, world.now())->sync, Sync::in_sync);
}

TEST(ScenarioTest, RestoresRevertsAndQuarantinesABadVersion) {
    Calm world;
    world.commit(kShop, {"bad1"});
    EXPECT_TRUE(world.settle(1h));
    EXPECT_EQ(world.installed(kShop), kAllV1);
    EXPECT_EQ(world.releases(kShop), "introduce v1 success, introduce bad1 rollback");
    EXPECT_EQ(world.git().spec_at_tip(kShop)->version, "v1");
    EXPECT_EQ(world.state().quarantines.size(), 1u);
    const auto& release =
        world.state().releases.at(world.state().assignments.at(kShop).releases[1]);
    EXPECT_EQ(release.revert, RevertState::pushed);
    EXPECT_EQ(release.targets.at("p-5").status, TargetStatus::cancelled);
    // A person insists: the digest enters anew.
    world.commit(kShop, {"bad1"});
    EXPECT_TRUE(world.settle(1h));
    EXPECT_EQ(world.releases(kShop),
              "introduce v1 success, introduce bad1 rollback, introduce bad1 rollback");
}

TEST(ScenarioTest, ContainsABadFirstInstall) {
    World world({3, usual_fleet(), false});
    world.commit({"prod", "api"}, {"v1"});
    world.commit(kShop, {"bad1"});
    EXPECT_TRUE(world.settle(1h));
    EXPECT_EQ(world.releases(kShop), "introduce bad1 failed");
    EXPECT_EQ(world.git().spec_at_tip(kShop), nullptr);
    EXPECT_NE(world.git().spec_at_tip({"prod", "api"}), nullptr);
}

TEST(ScenarioTest, FreezesWhatIsForwardOnly) {
    Calm world;
    world.commit(kShop, {"bad1", false, false, 0, true});
    EXPECT_TRUE(world.settle(1h));
    EXPECT_EQ(world.releases(kShop), "introduce v1 success, introduce bad1 failed");
    EXPECT_EQ(world.git().spec_at_tip(kShop)->version, "bad1");
    EXPECT_EQ(world.holds(kShop), "quarantine");
    // Last good is on the far side now: the next failure freezes, too.
    world.commit(kShop, {"bad2"});
    EXPECT_TRUE(world.settle(1h));
    EXPECT_EQ(world.releases(kShop),
              "introduce v1 success, introduce bad1 failed, introduce bad2 failed");
    world.commit(kShop, {"v2"});
    EXPECT_TRUE(world.settle(1h));
    EXPECT_EQ(world.installed(kShop), kAllV2);
}

TEST(ScenarioTest, RestoresOnlyWhatFailedWhereAsked) {
    auto fleet = usual_fleet();
    fleet.environments["prod"].rollback.granularity = Granularity::single_target;
    Calm world(fleet);
    world.agent("a-2").faulty = false;
    world.commit(kShop, {"bad1"});
    EXPECT_TRUE(world.settle(1h));
    world.run_for(1h);
    EXPECT_EQ(world.installed(kShop), "p-1=v1 p-2=bad1 p-3=v1 p-4=v1 p-5=v1");
    EXPECT_EQ(world.releases(kShop), "introduce v1 success, introduce bad1 rollback");
    EXPECT_EQ(world.git().spec_at_tip(kShop)->version, "bad1");
    EXPECT_EQ(world.holds(kShop), "quarantine");
    world.commit(kShop, {"v2"});
    EXPECT_TRUE(world.settle(1h));
    EXPECT_EQ(world.installed(kShop), kAllV2);
}

TEST(ScenarioTest, APersonLiftsWhatIsUnknown) {
    Calm world;
    Spec pinned{"v1"};
    pinned.pins["p-3"] = "v0";
    world.commit(kShop, pinned);
    world.run_for(6s);
    world.agent("a-3").crash();
    world.disconnect("a-3", 30s);
    world.run_for(10s);
    world.agent("a-3").start();
    world.run_for(1h);
    ASSERT_EQ(world.holds(kShop), "unknown");
    const auto before = world.agent("a-3").starts;
    pinned.retry = 1;
    world.commit(kShop, pinned);
    EXPECT_TRUE(world.settle(1h));
    EXPECT_EQ(world.agent("a-3").starts, before + 1);
    EXPECT_EQ(world.installed(kShop), "p-1=v1 p-2=v1 p-3=v0 p-4=v1 p-5=v1");
}

TEST(ScenarioTest, KeepsLastGoodWhileTheRevertWaitsForAMerge) {
    Calm world;
    world.git().protected_branch = true;
    world.commit(kShop, {"bad1"});
    EXPECT_TRUE(world.settle(1h));
    EXPECT_EQ(world.installed(kShop), kAllV1);
    const auto view = engine::explain(world.state(), kShop, world.now());
    EXPECT_EQ(view->sync, Sync::quarantined);
    EXPECT_THAT(view->revert_note, testing::MatchesRegex("merge tidegate.revert-prod-shop-.* to "
                                                         "take the change back"));
    world.agent("a-1").drift(0);
    EXPECT_TRUE(world.settle(1h));
    EXPECT_EQ(world.releases(kShop),
              "introduce v1 success, introduce bad1 rollback, heal v1 success");
}

TEST(ScenarioTest, ARevertThatCannotBeBuiltIsNotAskedForInALoop) {
    Calm world;
    auto& git = world.git();
    git.moved_on = true;
    world.commit(kShop, {"bad1"});
    world.run_for(1h);
    EXPECT_GT(git.reverts_asked, 5);
    EXPECT_LT(git.reverts_asked, 20);
    world.hold_tip(true);
    const auto asked = git.reverts_asked;
    world.run_for(1h);
    EXPECT_EQ(git.reverts_asked, asked);
    git.moved_on = false;
    world.hold_tip(false);
    EXPECT_TRUE(world.settle(1h));
    EXPECT_EQ(git.spec_at_tip(kShop)->version, "v1");
}

TEST(ScenarioTest, SeveralRevertsDoNotHoldEachOtherUp) {
    Calm world;
    std::vector<AssignmentKey> keys;
    for (int i = 0; i < 8; ++i) keys.push_back({"prod", fmt::format("app-{}", i)});
    for (const auto& key : keys) world.commit(key, {"v1"});
    EXPECT_TRUE(world.settle(1h));
    const auto is_wanted = [&](const auto& key) {
        const auto& releases = world.state().assignments.at(key).releases;
        return world.state().releases.at(releases.back()).revert == RevertState::wanted;
    };
    const auto is_back = [&](const auto& key) {
        return world.git().spec_at_tip(key)->version == "v1";
    };
    world.hold_tip(true);  // so that all of them are due at once
    for (const auto& key : keys) world.commit(key, {"bad1"});
    for (int i = 0; i < 3600 && !std::ranges::all_of(keys, is_wanted); ++i) world.run_for(1s);
    world.hold_tip(false);
    const auto before = world.now();
    for (int i = 0; i < 3600 && !std::ranges::all_of(keys, is_back); ++i) world.run_for(1s);
    EXPECT_LT(world.now() - before, 2min);
    EXPECT_LE(world.git().reverts_asked, 3 * 8) << "each is pushed once, after one lost race";
}

TEST(ScenarioTest, ANewConfigMakesAWaitingRevertDueAtOnce) {
    Calm world;
    world.git().moved_on = true;
    world.commit(kShop, {"bad1"});
    world.run_for(1h);
    ASSERT_EQ(world.git().spec_at_tip(kShop)->version, "bad1");
    world.git().moved_on = false;
    world.commit({"prod", "api"}, {"v1"});
    world.run_for(15s);
    EXPECT_EQ(world.git().spec_at_tip(kShop)->version, "v1");
}

TEST(ScenarioTest, SkipsOfflineTargetsWhichCatchUp) {
    Calm world;
    world.disconnect("a-2", 1h);
    world.run_for(1min);
    world.commit(kShop, {"v2"});
    world.run_for(30min);
    EXPECT_EQ(world.installed(kShop), "p-1=v2 p-2=v1 p-3=v2 p-4=v2 p-5=v2");
    world.run_for(1h);
    EXPECT_EQ(world.installed(kShop), kAllV2);
    EXPECT_EQ(world.releases(kShop),
              "introduce v1 success, introduce v2 success, catch_up v2 success");
}

TEST(ScenarioTest, WaitsForOfflineTargetsWhereAsked) {
    auto fleet = usual_fleet();
    fleet.environments["prod"].offline = Offline::wait;
    Calm world(fleet);
    world.disconnect("a-2", 1h);
    world.run_for(1min);
    world.commit(kShop, {"v2"});
    world.run_for(30min);
    EXPECT_EQ(world.installed(kShop), "p-1=v2 p-2=v1 p-3=v1 p-4=v1 p-5=v1");
    EXPECT_EQ(world.holds(kShop), "offline");
    world.run_for(1h);
    EXPECT_EQ(world.installed(kShop), kAllV2);
}

TEST(ScenarioTest, RestoresOnReturnWhatWasAwayDuringTheRollback) {
    Calm world;
    world.commit(kShop, {"bad1"});
    world.run_for(6s);
    world.disconnect("a-1", 2h);
    world.run_for(90min);
    EXPECT_NE(world.releases(kShop).find("bad1 rollback"), std::string::npos)
        << world.releases(kShop);
    EXPECT_EQ(world.git().spec_at_tip(kShop)->version, "v1");
    world.run_for(1h);
    EXPECT_EQ(world.installed(kShop), kAllV1);
    EXPECT_EQ(world.releases(kShop), "introduce v1 success, introduce bad1 rollback");
}

bool is_rolling_back(const World& world) {
    return world.releases(kShop).find("rolling_back") != std::string::npos;
}

/// Restores take no budget, and what is broken already does not become less available.
TEST(ScenarioTest, WhatIsBrokenIsRepairedBesideRestores) {
    World world({7, usual_fleet(), false});
    world.commit(kShop, {"bad0"});  // for the pin; never seen at the tip
    Spec spec{"v1"};
    world.commit(kShop, spec);
    EXPECT_TRUE(world.settle(1h));
    spec.pins["p-2"] = "bad0";
    world.commit(kShop, spec);
    world.run_for(5min);
    for (const auto* well : {"a-1", "a-3", "a-4"}) world.agent(well).faulty = false;
    spec.version = "bad1";
    world.commit(kShop, spec);
    const auto is_on_its_way = [&](const char* target) {
        return world.state().outbox_by_key.contains({target, "shop", ""});
    };
    for (int i = 0; i < 3600 && !is_on_its_way("p-5"); ++i) world.run_for(100ms);
    world.agent("a-4").faulty = true;
    while (!is_rolling_back(world)) world.run_for(1ms);
    for (const auto* away : {"a-4", "a-2"}) world.disconnect(away, 2h);
    world.run_for(2h - 1s);
    EXPECT_THAT(world.releases(kShop), testing::HasSubstr("bad1 rollback"));
    world.run_for(1s);
    for (const auto* target : {"p-2", "p-4", "p-5"}) EXPECT_TRUE(is_on_its_way(target)) << target;
    EXPECT_THAT(world.violations(), testing::IsEmpty());
}

TEST(ScenarioTest, AHumanCommitDuringTheRollbackWinsAndWaits) {
    Calm world;
    world.commit(kShop, {"bad1"});
    while (!is_rolling_back(world)) world.run_for(1s);
    world.commit(kShop, {"v2"});
    world.run_for(6s);
    EXPECT_TRUE(world.settle(1h));
    EXPECT_EQ(world.installed(kShop), kAllV2);
    EXPECT_EQ(world.releases(kShop),
              "introduce v1 success, introduce bad1 rollback, introduce v2 success");
}

TEST(ScenarioTest, SupersedesByTheNewestOfTwo) {
    Calm world;
    world.commit(kShop, {"v2"});
    world.run_for(10s);
    world.commit(kShop, {"v3"});
    world.commit(kShop, {"v4"});
    EXPECT_TRUE(world.settle(1h));
    EXPECT_EQ(world.installed(kShop), "p-1=v4 p-2=v4 p-3=v4 p-4=v4 p-5=v4");
    EXPECT_EQ(world.releases(kShop),
              "introduce v1 success, introduce v2 cancelled, introduce v4 success");
}

/// What a superseded release left behind goes forward, not first back to last good.
TEST(ScenarioTest, DoesNotGoBackWhileAgentsReconnect) {
    auto fleet = usual_fleet();
    fleet.environments["prod"].strategy.batch_interval = Seconds{600};
    Calm world(fleet);
    world.commit(kShop, {"v2"});
    world.run_for(5min);
    ASSERT_EQ(world.installed(kShop), "p-1=v2 p-2=v2 p-3=v1 p-4=v1 p-5=v1");
    world.commit(kShop, {"v3"});
    world.crash_daemon();
    world.start_daemon();
    EXPECT_TRUE(world.settle(1h));
    EXPECT_EQ(world.installed(kShop), "p-1=v3 p-2=v3 p-3=v3 p-4=v3 p-5=v3");
    EXPECT_EQ(world.releases(kShop),
              "introduce v1 success, introduce v2 cancelled, introduce v3 success");
}

/// An agent that is away with an action does not keep the newer wish waiting, and is no verdict.
TEST(ScenarioTest, ASupersededReleaseDoesNotWaitForALostAgent) {
    Calm world;
    world.commit(kShop, {"v2"});
    while (world.state().outbox.empty()) world.run_for(100ms);
    world.disconnect("a-1", 24h);
    world.commit(kShop, {"v3"});
    world.run_for(10min);
    EXPECT_EQ(world.installed(kShop).substr(7), "p-2=v3 p-3=v3 p-4=v3 p-5=v3");
    EXPECT_EQ(world.releases(kShop),
              "introduce v1 success, introduce v2 cancelled, introduce v3 success");
    EXPECT_EQ(world.git().spec_at_tip(kShop)->version, "v3");
}

TEST(ScenarioTest, GoesBackByAPersonsCommit) {
    Calm world;
    world.commit(kShop, {"v2"});
    world.run_for(10s);
    world.commit(kShop, {"v1"});
    EXPECT_TRUE(world.settle(1h));
    EXPECT_EQ(world.installed(kShop), kAllV1);
    EXPECT_EQ(world.releases(kShop),
              "introduce v1 success, introduce v2 cancelled, restore v1 success");
}

TEST(ScenarioTest, SaysUntilWhenItWaitsBetweenBatches) {
    auto fleet = usual_fleet();
    fleet.environments["prod"].strategy.batch_interval = Seconds{600};
    World world({7, fleet, false});
    world.run_for(1min);  // the grace of the start, in which no time counts
    world.commit(kShop, {"v1"});
    world.run_for(5min);
    const auto view = engine::explain(world.state(), kShop, world.now());
    ASSERT_EQ(view->holds.size(), 1u);
    EXPECT_EQ(view->holds[0].gate, "interval");
    const auto& release =
        world.state().releases.at(world.state().assignments.at(kShop).releases[0]);
    EXPECT_EQ(view->holds[0].until, *release.steps[0].finished_at + Seconds{600});
    EXPECT_TRUE(world.settle(2h));
    EXPECT_EQ(world.installed(kShop), kAllV1);
}

TEST(ScenarioTest, PausesAndResumes) {
    Calm world;
    world.commit(kShop, {"v2"});
    world.run_for(10s);
    world.commit(kShop, {"v2", false, true});
    world.run_for(1h);
    EXPECT_EQ(world.releases(kShop), "introduce v1 success, introduce v2 paused");
    EXPECT_EQ(world.holds(kShop), "pause");
    world.run_for(10h);
    world.commit(kShop, {"v2"});
    EXPECT_TRUE(world.settle(1h));
    EXPECT_EQ(world.releases(kShop), "introduce v1 success, introduce v2 success");
}

TEST(ScenarioTest, WaitsForTheWindowAndSaysUntilWhen) {
    World world({7, usual_fleet(), false});
    world.run_for(13h);
    world.commit(kEdge, {"v1"});
    world.run_for(1h);
    EXPECT_EQ(world.holds(kEdge), "window until 2026-01-02T00:00:00Z");
    EXPECT_EQ(world.releases(kEdge), "introduce v1 scheduled");
    world.run_for(11h);
    EXPECT_EQ(world.releases(kEdge), "introduce v1 success");
}

TEST(ScenarioTest, RestoresWaitForTheWindowWhereAsked) {
    auto fleet = usual_fleet();
    fleet.environments["edge"].window->on_close = OnClose::finish_step;
    fleet.environments["edge"].rollback.respect_windows = true;
    World world({7, fleet, false});
    world.commit(kEdge, {"v1"});
    world.run_for(12h - 6s);
    ASSERT_EQ(world.releases(kEdge), "introduce v1 success");
    world.commit(kEdge, {"bad1"});
    world.run_for(10min);
    ASSERT_EQ(world.releases(kEdge), "introduce v1 success, introduce bad1 rolling_back");
    EXPECT_EQ(world.holds(kEdge), "window until 2026-01-02T00:00:00Z");
    world.crash_daemon();
    world.start_daemon();
    world.run_for(11h);
    EXPECT_EQ(world.releases(kEdge), "introduce v1 success, introduce bad1 rolling_back");
    world.run_for(1h);
    EXPECT_EQ(world.installed(kEdge), "e-1=v1 e-2=v1 e-3=v1");
    EXPECT_EQ(world.releases(kEdge), "introduce v1 success, introduce bad1 rollback");
    EXPECT_TRUE(world.violations().empty());
}

TEST(ScenarioTest, UninstallsPinsAndForcesOnce) {
    Calm world;
    world.commit(kShop, {"v1", false, false, 0, false, Operation::update});
    EXPECT_TRUE(world.settle(1h));
    EXPECT_EQ(world.releases(kShop), "introduce v1 success, catch_up v1 success");
    Spec pinned{"v1"};
    pinned.pins["p-3"] = "v0";
    world.commit(kShop, pinned);
    EXPECT_TRUE(world.settle(1h));
    EXPECT_EQ(world.installed(kShop), "p-1=v1 p-2=v1 p-3=v0 p-4=v1 p-5=v1");
    world.commit(kShop, {"v1", true});
    EXPECT_TRUE(world.settle(1h));
    EXPECT_EQ(world.installed(kShop), "p-1= p-2= p-3= p-4= p-5=");
    EXPECT_EQ(world.releases(kShop),
              "introduce v1 success, catch_up v1 success, catch_up v0 success, "
              "uninstall v1 success");
}

/// A pin brings back its version whole, and that one had been uninstalled.
TEST(ScenarioTest, APinToWhatWasUninstalledUninstallsOnce) {
    Calm world;
    world.commit(kShop, {"v2", true});
    EXPECT_TRUE(world.settle(1h));
    Spec pinned{"v3"};
    world.commit(kShop, pinned);
    EXPECT_TRUE(world.settle(1h));
    const auto before = world.agent("a-3").starts;
    pinned.pins["p-3"] = "v2";
    world.commit(kShop, pinned);
    world.run_for(1h);
    EXPECT_EQ(world.agent("a-3").starts, before + 1);
    EXPECT_EQ(world.installed(kShop), "p-1=v3 p-2=v3 p-3= p-4=v3 p-5=v3");
    EXPECT_EQ(engine::explain(world.state(), kShop, world.now())->sync, Sync::in_sync);
}

/// Nothing says any more how it would go back: the failure stands, and nobody stumbles over it.
TEST(ScenarioTest, FreezesWhatLeftGitBeforeARestart) {
    Calm world;
    world.commit(kShop, {"bad1"});
    while (world.state().outbox.empty()) world.run_for(100ms);
    world.run_for(400ms);
    world.crash_daemon();
    world.remove(kShop);
    world.start_daemon();
    EXPECT_TRUE(world.settle(1h));
    EXPECT_EQ(world.releases(kShop), "introduce v1 success, introduce bad1 failed");
    const auto& release =
        world.state().releases.at(world.state().assignments.at(kShop).releases[1]);
    EXPECT_NE(release.reason.find("it is no longer in Git"), std::string::npos) << release.reason;
    world.commit(kShop, {"v2"});
    EXPECT_TRUE(world.settle(1h));
    EXPECT_EQ(world.installed(kShop), kAllV2);
}

TEST(ScenarioTest, AnInterruptedScriptIsNeverRunAgainByItself) {
    Calm world;
    world.commit(kShop, {"v2"});
    world.run_for(7s);
    const auto before = world.agent("a-1").starts;
    world.agent("a-1").crash();
    world.run_for(10s);
    world.agent("a-1").start();
    EXPECT_TRUE(world.settle(2h));
    EXPECT_LE(world.agent("a-1").starts, before + 1);
}

struct RestartCase {
    const char* version;
    int seconds;
    bool lose_store;
};
class RestartTest : public testing::TestWithParam<RestartCase> {};
TEST_P(RestartTest, ReachesTheSameEnd) {
    Calm world;
    world.commit(kShop, {GetParam().version});
    world.run_for(Seconds(GetParam().seconds));
    world.crash_daemon();
    if (GetParam().lose_store) world.lose_store();
    world.start_daemon();
    EXPECT_TRUE(world.settle(2h));
    const bool bad = std::string(GetParam().version).starts_with("bad");
    EXPECT_EQ(world.installed(kShop), bad ? kAllV1 : kAllV2) << world.releases(kShop);
    EXPECT_EQ(world.git().spec_at_tip(kShop)->version, bad ? "v1" : "v2");
    EXPECT_EQ(engine::explain(world.state(), kShop, world.now())->sync, Sync::in_sync);
}
INSTANTIATE_TEST_SUITE_P(Moments, RestartTest, testing::ValuesIn([] {
                             std::vector<RestartCase> cases;
                             for (const auto* version : {"v2", "bad1"})
                                 for (const int seconds : {1, 5, 8, 12, 20, 40, 60})
                                     for (const bool lose : {false, true})
                                         cases.push_back({version, seconds, lose});
                             return cases;
                         }()));

}  // namespace
}  // namespace tidegate::simulation
