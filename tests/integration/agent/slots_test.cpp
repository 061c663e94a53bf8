/// Two slots of one project on one host: beside each other, and neither touches the other.

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "agent/drivers/process_group.h"
#include "agent/drivers/run_register.h"
#include "schema/resolve/built_ins.h"
#include "tests/integration/agent/host_fixture.h"

namespace tidegate::agent {
namespace {

using test::Host;
using test::read_text;
using test::write_text;

class SlotsTest : public testing::Test {
protected:
    SlotsTest() { std::filesystem::create_directory(dir_.path() / "apps"); }
    ~SlotsTest() override {
        for (const auto* slot : {"blue", "green"})
            if (const auto pid = service_of(slot)) ::kill(pid, SIGKILL);
    }

    /// A service in the slot, with `live` as what has the traffic.
    Action action(const std::string& slot, const std::string& version, const std::string& live = "",
                  ActionKind kind = ActionKind::deploy) const {
        auto out = test::make_action(dir_, slot + std::to_string(++ids_), version);
        out.key.slot = slot;
        out.kind = kind;
        add_slots(out.variables, slot, live);
        Variable port;
        port.type = VariableType::slot_specific;
        port.slots = {{"blue", "8080"}, {"green", "8081"}};
        out.variables["PORT"] = port;
        auto& script = out.deploy.script;
        script.work_dir = dir_ / "apps/shop-${SLOT}";
        script.install_script = script.update_script =
            "echo $APP_VERSION in $SLOT at $PORT beside $OTHER_SLOT >> history";
        script.uninstall_script = "touch ../uninstalled";
        script.service.start = "sleep 1000 & echo $! > pid";
        script.service.stop = "kill $(cat pid)";
        script.service.status = "kill -0 $(cat pid)";
        Task start;
        start.name = "start";
        start.type = TaskType::start_service;
        Task stop;
        stop.name = "stop";
        stop.type = TaskType::stop_service;
        Task deploy;
        deploy.name = "deploy";
        deploy.type = TaskType::deploy;
        out.pipeline.release = {stop, deploy, start};
        return out;
    }
    std::string place(const std::string& slot) const { return dir_ / "apps/shop-" + slot; }
    bool exists(const std::string& path) const {
        return std::filesystem::exists(dir_.path() / "apps" / path);
    }
    std::string history(const std::string& slot) const {
        return read_text(place(slot) + "/history");
    }
    pid_t service_of(const std::string& slot) const {
        const auto text = read_text(place(slot) + "/pid");
        return text.empty() ? 0 : std::stoi(text);
    }
    bool runs(const std::string& slot) const {
        const auto pid = service_of(slot);
        return pid != 0 && !living_of_service("web-1/shop@" + slot, agent()).empty() &&
               ::kill(pid, 0) == 0;
    }
    /// Also of whoever answers for it: a killed one stays in sight until that has taken note.
    static bool gone(pid_t pid) {
        for (int i = 0; i < 20'000 && ::kill(pid, 0) == 0; ++i) ::poll(nullptr, 0, 1);
        return ::kill(pid, 0) != 0;
    }
    std::string agent() const { return std::filesystem::canonical(dir_ / "agent").string(); }

    void install_both(Host& host) const {
        ASSERT_EQ(host.run(action("blue", "1.0")).outcome, ActionOutcome::done);
        const auto green = host.run(action("green", "2.0", "blue"));
        ASSERT_EQ(green.outcome, ActionOutcome::done) << green.error;
    }
    /// By slot.
    static std::map<std::string, Installation> seen(const Host& host) {
        std::map<std::string, Installation> found;
        for (const auto& each : host.loop->inventory().installations) found[each.key.slot] = each;
        return found;
    }

    test::TempDir dir_;
    mutable int ids_ = 0;
};

TEST_F(SlotsTest, EachHasItsFolderItsValuesAndItsService) {
    Host host{dir_};
    install_both(host);
    EXPECT_EQ(history("blue"), "1.0 in blue at 8080 beside green\n");
    EXPECT_EQ(history("green"), "2.0 in green at 8081 beside blue\n");
    EXPECT_TRUE(runs("blue"));
    EXPECT_TRUE(runs("green"));
    auto all = seen(host);
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all["blue"].version, "1.0");
    EXPECT_EQ(all["green"].version, "2.0");
}

TEST_F(SlotsTest, AnUpdateOfOneLeavesTheOther) {
    Host host{dir_};
    install_both(host);
    const auto before = seen(host);
    const auto blue = service_of("blue");
    const auto green = service_of("green");
    ASSERT_EQ(host.run(action("green", "3.0", "blue")).outcome, ActionOutcome::done);
    EXPECT_EQ(service_of("blue"), blue);
    EXPECT_TRUE(runs("blue"));
    EXPECT_NE(service_of("green"), green);
    EXPECT_TRUE(runs("green"));
    EXPECT_EQ(seen(host)["blue"], before.at("blue"));
    EXPECT_EQ(seen(host)["green"].version, "3.0");
}

TEST_F(SlotsTest, TwoAreWorkedInAtTheSameTime) {
    const auto meeting = [&](const std::string& slot) {
        auto out = action(slot, "1.0");
        out.deploy.script.install_script =
            "touch ../$SLOT; for i in $(seq 1000); do [ -e ../$OTHER_SLOT ] && exit; sleep 0.01; "
            "done; exit 1";
        return out;
    };
    Host host{dir_};
    host.loop->step(machine::RunCommand{1, meeting("blue")});
    host.loop->step(machine::RunCommand{1, meeting("green")});
    ASSERT_TRUE(host.until([&] { return host.uplink.results.size() == 2; }));
    for (const auto& result : host.uplink.results)
        EXPECT_EQ(result.outcome, ActionOutcome::done) << result.error;
}

TEST_F(SlotsTest, ARemovedOneTakesItsServiceAndItsFolderAlone) {
    Host host{dir_};
    install_both(host);
    const auto blue = service_of("blue");
    write_text(place("blue") + "/.hidden", "x");
    std::filesystem::create_directories(place("blue") + "/backups/old");
    const auto result = host.run(action("blue", "1.0", "green", ActionKind::uninstall));
    EXPECT_EQ(result.outcome, ActionOutcome::done) << result.error;
    EXPECT_EQ(result.installation.status, InstallStatus::absent);
    EXPECT_FALSE(exists("shop-blue"));
    EXPECT_TRUE(gone(blue));
    EXPECT_TRUE(runs("green"));
    EXPECT_EQ(seen(host)["green"].status, InstallStatus::installed);
    EXPECT_FALSE(exists("uninstalled")) << "the project is not uninstalled";

    ASSERT_EQ(host.run(action("blue", "3.0", "green")).outcome, ActionOutcome::done);
    EXPECT_EQ(history("blue"), "3.0 in blue at 8080 beside green\n") << "it is a first install";
    std::filesystem::remove_all(place("blue"));
    EXPECT_EQ(host.run(action("blue", "3.0", "green", ActionKind::uninstall)).outcome,
              ActionOutcome::done)
        << "its folder was gone";
}

TEST_F(SlotsTest, AProjectMayRemoveThemItself) {
    Host host{dir_};
    install_both(host);
    auto removal = action("blue", "1.0", "green", ActionKind::uninstall);
    removal.deploy.script.slot_remove_script = "echo $SLOT > ../removed; mv history old";
    const auto result = host.run(removal);
    EXPECT_EQ(result.outcome, ActionOutcome::done) << result.error;
    EXPECT_EQ(read_text(dir_ / "apps/removed"), "blue\n");
    EXPECT_TRUE(exists("shop-blue/old")) << "what stays is its word";
    EXPECT_FALSE(runs("blue"));
    EXPECT_FALSE(exists("uninstalled"));
    EXPECT_TRUE(runs("green"));
}

TEST_F(SlotsTest, WhatOthersHaveInItsFolderIsNotRemovedWithIt) {
    const auto shared = [](Action out) {
        out.deploy.script.shared_work_dir = true;
        return out;
    };
    Host host{dir_};
    ASSERT_EQ(host.run(shared(action("blue", "1.0"))).outcome, ActionOutcome::done);
    auto blog = test::make_action(dir_, "blog", "1.0");
    blog.key.project = "blog";
    blog.deploy.script.work_dir = place("blue") + "/blog";
    ASSERT_EQ(host.run(shared(blog)).outcome, ActionOutcome::done);
    auto removal = shared(action("blue", "1.0", "green", ActionKind::uninstall));
    const auto refused = host.run(removal);
    EXPECT_EQ(refused.outcome, ActionOutcome::refused);
    EXPECT_EQ(refused.error, "work_dir '" + place("blue") + "' contains '" + place("blue") +
                                 "/blog' of web-1/blog; to be removed with its folder needs a "
                                 "slot_remove_script");
    EXPECT_TRUE(exists("shop-blue/blog/history"));
    EXPECT_TRUE(runs("blue"));
    removal = shared(action("blue", "1.0", "green", ActionKind::uninstall));
    removal.deploy.script.slot_remove_script = "rm history";
    EXPECT_EQ(host.run(removal).outcome, ActionOutcome::done);
}

/// A daemon that checks nothing.
TEST_F(SlotsTest, OneFolderForBothIsRefused) {
    Host host{dir_};
    ASSERT_EQ(host.run(action("blue", "1.0")).outcome, ActionOutcome::done);
    for (const auto* work_dir : {"apps/shop-blue", "apps"}) {
        auto green = action("green", "2.0", "blue");
        green.deploy.script.work_dir = dir_ / work_dir;
        const auto result = host.run(green);
        EXPECT_EQ(result.outcome, ActionOutcome::refused);
        EXPECT_EQ(result.host_trouble, "") << "it is the version's fault";
        EXPECT_NE(result.error.find("it needs ${SLOT} in it"), std::string::npos) << result.error;
    }
    EXPECT_TRUE(runs("blue"));
}

TEST_F(SlotsTest, DriftIsOfOne) {
    Host host{dir_, {}, Seconds{1}};
    install_both(host);
    ::kill(service_of("green"), SIGKILL);
    ASSERT_TRUE(host.until([&] { return !host.uplink.changes.empty(); }));
    EXPECT_EQ(host.uplink.changes[0].key.slot, "green");
    EXPECT_TRUE(host.uplink.changes[0].drifted);
    ASSERT_EQ(host.run(action("green", "2.0", "blue")).outcome, ActionOutcome::done);
    for (const auto& change : host.uplink.changes) EXPECT_EQ(change.key.slot, "green");
    EXPECT_TRUE(runs("blue"));
}

/// `service.stop` does not help, so all that service.start left is killed: of this slot.
TEST_F(SlotsTest, AKilledServiceIsOfOne) {
    const auto stubborn = [&](const std::string& slot, const std::string& version) {
        auto out = action(slot, version, "blue");
        out.deploy.script.service.stop = "exit 1";
        return out;
    };
    Host host{dir_};
    ASSERT_EQ(host.run(stubborn("blue", "1.0")).outcome, ActionOutcome::done);
    ASSERT_EQ(host.run(stubborn("green", "2.0")).outcome, ActionOutcome::done);
    const auto green = service_of("green");
    const auto blue = service_of("blue");
    const auto result = host.run(stubborn("green", "3.0"));
    ASSERT_EQ(result.outcome, ActionOutcome::done) << result.error;
    EXPECT_TRUE(gone(green));
    EXPECT_EQ(service_of("blue"), blue);
    EXPECT_TRUE(runs("blue"));
}

TEST_F(SlotsTest, PreReleaseLooksAtWhatIsLive) {
    Task look;
    look.name = "look";
    look.script = "echo $SLOT $OTHER_SLOT $LIVE_SLOT $PORT >> looked";
    Task check;
    check.name = "check";
    check.type = TaskType::health_check;
    check.check.type = CheckType::tcp;
    check.check.port = "${PORT}";
    check.check.retry = 0;
    Host host{dir_};
    auto first = action("blue", "1.0");
    first.pipeline.pre_release = {look, check};
    first.pipeline.release[1].depends_on = {"look"};
    const auto installed = host.run(first);
    ASSERT_EQ(installed.outcome, ActionOutcome::done) << installed.error;
    for (const auto& task : installed.stages[0].tasks) {
        EXPECT_EQ(task.status, TaskStatus::skipped);
        EXPECT_EQ(task.error, "no slot is live yet");
    }
    EXPECT_EQ(history("blue"), "1.0 in blue at 8080 beside green\n") << "it was not skipped";

    auto second = action("green", "2.0", "blue");
    second.pipeline.pre_release = {look};
    second.pipeline.post_release = {look};
    ASSERT_EQ(host.run(second).outcome, ActionOutcome::done);
    EXPECT_EQ(read_text(place("blue") + "/looked"), "blue green blue 8080\n");
    EXPECT_EQ(read_text(place("green") + "/looked"), "green blue blue 8081\n");

    auto third = action("green", "3.0", "blue");
    third.variables["PORT"].slots["blue"] = "1";  // nobody is there
    third.pipeline.pre_release = {check};
    const auto failed = host.run(third);
    EXPECT_EQ(failed.outcome, ActionOutcome::failed);
    EXPECT_NE(failed.error.find("localhost:1"), std::string::npos) << failed.error;
}

TEST_F(SlotsTest, AnAgentThatIsKilledInOneKnowsTheOther) {
    Installation before;
    {
        Host host{dir_};
        ASSERT_EQ(host.run(action("blue", "1.0")).outcome, ActionOutcome::done);
        before = seen(host)["blue"];
    }
    auto green = action("green", "2.0", "blue");
    green.deploy.script.install_script = "touch begun; sleep 1000";
    const pid_t agent = ::fork();
    if (agent == 0) {
        Host host{dir_};
        host.loop->step(machine::RunCommand{1, green});
        host.until([] { return false; });
        ::_exit(0);
    }
    EXPECT_TRUE(test::comes_to_be([&] { return exists("shop-green/begun"); }));
    ::kill(agent, SIGKILL);
    ::waitpid(agent, nullptr, 0);

    Host host{dir_};
    host.loop->step(machine::RunCommand{1, green});
    ASSERT_TRUE(host.until([&] { return !host.uplink.results.empty(); }));
    EXPECT_EQ(host.uplink.results[0].outcome, ActionOutcome::unknown);
    EXPECT_EQ(seen(host)["green"].status, InstallStatus::unknown);
    EXPECT_EQ(seen(host)["blue"], before);
    EXPECT_TRUE(runs("blue"));
    EXPECT_EQ(host.run(action("blue", "1.1", "blue")).outcome, ActionOutcome::done);
    EXPECT_EQ(history("blue"),
              "1.0 in blue at 8080 beside green\n1.1 in blue at 8080 beside green\n");
}

/// A journal of before there were slots: what it knows stays beside them.
TEST_F(SlotsTest, WhatStoodThereBeforeStaysBesideThem) {
    std::filesystem::create_directory(dir_.path() / "agent");
    std::filesystem::copy(
        std::filesystem::path{TIDEGATE_SOURCE_DIR} / "tests/golden/before/0.1.0-3ded667/journal",
        dir_.path() / "agent/journal");
    Host host{dir_};
    ASSERT_TRUE(host.until([&] { return !host.uplink.results.empty(); })) << "what was cut off";
    const auto before = host.loop->inventory();
    ASSERT_EQ(before.installations.size(), 1U);
    const auto old = before.installations[0];
    auto blue = action("blue", "1.0");
    blue.key.target = old.key.target;
    blue.key.project = old.key.project;
    host.loop->step(machine::RunCommand{8, blue});
    ASSERT_TRUE(host.until([&] {
        return std::ranges::any_of(host.uplink.results,
                                   [&](const auto& result) { return result.id == blue.id; });
    }));
    const auto all = seen(host);
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all.at(""), old);
    EXPECT_EQ(all.at("blue").version, "1.0");
    EXPECT_TRUE(std::filesystem::exists(place("blue") + "/history"));
}

}  // namespace
}  // namespace tidegate::agent
