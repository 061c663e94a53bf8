#pragma once
/// The names under which the fields of persisted records stand in JSON. They are on disk: add,
/// never rename. Each function shows every field of one record to a visitor, for both directions.
/// Former builds wrote `deadline`, `paused_at` and `until` by the wall clock; they are not read.

#include <concepts>
#include <type_traits>

#include "schema/model/release.h"

namespace tidegate {

template <class T, class Record>
concept Of = std::same_as<std::remove_const_t<T>, Record>;

void fields(Of<Position> auto& r, auto&& f) {
    f("file", r.file);
    f("line", r.line);
    f("column", r.column);
}
void fields(Of<AssignmentKey> auto& r, auto&& f) {
    f("environment", r.environment);
    f("project", r.project);
}
void fields(Of<InstallKey> auto& r, auto&& f) {
    f("target", r.target);
    f("project", r.project);
    f("slot", r.slot);
}
void fields(Of<LastGood> auto& r, auto&& f) {
    f("digest", r.digest);
    f("commit", r.commit);
    f("version", r.version);
    f("absent", r.absent);
}
void fields(Of<Backup> auto& r, auto&& f) {
    f("path", r.path);
    f("at", r.at);
}
void fields(Of<Installation> auto& r, auto&& f) {
    f("key", r.key);
    f("status", r.status);
    f("version", r.version);
    f("tried_version", r.tried_version);
    f("digest", r.digest);
    f("assignment_digest", r.assignment_digest);
    f("commit", r.commit);
    f("drifted", r.drifted);
    f("drift_reason", r.drift_reason);
    f("installed_at", r.installed_at);
    f("backups", r.backups);
    f("environment", r.environment);
    f("last_good", r.last_good);
    f("rejected", r.rejected);
    f("report", r.report);
}

void fields(Of<Variable> auto& r, auto&& f) {
    f("type", r.type);
    f("value", r.value);
    f("values", r.values);
    f("source", r.source);
    f("key", r.key);
    f("slots", r.slots);
}
void fields(Of<HealthCheck> auto& r, auto&& f) {
    f("type", r.type);
    f("url", r.url);
    f("host", r.host);
    f("port", r.port);
    f("script", r.script);
    f("expected_status", r.expected_status);
    f("timeout", r.timeout);
    f("retry", r.retry);
    f("interval", r.interval);
    f("success_threshold", r.success_threshold);
}
void fields(Of<Task> auto& r, auto&& f) {
    f("name", r.name);
    f("type", r.type);
    f("on_error", r.on_error);
    f("timeout", r.timeout);
    f("retry", r.retry);
    f("retry_delay", r.retry_delay);
    f("condition", r.condition);
    f("depends_on", r.depends_on);
    f("parallel", r.parallel);
    f("script", r.script);
    f("check", r.check);
    f("graceful_timeout", r.graceful_timeout);
    f("force_kill", r.force_kill);
    f("wait_ready", r.wait_ready);
    f("ready_timeout", r.ready_timeout);
    f("duration", r.duration);
}
void fields(Of<Pipeline> auto& r, auto&& f) {
    f("name", r.name);
    f("pre_release", r.pre_release);
    f("release", r.release);
    f("post_release", r.post_release);
}
void fields(Of<Service> auto& r, auto&& f) {
    f("start", r.start);
    f("stop", r.stop);
    f("status", r.status);
    f("unit", r.unit);
}
void fields(Of<ScriptTimeouts> auto& r, auto&& f) {
    f("install", r.install);
    f("update", r.update);
    f("rollback", r.rollback);
    f("uninstall", r.uninstall);
}
void fields(Of<ScriptDeploy> auto& r, auto&& f) {
    f("work_dir", r.work_dir);
    f("interpreter", r.interpreter);
    f("environment", r.environment);
    f("install_script", r.install_script);
    f("update_script", r.update_script);
    f("rollback_script", r.rollback_script);
    f("uninstall_script", r.uninstall_script);
    f("probe_script", r.probe_script);
    f("slot_remove_script", r.slot_remove_script);
    f("service", r.service);
    f("timeouts", r.timeouts);
    f("shared_work_dir", r.shared_work_dir);
}
void fields(Of<Deploy> auto& r, auto&& f) {
    f("type", r.type);
    f("script", r.script);
}
void fields(Of<Artifact> auto& r, auto&& f) {
    f("url", r.url);
    f("sha256", r.sha256);
}

void fields(Of<Action> auto& r, auto&& f) {
    f("id", r.id);
    f("release", r.release);
    f("step", r.step);
    f("attempt", r.attempt);
    f("kind", r.kind);
    f("key", r.key);
    f("environment", r.environment);
    f("digest", r.digest);
    f("assignment_digest", r.assignment_digest);
    f("commit", r.commit);
    f("version", r.version);
    f("current_version", r.current_version);
    f("rollback_version", r.rollback_version);
    f("last_good", r.last_good);
    f("rejected", r.rejected);
    f("artifact", r.artifact);
    f("keep_data", r.keep_data);
    f("target_work_dir", r.target_work_dir);
    f("deploy", r.deploy);
    f("pipeline", r.pipeline);
    f("rollback_script", r.rollback_script);
    f("verify", r.verify);
    f("watch_for", r.watch_for);
    f("variables", r.variables);
    f("start_within", r.start_within);
    f("deadline", r.deadline);
}
void fields(Of<TaskResult> auto& r, auto&& f) {
    f("name", r.name);
    f("type", r.type);
    f("status", r.status);
    f("retry_count", r.retry_count);
    f("error", r.error);
    f("output", r.output);
    f("started_at", r.started_at);
    f("finished_at", r.finished_at);
}
void fields(Of<StageResult> auto& r, auto&& f) {
    f("name", r.name);
    f("tasks", r.tasks);
}
void fields(Of<ActionResult> auto& r, auto&& f) {
    f("id", r.id);
    f("release", r.release);
    f("step", r.step);
    f("attempt", r.attempt);
    f("kind", r.kind);
    f("outcome", r.outcome);
    f("error", r.error);
    f("host_trouble", r.host_trouble);
    f("stages", r.stages);
    f("installation", r.installation);
}

void fields(Of<Hold> auto& r, auto&& f) {
    f("gate", r.gate);
    f("reason", r.reason);
    f("until", r.until);
    f("until_local", r.until_local);
}
void fields(Of<DeployWork> auto& r, auto&& f) {
    f("targets", r.targets);
    f("required", r.required);
    f("max_unavailable", r.max_unavailable);
    f("wait_before", r.wait_before);
}
void fields(Of<VerifyWork> auto& r, auto&& f) { f("duration", r.duration); }
void fields(Of<AwaitWork> auto& r, auto&& f) {
    f("approver", r.approver);
    f("timeout", r.timeout);
}
void fields(Of<RouteWork> auto& r, auto&& f) {
    f("weight", r.weight);
    f("timeout", r.timeout);
    f("revision", r.revision);
}
[[nodiscard]] inline Work make_work(StepKind kind) {
    switch (kind) {
        case StepKind::deploy:
            return DeployWork{};
        case StepKind::verify:
            return VerifyWork{};
        case StepKind::await:
            return AwaitWork{};
        case StepKind::route:
            break;
    }
    return RouteWork{};
}
void fields(Of<Step> auto& r, auto&& f) {
    f("index", r.index);
    f("entry", r.entry);
    auto kind = kind_of(r);
    f("kind", kind);
    if constexpr (!std::is_const_v<std::remove_reference_t<decltype(r)>>) r.work = make_work(kind);
    std::visit([&](auto& work) { fields(work, f); }, r.work);
    f("status", r.status);
    f("admitted_at", r.admitted_at);
    f("started_at", r.started_at);
    f("finished_at", r.finished_at);
    f("lived_began", r.began);
    f("lived_ended", r.ended);
    f("lived_deadline", r.deadline);
}
void fields(Of<Watch> auto& r, auto&& f) {
    f("step", r.step);
    f("status", r.status);
    f("attempt", r.attempt);
    f("action", r.action);
    f("error", r.error);
    f("started_at", r.started_at);
    f("finished_at", r.finished_at);
    f("lived_began", r.began);
}
void fields(Of<TargetProgress> auto& r, auto&& f) {
    f("name", r.name);
    f("status", r.status);
    f("from", r.from);
    f("to", r.to);
    f("desired", r.desired);
    f("attempt", r.attempt);
    f("action", r.action);
    f("failed_action", r.failed_action);
    f("error", r.error);
    f("agent", r.agent);
    f("stages", r.stages);
    f("started_at", r.started_at);
    f("finished_at", r.finished_at);
    f("lived_ended", r.ended);
    f("report", r.report);
    f("lived_doubted", r.doubted_at);
    f("watch", r.watch);
    f("was_well", r.was_well);
    f("let_go", r.let_go);
}
void fields(Of<ReleaseHead> auto& r, auto&& f) {
    f("id", r.id);
    f("number", r.number);
    f("key", r.key);
    f("kind", r.kind);
    f("operation", r.operation);
    f("status", r.status);
    f("digest", r.digest);
    f("from", r.from);
    f("to", r.to);
    f("commit", r.commit);
    f("digest_commit", r.digest_commit);
    f("author", r.author);
    f("message", r.message);
    f("cause", r.cause);
    f("retry", r.retry);
    f("strategy", r.strategy);
    f("reason", r.reason);
    f("last_good", r.last_good);
    f("forward_only", r.forward_only);
    f("slot", r.slot);
    f("max_failed", r.max_failed);
    f("created_at", r.created_at);
    f("started_at", r.started_at);
    f("finished_at", r.finished_at);
    f("lived_paused", r.paused_at);
    f("lived_deadline", r.deadline);
    f("lived_all_back", r.all_back_at);
    f("admitted", r.admitted);
    f("condemned", r.condemned);
    f("holds", r.holds);
    f("revert", r.revert);
    f("revert_commit", r.revert_commit);
    f("revert_note", r.revert_note);
}
void fields(Of<Release> auto& r, auto&& f) {
    using Head = std::conditional_t<std::is_const_v<std::remove_reference_t<decltype(r)>>,
                                    const ReleaseHead, ReleaseHead>;
    fields(static_cast<Head&>(r), f);
    f("steps", r.steps);
    f("targets", r.targets);
}
void fields(Of<Quarantine> auto& r, auto&& f) {
    f("key", r.key);
    f("digest", r.digest);
    f("version", r.version);
    f("release", r.release);
    f("digest_commit", r.digest_commit);
    f("retry", r.retry);
    f("reason", r.reason);
    f("at", r.at);
}
void fields(Of<Block> auto& r, auto&& f) {
    f("key", r.key);
    f("digest", r.digest);
    f("failures", r.failures);
    f("lived_until", r.until);
    f("reason", r.reason);
    f("lived_healed", r.healed_at);
}
void fields(Of<OutboxEntry> auto& r, auto&& f) {
    f("action", r.action);
    f("assignment", r.assignment);
    f("agent", r.agent);
    f("restore", r.restore);
    f("sent", r.sent);
    f("created_at", r.created_at);
    f("lived_deadline", r.deadline);
    f("lost", r.lost);
}
void fields(Of<Reference> auto& r, auto&& f) { f("name", r.name); }
void fields(Of<HeaderMatch> auto& r, auto&& f) {
    f("name", r.name);
    f("value", r.value);
}
void fields(Of<Traffic> auto& r, auto&& f) {
    f("router", r.router);
    f("targets", r.targets);
    f("header", r.header);
    f("socket", r.socket);
    f("backend", r.backend);
    f("server", r.server);
    f("server_before", r.server_before);
    f("drain_timeout", r.drain_timeout);
    f("state_file", r.state_file);
    f("route_script", r.route_script);
    f("timeout", r.timeout);
}
void fields(Of<RouteServer> auto& r, auto&& f) {
    f("name", r.name);
    f("target", r.target);
    f("slot", r.slot);
    f("weight", r.weight);
}
void fields(Of<Route> auto& r, auto&& f) {
    f("key", r.key);
    f("target", r.target);
    f("revision", r.revision);
    f("router", r.router);
    f("servers", r.servers);
    f("slot_new", r.slot_new);
    f("slot_old", r.slot_old);
    f("weight_new", r.weight_new);
    f("weight_old", r.weight_old);
    f("socket", r.socket);
    f("backend", r.backend);
    f("state_file", r.state_file);
    f("route_script", r.route_script);
    f("interpreter", r.interpreter);
    f("timeout", r.timeout);
    f("header_name", r.header_name);
    f("header_value", r.header_value);
    f("variables", r.variables);
}
void fields(Of<Sides> auto& r, auto&& f) {
    f("key", r.key);
    f("live", r.live);
    f("revision", r.revision);
    f("weights", r.weights);
    f("served", r.served);
    f("lived_kept", r.kept_until);
    f("out", r.out);
    f("traffic", r.traffic);
    f("routers", r.routers);
}
void fields(Of<OwnRevert> auto& r, auto&& f) {
    f("release", r.release);
    f("commit", r.commit);
    f("at", r.at);
}
void fields(Of<GoodState> auto& r, auto&& f) {
    f("key", r.key);
    f("good", r.good);
    f("forward_only", r.forward_only);
    f("release", r.release);
    f("forward_by", r.forward_by);
}

}  // namespace tidegate
