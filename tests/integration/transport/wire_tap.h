#pragma once
/// A man in the path for tests: relays datagrams between a client and a server, keeps them, and
/// sends any bytes to either end as if they came from the other.

#include <array>
#include <asio/io_context.hpp>
#include <asio/ip/udp.hpp>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace tidegate::transport {

class WireTap {
public:
    enum class Way { to_server, to_client };
    struct Seen {
        Way way;
        std::string bytes;
    };

    /// `source`: as whose datagrams the client's reach the server, such as 127.0.0.2.
    WireTap(asio::io_context& io, std::uint16_t server, const std::string& source = "127.0.0.1")
        : front_{io, {asio::ip::address_v4::loopback(), 0}},
          back_{io, {asio::ip::make_address(source), 0}},
          server_{asio::ip::address_v4::loopback(), server} {
        listen(front_, Way::to_server);
        listen(back_, Way::to_client);
    }
    ~WireTap() {
        front_.close();
        back_.close();
    }
    WireTap(const WireTap&) = delete;
    WireTap& operator=(const WireTap&) = delete;

    /// Where the client has to dial.
    [[nodiscard]] std::uint16_t port() const { return front_.local_endpoint().port(); }
    [[nodiscard]] const std::vector<Seen>& seen() const { return seen_; }
    void forget_seen() { seen_.clear(); }
    /// Called with each datagram before it is passed on.
    std::function<void(const Seen&)> before;

    /// With the source address of the other end.
    void inject(Way way, std::string_view bytes) {
        asio::error_code full;  // as a lossy network
        if (way == Way::to_server)
            back_.send_to(asio::buffer(bytes), server_, 0, full);
        else
            front_.send_to(asio::buffer(bytes), client_, 0, full);
    }

private:
    using Socket = asio::ip::udp::socket;

    void listen(Socket& socket, Way way) {
        auto& buffer = way == Way::to_server ? upward_ : downward_;
        auto& from = way == Way::to_server ? client_ : ignored_;
        socket.async_receive_from(asio::buffer(buffer), from,
                                  [&, way](const asio::error_code& error, std::size_t size) {
                                      if (error == asio::error::operation_aborted) return;
                                      if (!error) pass({way, {buffer.data(), size}});
                                      listen(socket, way);
                                  });
    }
    void pass(Seen datagram) {
        if (before) before(datagram);
        inject(datagram.way, datagram.bytes);
        seen_.push_back(std::move(datagram));
    }

    Socket front_;
    Socket back_;
    asio::ip::udp::endpoint server_;
    asio::ip::udp::endpoint client_;
    asio::ip::udp::endpoint ignored_;
    std::array<char, 2048> upward_{};
    std::array<char, 2048> downward_{};
    std::vector<Seen> seen_;
};

}  // namespace tidegate::transport
