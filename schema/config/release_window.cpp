#include "schema/config/kinds.h"
#include "schema/config/text_rules.h"

namespace tidegate::config {
namespace {

void read_slot(Place place, WindowSlot& out) {
    Fields fields{place};
    fields.optional("days", out.days, ListOf{Integer{1, 7}, 1});
    fields.required("start_time", out.start, Clock{24 * 60 - 1});
    fields.required("end_time", out.end, Clock{});
    fields.optional("reason", out.reason);
    fields.finish();
}

}  // namespace

void read_window_keys(Fields& fields, ReleaseWindow& out) {
    const ListOf slots{read_slot};
    fields.optional("enabled", out.enabled);
    fields.optional("timezone", out.timezone, kZoneName);
    fields.optional("allowed_windows", out.allowed, slots);
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
