/// kill -9 of an agent in the middle of an action: no effect twice, nothing left running, and the
/// next process knows what it cannot know.

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "agent/drivers/process_group.h"
#include "tests/integration/agent/host_fixture.h"

namespace tidegate::agent {
namespace {

using test::Host;
using test::make_action;
using test::read_text;

auto lines(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

class HostCrashTest : public testing::Test {
protected:
    HostCrashTest() : action_{make_action(dir_, "a", "1.0")} {
        action_.deploy.script.update_script = "";
        action_.deploy.script.install_script = "echo $$ >> ran; sleep 0.03; echo done >> ran";
    }

    /// Runs the action in a process of its own, which is killed once `now` says so.
    void crash(const std::function<bool()>& now) const {
        const pid_t agent = ::fork();
        if (agent == 0) {
            Host host{dir_, config_};
            host.loop->step(machine::RunCommand{1, action_});
            host.until([] { return false; });
            ::_exit(0);
        }
        while (!now()) ::poll(nullptr, 0, 1);
        ::kill(agent, SIGKILL);
        ::waitpid(agent, nullptr, 0);
    }
    /// The next process, asked for the same action again.
    ActionResult restart() const {
        Host host{dir_, config_};
        host.loop->step(machine::RunCommand{1, action_});
        EXPECT_TRUE(host.until([&] { return !host.uplink.results.empty(); }));
        return host.uplink.results.empty() ? ActionResult{} : host.uplink.results.back();
    }
    std::string ran() const { return read_text(dir_ / "apps/shop/ran"); }
    std::size_t journal_bytes() const {
        std::error_code none;
        const auto size = std::filesystem::file_size(dir_ / "agent/journal/log", none);
        return none ? 0 : size;
    }

    test::TempDir dir_;
    AgentConfig config_;
    Action action_;
};

TEST_F(HostCrashTest, AnInterruptedActionIsEndedAndUnknown) {
    config_.variables["PASSWORD"] = {"hunter2", true};
    action_.deploy.script.install_script =
        "trap '' TERM; mkdir -p backups/$PASSWORD; echo $$ >> ran; while :; do sleep 1000; done";
    crash([&] { return !ran().empty(); });
    const pid_t left = std::stoi(ran());
    ASSERT_EQ(::kill(left, 0), 0);
    const auto result = restart();
    EXPECT_EQ(result.outcome, ActionOutcome::unknown);
    ASSERT_EQ(result.installation.backups.size(), 1U);
    EXPECT_EQ(result.installation.backups[0].path, dir_ / "apps/shop/backups/***");
    EXPECT_TRUE(RunMembers({left, process_start_time(left), ""}).look().empty());
    EXPECT_EQ(lines(ran()), 1);
}

TEST_F(HostCrashTest, TheProbeProvesIt) {
    action_.deploy.script.probe_script = "[ -e ran ]";
    crash([&] { return !ran().empty(); });
    const auto result = restart();
    EXPECT_EQ(result.outcome, ActionOutcome::done);
    EXPECT_EQ(result.installation.version, "1.0");
    EXPECT_TRUE(result.installation.installed_at);
}

TEST_F(HostCrashTest, TheProbeFindsTheOldVersion) {
    action_.deploy.script.probe_script = "exit 1";
    crash([&] { return !ran().empty(); });
    EXPECT_EQ(restart().outcome, ActionOutcome::failed);
}

Task task(const char* name, TaskType type) {
    Task made;
    made.name = name;
    made.type = type;
    return made;
}

/// Dies between the deploy and what follows.
class HostCrashBetweenTest : public HostCrashTest {
protected:
    HostCrashBetweenTest() {
        auto& script = action_.deploy.script;
        script.install_script = "echo deploy >> ran";
        script.probe_script = "echo probe >> ran";
        script.service.stop = "echo stop >> ran";
        script.service.start = "echo start >> ran";
        auto wait = task("wait", TaskType::wait);
        wait.duration = Seconds{1};
        auto check = task("check", TaskType::health_check);
        check.check.type = CheckType::script;
        check.check.retry = 0;
        check.check.script = "echo check >> ran; [ -e good ]";
        action_.pipeline.release = {task("deploy", TaskType::deploy), wait,
                                    task("start", TaskType::start_service)};
        action_.pipeline.post_release = {check};
    }
    void crash_after_the_deploy() {
        crash([&] {
            return test::read_text(dir_ / "agent/journal/log").find("\"wait\"") !=
                   std::string::npos;
        });
    }
};

TEST_F(HostCrashBetweenTest, TheRestRunsAndTheChecksDecide) {
    crash_after_the_deploy();
    const auto result = restart();
    EXPECT_EQ(result.outcome, ActionOutcome::failed);
    EXPECT_EQ(result.error, "post_release/check: exit code 1");
    EXPECT_EQ(result.installation.version, "");
    EXPECT_EQ(ran(), "deploy\nstart\ncheck\n");
    ASSERT_EQ(result.stages.size(), 2U);
    EXPECT_EQ(result.stages[0].tasks.at(0).status, TaskStatus::success);
}

TEST_F(HostCrashBetweenTest, TheRestOfAGoodVersionMakesItGood) {
    action_.deploy.script.install_script += "; touch good";
    crash_after_the_deploy();
    EXPECT_EQ(restart().outcome, ActionOutcome::done);
    EXPECT_EQ(ran(), "deploy\nstart\ncheck\nprobe\n");
}

TEST_F(HostCrashBetweenTest, NothingOfItRunsBeforeTheDaemonHasSpoken) {
    crash_after_the_deploy();
    Host host{dir_, config_};
    host.loop->step(machine::WelcomeCommand{1, true});
    auto other = make_action(dir_, "b", "1.0");
    other.key.project = "other";
    EXPECT_EQ(host.run(other).outcome, ActionOutcome::done);
    EXPECT_EQ(host.loop->inventory().suspended, std::vector{action_.id});
    EXPECT_EQ(ran(), "deploy\n");
    host.loop->step(machine::CancelCommand{1, action_.id});
    ASSERT_TRUE(host.until([&] { return host.uplink.results.size() == 2; }));
    EXPECT_EQ(host.uplink.results.back().outcome, ActionOutcome::cancelled);
    EXPECT_EQ(host.uplink.results.back().installation.status, InstallStatus::failed);
    EXPECT_EQ(ran(), "deploy\n");
}

TEST_F(HostCrashBetweenTest, AStoppingAgentLeavesItToTheNext) {
    crash_after_the_deploy();
    {
        Host host{dir_, config_};
        bool stopped = false;
        host.loop->stop([&] { stopped = true; });
        ASSERT_TRUE(host.until([&] { return stopped; }));
    }
    EXPECT_EQ(restart().error, "post_release/check: exit code 1");
    EXPECT_EQ(ran(), "deploy\nstart\ncheck\n");
}

TEST_F(HostCrashBetweenTest, AnInterruptedDeployIsProbedThenTheRestRuns) {
    action_.deploy.script.install_script = "echo deploy >> ran; sleep 1000";
    crash([&] { return !ran().empty(); });
    EXPECT_EQ(restart().error, "post_release/check: exit code 1");
    EXPECT_EQ(ran(), "deploy\nprobe\nstart\ncheck\n");
}

TEST_F(HostCrashBetweenTest, AnUninstallGoesOnWhereItWas) {
    {
        Host host{dir_, config_};
        auto first = make_action(dir_, "first", "1.0");
        EXPECT_EQ(host.run(first).outcome, ActionOutcome::done);
    }
    action_.kind = ActionKind::uninstall;
    action_.deploy.script.service.stop =
        "echo stop >> ran; [ -e again ] || { touch again; sleep 1000; }";
    action_.deploy.script.uninstall_script = "echo gone >> ran";
    crash([&] { return std::filesystem::exists(dir_ / "apps/shop/again"); });
    EXPECT_EQ(restart().outcome, ActionOutcome::done);
    EXPECT_EQ(ran(), "stop\nstop\ngone\n");
}

TEST_F(HostCrashTest, NoEffectTwiceWheneverItDies) {
    for (int round = 0; round < 25; ++round) {
        action_.id = Digest::of(std::to_string(round)).hex();
        std::filesystem::remove(dir_ / "apps/shop/ran");
        const auto bytes = journal_bytes();
        int looks = 0;
        // Some rounds die at the intent, some in the script, some around the outcome.
        crash([&] { return (looks > 0 || journal_bytes() > bytes) && looks++ >= round * 3; });
        const auto result = restart();
        const auto text = ran();
        EXPECT_LE(lines(text), 2) << round << ": " << text;
        if (result.outcome == ActionOutcome::done)
            EXPECT_TRUE(text.ends_with("done\n")) << round << ": " << text;
        else
            EXPECT_EQ(result.outcome, ActionOutcome::unknown) << round;
    }
}

TEST_F(HostCrashTest, AServiceOfAFinishedTaskSurvives) {
    action_.deploy.script.service.start = "sleep 1000 >/dev/null 2>&1 & echo $! > pid";
    action_.pipeline.release.resize(3);
    action_.pipeline.release[0].name = "deploy";
    action_.pipeline.release[0].type = TaskType::deploy;
    action_.pipeline.release[1].name = "start";
    action_.pipeline.release[1].type = TaskType::start_service;
    action_.pipeline.release[2].name = "hang";
    action_.pipeline.release[2].script = "echo hangs > hangs; sleep 1000";
    crash([&] { return !read_text(dir_ / "apps/shop/hangs").empty(); });
    EXPECT_EQ(restart().outcome, ActionOutcome::unknown);
    const pid_t service = std::stoi(read_text(dir_ / "apps/shop/pid"));
    EXPECT_EQ(::kill(service, SIGKILL), 0);
}

/// The start was the newest script when the agent died; nothing but time runs after it.
TEST_F(HostCrashTest, AServiceStartedJustBeforeTheCrashSurvivesAndMayWrite) {
    action_.deploy.script.service.start =
        "(while [ ! -e go ]; do sleep 0.01; done; head -c 100000 /dev/zero && echo yes > wrote) & "
        "echo $! > pid";
    action_.pipeline.release.resize(3);
    action_.pipeline.release[0].name = "deploy";
    action_.pipeline.release[0].type = TaskType::deploy;
    action_.pipeline.release[1].name = "start";
    action_.pipeline.release[1].type = TaskType::start_service;
    action_.pipeline.release[2].name = "settle";
    action_.pipeline.release[2].type = TaskType::wait;
    action_.pipeline.release[2].duration = Seconds{2};
    crash([&] {
        return read_text(dir_ / "agent/journal/log").find("\"settle\"") != std::string::npos;
    });
    EXPECT_EQ(restart().outcome, ActionOutcome::done);
    test::write_text(dir_ / "apps/shop/go", "");
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    while (read_text(dir_ / "apps/shop/wrote").empty() && std::chrono::steady_clock::now() < end)
        ::poll(nullptr, 0, 5);
    EXPECT_EQ(read_text(dir_ / "apps/shop/wrote"), "yes\n");
}

TEST_F(HostCrashTest, AllScriptsThatRanAtOnceAreEnded) {
    action_.pipeline.release.resize(2);
    for (auto& task : action_.pipeline.release) {
        task.name = &task == &action_.pipeline.release[0] ? "one" : "two";
        task.parallel = true;
        task.script = "trap '' TERM; echo $$ > " + task.name + "; while :; do sleep 1000; done";
    }
    const auto pid = [&](const std::string& name) {
        return read_text(dir_ / ("apps/shop/" + name));
    };
    crash([&] { return !pid("one").empty() && !pid("two").empty(); });
    restart();
    EXPECT_EQ(::kill(std::stoi(pid("one")), 0), -1);
    EXPECT_EQ(::kill(std::stoi(pid("two")), 0), -1);
}

}  // namespace
}  // namespace tidegate::agent
