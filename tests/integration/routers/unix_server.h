#pragma once
/// Something that listens where a HAProxy's runtime socket would be.

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "schema/base/time.h"
#include "schema/files/file_descriptor.h"

namespace tidegate::agent::test {

inline constexpr Milliseconds kPatience{20'000};

inline FileDescriptor unix_socket(const std::string& path, bool listens) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy(path.begin(), path.end(), address.sun_path);
    const auto* where = reinterpret_cast<const sockaddr*>(&address);
    FileDescriptor made{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const int done = listens ? ::bind(made.get(), where, sizeof address) + ::listen(made.get(), 16)
                             : ::connect(made.get(), where, sizeof address);
    return done == 0 ? std::move(made) : FileDescriptor{};
}

/// Answers each connection's line, remembers them all. Without an answer to give it keeps the
/// connection, silent, to its own end.
class UnixServer {
public:
    using Answer = std::function<std::string(const std::string& line)>;
    UnixServer(const std::string& path, Answer answer)
        : answer_{std::move(answer)}, listener_{unix_socket(path, true)} {
        thread_ = std::jthread{[this] { serve(); }};
    }
    ~UnixServer() {
        ::shutdown(listener_.get(), SHUT_RDWR);
        thread_.join();
    }
    std::vector<std::string> lines() const {
        const std::scoped_lock lock{mutex_};
        return lines_;
    }

private:
    void serve() {
        for (;;) {
            FileDescriptor client{::accept(listener_.get(), nullptr, nullptr)};
            if (!client.valid()) return;
            std::string line;
            for (char c = 0; ::read(client.get(), &c, 1) == 1 && c != '\n';) line += c;
            {
                const std::scoped_lock lock{mutex_};
                lines_.push_back(line);
            }
            const auto answer = answer_(line);
            if (answer.empty()) {
                silent_.push_back(std::move(client));
                continue;
            }
            (void)::send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
        }
    }

    Answer answer_;
    FileDescriptor listener_;
    mutable std::mutex mutex_;
    std::vector<std::string> lines_;
    std::vector<FileDescriptor> silent_;
    std::jthread thread_;
};

}  // namespace tidegate::agent::test
