/// What a process that died left in the journal, and what the next one makes of it.

#include <gtest/gtest.h>

#include "tests/unit/machine/machine_fixture.h"

namespace tidegate::machine {
namespace {

using test::action;
using test::Host;
using test::kNow;

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

}  // namespace
}  // namespace tidegate::machine
