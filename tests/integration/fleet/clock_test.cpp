/// Clocks that are wrong, on either side: nobody ends for it, and everybody says what to look at.

#include "tests/integration/fleet/support.h"

namespace tidegate {
namespace {

using std::chrono::hours;

class ClockTest : public FleetTest {
protected:
    void start_with_clock(TestAgent& agent, const std::string& name, const std::string& with_token,
                          Milliseconds ahead) {
        agent.handler.greeting.agent = name;
        agent.handler.greeting.boot_id = "boot-" + name;
        auto with = session_options(agent, name, with_token);
        with.now = [ahead] { return wall_now() + ahead; };
        agent.session = value(Session::start(io, with, agent.handler));
    }
};

TEST_F(ClockTest, AnAgentWhoseClockIsWrongConnectsAllTheSame) {
    start_fleet();
    for (const auto ahead : {Milliseconds{hours{240}}, Milliseconds{-hours{2}},
                             Milliseconds{-wall_now().time_since_epoch()}}) {
        TestAgent agent;
        const auto text = token("web-1", true);
        // At once after it enrolled, and after a restart, with and without the spent token.
        for (const auto& with : {text, text, std::string{}}) {
            agent.handler.notices.clear();
            start_with_clock(agent, "web-1", with, ahead);
            EXPECT_TRUE(until([&] { return agent.session->connected(); })) << ahead.count();
            EXPECT_FALSE(agent.handler.stopped) << agent.handler.stopped->message;
            EXPECT_TRUE(agent.handler.noticed("check the clock")) << ahead.count();
            agent.session.reset();
        }
    }
    EXPECT_FALSE(handler.alerted("was used"));
}

TEST_F(ClockTest, AClockThatIsAheadAsksForNoCertificateAfterTheOther) {
    start_fleet();
    TestAgent agent;
    start_with_clock(agent, "web-1", token("web-1"), hours{240});
    ASSERT_TRUE(until([&] { return fleet->stats().renewed == 1; }));
    EXPECT_FALSE(until([&] { return fleet->stats().renewed > 1; }, Seconds{2}));
    fleet->drop("web-1", "another link");
    ASSERT_TRUE(until([&] { return handler.connected.size() == 2; }));
    EXPECT_FALSE(until([&] { return fleet->stats().renewed > 1; }, Seconds{1}));
}

TEST_F(ClockTest, AnAgentWhoseCertificateExpiredKeepsTryingAndSaysWhatItNeeds) {
    options.certificate_lifetime = Seconds{2};
    start_fleet();
    TestAgent agent;
    start_agent(agent, "web-1", token("web-1"));
    ASSERT_TRUE(until([&] { return agent.handler.noticed("enrolled as web-1"); }));
    fleet.reset();  // for a month
    const auto end = std::chrono::system_clock::now() + Seconds{2};
    ASSERT_TRUE(until([&] { return std::chrono::system_clock::now() > end; }));
    options.certificate_lifetime = Seconds{3600};
    start_fleet();
    agent.session.reset();
    agent.handler.notices.clear();
    start_agent(agent, "web-1", "");
    ASSERT_TRUE(until([&] { return agent.handler.noticed("refused by the peer"); }));
    EXPECT_TRUE(agent.handler.noticed("expired at 20"));
    EXPECT_TRUE(agent.handler.noticed("run `tidegate enroll web-1 --replace`"));
    const auto refused = fleet->stats().transport.handshakes_failed;
    ASSERT_TRUE(until([&] { return fleet->stats().transport.handshakes_failed > refused + 2; }));
    EXPECT_FALSE(agent.handler.stopped);
    agent.session.reset();
    start_agent(agent, "web-1", token("web-1", true));
    EXPECT_TRUE(until([&] { return agent.session->connected(); }));
}

TEST_F(ClockTest, ADaemonThatRefusesACertificateSaysWhatTimeItIs) {
    start_fleet();
    const struct {
        transport::Validity validity;
        const char* said;
    } cases[] = {{{wall_now() + hours{2}, hours{1}}, "the certificate begins at 20"},
                 {{wall_now() - hours{2}, hours{1}}, "the certificate expired at 20"}};
    for (const auto& [validity, said] : cases) {
        RawAgent agent;
        agent.open(io, client_options(credential("web-1", validity)));
        ASSERT_TRUE(until([&] { return agent.closed.has_value(); })) << said;
        EXPECT_EQ(agent.closed->kind, transport::CloseKind::refused);
        EXPECT_NE(agent.closed->text.find(said), std::string::npos) << agent.closed->text;
        EXPECT_NE(agent.closed->text.find("; here it is 20"), std::string::npos);
        EXPECT_NE(agent.closed->text.find("check the clock"), std::string::npos);
    }
}

TEST_F(ClockTest, AnAgentWaitsForADaemonWhoseCertificateHasNotBegun) {
    start_fleet();
    const auto text = token("web-1");
    options.now = [] { return wall_now() + hours{24}; };
    options.pki.server = value(transport::issue_daemon(options.pki.ca, {options.now(), hours{24}}));
    start_fleet();
    TestAgent agent;
    start_agent(agent, "web-1", text);
    ASSERT_TRUE(until([&] { return agent.handler.noticed("the certificate begins at 20"); }));
    EXPECT_TRUE(agent.handler.noticed("check the clock"));
    options.now = nullptr;
    start_fleet();
    EXPECT_TRUE(until([&] { return agent.session->connected(); }));
}

TEST_F(ClockTest, ACaThatWasMadeWhileTheClockWasAheadServesOnceItIsRight) {
    std::filesystem::remove_all(data_dir.path() / "pki");
    const auto ahead = value(open_pki(data_dir.path(), wall_now() + hours{24}));
    options.pki = value(open_pki(data_dir.path(), wall_now()));
    EXPECT_EQ(options.pki.ca_fingerprint, ahead.ca_fingerprint);
    EXPECT_NE(options.pki.server.certificate_pem, ahead.server.certificate_pem);
    EXPECT_EQ(value(open_pki(data_dir.path(), wall_now())).server.certificate_pem,
              options.pki.server.certificate_pem);
    start_fleet();
    TestAgent agent;
    join(agent, "web-1");
}

/// It would end before anybody noticed, and every agent pins it.
TEST_F(ClockTest, NoCaIsMadeWhileTheClockIsYearsBehind) {
    const auto pki = data_dir.path() / "pki";
    std::filesystem::remove_all(pki);
    for (const auto now : {Timestamp{std::chrono::minutes{3}}, wall_now() - hours{24 * 900}}) {
        const auto made = open_pki(data_dir.path(), now);
        ASSERT_FALSE(made);
        EXPECT_EQ(made.error().message.substr(made.error().message.rfind(':')),
                  ": check the clock");
        EXPECT_FALSE(std::filesystem::exists(pki / "ca.key"));
    }
    (void)value(open_pki(data_dir.path(), wall_now()));
    EXPECT_TRUE(open_pki(data_dir.path(), Timestamp{std::chrono::minutes{3}})) << "there is one";
}

TEST_F(ClockTest, AWrongClockThrowsNoGoodCertificateAway) {
    for (const auto wrong : {-hours{24 * 900}, hours{24 * 900}}) {
        options.now = [wrong] { return wall_now() + wrong; };
        options.pki = value(open_pki(data_dir.path(), options.now()));
        handler.alerts.clear();
        start_fleet();
        EXPECT_TRUE(handler.alerted("check the clock")) << wrong.count();
        const auto server = value(transport::read_certificate(options.pki.server.certificate_pem));
        for (const auto now : {wall_now(), options.now()}) {
            EXPECT_LE(server.not_before, now) << wrong.count();
            EXPECT_GT(server.not_after, now) << wrong.count();
        }
        fleet.reset();
    }
}

TEST_F(ClockTest, ACertificateOfAWrongClockIsMadeAnewOnceItIsRightWithoutAStart) {
    start_fleet();
    TestAgent agent;
    join(agent, "web-1");
    for (const auto wrong : {-hours{24 * 900}, hours{24 * 900}}) {
        agent.handler.notices.clear();
        handler.connected.clear();
        auto ahead = wrong;
        options.now = [&ahead] { return wall_now() + ahead; };
        options.pki.server =
            value(transport::issue_daemon(options.pki.ca, {options.now(), hours{24}}));
        start_fleet();
        ASSERT_TRUE(until([&] { return agent.handler.noticed("; here it is 20"); }));
        ahead = {};
        EXPECT_TRUE(until([&] { return !handler.connected.empty(); })) << wrong.count();
        EXPECT_TRUE(handler.alerted("check the clock")) << wrong.count();
        ASSERT_FALSE(handler.renewed_servers.empty());
        ASSERT_TRUE(keep_server(data_dir.path(), handler.renewed_servers.back()));
        EXPECT_EQ(value(open_pki(data_dir.path(), wall_now())).server.certificate_pem,
                  handler.renewed_servers.back().certificate_pem);
        fleet.reset();
    }
}

TEST_F(ClockTest, CertificatesBeginTenMinutesAgoAtTheLatest) {
    const auto limit = wall_now() - std::chrono::minutes{10};
    const auto of_agent = credential("web-1", {wall_now(), hours{1}});
    for (const auto& pem : {options.pki.ca.certificate_pem, options.pki.server.certificate_pem,
                            of_agent.certificate_pem})
        EXPECT_LE(value(transport::read_certificate(pem)).not_before, limit);
}

}  // namespace
}  // namespace tidegate
