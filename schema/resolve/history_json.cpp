// History as JSON text, the only user of the JSON library here. Rules are kept once each in a
// table: thousands of assignments share few.
#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "schema/resolve/digest.h"
#include "schema/resolve/history.h"

namespace tidegate {
namespace {

using Json = nlohmann::json;
using RulesPtr = std::shared_ptr<const Rules>;

/// Older ones say nothing of who changed what, so the line is replayed.
constexpr int kHistoryFormat = 8;

Json time_to_json(Timestamp at) { return at.time_since_epoch().count(); }
Timestamp time_from_json(const Json& json) {
    return Timestamp{Milliseconds{json.get<std::int64_t>()}};
}

/// What is no digest becomes the empty one, which equals none: `load` notices.
Digest digest_from_json(const Json& json) {
    return Digest::from_hex(json.get<std::string>()).value_or(Digest{});
}

// ---- rules

Json slots_to_json(const std::vector<WindowSlot>& slots) {
    auto list = Json::array();
    for (const auto& slot : slots)
        list.push_back({{"days", slot.days},
                        {"start", slot.start.count()},
                        {"end", slot.end.count()},
                        {"reason", slot.reason}});
    return list;
}

std::vector<WindowSlot> slots_from_json(const Json& json) {
    std::vector<WindowSlot> slots;
    for (const auto& item : json)
        slots.push_back({item.at("days").get<std::set<int>>(),
                         std::chrono::minutes{item.at("start").get<int>()},
                         std::chrono::minutes{item.at("end").get<int>()},
                         item.at("reason").get<std::string>()});
    return slots;
}

Json window_to_json(const ReleaseWindow& window) {
    auto dates = Json::array();
    for (const auto& date : window.blackout_dates)
        dates.push_back(std::chrono::sys_days{date}.time_since_epoch().count());
    return {{"name", window.name},
            {"enabled", window.enabled},
            {"timezone", window.timezone},
            {"allowed", slots_to_json(window.allowed)},
            {"deny", slots_to_json(window.deny)},
            {"maintenance", slots_to_json(window.maintenance)},
            {"blackout_days", dates},
            {"emergency_users", window.emergency_users},
            {"on_close", to_string(window.on_close)}};
}

ReleaseWindow window_from_json(const Json& json) {
    ReleaseWindow window;
    window.name = json.at("name").get<std::string>();
    window.enabled = json.at("enabled").get<bool>();
    window.timezone = json.at("timezone").get<std::string>();
    window.allowed = slots_from_json(json.at("allowed"));
    window.deny = slots_from_json(json.at("deny"));
    window.maintenance = slots_from_json(json.at("maintenance"));
    for (const auto& day : json.at("blackout_days"))
        window.blackout_dates.insert(std::chrono::sys_days{std::chrono::days{day.get<int>()}});
    window.emergency_users = json.at("emergency_users").get<std::vector<std::string>>();
    window.on_close =
        from_string<OnClose>(json.at("on_close").get<std::string>()).value_or(OnClose::pause);
    return window;
}

Json rules_to_json(const Rules& rules) {
    Json json{{"environment", rules.environment},
              {"unsupported", rules.unsupported},
              {"unsupported_of", rules.unsupported_of}};  // `commit` is the intent's parent
    if (!rules.approvers.empty()) json["approvers"] = rules.approvers;
    if (rules.allow_override) json["allow_override"] = true;
    if (!rules.approved_only.empty()) json["approved_only"] = rules.approved_only;
    if (rules.window) json["window"] = window_to_json(*rules.window);
    if (rules.freeze.active) {
        json["freeze"] = {{"reason", rules.freeze.reason}};
        if (rules.freeze.until) json["freeze"]["until"] = time_to_json(*rules.freeze.until);
    }
    return json;
}

RulesPtr rules_from_json(const Json& json, const ZoneLookup& zones) {
    Rules rules;
    json.at("environment").get_to(rules.environment);
    rules.unsupported = json.at("unsupported").get<std::vector<std::string>>();
    json.at("unsupported_of").get_to(rules.unsupported_of);
    if (json.contains("approvers")) json.at("approvers").get_to(rules.approvers);
    rules.allow_override = json.value("allow_override", false);
    if (json.contains("approved_only")) json.at("approved_only").get_to(rules.approved_only);
    if (json.contains("window")) {
        rules.window = window_from_json(json.at("window"));
        rules.zone = zones(rules.window->timezone);
    }
    if (json.contains("freeze")) {
        const auto& freeze = json.at("freeze");
        rules.freeze = {true, freeze.at("reason").get<std::string>(), {}};
        if (freeze.contains("until")) rules.freeze.until = time_from_json(freeze.at("until"));
    }
    return std::make_shared<const Rules>(std::move(rules));
}

/// Gives equal rules one number.
class RulesTable {
public:
    Json number_of(const RulesPtr& rules) {
        auto json = rules_to_json(*rules);
        const auto [at, added] = numbers_.emplace(json.dump(), rows_.size());
        if (added) rows_.push_back(std::move(json));
        return at->second;
    }
    Json rows() const { return rows_; }

private:
    std::map<std::string, std::size_t> numbers_;
    std::vector<Json> rows_;
};

const RulesPtr& rules_at(const std::vector<RulesPtr>& table, const Json& number) {
    return table.at(number.get<std::size_t>());
}

// ---- reverts

Json revert_to_json(const Quarantine& revert) {
    return {{"digest", revert.digest.hex()}, {"version", revert.version},
            {"release", revert.release},     {"digest_commit", revert.digest_commit},
            {"retry", revert.retry},         {"reason", revert.reason},
            {"at", time_to_json(revert.at)}};
}

Quarantine revert_from_json(const Json& json, const AssignmentKey& key) {
    Quarantine revert;
    revert.key = key;
    revert.digest = digest_from_json(json.at("digest"));
    json.at("version").get_to(revert.version);
    json.at("release").get_to(revert.release);
    json.at("digest_commit").get_to(revert.digest_commit);
    json.at("retry").get_to(revert.retry);
    json.at("reason").get_to(revert.reason);
    revert.at = time_from_json(json.at("at"));
    return revert;
}

// ---- assignments

AssignmentKey key_from_json(const Json& json) {
    return {json.at("environment").get<std::string>(), json.at("project").get<std::string>()};
}

Json intent_to_json(const Intent& intent) {
    return {{"commit", intent.commit},
            {"digest_commit", intent.digest_commit},
            {"parent", intent.parent},
            {"author_name", intent.author_name},
            {"author_email", intent.author_email},
            {"message", intent.message},
            {"committed_at", time_to_json(intent.committed_at)},
            {"authors", intent.authors},
            {"by_daemon", intent.by_daemon},
            {"emergency_reason", intent.emergency_reason},
            {"trailers", intent.trailers}};
}

Intent intent_from_json(const Json& json) {
    Intent intent;
    json.at("commit").get_to(intent.commit);
    json.at("digest_commit").get_to(intent.digest_commit);
    json.at("parent").get_to(intent.parent);
    json.at("author_name").get_to(intent.author_name);
    json.at("author_email").get_to(intent.author_email);
    json.at("message").get_to(intent.message);
    intent.committed_at = time_from_json(json.at("committed_at"));
    json.at("authors").get_to(intent.authors);
    json.at("by_daemon").get_to(intent.by_daemon);
    json.at("emergency_reason").get_to(intent.emergency_reason);
    json.at("trailers").get_to(intent.trailers);
    return intent;
}

Json promotion_to_json(const Promotion& promotion) {
    return {{"version", promotion.promote.version},  {"step", promotion.promote.step},
            {"full", promotion.promote.full},        {"commit", promotion.commit},
            {"author_name", promotion.author_name},  {"author_email", promotion.author_email},
            {"after_intent", promotion.after_intent}};
}

/// Under `key` of an assignment; none where there is no such key.
std::optional<Promotion> promotion_from_json(const Json& assignment, const char* key) {
    if (!assignment.contains(key)) return std::nullopt;
    const auto& json = assignment.at(key);
    Promotion promotion;
    json.at("version").get_to(promotion.promote.version);
    json.at("step").get_to(promotion.promote.step);
    json.at("full").get_to(promotion.promote.full);
    json.at("commit").get_to(promotion.commit);
    json.at("author_name").get_to(promotion.author_name);
    json.at("author_email").get_to(promotion.author_email);
    json.at("after_intent").get_to(promotion.after_intent);
    return promotion;
}

Json stretches_to_json(const std::vector<Stretch>& stretches) {
    auto list = Json::array();
    for (const auto& stretch : stretches) list.push_back({stretch.digest.hex(), stretch.authors});
    return list;
}

std::vector<Stretch> stretches_from_json(const Json& json) {
    std::vector<Stretch> stretches;
    for (const auto& item : json)
        stretches.push_back(
            {digest_from_json(item.at(0)), item.at(1).get<std::set<std::string>>()});
    return stretches;
}

/// What is known of it whether it is in Git or has left.
Json past_to_json(const AssignmentKey& key, const AssignmentHistory& facts) {
    auto versions = Json::array();
    for (const auto& point : facts.versions)
        versions.push_back({point.version, point.commit, point.digest.hex()});
    auto reverts = Json::array();
    for (const auto& revert : facts.reverts) reverts.push_back(revert_to_json(revert));
    return {{"environment", key.environment},  {"project", key.project},
            {"present", facts.present},        {"gone_number", facts.gone_number},
            {"versions", std::move(versions)}, {"reverts", std::move(reverts)}};
}

Json assignment_to_json(const AssignmentKey& key, const AssignmentHistory& facts,
                        RulesTable& table) {
    auto json = past_to_json(key, facts);
    if (!facts.present && facts.gone_number > 0) return json;
    auto anchors = Json::array();
    for (const auto& anchor : facts.anchors) anchors.push_back(table.number_of(anchor));
    json.update({{"digest", facts.digest.hex()},
                 {"version", facts.version},
                 {"fingerprint", facts.fingerprint},
                 {"retry", facts.retry},
                 {"intent", intent_to_json(facts.intent)},
                 {"anchors", std::move(anchors)},
                 {"held_at", facts.held_at},
                 {"held_number", facts.held_number},
                 {"held_authors", facts.held_authors},
                 {"held_changers", facts.held_changers},
                 {"stretches", stretches_to_json(facts.stretches)},
                 {"rejected", facts.rejected}});
    if (facts.promotion) json["promotion"] = promotion_to_json(*facts.promotion);
    if (facts.held_promotion) json["held_promotion"] = promotion_to_json(*facts.held_promotion);
    if (!facts.read_anew.empty()) {
        json["read_anew"] = facts.read_anew.hex();
        json["read_before"] = facts.read_before.hex();
    }
    return json;
}

AssignmentHistory assignment_from_json(const Json& json, const AssignmentKey& key,
                                       const std::vector<RulesPtr>& table) {
    AssignmentHistory facts;
    json.at("present").get_to(facts.present);
    facts.gone_number = json.value("gone_number", std::uint64_t{0});
    for (const auto& point : json.at("versions"))
        facts.versions.push_back({point.at(0).get<std::string>(), point.at(1).get<std::string>(),
                                  digest_from_json(point.at(2))});
    for (const auto& item : json.at("reverts"))
        facts.reverts.push_back(revert_from_json(item, key));
    if (!json.contains("digest")) return facts;
    facts.digest = digest_from_json(json.at("digest"));
    json.at("version").get_to(facts.version);
    json.at("fingerprint").get_to(facts.fingerprint);
    json.at("retry").get_to(facts.retry);
    facts.intent = intent_from_json(json.at("intent"));
    for (const auto& number : json.at("anchors")) {
        auto rules = *rules_at(table, number);
        rules.commit = facts.intent.parent;
        facts.anchors.push_back(std::make_shared<const Rules>(std::move(rules)));
    }
    json.at("held_at").get_to(facts.held_at);
    json.at("held_number").get_to(facts.held_number);
    json.at("held_authors").get_to(facts.held_authors);
    json.at("held_changers").get_to(facts.held_changers);
    facts.stretches = stretches_from_json(json.at("stretches"));
    json.at("rejected").get_to(facts.rejected);
    facts.promotion = promotion_from_json(json, "promotion");
    facts.held_promotion = promotion_from_json(json, "held_promotion");
    if (json.contains("read_anew")) {
        facts.read_anew = digest_from_json(json.at("read_anew"));
        facts.read_before = digest_from_json(json.at("read_before"));
    }
    return facts;
}

Json environment_to_json(const EnvironmentHistory& environment, RulesTable& table) {
    Json json{{"rules", table.number_of(environment.rules)}, {"targets", environment.targets}};
    for (const auto& [target, reading] : environment.readings)
        json["read_anew"][target] = {reading.anew.hex(), reading.before.hex()};
    return json;
}

EnvironmentHistory environment_from_json(const Json& json, const std::vector<RulesPtr>& table) {
    EnvironmentHistory environment{
        rules_at(table, json.at("rules")), json.at("targets").get<std::vector<std::string>>(), {}};
    if (json.contains("read_anew"))
        for (const auto& [target, reading] : json.at("read_anew").items())
            environment.readings[target] = {digest_from_json(reading.at(0)),
                                            digest_from_json(reading.at(1))};
    return environment;
}

Result<History> read(const Json& json, const ZoneLookup& zones) {
    if (json.at("format") != kHistoryFormat || json.at("digest_format") != kDigestFormat)
        return fail(ErrorCode::invalid, "the stored history is of another format");
    std::vector<RulesPtr> table;
    for (const auto& row : json.at("rules_table")) table.push_back(rules_from_json(row, zones));
    History history;
    json.at("root").get_to(history.root);
    json.at("tip").get_to(history.tip);
    json.at("length").get_to(history.length);
    // Those of a newer build: `load` notices that the tip resolves otherwise.
    history.checks = checks_of(json.at("checks").get<int>());
    history.left = json.value("left", std::uint64_t{0});
    for (const auto& [name, item] : json.at("environments").items())
        history.environments[name] = environment_from_json(item, table);
    json.at("dependencies").get_to(history.dependencies);
    for (const auto& item : json.at("assignments")) {
        const auto key = key_from_json(item);
        history.assignments[key] = assignment_from_json(item, key, table);
    }
    return history;
}

}  // namespace

std::string to_json(const History& history) {
    RulesTable table;
    Json json{{"format", kHistoryFormat},     {"digest_format", kDigestFormat},
              {"root", history.root},         {"tip", history.tip},
              {"length", history.length},     {"checks", static_cast<int>(history.checks)},
              {"left", history.left},         {"environments", Json::object()},
              {"assignments", Json::array()}, {"dependencies", history.dependencies}};
    for (const auto& [name, environment] : history.environments)
        json["environments"][name] = environment_to_json(environment, table);
    for (const auto& [key, facts] : history.assignments)
        json["assignments"].push_back(assignment_to_json(key, facts, table));
    json["rules_table"] = table.rows();
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<History> history_from_json(std::string_view text, const ZoneLookup& zones) {
    try {
        return read(Json::parse(text), zones);
    } catch (const std::exception& error) {  // the library's, and numbers out of range
        return fail(ErrorCode::invalid, "the stored history cannot be read: {}", error.what());
    }
}

}  // namespace tidegate
