#include "transport/pki.h"

#include <gnutls/crypto.h>

#include <algorithm>
#include <array>
#include <utility>

#include "schema/base/limits.h"
#include "transport/x509.h"

namespace tidegate::transport {
namespace {

bool valid_agent_name(std::string_view name) {
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    return !name.empty() && name.size() <= limits::kNameBytesMax && letter(name.front()) &&
           std::ranges::all_of(
               name, [&](char c) { return letter(c) || c == '.' || c == '_' || c == '-'; });
}

Result<X509Key> generate(KeyType type) {
    auto key = gnutls_make<X509Key>(gnutls_x509_privkey_init);
    const bool p256 = type == KeyType::p256;
    const auto algorithm = p256 ? GNUTLS_PK_ECDSA : GNUTLS_PK_EDDSA_ED25519;
    const unsigned curve =
        GNUTLS_CURVE_TO_BITS(p256 ? GNUTLS_ECC_CURVE_SECP256R1 : GNUTLS_ECC_CURVE_ED25519);
    CHECK(check_gnutls(gnutls_x509_privkey_generate(key.get(), algorithm, curve, 0), "new key"));
    return key;
}

Result<std::string> export_key(gnutls_x509_privkey_t key) {
    gnutls_datum_t pem{};
    CHECK(check_gnutls(gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, nullptr,
                                                         GNUTLS_PKCS_PLAIN, &pem),
                       "private key"));
    std::string text{reinterpret_cast<const char*>(pem.data), pem.size};
    gnutls_memset(pem.data, 0, pem.size);
    gnutls_free(pem.data);
    return text;
}

Result<Credential> credential(Result<std::string> certificate, Result<std::string> key) {
    Credential made;
    made.certificate_pem = TRY(std::move(certificate));
    made.key_pem = TRY(std::move(key));
    return made;
}

/// 127 random bits: unique without a counter, positive as RFC 5280 §4.1.2.2 asks.
Result<void> set_serial(gnutls_x509_crt_t certificate) {
    std::array<std::uint8_t, 16> serial{};
    CHECK(check_gnutls(gnutls_rnd(GNUTLS_RND_NONCE, serial.data(), serial.size()), "random"));
    serial[0] = static_cast<std::uint8_t>((serial[0] & 0x3f) | 0x40);
    return check_gnutls(gnutls_x509_crt_set_serial(certificate, serial.data(), serial.size()),
                        "serial");
}

Result<void> set_validity(gnutls_x509_crt_t certificate, Validity validity) {
    constexpr Seconds kClockLag = std::chrono::hours{1};
    const auto now = std::chrono::floor<Seconds>(validity.now).time_since_epoch();
    if (validity.lifetime <= Seconds{0})
        return fail(ErrorCode::invalid, "lifetime must be above 0");
    CHECK(check_gnutls(gnutls_x509_crt_set_activation_time(certificate, (now - kClockLag).count()),
                       "time"));
    return check_gnutls(
        gnutls_x509_crt_set_expiration_time(certificate, (now + validity.lifetime).count()),
        "time");
}

Result<void> set_key_ids(gnutls_x509_crt_t certificate, gnutls_x509_crt_t issuer) {
    std::array<std::uint8_t, 64> id{};
    std::size_t size = id.size();
    CHECK(check_gnutls(gnutls_x509_crt_get_key_id(certificate, 0, id.data(), &size), "key id"));
    CHECK(check_gnutls(gnutls_x509_crt_set_subject_key_id(certificate, id.data(), size), "key id"));
    size = id.size();
    CHECK(check_gnutls(gnutls_x509_crt_get_key_id(issuer, 0, id.data(), &size), "key id"));
    return check_gnutls(gnutls_x509_crt_set_authority_key_id(certificate, id.data(), size),
                        "key id");
}

Result<X509Certificate> new_certificate(std::string_view common_name, Validity validity) {
    auto certificate = gnutls_make<X509Certificate>(gnutls_x509_crt_init);
    auto* raw = certificate.get();
    CHECK(check_gnutls(gnutls_x509_crt_set_version(raw, 3), "version"));
    CHECK(set_serial(raw));
    CHECK(set_validity(raw, validity));
    CHECK(check_gnutls(
        gnutls_x509_crt_set_dn_by_oid(raw, GNUTLS_OID_X520_COMMON_NAME, 0, common_name.data(),
                                      static_cast<unsigned>(common_name.size())),
        "name"));
    return certificate;
}

struct Leaf {
    std::string_view common_name;
    std::string uri;
    const char* purpose;
};

Result<std::string> issue(const Credential& ca, gnutls_pubkey_t key, const Leaf& leaf,
                          Validity validity) {
    const auto ca_certificate = TRY(import_certificate(ca.certificate_pem));
    const auto ca_key = TRY(import_key(ca.key_pem));
    const auto certificate = TRY(new_certificate(leaf.common_name, validity));
    auto* raw = certificate.get();
    CHECK(check_gnutls(gnutls_x509_crt_set_pubkey(raw, key), "public key"));
    CHECK(check_gnutls(gnutls_x509_crt_set_basic_constraints(raw, 0, -1), "constraints"));
    CHECK(check_gnutls(gnutls_x509_crt_set_key_usage(raw, GNUTLS_KEY_DIGITAL_SIGNATURE), "usage"));
    CHECK(check_gnutls(gnutls_x509_crt_set_key_purpose_oid(raw, leaf.purpose, 0), "purpose"));
    CHECK(check_gnutls(gnutls_x509_crt_set_subject_alt_name(raw, GNUTLS_SAN_URI, leaf.uri.data(),
                                                            static_cast<unsigned>(leaf.uri.size()),
                                                            GNUTLS_FSAN_SET),
                       "uri"));
    CHECK(set_key_ids(raw, ca_certificate.get()));
    CHECK(check_gnutls(
        gnutls_x509_crt_sign2(raw, ca_certificate.get(), ca_key.get(), GNUTLS_DIG_SHA256, 0),
        "sign"));
    return export_certificate(raw);
}

Result<PublicKey> public_key_of_request(std::string_view csr_pem) {
    if (csr_pem.size() > limits::kPemBytesMax)
        return fail(ErrorCode::invalid, "request larger than {} bytes", limits::kPemBytesMax);
    const auto request = gnutls_make<X509Request>(gnutls_x509_crq_init);
    const auto datum = to_datum(csr_pem);
    CHECK(check_gnutls(gnutls_x509_crq_import(request.get(), &datum, GNUTLS_X509_FMT_PEM),
                       "request"));
    auto key = gnutls_make<PublicKey>(gnutls_pubkey_init);
    CHECK(check_gnutls(gnutls_pubkey_import_x509_crq(key.get(), request.get(), 0), "request"));
    CHECK(check_key_type(key.get()));
    CHECK(check_gnutls(gnutls_x509_crq_verify(request.get(), 0), "proof of possession"));
    return key;
}

}  // namespace

