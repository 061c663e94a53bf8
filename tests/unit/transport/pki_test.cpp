#include "transport/pki.h"

#include <gnutls/x509.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "schema/base/limits.h"
#include "transport/x509.h"

namespace tidegate::transport {
namespace {

constexpr Timestamp kNow{Seconds{1'800'000'000}};
constexpr Seconds kWeek = std::chrono::hours{7 * 24};
constexpr Validity kValid{kNow, kWeek};

class PkiTest : public testing::Test {
protected:
    Credential ca = make_ca({kNow, kWeek * 500}).value();
};

TEST_F(PkiTest, CaMaySignAndHasAFingerprint) {
    const auto info = read_certificate(ca.certificate_pem).value();
    EXPECT_TRUE(info.ca);
    EXPECT_FALSE(info.fingerprint.empty());
    EXPECT_EQ(info.not_after, kNow + kWeek * 500);
    EXPECT_NE(info.fingerprint, read_certificate(make_ca(kValid)->certificate_pem)->fingerprint);
    EXPECT_TRUE(check_credential(ca));
}

TEST_F(PkiTest, DaemonCertificateIsForServersOnly) {
    const auto daemon = issue_daemon(ca, kValid).value();
    const auto info = read_certificate(daemon.certificate_pem).value();
    EXPECT_EQ(info.uri, "tidegate://daemon");
    EXPECT_TRUE(info.server_use);
    EXPECT_FALSE(info.client_use);
    EXPECT_FALSE(info.ca);
    EXPECT_FALSE(info.agent_name());
    EXPECT_TRUE(check_credential(daemon));
}

TEST_F(PkiTest, AStatementIsTheCasWordForItsText) {
    const auto signature = sign_statement(ca, "epoch 7").value();
    EXPECT_LE(signature.size(), limits::kSignatureBytesMax);
    EXPECT_TRUE(is_signed_by(ca.certificate_pem, "epoch 7", signature));
    EXPECT_FALSE(is_signed_by(ca.certificate_pem, "epoch 8", signature));
    EXPECT_FALSE(is_signed_by(make_ca(kValid)->certificate_pem, "epoch 7", signature));
    EXPECT_FALSE(is_signed_by("", "epoch 7", signature));
    for (std::size_t i = 0; i < signature.size(); ++i) {
        auto damaged = signature;
        damaged[i] ^= 1;
        EXPECT_FALSE(is_signed_by(ca.certificate_pem, "epoch 7", damaged)) << i;
        EXPECT_FALSE(is_signed_by(ca.certificate_pem, "epoch 7", signature.substr(0, i))) << i;
    }
}

class AgentKeyTest : public PkiTest, public testing::WithParamInterface<KeyType> {};

TEST_P(AgentKeyTest, SignsARequest) {
    const auto key = make_key(GetParam()).value();
    const auto csr = make_csr(key, "something-else").value();
    const auto certificate = sign_agent(ca, csr, "web-1", kValid);
    ASSERT_TRUE(certificate) << certificate.error().message;
    const auto info = read_certificate(*certificate).value();
    EXPECT_EQ(info.agent_name(), "web-1");
    EXPECT_TRUE(info.client_use);
    EXPECT_FALSE(info.server_use);
    EXPECT_FALSE(info.ca);
    EXPECT_EQ(info.not_after, kNow + kWeek);
    EXPECT_LT(info.not_before, kNow);
    EXPECT_EQ(info.serial.size(), 32U);
    EXPECT_TRUE(check_credential({*certificate, key}));
    EXPECT_NE(info.serial, read_certificate(*sign_agent(ca, csr, "web-1", kValid))->serial);
}

INSTANTIATE_TEST_SUITE_P(Types, AgentKeyTest, testing::Values(KeyType::p256, KeyType::ed25519));

/// A request as a hostile agent would write it.
std::string request(gnutls_pk_algorithm_t algorithm, unsigned bits, bool ask_for_more) {
    const auto key = gnutls_make<X509Key>(gnutls_x509_privkey_init);
    gnutls_x509_privkey_generate(key.get(), algorithm, bits, 0);
    const auto csr = gnutls_make<X509Request>(gnutls_x509_crq_init);
    gnutls_x509_crq_set_version(csr.get(), 1);
    gnutls_x509_crq_set_key(csr.get(), key.get());
    if (ask_for_more) {
        const std::string uri = "tidegate://daemon";
        gnutls_x509_crq_set_subject_alt_name(csr.get(), GNUTLS_SAN_URI, uri.data(),
                                             static_cast<unsigned>(uri.size()), GNUTLS_FSAN_SET);
        gnutls_x509_crq_set_key_purpose_oid(csr.get(), GNUTLS_KP_TLS_WWW_SERVER, 0);
        gnutls_x509_crq_set_basic_constraints(csr.get(), 1, 5);
    }
    gnutls_x509_crq_sign2(csr.get(), key.get(), GNUTLS_DIG_SHA256, 0);
    gnutls_datum_t pem{};
    gnutls_x509_crq_export2(csr.get(), GNUTLS_X509_FMT_PEM, &pem);
    std::string text{reinterpret_cast<const char*>(pem.data), pem.size};
    gnutls_free(pem.data);
    return text;
}

constexpr unsigned kP256 = GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1);
constexpr unsigned kP384 = GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP384R1);

TEST_F(PkiTest, IgnoresWhatARequestAsksFor) {
    const auto certificate = sign_agent(ca, request(GNUTLS_PK_ECDSA, kP256, true), "web-1", kValid);
    ASSERT_TRUE(certificate) << certificate.error().message;
    const auto info = read_certificate(*certificate).value();
    EXPECT_EQ(info.uri, "tidegate://agent/web-1");
    EXPECT_FALSE(info.ca);
    EXPECT_FALSE(info.server_use);
}

TEST_F(PkiTest, RefusesOtherKeys) {
    for (const auto& csr :
         {request(GNUTLS_PK_RSA, 2048, false), request(GNUTLS_PK_ECDSA, kP384, false)}) {
        const auto certificate = sign_agent(ca, csr, "web-1", kValid);
        ASSERT_FALSE(certificate);
        EXPECT_EQ(certificate.error().code, ErrorCode::invalid);
        EXPECT_NE(certificate.error().message.find("key must be"), std::string::npos);
    }
}

TEST_F(PkiTest, RefusesARequestWithoutProofOfPossession) {
    auto csr = make_csr(make_key().value(), "web-1").value();
    // Somewhere in the signature, which is the last part of the DER form.
    auto& letter = csr[csr.rfind("-----END") - 12];
    letter = letter == 'A' ? 'B' : 'A';
    EXPECT_FALSE(sign_agent(ca, csr, "web-1", kValid));
}

TEST_F(PkiTest, RefusesUnusableInput) {
    const auto csr = make_csr(make_key().value(), "web-1").value();
    for (const auto& name :
         std::vector<std::string>{"", "Web", "-web", "web/1", "a b", std::string(64, 'a')})
        EXPECT_FALSE(sign_agent(ca, csr, name, kValid)) << name;
    for (const auto& text : std::vector<std::string>{"", "nonsense", std::string(1 << 20, 'x')}) {
        EXPECT_FALSE(sign_agent(ca, text, "web-1", kValid));
        EXPECT_FALSE(read_certificate(text));
        EXPECT_FALSE(make_csr(text, "web-1"));
    }
    EXPECT_FALSE(sign_agent(ca, csr, "web-1", {kNow, Seconds{0}}));
    EXPECT_FALSE(check_credential({ca.certificate_pem, make_key().value()}));
}

}  // namespace
}  // namespace tidegate::transport
