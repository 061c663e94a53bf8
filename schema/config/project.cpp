#include <set>

#include "schema/config/kinds.h"
#include "schema/config/text_rules.h"

namespace tidegate::config {
namespace {

void read_dependency(Place place, Dependency& out) {
    Fields fields{place};
    fields.required("service", out.service);
    fields.optional("required", out.required);
    fields.optional("wait_ready", out.wait_ready);
    fields.optional("timeout", out.timeout, Duration{});
    fields.optional("health_check", out.health_check);
    fields.finish();
}

void check_dependencies(Report& report, const Project& project) {
    std::set<std::string> seen;
    for (const auto& dependency : project.depends_on) {
        const auto& [name, position] = dependency.service;
        if (name.empty()) continue;
        if (name == project.name) report.error(position, "a project must not depend on itself");
        if (!seen.insert(name).second)
            report.error(position, fmt::format("service {} is named twice", name));
    }
}

}  // namespace

void read(Place place, Project& out) {
    Fields fields{place};
    read_envelope(fields, DocumentKind::project);
    fields.required("name", out.name, AsInPath{});
    fields.optional("description", out.description);
    fields.optional("owner", out.owner, kLine);
    fields.required("deploy", out.deploy);
    fields.optional("variables", out.variables);
    fields.optional("pipeline", out.pipeline);
    fields.checked<Nothing>("dependencies", Object{[&](Fields& dependencies) {
                                dependencies.required("depends_on", out.depends_on,
                                                      ListOf{read_dependency});
                            }});
    if (!place.describing()) check_dependencies(*place.report, out);
    fields.finish();
}

}  // namespace tidegate::config
