#pragma once
/// The server behind Server: takes new connections and routes datagrams. Internal to transport.

#include <unordered_map>

#include "transport/admission.h"
#include "transport/endpoint.h"
#include "transport/server.h"

namespace tidegate::transport {

/// Routes by connection id: all are of kCidBytes, random, and made here (even the first one that a
/// client uses, since Retry gives it), so that nobody can choose where they fall in the table.
class Server::Impl final : public Endpoint {
public:
    Impl(asio::io_context& io, ServerOptions options, std::shared_ptr<const TlsContext> tls,
         ServerHandler& handler);

    void begin(UdpSocket socket);
    void use_tls(std::shared_ptr<const TlsContext> tls) { config_.tls = std::move(tls); }
    void shutdown(std::string_view text);
    [[nodiscard]] const SocketAddress& local() const { return local_; }
    [[nodiscard]] std::size_t receive_buffer_bytes() const { return receive_buffer_bytes_; }
    [[nodiscard]] const ServerStats& stats() const { return stats_; }

    bool certificate_ok(const PeerIdentity& identity) override;
    bool on_handshake(ConnectionCore& connection) override;
    StreamHandlers on_request(ConnectionCore& connection, const Request& request,
                              Stream stream) override;
    void on_closed(ConnectionCore& connection, const CloseReason& reason) override;
    void add_cid(ConnectionCore& connection, const ngtcp2_cid& cid) override;
    void remove_cid(const ngtcp2_cid& cid) override;

private:
    struct Entry {
        std::shared_ptr<ConnectionCore> core;
        bool announced = false;
    };

    void on_datagram(const Datagram& datagram) override;
    void greet(const Datagram& datagram);
    /// Null: none could be made.
    std::shared_ptr<ConnectionCore> accept(const Accepted& accepted);
    void send_version_negotiation(const Datagram& datagram, const ngtcp2_version_cid& ids);
    void send_retry(const Datagram& datagram, const ngtcp2_pkt_hd& head);
    void send_refusal(const Accepted& accepted, std::uint64_t code);
    void send_reset(const Datagram& datagram);
    [[nodiscard]] bool may_send_reset();
    [[nodiscard]] std::span<std::uint8_t> slot() { return socket().slot(); }

    ServerHandler& handler_;
    ConnectionConfig config_;
    std::size_t connections_max_;
    std::array<std::uint8_t, 32> retry_secret_{};
    SocketAddress local_;
    std::size_t receive_buffer_bytes_ = 0;
    ServerStats stats_;
    std::uint64_t next_id_ = 1;
    std::unordered_map<std::uint64_t, Entry> connections_;
    std::unordered_map<std::uint64_t, ConnectionCore*> by_cid_;
    Admission admission_;
    ngtcp2_tstamp reset_window_start_ = 0;
    std::size_t resets_in_window_ = 0;
    bool accepting_ = true;
};

}  // namespace tidegate::transport