Result<std::string> make_key(KeyType type) { return export_key(TRY(generate(type)).get()); }

Result<Credential> make_ca(Validity validity) {
    const auto key = TRY(generate(KeyType::p256));
    const auto certificate = TRY(new_certificate("Tidegate CA", validity));
    auto* raw = certificate.get();
    CHECK(check_gnutls(gnutls_x509_crt_set_key(raw, key.get()), "public key"));
    CHECK(check_gnutls(gnutls_x509_crt_set_basic_constraints(raw, 1, 0), "constraints"));
    CHECK(check_gnutls(
        gnutls_x509_crt_set_key_usage(raw, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN),
        "usage"));
    CHECK(set_key_ids(raw, raw));
    CHECK(check_gnutls(gnutls_x509_crt_sign2(raw, raw, key.get(), GNUTLS_DIG_SHA256, 0), "sign"));
    return credential(export_certificate(raw), export_key(key.get()));
}

Result<Credential> issue_daemon(const Credential& ca, Validity validity) {
    const auto key = TRY(generate(KeyType::p256));
    const auto public_key = gnutls_make<PublicKey>(gnutls_pubkey_init);
    const auto private_key =
        gnutls_make<GnutlsPtr<gnutls_privkey_t, gnutls_privkey_deinit>>(gnutls_privkey_init);
    CHECK(check_gnutls(gnutls_privkey_import_x509(private_key.get(), key.get(), 0), "key"));
    CHECK(check_gnutls(gnutls_pubkey_import_privkey(public_key.get(), private_key.get(), 0, 0),
                       "key"));
    const Leaf leaf{"tidegate daemon", std::string{kDaemonUri}, GNUTLS_KP_TLS_WWW_SERVER};
    return credential(issue(ca, public_key.get(), leaf, validity), export_key(key.get()));
}

