/// What anyone may send: datagrams of every length, cut, damaged, spoofed, and sealed nonsense from
/// a peer that has keys. Nothing of it may reach an assertion of a library, or cost a good link.

#include <random>

#include "support.h"
#include "tests/integration/transport/sealed_frames.h"
#include "tests/integration/transport/wire_tap.h"

namespace tidegate::transport {
namespace {

constexpr std::size_t kLongest = 1500;
constexpr std::size_t kCidBytes = 8;

/// What a datagram may begin with; the rest is filled up.
std::vector<std::string> beginnings(const std::string& short_head, const std::string& long_cids) {
    using namespace std::string_literals;
    return {
        "",
        "\xff",
        "\x40",                               // a short header, of no connection
        short_head,                           // of a living one
        "\x80\x00\x00\x00\x00"s + long_cids,  // Version Negotiation
        "\xc0\x00\x00\x00\x01"s + long_cids,  // Initial
        "\xd0\x00\x00\x00\x01"s + long_cids,  // 0-RTT
        "\xe0\x00\x00\x00\x01"s + long_cids,  // Handshake
        "\xf0\x00\x00\x00\x01"s + long_cids,  // Retry
        "\xc0\x6b\x33\x43\xcf"s + long_cids,  // an Initial of another version, known to the library
        "\xc0\x1a\x2a\x3a\x4a"s + long_cids,  // and of one that is not
        "\xc0\x00\x00\x00\x01\xff"s,          // ids of any length
        "\xc0\x00\x00\x00\x01\x00\x00"s,
        "\xc0\x1a\x2a\x3a\x4a\xff"s,
    };
}

std::string filled(std::string begin, std::size_t length, std::mt19937& random) {
    begin.resize(length, static_cast<char>(random()));
    return begin;
}

/// Where the protected part of a client's Initial begins. A copy with another token before it is
/// answered with an error in the open, which only someone in the path can provoke.
std::size_t open_head(const std::string& datagram) {
    const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(datagram.at(i)); };
    if ((at(0) & 0xf0) != 0xc0) return 0;
    std::size_t offset = 5;
    offset += 1U + at(offset);
    offset += 1U + at(offset);
    const bool one_byte = at(offset) < 0x40;
    const std::size_t token = one_byte ? at(offset) : (at(offset) & 0x3fU) << 8 | at(offset + 1);
    return token == 0 ? 0 : offset + (one_byte ? 1 : 2) + token;
}

class DatagramsTest : public TransportTest {
protected:
    /// Others with --gtest_shuffle --gtest_repeat=…
    std::mt19937 random{7U +
                        static_cast<unsigned>(testing::UnitTest::GetInstance()->random_seed())};
    asio::io_context client_io;  ///< of its own, so that it is known whose packets are sealed
    asio::io_context tap_io;
    bool client_lies = false;
    bool server_lies = false;

