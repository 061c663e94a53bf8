#pragma once
/// Keys and certificates, as PEM text in and out. The daemon's own small CA: one root (ECDSA
/// P-256), no intermediates. It signs one server certificate for itself and one client certificate
/// per agent. RSA is not used anywhere (handshakes are several times slower). Nothing here keeps
/// state; all calls take below a millisecond and are safe from any thread. Certificates follow RFC
/// 5280.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/base/digest.h"
#include "schema/base/result.h"
#include "schema/base/time.h"

namespace tidegate::transport {

/// The name the daemon's certificate carries (SAN of type URI).
inline constexpr std::string_view kDaemonUri = "tidegate://daemon";
/// What stands before an agent's name in its certificate: `tidegate://agent/web-1`.
inline constexpr std::string_view kAgentUriPrefix = "tidegate://agent/";

/// A certificate and the private key to it. The key is a secret: files 0600, never logged.
struct Credential {
    std::string certificate_pem;
    std::string key_pem;

    [[nodiscard]] bool empty() const { return certificate_pem.empty(); }
};

enum class KeyType { p256, ed25519 };

/// From when and how long a certificate is valid. `not_before` is put one hour before `now`, for
/// peers whose clock lags.
struct Validity {
    Timestamp now;
    Seconds lifetime{0};
};

/// A fresh private key, PKCS#8 PEM.
[[nodiscard]] Result<std::string> make_key(KeyType type = KeyType::p256);
/// A fresh self-signed root with a P-256 key; may sign leaves only (path length 0).
[[nodiscard]] Result<Credential> make_ca(Validity validity);
/// A fresh P-256 key with a certificate of the daemon: URI `tidegate://daemon`, server use only.
[[nodiscard]] Result<Credential> issue_daemon(const Credential& ca, Validity validity);
/// A certificate request (PKCS#10 PEM) that proves possession of the key. The name is
/// informational.
[[nodiscard]] Result<std::string> make_csr(const std::string& key_pem, std::string_view agent_name);
/// The agent's certificate: URI `tidegate://agent/NAME`, client use only. Of the request, only the
/// public key and the proof of possession are used; whatever names or extensions it asks for are
/// ignored. `invalid`: not a request, larger than limits::kPemBytesMax, signature wrong, a key
/// other than P-256 or Ed25519, or a name outside `[a-z0-9][a-z0-9._-]{0,62}`.
[[nodiscard]] Result<std::string> sign_agent(const Credential& ca, std::string_view csr_pem,
                                             std::string_view agent_name, Validity validity);

/// The CA's word for a fact that outlives a connection: ECDSA with SHA-256 over the text, which
/// must say what it is about, so that it cannot stand for anything else.
[[nodiscard]] Result<std::string> sign_statement(const Credential& ca, std::string_view text);
/// Did that CA say so? False for a CA that cannot be read, too.
[[nodiscard]] bool is_signed_by(const std::string& ca_pem, std::string_view text,
                                std::string_view signature);

/// What a certificate says; nothing is verified by reading it.
struct CertificateInfo {
    std::string serial;  ///< lower-case hex without leading zeros cut: the bytes as they stand
    std::string uri;     ///< the first SAN of type URI; empty without one
    Timestamp not_before;
    Timestamp not_after;
    bool ca = false;
    bool server_use = false;  ///< extended key usage names TLS server authentication
    bool client_use = false;  ///< extended key usage names TLS client authentication
    Digest fingerprint;       ///< SHA-256 of the DER form; a CA's is what an enrolment token pins

    /// The agent's name if `uri` is `tidegate://agent/NAME` with a valid NAME.
    [[nodiscard]] std::optional<std::string> agent_name() const;
};

/// The first certificate in the text.
[[nodiscard]] Result<CertificateInfo> read_certificate(std::string_view pem);
/// That CA signed that certificate, whatever their times. False for what cannot be read, too.
[[nodiscard]] bool is_issued_by(const std::string& certificate_pem, const std::string& ca_pem);
/// `invalid` unless the key belongs to the certificate: for files read back from a disk.
[[nodiscard]] Result<void> check_credential(const Credential& credential);

}  // namespace tidegate::transport
