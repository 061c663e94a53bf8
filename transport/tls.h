#pragma once
/// TLS 1.3 for QUIC by GnuTLS (RFC 9001): who is trusted, and sessions. Internal to transport.

#include <gnutls/gnutls.h>

#include <memory>
#include <optional>
#include <string>

#include "schema/base/result.h"
#include "transport/client.h"
#include "transport/ngtcp2_compat.h"
#include "transport/pki.h"
#include "transport/x509.h"

namespace tidegate::transport {

using TlsSession = GnutlsPtr<gnutls_session_t, gnutls_deinit>;

/// What all connections of one endpoint share: the own certificate and whom to trust. Immutable.
class TlsContext {
public:
    [[nodiscard]] static Result<std::shared_ptr<const TlsContext>> server(
        const Credential& daemon, const std::string& ca_pem);
    [[nodiscard]] static Result<std::shared_ptr<const TlsContext>> client(const Credential& agent,
                                                                          const Trust& trust,
                                                                          std::string alpn);

    /// A session wired to ngtcp2. `reference` must outlive it; `verify` runs during the handshake
    /// and gets it back by gnutls_session_get_ptr.
    [[nodiscard]] Result<TlsSession> new_session(ngtcp2_crypto_conn_ref& reference,
                                                 gnutls_certificate_verify_function* verify) const;

    /// Who the peer is, if it may be trusted. Nothing: an agent without a certificate.
    [[nodiscard]] Result<std::optional<CertificateInfo>> verify_peer(
        gnutls_session_t session) const;
    /// Client: the CA that `verify_peer` went by, as PEM.
    [[nodiscard]] Result<std::string> trusted_ca(gnutls_session_t session) const;
    /// A peer that sends no ALPN at all passes GnuTLS's own check.
    [[nodiscard]] bool alpn_agreed(gnutls_session_t session) const;

private:
    using Credentials =
        GnutlsPtr<gnutls_certificate_credentials_t, gnutls_certificate_free_credentials>;

    TlsContext(bool server, std::string alpn);
    Result<void> use(const Credential& own, const std::string& chain_rest);
    Result<X509Certificate> find_ca(gnutls_session_t session) const;

    bool server_;
    std::string alpn_;
    Credentials credentials_;
    Trust trust_;
};

}  // namespace tidegate::transport
