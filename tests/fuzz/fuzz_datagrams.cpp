// What anyone may send to either end of the agents' link: raw datagrams, as from the other end, and
// sealed frames of a peer that has keys. One living world; a good agent in it must not notice.
#include <asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "tests/fuzz/fuzzer.h"
#include "tests/integration/transport/sealed_frames.h"
#include "tests/integration/transport/wire_tap.h"
#include "transport/client.h"
#include "transport/server.h"

namespace tidegate::fuzz {
namespace {

using namespace transport;

Validity a_day() {
    return {std::chrono::floor<Milliseconds>(std::chrono::system_clock::now()),
            std::chrono::hours{24}};
}

struct Echoes : ServerHandler {
    bool certificate_ok(const PeerIdentity&) override { return true; }
    StreamHandlers on_request(const Connection&, const Request&, Stream stream) override {
        stream.respond(200);
        return {[stream](std::string_view bytes) mutable { stream.send(std::string{bytes}); },
                [stream]() mutable { stream.finish(); },
                {},
                {}};
    }
};

/// A connection with one echo on it, made anew when it is gone.
struct Peer {
    asio::io_context io;
    std::unique_ptr<Client> client;
    Stream echo;
    std::string body;

    void ensure(const ClientOptions& options) {
        if (client && client->open() && echo.open()) return;
        body.clear();
        client = *Client::connect(io, options, {});
        ResponseHandlers handlers;
        handlers.stream.on_data = [this](std::string_view bytes) { body += bytes; };
        echo = client->request({"POST", "/echo", {}, true}, std::move(handlers));
    }
    void poll() {
        io.restart();
        io.poll();
    }
};

class World {
public:
    World() {
        ServerOptions options;
        options.host = "127.0.0.1";
        options.daemon = *issue_daemon(ca_, a_day());
        options.ca_pem = ca_.certificate_pem;
        server_ = *Server::start(io_, std::move(options), handler_);
        tap_.emplace(tap_io_, server_->port());
        agent_ = {ca_.certificate_pem, *make_key()};
        agent_.certificate_pem =
            *sign_agent(ca_, *make_csr(agent_.key_pem, "web-1"), "web-1", a_day());
    }

    void run(std::string_view input) {
        good_.ensure(options_to(tap_->port(), agent_));
        tap_->forget_seen();
        require(asks(), "the good agent gets its answer");
        const auto kind = static_cast<unsigned char>(input.front()) % 4;
        input.remove_prefix(1);
        if (kind == 0) tap_->inject(WireTap::Way::to_server, input);
        if (kind == 1) tap_->inject(WireTap::Way::to_client, input);
        if (kind == 2) inject_at_living(input);
        if (kind == 3) lie(input);
        require(asks(), "the good agent still gets its answer");
    }

private:
    [[nodiscard]] ClientOptions options_to(std::uint16_t port, const Credential& agent) const {
        ClientOptions options;
        options.host = "127.0.0.1";
        options.port = port;
        options.trust = PinnedCa{ca_.certificate_pem};
        options.agent = agent;
        return options;
    }
    void turn() {
        good_.poll();
        io_.restart();
        io_.poll();
        tap_io_.restart();
        tap_io_.poll();
    }
    bool asks() {
        const auto wanted = good_.body.size() + 1;
        good_.echo.send("?");
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{20};
        while (good_.body.size() < wanted && std::chrono::steady_clock::now() < end) turn();
        return good_.body.size() == wanted;
    }
    /// Behind the head of the newest datagram each way.
    void inject_at_living(std::string_view input) {
        constexpr std::size_t kHead = 9;
        for (const auto way : {WireTap::Way::to_server, WireTap::Way::to_client}) {
            for (auto seen = tap_->seen().rbegin(); seen != tap_->seen().rend(); ++seen) {
                if (seen->way != way) continue;
                tap_->inject(way, seen->bytes.substr(0, kHead) + std::string{input});
                break;
            }
        }
    }
    void lie(std::string_view input) {
        liar_.ensure(options_to(server_->port(), {}));
        rewrite_sealed_frames([input](std::span<std::uint8_t> frames) {
            std::copy_n(input.begin(), std::min(input.size(), frames.size()), frames.begin());
        });
        liar_.echo.send("lie");
        for (int i = 0; i < 4; ++i) liar_.poll();
        rewrite_sealed_frames({});
        turn();
    }

    asio::io_context io_;
    asio::io_context tap_io_;
    Credential ca_ = *make_ca(a_day());
    Credential agent_;
    Echoes handler_;
    std::unique_ptr<Server> server_;
    std::optional<WireTap> tap_;
    Peer good_;
    Peer liar_;
};

}  // namespace

void run(std::string_view input) {
    static World world;
    if (!input.empty()) world.run(input);
}

}  // namespace tidegate::fuzz
