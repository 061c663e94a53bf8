#include "agent/session/identity.h"

#include "transport/key_files.h"

namespace tidegate::session {
namespace {

using namespace transport;

/// Certificates begin that much before they are issued (transport/pki.h, Validity).
constexpr std::chrono::hours kClockLag{1};

/// The file's content, or nothing when it is not there.
Result<std::string> read_if_present(const std::filesystem::path& path) {
    auto content = read_private_file(path);
    if (!content && content.error().code == ErrorCode::not_found) return std::string{};
    return content;
}

}  // namespace

Result<Identity> Identity::open(const std::filesystem::path& data_dir, std::string agent) {
    Identity identity{data_dir / "pki", std::move(agent)};
    CHECK(make_private_directory(identity.directory_));
    auto& key = identity.credential_.key_pem;
    key = TRY(read_if_present(identity.directory_ / "agent.key"));
    if (key.empty()) {
        key = TRY(make_key());
        CHECK(write_private_file(identity.directory_ / "agent.key", key));
    }
    identity.ca_pem_ = TRY(read_if_present(identity.directory_ / "ca.crt"));
    const auto certificate = TRY(read_if_present(identity.directory_ / "agent.crt"));
    if (certificate.empty()) return identity;
    if (auto info = identity.check(certificate)) {
        identity.credential_.certificate_pem = certificate;
        identity.info_ = *std::move(info);
    } else {
        identity.unusable_ = std::move(info).error().message;
    }
    return identity;
}

Result<CertificateInfo> Identity::check(const std::string& certificate_pem) const {
    CHECK(check_credential({certificate_pem, credential_.key_pem}));
    auto info = TRY(read_certificate(certificate_pem));
    if (info.agent_name() != agent_)
        return fail(ErrorCode::invalid, "the certificate is for {}, not for agent {}", info.uri,
                    agent_);
    return info;
}

std::string Identity::fault() const {
    if (!unusable_.empty()) return unusable_;
    if (credential_.empty()) return "there is none";
    return fmt::format("there is no {}", (directory_ / "ca.crt").string());
}

std::string Identity::advice(Timestamp now) const {
    if (now >= info_.not_after)
        return fmt::format(
            "the certificate of agent {} expired at {}, run `tidegate enroll {} --replace`; "
            "or, if it is not {} now, check the clock",
            agent_, format_rfc3339(info_.not_after), agent_, format_rfc3339(now));
    if (now < info_.not_before)
        return fmt::format(
            "the certificate of agent {} begins at {}; here it is {}: check the clock", agent_,
            format_rfc3339(info_.not_before), format_rfc3339(now));
    return {};
}

Timestamp Identity::renew_at() const {
    const auto issued = info_.not_before + kClockLag;
    return issued + (info_.not_after - issued) * 2 / 3;
}

Result<std::string> Identity::make_request() const { return make_csr(credential_.key_pem, agent_); }

Result<std::string> Identity::enrolment_request() const {
    const auto path = directory_ / "agent.csr";
    auto request = TRY(read_if_present(path));
    if (!request.empty()) return request;
    request = TRY(make_request());
    CHECK(write_private_file(path, request));
    return request;
}

Result<void> Identity::pin(const std::string& ca_pem) {
    CHECK(write_private_file(directory_ / "ca.crt", ca_pem));
    ca_pem_ = ca_pem;
    return {};
}

Result<void> Identity::adopt(const std::string& certificate_pem) {
    auto info = TRY(check(certificate_pem));
    CHECK(write_private_file(directory_ / "agent.crt", certificate_pem));
    credential_.certificate_pem = certificate_pem;
    info_ = std::move(info);
    std::error_code ignored;  // only a leftover
    std::filesystem::remove(directory_ / "agent.csr", ignored);
    return {};
}

}  // namespace tidegate::session
