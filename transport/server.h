#pragma once
/// The daemon's end: one UDP socket, many QUIC connections with HTTP/3, all on one loop thread.
///
/// What it does by itself: Retry for every new address, TLS 1.3 with ALPN `h3` only, no 0-RTT, no
/// tickets, handshake and idle deadlines, stateless reset, address changes, flow control, header
/// limits, and bounds for half-open and anonymous connections: when those are reached, first
/// packets are dropped, or an anonymous one refused. A client certificate is asked for, not
/// demanded; one that is presented must be signed by the CA, be valid now, be for client use only,
/// name an agent, and pass `certificate_ok`, otherwise the handshake fails. What it leaves to the
/// handler: who may do which request.

#include <array>
#include <asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "schema/base/limits.h"
#include "schema/base/result.h"
#include "schema/base/time.h"
#include "transport/pki.h"
#include "transport/stream.h"

namespace tidegate::transport {

/// Who a verified client certificate belongs to.
struct PeerIdentity {
    std::string agent;   ///< NAME of `tidegate://agent/NAME`
    std::string serial;  ///< as CertificateInfo::serial
    Timestamp not_after;

    friend bool operator==(const PeerIdentity&, const PeerIdentity&) = default;
};

class ConnectionCore;

/// A handle to one connection. Cheap to copy; does not keep it alive. Loop thread only.
class Connection {
public:
    Connection() = default;
    explicit Connection(std::weak_ptr<ConnectionCore> core, std::uint64_t id)
        : core_{std::move(core)}, id_{id} {}

    /// Unique in this process, never used again, never 0 for a real connection.
    [[nodiscard]] std::uint64_t id() const { return id_; }
    [[nodiscard]] bool open() const;
    /// Absent when the peer showed no certificate (enrolment), and after the end.
    [[nodiscard]] std::optional<PeerIdentity> identity() const;
    /// `192.0.2.7:41234`, as of now: it changes when the peer moves. Empty after the end.
    [[nodiscard]] std::string remote_address() const;
    /// `192.0.2.7`, `2001:db8:0:1::/64`: what its source counts as (AdmissionLimits). Empty after
    /// the end.
    [[nodiscard]] std::string source() const;
    /// Tells the peer and ends it; `on_close` of its streams, then `on_disconnected` follow, from
    /// the loop. What is queued is sent once, as far as windows allow, and not repeated if lost:
    /// good enough for a last word. `text` goes to the peer (at most 200 bytes are sent).
    void close(std::string_view text);
    /// Wants a sign of the peer every `interval`, by a PING where there is no traffic, and ends the
    /// connection (CloseKind::timeout) when an answer is missing for `silence_max`. Zero: only the
    /// idle time-out, as at the beginning.
    void watch(Milliseconds interval, Milliseconds silence_max);

