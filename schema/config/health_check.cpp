#include "schema/config/kinds.h"
#include "schema/config/text_rules.h"

namespace tidegate::config {
namespace {

void read_probe(Fields& fields, CheckType type, HealthCheck& out) {
    switch (type) {
        case CheckType::http:
            fields.required("url", out.url, kHttpUrl);
            fields.optional("expected_status", out.expected_status, Integer{100, 599});
            return;
        case CheckType::tcp:
            fields.optional("host", out.host, kNotEmpty);
            fields.required("port", out.port, kPort);
            return;
        case CheckType::script:
            return fields.required("script", out.script, kBody);
    }
}

}  // namespace

void read(Place place, HealthCheck& out) {
    Fields fields{place};
    fields.choose("type", out.type, false,
                  [&](Fields& chosen, CheckType type) { read_probe(chosen, type, out); });
    fields.optional("timeout", out.timeout, Duration{});
    fields.optional("retry", out.retry, Integer{0, 1000});
    fields.optional("interval", out.interval);
    fields.optional("success_threshold", out.success_threshold, Integer{1, 100});
    fields.finish();
}

}  // namespace tidegate::config
