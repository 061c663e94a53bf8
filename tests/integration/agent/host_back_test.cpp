/// Ways back on a host: restores, stops, uninstalls.

#include <gtest/gtest.h>

#include "tests/integration/agent/host_fixture.h"

namespace tidegate::agent {
namespace {

using test::Host;
using test::HostLoopTest;
using test::make_action;

TEST_F(HostLoopTest, RollbackRunsTheFailedDefinitionsScript) {
    Host host{dir_};
    host.run(action("a", "1.0"));
    auto restore = action("b", "1.0");
    restore.kind = ActionKind::rollback;
    restore.rollback_version = "1.0";
    restore.rollback_script = "echo back to $ROLLBACK_VERSION >> history";
    EXPECT_EQ(host.run(restore).outcome, ActionOutcome::done);
    EXPECT_EQ(history(), "install 1.0\nback to 1.0\n");
}

TEST_F(HostLoopTest, WhatComesBackAfterAFailureIsToldWhatItTakesAway) {
    const std::string guarded =
        "[ \"$CURRENT_VERSION\" = \"$APP_VERSION\" ] && exit 0; "
        "echo \"$CURRENT_VERSION to $APP_VERSION (also ${SEEN})\" >> history; "
        "echo $APP_VERSION > files; [ ! -e ../broken ]";
    Host host{dir_};
    const auto run = [&](const char* id, const char* version, ActionKind kind) {
        auto next = action(id, version);
        next.kind = kind;
        next.deploy.script.install_script = next.deploy.script.update_script = guarded;
        next.deploy.script.environment["SEEN"] = "${CURRENT_VERSION}";
        if (kind == ActionKind::rollback) next.rejected = LastGood{Digest::of("b"), "c", "2.0"};
        return host.run(next).outcome;
    };
    EXPECT_EQ(run("a", "1.0", ActionKind::deploy), ActionOutcome::done);
    test::write_text(dir_ / "apps/broken", "");
    EXPECT_EQ(run("b", "2.0", ActionKind::deploy), ActionOutcome::failed);
    EXPECT_EQ(run("c", "2.0", ActionKind::deploy), ActionOutcome::failed);
    EXPECT_EQ(run("d", "1.0", ActionKind::rollback), ActionOutcome::failed);
    EXPECT_EQ(run("e", "1.0", ActionKind::rollback), ActionOutcome::failed);
    std::filesystem::remove(dir_ / "apps/broken");
    EXPECT_EQ(run("f", "1.0", ActionKind::deploy), ActionOutcome::done);
    EXPECT_EQ(run("g", "3.0", ActionKind::deploy), ActionOutcome::done);
    EXPECT_EQ(history(),
              " to 1.0 (also )\n"
              "1.0 to 2.0 (also 1.0)\n"
              "1.0 to 2.0 (also 1.0)\n"
              "2.0 to 1.0 (also 2.0)\n"
              "2.0 to 1.0 (also 2.0)\n"
              "2.0 to 1.0 (also 2.0)\n"
              "1.0 to 3.0 (also 1.0)\n");
}

TEST_F(HostLoopTest, WhatIsTakenAwayIsNotToldWhereItIsCalledTheSame) {
    Host host{dir_};
    const auto run = [&](const char* id, ActionKind kind, const char* rest) {
        auto next = action(id, "1.0");
        next.kind = kind;
        next.digest = Digest::of(id);
        next.deploy.script.install_script = next.deploy.script.update_script =
            std::string{"[ \"$CURRENT_VERSION\" = \"$APP_VERSION\" ] && exit 0; "} + rest;
        if (kind == ActionKind::rollback) next.rejected = LastGood{Digest::of("b"), "c", "1.0"};
        return host.run(next).outcome;
    };
    EXPECT_EQ(run("a", ActionKind::deploy, "echo a >> history"), ActionOutcome::done);
    auto changed = action("b", "1.0");
    changed.deploy.script.update_script = "echo bad >> history; exit 1";
    EXPECT_EQ(host.run(changed).outcome, ActionOutcome::failed);
    EXPECT_EQ(run("c", ActionKind::rollback, "echo c >> history; exit 1"), ActionOutcome::failed);
    EXPECT_EQ(run("d", ActionKind::deploy, "echo d >> history"), ActionOutcome::done);
    EXPECT_EQ(history(), "a\nbad\nc\nd\n");
}

/// A stop with a typing error that another definition has right: whoever has it right is asked.
/// To absent, by what failed first, then by the uninstall of before.
TEST_F(HostLoopTest, WhatComesBackToAbsentIsToldWhatItTakesAwayToo) {
    Host host{dir_};
    auto bad = action("a", "2.0");
    bad.deploy.script.install_script = "exit 1";
    ASSERT_EQ(host.run(bad).outcome, ActionOutcome::failed);
    auto back = action("b", "1.0");
    back.kind = ActionKind::uninstall;
    back.rejected = LastGood{Digest::of("b"), "c", "2.0"};
    back.deploy.script.uninstall_script = "echo away with \"$CURRENT_VERSION\" >> history; exit 1";
    EXPECT_EQ(host.run(back).outcome, ActionOutcome::failed);
    back.id = Digest::of("again").hex();
    EXPECT_EQ(host.run(back).outcome, ActionOutcome::failed);
    EXPECT_EQ(history(), "away with 2.0\naway with 2.0\n");
}

class StoppingTest : public HostLoopTest {
protected:
    /// `stop` exits well or not; the service is the file `up`.
    Action with_stop(const char* id, const char* version, bool well) const {
        auto next = action(id, version);
        next.pipeline.release.resize(2);
        next.pipeline.release[0].name = "stop";
        next.pipeline.release[0].type = TaskType::stop_service;
        next.pipeline.release[1].name = "deploy";
        next.pipeline.release[1].type = TaskType::deploy;
        auto& script = next.deploy.script;
        const std::string log = std::string{"echo stopped by "} + version + " >> history; ";
        script.service.stop = log + (well ? "rm up" : "exit 2");
        script.service.status = "[ -e up ]";
        script.install_script = script.update_script = "[ ! -e up ] && touch up";
        return next;
    }
};

TEST_F(StoppingTest, ForwardTheNewDefinitionStopsFailingThatTheOneThatRuns) {
    Host host{dir_};
    ASSERT_EQ(host.run(with_stop("a", "1.0", true)).outcome, ActionOutcome::done);
    EXPECT_EQ(host.run(with_stop("b", "2.0", false)).outcome, ActionOutcome::done);
    EXPECT_EQ(host.run(with_stop("c", "3.0", true)).outcome, ActionOutcome::done);
    EXPECT_EQ(history(), "stopped by 2.0\nstopped by 1.0\nstopped by 3.0\n");
}

/// The new definition's stop looks into its own, empty folder and is content.
TEST_F(StoppingTest, WhatRunsInAnotherWorkDirIsStoppedByItsOwnDefinition) {
    const auto in = [&](Action next, const std::string& folder) {
        next.deploy.script.work_dir = dir_ / ("apps/" + folder);
        next.deploy.script.service.stop += " 2>/dev/null || true";
        return next;
    };
    const auto is_up = [&](const std::string& folder) {
        return std::filesystem::exists(dir_ / ("apps/" + folder + "/up"));
    };
    Host host{dir_};
    ASSERT_EQ(host.run(in(with_stop("a", "1.0", true), "old")).outcome, ActionOutcome::done);
    auto bad = in(with_stop("b", "2.0", true), "new");
    bad.deploy.script.update_script = "touch up; exit 1";
    EXPECT_EQ(host.run(bad).outcome, ActionOutcome::failed);
    EXPECT_FALSE(is_up("old")) << "both run";
    EXPECT_TRUE(is_up("new"));

    auto restore = in(with_stop("c", "1.0", true), "old");
    restore.kind = ActionKind::rollback;
    restore.rejected = LastGood{Digest::of("b"), "c", "2.0"};
    EXPECT_EQ(host.run(restore).outcome, ActionOutcome::done);
    EXPECT_TRUE(is_up("old"));
    EXPECT_FALSE(is_up("new")) << "both run";
}

TEST_F(StoppingTest, ARestoreIsStoppedByWhatFailedThenByLastGoodAlsoAfterARestart) {
    auto bad = with_stop("b", "2.0", true);
    bad.deploy.script.update_script = "touch up; exit 1";
    auto restore = with_stop("c", "1.0", false);
    restore.kind = ActionKind::rollback;
    restore.rejected = LastGood{Digest::of("b"), "c", "2.0"};
    {
        Host host{dir_};
        ASSERT_EQ(host.run(with_stop("a", "1.0", false)).outcome, ActionOutcome::done);
        EXPECT_EQ(host.run(bad).outcome, ActionOutcome::failed);
    }
    {
        auto fails = restore;
        fails.id = Digest::of("fails").hex();
        fails.rollback_script = "touch up; exit 1";
        Host host{dir_};
        EXPECT_EQ(host.run(fails).outcome, ActionOutcome::failed);
        EXPECT_EQ(history(), "stopped by 2.0\nstopped by 2.0\n");
        EXPECT_EQ(host.run(restore).outcome, ActionOutcome::done);
        EXPECT_EQ(history(), "stopped by 2.0\nstopped by 2.0\nstopped by 2.0\n");
    }
}

TEST_F(StoppingTest, ARestoreIsStoppedByLastGoodWhereWhatFailedCannot) {
    auto bad = with_stop("b", "2.0", false);
    auto restore = with_stop("c", "1.0", true);
    restore.kind = ActionKind::rollback;
    restore.rejected = LastGood{Digest::of("b"), "c", "2.0"};
    Host host{dir_};
    ASSERT_EQ(host.run(with_stop("a", "1.0", true)).outcome, ActionOutcome::done);
    bad.deploy.script.update_script = "touch up; exit 1";
    EXPECT_EQ(host.run(bad).outcome, ActionOutcome::failed);
    EXPECT_EQ(host.run(restore).outcome, ActionOutcome::done);
    EXPECT_EQ(history(), "stopped by 2.0\nstopped by 1.0\nstopped by 2.0\nstopped by 1.0\n");
}

/// It failed elsewhere: here it runs, so its definition knows best how it is stopped.
TEST_F(StoppingTest, ARestoreOfWhatWorksIsStoppedByWhatRuns) {
    auto restore = with_stop("c", "1.0", true);
    restore.kind = ActionKind::rollback;
    restore.rejected = LastGood{Digest::of("2.0"), "c", "2.0"};
    Host host{dir_};
    ASSERT_EQ(host.run(with_stop("a", "1.0", true)).outcome, ActionOutcome::done);
    ASSERT_EQ(host.run(with_stop("b", "2.0", true)).outcome, ActionOutcome::done);
    EXPECT_EQ(host.run(restore).outcome, ActionOutcome::done);
    EXPECT_EQ(history(), "stopped by 2.0\nstopped by 2.0\n");
}

TEST_F(StoppingTest, OnTheWayBackToAbsentWhatFailedStopsFirst) {
    Host host{dir_};
    auto bad = with_stop("a", "2.0", true);
    bad.deploy.script.install_script = "touch up; exit 1";
    ASSERT_EQ(host.run(bad).outcome, ActionOutcome::failed);
    auto back = with_stop("b", "1.0", false);
    back.kind = ActionKind::uninstall;
    back.rejected = LastGood{Digest::of("b"), "c", "2.0"};
    EXPECT_EQ(host.run(back).outcome, ActionOutcome::done);
    EXPECT_EQ(history(), "stopped by 2.0\n");
}

TEST_F(StoppingTest, AnUninstallIsStoppedByWhatRunsWhereItsOwnStopFails) {
    Host host{dir_};
    ASSERT_EQ(host.run(with_stop("a", "1.0", true)).outcome, ActionOutcome::done);
    auto gone = with_stop("b", "2.0", false);
    gone.kind = ActionKind::uninstall;
    EXPECT_EQ(host.run(gone).outcome, ActionOutcome::done);
    EXPECT_EQ(history(), "stopped by 2.0\nstopped by 1.0\n");
}

TEST_F(HostLoopTest, UninstallStopsAndRemoves) {
    Host host{dir_};
    host.run(action("a", "1.0"));
    auto gone = action("b", "1.0");
    gone.kind = ActionKind::uninstall;
    gone.keep_data = true;
    gone.deploy.script.service.stop = "echo stop >> history";
    gone.deploy.script.uninstall_script = "echo uninstall $KEEP_DATA >> history";
    const auto result = host.run(gone);
    EXPECT_EQ(result.outcome, ActionOutcome::done) << result.error;
    EXPECT_EQ(result.installation.status, InstallStatus::absent);
    EXPECT_EQ(history(), "install 1.0\nstop\nuninstall true\n");
}

TEST_F(HostLoopTest, AnUninstallThatAStopEndsIsCancelled) {
    Host host{dir_};
    host.run(action("a", "1.0"));
    auto gone = action("b", "1.0");
    gone.kind = ActionKind::uninstall;
    gone.deploy.script.uninstall_script = "touch started; sleep 1000";
    host.loop->step(machine::RunCommand{1, gone});
    ASSERT_TRUE(host.until([&] { return std::filesystem::exists(dir_ / "apps/shop/started"); }));
    bool stopped = false;
    host.loop->stop([&] { stopped = true; });
    ASSERT_TRUE(host.until([&] { return stopped; }));
    ASSERT_EQ(host.uplink.results.size(), 2U);
    EXPECT_EQ(host.uplink.results[1].outcome, ActionOutcome::cancelled);
    EXPECT_EQ(host.uplink.results[1].error, "release/uninstall: cancelled");
    EXPECT_EQ(host.uplink.results[1].installation.status, InstallStatus::failed);
}

TEST_F(HostLoopTest, WhatWasUninstalledIsInstalledAgainThoughThatFailsAtFirst) {
    Host host{dir_};
    auto next = action("a", "1.0");
    const auto run = [&](const char* id, const char* script) {
        next.id = Digest::of(id).hex();
        next.last_good = LastGood{Digest::of("good"), std::string(40, 'b'), "1.0"};
        next.deploy.script.install_script = script;
        return host.run(next);
    };
    ASSERT_EQ(run("a", "echo install >> history").outcome, ActionOutcome::done);
    EXPECT_EQ(run("b", "exit 9").outcome, ActionOutcome::done);
    next.kind = ActionKind::uninstall;
    EXPECT_FALSE(run("c", "").installation.installed_at);
    next.kind = ActionKind::deploy;
    EXPECT_EQ(run("d", "exit 1").error, "release/deploy: exit code 1");
    EXPECT_EQ(run("e", "echo install again >> history").outcome, ActionOutcome::done);
    next.deploy.script.update_script = "exit 2";
    EXPECT_EQ(run("f", "exit 9").error, "release/deploy: exit code 2");
    EXPECT_EQ(run("g", "exit 9").error, "release/deploy: exit code 2");
    EXPECT_EQ(history(), "install\nupdate 1.0 to 1.0\ninstall again\n");
}

TEST_F(HostLoopTest, AServiceIsNotStoppedBecauseItsStatusCannotBeTold) {
    Host host{dir_};
    host.run(action("a", "1.0"));
    auto wanted = action("b", "2.0");
    wanted.pipeline.release.resize(1);
    wanted.pipeline.release[0].name = "stop";
    wanted.pipeline.release[0].type = TaskType::stop_service;
    wanted.pipeline.release[0].graceful_timeout = Seconds{1};
    wanted.deploy.script.service.stop = ":";
    for (const auto* status : {"kill -9 $$", "./no-such-status", "/etc/passwd"}) {
        wanted.id = Digest::of(status).hex();
        wanted.deploy.script.service.status = status;
        EXPECT_EQ(host.run(wanted).error, "release/stop: service.status fails after 1s") << status;
    }
    wanted.id = Digest::of("c").hex();
    wanted.deploy.script.service.status = "exit 3";
    EXPECT_EQ(host.run(wanted).outcome, ActionOutcome::done);
}

}  // namespace
}  // namespace tidegate::agent
