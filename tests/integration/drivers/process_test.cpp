#include "agent/drivers/process.h"

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

#include "agent/drivers/cgroup.h"
#include "agent/drivers/process_group.h"
#include "agent/drivers/run_register.h"
#include "schema/files/landlock.h"
#include "tests/integration/temp_dir.h"

namespace {
/// Seconds for which nobody ran here.
std::atomic<time_t> gap{0};
}  // namespace

/// In the place of the C library's.
extern "C" int clock_gettime(clockid_t clock, timespec* now) {
    const auto got = static_cast<int>(::syscall(SYS_clock_gettime, clock, now));
    if (clock == CLOCK_MONOTONIC) now->tv_sec += gap;
    return got;
}

namespace tidegate::agent {
namespace {

using Clock = std::chrono::steady_clock;

class ProcessTest : public testing::Test {
protected:
    ProcessTest() {
        std::filesystem::create_directory(dir_ / "run");
        std::filesystem::create_directory(dir_ / "tmp");
    }
    ProcessSpec spec(std::string body) const {
        ProcessSpec out;
        out.body = std::move(body);
        out.tmp_dir = dir_ / "tmp";
        out.timeout = Milliseconds{20'000};
        out.grace = Milliseconds{200};
        out.supervision = {TIDEGATE_BINARY_DIR "/tidegate-agent", dir_ / "run", own_cgroup()};
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

    /// What a script wrote there; waits for it.
    std::string await_text(const std::string& name) const {
        const auto path = dir_ / name;
        for (const auto end = Clock::now() + std::chrono::seconds{10}; Clock::now() < end;) {
            auto text = test::read_text(path);
            if (text.ends_with('\n')) return text;
            ::poll(nullptr, 0, 5);
        }
        ADD_FAILURE() << path << " is not there";
        return "0";
    }
    /// Runs it with more and more time until it got so far before it was timed out: a busy machine
    /// starts a script late.
    template <typename Run, typename Far>
    static auto time_out(ProcessSpec wanted, Run run, Far so_far) {
        for (wanted.timeout = Milliseconds{500};; wanted.timeout *= 4)
            if (auto result = run(wanted); so_far(result) || wanted.timeout > Seconds{60})
                return result;
    }
    static ProcessResult time_out_after(const ProcessSpec& wanted, const std::string& output) {
        return time_out(
            wanted, [](const auto& spec) { return run(spec); },
            [&](const ProcessResult& result) {
                return result.output.find(output) != std::string::npos;
            });
    }
    bool wrote(std::initializer_list<const char*> names) const {
        return std::ranges::none_of(
            names, [&](const auto* name) { return test::read_text(dir_ / name).empty(); });
    }
    bool nothing_runs() const { return std::filesystem::is_empty(dir_ / "run"); }

    test::TempDir dir_;
};

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

TEST_F(ProcessTest, GainsRightsUnlessThatIsForbidden) {
    auto wanted = spec("grep NoNewPrivs /proc/self/status");
    EXPECT_EQ(run(wanted).output, "NoNewPrivs:\t0\n");
    wanted.no_new_privileges = true;
    EXPECT_EQ(run(wanted).output, "NoNewPrivs:\t1\n");
}

TEST_F(ProcessTest, KeepsScriptsFromAFolderAndFromNothingElse) {
    if (!has_landlock()) GTEST_SKIP() << "no Landlock here";
    std::filesystem::create_directories(dir_ / "agent/pki");
    std::filesystem::create_directories(dir_ / "work/below");
    test::write_text(dir_ / "agent/pki/key", "secret\n");
    test::write_text(dir_ / "beside", "mine\n");
    auto wanted =
        spec("cd " + dir_.path().string() +
             "; cat agent/pki/key; cat </proc/$PPID/root/$PWD/agent/pki/key; "
             "mv agent work/; ln agent/pki/key work/key; echo x >agent/new; rm agent/pki/key;"
             "ls / >/dev/null && cat beside && echo more >>beside && : >work/f && "
             "mv work/f work/below/g && rm work/below/g && /bin/true && echo all else");
    wanted.no_new_privileges = true;
    wanted.closed_folder = std::filesystem::canonical(dir_ / "agent").string();
    const auto result = run(wanted);
    EXPECT_TRUE(result.output.ends_with("mine\nall else\n")) << result.output;
    EXPECT_EQ(result.output.find("secret"), std::string::npos) << result.output;
    EXPECT_EQ(test::read_text(dir_ / "agent/pki/key"), "secret\n");
    EXPECT_FALSE(std::filesystem::exists(dir_ / "agent/new"));
    EXPECT_TRUE(std::filesystem::is_empty(dir_ / "work/below"));
    EXPECT_FALSE(std::filesystem::exists(dir_ / "work/key"));
}

TEST_F(ProcessTest, NothingRunsWhereAFolderCannotBeClosed) {
    auto wanted = spec("echo ran");
    wanted.no_new_privileges = true;
    wanted.closed_folder = dir_ / "no/such/folder";
    EXPECT_FALSE(run_process(wanted, {}));
    EXPECT_TRUE(nothing_runs());
}

/// It knows the variables, as the agent does the key; root's own scripts may look anywhere.
TEST_F(ProcessTest, ScriptsCannotLookIntoTheirSupervisor) {
    auto wanted = spec("cat /proc/$PPID/environ >/dev/null && echo open || echo closed");
    wanted.supervision.cgroup.clear();
    const auto nobody = *find_user("nobody");
    const bool is_root = ::geteuid() == 0;
    for (const auto* folder : {"", "run", "tmp"})
        if (is_root) {
            ASSERT_EQ(::chown((dir_ / folder).c_str(), nobody.uid, nobody.gid), 0);
        }
    constexpr int kNotHere = 2;
    const pid_t agent = ::fork();
    if (agent == 0) {
        if (is_root && !become_user(nobody)) ::_exit(kNotHere);
        if (::access(wanted.supervision.program.c_str(), X_OK) != 0) ::_exit(kNotHere);
        const auto result = run_process(wanted, {});
        ::_exit(result && result->output.ends_with("closed\n") ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(agent, &status, 0), agent);
    if (WIFEXITED(status) && WEXITSTATUS(status) == kNotHere)
        GTEST_SKIP() << "nobody cannot run the agent here";
    EXPECT_EQ(status, 0) << "it is an open book";
}

/// As by a freezer; the agent is the first that goes on, for it takes more than fits into a pipe.
/// The supervisor sleeps once it has said that the script began.
TEST_F(ProcessTest, ASupervisorThatWasFrozenWithTheAgentMayStillTellTheEnd) {
    const auto wanted =
        spec("cd " + dir_.path().string() +
             "; mkfifo go; until [ \"$(cut -d' ' -f3 /proc/$PPID/stat)\" = S ]; do :; "
             "done; kill -STOP $PPID; echo $PPID > frozen; read line < go; "
             "head -c 200000 /dev/zero; echo > done");
    std::jthread freezer{[&] {
        const auto supervisor = std::stoi(await_text("frozen"));
        gap = 3'600;
        test::write_text(dir_ / "go", "\n");
        (void)await_text("done");
        ::kill(supervisor, SIGCONT);
    }};
    const auto result = run(wanted);
    freezer.join();
    gap = 0;
    EXPECT_EQ(result.error(wanted.timeout), "");
}

TEST_F(ProcessTest, RemovesTheBodyFile) {
    EXPECT_TRUE(run(spec("true")).ok());
    EXPECT_TRUE(std::filesystem::is_empty(dir_ / "tmp"));
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

TEST_F(ProcessTest, WithoutASupervisorNothingRuns) {
    auto wanted = spec("echo ran >" + dir_ / "ran");
    wanted.supervision.program = "/no/such/program";
    const auto result = run_process(wanted, {});
    ASSERT_FALSE(result);
    EXPECT_NE(result.error().message.find("/no/such/program did not answer"), std::string::npos);
    EXPECT_FALSE(std::filesystem::exists(dir_ / "ran"));
    EXPECT_TRUE(nothing_runs());
}

/// It was killed at the worst moment: nobody can tell any more that the script has not begun.
TEST_F(ProcessTest, ASupervisorThatBeganAndIsGoneMayHaveRunTheScript) {
    auto wanted = spec(":");
    wanted.supervision.program = dir_ / "supervisor";
    test::write_text(dir_ / "supervisor", "#!/bin/sh\nprintf begins >&0\n");
    ::chmod((dir_ / "supervisor").c_str(), 0700);
    EXPECT_EQ(run(wanted).end, ProcessEnd::signalled);
    EXPECT_TRUE(nothing_runs());
}

TEST_F(ProcessTest, AReusedPidIsLeftAlone) {
    // This very process has the pid, but not the start time and not the marker.
    const ProcessId other{::getpid(), 1, "no-such-marker"};
    EXPECT_TRUE(RunMembers(other).look().empty());
    EXPECT_TRUE(end_leftover(other, {}, Milliseconds{0}));
}

}  // namespace
}  // namespace tidegate::agent
