/// Actions of kind verify on a real host: real checks, a real journal.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>

#include "tests/integration/agent/host_fixture.h"
#include "tests/integration/agent/http_service.h"

namespace tidegate::agent {
namespace {

using test::Host;
using test::HostLoopTest;
using test::HttpService;
using test::make_action;
using test::read_text;

HealthCheck script_check(const std::string& body) {
    HealthCheck check;
    check.type = CheckType::script;
    check.script = body;
    check.interval = Seconds{1};
    check.retry = 0;
    return check;
}
HealthCheck http_check(const HttpService& service) {
    HealthCheck check;
    check.url = service.url();
    check.interval = Seconds{1};
    check.retry = 0;
    return check;
}

class VerifyTest : public HostLoopTest {
protected:
    Action watch(const std::string& id, const HealthCheck& check,
                 Seconds watch_for = Seconds{600}) const {
        auto made = action(id, "1.0");
        made.kind = ActionKind::verify;
        made.verify = {check};
        made.watch_for = watch_for;
        made.deadline = watch_for + Seconds{60};
        return made;
    }
    /// Of an installation of its own.
    Action watch_of(const std::string& project, const HealthCheck& check,
                    Seconds watch_for = Seconds{600}) const {
        auto made = watch(project, check, watch_for);
        made.key.project = project;
        return made;
    }
    [[nodiscard]] std::string in_shop(const std::string& name) const {
        return dir_ / ("apps/shop/" + name);
    }
    [[nodiscard]] bool exists(const std::string& name) const {
        return std::filesystem::exists(in_shop(name));
    }
    /// One that never ends, and has been tried.
    void start_endless(Host& host, const std::string& id) const {
        host.loop->step(machine::RunCommand{1, watch(id, script_check("touch tried-" + id))});
        EXPECT_TRUE(host.until([&] { return exists("tried-" + id); }));
    }
};

TEST_F(VerifyTest, IsGoodAfterTheWholeTimeAndChangesNothing) {
    HttpService service;
    Host host{dir_};
    ASSERT_EQ(host.run(action("a", "1.0")).outcome, ActionOutcome::done);
    const auto before = host.loop->inventory().installations;
    auto wanted = watch("v", http_check(service), Seconds{2});
    auto& smoke = wanted.pipeline.post_release.emplace_back();
    smoke.name = "smoke";
    smoke.type = TaskType::health_check;
    smoke.check = script_check("echo $PORT of $APP_VERSION >> smokes");
    wanted.variables["PORT"].value = "8080";
    const auto result = host.run(wanted);
    EXPECT_EQ(result.outcome, ActionOutcome::done) << result.error;
    EXPECT_EQ(result.kind, ActionKind::verify);
    EXPECT_GE(service.answers, 3) << "at its begin, at its end, and between";
    EXPECT_TRUE(read_text(in_shop("smokes")).starts_with("8080 of 1.0\n8080 of 1.0\n"));
    ASSERT_EQ(result.stages.size(), 2U);
    EXPECT_EQ(result.stages[0].name + '/' + result.stages[0].tasks.at(0).name,
              "post_release/smoke");
    EXPECT_EQ(result.stages[1].tasks.at(0).status, TaskStatus::success);
    EXPECT_EQ(host.loop->inventory().installations, before);
    EXPECT_EQ(host.uplink.logs.size(), 1U) << "that of the deploy";
    EXPECT_EQ(host.run(action("b", "2.0")).outcome, ActionOutcome::done);
    EXPECT_EQ(history(), "install 1.0\nupdate 1.0 to 2.0\n");
}

TEST_F(VerifyTest, ALaterTryThatFailsSaysWhatCameBack) {
    HttpService service;
    service.good_answers = 2;
    auto check = http_check(service);
    check.retry = 1;
    Host host{dir_};
    const auto result = host.run(watch("v", check));
    EXPECT_EQ(result.outcome, ActionOutcome::failed);
    EXPECT_EQ(result.error, "verify/http check: " + service.url() +
                                " answered 500, wanted 2xx or 3xx: the database is away"
                                " (2 tries in a row failed, 2 were good before)");
    EXPECT_EQ(service.answers, 4);
    EXPECT_EQ(result.stages.at(0).tasks.at(0).status, TaskStatus::failed);
    EXPECT_TRUE(host.uplink.logs.at(0).starts_with("== verify/http check: failed: http://"));
    ASSERT_FALSE(host.uplink.updates.empty());
    EXPECT_EQ(host.uplink.updates[0],
              (ActionUpdate{result.id, "verify", "http check", TaskStatus::running, 0}));
}

TEST_F(VerifyTest, AScriptsOutputComesBackWithoutSecrets) {
    AgentConfig config;
    config.variables["PASSWORD"] = {"hunter2", true};
    auto wanted = watch("v", script_check("echo \"pw $PASSWORD\"; exit 3"));
    auto quoting = script_check("");
    quoting.type = CheckType::tcp;
    quoting.host = "no-such-host-${PASSWORD}.invalid";
    quoting.port = "80";
    Host host{dir_, config};
    const auto result = host.run(wanted);
    EXPECT_EQ(result.error, "verify/script check: exit code 3 (1 try failed, 0 were good before)");
    EXPECT_EQ(result.stages.at(0).tasks.at(0).output, "pw ***\n");
    const auto other = host.run(watch("w", quoting));
    EXPECT_NE(other.error.find("no-such-host-***"), std::string::npos) << other.error;
    for (const auto& log : host.uplink.logs) EXPECT_EQ(log.find("hunter2"), std::string::npos);
    EXPECT_EQ(read_text(dir_ / "agent/journal/log").find("hunter2"), std::string::npos);
}

TEST_F(VerifyTest, WithoutAnyCheckItIsNotGood) {
    auto wanted = watch("v", {});
    wanted.verify.clear();
    Host host{dir_};
    const auto result = host.run(wanted);
    EXPECT_EQ(result.outcome, ActionOutcome::failed);
    EXPECT_EQ(result.error, "nothing to check");
}

TEST_F(VerifyTest, WhatTheHostForbidsIsHostTrouble) {
    AgentConfig config;
    config.projects = {"another"};
    Host host{dir_, config};
    const auto result = host.run(watch("v", script_check("true")));
    EXPECT_EQ(result.outcome, ActionOutcome::refused);
    EXPECT_NE(result.host_trouble, "");
    EXPECT_TRUE(host.loop->inventory().results.empty()) << "the same action may come again";
}

TEST_F(VerifyTest, ACheckThatHangsIsTimedOut) {
    auto hangs = script_check("sleep 1000");
    hangs.timeout = Seconds{1};
    hangs.retry = 1;
    Host host{dir_};
    EXPECT_EQ(host.run(watch("v", hangs)).error,
              "verify/script check: timed out after 1s (2 tries in a row failed, 0 were good "
              "before)");
}

TEST_F(VerifyTest, IsCancelledInTheMiddleOfATry) {
    auto hangs = script_check("touch hangs; sleep 1000");
    hangs.timeout = Seconds{1000};
    auto wanted = watch("v", hangs);
    Host host{dir_};
    host.loop->step(machine::RunCommand{1, wanted});
    ASSERT_TRUE(host.until([&] { return exists("hangs"); }));
    host.loop->step(machine::CancelCommand{1, wanted.id});
    ASSERT_TRUE(host.until([&] { return !host.uplink.results.empty(); }));
    EXPECT_EQ(host.uplink.results[0].outcome, ActionOutcome::cancelled);
    EXPECT_EQ(host.uplink.results[0].error, "cancelled");
}

TEST_F(VerifyTest, ItsDeadlineIsItsEndAndItsLastWordIsKept) {
    auto check = script_check("exit 4");
    check.retry = 1'000;
    auto wanted = watch("v", check);
    wanted.deadline = Seconds{2};
    Host host{dir_};
    const auto result = host.run(wanted);
    EXPECT_EQ(result.outcome, ActionOutcome::failed);
    EXPECT_TRUE(result.error.starts_with(
        "the action's deadline of 2s passed: verify/script check: exit code 4 ("))
        << result.error;
}

TEST_F(VerifyTest, ANewerActionEndsItAndRuns) {
    Host host{dir_};
    start_endless(host, "v");
    host.loop->step(machine::RunCommand{1, action("a", "1.0")});
    ASSERT_TRUE(host.until([&] { return host.uplink.results.size() == 2; }));
    EXPECT_EQ(host.uplink.results[0].outcome, ActionOutcome::cancelled);
    EXPECT_EQ(host.uplink.results[0].error, "a newer action came");
    EXPECT_EQ(host.uplink.results[1].outcome, ActionOutcome::done);
}

TEST_F(VerifyTest, DriftIsSeenMeanwhile) {
    auto wanted = action("a", "1.0");
    wanted.deploy.script.install_script = "touch up";
    wanted.deploy.script.service.status = "[ -e up ]";
    Host host{dir_, {}, Seconds{1}};
    ASSERT_EQ(host.run(wanted).outcome, ActionOutcome::done);
    start_endless(host, "v");
    std::filesystem::remove(in_shop("up"));
    ASSERT_TRUE(host.until([&] { return !host.uplink.changes.empty(); }));
    EXPECT_TRUE(host.uplink.changes[0].drifted);
    EXPECT_EQ(host.uplink.results.size(), 1U) << "it goes on";
    EXPECT_EQ(host.loop->inventory().running.size(), 1U);
}

TEST_F(VerifyTest, AStoppedAgentSaysThatItWasInterrupted) {
    {
        Host host{dir_};
        ASSERT_EQ(host.run(action("a", "1.0")).outcome, ActionOutcome::done);
        start_endless(host, "v");
        bool stopped = false;
        host.loop->stop([&] { stopped = true; });
        ASSERT_TRUE(host.until([&] { return stopped; }));
        EXPECT_EQ(host.uplink.results.back().outcome, ActionOutcome::cancelled);
        EXPECT_EQ(host.uplink.results.back().error, "interrupted: the agent stopped");
    }
    Host host{dir_};
    EXPECT_EQ(host.loop->inventory().results.size(), 2U) << "and so does the next process";
    EXPECT_TRUE(host.loop->inventory().running.empty());
}

TEST_F(VerifyTest, AKilledAgentsNextProcessSaysThatItWasInterrupted) {
    {
        Host host{dir_};
        ASSERT_EQ(host.run(action("a", "1.0")).outcome, ActionOutcome::done);
    }
    const pid_t agent = ::fork();
    if (agent == 0) {
        Host host{dir_};
        start_endless(host, "v");
        host.until([] { return false; });
        ::_exit(0);
    }
    EXPECT_TRUE(test::comes_to_be([&] { return exists("tried-v"); }));
    ::kill(agent, SIGKILL);
    ::waitpid(agent, nullptr, 0);
    Host host{dir_};
    ASSERT_TRUE(host.until([&] { return !host.uplink.results.empty(); }));
    const auto& result = host.uplink.results[0];
    EXPECT_EQ(result.id, Digest::of("v").hex());
    EXPECT_EQ(result.outcome, ActionOutcome::cancelled);
    EXPECT_EQ(result.error, "interrupted: the agent stopped");
    EXPECT_EQ(result.installation.status, InstallStatus::installed);
    EXPECT_EQ(host.run(action("b", "2.0")).outcome, ActionOutcome::done) << "and nothing waits";
}

std::size_t threads() {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator{"/proc/self/task"}, {}));
}

