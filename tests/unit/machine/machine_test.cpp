#include "agent/machine/machine.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace tidegate::machine {
namespace {

const Timestamp kNow{Milliseconds{1'000'000}};

Action action(const std::string& id, const std::string& project = "shop") {
    Action made;
    made.id = id;
    made.key = {"web-1", project, ""};
    made.version = "2.0";
    made.digest = Digest::of("two");
    return made;
}

/// Feeds an input and writes the effects as one line of text.
class Host {
public:
    explicit Host(Records records = {}) : machine(std::move(records)) {}

    std::string in(const Input& input, Timestamp now = kNow) {
        return text(machine.step(input, now));
    }
    std::string run(const std::string& id, std::uint64_t epoch = 1, Timestamp now = kNow) {
        return in(RunCommand{epoch, action(id)}, now);
    }
    /// A run up to its start.
    void start(const std::string& id) {
        run(id);
        in(IntentDurable{id});
    }

    static std::string text(const Effects& effects) {
        std::string out;
        for (const auto& effect : effects) out += (out.empty() ? "" : ", ") + one(effect);
        return out;
    }

    Machine machine;

private:
    static std::string one(const Effect& effect) {
        struct Printer {
            std::string operator()(const JournalIntent& e) { return "intent " + e.action.id; }
            std::string operator()(const JournalOutcome& e) { return "outcome " + of(e.result); }
            std::string operator()(const JournalEpoch& e) {
                return fmt::format("epoch {}", e.epoch);
            }
            std::string operator()(const JournalInstallation&) { return "installation"; }
            std::string operator()(const JournalForget& e) { return "forget " + e.action; }
            std::string operator()(const JournalAcks& e) {
                return fmt::format("acks {}", fmt::join(e.actions, " "));
            }
            std::string operator()(const Start& e) {
                if (!e.resumed) return "start " + e.action.id;
                std::string out = "resume " + e.action.id + " after";
                for (const auto& note : e.resumed->notes)
                    out += fmt::format(" {} {}", note.result.type, to_string(note.result.status));
                return out;
            }
            std::string operator()(const Kill& e) { return "kill " + e.action; }
            std::string operator()(const Probe& e) { return "probe " + e.action.id; }
            std::string operator()(const ReportResult& e) { return "report " + of(e.result); }
            std::string operator()(const ReportChanged&) { return "changed"; }
            std::string operator()(const ReportFenced& e) {
                return fmt::format("fenced {}", e.highest);
            }
            static std::string of(const ActionResult& r) {
                return fmt::format("{} {}", r.id, to_string(r.outcome));
            }
        };
        return std::visit(Printer{}, effect);
    }
};

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

/// `stage/place name: type status` of tasks that were noted before the agent died.
TaskNote task(const char* stage, int place, TaskType type, TaskStatus status) {
    TaskNote note{"a", stage, place, {}};
    note.result.name = note.result.type = std::string{to_string(type)};
    note.result.status = status;
    return note;
}
const auto kBegun = TaskStatus::running;
const auto kEnded = TaskStatus::success;

Installation first_version() {
    Installation before;
    before.key = action("a").key;
    before.status = InstallStatus::installed;
    before.version = "1.0";
    return before;
}
Host interrupted(Progress progress, Action of = action("a")) {
    return Host{
        Records{3, {first_version()}, {{std::move(of), std::nullopt, false, std::move(progress)}}}};
}
/// Every task that may have an effect was noted.
Host interrupted_at(std::vector<TaskNote> notes) { return interrupted({true, std::move(notes)}); }

struct CrashCase {
    ProbeAnswer answer;
    ActionOutcome outcome;
    InstallStatus status;
    const char* version;
};
class CrashTest : public testing::TestWithParam<CrashCase> {};
TEST_P(CrashTest, ProbesAndNeverStartsAgain) {
    auto host = interrupted({});
    EXPECT_EQ(Host::text(host.machine.boot()), "probe a");
    EXPECT_EQ(host.run("a", 3), "");
    EXPECT_EQ(host.run("b", 3), "");
    EXPECT_EQ(host.in(Probed{"a", GetParam().answer}),
              fmt::format("outcome a {}", to_string(GetParam().outcome)));
    EXPECT_EQ(host.in(OutcomeDurable{"a"}),
              fmt::format("report a {}, intent b", to_string(GetParam().outcome)));
    const auto after = host.machine.inventory().installations.at(0);
    EXPECT_EQ(after.status, GetParam().status);
    EXPECT_EQ(after.version, GetParam().version);
}
INSTANTIATE_TEST_SUITE_P(Answers, CrashTest,
                         testing::Values(CrashCase{ProbeAnswer::old_version, ActionOutcome::failed,
                                                   InstallStatus::installed, "1.0"},
                                         CrashCase{ProbeAnswer::unknown, ActionOutcome::unknown,
                                                   InstallStatus::unknown, "1.0"}));

struct DoubtCase {
    const char* name;
    std::vector<TaskNote> notes;
    bool asks;          ///< the probe, which finds the new version
    const char* found;  ///< what follows then
};
class DoubtTest : public testing::TestWithParam<DoubtCase> {};
TEST_P(DoubtTest, TheProbeSettlesTheDeployOnly) {
    auto host = interrupted_at(GetParam().notes);
    const auto boot = host.machine.boot();
    EXPECT_EQ(std::get<Probe>(boot.at(0)).ask, GetParam().asks);
    const auto answer = GetParam().asks ? ProbeAnswer::new_version : ProbeAnswer::unknown;
    EXPECT_EQ(host.in(Probed{"a", answer}), GetParam().found);
    EXPECT_EQ(host.machine.inventory().running, std::vector<std::string>{"a"});
}
INSTANTIATE_TEST_SUITE_P(
    Tasks, DoubtTest,
    testing::Values(
        DoubtCase{"NothingBegan", {}, false, ""},
        DoubtCase{"Between",
                  {task("release", 0, TaskType::script, kEnded),
                   task("release", 1, TaskType::deploy, kEnded)},
                  false,
                  ""},
        DoubtCase{"InTheDeploy", {task("release", 0, TaskType::deploy, kBegun)}, true, ""},
        DoubtCase{"InAScript",
                  {task("release", 0, TaskType::script, kBegun)},
                  false,
                  "outcome a unknown"},
        DoubtCase{"InAScriptBesideTheDeploy",
                  {task("release", 0, TaskType::deploy, kBegun),
                   task("release", 1, TaskType::script, kBegun)},
                  false,
                  "outcome a unknown"},
        DoubtCase{"InAStop", {task("release", 0, TaskType::stop_service, kBegun)}, false, ""},
        DoubtCase{"InAStart", {task("release", 0, TaskType::start_service, kBegun)}, false, ""},
        DoubtCase{"InAWait", {task("release", 0, TaskType::wait, kBegun)}, false, ""},
        DoubtCase{"InACheck", {task("verify", 0, TaskType::health_check, kBegun)}, false, ""}),
    [](const auto& test) { return std::string{test.param.name}; });

TEST(MachineTest, TheRestRunsOnceTheDaemonWantsIt) {
    auto host = interrupted_at({task("release", 0, TaskType::deploy, kBegun)});
    host.in(WelcomeCommand{4, true});
    EXPECT_EQ(host.machine.inventory().suspended, std::vector<std::string>{"a"});
    EXPECT_EQ(host.in(Probed{"a", ProbeAnswer::new_version}), "");
    EXPECT_EQ(host.machine.inventory().suspended, std::vector<std::string>{"a"});
    EXPECT_EQ(host.run("b", 4), "");
    EXPECT_TRUE(host.machine.at_rest());
    EXPECT_EQ(host.run("a", 3), "fenced 4");
    EXPECT_EQ(host.run("a", 4), "resume a after deploy success");
    EXPECT_TRUE(host.machine.inventory().suspended.empty());
    EXPECT_EQ(host.run("a", 4), "");
    EXPECT_EQ(host.in(Finished{"a", ActionOutcome::failed, "check", {}, {}}), "outcome a failed");
    EXPECT_EQ(host.in(OutcomeDurable{"a"}), "report a failed, intent b");
    EXPECT_EQ(host.machine.inventory().installations.at(0).version, "1.0");
}

TEST(MachineTest, AnOlderDaemonWantsWhatItDoesNotCancel) {
    auto early = interrupted_at({task("release", 0, TaskType::wait, kBegun)});
    early.in(WelcomeCommand{4, false});
    EXPECT_EQ(early.in(Probed{"a"}), "resume a after wait running");
    auto late = interrupted_at({task("release", 0, TaskType::wait, kBegun)});
    late.in(Probed{"a"});
    EXPECT_EQ(late.in(WelcomeCommand{3, false}), "resume a after wait running");
}

TEST(MachineTest, WhatIsNotWantedAnyMoreIsCancelled) {
    for (const bool early : {true, false}) {
        auto host = interrupted_at({task("release", 0, TaskType::deploy, kEnded)});
        if (early) host.in(CancelCommand{3, "a"});
        const auto probed = host.in(Probed{"a"});
        EXPECT_EQ(early ? probed : host.in(CancelCommand{3, "a"}), "outcome a cancelled");
        host.in(OutcomeDurable{"a"});
        EXPECT_EQ(host.machine.inventory().installations.at(0).status, InstallStatus::failed);
    }
    const std::vector<std::vector<TaskNote>> harmless{
        {}, {task("pre_release", 0, TaskType::wait, kBegun)}};
    for (const auto& notes : harmless) {
        auto host = interrupted_at(notes);
        host.in(Probed{"a"});
        EXPECT_EQ(host.in(CancelCommand{3, "a"}), "outcome a cancelled");
        host.in(OutcomeDurable{"a"});
        EXPECT_EQ(host.machine.inventory().installations.at(0), first_version());
    }
}

/// It waits for the next process, and how far it came only the journal knows.
TEST(MachineTest, WhatRanInThisProcessIsNotUntouchedByItsCancel) {
    const std::vector<std::vector<TaskNote>> before{{},
                                                    {task("release", 0, TaskType::deploy, kEnded)}};
    for (const auto& notes : before) {
        auto host = interrupted_at(notes);
        host.in(Probed{"a"});
        host.run("a", 3);
        host.in(Stopping{});
        EXPECT_EQ(host.in(Finished{"a", ActionOutcome::cancelled, "", {}, {}}), "");
        EXPECT_EQ(host.in(CancelCommand{3, "a"}), "outcome a cancelled");
        host.in(OutcomeDurable{"a"});
        EXPECT_EQ(host.machine.inventory().installations.at(0).status, InstallStatus::failed);
    }
}

TEST(MachineTest, WhatCannotBeEndedIsNotResumed) {
    auto host = interrupted_at({task("release", 0, TaskType::wait, kBegun)});
    Probed probed{"a"};
    probed.survivors = true;
    EXPECT_EQ(host.in(probed), "outcome a unknown");
}

/// A probe tells versions apart, and says nothing of how far an uninstall came.
TEST(MachineTest, NoProbeSettlesAnUninstall) {
    auto gone = action("a");
    gone.kind = ActionKind::uninstall;
    auto host = interrupted({true, {task("release", 1, TaskType::deploy, kBegun)}}, gone);
    EXPECT_FALSE(std::get<Probe>(host.machine.boot().at(0)).ask);
    EXPECT_EQ(host.in(Probed{"a", ProbeAnswer::new_version}), "outcome a unknown");
}

/// A stop may stand before the deploy: the service is down though the old version is there.
TEST(MachineTest, TheOldVersionIsInPlaceOnlyWhereNothingCameBeforeTheDeploy) {
    auto host = interrupted_at({task("release", 0, TaskType::stop_service, kEnded),
                                task("release", 1, TaskType::deploy, kBegun)});
    EXPECT_EQ(host.in(Probed{"a", ProbeAnswer::old_version}), "outcome a failed");
    host.in(OutcomeDurable{"a"});
    EXPECT_EQ(host.machine.inventory().installations.at(0).status, InstallStatus::failed);
    EXPECT_EQ(host.machine.inventory().installations.at(0).version, "1.0");
}

TEST(MachineTest, OfAnOlderBuildsActionEveryTaskMayHaveBegun) {
    auto deploys = action("a");
    deploys.pipeline.release.resize(2);
    deploys.pipeline.release[0].type = TaskType::stop_service;
    deploys.pipeline.release[1].type = TaskType::deploy;
    deploys.pipeline.post_release.resize(1);
    deploys.pipeline.post_release[0].type = TaskType::health_check;
    auto host = interrupted({}, deploys);
    EXPECT_TRUE(std::get<Probe>(host.machine.boot().at(0)).ask);
    host.in(Probed{"a", ProbeAnswer::new_version});
    EXPECT_EQ(host.run("a", 3), "resume a after stop_service success deploy success");
    auto scripted = deploys;
    scripted.pipeline.post_release[0].type = TaskType::script;
    auto other = interrupted({}, scripted);
    EXPECT_FALSE(std::get<Probe>(other.machine.boot().at(0)).ask);
    EXPECT_EQ(other.in(Probed{"a", ProbeAnswer::new_version}), "outcome a unknown");
    auto gone = deploys;
    gone.kind = ActionKind::uninstall;
    auto third = interrupted({}, gone);
    EXPECT_EQ(third.in(Probed{"a"}), "outcome a unknown");
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

}  // namespace
}  // namespace tidegate::machine
