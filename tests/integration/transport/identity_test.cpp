/// Who gets in: certificates of both ends, enrolment, ALPN.

#include <list>

#include "support.h"
#include "transport/x509.h"

namespace tidegate::transport {
namespace {

/// Any certificate at all, signed by the right CA: what only a careless CA would give out.
Credential forge(const Credential& ca, const std::string& uri,
                 const std::vector<const char*>& purposes) {
    const auto key_pem = value(make_key());
    const auto key = value(import_key(key_pem));
    const auto issuer = value(import_certificate(ca.certificate_pem));
    const auto issuer_key = value(import_key(ca.key_pem));
    const auto certificate = gnutls_make<X509Certificate>(gnutls_x509_crt_init);
    auto* raw = certificate.get();
    const std::string serial = "\x01\x02\x03";
    gnutls_x509_crt_set_version(raw, 3);
    gnutls_x509_crt_set_serial(raw, serial.data(), serial.size());
    gnutls_x509_crt_set_activation_time(raw, std::time(nullptr) - 60);
    gnutls_x509_crt_set_expiration_time(raw, std::time(nullptr) + 3600);
    gnutls_x509_crt_set_key(raw, key.get());
    for (const auto* purpose : purposes) gnutls_x509_crt_set_key_purpose_oid(raw, purpose, 0);
    if (!uri.empty())
        gnutls_x509_crt_set_subject_alt_name(raw, GNUTLS_SAN_URI, uri.data(),
                                             static_cast<unsigned>(uri.size()), GNUTLS_FSAN_SET);
    gnutls_x509_crt_sign2(raw, issuer.get(), issuer_key.get(), GNUTLS_DIG_SHA256, 0);
    return {value(export_certificate(raw)), key_pem};
}

constexpr const char* kServerUse = GNUTLS_KP_TLS_WWW_SERVER;
constexpr const char* kClientUse = GNUTLS_KP_TLS_WWW_CLIENT;
constexpr const char* kCodeSigning = GNUTLS_KP_CODE_SIGNING;

/// Connects, asks, and expects to be thrown out before any answer.
void expect_refused(asio::io_context& io, TestHandler& handler, ClientOptions options) {
    TestClient agent;
    agent.connect(io, std::move(options));
    Exchange echo;
    agent.ask(echo, {"POST", "/echo", {}, false});
    ASSERT_TRUE(run_until(io, [&] { return agent.closed || echo.head; }));
    ASSERT_TRUE(agent.closed);
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
        {"the daemon's", pki.daemon},
        {"for server use", forge(pki.ca, "tidegate://agent/web-1", {kServerUse})},
        {"for any use", forge(pki.ca, "tidegate://agent/web-1", {})},
        {"for both uses", forge(pki.ca, "tidegate://agent/web-1", {kClientUse, kServerUse})},
        {"for more uses", forge(pki.ca, "tidegate://agent/web-1", {kClientUse, kCodeSigning})},
        {"without a name", forge(pki.ca, "", {kClientUse})},
        {"with the daemon's name", forge(pki.ca, "tidegate://daemon", {kClientUse})},
        {"with a bad name", forge(pki.ca, "tidegate://agent/../root", {kClientUse})},
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
        {"an agent's", pki.agent("web-1")},
        {"for client use", forge(pki.ca, "tidegate://daemon", {kClientUse})},
        {"for any use", forge(pki.ca, "tidegate://daemon", {})},
        {"with another name", forge(pki.ca, "tidegate://daemon2", {kServerUse})},
        {"with an agent's name", forge(pki.ca, "tidegate://agent/web-1", {kServerUse})}};
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

TEST_F(TransportTest, AcceptsWhatTheForgeryTestsVary) {
    server_options.daemon = forge(pki.ca, "tidegate://daemon", {kServerUse});
    start_server();
    TestClient agent;
    agent.connect(io, client_options(forge(pki.ca, "tidegate://agent/web-1", {kClientUse})));
    Exchange echo;
    agent.ask(echo, {"POST", "/echo", {}, false});
    ASSERT_TRUE(until([&] { return echo.closed.has_value(); }));
    EXPECT_EQ(find_header(echo.head->headers, "agent"), "web-1");
}

TEST_F(TransportTest, BoundsConnectionsWithoutACertificate) {
    start_server();
    std::list<TestClient> strangers;
    for (std::size_t i = 0; i < limits::kAnonymousPerSourceMax; ++i)
        strangers.emplace_back().connect(io, client_options({}));
    ASSERT_TRUE(until([&] { return handler.connected.size() == limits::kAnonymousPerSourceMax; }));
    TestClient one_more;
    one_more.connect(io, client_options({}));
    ASSERT_TRUE(until([&] { return one_more.closed.has_value(); }));
    TestClient agent;
    agent.connect(io, client_options(pki.agent("web-1")));
    Exchange echo;
    agent.ask(echo, {"POST", "/echo", {}, false});
    ASSERT_TRUE(until([&] { return echo.head.has_value(); })) << "agents are not kept out";
    strangers.front().client->close("enrolled");
    ASSERT_TRUE(until([&] { return handler.disconnects.size() == 1; }));
    TestClient next;
    next.connect(io, client_options({}));
    Exchange second;
    next.ask(second, {"POST", "/echo", {}, false});
    ASSERT_TRUE(until([&] { return second.head.has_value(); })) << "room comes back";
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
