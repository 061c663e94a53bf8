/// What must not hurt: moves, restarts, garbage, floods, slow readers.

#include <algorithm>
#include <asio/ip/udp.hpp>
#include <list>
#include <random>

#include "support.h"

namespace tidegate::transport {
namespace {

TEST_F(TransportTest, SurvivesAddressChanges) {
    start_server();
    TestClient agent;
    agent.connect(io, client_options(pki.agent("web-1")));
    Exchange echo;
    agent.ask(echo, {"POST", "/echo", {}, true});
    std::string expected;
    std::set<std::uint16_t> ports;
    std::set<std::string> seen;
    for (int i = 0; i < 5; ++i) {
        expected += "still here ";
        ASSERT_TRUE(echo.stream.send("still here "));
        ASSERT_TRUE(until([&] { return echo.body == expected; })) << i;
        ports.insert(agent.client->local_port());
        ASSERT_TRUE(until([&] {
            return handler.connected.begin()->second.remote_address() ==
                   "127.0.0.1:" + std::to_string(agent.client->local_port());
        }));
        ASSERT_TRUE(agent.client->rebind());
        ASSERT_TRUE(until([&] { return !ports.contains(agent.client->local_port()); }));
    }
    EXPECT_EQ(handler.connected.size(), 1U);
    EXPECT_FALSE(agent.closed);
}

TEST_F(TransportTest, ARestartedServerIsNoticedByStatelessReset) {
    start_server();
    TestClient agent;
    agent.connect(io, client_options(pki.agent("web-1")));
    Exchange session;
    agent.ask(session, {"POST", "/session", {}, true});
    ASSERT_TRUE(until([&] { return session.head.has_value(); }));
    server_options.port = server->port();
    server.reset();
    handler.connected.clear();
    start_server();
    agent.client->ping();
    ASSERT_TRUE(until([&] { return agent.closed.has_value(); }, Seconds{2}));
    EXPECT_EQ(agent.closed->kind, CloseKind::reset) << agent.closed->text;
    ASSERT_TRUE(session.closed);
    EXPECT_EQ(session.closed->kind, CloseKind::reset);
    EXPECT_GE(server->stats().resets_sent, 1U);
}

TEST_F(TransportTest, ADeadServerIsNoticedBySilence) {
    start_server();
    TestClient agent;
    auto options = client_options(pki.agent("web-1"));
    options.silence_max = Milliseconds{300};
    options.keep_alive = Seconds{1};
    agent.connect(io, options);
    ASSERT_TRUE(until([&] { return agent.handshake && handler.connected.size() == 1; }));
    // Living daemons answer keep-alives, however little they have to say.
    ASSERT_FALSE(until([&] { return agent.closed.has_value(); }, Seconds{3}));
    server.reset();
    ASSERT_TRUE(until([&] { return agent.closed.has_value(); }, Seconds{5}));
    EXPECT_EQ(agent.closed->kind, CloseKind::timeout) << agent.closed->text;
}

TEST_F(TransportTest, AWatchedPeerThatDiedIsNoticedBySilence) {
    start_server();
    TestClient agent;
    auto options = client_options(pki.agent("web-1"));
    options.keep_alive = Seconds{30};
    agent.connect(io, options);
    ASSERT_TRUE(until([&] { return handler.connected.size() == 1; }));
    handler.connected.begin()->second.watch(Milliseconds{100}, Milliseconds{1'000});
    // One that lives answers, however little it has to say.
    ASSERT_FALSE(until([&] { return !handler.disconnects.empty(); }, Seconds{3}));
    agent.client.reset();  // without a word
    ASSERT_TRUE(until([&] { return !handler.disconnects.empty(); }));
    EXPECT_EQ(handler.disconnects[0].kind, CloseKind::timeout) << handler.disconnects[0].text;
}

TEST_F(TransportTest, IgnoresGarbage) {
    start_server();
    TestClient agent;
    agent.connect(io, client_options(pki.agent("web-1")));
    Exchange echo;
    agent.ask(echo, {"POST", "/echo", {}, true});
    echo.stream.send("a");
    ASSERT_TRUE(until([&] { return echo.body == "a"; }));
    asio::ip::udp::socket noise{io, {asio::ip::udp::v4(), 0}};
    const asio::ip::udp::endpoint to{asio::ip::address_v4::loopback(), server->port()};
    std::mt19937 random{42};
    constexpr std::uint64_t kDatagrams = 500;
    const auto before = server->stats().datagrams_received;
    for (std::uint64_t i = 0; i < kDatagrams; ++i) {
        std::string bytes(1 + random() % 1400, '\0');
        for (auto& byte : bytes) byte = static_cast<char>(random());
        noise.send_to(asio::buffer(bytes), to);
    }
    ASSERT_TRUE(until([&] { return server->stats().datagrams_received >= before + kDatagrams; }));
    EXPECT_EQ(server->stats().connections, 1U);
    echo.stream.send("b");
    ASSERT_TRUE(until([&] { return echo.body == "ab"; }));
}

TEST_F(TransportTest, ServesManyAtOnce) {
    start_server();
    const auto credential = pki.agent("web-1");
    constexpr std::size_t kAgents = 200;
    std::list<TestClient> agents;
    std::list<Exchange> sessions;
    for (std::size_t i = 0; i < kAgents; ++i) {
        agents.emplace_back().connect(io, client_options(credential));
        agents.back().ask(sessions.emplace_back(), {"POST", "/session", {}, true});
    }
    ASSERT_TRUE(until([&] { return handler.sessions.size() == kAgents; }));
    EXPECT_EQ(server->stats().retries_sent, kAgents);
    const auto news = std::make_shared<const std::string>(1024, 'n');
    for (auto& session : handler.sessions) EXPECT_TRUE(session.send(news));
    ASSERT_TRUE(until(
        [&] { return std::ranges::all_of(sessions, [&](auto& s) { return s.body == *news; }); }));
    ASSERT_TRUE(until([&] { return news.use_count() == 1; }))
        << "kept until acknowledged, not longer";
    server->shutdown("maintenance");
    ASSERT_TRUE(until(
        [&] { return std::ranges::all_of(agents, [](auto& a) { return a.closed.has_value(); }); }));
    for (const auto& agent : agents) {
        EXPECT_EQ(agent.closed->kind, CloseKind::finished);
        EXPECT_EQ(agent.closed->text, "maintenance");
    }
    EXPECT_EQ(handler.disconnects.size(), kAgents);
}

TEST_F(TransportTest, AFullSendQueueEndsOnlyThatConnection) {
    server_options.send_queue_bytes_max = 100'000;
    start_server();
    TestClient slow;
    TestClient quick;
    Exchange slow_session;
    Exchange quick_session;
    slow.connect(io, client_options(pki.agent("slow")));
    slow.ask(slow_session, {"POST", "/session", {}, true});
    slow_session.stream.pause();
    ASSERT_TRUE(until([&] { return handler.sessions.size() == 1; }));
    quick.connect(io, client_options(pki.agent("quick")));
    quick.ask(quick_session, {"POST", "/session", {}, true});
    ASSERT_TRUE(until([&] { return handler.sessions.size() == 2; }));
    const auto news = std::make_shared<const std::string>(10'000, 'n');
    std::size_t sent = 0;
    bool slow_refused = false;
    for (; sent < 40 && !slow_refused; ++sent) {
        slow_refused = !handler.sessions[0].send(news);
        ASSERT_TRUE(handler.sessions[1].send(news));
        ASSERT_TRUE(until([&] { return quick_session.body.size() == (sent + 1) * 10'000; }));
    }
    EXPECT_TRUE(slow_refused);
    ASSERT_TRUE(until([&] { return slow.closed.has_value(); }));
    EXPECT_EQ(slow.closed->kind, CloseKind::peer);
    EXPECT_EQ(slow.closed->text, "send queue full");
    EXPECT_EQ(handler.disconnects.at(0).kind, CloseKind::overflow);
    EXPECT_FALSE(quick.closed);
    EXPECT_EQ(server->stats().overflows, 1U);
}

TEST_F(TransportTest, RefusesTooManyHeaders) {
    start_server();
    TestClient agent;
    agent.connect(io, client_options(pki.agent("web-1")));
    Headers many;
    for (int i = 0; i < 70; ++i) many.push_back({"x-" + std::to_string(i), "v"});
    for (const auto& headers : {many, Headers{{"x-big", std::string(20'000, 'v')}}}) {
        Exchange echo;
        agent.ask(echo, {"POST", "/echo", headers, false});
        ASSERT_TRUE(until([&] { return echo.closed.has_value(); }));
        EXPECT_EQ(echo.closed->kind, CloseKind::peer);
        EXPECT_FALSE(echo.head);
    }
    EXPECT_TRUE(handler.requests.empty());
    Exchange echo;
    agent.ask(echo, {"POST", "/echo", {{"x-small", "v"}}, false});
    ASSERT_TRUE(until([&] { return echo.closed.has_value(); }));
    EXPECT_EQ(echo.closed->kind, CloseKind::finished);
}

TEST_F(TransportTest, AnEmptyAddressProofMakesNoConnection) {
    start_server();
    TestClient agent;
    agent.connect(io, client_options({}));
    ASSERT_TRUE(until([&] { return server->stats().retries_sent == 1; }));
    EXPECT_EQ(server->stats().connections, 0U);
    ASSERT_TRUE(until([&] { return agent.handshake; }));
}

TEST_F(TransportTest, RefusesMoreConnectionsThanAllowed) {
    server_options.connections_max = 1;
    start_server();
    TestClient first;
    first.connect(io, client_options(pki.agent("web-1")));
    ASSERT_TRUE(until([&] { return first.handshake; }));
    TestClient second;
    second.connect(io, client_options(pki.agent("web-2")));
    ASSERT_TRUE(until([&] { return second.closed.has_value(); }));
    EXPECT_EQ(second.closed->kind, CloseKind::refused) << second.closed->text;
    EXPECT_FALSE(first.closed);
}

struct AddressCase {
    const char* name;
    const char* listen;
    const char* dial;
};
class AddressTest : public TransportTest, public testing::WithParamInterface<AddressCase> {};

TEST_P(AddressTest, Connects) {
    server_options.host = GetParam().listen;
    start_server();
    auto options = client_options(pki.agent("web-1"));
    options.host = GetParam().dial;
    TestClient agent;
    agent.connect(io, options);
    Exchange echo;
    agent.ask(echo, {"POST", "/echo", {}, true});
    echo.stream.send("hello");
    echo.stream.finish();
    ASSERT_TRUE(until([&] { return echo.closed || agent.closed; }));
    EXPECT_EQ(echo.body, "hello") << (agent.closed ? agent.closed->text : "");
}

std::vector<AddressCase> address_cases() {
    std::vector<AddressCase> cases{{"AnswersFromTheAddressThatWasAsked", "0.0.0.0", "127.0.0.2"},
                                   {"ByName", "127.0.0.1", "localhost"}};
    asio::io_context io;
    asio::ip::udp::socket probe{io, asio::ip::udp::v6()};
    asio::error_code no_ipv6;
    probe.bind({asio::ip::address_v6::loopback(), 0}, no_ipv6);
    if (no_ipv6) return cases;
    cases.push_back({"Ipv6", "::1", "::1"});
    cases.push_back({"DualStack", "::", "127.0.0.2"});
    return cases;
}

INSTANTIATE_TEST_SUITE_P(Addresses, AddressTest, testing::ValuesIn(address_cases()),
                         [](const auto& tested) { return tested.param.name; });

TEST_F(TransportTest, AHalfOpenConnectionGoesAway) {
    server_options.handshake_timeout = Seconds{1};
    start_server();
    TestClient agent;
    agent.connect(io, client_options(pki.agent("web-1")));
    ASSERT_TRUE(until([&] { return server->stats().connections == 1; }));
    agent.client.reset();  // without a word
    ASSERT_TRUE(handler.connected.empty());
    EXPECT_TRUE(until([&] { return server->stats().connections == 0; }));
    EXPECT_EQ(server->stats().handshakes_failed, 1U);
    EXPECT_TRUE(handler.disconnects.empty());
}

TEST_F(TransportTest, AnIdleConnectionIsEnded) {
    server_options.idle_timeout = Seconds{1};
    start_server();
    TestClient agent;
    auto options = client_options(pki.agent("web-1"));
    options.keep_alive = Seconds{30};
    agent.connect(io, options);
    ASSERT_TRUE(until([&] { return handler.connected.size() == 1; }));
    EXPECT_TRUE(until([&] { return server->stats().connections == 0; }));
    ASSERT_EQ(handler.disconnects.size(), 1U);
    EXPECT_EQ(handler.disconnects[0].kind, CloseKind::timeout);
}

TEST_F(TransportTest, AHandshakeThatStallsIsDropped) {
    start_server();
    auto options = client_options({});
    options.handshake_timeout = Seconds{1};
    asio::ip::udp::socket deaf{io, {asio::ip::address_v4::loopback(), 0}};
    options.port = deaf.local_endpoint().port();
    TestClient agent;
    agent.connect(io, options);
    ASSERT_TRUE(until([&] { return agent.closed.has_value(); }));
    EXPECT_EQ(agent.closed->kind, CloseKind::timeout) << agent.closed->text;
}

}  // namespace
}  // namespace tidegate::transport
