#include "agent/daemon/prepare.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "agent/drivers/work_dir.h"
#include "agent/tasks/pipeline.h"
#include "schema/model/slots.h"
#include "schema/resolve/built_ins.h"
#include "schema/resolve/expand.h"

namespace tidegate::agent {
namespace {

/// What stands there, as scripts are told: a failed action may have left files of its version, so
/// whoever comes back to the last success takes that version away, and must not find its own name:
/// none at all where both are called the same.
std::string version_before(const Action& action, const Installation& current) {
    const auto taken_away = [&](const std::string& version) {
        return version == action.version ? std::string{} : version;
    };
    if (action.rejected) return taken_away(action.rejected->version);
    if (current.status == InstallStatus::absent) return action.current_version;
    const bool comes_back = action.version == current.version && !current.tried_version.empty();
    return comes_back ? taken_away(current.tried_version) : current.version;
}

/// Empty: there are no slots, or none is live yet.
std::string live_slot_of(const Action& action) {
    const auto known = action.variables.find("LIVE_SLOT");
    const bool told = !action.key.slot.empty() && known != action.variables.end();
    return told && is_slot(known->second.value) ? known->second.value : "";
}

/// An action as it is to one slot, as a rule its own.
struct Seen {
    const HostRules& rules;
    const Action& action;
    std::string slot;
    std::string current_version;

