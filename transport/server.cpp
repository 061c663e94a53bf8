#include "transport/server.h"

#include <gnutls/crypto.h>

#include "transport/admission.h"
#include "transport/endpoint.h"
#include "transport/server_impl.h"

namespace tidegate::transport {

Server::Server(std::shared_ptr<Impl> impl) : impl_{std::move(impl)} {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::start(asio::io_context& io, ServerOptions options,
                                              ServerHandler& handler) {
    auto tls = TRY(TlsContext::server(options.daemon, options.ca_pem));
    const auto address = TRY(resolve_bind_address(options.host, options.port));
    auto socket = TRY(UdpSocket::bound(io, address));
    auto impl = std::make_shared<Impl>(io, std::move(options), std::move(tls), handler);
    impl->begin(std::move(socket));
    return std::unique_ptr<Server>{new Server{std::move(impl)}};
}

Result<void> Server::use(const Credential& daemon, const std::string& ca_pem) {
    impl_->use_tls(TRY(TlsContext::server(daemon, ca_pem)));
    return {};
}

void Server::shutdown(std::string_view text) { impl_->shutdown(text); }
std::string Server::local_address() const { return impl_->local().text(); }
std::uint16_t Server::port() const { return impl_->local().port(); }
std::size_t Server::receive_buffer_bytes() const { return impl_->receive_buffer_bytes(); }
const ServerStats& Server::stats() const { return impl_->stats(); }

bool Connection::open() const {
    const auto core = core_.lock();
    return core != nullptr && !core->over();
}

std::optional<PeerIdentity> Connection::identity() const {
    const auto core = core_.lock();
    return core == nullptr || core->over() ? std::nullopt : core->identity();
}

std::string Connection::remote_address() const {
    const auto core = core_.lock();
    return core == nullptr || core->over() ? std::string{} : core->remote().text();
}

std::string Connection::source() const {
    const auto core = core_.lock();
    return core == nullptr || core->over() ? std::string{} : source_of(core->remote());
}

void Connection::watch(Milliseconds interval, Milliseconds silence_max) {
    if (const auto core = core_.lock()) core->set_watch(interval, silence_max);
}

void Connection::close(std::string_view text) {
    if (const auto core = core_.lock())
        core->close({CloseKind::local, NGHTTP3_H3_NO_ERROR, std::string{text}},
                    NGHTTP3_H3_NO_ERROR);
}

}  // namespace tidegate::transport
