/// What agent.yaml and the host forbid.

#include "agent/daemon/host_loop.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/integration/agent/host_fixture.h"

namespace tidegate::agent {
namespace {

using test::Host;
using test::HostLoopTest;
using test::make_action;

struct RefusalCase {
    const char* name;
    std::function<void(AgentConfig&, Action&)> change;
    std::string error;
};
class RefusalTest : public testing::TestWithParam<RefusalCase> {};

TEST_P(RefusalTest, TouchesNothing) {
    const test::TempDir dir;
    AgentConfig config;
    auto wanted = make_action(dir, "a", "1.0");
    GetParam().change(config, wanted);
    Host host{dir, config};
    const auto result = host.run(wanted);
    EXPECT_EQ(result.outcome, ActionOutcome::refused);
    EXPECT_NE(result.error.find(GetParam().error), std::string::npos) << result.error;
    EXPECT_EQ(result.installation.status, InstallStatus::absent);
    EXPECT_FALSE(std::filesystem::exists(dir / "apps"));
}

INSTANTIATE_TEST_SUITE_P(
    Cases, RefusalTest,
    testing::Values(
        RefusalCase{"Target", [](auto& config, auto&) { config.targets = {"web-2"}; },
                    "agent.yaml does not serve target 'web-1'"},
        RefusalCase{"Project", [](auto& config, auto&) { config.projects = {"blog"}; },
                    "agent.yaml does not allow project 'shop'"},
        RefusalCase{"Driver", [](auto& config, auto&) { config.drivers = {"container"}; },
                    "agent.yaml does not allow driver 'script'"},
        RefusalCase{"NoDriver",
                    [](auto&, auto& action) { action.deploy.type = DeployType::lambda; },
                    "this agent has no driver 'lambda'"},
        RefusalCase{"WorkDir", [](auto& config, auto&) { config.work_dirs = {"/opt/only"}; },
                    "is not below any work_dirs of agent.yaml"},
        RefusalCase{"Escape",
                    [](auto&, auto& action) { action.deploy.script.work_dir = "/opt/elsewhere"; },
                    "is not below the target's"},
        RefusalCase{"UnknownVariable",
                    [](auto&, auto& action) { action.deploy.script.work_dir = "/opt/${NOPE}"; },
                    "unknown variable NOPE"},
        RefusalCase{"Secret",
                    [](auto&, auto& action) {
                        action.variables["PW"].type = VariableType::secret;
                        action.variables["PW"].value = "encrypted:age:xyz";
                    },
                    "unsupported"},
        RefusalCase{"Task",
                    [](auto&, auto& action) {
                        action.pipeline.release.resize(1);
                        action.pipeline.release[0].name = "save";
                        action.pipeline.release[0].type = TaskType::backup;
                    },
                    "this agent has no task type 'backup'"}),
    [](const auto& test) { return std::string{test.param.name}; });

TEST(HostRulesTest, RootNeedsPermission) {
    if (::geteuid() != 0) return;
    const test::TempDir dir;
    AgentConfig config;
    EXPECT_EQ(make_host_rules(config, dir.path().string()).error().code, ErrorCode::denied);
    config.run_as = "nobody";
    const auto as_nobody = make_host_rules(config, dir.path().string());
    ASSERT_TRUE(as_nobody);
    EXPECT_EQ(as_nobody->limits.user->name, "nobody");
    config.run_as = "no-such-user";
    EXPECT_EQ(make_host_rules(config, dir.path().string()).error().code, ErrorCode::not_found);
}

/// Only root runs scripts as somebody else.
TEST(HostRulesTest, TheScriptsUserMustGetToItsScripts) {
    if (::geteuid() != 0) return;
    const test::TempDir dir;  // 0700
    std::filesystem::create_directory(dir / "data");
    AgentConfig config;
    config.run_as = "nobody";
    const auto rules = *make_host_rules(config, dir / "data");
    const auto closed = make_tmp_dir(rules);
    ASSERT_FALSE(closed);
    EXPECT_EQ(closed.error().code, ErrorCode::denied);
    EXPECT_NE(closed.error().message.find("user 'nobody' (run_as) may not pass through " +
                                          dir.path().string() + ","),
              std::string::npos)
        << closed.error().message;
    std::filesystem::permissions(dir.path(), std::filesystem::perms{0711});
    EXPECT_TRUE(make_tmp_dir(rules));
}

TEST_F(HostLoopTest, ScriptsRunAsTheConfiguredUser) {
    if (::geteuid() != 0) return;
    std::filesystem::permissions(dir_.path(), std::filesystem::perms{0711});
    AgentConfig config;
    config.run_as = "nobody";
    config.work_dirs = {dir_ / "apps"};
    auto wanted = action("a", "1.0");
    config.allow_sudo = false;
    wanted.deploy.script.install_script =
        "id -un; touch mine; grep -q NoNewPrivs:.1 /proc/self/status";
    Host host{dir_, config};
    EXPECT_EQ(host.run(wanted).outcome, ActionOutcome::done);
    EXPECT_EQ(host.uplink.logs.at(0), "== release/deploy: success\nnobody\n");
}

}  // namespace
}  // namespace tidegate::agent
