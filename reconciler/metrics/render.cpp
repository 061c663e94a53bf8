#include "reconciler/metrics/render.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <set>
#include <sstream>

namespace tidegate::metrics {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

/// Collects families; one call per name keeps names, types and helps together.
class Families {
public:
    MetricFamily& counter(std::string name, std::string help) {
        return add(std::move(name), std::move(help), MetricType::Counter);
    }
    MetricFamily& gauge(std::string name, std::string help) {
        return add(std::move(name), std::move(help), MetricType::Gauge);
    }
    void counter(std::string name, std::string help, double value) {
        sample(counter(std::move(name), std::move(help)), {}, value);
    }
    void gauge(std::string name, std::string help, double value) {
        sample(gauge(std::move(name), std::move(help)), {}, value);
    }
    static void sample(MetricFamily& family, Labels labels, double value) {
        ClientMetric metric;
        metric.label = std::move(labels);
        (family.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
        family.metric.push_back(std::move(metric));
    }
    [[nodiscard]] std::string text() const {
        std::ostringstream out;
        prometheus::TextSerializer{}.Serialize(out, families_);
        return out.str();
    }

private:
    MetricFamily& add(std::string name, std::string help, MetricType type) {
        return families_.emplace_back(MetricFamily{std::move(name), std::move(help), type, {}});
    }
    std::vector<MetricFamily> families_;
};

double number(auto value) { return static_cast<double>(value); }
double seconds(Milliseconds duration) { return std::chrono::duration<double>(duration).count(); }
double unix_seconds(Timestamp at) { return seconds(at.time_since_epoch()); }

Labels labels_of(const AssignmentKey& key) {
    return {{"environment", key.environment}, {"project", key.project}};
}
Labels labels_of(const AssignmentKey& key, std::string name, std::string_view value) {
    auto labels = labels_of(key);
    labels.push_back({std::move(name), std::string(value)});
    return labels;
}

/// Of the engine's own names, so that the series exist before their first event.
std::map<std::string, std::uint64_t> with_zeros(std::map<std::string, std::uint64_t> counts,
                                                const auto& names) {
    for (const auto name : names) counts.try_emplace(std::string(name), 0);
    return counts;
}

void add_daemon(Families& out, const StatusSnapshot& snapshot) {
    Families::sample(out.gauge("tidegate_build_info", "Version of the daemon, always 1."),
                     {{"version", snapshot.version}}, 1);
    out.gauge("tidegate_start_time_seconds", "When the daemon started, Unix time.",
              unix_seconds(snapshot.started_at));
    out.gauge("tidegate_ready", "1 once a commit was accepted.", number(snapshot.ready));
    out.gauge("tidegate_epoch", "Fencing number of this daemon.", number(snapshot.epoch));
    out.gauge("tidegate_fenced", "1 when an agent has seen a newer reconciler: nothing moves.",
              number(snapshot.fenced));
    out.gauge("tidegate_agents_online", "Agents with a session.", number(snapshot.agents_online));
    out.gauge("tidegate_agents_known", "Agents that serve a target or that are enrolled.",
              number(snapshot.agents_known));
    out.counter("tidegate_agents_refused_total", "Connections of agents that were refused.",
                number(snapshot.counters.agents_refused));
    out.counter("tidegate_enrolments_refused_total", "Enrolment tokens that were not accepted.",
                number(snapshot.counters.enrolments_refused));
    out.counter("tidegate_agent_packets_dropped_total",
                "First packets of new connections that were dropped for want of room.",
                number(snapshot.counters.initials_dropped));
    out.counter("tidegate_alerts_total", "Alerts raised.", number(snapshot.counters.alerts));
    out.gauge("tidegate_store_blocked", "1 while the store takes no writes: nothing moves.",
              number(!snapshot.store_trouble.empty()));
}

/// Nothing is younger than now, wherever the clock was when it was written.
double age(Timestamp since, Timestamp now) { return std::max(0.0, seconds(now - since)); }

void add_config(Families& out, const StatusSnapshot& snapshot, Timestamp now) {
    const auto& counters = snapshot.counters;
    out.counter("tidegate_polls_total", "Looks at the config repo.", number(counters.polls));
    out.counter("tidegate_poll_failures_total", "Looks that did not reach the config repo.",
                number(counters.poll_failures));
    // A daemon that never reaches it must raise the same alert as one that does not any more.
    const auto heard = snapshot.config.last_poll_at.value_or(snapshot.started_at);
    out.gauge("tidegate_last_poll_age_seconds",
              "Since the config repo was last reached, or else since the start.", age(heard, now));
    out.counter("tidegate_commits_accepted_total", "Commits taken from the config repo.",
                number(counters.commits_accepted));
    out.counter("tidegate_commits_held_total", "Tips refused whole.",
                number(counters.commits_held));
    out.gauge("tidegate_config_errors", "Errors in the config repo's tip.",
              number(counters.config_errors));
    out.gauge("tidegate_config_tip_held",
              "1 while the tip is refused whole: rewritten history or an untrusted commit.",
              number(snapshot.config.tip_state == TipState::held));
}

void add_work(Families& out, const DaemonCounters& counters) {
    out.counter("tidegate_actions_sent_total", "Actions sent to agents.",
                number(counters.actions_sent));
    auto& actions = out.counter("tidegate_actions_total", "Actions that ended, by outcome.");
    for (const auto& [outcome, count] :
         with_zeros(counters.actions_ended, enum_names(ActionOutcome{})))
        Families::sample(actions, {{"outcome", outcome}}, number(count));
    auto& releases = out.counter("tidegate_releases_total", "Releases that ended, by status.");
    constexpr std::array kFinal{"success", "failed", "cancelled", "rollback"};
    for (const auto& [status, count] : with_zeros(counters.releases_ended, kFinal))
        Families::sample(releases, {{"status", status}}, number(count));
    auto& reverts = out.counter("tidegate_reverts_total", "Reverts of guilty commits, by result.");
    Families::sample(reverts, {{"result", "pushed"}}, number(counters.reverts_pushed));
    Families::sample(reverts, {{"result", "failed"}}, number(counters.reverts_failed));
    out.counter("tidegate_engine_steps_total", "Events that the engine handled.",
                number(counters.engine_steps));
    out.counter("tidegate_engine_seconds_total", "Time spent in the engine.",
                counters.engine_seconds);
    out.counter("tidegate_store_commits_total", "Durable writes to the store.",
                number(counters.store_commits));
    out.counter("tidegate_store_seconds_total", "Time spent in the store.", counters.store_seconds);
}

/// Shows `visit` the assignments that are in Git. What left it has a view while something of it is
/// installed or on its way, but no series: its alerts end with it.
void each_desired(const StatusSnapshot& snapshot, auto&& visit) {
    for (const auto& [key, view] : snapshot.assignments)
        if (!view->desired_commit.empty()) visit(key, *view);
}

void add_sync(Families& out, const StatusSnapshot& snapshot) {
    auto& family = out.gauge("tidegate_assignment_sync",
                             "1 for the state that the assignment is in, by sync.");
    each_desired(snapshot, [&](const auto& key, const auto& view) {
        Families::sample(family, labels_of(key, "sync", to_string(view.sync)), 1);
    });
    auto& info = out.gauge("tidegate_assignment_info",
                           "Desired version of the assignment, always 1; to join to alerts.");
    each_desired(snapshot, [&](const auto& key, const auto& view) {
        Families::sample(info, labels_of(key, "version", view.desired_version), 1);
    });
}

void add_targets(Families& out, const StatusSnapshot& snapshot) {
    auto& total = out.gauge("tidegate_assignment_targets", "Targets of the assignment.");
    each_desired(snapshot, [&](const auto& key, const auto& view) {
        Families::sample(total, labels_of(key), view.targets.total);
    });
    auto& states = out.gauge("tidegate_assignment_targets_state",
                             "Targets of the assignment, by state; a target may be in several.");
    each_desired(snapshot, [&](const auto& key, const auto& view) {
        const auto& counts = view.targets;
        const std::pair<std::string_view, int> parts[] = {{"in_sync", counts.in_sync},
                                                          {"updating", counts.updating},
                                                          {"failed", counts.failed},
                                                          {"offline", counts.offline},
                                                          {"drifted", counts.drifted}};
        for (const auto& [state, count] : parts)
            Families::sample(states, labels_of(key, "state", state), count);
    });
}

void add_orphans(Families& out, const StatusSnapshot& snapshot) {
    auto& family = out.gauge("tidegate_orphaned_targets",
                             "Targets that still have what Git no longer wants there.");
    for (const auto& [key, view] : snapshot.assignments)
        if (!view->orphaned.empty())
            Families::sample(family, labels_of(key), number(view->orphaned.size()));
}

void add_behind(Families& out, const StatusSnapshot& snapshot, Timestamp now) {
    auto& family =
        out.gauge("tidegate_assignment_behind_seconds",
                  "Age of the oldest target that the others have left behind; 0 = none.");
    each_desired(snapshot, [&](const auto& key, const auto& view) {
        Families::sample(family, labels_of(key),
                         view.behind_since ? age(*view.behind_since, now) : 0);
    });
}

void add_holds(Families& out, const StatusSnapshot& snapshot) {
    auto& family = out.gauge("tidegate_assignment_held", "1 for each gate that holds it.");
    each_desired(snapshot, [&](const auto& key, const auto& view) {
        std::set<std::string> gates;
        for (const auto& hold : view.holds) gates.insert(hold.gate);
        for (const auto& gate : gates) Families::sample(family, labels_of(key, "gate", gate), 1);
    });
}

/// Two slots at the most, and limits::kRouterTargetsMax routers, of each.
void add_sides(Families& out, const StatusSnapshot& snapshot) {
    const auto each = [&](auto&& visit) {
        for (const auto& [key, view] : snapshot.assignments)
            if (view->sides) visit(key, *view->sides);
    };
    auto& live = out.gauge("tidegate_live_slot", "1 for the slot that has what is kept.");
    each([&](const auto& key, const auto& sides) {
        if (!sides.live.empty()) Families::sample(live, labels_of(key, "slot", sides.live), 1);
    });
    auto& weights =
        out.gauge("tidegate_route_weight", "Percent of the traffic that a slot is to get.");
    each([&](const auto& key, const auto& sides) {
        for (const auto& [slot, weight] : sides.weights)
            Families::sample(weights, labels_of(key, "slot", slot), weight);
    });
    auto& routers = out.gauge("tidegate_router_in_force",
                              "1 while a router does as it is told, 0 while it does not.");
    each([&](const auto& key, const auto& sides) {
        for (const auto& router : sides.routers)
            Families::sample(routers, labels_of(key, "router", router.target),
                             number(router.in_force));
    });
}

/// The words go away with the trouble.
void add_troubles(Families& out, const StatusSnapshot& snapshot) {
    auto& family = out.gauge("tidegate_host_trouble",
                             "1 while a host cannot have a project, with the reason.");
    for (const auto& [name, target] : snapshot.targets)
        for (const auto& trouble : target->troubles)
            Families::sample(
                family,
                {{"target", name}, {"project", trouble.project}, {"reason", trouble.reason}}, 1);
}

/// The owner comes from the project's document: alerts reach the right people through it.
void add_projects(Families& out, const StatusSnapshot& snapshot) {
    auto& family = out.gauge("tidegate_project_info", "Owner of the project, always 1.");
    if (!snapshot.documents) return;
    for (const auto& [path, file] : *snapshot.documents)
        if (file->document)
            if (const auto* project = std::get_if<Project>(file->document.get()))
                Families::sample(family, {{"project", project->name}, {"owner", project->owner}},
                                 1);
}

void add_active(Families& out, const StatusSnapshot& snapshot) {
    std::map<std::string, std::uint64_t> active;
    constexpr std::array kActive{"running", "paused", "rolling_back"};
    for (const auto& [id, release] : snapshot.releases)
        if (is_active(release->status)) ++active[std::string(to_string(release->status))];
    auto& family = out.gauge("tidegate_releases_active", "Releases under way, by status.");
    for (const auto& [status, count] : with_zeros(active, kActive))
        Families::sample(family, {{"status", status}}, number(count));
}

}  // namespace

std::string render(const StatusSnapshot& snapshot, Timestamp now) {
    Families families;
    add_daemon(families, snapshot);
    add_config(families, snapshot, now);
    add_work(families, snapshot.counters);
    add_active(families, snapshot);
    add_sync(families, snapshot);
    add_targets(families, snapshot);
    add_behind(families, snapshot, now);
    add_orphans(families, snapshot);
    add_holds(families, snapshot);
    add_sides(families, snapshot);
    add_troubles(families, snapshot);
    add_projects(families, snapshot);
    return families.text();
}

}  // namespace tidegate::metrics
