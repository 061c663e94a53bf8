#include "agent/drivers/script_driver.h"

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <thread>

#include "agent/drivers/work_dir.h"
#include "tests/integration/temp_dir.h"

namespace {
/// What becomes of new folders; 0 = they are made.
int folder_error = 0;
}  // namespace

/// In the place of the C library's.
extern "C" int mkdirat(int parent, const char* path, mode_t mode) {
    if (folder_error == 0) return static_cast<int>(::syscall(SYS_mkdirat, parent, path, mode));
    errno = folder_error;
    return -1;
}

namespace tidegate::agent {
namespace {

namespace fs = std::filesystem;

class ScriptDriverTest : public testing::Test {
protected:
    ScriptDriverTest() {
        fs::create_directory(dir_.path() / "tmp");
        context_.project = "shop";
        context_.environment = "prod";
        context_.target_work_dir = dir_ / "apps";
        context_.version = "2.0";
        context_.current_version = "1.0";
        context_.host.tmp_dir = dir_ / "tmp";
        context_.host.agent = dir_.path();
        context_.host.backup_looker = TIDEGATE_BINARY_DIR "/tidegate-agent";
        context_.host.supervision.program = TIDEGATE_BINARY_DIR "/tidegate-agent";
        context_.deploy.install_script = "echo install";
    }
    std::unique_ptr<Driver> driver() const { return make_script_driver(context_); }

