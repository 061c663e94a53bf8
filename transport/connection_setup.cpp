#include <gnutls/crypto.h>

#include <array>

#include "schema/base/limits.h"
#include "transport/connection.h"
#include "transport/quic_callbacks.h"

namespace tidegate::transport {
namespace {

ngtcp2_addr to_ngtcp2(const SocketAddress& address) {
    return {const_cast<ngtcp2_sockaddr*>(&address.value.sa), address.length};
}

ngtcp2_settings make_settings(const ConnectionConfig& config) {
    ngtcp2_settings settings;
    ngtcp2_settings_default(&settings);
    settings.initial_ts = compat::now();
    settings.handshake_timeout = compat::nanoseconds(config.handshake_timeout);
    // Windows do not grow by themselves, and no packets are spent on path MTU discovery.
    settings.max_window = 0;
    settings.max_stream_window = 0;
    settings.no_pmtud = 1;
    return settings;
}

ngtcp2_transport_params make_params(const ConnectionConfig& config, bool server) {
    ngtcp2_transport_params params;
    ngtcp2_transport_params_default(&params);
    params.initial_max_stream_data_bidi_local = limits::kStreamWindowBytes;
    params.initial_max_stream_data_bidi_remote = limits::kStreamWindowBytes;
    params.initial_max_stream_data_uni = limits::kUniStreamWindowBytes;
    params.initial_max_data = limits::kConnectionWindowBytes;
    params.initial_max_streams_bidi = server ? limits::kRequestStreamsMax : 0;
    params.initial_max_streams_uni = limits::kUniStreamsMax;
    params.max_idle_timeout = compat::nanoseconds(config.idle_timeout);
    params.active_connection_id_limit = 2;
    return params;
}

ngtcp2_conn* conn_of(ngtcp2_crypto_conn_ref* reference) {
    return static_cast<ConnectionCore*>(reference->user_data)->quic();
}

}  // namespace

ngtcp2_cid random_cid() {
    std::array<std::uint8_t, kCidBytes> bytes{};
    TG_ASSERT(gnutls_rnd(GNUTLS_RND_NONCE, bytes.data(), bytes.size()) == 0);
    ngtcp2_cid cid;
    ngtcp2_cid_init(&cid, bytes.data(), bytes.size());
    return cid;
}

ConnectionCore::ConnectionCore(ConnectionHost& host, const ConnectionConfig& config, bool server,
                               std::uint64_t id)
    : host_{host},
      config_{config},
      id_{id},
      server_{server},
      reference_{conn_of, this},
      tls_context_{config.tls},
      h3_{*this, server},
      keep_alive_{config.keep_alive},
      silence_max_{config.silence_max} {}

ConnectionCore::~ConnectionCore() = default;

Result<void> ConnectionCore::attach_tls() {
    tls_ = TRY(tls_context_->new_session(reference_, [](gnutls_session_t session) {
        const auto* reference =
            static_cast<ngtcp2_crypto_conn_ref*>(gnutls_session_get_ptr(session));
        return static_cast<ConnectionCore*>(reference->user_data)->verify_peer(session);
    }));
    ngtcp2_conn_set_tls_native_handle(quic_.get(), tls_.get());
    return {};
}

Result<std::shared_ptr<ConnectionCore>> ConnectionCore::accept(ConnectionHost& host,
                                                               const ConnectionConfig& config,
                                                               const Accepted& accepted,
                                                               std::uint64_t id) {
    std::shared_ptr<ConnectionCore> core{new ConnectionCore{host, config, true, id}};
    const auto own = random_cid();
    auto params = make_params(config, true);
    compat::set_original_dcid(params, accepted.original_dcid);
    params.retry_scid = accepted.head.dcid;
    params.retry_scid_present = 1;
    params.stateless_reset_token_present = 1;
    ngtcp2_crypto_generate_stateless_reset_token(
        params.stateless_reset_token, config.reset_secret.data(), config.reset_secret.size(), &own);
    auto settings = make_settings(config);
    compat::set_token(settings, compat::token(accepted.head));
    const ngtcp2_path path{to_ngtcp2(accepted.local), to_ngtcp2(accepted.remote), nullptr};
    ngtcp2_conn* raw = nullptr;
    if (ngtcp2_conn_server_new(&raw, &accepted.head.scid, &own, &path, accepted.head.version,
                               &QuicCallbacks::table(true), &settings, &params, nullptr,
                               core.get()) != 0)
        return tidegate::fail(ErrorCode::internal, "new QUIC connection");
    core->quic_.reset(raw);
    CHECK(core->attach_tls());
    host.add_cid(*core, accepted.head.dcid);
    host.add_cid(*core, own);
    return core;
}

Result<std::shared_ptr<ConnectionCore>> ConnectionCore::dial(ConnectionHost& host,
                                                             const ConnectionConfig& config,
                                                             const SocketAddress& local,
                                                             const SocketAddress& remote) {
    std::shared_ptr<ConnectionCore> core{new ConnectionCore{host, config, false, 1}};
    const auto own = random_cid();
    const auto theirs = random_cid();
    const auto params = make_params(config, false);
    const auto settings = make_settings(config);
    const ngtcp2_path path{to_ngtcp2(local), to_ngtcp2(remote), nullptr};
    ngtcp2_conn* raw = nullptr;
    if (ngtcp2_conn_client_new(&raw, &theirs, &own, &path, NGTCP2_PROTO_VER_V1,
                               &QuicCallbacks::table(false), &settings, &params, nullptr,
                               core.get()) != 0)
        return tidegate::fail(ErrorCode::internal, "new QUIC connection");
    core->quic_.reset(raw);
    CHECK(core->attach_tls());
    ngtcp2_conn_set_keep_alive_timeout(raw, compat::nanoseconds(config.keep_alive));
    return core;
}

int ConnectionCore::verify_peer(gnutls_session_t session) {
    auto checked = tls_context_->verify_peer(session);
    if (!checked) {
        refusal_ = printable(checked.error().message);
        return GNUTLS_E_CERTIFICATE_ERROR;
    }
    if (!server_) {
        ca_pem_ = tls_context_->trusted_ca(session).value_or("");
        return 0;
    }
    if (!*checked) return 0;
    const auto& info = **checked;
    PeerIdentity identity{info.agent_name().value_or(""), info.serial, info.not_after};
    if (!host_.certificate_ok(identity)) {
        refusal_ = "the certificate of agent " + identity.agent + " is revoked or unknown";
        return GNUTLS_E_CERTIFICATE_ERROR;
    }
    identity_ = std::move(identity);
    return 0;
}

bool ConnectionCore::finish_handshake() {
    if (!tls_context_->alpn_agreed(tls_.get())) {
        refusal_ = "the peer does not speak h3";
        return false;
    }
    handshake_done_ = true;
    touch();
    if (host_.on_handshake(*this)) return true;
    refusal_ = "too many connections";
    return false;
}

}  // namespace tidegate::transport
