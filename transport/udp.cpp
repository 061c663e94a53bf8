#include "transport/udp.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <netdb.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "schema/base/limits.h"

namespace tidegate::transport {
namespace {

constexpr std::size_t kDatagramBytesMax = 1500;
constexpr std::size_t kBatchesPerTurn = 16;
static_assert(limits::kReceiveBatch <= limits::kUdpBatch);
/// Holds an in_pktinfo or an in6_pktinfo.
constexpr std::size_t kControlBytes = 64;

struct Batch {
    std::array<std::array<std::uint8_t, kDatagramBytesMax>, limits::kUdpBatch> bytes;
    std::array<mmsghdr, limits::kUdpBatch> messages;
    std::array<iovec, limits::kUdpBatch> parts;
    std::array<SocketAddress, limits::kUdpBatch> remotes;
    std::array<SocketAddress, limits::kUdpBatch> locals;
    alignas(cmsghdr) std::array<std::array<std::uint8_t, kControlBytes>, limits::kUdpBatch> control;
    std::size_t count = 0;

    void prepare(std::size_t i, std::size_t size) {
        parts[i] = {bytes[i].data(), size};
        messages[i] = {};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
};

Batch& receive_batch() {
    thread_local const auto batch = std::make_unique<Batch>();
    return *batch;
}

Batch& send_batch() {
    thread_local const auto batch = std::make_unique<Batch>();
    return *batch;
}

template <class T>
void set_option(int fd, int level, int name, T value) {
    (void)::setsockopt(fd, level, name, &value, sizeof value);
}

std::size_t ask_receive_buffer(int fd) {
    const int wanted = limits::kUdpReceiveBufferBytes;
    // The forced form needs CAP_NET_ADMIN; the plain one is cut to net.core.rmem_max.
    if (::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &wanted, sizeof wanted) != 0)
        set_option(fd, SOL_SOCKET, SO_RCVBUF, wanted);
    int granted = 0;
    socklen_t length = sizeof granted;
    (void)::getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &granted, &length);
    return static_cast<std::size_t>(granted);
}

/// The address that a datagram was sent to; a socket bound to "any" would not know otherwise.
SocketAddress destination(msghdr& message, SocketAddress bound) {
    for (auto* part = CMSG_FIRSTHDR(&message); part != nullptr;
         part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO) {
            in_pktinfo info;
            std::memcpy(&info, CMSG_DATA(part), sizeof info);
            bound.value.in.sin_addr = info.ipi_addr;
        } else if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO) {
            in6_pktinfo info;
            std::memcpy(&info, CMSG_DATA(part), sizeof info);
            bound.value.in6.sin6_addr = info.ipi6_addr;
        }
    }
    return bound;
}

template <class Info>
void put_control(msghdr& message, int level, int type, const Info& info) {
    message.msg_controllen = CMSG_SPACE(sizeof info);
    auto* part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = level;
    part->cmsg_type = type;
    part->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(part), &info, sizeof info);
}

/// Answers leave from the address that the peer knows.
void set_source(msghdr& message, std::uint8_t* control, const SocketAddress& local) {
    std::memset(control, 0, kControlBytes);
    message.msg_control = control;
    message.msg_controllen = kControlBytes;
    if (local.value.sa.sa_family == AF_INET) {
        in_pktinfo info{};
        info.ipi_spec_dst = local.value.in.sin_addr;
        put_control(message, IPPROTO_IP, IP_PKTINFO, info);
    } else {
        in6_pktinfo info{};
        info.ipi6_addr = local.value.in6.sin6_addr;
        put_control(message, IPPROTO_IPV6, IPV6_PKTINFO, info);
    }
}

Result<int> open_socket(int family) {
    const int fd = ::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
    if (fd < 0) return fail(ErrorCode::unavailable, "socket: {}", std::strerror(errno));
    return fd;
}

SocketAddress bound_address(int fd) {
    SocketAddress local;
    local.length = sizeof local.value;
    (void)::getsockname(fd, &local.value.sa, &local.length);
    return local;
}

}  // namespace

SocketAddress SocketAddress::from(const sockaddr* address, socklen_t length) {
    SocketAddress result;
    TG_ASSERT(length <= sizeof result.value);
    std::memcpy(&result.value, address, length);
    result.length = length;
    return result;
}

std::uint16_t SocketAddress::port() const {
    return ntohs(value.sa.sa_family == AF_INET6 ? value.in6.sin6_port : value.in.sin_port);
}

std::string SocketAddress::text() const {
    std::array<char, INET6_ADDRSTRLEN> buffer{};
    if (value.sa.sa_family == AF_INET6) {
        ::inet_ntop(AF_INET6, &value.in6.sin6_addr, buffer.data(), buffer.size());
        return fmt::format("[{}]:{}", buffer.data(), port());
    }
    ::inet_ntop(AF_INET, &value.in.sin_addr, buffer.data(), buffer.size());
    return fmt::format("{}:{}", buffer.data(), port());
}

