#include "transport/connection.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace tidegate::transport {
namespace {

constexpr std::size_t kPacketsPerTurn = 16;
constexpr std::size_t kReasonBytesMax = 200;
/// RFC 9000 §20.1.
constexpr std::uint64_t kConnectionRefused = 0x02;
constexpr std::uint64_t kCryptoErrorFirst = 0x100;
constexpr std::uint64_t kCryptoErrorLast = 0x1ff;

std::string alert_text(std::uint64_t alert) {
    const char* name = gnutls_alert_get_name(static_cast<gnutls_alert_description_t>(alert));
    return fmt::format("TLS alert {} ({})", alert, name == nullptr ? "unknown" : name);
}

SocketAddress from_ngtcp2(const ngtcp2_addr& address) {
    return SocketAddress::from(address.addr, address.addrlen);
}

}  // namespace

std::string printable(std::string_view text) {
    std::string result{text.substr(0, kReasonBytesMax)};
    std::ranges::replace_if(
        result, [](char c) { return c < ' ' || c == '\x7f'; }, '?');
    return result;
}

void ConnectionCore::read(const Datagram& datagram, UdpSocket& socket) {
    if (over_) return;
    const ngtcp2_path path{
        {const_cast<ngtcp2_sockaddr*>(&datagram.local.value.sa), datagram.local.length},
        {const_cast<ngtcp2_sockaddr*>(&datagram.remote.value.sa), datagram.remote.length},
        nullptr};
    const ngtcp2_pkt_info info{};
    const auto now = compat::now();
    const int status = ngtcp2_conn_read_pkt(quic_.get(), &path, &info, datagram.bytes.data(),
                                            datagram.bytes.size(), now);
    if (status != 0) return fail(socket, status);
    watch_silence(now, true);
    touch();
}

void ConnectionCore::expire(UdpSocket& socket) {
    if (over_) return;
    const auto now = compat::now();
    if (now >= silence_deadline_)
        return close(
            {CloseKind::timeout, 0, fmt::format("no answer for {} ms", silence_max_.count())},
            NGHTTP3_H3_NO_ERROR);
    const int status = ngtcp2_conn_handle_expiry(quic_.get(), now);
    if (status != 0) return fail(socket, status);
    touch();
}

bool ConnectionCore::service(UdpSocket& socket) {
    if (over_) return true;
    h3_.end_given_up();
    h3_.open_waiting();
    const bool done = write(socket, compat::now());
    if (over_ || !closing_) return over_ || done;
    const auto [reason, code] = *closing_;
    compat::CloseError error;
    compat::init(error);
    compat::set_application_error(error, code, compat::as_bytes(reason.text));
    say_goodbye(socket, error);
    drop(reason);
    return true;
}

bool ConnectionCore::write(UdpSocket& socket, ngtcp2_tstamp now) {
    ngtcp2_path_storage path;
    ngtcp2_path_storage_zero(&path);
    ngtcp2_pkt_info info{};
    for (std::size_t packets = 0; packets < kPacketsPerTurn;) {
        auto room = socket.slot();
        if (room.empty()) return false;
        H3Session::Chunk chunk;
        if (!h3_.next_chunk(chunk)) return fail(socket, NGTCP2_ERR_CALLBACK_FAILURE), true;
        ngtcp2_ssize taken = -1;
        const std::uint32_t flags =
            NGTCP2_WRITE_STREAM_FLAG_MORE | (chunk.fin != 0 ? NGTCP2_WRITE_STREAM_FLAG_FIN : 0U);
        const auto size = ngtcp2_conn_writev_stream(
            quic_.get(), &path.path, &info, room.data(),
            std::min(room.size(), ngtcp2_conn_get_max_tx_udp_payload_size(quic_.get())), &taken,
            flags, chunk.id, reinterpret_cast<const ngtcp2_vec*>(chunk.parts.data()), chunk.count,
            now);
        if (taken >= 0) h3_.wrote(chunk.id, static_cast<std::size_t>(taken));
        if (size == NGTCP2_ERR_WRITE_MORE) continue;
        if (size == NGTCP2_ERR_STREAM_DATA_BLOCKED)
            h3_.window_full(chunk.id);
        else if (size == NGTCP2_ERR_STREAM_SHUT_WR || size == NGTCP2_ERR_STREAM_NOT_FOUND)
            h3_.cannot_write(chunk.id);
        else if (size < 0)
            return fail(socket, static_cast<int>(size)), true;
        else if (size == 0) {
            ngtcp2_conn_update_pkt_tx_time(quic_.get(), now);
            watch_silence(now, false);
            return true;
        } else {
            socket.commit(static_cast<std::size_t>(size), from_ngtcp2(path.path.local),
                          from_ngtcp2(path.path.remote));
            ++packets;
        }
    }
    ngtcp2_conn_update_pkt_tx_time(quic_.get(), now);
    watch_silence(now, false);
    return false;
}

/// Something is on its way that the peer must answer: from then on it has `silence_max`.
void ConnectionCore::watch_silence(ngtcp2_tstamp now, bool heard) {
    if (silence_max_ == Milliseconds{0} || !handshake_done_) return;
    const bool waiting = compat::bytes_in_flight(quic_.get()) > 0;
    if (!waiting)
        silence_deadline_ = UINT64_MAX;
    else if (heard || silence_deadline_ == UINT64_MAX)
        silence_deadline_ = now + compat::nanoseconds(silence_max_);
    if (pinging_ && waiting) {
        pinging_ = false;
        ngtcp2_conn_set_keep_alive_timeout(quic_.get(), compat::nanoseconds(keep_alive_));
    }
}

