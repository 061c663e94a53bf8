#include "reconciler/status/socket.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

namespace tidegate::status {

Socket::~Socket() {
    if (fd_ >= 0) ::close(fd_);
}

Socket::Io Socket::receive(std::string& to, std::size_t room) const {
    const auto before = to.size();
    to.resize(before + room);
    const auto got = ::recv(fd_, to.data() + before, room, MSG_DONTWAIT);
    const int error = errno;
    to.resize(before + (got > 0 ? static_cast<std::size_t>(got) : 0));
    if (got > 0) return Io::done;
    if (got < 0 && (error == EAGAIN || error == EINTR)) return Io::again;
    return Io::closed;
}

Socket::Io Socket::send(std::string_view bytes, std::size_t& from) const {
    while (from < bytes.size()) {
        const auto sent =
            ::send(fd_, bytes.data() + from, bytes.size() - from, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return errno == EAGAIN ? Io::again : Io::closed;
        from += static_cast<std::size_t>(sent);
    }
    return Io::done;
}

namespace {

using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

Result<Addresses> resolve(const std::string& host, int port) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
    if (error != 0)
        return fail(ErrorCode::invalid, "cannot listen on {}: {}", host, ::gai_strerror(error));
    return Addresses{found, &::freeaddrinfo};
}

std::string bound_address(const Socket& socket) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    ::getsockname(socket.fd(), reinterpret_cast<sockaddr*>(&address), &size);
    std::array<char, NI_MAXHOST> host{};
    std::array<char, NI_MAXSERV> port{};
    ::getnameinfo(reinterpret_cast<sockaddr*>(&address), size, host.data(), host.size(),
                  port.data(), port.size(), NI_NUMERICHOST | NI_NUMERICSERV);
    const bool six = address.ss_family == AF_INET6;
    return fmt::format(fmt::runtime(six ? "[{}]:{}" : "{}:{}"), host.data(), port.data());
}

}  // namespace

Result<Listener> listen_on(const std::string& host, int port) {
    const auto addresses = TRY(resolve(host, port));
    const auto& first = *addresses;
    Socket socket{::socket(first.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    const int yes = 1;
    ::setsockopt(socket.fd(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (::bind(socket.fd(), first.ai_addr, first.ai_addrlen) != 0 ||
        ::listen(socket.fd(), SOMAXCONN) != 0)
        return fail(ErrorCode::unavailable, "cannot listen on {} port {}: {}", host, port,
                    std::strerror(errno));
    auto address = bound_address(socket);
    return Listener{std::move(socket), std::move(address)};
}

Socket accept_from(const Socket& listener) {
    Socket socket{::accept4(listener.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    const int yes = 1;
    if (socket.fd() >= 0) ::setsockopt(socket.fd(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return socket;
}

Result<Wake> Wake::create() {
    Socket event{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    if (event.fd() < 0) return fail(ErrorCode::exhausted, "eventfd: {}", std::strerror(errno));
    return Wake{std::move(event)};
}
void Wake::signal() const { ::eventfd_write(event_.fd(), 1); }
void Wake::clear() const {
    eventfd_t count = 0;
    ::eventfd_read(event_.fd(), &count);
}

}  // namespace tidegate::status