TEST_F(VerifyTest, VeryManyAtOnceTakeNoThreads) {
    constexpr std::size_t kMany = 200;
    HttpService service;
    auto check = http_check(service);
    Host host{dir_};
    ASSERT_EQ(host.run(action("a", "1.0")).outcome, ActionOutcome::done);
    const auto before = threads();
    for (std::size_t i = 0; i < kMany; ++i)
        host.loop->step(
            machine::RunCommand{1, watch_of(fmt::format("shop-{}", i), check, Seconds{3})});
    ASSERT_TRUE(host.until([&] { return service.answers >= static_cast<int>(kMany); }));
    EXPECT_EQ(host.loop->inventory().running.size(), kMany);
    EXPECT_LE(threads(), before) << "the agent has its workers";
    EXPECT_TRUE(host.until([&] { return host.uplink.results.size() == kMany + 1; }));
    for (const auto& result : host.uplink.results) EXPECT_EQ(result.outcome, ActionOutcome::done);
    EXPECT_LE(host.uplink.updates.size(), kMany * 21) << "bounded";
}

/// All that were slow once now hang for good, and there are more of them than workers.
TEST_F(VerifyTest, ChecksThatHangHoldUpNeitherOthersNorActions) {
    auto slow = script_check(
        "if [ -e tried ]; then touch ../hangs-$APP_NAME; while [ ! -e ../go ]; do sleep 0.01; done;"
        "else touch tried; sleep 1.2; fi");
    slow.timeout = Seconds{1000};
    const auto hanging = [&] {
        const std::filesystem::directory_iterator all{dir_ / "apps"};
        return std::count_if(begin(all), end(all), [](const auto& entry) {
            return entry.path().filename().string().starts_with("hangs-");
        });
    };
    std::filesystem::create_directories(dir_ / "apps");
    Host host{dir_};
    for (std::size_t i = 0; i <= Watcher::kWorkers; ++i)
        host.loop->step(machine::RunCommand{1, watch_of(fmt::format("slow-{}", i), slow)});
    ASSERT_TRUE(host.until([&] { return hanging() >= 4; }));
    const auto quick = host.run(watch_of("quick", script_check("true"), Seconds{3}));
    EXPECT_EQ(quick.outcome, ActionOutcome::done) << quick.error;
    EXPECT_EQ(host.run(action("a", "1.0")).outcome, ActionOutcome::done);
    EXPECT_EQ(hanging(), 4);
    test::write_text(dir_ / "apps/go", "");
}

}  // namespace
}  // namespace tidegate::agent