void ConnectionCore::ping() {
    if (over_ || !handshake_done_ || pinging_) return;
    // ngtcp2 has no PING of its own accord; a keep-alive that is due at once is one.
    pinging_ = true;
    ngtcp2_conn_set_keep_alive_timeout(quic_.get(), NGTCP2_MILLISECONDS);
    touch();
}

void ConnectionCore::set_watch(Milliseconds keep_alive, Milliseconds silence_max) {
    if (over_) return;
    keep_alive_ = keep_alive;
    silence_max_ = silence_max;
    silence_deadline_ = UINT64_MAX;
    ngtcp2_conn_set_keep_alive_timeout(quic_.get(), compat::nanoseconds(keep_alive));
    touch();
}

ngtcp2_tstamp ConnectionCore::expiry() const {
    return std::min(ngtcp2_conn_get_expiry(quic_.get()), silence_deadline_);
}

void ConnectionCore::close(CloseReason reason, std::uint64_t code) {
    if (over_ || closing_) return;
    reason.text = printable(reason.text);
    closing_.emplace(std::move(reason), code);
    touch();
}

void ConnectionCore::drop(const CloseReason& reason) {
    if (std::exchange(over_, true)) return;
    h3_.end_all(reason);
    host_.on_closed(*this, reason);
}

void ConnectionCore::fail(UdpSocket& socket, int status) {
    if (status == NGTCP2_ERR_DRAINING) return drop(reason_of_peer());
    const auto reason = reason_of_failure(status);
    const bool silent = status == NGTCP2_ERR_IDLE_CLOSE || status == NGTCP2_ERR_DROP_CONN ||
                        status == NGTCP2_ERR_RETRY || status == NGTCP2_ERR_CLOSING ||
                        status == NGTCP2_ERR_HANDSHAKE_TIMEOUT;
    if (!silent) {
        compat::CloseError error;
        compat::init(error);
        if (h3_error_ != 0)
            compat::set_application_error(error, h3_error_, compat::as_bytes(reason.text));
        else if (status == NGTCP2_ERR_CRYPTO)
            compat::set_tls_alert(error, ngtcp2_conn_get_tls_alert(quic_.get()),
                                  compat::as_bytes(refusal_));
        else
            compat::set_library_error(error, status);
        say_goodbye(socket, error);
    }
    drop(reason);
}

void ConnectionCore::say_goodbye(UdpSocket& socket, const compat::CloseError& error) {
    auto room = socket.slot();
    if (room.empty()) return;
    ngtcp2_path_storage path;
    ngtcp2_path_storage_zero(&path);
    ngtcp2_pkt_info info{};
    const auto size = ngtcp2_conn_write_connection_close(
        quic_.get(), &path.path, &info, room.data(), room.size(), &error, compat::now());
    if (size > 0)
        socket.commit(static_cast<std::size_t>(size), from_ngtcp2(path.path.local),
                      from_ngtcp2(path.path.remote));
}

CloseReason ConnectionCore::reason_of_failure(int status) const {
    if (status == NGTCP2_ERR_IDLE_CLOSE) return {CloseKind::timeout, 0, "idle for too long"};
    if (status == NGTCP2_ERR_HANDSHAKE_TIMEOUT)
        return {CloseKind::timeout, 0, "no complete handshake in time"};
    if (!refusal_.empty()) return {CloseKind::refused, 0, refusal_};
    if (h3_error_ != 0) return {CloseKind::protocol, h3_error_, "the peer broke HTTP/3"};
    if (status == NGTCP2_ERR_CRYPTO) {
        const auto alert = ngtcp2_conn_get_tls_alert(quic_.get());
        return {CloseKind::refused, kCryptoErrorFirst + alert, alert_text(alert)};
    }
    return {CloseKind::protocol, 0, ngtcp2_strerror(status)};
}

CloseReason ConnectionCore::reason_of_peer() const {
    if (reset_by_peer_) return {CloseKind::reset, 0, "the peer lost this connection's state"};
    const auto error = compat::close_error(quic_.get());
    const auto code = error.error_code;
    const auto text = printable({reinterpret_cast<const char*>(error.reason), error.reasonlen});
    if (compat::is_application_error(error))
        return {code == NGHTTP3_H3_NO_ERROR ? CloseKind::finished : CloseKind::peer, code, text};
    if (code == 0) return {CloseKind::finished, code, text};
    if (code == kConnectionRefused) return {CloseKind::refused, code, "connection refused"};
    if (code >= kCryptoErrorFirst && code <= kCryptoErrorLast)
        return {CloseKind::refused, code,
                fmt::format("refused by the peer: {}{}{}", alert_text(code - kCryptoErrorFirst),
                            text.empty() ? "" : ": ", text)};
    return {CloseKind::peer, code, fmt::format("QUIC error {:#x} {}", code, text)};
}

SocketAddress ConnectionCore::remote() const {
    return from_ngtcp2(ngtcp2_conn_get_path(quic_.get())->remote);
}

void ConnectionCore::touch() {
    if (!over_) host_.touch(*this);
}

void ConnectionCore::set_h3_error(int status) {
    h3_error_ = nghttp3_err_infer_quic_app_error_code(status);
}

bool ConnectionCore::queue_bytes(std::size_t count) {
    if (over_ || closing_) return false;
    if (queued_bytes_ > 0 && queued_bytes_ + count > config_.send_queue_bytes_max) {
        close({CloseKind::overflow, NGHTTP3_H3_EXCESSIVE_LOAD, "send queue full"},
              NGHTTP3_H3_EXCESSIVE_LOAD);
        return false;
    }
    queued_bytes_ += count;
    return true;
}

}  // namespace tidegate::transport
