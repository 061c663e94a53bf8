#pragma once
/// The one place that knows ngtcp2's versions: Debian 12 has 0.12.1, Debian 13 a 1.x with renamed
/// and reshaped functions. The rest of transport uses the names below. Internal to transport.
/// The 1.x branch is written from upstream's headers and not yet compiled anywhere.

#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>

#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>

namespace tidegate::transport::compat {

using Bytes = std::span<const std::uint8_t>;

inline Bytes as_bytes(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

#if NGTCP2_VERSION_NUM >= 0x010000

using CloseError = ngtcp2_ccerr;
using CryptoLevel = ngtcp2_encryption_level;
inline constexpr CryptoLevel kApplicationLevel = NGTCP2_ENCRYPTION_LEVEL_1RTT;

inline void init(CloseError& error) { ngtcp2_ccerr_default(&error); }
inline void set_library_error(CloseError& error, int status) {
    ngtcp2_ccerr_set_liberr(&error, status, nullptr, 0);
}
inline void set_tls_alert(CloseError& error, std::uint8_t alert, Bytes reason) {
    ngtcp2_ccerr_set_tls_alert(&error, alert, reason.data(), reason.size());
}
inline void set_application_error(CloseError& error, std::uint64_t code, Bytes reason) {
    ngtcp2_ccerr_set_application_error(&error, code, reason.data(), reason.size());
}
inline CloseError close_error(ngtcp2_conn* conn) { return *ngtcp2_conn_get_ccerr(conn); }
inline bool is_application_error(const CloseError& error) {
    return error.type == NGTCP2_CCERR_TYPE_APPLICATION;
}
inline void shutdown_stream(ngtcp2_conn* conn, std::int64_t id, std::uint64_t code) {
    ngtcp2_conn_shutdown_stream(conn, 0, id, code);
}
inline void shutdown_stream_read(ngtcp2_conn* conn, std::int64_t id, std::uint64_t code) {
    ngtcp2_conn_shutdown_stream_read(conn, 0, id, code);
}
inline void shutdown_stream_write(ngtcp2_conn* conn, std::int64_t id, std::uint64_t code) {
    ngtcp2_conn_shutdown_stream_write(conn, 0, id, code);
}
inline Bytes token(const ngtcp2_pkt_hd& head) { return {head.token, head.tokenlen}; }
inline void set_token(ngtcp2_settings& settings, Bytes token) {
    settings.token = token.data();
    settings.tokenlen = token.size();
    settings.token_type = NGTCP2_TOKEN_TYPE_RETRY;
}
inline void set_original_dcid(ngtcp2_transport_params& params, const ngtcp2_cid& cid) {
    params.original_dcid = cid;
    params.original_dcid_present = 1;
}
inline std::uint64_t bytes_in_flight(ngtcp2_conn* conn) {
    ngtcp2_conn_info info;
    ngtcp2_conn_get_conn_info(conn, &info);
    return info.bytes_in_flight;
}

#else

using CloseError = ngtcp2_connection_close_error;
using CryptoLevel = ngtcp2_crypto_level;
inline constexpr CryptoLevel kApplicationLevel = NGTCP2_CRYPTO_LEVEL_APPLICATION;

inline void init(CloseError& error) { ngtcp2_connection_close_error_default(&error); }
inline void set_library_error(CloseError& error, int status) {
    ngtcp2_connection_close_error_set_transport_error_liberr(&error, status, nullptr, 0);
}
inline void set_tls_alert(CloseError& error, std::uint8_t alert, Bytes reason) {
    ngtcp2_connection_close_error_set_transport_error_tls_alert(&error, alert, reason.data(),
                                                                reason.size());
}
inline void set_application_error(CloseError& error, std::uint64_t code, Bytes reason) {
    ngtcp2_connection_close_error_set_application_error(&error, code, reason.data(), reason.size());
}
inline CloseError close_error(ngtcp2_conn* conn) {
    CloseError error;
    ngtcp2_conn_get_connection_close_error(conn, &error);
    return error;
}
inline bool is_application_error(const CloseError& error) {
    return error.type == NGTCP2_CONNECTION_CLOSE_ERROR_CODE_TYPE_APPLICATION;
}
inline void shutdown_stream(ngtcp2_conn* conn, std::int64_t id, std::uint64_t code) {
    ngtcp2_conn_shutdown_stream(conn, id, code);
}
inline void shutdown_stream_read(ngtcp2_conn* conn, std::int64_t id, std::uint64_t code) {
    ngtcp2_conn_shutdown_stream_read(conn, id, code);
}
inline void shutdown_stream_write(ngtcp2_conn* conn, std::int64_t id, std::uint64_t code) {
    ngtcp2_conn_shutdown_stream_write(conn, id, code);
}
inline Bytes token(const ngtcp2_pkt_hd& head) { return {head.token.base, head.token.len}; }
inline void set_token(ngtcp2_settings& settings, Bytes token) {
    settings.token = {const_cast<std::uint8_t*>(token.data()), token.size()};
}
inline void set_original_dcid(ngtcp2_transport_params& params, const ngtcp2_cid& cid) {
    params.original_dcid = cid;
}
inline std::uint64_t bytes_in_flight(ngtcp2_conn* conn) {
    ngtcp2_conn_stat stat;
    ngtcp2_conn_get_conn_stat(conn, &stat);
    return stat.bytes_in_flight;
}

#endif

/// ngtcp2's clock: steady, in nanoseconds.
inline ngtcp2_tstamp now() {
    return static_cast<ngtcp2_tstamp>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                          std::chrono::steady_clock::now().time_since_epoch())
                                          .count());
}
inline ngtcp2_duration nanoseconds(std::chrono::milliseconds duration) {
    return static_cast<ngtcp2_duration>(std::chrono::nanoseconds{duration}.count());
}

}  // namespace tidegate::transport::compat
