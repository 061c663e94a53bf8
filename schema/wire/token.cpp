#include "schema/wire/token.h"

#include <algorithm>
#include <array>

#include "schema/wire/names.h"

namespace tidegate::wire {
namespace {

constexpr std::string_view kFormat = "tidegate1";
constexpr std::string_view kSpace = " \t\r\n";
constexpr std::size_t kSecretDigits = 64;

std::string_view trimmed(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
    return text.substr(0, text.find_last_not_of(kSpace) + 1);
}

bool is_hex(std::string_view text) {
    return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

std::string Token::text() const {
    return fmt::format("{}:{}:{}:{}", kFormat, agent, secret, ca_fingerprint.hex());
}

Result<Token> parse_token(std::string_view text) {
    text = trimmed(text);
    std::array<std::string_view, 4> parts;
    for (auto rest = text; auto& part : parts) {
        part = rest.substr(0, rest.find(':'));
        rest.remove_prefix(std::min(part.size() + 1, rest.size()));
    }
    const auto& [format, agent, secret, fingerprint] = parts;
    const auto digest = Digest::from_hex(fingerprint);
    const bool whole = is_object_name(agent) && secret.size() == kSecretDigits && is_hex(secret);
    const Token token{std::string{agent}, std::string{secret}, digest.value_or(Digest{})};
    if (!whole || !digest || token.text() != text)
        return fail(ErrorCode::invalid, "this is not an enrolment token of the form {}:NAME:…",
                    kFormat);
    return token;
}

}  // namespace tidegate::wire