    friend bool operator==(const Connection& a, const Connection& b) { return a.id_ == b.id_; }

private:
    std::weak_ptr<ConnectionCore> core_;
    std::uint64_t id_ = 0;
};

/// One request's head. Pseudo header fields are not among `headers`.
struct Request {
    std::string method;
    std::string path;  ///< `:path` as it came: may hold a query, is not decoded or normalised
    Headers headers;
};

/// The user's side. Called on the loop thread only; must outlive the Server. The same rules as for
/// StreamHandlers: may call everything, must not destroy the Server from inside.
class ServerHandler {
public:
    virtual ~ServerHandler() = default;
    /// During each handshake with a client certificate that is fine so far: is it still welcome
    /// (revocation, known agent)? False fails the handshake. Must be quick.
    [[nodiscard]] virtual bool certificate_ok(const PeerIdentity& identity) = 0;
    /// For each first packet: did that source hold a session lately? It has a share of its own
    /// then, which strangers cannot fill. Must be quick.
    [[nodiscard]] virtual bool is_known(const std::string& source) {
        (void)source;
        return false;
    }
    /// A handshake is complete. Comes before any request of it.
    virtual void on_connected(const Connection& connection) { (void)connection; }
    /// A request's head has come. Either `stream.refuse(404)` and return {}; or return the handlers
    /// for its body and answer now or later with `stream.respond(status, headers)`.
    [[nodiscard]] virtual StreamHandlers on_request(const Connection& connection,
                                                    const Request& request, Stream stream) = 0;
    /// A connection for which `on_connected` came is over, after all its streams' `on_close`. The
    /// handle serves as a key only (`id()`); `identity()` is gone.
    virtual void on_disconnected(const Connection& connection, const CloseReason& reason) {
        (void)connection, (void)reason;
    }
};

/// Bounds for connections that have proven nothing yet, for each of the two shares, and for each
/// source in them: IPv4 address or IPv6 /64.
struct AdmissionLimits {
    std::size_t half_open_max = limits::kHalfOpenMax;
    std::size_t half_open_per_source_max = limits::kHalfOpenPerSourceMax;
    std::size_t anonymous_max = limits::kAnonymousConnectionsMax;
    std::size_t anonymous_per_source_max = limits::kAnonymousPerSourceMax;
};

struct ServerOptions {
    std::string host = "0.0.0.0";  ///< an address of this host, or a name that resolves to one
    std::uint16_t port = 0;        ///< 0: the system picks one, see Server::port
    Credential daemon;             ///< from issue_daemon
    std::string ca_pem;  ///< agents' certificates must come from it; also sent in the chain
    /// Makes stateless reset tokens; keep it across restarts (0600), so that agents notice a
    /// restart at their next packet (RFC 9000 §10.3).
    std::array<std::uint8_t, 32> reset_secret{};
    std::size_t connections_max = limits::kConnectionsMax;
    AdmissionLimits admission;
    std::size_t send_queue_bytes_max = limits::kSendQueueBytesMax;
    Seconds idle_timeout = limits::kIdleTimeout;
    Seconds handshake_timeout = limits::kHandshakeTimeout;
};

/// Counters since the start, for metrics.
struct ServerStats {
    std::uint64_t connections = 0;  ///< gauge: now open or in handshake
    std::uint64_t handshakes_done = 0;
    std::uint64_t handshakes_failed = 0;
    std::uint64_t datagrams_received = 0;
    std::uint64_t datagrams_ignored = 0;  ///< garbage, unknown connection, over a limit
    std::uint64_t initials_dropped = 0;   ///< first packets for which there was no room
    std::uint64_t retries_sent = 0;
    std::uint64_t resets_sent = 0;
    std::uint64_t overflows = 0;  ///< connections closed for a full send queue
};

class Server {
public:
    /// Binds and starts to serve when `io` runs. `io` and `handler` must outlive it.
    /// `unavailable`: cannot bind; `invalid`: keys, certificates or host not usable.
    [[nodiscard]] static Result<std::unique_ptr<Server>> start(asio::io_context& io,
                                                               ServerOptions options,
                                                               ServerHandler& handler);
    /// Drops everything without a word to peers or handlers, as a crash would. Not from a callback.
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// For handshakes that begin from now on; `daemon` and `ca_pem` as in ServerOptions. `invalid`:
    /// they are not usable, and the former ones stay.
    Result<void> use(const Credential& daemon, const std::string& ca_pem);
    /// Tells every peer that the server goes away, closes them (with callbacks) and takes no new
    /// ones.
    void shutdown(std::string_view text);
    /// `127.0.0.1:4433`: the bound address and port.
    [[nodiscard]] std::string local_address() const;
    [[nodiscard]] std::uint16_t port() const;
    /// What the kernel granted for limits::kUdpReceiveBufferBytes; worth a log line when smaller.
    [[nodiscard]] std::size_t receive_buffer_bytes() const;
    [[nodiscard]] const ServerStats& stats() const;

private:
    class Impl;
    explicit Server(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

}  // namespace tidegate::transport
