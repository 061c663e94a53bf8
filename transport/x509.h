#pragma once
/// GnuTLS certificates and keys wrapped once. Internal to transport.

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "schema/base/result.h"
#include "transport/pki.h"

namespace tidegate::transport {

template <auto destroy>
struct GnutlsDeleter {
    template <class T>
    void operator()(T* object) const {
        destroy(object);
    }
};
template <class Handle, auto destroy>
using GnutlsPtr = std::unique_ptr<std::remove_pointer_t<Handle>, GnutlsDeleter<destroy>>;

using X509Certificate = GnutlsPtr<gnutls_x509_crt_t, gnutls_x509_crt_deinit>;
using X509Key = GnutlsPtr<gnutls_x509_privkey_t, gnutls_x509_privkey_deinit>;
using X509Request = GnutlsPtr<gnutls_x509_crq_t, gnutls_x509_crq_deinit>;
using PublicKey = GnutlsPtr<gnutls_pubkey_t, gnutls_pubkey_deinit>;

/// Runs one of GnuTLS's `…_init` functions.
template <class Pointer, class Handle>
[[nodiscard]] Pointer gnutls_make(int (*init)(Handle*)) {
    Handle raw = nullptr;
    TG_ASSERT(init(&raw) == 0);
    return Pointer{raw};
}

/// A view for GnuTLS's input arguments; it does not write through it.
[[nodiscard]] gnutls_datum_t to_datum(std::string_view bytes);
/// Success, or an error with GnuTLS's own words: `invalid: WHAT: its text`.
[[nodiscard]] Result<void> check_gnutls(int status, std::string_view what);

[[nodiscard]] Result<X509Certificate> import_certificate(std::string_view pem);
[[nodiscard]] Result<X509Certificate> import_certificate_der(const gnutls_datum_t& der);
[[nodiscard]] Result<X509Key> import_key(std::string_view pem);
[[nodiscard]] Result<std::string> export_certificate(gnutls_x509_crt_t certificate);
/// `denied` for anything but ECDSA P-256 and Ed25519.
[[nodiscard]] Result<void> check_key_type(gnutls_pubkey_t key);
[[nodiscard]] Result<CertificateInfo> describe(gnutls_x509_crt_t certificate);

enum class Purpose { server, client };
/// Is the chain's leaf signed by that CA, valid now, and for exactly that use? Only the leaf is
/// looked at: there are no intermediates. Returns what the leaf says. `denied` otherwise; what the
/// clock has to do with it is said.
[[nodiscard]] Result<CertificateInfo> verify_leaf(std::span<const gnutls_datum_t> chain,
                                                  gnutls_x509_crt_t ca, Purpose purpose);
/// `denied` unless that CA signed it, whatever the times.
[[nodiscard]] Result<void> check_issued_by(gnutls_x509_crt_t leaf, gnutls_x509_crt_t ca);

}  // namespace tidegate::transport
