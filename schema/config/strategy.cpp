#include <algorithm>
#include <set>

#include "schema/base/limits.h"
#include "schema/config/kinds.h"
#include "schema/config/text_rules.h"

namespace tidegate::config {
namespace {

/// 0 was let through before checks 3.
struct Percent {
    void operator()(Place place, int& out) const {
        if (place.describing()) return Integer{1, 100}(place, out);
        Integer{0, 100}(place, out);
        if (!place.out->is_null() && out == 0)
            place.error_since(Checks::third, "{} must be 1..100, got 0", place.name);
    }
};

void read_step(Place place, CanaryStep& out) {
    Fields fields{place};
    fields.optional("percent", out.percent, Percent{});
    fields.optional("weight", out.weight, Integer{0, 100});
    fields.optional("verify_duration", out.verify_duration);
    if (!place.describing() && !fields.given("percent") && !fields.given("weight"))
        place.error("a step needs percent or weight");
    fields.finish();
}

/// That each share of a list is more than the one before it.
struct Rising {
    std::string_view name;
    Checks falling;  ///< since which a smaller one is an error; an equal one is since checks 3
    int former = -1;

    void check(Place place, int share) {
        if (share <= former)
            place.error_since(share < former ? falling : Checks::third,
                              "{} must rise from step to step, got {} after {}", name, share,
                              former);
        former = share;
    }
};

/// A list of steps, at most kCanaryStepsMax since checks 3; `check(Place, CanaryStep)` looks at
/// each.
template <class Check>
void read_steps(Fields& fields, std::vector<CanaryStep>& out, bool needed, const Check& check) {
    const ListOf rule{[&](Place place, CanaryStep& step) {
                          read_step(place, step);
                          if (!place.describing()) check(place, step);
                      },
                      1};
    if (needed)
        fields.required("steps", out, rule);
    else
        fields.optional("steps", out, rule);
}

void check_count(Fields& fields, std::string_view key, std::size_t count) {
    if (count > limits::kCanaryStepsMax)
        fields.at(key).error_since(Checks::third, "{} must hold at most {} items, got {}", key,
                                   limits::kCanaryStepsMax, count);
}

void check_canary_step(Place place, const CanaryStep& step, Rising& rising) {
    if (step.weight)
        place.error_since(
            Checks::third,
            "weight is a share of traffic, a canary takes percent of the targets: for "
            "traffic write type: blue_green with canary: {{steps: [{{weight: {}}}]}}",
            *step.weight);
    if (step.percent) rising.check(place, *step.percent);
}

void check_weight_step(Place place, const CanaryStep& step, Rising& rising) {
    if (step.percent)
        place.error_since(
            Checks::third,
            "percent is a share of targets: steps of blue_green have weight, or write "
            "type: canary");
    if (step.weight) rising.check(place, *step.weight);
}

void check_group(Place place, const ClusterGroup& group, std::set<int>& priorities) {
    if (!priorities.insert(group.priority).second)
        place.error_since(Checks::third,
                          "two groups of priority {}: which goes first? give each its own",
                          group.priority);
    std::set<std::string_view> names;
    for (const auto& target : group.targets)
        if (!names.insert(target.name).second)
            place.report->error_since(Checks::third, target.position,
                                      fmt::format("target {} is twice in this group", target.name));
}

void read_group(Place place, ClusterGroup& out) {
    Fields fields{place};
    fields.required("priority", out.priority, Integer{0});
    fields.required("targets", out.targets, ListOf{Plain{}, 1});
    fields.optional("verify_duration", out.verify_duration);
    fields.optional("approval_required", out.approval_required);
    fields.optional("canary_percent", out.canary_percent, Percent{});
    fields.optional("full_rollout", out.full_rollout);
    if (out.full_rollout && out.canary_percent && *out.canary_percent < 100)
        fields.at("full_rollout")
            .error("full_rollout: true contradicts canary_percent {}", *out.canary_percent);
    fields.finish();
}

/// In the order in which they go, whatever the order in which they are written.
void read_groups(Fields& fields, std::vector<ClusterGroup>& out) {
    std::set<int> priorities;
    fields.optional("cluster_order", out,
                    ListOf{[&](Place place, ClusterGroup& group) {
                               read_group(place, group);
                               if (!place.describing()) check_group(place, group, priorities);
                           },
                           1});
    std::ranges::stable_sort(out, {}, &ClusterGroup::priority);
}

/// The short forms mean steps: canary_percent first, then all; named targets first, then all.
void read_short_canary(Fields& fields, Strategy& out) {
    std::optional<int> percent;
    CanaryStep first;
    fields.optional("canary_percent", percent, Percent{});
    fields.optional("verify_duration", first.verify_duration);
    fields.optional("canary_targets", out.canary_targets, ListOf{Plain{}, 1});
    fields.checked<Nothing>("canary_selector", Object{[&](Fields& selector) {
                                selector.required("labels", out.canary_selector, Labels{});
                            }});
    if (percent == 100)
        fields.at("canary_percent")
            .error_since(Checks::third,
                         "canary_percent 100 takes all at once, and nothing is tried "
                         "first: write less, or type: all_at_once");
    first.percent = percent;
    if (out.steps.empty() && out.cluster_order.empty())
        out.steps.push_back(first);
    else if (fields.given("verify_duration"))
        fields.at("verify_duration")
            .error("verify_duration belongs into each entry of steps or cluster_order");
    if (out.cluster_order.empty() && out.steps.back().percent != 100)
        out.steps.push_back({100, std::nullopt, Seconds{0}});
}

/// Without slots: a target gets no traffic while something is done to it.
void read_drains(Fields& fields, Strategy& out) {
    fields.optional("traffic", out.traffic);
    fields.optional("switch_timeout", out.switch_timeout, Duration{});
}

void read_canary(Fields& fields, Strategy& out) {
    Rising rising{"percent", Checks::first};
    read_steps(fields, out.steps, false, [&](Place place, const CanaryStep& step) {
        check_canary_step(place, step, rising);
    });
    read_groups(fields, out.cluster_order);
    read_short_canary(fields, out);
    fields.optional("promote_timeout", out.promote_timeout, Duration{});
    read_drains(fields, out);
    if (fields.describing()) return;
    check_count(fields, "steps", out.steps.size());
    check_count(fields, "cluster_order", out.cluster_order.size());
    const auto named = fields.given("canary_selector") ? "canary_selector" : "canary_targets";
    fields.only_one_of({"steps", "canary_percent", named, "cluster_order"}, true);
}

/// Of 0 nothing would be seen under way, unless a header sends requests there.
void check_first_weight(Fields& fields, const Strategy& out) {
    const bool by_header = out.traffic && out.traffic->header;
    auto canary = fields.at("canary");
    const bool is_read = canary.report->errors.empty();  // a weight that is none counts as 0
    if (is_read && !out.steps.empty() && out.steps.front().weight == 0 && !by_header)
        canary.error_since(
            Checks::fourth,
            "weight 0 sends nothing to the new side: begin with more, or name a header in traffic");
}

/// `canary` makes it hybrid: the new colour gets its traffic in steps before it gets all.
void read_blue_green(Fields& fields, Strategy& out) {
    fields.optional("switch_timeout", out.switch_timeout, Duration{});
    fields.optional("keep_old", out.keep_old);
    fields.optional("verify_duration", out.verify_duration);
    fields.optional("promote_timeout", out.promote_timeout, Duration{});
    Rising rising{"weight", Checks::third};
    fields.checked<Nothing>("canary", Object{[&](Fields& canary) {
                                read_steps(canary, out.steps, true,
                                           [&](Place place, const CanaryStep& step) {
                                               check_weight_step(place, step, rising);
                                           });
                                if (!canary.describing())
                                    check_count(canary, "steps", out.steps.size());
                            }});
    if (!out.steps.empty() && out.steps.back().weight != 100)
        out.steps.push_back({std::nullopt, 100, Seconds{0}});
    fields.optional("traffic", out.traffic);
    if (!fields.describing()) check_first_weight(fields, out);
}

/// How much moves at a time, and how much of it may fail.
void read_pace(Fields& fields, Strategy& out) {
    fields.optional("batch_size", out.batch_size);
    fields.optional("max_unavailable", out.max_unavailable);
    fields.optional("max_failed", out.max_failed, Quantity{0});
    if (out.max_failed && out.max_failed->value == 0) out.max_failed.reset();
}

void read_config(Fields& fields, StrategyType type, Strategy& out) {
    if (type != StrategyType::all_at_once) read_pace(fields, out);
    if (type == StrategyType::rolling) {
        fields.optional("batch_interval", out.batch_interval);
        read_drains(fields, out);
    }
    if (type == StrategyType::canary) read_canary(fields, out);
    if (type == StrategyType::blue_green) read_blue_green(fields, out);
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
    if (!place.describing() && out.type == StrategyType::blue_green && !out.traffic)
        place.error_since(
            Checks::third,
            "blue_green needs traffic, which sends requests to one side or the other: "
            "name a router, or use rolling or canary");
    if (!place.describing()) out.canonical = *place.out;
}

}  // namespace tidegate::config
