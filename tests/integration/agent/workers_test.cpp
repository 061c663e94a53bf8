/// Which of the agent's workers run what.

#include <gtest/gtest.h>

#include "agent/daemon/action_runner.h"
#include "tests/integration/agent/host_fixture.h"

namespace tidegate::agent {
namespace {

using test::Host;
using test::make_action;

class WorkersTest : public testing::Test {
protected:
    Action action(const std::string& project, ActionKind kind) const {
        auto out = make_action(dir_, project, "1.0");
        out.kind = kind;
        out.key.project = project;
        out.deploy.script.work_dir = dir_ / ("apps/" + project);
        return out;
    }

    test::TempDir dir_;
};

class KeptWorkerTest : public WorkersTest, public testing::WithParamInterface<ActionKind> {};

TEST_P(KeptWorkerTest, ARestoreRunsHoweverMuchElseIsToBeDone) {
    Host host{dir_};
    constexpr std::size_t kMany = ActionRunner::kWorkers + 1;
    for (std::size_t i = 0; i < kMany; ++i) {
        auto busy = action(fmt::format("busy-{}", i), ActionKind::deploy);
        busy.deploy.script.install_script = "while [ ! -e ../go ]; do sleep 0.01; done";
        host.loop->step(machine::RunCommand{1, busy});
    }
    auto restore = action("shop", GetParam());
    restore.rejected = LastGood{Digest::of("bad"), std::string(40, 'b'), "2.0"};
    restore.rollback_script = "true";
    EXPECT_EQ(host.run(restore).outcome, ActionOutcome::done);
    EXPECT_EQ(host.uplink.results.size(), 1U);
    test::write_text(dir_ / "apps/go", "");
    EXPECT_TRUE(host.until([&] { return host.uplink.results.size() == kMany + 1; }));
}
INSTANTIATE_TEST_SUITE_P(Kinds, KeptWorkerTest,
                         testing::Values(ActionKind::rollback, ActionKind::uninstall),
                         [](const auto& test) { return std::string{to_string(test.param)}; });

/// As many hang as there are workers, and one more.
TEST_F(WorkersTest, LooksForDriftTakeNone) {
    Host host{dir_, {}, Seconds{1}};
    for (std::size_t i = 0; i <= ActionRunner::kWorkers; ++i) {
        auto watched = action(fmt::format("watched-{}", i), ActionKind::deploy);
        watched.deploy.script.service.status =
            "[ ! -e ../hang ] || touch ../hangs; while [ -e ../hang ]; do sleep 0.01; done";
        ASSERT_EQ(host.run(watched).outcome, ActionOutcome::done);
    }
    test::write_text(dir_ / "apps/hang", "");
    ASSERT_TRUE(host.until([&] { return std::filesystem::exists(dir_ / "apps/hangs"); }));
    EXPECT_EQ(host.run(action("shop", ActionKind::deploy)).outcome, ActionOutcome::done);
    std::filesystem::remove(dir_ / "apps/hang");
}

}  // namespace
}  // namespace tidegate::agent
