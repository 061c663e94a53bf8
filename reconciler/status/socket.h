#pragma once
/// Non-blocking TCP sockets, owned. Internal to this folder.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "schema/base/result.h"

namespace tidegate::status {

/// Owns one descriptor.
class Socket {
public:
    Socket() = default;
    explicit Socket(int fd) : fd_(fd) {}
    Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Socket& operator=(Socket&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Socket();

    [[nodiscard]] int fd() const { return fd_; }

    enum class Io { done, again, closed };
    /// Appends at most `room` bytes to `to`; `done` = something came, `closed` = end or error.
    [[nodiscard]] Io receive(std::string& to, std::size_t room) const;
    /// Sends from `from` on, moving it forward; `done` = all of it went out.
    [[nodiscard]] Io send(std::string_view bytes, std::size_t& from) const;

private:
    int fd_ = -1;
};

struct Listener {
    Socket socket;
    std::string address;  ///< with the port that was bound
};
/// Errors: `invalid` (host or port), `unavailable` (bind).
[[nodiscard]] Result<Listener> listen_on(const std::string& host, int port);

/// The next waiting connection, non-blocking, without Nagle's delay; a closed Socket (fd -1) and
/// errno when there is none.
[[nodiscard]] Socket accept_from(const Socket& listener);

/// Wakes a thread that sleeps in poll().
class Wake {
public:
    [[nodiscard]] static Result<Wake> create();
    [[nodiscard]] int fd() const { return event_.fd(); }
    void signal() const;
    void clear() const;

private:
    explicit Wake(Socket event) : event_(std::move(event)) {}
    Socket event_;
};

}  // namespace tidegate::status