    [[nodiscard]] InstallKey key() const { return {action.key.target, action.key.project, slot}; }
};

/// The action's variables with the host's own on top.
Variables known_variables(const Seen& seen) {
    const auto& [rules, action, slot, current_version] = seen;
    auto variables = action.variables;
    std::map<std::string, std::string> values{{"TARGET_IP", rules.host_address},
                                              {"CURRENT_VERSION", current_version}};
    for (const auto& [name, variable] : rules.config.variables) values[name] = variable.value;
    add_runtime(variables, values);
    add_slots(variables, slot, live_slot_of(action));
    return variables;
}

Result<std::string> expand_work_dir(const Seen& seen, const Variables& variables) {
    const auto& action = seen.action;
    VariableScope scope{action.environment, seen.slot};
    scope.add(variables);
    const auto configured = TRY(expand(action.deploy.script.work_dir, scope));
    const auto root = TRY(expand(action.target_work_dir, scope));
    return default_work_dir(configured, root, action.key.project);
}

/// WORK_DIR needs the others to be known first.
Result<Variables> host_variables(const Seen& seen) {
    auto variables = known_variables(seen);
    const auto dir = TRY(expand_work_dir(seen, variables));
    add_runtime(variables, {{"WORK_DIR", dir},
                            {"APP_DIR", dir},
                            {"BACKUP_DIR", dir + "/backups"},
                            {"LOG_DIR", dir + "/logs"},
                            {"TEMP_DIR", "/tmp"}});
    return variables;
}

Result<void> expand_tasks(std::vector<Task>& tasks, const VariableScope& scope) {
    for (auto& task : tasks) task = TRY(expanded(std::move(task), scope));
    return {};
}

bool deploys(const std::vector<Task>& tasks) {
    return std::any_of(tasks.begin(), tasks.end(),
                       [](const Task& task) { return task.type == TaskType::deploy; });
}

Result<Pipeline> prepare_pipeline(const Action& action, const VariableScope& scope) {
    auto pipeline = action.pipeline;
    if (const auto why = unsupported(pipeline); !why.empty())
        return fail(ErrorCode::unavailable, "{}", why);
    if (!deploys(pipeline.pre_release) && !deploys(pipeline.release) &&
        !deploys(pipeline.post_release)) {
        Task implied;
        implied.name = "deploy";
        implied.type = TaskType::deploy;
        pipeline.release.push_back(std::move(implied));
    }
    CHECK(expand_tasks(pipeline.pre_release, scope));
    CHECK(expand_tasks(pipeline.release, scope));
    CHECK(expand_tasks(pipeline.post_release, scope));
    return pipeline;
}

Result<DriverContext> prepare_context(const Seen& seen, const VariableScope& scope) {
    const auto& [rules, action, slot, current_version] = seen;
    DriverContext context;
    context.deploy = TRY(expanded(action.deploy.script, scope));
    context.variables = TRY(script_environment(scope, action.deploy.script.environment));
    for (const auto& [name, variable] : rules.config.variables)
        if (variable.secret) context.secrets.push_back(variable.value);
    context.project = action.key.project;
    context.environment = action.environment;
    context.target_work_dir = TRY(expand(action.target_work_dir, scope));
    context.version = action.version;
    context.current_version = current_version;
    context.rollback_version = action.rollback_version;
    if (action.artifact) context.artifact_url = TRY(expanded(*action.artifact, scope)).url;
    context.slot = slot;
    context.keep_data = action.keep_data;
    context.rollback_script = action.rollback_script;
    context.host = rules.limits;
    context.service_marker = seen.key().text();
    return context;
}

/// Scripts and checks of pre_release are of the live slot.
Result<void> turn_to_live(Seen seen, PreparedAction& prepared) {
    const auto& action = seen.action;
    seen.slot = live_slot_of(action);
    if (seen.slot == action.key.slot) return {};
    prepared.has_live = !seen.slot.empty();
    if (!prepared.has_live) return {};
    const auto variables = TRY(host_variables(seen));
    VariableScope scope{action.environment, seen.slot};
    scope.add(variables);
    prepared.live = TRY(prepare_context(seen, scope));
    const auto& written = action.pipeline.pre_release;
    for (std::size_t i = 0; i < written.size(); ++i)
        if (side_of("pre_release", written[i].type) == Side::live)
            prepared.pipeline.pre_release[i] = TRY(expanded(written[i], scope));
    return {};
}

/// Else one would be installed over the other, and its removal take both.
Result<void> check_apart(Seen seen) {
    if (seen.slot.empty()) return {};
    const auto own = std::filesystem::path{TRY(expand_work_dir(seen, known_variables(seen)))};
    seen.slot = other_slot(seen.slot);
    const auto other = std::filesystem::path{TRY(expand_work_dir(seen, known_variables(seen)))};
    if (!lies_below(own, other) && !lies_below(other, own)) return {};
    return fail(ErrorCode::invalid,
                "work_dir is '{}' here and '{}' in slot {}: it needs ${{SLOT}} in it", own.string(),
                other.string(), seen.slot);
}

}  // namespace

Result<std::string> work_dir_of(const HostRules& rules, const Action& action) {
    const Seen seen{rules, action, action.key.slot, action.current_version};
    return expand_work_dir(seen, known_variables(seen));
}

Result<PreparedAction> prepare(const HostRules& rules, const Action& action,
                               const Installation& current) {
    if (auto why = refusal(rules, action); !why.empty())
        return fail(ErrorCode::unavailable, "{}", why);
    const Seen seen{rules, action, action.key.slot, version_before(action, current)};
    CHECK(check_apart(seen));
    const auto variables = TRY(host_variables(seen));
    VariableScope scope{action.environment, seen.slot};
    scope.add(variables);

    PreparedAction prepared;
    prepared.context = TRY(prepare_context(seen, scope));
    prepared.pipeline = TRY(prepare_pipeline(action, scope));
    for (const auto& check : action.verify) prepared.verify.push_back(TRY(expanded(check, scope)));
    CHECK(turn_to_live(seen, prepared));
    const auto& context = prepared.context;
    const auto found = find_work_dir(
        {default_work_dir(context.deploy.work_dir, context.target_work_dir, context.project),
         context.target_work_dir, context.host.work_dirs, nullptr});
    if (found) return prepared;
    const bool wanted_wrongly = found.error().code == ErrorCode::invalid;
    return fail(wanted_wrongly ? ErrorCode::invalid : ErrorCode::unavailable, "{}",
                found.error().message);
}

}  // namespace tidegate::agent
