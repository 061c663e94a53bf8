#pragma once
/// A CA, an echoing server and clients on one loop, over real UDP on loopback.

#include <gtest/gtest.h>

#include <algorithm>
#include <asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "transport/client.h"
#include "transport/pki.h"
#include "transport/server.h"

namespace tidegate::transport {

inline Timestamp wall_now() {
    return std::chrono::floor<Milliseconds>(std::chrono::system_clock::now());
}
inline Validity valid_for(Seconds lifetime) { return {wall_now(), lifetime}; }
inline constexpr Seconds kDay = std::chrono::hours{24};

template <class T>
T value(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().text());
    return *std::move(result);
}

struct TestPki {
    Credential ca = value(make_ca(valid_for(kDay)));
    Credential daemon = value(issue_daemon(ca, valid_for(kDay)));

    [[nodiscard]] Credential agent(const std::string& name, Validity validity = valid_for(kDay),
                                   KeyType type = KeyType::p256) const {
        auto key = value(make_key(type));
        const auto csr = value(make_csr(key, name));
        return {value(sign_agent(ca, csr, name, validity)), key};
    }
};

/// Runs the loop until the condition holds; false after the deadline.
inline bool run_until(asio::io_context& io, const std::function<bool()>& condition,
                      Seconds deadline = Seconds{20}) {
    const auto end = std::chrono::steady_clock::now() + deadline;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) return false;
        io.restart();
        io.run_one_for(std::chrono::milliseconds{50});
    }
    return true;
}

/// POST /echo gives back what it gets, /sink counts, GET /bytes/N sends N bytes, /mute never
/// answers a body.
struct TestHandler : ServerHandler {
    std::set<std::string> revoked;
    std::set<std::string> known;  ///< sources
    std::map<std::uint64_t, Connection> connected;
    std::vector<CloseReason> disconnects;
    std::vector<CloseReason> stream_ends;
    std::vector<Stream> sessions;
    std::optional<Stream> sink;
    std::size_t sunk = 0;
    bool pause_sink = false;
    std::vector<Request> requests;

    bool certificate_ok(const PeerIdentity& identity) override {
        return !revoked.contains(identity.serial);
    }
    bool is_known(const std::string& source) override { return known.contains(source); }
    void on_connected(const Connection& connection) override {
        connected.emplace(connection.id(), connection);
    }
    void on_disconnected(const Connection& connection, const CloseReason& reason) override {
        connected.erase(connection.id());
        disconnects.push_back(reason);
    }
    StreamHandlers on_request(const Connection& connection, const Request& request,
                              Stream stream) override {
        requests.push_back(request);
        const auto record = [this](const CloseReason& reason) { stream_ends.push_back(reason); };
        if (request.path == "/echo") {
            stream.respond(200, {{"agent", name_of(connection)}});
            return {[stream](std::string_view bytes) mutable { stream.send(std::string{bytes}); },
                    [stream]() mutable { stream.finish(); },
                    {},
                    record};
        }
        if (request.path == "/sink") {
            stream.respond(200);
            sink = stream;
            if (pause_sink) stream.pause();
            return {[this](std::string_view bytes) { sunk += bytes.size(); },
                    [stream]() mutable { stream.finish(); },
                    {},
                    record};
        }
        if (request.path == "/session") {
            stream.respond(200);
            sessions.push_back(stream);
            return {{}, {}, {}, record};
        }
        if (request.path.starts_with("/bytes/")) return send_bytes(request, std::move(stream));
        stream.refuse(404);
        return {};
    }

private:
    static std::string name_of(const Connection& connection) {
        const auto identity = connection.identity();
        return identity ? identity->agent : "nobody";
    }

    /// A long body in pieces of 16 KiB, sent when the queue drains.
    static StreamHandlers send_bytes(const Request& request, Stream stream) {
        auto left = std::make_shared<std::size_t>(std::stoul(request.path.substr(7)));
        stream.respond(200);
        const auto more = [stream, left]() mutable {
            while (*left > 0 && stream.queued_bytes() < 2 * limits::kSendDrainBytes) {
                const auto size = std::min<std::size_t>(*left, 16 * 1024);
                stream.send(std::string(size, 'x'));
                *left -= size;
            }
            if (*left == 0) stream.finish();
        };
        auto first = more;
        first();
        return {{}, {}, more, {}};
    }
};

/// What one request of a client saw.
struct Exchange {
    Stream stream;
    std::optional<ResponseHead> head;
    std::string body;
    bool ended = false;
    std::optional<CloseReason> closed;

    [[nodiscard]] ResponseHandlers handlers() {
        return {[this](const ResponseHead& seen) { head = seen; },
                {[this](std::string_view bytes) { body += bytes; },
                 [this] { ended = true; },
                 {},
                 [this](const CloseReason& reason) { closed = reason; }}};
    }
};

struct TestClient {
    std::unique_ptr<Client> client;
    bool handshake = false;
    std::optional<CloseReason> closed;

    TestClient() = default;
    TestClient(const TestClient&) = delete;
    TestClient& operator=(const TestClient&) = delete;

    void connect(asio::io_context& io, ClientOptions options) {
        client = value(Client::connect(io, std::move(options),
                                       {[this] { handshake = true; },
                                        [this](const CloseReason& reason) { closed = reason; }}));
    }
    void ask(Exchange& exchange, ClientRequest request) {
        exchange.stream = client->request(std::move(request), exchange.handlers());
    }
};

class TransportTest : public testing::Test {
protected:
    asio::io_context io;
    TestPki pki;
    TestHandler handler;
    ServerOptions server_options = base_options();
    std::unique_ptr<Server> server;

    ServerOptions base_options() {
        ServerOptions options;
        options.host = "127.0.0.1";
        options.daemon = pki.daemon;
        options.ca_pem = pki.ca.certificate_pem;
        options.reset_secret.fill(7);
        return options;
    }
    void start_server() { server = value(Server::start(io, server_options, handler)); }
    [[nodiscard]] ClientOptions client_options(Credential agent) const {
        ClientOptions options;
        options.host = "127.0.0.1";
        options.port = server->port();
        options.trust = PinnedCa{pki.ca.certificate_pem};
        options.agent = std::move(agent);
        return options;
    }
    bool until(const std::function<bool()>& condition, Seconds deadline = Seconds{20}) {
        return run_until(io, condition, deadline);
    }
};

}  // namespace tidegate::transport
