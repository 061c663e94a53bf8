#include <asio/post.hpp>
#include <nlohmann/json.hpp>

#include "reconciler/daemon/daemon.h"

namespace tidegate::daemon {
namespace {

using nlohmann::json;

json instant(const std::optional<Timestamp>& at) {
    return at ? json(format_rfc3339(*at)) : json(nullptr);
}

/// The arguments as an object; an empty one for anything else.
json object(const std::string& arguments) {
    auto parsed = json::parse(arguments, nullptr, false);
    return parsed.is_object() ? parsed : json::object();
}

std::string text(const json& from, const char* key, const char* otherwise = "") {
    const auto found = from.find(key);
    return found != from.end() && found->is_string() ? found->get<std::string>() : otherwise;
}

}  // namespace

Result<void> Daemon::open_admin() {
    using Answer = AdminSocket::Answer;
    admin_ = TRY(AdminSocket::start(
        io_, data_dir_.admin_socket(),
        {
            {"enroll", [this](const auto& a, Answer answer) { admin_enroll(a, answer); }},
            {"agents", [this](const auto&, Answer answer) { admin_agents(answer); }},
            {"revoke", [this](const auto& a, Answer answer) { admin_revoke(a, answer); }},
            {"accept", [this](const auto& a, Answer answer) { admin_accept(a, answer); }},
            {"audit", [this](const auto&, Answer answer) { admin_audit(answer); }},
            {"info", [this](const auto&, Answer answer) { admin_info(answer); }},
        }));
    return {};
}

void Daemon::admin_enroll(const std::string& arguments, AdminSocket::Answer answer) {
    const auto request = object(arguments);
    TokenOptions token;
    token.agent = text(request, "agent");
    token.actor = text(request, "actor", "local");
    token.replace = request.contains("replace") && request["replace"] == true;
    if (request.contains("ttl") && request["ttl"].is_number_integer())
        token.ttl = Seconds{request["ttl"].get<std::int64_t>()};
    fleet_->create_token(token, [answer](Result<std::string> made) {
        if (!made) return answer(fail(made.error()));
        answer(json{{"token", *made}}.dump());
    });
}

void Daemon::admin_agents(AdminSocket::Answer answer) {
    auto items = json::array();
    for (const auto& agent : fleet_->agents())
        items.push_back({{"name", agent.name},
                         {"status", agent.online ? "online" : "offline"},
                         {"address", agent.address},
                         {"version", agent.version},
                         {"last_seen_at", instant(agent.last_seen_at)},
                         {"enrolled_at", instant(agent.enrolled_at)},
                         {"certificate_expires_at", instant(agent.not_after)},
                         {"revoked_at", instant(agent.revoked_at)},
                         {"revoke_reason", agent.revoke_reason}});
    answer(json{{"items", std::move(items)}}.dump());
}

void Daemon::admin_revoke(const std::string& arguments, AdminSocket::Answer answer) {
    const auto request = object(arguments);
    const auto agent = text(request, "agent");
    if (agent.empty()) return answer(fail(ErrorCode::invalid, "revoke wants an agent"));
    fleet_->revoke(agent, text(request, "actor", "local"), text(request, "reason"),
                   [agent, answer](Result<void> done) {
                       if (!done) return answer(fail(done.error()));
                       answer(json{{"revoked", agent}}.dump());
                   });
}

void Daemon::admin_audit(AdminSocket::Answer answer) {
    const auto asked = store_->run([this, answer](Store& store) {
        auto verified = verify_audit(store);
        asio::post(io_, [answer, verified = std::move(verified)] {
            if (!verified) return answer(fail(verified.error()));
            answer(json{{"rows", verified->seq}, {"hash", verified->hash.hex()}}.dump());
        });
    });
    if (!asked) answer(fail(asked.error()));
}

void Daemon::admin_info(AdminSocket::Answer answer) {
    answer(json{{"version", TIDEGATE_VERSION},
                {"epoch", state_.epoch},
                {"fenced", state_.fenced},
                {"accepted", accepted_},
                {"held", held_},
                {"store_trouble", effects_.trouble()},
                {"effects_waiting", effects_.waiting()},
                {"agents_online", fleet_->stats().online},
                {"agents_address", fleet_->local_address()}}
               .dump());
}

}  // namespace tidegate::daemon
