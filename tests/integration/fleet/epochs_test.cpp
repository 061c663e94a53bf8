/// Who may say that another daemon took over, and who only for itself.

#include "tests/integration/fleet/support.h"

namespace tidegate {
namespace {

class EpochsTest : public FleetTest {
protected:
    /// As after a restart, or after a backup was put back: the same keys, another epoch.
    void restart_with_epoch(std::uint64_t epoch) {
        options.epoch = epoch;
        start_fleet();
    }
    /// The host keeps the highest epoch, as its machine does.
    static void remember(TestAgent& agent) {
        agent.handler.greeting.highest_epoch = agent.handler.connected.back();
    }
    void claim(RawAgent& peer, const std::string& name, std::uint64_t epoch,
               std::optional<EpochProof> proof, bool can_prove = true) {
        peer.open(io, client_options(credential(name)));
        ASSERT_TRUE(until([&] { return peer.session.head.has_value(); }));
        Hello hello;
        hello.agent = name;
        hello.boot_id = "b1";
        hello.highest_epoch = epoch;
        hello.epoch_proof = std::move(proof);
        if (can_prove) hello.capabilities = {std::string{wire::kEpochProofCapability}};
        peer.say(hello);
    }
    [[nodiscard]] std::optional<std::uint64_t> claimed(const std::string& name) const {
        for (const auto& agent : fleet->agents())
            if (agent.name == name) return agent.claimed_epoch;
        return std::nullopt;
    }
};

EpochProof proof_of(const transport::Credential& ca, std::uint64_t epoch) {
    return {epoch, value(transport::sign_statement(ca, wire::epoch_statement(epoch)))};
}

TEST_F(EpochsTest, AClaimWithoutProofIsThatAgentsTroubleOnly) {
    auto monotonic = Milliseconds{0};
    options.monotonic = [&monotonic] { return monotonic; };
    start_fleet();
    TestAgent good;
    join(good, "web-1");
    const auto tomorrow = static_cast<std::uint64_t>(
        (wall_now() + std::chrono::hours{24}).time_since_epoch().count());
    const auto other_ca = value(transport::make_ca(transport::valid_for(transport::kDay)));
    auto of_another_epoch = proof_of(options.pki.ca, 6);
    of_another_epoch.epoch = tomorrow;
    const std::pair<const char*, std::optional<EpochProof>> cases[] = {
        {"none", std::nullopt},
        {"nonsense", EpochProof{tomorrow, "nonsense"}},
        {"of another CA", proof_of(other_ca, tomorrow)},
        {"of another epoch", of_another_epoch},
        {"of less than it claims", proof_of(options.pki.ca, 7)},
    };
    for (const auto& [name, proof] : cases) {
        handler.alerts.clear();
        monotonic += std::chrono::minutes{1};
        RawAgent liar;
        claim(liar, "web-2", tomorrow, proof);
        ASSERT_TRUE(until([&] { return liar.closed.has_value(); })) << name;
        EXPECT_EQ(handler.alerts,
                  std::vector{fmt::format("web-2: it claims to have seen epoch {}, this daemon's "
                                          "is 7, and cannot prove it",
                                          tomorrow)})
            << name;
        EXPECT_TRUE(handler.fenced.empty()) << name;
        EXPECT_EQ(claimed("web-2"), tomorrow) << name;
    }
    EXPECT_EQ(handler.connected.size(), 1U) << "nothing is sent to a host that would refuse it";
    ASSERT_TRUE(fleet->send("web-1", wire::Run{7, action("a1"), {}}));
    ASSERT_TRUE(until([&] { return good.handler.runs.size() == 1; }));

    fleet->revoke("web-2", "alice", "lies", [](auto) {});
    EXPECT_FALSE(claimed("web-2"));
}

TEST_F(EpochsTest, AnOldAgentsClaimIsLoggedOnly) {
    start_fleet();
    RawAgent old;
    claim(old, "web-1", 9, std::nullopt, false);
    ASSERT_TRUE(until([&] { return old.closed.has_value(); }));
    EXPECT_TRUE(handler.alerts.empty());
    EXPECT_TRUE(handler.fenced.empty());
    ASSERT_EQ(handler.notices.size(), 1U);
    EXPECT_NE(handler.notices[0].find("is too old to prove it"), std::string::npos);

    restart_with_epoch(9);  // it was no lie: that daemon is back
    RawAgent again;
    claim(again, "web-1", 9, std::nullopt, false);
    ASSERT_TRUE(until([&] { return !again.heard().empty(); }));
    EXPECT_TRUE(std::holds_alternative<wire::Welcome>(again.heard()[0]));
}

TEST_F(EpochsTest, AProvenEpochFences) {
    restart_with_epoch(9);
    TestAgent agent;
    join(agent, "web-1");
    remember(agent);
    restart_with_epoch(7);
    ASSERT_TRUE(until([&] { return handler.fenced == std::vector<std::uint64_t>{9}; }));
    ASSERT_TRUE(until([&] { return handler.connected.size() == 2; }));
    EXPECT_EQ(fleet->send("web-1", wire::Run{7, action("a1"), {}}).error().code, ErrorCode::denied);
    EXPECT_TRUE(fleet->send("web-1", wire::Ack{{"a1"}}));

    handler.fenced.clear();
    agent.session.reset();  // the proof outlives the agent's process
    start_agent(agent, "web-1", "");
    ASSERT_TRUE(until([&] { return handler.fenced == std::vector<std::uint64_t>{9}; }));
    EXPECT_TRUE(handler.alerts.empty());
}

TEST_F(EpochsTest, WhatARefusedCommandTellsNeedsAProofToo) {
    start_fleet();
    RawAgent agent;
    claim(agent, "web-1", 0, std::nullopt);
    agent.say(wire::InventoryPiece{{}, true});
    agent.say(wire::Fenced{9, proof_of(options.pki.ca, 9)});
    ASSERT_TRUE(until([&] { return handler.fenced == std::vector<std::uint64_t>{9}; }));
    EXPECT_TRUE(handler.alerts.empty());
    agent.say(wire::Fenced{11, proof_of(options.pki.ca, 9)});
    ASSERT_TRUE(until([&] { return agent.closed.has_value(); }));
    EXPECT_TRUE(handler.alerted("it claims to have seen epoch 11"));
    EXPECT_EQ(handler.fenced.size(), 1U);
}

TEST_F(EpochsTest, ACertificateOfAnotherCaClearsThem) {
    restart_with_epoch(900);
    TestAgent agent;
    join(agent, "web-1");
    remember(agent);
    agent.session.reset();
    fleet.reset();
    std::filesystem::remove_all(data_dir.path() / "pki");
    options.pki = value(open_pki(data_dir.path(), wall_now()));
    restart_with_epoch(5);
    for (const auto& with : {token("web-1", true), std::string{}}) {
        agent.handler.connected.clear();
        start_agent(agent, "web-1", with);
        ASSERT_TRUE(until([&] { return !agent.handler.connected.empty(); }));
        EXPECT_EQ(agent.handler.connected[0], 901U) << "above all that the host has seen";
        remember(agent);
        ASSERT_TRUE(until([&] {
            return fleet->send("web-1", wire::Run{5, action("a1"), {}}).has_value();
        }));
        ASSERT_TRUE(until([&] { return !agent.handler.runs.empty(); }));
        EXPECT_EQ(agent.handler.runs.back().second, 901U);
        agent.session.reset();
    }
    EXPECT_TRUE(handler.fenced.empty());
    EXPECT_TRUE(handler.alerts.empty());

    restart_with_epoch(4);  // and the new CA's count as before
    start_agent(agent, "web-1", "");
    ASSERT_TRUE(until([&] { return handler.fenced == std::vector<std::uint64_t>{5}; }));
}

/// A daemon from before there were proofs.
struct OldDaemon : transport::ServerHandler {
    std::vector<Hello> hellos;
    wire::FrameReader reader;

