#include "transport/client.h"

#include <gnutls/crypto.h>

#include <algorithm>
#include <asio/ip/udp.hpp>
#include <asio/post.hpp>
#include <deque>
#include <utility>

#include "transport/endpoint.h"

namespace tidegate::transport {
namespace {

/// Daemons speak the version that we do, so this can only be forged, or the answer to a damaged
/// packet; ngtcp2 would give up (RFC 9000 §6.2).
bool is_version_negotiation(std::span<const std::uint8_t> bytes) {
    constexpr std::uint8_t kLongHeader = 0x80;
    return bytes.size() >= 5 && (bytes[0] & kLongHeader) != 0 &&
           std::ranges::all_of(bytes.subspan(1, 4), [](auto byte) { return byte == 0; });
}

}  // namespace

/// resolving -> (next address) handshaking -> open -> over
class Client::Impl final : public Endpoint {
public:
    Impl(asio::io_context& io, ClientOptions options, std::shared_ptr<const TlsContext> tls,
         ClientHandlers handlers);

    void resolve();
    Stream request(ClientRequest request, ResponseHandlers handlers);
    void close(std::string_view text);
    Result<void> rebind();
    void ping();
    [[nodiscard]] bool open() const { return !over_; }
    [[nodiscard]] std::string ca_pem() const { return core_ ? core_->ca_pem() : std::string{}; }
    [[nodiscard]] std::uint16_t local_port();

    bool certificate_ok(const PeerIdentity&) override { return true; }
    bool on_handshake(ConnectionCore& connection) override;
    StreamHandlers on_request(ConnectionCore&, const Request&, Stream) override { return {}; }
    void on_closed(ConnectionCore& connection, const CloseReason& reason) override;
    void add_cid(ConnectionCore&, const ngtcp2_cid&) override {}
    void remove_cid(const ngtcp2_cid&) override {}

private:
    void on_datagram(const Datagram& datagram) override;
    void on_unreachable() override;
    void take(const asio::ip::udp::resolver::results_type& found);
    void dial_next();
    [[nodiscard]] Result<void> dial(const SocketAddress& remote);
    void abandon();
    void finish(const CloseReason& reason);

