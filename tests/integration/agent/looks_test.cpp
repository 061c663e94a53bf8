/// What an agent sees of an installation: the probe after a deploy, drift.

#include "agent/daemon/looks.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stop_token>
#include <thread>

#include "agent/drivers/process_group.h"
#include "agent/drivers/script_driver.h"
#include "tests/integration/agent/host_fixture.h"

namespace tidegate::agent {
namespace {

using test::Host;
using test::make_action;

struct ProbeCase {
    const char* name;
    const char* script;
    ActionOutcome outcome;
    const char* error;
};
class ProbeAfterDeployTest : public testing::TestWithParam<ProbeCase> {};

constexpr const char* kOld = "verify/probe: probe_script says that the old version is in";

TEST_P(ProbeAfterDeployTest, OnlyOldFailsIt) {
    const test::TempDir dir;
    Host host{dir};
    auto wanted = make_action(dir, "a", "1.0");
    wanted.deploy.script.install_script = "echo $APP_VERSION >version";
    wanted.deploy.script.probe_script = GetParam().script;
    for (const auto kind : {ActionKind::deploy, ActionKind::rollback}) {
        wanted.id = Digest::of(to_string(kind)).hex();
        wanted.kind = kind;
        std::filesystem::remove(dir / "apps/shop/asked");
        const auto result = host.run(wanted);
        EXPECT_EQ(result.outcome, GetParam().outcome);
        EXPECT_EQ(result.error, GetParam().error);
        ASSERT_EQ(result.stages.back().name, "verify");
        EXPECT_EQ(result.stages.back().tasks.back().name, "probe");
    }
}

INSTANTIATE_TEST_SUITE_P(
    Cases, ProbeAfterDeployTest,
    testing::Values(ProbeCase{"New", "[ $(cat version) = 1.0 ]", ActionOutcome::done, ""},
                    ProbeCase{"Old", "exit 1", ActionOutcome::failed, kOld},
                    ProbeCase{"OldAtFirst", "[ -e asked ] || { touch asked; exit 1; }",
                              ActionOutcome::done, ""},
                    ProbeCase{"CannotTell", "exit 2", ActionOutcome::done, ""},
                    ProbeCase{"Missing", "./no-such-probe", ActionOutcome::done, ""},
                    ProbeCase{"Killed", "kill -9 $$", ActionOutcome::done, ""}),
    [](const auto& test) { return std::string{test.param.name}; });

/// The new process died on the port that the old one still holds, and the check is answered by
/// that.
TEST(ProbeAfterChecksTest, IsAskedAfterTheWholePipeline) {
    const test::TempDir dir;
    Host host{dir};
    auto wanted = make_action(dir, "a", "1.0");
    wanted.deploy.script.probe_script =
        "echo probe >>history; [ $(tail -n 2 history | head -n 1) = probe ]";
    wanted.verify.resize(1);
    wanted.verify[0].type = CheckType::script;
    wanted.verify[0].script = "echo check >>history";
    const auto result = host.run(wanted);
    EXPECT_EQ(result.error, "");
    EXPECT_EQ(test::read_text(dir / "apps/shop/history"), "install 1.0\ncheck\nprobe\nprobe\n");
}

/// What nobody was told is no success: the next process asks.
TEST(ProbeAfterChecksTest, AStopWhileItIsAskedLeavesTheAnswerToTheNextProcess) {
    const test::TempDir dir;
    auto wanted = make_action(dir, "a", "1.0");
    wanted.deploy.script.probe_script = "[ -e asked ] && exit 1; touch asked; sleep 1000";
    {
        Host host{dir};
        host.loop->step(machine::RunCommand{1, wanted});
        ASSERT_TRUE(host.until([&] { return std::filesystem::exists(dir / "apps/shop/asked"); }));
        bool stopped = false;
        host.loop->stop([&] { stopped = true; });
        ASSERT_TRUE(host.until([&] { return stopped; }));
        EXPECT_TRUE(host.uplink.results.empty());
        EXPECT_EQ(host.loop->inventory().suspended, std::vector{wanted.id});
    }
    Host host{dir};
    const auto result = host.run(wanted);
    EXPECT_EQ(result.outcome, ActionOutcome::failed);
    EXPECT_EQ(result.error, kOld);
    EXPECT_EQ(test::read_text(dir / "apps/shop/history"), "install 1.0\n");
}

/// On a host that is busy it takes longer until it is asked.
TEST(ProbeAfterChecksTest, ADeadlineWhileItIsAskedIsNoSuccess) {
    for (int seconds = 1; seconds <= 64; seconds *= 2) {
        const test::TempDir dir;
        auto wanted = make_action(dir, "a", "1.0");
        wanted.deploy.script.probe_script = "touch asked; sleep 1000";
        wanted.deadline = Seconds{seconds};
        Host host{dir};
        const auto result = host.run(wanted);
        EXPECT_EQ(result.outcome, ActionOutcome::failed);
        if (!std::filesystem::exists(dir / "apps/shop/asked")) continue;
        EXPECT_EQ(result.error, fmt::format("the action's deadline of {}s passed: "
                                            "verify/probe: cancelled",
                                            seconds));
        return;
    }
    FAIL() << "it was never asked";
}

TEST(ProbeAfterChecksTest, WhatIsStoppedBeforeItIsAskedIsNoSuccess) {
    std::stop_source stop;
    stop.request_stop();
    PipelineReport report;
    report.ok = true;
    ask_probe(*make_script_driver({}), true, report, stop.get_token());
    EXPECT_FALSE(report.ok);
    EXPECT_TRUE(report.cancelled);
    EXPECT_EQ(report.error, "verify/probe: cancelled");
    EXPECT_TRUE(report.stages.empty());
}

TEST(ProbeAfterChecksTest, IsNotAskedByAnUninstallOrAMereCheck) {
    const test::TempDir dir;
    Host host{dir};
    auto wanted = make_action(dir, "a", "1.0");
    ASSERT_EQ(host.run(wanted).outcome, ActionOutcome::done);
    wanted.deploy.script.probe_script = "exit 1";
    wanted.verify.resize(1);
    wanted.verify[0].type = CheckType::script;
    wanted.verify[0].script = "true";
    for (const auto kind : {ActionKind::verify, ActionKind::uninstall}) {
        wanted.id = Digest::of(to_string(kind)).hex();
        wanted.kind = kind;
        EXPECT_EQ(host.run(wanted).outcome, ActionOutcome::done);
    }
}

struct DriftCase {
    const char* name;
    const char* status;  ///< service.status once `odd` is there
    const char* probe;   ///< probe_script then
    bool drifted;
    const char* reason;
};
class DriftTest : public testing::TestWithParam<DriftCase> {};

/// Reported, and no more when it is over.
TEST_P(DriftTest, IsToldFromWhatNobodyCanTell) {
    const auto& [name, status, probe, drifted, reason] = GetParam();
    const test::TempDir dir;
    Host host{dir, {}, Seconds{1}};
    auto wanted = make_action(dir, "a", "1.0");
    const std::string odd = "[ ! -e odd ] || ";
    wanted.deploy.script.service.status = odd + status;
    wanted.deploy.script.probe_script = odd + probe;
    ASSERT_EQ(host.run(wanted).outcome, ActionOutcome::done);
    test::write_text(dir / "apps/shop/odd", "");
    ASSERT_TRUE(host.until([&] { return !host.uplink.changes.empty(); }));
    EXPECT_EQ(host.uplink.changes[0].drifted, drifted);
    EXPECT_EQ(host.uplink.changes[0].drift_reason, reason);
    std::filesystem::remove(dir / "apps/shop/odd");
    ASSERT_TRUE(host.until([&] { return host.uplink.changes.back().drift_reason.empty(); }));
    EXPECT_FALSE(host.uplink.changes.back().drifted);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, DriftTest,
    testing::Values(DriftCase{"Down", "exit 3", "true", true, "service.status: exit code 3"},
                    DriftCase{"StatusMissing", "./no-such-status", "true", false,
                              "service.status cannot tell: exit code 127"},
                    DriftCase{"StatusNotExecutable", "/etc/passwd", "true", false,
                              "service.status cannot tell: exit code 126"},
                    DriftCase{"StatusKilled", "kill -9 $$", "true", false,
                              "service.status cannot tell: killed by signal 9 (Killed)"},
                    DriftCase{"OldVersion", "true", "exit 1", true,
                              "the probe found another version"},
                    DriftCase{"ProbeCannotTell", "true", "exit 2", false,
                              "the probe cannot tell the version: exit code 2"},
                    DriftCase{"DownThoughTheProbeCannotTell", "exit 1", "exit 2", true,
                              "service.status: exit code 1"},
                    DriftCase{"OldThoughTheStatusCannotTell", "exit 127", "exit 1", true,
                              "the probe found another version"}),
    [](const auto& test) { return std::string{test.param.name}; });

/// What cannot be looked at any more is not as it should be, either.
TEST(DriftTest, WhatTheHostNoLongerAllowsIsNotTold) {
    const test::TempDir dir;
    {
        Host host{dir, {}, Seconds{1}};
        auto wanted = make_action(dir, "a", "1.0");
        wanted.deploy.script.service.status = "exit 3";
        ASSERT_EQ(host.run(wanted).outcome, ActionOutcome::done);
        ASSERT_TRUE(host.until([&] { return !host.uplink.changes.empty(); }));
        ASSERT_TRUE(host.uplink.changes[0].drifted);
    }
    AgentConfig config;
    config.projects = {"other"};
    Host host{dir, config, Seconds{1}};
    ASSERT_TRUE(host.until([&] { return !host.uplink.changes.empty(); }));
    EXPECT_FALSE(host.uplink.changes[0].drifted);
    EXPECT_EQ(host.uplink.changes[0].drift_reason, "agent.yaml does not allow project 'shop'");
}

/// Its agent and its supervisor were killed; no action of it will be asked for.
TEST(FormerLooksTest, AreEndedAndTakenOutOfTheRegister) {
    const test::TempDir dir;
    const auto entry = dir / "agent/run/left.by.a.look";
    std::filesystem::create_directories(dir / "agent/run");
    test::write_text(entry, "\n12345\n");
    const pid_t look = ::fork();
    if (look == 0) {
        ::setenv(kMarkerVariable, "left.by.a.look", 1);
        ::execl("/bin/sleep", "sleep", "1000", nullptr);
        ::_exit(1);
    }
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (RunMembers({0, 0, "left.by.a.look"}).look().empty() &&
           std::chrono::steady_clock::now() < end)
        std::this_thread::yield();
    Host host{dir};
    EXPECT_TRUE(host.until([&] { return !std::filesystem::exists(entry); }));
    int status = 0;
    EXPECT_EQ(::waitpid(look, &status, WNOHANG), look);
    ::kill(look, SIGKILL);
}

}  // namespace
}  // namespace tidegate::agent
