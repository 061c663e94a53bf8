#include "agent/daemon/host_loop.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <future>
#include <mutex>

#include "tests/integration/agent/host_fixture.h"

namespace tidegate::agent {
namespace {

using test::Host;
using test::HostLoopTest;
using test::make_action;

TEST_F(HostLoopTest, InstallsThenUpdates) {
    Host host{dir_};
    const auto first = host.run(action("a", "1.0"));
    EXPECT_EQ(first.outcome, ActionOutcome::done) << first.error;
    EXPECT_EQ(first.installation.status, InstallStatus::installed);
    EXPECT_EQ(first.installation.version, "1.0");
    EXPECT_TRUE(first.installation.installed_at);
    ASSERT_EQ(first.stages.size(), 1U);
    EXPECT_EQ(first.stages[0].tasks[0].name, "deploy");
    EXPECT_EQ(host.uplink.logs.at(0), "== release/deploy: success\ninstall 1.0\n");

    EXPECT_EQ(host.run(action("b", "2.0")).outcome, ActionOutcome::done);
    EXPECT_EQ(history(), "install 1.0\nupdate 1.0 to 2.0\n");
    EXPECT_EQ(host.uplink.updates.back().progress, 100);
}

TEST_F(HostLoopTest, ALogThatIsTooLongKeepsItsEnd) {
    AgentConfig config;
    config.output_bytes_max = limits::kOutputBytesMax;
    auto wanted = action("a", "1.0");
    wanted.deploy.script.install_script = "echo first; yes | head -c 600000; echo last";
    Host host{dir_, config};
    host.run(wanted);
    const auto& log = host.uplink.logs.at(0);
    EXPECT_LE(log.size(), limits::kLogBytesMax);
    EXPECT_TRUE(log.starts_with("== release/deploy: success\nfirst\n"));
    EXPECT_TRUE(log.ends_with("y\nlast\n"));
    EXPECT_NE(log.find(" bytes dropped ...]\n"), std::string::npos);
}

TEST_F(HostLoopTest, RemembersAcrossARestart) {
    {
        Host host{dir_};
        host.run(action("a", "1.0"));
    }
    Host host{dir_};
    ASSERT_EQ(host.loop->inventory().installations.size(), 1U);
    EXPECT_EQ(host.loop->inventory().results.size(), 1U);
    EXPECT_EQ(host.loop->highest_epoch(), 1U);
    EXPECT_EQ(host.run(action("a", "1.0")).outcome, ActionOutcome::done);
    EXPECT_EQ(history(), "install 1.0\n");
    host.run(action("b", "2.0"));
    EXPECT_EQ(history(), "install 1.0\nupdate 1.0 to 2.0\n");
}

TEST_F(HostLoopTest, WhatTheDaemonHasIsNotToldAgainAfterARestart) {
    {
        Host host{dir_};
        const auto first = host.run(action("a", "1.0"));
        host.run(action("b", "2.0"));
        host.loop->step(machine::AckCommand{{first.id}});
        host.run(action("c", "3.0"));  // the journal is written in order
    }
    Host host{dir_};
    ASSERT_EQ(host.loop->inventory().results.size(), 2U);
    EXPECT_EQ(host.loop->inventory().results[0].installation.version, "2.0");
}

TEST_F(HostLoopTest, RemembersTheBackupsAcrossARestart) {
    AgentConfig config;
    config.variables["PASSWORD"] = {"hunter2", true};
    auto wanted = action("a", "1.0");
    wanted.deploy.script.install_script = "mkdir -p $BACKUP_DIR/of-$APP_VERSION-$PASSWORD; exit 1";
    const auto path = dir_ / "apps/shop/backups/of-1.0-***";
    {
        Host host{dir_, config};
        const auto result = host.run(wanted);
        EXPECT_EQ(result.outcome, ActionOutcome::failed);
        ASSERT_EQ(result.installation.backups.size(), 1U);
        EXPECT_EQ(result.installation.backups[0].path, path);
    }
    Host host{dir_, config};
    ASSERT_EQ(host.loop->inventory().installations.size(), 1U);
    ASSERT_EQ(host.loop->inventory().installations[0].backups.size(), 1U);
    EXPECT_EQ(host.loop->inventory().installations[0].backups[0].path, path);
}

TEST_F(HostLoopTest, ALookForBackupsThatHangsDelaysNoOutcomeForLong) {
    auto wanted = action("a", "1.0");
    wanted.deploy.script.install_script = "mkdir -p $BACKUP_DIR/1";
    wanted.deploy.script.update_script = "mkdir -p $BACKUP_DIR/2";
    std::vector<Backup> before;
    {
        Host host{dir_};
        before = host.run(wanted).installation.backups;
        ASSERT_EQ(before.size(), 1U);
    }
    const auto looker = dir_ / "looker";
    test::write_text(looker, "#!/bin/sh\necho $$ >" + dir_ / "pid" + "\nexec sleep 1000\n");
    std::filesystem::permissions(looker, std::filesystem::perms{0755});
    Host host{dir_, {}, Seconds{0}, looker};
    wanted.id = Digest::of("b").hex();
    const auto result = host.run(wanted);
    EXPECT_EQ(result.outcome, ActionOutcome::done) << result.error;
    EXPECT_EQ(result.installation.backups, before);
    EXPECT_EQ(::kill(std::stoi(test::read_text(dir_ / "pid")), 0), -1);
}

TEST_F(HostLoopTest, SaysWhenTheJournalsTailWasTorn) {
    {
        Host host{dir_};
        host.run(action("a", "1.0"));
        EXPECT_TRUE(host.uplink.notices.empty());
    }
    std::ofstream{dir_ / "agent/journal/log", std::ios::app} << "half a record";
    Host host{dir_};
    EXPECT_EQ(host.uplink.notices,
              std::vector<std::string>{"journal: cut off 13 bytes of a record that was not yet "
                                       "whole when the agent or its host stopped"});
    EXPECT_EQ(host.loop->inventory().installations.size(), 1U);
}

TEST_F(HostLoopTest, ExpandsConfigurationNotBodies) {
    auto wanted = action("a", "1.0");
    wanted.variables["PORT"].value = "80; rm -rf /";
    wanted.variables["BASE"].value = dir_ / "apps/base";
    wanted.deploy.script.work_dir = "${BASE}/x";
    wanted.deploy.script.environment = {{"LISTEN", "${PORT}"}, {"HOME_DIR", "${WORK_DIR}"}};
    wanted.deploy.script.install_script = "echo \"$LISTEN\"; pwd; [ $HOME_DIR = $PWD ]";
    Host host{dir_};
    EXPECT_EQ(host.run(wanted).outcome, ActionOutcome::done);
    EXPECT_EQ(host.uplink.logs.at(0),
              "== release/deploy: success\n80; rm -rf /\n" + dir_ / "apps/base/x" + "\n");
}

TEST_F(HostLoopTest, AFailedPipelineSaysWhere) {
    auto wanted = action("a", "1.0");
    wanted.deploy.script.install_script = "echo sorry; exit 7";
    Host host{dir_};
    const auto result = host.run(wanted);
    EXPECT_EQ(result.outcome, ActionOutcome::failed);
    EXPECT_EQ(result.error, "release/deploy: exit code 7");
    EXPECT_EQ(result.stages.at(0).tasks.at(0).output, "sorry\n");
    EXPECT_EQ(result.installation.status, InstallStatus::failed);
}

TEST_F(HostLoopTest, CancelEndsARunningAction) {
    auto wanted = action("a", "1.0");
    wanted.deploy.script.install_script = "touch started; sleep 1000";
    Host host{dir_};
    host.loop->step(machine::RunCommand{1, wanted});
    ASSERT_TRUE(host.until([&] { return std::filesystem::exists(dir_ / "apps/shop/started"); }));
    host.loop->step(machine::CancelCommand{1, wanted.id});
    ASSERT_TRUE(host.until([&] { return !host.uplink.results.empty(); }));
    EXPECT_EQ(host.uplink.results[0].outcome, ActionOutcome::cancelled);
}

TEST_F(HostLoopTest, WhatIsCancelledWhileItWaitsForAWorkerTouchedNothing) {
    AgentConfig config;
    config.allow_root = true;
    auto rules = make_host_rules(config, dir_.path().string());
    ASSERT_TRUE(rules && make_tmp_dir(*rules) && end_former_runs(*rules));
    rules->limits.supervision.program = TIDEGATE_BINARY_DIR "/tidegate-agent";
    std::mutex mutex;
    std::vector<machine::Finished> ended;
    RunnerEvents events;
    events.update = [](const ActionUpdate&) {};
    events.finished = [&](machine::Finished finished, const std::string&) {
        const std::scoped_lock lock{mutex};
        ended.push_back(std::move(finished));
    };
    auto running = action("a", "1.0");
    running.deploy.script.install_script = "touch started; sleep 1000";
    const auto waiting = action("b", "2.0");
    {
        ActionRunner runner{*rules, events, 1};
        runner.start({running, {}}, {});
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{20};
        while (!std::filesystem::exists(dir_ / "apps/shop/started") &&
               std::chrono::steady_clock::now() < end)
            std::this_thread::yield();
        runner.start({waiting, {}}, {});
        runner.kill(waiting.id);
        runner.kill(running.id);
        const auto both = [&] {
            const std::scoped_lock lock{mutex};
            return ended.size() == 2;
        };
        while (!both() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    }
    ASSERT_EQ(ended.size(), 2U);
    EXPECT_EQ(ended[0].outcome, ActionOutcome::cancelled);
    EXPECT_FALSE(ended[0].untouched);
    EXPECT_EQ(ended[1].outcome, ActionOutcome::cancelled);
    EXPECT_TRUE(ended[1].untouched);
}

TEST_F(HostLoopTest, OfAResumedActionTheDeadlineGoesOn) {
    AgentConfig config;
    config.allow_root = true;
    auto rules = make_host_rules(config, dir_.path().string());
    ASSERT_TRUE(rules && make_tmp_dir(*rules));
    std::promise<machine::Finished> ended;
    RunnerEvents events;
    events.update = [](const ActionUpdate&) {};
    events.finished = [&](machine::Finished finished, const std::string&) {
        ended.set_value(std::move(finished));
    };
    auto wanted = action("a", "1.0");
    machine::TaskNote done{wanted.id, "release", 0, {}};
    done.result.status = TaskStatus::success;
    wanted.pipeline.post_release.resize(1);
    wanted.pipeline.post_release[0].script = "echo rest >> history";
    ActionRunner runner{*rules, events, 1};
    runner.start({wanted, {}, machine::Progress{true, {done}}}, {}, wanted.deadline);
    const auto finished = ended.get_future().get();
    EXPECT_EQ(finished.outcome, ActionOutcome::failed);
    EXPECT_EQ(finished.error, "the action's deadline of 1m passed while the agent was away");
    EXPECT_FALSE(finished.untouched);
    EXPECT_EQ(history(), "");
}

TEST_F(HostLoopTest, TheDeadlineBoundsTheWholeAction) {
    auto wanted = action("a", "1.0");
    wanted.deploy.script.install_script = "sleep 1000";
    wanted.deadline = Seconds{1};
    Host host{dir_};
    const auto result = host.run(wanted);
    EXPECT_EQ(result.outcome, ActionOutcome::failed);
    EXPECT_TRUE(result.error.starts_with("the action's deadline of 1s passed")) << result.error;
}

TEST_F(HostLoopTest, StopCancelsWhatRunsAndForgetsWhatWaits) {
    auto running = action("a", "1.0");
    running.deploy.script.install_script = "touch started; sleep 1000";
    Host host{dir_};
    host.loop->step(machine::RunCommand{1, running});
    host.loop->step(machine::RunCommand{1, action("b", "2.0")});
    ASSERT_TRUE(host.until([&] { return std::filesystem::exists(dir_ / "apps/shop/started"); }));
    bool stopped = false;
    host.loop->stop([&] { stopped = true; });
    ASSERT_TRUE(host.until([&] { return stopped; }));
    ASSERT_EQ(host.uplink.results.size(), 1U);
    EXPECT_EQ(host.uplink.results[0].outcome, ActionOutcome::cancelled);
    EXPECT_TRUE(host.loop->inventory().running.empty());
}

TEST_F(HostLoopTest, WhatAStopInterruptsInACheckTheNextProcessEnds) {
    auto wanted = action("a", "1.0");
    wanted.verify.resize(1);
    wanted.verify[0].type = CheckType::script;
    wanted.verify[0].timeout = Seconds{1000};
    wanted.verify[0].script = "[ -e checked ] || { touch checked; sleep 1000; }";
    {
        Host host{dir_};
        host.loop->step(machine::RunCommand{1, wanted});
        ASSERT_TRUE(
            host.until([&] { return std::filesystem::exists(dir_ / "apps/shop/checked"); }));
        bool stopped = false;
        host.loop->stop([&] { stopped = true; });
        ASSERT_TRUE(host.until([&] { return stopped; }));
        EXPECT_TRUE(host.uplink.results.empty());
    }
    Host host{dir_};
    EXPECT_EQ(host.run(wanted).outcome, ActionOutcome::done);
    EXPECT_EQ(history(), "install 1.0\n");
}

TEST_F(HostLoopTest, DifferentProjectsRunAtTheSameTime) {
    auto one = action("a", "1.0");
    auto two = action("b", "1.0");
    two.key.project = "other";
    one.deploy.script.install_script = "touch ../one; while [ ! -e ../two ]; do sleep 0.01; done";
    two.deploy.script.install_script = "touch ../two; while [ ! -e ../one ]; do sleep 0.01; done";
    one.deploy.script.work_dir = dir_ / "apps/a";
    two.deploy.script.work_dir = dir_ / "apps/b";
    Host host{dir_};
    host.loop->step(machine::RunCommand{1, one});
    host.loop->step(machine::RunCommand{1, two});
    EXPECT_TRUE(host.until([&] { return host.uplink.results.size() == 2; }));
}

TEST_F(HostLoopTest, HostSecretsAreMaskedEverywhere) {
    auto wanted = action("a", "1.0");
    wanted.variables["PASSWORD"].type = VariableType::secret;
    wanted.variables["PASSWORD"].value = "encrypted:age:xyz";
    wanted.deploy.script.install_script = "echo \"pw $PASSWORD\"; exit 1";
    AgentConfig config;
    config.variables["PASSWORD"] = {"hunter2", true};
    Host host{dir_, config};
    const auto result = host.run(wanted);
    EXPECT_EQ(result.stages.at(0).tasks.at(0).output, "pw ***\n");
    EXPECT_EQ(host.uplink.logs.at(0).find("hunter2"), std::string::npos);
    EXPECT_EQ(test::read_text(dir_ / "agent/journal/log").find("hunter2"), std::string::npos);
}

TEST_F(HostLoopTest, ErrorsQuoteNoSecrets) {
    auto wanted = action("a", "1.0");
    wanted.verify.resize(1);
    wanted.verify[0].url = "http://127.0.0.1:1/health?token=${PASSWORD}";
    wanted.verify[0].retry = 0;
    AgentConfig config;
    config.variables["PASSWORD"] = {"hunter2", true};
    Host host{dir_, config};
    const auto result = host.run(wanted);
    EXPECT_EQ(result.error,
              "verify/http check: http://127.0.0.1:1/health?token=***: Couldn't connect to server");
    EXPECT_EQ(result.stages.at(1).tasks.at(0).error.find("hunter2"), std::string::npos);
    EXPECT_EQ(host.uplink.logs.at(0).find("hunter2"), std::string::npos);
}

TEST_F(HostLoopTest, AnErrorThatEndsAsASecretBeginsKeepsItsEnd) {
    auto wanted = action("a", "1.0");
    wanted.deploy.script.install_script = "exit 127";
    AgentConfig config;
    config.variables["PASSWORD"] = {"7hunters", true};
    Host host{dir_, config};
    const auto result = host.run(wanted);
    EXPECT_EQ(result.error, "release/deploy: exit code 127");
    EXPECT_EQ(result.stages.at(0).tasks.at(0).error, "exit code 127");
}

TEST_F(HostLoopTest, ReportsDriftAndItsEnd) {
    auto wanted = action("a", "1.0");
    wanted.deploy.script.service.status = "[ -e up ]";
    wanted.deploy.script.install_script = "touch up";
    Host host{dir_, {}, Seconds{1}};
    ASSERT_EQ(host.run(wanted).outcome, ActionOutcome::done);
    std::filesystem::remove(dir_ / "apps/shop/up");
    ASSERT_TRUE(host.until([&] { return host.uplink.changes.size() > 1; }));
    for (int i = 0; i < 2; ++i) {
        EXPECT_TRUE(host.uplink.changes[i].drifted) << "by one look, and by the next";
        EXPECT_EQ(host.uplink.changes[i].drift_reason, "service.status: exit code 1");
    }
    EXPECT_LT(host.uplink.changes[0].report, host.uplink.changes[1].report);
    test::write_text(dir_ / "apps/shop/up", "");
    ASSERT_TRUE(host.until([&] { return host.uplink.changes.size() > 2; }));
    EXPECT_FALSE(host.uplink.changes[2].drifted);
    std::filesystem::remove_all(dir_ / "apps");
    ASSERT_TRUE(host.until([&] { return host.uplink.changes.size() > 3; }));
    EXPECT_EQ(host.uplink.changes[3].drift_reason, "its work dir is gone");
}

TEST_F(HostLoopTest, WhatIsSeenDuringAnActionIsNotBookedAgainstWhatItLeaves) {
    auto first = action("a", "1.0");
    first.deploy.script.install_script = "touch up";
    // Once it is down, a look hangs until the update is over.
    first.deploy.script.service.status =
        "[ -e up ] && exit; touch looked; while [ ! -e updated ]; do sleep 0.01; done; exit 1";
    auto second = action("b", "2.0");
    second.deploy.script.update_script =
        "rm up; for i in $(seq 300); do [ -e looked ] && break; sleep 0.01; done; touch updated";
    second.deploy.script.service.status = "touch right";
    Host host{dir_, {}, Seconds{1}};
    ASSERT_EQ(host.run(first).outcome, ActionOutcome::done);
    ASSERT_EQ(host.run(second).outcome, ActionOutcome::done);
    ASSERT_TRUE(host.until([&] { return std::filesystem::exists(dir_ / "apps/shop/right"); }));
    EXPECT_TRUE(host.uplink.changes.empty()) << host.uplink.changes[0].drift_reason;
}

}  // namespace
}  // namespace tidegate::agent
