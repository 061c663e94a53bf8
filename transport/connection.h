#pragma once
/// One QUIC connection, either end: ngtcp2 + TLS + HTTP/3. Internal to transport.

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "transport/h3.h"
#include "transport/ngtcp2_compat.h"
#include "transport/server.h"
#include "transport/tls.h"
#include "transport/udp.h"

namespace tidegate::transport {

/// All connection ids of ours have this length, so that short headers can be routed.
inline constexpr std::size_t kCidBytes = 8;

/// What a connection asks of, and tells to, the endpoint that owns it.
class ConnectionHost {
public:
    virtual ~ConnectionHost() = default;
    [[nodiscard]] virtual bool certificate_ok(const PeerIdentity& identity) = 0;
    /// False: refuse it after all (a limit).
    [[nodiscard]] virtual bool on_handshake(ConnectionCore& connection) = 0;
    [[nodiscard]] virtual StreamHandlers on_request(ConnectionCore& connection,
                                                    const Request& request, Stream stream) = 0;
    /// The last call about this connection. The host keeps it alive until the loop comes round.
    virtual void on_closed(ConnectionCore& connection, const CloseReason& reason) = 0;
    /// The connection wants `service` soon.
    virtual void touch(ConnectionCore& connection) = 0;
    virtual void add_cid(ConnectionCore& connection, const ngtcp2_cid& cid) = 0;
    virtual void remove_cid(const ngtcp2_cid& cid) = 0;
};

struct ConnectionConfig {
    std::shared_ptr<const TlsContext> tls;
    std::array<std::uint8_t, 32> reset_secret{};
    std::size_t send_queue_bytes_max = 0;
    Milliseconds idle_timeout{0};
    Milliseconds handshake_timeout{0};
    Milliseconds keep_alive{0};   ///< 0: none (server)
    Milliseconds silence_max{0};  ///< 0: never gives up by itself before the idle time-out (server)
};

/// The server's first packet of a client whose address is proven.
struct Accepted {
    ngtcp2_pkt_hd head;
    ngtcp2_cid original_dcid;
    SocketAddress local;
    SocketAddress remote;
};

[[nodiscard]] ngtcp2_cid random_cid();
/// Replaces what could disturb a terminal or a log, and cuts.
[[nodiscard]] std::string printable(std::string_view text);

/// Driven by its host: `read` for a datagram, `expire` when `expiry` has passed, `service` after
/// either and after `touch`. Users' wishes (`close`) are only noted; `service` acts on them.
class ConnectionCore : public std::enable_shared_from_this<ConnectionCore> {
public:
    [[nodiscard]] static Result<std::shared_ptr<ConnectionCore>> accept(
        ConnectionHost& host, const ConnectionConfig& config, const Accepted& accepted,
        std::uint64_t id);
    [[nodiscard]] static Result<std::shared_ptr<ConnectionCore>> dial(
        ConnectionHost& host, const ConnectionConfig& config, const SocketAddress& local,
        const SocketAddress& remote);
    ~ConnectionCore();
    ConnectionCore(const ConnectionCore&) = delete;
    ConnectionCore& operator=(const ConnectionCore&) = delete;

    void read(const Datagram& datagram, UdpSocket& socket);
    void expire(UdpSocket& socket);
    /// Writes what may be written. False: come again soon (blocked socket, or its turn is over).
    bool service(UdpSocket& socket);
    [[nodiscard]] ngtcp2_tstamp expiry() const;

    /// Ends it at the next `service`, telling the peer.
    void close(CloseReason reason, std::uint64_t code);
    /// Ends it now without a packet.
    void drop(const CloseReason& reason);
    void ping();
    /// From now on: a PING after `keep_alive` without traffic, and the end after `silence_max`
    /// without an answer. Zero: none.
    void set_watch(Milliseconds keep_alive, Milliseconds silence_max);

    [[nodiscard]] std::uint64_t id() const { return id_; }
    [[nodiscard]] bool over() const { return over_; }
    [[nodiscard]] bool handshake_done() const { return handshake_done_; }
    [[nodiscard]] const std::optional<PeerIdentity>& identity() const { return identity_; }
    [[nodiscard]] SocketAddress remote() const;
    [[nodiscard]] const std::string& ca_pem() const { return ca_pem_; }

    // Notes that the host keeps here.
    using Timers = std::multimap<ngtcp2_tstamp, ConnectionCore*>;
    bool dirty = false;
    std::vector<std::uint64_t> cids;
    std::optional<Timers::iterator> timer;

    // For H3Session and StreamCore.
    [[nodiscard]] ngtcp2_conn* quic() const { return quic_.get(); }
    [[nodiscard]] H3Session& h3() { return h3_; }
    [[nodiscard]] ConnectionHost& host() { return host_; }
    void touch();
    void set_h3_error(int status);
    /// False: over the limit; the connection is then being closed.
    [[nodiscard]] bool queue_bytes(std::size_t count);
    void unqueue_bytes(std::size_t count) { queued_bytes_ -= count; }

private:
    friend struct QuicCallbacks;

    ConnectionCore(ConnectionHost& host, const ConnectionConfig& config, bool server,
                   std::uint64_t id);
    Result<void> attach_tls();
    int verify_peer(gnutls_session_t session);
    bool finish_handshake();
    bool write(UdpSocket& socket, ngtcp2_tstamp now);
    void fail(UdpSocket& socket, int status);
    void say_goodbye(UdpSocket& socket, const compat::CloseError& error);
    void watch_silence(ngtcp2_tstamp now, bool heard);
    [[nodiscard]] CloseReason reason_of_failure(int status) const;
    [[nodiscard]] CloseReason reason_of_peer() const;

    ConnectionHost& host_;
    const ConnectionConfig& config_;
    std::uint64_t id_;
    bool server_;
    ngtcp2_crypto_conn_ref reference_;
    std::shared_ptr<const TlsContext> tls_context_;  ///< the host may have a newer one
    TlsSession tls_;
    std::unique_ptr<ngtcp2_conn, decltype(&ngtcp2_conn_del)> quic_{nullptr, ngtcp2_conn_del};
    H3Session h3_;
    std::optional<PeerIdentity> identity_;
    std::string ca_pem_;
    std::string refusal_;  ///< why the peer's certificate was not accepted
    std::optional<std::pair<CloseReason, std::uint64_t>> closing_;
    std::uint64_t h3_error_ = 0;
    Milliseconds keep_alive_;
    Milliseconds silence_max_;
    ngtcp2_tstamp silence_deadline_ = UINT64_MAX;
    std::size_t queued_bytes_ = 0;
    bool handshake_done_ = false;
    bool reset_by_peer_ = false;
    bool pinging_ = false;
    bool over_ = false;
};

}  // namespace tidegate::transport
