#include <gtest/gtest.h>

#include "tests/unit/machine/machine_fixture.h"

namespace tidegate::machine {
namespace {

using test::action;
using test::Host;
using test::kNow;

TEST(MachineTest, JournalsIntentBeforeTheStartAndOutcomeBeforeTheReport) {
    Host host;
    EXPECT_EQ(host.run("a"), "epoch 1, intent a");
    EXPECT_EQ(host.in(IntentDurable{"a"}), "start a");
    EXPECT_EQ(host.in(Finished{"a", ActionOutcome::done, "", {}, {}}), "outcome a done");
    EXPECT_TRUE(host.machine.inventory().results.empty());
    EXPECT_EQ(host.in(OutcomeDurable{"a"}), "report a done");
    const auto inventory = host.machine.inventory();
    ASSERT_EQ(inventory.results.size(), 1u);
    EXPECT_EQ(inventory.installations.at(0).status, InstallStatus::installed);
    EXPECT_EQ(inventory.installations.at(0).digest, Digest::of("two"));
    EXPECT_EQ(host.in(AckCommand{{"a", "b"}}), "acks a");
    EXPECT_EQ(host.in(AckCommand{{"a"}}), "");
    EXPECT_TRUE(host.machine.inventory().results.empty());
}

TEST(MachineTest, AnswersDuplicatesWithTheJournalledOutcome) {
    Host host;
    host.start("a");
    EXPECT_EQ(host.run("a"), "");
    host.in(Finished{"a", ActionOutcome::failed, "exit 1", {}, {}});
    host.in(OutcomeDurable{"a"});
    EXPECT_EQ(host.run("a"), "report a failed");
    host.in(AckCommand{{"a"}});
    EXPECT_EQ(host.run("a"), "report a failed");
}

TEST(MachineTest, RefusesOlderEpochs) {
    Host host;
    host.run("a", 5);
    EXPECT_EQ(host.run("b", 4), "fenced 5");
    EXPECT_EQ(host.in(CancelCommand{4, "a"}), "fenced 5");
    EXPECT_EQ(host.in(WelcomeCommand{6}), "epoch 6");
    EXPECT_EQ(host.machine.highest_epoch(), 6u);
}

TEST(MachineTest, RunsOneActionPerTargetAndProject) {
    Host host;
    host.start("a");
    EXPECT_EQ(host.run("b"), "");
    EXPECT_EQ(host.in(RunCommand{1, action("c", "other")}), "intent c");
    EXPECT_EQ(host.in(Finished{"a", ActionOutcome::done, "", {}, {}}), "outcome a done");
    EXPECT_EQ(host.in(OutcomeDurable{"a"}), "report a done, intent b");
}

TEST(MachineTest, TwoSlotsOfOneProjectAreTwoInstallations) {
    const auto in_slot = [](const std::string& id, const char* slot) {
        auto made = action(id);
        made.key.slot = slot;
        return RunCommand{1, made};
    };
    Host host;
    host.start("a");
    EXPECT_EQ(host.in(in_slot("b", "blue")), "intent b");
    EXPECT_EQ(host.in(in_slot("g", "green")), "intent g");
    EXPECT_EQ(host.in(in_slot("h", "green")), "") << "one after the other";
    EXPECT_EQ(host.in(IntentDurable{"g"}), "start g");
    EXPECT_TRUE(host.machine.busy({"web-1", "shop", "green"}));
    host.in(Finished{"g", ActionOutcome::failed, "exit 1", {}, {}});
    EXPECT_EQ(host.in(OutcomeDurable{"g"}), "report g failed, intent h");
    const auto all = host.machine.inventory().installations;
    ASSERT_EQ(all.size(), 1u) << "nothing is said of the others";
    EXPECT_EQ(all[0].key.slot, "green");
    EXPECT_EQ(host.in(DriftSeen{{"web-1", "shop", "blue"}, true, "gone"}), "");
}

TEST(MachineTest, RefusesWhatWaitedTooLong) {
    Host host;
    host.start("a");
    host.run("b");
    EXPECT_EQ(host.machine.next_wake(), kNow + Seconds{60});
    EXPECT_EQ(host.in(Tick{}, kNow + Seconds{60}), "outcome b refused");
    EXPECT_EQ(host.in(OutcomeDurable{"b"}), "report b refused");
    EXPECT_TRUE(host.machine.inventory().installations.empty());
}

TEST(MachineTest, CancelsBeforeAndAfterTheStart) {
    Host host;
    host.run("a");
    host.in(CancelCommand{1, "a"});
    EXPECT_EQ(host.in(IntentDurable{"a"}), "outcome a cancelled");
    Host running;
    running.start("a");
    EXPECT_EQ(running.in(CancelCommand{1, "a"}), "kill a");
    running.in(Finished{"a", ActionOutcome::cancelled, "", {}, {}});
    running.in(OutcomeDurable{"a"});
    EXPECT_EQ(running.machine.inventory().installations.at(0).status, InstallStatus::failed);
}

TEST(MachineTest, AStoppingAgentBeginsNothingAndRefusesNothing) {
    Host host;
    host.start("a");
    host.run("b");
    host.in(RunCommand{1, action("c", "journaling")});
    host.in(RunCommand{1, action("d", "waits for a worker")});
    host.in(IntentDurable{"d"});
    EXPECT_EQ(host.in(Stopping{}), "");
    EXPECT_EQ(host.run("e"), "");
    EXPECT_EQ(host.in(IntentDurable{"c"}), "forget c");
    EXPECT_EQ(host.in(Finished{"d", ActionOutcome::cancelled, "", {}, {}, true}), "forget d");
    EXPECT_FALSE(host.machine.at_rest());
    StageResult stage{"release", {{}}};
    stage.tasks[0].type = "script";
    stage.tasks[0].started_at = kNow;
    stage.tasks[0].status = TaskStatus::cancelled;
    EXPECT_EQ(host.in(Finished{"a", ActionOutcome::cancelled, "", {stage}, {}}),
              "outcome a cancelled");
    EXPECT_EQ(host.in(OutcomeDurable{"a"}), "report a cancelled");
    EXPECT_TRUE(host.machine.at_rest());
    EXPECT_TRUE(host.machine.inventory().running.empty());
}

TEST(MachineTest, AnIntentThatIsNotInTheJournalNeedsNotBeForgotten) {
    Host host;
    host.run("a");
    EXPECT_EQ(host.in(IntentFailed{"a", "full"}), "report a refused");
    EXPECT_TRUE(host.machine.inventory().running.empty());
    host.start("a");
    Finished finished{"a", ActionOutcome::refused, "", {}, {}, true};
    finished.host_trouble = "no process";
    EXPECT_EQ(host.in(finished), "forget a, report a refused");
}

TEST(MachineTest, WhatIsStoppedInACheckGoesOnInTheNextProcess) {
    Host host;
    host.start("a");
    host.in(Stopping{});
    StageResult stage{"release", {{}, {}, {}}};
    stage.tasks[0].type = "deploy";
    stage.tasks[0].started_at = kNow;
    stage.tasks[0].status = TaskStatus::success;
    stage.tasks[1].type = "health_check";
    stage.tasks[1].started_at = kNow;
    stage.tasks[1].status = TaskStatus::cancelled;
    stage.tasks[2].type = "script";
    stage.tasks[2].status = TaskStatus::cancelled;
    EXPECT_EQ(host.in(Finished{"a", ActionOutcome::cancelled, "", {stage}, {}}), "");
    EXPECT_TRUE(host.machine.at_rest());
    EXPECT_EQ(host.run("a"), "");
    EXPECT_EQ(host.machine.inventory().suspended, std::vector<std::string>{"a"});
}

TEST(MachineTest, WhatHadFailedBeforeAStoppedWaitIsInTheJournalToo) {
    Host host;
    host.start("a");
    host.in(Stopping{});
    StageResult stage{"release", {{}, {}}};
    stage.tasks[0].type = "script";
    stage.tasks[0].started_at = kNow;
    stage.tasks[0].status = TaskStatus::failed;
    stage.tasks[1].type = "wait";
    stage.tasks[1].started_at = kNow;
    stage.tasks[1].status = TaskStatus::cancelled;
    EXPECT_EQ(host.in(Finished{"a", ActionOutcome::cancelled, "", {stage}, {}}), "");
    EXPECT_EQ(host.machine.inventory().suspended, std::vector<std::string>{"a"});
}

TEST(MachineTest, WhatNothingRanOfLeavesTheRecord) {
    for (const auto outcome : {ActionOutcome::cancelled, ActionOutcome::refused}) {
        Host host;
        host.start("a");
        host.in(Finished{"a", ActionOutcome::done, "", {}, {}});
        host.in(OutcomeDurable{"a"});
        const auto before = host.machine.inventory().installations;
        auto next = action("b");
        next.version = "3.0";
        host.in(RunCommand{1, next});
        host.in(IntentDurable{"b"});
        host.in(Finished{"b", outcome, "", {}, {}, true});
        host.in(OutcomeDurable{"b"});
        EXPECT_EQ(host.machine.inventory().installations, before) << to_string(outcome);
        EXPECT_EQ(host.machine.inventory().results.back().installation, before.at(0));
    }
}

TEST(MachineTest, TheVersionIsAlwaysOneThatSucceeded) {
    Host host;
    const auto after = [&](const std::string& id, const std::string& version, ActionKind kind,
                           ActionOutcome outcome) {
        auto next = action(id);
        next.version = version;
        next.kind = kind;
        host.in(RunCommand{1, next});
        host.in(IntentDurable{id});
        host.in(Finished{id, outcome, "", {}, {}});
        host.in(OutcomeDurable{id});
        const auto there = host.machine.inventory().installations.at(0);
        return there.version + '|' + there.tried_version;
    };
    using enum ActionOutcome;
    EXPECT_EQ(after("a", "1.0", ActionKind::deploy, failed), "|1.0");
    EXPECT_EQ(after("b", "1.0", ActionKind::deploy, done), "1.0|");
    EXPECT_EQ(after("c", "2.0", ActionKind::deploy, unknown), "1.0|2.0");
    EXPECT_EQ(after("d", "1.0", ActionKind::rollback, failed), "1.0|2.0");
    EXPECT_EQ(after("e", "3.0", ActionKind::deploy, cancelled), "1.0|3.0");
    EXPECT_EQ(after("f", "1.0", ActionKind::rollback, done), "1.0|");
    EXPECT_EQ(after("g", "1.0", ActionKind::deploy, failed), "1.0|1.0");
    EXPECT_EQ(after("h", "1.0", ActionKind::uninstall, done), "|");
}

TEST(MachineTest, AFailureInAnOlderBuildsJournalIsNoVersion) {
    Installation old;
    old.key = action("a").key;
    old.version = "2.0";
    const auto read = [&](InstallStatus status, auto last_good, auto rejected) {
        old.status = status;
        old.last_good = last_good;
        old.rejected = rejected;
        const auto there = Machine{Records{3, {old}, {}}}.inventory().installations.at(0);
        return there.version + '|' + there.tried_version;
    };
    const std::optional<LastGood> none;
    const std::optional<LastGood> good{{Digest::of("one"), "c1", "1.0"}};
    const std::optional<LastGood> same{{Digest::of("two"), "c2", "2.0"}};
    const std::optional<LastGood> bad{{Digest::of("three"), "c3", "3.0"}};
    EXPECT_EQ(read(InstallStatus::installed, good, none), "2.0|");
    EXPECT_EQ(read(InstallStatus::failed, none, none), "|2.0");
    EXPECT_EQ(read(InstallStatus::unknown, good, none), "1.0|2.0");
    EXPECT_EQ(read(InstallStatus::failed, same, bad), "2.0|3.0");
}

TEST(MachineTest, ReportsDriftTwiceAndKeepsIt) {
    Host host;
    host.start("a");
    host.in(Finished{"a", ActionOutcome::done, "", {}, {}});
    host.in(OutcomeDurable{"a"});
    EXPECT_EQ(host.in(DriftSeen{action("a").key, true, "exit 1"}), "installation, changed");
    EXPECT_EQ(host.in(DriftSeen{action("a").key, true, "exit 1"}), "installation, changed");
    EXPECT_EQ(host.in(DriftSeen{action("a").key, true, "exit 1"}), "");
    EXPECT_EQ(host.machine.inventory().installations.at(0).report, 3u);
    EXPECT_EQ(host.in(DriftSeen{action("a").key, false, "timed out"}), "installation, changed");
    EXPECT_EQ(host.in(DriftSeen{action("a").key, false, "timed out"}), "") << "nobody can tell";
    for (int i = 0; i < 2; ++i)
        EXPECT_EQ(host.in(DriftSeen{action("a").key, true, "exit 1"}), "installation, changed");
}

/// A daemon that comes anew may have heard neither.
TEST(MachineTest, ReportsDriftOnceMoreAfterEachWelcome) {
    Host host;
    host.start("a");
    host.in(Finished{"a", ActionOutcome::done, "", {}, {}});
    host.in(OutcomeDurable{"a"});
    for (int i = 0; i < 2; ++i) host.in(DriftSeen{action("a").key, true, "exit 1"});
    for (std::uint64_t epoch = 6; epoch < 8; ++epoch) {
        host.in(WelcomeCommand{epoch, true});
        EXPECT_EQ(host.in(DriftSeen{action("a").key, true, "exit 1"}), "installation, changed");
        EXPECT_EQ(host.in(DriftSeen{action("a").key, true, "exit 1"}), "");
    }
}

TEST(MachineTest, BackupsAreAsTheLastActionThatLookedLeftThem) {
    const std::vector<Backup> one{{"/b/1", kNow}};
    const std::vector<Backup> two{{"/b/2", kNow}, {"/b/1", kNow}};
    Host host;
    const auto after = [&](const std::string& id, Finished finished) {
        host.start(id);
        finished.action = id;
        host.in(finished);
        host.in(OutcomeDurable{id});
        EXPECT_EQ(host.machine.inventory().results.back().installation,
                  host.machine.inventory().installations.at(0));
        return host.machine.inventory().installations.at(0).backups;
    };
    const auto ended = [](ActionOutcome outcome, auto backups, bool untouched = false) {
        return Finished{"", outcome, "", {}, {}, untouched, backups};
    };
    EXPECT_EQ(after("a", ended(ActionOutcome::done, one)), one);
    EXPECT_EQ(after("b", ended(ActionOutcome::refused, std::nullopt, true)), one);
    EXPECT_EQ(after("c", ended(ActionOutcome::failed, two)), two);
    EXPECT_EQ(after("d", ended(ActionOutcome::done, std::nullopt)), two);
    EXPECT_EQ(after("e", ended(ActionOutcome::done, std::vector<Backup>{})), std::vector<Backup>{});
}

TEST(MachineTest, WhatAnInterruptedActionPutAsideIsKnown) {
    const std::vector<Backup> seen{{"/b/1", kNow}};
    Host host(Records{3, {}, {{action("a"), std::nullopt, false}}});
    host.in(Probed{"a", ProbeAnswer::unknown, seen});
    host.in(OutcomeDurable{"a"});
    EXPECT_EQ(host.machine.inventory().installations.at(0).backups, seen);
}

TEST(MachineTest, ARestoreCarriesWhatItTookAway) {
    Host host;
    auto restore = action("a");
    restore.rejected = LastGood{Digest::of("bad"), "c2", "3.0"};
    host.in(RunCommand{1, restore});
    host.in(IntentDurable{"a"});
    host.in(Finished{"a", ActionOutcome::done, "", {}, {}});
    host.in(OutcomeDurable{"a"});
    EXPECT_EQ(host.machine.inventory().installations.at(0).rejected, restore.rejected);
    host.start("b");
    host.in(Finished{"b", ActionOutcome::done, "", {}, {}});
    host.in(OutcomeDurable{"b"});
    EXPECT_FALSE(host.machine.inventory().installations.at(0).rejected.has_value());
}

TEST(MachineTest, WhatWasGoodInAnotherEnvironmentIsNotGoodHere) {
    Host host;
    auto first = action("a");
    first.environment = "staging";
    first.last_good = LastGood{Digest::of("good"), "c1", "1.0"};
    auto second = action("b");
    second.environment = "prod";
    for (const auto& next : {first, second}) {
        host.in(RunCommand{1, next});
        host.in(IntentDurable{next.id});
        host.in(Finished{next.id, ActionOutcome::done, "", {}, {}});
        host.in(OutcomeDurable{next.id});
        const auto there = host.machine.inventory().installations.at(0);
        EXPECT_EQ(there.environment, next.environment);
        EXPECT_EQ(there.last_good, next.last_good);
    }
}

}  // namespace
}  // namespace tidegate::machine