    void turn() {
        tap_io.restart();
        if (poll_ends() + tap_io.poll() > 0) return;
        io.restart();
        io.run_one_for(std::chrono::milliseconds{1});
    }
    std::size_t poll_ends() {
        rewrite_sealed_frames(client_lies ? damage() : Rewrite{});
        client_io.restart();
        auto done = client_io.poll();
        rewrite_sealed_frames(server_lies ? damage() : Rewrite{});
        io.restart();
        done += io.poll();
        rewrite_sealed_frames({});
        return done;
    }
    bool until_both(const std::function<bool()>& condition, Seconds deadline = Seconds{30}) {
        const auto end = std::chrono::steady_clock::now() + deadline;
        while (!condition()) {
            if (std::chrono::steady_clock::now() > end) return false;
            turn();
        }
        return true;
    }
    Rewrite damage() {
        return [this](std::span<std::uint8_t> frames) {
            if (random() % 4 == 0) damage_frames(frames, random);
        };
    }
    ClientOptions through(const WireTap& tap, Credential agent) {
        auto options = client_options(std::move(agent));
        options.port = tap.port();
        return options;
    }
    void expect_echo(Exchange& echo) {
        const auto expected = echo.body + "still here ";
        EXPECT_TRUE(echo.stream.send("still here "));
        EXPECT_TRUE(until_both([&] { return echo.body == expected || echo.closed; }));
        EXPECT_EQ(echo.body, expected);
    }
    void expect_newcomers_get_in() {
        TestClient next;
        next.connect(client_io, client_options(pki.agent("web-2")));
        Exchange echo;
        next.ask(echo, {"POST", "/echo", {}, true});
        expect_echo(echo);
    }
    /// Every length with every beginning, to both ends, as from each other and as from a stranger.
    void sweep(WireTap& tap, const std::string& to_server, const std::string& to_client) {
        asio::ip::udp::socket stranger{tap_io, {asio::ip::address_v4::loopback(), 0}};
        const asio::ip::udp::endpoint server_at{asio::ip::address_v4::loopback(), server->port()};
        const auto up = beginnings("\x40" + to_server, "\x08" + to_server + "\x08" + to_client);
        const auto down = beginnings("\x40" + to_client, "\x08" + to_client + "\x08" + to_server);
        for (std::size_t length = 0; length <= kLongest; ++length) {
            for (std::size_t i = 0; i < up.size(); ++i) {
                const auto bytes = filled(up[i], length, random);
                tap.inject(WireTap::Way::to_server, bytes);
                tap.inject(WireTap::Way::to_client, filled(down[i], length, random));
                stranger.send_to(asio::buffer(bytes), server_at);
            }
            poll_ends();
        }
    }
};

TEST_F(DatagramsTest, OfEveryLengthHurtNobody) {
    start_server();
    WireTap tap{tap_io, server->port()};
    TestClient agent;
    agent.connect(client_io, through(tap, pki.agent("web-1")));
    Exchange echo;
    agent.ask(echo, {"POST", "/echo", {}, true});
    expect_echo(echo);
    std::string to_server;
    std::string to_client;
    for (const auto& [way, bytes] : tap.seen())
        if ((bytes[0] & 0x80) == 0)
            (way == WireTap::Way::to_server ? to_server : to_client) = bytes.substr(1, kCidBytes);
    sweep(tap, to_server, to_client);
    expect_echo(echo);
    EXPECT_FALSE(agent.closed) << agent.closed->text;
    EXPECT_EQ(handler.connected.size(), 1U);
    expect_newcomers_get_in();
}

TEST_F(DatagramsTest, OfEveryLengthHurtNoHandshake) {
    start_server();
    WireTap tap{tap_io, server->port()};
    bool swept = false;
    tap.before = [&](const WireTap::Seen& seen) {
        // The client's second Initial, and so the handshake, has begun.
        if (swept || seen.way != WireTap::Way::to_client || server->stats().connections == 0)
            return;
        swept = true;
        sweep(tap, std::string(kCidBytes, 'x'), seen.bytes.substr(6, kCidBytes));
    };
    TestClient agent;
    agent.connect(client_io, through(tap, pki.agent("web-1")));
    Exchange echo;
    agent.ask(echo, {"POST", "/echo", {}, true});
    expect_echo(echo);
    EXPECT_TRUE(swept);
    EXPECT_FALSE(agent.closed) << agent.closed->text;
    expect_newcomers_get_in();
}

/// Before each datagram of a whole connection comes all that could be made of it by cutting, and
/// one damaged copy for each of its bytes.
TEST_F(DatagramsTest, CutAndDamagedHurtNobody) {
    start_server();
    WireTap tap{tap_io, server->port()};
    std::vector<WireTap::Seen> made;
    tap.before = [&](const WireTap::Seen& seen) {
        for (std::size_t length = 0; length < seen.bytes.size(); ++length)
            made.push_back({seen.way, seen.bytes.substr(0, length)});
        for (auto i = open_head(seen.bytes); i < seen.bytes.size(); ++i) {
            made.push_back(seen);
            made.back().bytes[i] ^= static_cast<char>(1 + random() % 255);
        }
        std::size_t sent = 0;
        for (const auto& [way, bytes] : std::exchange(made, {})) {
            tap.inject(way, bytes);
            if (++sent % 32 == 0) poll_ends();  // as much as a small receive buffer holds
        }
    };
    TestClient agent;
    agent.connect(client_io, through(tap, pki.agent("web-1")));
    Exchange echo;
    agent.ask(echo, {"POST", "/echo", {}, true});
    expect_echo(echo);
    expect_echo(echo);
    EXPECT_FALSE(agent.closed) << agent.closed->text;
    expect_newcomers_get_in();
}

TEST_F(DatagramsTest, SealedNonsenseEndsOnlyItsOwnConnection) {
    start_server();
    TestClient good;
    good.connect(io, client_options(pki.agent("good")));
    Exchange good_echo;
    good.ask(good_echo, {"POST", "/echo", {}, true});
    good_echo.stream.send("a");
    ASSERT_TRUE(until([&] { return good_echo.body == "a"; }));
    for (int round = 0; round < 200; ++round) {
        TestClient liar;
        auto options = client_options(round % 2 == 0 ? Credential{} : pki.agent("liar"));
        options.handshake_timeout = Seconds{1};
        liar.connect(client_io, options);
        Exchange echo;
        liar.ask(echo, {"POST", "/echo", {}, true});
        client_lies = round % 4 >= 2;  // from its first packet on
        for (int turns = 0; turns < 40 && !liar.closed; ++turns) {
            client_lies = client_lies || liar.handshake;
            echo.stream.send("lie ");
            turn();
        }
        client_lies = false;
    }
    client_io.restart();
    client_io.poll();
    good_echo.stream.send("b");
    ASSERT_TRUE(until([&] { return good_echo.body == "ab"; }));
    expect_newcomers_get_in();
}

TEST_F(DatagramsTest, SealedNonsenseOfADaemonEndsOnlyThatLink) {
    start_server();
    for (int round = 0; round < 200; ++round) {
        TestClient agent;
        auto options = client_options(pki.agent("web-1"));
        options.handshake_timeout = Seconds{1};
        agent.connect(client_io, options);
        Exchange echo;
        agent.ask(echo, {"POST", "/echo", {}, true});
        server_lies = round % 4 >= 2;
        for (int turns = 0; turns < 40 && !agent.closed; ++turns) {
            server_lies = server_lies || agent.handshake;
            echo.stream.send("question ");
            turn();
        }
        server_lies = false;
    }
    expect_newcomers_get_in();
}

}  // namespace
}  // namespace tidegate::transport
