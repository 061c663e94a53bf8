/// Routes in plain values, and what is wrong with the traffic of blue_green.
#include "schema/resolve/routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "schema/base/limits.h"
#include "tests/unit/resolve/tree_builder.h"

namespace tidegate {
namespace {

using namespace testing_support;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

/// prod/api on w-1 and w-2 behind HAProxy on lb, green on its way to half the traffic.
class RenderRouteTest : public testing::Test {
protected:
    RenderRouteTest() {
        definition_.key = assignment_.key = {"prod", "api"};
        definition_.base["POOL"] = plain("shop");
        for (const auto* name : {"w-1", "w-2"}) assignment_.targets.emplace_back().name = name;
        assignment_.strategy.type = StrategyType::blue_green;
        traffic_.socket = "/run/haproxy/${POOL}.sock";
        traffic_.backend = "${POOL}-${APP_NAME}";
        traffic_.state_file = "/var/lib/haproxy/state";
        sides_.live = "blue";
        sides_.revision = 7;
        sides_.weights = {{"blue", 50}, {"green", 50}};
        sides_.served = {{"blue", {"w-1", "w-2"}}, {"green", {"w-1"}}};
    }
    Route route() {
        sides_.traffic = traffic_;
        auto route = render_route(assignment_, definition_, sides_, "lb");
        EXPECT_TRUE(route) << route.error().text();
        return route ? *std::move(route) : Route{};
    }
    std::string error() {
        sides_.traffic = traffic_;
        const auto route = render_route(assignment_, definition_, sides_, "lb");
        return route ? "" : route.error().text();
    }
    std::vector<std::string> servers() {
        std::vector<std::string> lines;
        for (const auto& server : route().servers)
            lines.push_back(server.name + ' ' + server.target + ' ' + server.slot + ' ' +
                            std::to_string(server.weight));
        return lines;
    }
    std::string shares() {
        const auto now = route();
        return now.slot_new + ' ' + std::to_string(now.weight_new) + ", " + now.slot_old + ' ' +
               std::to_string(now.weight_old);
    }

