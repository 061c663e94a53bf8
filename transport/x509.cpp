#include "transport/x509.h"

#include <array>
#include <chrono>
#include <cstring>
#include <optional>

#include "schema/base/limits.h"

namespace tidegate::transport {
namespace {

struct SubjectAlternativeName {
    unsigned type = 0;
    std::string value;
};

/// Nothing at the end of the list, or for a name too long to be one of ours.
std::optional<SubjectAlternativeName> alternative_name(gnutls_x509_crt_t certificate,
                                                       unsigned index) {
    std::array<char, 512> buffer{};
    std::size_t size = buffer.size();
    const int type =
        gnutls_x509_crt_get_subject_alt_name(certificate, index, buffer.data(), &size, nullptr);
    if (type < 0) return std::nullopt;
    return SubjectAlternativeName{static_cast<unsigned>(type), std::string(buffer.data(), size)};
}

std::string first_uri(gnutls_x509_crt_t certificate) {
    constexpr unsigned kNamesLookedAt = 8;
    for (unsigned i = 0; i < kNamesLookedAt; ++i) {
        auto name = alternative_name(certificate, i);
        if (!name) break;
        if (name->type == GNUTLS_SAN_URI) return name->value;
    }
    return {};
}

struct Purposes {
    bool server = false;
    bool client = false;
    bool other = false;
};

Purposes read_purposes(gnutls_x509_crt_t certificate) {
    Purposes purposes;
    constexpr unsigned kPurposesLookedAt = 8;
    for (unsigned i = 0; i < kPurposesLookedAt; ++i) {
        std::array<char, 128> oid{};
        std::size_t size = oid.size();
        const int status =
            gnutls_x509_crt_get_key_purpose_oid(certificate, i, oid.data(), &size, nullptr);
        if (status == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) break;
        const std::string_view text = status < 0 ? "" : oid.data();
        if (text == GNUTLS_KP_TLS_WWW_SERVER)
            purposes.server = true;
        else if (text == GNUTLS_KP_TLS_WWW_CLIENT)
            purposes.client = true;
        else
            purposes.other = true;
    }
    return purposes;
}

Result<std::string> serial_of(gnutls_x509_crt_t certificate) {
    std::array<std::uint8_t, 64> bytes{};
    std::size_t size = bytes.size();
    CHECK(check_gnutls(gnutls_x509_crt_get_serial(certificate, bytes.data(), &size), "serial"));
    return to_hex(std::span{bytes}.first(size));
}

Timestamp to_timestamp(std::time_t seconds) { return Timestamp{Seconds{seconds}}; }

Result<void> check_signature(gnutls_x509_crt_t leaf, gnutls_x509_crt_t ca) {
    // A leaf would vouch for itself where it was taken for the CA. Times are looked at by
    // check_times; a pinned CA's own do not count (RFC 5280 §6.1.1 d).
    constexpr unsigned kFlags = GNUTLS_VERIFY_DO_NOT_ALLOW_SAME | GNUTLS_VERIFY_DISABLE_TIME_CHECKS;
    unsigned status = 0;
    CHECK(check_gnutls(gnutls_x509_crt_verify(leaf, &ca, 1, kFlags, &status), "certificate"));
    if (status == 0) return {};
    if ((status & GNUTLS_CERT_SIGNER_NOT_FOUND) != 0)
        return fail(ErrorCode::denied,
                    "certificate not accepted: another CA signed it; pki/ of the one or the other "
                    "was made anew, or is from elsewhere");
    gnutls_datum_t text{};
    gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0);
    std::string message{reinterpret_cast<const char*>(text.data), text.size};
    gnutls_free(text.data);
    return fail(ErrorCode::denied, "certificate not accepted: {}", message);
}

/// Either clock may be wrong: whose, only a person can see from both times.
Result<void> check_times(const CertificateInfo& leaf) {
    const auto now = std::chrono::floor<Milliseconds>(std::chrono::system_clock::now());
    const bool early = now < leaf.not_before;
    if (!early && now < leaf.not_after) return {};
    return fail(ErrorCode::denied, "the certificate {} at {}; here it is {}: check the clock",
                early ? "begins" : "expired",
                format_rfc3339(early ? leaf.not_before : leaf.not_after), format_rfc3339(now));
}

}  // namespace

gnutls_datum_t to_datum(std::string_view bytes) {
    return {reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data())),
            static_cast<unsigned>(bytes.size())};
}

Result<void> check_gnutls(int status, std::string_view what) {
    if (status >= 0) return {};
    return fail(ErrorCode::invalid, "{}: {}", what, gnutls_strerror(status));
}

