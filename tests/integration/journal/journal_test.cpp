#include "agent/journal/journal.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdarg>
#include <cstring>
#include <filesystem>
#include <limits>
#include <string>

#include "schema/base/limits.h"
#include "tests/integration/journal/journal_fixture.h"

namespace {
int syncs = 0;
/// How long a file may become before the disk is full.
off_t disk_bytes = std::numeric_limits<off_t>::max();
bool room_for_a_second_file = true;

int lock_error = 0;

bool is_second_file(int fd) {
    const auto link = "/proc/self/fd/" + std::to_string(fd);
    return std::filesystem::read_symlink(link).extension() == ".new";
}
}  // namespace

/// In the place of the C library's: counts.
extern "C" int fdatasync(int fd) {
    ++syncs;
    return static_cast<int>(::syscall(SYS_fdatasync, fd));
}

extern "C" int open(const char* path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    const auto mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
    va_end(more);
    if (lock_error == 0 || !std::string_view{path}.ends_with("/lock"))
        return static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags, mode));
    errno = lock_error;
    return -1;
}

extern "C" int fallocate(int fd, int mode, off_t offset, off_t length) {
    if (offset + length <= disk_bytes && (room_for_a_second_file || !is_second_file(fd)))
        return static_cast<int>(::syscall(SYS_fallocate, fd, mode, offset, length));
    errno = ENOSPC;
    return -1;
}

