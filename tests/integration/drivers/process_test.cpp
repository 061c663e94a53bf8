#include "agent/drivers/process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "agent/drivers/process_group.h"
#include "schema/files/landlock.h"
#include "tests/integration/drivers/process_fixture.h"

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

using test::ProcessTest;

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
