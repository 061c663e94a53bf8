#include "schema/config/kinds.h"
#include "schema/config/text_rules.h"

namespace tidegate::config {
namespace {

void check_approval(Fields& fields) {
    fields.checked_required<std::string>("version", kNotEmpty);
    fields.checked<std::string>("digest", kSha256);
    fields.checked_required<std::string>("decision", Word{{"approved", "rejected"}});
    fields.checked_required<std::string>("by", kNotEmpty);
    fields.checked<std::string>("comment");
    fields.checked<std::string>("expires_at", kInstant);
}

void read_approvals(Place place, Nothing&) {
    std::vector<Nothing> unused;
    ListOf{Object{check_approval}}(place, unused);
}

}  // namespace

void read(Place place, ApprovalList& out) {
    Fields fields{place};
    read_envelope(fields, DocumentKind::approval_list);
    fields.optional("project", out.key.project, AsInPath{&DocumentPath::name});
    fields.optional("environment", out.key.environment, AsInPath{&DocumentPath::environment});
    fields.required("approvals", out.approvals, AsWritten{read_approvals});
    fields.finish();
    if (place.describing()) return;
    out.key = {place.report->path().environment, place.report->path().name};
}

}  // namespace tidegate::config
