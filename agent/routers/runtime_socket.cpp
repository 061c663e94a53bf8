#include "agent/routers/runtime_socket.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "schema/files/file_descriptor.h"

namespace tidegate::agent {
namespace {

/// Of some 150 bytes for each server of all backends.
constexpr std::size_t kAnswerBytesMax = 8 * 1024 * 1024;

class Exchange {
public:
    Exchange(const std::string& socket, Milliseconds timeout)
        : name_{socket}, end_{std::chrono::steady_clock::now() + timeout} {}

    Result<std::string> run(std::string_view line) {
        CHECK(connect());
        CHECK(send(std::string{line} + '\n'));
        return receive();
    }

private:
    Result<void> connect() {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        if (name_.empty() || name_.size() >= sizeof address.sun_path)
            return fail(ErrorCode::invalid, "'{}' is no path of a socket", name_);
        std::copy(name_.begin(), name_.end(), address.sun_path);
        socket_ = FileDescriptor{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
        if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address),
                      sizeof address) != 0)  // EAGAIN: its queue is full
            return wrong("cannot connect");
        return {};
    }

    Result<void> send(std::string_view text) {
        while (!text.empty()) {
            CHECK(wait_for(POLLOUT));
            const auto sent = ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
            if (sent < 0 && errno != EAGAIN && errno != EINTR) return wrong("cannot write");
            if (sent > 0) text.remove_prefix(static_cast<std::size_t>(sent));
        }
        return {};
    }

    Result<std::string> receive() {
        std::string answer;
        std::array<char, 16 * 1024> piece{};
        for (;;) {
            CHECK(wait_for(POLLIN));
            const auto got = ::recv(socket_.get(), piece.data(), piece.size(), 0);
            if (got == 0) return answer;
            if (got < 0 && errno != EAGAIN && errno != EINTR) return wrong("cannot read");
            if (got > 0) answer.append(piece.data(), static_cast<std::size_t>(got));
            if (answer.size() > kAnswerBytesMax)
                return fail(ErrorCode::exhausted,
                            "haproxy at {}: its answer is longer than {} bytes", name_,
                            kAnswerBytesMax);
        }
    }

    Result<void> wait_for(short events) const {
        pollfd place{socket_.get(), events, 0};
        const auto left = std::chrono::ceil<Milliseconds>(end_ - std::chrono::steady_clock::now());
        if (left > Milliseconds{0} && ::poll(&place, 1, static_cast<int>(left.count())) > 0)
            return {};
        return fail(ErrorCode::timeout, "haproxy at {}: no answer in time", name_);
    }

    tl::unexpected<Error> wrong(const char* what) const {
        return fail(ErrorCode::unavailable, "haproxy at {}: {}: {}", name_, what,
                    std::strerror(errno));
    }

    const std::string& name_;
    std::chrono::steady_clock::time_point end_;
    FileDescriptor socket_;
};

}  // namespace

Result<std::string> ask_runtime(const std::string& socket, std::string_view line,
                                Milliseconds timeout) {
    TG_ASSERT(line.find('\n') == std::string_view::npos);
    return Exchange{socket, timeout}.run(line);
}

}  // namespace tidegate::agent
