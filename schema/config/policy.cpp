#include "schema/base/limits.h"
#include "schema/config/kinds.h"
#include "schema/config/text_rules.h"

namespace tidegate::config {
namespace {

/// Every environment keeps the names of projects, so a list of any length would be there many
/// times.
const ListOf kNames{Plain{}, 0, limits::kPolicyNamesMax};

void check_scope(Fields& fields) {
    fields.checked<std::vector<Reference>>("environments", kNames);
    fields.checked<std::vector<Reference>>("projects", kNames);
}

}  // namespace

void read(Place place, Policy& out) {
    Fields fields{place};
    read_envelope(fields, DocumentKind::policy);
    fields.required("name", out.name, AsInPath{});
    fields.required("language", out.language, Word{{"lua"}});
    fields.optional("applies_to", out.applies_to, AsWritten{Object{check_scope}});
    fields.required("rule", out.rule, kNotEmpty);
    fields.finish();
}

}  // namespace tidegate::config
