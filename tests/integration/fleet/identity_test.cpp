/// Who gets in, and who does not.

#include <deque>

#include "tests/integration/fleet/support.h"

namespace tidegate {
namespace {

TEST_F(FleetTest, OnlyGoodCertificatesGetASession) {
    start_fleet();
    const auto now = wall_now();
    auto foreign_ca = value(transport::make_ca(transport::valid_for(transport::kDay)));
    auto key = value(transport::make_key());
    const auto csr = value(transport::make_csr(key, "web-1"));
    struct Case {
        const char* name;
        transport::Credential credential;
        bool accepted;
    };
    const Case cases[] = {
        {"good", credential("web-1"), true},
        {"foreign CA",
         {value(transport::sign_agent(foreign_ca, csr, "web-1",
                                      transport::valid_for(transport::kDay))),
          key},
         false},
        {"expired", credential("web-1", {now - std::chrono::hours{48}, std::chrono::hours{24}}),
         false},
        {"the daemon's own, for server use", options.pki.server, false},
        {"revoked", credential("web-3"), false},
    };
    std::optional<Result<void>> revoked;
    fleet->revoke("web-3", "alice", "stolen", [&](auto done) { revoked = done; });
    ASSERT_TRUE(until([&] { return revoked.has_value(); }));
    for (const auto& [name, agent, accepted] : cases) {
        RawAgent peer;
        peer.open(io, client_options(agent));
        ASSERT_TRUE(until([&] { return peer.session.head || peer.closed; })) << name;
        EXPECT_EQ(peer.session.head.has_value(), accepted) << name;
        if (!accepted) {
            EXPECT_EQ(peer.closed->kind, transport::CloseKind::refused) << name;
        }
    }
    RawAgent nobody;
    nobody.open(io, client_options({}));
    ASSERT_TRUE(until([&] { return nobody.session.head.has_value(); }));
    EXPECT_EQ(nobody.session.head->status, 403);
    EXPECT_TRUE(handler.connected.empty());
}

TEST_F(FleetTest, RevocationCutsAtOnceAndLasts) {
    start_fleet();
    TestAgent agent;
    join(agent, "web-1");
    const auto older_token = token("web-1", true);
    std::optional<Result<void>> revoked;
    fleet->revoke("web-1", "alice", "stolen", [&](auto done) { revoked = done; });
    EXPECT_EQ(handler.disconnected, std::vector<std::string>{"web-1: the agent was revoked"});
    EXPECT_EQ(fleet->send("web-1", wire::Ack{}).error().code, ErrorCode::unavailable);
    ASSERT_TRUE(until([&] { return revoked.has_value(); }));
    ASSERT_TRUE(until([&] { return agent.handler.noticed("refused"); }));
    start_fleet();
    const auto refused = fleet->stats().refused;
    ASSERT_TRUE(until([&] { return fleet->stats().refused > refused; }));
    EXPECT_FALSE(agent.session->connected());
    EXPECT_EQ(fleet->agents()[0].revoke_reason, "stolen");

    TestAgent sneaking;
    start_agent(sneaking, "web-1", older_token);
    ASSERT_TRUE(until([&] { return sneaking.handler.stopped.has_value(); }));

    // A new token brings the name back, but not the old certificate.
    TestAgent anew;
    anew.handler.greeting.boot_id = "another";
    start_agent(anew, "web-1", token("web-1"));
    ASSERT_TRUE(until([&] { return anew.session->connected(); }));
    EXPECT_FALSE(until([&] { return agent.session->connected(); }, Seconds{1}));
}

TEST_F(FleetTest, ARevokedAgentComesBackWithANewToken) {
    start_fleet();
    TestAgent agent;
    const auto spent = token("web-1");
    start_agent(agent, "web-1", spent);
    ASSERT_TRUE(until([&] { return agent.session->connected(); }));
    fleet->revoke("web-1", "alice", "stolen", [](auto) {});
    ASSERT_TRUE(until([&] { return agent.handler.noticed("refused"); }));

    // What is of no use any more is shown once; then the link is tried with the usual patience.
    agent.session.reset();
    start_agent(agent, "web-1", spent);
    ASSERT_TRUE(until([&] { return agent.handler.noticed("the daemon refused to enrol web-1"); }));
    const auto refused = fleet->stats().refused;
    ASSERT_TRUE(until([&] { return fleet->stats().refused >= refused + 3; }));
    EXPECT_EQ(std::ranges::count_if(
                  handler.alerts,
                  [](const auto& alert) { return alert.find("enrolment") != std::string::npos; }),
              1);
    EXPECT_FALSE(agent.handler.stopped);

    agent.session.reset();
    start_agent(agent, "web-1", token("web-1"));
    EXPECT_TRUE(until([&] { return agent.session->connected(); }));
}

TEST_F(FleetTest, RevocationWithoutASessionCutsToo) {
    start_fleet();
    transport::TestClient idle;
    idle.connect(io, client_options(credential("web-1")));
    transport::Exchange artifact;
    idle.ask(artifact, {"GET", "/v1/artifacts/" + std::string(64, 'a'), {}, false});
    ASSERT_TRUE(until([&] { return artifact.closed.has_value(); }));
    fleet->revoke("web-1", "alice", "stolen", [](auto) {});
    ASSERT_TRUE(until([&] { return idle.closed.has_value(); }));
    EXPECT_NE(idle.closed->text.find("revoked"), std::string::npos) << idle.closed->text;
}

TEST_F(FleetTest, ANewerConnectionReplacesTheOlder) {
    start_fleet();
    const auto shared = credential("web-1");
    RawAgent older;
    older.open(io, client_options(shared));
    ASSERT_TRUE(until([&] { return older.session.head.has_value(); }));
    older.greet("web-1", "b1");
    ASSERT_TRUE(until([&] { return handler.connected.size() == 1; }));
    RawAgent newer;
    newer.open(io, client_options(shared));
    ASSERT_TRUE(until([&] { return newer.session.head.has_value(); }));
    newer.greet("web-1", "b1");  // the same process: it lost its link before we did
    ASSERT_TRUE(until([&] { return handler.connected.size() == 2; }));
    EXPECT_EQ(handler.disconnected.size(), 1U);
    ASSERT_TRUE(until([&] { return older.closed.has_value(); }));
    ASSERT_TRUE(fleet->send("web-1", wire::Ack{{"a1"}}));
    ASSERT_TRUE(until([&] { return newer.heard().size() == 2; }));
    EXPECT_TRUE(handler.alerts.empty());
}

TEST_F(FleetTest, TwoHoldersOfOneIdentityAreBothShutOut) {
    start_fleet();
    TestAgent first;
    join(first, "web-1");
    TestAgent copy;  // the same files, another process
    std::filesystem::copy(first.dir.path() / "pki", copy.dir.path() / "pki");
    copy.handler.greeting.boot_id = "another";
    start_agent(copy, "web-1", "");
    ASSERT_TRUE(until([&] { return handler.alerted("two processes hold this identity"); }));
    ASSERT_TRUE(
        until([&] { return first.handler.noticed("refused") && copy.handler.noticed("refused"); }));
    EXPECT_FALSE(first.session->connected());
    EXPECT_FALSE(copy.session->connected());
    EXPECT_EQ(fleet->agents()[0].revoke_reason, "two processes held this identity");
}

class HoldersTest : public FleetTest {
protected:
    /// What a thief of the key does who wants to be taken for an agent that was started anew.
    void start_many_times(const transport::Credential& stolen, int times) {
        for (int i = 0; i < times; ++i) {
            RawAgent peer;
            peer.open(io, client_options(stolen));
            ASSERT_TRUE(until([&] { return peer.session.head.has_value(); }));
            const auto before = handler.connected.size();
            peer.greet("web-1", "fresh-" + std::to_string(i));
            ASSERT_TRUE(until([&] { return handler.connected.size() > before; }));
        }
    }
};

TEST_F(HoldersTest, AHolderIsNotWashedOutByFreshIds) {
    start_fleet();
    const auto stolen = credential("web-1");
    RawAgent holder;
    holder.open(io, client_options(stolen));
    ASSERT_TRUE(until([&] { return holder.session.head.has_value(); }));
    holder.greet("web-1", "true");
    ASSERT_TRUE(until([&] { return handler.connected.size() == 1; }));
    start_many_times(stolen, 20);
    EXPECT_FALSE(handler.alerted("two processes hold this identity"));
    RawAgent again;
    again.open(io, client_options(stolen));
    ASSERT_TRUE(until([&] { return again.session.head.has_value(); }));
    again.greet("web-1", "true");
    ASSERT_TRUE(until([&] { return again.closed.has_value(); }));
    EXPECT_TRUE(handler.alerted("two processes hold this identity"));
    EXPECT_EQ(fleet->agents()[0].revoke_reason, "two processes held this identity");
}

TEST_F(HoldersTest, ACrashLoopIsOneAlertAndNoRevocation) {
    start_fleet();
    start_many_times(credential("web-1"), 60);
    ASSERT_EQ(handler.alerts.size(), 1U);
    EXPECT_TRUE(handler.alerted("it was started 16 times within 1h"));
    EXPECT_FALSE(fleet->agents()[0].revoked_at);
}

TEST_F(FleetTest, HelloMustNameTheCertificatesAgent) {
    start_fleet();
    RawAgent liar;
    liar.open(io, client_options(credential("web-1")));
    ASSERT_TRUE(until([&] { return liar.session.head.has_value(); }));
    liar.greet("web-2", "b1");
    ASSERT_TRUE(until([&] { return liar.closed.has_value(); }));
    EXPECT_TRUE(handler.alerted("Hello names web-2, the certificate web-1"));
    EXPECT_TRUE(handler.connected.empty());
}

struct RouteCase {
    const char* method;
    std::string path;
    int anonymous;
    int agent;
};

TEST_F(FleetTest, EveryMethodPathAndRoleIsAnsweredByTheTable) {
    options.hello_timeout = Seconds{120};
    start_fleet();
    const std::string sha(64, 'a');
    std::vector<RouteCase> cases;
    for (const auto* method : {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"}) {
        const bool post = std::string_view{method} == "POST";
        const bool get = std::string_view{method} == "GET";
        // 403 for a token role: no token came. 409: no session yet on that connection.
        cases.push_back({method, "/v1/enroll", post ? 403 : 405, post ? 403 : 405});
        cases.push_back({method, "/v1/session", post ? 403 : 405, post ? 200 : 405});
        cases.push_back({method, "/v1/logs/a1", post ? 403 : 405, post ? 409 : 405});
        cases.push_back({method, "/v1/artifacts/" + sha, get ? 403 : 405, get ? 404 : 405});
        for (const auto* path : {"/", "/v1", "/v1/enroll/", "/v1/enroll?x=1", "/v1/session/a",
                                 "//v1/session", "/v1/logs/", "/v1/logs/../session",
                                 "/v1/logs/a%2f", "/v1/artifacts/abc", "/v2/session", "/metrics"})
            cases.push_back({method, path, 404, 404});
    }
    for (const bool named : {false, true}) {
        std::deque<transport::Exchange> exchanges;  // the session's stays open
        transport::TestClient client;
        client.connect(io, client_options(named ? credential("web-1") : transport::Credential{}));
        for (const auto& [method, path, anonymous, agent] : cases) {
            auto& exchange = exchanges.emplace_back();
            client.ask(exchange, {method, path, {}, path == "/v1/session"});
            ASSERT_TRUE(until([&] { return exchange.head || client.closed; }));
            const int status = exchange.head ? exchange.head->status : 0;
            EXPECT_EQ(status, named ? agent : anonymous)
                << method << ' ' << path << (named ? " as agent" : " as nobody");
            if (status != 200) exchange.stream.cancel();
            ASSERT_TRUE(until([&] { return status == 200 || exchange.closed; }));
        }
    }
}

TEST_F(FleetTest, AnyAlpnButH3FailsTheHandshake) {
    start_fleet();
    for (const auto* alpn : {"h2", "http/1.1", "h3-29", "tidegate"}) {
        auto with = client_options(credential("web-1"));
        with.alpn = alpn;
        transport::TestClient client;
        client.connect(io, with);
        ASSERT_TRUE(until([&] { return client.closed.has_value(); })) << alpn;
        EXPECT_FALSE(client.handshake) << alpn;
    }
}

}  // namespace
}  // namespace tidegate
