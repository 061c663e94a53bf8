/// How a script ends, and what it leaves behind.

#include "agent/drivers/process.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <thread>

#include "agent/drivers/cgroup.h"
#include "agent/drivers/run_register.h"
#include "tests/integration/drivers/process_fixture.h"

namespace tidegate::agent {
namespace {

using test::Clock;
using test::ProcessTest;

/// How a run's processes are kept together.
class ProcessEndTest : public ProcessTest, public testing::WithParamInterface<bool> {
protected:
    ProcessSpec spec(std::string body) const {
        auto out = ProcessTest::spec(std::move(body));
        if (!GetParam()) out.supervision.cgroup.clear();
        return out;
    }
    void SetUp() override {
        if (GetParam() && own_cgroup().empty()) GTEST_SKIP() << "no cgroup may be made here";
    }
    /// An agent that runs all of them at once and is killed once `now` is true; whether it was.
    static bool crash(const std::vector<ProcessSpec>& specs, const std::function<bool()>& now) {
        const pid_t agent = ::fork();
        if (agent == 0) {
            std::vector<std::jthread> threads;
            for (const auto& one : specs)
                threads.emplace_back([&one] { (void)run_process(one, {}); });
            threads.clear();
            ::pause();
        }
        bool good = now();
        for (const auto end = Clock::now() + std::chrono::seconds{10}; !good && Clock::now() < end;
             good = now())
            ::poll(nullptr, 0, 5);
        ::kill(agent, SIGKILL);
        ::waitpid(agent, nullptr, 0);
        return good;
    }
};
INSTANTIATE_TEST_SUITE_P(By, ProcessEndTest, testing::Values(false, true),
                         [](const auto& test) { return test.param ? "Cgroup" : "Reaper"; });

TEST_F(ProcessTest, ReportsCodeAndBothOutputs) {
    const auto result = run(spec("echo out; echo err >&2; exit 3"));
    EXPECT_EQ(result.end, ProcessEnd::exited);
    EXPECT_EQ(result.code, 3);
    EXPECT_EQ(result.output, "out\nerr\n");
    EXPECT_EQ(result.error(Milliseconds{0}), "exit code 3");
}

TEST_P(ProcessEndTest, KillsAScriptThatIgnoresTermAndItsChildren) {
    const auto result = time_out_after(spec(R"(
trap '' TERM
(trap '' TERM; while :; do sleep 100; done) & echo child $!
setsid bash -c 'trap "" TERM; echo strayed $$; while :; do sleep 100; done' &
while :; do sleep 100; done)"),
                                       "strayed");
    EXPECT_EQ(result.end, ProcessEnd::timed_out);
    EXPECT_FALSE(result.survivors);
    int child = 0;
    int strayed = 0;
    ASSERT_EQ(std::sscanf(result.output.c_str(), "child %d strayed %d", &child, &strayed), 2)
        << result.output;
    EXPECT_TRUE(dies(child));
    EXPECT_TRUE(dies(strayed));
}

TEST_P(ProcessEndTest, KillsWhoCarriesNoMarkerInASessionOfItsOwn) {
    const auto result =
        time_out_after(spec("trap '' TERM; setsid env -i bash -c 'trap \"\" TERM; echo $$; "
                            "while :; do sleep 100; done' & while :; do sleep 100; done"),
                       "\n");
    EXPECT_EQ(result.end, ProcessEnd::timed_out);
    EXPECT_FALSE(result.survivors);
    EXPECT_TRUE(dies(std::stoi(result.output)));
}

TEST_P(ProcessEndTest, LetsAScriptCleanUpOnTerm) {
    auto wanted = spec("trap 'echo bye; exit 1' TERM; echo up; sleep 100 & wait");
    wanted.grace = Milliseconds{10'000};
    const auto result = time_out_after(wanted, "up");
    EXPECT_EQ(result.end, ProcessEnd::timed_out);
    EXPECT_NE(result.output.find("bye"), std::string::npos);
}

TEST_P(ProcessEndTest, FailureEndsWhatTheScriptLeft) {
    const auto result = run(spec("sleep 1000 & echo $!; exit 1"));
    EXPECT_EQ(result.code, 1);
    EXPECT_TRUE(dies(std::stoi(result.output)));
}

TEST_P(ProcessEndTest, SuccessLeavesAServiceRunning) {
    const auto result = run(spec("sleep 1000 & echo $!"));
    EXPECT_TRUE(result.ok());
    const pid_t service = std::stoi(result.output);
    EXPECT_EQ(::kill(service, 0), 0);
    ::kill(service, SIGKILL);
    EXPECT_TRUE(dies(service));
}

TEST_P(ProcessEndTest, CancelEndsIt) {
    std::stop_source source;
    const std::jthread canceller{[&] {
        await_text("up");
        source.request_stop();
    }};
    const auto result = run(spec("echo up >" + dir_ / "up" + "; sleep 1000"), source.get_token());
    EXPECT_EQ(result.end, ProcessEnd::cancelled);
    EXPECT_EQ(result.error(Milliseconds{0}), "cancelled");
    EXPECT_TRUE(nothing_runs());
}

/// Starts PROGRAM as nobody's child, in a session of its own and without any environment.
std::string stray(const std::string& pid_file, const std::string& then = "exec sleep 600") {
    return "env -i setsid -f sh -c 'echo $$ >" + pid_file + "; " + then + "'; ";
}

TEST_P(ProcessEndTest, KillsWhatForkedTwiceAndClearedItsEnvironment) {
    const auto result = time_out(
        spec(stray(dir_ / "stray") + "while :; do sleep 100; done"),
        [](const auto& wanted) { return run(wanted); },
        [&](const auto&) { return wrote({"stray"}); });
    EXPECT_EQ(result.end, ProcessEnd::timed_out);
    EXPECT_FALSE(result.survivors);
    EXPECT_TRUE(dies(std::stoi(await_text("stray"))));
    EXPECT_TRUE(nothing_runs());
}

TEST_P(ProcessEndTest, AFailureKillsWhatIgnoresTermAndWhatItStartsMeanwhile) {
    const auto restarts = "trap \"(trap : TERM; echo $$ >" + dir_ / "late" +
                          "; exec sleep 600) &\" TERM; while :; do sleep 0.01; done";
    const auto result = run(spec(stray(dir_ / "stray", restarts) + "until [ -s " + dir_ / "stray" +
                                 " ]; do sleep 0.01; done; exit 3"));
    EXPECT_EQ(result.error(Milliseconds{0}), "exit code 3");
    EXPECT_TRUE(dies(std::stoi(await_text("stray"))));
    EXPECT_TRUE(nothing_runs());
}

TEST_P(ProcessEndTest, WhatAGoodScriptLeftMayGoOnWriting) {
    const auto result = run(spec("(until [ -e " + dir_ / "go" +
                                 " ]; do sleep 0.01; done; for i in 1 2 3; do head -c 100000 "
                                 "/dev/zero || exit; done; echo wrote >" +
                                 dir_ / "wrote" + ") & echo ok"));
    EXPECT_TRUE(result.ok());
    EXPECT_EQ(result.output, "ok\n");
    EXPECT_TRUE(nothing_runs());
    test::write_text(dir_ / "go", "");
    EXPECT_EQ(await_text("wrote"), "wrote\n");
}

TEST_P(ProcessEndTest, WhatAGoodScriptLeftMayGoOnWritingWithoutTheAgent) {
    const auto wanted =
        spec("(until [ -e " + dir_ / "go" + " ]; do sleep 0.01; done; head -c 100000 " +
             "/dev/zero && echo wrote >" + dir_ / "wrote" + ") & echo up >" + dir_ / "up");
    crash({wanted}, [&] { return std::filesystem::exists(dir_ / "up") && nothing_runs(); });
    EXPECT_TRUE(FormerRuns::end_all(dir_ / "run").await("", wanted.supervision.cgroup, {}));
    test::write_text(dir_ / "go", "");
    EXPECT_EQ(await_text("wrote"), "wrote\n");
}

TEST_P(ProcessEndTest, TimesOutWithoutTheAgent) {
    const auto both = [&] { return wrote({"up", "stray"}); };
    ASSERT_TRUE(time_out(
        spec(stray(dir_ / "stray") + "echo $$ >" + dir_ / "up" + "; sleep 1000"),
        [&](const auto& wanted) { return crash({wanted}, both); }, std::identity{}));
    EXPECT_TRUE(dies(std::stoi(await_text("up"))));
    EXPECT_TRUE(dies(std::stoi(await_text("stray"))));
}

TEST_P(ProcessEndTest, TheNextAgentEndsAllScriptsThatRanAtOnce) {
    std::vector<ProcessSpec> specs;
    for (const std::string name : {"one", "two"}) {
        specs.push_back(spec(stray(dir_ / (name + ".stray")) + "trap '' TERM; echo $$ >" +
                             dir_ / name + "; while :; do sleep 1000; done"));
        specs.back().action = "both";
    }
    const auto pids = {"one", "two", "one.stray", "two.stray"};
    crash(specs, [&] {
        return std::ranges::all_of(
            pids, [&](const auto* name) { return !test::read_text(dir_ / name).empty(); });
    });
    const auto former = FormerRuns::end_all(dir_ / "run");
    EXPECT_TRUE(former.await("both", specs[0].supervision.cgroup, Milliseconds{20'000}));
    for (const auto* name : pids) EXPECT_TRUE(dies(std::stoi(await_text(name)))) << name;
    EXPECT_TRUE(nothing_runs());
}

/// What the supervisor of the one run that there is wrote down.
pid_t supervisor_of(const std::filesystem::path& run_dir) {
    for (const auto& entry : std::filesystem::directory_iterator{run_dir}) {
        const auto text = test::read_text(entry.path());
        return std::stoi(text.substr(text.find('\n') + 1));
    }
    return -1;
}

TEST_P(ProcessEndTest, AKilledSupervisorTakesItsScriptWithIt) {
    const std::jthread killer{[&] {
        await_text("up");
        ::kill(supervisor_of(dir_ / "run"), SIGKILL);
    }};
    const auto result = run(spec("setsid sleep 1000 & echo $! >" + dir_ / "left" + "; echo $$ >" +
                                 dir_ / "up" + "; sleep 1000"));
    EXPECT_EQ(result.end, ProcessEnd::signalled);
    EXPECT_FALSE(result.survivors);
    EXPECT_TRUE(dies(std::stoi(await_text("up"))));
    EXPECT_TRUE(dies(std::stoi(await_text("left"))));
    EXPECT_TRUE(nothing_runs());
}

TEST_P(ProcessEndTest, TheNextAgentEndsWhatAKilledSupervisorLeft) {
    auto wanted = spec("echo $$ >" + dir_ / "up" + "; sleep 1000");
    wanted.action = "a";
    crash({wanted}, [&] { return !test::read_text(dir_ / "up").empty(); });
    ::kill(supervisor_of(dir_ / "run"), SIGKILL);
    const auto former = FormerRuns::end_all(dir_ / "run");
    EXPECT_TRUE(former.await("a", wanted.supervision.cgroup, Milliseconds{20'000}));
    EXPECT_TRUE(dies(std::stoi(await_text("up"))));
    EXPECT_TRUE(nothing_runs());
}

/// Nobody's child there, so its reaper does not know it.
TEST_F(ProcessTest, WhatIsInItsCgroupEndsWithAFailureAndStaysAfterASuccess) {
    if (own_cgroup().empty()) GTEST_SKIP() << "no cgroup may be made here";
    for (const bool good : {false, true}) {
        const pid_t stranger = ::fork();
        if (stranger == 0)
            while (true) ::pause();
        std::filesystem::path cgroup;
        std::jthread mover{[&] {
            auto name = await_text("cgroup");
            name.pop_back();
            cgroup = own_cgroup() / std::filesystem::path{name}.filename();
            test::write_text(cgroup / "cgroup.procs", std::to_string(stranger));
            test::write_text(dir_ / "go", "");
        }};
        const auto result =
            run(spec("sed -n s/^0:://p /proc/self/cgroup >" + dir_ / "cgroup" + "; until [ -e " +
                     dir_ / "go" + " ]; do sleep 0.01; done; exit " + (good ? "0" : "1")));
        mover.join();
        EXPECT_EQ(result.ok(), good);
        EXPECT_EQ(dies(stranger, good ? Clock::duration{} : std::chrono::seconds{10}), !good);
        EXPECT_FALSE(std::filesystem::exists(cgroup)) << cgroup;
        ::kill(stranger, SIGKILL);
        ::waitpid(stranger, nullptr, 0);
        for (const auto* name : {"cgroup", "go"}) std::filesystem::remove(dir_ / name);
    }
}

}  // namespace
}  // namespace tidegate::agent