namespace tidegate::agent {
namespace {

TEST_F(JournalTest, TheNewestOfEachRouteIsKept) {
    using machine::JournalForgetRoute;
    using machine::JournalRoute;
    write({JournalRoute{route("lb-1", 1)}, JournalRoute{route("lb-2", 1)},
           JournalRoute{route("lb-1", 2)}, JournalRoute{route("lb-3", 9)}});
    write({JournalForgetRoute{machine::id_of(route("lb-3", 9))}});
    const std::vector<Route> kept{route("lb-1", 2), route("lb-2", 1)};
    EXPECT_EQ(read().records.routes, kept);
    write_anew();
    EXPECT_EQ(read().records.routes, kept);
    write({JournalForgetRoute{machine::id_of(route("lb-1", 2))}});
    EXPECT_EQ(read().records.routes, (std::vector{route("lb-2", 1)}));
}

TEST_F(JournalTest, StartsEmpty) {
    const auto content = read();
    EXPECT_EQ(content.records.epoch, 0U);
    EXPECT_TRUE(content.records.actions.empty());
    EXPECT_EQ(std::filesystem::status(directory()).permissions(), std::filesystem::perms{0700});
}

TEST_F(JournalTest, KeepsTwoSlotsApart) {
    const auto in_slot = [](const std::string& slot, const std::string& version,
                            ActionKind kind = {}) {
        auto out = action(slot + version, version, kind);
        out.key.slot = slot;
        return out;
    };
    const auto blue = in_slot("blue", "1.0");
    const auto green = in_slot("green", "2.0");
    write({JournalIntent{first_, 1}, JournalOutcome{result(first_, 1)}, JournalIntent{blue, 1},
           JournalOutcome{result(blue, 1)}, JournalIntent{green, 1},
           JournalOutcome{result(green, 1)}});
    const auto removal = in_slot("green", "2.0-gone", ActionKind::uninstall);
    write({JournalIntent{removal, 1}, JournalOutcome{result(removal, 2)}});
    write_anew();
    const auto content = read();
    ASSERT_EQ(content.definitions.size(), 2U);
    EXPECT_EQ(content.definitions.at(first_.key).version, "1.0") << "of before there were slots";
    EXPECT_EQ(content.definitions.at(blue.key).id, blue.id);
    ASSERT_EQ(content.records.installations.size(), 3U);
    EXPECT_EQ(content.records.installations[2].key, green.key);
    EXPECT_EQ(content.records.installations[2].status, InstallStatus::absent);
}

TEST_F(JournalTest, GivesBackWhatWasWritten) {
    const ProcessStarted process{second_.id, 123, 456, "1.2.3"};
    write({JournalEpoch{7}, JournalIntent{first_, 7}, JournalOutcome{result(first_, 1)},
           JournalIntent{second_, 8}, ProcessStarted{second_.id, 1, 1, "old"}, process});
    const auto content = read();
    EXPECT_EQ(content.records.epoch, 8U);
    ASSERT_EQ(content.records.actions.size(), 2U);
    EXPECT_EQ(content.records.actions[0].action, first_);
    EXPECT_EQ(content.records.actions[0].result, result(first_, 1));
    EXPECT_EQ(content.records.actions[1].action, second_);
    EXPECT_FALSE(content.records.actions[1].result);
    ASSERT_EQ(content.records.installations.size(), 1U);
    EXPECT_EQ(content.records.installations[0].version, "1.0");
    EXPECT_EQ(content.records.installations[0].backups,
              (std::vector<Backup>{{"/opt/apps/shop/backups/1.0", Timestamp{Seconds{7}}}}));
    EXPECT_EQ(content.definitions.at(first_.key), first_);
    EXPECT_EQ(content.running, std::vector{process});
}

TEST_F(JournalTest, NothingRunsOnceThereIsAnOutcome) {
    write({JournalIntent{first_, 1}, ProcessStarted{first_.id, 1, 1, "m"},
           JournalOutcome{result(first_, 1)}});
    EXPECT_TRUE(read().running.empty());
}

TEST_F(JournalTest, TasksAreKnownUntilThereIsAnOutcome) {
    const auto note = [&](int place, TaskType type, TaskStatus status, const char* output = "") {
        machine::TaskNote made{first_.id, "release", place, {}};
        made.result.name = "a \xF0\x9F\x9A\x80 name";
        made.result.type = std::string{to_string(type)};
        made.result.status = status;
        made.result.output = output;
        made.result.started_at = Timestamp{Seconds{7}};
        return made;
    };
    const ActionBegan began{first_.id, read_clocks()};
    const auto stopped = note(0, TaskType::stop_service, TaskStatus::success, "two\nlines\n");
    const auto deploys = note(1, TaskType::deploy, TaskStatus::running);
    write({JournalIntent{first_, 1}, began, note(0, TaskType::stop_service, TaskStatus::running),
           stopped, deploys, JournalIntent{second_, 1}});
    for (int round = 0; round < 2; ++round) {
        const auto content = read();
        const auto& actions = content.records.actions;
        EXPECT_TRUE(actions.at(0).progress.tracked);
        EXPECT_EQ(actions.at(0).progress.notes, (std::vector{stopped, deploys}));
        EXPECT_EQ(content.began.at(first_.id), began.at);
        EXPECT_FALSE(actions.at(1).progress.tracked);
        write_anew();
    }
    write({JournalOutcome{result(first_, 1)}});
    EXPECT_TRUE(read().records.actions.at(0).progress.notes.empty());
    EXPECT_TRUE(read().began.empty());
}

TEST_F(JournalTest, WhatWasAcknowledgedStaysSo) {
    write({JournalIntent{first_, 1}, JournalOutcome{result(first_, 1)}, JournalIntent{second_, 1},
           JournalOutcome{result(second_, 2)}, machine::JournalAcks{{second_.id, "unknown"}}});
    for (int round = 0; round < 2; ++round) {
        const auto actions = read().records.actions;
        EXPECT_FALSE(actions.at(0).acknowledged);
        EXPECT_TRUE(actions.at(1).acknowledged);
        write_anew();
    }
}

TEST_F(JournalTest, ForgottenActionsKeepTheirInstallation) {
    write({JournalIntent{first_, 1}, JournalOutcome{result(first_, 1)}, JournalForget{first_.id}});
    const auto content = read();
    EXPECT_TRUE(content.records.actions.empty());
    EXPECT_EQ(content.records.installations.at(0).version, "1.0");
    EXPECT_EQ(content.definitions.at(first_.key), first_);
}

TEST_F(JournalTest, FailedActionsDoNotDefineWhatIsInstalled) {
    write({JournalIntent{first_, 1}, JournalOutcome{result(first_, 1)}, JournalIntent{second_, 1},
           JournalOutcome{result(second_, 2, ActionOutcome::failed)}});
    EXPECT_EQ(read().definitions.at(first_.key), first_);
}

TEST_F(JournalTest, UninstallingRemovesTheDefinition) {
    const auto gone = action("gone", "1.0", ActionKind::uninstall);
    write({JournalIntent{first_, 1}, JournalOutcome{result(first_, 1)}, JournalIntent{gone, 1},
           JournalOutcome{result(gone, 2)}});
    EXPECT_TRUE(read().definitions.empty());
    EXPECT_EQ(read().records.installations.at(0).status, InstallStatus::absent);
}

TEST_F(JournalTest, WaitsForTheDiskWhereALossWouldLie) {
    auto journal = Journal::open(directory());
    ASSERT_TRUE(journal);
    const auto syncs_of = [&](const JournalRecord& record) {
        const auto before = syncs;
        EXPECT_TRUE((*journal)->write({record}));
        return syncs - before;
    };
    EXPECT_EQ(syncs_of(JournalIntent{first_, 1}), 1);
    EXPECT_EQ(syncs_of(JournalOutcome{result(first_, 1)}), 1);
    EXPECT_EQ(syncs_of(JournalEpoch{2}), 1);
    EXPECT_EQ(syncs_of(JournalForget{first_.id}), 0);
    EXPECT_EQ(syncs_of(machine::JournalRoute{route("lb-1", 1)}), 1);
    EXPECT_EQ(syncs_of(machine::JournalForgetRoute{machine::id_of(route("lb-1", 1))}), 1);
    const auto begins = [&](TaskType type) {
        machine::TaskNote note{first_.id, "release", 0, {}};
        note.result.type = std::string{to_string(type)};
        note.result.status = TaskStatus::running;
        return note;
    };
    EXPECT_EQ(syncs_of(begins(TaskType::deploy)), 1);
    EXPECT_EQ(syncs_of(begins(TaskType::script)), 1);
    EXPECT_EQ(syncs_of(begins(TaskType::wait)), 0);
    EXPECT_EQ(syncs_of(JournalInstallation{result(first_, 2).installation}), 0);
}

TEST_F(JournalTest, DriftIsKept) {
    auto drifted = result(first_, 2).installation;
    drifted.drifted = true;
    write({JournalIntent{first_, 1}, JournalOutcome{result(first_, 1)},
           JournalInstallation{drifted}});
    EXPECT_TRUE(read().records.installations.at(0).drifted);
}

TEST_F(JournalTest, OnlyOneAgentUsesADirectory) {
    const auto journal = Journal::open(directory());
    const auto other = Journal::open(directory());
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, ErrorCode::conflict);
}

/// A machine's crash may leave any prefix of what was not synced.
TEST_F(JournalTest, ALockForWhichThereIsNoRoomIsWaitedFor) {
    for (const int error : {ENOSPC, EDQUOT, EACCES}) {
        lock_error = error;
        const auto refused = Journal::open(dir_ / "journal");
        lock_error = 0;
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code,
                  error == EACCES ? ErrorCode::unavailable : ErrorCode::exhausted);
        EXPECT_NE(refused.error().message.find(std::strerror(error)), std::string::npos);
    }
}

