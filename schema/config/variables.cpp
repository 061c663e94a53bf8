#include "schema/config/kinds.h"
#include "schema/config/text_rules.h"
#include "schema/model/slots.h"

namespace tidegate::config {
namespace {

/// Both: either may be the one that is deployed to.
void read_slots(Fields& fields, std::map<std::string, std::string>& out) {
    for (const auto slot : kSlots) fields.required(slot, out[std::string(slot)]);
}

const Word kSources{{"vault", "env", "file", "nacos", "apollo", "consul"}};

void read_typed(Fields& fields, VariableType type, Variable& out) {
    switch (type) {
        case VariableType::plain:
        case VariableType::template_text:
            return fields.required("value", out.value);
        case VariableType::secret:
            return fields.required("value", out.value, kEncrypted);
        case VariableType::env_specific:
            return fields.required("values", out.values, MapOf<>{kObjectName});
        case VariableType::slot_specific:
            return fields.checked_required<Nothing>(
                "values", Object{[&](Fields& slots) { read_slots(slots, out.slots); }});
        case VariableType::external:
            fields.required("source", out.source, kSources);
            fields.required("key", out.key, kNotEmpty);
            return;
    }
}

}  // namespace

void read(Place place, Variable& out) {
    out.position = place.position();
    read_short_or_long(
        place,
        [&](Place text) {
            Text{.wanted = "text, or a map with type and value", .valid = nullptr, .lines = true}(
                text, out.value);
        },
        [&](Place map) {
            Fields fields{map};
            fields.choose("type", out.type, true, [&](Fields& chosen, VariableType type) {
                read_typed(chosen, type, out);
            });
            fields.finish();
        });
}

void read(Place place, Variables& out) { MapOf<>{kVariableName}(place, out); }

}  // namespace tidegate::config
