#include "agent/drivers/process.h"

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "tests/integration/temp_dir.h"

namespace tidegate::agent {
namespace {

using Clock = std::chrono::steady_clock;

class ProcessTest : public testing::Test {
protected:
    ProcessSpec spec(std::string body) const {
        ProcessSpec out;
        out.body = std::move(body);
        out.tmp_dir = dir_.path().string();
        out.timeout = Milliseconds{20'000};
        out.grace = Milliseconds{200};
        return out;
    }
    static ProcessResult run(const ProcessSpec& spec, std::stop_token stop = {}) {
        auto result = run_process(spec, std::move(stop));
        EXPECT_TRUE(result) << result.error().text();
        return *std::move(result);
    }
    /// Waits until nothing with that pid lives (a zombie of init's is dead).
    static bool dies(pid_t pid) {
        for (const auto end = Clock::now() + std::chrono::seconds{10}; Clock::now() < end;) {
            const auto stat = test::read_text(fmt::format("/proc/{}/stat", pid));
            if (stat.empty() || stat.find(") Z") != std::string::npos) return true;
            ::poll(nullptr, 0, 5);
        }
        return false;
    }

    test::TempDir dir_;
};

TEST_F(ProcessTest, ReportsCodeAndBothOutputs) {
    const auto result = run(spec("echo out; echo err >&2; exit 3"));
    EXPECT_EQ(result.end, ProcessEnd::exited);
    EXPECT_EQ(result.code, 3);
    EXPECT_EQ(result.output, "out\nerr\n");
    EXPECT_EQ(result.error(Milliseconds{0}), "exit code 3");
}

TEST_F(ProcessTest, ReportsTheSignalThatKilledIt) {
    const auto result = run(spec("kill -SEGV $$"));
    EXPECT_EQ(result.end, ProcessEnd::signalled);
    EXPECT_EQ(result.code, SIGSEGV);
    EXPECT_FALSE(result.ok());
}

TEST_F(ProcessTest, EnvironmentIsCleanAndAsGiven) {
    ::setenv("AGENT_ONLY_VARIABLE", "leak", 1);
    auto wanted = spec("env");
    wanted.environment = {{"APP_PORT", "8080"}, {"ODD", "a b\n$(x)"}};
    const auto result = run(wanted);
    EXPECT_NE(result.output.find("APP_PORT=8080\n"), std::string::npos);
    EXPECT_NE(result.output.find("ODD=a b\n$(x)\n"), std::string::npos);
    EXPECT_NE(result.output.find("PATH=/usr/local/sbin"), std::string::npos);
    EXPECT_EQ(result.output.find("AGENT_ONLY_VARIABLE"), std::string::npos);
}

TEST_F(ProcessTest, RefusesAnImpossibleVariable) {
    auto wanted = spec("true");
    wanted.environment = {{"A=B", "x"}};
    EXPECT_FALSE(run_process(wanted, {}));
}

TEST_F(ProcessTest, InheritsNoDescriptorsAndNoSignalState) {
    int leaked[2];
    ASSERT_EQ(::pipe(leaked), 0);
    ::signal(SIGPIPE, SIG_IGN);
    // bash holds its script as 255; ls opens the directory as 3.
    const auto result = run(spec("ls /proc/self/fd; grep SigIgn /proc/self/status"));
    ::signal(SIGPIPE, SIG_DFL);
    ::close(leaked[0]);
    ::close(leaked[1]);
    EXPECT_EQ(result.output, "0\n1\n2\n3\nSigIgn:\t0000000000000000\n");
}

TEST_F(ProcessTest, RemovesTheBodyFile) {
    EXPECT_TRUE(run(spec("true")).ok());
    EXPECT_TRUE(std::filesystem::is_empty(dir_.path()));
}

TEST_F(ProcessTest, RunsOtherInterpreters) {
    auto wanted = spec("import sys; print('py', sys.argv[1:])");
    wanted.interpreter = "python3 -u";
    EXPECT_EQ(run(wanted).output, "py []\n");
}

TEST_F(ProcessTest, SaysWhenTheInterpreterIsMissing) {
    auto wanted = spec("true");
    wanted.interpreter = "/no/such/shell";
    const auto result = run(wanted);
    EXPECT_EQ(result.code, 127);
    EXPECT_NE(result.output.find("cannot run the interpreter: No such file"), std::string::npos);
}

TEST_F(ProcessTest, KillsAScriptThatIgnoresTermAndItsChildren) {
    auto wanted = spec(R"(
trap '' TERM
(trap '' TERM; while :; do sleep 100; done) & echo child $!
setsid bash -c 'trap "" TERM; echo strayed $$; while :; do sleep 100; done' &
while :; do sleep 100; done)");
    wanted.timeout = Milliseconds{700};
    const auto begin = Clock::now();
    const auto result = run(wanted);
    EXPECT_EQ(result.end, ProcessEnd::timed_out);
    EXPECT_FALSE(result.survivors);
    EXPECT_LT(Clock::now() - begin, std::chrono::seconds{6});
    int child = 0;
    int strayed = 0;
    ASSERT_EQ(std::sscanf(result.output.c_str(), "child %d strayed %d", &child, &strayed), 2)
        << result.output;
    EXPECT_TRUE(dies(child));
    EXPECT_TRUE(dies(strayed));
}

TEST_F(ProcessTest, KillsWhoCarriesNoMarkerInASessionOfItsOwn) {
    auto wanted = spec(
        "trap '' TERM; setsid env -i bash -c 'trap \"\" TERM; "
        "while :; do sleep 100; done' & echo $!; while :; do sleep 100; done");
    wanted.timeout = Milliseconds{700};
    const auto result = run(wanted);
    EXPECT_EQ(result.end, ProcessEnd::timed_out);
    EXPECT_FALSE(result.survivors);
    EXPECT_TRUE(dies(std::stoi(result.output)));
}

TEST_F(ProcessTest, LetsAScriptCleanUpOnTerm) {
    auto wanted = spec("trap 'echo bye; exit 1' TERM; sleep 100 & wait");
    wanted.timeout = Milliseconds{300};
    wanted.grace = Milliseconds{10'000};
    const auto result = run(wanted);
    EXPECT_EQ(result.end, ProcessEnd::timed_out);
    EXPECT_NE(result.output.find("bye"), std::string::npos);
}

TEST_F(ProcessTest, FailureEndsWhatTheScriptLeft) {
    const auto result = run(spec("sleep 1000 & echo $!; exit 1"));
    EXPECT_EQ(result.code, 1);
    EXPECT_TRUE(dies(std::stoi(result.output)));
}

TEST_F(ProcessTest, SuccessLeavesAServiceRunning) {
    const auto begin = Clock::now();
    const auto result = run(spec("sleep 1000 & echo $!"));
    EXPECT_TRUE(result.ok());
    EXPECT_LT(Clock::now() - begin, std::chrono::seconds{5});
    const pid_t service = std::stoi(result.output);
    EXPECT_EQ(::kill(service, 0), 0);
    ::kill(service, SIGKILL);
    EXPECT_TRUE(dies(service));
}

TEST_F(ProcessTest, OutputOfAGigabyteNeitherBlocksNorGrows) {
    auto wanted = spec("echo first; head -c 1073741824 /dev/zero | tr '\\0' x; echo; echo last");
    wanted.timeout = Milliseconds{100'000};
    wanted.secrets = {"hunter2"};
    const auto result = run(wanted);
    EXPECT_TRUE(result.ok());
    EXPECT_LT(result.output.size(), limits::kOutputBytesDefault + 100);
    EXPECT_GT(result.dropped_bytes, 1'000'000'000U);
    EXPECT_TRUE(result.output.starts_with("first\n"));
    EXPECT_TRUE(result.output.ends_with("last\n"));
}

TEST_F(ProcessTest, AnEndlessPrinterTimesOut) {
    auto wanted = spec("yes");
    wanted.timeout = Milliseconds{500};
    EXPECT_EQ(run(wanted).end, ProcessEnd::timed_out);
}

TEST_F(ProcessTest, MasksSecretsAlsoWhenPrintedByteByByte) {
    auto wanted = spec(R"(for c in h u n t e r 2; do printf %s $c; sleep 0.02; done; echo " $PW")");
    wanted.environment = {{"PW", "hunter2"}};
    wanted.secrets = {"hunter2"};
    EXPECT_EQ(run(wanted).output, "*** ***\n");
}

TEST_F(ProcessTest, CancelEndsIt) {
    std::stop_source source;
    auto wanted = spec("sleep 1000");
    wanted.on_process = [&](const ProcessId& id) {
        if (id.pid != 0) source.request_stop();
    };
    const auto result = run(wanted, source.get_token());
    EXPECT_EQ(result.end, ProcessEnd::cancelled);
    EXPECT_EQ(result.error(Milliseconds{0}), "cancelled");
}

TEST_F(ProcessTest, RunsAsAnotherUser) {
    if (::geteuid() != 0) {
        auto wanted = spec("true");
        wanted.user = *find_user("nobody");
        EXPECT_FALSE(run_process(wanted, {}));
        return;
    }
    std::filesystem::permissions(dir_.path(), std::filesystem::perms{0711});
    auto wanted = spec("id -un; id -G; echo $HOME; kill -0 1 || echo harmless");
    wanted.user = *find_user("nobody");
    const auto result = run(wanted);
    EXPECT_TRUE(result.output.starts_with("nobody\n65534\n/nonexistent\n")) << result.output;
    EXPECT_TRUE(result.output.ends_with("harmless\n")) << result.output;
}

TEST_F(ProcessTest, LeftoversOfAFormerAgentAreEnded) {
    ProcessId id;
    auto wanted = spec("trap '' TERM; setsid sleep 1000 & echo $! >" + dir_ / "pid" +
                       "; setsid env -i sleep 1000 & echo $! >" + dir_ / "bare" + "; echo up >" +
                       dir_ / "up" + "; while :; do sleep 1000; done");
    wanted.on_process = [&](const ProcessId& started) { id = started; };
    std::jthread former{[&](std::stop_token stop) { (void)run_process(wanted, stop); }};
    for (const auto end = Clock::now() + std::chrono::seconds{10};
         test::read_text(dir_ / "up").empty() && Clock::now() < end;)
        ::poll(nullptr, 0, 5);
    EXPECT_GE(RunMembers(id).look().size(), 3U);
    EXPECT_TRUE(end_leftover(id, Milliseconds{100}));
    EXPECT_TRUE(RunMembers(id).look().empty());
    EXPECT_TRUE(dies(std::stoi(test::read_text(dir_ / "pid"))));
    EXPECT_TRUE(dies(std::stoi(test::read_text(dir_ / "bare"))));
}

TEST_F(ProcessTest, AReusedPidIsLeftAlone) {
    // This very process has the pid, but not the start time and not the marker.
    const ProcessId other{::getpid(), 1, "no-such-marker"};
    EXPECT_TRUE(RunMembers(other).look().empty());
    EXPECT_TRUE(end_leftover(other, Milliseconds{0}));
}

}  // namespace
}  // namespace tidegate::agent
