#include "reconciler/fleet/pki_dir.h"

#include <algorithm>

#include "transport/key_files.h"

namespace tidegate {
namespace {

namespace fs = std::filesystem;
using namespace transport;

constexpr Seconds kCaLifetime{std::chrono::hours{24 * 3652}};
constexpr Seconds kServerLifetime{std::chrono::hours{24 * 730}};
/// Nobody made a CA of Tidegate before: a clock that is behind has lost the time.
constexpr Timestamp kNoCaBefore{std::chrono::sys_days{std::chrono::January / 1 / 2025}};

Result<Credential> read_credential(const fs::path& directory, std::string_view name) {
    Credential credential;
    credential.key_pem = TRY(read_private_file(directory / fmt::format("{}.key", name)));
    credential.certificate_pem = TRY(read_private_file(directory / fmt::format("{}.crt", name)));
    if (auto checked = check_credential(credential); !checked)
        return fail(std::move(checked).error().within((directory / name).string()));
    return credential;
}

/// The key goes first: a key without certificate is replaced, the reverse is never seen.
Result<void> write_credential(const fs::path& directory, std::string_view name,
                              const Credential& credential) {
    CHECK(write_private_file(directory / fmt::format("{}.key", name), credential.key_pem));
    return write_private_file(directory / fmt::format("{}.crt", name), credential.certificate_pem);
}

bool is_missing(const fs::path& certificate) {
    std::error_code ignored;
    return !fs::exists(certificate, ignored);
}

Result<Credential> open_ca(const fs::path& directory, Timestamp now, bool& made_ca) {
    made_ca = is_missing(directory / "ca.crt");
    if (made_ca) {
        if (now < kNoCaBefore)
            return fail(ErrorCode::invalid,
                        "no CA is made while it is {} here, for it would expire too soon: check "
                        "the clock",
                        format_rfc3339(now));
        const auto made = TRY(make_ca({now, kCaLifetime}));
        CHECK(write_credential(directory, "ca", made));
    }
    auto ca = TRY(read_credential(directory, "ca"));
    const auto info = TRY(read_certificate(ca.certificate_pem));
    if (now >= info.not_after)
        return fail(ErrorCode::invalid,
                    "the CA in {} expired at {}; here it is {}: check the clock",
                    directory.string(), format_rfc3339(info.not_after), format_rfc3339(now));
    return ca;
}

/// It has begun, and is in its first half.
bool is_good(const CertificateInfo& server, const CertificateInfo& ca, Timestamp now) {
    return now >= server.not_before &&
           server.not_after - now >
               std::min<Milliseconds>(kServerLifetime / 2, (ca.not_after - now) / 2);
}

Renewal describe(const CertificateInfo& former, Timestamp now) {
    const bool in_force = now >= former.not_before && now < former.not_after;
    return {fmt::format("the daemon's certificate, from {} to {}, is made anew; here it is {}{}",
                        format_rfc3339(former.not_before), format_rfc3339(former.not_after),
                        format_rfc3339(now), in_force ? "" : ": check the clock"),
            !in_force};
}

/// Whatever is wrong with it, the server's certificate can be made anew from the CA.
Result<void> open_server(const fs::path& directory, Pki& pki, Timestamp now) {
    auto server = read_credential(directory, "server");
    const bool is_ours = server && is_issued_by(server->certificate_pem, pki.ca.certificate_pem);
    if (is_ours) {
        pki.server = *std::move(server);
        CHECK(renew_server(pki, now));
        if (!pki.renewal) return {};
    } else {
        pki.server = TRY(issue_daemon(pki.ca, {now, kServerLifetime}));
    }
    return write_credential(directory, "server", pki.server);
}

Result<std::array<std::uint8_t, 32>> open_reset_secret(const fs::path& path) {
    auto text = read_private_file(path);
    if (!text && text.error().code == ErrorCode::not_found) {
        const auto made = random_secret();
        CHECK(write_private_file(path, {reinterpret_cast<const char*>(made.data()), made.size()}));
        return made;
    }
    std::array<std::uint8_t, 32> secret{};
    const auto bytes = TRY(std::move(text));
    if (bytes.size() != secret.size())
        return fail(ErrorCode::invalid, "{} must be {} bytes long, got {}", path.string(),
                    secret.size(), bytes.size());
    std::ranges::copy(bytes, secret.begin());
    return secret;
}

}  // namespace

Result<void> renew_server(Pki& pki, Timestamp now) {
    const auto info = TRY(read_certificate(pki.server.certificate_pem));
    const auto ca = TRY(read_certificate(pki.ca.certificate_pem));
    if (now >= ca.not_after || is_good(info, ca, now)) return {};
    const auto from = std::min(now, info.not_before);
    const auto until = std::max(now + kServerLifetime, info.not_after);
    pki.server = TRY(issue_daemon(pki.ca, {from, std::chrono::floor<Seconds>(until - from)}));
    pki.renewal = describe(info, now);
    return {};
}

Result<void> keep_server(const fs::path& data_dir, const Credential& server) {
    return write_credential(data_dir / "pki", "server", server);
}

Result<Pki> open_pki(const fs::path& data_dir, Timestamp now) {
    const auto directory = data_dir / "pki";
    CHECK(make_private_directory(directory));
    Pki pki;
    pki.ca = TRY(open_ca(directory, now, pki.made_ca));
    pki.ca_fingerprint = TRY(read_certificate(pki.ca.certificate_pem)).fingerprint;
    CHECK(open_server(directory, pki, now));
    pki.reset_secret = TRY(open_reset_secret(directory / "reset.secret"));
    return pki;
}

}  // namespace tidegate
