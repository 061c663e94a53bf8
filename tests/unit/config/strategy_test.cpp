/// The keys of canary and blue_green, and what is wrong with them since checks 3.

#include "tests/unit/config/documents.h"

namespace tidegate::config {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

std::string strategy_text(std::string_view text) {
    return environment(fmt::format("strategy: {}\n", text));
}

Strategy read_strategy(std::string_view text) {
    return *read_good<Environment>(kEnvironmentPath, strategy_text(text)).strategy;
}

TEST(CanaryKeysTest, AreAllRead) {
    const auto read = read_strategy(
        "{type: canary, config: {steps: [{percent: 10, verify_duration: 10m}, {percent: 50}], "
        "batch_size: 5, max_unavailable: 25%, max_failed: 2, promote_timeout: 2h, "
        "auto_promote: false}}");
    ASSERT_EQ(read.steps.size(), 3u);
    EXPECT_EQ(read.steps[0].verify_duration, 600s);
    EXPECT_EQ(read.batch_size, (Amount{5, false}));
    EXPECT_EQ(read.max_unavailable, (Amount{25, true}));
    EXPECT_EQ(read.max_failed, (Amount{2, false}));
    EXPECT_EQ(read.promote_timeout, 2h);
    EXPECT_FALSE(read.auto_promote);
    const auto none = read_strategy("{type: canary, config: {canary_percent: 5, max_failed: 0}}");
    EXPECT_FALSE(none.batch_size || none.max_unavailable || none.max_failed ||
                 none.promote_timeout);
    EXPECT_EQ(read_strategy("{type: rolling, config: {max_failed: 10%}}").max_failed,
              (Amount{10, true}));
}

TEST(CanaryKeysTest, GroupsStandInTheOrderInWhichTheyGo) {
    const auto read = read_strategy(
        "{type: canary, config: {cluster_order: [{priority: 7, targets: [c]}, {priority: 1, "
        "targets: [a]}, {priority: 3, targets: [b], canary_percent: 20}]}}");
    std::string order;
    for (const auto& group : read.cluster_order) order += group.targets.at(0).name;
    EXPECT_EQ(order, "abc");
}

TEST(BlueGreenKeysTest, AreAllRead) {
    const auto read = read_strategy(
        "{type: blue_green, config: {verify_duration: 5m, switch_timeout: 30, keep_old: 24h, "
        "promote_timeout: 1h, max_unavailable: 2, canary: {steps: [{weight: 0, verify_duration: "
        "60}, {weight: 25}]}, traffic: {router: haproxy, targets: [lb-1, lb-2], header: {name: "
        "X-Canary, value: 1}, config: {socket: /run/haproxy.sock, backend: shop, server: "
        "\"${TARGET_NAME}.${SLOT}\", server_before: s1, drain_timeout: 2m, state_file: "
        "/var/lib/haproxy/state}}}}");
    EXPECT_EQ(read.verify_duration, 300s);
    EXPECT_EQ(read.switch_timeout, 30s);
    EXPECT_EQ(read.keep_old, 24h);
    EXPECT_EQ(read.promote_timeout, 1h);
    ASSERT_EQ(read.steps.size(), 3u);
    EXPECT_EQ(read.steps[1].weight, 25);
    EXPECT_EQ(read.steps[2].weight, 100);
    ASSERT_TRUE(read.traffic);
    const auto& traffic = *read.traffic;
    EXPECT_EQ(traffic.router, RouterType::haproxy);
    EXPECT_EQ(traffic.targets.at(1).name, "lb-2");
    EXPECT_EQ(traffic.header, (HeaderMatch{"X-Canary", "1"}));
    EXPECT_EQ(traffic.socket, "/run/haproxy.sock");
    EXPECT_EQ(traffic.backend, "shop");
    EXPECT_EQ(traffic.server, "${TARGET_NAME}.${SLOT}");
    EXPECT_EQ(traffic.server_before, "s1");
    EXPECT_EQ(traffic.drain_timeout, 120s);
    EXPECT_EQ(traffic.state_file, "/var/lib/haproxy/state");
}

TEST(BlueGreenKeysTest, ARouterMayBeAScript) {
    const auto read = read_strategy(
        "{type: blue_green, config: {traffic: {router: script, targets: [lb], config: "
        "{route_script: ./route, timeout: 90}}}}");
    EXPECT_EQ(read.switch_timeout, 60s);
    EXPECT_EQ(read.keep_old, 0s);
    EXPECT_EQ(read.traffic->router, RouterType::script);
    EXPECT_EQ(read.traffic->route_script, "./route");
    EXPECT_EQ(read.traffic->timeout, 90s);
    EXPECT_THAT(read.steps, IsEmpty());
}

TEST(DrainKeysTest, StrategiesWithoutSlotsTakeTraffic) {
    for (const auto* type : {"rolling", "canary"}) {
        const auto read = read_strategy(fmt::format(
            "{{type: {}, config: {{{} switch_timeout: 90, traffic: {{router: haproxy, targets: "
            "[lb], config: {{socket: /run/haproxy.sock, backend: shop}}}}}}}}",
            type, type == std::string_view{"canary"} ? "canary_percent: 10," : ""));
        EXPECT_EQ(read.switch_timeout, 90s);
        ASSERT_TRUE(read.traffic);
        EXPECT_EQ(read.traffic->backend, "shop");
    }
}

struct Case {
    const char* name;
    std::string text;
    std::vector<std::string> errors;
};

class SinceThirdTest : public testing::TestWithParam<Case> {};
TEST_P(SinceThirdTest, IsAWarningByOlderChecks) {
    const auto& [name, text, errors] = GetParam();
    const auto* path = text.find("kind: Version") == text.npos ? kEnvironmentPath : kVersionPath;
    EXPECT_EQ(lines_of(read_document(path, text).errors), errors);
    std::vector<std::string> warnings;
    for (const auto& each : errors) warnings.push_back(each + kRefusedNow);
    for (const auto older : {Checks::second, Checks::first}) {
        const auto read = read_document(path, text, older);
        EXPECT_THAT(lines_of(read.errors), IsEmpty());
        EXPECT_NE(read.document, nullptr);
        EXPECT_THAT(lines_of(read.warnings), testing::IsSupersetOf(warnings));
    }
}

Case canary(const char* name, std::string_view config, std::vector<std::string> errors) {
    return {name, strategy_text(fmt::format("{{type: canary, config: {{{}}}}}", config)),
            std::move(errors)};
}
Case blue_green(const char* name, std::string_view config, std::vector<std::string> errors) {
    return {name, strategy_text(fmt::format("{{type: blue_green, config: {{{}}}}}", config)),
            std::move(errors)};
}
constexpr auto kNeedsTraffic =
    "4:11: blue_green needs traffic, which sends requests to one side or the other: name a router, "
    "or use rolling or canary";
constexpr auto kRouter = "traffic: {router: istio}";

std::string many_steps() {
    std::string text = "steps: [";
    for (int i = 0; i < 101; ++i) text += "{percent: 1}, ";
    return text + "{percent: 100}]";
}

INSTANTIATE_TEST_SUITE_P(
    Of, SinceThirdTest,
    testing::Values(
        canary("EqualSteps", "steps: [{percent: 50}, {percent: 50}]",
               {"4:58: percent must rise from step to step, got 50 after 50"}),
        canary("Zero", "steps: [{percent: 0}]", {"4:53: percent must be 1..100, got 0"}),
        canary("ZeroPercent", "canary_percent: 0", {"4:51: canary_percent must be 1..100, got 0"}),
        canary("ZeroOfAGroup", "cluster_order: [{priority: 1, targets: [a], canary_percent: 0}]",
               {"4:95: canary_percent must be 1..100, got 0"}),
        canary("All", "canary_percent: 100",
               {"4:51: canary_percent 100 takes all at once, and nothing is tried first: write "
                "less, or type: all_at_once"}),
        canary("Weight", "steps: [{weight: 10}]",
               {"4:43: weight is a share of traffic, a canary takes percent of the targets: for "
                "traffic write type: blue_green with canary: {steps: [{weight: 10}]}"}),
        canary("TwoGroupsOfOnePriority",
               "cluster_order: [{priority: 1, targets: [a]}, {priority: 1, targets: [b]}]",
               {"4:80: two groups of priority 1: which goes first? give each its own"}),
        canary("ATargetTwiceInAGroup", "cluster_order: [{priority: 1, targets: [a, a]}]",
               {"4:78: target a is twice in this group"}),
        blue_green("NoTraffic", "keep_old: 24h", {kNeedsTraffic}),
        Case{"NoConfig", strategy_text("{type: blue_green}"), {kNeedsTraffic}},
        blue_green("Percent", fmt::format("canary: {{steps: [{{percent: 10}}]}}, {}", kRouter),
                   {"4:56: percent is a share of targets: steps of blue_green have weight, or "
                    "write type: canary"}),
        blue_green("FallingWeights",
                   fmt::format("canary: {{steps: [{{weight: 9}}, {{weight: 5}}]}}, {}", kRouter),
                   {"4:69: weight must rise from step to step, got 5 after 9"}),
        blue_green("EqualWeights",
                   fmt::format("canary: {{steps: [{{weight: 9}}, {{weight: 9}}]}}, {}", kRouter),
                   {"4:69: weight must rise from step to step, got 9 after 9"}),
        blue_green("NoBackend", "traffic: {router: haproxy, header: {name: X, value: a}}",
                   {"4:48: missing key 'targets' in traffic",
                    "4:48: missing key 'config' in traffic"}),
        blue_green("UnknownKeys",
                   "traffic: {router: haproxy, targets: [lb], config: {socket: /s, backend: b, "
                   "sever: x}}",
                   {"4:114: unknown key 'sever' in config; did you mean 'server'?"}),
        blue_green(
            "OddBackend",
            "traffic: {router: haproxy, targets: [lb], config: {socket: s, backend: \"b;x\"}}",
            {"4:98: socket must be an absolute path (or begin with ${), got s",
             "4:110: backend must be a name of A-Z a-z 0-9 _ . : - (and ${…}), got \"b;x\""}),
        Case{"PromoteOfAnotherVersion",
             version("version: 1.1\npromote: {version: 1.0, step: 1}\n"),
             {"4:10: promote names version 1.0, the file asks for 1.1: delete it with the "
              "version"}}),
    [](const auto& each) { return std::string{each.param.name}; });

TEST(SinceFourthTest, AFirstWeightOfZeroNeedsAHeader) {
    const auto text = [](std::string_view header) {
        return strategy_text(fmt::format(
            "{{type: blue_green, config: {{canary: {{steps: [{{weight: 0}}, {{weight: 5}}]}}, "
            "traffic: {{router: script, targets: [lb], {}config: {{route_script: x}}}}}}}}",
            header));
    };
    const std::string error =
        "4:47: weight 0 sends nothing to the new side: begin with more, or name a header in "
        "traffic";
    EXPECT_EQ(lines_of(read_document(kEnvironmentPath, text("")).errors),
              std::vector<std::string>{error});
    EXPECT_EQ(lines_of(read_document(kEnvironmentPath, text(""), Checks::third).warnings),
              std::vector<std::string>{error + kRefusedNow});
    const auto by_header = read_document(kEnvironmentPath, text("header: {name: X, value: a}, "));
    EXPECT_THAT(lines_of(by_header.errors), IsEmpty());
}

TEST(SinceThirdTest, StepsHaveAnEnd) {
    const auto text = strategy_text("{type: canary, config: {" + many_steps() + "}}");
    EXPECT_THAT(lines_of(read_document(kEnvironmentPath, text).errors),
                testing::Contains("4:42: steps must hold at most 100 items, got 102"));
    EXPECT_THAT(lines_of(read_document(kEnvironmentPath, text, Checks::second).errors), IsEmpty());
}

class WrongTest : public testing::TestWithParam<Case> {};
TEST_P(WrongTest, IsAnErrorByAllChecks) {
    const auto& [name, text, errors] = GetParam();
    for (const auto checks : {Checks::first, Checks::second, Checks::third, Checks::fourth})
        EXPECT_EQ(lines_of(read_document(kEnvironmentPath, text, checks).errors), errors);
}
INSTANTIATE_TEST_SUITE_P(
    Keys, WrongTest,
    testing::Values(
        canary("Falling", "steps: [{percent: 50}, {percent: 10}]",
               {"4:58: percent must rise from step to step, got 10 after 50"}),
        canary("TooMuch", "steps: [{percent: 101}]", {"4:53: percent must be 0..100, got 101"}),
        canary("Types",
               "canary_percent: ten, batch_size: 0, max_unavailable: -1, max_failed: some, "
               "promote_timeout: 0",
               {"4:51: canary_percent must be 0..100, got ten",
                "4:68: batch_size must be a count from 1, or a share from 1% to 100%, got 0",
                "4:88: max_unavailable must be a count from 1, or a share from 1% to 100%, got -1",
                "4:104: max_failed must be a count from 0, or a share from 0% to 100%, got some",
                "4:127: promote_timeout must be at least 1s, got 0"}),
        blue_green("Weights",
                   fmt::format("canary: {{steps: [{{weight: 101}}]}}, "
                               "keep_old: -1, switch_timeout: 0, auto_promote: maybe, {}",
                               kRouter),
                   {"4:65: weight must be 0..100, got 101",
                    "4:83: keep_old must be whole seconds or a duration like 10m or 24h, got -1",
                    "4:103: switch_timeout must be at least 1s, got 0",
                    "4:120: auto_promote must be true or false, got maybe"}),
        canary("UnknownKey", "canary_percent: 5, batch_siz: 1",
               {"4:54: unknown key 'batch_siz' in config; did you mean 'batch_size'?"})),
    [](const auto& each) { return std::string{each.param.name}; });

}  // namespace
}  // namespace tidegate::config
