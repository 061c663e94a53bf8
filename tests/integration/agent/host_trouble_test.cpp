/// Host trouble: what keeps an action from beginning says nothing of its version, and nothing of it
/// stays; once a script has begun its failure is the version's.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <future>
#include <limits>

#include "tests/integration/agent/host_fixture.h"

namespace {
/// How long a file may become before the disk is full.
std::atomic<off_t> disk_bytes{std::numeric_limits<off_t>::max()};
/// What becomes of new folders; 0 = they are made.
std::atomic<int> folder_error{0};
std::atomic<bool> no_processes{false};
/// The journal as it stood at each sync.
std::atomic<bool> keep_logs{false};
std::vector<std::string> logs_at_sync;
}  // namespace

/// In the place of the C library's.
extern "C" int mkdir(const char* path, mode_t mode) {
    if (folder_error == 0) return static_cast<int>(::syscall(SYS_mkdirat, AT_FDCWD, path, mode));
    errno = folder_error;
    return -1;
}

/// What is made by fork() instead can do all that is done between vfork() and its program.
extern "C" pid_t vfork() noexcept {
    if (!no_processes) return ::fork();
    errno = EAGAIN;
    return -1;
}

extern "C" int fdatasync(int fd) {
    if (keep_logs)
        logs_at_sync.push_back(tidegate::test::read_text("/proc/self/fd/" + std::to_string(fd)));
    return static_cast<int>(::syscall(SYS_fdatasync, fd));
}

extern "C" int fallocate(int fd, int mode, off_t offset, off_t length) {
    if (offset + length <= disk_bytes)
        return static_cast<int>(::syscall(SYS_fallocate, fd, mode, offset, length));
    errno = ENOSPC;
    return -1;
}

namespace tidegate::agent {
namespace {

using test::Host;
using test::make_action;

class HostTroubleTest : public testing::Test {
protected:
    ~HostTroubleTest() override { disk_bytes = std::numeric_limits<off_t>::max(); }

    std::string history() const { return test::read_text(dir_ / "apps/shop/history"); }
    off_t journal_bytes() const {
        return static_cast<off_t>(std::filesystem::file_size(dir_ / "agent/journal/log"));
    }
    /// Nothing ran, the daemon is told why, and the same action may come again.
    void expect_trouble(Host& host, const Action& action, const std::string& words) {
        const auto before = host.loop->inventory();
        const auto result = host.run(action);
        EXPECT_EQ(result.outcome, ActionOutcome::refused);
        EXPECT_NE(result.host_trouble.find(words), std::string::npos) << result.host_trouble;
        EXPECT_EQ(host.loop->inventory(), before);
    }