    test::TempDir dir_;
    DriverContext context_;
};

TEST_F(ScriptDriverTest, GivesScriptsTheirVariables) {
    context_.rollback_version = "0.9";
    context_.artifact_url = "http://files/a.tgz";
    context_.keep_data = true;
    context_.variables = {{"APP_PORT", "8080"}, {"WORK_DIR", "/wrong"}};
    context_.deploy.environment = {{"PORT", "8080"}};
    context_.deploy.install_script =
        "pwd; echo $APP_NAME $APP_VERSION $CURRENT_VERSION $ROLLBACK_VERSION $ARTIFACT_URL "
        "$APP_ENV "
        "$KEEP_DATA $APP_PORT $PORT; [ $WORK_DIR = $PWD ] && [ $BACKUP_DIR = $PWD/backups ]";
    const auto result = driver()->install({});
    EXPECT_TRUE(result.ok) << result.error << result.output;
    EXPECT_EQ(result.output,
              dir_ / "apps/shop" + "\nshop 2.0 1.0 0.9 http://files/a.tgz prod true 8080 8080\n");
}

TEST_F(ScriptDriverTest, UpdateFallsBackToInstall) {
    EXPECT_EQ(driver()->update({}).output, "install\n");
    context_.deploy.update_script = "echo update";
    EXPECT_EQ(driver()->update({}).output, "update\n");
}

TEST_F(ScriptDriverTest, RollbackRunsTheGivenScriptElseUpdates) {
    context_.deploy.update_script = "echo update";
    context_.deploy.rollback_script = "echo own, not used";
    EXPECT_EQ(driver()->rollback({}).output, "update\n");
    context_.rollback_script = "echo rollback";
    EXPECT_EQ(driver()->rollback({}).output, "rollback\n");
}

TEST_F(ScriptDriverTest, UninstallWithoutAScriptIsDone) {
    EXPECT_TRUE(driver()->uninstall({}).ok);
    context_.deploy.uninstall_script = "echo gone; exit 4";
    const auto result = driver()->uninstall({});
    EXPECT_FALSE(result.ok);
    EXPECT_EQ(result.error, "exit code 4");
}

TEST_F(ScriptDriverTest, ASlotIsRemovedWithoutWhatIsMountedInIt) {
    context_.slot = "blue";
    context_.deploy.uninstall_script = "exit 4";
    ASSERT_TRUE(driver()->install({}).ok);
    const auto mount = dir_ / "apps/shop/mount";
    fs::create_directory(mount);
    if (::mount("none", mount.c_str(), "tmpfs", 0, nullptr) != 0)
        GTEST_SKIP() << "nothing can be mounted here";
    test::write_text(mount + "/data", "x");
    const auto refused = driver()->uninstall({});
    EXPECT_FALSE(refused.ok);
    EXPECT_TRUE(fs::exists(mount + "/data"));
    ASSERT_EQ(::umount(mount.c_str()), 0);
    const auto removed = driver()->uninstall({});
    EXPECT_TRUE(removed.ok) << removed.error << removed.output;
    EXPECT_FALSE(fs::exists(dir_.path() / "apps/shop"));
}

TEST_F(ScriptDriverTest, TimeOutsAreTheVerbsOwn) {
    context_.deploy.install_script = "sleep 100";
    context_.deploy.timeouts.install = Seconds{1};
    EXPECT_EQ(driver()->install({}).error, "timed out after 1s");
}

struct ProbeCase {
    const char* script;
    Probe expected;
};

TEST_F(ScriptDriverTest, ProbeTellsByExitCode) {
    EXPECT_EQ(driver()->place(), Place::gone);
    ASSERT_TRUE(driver()->install({}).ok);
    EXPECT_EQ(driver()->place(), Place::there);
    for (const auto& [script, expected] :
         {ProbeCase{"exit 0", Probe::new_version}, ProbeCase{"exit 1", Probe::old_version},
          ProbeCase{"exit 2", Probe::unknown}, ProbeCase{"", Probe::unknown},
          ProbeCase{"kill -9 $$", Probe::unknown}}) {
        context_.deploy.probe_script = script;
        EXPECT_EQ(driver()->probe({}), expected) << script;
    }
}

TEST_F(ScriptDriverTest, ProbeMakesNothing) {
    context_.deploy.probe_script = "exit 0";
    EXPECT_EQ(driver()->probe({}), Probe::unknown);
    EXPECT_FALSE(fs::exists(dir_ / "apps"));
}

TEST_F(ScriptDriverTest, WhatCannotBeLookedAtIsNotGone) {
    ASSERT_TRUE(driver()->install({}).ok);
    context_.host.work_dirs = {"/no/such/root"};
    EXPECT_EQ(driver()->place(), Place::not_known);
}

TEST_F(ScriptDriverTest, ServiceVerbsRunTheirBodies) {
    EXPECT_FALSE(driver()->has_service(ServiceVerb::start));
    EXPECT_FALSE(driver()->service(ServiceVerb::start, Seconds{5}, {}).ok);
    context_.deploy.service.start = "echo up";
    EXPECT_EQ(driver()->service(ServiceVerb::start, Seconds{5}, {}).output, "up\n");
}

/// Of `service.status`: what was not asked to its end has told nothing.
TEST_F(ScriptDriverTest, WhatDidNotEndByItselfIsNoAnswer) {
    const std::pair<const char*, bool> cases[] = {{"exit 3", true},    {"exit 1", true},
                                                  {"exit 126", false}, {"no-such-program", false},
                                                  {"kill $$", false},  {"sleep 1000", false}};
    for (const auto& [body, told] : cases) {
        context_.deploy.service.status = body;
        const Seconds timeout{std::string_view{body}.starts_with("sleep") ? 1 : 20};
        const auto result = driver()->service(ServiceVerb::status, timeout, {});
        EXPECT_FALSE(result.ok) << body;
        EXPECT_EQ(is_answer(result), told) << body << ": " << result.error;
    }
}

TEST_F(ScriptDriverTest, KillsTheServiceThatItStarted) {
    EXPECT_FALSE(driver()->kill_service());
    context_.service_marker = "web-1/shop";
    context_.deploy.service.start = "trap '' TERM; setsid sleep 1000 >/dev/null 2>&1 & echo $!";
    const auto started = driver()->service(ServiceVerb::start, Seconds{5}, {});
    ASSERT_TRUE(started.ok);
    context_.service_marker = "web-1/sho";
    EXPECT_FALSE(driver()->kill_service());
    context_.service_marker = "web-1/shop";
    context_.host.agent = "/another/agent/of/this/host";
    EXPECT_FALSE(driver()->kill_service());
    context_.host.agent = dir_.path();
    // While it changes from one program to the next, the kernel shows no environment of it.
    bool killed = false;
    for (int i = 0; i < 100'000 && !killed; ++i) killed = driver()->kill_service();
    EXPECT_TRUE(killed);
    for (int i = 0; i < 1000 && driver()->kill_service(); ++i) std::this_thread::yield();
    EXPECT_FALSE(driver()->kill_service());
}

class BackupsTest : public ScriptDriverTest {
protected:
    std::vector<Backup> backups() const {
        const auto seen = driver()->backups();
        EXPECT_TRUE(seen);
        return seen.value_or(std::vector<Backup>{});
    }
    /// After an installation by that script; paths are cut to what stands below the test's folder.
    std::vector<std::string> after(const std::string& script) {
        context_.deploy.install_script = "set -e; " + script;
        const auto result = driver()->install({});
        EXPECT_TRUE(result.ok) << result.error << result.output;
        std::vector<std::string> paths;
        for (const auto& backup : backups())
            paths.push_back(fs::path{backup.path}.lexically_relative(dir_.path()).string());
        return paths;
    }
    using Paths = std::vector<std::string>;
};

TEST_F(BackupsTest, AreWhatTheScriptPutThereNewestFirst) {
    EXPECT_TRUE(backups().empty());
    EXPECT_FALSE(fs::exists(dir_ / "apps"));
    EXPECT_EQ(after("mkdir -p $BACKUP_DIR/1.0; echo data >$BACKUP_DIR/2.0.tar; "
                    "touch -d 2026-11-01T10:00:00.250Z $BACKUP_DIR/2.0.tar; "
                    "touch -d 2026-10-01T10:00:00Z $BACKUP_DIR/1.0"),
              (Paths{"apps/shop/backups/2.0.tar", "apps/shop/backups/1.0"}));
    ASSERT_EQ(backups().size(), 2U);
    EXPECT_EQ(format_rfc3339(backups()[0].at), "2026-11-01T10:00:00.250Z");
    EXPECT_EQ(after("rm -r $BACKUP_DIR"), Paths{});
}

TEST_F(BackupsTest, AreWhereTheProjectsOwnVariablePutsThem) {
    context_.deploy.environment = {{"BACKUP_DIR", dir_ / "apps/shop/safe"}};
    EXPECT_EQ(after("mkdir -p backups/no safe/yes"), Paths{"apps/shop/safe/yes"});
}

TEST_F(BackupsTest, AFolderNamedAfterTheAppIsLookedInto) {
    EXPECT_EQ(after("mkdir -p $BACKUP_DIR/$APP_NAME/2026 $BACKUP_DIR/data; "
                    "touch -d 2001-02-03 $BACKUP_DIR/data"),
              (Paths{"apps/shop/backups/shop/2026", "apps/shop/backups/data"}));
}

TEST_F(BackupsTest, OfASharedFolderOnlyTheAppsOwnCount) {
    context_.variables["BACKUP_DIR"] = dir_ / "all";
    EXPECT_EQ(after("mkdir -p $BACKUP_DIR/other/1 $BACKUP_DIR/shop/1; touch $BACKUP_DIR/shop.tar"),
              Paths{"all/shop/1"});
    for (const auto* name : {"", ".", "..", "other/1", "../all/other"}) {
        context_.variables["APP_NAME"] = name;
        EXPECT_TRUE(backups().empty()) << name;
    }
}

TEST_F(BackupsTest, TheInstallationIsNoBackup) {
    for (const auto* shared : {"apps", "apps/shop", "."}) {
        context_.variables["BACKUP_DIR"] = (dir_.path() / shared).lexically_normal().string();
        context_.variables["APP_NAME"] = shared == std::string{"."} ? "apps" : "shop";
        EXPECT_EQ(after("touch file"), Paths{}) << shared;
    }
}

TEST_F(BackupsTest, LinksAndWhatCannotBeShownAreNotAmongThem) {
    fs::create_directories(dir_.path() / "elsewhere/secret");
    EXPECT_EQ(
        after("mkdir -p $BACKUP_DIR; cd $BACKUP_DIR; touch ok .hidden $'bad\\xff' $'new\\nline'; "
              "mkfifo pipe; ln -s ok link; ln -s " +
              dir_ / "elsewhere" + " shop"),
        Paths{"apps/shop/backups/ok"});
}

TEST_F(BackupsTest, LieBelowTheHostsWorkDirsOrAreNotLookedAt) {
    context_.variables["BACKUP_DIR"] = dir_ / "all";
    context_.host.work_dirs = {dir_ / "apps"};
    EXPECT_EQ(after("mkdir -p $BACKUP_DIR/shop/1"), Paths{});
    context_.host.work_dirs.push_back(dir_ / "all");
    EXPECT_EQ(after("true"), Paths{"all/shop/1"});
    context_.host.work_dirs.pop_back();
    context_.variables["BACKUP_DIR"] = dir_ / "apps/shop/backups";
    EXPECT_EQ(after("ln -s " + dir_ / "all" + " backups"), Paths{});
    context_.variables["BACKUP_DIR"] = "backups";
    EXPECT_EQ(after("rm backups; mkdir -p backups/1"), Paths{});
}

TEST_F(BackupsTest, AreBounded) {
    const auto seen =
        after("mkdir -p $BACKUP_DIR; cd $BACKUP_DIR; touch -d 2026-10-01 $(seq 1000 1100)");
    ASSERT_EQ(seen.size(), limits::kBackupsMax);
    EXPECT_EQ(seen.front(), "apps/shop/backups/1100");
    EXPECT_EQ(seen.back(), "apps/shop/backups/1091");
    EXPECT_EQ(after("cd $BACKUP_DIR; rm *; touch -d @99999999999 far; touch -d @-99 before; "
                    "touch $(printf 'l%.0s' $(seq 200))"),
              (Paths{"apps/shop/backups/far", "apps/shop/backups/" + std::string(200, 'l'),
                     "apps/shop/backups/before"}));
    EXPECT_EQ(backups().back().at, Timestamp{});
    const std::string deep(250, 'd');
    context_.variables["BACKUP_DIR"] = dir_ / "apps/shop/" + deep + "/" + deep;
    EXPECT_EQ(after("mkdir -p $BACKUP_DIR; touch $BACKUP_DIR/short"), Paths{});
}

TEST_F(BackupsTest, AreSeenWithTheRightsOfTheScriptsUser) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root may act as another user";
    fs::permissions(dir_.path(), fs::perms{0711});
    ASSERT_EQ(after("mkdir -p $BACKUP_DIR/1"), Paths{"apps/shop/backups/1"});
    context_.host.user = *find_user("nobody");
    EXPECT_EQ(backups().size(), 1U);
    for (const auto* closed : {"apps/shop/backups", "apps/shop"}) {
        fs::permissions(dir_.path() / closed, fs::perms{0700});
        EXPECT_TRUE(backups().empty()) << closed;
        fs::permissions(dir_.path() / closed, fs::perms{0755});
    }
    // Root's groups do not help either, and afterwards the agent is itself again.
    const fs::path folder = dir_.path() / "apps/shop/backups";
    const gid_t group_of_root = 0;
    ASSERT_EQ(::setgroups(1, &group_of_root), 0);
    ASSERT_EQ(::chown(folder.c_str(), 0, 0), 0);
    fs::permissions(folder, fs::perms{0750});
    EXPECT_TRUE(backups().empty());
    fs::permissions(folder, fs::perms{0700});
    context_.host.user.reset();
    EXPECT_EQ(backups().size(), 1U);
}

TEST_F(BackupsTest, AreUnknownWhereNobodyCouldLook) {
    ASSERT_EQ(after("mkdir -p $BACKUP_DIR/1"), Paths{"apps/shop/backups/1"});
    for (const auto* looker : {"", "/no/such/program", "/bin/false", "/bin/true"}) {
        context_.host.backup_looker = looker;
        EXPECT_EQ(driver()->backups().has_value(), looker == std::string{"/bin/true"}) << looker;
    }
    context_.host.backup_looker = dir_ / "talks";
    test::write_text(dir_.path() / "talks", "#!/bin/sh\necho nonsense\n");
    fs::permissions(dir_.path() / "talks", fs::perms{0755});
    EXPECT_FALSE(driver()->backups());
}

struct EscapeCase {
    const char* name;
    std::string work_dir;              ///< relative to the test's directory, or absolute
    std::optional<ErrorCode> refusal;  ///< of what is not below the target's; none = allowed
};

class WorkDirEscapeTest : public testing::TestWithParam<EscapeCase> {};

TEST_P(WorkDirEscapeTest, LiesBelowItsRoot) {
    const test::TempDir dir;
    fs::create_directories(dir.path() / "apps/real");
    fs::create_directories(dir.path() / "outside");
    fs::create_directories(dir.path() / "apps-evil");
    fs::create_directory_symlink(dir.path() / "outside", dir.path() / "apps/out");
    fs::create_directory_symlink(dir.path() / "apps/real", dir.path() / "apps/in");
    fs::create_directory_symlink(dir.path() / "nowhere", dir.path() / "apps/dangling");
    const auto& [name, work_dir, refusal] = GetParam();
    const WorkDirRules by_target{(dir.path() / work_dir).string(), dir / "apps", {}, nullptr};
    const auto opened = open_work_dir(by_target);
    const auto code = opened ? std::optional<ErrorCode>{} : opened.error().code;
    EXPECT_EQ(code, refusal) << (opened ? opened->path : opened.error().text());
    const WorkDirRules by_host{
        (dir.path() / work_dir).string(), "", {"/no/such/root", dir / "apps"}, nullptr};
    EXPECT_EQ(open_work_dir(by_host).has_value(), !refusal);
    EXPECT_FALSE(fs::exists(dir / "outside/new"));
    EXPECT_FALSE(fs::exists(dir / "nowhere"));
}

INSTANTIATE_TEST_SUITE_P(
    Cases, WorkDirEscapeTest,
    testing::Values(EscapeCase{"Root", "apps", {}}, EscapeCase{"RootSlash", "apps/", {}},
                    EscapeCase{"New", "apps/new/deep", {}},
                    EscapeCase{"Dots", "apps/../outside", ErrorCode::invalid},
                    EscapeCase{"DotsInside", "apps/new/../../outside", ErrorCode::invalid},
                    EscapeCase{"Link", "apps/out", ErrorCode::denied},
                    EscapeCase{"BelowLink", "apps/out/new", ErrorCode::denied},
                    EscapeCase{"Dangling", "apps/dangling/x", ErrorCode::denied},
                    EscapeCase{"LinkThatStaysInside", "apps/in/new", {}},
                    EscapeCase{"Sibling", "apps-evil", ErrorCode::invalid},
                    EscapeCase{"Elsewhere", "/tmp", ErrorCode::invalid}),
    [](const auto& test) { return std::string{test.param.name}; });

/// For as long as it lives the process acts as that user, where it may.
class As {
public:
    explicit As(uid_t user) { EXPECT_TRUE(own_ != 0 || ::seteuid(user) == 0); }
    As(const As&) = delete;
    As& operator=(const As&) = delete;
    ~As() { EXPECT_TRUE(own_ != 0 || ::seteuid(own_) == 0); }

private:
    const uid_t own_ = ::geteuid();
};

TEST(WorkDirTest, ParentsMayBePassedThroughWithoutBeingRead) {
    const test::TempDir dir;
    fs::create_directories(dir.path() / "srv/apps");
    fs::permissions(dir.path(), fs::perms{0711});
    fs::permissions(dir.path() / "srv", fs::perms{0311});
    fs::permissions(dir.path() / "srv/apps", fs::perms{0777});
    {
        const As as{find_user("nobody")->uid};
        const auto made = open_work_dir({dir / "srv/apps/shop", "", {}, nullptr});
        EXPECT_TRUE(made) << made.error().text();
        EXPECT_TRUE(fs::is_directory(dir.path() / "srv/apps/shop"));
    }
    fs::permissions(dir.path() / "srv", fs::perms{0755});
}

/// A host's folder, open to all to pass through, and the scripts' user that the agent is not.
class GivenWorkDirTest : public testing::Test {
protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "only root runs scripts as somebody else";
        fs::permissions(dir_.path(), fs::perms{0711});
        user_ = *find_user("nobody");
    }
    Result<WorkDir> open(const std::string& work_dir, std::vector<std::string> roots) const {
        return open_work_dir({dir_ / work_dir, "", std::move(roots), &user_});
    }
    uid_t owner_of(const std::string& path) const {
        struct stat status {};
        EXPECT_EQ(::stat((dir_ / path).c_str(), &status), 0) << path;
        return status.st_uid;
    }

