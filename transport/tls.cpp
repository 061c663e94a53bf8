#include "transport/tls.h"

#include <span>
#include <utility>

#include "schema/base/limits.h"

namespace tidegate::transport {
namespace {

constexpr const char* kPriority =
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:+CHACHA20-POLY1305:"
    "-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:%DISABLE_TLS13_COMPAT_MODE";

std::span<const gnutls_datum_t> peer_chain(gnutls_session_t session) {
    unsigned count = 0;
    const auto* chain = gnutls_certificate_get_peers(session, &count);
    return {chain, chain == nullptr ? 0 : count};
}

Result<void> configure(gnutls_session_t session, bool server, const std::string& alpn) {
    CHECK(check_gnutls(gnutls_priority_set_direct(session, kPriority, nullptr), "priorities"));
    const auto protocol = to_datum(alpn);
    CHECK(check_gnutls(gnutls_alpn_set_protocols(session, &protocol, 1, GNUTLS_ALPN_MANDATORY),
                       "ALPN"));
    if (server) gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
    const int status = server ? ngtcp2_crypto_gnutls_configure_server_session(session)
                              : ngtcp2_crypto_gnutls_configure_client_session(session);
    if (status != 0) return fail(ErrorCode::internal, "TLS session for QUIC");
    return {};
}

}  // namespace

TlsContext::TlsContext(bool server, std::string alpn)
    : server_{server},
      alpn_{std::move(alpn)},
      credentials_{gnutls_make<Credentials>(gnutls_certificate_allocate_credentials)} {}

Result<void> TlsContext::use(const Credential& own, const std::string& chain_rest) {
    CHECK(check_credential(own));
    const auto chain = own.certificate_pem + chain_rest;
    const auto certificates = to_datum(chain);
    const auto key = to_datum(own.key_pem);
    return check_gnutls(gnutls_certificate_set_x509_key_mem(credentials_.get(), &certificates, &key,
                                                            GNUTLS_X509_FMT_PEM),
                        "own certificate");
}

Result<std::shared_ptr<const TlsContext>> TlsContext::server(const Credential& daemon,
                                                             const std::string& ca_pem) {
    std::shared_ptr<TlsContext> context{new TlsContext{true, "h3"}};
    CHECK(import_certificate(ca_pem));
    CHECK(context->use(daemon, ca_pem));
    context->trust_ = PinnedCa{ca_pem};
    return context;
}

Result<std::shared_ptr<const TlsContext>> TlsContext::client(const Credential& agent,
                                                             const Trust& trust, std::string alpn) {
    std::shared_ptr<TlsContext> context{new TlsContext{false, std::move(alpn)}};
    if (const auto* pinned = std::get_if<PinnedCa>(&trust))
        CHECK(import_certificate(pinned->ca_pem));
    if (!agent.empty()) CHECK(context->use(agent, {}));
    context->trust_ = trust;
    return context;
}

Result<TlsSession> TlsContext::new_session(ngtcp2_crypto_conn_ref& reference,
                                           gnutls_certificate_verify_function* verify) const {
    gnutls_session_t raw = nullptr;
    const unsigned flags =
        (server_ ? unsigned{GNUTLS_SERVER} | GNUTLS_NO_AUTO_SEND_TICKET : unsigned{GNUTLS_CLIENT}) |
        GNUTLS_NO_END_OF_EARLY_DATA;
    CHECK(check_gnutls(gnutls_init(&raw, flags), "TLS session"));
    TlsSession session{raw};
    CHECK(configure(raw, server_, alpn_));
    CHECK(check_gnutls(gnutls_credentials_set(raw, GNUTLS_CRD_CERTIFICATE, credentials_.get()),
                       "credentials"));
    gnutls_session_set_ptr(raw, &reference);
    gnutls_session_set_verify_function(raw, verify);
    return session;
}

Result<X509Certificate> TlsContext::find_ca(gnutls_session_t session) const {
    if (const auto* pinned = std::get_if<PinnedCa>(&trust_))
        return import_certificate(pinned->ca_pem);
    const auto wanted = std::get<PinnedFingerprint>(trust_).ca_sha256;
    for (const auto& der : peer_chain(session)) {
        const auto seen = Digest::of({reinterpret_cast<const char*>(der.data), der.size});
        if (seen == wanted) return import_certificate_der(der);
    }
    return fail(ErrorCode::denied, "no certificate of the daemon has the token's fingerprint {}",
                wanted.short_hex());
}

Result<std::optional<CertificateInfo>> TlsContext::verify_peer(gnutls_session_t session) const {
    const auto chain = peer_chain(session);
    if (chain.empty() && server_) return std::nullopt;
    if (chain.size() > limits::kPeerChainMax)
        return fail(ErrorCode::denied, "more than {} certificates", limits::kPeerChainMax);
    const auto ca = TRY(find_ca(session));
    auto info = TRY(verify_leaf(chain, ca.get(), server_ ? Purpose::client : Purpose::server));
    if (server_ && !info.agent_name())
        return fail(ErrorCode::denied, "the certificate names no agent");
    if (!server_ && info.uri != kDaemonUri)
        return fail(ErrorCode::denied, "the certificate does not name the daemon");
    return info;
}

Result<std::string> TlsContext::trusted_ca(gnutls_session_t session) const {
    return export_certificate(TRY(find_ca(session)).get());
}

bool TlsContext::alpn_agreed(gnutls_session_t session) const {
    gnutls_datum_t chosen{};
    return gnutls_alpn_get_selected_protocol(session, &chosen) == 0 &&
           std::string_view{reinterpret_cast<const char*>(chosen.data), chosen.size} == alpn_;
}

}  // namespace tidegate::transport