TEST_F(JournalTest, IsWrittenAnewAndSaysTheSame) {
    auto big = action("big", "3.0");
    big.deploy.script.install_script = std::string(150 * 1024, 'x');
    const auto other = action("other", "4.0");
    {
        const auto journal = *Journal::open(directory());
        ASSERT_TRUE(journal->write({JournalIntent{big, 1}, JournalOutcome{result(big, 1)},
                                    JournalIntent{first_, 3}, JournalForget{big.id},
                                    ProcessStarted{first_.id, 5, 6, "m"}}));
        for (int i = 0; i < 100; ++i) {
            auto passing = big;
            passing.id = Digest::of(fmt::format("{}", i)).hex();
            passing.key.project = "passing";
            ASSERT_TRUE(
                journal->write({JournalIntent{passing, 2},
                                JournalOutcome{result(passing, static_cast<std::uint64_t>(i) + 1)},
                                JournalForget{passing.id}}));
        }
        ASSERT_TRUE(journal->write({JournalIntent{other, 3}}));
    }
    EXPECT_LT(std::filesystem::file_size(log()), 10U << 20);
    for (int round = 0; round < 2; ++round) {
        const auto content = read();
        EXPECT_EQ(content.records.epoch, 3U);
        ASSERT_EQ(content.records.actions.size(), 2U);
        EXPECT_EQ(content.records.actions[0].action, first_);
        EXPECT_EQ(content.records.actions[1].action, other);
        EXPECT_EQ(content.definitions.at(big.key), big);
        EXPECT_EQ(content.records.installations.size(), 2U);
        EXPECT_EQ(content.running.size(), 1U);
    }
}

TEST_F(JournalTest, AFullDiskIsAnErrorNotALie) {
    const auto journal = *Journal::open(directory());
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    const rlimit small{64, before.rlim_max};
    ::signal(SIGXFSZ, SIG_IGN);
    ::setrlimit(RLIMIT_FSIZE, &small);
    const auto written = journal->write({JournalIntent{first_, 1}});
    ::setrlimit(RLIMIT_FSIZE, &before);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, ErrorCode::exhausted);
    // Nothing of it is there, and with room the journal goes on.
    EXPECT_EQ(std::filesystem::file_size(log()), 0U);
    EXPECT_TRUE(journal->write({JournalIntent{second_, 1}}));
}