    test::TempDir dir_;
    ProcessUser user_;
};

TEST_F(GivenWorkDirTest, BelowAHostsRootTheAgentMakesFoldersAndGivesThemAway) {
    const auto opened = open("srv/apps/shop/deep", {dir_ / "srv/apps"});
    ASSERT_TRUE(opened) << opened.error().text();
    EXPECT_EQ(owner_of("srv"), 0U) << "above the root it stays the agent's";
    for (const auto* given : {"srv/apps", "srv/apps/shop", "srv/apps/shop/deep"})
        EXPECT_EQ(owner_of(given), user_.uid) << given;
}

TEST_F(GivenWorkDirTest, ElsewhereNothingIsMadeForTheUserOrGivenToIt) {
    fs::create_directories(dir_.path() / "etc/system");
    for (const auto& roots : {std::vector<std::string>{}, {dir_ / "etc/system/other.d"}}) {
        const auto opened = open("etc/system/x.service.d", roots);
        ASSERT_FALSE(opened);
        EXPECT_EQ(opened.error().code, ErrorCode::denied);
    }
    const auto refused = open("etc/system/x.service.d", {});
    EXPECT_NE(refused.error().message.find("user 'nobody' cannot make " +
                                           dir_ / "etc/system/x.service.d"),
              std::string::npos)
        << refused.error().message;
    EXPECT_TRUE(fs::is_empty(dir_.path() / "etc/system"));
}

/// The advice is for a lack of rights alone.
TEST_F(GivenWorkDirTest, WhyAFolderCannotBeMadeIsSaid) {
    fs::create_directory(dir_.path() / "srv");
    for (const int error : {ENOSPC, EROFS, EACCES}) {
        folder_error = error;
        const auto own = open_work_dir({dir_ / "srv/shop", "", {}, nullptr});
        const auto given = open("srv/shop", {});
        const auto below_root = open("srv/shop", {dir_ / "srv"});
        folder_error = 0;
        const auto why = "cannot make " + dir_ / "srv/shop" + ": " + std::strerror(error);
        for (const auto* opened : {&own, &given, &below_root}) {
            ASSERT_FALSE(*opened);
            const auto& text = opened->error().message;
            const bool advised = text.find("name a folder above it") != std::string::npos;
            EXPECT_EQ(advised, opened == &given && error == EACCES) << text;
            EXPECT_TRUE(advised || text.ends_with(why)) << text;
        }
    }
}

TEST_F(GivenWorkDirTest, WhatTheUserMayMakeItMakesItself) {
    fs::create_directory(dir_.path() / "home");
    ASSERT_EQ(::chown((dir_ / "home").c_str(), user_.uid, user_.gid), 0);
    EXPECT_TRUE(open("home/apps/shop", {}));
    EXPECT_EQ(owner_of("home/apps"), user_.uid);
    EXPECT_EQ(owner_of("home/apps/shop"), user_.uid);
}

TEST_F(GivenWorkDirTest, WhatIsThereIsUsedAsItIs) {
    fs::create_directories(dir_.path() / "opt/shop");
    EXPECT_TRUE(open("opt/shop", {}));
    EXPECT_EQ(owner_of("opt/shop"), 0U);
}

TEST_F(GivenWorkDirTest, AnEmptyOneIsRemovedWhereTheAgentMay) {
    const auto remove = [&](const std::string& work_dir, std::vector<std::string> roots) {
        return remove_work_dir({dir_ / work_dir, "", std::move(roots), &user_});
    };
    ASSERT_TRUE(open("srv/apps/shop", {dir_ / "srv/apps"}));
    test::write_text(dir_ / "srv/apps/shop/log", "x");
    const auto written = remove("srv/apps/shop", {dir_ / "srv/apps"});
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, ErrorCode::conflict);
    fs::remove(dir_ / "srv/apps/shop/log");
    EXPECT_TRUE(remove("srv/apps/shop", {}));
    EXPECT_TRUE(fs::exists(dir_ / "srv/apps/shop")) << "without a root it is the user's to remove";
    EXPECT_TRUE(remove("srv/apps/shop", {dir_ / "srv/apps"}));
    EXPECT_FALSE(fs::exists(dir_ / "srv/apps/shop"));
    EXPECT_TRUE(remove("srv/apps/shop", {dir_ / "srv/apps"})) << "it is not there";
    EXPECT_FALSE(remove("srv/other", {dir_ / "srv/apps"})) << "it lies elsewhere";
}

TEST(DefaultWorkDirTest, IsByTargetThenProject) {
    EXPECT_EQ(default_work_dir("/srv/x", "/opt/apps", "shop"), "/srv/x");
    EXPECT_EQ(default_work_dir("", "/data", "shop"), "/data/shop");
    EXPECT_EQ(default_work_dir("", "", "shop"), "/opt/apps/shop");
    EXPECT_FALSE(open_work_dir({"relative", "", {}, nullptr}));
}

}  // namespace
}  // namespace tidegate::agent
