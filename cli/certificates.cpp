#include "cli/certificates.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "cli/fields.h"
#include "transport/key_files.h"
#include "transport/pki.h"

namespace tidegate::cli {
namespace {

using nlohmann::json;

constexpr std::chrono::hours kOwnMin{24 * 30};
constexpr Milliseconds kAgentsMin{std::chrono::hours{24}};
/// Of an agent's certificate's life. It is renewed when a third is left; of a short one that may be
/// less than kAgentsMin.
constexpr int kAgentsMinPart = 4;

void complain(CheckResult& check, Health health, const std::string& text) {
    check.health = std::max(check.health, health);
    check.found += (check.found.empty() ? "" : "; ") + text;
}

struct Certificate {
    std::string whose;
    std::optional<Timestamp> from;  ///< where it is known
    Timestamp until;
    Milliseconds wanted;  ///< it should hold this much longer
    Health short_is;      ///< how bad it is if it does not
};

void judge(CheckResult& check, const Certificate& certificate, Timestamp now) {
    const auto& [whose, from, until, wanted, short_is] = certificate;
    if (from && now < *from)
        complain(check, Health::bad,
                 fmt::format("{} begins only at {}, and here it is {}: check the clock", whose,
                             format_rfc3339(*from), format_rfc3339(now)));
    if (until - now > wanted) return;
    const bool over = until <= now;
    complain(
        check, over ? Health::bad : short_is,
        fmt::format("{} {} at {}", whose, over ? "expired" : "expires", format_rfc3339(until)));
}

/// `name`: `ca` or `server`.
Result<transport::CertificateInfo> read_own(const std::string& data_dir, const char* name) {
    const auto file = std::filesystem::path{data_dir} / "pki" / fmt::format("{}.crt", name);
    return transport::read_certificate(TRY(transport::read_private_file(file)));
}

/// An older daemon does not say how long those live that it gives out.
Milliseconds agents_min(const json& info) {
    const Seconds life{number_of(info, "certificate_ttl")};
    return life > Seconds{0} ? std::min<Milliseconds>(kAgentsMin, life / kAgentsMinPart)
                             : kAgentsMin;
}

}  // namespace

CheckResult check_certificates(const std::string& data_dir, const json& info, const json& agents,
                               Timestamp now) {
    CheckResult check{
        "certificates",
        "the daemon's have begun and hold for 30 more days, agents' for one or a quarter of "
        "their life",
        Health::good,
        {}};
    for (const auto* name : {"ca", "server"}) {
        const auto own = read_own(data_dir, name);
        // The first start makes them.
        const bool none_yet = !own && own.error().code == ErrorCode::not_found && agents.is_null();
        if (own)
            judge(check, {name, own->not_before, own->not_after, kOwnMin, Health::bad}, now);
        else
            complain(check, none_yet ? Health::doubtful : Health::bad, own.error().text());
    }
    for (const auto& agent : list_of(agents, "items")) {
        const auto until = parse_rfc3339(text_of(agent, "certificate_expires_at"));
        if (!until || !text_of(agent, "revoked_at").empty()) continue;
        judge(check,
              {text_of(agent, "name"), std::nullopt, *until, agents_min(info), Health::doubtful},
              now);
    }
    if (check.found.empty()) check.found = "they do";
    return check;
}

}  // namespace tidegate::cli
