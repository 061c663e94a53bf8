#include <asio/post.hpp>
#include <nlohmann/json.hpp>

#include "reconciler/daemon/daemon.h"
#include "schema/base/limits.h"
#include "schema/base/utf8.h"
#include "schema/wire/names.h"

namespace tidegate::daemon {
namespace {

using nlohmann::json;

json instant(const std::optional<Timestamp>& at) {
    return at ? json(format_rfc3339(*at)) : json(nullptr);
}

/// A verb's arguments. What is missing has its default; what is of another type is an error.
class Arguments {
public:
    explicit Arguments(const std::string& text) : json_(json::parse(text, nullptr, false)) {}

    [[nodiscard]] Result<std::string> text(const char* key, const char* otherwise = "") const {
        const auto value = TRY(find(key));
        if (value.is_null()) return otherwise;
        if (!value.is_string()) return fail(ErrorCode::invalid, "{} must be a text", key);
        return value.get<std::string>();
    }
    [[nodiscard]] Result<bool> flag(const char* key) const {
        const auto value = TRY(find(key));
        if (!value.is_null() && !value.is_boolean())
            return fail(ErrorCode::invalid, "{} must be true or false", key);
        return value == true;
    }
    [[nodiscard]] Result<Seconds> seconds(const char* key, Seconds otherwise) const {
        const auto value = TRY(find(key));
        if (value.is_null()) return otherwise;
        if (!value.is_number_integer())
            return fail(ErrorCode::invalid, "{} must be a whole number of seconds", key);
        return Seconds{value.get<std::int64_t>()};
    }
    [[nodiscard]] Result<std::string> agent() const {
        auto name = TRY(text("agent"));
        if (!wire::is_object_name(name))
            return fail(ErrorCode::invalid,
                        "an agent's name must be [a-z0-9][a-z0-9._-]{{0,62}}, got '{}'",
                        head_of(name, limits::kNameBytesMax));
        return name;
    }

private:
    [[nodiscard]] Result<json> find(const char* key) const {
        if (!json_.is_object())
            return fail(ErrorCode::invalid, "the arguments must be a JSON object");
        const auto found = json_.find(key);
        return found == json_.end() ? json() : *found;
    }

    json json_;
};

Result<TokenOptions> read_enroll(const Arguments& from) {
    TokenOptions token;
    token.agent = TRY(from.agent());
    token.actor = TRY(from.text("actor", "local"));
    token.replace = TRY(from.flag("replace"));
    token.ttl = TRY(from.seconds("ttl", token.ttl));
    return token;
}

struct Revocation {
    std::string agent;
    std::string actor;
    std::string reason;
    bool force = false;
};

Result<Revocation> read_revoke(const Arguments& from) {
    Revocation revocation;
    revocation.agent = TRY(from.agent());
    revocation.actor = TRY(from.text("actor", "local"));
    revocation.reason = one_line(TRY(from.text("reason")));
    revocation.force = TRY(from.flag("force"));
    if (revocation.reason.empty()) return fail(ErrorCode::invalid, "revoke wants a reason");
    return revocation;
}

struct Acceptance {
    std::string commit;
    std::string actor;
    std::string reason;
};

Result<Acceptance> read_accept(const Arguments& from) {
    Acceptance accept;
    accept.commit = TRY(from.text("commit"));
    accept.actor = TRY(from.text("actor", "local"));
    accept.reason = one_line(TRY(from.text("reason")));
    if (!wire::is_id(accept.commit) || accept.reason.empty())
        return fail(ErrorCode::invalid, "accept wants a commit and a reason");
    return accept;
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
    const auto token = read_enroll(Arguments{arguments});
    if (!token) return answer(fail(token.error()));
    fleet_->create_token(*token, [answer](Result<std::string> made) {
        if (!made) return answer(fail(made.error()));
        answer(json{{"token", *made}}.dump());
    });
}

void Daemon::admin_agents(AdminSocket::Answer answer) {
    auto items = json::array();
    for (const auto& agent : fleet_->agents())
        items.push_back(
            {{"name", agent.name},
             {"status", agent.online ? "online" : "offline"},
             {"address", agent.address},
             {"version", agent.version},
             {"last_seen_at", instant(agent.last_seen_at)},
             {"enrolled_at", instant(agent.enrolled_at)},
             {"certificate_expires_at", instant(agent.not_after)},
             {"revoked_at", instant(agent.revoked_at)},
             {"revoke_reason", agent.revoke_reason},
             {"claimed_epoch", agent.claimed_epoch ? json(*agent.claimed_epoch) : json(nullptr)}});
    answer(json{{"items", std::move(items)}}.dump());
}

void Daemon::admin_revoke(const std::string& arguments, AdminSocket::Answer answer) {
    const auto asked = read_revoke(Arguments{arguments});
    if (!asked) return answer(fail(asked.error()));
    const auto& agent = asked->agent;
    const bool known =
        fleet_->knows(agent) || state_.agents.contains(agent) || state_.by_agent.contains(agent);
    if (!known && !asked->force)
        return answer(fail(ErrorCode::not_found,
                           "no agent {} was ever enrolled or seen here; --force shuts the name out "
                           "all the same",
                           agent));
    fleet_->revoke(agent, asked->actor, asked->reason, [agent, answer](Result<void> done) {
        if (!done) return answer(fail(done.error()));
        answer(json{{"revoked", agent}}.dump());
    });
}

void Daemon::admin_accept(const std::string& arguments, AdminSocket::Answer answer) {
    const auto asked = read_accept(Arguments{arguments});
    if (!asked) return answer(fail(asked.error()));
    Batch batch;
    batch.audit.push_back({wall_clock(), asked->actor, "config.accept_asked", options_.branch,
                           asked->commit, json{{"reason", asked->reason}}.dump()});
    // On record before it is done.
    persist(std::move(batch), [this, commit = asked->commit, answer](Result<void> recorded) {
        if (!recorded) return answer(fail(recorded.error()));
        on_config_worker([this, commit] { return source_->accept(commit, wall_clock()); },
                         [this, commit, answer](Result<PollReport> report) {
                             if (!report) return answer(fail(report.error()));
                             take_report(*std::move(report));
                             // Behind the row that keeps it: what is answered survives a crash.
                             effects_.push(Batch{}, [commit, answer] {
                                 answer(json{{"accepted", commit}}.dump());
                             });
                         });
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
                {"tip", publisher_.edit().config.tip_commit},
                {"store_trouble", effects_.trouble()},
                {"effects_waiting", effects_.waiting()},
                {"certificate_ttl", options_.certificate_ttl.count()},
                {"agents_online", fleet_->stats().online},
                {"agents_address", fleet_->local_address()}}
               .dump());
}

}  // namespace tidegate::daemon
