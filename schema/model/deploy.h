#pragma once
/// How a project is deployed: the deploy block, the pipeline's tasks, health checks, variables.
/// Strings may hold `${NAME}`; they are expanded on the agent (schema/resolve/expand.h), because
/// only there all values are known. Script bodies are never expanded: scripts get variables as
/// environment. Field meanings: design, section 3; requirements.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "schema/base/enum_names.h"
#include "schema/base/time.h"
#include "schema/model/value.h"

namespace tidegate {

enum class VariableType { plain, secret, env_specific, template_text, external, slot_specific };
constexpr auto enum_names(VariableType) {
    return std::array{"plain"sv,    "secret"sv,   "env_specific"sv,
                      "template"sv, "external"sv, "slot_specific"sv};
}

struct Variable {
    VariableType type = VariableType::plain;
    std::string value;                          ///< plain, template: the text; secret: ciphertext
    std::map<std::string, std::string> values;  ///< env_specific: by environment
    std::string source;                         ///< external: vault, env, file
    std::string key;                            ///< external: where in the source
    std::map<std::string, std::string> slots;   ///< slot_specific: by slot, blue and green
    Position position;

    friend bool operator==(const Variable&, const Variable&) = default;
};
using Variables = std::map<std::string, Variable>;

enum class CheckType { http, tcp, script };
constexpr auto enum_names(CheckType) { return std::array{"http"sv, "tcp"sv, "script"sv}; }

/// Passes after `success_threshold` successes in a row; fails once more than `retry` tries failed.
struct HealthCheck {
    CheckType type = CheckType::http;
    std::string url;     ///< http: any 2xx or 3xx answer passes unless expected_status is set
    std::string host;    ///< tcp: default localhost
    std::string port;    ///< tcp: a number or `${APP_PORT}`
    std::string script;  ///< script: exit code 0 passes
    std::optional<int> expected_status;
    Seconds timeout{10};  ///< of one try
    int retry = 3;
    Seconds interval{5};  ///< between tries
    int success_threshold = 1;

    friend bool operator==(const HealthCheck&, const HealthCheck&) = default;
};

enum class TaskType {
    script,
    health_check,
    deploy,
    stop_service,
    start_service,
    wait,
    backup,
    cleanup,
    rollback,
    notify,
    approval,
    condition,
    db_migrate,
    preflight,
};
constexpr auto enum_names(TaskType) {
    return std::array{"script"sv,        "health_check"sv, "deploy"sv,   "stop_service"sv,
                      "start_service"sv, "wait"sv,         "backup"sv,   "cleanup"sv,
                      "rollback"sv,      "notify"sv,       "approval"sv, "condition"sv,
                      "db_migrate"sv,    "preflight"sv};
}
/// Whether this build's agent runs it; the others parse and hold with gate `unsupported`.
[[nodiscard]] constexpr bool is_supported(TaskType type) { return type <= TaskType::wait; }

enum class OnError { stop, continue_, rollback };
constexpr auto enum_names(OnError) { return std::array{"stop"sv, "continue"sv, "rollback"sv}; }

struct Task {
    std::string name;
    TaskType type = TaskType::script;
    OnError on_error = OnError::stop;
    std::optional<Seconds> timeout;
    int retry = 0;
    Seconds retry_delay{0};
    std::string condition;
    std::vector<std::string> depends_on;
    bool parallel = false;

    std::string script;            ///< script
    HealthCheck check;             ///< health_check
    Seconds graceful_timeout{30};  ///< stop_service: TERM, then after this KILL if force_kill
    bool force_kill = true;
    bool wait_ready = false;  ///< start_service: wait until service.status exits 0
    Seconds ready_timeout{60};
    Seconds duration{0};  ///< wait

    Value canonical;  ///< the task as written, durations in seconds; what digests hash
    Position position;

    friend bool operator==(const Task&, const Task&) = default;
};

struct Pipeline {
    std::string name;
    std::vector<Task> pre_release;
    std::vector<Task> release;  ///< without a deploy task, one is implied at its end
    std::vector<Task> post_release;
    Position position;

    friend bool operator==(const Pipeline&, const Pipeline&) = default;
};

enum class DeployType { script, container, kubernetes, gitpull, lambda };
constexpr auto enum_names(DeployType) {
    return std::array{"script"sv, "container"sv, "kubernetes"sv, "gitpull"sv, "lambda"sv};
}

/// start, stop and status are script bodies; or `unit` names a systemd unit.
struct Service {
    std::string start;
    std::string stop;
    std::string status;
    std::string unit;

    friend bool operator==(const Service&, const Service&) = default;
};

struct ScriptTimeouts {
    Seconds install{600};
    Seconds update{300};
    Seconds rollback{180};
    Seconds uninstall{120};

    friend bool operator==(const ScriptTimeouts&, const ScriptTimeouts&) = default;
};

/// `deploy.config` of type script. Empty body = not given; update falls back to install.
struct ScriptDeploy {
    std::string work_dir;
    std::string interpreter = "/bin/bash";
    std::map<std::string, std::string> environment;
    std::string install_script;
    std::string update_script;
    std::string rollback_script;
    std::string uninstall_script;
    std::string slot_remove_script;  ///< removes the slot it runs in; empty = stop and its folder
    std::string probe_script;  ///< exit 0 = the new version is in, 1 = the old one, else unknown
    Service service;
    ScriptTimeouts timeouts;
    /// Another installation may have its work_dir at, above or below this one, if it says so too.
    bool shared_work_dir = false;

    friend bool operator==(const ScriptDeploy&, const ScriptDeploy&) = default;
};

struct Deploy {
    DeployType type = DeployType::script;
    ScriptDeploy script;  ///< only for type script
    Value canonical;      ///< type and config as written; what digests hash
    Position position;

    friend bool operator==(const Deploy&, const Deploy&) = default;
};

struct Artifact {
    std::string url;     ///< a URL, or a name in an artifact store
    std::string sha256;  ///< 64 hexadecimal digits, or empty

    friend bool operator==(const Artifact&, const Artifact&) = default;
};

}  // namespace tidegate