Result<SocketAddress> resolve_bind_address(const std::string& host, std::uint16_t port) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_DGRAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const int status = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
    if (status != 0)
        return fail(ErrorCode::invalid, "address {}: {}", host, ::gai_strerror(status));
    auto address = SocketAddress::from(found->ai_addr, found->ai_addrlen);
    ::freeaddrinfo(found);
    return address;
}

UdpSocket::UdpSocket(asio::io_context& io, int fd, SocketAddress local, bool connected)
    : descriptor_{io, fd}, local_{local}, connected_{connected} {}

Result<UdpSocket> UdpSocket::bound(asio::io_context& io, const SocketAddress& local) {
    const int fd = TRY(open_socket(local.value.sa.sa_family));
    if (::bind(fd, &local.value.sa, local.length) != 0) {
        const int reason = errno;
        ::close(fd);
        return fail(ErrorCode::unavailable, "cannot bind {}: {}", local.text(),
                    std::strerror(reason));
    }
    if (local.value.sa.sa_family == AF_INET)
        set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
    else
        set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    UdpSocket socket{io, fd, bound_address(fd), false};
    socket.receive_buffer_bytes_ = ask_receive_buffer(fd);
    return socket;
}

Result<UdpSocket> UdpSocket::connected(asio::io_context& io, const SocketAddress& remote) {
    const int fd = TRY(open_socket(remote.value.sa.sa_family));
    if (::connect(fd, &remote.value.sa, remote.length) != 0) {
        const int reason = errno;
        ::close(fd);
        return fail(ErrorCode::unavailable, "cannot reach {}: {}", remote.text(),
                    std::strerror(reason));
    }
    return UdpSocket{io, fd, bound_address(fd), true};
}

bool UdpSocket::receive(const Receive& receive) {
    auto& batch = receive_batch();
    bool go_on = true;
    for (std::size_t turn = 0; go_on && turn < kBatchesPerTurn; ++turn) {
        for (std::size_t i = 0; i < limits::kReceiveBatch; ++i) {
            batch.prepare(i, kDatagramBytesMax);
            auto& head = batch.messages[i].msg_hdr;
            head.msg_name = &batch.remotes[i].value;
            head.msg_namelen = sizeof batch.remotes[i].value;
            head.msg_control = batch.control[i].data();
            head.msg_controllen = kControlBytes;
        }
        const int count = ::recvmmsg(descriptor_.native_handle(), batch.messages.data(),
                                     limits::kReceiveBatch, MSG_DONTWAIT, nullptr);
        if (count < 0) return errno != ECONNREFUSED;
        for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
            auto& message = batch.messages[i];
            if ((message.msg_hdr.msg_flags & MSG_TRUNC) != 0) continue;
            // Legal in UDP, but ngtcp2 asserts that there is a first byte.
            if (message.msg_len == 0) continue;
            batch.remotes[i].length = message.msg_hdr.msg_namelen;
            if (!receive({destination(message.msg_hdr, local_), batch.remotes[i],
                          std::span{batch.bytes[i]}.first(message.msg_len)}))
                go_on = false;
        }
        if (static_cast<std::size_t>(count) < limits::kReceiveBatch) break;
    }
    return true;
}

std::span<std::uint8_t> UdpSocket::slot() {
    auto& batch = send_batch();
    if (batch.count == limits::kUdpBatch) flush();
    if (blocked()) return {};
    return batch.bytes[batch.count];
}

void UdpSocket::commit(std::size_t size, const SocketAddress& local, const SocketAddress& remote) {
    auto& batch = send_batch();
    const auto i = batch.count++;
    batch.locals[i] = local;
    batch.remotes[i] = remote;
    batch.prepare(i, size);
    auto& head = batch.messages[i].msg_hdr;
    if (connected_) return;
    head.msg_name = &batch.remotes[i].value;
    head.msg_namelen = remote.length;
    set_source(head, batch.control[i].data(), local);
}

void UdpSocket::flush() {
    auto& batch = send_batch();
    std::size_t sent = 0;
    while (sent < batch.count) {
        const int count = ::sendmmsg(descriptor_.native_handle(), &batch.messages[sent],
                                     static_cast<unsigned>(batch.count - sent), MSG_DONTWAIT);
        if (count > 0) {
            sent += static_cast<std::size_t>(count);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
            keep_unsent(sent);
            break;
        } else {
            ++sent;  // this one cannot be sent (no route, ICMP): QUIC treats it as lost
        }
    }
    batch.count = 0;
}

void UdpSocket::keep_unsent(std::size_t from) {
    auto& batch = send_batch();
    for (auto i = from; i < batch.count; ++i) {
        const auto* begin = batch.bytes[i].data();
        unsent_.push_back(
            {batch.locals[i], batch.remotes[i], {begin, begin + batch.parts[i].iov_len}});
    }
}

void UdpSocket::retry_unsent() {
    auto unsent = std::exchange(unsent_, {});
    auto& batch = send_batch();
    for (const auto& datagram : unsent) {
        std::memcpy(batch.bytes[batch.count].data(), datagram.bytes.data(), datagram.bytes.size());
        commit(datagram.bytes.size(), datagram.local, datagram.remote);
    }
    flush();
}

}  // namespace tidegate::transport