    bool certificate_ok(const transport::PeerIdentity&) override { return true; }
    transport::StreamHandlers on_request(const transport::Connection&, const transport::Request&,
                                         transport::Stream stream) override {
        reader = {};
        stream.respond(200);
        transport::StreamHandlers handlers;
        handlers.on_data = [this, stream](std::string_view bytes) mutable {
            reader.push(bytes);
            for (auto next = value(reader.next()); next; next = value(reader.next())) {
                const auto message = value(wire::decode_agent(*next));
                const auto* hello = std::get_if<Hello>(&message);
                if (!hello) continue;
                hellos.push_back(*hello);
                stream.send(
                    wire::frame(value(wire::encode(wire::DaemonMessage{wire::Welcome{8, {}}}))));
            }
        };
        return handlers;
    }
};

TEST_F(EpochsTest, ADaemonWithoutProofsIsFollowed) {
    start_fleet();
    TestAgent agent;
    join(agent, "web-1");
    remember(agent);
    fleet.reset();
    OldDaemon old;
    transport::ServerOptions with;
    with.host = "127.0.0.1";
    with.port = port;
    with.daemon = options.pki.server;
    with.ca_pem = options.pki.ca.certificate_pem;
    with.reset_secret = options.pki.reset_secret;
    auto server = value(transport::Server::start(io, with, old));
    ASSERT_TRUE(until([&] { return agent.handler.connected == std::vector<std::uint64_t>{7, 8}; }));
    ASSERT_EQ(old.hellos.size(), 1U);
    EXPECT_EQ(old.hellos[0].highest_epoch, 7U);
    remember(agent);
    server.reset();
    restart_with_epoch(9);  // the upgrade
    ASSERT_TRUE(until([&] { return agent.handler.connected.size() == 3; }));
    EXPECT_TRUE(handler.fenced.empty());
    EXPECT_TRUE(handler.alerts.empty());
}

}  // namespace
}  // namespace tidegate
