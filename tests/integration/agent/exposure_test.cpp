#include "agent/daemon/exposure.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "agent/drivers/user.h"
#include "schema/files/landlock.h"
#include "tests/integration/agent/host_fixture.h"
#include "tests/integration/fuse_mount.h"

namespace tidegate::agent {
namespace {

namespace fs = std::filesystem;

/// A data dir of nobody's in a place where only root can write, which no temporary folder is.
class ExposureTest : public testing::Test {
protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "only root can make such a place";
        std::string pattern = "/var/tidegate-XXXXXX";
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        place_ = pattern;
        fs::permissions(place_, fs::perms{0755});
        data_ = (place_ / "parent/data").string();
        fs::create_directories(data_);
        ASSERT_EQ(::chown(data_.c_str(), user_.uid, user_.gid), 0);
    }
    void TearDown() override {
        if (!place_.empty()) fs::remove_all(place_);
    }
    Exposure as_user(bool allow_sudo) const {
        EXPECT_EQ(::seteuid(user_.uid), 0);
        auto found = find_exposure(data_, false, allow_sudo);
        EXPECT_EQ(::seteuid(0), 0);
        return found;
    }

    const ProcessUser user_ = *find_user("nobody");
    fs::path place_;
    std::string data_;
};

TEST_F(ExposureTest, LandlockClosesItWhereSudoIsForbidden) {
    if (!has_landlock()) GTEST_SKIP() << "no Landlock here";
    const auto found = as_user(false);
    EXPECT_EQ(found.closed_folder, data_);
    EXPECT_EQ(found.warning, "");
}

TEST_F(ExposureTest, WithSudoItSaysWhatScriptsCanRead) {
    const auto found = as_user(true);
    EXPECT_EQ(found.closed_folder, "");
    EXPECT_EQ(found.warning,
              "scripts can read the agent's key and journal in " + data_ +
                  ", for they run as its own user, and agent.yaml does not say allow_sudo: false: "
                  "set run_as, with an agent that runs as root");
}

TEST_F(ExposureTest, AFolderAboveThatTheUserCanWriteInOrOwnsLetsItOut) {
    const auto parent = fs::path{data_}.parent_path();
    fs::permissions(parent, fs::perms{01777});
    EXPECT_NE(as_user(false).warning.find("that user can write in " + parent.string() + ":"),
              std::string::npos);
    fs::permissions(parent, fs::perms{0555});
    ASSERT_EQ(::chown(parent.c_str(), user_.uid, user_.gid), 0);
    EXPECT_EQ(as_user(false).closed_folder, "");
}

TEST_F(ExposureTest, WhatCannotBeLookedAtBesideItKeepsNobodyFromRunningScripts) {
    if (!has_landlock()) GTEST_SKIP() << "no Landlock here";
    tidegate::test::FuseMount dead{(place_ / "mount").string()};
    if (!dead.is_there()) GTEST_SKIP() << "no FUSE here";
    dead.die();
    const auto wall = all_but(data_);
    EXPECT_TRUE(wall) << wall.error().message;
    EXPECT_EQ(as_user(false).closed_folder, data_);
}

/// Nobody knows what would have to be allowed there.
TEST_F(ExposureTest, AFolderAboveThatCannotBeListedLetsItOut) {
    if (!has_landlock()) GTEST_SKIP() << "no Landlock here";
    const auto parent = fs::path{data_}.parent_path();
    fs::permissions(parent, fs::perms{0711});
    const auto found = as_user(false);
    EXPECT_EQ(found.closed_folder, "");
    EXPECT_NE(found.warning.find(parent.string() + ": Permission denied"), std::string::npos)
        << found.warning;
}

TEST_F(ExposureTest, AnotherUserIsTheBoundary) {
    for (const bool allow_sudo : {false, true}) {
        const auto found = find_exposure(data_, true, allow_sudo);
        EXPECT_EQ(found.closed_folder, "");
        EXPECT_EQ(found.warning, "");
    }
}

TEST_F(ExposureTest, IsLeftForTheDoctor) {
    note_exposure(data_, {"", "all of it"});
    EXPECT_EQ(test::read_text(data_ + "/exposure"), "all of it\n");
    note_exposure(data_, {});
    EXPECT_EQ(test::read_text(data_ + "/exposure"), "\n");
}

TEST(RunAsTest, IsTheBoundaryAndTakesNoRightsUnasked) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root runs scripts as somebody else";
    const test::TempDir dir;
    fs::permissions(dir.path(), fs::perms{0711});
    AgentConfig config;
    config.run_as = "nobody";
    config.work_dirs = {dir / "apps"};
    for (const auto* id : {"a", "b"}) {
        auto wanted = test::make_action(dir, id, id);
        auto& script = wanted.deploy.script;
        script.install_script = script.update_script =
            "cat " + dir / "agent/journal/*" + ' ' + dir / "agent/run/*" +
            " 2>/dev/null; grep NoNewPrivs: /proc/self/status";
        test::Host host{dir, config};
        EXPECT_EQ(host.run(wanted).outcome, ActionOutcome::done);
        EXPECT_EQ(host.uplink.logs.at(0),
                  fmt::format("== release/deploy: success\nNoNewPrivs:\t{}\n",
                              config.allow_sudo ? 0 : 1));
        config.allow_sudo = false;
    }
}

}  // namespace
}  // namespace tidegate::agent
