/// Requests and bodies between a real client and a real server.

#include "support.h"

namespace tidegate::transport {
namespace {

TEST_F(TransportTest, EchoesBothWays) {
    start_server();
    TestClient agent;
    agent.connect(io, client_options(pki.agent("web-1")));
    Exchange echo;
    agent.ask(echo, {"POST", "/echo", {}, true});
    EXPECT_TRUE(echo.stream.send("hello "));
    ASSERT_TRUE(until([&] { return echo.body == "hello "; }));
    ASSERT_TRUE(echo.head);
    EXPECT_EQ(echo.head->status, 200);
    EXPECT_EQ(find_header(echo.head->headers, "agent"), "web-1");
    EXPECT_TRUE(echo.stream.send("world"));
    echo.stream.finish();
    ASSERT_TRUE(until([&] { return echo.closed.has_value(); }));
    EXPECT_EQ(echo.body, "hello world");
    EXPECT_TRUE(echo.ended);
    EXPECT_EQ(echo.closed->kind, CloseKind::finished) << echo.closed->text;
    EXPECT_FALSE(echo.stream.open());
    ASSERT_TRUE(until([&] { return handler.stream_ends.size() == 1; }));
    EXPECT_EQ(handler.stream_ends.front().kind, CloseKind::finished);
}

TEST_F(TransportTest, CarriesBigBodiesDown) {
    start_server();
    TestClient agent;
    agent.connect(io, client_options(pki.agent("web-1")));
    Exchange download;
    agent.ask(download, {"GET", "/bytes/8000000", {}, false});
    ASSERT_TRUE(until([&] { return download.closed.has_value(); }));
    EXPECT_EQ(download.body.size(), 8'000'000U);
    EXPECT_EQ(download.closed->kind, CloseKind::finished) << download.closed->text;
}

TEST_F(TransportTest, GrantsNoMoreThanIsConsumed) {
    handler.pause_sink = true;
    start_server();
    TestClient agent;
    agent.connect(io, client_options(pki.agent("web-1")));
    Exchange upload;
    agent.ask(upload, {"POST", "/sink", {}, true});
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(upload.stream.send(std::string(50'000, 'u')));
    upload.stream.finish();
    ASSERT_TRUE(until([&] { return handler.sunk > 0; }));
    // Other streams of the connection go on; so many round trips are time enough for more to
    // arrive.
    for (int i = 0; i < 20; ++i) {
        Exchange echo;
        agent.ask(echo, {"POST", "/echo", {}, false});
        ASSERT_TRUE(until([&] { return echo.closed.has_value(); }));
    }
    EXPECT_LE(handler.sunk, limits::kStreamWindowBytes);
    EXPECT_FALSE(upload.closed);
    handler.sink->resume();
    ASSERT_TRUE(until([&] { return upload.closed.has_value(); }));
    EXPECT_EQ(handler.sunk, 500'000U);
    EXPECT_EQ(upload.closed->kind, CloseKind::finished);
}

TEST_F(TransportTest, ManyStreamsAfterEachOtherDoNotUseUpTheWindows) {
    start_server();
    TestClient agent;
    agent.connect(io, client_options(pki.agent("web-1")));
    for (int i = 0; i < 40; ++i) {
        Exchange echo;
        agent.ask(echo, {"POST", "/echo", {}, true});
        ASSERT_TRUE(echo.stream.send(std::string(20'000, 'e')));
        echo.stream.finish();
        ASSERT_TRUE(until([&] { return echo.closed.has_value(); })) << i;
        ASSERT_EQ(echo.body.size(), 20'000U);
    }
}

TEST_F(TransportTest, RequestsBeyondTheStreamLimitWait) {
    start_server();
    TestClient agent;
    agent.connect(io, client_options(pki.agent("web-1")));
    std::vector<Exchange> held(limits::kRequestStreamsMax);
    for (auto& exchange : held) agent.ask(exchange, {"POST", "/echo", {}, true});
    Exchange late;
    agent.ask(late, {"POST", "/echo", {}, false});
    for (auto& exchange : held) ASSERT_TRUE(until([&] { return exchange.head.has_value(); }));
    EXPECT_FALSE(late.head);
    held.front().stream.finish();
    ASSERT_TRUE(until([&] { return late.closed.has_value(); }));
    EXPECT_TRUE(late.head);
}

TEST_F(TransportTest, ARefusedRequestKeepsTheConnection) {
    start_server();
    TestClient agent;
    agent.connect(io, client_options(pki.agent("web-1")));
    for (int i = 0; i < 8; ++i) {
        Exchange unknown;
        agent.ask(unknown, {"POST", "/nowhere", {}, true});
        unknown.stream.send(std::string(200'000, 'x'));
        ASSERT_TRUE(until([&] { return unknown.closed.has_value(); })) << i;
        ASSERT_TRUE(unknown.head);
        EXPECT_EQ(unknown.head->status, 404);
    }
    Exchange echo;
    agent.ask(echo, {"POST", "/echo", {}, false});
    ASSERT_TRUE(until([&] { return echo.closed.has_value(); }));
    EXPECT_EQ(echo.closed->kind, CloseKind::finished);
}

TEST_F(TransportTest, EitherSideCancels) {
    start_server();
    TestClient agent;
    agent.connect(io, client_options(pki.agent("web-1")));
    Exchange by_client;
    agent.ask(by_client, {"POST", "/session", {}, true});
    ASSERT_TRUE(until([&] { return by_client.head.has_value(); }));
    by_client.stream.cancel();
    EXPECT_FALSE(by_client.closed) << "not inside the call";
    ASSERT_TRUE(until([&] { return by_client.closed && handler.stream_ends.size() == 1; }));
    EXPECT_EQ(by_client.closed->kind, CloseKind::local);
    EXPECT_EQ(handler.stream_ends[0].kind, CloseKind::peer);
    Exchange by_server;
    agent.ask(by_server, {"POST", "/session", {}, true});
    ASSERT_TRUE(until([&] { return by_server.head.has_value(); }));
    handler.sessions.back().cancel();
    ASSERT_TRUE(until([&] { return by_server.closed && handler.stream_ends.size() == 2; }));
    EXPECT_EQ(by_server.closed->kind, CloseKind::peer);
    EXPECT_EQ(handler.stream_ends[1].kind, CloseKind::local);
    EXPECT_FALSE(agent.closed);
}

TEST_F(TransportTest, ClosingAConnectionTellsWhyAndDeliversLastWords) {
    start_server();
    TestClient agent;
    agent.connect(io, client_options(pki.agent("web-1")));
    Exchange session;
    agent.ask(session, {"POST", "/session", {}, true});
    ASSERT_TRUE(until([&] { return session.head.has_value(); }));
    handler.sessions.front().send("bye");
    handler.connected.begin()->second.close("re\nvoked");
    ASSERT_TRUE(until([&] { return agent.closed.has_value(); }));
    EXPECT_EQ(session.body, "bye");
    EXPECT_EQ(agent.closed->kind, CloseKind::finished);
    EXPECT_EQ(agent.closed->text, "re?voked");
    ASSERT_TRUE(until([&] { return handler.disconnects.size() == 1; }));
    EXPECT_EQ(handler.disconnects[0].kind, CloseKind::local);
    EXPECT_EQ(handler.stream_ends.at(0).kind, CloseKind::local);
    EXPECT_EQ(server->stats().connections, 0U);
}

TEST_F(TransportTest, AClientSaysGoodbye) {
    start_server();
    TestClient agent;
    agent.connect(io, client_options(pki.agent("web-1")));
    ASSERT_TRUE(until([&] { return handler.connected.size() == 1; }));
    agent.client->close("done");
    ASSERT_TRUE(until([&] { return handler.disconnects.size() == 1 && agent.closed; }));
    EXPECT_EQ(handler.disconnects[0], (CloseReason{CloseKind::finished, 0x100, "done"}));
    EXPECT_EQ(agent.closed->kind, CloseKind::local);
    EXPECT_FALSE(agent.client->request({}, {}).open());
}

}  // namespace
}  // namespace tidegate::transport
