/// Who gets in: certificates of both ends, enrolment, ALPN.

#include "support.h"

namespace tidegate::transport {
namespace {

/// Connects, asks, and expects to be thrown out before any answer.
void expect_refused(asio::io_context& io, TestHandler& handler, ClientOptions options) {
    TestClient agent;
    agent.connect(io, std::move(options));
    Exchange echo;
    agent.ask(echo, {"POST", "/echo", {}, false});
    ASSERT_TRUE(run_until(io, [&] { return agent.closed.has_value(); }));
    EXPECT_EQ(agent.closed->kind, CloseKind::refused) << agent.closed->text;
    EXPECT_FALSE(echo.head);
    ASSERT_TRUE(echo.closed);
    EXPECT_TRUE(handler.requests.empty());
    EXPECT_TRUE(handler.connected.empty());
    EXPECT_FALSE(agent.client->open());
}

TEST_F(TransportTest, AnAgentIsKnownByItsCertificate) {
    start_server();
    const auto credential = pki.agent("web-1", valid_for(kDay), KeyType::ed25519);
    TestClient agent;
    agent.connect(io, client_options(credential));
    ASSERT_TRUE(until([&] { return handler.connected.size() == 1; }));
    const auto identity = handler.connected.begin()->second.identity();
    ASSERT_TRUE(identity);
    const auto info = value(read_certificate(credential.certificate_pem));
    EXPECT_EQ(*identity, (PeerIdentity{"web-1", info.serial, info.not_after}));
}

TEST_F(TransportTest, WithoutACertificateThereIsNoIdentity) {
    start_server();
    TestClient stranger;
    stranger.connect(io, client_options({}));
    Exchange echo;
    stranger.ask(echo, {"POST", "/echo", {}, false});
    ASSERT_TRUE(until([&] { return echo.head.has_value(); }));
    EXPECT_EQ(find_header(echo.head->headers, "agent"), "nobody");
}

TEST_F(TransportTest, RefusesCertificatesThatAreNotAgents) {
    start_server();
    const TestPki foreign;
    const Timestamp past = wall_now() - std::chrono::hours{48};
    const auto revoked = pki.agent("web-9");
    handler.revoked.insert(value(read_certificate(revoked.certificate_pem)).serial);
    const std::vector<std::pair<const char*, Credential>> cases{
        {"of a foreign CA", foreign.agent("web-1")},
        {"expired", pki.agent("web-1", {past, kDay})},
        {"not yet valid", pki.agent("web-1", {wall_now() + kDay, kDay})},
        {"for server use", pki.daemon},
        {"revoked", revoked}};
    for (const auto& [name, credential] : cases) {
        SCOPED_TRACE(name);
        expect_refused(io, handler, client_options(credential));
    }
    EXPECT_TRUE(until([&] { return server->stats().handshakes_failed == cases.size(); }));
}

TEST_F(TransportTest, RefusesOtherProtocolsThanH3) {
    start_server();
    for (const auto* alpn : {"h3-29", "hq-interop", "x"}) {
        auto options = client_options(pki.agent("web-1"));
        options.alpn = alpn;
        expect_refused(io, handler, options);
    }
}

TEST_F(TransportTest, AnAgentRefusesAServerThatIsNotTheDaemon) {
    const TestPki foreign;
    const Timestamp past = wall_now() - std::chrono::hours{48};
    const std::vector<std::pair<const char*, Credential>> cases{
        {"of a foreign CA", foreign.daemon},
        {"expired", value(issue_daemon(pki.ca, {past, kDay}))},
        {"an agent's", pki.agent("web-1")}};
    for (const auto& [name, credential] : cases) {
        SCOPED_TRACE(name);
        server_options.daemon = credential;
        start_server();
        expect_refused(io, handler, client_options(pki.agent("web-1")));
    }
}

TEST_F(TransportTest, EnrolmentLearnsTheCaByItsFingerprint) {
    start_server();
    auto options = client_options({});
    options.trust = PinnedFingerprint{value(read_certificate(pki.ca.certificate_pem)).fingerprint};
    TestClient stranger;
    stranger.connect(io, options);
    ASSERT_TRUE(until([&] { return stranger.handshake; }));
    EXPECT_EQ(value(read_certificate(stranger.client->ca_pem())).fingerprint,
              value(read_certificate(pki.ca.certificate_pem)).fingerprint);
}

TEST_F(TransportTest, EnrolmentRefusesAnotherFingerprint) {
    start_server();
    auto options = client_options({});
    options.trust = PinnedFingerprint{Digest::of("another CA")};
    expect_refused(io, handler, options);
    // The daemon's own certificate is in the chain too; pinning it is not pinning a CA.
    options.trust =
        PinnedFingerprint{value(read_certificate(pki.daemon.certificate_pem)).fingerprint};
    expect_refused(io, handler, options);
}

TEST_F(TransportTest, ReportsWhenNobodyListens) {
    start_server();
    auto options = client_options({});
    server.reset();
    TestClient agent;
    agent.connect(io, options);
    Exchange echo;
    agent.ask(echo, {"POST", "/echo", {}, false});
    ASSERT_TRUE(until([&] { return agent.closed.has_value(); }));
    EXPECT_EQ(agent.closed->kind, CloseKind::unreachable) << agent.closed->text;
    EXPECT_TRUE(echo.closed);
}

TEST_F(TransportTest, RefusesUnusableCredentials) {
    server_options.daemon.key_pem = value(make_key());
    EXPECT_FALSE(Server::start(io, server_options, handler));
    server_options = base_options();
    server_options.ca_pem = "nonsense";
    EXPECT_FALSE(Server::start(io, server_options, handler));
}

}  // namespace
}  // namespace tidegate::transport
