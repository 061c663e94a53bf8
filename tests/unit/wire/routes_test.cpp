/// Routes on the wire: SetRoute, Routed, and the inventory's.

#include <gtest/gtest.h>

#include "schema/base/limits.h"
#include "schema/wire/messages.h"

namespace tidegate::wire {
namespace {

Route full_route() {
    return {.key = {"prod", "shop-api"},
            .target = "lb-1",
            .revision = 1ULL << 63,
            .router = RouterType::script,
            .servers = {{"web-1-blue", "web-1", "blue", 75}, {"web-1", "web-1", "", 0}},
            .slot_new = "green",
            .slot_old = "blue",
            .weight_new = 25,
            .weight_old = 75,
            .socket = "/run/\xff.sock",
            .backend = "shop",
            .state_file = "/var/lib/haproxy/state",
            .route_script = "echo \xff",
            .interpreter = "/bin/sh -e",
            .timeout = Seconds{61},
            .header_name = "X-Canary",
            .header_value = "yes",
            .variables = {{"A", "1"}, {"B", ""}}};
}

RouteReport full_report() {
    return {.key = {"prod", "shop-api"},
            .target = "lb-1",
            .revision = 1ULL << 63,
            .in_force = true,
            .error = "haproxy at /run/x: cannot connect",
            .weights = {{"", 0}, {"blue", 75}, {"green", 25}},
            .sessions = {{"blue", 12}}};
}

std::string hex(const std::string& bytes) {
    return to_hex({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

TEST(WireRoutesTest, ComeBackWhole) {
    auto forgotten = full_route();
    forgotten.servers.clear();
    for (const auto& message : {DaemonMessage{SetRoute{7, full_route(), false}},
                                DaemonMessage{SetRoute{1ULL << 40, forgotten, true}}}) {
        const auto bytes = encode(message);
        ASSERT_TRUE(bytes) << bytes.error().text();
        const auto back = decode_daemon(*bytes);
        ASSERT_TRUE(back) << back.error().text();
        EXPECT_EQ(*back, message);
        EXPECT_EQ(*encode(*back), *bytes) << "same value, same bytes";
    }
    for (const auto& message :
         {AgentMessage{Routed{full_report()}},
          AgentMessage{InventoryPiece{{{}, {}, {}, {}, {full_report(), full_report()}}, true}}}) {
        const auto back = decode_agent(*encode(message));
        ASSERT_TRUE(back) << back.error().text();
        EXPECT_EQ(*back, message);
    }
}

/// What lies in journals and comes from peers of this build has to be read for ever.
TEST(WireRoutesTest, AreTheseBytes) {
    Route route;
    route.key = {"prod", "shop"};
    route.target = "lb-1";
    route.revision = 3;
    route.servers = {{"web-1-blue", "web-1", "blue", 100}};
    route.slot_new = "green";
    route.weight_old = 100;
    route.socket = "/s";
    route.variables = {{"A", "1"}};
    EXPECT_EQ(hex(*encode(DaemonMessage{SetRoute{7, route, true}})),
              "3a5908071253"                              // of epoch 7
              "0a0470726f64120473686f701a046c622d312003"  // whose, and the revision
              "2a07686170726f7879"                        // router
              "321b0a0a7765622d312d626c756512057765622d311a04626c75652064"  // one server
              "3a05677265656e5064"                                          // slot_new, weight_old
              "5a022f7380013c"                                              // socket, timeout
              "9a01060a01411201311801");                                    // variables, forget
    RouteReport report;
    report.key = {"prod", "shop"};
    report.target = "lb-1";
    report.revision = 3;
    report.in_force = true;
    report.error = "no";
    report.weights = {{"blue", 100}};
    EXPECT_EQ(hex(*encode(AgentMessage{Routed{report}})),
              "4a260a240a0470726f64120473686f701a046c622d312003"
              "280132026e6f3a080a04626c75651064");
}

TEST(WireRoutesTest, UnknownFieldsAreIgnored) {
    const std::string unknown{
        "\xfa\x07\x03"
        "abc",
        6};  // field 127, three bytes
    const DaemonMessage set{SetRoute{7, full_route(), false}};
    EXPECT_EQ(*decode_daemon(*encode(set) + unknown), set);
    const AgentMessage routed{Routed{full_report()}};
    EXPECT_EQ(*decode_agent(*encode(routed) + unknown), routed);
}

TEST(WireRoutesTest, APeerOfBeforeSaysNothingOfThem) {
    InventoryPiece without{{{}, {"a1"}, {}, {}, {}}, true};
    const auto bytes = *encode(AgentMessage{without});
    EXPECT_EQ(hex(bytes),
              "120612026131"
              "2001")
        << "as the build before wrote it";
    EXPECT_EQ(std::get<InventoryPiece>(*decode_agent(bytes)), without);
}

struct UnreadableCase {
    const char* why;
    void (*spoil)(Route&);
};
class UnreadableRouteTest : public testing::TestWithParam<UnreadableCase> {};
TEST_P(UnreadableRouteTest, IsStillNamed) {
    auto route = full_route();
    GetParam().spoil(route);
    const auto back = decode_daemon(*encode(DaemonMessage{SetRoute{7, route, false}}));
    ASSERT_TRUE(back) << "such a route must not end the session: " << back.error().text();
    const auto& set = std::get<SetRoute>(*back);
    EXPECT_NE(set.unreadable.find(GetParam().why), std::string::npos) << set.unreadable;
    Route head;
    head.key = route.key;
    head.target = route.target;
    head.revision = route.revision;
    EXPECT_EQ(set.route, head);
    EXPECT_TRUE(encode(*back));
}
INSTANTIATE_TEST_SUITE_P(
    Values, UnreadableRouteTest,
    testing::Values(UnreadableCase{"server weight must be 0..100, got 101",
                                   [](Route& r) { r.servers[0].weight = 101; }},
                    UnreadableCase{"server weight", [](Route& r) { r.servers[0].weight = -1; }},
                    UnreadableCase{"weight_new", [](Route& r) { r.weight_new = 101; }},
                    UnreadableCase{"weight_old", [](Route& r) { r.weight_old = 101; }},
                    UnreadableCase{"server target", [](Route& r) { r.servers[0].target = "../x"; }},
                    UnreadableCase{"server slot", [](Route& r) { r.servers[0].slot = "a b"; }},
                    UnreadableCase{"slot_new", [](Route& r) { r.slot_new = "a b"; }},
                    UnreadableCase{"slot_old", [](Route& r) { r.slot_old = "a b"; }},
                    UnreadableCase{"timeout", [](Route& r) {
                                       r.timeout = limits::kDurationMax + Seconds{1};
                                   }}));

TEST(WireRoutesTest, ARouterNobodyKnowsIsNamed) {
    auto bytes = *encode(DaemonMessage{SetRoute{7, full_route(), false}});
    bytes.replace(bytes.find("\x06script"), 7, "\x06scroll");
    const auto back = decode_daemon(bytes);
    ASSERT_TRUE(back) << back.error().text();
    EXPECT_EQ(std::get<SetRoute>(*back).unreadable,
              "router is 'scroll', which this build does not know");
}

TEST(WireRoutesTest, WhoseItIsMustBeSaid) {
    for (const auto spoil :
         {+[](RouteReport& r) { r.key.environment = "a/b"; },
          +[](RouteReport& r) { r.key.project = ""; }, +[](RouteReport& r) { r.target = "a b"; },
          +[](RouteReport& r) { r.weights["no slot"] = 1; },
          +[](RouteReport& r) { r.sessions["blue"] = -1; },
          +[](RouteReport& r) {
              r.weights = {{"a", 1}, {"b", 1}, {"c", 1}, {"d", 1}};
          }}) {
        auto report = full_report();
        spoil(report);
        const auto back = decode_agent(*encode(AgentMessage{Routed{report}}));
        ASSERT_FALSE(back);
        EXPECT_EQ(back.error().code, ErrorCode::invalid);
    }
    auto route = full_route();
    route.target = "";
    EXPECT_FALSE(decode_daemon(*encode(DaemonMessage{SetRoute{7, route, false}})));
}

TEST(WireRoutesTest, WhatAnAgentSaysIsCutAndUtf8) {
    auto report = full_report();
    report.error = std::string(limits::kAgentErrorBytesMax, 'e') + "\xff";
    const auto back = decode_agent(*encode(AgentMessage{Routed{report}}));
    ASSERT_TRUE(back) << back.error().text();
    EXPECT_EQ(std::get<Routed>(*back).report.error, std::string(limits::kAgentErrorBytesMax, 'e'));
}

TEST(WireRoutesTest, InventoriesOfVeryManyAreCutIntoPiecesThatFit) {
    Inventory inventory;
    inventory.routes.assign(limits::kRoutesPerAgentMax, full_report());
    for (auto& report : inventory.routes) report.error.assign(limits::kAgentErrorBytesMax, 'e');
    std::vector<RouteReport> joined;
    for (const auto& piece : split(inventory)) {
        const auto bytes = encode(AgentMessage{piece});
        ASSERT_TRUE(bytes) << bytes.error().text();
        const auto back = std::get<InventoryPiece>(*decode_agent(*bytes));
        joined.insert(joined.end(), back.items.routes.begin(), back.items.routes.end());
    }
    EXPECT_EQ(joined, inventory.routes);
}

TEST(WireRoutesTest, TruncatedBytesNeverCrash) {
    const auto set = *encode(DaemonMessage{SetRoute{7, full_route(), false}});
    for (std::size_t size = 0; size < set.size(); ++size) (void)decode_daemon(set.substr(0, size));
    const auto routed = *encode(AgentMessage{Routed{full_report()}});
    for (std::size_t size = 0; size < routed.size(); ++size)
        (void)decode_agent(routed.substr(0, size));
}

}  // namespace
}  // namespace tidegate::wire
