#pragma once
/// What server and client share: a UDP socket, timers and connections on the loop. Internal.

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <deque>
#include <memory>
#include <optional>

#include "transport/connection.h"
#include "transport/udp.h"

namespace tidegate::transport {

/// Receives, then lets touched connections write, in slices, so that a broadcast to thousands does
/// not keep arriving packets waiting. Held by a shared_ptr; pending asio work holds it weakly.
class Endpoint : public ConnectionHost, public std::enable_shared_from_this<Endpoint> {
public:
    void touch(ConnectionCore& connection) override;

protected:
    explicit Endpoint(asio::io_context& io) : io_{io}, timer_{io} {}

    /// Takes the socket (in place of an older one) and starts to receive.
    void use(UdpSocket socket);
    [[nodiscard]] UdpSocket& socket() { return *socket_; }
    [[nodiscard]] bool has_socket() const { return socket_.has_value(); }
    [[nodiscard]] asio::io_context& io() { return io_; }
    void forget_timer(ConnectionCore& connection);

    virtual void on_datagram(const Datagram& datagram) = 0;
    /// For a datagram that costs signatures, called by on_datagram: after limits::kHandshakeSlice
    /// of them the rest of the loop has its turn.
    void note_costly() { ++costly_; }
    virtual void on_unreachable() {}

private:
    void wait_readable();
    void wait_writable();
    void schedule();
    void service_some();
    void set_timer(ConnectionCore& connection);
    void arm();
    void fire();

    asio::io_context& io_;
    std::optional<UdpSocket> socket_;
    std::uint64_t socket_number_ = 0;  ///< tells a wait on a replaced socket from the current one
    asio::steady_timer timer_;
    ngtcp2_tstamp armed_for_ = UINT64_MAX;
    ConnectionCore::Timers timers_;
    std::deque<std::shared_ptr<ConnectionCore>> dirty_;
    std::size_t costly_ = 0;  ///< in this turn
    bool scheduled_ = false;
    bool waiting_writable_ = false;
};

}  // namespace tidegate::transport
