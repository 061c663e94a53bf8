/// Peers that break the protocol.

#include <limits>
#include <list>

#include "tests/integration/fleet/support.h"

namespace tidegate {
namespace {

std::string frame_of(const wire::AgentMessage& message) {
    return wire::frame(value(wire::encode(message)));
}

std::string hello(const std::string& name, std::uint64_t highest_epoch = 0) {
    Hello made;
    made.highest_epoch = highest_epoch;
    made.agent = name;
    made.boot_id = "b1";
    return frame_of(made);
}

TEST_F(FleetTest, BrokenFramesEndOnlyTheirOwnSession) {
    auto monotonic = Milliseconds{0};
    options.monotonic = [&monotonic] { return monotonic; };
    start_fleet();
    TestAgent good;
    join(good, "web-1");
    const auto inventory = frame_of(wire::InventoryPiece{{}, true});
    const auto made_up = std::numeric_limits<std::uint64_t>::max();
    const struct {
        const char* name;
        std::string bytes;
        const char* alert;
    } cases[] = {
        {"oversized", std::string{"\x00\x04\x00\x01", 4}, "a frame must be"},
        {"empty", std::string(4, '\0'), "a frame must be"},
        {"garbage", wire::frame("\xff\xff\xff\xff"), "not a message"},
        {"text", "POST / HTTP/1.1\r\n\r\n", "a frame must be"},
        {"no Hello", frame_of(wire::Heartbeat{}), "must be Hello"},
        {"inventory before Hello", inventory, "must be Hello"},
        {"two Hellos", hello("web-2") + hello("web-2"), "second Hello"},
        {"result before the inventory", hello("web-2") + frame_of(result("a1")),
         "the inventory must come first"},
        {"an epoch that was never reached", hello("web-2", made_up), "claims epoch"},
        {"and later", hello("web-2") + frame_of(wire::Fenced{made_up}), "claims epoch"},
        {"two inventories", hello("web-2") + inventory + inventory, "second inventory"},
        {"not a request", hello("web-2") + inventory + frame_of(wire::Renew{"garbage"}), ""},
    };
    const auto send = [&](const std::string& bytes) {
        RawAgent peer;
        peer.open(io, client_options(credential("web-2")));
        ASSERT_TRUE(until([&] { return peer.session.head.has_value(); }));
        peer.session.stream.send(bytes);
        ASSERT_TRUE(until([&] { return peer.closed.has_value(); }));
    };
    for (const auto& [name, bytes, alert] : cases) {
        SCOPED_TRACE(name);
        handler.alerts.clear();
        monotonic += std::chrono::minutes{1};
        send(bytes);
        ASSERT_EQ(handler.alerts.size(), 1U) << name;
        EXPECT_TRUE(handler.alerted(alert)) << name << ": " << handler.alerts[0];
        EXPECT_TRUE(handler.alerted("web-2: ")) << name;
        EXPECT_TRUE(handler.fenced.empty()) << name;
    }
    for (int i = 0; i < 5; ++i) send("again");
    EXPECT_EQ(handler.alerts.size(), 1U) << "one a minute";
    EXPECT_TRUE(good.session->connected());
    EXPECT_TRUE(good.handler.disconnected.empty());
}

TEST_F(FleetTest, ATruncatedFrameIsNoMessage) {
    start_fleet();
    RawAgent peer;
    peer.open(io, client_options(credential("web-1")));
    ASSERT_TRUE(until([&] { return peer.session.head.has_value(); }));
    const auto whole = hello("web-1") + frame_of(wire::InventoryPiece{{}, true});
    peer.session.stream.send(whole.substr(0, whole.size() - 1));
    peer.session.stream.finish();
    ASSERT_TRUE(until([&] { return peer.closed || peer.session.closed; }));
    EXPECT_TRUE(handler.connected.empty());
    EXPECT_TRUE(handler.disconnected.empty());
}

TEST_F(FleetTest, WhoNeverSaysHelloIsCut) {
    start_fleet();
    RawAgent silent;
    silent.open(io, client_options(credential("web-1")));
    transport::TestClient anonymous;
    anonymous.connect(io, client_options({}));
    ASSERT_TRUE(until([&] { return silent.closed && anonymous.closed; }, Seconds{10}));
    EXPECT_NE(silent.closed->text.find("no Hello in time"), std::string::npos);
    EXPECT_TRUE(handler.connected.empty());
    EXPECT_TRUE(fleet->agents().empty());
}

TEST_F(FleetTest, OneAgentHoldsFewConnections) {
    options.hello_timeout = Seconds{120};
    start_fleet();
    std::list<RawAgent> many;
    const auto of_one = credential("web-1");
    for (std::size_t i = 0; i < limits::kConnectionsPerAgentMax + 3; ++i)
        many.emplace_back().open(io, client_options(of_one));
    const auto cut = [&] {
        return std::ranges::count_if(many, [](const auto& one) { return one.closed.has_value(); });
    };
    ASSERT_TRUE(until([&] { return cut() == 3; }));
    for (const auto& one : many)
        EXPECT_TRUE(!one.closed || one.closed->text == "too many connections of this agent");
    EXPECT_FALSE(many.back().closed) << "the newest gets in";
    TestAgent other;
    join(other, "web-2");
    EXPECT_EQ(cut(), 3);
}

TEST_F(FleetTest, AnEndlessInventoryIsCut) {
    start_fleet();
    RawAgent peer;
    peer.open(io, client_options(credential("web-1")));
    ASSERT_TRUE(until([&] { return peer.session.head.has_value(); }));
    peer.session.stream.send(hello("web-1"));
    const auto piece = frame_of(wire::InventoryPiece{
        {std::vector(limits::kInventoryItemsPerFrameMax, installation("web-1")), {}, {}, {}, {}},
        false});
    ASSERT_TRUE(until([&] {
        if (peer.session.stream.queued_bytes() < limits::kSendDrainBytes)
            peer.session.stream.send(piece);
        return peer.closed.has_value();
    }));
    EXPECT_TRUE(handler.alerted("the inventory is too long"));
}

TEST_F(FleetTest, LogsAreBoundedAndNeedASession) {
    start_fleet();
    RawAgent peer;
    peer.open(io, client_options(credential("web-1")));
    ASSERT_TRUE(until([&] { return peer.session.head.has_value(); }));
    peer.greet("web-1", "b1");
    ASSERT_TRUE(until([&] { return handler.connected.size() == 1; }));
    transport::Exchange log;
    peer.ask(log, {"POST", "/v1/logs/a1", {}, true});
    log.stream.send(std::string(limits::kLogBytesMax + 1, 'x'));
    log.stream.finish();
    ASSERT_TRUE(until([&] { return log.head || log.closed; }));
    ASSERT_TRUE(log.head);
    EXPECT_EQ(log.head->status, 413);
    EXPECT_LE(handler.logs["web-1/a1"].size(), limits::kLogBytesMax);

    transport::Exchange second;
    peer.ask(second, {"POST", "/v1/session", {}, false});
    ASSERT_TRUE(until([&] { return second.head.has_value(); }));
    EXPECT_EQ(second.head->status, 409);
    EXPECT_EQ(fleet->stats().online, 1U);
}

TEST_F(FleetTest, EnrolmentBodiesAreBounded) {
    start_fleet();
    transport::TestClient client;
    client.connect(io, client_options({}));
    transport::Exchange exchange;
    client.ask(exchange,
               {"POST", "/v1/enroll", {{"authorization", "Bearer " + token("web-1")}}, true});
    exchange.stream.send(std::string(limits::kEnrollBodyBytesMax + 1, 'x'));
    ASSERT_TRUE(until([&] { return exchange.head || exchange.closed; }));
    ASSERT_TRUE(exchange.head);
    EXPECT_EQ(exchange.head->status, 413);
}

}  // namespace
}  // namespace tidegate