    ClientOptions options_;
    ConnectionConfig config_;
    ClientHandlers handlers_;
    asio::ip::udp::resolver resolver_;
    std::deque<SocketAddress> addresses_;
    SocketAddress first_local_;  ///< what QUIC takes for the local address, also after `rebind`
    SocketAddress remote_;
    std::shared_ptr<ConnectionCore> core_;
    std::vector<H3Session::Waiting> early_;  ///< requests made before there is a connection
    bool over_ = false;
};

Client::Impl::Impl(asio::io_context& io, ClientOptions options,
                   std::shared_ptr<const TlsContext> tls, ClientHandlers handlers)
    : Endpoint{io},
      options_{std::move(options)},
      config_{std::move(tls),
              {},
              options_.send_queue_bytes_max,
              options_.idle_timeout,
              options_.handshake_timeout,
              options_.keep_alive,
              options_.silence_max},
      handlers_{std::move(handlers)},
      resolver_{io} {
    auto& secret = config_.reset_secret;
    TG_ASSERT(gnutls_rnd(GNUTLS_RND_NONCE, secret.data(), secret.size()) == 0);
}

void Client::Impl::resolve() {
    resolver_.async_resolve(
        options_.host, std::to_string(options_.port),
        [weak = weak_from_this()](const std::error_code& error, const auto& results) {
            const auto self = std::static_pointer_cast<Impl>(weak.lock());
            if (!self || self->over_) return;
            if (error)
                return self->finish(
                    {CloseKind::unreachable, 0, self->options_.host + ": " + error.message()});
            self->take(results);
        });
}

void Client::Impl::take(const asio::ip::udp::resolver::results_type& found) {
    for (const auto& each : found) {
        const auto endpoint = each.endpoint();
        addresses_.push_back(
            SocketAddress::from(endpoint.data(), static_cast<socklen_t>(endpoint.size())));
    }
    const auto first = options_.first_address % std::max<std::size_t>(addresses_.size(), 1);
    std::ranges::rotate(addresses_, addresses_.begin() + static_cast<std::ptrdiff_t>(first));
    dial_next();
}

void Client::Impl::dial_next() {
    CloseReason reason{CloseKind::unreachable, 0, options_.host + ": nobody listens there"};
    while (!addresses_.empty()) {
        const auto address = addresses_.front();
        addresses_.pop_front();
        const auto dialled = dial(address);
        if (dialled) return;
        reason.text = dialled.error().message;
    }
    finish(reason);
}

Result<void> Client::Impl::dial(const SocketAddress& remote) {
    auto socket = TRY(UdpSocket::connected(io(), remote));
    first_local_ = socket.local();
    remote_ = remote;
    auto core = TRY(ConnectionCore::dial(*this, config_, first_local_, remote));
    use(std::move(socket));
    abandon();
    core_ = std::move(core);
    for (auto& waiting : std::exchange(early_, {})) core_->h3().adopt(std::move(waiting));
    touch(*core_);
    return {};
}

void Client::Impl::on_datagram(const Datagram& datagram) {
    if (is_version_negotiation(datagram.bytes)) return;
    const auto core = core_;
    auto seen = datagram;
    seen.local = first_local_;
    core->read(seen, socket());
}

/// Anyone on the path can forge this; it only counts while there is nothing to lose.
void Client::Impl::on_unreachable() {
    if (over_ || core_->handshake_done()) return;
    dial_next();
}

bool Client::Impl::on_handshake(ConnectionCore&) {
    if (handlers_.on_handshake) handlers_.on_handshake();
    return true;
}

void Client::Impl::on_closed(ConnectionCore& connection, const CloseReason& reason) {
    forget_timer(connection);
    if (core_.get() == &connection) finish(reason);
}

void Client::Impl::finish(const CloseReason& reason) {
    if (std::exchange(over_, true)) return;
    if (core_ && !core_->over()) abandon();
    for (const auto& [stream, request] : std::exchange(early_, {})) stream->end(reason);
    const auto handlers = std::exchange(handlers_, {});
    if (handlers.on_closed) handlers.on_closed(reason);
}

/// Gives an attempt up without its user noticing; requests wait for the next.
void Client::Impl::abandon() {
    const auto attempt = std::exchange(core_, nullptr);
    if (!attempt) return;
    for (auto& waiting : attempt->h3().release_waiting()) early_.push_back(std::move(waiting));
    attempt->drop({});
}

Stream Client::Impl::request(ClientRequest request, ResponseHandlers handlers) {
    if (over_) return {};
    auto stream = std::make_shared<StreamCore>();
    stream->set_handlers(std::move(handlers), request.body);
    if (core_)
        core_->h3().adopt({stream, std::move(request)});
    else
        early_.emplace_back(stream, std::move(request));
    return Stream{stream};
}

void Client::Impl::close(std::string_view text) {
    if (over_) return;
    CloseReason reason{CloseKind::local, NGHTTP3_H3_NO_ERROR, printable(text)};
    if (core_) return core_->close(std::move(reason), NGHTTP3_H3_NO_ERROR);
    asio::post(io(), [weak = weak_from_this(), reason] {
        if (const auto self = std::static_pointer_cast<Impl>(weak.lock())) self->finish(reason);
    });
}

Result<void> Client::Impl::rebind() {
    if (over_ || !core_) return fail(ErrorCode::unavailable, "not connected");
    auto socket = std::make_shared<UdpSocket>(TRY(UdpSocket::connected(io(), remote_)));
    // Not at once: the caller may stand in a callback of the old socket.
    asio::post(io(), [weak = weak_from_this(), socket] {
        const auto self = std::static_pointer_cast<Impl>(weak.lock());
        if (!self || self->over_) return;
        self->use(std::move(*socket));
        self->ping();
    });
    return {};
}

void Client::Impl::ping() {
    if (core_) core_->ping();
}

std::uint16_t Client::Impl::local_port() { return has_socket() ? socket().local().port() : 0; }

Client::Client(std::shared_ptr<Impl> impl) : impl_{std::move(impl)} {}
Client::~Client() = default;

Result<std::unique_ptr<Client>> Client::connect(asio::io_context& io, ClientOptions options,
                                                ClientHandlers handlers) {
    auto tls = TRY(TlsContext::client(options.agent, options.trust, options.alpn));
    auto impl = std::make_shared<Impl>(io, std::move(options), std::move(tls), std::move(handlers));
    impl->resolve();
    return std::unique_ptr<Client>{new Client{std::move(impl)}};
}

Stream Client::request(ClientRequest request, ResponseHandlers handlers) {
    return impl_->request(std::move(request), std::move(handlers));
}
void Client::close(std::string_view text) { impl_->close(text); }
Result<void> Client::rebind() { return impl_->rebind(); }
void Client::ping() { impl_->ping(); }
bool Client::open() const { return impl_->open(); }
std::string Client::ca_pem() const { return impl_->ca_pem(); }
std::uint16_t Client::local_port() const { return impl_->local_port(); }

}  // namespace tidegate::transport
