#include <algorithm>
#include <array>

#include "schema/config/kinds.h"
#include "schema/config/text_rules.h"

namespace tidegate::config {
namespace {

enum class ConditionType {
    health_check_failed,
    error_rate,
    success_rate,
    timeout_rate,
    response_time,
    cpu,
    memory,
    metric,
};
constexpr auto enum_names(ConditionType) {
    return std::array{"health_check_failed"sv, "error_rate"sv, "success_rate"sv, "timeout_rate"sv,
                      "response_time"sv,       "cpu"sv,        "memory"sv,       "metric"sv};
}

/// Rates are shares (0.05 = 5 %); response times are seconds; cpu and memory are shares.
void read_typed(Fields& fields, ConditionType type, RollbackCondition& out) {
    if (type == ConditionType::health_check_failed) return;
    const bool is_share = type != ConditionType::response_time && type != ConditionType::metric;
    fields.required(
        "threshold", out.threshold,
        is_share ? Number{0, 1} : Number{type == ConditionType::metric ? -1e12 : 0, 1e12});
    fields.checked<Seconds>("duration", Duration{});
    if (type != ConditionType::metric) return;
    fields.checked_required<std::string>("query", kBody);
    fields.checked<std::string>("operator", Word{{">", ">=", "<", "<="}});
}

void read_condition(Place place, RollbackCondition& out) {
    Fields fields{place};
    auto type = ConditionType::health_check_failed;
    fields.choose("type", type, true,
                  [&](Fields& chosen, ConditionType value) { read_typed(chosen, value, out); });
    fields.finish();
    out.type = to_string(type);
    out.position = place.position();
}

}  // namespace

void read(Place place, RollbackRules& out) {
    Fields fields{place};
    fields.optional("granularity", out.granularity);
    fields.optional("auto_rollback", out.auto_rollback);
    fields.optional("conditions", out.conditions, ListOf{read_condition});
    fields.optional("respect_windows", out.respect_windows);
    fields.optional("deadline", out.deadline, Duration{});
    fields.optional("release_deadline", out.release_deadline, Duration{});
    fields.finish();
}

}  // namespace tidegate::config
