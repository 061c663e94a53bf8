#pragma once
/// The text that a person carries from the daemon to a new agent's host, once.

#include <string>
#include <string_view>

#include "schema/base/digest.h"
#include "schema/base/result.h"

namespace tidegate::wire {

/// `tidegate1:NAME:SECRET:FINGERPRINT`, secret and fingerprint as 64 hexadecimal digits. The
/// daemon keeps only the secret's SHA-256; the fingerprint lets the agent know the daemon before
/// it hands the secret over.
struct Token {
    std::string agent;
    std::string secret;
    Digest ca_fingerprint;

    [[nodiscard]] std::string text() const;
    /// What the daemon knows it by: SHA-256 of the secret.
    [[nodiscard]] Digest id() const { return Digest::of(secret); }

    friend bool operator==(const Token&, const Token&) = default;
};

/// White space around the text is ignored. Errors never show the text.
[[nodiscard]] Result<Token> parse_token(std::string_view text);

}  // namespace tidegate::wire