class FullDiskTest : public JournalTest {
protected:
    ~FullDiskTest() override {
        disk_bytes = std::numeric_limits<off_t>::max();
        room_for_a_second_file = true;
    }
};

TEST_F(FullDiskTest, WhatRunsAndRestoresHaveRoomWhereNothingNewBegins) {
    write({JournalIntent{first_, 1}});
    const auto reserve = static_cast<off_t>(limits::kJournalReserveBytes);
    disk_bytes = static_cast<off_t>(std::filesystem::file_size(log())) + reserve;
    const auto journal = *Journal::open(directory());
    const auto refused = journal->write({JournalIntent{second_, 1}});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::exhausted);
    EXPECT_EQ(refused.error().message, "journal: cannot allocate: No space left on device");
    auto restore = action("restore", "1.0", ActionKind::rollback);
    ASSERT_TRUE(journal->write({JournalOutcome{result(first_, 1, ActionOutcome::failed)}}));
    ASSERT_TRUE(journal->write({JournalIntent{restore, 1}}));
    ASSERT_TRUE(journal->write({JournalOutcome{result(restore, 2)}}));
    auto gone = action("gone", "1.0", ActionKind::uninstall);
    EXPECT_FALSE(journal->write({JournalIntent{gone, 1}}));
    gone.rejected = LastGood{Digest::of("bad"), "c2", "2.0"};
    EXPECT_TRUE(journal->write({JournalIntent{gone, 1}})) << "it comes back to absent";
    // Until the reserve is used up, too.
    restore.deploy.script.install_script.assign(150'000, 'x');
    int more = 0;
    while (journal->write({JournalIntent{restore, 1}})) ++more;
    EXPECT_GE(more, 10);
    disk_bytes = std::numeric_limits<off_t>::max();
    EXPECT_TRUE(journal->write({JournalIntent{second_, 1}}));
}

TEST_F(FullDiskTest, ItIsNotWrittenAnewAndGoesOn) {
    const auto journal = *Journal::open(directory());
    auto big = action("big", "3.0");
    big.deploy.script.install_script.assign(150'000, 'x');
    const auto grow = [&](int by) {
        for (int i = 0; i < by; ++i)
            EXPECT_TRUE(journal->write({JournalIntent{big, 1}, JournalForget{big.id}}));
    };
    grow(40);
    room_for_a_second_file = false;
    grow(20);
    EXPECT_GT(std::filesystem::file_size(log()), 8U << 20);
    EXPECT_FALSE(std::filesystem::exists(log() + ".new"));
    room_for_a_second_file = true;
    grow(15);
    EXPECT_LT(std::filesystem::file_size(log()), 4U << 20);
    EXPECT_TRUE(journal->write({JournalIntent{first_, 1}}));
}

/// Whatever the writer was told to be durable is there after kill -9 at any time.
TEST_F(JournalTest, AcknowledgedWritesSurviveKill) {
    for (int round = 0; round < 10; ++round) {
        int ends[2];
        ASSERT_EQ(::pipe(ends), 0);
        const pid_t writer = ::fork();
        if (writer == 0) {
            const auto journal = *Journal::open(directory());
            (void)journal->take_content();
            for (int i = 0;; ++i) {
                const auto next = action(fmt::format("{}.{}", round, i), "1.0");
                if (!journal->write({JournalIntent{next, 1}})) ::_exit(1);
                if (::write(ends[1], next.id.data(), next.id.size()) < 0) ::_exit(1);
            }
        }
        ::close(ends[1]);
        std::string told(64 * static_cast<std::size_t>(1 + round * 3), '\0');
        for (std::size_t at = 0; at < told.size();) {
            const auto got = ::read(ends[0], told.data() + at, told.size() - at);
            ASSERT_GT(got, 0);
            at += static_cast<std::size_t>(got);
        }
        ::kill(writer, SIGKILL);
        ::waitpid(writer, nullptr, 0);
        ::close(ends[0]);
        const auto content = read();
        for (std::size_t at = 0; at < told.size(); at += 64)
            EXPECT_TRUE(std::any_of(
                content.records.actions.begin(), content.records.actions.end(),
                [&](const auto& entry) { return entry.action.id == told.substr(at, 64); }));
    }
}

}  // namespace
}  // namespace tidegate::agent
