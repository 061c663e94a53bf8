#include "schema/config/kinds.h"
#include "schema/config/text_rules.h"

namespace tidegate::config {
namespace {

using Window = std::variant<Reference, ReleaseWindow>;

void read_window(Place place, Window& out) {
    read_short_or_long(
        place, [&](Place name) { read(name, out.emplace<Reference>()); },
        [&](Place map) {
            auto& window = out.emplace<ReleaseWindow>();
            Fields fields{map};
            read_window_keys(fields, window);
            fields.finish();
        });
}

/// Whoever writes a freeze block means it: `active` is true unless it says otherwise.
void read_freeze(Place place, Freeze& out) {
    read_short_or_long(
        place, [&](Place flag) { read(flag, out.active); },
        [&](Place map) {
            out.active = true;
            Fields fields{map};
            fields.optional("active", out.active);
            fields.optional("reason", out.reason, kLine);
            fields.optional("until", out.until, Instant{});
            fields.finish();
        });
}

void check_budget(Fields& fields) {
    fields.checked<Amount>("max_targets");
    fields.checked<int>("max_releases", Integer{1});
    fields.checked<int>("max_failures", Integer{0});
}

}  // namespace

void read(Place place, Environment& out) {
    Fields fields{place};
    read_envelope(fields, DocumentKind::environment);
    fields.required("name", out.name, AsInPath{});
    fields.optional("promotes_from", out.promotes_from);
    fields.optional("require_approval", out.require_approval);
    fields.optional("approvers", out.approvers, ListOf{kNotEmpty});
    fields.optional("release_window", out.window, read_window);
    fields.optional("strategy", out.strategy);
    fields.optional("allow_override", out.allow_override);
    fields.optional("rollback", out.rollback);
    fields.optional("heal", out.heal);
    fields.optional("offline", out.offline);
    fields.optional("freeze", out.freeze, read_freeze);
    fields.optional("budget", out.budget, AsWritten{Object{check_budget}});
    fields.optional("policies", out.policies);
    fields.optional("variables", out.variables);
    fields.optional("targets", out.targets);
    if (out.promotes_from && out.promotes_from->name == out.name && !out.name.empty())
        fields.at("promotes_from").error("an environment must not promote from itself");
    if (out.require_approval && out.approvers.empty())
        fields.at("require_approval").error("require_approval: true needs approvers");
    fields.finish();
}

}  // namespace tidegate::config
