#include "schema/config/kinds.h"
#include "schema/config/text_rules.h"

namespace tidegate::config {
namespace {

using Texts = std::vector<std::string>;
using TextMap = std::map<std::string, std::string>;

void read_service(Place place, Service& out) {
    Fields fields{place};
    fields.optional("start", out.start, kBody);
    fields.optional("stop", out.stop, kBody);
    fields.optional("status", out.status, kBody);
    fields.optional("unit", out.unit, kNotEmpty);
    for (const auto script : {"start", "stop", "status"})
        fields.only_one_of({"unit", script}, false);
    fields.finish();
}

void read_timeouts(Place place, ScriptTimeouts& out) {
    Fields fields{place};
    fields.optional("install", out.install, Duration{});
    fields.optional("update", out.update, Duration{});
    fields.optional("rollback", out.rollback, Duration{});
    fields.optional("uninstall", out.uninstall, Duration{});
    fields.finish();
}

void read_script(Fields& fields, ScriptDeploy& out) {
    fields.optional("work_dir", out.work_dir, Folder{});
    fields.optional("interpreter", out.interpreter, kAbsolutePath);
    fields.optional("environment", out.environment);
    fields.required("install_script", out.install_script, kBody);
    fields.optional("update_script", out.update_script, kBody);
    fields.optional("rollback_script", out.rollback_script, kBody);
    fields.optional("uninstall_script", out.uninstall_script, kBody);
    fields.optional("slot_remove_script", out.slot_remove_script, kBody);
    fields.optional("probe_script", out.probe_script, kBody);
    fields.optional("service", out.service, read_service);
    fields.optional("timeouts", out.timeouts, read_timeouts);
    fields.optional("shared_work_dir", out.shared_work_dir);
}

void check_container(Fields& fields) {
    fields.checked_required<std::string>("image", kNotEmpty);
    fields.checked<std::string>("tag", kNotEmpty);
    fields.checked<std::string>("container_name", kNotEmpty);
    fields.checked<Texts>("ports");
    fields.checked<Texts>("volumes");
    fields.checked<Texts>("networks");
    fields.checked<TextMap>("environment");
    fields.checked<TextMap>("labels", Labels{});
    fields.checked<Texts>("command");
    fields.checked<Texts>("entrypoint");
    fields.checked<std::string>("user", kNotEmpty);
    fields.checked<std::string>("memory", kSize);
    fields.checked<double>("cpus", Number{0.01, 1024});
    fields.checked<std::string>("restart_policy",
                                Word{{"no", "always", "on-failure", "unless-stopped"}});
    fields.checked<std::string>("pull", Word{{"always", "missing", "never"}});
    fields.checked<std::string>("socket", kAbsolutePath);
    fields.checked<Seconds>("stop_timeout");
    fields.checked<HealthCheck>("health_check");
    fields.checked<Nothing>("registry", Object{[](Fields& registry) {
                                registry.checked_required<std::string>("url", kNotEmpty);
                                registry.checked<std::string>("username");
                                registry.checked<std::string>("password");
                            }});
    fields.checked<Nothing>("timeouts", [](Place place, Nothing&) {
        ScriptTimeouts unused;
        read_timeouts(place, unused);
    });
}

void check_helm(Fields& fields) {
    fields.checked_required<std::string>("chart", kNotEmpty);
    fields.checked<std::string>("release", kNotEmpty);
    fields.checked<std::string>("repo", kHttpUrl);
    fields.checked<std::string>("version", kNotEmpty);
    fields.checked<Value>("values");
}

void check_kubernetes(Fields& fields) {
    fields.checked<std::string>("namespace", kNotEmpty);
    fields.checked<std::string>("context", kNotEmpty);
    fields.checked<std::string>("kubeconfig", kAbsolutePath);
    fields.checked<Texts>("manifests", ListOf{kNotEmpty, 1});
    fields.checked<std::string>("kustomize", kNotEmpty);
    fields.checked<Nothing>("helm", Object{check_helm});
    fields.checked<std::string>("deployment", kNotEmpty);
    fields.checked<std::string>("container", kNotEmpty);
    fields.checked<std::string>("image", kNotEmpty);
    fields.checked<int>("replicas", Integer{0, 100'000});
    fields.checked<bool>("server_side_apply");
    fields.checked<bool>("prune");
    fields.checked<Seconds>("rollout_timeout", Duration{});
    fields.only_one_of({"manifests", "kustomize", "helm", "deployment"}, !fields.describing());
}

void check_gitpull(Fields& fields) {
    fields.checked_required<std::string>("repo", kNotEmpty);
    fields.checked<std::string>("branch", kNotEmpty);
    fields.checked<std::string>("work_dir", kAbsolutePath);
    fields.checked<std::string>("build_script", kBody);
    fields.checked<std::string>("interpreter", kAbsolutePath);
    fields.checked<TextMap>("environment");
    fields.checked<int>("depth", Integer{1});
    fields.checked<bool>("submodules");
    fields.checked<std::string>("ssh_key", kAbsolutePath);
    fields.checked<std::string>("on_local_changes", Word{{"fail", "keep"}});
    fields.checked<Seconds>("build_timeout", Duration{});
    fields.checked<Nothing>("service", [](Place place, Nothing&) {
        Service unused;
        read_service(place, unused);
    });
}

void check_lambda(Fields& fields) {
    fields.checked_required<std::string>("function_name", kNotEmpty);
    fields.checked<std::string>("region", kNotEmpty);
    fields.checked<Texts>("aliases", ListOf{kNotEmpty, 1});
    fields.checked<std::string>("image_uri", kNotEmpty);
    fields.checked<std::string>("s3_bucket", kNotEmpty);
    fields.checked<std::string>("s3_key", kNotEmpty);
    fields.checked<int>("memory_mb", Integer{128, 10'240});
    fields.checked<Seconds>("timeout", Duration{});
    fields.checked<TextMap>("environment");
}

void read_config(Fields& fields, DeployType type, Deploy& out) {
    switch (type) {
        case DeployType::script:
            return read_script(fields, out.script);
        case DeployType::container:
            return check_container(fields);
        case DeployType::kubernetes:
            return check_kubernetes(fields);
        case DeployType::gitpull:
            return check_gitpull(fields);
        case DeployType::lambda:
            return check_lambda(fields);
    }
}

}  // namespace

void read(Place place, Deploy& out) {
    Fields fields{place};
    fields.choose("type", out.type, true, [&](Fields& chosen, DeployType type) {
        chosen.checked_required<Nothing>(
            "config", Object{[&](Fields& config) { read_config(config, type, out); }});
    });
    fields.finish();
    out.position = place.position();
    if (!place.describing()) out.canonical = *place.out;
}

}  // namespace tidegate::config
