#include "schema/files/landlock.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>

#include "tests/integration/temp_dir.h"

namespace tidegate {
namespace {

namespace fs = std::filesystem;

bool can_read(const std::string& path) { return !test::read_text(path).empty(); }
bool can_write(const std::string& path) {
    test::write_text(path, "new");
    return test::read_text(path) == "new";
}
bool can_rename(const std::string& from, const std::string& to) {
    std::error_code error;
    fs::rename(from, to, error);
    return !error;
}

long landlock_version() { return ::syscall(444, nullptr, 0, 1); }

/// data/ with pki/ beside git/, as the daemon has it, and a credential file outside of it.
class LandlockTest : public testing::Test {
protected:
    LandlockTest() {
        for (const auto* folder : {"data", "data/pki", "data/git", "data/git/sub", "etc"})
            fs::create_directory(dir_ / folder);
        for (const auto* file : {"data/pki/ca.key", "data/git/HEAD", "etc/key", "etc/other"})
            test::write_text(dir_ / file, "text");
        fs::create_symlink(dir_ / "data/pki/ca.key", dir_ / "data/git/link");
        fs::create_symlink(dir_ / "etc/key", dir_ / "etc/link");
    }

    void SetUp() override {
        if (landlock_version() < 2) GTEST_SKIP() << "the kernel has no Landlock";
    }
    /// Whether it holds in a process that is walled in; the test's own stays free.
    testing::AssertionResult holds(const std::function<bool()>& condition,
                                   std::vector<Reach> allowed = {}) const {
        if (allowed.empty()) allowed = {{dir_ / "data/git", true}, {dir_ / "etc/link", false}};
        const auto child = ::fork();
        if (child == 0) {
            const auto walled = confine(allowed);
            ::_exit(!walled ? 2 : condition() ? 0 : 1);
        }
        int status = -1;
        ::waitpid(child, &status, 0);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return testing::AssertionSuccess();
        return testing::AssertionFailure() << "the child ended with " << status;
    }

    test::TempDir dir_;
};

TEST_F(LandlockTest, NothingBesideWhatIsAllowedCanBeRead) {
    for (const auto* path :
         {"data/pki/ca.key", "data/git/link", "data/git/../pki/ca.key", "etc/other"})
        EXPECT_TRUE(holds([&] { return !can_read(dir_ / path); })) << path;
    EXPECT_TRUE(holds([&] { return !can_read("/proc/1/environ") && !can_read("/etc/hostname"); }));
    EXPECT_TRUE(holds([&] { return can_read(dir_ / "data/git/HEAD"); }));
    EXPECT_TRUE(holds([&] { return can_read(dir_ / "etc/key") && can_read(dir_ / "etc/link"); }));
}

TEST_F(LandlockTest, WhatIsAllowedToBeWrittenCanBeChangedInEveryWay) {
    EXPECT_TRUE(holds([&] { return can_write(dir_ / "data/git/fresh"); }));
    EXPECT_TRUE(holds([&] { return can_rename(dir_ / "data/git/HEAD", dir_ / "data/git/sub/x"); }));
    EXPECT_TRUE(holds([&] { return fs::remove_all(dir_ / "data/git/sub") > 0; }));
    EXPECT_TRUE(holds([&] { return !can_write(dir_ / "etc/key") && can_read(dir_ / "etc/key"); }));
    EXPECT_TRUE(holds([&] { return !can_rename(dir_ / "data/git/fresh", dir_ / "etc/fresh"); }));
}

TEST_F(LandlockTest, AFileThatIsReplacedIsOutOfReachUntilTheNextWall) {
    int go[2], done[2];
    ASSERT_EQ(::pipe(go), 0);
    ASSERT_EQ(::pipe(done), 0);
    char byte = 0;
    const auto outside = ::fork();
    if (outside == 0) {
        const bool told = ::read(go[0], &byte, 1) == 1;
        ::_exit(told && can_rename(dir_ / "etc/other", dir_ / "etc/key") &&
                        ::write(done[1], &byte, 1) == 1
                    ? 0
                    : 1);
    }
    EXPECT_TRUE(holds([&] {
        return can_read(dir_ / "etc/key") && ::write(go[1], &byte, 1) == 1 &&
               ::read(done[0], &byte, 1) == 1 && !can_read(dir_ / "etc/key");
    }));
    for (const int end : {go[0], go[1], done[0], done[1]}) ::close(end);
    ::waitpid(outside, nullptr, 0);
    EXPECT_TRUE(holds([&] { return can_read(dir_ / "etc/link"); }));
}

TEST_F(LandlockTest, NothingIsExecutedAndNobodyOutsideIsSignalled) {
    EXPECT_TRUE(holds(
        [] {
            ::execl("/bin/false", "false", nullptr);  // ends badly if it runs
            return errno == EACCES;
        },
        {{"/", true}}));
    if (landlock_version() < 6) return;
    EXPECT_TRUE(holds([] { return ::kill(::getppid(), 0) != 0; }));
}

TEST_F(LandlockTest, WhatIsNotThereIsLeftOut) {
    EXPECT_TRUE(holds([&] { return can_read(dir_ / "etc/key"); },
                      {{dir_ / "missing", true}, {"", false}, {dir_ / "etc", false}}));
}

}  // namespace
}  // namespace tidegate