    Assignment assignment_;
    Definition definition_;
    Traffic traffic_;
    Sides sides_;
};

TEST_F(RenderRouteTest, FillsInWhatTheRepoSays) {
    const auto now = route();
    EXPECT_EQ(now.key, assignment_.key);
    EXPECT_EQ(now.target, "lb");
    EXPECT_EQ(now.revision, 7U);
    EXPECT_EQ(now.router, RouterType::haproxy);
    EXPECT_EQ(now.socket, "/run/haproxy/shop.sock");
    EXPECT_EQ(now.backend, "shop-api");
    EXPECT_EQ(now.state_file, "/var/lib/haproxy/state");
}

TEST_F(RenderRouteTest, AServerHasItsSlotsShareWhereItIsServed) {
    EXPECT_THAT(servers(), ElementsAre("w-1-blue w-1 blue 50", "w-1-green w-1 green 50",
                                       "w-2-blue w-2 blue 50", "w-2-green w-2 green 0"));
}

TEST_F(RenderRouteTest, ATargetThatLeftGitGetsNothing) {
    assignment_.targets.pop_back();
    EXPECT_THAT(servers(), ElementsAre("w-1-blue w-1 blue 50", "w-1-green w-1 green 50",
                                       "w-2-blue w-2 blue 0", "w-2-green w-2 green 0"));
    traffic_.server = "${HOST}-${SLOT}";
    assignment_.targets[0].variables["HOST"] = plain("alpha");
    EXPECT_THAT(servers(), ElementsAre("alpha-blue w-1 blue 50", "alpha-green w-1 green 50"))
        << "nobody knows its variables any more";
}

TEST_F(RenderRouteTest, WhatStoodThereWithoutSlotsIsASideOfItsOwn) {
    sides_.live = "";
    sides_.weights = {{"", 90}, {"blue", 10}};
    sides_.served = {{"", {"w-1", "w-2"}}, {"blue", {"w-1", "w-2"}}};
    EXPECT_EQ(servers().size(), 4U) << "it has no name there";
    EXPECT_EQ(shares(), "blue 10,  90");
    traffic_.server_before = "${TARGET_NAME}";
    EXPECT_THAT(servers(),
                ElementsAre("w-1-blue w-1 blue 10", "w-1-green w-1 green 0", "w-1 w-1  90",
                            "w-2-blue w-2 blue 10", "w-2-green w-2 green 0", "w-2 w-2  90"));
}

TEST_F(RenderRouteTest, AStrategyWithoutSlotsHasOneServerOnEachTarget) {
    assignment_.strategy.type = StrategyType::rolling;
    sides_.live = "";
    sides_.weights = {{"", 100}};
    sides_.served = {{"", {"w-1", "w-2"}}};
    EXPECT_THAT(servers(), ElementsAre("w-1 w-1  100", "w-2 w-2  100"));
    sides_.served[""] = {"w-1"};
    EXPECT_THAT(servers(), ElementsAre("w-1 w-1  100", "w-2 w-2  0"));
    traffic_.server = "${APP_NAME}.${TARGET_NAME}${SLOT}";
    EXPECT_THAT(servers(), ElementsAre("api.w-1 w-1  100", "api.w-2 w-2  0")) << "SLOT is empty";
}

TEST_F(RenderRouteTest, AStrategyWithoutSlotsWorksInTheOneThatThereIs) {
    assignment_.strategy.type = StrategyType::rolling;
    sides_.weights = {{"blue", 100}};
    sides_.served["blue"] = {"w-2"};
    EXPECT_THAT(servers(), ElementsAre("w-1-blue w-1 blue 0", "w-1-green w-1 green 0",
                                       "w-2-blue w-2 blue 100", "w-2-green w-2 green 0"));
    sides_.live = "";
    sides_.weights = {{"", 100}};
    sides_.served[""] = {"w-1", "w-2"};
    EXPECT_THAT(servers(),
                ElementsAre("w-1-blue w-1 blue 0", "w-1-green w-1 green 0", "w-1 w-1  100",
                            "w-2-blue w-2 blue 0", "w-2-green w-2 green 0", "w-2 w-2  100"))
        << "taken back from a first release with slots";
}

TEST_F(RenderRouteTest, AScriptWithoutSlotsIsToldWhoGetsTraffic) {
    traffic_.router = RouterType::script;
    traffic_.route_script = "./route";
    EXPECT_FALSE(route().variables.contains("TARGETS_IN")) << "of slots it is told shares";
    assignment_.strategy.type = StrategyType::canary;
    assignment_.targets.emplace_back().name = "w-3";
    sides_.live = "";
    sides_.weights = {{"", 100}};
    sides_.served = {{"", {"w-0", "w-1"}}};
    EXPECT_EQ(route().variables.at("TARGETS_IN"), "w-1");
    EXPECT_EQ(route().variables.at("TARGETS_OUT"), "w-0,w-2,w-3") << "w-0 left Git";
}

struct ShareCase {
    const char* live;
    std::map<std::string, int> weights;
    const char* shares;
};
TEST_F(RenderRouteTest, TheNewSideIsTheOneOnItsWay) {
    for (const auto& [live, weights, expected] :
         {ShareCase{"blue", {{"blue", 75}, {"green", 25}}, "green 25, blue 75"},
          ShareCase{"blue", {{"green", 100}}, "green 100, blue 0"},
          ShareCase{"green", {{"blue", 0}, {"green", 100}}, "green 100, blue 0"},
          ShareCase{"", {{"blue", 100}}, "blue 100,  0"}, ShareCase{"", {}, " 0,  0"}}) {
        sides_.live = live;
        sides_.weights = weights;
        EXPECT_EQ(shares(), expected);
    }
}

TEST_F(RenderRouteTest, AScriptGetsWhatIsNotSecret) {
    traffic_.router = RouterType::script;
    traffic_.route_script = "echo ${POOL}";
    traffic_.timeout = Seconds{9};
    traffic_.header = HeaderMatch{"X-Preview", "yes"};
    definition_.deploy.script.interpreter = "/bin/${SHELL_NAME}";
    definition_.base["SHELL_NAME"] = plain("sh");
    definition_.base["TOKEN"] = of_type(VariableType::secret, "encrypted:x:y");
    definition_.base["WITH_TOKEN"] = templated("a${TOKEN}");
    definition_.base["PORT"] = by_slot("8080", "8081");
    const auto now = route();
    EXPECT_THAT(now.servers, IsEmpty());
    EXPECT_EQ(now.route_script, "echo ${POOL}");
    EXPECT_EQ(now.interpreter, "/bin/sh");
    EXPECT_EQ(now.timeout, Seconds{9});
    EXPECT_EQ(now.header_name + now.header_value, "X-Previewyes");
    EXPECT_THAT(now.variables, ElementsAre(Pair("APP_ENV", "prod"), Pair("APP_NAME", "api"),
                                           Pair("POOL", "shop"), Pair("PORT", "8081"),
                                           Pair("RELEASE_ENV", "prod"), Pair("SHELL_NAME", "sh")));
}

TEST_F(RenderRouteTest, NoNameLeavesThatHAProxyWouldReadAsMore) {
    definition_.base["EVIL"] = plain("a; shutdown sessions");
    traffic_.server = "${EVIL}";
    EXPECT_THAT(error(), HasSubstr("server is \"a; shutdown sessions\", HAProxy's names have"));
    traffic_.backend = "${EVIL}";
    EXPECT_THAT(error(), HasSubstr("backend is \"a; shutdown sessions\", HAProxy's names have"));
    traffic_.backend = "shop";
    traffic_.server = std::string(129, 'a');
    EXPECT_THAT(error(), HasSubstr("at most 128 of them"));
    traffic_.server = "${TARGET_NAME}";
    traffic_.socket = "run/haproxy.sock";
    EXPECT_THAT(error(), HasSubstr("socket is run/haproxy.sock, which is no absolute path"));
    sides_.traffic.reset();
    EXPECT_FALSE(render_route(assignment_, definition_, sides_, "lb"));
}

/// A wish that is right, for each case to break.
struct Wish {
    Definition definition;
    std::vector<DesiredTarget> targets;
    Strategy strategy;

