/// New connections under pressure: who gets in, who waits, and what else goes on meanwhile.

#include <asio/post.hpp>
#include <list>

#include "support.h"
#include "tests/integration/transport/wire_tap.h"

namespace tidegate::transport {
namespace {

class AdmissionTest : public TransportTest {
protected:
    /// Handshakes that begin and never end, as many as there is room for.
    void leave_half_open(std::uint16_t port, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            const auto before = server->stats().connections;
            TestClient gone;
            auto options = client_options({});
            options.port = port;
            gone.connect(io, options);
            ASSERT_TRUE(until([&] { return server->stats().connections > before; })) << i;
        }
    }
    /// Does a newcomer get in, or only its first packets lost?
    bool gets_in(std::uint16_t port, const Credential& agent) {
        TestClient newcomer;
        auto options = client_options(agent);
        options.port = port;
        newcomer.connect(io, options);
        const auto dropped = server->stats().initials_dropped;
        EXPECT_TRUE(until(
            [&] { return newcomer.handshake || server->stats().initials_dropped > dropped; }));
        EXPECT_FALSE(newcomer.closed) << "it may try again";
        return newcomer.handshake;
    }
};

TEST_F(AdmissionTest, OneSourceCannotTakeAllTheRoom) {
    server_options.admission.half_open_per_source_max = 4;
    server_options.handshake_timeout = Seconds{120};
    start_server();
    WireTap elsewhere{io, server->port(), "127.0.0.2"};
    leave_half_open(server->port(), 4);
    EXPECT_FALSE(gets_in(server->port(), pki.agent("web-1")));
    EXPECT_TRUE(gets_in(elsewhere.port(), pki.agent("web-2")));
    EXPECT_EQ(server->stats().handshakes_failed, 0U) << "nobody was thrown out";
}

TEST_F(AdmissionTest, KnownSourcesHaveAShareOfTheirOwn) {
    server_options.admission.half_open_max = 6;
    server_options.admission.half_open_per_source_max = 3;
    server_options.handshake_timeout = Seconds{120};
    start_server();
    WireTap second{io, server->port(), "127.0.0.2"};
    WireTap stranger{io, server->port(), "127.0.0.3"};
    WireTap home{io, server->port(), "127.0.0.4"};
    handler.known = {"127.0.0.4"};
    leave_half_open(server->port(), 3);
    leave_half_open(second.port(), 3);
    EXPECT_FALSE(gets_in(stranger.port(), pki.agent("web-1")));
    EXPECT_TRUE(gets_in(home.port(), pki.agent("web-2")));
}

TEST_F(AdmissionTest, RoomComesBack) {
    server_options.admission.half_open_per_source_max = 2;
    server_options.handshake_timeout = Seconds{1};
    start_server();
    leave_half_open(server->port(), 2);
    TestClient patient;
    patient.connect(io, client_options(pki.agent("web-1")));
    EXPECT_TRUE(until([&] { return patient.handshake; })) << "by sending its first packet again";
    EXPECT_GT(server->stats().initials_dropped, 0U);
    EXPECT_FALSE(patient.closed);
}

TEST_F(AdmissionTest, OneSourcesStrangersDoNotKeepOthersFromEnrolling) {
    start_server();
    WireTap elsewhere{io, server->port(), "127.0.0.2"};
    std::list<TestClient> strangers;
    constexpr std::size_t kMany = 300;
    for (std::size_t i = 0; i < kMany; ++i)
        strangers.emplace_back().connect(io, client_options({}));
    ASSERT_TRUE(until([&] {
        return handler.connected.size() == limits::kAnonymousPerSourceMax &&
               std::ranges::count_if(strangers, [](const auto& one) {
                   return one.closed.has_value();
               }) == kMany - limits::kAnonymousPerSourceMax;
    }));
    TestClient newcomer;
    auto options = client_options({});
    options.port = elsewhere.port();
    newcomer.connect(io, options);
    Exchange echo;
    newcomer.ask(echo, {"POST", "/echo", {}, false});
    EXPECT_TRUE(until([&] { return echo.head.has_value(); }));
}

/// A burst of first packets, with the address already proven, waits in the kernel; a job that posts
/// itself again and again sees how many of them are taken in between.
TEST_F(AdmissionTest, ABurstOfHandshakesLeavesTheLoopToOthers) {
    start_server();
    asio::io_context client_io;
    std::list<TestClient> agents;
    const auto credential = pki.agent("web-1");
    for (int i = 0; i < 80; ++i)
        agents.emplace_back().connect(client_io, client_options(credential));
    const auto poll = [](asio::io_context& loop) {
        loop.restart();
        loop.poll();
    };
    ASSERT_TRUE(until([&] {
        poll(client_io);
        return server->stats().retries_sent == agents.size();
    }));
    poll(client_io);
    std::uint64_t before = server->stats().connections;
    std::uint64_t most_at_once = 0;
    const std::function<void()> job = [&] {
        const auto now = server->stats().connections;
        most_at_once = std::max(most_at_once, now - before);
        before = now;
        if (now < agents.size()) asio::post(io, job);
    };
    asio::post(io, job);
    ASSERT_TRUE(until([&] {
        if (server->stats().connections == agents.size()) return true;
        poll(client_io);
        return false;
    }));
    most_at_once = std::max(most_at_once, server->stats().connections - before);
    EXPECT_LT(most_at_once, limits::kHandshakeSlice + limits::kReceiveBatch);
}

}  // namespace
}  // namespace tidegate::transport
