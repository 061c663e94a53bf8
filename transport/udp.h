#pragma once
/// A non-blocking UDP socket on an asio loop, with datagrams in batches. Internal to transport.

#include <netinet/in.h>
#include <sys/socket.h>

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "schema/base/result.h"

namespace tidegate::transport {

/// An IPv4 or IPv6 address with a port.
struct SocketAddress {
    union {
        sockaddr sa;
        sockaddr_in in;
        sockaddr_in6 in6;
    } value{};
    socklen_t length = 0;

    [[nodiscard]] static SocketAddress from(const sockaddr* address, socklen_t length);
    [[nodiscard]] std::uint16_t port() const;
    /// `192.0.2.7:4433`, `[2001:db8::1]:4433`.
    [[nodiscard]] std::string text() const;
};

/// Looks a name up (blocking) for the server's bind address.
[[nodiscard]] Result<SocketAddress> resolve_bind_address(const std::string& host,
                                                         std::uint16_t port);

/// A datagram that came in; valid during the callback. `local` is the address it was sent to.
struct Datagram {
    SocketAddress local;
    SocketAddress remote;
    std::span<const std::uint8_t> bytes;
};

/// Owned by one endpoint, on the loop thread. The batches' memory is shared by all sockets of the
/// thread: a batch never outlives a call.
class UdpSocket {
public:
    /// False: what came with it is still taken, but no further batch in this turn.
    using Receive = std::function<bool(const Datagram&)>;

    /// A server's socket.
    [[nodiscard]] static Result<UdpSocket> bound(asio::io_context& io, const SocketAddress& local);
    /// A client's socket: only datagrams of that peer come in.
    [[nodiscard]] static Result<UdpSocket> connected(asio::io_context& io,
                                                     const SocketAddress& remote);

    [[nodiscard]] const SocketAddress& local() const { return local_; }
    [[nodiscard]] std::size_t receive_buffer_bytes() const { return receive_buffer_bytes_; }

    /// Hands over what has come, a bounded number of batches at most; never an empty datagram, nor
    /// one that is longer than QUIC's may be here. False: nobody listens at the peer's port (ICMP,
    /// connected sockets only; not authenticated).
    bool receive(const Receive& receive);

    /// Room for one datagram; empty while the kernel takes no more (then wait for `writable`).
    [[nodiscard]] std::span<std::uint8_t> slot();
    /// Sends the first bytes of the last `slot`, with the next flush.
    void commit(std::size_t size, const SocketAddress& local, const SocketAddress& remote);
    /// Sends what was committed. Must end every use of slot and commit.
    void flush();
    [[nodiscard]] bool blocked() const { return !unsent_.empty(); }
    /// Tries again what the kernel did not take.
    void retry_unsent();

    [[nodiscard]] asio::posix::stream_descriptor& descriptor() { return descriptor_; }

private:
    struct Unsent {
        SocketAddress local;
        SocketAddress remote;
        std::vector<std::uint8_t> bytes;
    };

    UdpSocket(asio::io_context& io, int fd, SocketAddress local, bool connected);
    void keep_unsent(std::size_t from);

    asio::posix::stream_descriptor descriptor_;
    SocketAddress local_;
    bool connected_ = false;
    std::size_t receive_buffer_bytes_ = 0;
    std::vector<Unsent> unsent_;
};

}  // namespace tidegate::transport
