#include <algorithm>
#include <set>

#include "schema/config/kinds.h"
#include "schema/config/text_rules.h"

namespace tidegate::config {
namespace {

using Texts = std::vector<std::string>;

const ListOf<Text> kTexts{kNotEmpty, 1};

void read_script(Fields& fields, Task& out) {
    fields.required("script", out.script, kBody);
    fields.optional("timeout", out.timeout, Duration{});
}

void read_stop_service(Fields& fields, Task& out) {
    fields.optional("graceful_timeout", out.graceful_timeout);
    fields.optional("force_kill", out.force_kill);
}

void read_start_service(Fields& fields, Task& out) {
    fields.optional("wait_ready", out.wait_ready);
    fields.optional("ready_timeout", out.ready_timeout, Duration{});
}

void check_approval_task(Fields& fields) {
    fields.checked<Texts>("approvers", kTexts);
    fields.checked<int>("required", Integer{1, 100});
    fields.checked<Seconds>("timeout", Duration{});
    fields.checked<std::string>("message");
}

/// A wait `for: approval` is an approval: what acts on the one acts on the other.
void read_wait(Fields& fields, Task& out) {
    fields.optional("duration", out.duration, Duration{});
    fields.checked<std::string>("for", Word{{"approval"}});
    fields.only_one_of({"duration", "for"}, !fields.describing());
    if (fields.given("for")) out.type = TaskType::approval;
    if (fields.given("for") || fields.describing()) check_approval_task(fields);
}

void check_backup(Fields& fields) {
    fields.checked<std::string>("backup_type", Word{{"full", "incremental", "config_only"}});
    fields.checked<std::string>("path", kAbsolutePath);
    fields.checked<int>("retention", Integer{1});
}

void check_cleanup_task(Fields& fields) {
    fields.checked<int>("keep_versions", Integer{1});
    fields.checked<bool>("clean_backups");
}

void check_rollback(Fields& fields) {
    fields.checked<std::string>("target_version", kNotEmpty);
    fields.checked<bool>("skip_checks");
}

void check_notify(Fields& fields) {
    fields.checked_required<Texts>("channels", ListOf{Word{channel_names()}, 1});
    fields.checked<std::string>("template", kBody);
    fields.checked<std::string>("message", kBody);
    fields.checked<Texts>("recipients", kTexts);
}

void check_condition(Fields& fields) {
    const Word kNext{{"continue", "skip_phase", "stop", "rollback"}};
    fields.checked_required<std::string>("expression", kBody);
    fields.checked<std::string>("on_true", kNext);
    fields.checked<std::string>("on_false", kNext);
}

void check_db_migrate(Fields& fields) {
    fields.checked_required<std::string>("migration_path", kNotEmpty);
    fields.checked<bool>("rollback_on_fail");
    fields.checked<std::string>("command", kBody);
    fields.checked<std::string>("down_command", kBody);
    fields.checked<std::string>("database_url", kNotEmpty);
    fields.checked<std::string>("rehearsed_in", kObjectName);
    fields.checked<Seconds>("timeout", Duration{});
}

void check_preflight_item(Fields& fields) {
    fields.checked_required<std::string>("name", kNotEmpty);
    fields.checked_required<std::string>("command", kBody);
    fields.checked<std::string>("expected_output");
    fields.checked<int>("expected_exit_code", Integer{0, 255});
    fields.checked<Seconds>("timeout", Duration{});
}

void check_preflight(Fields& fields) {
    fields.checked_required<std::vector<Nothing>>("checks",
                                                  ListOf{Object{check_preflight_item}, 1});
}

void read_config(Fields& fields, TaskType type, Task& out) {
    switch (type) {
        case TaskType::script:
            return read_script(fields, out);
        case TaskType::health_check:
            return;  // a HealthCheck, read whole
        case TaskType::deploy:
            return;  // takes no keys
        case TaskType::stop_service:
            return read_stop_service(fields, out);
        case TaskType::start_service:
            return read_start_service(fields, out);
        case TaskType::wait:
            return read_wait(fields, out);
        case TaskType::backup:
            return check_backup(fields);
        case TaskType::cleanup:
            return check_cleanup_task(fields);
        case TaskType::rollback:
            return check_rollback(fields);
        case TaskType::notify:
            return check_notify(fields);
        case TaskType::approval:
            return check_approval_task(fields);
        case TaskType::condition:
            return check_condition(fields);
        case TaskType::db_migrate:
            return check_db_migrate(fields);
        case TaskType::preflight:
            return check_preflight(fields);
    }
}

bool needs_config(TaskType type) {
    switch (type) {
        case TaskType::script:
        case TaskType::wait:
        case TaskType::notify:
        case TaskType::condition:
        case TaskType::db_migrate:
        case TaskType::preflight:
            return true;
        default:
            return false;
    }
}

void read_typed(Fields& fields, TaskType type, Task& out) {
    if (type == TaskType::health_check) return fields.required("config", out.check);
    const Object config{[&](Fields& keys) { read_config(keys, type, out); }};
    if (needs_config(type))
        fields.checked_required<Nothing>("config", config);
    else
        fields.checked<Nothing>("config", config);
}

/// Names are unique in a phase, and `depends_on` speaks of earlier tasks of that phase.
void check_phase(Place place, const std::vector<Task>& tasks) {
    std::set<std::string> earlier;
    for (std::size_t i = 0; i < tasks.size(); ++i) {
        const auto& task = tasks[i];
        const Place at{&place.node->items[i], place.report, place.name, place.out};
        if (!task.name.empty() && !earlier.insert(task.name).second)
            at.error("two tasks of {} are named '{}'", place.name, shown(task.name));
        for (const auto& wanted : task.depends_on)
            if (wanted == task.name || !earlier.contains(wanted))
                at.error("depends_on must name earlier tasks of {}, got {}", place.name,
                         shown(wanted));
    }
}

void read_phase(Place place, std::vector<Task>& out) {
    read(place, out);
    if (!place.describing() && place.node->kind == Node::Kind::list) check_phase(place, out);
}

}  // namespace

void read(Place place, Task& out) {
    Fields fields{place};
    fields.required("name", out.name, kNotEmpty);
    fields.optional("on_error", out.on_error);
    std::optional<Seconds> timeout;
    fields.optional("timeout", timeout, Duration{});
    fields.optional("retry", out.retry, Integer{0, 100});
    fields.optional("retry_delay", out.retry_delay);
    fields.optional("condition", out.condition, kBody);
    fields.optional("depends_on", out.depends_on, ListOf{kNotEmpty});
    fields.optional("parallel", out.parallel);
    fields.choose("type", out.type, true,
                  [&](Fields& chosen, TaskType type) { read_typed(chosen, type, out); });
    fields.finish();
    if (timeout) out.timeout = timeout;
    out.position = place.position();
    if (!place.describing()) out.canonical = *place.out;
}

void read(Place place, Pipeline& out) {
    Fields fields{place};
    fields.optional("name", out.name, kPipelineName);
    fields.optional("pre_release", out.pre_release, read_phase);
    fields.optional("release", out.release, read_phase);
    fields.optional("post_release", out.post_release, read_phase);
    fields.finish();
    out.position = place.position();
}

}  // namespace tidegate::config
