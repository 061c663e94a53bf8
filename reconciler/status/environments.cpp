#include <algorithm>
#include <set>

#include "policies/window.h"
#include "reconciler/status/catalog.h"
#include "reconciler/status/lists.h"
#include "reconciler/status/routes.h"

namespace tidegate::status {
namespace {

const Environment* find_environment(const StatusSnapshot& snapshot, const std::string& name) {
    return find_document<Environment>(snapshot, "environments/" + name + ".yaml");
}

/// Runs `show` on the environment that the path names.
Answer with_environment(const Call& call, auto&& show) {
    const auto* environment = find_environment(call.snapshot, call.names.at(0));
    if (environment == nullptr)
        return not_found("there is no such environment in the accepted commit");
    return show(*environment);
}

const ReleaseWindow* window_of(const StatusSnapshot& snapshot, const Environment& environment) {
    if (!environment.window) return nullptr;
    if (const auto* inlined = std::get_if<ReleaseWindow>(&*environment.window)) return inlined;
    const auto& name = std::get<Reference>(*environment.window).name;
    return find_document<ReleaseWindow>(snapshot, "windows/" + name + ".yaml");
}

Json window_name(const Environment& environment) {
    if (!environment.window) return {};
    const auto* reference = std::get_if<Reference>(&*environment.window);
    return reference != nullptr ? Json(reference->name) : Json("inline");
}

/// `zone`: of the environment's window; null: it has none.
Json freeze_json(const Freeze& freeze, const ZoneRules* zone) {
    Json local;
    if (freeze.until && zone != nullptr) local = or_null(local_text(*zone, *freeze.until));
    return {{"active", freeze.active},
            {"reason", or_null(freeze.reason)},
            {"until", or_null(freeze.until)},
            {"until_local", std::move(local)}};
}

std::shared_ptr<const ZoneRules> zone_of(const Call& call, const Environment& environment) {
    const auto* window = window_of(call.snapshot, environment);
    return window != nullptr ? call.services.find_zone(window->timezone) : nullptr;
}

Json environment_json(const Call& call, const Environment& environment) {
    const auto& snapshot = call.snapshot;
    const auto zone = environment.freeze.until ? zone_of(call, environment) : nullptr;
    Json projects = Json::array();
    for (const auto& [key, view] : snapshot.assignments)
        if (key.environment == environment.name) projects.push_back(key.project);
    const auto targets = std::ranges::count_if(snapshot.targets, [&](const auto& entry) {
        return entry.second->environment == environment.name;
    });
    Json strategy, promotes_from;
    if (environment.strategy) strategy = to_string(environment.strategy->type);
    if (environment.promotes_from) promotes_from = environment.promotes_from->name;
    return {{"name", environment.name},
            {"promotes_from", std::move(promotes_from)},
            {"require_approval", environment.require_approval},
            {"approvers", environment.approvers},
            {"allow_override", environment.allow_override},
            {"strategy", std::move(strategy)},
            {"window", window_name(environment)},
            {"freeze", freeze_json(environment.freeze, zone.get())},
            {"projects", std::move(projects)},
            {"targets", targets}};
}

Json window_json(const Call& call, const Environment& environment, Timestamp now) {
    const auto zone = zone_of(call, environment);
    Json json{{"environment", environment.name},
              {"window", window_name(environment)},
              {"state", "open"},
              {"reason", nullptr},
              {"changes_at", nullptr},
              {"changes_at_local", nullptr},
              {"timezone", nullptr},
              {"at", format_rfc3339(now)},
              {"at_local", nullptr},
              {"freeze", freeze_json(environment.freeze, zone.get())}};
    if (!environment.window) return json;
    const auto* window = window_of(call.snapshot, environment);
    if (!zone) {
        json["state"] = "closed";
        json["reason"] = window != nullptr ? "its time zone is not known" : "it is not defined";
        return json;
    }
    json["timezone"] = window->timezone;
    const auto state = window_state(*window, *zone, now);
    json["state"] = state.open ? "open" : "closed";
    json["reason"] = or_null(state.reason);
    json["changes_at"] = or_null(state.changes);
    if (state.changes) json["changes_at_local"] = or_null(local_text(*zone, *state.changes));
    json["at_local"] = or_null(local_text(*zone, now));
    return json;
}

/// Approvals as written: checked on reading, shown as they are.
Json approval_json(const StatusSnapshot& snapshot, const AssignmentKey& key) {
    const auto* list = find_document<ApprovalList>(snapshot, "approvals/" + key.text() + ".yaml");
    const auto* environment = find_environment(snapshot, key.environment);
    const auto view = snapshot.assignments.find(key);
    const bool wanted = environment != nullptr && environment->require_approval;
    Json approvals = Json::array();
    if (list != nullptr && list->approvals.list() != nullptr)
        approvals = Json::parse(list->approvals.canonical(), nullptr, false);
    return {{"id", key.environment + ':' + key.project},
            {"project", key.project},
            {"environment", key.environment},
            {"required", wanted},
            {"approvers", wanted ? Json(environment->approvers) : Json::array()},
            {"version",
             view != snapshot.assignments.end() ? or_null(view->second->desired_version) : Json()},
            {"approvals", std::move(approvals)}};
}

/// All assignments that ask for an approval or have a list of them.
std::set<AssignmentKey> approval_keys(const StatusSnapshot& snapshot) {
    std::set<AssignmentKey> keys;
    each_document<ApprovalList>(snapshot, "approvals/",
                                [&](const ApprovalList& list) { keys.insert(list.key); });
    for (const auto& [key, view] : snapshot.assignments) {
        const auto* environment = find_environment(snapshot, key.environment);
        if (environment != nullptr && environment->require_approval) keys.insert(key);
    }
    return keys;
}

}  // namespace

Answer list_environments(const Call& call) {
    return paged(call.request, [&](PagedList& list) {
        each_document<Environment>(call.snapshot, "environments/", [&](const Environment& each) {
            const auto key = each.name + ".yaml";
            if (list.wants(key)) list.add(key, environment_json(call, each));
        });
    });
}

Answer show_environment(const Call& call) {
    return with_environment(call, [&](const Environment& environment) {
        return json_answer(environment_json(call, environment));
    });
}

Answer list_environment_targets(const Call& call) {
    return with_environment(call, [&](const Environment& environment) {
        return paged(call.request, [&](PagedList& list) {
            for (const auto& [name, target] : call.snapshot.targets)
                if (target->environment == environment.name && list.wants(name))
                    list.add(name, target_json(*target));
        });
    });
}

Answer list_environment_variables(const Call& call) {
    return with_environment(call, [&](const Environment& environment) {
        return paged(call.request, [&](PagedList& list) {
            for (const auto& [name, variable] : environment.variables)
                if (list.wants(name))
                    list.add(name, variable_json(name, variable, call.services.show_values));
        });
    });
}

Answer show_environment_window(const Call& call) {
    return with_environment(call, [&](const Environment& environment) {
        return json_answer(window_json(call, environment, call.services.now()));
    });
}

Answer show_target_status(const Call& call) {
    const auto found = call.snapshot.targets.find(call.names.at(0));
    if (found == call.snapshot.targets.end()) return not_found("there is no such target");
    return json_answer(target_json(*found->second));
}

Answer list_approvals(const Call& call) {
    return paged(call.request, [&](PagedList& list) {
        for (const auto& key : approval_keys(call.snapshot)) {
            const auto text = key.environment + ' ' + key.project;
            if (list.wants(text)) list.add(text, approval_json(call.snapshot, key));
        }
    });
}

Answer show_approval(const Call& call) {
    const auto& id = call.names.at(0);
    const auto colon = id.find(':');
    if (colon == std::string::npos) return not_found("an approval's id is <environment>:<project>");
    const AssignmentKey key{id.substr(0, colon), id.substr(colon + 1)};
    if (!approval_keys(call.snapshot).contains(key))
        return not_found("this assignment needs no approval and has none");
    return json_answer(approval_json(call.snapshot, key));
}

}  // namespace tidegate::status
