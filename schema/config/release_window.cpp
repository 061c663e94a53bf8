#include "schema/config/kinds.h"
#include "schema/config/text_rules.h"

namespace tidegate::config {
namespace {

void read_slot(Place place, WindowSlot& out) {
    Fields fields{place};
    fields.optional("days", out.days, ListOf{Integer{1, 7}, 1});
    fields.required("start_time", out.start, Clock{24 * 60 - 1});
    fields.required("end_time", out.end, Clock{});
    fields.optional("reason", out.reason, kLine);
    fields.finish();
}

/// Whoever writes an empty list means to close; read as written it would always be open.
void check_not_empty(Place list) {
    if (list.node->kind == Node::Kind::list && list.node->items.empty())
        list.error_since(Checks::second,
                         "allowed_windows must not be empty: leave it out for always open; to "
                         "close, use freeze or an entry of deny_windows");
}

}  // namespace

void read_window_keys(Fields& fields, ReleaseWindow& out) {
    const ListOf slots{read_slot};
    const ListOf some_slots{read_slot, 1};
    fields.optional("enabled", out.enabled);
    fields.optional("timezone", out.timezone, kZoneName);
    out.position = fields.at("timezone").position();  // only a zone can still be wrong later
    if (fields.describing())
        fields.optional("allowed_windows", out.allowed, some_slots);
    else
        fields.optional("allowed_windows", out.allowed, slots);
    if (fields.given("allowed_windows")) check_not_empty(fields.at("allowed_windows"));
    fields.optional("deny_windows", out.deny, slots);
    fields.optional("maintenance_windows", out.maintenance, slots);
    fields.optional("blackout_dates", out.blackout_dates, ListOf{Date{}});
    fields.optional("emergency_users", out.emergency_users, ListOf{kNotEmpty});
    fields.optional("on_close", out.on_close);
}

void read(Place place, ReleaseWindow& out) {
    Fields fields{place};
    read_envelope(fields, DocumentKind::release_window);
    fields.required("name", out.name, AsInPath{});
    read_window_keys(fields, out);
    fields.finish();
}

}  // namespace tidegate::config
