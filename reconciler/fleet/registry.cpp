#include "reconciler/fleet/registry.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "schema/base/limits.h"
#include "schema/wire/names.h"

namespace tidegate::fleet {
namespace {

using Json = nlohmann::json;

std::string dump(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json optional_time(const std::optional<Timestamp>& at) {
    return at ? Json(format_rfc3339(*at)) : Json();
}

std::string to_json(const TokenRecord& record) {
    return dump({{"agent", record.agent},
                 {"expires_at", format_rfc3339(record.expires_at)},
                 {"replace", record.replace},
                 {"used_at", optional_time(record.used_at)},
                 {"request", record.request}});
}

std::string to_json(const AgentRecord& record) {
    return dump({{"serials", record.serials},
                 {"enrolled_at", format_rfc3339(record.enrolled_at)},
                 {"not_after", format_rfc3339(record.not_after)},
                 {"revoked_at", optional_time(record.revoked_at)},
                 {"revoke_reason", record.revoke_reason},
                 {"source", record.source},
                 {"source_at", optional_time(record.source_at)}});
}

/// The fields of one row; whatever is missing or of another type is an error that names it.
class Fields {
public:
    explicit Fields(const Row& row) : row_{row}, json_(Json::parse(row.body, nullptr, false)) {}

    [[nodiscard]] Result<std::string> text(const char* name) const {
        if (const auto* value = find(name); value && value->is_string())
            return value->get<std::string>();
        return bad(name);
    }
    /// Of rows that may be older than the field.
    [[nodiscard]] std::string text_if_any(const char* name) const {
        const auto* value = find(name);
        return value && value->is_string() ? value->get<std::string>() : std::string{};
    }
    [[nodiscard]] Result<bool> boolean(const char* name) const {
        if (const auto* value = find(name); value && value->is_boolean()) return value->get<bool>();
        return bad(name);
    }
    [[nodiscard]] Result<Timestamp> time(const char* name) const {
        return parse_rfc3339(TRY(text(name)));
    }
    [[nodiscard]] Result<std::optional<Timestamp>> optional_time(const char* name) const {
        const auto* value = find(name);
        if (!value || value->is_null()) return std::nullopt;
        return TRY(time(name));
    }
    [[nodiscard]] Result<std::vector<std::string>> texts(const char* name) const {
        const auto* value = find(name);
        if (!value || !value->is_array()) return bad(name);
        std::vector<std::string> all;
        for (const auto& item : *value) {
            if (!item.is_string()) return bad(name);
            all.push_back(item.get<std::string>());
        }
        return all;
    }

private:
    [[nodiscard]] const Json* find(const char* name) const {
        if (!json_.is_object()) return nullptr;
        const auto found = json_.find(name);
        return found == json_.end() ? nullptr : &*found;
    }
    [[nodiscard]] tl::unexpected<Error> bad(const char* name) const {
        return fail(ErrorCode::invalid, "row {} of table {} has no good '{}'", row_.key,
                    to_string(row_.table), name);
    }

    const Row& row_;
    Json json_;
};

Result<TokenRecord> read_token(const Row& row) {
    const Fields fields{row};
    TokenRecord record;
    record.agent = TRY(fields.text("agent"));
    record.expires_at = TRY(fields.time("expires_at"));
    record.replace = TRY(fields.boolean("replace"));
    record.used_at = TRY(fields.optional_time("used_at"));
    record.request = TRY(fields.text("request"));
    return record;
}

Result<AgentRecord> read_agent(const Row& row) {
    const Fields fields{row};
    AgentRecord record;
    record.serials = TRY(fields.texts("serials"));
    record.enrolled_at = TRY(fields.time("enrolled_at"));
    record.not_after = TRY(fields.time("not_after"));
    record.revoked_at = TRY(fields.optional_time("revoked_at"));
    record.revoke_reason = TRY(fields.text("revoke_reason"));
    record.source = fields.text_if_any("source");
    record.source_at = TRY(fields.optional_time("source_at"));
    return record;
}

AuditEntry audit_entry(Timestamp now, std::string actor, std::string kind, std::string agent,
                       const Json& detail) {
    return {now, std::move(actor), std::move(kind), "agent/" + std::move(agent), "", dump(detail)};
}

Json describe(const transport::CertificateInfo& issued) {
    return {{"serial", issued.serial}, {"not_after", format_rfc3339(issued.not_after)}};
}

/// Puts back what a key had before: a value or nothing.
template <class Map>
std::function<void()> undo_of(Map& map, const std::string& key) {
    const auto found = map.find(key);
    std::optional<typename Map::mapped_type> before;
    if (found != map.end()) before = found->second;
    return [&map, key, before] {
        if (before)
            map[key] = *before;
        else
            map.erase(key);
    };
}

}  // namespace

Result<Registry> Registry::load(std::span<const Row> tokens, std::span<const Row> agents) {
    Registry registry;
    for (const auto& row : tokens) registry.tokens_[row.key] = TRY(read_token(row));
    for (const auto& row : agents) registry.agents_[row.key] = TRY(read_agent(row));
    return registry;
}

bool Registry::is_enrolled(const std::string& agent) const {
    const auto found = agents_.find(agent);
    return found != agents_.end() && !found->second.revoked_at;
}

bool Registry::knows(const std::string& agent) const {
    return agents_.contains(agent) || std::ranges::any_of(tokens_, [&](const auto& item) {
               return item.second.agent == agent;
           });
}

Result<Change> Registry::add_token(const wire::Token& token, const TokenRequest& request,
                                   Timestamp now) {
    if (!wire::is_object_name(request.agent))
        return fail(ErrorCode::invalid,
                    "an agent's name must be [a-z0-9][a-z0-9._-]{{0,62}}, got '{}'", request.agent);
    if (request.ttl <= Seconds{0} || request.ttl > limits::kTokenLifetimeMax)
        return fail(ErrorCode::invalid, "a token must live 1 s to {}, got {} s",
                    format_duration(limits::kTokenLifetimeMax), request.ttl.count());
    if (is_enrolled(request.agent) && !request.replace)
        return fail(ErrorCode::conflict,
                    "agent {} is enrolled already; say --replace to enrol it anew", request.agent);
    Change change;
    std::erase_if(tokens_, [&](const auto& item) {
        if (item.second.expires_at > now) return false;
        change.batch.writes.push_back(Erase{Table::token, item.first});
        return true;
    });
    if (tokens_.size() >= limits::kTokensMax)
        return fail(ErrorCode::exhausted, "there are {} open tokens already", tokens_.size());
    const auto id = token.id().hex();
    const TokenRecord record{request.agent, now + request.ttl, request.replace, std::nullopt, ""};
    change.undo = undo_of(tokens_, id);
    tokens_[id] = record;
    change.batch.writes.push_back(Put{Table::token, id, to_json(record)});
    change.batch.audit.push_back(audit_entry(
        now, request.actor, "agent.token_made", request.agent,
        {{"expires_at", format_rfc3339(record.expires_at)}, {"replace", request.replace}}));
    return change;
}

Result<void> Registry::check_token(const wire::Token& token, const Digest& request,
                                   Timestamp now) const {
    const auto found = tokens_.find(token.id().hex());
    if (found == tokens_.end()) return fail(ErrorCode::denied, "this token is not known here");
    const auto& record = found->second;
    if (record.agent != token.agent)
        return fail(ErrorCode::denied, "this token was made for another agent than {}",
                    token.agent);
    if (record.used_at && record.request != request.hex())
        return fail(ErrorCode::denied, "this token of agent {} was used at {}", token.agent,
                    format_rfc3339(*record.used_at));
    if (now >= record.expires_at)
        return fail(ErrorCode::denied, "this token of agent {} expired at {}", token.agent,
                    format_rfc3339(record.expires_at));
    if (is_enrolled(token.agent) && !record.replace && !record.used_at)
        return fail(ErrorCode::conflict,
                    "agent {} is enrolled already, and its token does not say "
                    "that it may be replaced",
                    token.agent);
    return {};
}

Change Registry::put_agent(const std::string& agent, AgentRecord record, AuditEntry audit) {
    Change change;
    change.undo = undo_of(agents_, agent);
    change.batch.writes.push_back(Put{Table::agent, agent, to_json(record)});
    change.batch.audit.push_back(std::move(audit));
    agents_[agent] = std::move(record);
    return change;
}

Change Registry::enroll(const wire::Token& token, const Digest& request,
                        const transport::CertificateInfo& issued, Timestamp now) {
    const auto id = token.id().hex();
    auto& used = tokens_.at(id);
    auto change = put_agent(
        token.agent,
        {.serials = {issued.serial},
         .enrolled_at = now,
         .not_after = issued.not_after,
         .revoked_at = {},
         .revoke_reason = {},
         .source = {},
         .source_at = {}},
        audit_entry(now, "agent/" + token.agent, "agent.enrolled", token.agent, describe(issued)));
    change.undo = [agent = std::move(change.undo), token_undo = undo_of(tokens_, id)] {
        agent();
        token_undo();
    };
    used.used_at = now;
    used.request = request.hex();
    change.batch.writes.push_back(Put{Table::token, id, to_json(used)});
    return change;
}

Result<Change> Registry::renew(const std::string& agent, const std::string& old_serial,
                               const transport::CertificateInfo& issued, Timestamp now) {
    if (!allows(agent, old_serial))
        return fail(ErrorCode::denied, "the certificate of agent {} is not valid any more", agent);
    const auto found = agents_.find(agent);
    auto record = found == agents_.end() ? AgentRecord{.serials = {},
                                                       .enrolled_at = now,
                                                       .not_after = {},
                                                       .revoked_at = {},
                                                       .revoke_reason = {},
                                                       .source = {},
                                                       .source_at = {}}
                                         : found->second;
    record.serials = {old_serial, issued.serial};
    record.not_after = issued.not_after;
    return put_agent(agent, std::move(record),
                     audit_entry(now, "agent/" + agent, "agent.renewed", agent, describe(issued)));
}

Change Registry::revoke(const Revocation& revocation, Timestamp now) {
    const auto& [agent, actor, reason] = revocation;
    const auto found = agents_.find(agent);
    auto record = found == agents_.end() ? AgentRecord{} : found->second;
    record.serials.clear();
    record.revoked_at = now;
    record.revoke_reason = reason;
    auto change = put_agent(agent, std::move(record),
                            audit_entry(now, actor, "agent.revoked", agent, {{"reason", reason}}));
    std::erase_if(tokens_, [&](const auto& item) {
        if (item.second.agent != revocation.agent) return false;
        change.batch.writes.push_back(Erase{Table::token, item.first});
        return true;
    });
    return change;
}

std::optional<Change> Registry::note_source(const std::string& agent, const std::string& source,
                                            Timestamp now) {
    const auto found = agents_.find(agent);
    if (found == agents_.end() || source.empty()) return std::nullopt;
    auto record = found->second;
    const bool fresh = record.source_at && abs(now - *record.source_at) < limits::kSourceNotedAgain;
    if (record.source == source && fresh) return std::nullopt;
    record.source = source;
    record.source_at = now;
    Change change;
    change.undo = undo_of(agents_, agent);
    change.batch.writes.push_back(Put{Table::agent, agent, to_json(record)});
    found->second = std::move(record);
    return change;
}

bool Registry::allows(const std::string& agent, const std::string& serial) const {
    const auto found = agents_.find(agent);
    if (found == agents_.end()) return true;
    return !found->second.revoked_at &&
           std::ranges::find(found->second.serials, serial) != found->second.serials.end();
}

}  // namespace tidegate::fleet
