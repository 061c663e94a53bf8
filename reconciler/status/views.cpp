#include "reconciler/status/views.h"

#include "schema/base/utf8.h"

namespace tidegate::status {
namespace {

Json errors_json(const std::vector<Error>& errors) {
    Json items = Json::array();
    for (const auto& error : errors)
        items.push_back({{"file", error.position.file},
                         {"line", error.position.line},
                         {"column", error.position.column},
                         {"message", error.message}});
    return items;
}

Json backups_json(const std::vector<Backup>& backups) {
    Json items = Json::array();
    for (const auto& backup : backups)
        items.push_back({{"path", backup.path}, {"at", format_rfc3339(backup.at)}});
    return items;
}

Json installation_json(const Installation& installation) {
    Json item{{"project", installation.key.project},
              {"version", installation.version},
              {"digest", installation.digest.hex()},
              {"status", to_string(installation.status)},
              {"drifted", installation.drifted},
              {"installed_at", or_null(installation.installed_at)},
              {"backups", backups_json(installation.backups)},
              {"drift_reason", or_null(installation.drift_reason)}};
    if (!installation.key.slot.empty()) item["slot"] = installation.key.slot;
    if (!installation.tried_version.empty()) item["tried_version"] = installation.tried_version;
    return item;
}

Json weights_json(const std::map<std::string, int>& weights) {
    return weights.empty() ? Json::object() : Json(weights);
}

Json sides_json(const SidesView& sides) {
    return {{"live", or_null(sides.live)},
            {"revision", sides.revision},
            {"weights", weights_json(sides.weights)},
            {"routers", routers_json(sides.routers)},
            {"kept_until", or_null(sides.kept_until)},
            {"out", sides.out}};
}

}  // namespace

std::string print(const Json& json) {
    return escape_unseen(json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

Json or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }
Json or_null(const std::optional<Timestamp>& at) { return at ? Json(format_rfc3339(*at)) : Json(); }

std::string event_id(const StatusSnapshot& snapshot) {
    return fmt::format("{}-{}", snapshot.epoch, snapshot.generation);
}

Json holds_json(const std::vector<Hold>& holds) {
    Json items = Json::array();
    for (const auto& hold : holds)
        items.push_back({{"gate", hold.gate},
                         {"reason", hold.reason},
                         {"until", or_null(hold.until)},
                         {"until_local", or_null(hold.until_local)}});
    return items;
}

Json last_good_json(const std::optional<LastGood>& good) {
    if (!good) return {};
    Json json{{"version", good->version}, {"commit", good->commit}, {"digest", good->digest.hex()}};
    if (good->absent) json["absent"] = true;
    return json;
}

Json drift_json(const std::vector<DriftNote>& notes) {
    Json items = Json::array();
    for (const auto& note : notes)
        items.push_back(
            {{"target", note.target}, {"drifted", note.drifted}, {"reason", note.reason}});
    return items;
}

Json routers_json(const std::vector<RouterView>& routers) {
    Json items = Json::array();
    for (const auto& router : routers)
        items.push_back({{"target", router.target},
                         {"agent", router.agent},
                         {"online", router.online},
                         {"in_force", router.in_force},
                         {"error", or_null(router.error)},
                         {"weights", weights_json(router.weights)}});
    return items;
}

Json assignment_json(const AssignmentView& view) {
    Json json{{"project", view.key.project},
              {"environment", view.key.environment},
              {"desired",
               {{"version", view.desired_version},
                {"digest", view.desired_digest.hex()},
                {"commit", view.desired_commit}}},
              {"sync", to_string(view.sync)},
              {"targets",
               {{"total", view.targets.total},
                {"in_sync", view.targets.in_sync},
                {"updating", view.targets.updating},
                {"failed", view.targets.failed},
                {"offline", view.targets.offline},
                {"drifted", view.targets.drifted}}},
              {"release", or_null(view.release)},
              {"last_good", last_good_json(view.last_good)},
              {"holds", holds_json(view.holds)},
              {"revert_note", or_null(view.revert_note)},
              {"orphaned", view.orphaned},
              {"drift", drift_json(view.drift)},
              {"behind_since", or_null(view.behind_since)}};
    if (view.sides) json["sides"] = sides_json(*view.sides);
    return json;
}

Json troubles_json(const std::vector<HostTrouble>& troubles) {
    Json items = Json::array();
    for (const auto& trouble : troubles)
        items.push_back({{"project", trouble.project},
                         {"reason", trouble.reason},
                         {"since", format_rfc3339(trouble.since)},
                         {"tried_again_at", format_rfc3339(trouble.tried_again_at)}});
    return items;
}

Json target_json(const TargetView& target) {
    Json installations = Json::array();
    for (const auto& installation : target.installations)
        installations.push_back(installation_json(installation));
    Json json{{"name", target.name},
              {"environment", target.environment},
              {"agent", target.agent},
              {"status", to_string(target.status)},
              {"last_seen_at", or_null(target.last_seen_at)},
              {"labels", target.labels.empty() ? Json::object() : Json(target.labels)},
              {"installations", std::move(installations)}};
    if (!target.troubles.empty()) json["host_trouble"] = troubles_json(target.troubles);
    return json;
}

Json config_json(const ConfigStatus& config) {
    Json accepted;
    if (!config.accepted_commit.empty())
        accepted = {{"commit", config.accepted_commit}, {"at", or_null(config.accepted_at)}};
    Json tip;
    if (!config.tip_commit.empty())
        tip = {{"commit", config.tip_commit},
               {"state", to_string(config.tip_state)},
               {"errors", errors_json(config.errors)},
               {"warnings", errors_json(config.warnings)}};
    return {{"accepted", std::move(accepted)},
            {"tip", std::move(tip)},
            {"last_poll_at", or_null(config.last_poll_at)},
            {"poll_error", or_null(config.poll_error)}};
}

Json variable_json(const std::string& name, const Variable& variable, bool show_values) {
    const auto shown = [&](const std::string& value) { return show_values ? Json(value) : Json(); };
    Json item{{"name", name}, {"type", to_string(variable.type)}};
    switch (variable.type) {
        case VariableType::plain:
        case VariableType::template_text:
            item["value"] = shown(variable.value);
            break;
        case VariableType::env_specific:
            item["values"] = Json::object();
            for (const auto& [environment, value] : variable.values)
                item["values"][environment] = shown(value);
            break;
        case VariableType::slot_specific:
            item["values"] = Json::object();
            for (const auto& [slot, value] : variable.slots) item["values"][slot] = shown(value);
            break;
        case VariableType::external:
            item["source"] = variable.source;
            item["key"] = variable.key;
            break;
        case VariableType::secret:
            break;
    }
    return item;
}

std::string public_url(const std::string& url) {
    auto text = url.substr(0, url.find_first_of("?#"));
    const auto scheme = text.find("://");
    if (scheme == std::string::npos) return text;
    const auto host = scheme + 3;
    const auto at = text.substr(0, text.find('/', host)).rfind('@');
    if (at != std::string::npos && at >= host) text.erase(host, at + 1 - host);
    return text;
}

}  // namespace tidegate::status
