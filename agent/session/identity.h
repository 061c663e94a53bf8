#pragma once
/// The agent's key and certificate, and the CA by which it knows the daemon:
/// `pki/{agent.key,agent.crt,ca.crt}`, each 0600, each replaced as a whole.

#include <filesystem>
#include <string>

#include "schema/base/result.h"
#include "schema/base/time.h"
#include "transport/pki.h"

namespace tidegate::session {

/// The key is made once and kept: certificates come and go, so a crash between two files cannot
/// leave a certificate without its key.
class Identity {
public:
    /// Makes the directory and the key if they are not there. A certificate that is damaged, or for
    /// another key or name, counts as none.
    [[nodiscard]] static Result<Identity> open(const std::filesystem::path& data_dir,
                                               std::string agent);

    /// There is a certificate for our key and name, and the CA. Whether it is good is the daemon's
    /// to say: our clock may be wrong.
    [[nodiscard]] bool is_complete() const { return !ca_pem_.empty() && !credential_.empty(); }
    /// Why it is not complete, for people.
    [[nodiscard]] std::string fault() const;
    /// What to do where, by our clock, the certificate is not valid; empty where it is.
    [[nodiscard]] std::string advice(Timestamp now) const;
    /// The end of the certificate; the epoch without one.
    [[nodiscard]] Timestamp not_after() const { return info_.not_after; }
    /// Two thirds of its life.
    [[nodiscard]] Timestamp renew_at() const;
    [[nodiscard]] Milliseconds life() const { return info_.not_after - info_.not_before; }

    [[nodiscard]] Result<std::string> make_request() const;
    /// The same at each call, kept in `pki/agent.csr` until a certificate comes: the daemon answers
    /// a used token again for the request it was used for, should its first answer get lost.
    [[nodiscard]] Result<std::string> enrolment_request() const;
    /// Keeps the CA, before `adopt` at enrolment.
    [[nodiscard]] Result<void> pin(const std::string& ca_pem);
    /// Takes a new certificate: `invalid` if it is not for our key and name.
    [[nodiscard]] Result<void> adopt(const std::string& certificate_pem);

    [[nodiscard]] const transport::Credential& credential() const { return credential_; }
    [[nodiscard]] const std::string& ca_pem() const { return ca_pem_; }

private:
    Identity(std::filesystem::path directory, std::string agent)
        : directory_{std::move(directory)}, agent_{std::move(agent)} {}
    [[nodiscard]] Result<transport::CertificateInfo> check(
        const std::string& certificate_pem) const;

    std::filesystem::path directory_;
    std::string agent_;
    transport::Credential credential_;
    std::string ca_pem_;
    transport::CertificateInfo info_;
    std::string unusable_;  ///< why what was found is none
};

}  // namespace tidegate::session
