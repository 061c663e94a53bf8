#include <set>

#include "schema/config/kinds.h"
#include "schema/config/text_rules.h"

namespace tidegate::config {
namespace {

void read_config(Fields& fields, TargetSpec& out) {
    fields.optional("work_dir", out.work_dir, Folder{});
    for (const auto later : {"backup_dir", "log_dir", "temp_dir", "kubeconfig"})
        fields.checked<std::string>(later, kAbsolutePath);
    for (const auto later : {"host", "ip", "region", "context", "namespace"})
        fields.checked<std::string>(later, kNotEmpty);
    for (const auto later : {"backup_dir", "log_dir", "temp_dir", "kubeconfig", "host", "ip",
                             "region", "context", "namespace"})
        if (fields.given(later)) warn_not_acted_on(fields.at(later));
}

}  // namespace

void read(Place place, TargetSpec& out) {
    Fields fields{place};
    fields.required("name", out.name, kObjectName);
    fields.optional("agent", out.agent, kObjectName);
    fields.optional("type", out.type, Word{{"host", "cluster"}});
    fields.optional("labels", out.labels, Labels{});
    fields.optional("priority", out.priority, Integer{0});
    fields.optional("config", out.config,
                    AsWritten{Object{[&](Fields& config) { read_config(config, out); }}});
    fields.optional("variables", out.variables);
    fields.finish();
    if (out.agent.empty()) out.agent = out.name;
    out.position = place.position();
}

void read(Place place, std::vector<TargetSpec>& out) {
    ListOf<>{}(place, out);
    std::set<std::string> names;
    for (const auto& target : out)
        if (!place.describing() && !target.name.empty() && !names.insert(target.name).second)
            place.report->error(target.position,
                                fmt::format("two targets are named {}", target.name));
}

void read(Place place, TargetList& out) {
    Fields fields{place};
    read_envelope(fields, DocumentKind::target_list);
    fields.optional("environment", out.environment, AsInPath{&DocumentPath::environment});
    fields.required("targets", out.targets);
    fields.finish();
    if (!place.describing()) out.environment = place.report->path().environment;
}

}  // namespace tidegate::config