    test::TempDir dir_;
    Action action_ = make_action(dir_, "a", "1.0");
};

TEST_F(HostTroubleTest, NothingBeginsOnAFullDiskAndTheSameActionRunsOnceThereIsRoom) {
    disk_bytes = 0;
    Host host{dir_};
    for (int tries = 0; tries < 3; ++tries)
        expect_trouble(host, action_, "No space left on device");
    EXPECT_EQ(history(), "");
    disk_bytes = std::numeric_limits<off_t>::max();
    EXPECT_EQ(host.run(action_).outcome, ActionOutcome::done);
    EXPECT_EQ(history(), "install 1.0\n");
}

TEST_F(HostTroubleTest, ARestoreRunsOnAFullDisk) {
    {
        Host host{dir_};
        ASSERT_EQ(host.run(action_).outcome, ActionOutcome::done);
    }
    disk_bytes = journal_bytes() + static_cast<off_t>(limits::kJournalReserveBytes);
    Host host{dir_};
    expect_trouble(host, make_action(dir_, "b", "2.0"), "No space left on device");
    auto restore = make_action(dir_, "c", "1.0");
    restore.kind = ActionKind::rollback;
    EXPECT_EQ(host.run(restore).outcome, ActionOutcome::done);
}

/// However often it is asked for: the reserve is for restores and outcomes.
TEST_F(HostTroubleTest, WhatIsRefusedOnAFullDiskLeavesNothingInTheJournal) {
    {
        Host host{dir_};
        ASSERT_EQ(host.run(action_).outcome, ActionOutcome::done);
    }
    const auto before = journal_bytes();
    disk_bytes = before + static_cast<off_t>(limits::kJournalReserveBytes);
    Host host{dir_};
    const auto next = make_action(dir_, "b", "2.0");
    for (int tries = 0; tries < 3; ++tries) expect_trouble(host, next, "No space left on device");
    auto restore = make_action(dir_, "c", "1.0");
    restore.kind = ActionKind::rollback;
    EXPECT_EQ(journal_bytes(), before);
    EXPECT_EQ(host.run(restore).outcome, ActionOutcome::done);
}

/// A power cut right after the intent is durable: nothing of it has begun, and that is known.
TEST_F(HostTroubleTest, AnIntentNeverStandsInTheJournalWithoutItsBegin) {
    Host host{dir_};
    auto next = action_;
    next.kind = ActionKind::verify;
    keep_logs = true;
    for (int round = 0; round < 20; ++round) {
        next.id = Digest::of(std::to_string(round)).hex();
        ASSERT_EQ(host.run(next).error, "nothing to check");
    }
    keep_logs = false;
    for (const auto& log : logs_at_sync) {
        const test::TempDir later;
        std::filesystem::create_directory(later / "journal");
        test::write_text(later / "journal/log", log);
        const auto content = (*Journal::open(later / "journal"))->take_content();
        for (const auto& entry : content.records.actions)
            EXPECT_TRUE(entry.result || entry.progress.tracked);
    }
}

TEST_F(HostTroubleTest, WhatHappenedIsWrittenInItsOrderOnceThereIsRoom) {
    disk_bytes = 0;
    std::atomic<int> full = 0;
    std::promise<Result<void>> written;
    std::atomic<bool> forgotten = false;
    machine::JournalOutcome outcome;
    outcome.result.id = action_.id;
    outcome.result.release = action_.release;
    outcome.result.installation.key = action_.key;
    outcome.result.installation.report = 1;
    const auto folder = dir_ / "journal";
    {
        auto journal = Journal::open(folder);
        ASSERT_TRUE(journal) << journal.error().text();
        JournalWriter writer{*std::move(journal),
                             [](const Error& error) { FAIL() << error.text(); },
                             [&](const Error&) { ++full; }};
        writer.write(outcome, [&](const Result<void>&) { EXPECT_FALSE(forgotten); });
        writer.write(machine::JournalForget{action_.id}, [&](Result<void> result) {
            forgotten = true;
            written.set_value(std::move(result));
        });
        const auto refused = writer.write_and_wait(machine::JournalIntent{action_, 1});
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, ErrorCode::exhausted);
        EXPECT_TRUE(writer.stuck());
        EXPECT_FALSE(forgotten);
        disk_bytes = std::numeric_limits<off_t>::max();
        EXPECT_TRUE(written.get_future().get());
        EXPECT_FALSE(writer.stuck());
        EXPECT_EQ(full, 1);
    }
    const auto content = (*Journal::open(folder))->take_content();
    EXPECT_TRUE(content.records.actions.empty());
    EXPECT_EQ(content.records.installations.size(), 1U);
}

TEST_F(HostTroubleTest, ARouteThatFindsNoRoomIsSaidToWaitOnceAndIsKeptInTheEnd) {
    disk_bytes = 0;
    machine::JournalRoute kept{{}, 1};
    kept.route.key = {"prod", "shop"};
    kept.route.target = "lb-1";
    std::atomic<int> waited = 0;
    std::promise<Result<void>> written;
    auto journal = Journal::open(dir_ / "journal");
    ASSERT_TRUE(journal) << journal.error().text();
    JournalWriter writer{*std::move(journal), [](const Error& error) { FAIL() << error.text(); }};
    std::promise<void> waits;
    writer.write(
        kept, [&](Result<void> result) { written.set_value(std::move(result)); },
        [&](const Error& error) {
            EXPECT_EQ(error.code, ErrorCode::exhausted);
            ++waited;
            waits.set_value();
        });
    waits.get_future().get();
    disk_bytes = std::numeric_limits<off_t>::max();
    EXPECT_TRUE(written.get_future().get());
    EXPECT_EQ(waited, 1);
}

TEST_F(HostTroubleTest, AScriptThatCannotBeWritten) {
    Host host{dir_};
    std::filesystem::remove_all(dir_ / "agent/tmp");
    expect_trouble(host, action_, "cannot write the script into " + (dir_ / "agent/tmp"));
    auto checked = make_action(dir_, "b", "1.0");
    checked.kind = ActionKind::verify;
    checked.verify.resize(1);
    checked.verify[0].type = CheckType::script;
    checked.verify[0].script = "true";
    expect_trouble(host, checked, "cannot write the script");
    std::filesystem::create_directories(dir_ / "agent/tmp");
    EXPECT_EQ(host.run(action_).outcome, ActionOutcome::done);
}

TEST_F(HostTroubleTest, AnUninstallScriptThatCannotBeWritten) {
    Host host{dir_};
    ASSERT_EQ(host.run(action_).outcome, ActionOutcome::done);
    std::filesystem::remove_all(dir_ / "agent/tmp");
    auto gone = make_action(dir_, "b", "1.0");
    gone.kind = ActionKind::uninstall;
    gone.deploy.script.uninstall_script = "rm history";
    expect_trouble(host, gone, "cannot write the script");
    std::filesystem::create_directories(dir_ / "agent/tmp");
    EXPECT_EQ(host.run(gone).outcome, ActionOutcome::done);
    EXPECT_EQ(history(), "");
}

TEST_F(HostTroubleTest, AProcessThatCannotBeMade) {
    Host host{dir_};
    no_processes = true;
    expect_trouble(host, action_, "cannot start a process: Resource temporarily unavailable");
    no_processes = false;
    EXPECT_EQ(history(), "");
    EXPECT_EQ(host.run(action_).outcome, ActionOutcome::done);
}

TEST_F(HostTroubleTest, AResumedActionThatOnlyWaitedSoFar) {
    AgentConfig config;
    config.allow_root = true;
    auto rules = make_host_rules(config, dir_.path().string());
    ASSERT_TRUE(rules);  // its folder for scripts is not made
    machine::TaskNote waited{action_.id, "pre_release", 0, {}};
    waited.result.type = "wait";
    waited.result.status = TaskStatus::success;
    auto stopped = waited;
    stopped.result.type = "stop_service";
    for (const auto& note : {waited, stopped}) {
        std::promise<machine::Finished> ended;
        RunnerEvents events;
        events.update = [](const ActionUpdate&) {};
        events.finished = [&](machine::Finished finished, const std::string&) {
            ended.set_value(std::move(finished));
        };
        ActionRunner runner{*rules, events, 1};
        action_.pipeline.pre_release.resize(1);
        runner.start({action_, {}, machine::Progress{true, {note}}}, {});
        const auto finished = ended.get_future().get();
        const bool only_waited = note == waited;
        EXPECT_EQ(finished.untouched, only_waited);
        EXPECT_EQ(finished.host_trouble.empty(), !only_waited) << finished.error;
        EXPECT_EQ(finished.outcome, only_waited ? ActionOutcome::refused : ActionOutcome::failed);
    }
}

TEST_F(HostTroubleTest, AFolderThatCannotBeEntered) {
    std::filesystem::create_directories(dir_ / "apps");
    test::write_text(dir_ / "apps/shop", "not a folder");
    Host host{dir_};
    expect_trouble(host, action_, "work_dir");
}

TEST_F(HostTroubleTest, ALinkThatLeadsOutOfTheTargetsFolder) {
    Host host{dir_};
    ASSERT_EQ(host.run(action_).outcome, ActionOutcome::done);
    std::filesystem::rename(dir_ / "apps/shop", dir_ / "disk2");
    std::filesystem::create_directory_symlink(dir_ / "disk2", dir_ / "apps/shop");
    expect_trouble(host, make_action(dir_, "b", "2.0"), "a link on this host leads out of it");
}

/// Only root runs scripts as somebody else.
TEST_F(HostTroubleTest, AFolderThatTheScriptsUserMayNotEnter) {
    if (::geteuid() != 0) return;
    std::filesystem::permissions(dir_.path(), std::filesystem::perms{0711});
    std::filesystem::create_directories(dir_ / "apps/shop");
    std::filesystem::permissions(dir_ / "apps/shop", std::filesystem::perms{0700});
    AgentConfig config;
    config.run_as = "nobody";
    Host host{dir_, config};
    expect_trouble(host, action_, "cannot enter the work dir: Permission denied");
}

TEST_F(HostTroubleTest, WhatAgentYamlDoesNotAllow) {
    AgentConfig config;
    config.projects = {"other"};
    Host host{dir_, config};
    expect_trouble(host, action_, "agent.yaml does not allow project 'shop'");
    config.projects = {};
    config.work_dirs = {dir_ / "elsewhere"};
    test::TempDir other;
    Host stricter{other, config};
    expect_trouble(stricter, action_, "not below any work_dirs of agent.yaml");
}

TEST_F(HostTroubleTest, WhatTheRepoAsksForWronglyIsTheVersionsFault) {
    Host host{dir_};
    auto wrong = action_;
    wrong.deploy.script.work_dir = "relative";
    const auto result = host.run(wrong);
    EXPECT_EQ(result.outcome, ActionOutcome::refused);
    EXPECT_EQ(result.host_trouble, "");
    auto unknown = make_action(dir_, "b", "1.0");
    unknown.deploy.script.interpreter = "/no/such/interpreter";
    EXPECT_EQ(host.run(unknown).outcome, ActionOutcome::failed);
}

TEST_F(HostTroubleTest, OnceAScriptHasBegunItsFailureIsTheVersions) {
    Host host{dir_};
    action_.pipeline.pre_release.resize(1);
    action_.pipeline.pre_release[0].script = "rm -rf " + dir_ / "agent/tmp";
    const auto result = host.run(action_);
    EXPECT_EQ(result.outcome, ActionOutcome::failed);
    EXPECT_EQ(result.host_trouble, "");
    EXPECT_EQ(result.installation.status, InstallStatus::failed);
}

TEST_F(HostTroubleTest, AScriptThatSpeaksLikeTheAgentHasBegunAllTheSame) {
    Host host{dir_};
    action_.deploy.script.install_script =
        "echo bad > history; echo 'tidegate-agent: cannot enter the work dir'; exit 127";
    const auto result = host.run(action_);
    EXPECT_EQ(result.outcome, ActionOutcome::failed);
    EXPECT_EQ(result.host_trouble, "");
    EXPECT_EQ(result.installation.status, InstallStatus::failed);
}

/// As at the first start of a build that has one more of them.
TEST_F(HostTroubleTest, AFolderForWhichThereIsNoRoomIsWaitedFor) {
    AgentConfig config;
    config.allow_root = true;
    const auto rules = make_host_rules(config, dir_.path().string());
    ASSERT_TRUE(rules);
    for (const int error : {ENOSPC, EDQUOT, EROFS}) {
        const auto code = error == EROFS ? ErrorCode::unavailable : ErrorCode::exhausted;
        folder_error = error;
        const auto first = make_data_dir(dir_ / "first");
        const auto journal = Journal::open(dir_ / "journal");
        const auto tmp = make_tmp_dir(*rules);
        const auto run = end_former_runs(*rules);
        folder_error = 0;
        ASSERT_FALSE(tmp || run);
        ASSERT_FALSE(first || journal);
        EXPECT_EQ(first.error().code, code);
        EXPECT_EQ(first.error().message,
                  "cannot make " + dir_ / "first" + ": " + std::strerror(error));
        EXPECT_EQ(journal.error().code, code);
        EXPECT_NE(journal.error().message.find(std::strerror(error)), std::string::npos);
        EXPECT_EQ(tmp.error().code, code);
        EXPECT_EQ(run.error().code, code);
        EXPECT_EQ(run.error().message, "cannot make " + dir_ / "run" + ": " + std::strerror(error));
    }
}

TEST_F(HostTroubleTest, AnAgentStartsOnAFullDisk) {
    { Host host{dir_}; }
    disk_bytes = 0;
    Host host{dir_};
    ASSERT_TRUE(host.loop);
    expect_trouble(host, action_, "No space left on device");
    bool stopped = false;
    host.loop->stop([&] { stopped = true; });
    EXPECT_TRUE(host.until([&] { return stopped; }));
}

}  // namespace
}  // namespace tidegate::agent
