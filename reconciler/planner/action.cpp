#include "reconciler/planner/action.h"

#include <algorithm>

#include "schema/base/limits.h"
#include "schema/base/utf8.h"
#include "schema/resolve/built_ins.h"

namespace tidegate::planner {
namespace {

constexpr Seconds kScriptTimeout{300};  ///< of a task that names none
constexpr Seconds kActionSlack{30};
constexpr std::size_t kMessageBytesMax = 4 * 1024;  ///< of the commit, for scripts

std::string join_labels(const std::map<std::string, std::string>& labels) {
    std::string text;
    for (const auto& [name, value] : labels) text += (text.empty() ? "" : ",") + name + '=' + value;
    return text;
}

/// Later wins: system, project, environment; target; release.
Variables merge_levels(const Definition& definition, const DesiredTarget& target) {
    auto merged = definition.base;
    for (const auto& [name, variable] : target.variables) merged.insert_or_assign(name, variable);
    for (const auto& [name, variable] : definition.release) merged.insert_or_assign(name, variable);
    return merged;
}

std::map<std::string, std::string> runtime_values(const ActionSpec& spec) {
    const auto& release = spec.release;
    const auto& definition = spec.definition;
    const bool restores = spec.kind == ActionKind::rollback;
    // Of the release, not of the action: a restore finds the backup that its deploy has named after
    // it.
    const auto began = release.started_at.value_or(release.created_at);
    return {
        {"RELEASE_ID", release.id},
        {"RELEASE_VERSION", definition.version},
        {"RELEASE_ENV", release.key.environment},
        {"RELEASE_USER", release.author},
        {"RELEASE_TIME", format_rfc3339(began)},
        {"RELEASE_TIMESTAMP", std::to_string(began.time_since_epoch().count() / 1000)},
        {"TARGET_ID", spec.target.name},
        {"TARGET_NAME", spec.target.name},
        {"TARGET_HOST", spec.target.name},
        {"TARGET_CLIENT_ID", spec.target.agent},
        {"TARGET_LABELS", join_labels(spec.target.labels)},
        {"GIT_REPO", spec.repo},
        {"GIT_BRANCH", spec.branch},
        {"GIT_COMMIT", release.commit},
        {"GIT_COMMIT_SHORT", release.commit.substr(0, 12)},
        {"GIT_MESSAGE", std::string(head_of(release.message, kMessageBytesMax))},
        {"APP_NAME", release.key.project},
        {"APP_VERSION", definition.version},
        {"APP_ENV", release.key.environment},
        {"CURRENT_VERSION", spec.current_version},
        {"ROLLBACK_VERSION", restores ? definition.version : ""},
        {"ARTIFACT_URL", definition.artifact ? definition.artifact->url : ""},
        {"ARTIFACT_SHA256", definition.artifact ? definition.artifact->sha256 : ""},
        {"KEEP_DATA", definition.keep_data ? "true" : "false"},
    };
}

Seconds check_bound(const HealthCheck& check) {
    const int tries = std::max(1, check.retry + 1) * std::max(1, check.success_threshold);
    return tries * (check.timeout + check.interval);
}

Seconds deploy_bound(const Action& action) {
    const auto& limits = action.deploy.script.timeouts;
    if (action.kind == ActionKind::uninstall) return limits.uninstall;
    if (action.kind == ActionKind::rollback)
        return std::max({limits.rollback, limits.update, limits.install});
    return std::max(limits.install, limits.update);
}

Seconds task_bound(const Task& task, const Action& action) {
    auto one = task.timeout.value_or(kScriptTimeout);
    switch (task.type) {
        case TaskType::deploy:
            one = deploy_bound(action);
            break;
        case TaskType::health_check:
            one = check_bound(task.check);
            break;
        case TaskType::stop_service:
            // The stop and the wait after it, by up to three definitions.
            one = std::max<Seconds>(one + task.graceful_timeout, 6 * task.graceful_timeout);
            break;
        case TaskType::start_service:
            one += task.ready_timeout;
            break;
        case TaskType::wait:
            one = task.duration;
            break;
        default:
            break;
    }
    return (task.retry + 1) * (one + task.retry_delay);
}

/// Of what decides in post_release, only what runs again and again.
std::vector<Task> watched_tasks(const Pipeline& pipeline) {
    std::vector<Task> watched;
    for (const auto& task : pipeline.post_release) {
        if (task.type != TaskType::health_check || task.on_error == OnError::continue_) continue;
        auto& check = watched.emplace_back();
        check.name = task.name;
        check.type = task.type;
        check.check = task.check;
    }
    return watched;
}

/// A check that began as time was up may go on through all its tries.
Seconds watch_bound(const Action& action) {
    Seconds longest{0};
    for (const auto& task : action.pipeline.post_release)
        longest = std::max(longest, check_bound(task.check));
    for (const auto& check : action.verify) longest = std::max(longest, check_bound(check));
    return std::min(action.watch_for + limits::kWatchSlack + longest, limits::kDurationMax);
}

/// What it is, of whom, and with which values.
Action render_head(const ActionSpec& spec) {
    const auto& definition = spec.definition;
    Action action;
    action.id = action_id(spec.release.id, spec.step, spec.target.name, spec.attempt, spec.slot);
    action.release = spec.release.id;
    action.step = spec.step;
    action.attempt = spec.attempt;
    action.kind = spec.kind;
    action.key = {spec.target.name, spec.release.key.project, spec.slot};
    action.environment = spec.release.key.environment;
    action.digest = spec.digest;
    action.assignment_digest = definition.digest;
    action.commit = definition.commit;
    action.version = definition.version;
    action.current_version = spec.current_version;
    action.artifact = definition.artifact;  // its address is a value, too
    action.target_work_dir = spec.target.work_dir;
    if (spec.check && spec.kind != ActionKind::uninstall) action.verify.push_back(*spec.check);
    if (spec.imagined) return action;
    action.variables = merge_levels(definition, spec.target);
    add_runtime(action.variables, runtime_values(spec));
    add_slots(action.variables, spec.slot, spec.live_slot);
    return action;
}

/// Where and how its checks run, and none of the bodies that move a target.
void add_watch(const ActionSpec& spec, Action& action) {
    const auto& all = spec.definition.deploy;
    action.deploy.type = all.type;
    action.deploy.script.work_dir = all.script.work_dir;
    action.deploy.script.interpreter = all.script.interpreter;
    action.deploy.script.environment = all.script.environment;
    action.deploy.script.service.unit = all.script.service.unit;
    action.pipeline.name = spec.definition.pipeline.name;
    action.pipeline.post_release = watched_tasks(spec.definition.pipeline);
    action.watch_for = spec.watch_for;
}

void add_move(const ActionSpec& spec, Action& action) {
    const auto& definition = spec.definition;
    if (spec.kind == ActionKind::rollback) action.rollback_version = definition.version;
    action.last_good = spec.last_good;
    action.rejected = spec.rejected;
    action.keep_data = definition.keep_data;
    action.deploy = definition.deploy;
    action.pipeline = definition.pipeline;
    action.rollback_script = spec.rollback_script;
}

}  // namespace

std::string release_id(const std::string& root_commit, const AssignmentKey& key, ReleaseKind kind,
                       const std::string& intent_commit, const Digest& digest,
                       const std::string& cause) {
    return uuid5({"release", root_commit, key.environment, key.project, to_string(kind),
                  intent_commit, digest.hex(), cause});
}

std::string action_id(const std::string& release, int step, const std::string& target, int attempt,
                      const std::string& slot) {
    const auto place = slot.empty() ? target : target + '@' + slot;
    return Digest::of_parts(
               {"action", release, std::to_string(step), place, std::to_string(attempt)})
        .hex();
}

Action render(const ActionSpec& spec) {
    auto action = render_head(spec);
    if (spec.kind == ActionKind::verify)
        add_watch(spec, action);
    else
        add_move(spec, action);
    action.deadline = time_bound(action);
    return action;
}

bool has_checks(const Definition& definition, const std::optional<HealthCheck>& check) {
    return check || !watched_tasks(definition.pipeline).empty();
}

Seconds time_bound(const Action& action) {
    if (action.kind == ActionKind::verify) return watch_bound(action);
    auto bound = kActionSlack + deploy_bound(action);
    for (const auto* stage :
         {&action.pipeline.pre_release, &action.pipeline.release, &action.pipeline.post_release})
        for (const auto& task : *stage) bound += task_bound(task, action);
    for (const auto& check : action.verify) bound += check_bound(check);
    return std::min<Seconds>(bound, limits::kReleaseDeadline);
}

}  // namespace tidegate::planner