Result<X509Certificate> import_certificate(std::string_view pem) {
    if (pem.size() > limits::kPemBytesMax)
        return fail(ErrorCode::invalid, "certificate: larger than {} bytes", limits::kPemBytesMax);
    auto certificate = gnutls_make<X509Certificate>(gnutls_x509_crt_init);
    const auto datum = to_datum(pem);
    CHECK(check_gnutls(gnutls_x509_crt_import(certificate.get(), &datum, GNUTLS_X509_FMT_PEM),
                       "certificate"));
    return certificate;
}

Result<X509Certificate> import_certificate_der(const gnutls_datum_t& der) {
    auto certificate = gnutls_make<X509Certificate>(gnutls_x509_crt_init);
    CHECK(check_gnutls(gnutls_x509_crt_import(certificate.get(), &der, GNUTLS_X509_FMT_DER),
                       "certificate"));
    return certificate;
}

Result<X509Key> import_key(std::string_view pem) {
    auto key = gnutls_make<X509Key>(gnutls_x509_privkey_init);
    const auto datum = to_datum(pem);
    CHECK(check_gnutls(
        gnutls_x509_privkey_import2(key.get(), &datum, GNUTLS_X509_FMT_PEM, nullptr, 0),
        "private key"));
    return key;
}

Result<std::string> export_certificate(gnutls_x509_crt_t certificate) {
    gnutls_datum_t pem{};
    CHECK(check_gnutls(gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_PEM, &pem),
                       "certificate"));
    std::string text{reinterpret_cast<const char*>(pem.data), pem.size};
    gnutls_free(pem.data);
    return text;
}

Result<void> check_key_type(gnutls_pubkey_t key) {
    const int algorithm = gnutls_pubkey_get_pk_algorithm(key, nullptr);
    if (algorithm == GNUTLS_PK_EDDSA_ED25519) return {};
    gnutls_ecc_curve_t curve = GNUTLS_ECC_CURVE_INVALID;
    if (algorithm == GNUTLS_PK_ECDSA &&
        gnutls_pubkey_export_ecc_raw(key, &curve, nullptr, nullptr) == 0 &&
        curve == GNUTLS_ECC_CURVE_SECP256R1)
        return {};
    const char* name = gnutls_pk_get_name(static_cast<gnutls_pk_algorithm_t>(algorithm));
    return fail(ErrorCode::invalid, "key must be ECDSA P-256 or Ed25519, got {}",
                name == nullptr ? "an unknown kind" : name);
}

Result<CertificateInfo> describe(gnutls_x509_crt_t certificate) {
    CertificateInfo info;
    info.serial = TRY(serial_of(certificate));
    info.uri = first_uri(certificate);
    info.not_before = to_timestamp(gnutls_x509_crt_get_activation_time(certificate));
    info.not_after = to_timestamp(gnutls_x509_crt_get_expiration_time(certificate));
    info.ca = gnutls_x509_crt_get_ca_status(certificate, nullptr) == 1;
    const auto purposes = read_purposes(certificate);
    info.server_use = purposes.server;
    info.client_use = purposes.client;
    gnutls_datum_t der{};
    CHECK(check_gnutls(gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_DER, &der),
                       "certificate"));
    info.fingerprint = Digest::of({reinterpret_cast<const char*>(der.data), der.size});
    gnutls_free(der.data);
    return info;
}

Result<CertificateInfo> verify_leaf(std::span<const gnutls_datum_t> chain, gnutls_x509_crt_t ca,
                                    Purpose purpose) {
    if (chain.empty()) return fail(ErrorCode::denied, "no certificate");
    const auto leaf = TRY(import_certificate_der(chain.front()));
    CHECK(check_signature(leaf.get(), ca));
    const auto key = gnutls_make<PublicKey>(gnutls_pubkey_init);
    CHECK(check_gnutls(gnutls_pubkey_import_x509(key.get(), leaf.get(), 0), "public key"));
    CHECK(check_key_type(key.get()));
    // GnuTLS takes a certificate without any purpose for one with all of them; here it has none.
    const auto purposes = read_purposes(leaf.get());
    const bool fits = purpose == Purpose::server ? purposes.server && !purposes.client
                                                 : purposes.client && !purposes.server;
    if (!fits || purposes.other)
        return fail(ErrorCode::denied, "certificate is not for {} use only",
                    purpose == Purpose::server ? "server" : "client");
    auto info = TRY(describe(leaf.get()));
    CHECK(check_times(info));
    return info;
}

Result<void> check_issued_by(gnutls_x509_crt_t leaf, gnutls_x509_crt_t ca) {
    return check_signature(leaf, ca);
}

}  // namespace tidegate::transport
