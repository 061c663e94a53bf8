#include "transport/server_impl.h"

#include <gnutls/crypto.h>

#include <algorithm>
#include <cstring>

#include "schema/base/limits.h"

namespace tidegate::transport {
namespace {

constexpr std::uint64_t kRefused = 0x02;  // RFC 9000 §20.1
constexpr std::uint64_t kInvalidToken = 0x0b;

std::uint64_t cid_key(const std::uint8_t* bytes) {
    std::uint64_t key = 0;
    static_assert(sizeof key == kCidBytes);
    std::memcpy(&key, bytes, sizeof key);
    return key;
}

}  // namespace

Server::Impl::Impl(asio::io_context& io, ServerOptions options,
                   std::shared_ptr<const TlsContext> tls, ServerHandler& handler)
    : Endpoint{io},
      handler_{handler},
      config_{std::move(tls),       options.reset_secret,      options.send_queue_bytes_max,
              options.idle_timeout, options.handshake_timeout, Milliseconds{0},
              Milliseconds{0}},
      connections_max_{options.connections_max},
      admission_{options.admission} {
    TG_ASSERT(gnutls_rnd(GNUTLS_RND_KEY, retry_secret_.data(), retry_secret_.size()) == 0);
}

void Server::Impl::begin(UdpSocket socket) {
    local_ = socket.local();
    receive_buffer_bytes_ = socket.receive_buffer_bytes();
    use(std::move(socket));
}

void Server::Impl::shutdown(std::string_view text) {
    accepting_ = false;
    for (const auto& [id, entry] : connections_)
        entry.core->close({CloseKind::local, NGHTTP3_H3_NO_ERROR, std::string{text}},
                          NGHTTP3_H3_NO_ERROR);
}

// What connections tell.

bool Server::Impl::certificate_ok(const PeerIdentity& identity) {
    return handler_.certificate_ok(identity);
}

bool Server::Impl::on_handshake(ConnectionCore& connection) {
    if (!admission_.complete(connection.id(), !connection.identity())) return false;
    ++stats_.handshakes_done;
    connections_.at(connection.id()).announced = true;
    handler_.on_connected(Connection{connection.weak_from_this(), connection.id()});
    return true;
}

StreamHandlers Server::Impl::on_request(ConnectionCore& connection, const Request& request,
                                        Stream stream) {
    return handler_.on_request(Connection{connection.weak_from_this(), connection.id()}, request,
                               std::move(stream));
}

void Server::Impl::on_closed(ConnectionCore& connection, const CloseReason& reason) {
    forget_timer(connection);
    for (const auto key : connection.cids) by_cid_.erase(key);
    admission_.end(connection.id());
    if (reason.kind == CloseKind::overflow) ++stats_.overflows;
    const auto node = connections_.extract(connection.id());
    stats_.connections = connections_.size();
    if (node.empty() || !node.mapped().announced) {
        ++stats_.handshakes_failed;
        return;
    }
    handler_.on_disconnected(Connection{connection.weak_from_this(), connection.id()}, reason);
}

void Server::Impl::add_cid(ConnectionCore& connection, const ngtcp2_cid& cid) {
    const auto key = cid_key(cid.data);
    if (by_cid_.emplace(key, &connection).second) connection.cids.push_back(key);
}

void Server::Impl::remove_cid(const ngtcp2_cid& cid) {
    const auto found = by_cid_.find(cid_key(cid.data));
    if (found == by_cid_.end()) return;
    std::erase(found->second->cids, found->first);
    by_cid_.erase(found);
}

// Datagrams.

void Server::Impl::on_datagram(const Datagram& datagram) {
    ++stats_.datagrams_received;
    ngtcp2_version_cid ids;
    const int status = ngtcp2_pkt_decode_version_cid(&ids, datagram.bytes.data(),
                                                     datagram.bytes.size(), kCidBytes);
    // Other versions that the library knows are not offered either.
    const bool other = status == 0 && ids.version != 0 && ids.version != NGTCP2_PROTO_VER_V1;
    if (status == NGTCP2_ERR_VERSION_NEGOTIATION || other)
        return send_version_negotiation(datagram, ids);
    if (status != 0) {
        ++stats_.datagrams_ignored;
        return;
    }
    const auto found = ids.dcidlen == kCidBytes ? by_cid_.find(cid_key(ids.dcid)) : by_cid_.end();
    if (found != by_cid_.end()) {
        const auto connection = found->second->shared_from_this();
        if (!connection->handshake_done()) note_costly();
        return connection->read(datagram, socket());
    }
    constexpr std::uint8_t kLongHeader = 0x80;
    if ((datagram.bytes[0] & kLongHeader) == 0)
        send_reset(datagram);
    else
        greet(datagram);
}

/// A client that is not known yet: its address must be proven by Retry first (RFC 9000 §8.1.2).
void Server::Impl::greet(const Datagram& datagram) {
    Accepted accepted{{}, {}, datagram.local, datagram.remote};
    const bool usable =
        ngtcp2_accept(&accepted.head, datagram.bytes.data(), datagram.bytes.size()) == 0 &&
        accepted.head.type == NGTCP2_PKT_INITIAL;
    if (!usable || !accepting_) {
        ++stats_.datagrams_ignored;
        return;
    }
    auto source = source_of(datagram.remote);
    const bool known = handler_.is_known(source);
    if (!admission_.has_room(source, known)) {
        ++stats_.initials_dropped;
        return;
    }
    const auto token = compat::token(accepted.head);
    if (token.empty()) return send_retry(datagram, accepted.head);
    const bool proven = accepted.head.dcid.datalen == kCidBytes &&
                        ngtcp2_crypto_verify_retry_token(
                            &accepted.original_dcid, token.data(), token.size(),
                            retry_secret_.data(), retry_secret_.size(), accepted.head.version,
                            &datagram.remote.value.sa, datagram.remote.length, &accepted.head.dcid,
                            compat::nanoseconds(limits::kRetryTokenLifetime), compat::now()) == 0;
    if (!proven) return send_refusal(accepted, kInvalidToken);
    if (connections_.size() >= connections_max_) return send_refusal(accepted, kRefused);
    note_costly();
    const auto connection = accept(accepted);
    if (!connection) return;
    admission_.begin(connection->id(), std::move(source), known);
    connection->read(datagram, socket());
}

std::shared_ptr<ConnectionCore> Server::Impl::accept(const Accepted& accepted) {
    auto core = ConnectionCore::accept(*this, config_, accepted, next_id_++);
    if (!core) {
        ++stats_.handshakes_failed;
        return nullptr;
    }
    connections_.emplace((*core)->id(), Entry{*core, false});
    stats_.connections = connections_.size();
    return *std::move(core);
}

void Server::Impl::send_version_negotiation(const Datagram& datagram,
                                            const ngtcp2_version_cid& ids) {
    constexpr std::size_t kInitialBytesMin = 1200;
    ++stats_.datagrams_ignored;
    auto room = slot();
    if (datagram.bytes.size() < kInitialBytesMin || room.empty()) return;
    const std::array<std::uint32_t, 1> versions{NGTCP2_PROTO_VER_V1};
    std::uint8_t random = 0;
    (void)gnutls_rnd(GNUTLS_RND_NONCE, &random, 1);
    const auto size = ngtcp2_pkt_write_version_negotiation(
        room.data(), room.size(), random, ids.scid, ids.scidlen, ids.dcid, ids.dcidlen,
        versions.data(), versions.size());
    if (size > 0) socket().commit(static_cast<std::size_t>(size), datagram.local, datagram.remote);
}

void Server::Impl::send_retry(const Datagram& datagram, const ngtcp2_pkt_hd& head) {
    const auto own = random_cid();
    std::array<std::uint8_t, NGTCP2_CRYPTO_MAX_RETRY_TOKENLEN> token{};
    const auto token_size = ngtcp2_crypto_generate_retry_token(
        token.data(), retry_secret_.data(), retry_secret_.size(), head.version,
        &datagram.remote.value.sa, datagram.remote.length, &own, &head.dcid, compat::now());
    auto room = slot();
    if (token_size < 0 || room.empty()) return;
    const auto size =
        ngtcp2_crypto_write_retry(room.data(), room.size(), head.version, &head.scid, &own,
                                  &head.dcid, token.data(), static_cast<std::size_t>(token_size));
    if (size <= 0) return;
    ++stats_.retries_sent;
    socket().commit(static_cast<std::size_t>(size), datagram.local, datagram.remote);
}

void Server::Impl::send_refusal(const Accepted& accepted, std::uint64_t code) {
    ++stats_.datagrams_ignored;
    auto room = slot();
    if (room.empty()) return;
    const auto size = ngtcp2_crypto_write_connection_close(
        room.data(), room.size(), accepted.head.version, &accepted.head.scid, &accepted.head.dcid,
        code, nullptr, 0);
    if (size > 0) socket().commit(static_cast<std::size_t>(size), accepted.local, accepted.remote);
}

bool Server::Impl::may_send_reset() {
    const auto now = compat::now();
    if (now - reset_window_start_ >= NGTCP2_SECONDS) {
        reset_window_start_ = now;
        resets_in_window_ = 0;
    }
    return ++resets_in_window_ <= limits::kStatelessResetsPerSecondMax;
}

/// RFC 9000 §10.3. Always shorter than what provoked it, so that two resetting ends cannot loop; a
/// keep-alive PING has only 29 bytes and must be answered all the same.
void Server::Impl::send_reset(const Datagram& datagram) {
    ++stats_.datagrams_ignored;
    constexpr std::size_t kTokenBytes = NGTCP2_STATELESS_RESET_TOKENLEN;
    constexpr std::size_t kRandomBytesMin = NGTCP2_MIN_STATELESS_RESET_RANDLEN;
    constexpr std::size_t kRandomBytesMax = 24;
    if (datagram.bytes.size() <= kTokenBytes + kRandomBytesMin || !may_send_reset()) return;
    ngtcp2_cid cid;
    ngtcp2_cid_init(&cid, datagram.bytes.data() + 1, kCidBytes);
    std::array<std::uint8_t, kTokenBytes> token{};
    std::array<std::uint8_t, kRandomBytesMax> random{};
    const auto random_size = std::min(kRandomBytesMax, datagram.bytes.size() - 1 - kTokenBytes);
    auto room = slot();
    if (room.empty() || gnutls_rnd(GNUTLS_RND_NONCE, random.data(), random_size) != 0 ||
        ngtcp2_crypto_generate_stateless_reset_token(token.data(), config_.reset_secret.data(),
                                                     config_.reset_secret.size(), &cid) != 0)
        return;
    const auto size = ngtcp2_pkt_write_stateless_reset(room.data(), room.size(), token.data(),
                                                       random.data(), random_size);
    if (size <= 0) return;
    ++stats_.resets_sent;
    socket().commit(static_cast<std::size_t>(size), datagram.local, datagram.remote);
}

}  // namespace tidegate::transport
