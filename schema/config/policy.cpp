#include "schema/base/limits.h"
#include "schema/config/kinds.h"
#include "schema/config/text_rules.h"

namespace tidegate::config {
namespace {

/// Every environment keeps the names of projects, so a list of any length would be there many
/// times.
const ListOf kNames{Plain{}, 0, limits::kPolicyNamesMax};

/// A policy for nobody is none, and whoever writes an empty list may mean everybody.
void check_names(Fields& fields, std::string_view key) {
    if (fields.describing())
        return fields.checked<std::vector<Reference>>(key, ListOf{Plain{}, 1, kNames.max});
    fields.checked<std::vector<Reference>>(key, kNames);
    const auto* list = fields.given(key) ? fields.at(key).node : nullptr;
    if (list != nullptr && list->kind == Node::Kind::list && list->items.empty())
        fields.at(key).error_since(Checks::second, "{} must not be empty: leave it out for all", key);
}

void check_scope(Fields& fields) {
    check_names(fields, "environments");
    check_names(fields, "projects");
}

}  // namespace

void read(Place place, Policy& out) {
    Fields fields{place};
    read_envelope(fields, DocumentKind::policy);
    fields.required("name", out.name, AsInPath{});
    fields.required("language", out.language, Word{{"lua"}});
    fields.optional("applies_to", out.applies_to, AsWritten{Object{check_scope}});
    fields.required("rule", out.rule, kBody);
    fields.finish();
}

}  // namespace tidegate::config
