/// Many at once from one address, and what the daemon remembers of where its agents come from.

#include <memory>

#include <nlohmann/json.hpp>

#include "tests/integration/fleet/support.h"
#include "tests/integration/transport/wire_tap.h"

namespace tidegate {
namespace {

class CrowdTest : public FleetTest {
protected:
    /// One of many: dials again when it was not taken, as agents do.
    struct Member {
        std::string name;
        transport::Credential credential;
        std::unique_ptr<RawAgent> link;
        bool greeted = false;
    };

    void tend(Member& member) {
        if (!member.link || member.link->closed) {
            member.link = std::make_unique<RawAgent>();
            member.link->open(io, client_options(member.credential));
            member.greeted = false;
        }
        if (member.greeted || !member.link->session.head) return;
        member.link->greet(member.name, "b1");
        member.greeted = true;
    }
    /// The record of the only agent.
    [[nodiscard]] nlohmann::json stored() {
        return nlohmann::json::parse(value(handler.store.load(Table::agent)).at(0).body);
    }
    void store(const nlohmann::json& record) {
        Batch batch;
        batch.writes.push_back(Put{Table::agent, "web-1", record.dump()});
        ASSERT_TRUE(handler.store.commit({&batch, 1}));
    }
    /// Does a peer get in while a stranger's handshake from elsewhere fills the strangers' share,
    /// or are its first packets dropped?
    [[nodiscard]] bool gets_in_beside_a_stranger() {
        transport::WireTap elsewhere{io, port, "127.0.0.2"};
        {
            transport::TestClient stranger;
            auto with = client_options({});
            with.port = elsewhere.port();
            stranger.connect(io, with);
            EXPECT_TRUE(until([&] { return fleet->stats().transport.connections == 1; }));
        }
        transport::TestClient peer;
        peer.connect(io, client_options(credential("web-1")));
        EXPECT_TRUE(
            until([&] { return peer.handshake || fleet->stats().transport.initials_dropped > 0; }));
        return peer.handshake;
    }
};

TEST_F(CrowdTest, AThousandAgentsBehindOneAddressComeBack) {
    std::vector<Member> members;
    for (int i = 0; i < 1'000; ++i) {
        auto name = "web-" + std::to_string(i);
        auto made = credential(name);
        members.push_back({std::move(name), std::move(made), nullptr});
    }
    start_fleet();  // as after a restart that all of them have noticed
    int turns = 0;
    EXPECT_TRUE(until(
        [&] {
            if (turns++ % 100 == 0)
                for (auto& member : members) tend(member);
            return fleet->stats().online == members.size();
        },
        Seconds{100}))
        << fleet->stats().online;
    EXPECT_EQ(fleet->stats().refused, 0U);
}

TEST_F(CrowdTest, WhereSessionsAreHeldIsKnownAfterARestart) {
    auto later = Milliseconds{0};
    options.now = [&later] { return wall_now() + later; };
    options.monotonic = [&later] { return Milliseconds{std::chrono::hours{1}} + later; };
    options.admission.half_open_max = 1;  // of strangers
    start_fleet();
    {
        TestAgent agent;
        join(agent, "web-1");
        ASSERT_TRUE(until([&] { return stored().value("source", "") == "127.0.0.1"; }));
    }
    start_fleet();
    EXPECT_TRUE(gets_in_beside_a_stranger());
    later = limits::kSourceKnownFor + std::chrono::minutes{1};
    start_fleet();
    EXPECT_FALSE(gets_in_beside_a_stranger());
    later = -std::chrono::hours{1};  // a clock that was set back
    start_fleet();
    EXPECT_TRUE(gets_in_beside_a_stranger());
}

TEST_F(CrowdTest, ARecordOfBeforeSourcesWereKeptIsRead) {
    start_fleet();
    TestAgent agent;
    join(agent, "web-1");
    ASSERT_TRUE(until([&] { return stored().value("source", "") != ""; }));
    auto old = stored();
    old.erase("source");
    old.erase("source_at");
    store(old);
    start_fleet();
    EXPECT_TRUE(until([&] { return agent.session->connected() && handler.connected.size() == 2; }));
    EXPECT_TRUE(until([&] { return stored().value("source", "") == "127.0.0.1"; }));
}

}  // namespace
}  // namespace tidegate