    Wish() {
        definition.key = {"prod", "api"};
        definition.deploy.position = {"projects/api.yaml", 4, 1};
        definition.base["PASSWORD"] = of_type(VariableType::secret, "encrypted:x:y");
        definition.base["HIDDEN"] = templated("x${PASSWORD}");
        definition.release["BUILD"] = plain("77");
        for (const auto* name : {"w-1", "w-2"}) targets.emplace_back().name = name;
        strategy.type = StrategyType::blue_green;
        strategy.position = {"environments/prod.yaml", 9, 1};
        auto& traffic = strategy.traffic.emplace();
        traffic.socket = "/run/haproxy.sock";
        traffic.backend = "shop";
        traffic.position = {"environments/prod.yaml", 14, 7};
    }
    [[nodiscard]] std::vector<std::string> faults() const {
        std::vector<std::string> texts;
        for (const auto& fault : check_routes(definition, targets, strategy).faults)
            texts.push_back(fault.text());
        return texts;
    }
};

struct RouteCase {
    const char* name;
    std::function<void(Wish&)> change;
    std::vector<std::string> faults;
};
class CheckRoutesTest : public testing::TestWithParam<RouteCase> {};
TEST_P(CheckRoutesTest, SaysPlaceAndAdvice) {
    Wish wish;
    GetParam().change(wish);
    EXPECT_EQ(wish.faults(), GetParam().faults);
}
const std::string kTraffic = "environments/prod.yaml:14:7: ";
constexpr auto kOnTheFirst = " (target w-1, slot blue)";
constexpr auto kLater =
    " has no value here: a route outlives versions and hosts, so it has variables of the project, "
    "its environment and the target only, APP_NAME, APP_ENV, and for servers TARGET_NAME and SLOT";
INSTANTIATE_TEST_SUITE_P(
    Table, CheckRoutesTest,
    testing::Values(
        RouteCase{"Right", [](Wish&) {}, {}},
        RouteCase{"WithoutSlots",
                  [](Wish& w) {
                      w.strategy.type = StrategyType::canary;
                      w.definition.deploy.type = DeployType::container;
                      w.strategy.traffic->server = "${TARGET_NAME}";
                  },
                  {}},
        RouteCase{"OneForAllWithoutSlots",
                  [](Wish& w) {
                      w.strategy.type = StrategyType::rolling;
                      w.strategy.traffic->server = "one";
                  },
                  {kTraffic + "targets w-1 and w-2 have one server, one: each needs its own, as by "
                              "${TARGET_NAME} in server"}},
        RouteCase{
            "NoSidesWithoutSlots",
            [](Wish& w) {
                w.strategy.type = StrategyType::rolling;
                w.strategy.traffic->header = HeaderMatch{"X-New", "1"};
                w.strategy.traffic->server_before = "old-${TARGET_NAME}";
            },
            {kTraffic + "header X-New: strategy rolling has no second side to send requests "
                        "to: leave it out, or use type: blue_green",
             kTraffic + "server_before old-${TARGET_NAME}: strategy rolling has no slots, its "
                        "servers are named by server; it is of type: blue_green, for what "
                        "was there before its slots"}},
        RouteCase{"TooManyForAScript",
                  [](Wish& w) {
                      w.strategy.type = StrategyType::rolling;
                      w.strategy.traffic->router = RouterType::script;
                      w.targets.clear();
                      for (int i = 0; i < 1'000; ++i)
                          w.targets.emplace_back().name = std::string(195, 'w') + std::to_string(i);
                  },
                  {kTraffic + "the names of all 1000 targets take 198890 bytes, and a script gets "
                              "at most 128000 in TARGETS_IN: fewer targets in one environment, or "
                              "router: haproxy",
                   kTraffic + "a route of prod/api takes more than the 204800 bytes that an agent "
                              "takes: fewer targets in one environment, shorter names, script and "
                              "variables"}},
        RouteCase{"OtherRouters",
                  [](Wish& w) {
                      w.strategy.traffic->router = RouterType::nginx;
                      w.strategy.traffic->server = "one";
                  },
                  {}},
        RouteCase{"DeployTypeWithoutSlots",
                  [](Wish& w) { w.definition.deploy.type = DeployType::container; },
                  {"projects/api.yaml:4:1: deploy type container has no slots for blue_green "
                   "(environments/prod.yaml:9:1): use type script with ${SLOT} in its work_dir, or "
                   "strategy rolling or canary"}},
        RouteCase{"HeaderOfHAProxy",
                  [](Wish& w) {
                      w.strategy.traffic->header = HeaderMatch{"X-New", "1"};
                  },
                  {kTraffic +
                   "header X-New: HAProxy's runtime API moves weights only; write a rule into its "
                   "configuration (use-server … if { req.hdr(X-New) -m str … }) and leave header "
                   "out here, or use router: script"}},
        RouteCase{"HeaderOfAScript",
                  [](Wish& w) {
                      w.strategy.traffic->router = RouterType::script;
                      w.strategy.traffic->header = HeaderMatch{"X-New", "1"};
                  },
                  {}},
        RouteCase{"NoSlotInTheName",
                  [](Wish& w) {
                      w.targets.pop_back();
                      w.strategy.traffic->server = "${TARGET_NAME}";
                  },
                  {kTraffic + "server is w-1 in both slots of target w-1: ${SLOT} in it tells them "
                              "apart, as in ${TARGET_NAME}-${SLOT}"}},
        RouteCase{"NoTargetInTheName",
                  [](Wish& w) { w.strategy.traffic->server = "web-${SLOT}"; },
                  {kTraffic + "targets w-1 and w-2 have one server, web-blue: each needs its own, "
                              "as by ${TARGET_NAME} in server"}},
        RouteCase{"BeforeIsASlots",
                  [](Wish& w) {
                      w.targets.pop_back();
                      w.strategy.traffic->server_before = "${TARGET_NAME}-blue";
                  },
                  {kTraffic + "server_before is w-1-blue on target w-1, as is the server of its "
                              "slot blue: name the one that was there without slots"}},
        RouteCase{"OneBeforeForAll",
                  [](Wish& w) { w.strategy.traffic->server_before = "old"; },
                  {kTraffic + "targets w-1 and w-2 have one server, old: each needs its own, as by "
                              "${TARGET_NAME} in server_before"}},
        RouteCase{"Unknown",
                  [](Wish& w) { w.strategy.traffic->server = "${TARGET_NAM}-${SLOT}"; },
                  {kTraffic + "server: unknown variable TARGET_NAM; did you mean 'TARGET_NAME'?" +
                   kOnTheFirst}},
        RouteCase{"OfTheHost",
                  [](Wish& w) { w.strategy.traffic->server = "${TARGET_IP}-${SLOT}"; },
                  {kTraffic + "server: TARGET_IP" + kLater + kOnTheFirst}},
        RouteCase{"OfTheVersion",
                  [](Wish& w) { w.strategy.traffic->server = "${TARGET_NAME}-${SLOT}-${BUILD}"; },
                  {kTraffic + "server: BUILD" + kLater + kOnTheFirst}},
        RouteCase{"Secrets",
                  [](Wish& w) {
                      w.strategy.traffic->socket = "/run/${HIDDEN}";
                      w.strategy.traffic->backend = "${PASSWORD}";
                  },
                  {kTraffic + "socket: PASSWORD is of type secret: routes carry nothing secret",
                   kTraffic + "backend: PASSWORD is of type secret: routes carry nothing secret"}},
        RouteCase{"NoNames",
                  [](Wish& w) {
                      w.targets.pop_back();
                      w.definition.base["ODD"] = plain("a b");
                      w.strategy.traffic->backend = "${ODD}";
                      w.strategy.traffic->server = "${SLOT}";
                      w.strategy.traffic->server_before = "${ODD}";
                      w.strategy.traffic->state_file = "${ODD}";
                  },
                  {kTraffic + "state_file is a b, which is no absolute path",
                   kTraffic + "backend is \"a b\", HAProxy's names have A-Z a-z 0-9 _ . : - only, "
                              "at most 128 of them",
                   kTraffic + "server_before is \"a b\", HAProxy's names have A-Z a-z 0-9 _ . : - "
                              "only, at most 128 of them (target w-1)"}},
        RouteCase{
            "TooMuch",
            [](Wish& w) {
                w.targets.clear();
                for (int i = 0; i < 4'000; ++i)
                    w.targets.emplace_back().name = "web-" + std::to_string(i);
            },
            {kTraffic + "a route of prod/api takes more than the 204800 bytes that an agent takes: "
                        "fewer targets in one environment, shorter names, script and variables"}}),
    [](const auto& each) { return std::string{each.param.name}; });

TEST(CheckRoutes, WhatOneTargetHasAnotherMayLack) {
    Wish wish;
    wish.strategy.traffic->server = "${HOST}-${SLOT}";
    wish.targets[0].variables["HOST"] = plain("alpha");
    const auto faults = wish.faults();
    ASSERT_EQ(faults.size(), 1U);
    EXPECT_THAT(faults[0], HasSubstr("server: unknown variable HOST"));
    EXPECT_THAT(faults[0], HasSubstr("(target w-2, slot blue)"));
}

}  // namespace
}  // namespace tidegate