Result<std::string> make_csr(const std::string& key_pem, std::string_view agent_name) {
    const auto key = TRY(import_key(key_pem));
    const auto request = gnutls_make<X509Request>(gnutls_x509_crq_init);
    auto* raw = request.get();
    CHECK(check_gnutls(gnutls_x509_crq_set_version(raw, 1), "request"));
    CHECK(check_gnutls(
        gnutls_x509_crq_set_dn_by_oid(raw, GNUTLS_OID_X520_COMMON_NAME, 0, agent_name.data(),
                                      static_cast<unsigned>(agent_name.size())),
        "name"));
    CHECK(check_gnutls(gnutls_x509_crq_set_key(raw, key.get()), "key"));
    CHECK(check_gnutls(gnutls_x509_crq_sign2(raw, key.get(), GNUTLS_DIG_UNKNOWN, 0), "sign"));
    gnutls_datum_t pem{};
    CHECK(check_gnutls(gnutls_x509_crq_export2(raw, GNUTLS_X509_FMT_PEM, &pem), "request"));
    std::string text{reinterpret_cast<const char*>(pem.data), pem.size};
    gnutls_free(pem.data);
    return text;
}

Result<std::string> sign_agent(const Credential& ca, std::string_view csr_pem,
                               std::string_view agent_name, Validity validity) {
    if (!valid_agent_name(agent_name))
        return fail(ErrorCode::invalid, "agent name must match [a-z0-9][a-z0-9._-]{{0,62}}");
    const auto key = TRY(public_key_of_request(csr_pem));
    const Leaf leaf{agent_name, std::string{kAgentUriPrefix} + std::string{agent_name},
                    GNUTLS_KP_TLS_WWW_CLIENT};
    return issue(ca, key.get(), leaf, validity);
}

Result<std::string> sign_statement(const Credential& ca, std::string_view text) {
    const auto key = TRY(import_key(ca.key_pem));
    const auto signer =
        gnutls_make<GnutlsPtr<gnutls_privkey_t, gnutls_privkey_deinit>>(gnutls_privkey_init);
    CHECK(check_gnutls(gnutls_privkey_import_x509(signer.get(), key.get(), 0), "key"));
    const auto data = to_datum(text);
    gnutls_datum_t made{};
    CHECK(check_gnutls(
        gnutls_privkey_sign_data2(signer.get(), GNUTLS_SIGN_ECDSA_SHA256, 0, &data, &made),
        "statement"));
    std::string signature{reinterpret_cast<const char*>(made.data), made.size};
    gnutls_free(made.data);
    return signature;
}

bool is_signed_by(const std::string& ca_pem, std::string_view text, std::string_view signature) {
    const auto ca = import_certificate(ca_pem);
    if (!ca) return false;
    const auto key = gnutls_make<PublicKey>(gnutls_pubkey_init);
    const auto data = to_datum(text);
    const auto seal = to_datum(signature);
    return gnutls_pubkey_import_x509(key.get(), ca->get(), 0) == 0 &&
           gnutls_pubkey_verify_data2(key.get(), GNUTLS_SIGN_ECDSA_SHA256, 0, &data, &seal) >= 0;
}

std::optional<std::string> CertificateInfo::agent_name() const {
    if (!uri.starts_with(kAgentUriPrefix)) return std::nullopt;
    auto name = uri.substr(kAgentUriPrefix.size());
    return valid_agent_name(name) ? std::optional{std::move(name)} : std::nullopt;
}

Result<CertificateInfo> read_certificate(std::string_view pem) {
    return describe(TRY(import_certificate(pem)).get());
}

bool is_issued_by(const std::string& certificate_pem, const std::string& ca_pem) {
    const auto leaf = import_certificate(certificate_pem);
    const auto ca = import_certificate(ca_pem);
    return leaf && ca && check_issued_by(leaf->get(), ca->get()).has_value();
}

Result<void> check_credential(const Credential& credential) {
    const auto certificate = TRY(import_certificate(credential.certificate_pem));
    const auto key = TRY(import_key(credential.key_pem));
    std::array<std::uint8_t, 64> of_certificate{};
    std::array<std::uint8_t, 64> of_key{};
    std::size_t size = of_certificate.size();
    CHECK(check_gnutls(
        gnutls_x509_crt_get_key_id(certificate.get(), 0, of_certificate.data(), &size), "key id"));
    size = of_key.size();
    CHECK(
        check_gnutls(gnutls_x509_privkey_get_key_id(key.get(), 0, of_key.data(), &size), "key id"));
    if (of_certificate != of_key)
        return fail(ErrorCode::invalid, "the private key does not belong to the certificate");
    return {};
}

}  // namespace tidegate::transport
