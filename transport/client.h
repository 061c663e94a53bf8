#pragma once
/// The agent's end: one QUIC connection with HTTP/3 to the daemon. It does not reconnect by itself:
/// when `on_closed` comes, make a new Client (with back-off).

#include <asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>

#include "schema/base/digest.h"
#include "schema/base/limits.h"
#include "schema/base/result.h"
#include "schema/base/time.h"
#include "transport/pki.h"
#include "transport/stream.h"

namespace tidegate::transport {

/// How the daemon is known. Host names are never looked at: its certificate must be signed by the
/// CA, be valid now, carry the URI `tidegate://daemon` and be for server use.
struct PinnedCa {
    std::string ca_pem;
};
/// For enrolment: only the fingerprint of the CA is known, out of the token. The daemon sends its
/// CA along; the one that matches is used, and `Client::ca_pem` hands it out to be pinned from then
/// on.
struct PinnedFingerprint {
    Digest ca_sha256;
};
using Trust = std::variant<PinnedCa, PinnedFingerprint>;

struct ClientOptions {
    std::string host;  ///< name or address of the daemon
    std::uint16_t port = 0;
    /// Which of the name's addresses to begin with, modulo their number. One where nobody listens
    /// is passed over, but a silent one takes all of this Client's time: begin the next with
    /// another.
    std::size_t first_address = 0;
    Trust trust;
    Credential agent;  ///< empty: no client certificate (enrolment)
    Seconds idle_timeout = limits::kIdleTimeout;
    Seconds handshake_timeout = limits::kHandshakeTimeout;
    /// A PING goes out after so long without traffic.
    Seconds keep_alive = limits::kKeepAlive;
    /// The peer is gone when something that it must acknowledge (a PING at the latest) met so long
    /// a silence.
    Milliseconds silence_max = limits::kSilenceMax;
    std::size_t send_queue_bytes_max = limits::kSendQueueBytesMax;
    /// What is offered as ALPN. Anything else than "h3" is refused by a server; tests show it.
    std::string alpn = "h3";
};

/// Callbacks of the connection; the rules of StreamHandlers hold.
struct ClientHandlers {
    /// The handshake is complete: the *daemon* is verified. Whether it accepts *us* shows with the
    /// first response head (a refused certificate is told only after this, by `on_closed`).
    std::function<void()> on_handshake;
    /// The connection is over, exactly once, after the `on_close` of its streams.
    std::function<void(const CloseReason&)> on_closed;
};

/// What to ask. `:scheme` is https, `:authority` is the pinned `daemon`.
struct ClientRequest {
    std::string method = "GET";
    std::string path = "/";
    Headers headers;
    bool body = false;  ///< a body follows by Stream::send and Stream::finish
};

/// The head of the answer: a daemon that speaks to us has accepted us.
struct ResponseHead {
    int status = 0;
    Headers headers;
};

struct ResponseHandlers {
    std::function<void(const ResponseHead&)> on_response;
    StreamHandlers stream;
};

class Client {
public:
    /// Starts to resolve and connect; the outcome comes by the handlers. `io` must outlive it.
    /// `invalid`: certificates or keys are not usable. Loop thread only, as everything here.
    [[nodiscard]] static Result<std::unique_ptr<Client>> connect(asio::io_context& io,
                                                                 ClientOptions options,
                                                                 ClientHandlers handlers);
    /// Drops the connection without a word to the daemon and without callbacks. Not from a
    /// callback.
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    /// Allowed at once: before the handshake is done, requests wait for it; beyond the peer's
    /// stream limit (limits::kRequestStreamsMax) they wait for another to end. After the end: a
    /// handle that is not open, and no callbacks.
    Stream request(ClientRequest request, ResponseHandlers handlers);
    /// Says goodbye and ends; `on_closed` follows from the loop with CloseKind::local.
    void close(std::string_view text);
    /// Moves to a new local port, as a NAT or a roaming host does; streams survive (RFC 9000 §9).
    /// Takes effect when the loop comes round. `unavailable`: no new socket, the old one stays.
    [[nodiscard]] Result<void> rebind();
    /// Sends a PING now: a dead peer shows within `silence_max`, a restarted one within a round
    /// trip.
    void ping();

    [[nodiscard]] bool open() const;
    /// The CA that the daemon's certificate was verified against; empty before the handshake.
    [[nodiscard]] std::string ca_pem() const;
    /// Local port in use; 0 before the address is resolved.
    [[nodiscard]] std::uint16_t local_port() const;

private:
    class Impl;
    explicit Client(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

}  // namespace tidegate::transport
