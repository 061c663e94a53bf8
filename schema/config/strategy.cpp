#include "schema/config/kinds.h"
#include "schema/config/text_rules.h"

namespace tidegate::config {
namespace {

constexpr Integer kPercent{0, 100};

void read_step(Place place, CanaryStep& out) {
    Fields fields{place};
    fields.optional("percent", out.percent, kPercent);
    fields.optional("weight", out.weight, kPercent);
    fields.optional("verify_duration", out.verify_duration);
    if (!place.describing() && !fields.given("percent") && !fields.given("weight"))
        place.error("a step needs percent or weight");
    fields.finish();
}

void read_group(Place place, ClusterGroup& out) {
    Fields fields{place};
    fields.required("priority", out.priority, Integer{0});
    fields.required("targets", out.targets, ListOf{Plain{}, 1});
    fields.optional("verify_duration", out.verify_duration);
    fields.optional("approval_required", out.approval_required);
    fields.optional("canary_percent", out.canary_percent, kPercent);
    fields.optional("full_rollout", out.full_rollout);
    if (out.full_rollout && out.canary_percent && *out.canary_percent < 100)
        fields.at("full_rollout")
            .error("full_rollout: true contradicts canary_percent {}", *out.canary_percent);
    fields.finish();
}

/// How traffic reaches the new version, where a router takes part.
void check_traffic(Fields& fields) {
    fields.checked_required<std::string>("router", Word{{"haproxy", "nginx", "istio", "lambda"}});
    fields.checked<Nothing>("header", Object{[](Fields& header) {
                                header.checked_required<std::string>("name", kNotEmpty);
                                header.checked_required<std::string>("value");
                            }});
    fields.checked<Value>("config");
}

void check_rising(Fields& fields, const std::vector<CanaryStep>& steps) {
    int before = 0;
    for (const auto& step : steps) {
        if (step.percent && *step.percent < before)
            fields.at("steps").error("percent must rise from step to step, got {} after {}",
                                     *step.percent, before);
        before = step.percent.value_or(before);
    }
}

/// The short forms mean steps: canary_percent first, then all; named targets first, then all.
void read_short_canary(Fields& fields, Strategy& out) {
    std::optional<int> percent;
    CanaryStep first;
    fields.optional("canary_percent", percent, kPercent);
    fields.optional("verify_duration", first.verify_duration);
    fields.optional("canary_targets", out.canary_targets, ListOf{Plain{}, 1});
    fields.checked<Nothing>("canary_selector", Object{[&](Fields& selector) {
                                selector.required("labels", out.canary_selector, Labels{});
                            }});
    first.percent = percent;
    if (out.steps.empty() && out.cluster_order.empty())
        out.steps.push_back(first);
    else if (fields.given("verify_duration"))
        fields.at("verify_duration")
            .error("verify_duration belongs into each entry of steps or cluster_order");
    if (out.cluster_order.empty() && out.steps.back().percent != 100)
        out.steps.push_back({100, std::nullopt, Seconds{0}});
}

void read_canary(Fields& fields, Strategy& out) {
    fields.optional("steps", out.steps, ListOf{read_step, 1});
    fields.optional("cluster_order", out.cluster_order, ListOf{read_group, 1});
    if (!fields.describing()) check_rising(fields, out.steps);
    read_short_canary(fields, out);
    fields.checked<Nothing>("traffic", Object{check_traffic});
    if (fields.describing()) return;
    const auto named = fields.given("canary_selector") ? "canary_selector" : "canary_targets";
    fields.only_one_of({"steps", "canary_percent", named, "cluster_order"}, true);
}

void read_rolling(Fields& fields, Strategy& out) {
    fields.optional("batch_size", out.batch_size);
    fields.optional("batch_interval", out.batch_interval);
    fields.optional("max_unavailable", out.max_unavailable);
}

/// `canary` makes it hybrid: the new colour gets its traffic in steps before it gets all.
void read_blue_green(Fields& fields) {
    fields.checked<Seconds>("switch_timeout", Duration{});
    fields.checked<Seconds>("keep_old");
    fields.checked<Seconds>("verify_duration");
    fields.checked<Nothing>(
        "canary", Object{[](Fields& canary) {
            canary.checked_required<std::vector<CanaryStep>>("steps", ListOf{read_step, 1});
        }});
    fields.checked<Nothing>("traffic", Object{check_traffic});
}

void read_config(Fields& fields, StrategyType type, Strategy& out) {
    switch (type) {
        case StrategyType::rolling:
            read_rolling(fields, out);
            break;
        case StrategyType::all_at_once:
            break;
        case StrategyType::canary:
            read_canary(fields, out);
            break;
        case StrategyType::blue_green:
            read_blue_green(fields);
            break;
    }
    fields.optional("health_check", out.health_check);
    if (type == StrategyType::canary || type == StrategyType::blue_green)
        fields.optional("auto_promote", out.auto_promote);
    fields.optional("auto_rollback", out.auto_rollback);
}

}  // namespace

void read(Place place, Strategy& out) {
    Fields fields{place};
    fields.choose("type", out.type, true, [&](Fields& chosen, StrategyType type) {
        const Object config{[&](Fields& keys) { read_config(keys, type, out); }};
        if (type == StrategyType::canary)
            chosen.checked_required<Nothing>("config", config);
        else
            chosen.checked<Nothing>("config", config);
    });
    fields.finish();
    out.position = place.position();
    if (!place.describing()) out.canonical = *place.out;
}

}  // namespace tidegate::config
