#pragma once
/// A running server over the sample snapshot, and clients that say exactly what a test wants.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <string>
#include <string_view>

#include "reconciler/status/server.h"
#include "tests/unit/status/sample.h"

namespace tidegate::test {

using std::chrono::steady_clock;
constexpr std::chrono::seconds kPatience{20};

class Client {
public:
    explicit Client(const std::string& address) {
        fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port =
            htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
    }
    Client(Client&& other) noexcept
        : fd_(std::exchange(other.fd_, -1)),
          connected_(other.connected_),
          in_(std::move(other.in_)) {}
    Client(const Client&) = delete;
    ~Client() {
        if (fd_ >= 0) ::close(fd_);
    }

    [[nodiscard]] bool connected() const { return connected_; }
    /// Gives up quietly when the server has closed.
    void send(std::string_view bytes) const {
        while (!bytes.empty()) {
            const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) return;
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
    }
    /// All until the server closes; `closed` says whether it did in time.
    std::string read_all() {
        while (read_more()) {
        }
        return std::exchange(in_, {});
    }
    [[nodiscard]] bool closed() const { return closed_; }
    /// Whether anything, the end above all, comes before `patience` is over.
    [[nodiscard]] bool hears_within(std::chrono::milliseconds patience) const {
        pollfd polled{fd_, POLLIN, 0};
        return ::poll(&polled, 1, static_cast<int>(patience.count())) > 0;
    }
    /// Up to and with `end`; empty when it does not come.
    std::string read_to(std::string_view end) {
        for (;;) {
            if (const auto at = in_.find(end); at != std::string::npos) {
                auto text = in_.substr(0, at + end.size());
                in_.erase(0, at + end.size());
                return text;
            }
            if (!read_more()) return {};
        }
    }
    /// One response with its Content-Length body.
    std::string read_response(bool has_body = true) {
        auto head = read_to("\r\n\r\n");
        const auto field = head.find("Content-Length: ");
        if (!has_body || field == std::string::npos) return head;
        const auto size = static_cast<std::size_t>(std::stoi(head.substr(field + 16)));
        while (in_.size() < size && read_more()) {
        }
        head += in_.substr(0, size);
        in_.erase(0, size);
        return head;
    }

private:
    bool read_more() {
        pollfd polled{fd_, POLLIN, 0};
        const auto patience = std::chrono::milliseconds(kPatience).count();
        if (::poll(&polled, 1, static_cast<int>(patience)) <= 0) return false;
        char bytes[65536];
        const auto got = ::recv(fd_, bytes, sizeof bytes, 0);
        closed_ = got <= 0;
        if (got > 0) in_.append(bytes, static_cast<std::size_t>(got));
        return got > 0;
    }

    int fd_ = -1;
    bool connected_ = false;
    bool closed_ = false;
    std::string in_;
};

class Site {
public:
    Site() { publish(sample_snapshot()); }

    void publish(StatusSnapshot snapshot) {
        board.set(std::make_shared<const StatusSnapshot>(std::move(snapshot)));
    }
    [[nodiscard]] Client connect() const { return Client{server->local_address()}; }
    [[nodiscard]] std::string exchange(std::string_view request) const {
        auto client = connect();
        client.send(request);
        return client.read_response();
    }

    status::SnapshotBoard board;
    std::atomic<bool> fault{false};
    std::unique_ptr<status::Server> server = start();

private:
    std::unique_ptr<status::Server> start() {
        status::Options options{
            .board = board,
            .host_names = {"Gate.Example"},
            .now = [] { return at("2026-11-22T10:02:00Z"); },
            .render_metrics = [this](const StatusSnapshot&) -> std::string {
                if (fault) throw std::runtime_error("a secret inside");
                return "tidegate_ready 1\n";
            },
            .read_log = [](const std::string&) -> std::optional<std::string> {
                return std::string(20 << 20, 'x');
            },
            .find_zone = [](const std::string&) { return std::make_shared<const ZoneRules>(); }};
        return *status::Server::start(std::move(options));
    }
};

}  // namespace tidegate::test
