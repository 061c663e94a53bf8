/// Tokens, certificates, renewal.

#include "tests/integration/fleet/support.h"
#include "tests/integration/transport/wire_tap.h"

namespace tidegate {
namespace {

TEST_F(FleetTest, AnAgentEnrolsAndTheTokenIsUsedUp) {
    start_fleet();
    const auto text = token("web-1");
    TestAgent first;
    start_agent(first, "web-1", text);
    ASSERT_TRUE(until([&] { return handler.connected.size() == 1; }));
    EXPECT_EQ(handler.connected[0].first.agent, "web-1");
    for (const auto* name : {"agent.key", "agent.crt", "ca.crt"}) {
        const auto file = first.dir.path() / "pki" / name;
        EXPECT_EQ(std::filesystem::status(file).permissions(),
                  std::filesystem::perms::owner_read | std::filesystem::perms::owner_write)
            << name;
    }
    const auto secret = value(wire::parse_token(text)).secret;
    for (const auto table : {Table::token, Table::agent})
        for (const auto& row : value(handler.store.load(table)))
            EXPECT_EQ((row.key + row.body).find(secret), std::string::npos);

    TestAgent second;
    start_agent(second, "web-1", text);
    ASSERT_TRUE(until([&] { return second.handler.stopped.has_value(); }));
    EXPECT_NE(second.handler.stopped->message.find("was used at"), std::string::npos)
        << second.handler.stopped->message;
    EXPECT_TRUE(handler.alerted("was used at"));
    EXPECT_TRUE(first.session->connected());
}

TEST_F(FleetTest, AUsedTokenStaysUsedAcrossARestart) {
    start_fleet();
    const auto text = token("web-1");
    TestAgent first;
    start_agent(first, "web-1", text);
    ASSERT_TRUE(until([&] { return handler.connected.size() == 1; }));
    first.session.reset();
    start_fleet();
    TestAgent second;
    start_agent(second, "web-1", text);
    ASSERT_TRUE(until([&] { return second.handler.stopped.has_value(); }));
}

TEST_F(FleetTest, TheCertificateWaitsForTheStore) {
    start_fleet();
    const auto text = token("web-1");
    handler.store_holds = true;
    TestAgent agent;
    start_agent(agent, "web-1", text);
    ASSERT_TRUE(until([&] { return !handler.held.empty(); }));
    EXPECT_FALSE(until([&] { return !agent.handler.notices.empty(); }, Seconds{1}));
    TestAgent thief;  // while the first answer is still on its way
    start_agent(thief, "web-1", text);
    ASSERT_TRUE(until([&] { return thief.handler.stopped.has_value(); }));
    handler.store_holds = false;
    handler.release();
    ASSERT_TRUE(until([&] { return agent.session->connected(); }));
}

TEST_F(FleetTest, ALostAnswerDoesNotCostTheToken) {
    start_fleet();
    const auto text = token("web-1");
    handler.store_holds = true;
    TestAgent agent;
    start_agent(agent, "web-1", text);
    ASSERT_TRUE(until([&] { return !handler.held.empty(); }));
    fleet.reset();  // a crash after the token's use is durable, before the certificate is sent
    handler.store_holds = false;
    handler.release();
    ASSERT_TRUE(until([&] { return value(handler.store.load(Table::agent)).size() == 1; }));
    start_fleet();
    TestAgent thief;
    start_agent(thief, "web-1", text);
    ASSERT_TRUE(until([&] { return thief.handler.stopped.has_value(); }));
    agent.session.reset();  // and the agent dies, too
    start_agent(agent, "web-1", text);
    ASSERT_TRUE(until([&] { return agent.session->connected(); }));
}

TEST_F(FleetTest, AFullDiskDoesNotUseATokenUp) {
    start_fleet();
    const auto text = token("web-1");
    handler.store_fails = true;
    TestAgent agent;
    start_agent(agent, "web-1", text);
    ASSERT_TRUE(until([&] { return agent.handler.noticed("answered 503"); }));
    handler.store_fails = false;
    ASSERT_TRUE(until([&] { return agent.session->connected(); }));
}

TEST_F(FleetTest, BadTokensAreRefused) {
    auto later = Milliseconds{0};
    options.now = [&later] { return wall_now() + later; };
    start_fleet();
    const auto for_web1 = token("web-1", false, Seconds{60});

    TestAgent other;
    const auto mismatched =
        Session::start(io, session_options(other, "web-2", for_web1), other.handler);
    ASSERT_FALSE(mismatched);
    EXPECT_EQ(mismatched.error().message,
              "agent web-2 has no valid certificate (there is none) and no token (the token is for "
              "agent web-1, not for web-2)");

    auto renamed = value(wire::parse_token(for_web1));
    renamed.agent = "web-2";
    auto guessed = value(wire::parse_token(for_web1));
    guessed.secret = std::string(64, 'a');
    struct Case {
        std::string agent, text;
        const char* expected;
    };
    for (const auto& [agent, text, expected] :
         {Case{"web-2", renamed.text(), "made for another agent"},
          Case{"web-1", guessed.text(), "not known here"}}) {
        TestAgent bad;
        start_agent(bad, agent, text);
        ASSERT_TRUE(until([&] { return bad.handler.stopped.has_value(); })) << expected;
        EXPECT_NE(bad.handler.stopped->message.find(expected), std::string::npos)
            << bad.handler.stopped->message;
    }
    later = std::chrono::seconds{61};
    TestAgent late;
    start_agent(late, "web-1", for_web1);
    ASSERT_TRUE(until([&] { return late.handler.stopped.has_value(); }));
    EXPECT_NE(late.handler.stopped->message.find("expired at"), std::string::npos);
}

TEST_F(FleetTest, MadeUpTokensAreOneAlertPerSourceAndMinute) {
    auto monotonic = Milliseconds{0};
    options.monotonic = [&monotonic] { return monotonic; };
    start_fleet();
    transport::WireTap elsewhere{io, port, "127.0.0.2"};
    auto made_up = value(wire::parse_token(token("web-1")));
    int tries = 0;
    const auto guess = [&](std::uint16_t at) {
        made_up.secret = fmt::format("{:064x}", ++tries);
        made_up.agent = "web-" + std::to_string(tries);
        transport::TestClient client;
        auto with = client_options({});
        with.port = at;
        client.connect(io, with);
        transport::Exchange exchange;
        client.ask(exchange,
                   {"POST", "/v1/enroll", {{"authorization", "Bearer " + made_up.text()}}, false});
        ASSERT_TRUE(until([&] { return exchange.closed.has_value(); }));
        ASSERT_EQ(exchange.head->status, 403);
    };
    for (int i = 0; i < 30; ++i) guess(port);
    ASSERT_EQ(handler.alerts.size(), 1U);
    EXPECT_EQ(handler.alerts[0],
              "web-1: enrolment from 127.0.0.1 refused: this token is not known here");
    guess(elsewhere.port());
    EXPECT_EQ(handler.alerts.size(), 2U);
    EXPECT_TRUE(handler.alerted("enrolment from 127.0.0.2 refused"));
    EXPECT_EQ(fleet->stats().enrolments_refused, 31U);
    monotonic += std::chrono::minutes{1};
    guess(port);
    EXPECT_TRUE(handler.alerted("(and 29 times more that were not said)"));
}

TEST_F(FleetTest, AKnownNameNeedsReplaceAndThenTheOldOneIsOut) {
    start_fleet();
    TestAgent old;
    join(old, "web-1");
    std::optional<Result<std::string>> refused;
    fleet->create_token({"web-1", Seconds{60}, false, "alice"}, [&](auto text) { refused = text; });
    ASSERT_TRUE(refused && !*refused);
    EXPECT_EQ(refused->error().code, ErrorCode::conflict);

    const auto text = token("web-1", true);
    TestAgent anew;
    anew.handler.greeting.boot_id = "another";
    start_agent(anew, "web-1", text);
    ASSERT_TRUE(until([&] { return anew.session->connected(); }));
    ASSERT_TRUE(until([&] { return old.handler.noticed("refused"); }));
    EXPECT_FALSE(old.session->connected());
}

TEST_F(FleetTest, TheWrongDaemonNeverSeesTheToken) {
    start_fleet();
    auto foreign = value(wire::parse_token(token("web-1")));
    foreign.ca_fingerprint = Digest::of("another CA");
    TestAgent agent;
    start_agent(agent, "web-1", foreign.text());
    ASSERT_TRUE(until([&] { return agent.handler.noticed("no link"); }));
    EXPECT_EQ(fleet->stats().refused, 0U);
    EXPECT_TRUE(handler.alerts.empty());
}

TEST_F(FleetTest, CertificatesAreRenewedOnTheSessionAndServeTheNextOne) {
    auto later = Milliseconds{0};
    options.now = [&later] { return wall_now() + later; };
    options.certificate_lifetime = Seconds{3600};
    start_fleet();
    TestAgent agent;
    const auto text = token("web-1");
    agent.handler.greeting = {"web-1", "boot-1", "", {}, 0, {}};
    auto with = session_options(agent, "web-1", text);
    with.now = options.now;
    agent.session = value(Session::start(io, with, agent.handler));
    ASSERT_TRUE(until([&] { return handler.connected.size() == 1; }));
    EXPECT_FALSE(until([&] { return fleet->stats().renewed > 0; }, Seconds{1}));
    later = std::chrono::minutes{41};
    ASSERT_TRUE(until([&] { return agent.handler.noticed("certificate renewed"); }));
    EXPECT_EQ(fleet->stats().renewed, 1U);

    // Past the end of the first certificate the renewed session still stands.
    later = std::chrono::minutes{61};
    EXPECT_FALSE(until([&] { return !agent.session->connected(); }, Seconds{2}));
    agent.session = value(Session::start(io, with, agent.handler));
    ASSERT_TRUE(until([&] { return handler.connected.size() == 2; }));
}

TEST_F(FleetTest, ASessionEndsWithItsCertificate) {
    auto later = Milliseconds{0};
    options.now = [&later] { return wall_now() + later; };
    options.certificate_lifetime = Seconds{3600};
    start_fleet();
    TestAgent agent;
    join(agent, "web-1");
    later = std::chrono::minutes{60};
    ASSERT_TRUE(until([&] { return !handler.disconnected.empty(); }));
    EXPECT_EQ(handler.disconnected[0], "web-1: the agent's certificate has expired");
}

TEST_F(FleetTest, AnAgentWithoutAnythingSaysWhatIsWrongWithWhatItFound) {
    start_fleet();
    TestAgent agent;
    join(agent, "web-1");
    agent.session.reset();
    auto with = session_options(agent, "web-2", "");
    with.token = fail(ErrorCode::not_found, "cannot read /root/token: No such file or directory");
    const auto started = Session::start(io, with, agent.handler);
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().message,
              "agent web-2 has no valid certificate (the certificate is for "
              "tidegate://agent/web-1, not for agent web-2) and no token (cannot read "
              "/root/token: No such file or directory)");
}

TEST_F(FleetTest, ATokenIsKeptWhileTheCertificateIsGood) {
    start_fleet();
    TestAgent agent;
    join(agent, "web-1");
    const auto fresh = token("web-1", true);
    for (const auto& text : {fresh, std::string{"garbage"}}) {
        const auto before = handler.connected.size();
        agent.session.reset();
        start_agent(agent, "web-1", text);
        ASSERT_TRUE(until([&] { return handler.connected.size() > before; }));
    }
    EXPECT_TRUE(agent.handler.noticed("going on without a token: this is not an enrolment token"));
    TestAgent other;
    start_agent(other, "web-1", fresh);
    EXPECT_TRUE(until([&] { return other.session->connected(); }));
}

TEST_F(FleetTest, ALostCaIsReplacedByATokenOfTheNewOne) {
    start_fleet();
    TestAgent agent;
    join(agent, "web-1");
    agent.session.reset();
    fleet.reset();
    std::filesystem::remove_all(data_dir.path() / "pki");
    options.pki = value(open_pki(data_dir.path(), wall_now()));
    EXPECT_TRUE(options.pki.made_ca);
    start_fleet();
    start_agent(agent, "web-1", "");
    EXPECT_TRUE(until([&] { return agent.handler.noticed("another CA signed it"); }));
    agent.session.reset();
    start_agent(agent, "web-1", token("web-1", true));
    EXPECT_TRUE(until([&] { return agent.session->connected(); }));
    agent.session.reset();
    start_agent(agent, "web-1", "");  // and from then on without
    EXPECT_TRUE(until([&] { return agent.session->connected(); }));
}

TEST_F(FleetTest, KeysAreMadeOnceAndDamageIsNotOverwritten) {
    const auto again = value(open_pki(data_dir.path(), wall_now()));
    EXPECT_FALSE(again.made_ca);
    EXPECT_EQ(again.ca_fingerprint, options.pki.ca_fingerprint);
    EXPECT_EQ(again.reset_secret, options.pki.reset_secret);
    EXPECT_EQ(again.server.certificate_pem, options.pki.server.certificate_pem);
    const auto late = value(open_pki(data_dir.path(), wall_now() + std::chrono::hours{24 * 400}));
    EXPECT_NE(late.server.certificate_pem, options.pki.server.certificate_pem);
    test::write_text(data_dir.path() / "pki" / "ca.key", "garbage");
    EXPECT_FALSE(open_pki(data_dir.path(), wall_now()));
    EXPECT_EQ(test::read_text(data_dir.path() / "pki" / "ca.key"), "garbage");
}

}  // namespace
}  // namespace tidegate
