#pragma once
/// Who may connect: enrolment tokens and agents, as rows of Table::token and Table::agent. Only
/// rules and values here; fleet.cpp makes certificates and persists.
///
///     token:  made ─▶ used            (or its time runs out)
///     agent:  unknown ─▶ enrolled ⇄ revoked
///
/// An agent with a record may come only with one of the certificates that the record names: the
/// newest and the one that asked for it, so enrolling anew and revoking shut out all others. A name
/// without a record may come with any certificate of the CA: after a lost store the fleet is
/// still there.

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "schema/base/result.h"
#include "schema/base/time.h"
#include "schema/model/store.h"
#include "schema/wire/token.h"
#include "transport/pki.h"

namespace tidegate::fleet {

struct TokenRecord {
    std::string agent;
    Timestamp expires_at;
    bool replace = false;  ///< may enrol a name that is enrolled already
    std::optional<Timestamp> used_at;
    std::string request;  ///< what it was used for: SHA-256 of the certificate request
};

struct AgentRecord {
    std::vector<std::string> serials;  ///< that may connect; none when revoked
    Timestamp enrolled_at;
    Timestamp not_after;  ///< of the newest certificate
    std::optional<Timestamp> revoked_at;
    std::string revoke_reason;
    std::string source;  ///< transport::Connection::source of a session, not to be shown
    std::optional<Timestamp> source_at;
};

/// What to persist for a change that memory has already, and how to take it back there if that
/// fails. `undo` is good as long as the Registry lives.
struct Change {
    Batch batch;
    std::function<void()> undo;
};

class Registry {
public:
    /// `invalid` names the row that cannot be read.
    [[nodiscard]] static Result<Registry> load(std::span<const Row> tokens,
                                               std::span<const Row> agents);

    struct TokenRequest {
        std::string agent;
        Seconds ttl{3600};
        bool replace = false;
        std::string actor;
    };
    /// `conflict`: the name is enrolled, not revoked, and `replace` was not said. `exhausted`: too
    /// many open tokens. Tokens whose time has run out are erased by the way.
    [[nodiscard]] Result<Change> add_token(const wire::Token& token, const TokenRequest& request,
                                           Timestamp now);
    /// `denied`: unknown, used, expired, made for another name; `conflict`: as above. A used one
    /// passes for the very request it was used for: the answer was lost on its way, and the
    /// certificate is of no use to anyone without that request's key.
    [[nodiscard]] Result<void> check_token(const wire::Token& token, const Digest& request,
                                           Timestamp now) const;
    /// Uses the token (which `check_token` passed) up for that request and certificate.
    [[nodiscard]] Change enroll(const wire::Token& token, const Digest& request,
                                const transport::CertificateInfo& issued, Timestamp now);
    /// The certificate `issued` follows the one with `old_serial`. `denied`: revoked meanwhile.
    [[nodiscard]] Result<Change> renew(const std::string& agent, const std::string& old_serial,
                                       const transport::CertificateInfo& issued, Timestamp now);

    struct Revocation {
        std::string agent;
        std::string actor;
        std::string reason;
    };
    /// Also for names without a record. Tokens for the name are void.
    [[nodiscard]] Change revoke(const Revocation& revocation, Timestamp now);

    /// A session from there goes on. Nothing, unless that is news for the record; no audit entry.
    [[nodiscard]] std::optional<Change> note_source(const std::string& agent,
                                                    const std::string& source, Timestamp now);

    [[nodiscard]] bool allows(const std::string& agent, const std::string& serial) const;
    [[nodiscard]] const std::map<std::string, AgentRecord>& agents() const { return agents_; }
    /// There is a record or a token for it.
    [[nodiscard]] bool knows(const std::string& agent) const;

private:
    [[nodiscard]] bool is_enrolled(const std::string& agent) const;
    [[nodiscard]] Change put_agent(const std::string& agent, AgentRecord record, AuditEntry audit);

    std::map<std::string, TokenRecord> tokens_;  ///< by wire::Token::id in hexadecimal
    std::map<std::string, AgentRecord> agents_;
};

}  // namespace tidegate::fleet
