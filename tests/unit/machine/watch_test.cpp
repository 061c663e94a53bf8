/// Actions of kind verify: they look, and stand in nobody's way.

#include <gtest/gtest.h>

#include "schema/base/limits.h"
#include "tests/unit/machine/machine_fixture.h"

namespace tidegate::machine {
namespace {

using test::action;
using test::Host;
using test::kNow;

Action watch(const std::string& id, const std::string& project = "shop") {
    auto made = action(id, project);
    made.kind = ActionKind::verify;
    made.watch_for = Seconds{600};
    made.last_good = LastGood{Digest::of("x"), "c", "9.9"};
    return made;
}
std::string run_watch(Host& host, const std::string& id, Timestamp now = kNow) {
    return host.in(RunCommand{1, watch(id)}, now);
}
void start_watch(Host& host, const std::string& id) {
    run_watch(host, id);
    host.in(IntentDurable{id});
}
Installation installed() {
    Installation made;
    made.key = action("a").key;
    made.status = InstallStatus::installed;
    made.version = "2.0";
    made.tried_version = "3.0";
    made.digest = Digest::of("two");
    made.environment = "prod";
    made.last_good = LastGood{Digest::of("one"), "c", "1.0"};
    made.rejected = LastGood{Digest::of("three"), "c", "3.0"};
    made.backups = {{"/backup", {}}};
    made.report = 7;
    return made;
}
Host host_with_installation() { return Host{Records{1, {installed()}, {}}}; }
Finished ended(const std::string& id, ActionOutcome outcome, const std::string& error = {}) {
    Finished finished{id, outcome, error, {}, kNow};
    finished.untouched = true;
    return finished;
}
ActionResult result_of(const Host& host) { return host.machine.inventory().results.back(); }

TEST(MachineWatchTest, LeavesTheInstallationAsItIsWhateverItsOutcome) {
    for (const auto outcome :
         {ActionOutcome::done, ActionOutcome::failed, ActionOutcome::cancelled}) {
        auto host = host_with_installation();
        EXPECT_EQ(run_watch(host, "v"), "intent v");
        EXPECT_EQ(host.in(IntentDurable{"v"}), "start v");
        auto finished = ended("v", outcome, "what came back");
        finished.untouched = false;
        EXPECT_EQ(host.in(finished), fmt::format("outcome v {}", to_string(outcome)));
        EXPECT_EQ(host.in(OutcomeDurable{"v"}), fmt::format("report v {}", to_string(outcome)));
        EXPECT_EQ(result_of(host).error, "what came back");
        EXPECT_EQ(result_of(host).kind, ActionKind::verify);
        EXPECT_EQ(result_of(host).installation, installed());
        EXPECT_EQ(host.machine.inventory().installations, std::vector{installed()});
    }
}

TEST(MachineWatchTest, DriftIsSeenDuringIt) {
    auto host = host_with_installation();
    start_watch(host, "v");
    EXPECT_FALSE(host.machine.busy(action("a").key));
    EXPECT_EQ(host.in(DriftSeen{action("a").key, true, "gone"}), "installation, changed");
    host.in(ended("v", ActionOutcome::done));
    EXPECT_EQ(host.in(DriftSeen{action("a").key, false, ""}), "installation, changed")
        << "while its outcome is on its way to the disk";
    host.in(OutcomeDurable{"v"});
    EXPECT_FALSE(host.machine.inventory().installations.at(0).drifted) << "the newest word stays";
    EXPECT_EQ(host.machine.inventory().installations.at(0).report, 9U);
}

TEST(MachineWatchTest, ANewerActionEndsItAndThenStarts) {
    auto host = host_with_installation();
    start_watch(host, "v");
    EXPECT_EQ(host.run("b"), "kill v");
    EXPECT_EQ(host.run("b"), "") << "asked for once more";
    EXPECT_EQ(host.in(ended("v", ActionOutcome::cancelled, "cancelled")), "outcome v cancelled");
    EXPECT_EQ(host.in(OutcomeDurable{"v"}), "report v cancelled, intent b");
    EXPECT_EQ(result_of(host).error, "a newer action came");
    EXPECT_TRUE(host.machine.busy(action("b").key));
}

TEST(MachineWatchTest, WhatItHadReachedStays) {
    auto host = host_with_installation();
    start_watch(host, "v");
    host.run("b");
    EXPECT_EQ(host.in(ended("v", ActionOutcome::failed, "500")), "outcome v failed");
    host.in(OutcomeDurable{"v"});
    EXPECT_EQ(result_of(host).error, "500");
}

TEST(MachineWatchTest, ANewerActionEndsOneThatHasNotBegun) {
    Host host;
    host.start("a");
    EXPECT_EQ(run_watch(host, "v"), "") << "it waits for what moves";
    EXPECT_EQ(host.run("b"), "outcome v cancelled");
    EXPECT_EQ(host.in(OutcomeDurable{"v"}), "report v cancelled");
    EXPECT_EQ(result_of(host).error, "a newer action came");
    auto journaling = host_with_installation();
    EXPECT_EQ(run_watch(journaling, "v"), "intent v");
    EXPECT_EQ(journaling.run("b"), "");
    EXPECT_EQ(journaling.in(IntentDurable{"v"}), "outcome v cancelled");
    EXPECT_EQ(journaling.in(OutcomeDurable{"v"}), "report v cancelled, intent b");
}

TEST(MachineWatchTest, ANewerWatchTakesItsPlace) {
    Host host;
    start_watch(host, "v");
    EXPECT_EQ(run_watch(host, "w"), "kill v");
    EXPECT_EQ(run_watch(host, "x"), "outcome w cancelled");
    EXPECT_EQ(host.in(OutcomeDurable{"w"}), "report w cancelled");
    EXPECT_EQ(host.in(ended("v", ActionOutcome::cancelled)), "outcome v cancelled");
    EXPECT_EQ(host.in(OutcomeDurable{"v"}), "report v cancelled, intent x");
    EXPECT_EQ(host.in(RunCommand{1, watch("y", "other")}), "intent y") << "of another installation";
}

/// Else a watch that came later would see what the action has not brought yet.
TEST(MachineWatchTest, NonePassesAnActionThatWaits) {
    Host host;
    start_watch(host, "v");
    host.run("b");
    EXPECT_EQ(run_watch(host, "w"), "");
    host.in(ended("v", ActionOutcome::cancelled));
    EXPECT_EQ(host.in(OutcomeDurable{"v"}), "report v cancelled, intent b");
    host.in(IntentDurable{"b"});
    host.in(Finished{"b", ActionOutcome::done, "", {}, kNow});
    EXPECT_EQ(host.in(OutcomeDurable{"b"}), "report b done, intent w");
}

TEST(MachineWatchTest, IsCancelledAndRefusedAsAnyAction) {
    Host host;
    start_watch(host, "v");
    EXPECT_EQ(host.in(CancelCommand{1, "v"}), "kill v");
    EXPECT_EQ(host.in(ended("v", ActionOutcome::cancelled, "cancelled")), "outcome v cancelled");
    host.in(OutcomeDurable{"v"});
    EXPECT_EQ(result_of(host).error, "cancelled");
    start_watch(host, "w");
    auto trouble = ended("w", ActionOutcome::refused, "no room");
    trouble.host_trouble = "no room";
    EXPECT_EQ(host.in(trouble), "forget w, report w refused");
    host.start("a");
    EXPECT_EQ(run_watch(host, "x"), "");
    EXPECT_EQ(host.in(Tick{}, kNow + Seconds{60}), "outcome x refused") << "start_within is over";
}

TEST(MachineWatchTest, ACrashEndsItWithoutAnyProbe) {
    Host host{Records{1, {installed()}, {{watch("v"), std::nullopt, false, Progress{true, {}}}}}};
    EXPECT_EQ(Host::text(host.machine.boot()), "outcome v cancelled");
    EXPECT_EQ(host.machine.inventory().running, std::vector<std::string>{"v"});
    EXPECT_TRUE(host.machine.inventory().suspended.empty());
    EXPECT_EQ(host.in(RunCommand{1, watch("v")}), "");
    EXPECT_EQ(host.in(OutcomeDurable{"v"}), "report v cancelled");
    EXPECT_EQ(result_of(host).error, "interrupted: the agent stopped");
    EXPECT_EQ(result_of(host).installation, installed());
    EXPECT_EQ(run_watch(host, "w"), "intent w");
}

TEST(MachineWatchTest, AStoppingAgentSaysThatItWasInterrupted) {
    auto host = host_with_installation();
    start_watch(host, "v");
    host.in(Stopping{});
    EXPECT_FALSE(host.machine.at_rest());
    EXPECT_EQ(host.in(ended("v", ActionOutcome::cancelled, "cancelled")), "outcome v cancelled");
    EXPECT_EQ(host.in(OutcomeDurable{"v"}), "report v cancelled");
    EXPECT_EQ(result_of(host).error, "interrupted: the agent stopped");
    EXPECT_TRUE(host.machine.at_rest());
}

TEST(MachineWatchTest, SoManyAtOnceAndNoMore) {
    Host host;
    const auto run_one = [&](std::size_t i) {
        auto one = watch(std::to_string(i));
        one.key.target = "t-" + one.id;
        return host.in(RunCommand{1, one});
    };
    for (std::size_t i = 0; i < limits::kWatchesAtOnceMax; ++i) run_one(i);
    EXPECT_EQ(run_one(limits::kWatchesAtOnceMax), "report 20000 refused");
    EXPECT_EQ(host.run("a"), "intent a") << "that is no watch";
    host.in(IntentDurable{"0"});
    host.in(ended("0", ActionOutcome::done));
    host.in(OutcomeDurable{"0"});
    EXPECT_EQ(run_one(limits::kWatchesAtOnceMax), "intent 20000");
}

}  // namespace
}  // namespace tidegate::machine
