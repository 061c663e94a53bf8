#include <algorithm>
#include <set>

#include "schema/config/kinds.h"
#include "schema/config/text_rules.h"

namespace tidegate::config {
namespace {

/// What history, pins and reverts know a version by: nothing in it is replaced, so `${…}` would be
/// deployed as it stands.
struct VersionName {
    void operator()(Place place, std::string& out) const {
        kVersion(place, out);
        if (!place.describing() && out.find("${") != std::string::npos)
            place.error_since(Checks::second,
                              "{} must be written out, for no variable is replaced in it, got {}",
                              place.name, shown(out));
    }
};

void read_artifact(Place place, Artifact& artifact) {
    read_short_or_long(
        place, [&](Place name) { kArtifactUrl(name, artifact.url); },
        [&](Place map) {
            Fields fields{map};
            fields.required("url", artifact.url, kArtifactUrl);
            fields.optional("sha256", artifact.sha256, kSha256);
            fields.finish();
        });
    for (auto& digit : artifact.sha256)
        if (digit >= 'A' && digit <= 'F') digit = static_cast<char>(digit - 'A' + 'a');
}

void read_promote(Place place, Promote& out) {
    Fields fields{place};
    fields.required("version", out.version, VersionName{});
    fields.optional("step", out.step, Integer{1});
    fields.checked<std::string>("to", Word{{"full"}});
    out.full = fields.given("to");
    fields.only_one_of({"step", "to"}, !fields.describing());
    fields.finish();
}

void check_reminder(Fields& fields) {
    fields.checked<bool>("enabled");
    fields.checked<std::vector<int>>("before_minutes", ListOf{Integer{1, 60 * 24 * 30}, 1});
    fields.checked<std::vector<std::string>>("channels", ListOf{Word{channel_names()}, 1});
}

void check_schedule(Fields& fields) {
    fields.checked<std::string>("schedule_at", kInstant);
    fields.checked<std::string>("cron", kCron);
    fields.checked<Nothing>("reminder", Object{check_reminder});
    if (!fields.describing() && !fields.given("schedule_at") && !fields.given("cron"))
        fields.only_one_of({"schedule_at", "cron"}, true);
}

void read_pin(Place place, Pin& out) {
    Fields fields{place};
    fields.required("target", out.target);
    fields.required("version", out.version, VersionName{});
    fields.finish();
}

void read_restored(Place place, Restored& out) {
    Fields fields{place};
    fields.required("version", out.version, kVersion);
    fields.required("commit", out.commit, kCommit);
    fields.finish();
    out.position = place.position();
}

enum class State { present, absent };
constexpr auto enum_names(State) { return std::array{"present"sv, "absent"sv}; }

void read_wish(Fields& fields, Version& out) {
    auto state = State::present;
    fields.optional("version", out.version, VersionName{});
    fields.optional("artifact", out.artifact, read_artifact);
    fields.optional("operation", out.operation);
    fields.optional("state", state);
    fields.optional("keep_data", out.keep_data);
    fields.optional("paused", out.paused);
    fields.optional("promote", out.promote, read_promote);
    fields.optional("retry", out.retry, Integer{0});
    fields.optional("pins", out.pins, ListOf{read_pin});
    fields.optional("scheduled_release", out.scheduled_release, AsWritten{Object{check_schedule}});
    fields.optional("strategy", out.strategy);
    fields.optional("variables", out.variables);
    fields.optional("forward_only", out.forward_only);
    fields.optional("restored", out.restored, read_restored);
    out.absent = state == State::absent;
}

void check_wish(Place place, const Fields& fields, const Version& version) {
    if (!version.absent && !fields.given("version") && place.node->kind == Node::Kind::map)
        place.error("missing key 'version' in {}", place.name);
    if (!version.absent && version.keep_data)
        fields.at("keep_data").error("keep_data goes only with state: absent");
    if (version.absent && version.operation != Operation::deploy)
        fields.at("operation")
            .error("operation {} does not go with state: absent", to_string(version.operation));
    if (version.promote && version.promote->version != version.version)
        fields.at("promote").error_since(
            Checks::third,
            "promote names version {}, the file asks for {}: delete it with the version",
            shown(version.promote->version), version.absent ? "none" : shown(version.version));
    std::set<std::string> pinned;
    for (const auto& pin : version.pins)
        if (!pin.target.name.empty() && !pinned.insert(pin.target.name).second)
            place.report->error(pin.target.position,
                                fmt::format("target {} is pinned twice", pin.target.name));
}

}  // namespace

void read(Place place, Version& out) {
    out.project.position = out.environment.position = place.position();
    Fields fields{place};
    read_envelope(fields, DocumentKind::version);
    fields.optional("project", out.project, AsInPath{&DocumentPath::name});
    fields.optional("environment", out.environment, AsInPath{&DocumentPath::environment});
    read_wish(fields, out);
    fields.finish();
    if (place.describing()) return;
    check_wish(place, fields, out);
    const auto& path = place.report->path();
    out.key = {path.environment, path.name};
    out.project.name = path.name;
    out.environment.name = path.environment;
}

}  // namespace tidegate::config
