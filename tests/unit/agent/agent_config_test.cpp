#include "agent/daemon/agent_config.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <tuple>

#include "tests/integration/temp_dir.h"

namespace tidegate::agent {
namespace {

TEST(AgentConfigTest, ReadsEveryField) {
    const auto config = parse_agent_config(R"(
run_as: deploy
allow_root: true
allow_sudo: false
drivers: [script]
projects: [shop-api, shop-web]
targets: [web-1]
work_dirs: [/opt/apps, /srv]
variables:
  PORT: 8080
  PASSWORD: {type: secret, value: hunter2}
output_bytes_max: 2048
routers:
  sockets: [/run/haproxy/admin.sock]
  backends: [shop, "web:80"]
  state_files: [/var/lib/haproxy/state]
)",
                                           "agent.yaml");
    ASSERT_TRUE(config) << config.error().text();
    AgentConfig expected;
    expected.run_as = "deploy";
    expected.allow_root = true;
    expected.allow_sudo = false;
    expected.drivers = {"script"};
    expected.projects = {"shop-api", "shop-web"};
    expected.targets = {"web-1"};
    expected.work_dirs = {"/opt/apps", "/srv"};
    expected.variables = {{"PORT", {"8080", false}}, {"PASSWORD", {"hunter2", true}}};
    expected.output_bytes_max = 2048;
    expected.routers = {
        {"/run/haproxy/admin.sock"}, {"shop", "web:80"}, {"/var/lib/haproxy/state"}};
    EXPECT_EQ(*config, expected);
}

TEST(AgentConfigTest, AnEmptyFileAllowsAll) {
    EXPECT_EQ(*parse_agent_config("", "agent.yaml"), AgentConfig{});
    EXPECT_EQ(*parse_agent_config("# nothing\n", "agent.yaml"), AgentConfig{});
}

TEST(AgentConfigTest, EveryKeyIsDescribedAndTheExampleIsGood) {
    const auto docs = test::read_text(TIDEGATE_SOURCE_DIR "/docs/agent.md");
    for (const auto& key : agent_config_keys())
        EXPECT_NE(docs.find("| `" + key + "` |"), std::string::npos) << key;
    const auto begin = docs.find("```yaml\n") + 8;
    const auto example = docs.substr(begin, docs.find("```", begin) - begin);
    const auto config = parse_agent_config(example, "docs/agent.md");
    ASSERT_TRUE(config) << config.error().text();
    for (const auto& key : agent_config_keys())
        EXPECT_NE(example.find(key + ':'), std::string::npos) << key;
}

TEST(AgentConfigTest, WarnsOfSecretsThatEverybodyCanRead) {
    const test::TempDir dir;
    const auto file = dir / "agent.yaml";
    for (const auto& [text, mode, warned] :
         {std::tuple{"variables: {P: {type: secret, value: x}}\n", 0644, true},
          std::tuple{"variables: {P: {type: secret, value: x}}\n", 0640, false},
          std::tuple{"variables: {P: x}\n", 0644, false}}) {
        test::write_text(file, text);
        ASSERT_EQ(::chmod(file.c_str(), static_cast<mode_t>(mode)), 0);
        const auto config = read_agent_config(file);
        ASSERT_TRUE(config);
        EXPECT_EQ(!agent_config_warning(*config, file).empty(), warned) << text << mode;
    }
}

TEST(AgentConfigTest, WhatCannotBeReadNeverAllowsAll) {
    const test::TempDir dir;
    const auto folder = read_agent_config(dir.path().string());
    ASSERT_FALSE(folder);
    EXPECT_EQ(folder.error().text(), "cannot read " + dir.path().string() + ": it is a folder");
    test::write_text(dir / "agent.yaml", std::string(limits::kFileBytesMax + 1, '\n'));
    const auto large = read_agent_config(dir / "agent.yaml");
    ASSERT_FALSE(large);
    EXPECT_EQ(large.error().code, ErrorCode::exhausted);
}

struct BadCase {
    const char* name;
    const char* text;
    const char* error;
};
class BadAgentConfigTest : public testing::TestWithParam<BadCase> {};

TEST_P(BadAgentConfigTest, IsRefusedWithItsPlace) {
    const auto config = parse_agent_config(GetParam().text, "agent.yaml");
    ASSERT_FALSE(config);
    EXPECT_EQ(config.error().text(), GetParam().error);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, BadAgentConfigTest,
    testing::Values(
        BadCase{"UnknownKey", "run_as: x\nallow_rot: true\n",
                "agent.yaml:2:12: unknown key 'allow_rot'"},
        BadCase{"Repeated", "run_as: x\nrun_as: y\n", "agent.yaml:2:1: 'run_as' is repeated"},
        BadCase{"NotAMap", "- x\n", "agent.yaml:1:1: agent.yaml must be a map"},
        BadCase{"NotAFlag", "allow_root: maybe\n", "agent.yaml:1:13: wanted true or false"},
        BadCase{"NotAList", "targets: web-1\n", "agent.yaml:1:10: wanted a list of names"},
        BadCase{"EmptyList", "targets: []\n", "agent.yaml:1:10: wanted a list of names"},
        BadCase{"NoSuchDriver", "drivers: [bash]\n", "agent.yaml:1:10: no driver 'bash'"},
        BadCase{"Relative", "work_dirs: [opt]\n", "agent.yaml:1:12: 'opt' is not an absolute path"},
        BadCase{"Parent", "work_dirs: [/opt/../srv]\n",
                "agent.yaml:1:12: '/opt/../srv' has a '..' in it"},
        BadCase{"TooMuch", "output_bytes_max: 99999999\n",
                "agent.yaml:1:19: output_bytes_max must be 1024..1048576"},
        BadCase{"BadVariableName", "variables:\n  A: b\n  9-A: b\n",
                "agent.yaml:3:3: wanted a name of A-Z a-z 0-9 _, first no digit, got '9-A'"},
        BadCase{"NoBackend", "routers:\n  backends: [\"shop; disable frontend f\"]\n",
                "agent.yaml:2:13: wanted names of A-Z a-z 0-9 _ . : -, got 'shop; disable frontend "
                "f'"},
        BadCase{"NoSocket", "routers:\n  sockets: [admin.sock]\n",
                "agent.yaml:2:12: 'admin.sock' is not an absolute path"},
        BadCase{"NoRouterKey", "routers:\n  socket: [/run/a]\n",
                "agent.yaml:2:11: unknown key 'socket'"},
        BadCase{"BadVariable", "variables:\n  X: {type: plain, value: y}\n",
                "agent.yaml:2:6: wanted a text or {type: secret, value: …}"},
        BadCase{"OpenQuote", "run_as: \"app\nallow_sudo: false\n",
                "agent.yaml:1:9: this quote is never closed"},
        BadCase{"OpenQuoteAtTheEnd", "variables:\n  A: 'x",
                "agent.yaml:2:6: this quote is never closed"},
        BadCase{"QuoteOverTheNextKey", "run_as: \"app\nallow_root: true\nprojects: [\"a\"]\n",
                "agent.yaml:1:9: this quote goes on in line 2, which is not indented: close it"},
        BadCase{
            "CarriageReturns", "run_as: app\rallow_root: true\r",
            "agent.yaml:1:12: a carriage return alone ends no line: save the file with LF or CRLF"},
        BadCase{
            "ACarriageReturn", "projects: [a]\nrun_as: app\rallow_root: true\n",
            "agent.yaml:2:12: a carriage return alone ends no line: save the file with LF or CRLF"},
        BadCase{"Tab", "variables:\n\tA: b\n",
                "agent.yaml:2:1: a tab indents this line: YAML takes plain spaces only"},
        BadCase{"Conflict", "<<<<<<< HEAD\nrun_as: a\n=======\nrun_as: b\n>>>>>>> x\n",
                "agent.yaml:1:1: a conflict marker: a merge was not finished here"},
        BadCase{"Broken", "run_as: [\n", "agent.yaml:2:1: end of sequence flow not found"}),
    [](const auto& test) { return std::string{test.param.name}; });

}  // namespace
}  // namespace tidegate::agent
