#include "reconciler/engine/views.h"

#include <utility>

#include "reconciler/engine/behind.h"
#include "reconciler/engine/departed.h"
#include "reconciler/engine/facts.h"
#include "reconciler/engine/sides.h"
#include "reconciler/engine/way_back.h"
#include "schema/base/limits.h"

namespace tidegate::engine {
namespace {

struct Tally {
    TargetCounts counts;
    std::vector<DriftNote> drift;
    bool any_unknown = false;
};

/// As good as away; not while it is tried again.
bool is_in_trouble(const State& state, const InstallKey& key) {
    return state.troubles.contains(key) && !state.outbox_by_key.contains(key);
}

Tally tally(const State& state, const AssignmentKey& key, const Assignment& wish) {
    Tally tally;
    for (const auto& target : wish.targets) {
        const auto* seen = seen_on(state, key, target);
        const auto agent = state.agents.find(target.agent);
        const bool online = agent != state.agents.end() && agent->second.online;
        const auto compared = planner::compare({target.digest, target.definition->absent}, seen);
        auto& counts = tally.counts;
        ++counts.total;
        if (compared == planner::TargetState::in_sync) ++counts.in_sync;
        const auto action = state.outbox_by_key.find(key_of(key, target.name));
        if (action != state.outbox_by_key.end() && !state.outbox.at(action->second).lost)
            ++counts.updating;
        if (seen &&
            (seen->status == InstallStatus::failed || seen->status == InstallStatus::unknown))
            ++counts.failed;
        if (!online || is_in_trouble(state, key_of(key, target.name))) ++counts.offline;
        if (seen && seen->drifted) ++counts.drifted;
        if (seen && (seen->drifted || !seen->drift_reason.empty()) &&
            tally.drift.size() < limits::kDriftNotesShown)
            tally.drift.push_back({target.name, seen->drift_reason, seen->drifted});
        tally.any_unknown = tally.any_unknown || compared == planner::TargetState::unknown ||
                            (!seen && agent == state.agents.end());
    }
    return tally;
}

Sync sync_of(const State& state, const AssignmentKey& key, const AssignmentState& assignment,
             const Tally& tally) {
    if (!assignment.active.empty()) return Sync::releasing;
    if (quarantine_of(state, key, assignment.wish->definition->digest)) return Sync::quarantined;
    const bool nowhere = tally.counts.total == 0 && !assignment.wish->definition->absent;
    if (tally.counts.in_sync == tally.counts.total && !nowhere) return Sync::in_sync;
    if (!assignment.holds.empty()) return Sync::held;
    return tally.any_unknown ? Sync::unknown : Sync::out_of_sync;
}

std::string shown_release(const AssignmentState& assignment) {
    return assignment.active.empty() ? assignment.pending : assignment.active;
}

std::string revert_note(const State& state, const AssignmentState& assignment) {
    if (assignment.releases.empty()) return "";
    const auto& newest = state.releases.at(assignment.releases.back());
    if (newest.revert == RevertState::wanted)
        return "the revert is being written" +
               (newest.revert_note.empty() ? "" : ": " + newest.revert_note);
    if (newest.revert == RevertState::branched)
        return "merge " + newest.revert_note + " to take the change back";
    return "";
}

std::optional<SidesView> sides_view(const State& state, const AssignmentKey& key, Timestamp now) {
    const auto& sides = state.assignments.at(key).sides;
    if (!sides) return std::nullopt;
    SidesView view;
    view.live = sides->live;
    view.revision = sides->revision;
    view.weights = sides->weights;
    view.out.assign(sides->out.begin(), sides->out.end());
    if (sides->kept_until && wall_time(state, *sides->kept_until) > now)
        view.kept_until = wall_time(state, *sides->kept_until);
    for (const auto& [target, name] : sides->routers) {
        auto& router = view.routers.emplace_back();
        router.target = target;
        router.agent = name;
        const auto known = state.agents.find(name);
        router.online = known != state.agents.end() && known->second.online;
        const auto* report = report_of(state, key, target, name);
        if (!report) continue;
        router.in_force = report->in_force && report->revision == sides->revision;
        router.error = report->error;
        router.weights = report->weights;
    }
    return view;
}

}  // namespace

std::optional<AssignmentView> view_of(const State& state, const AssignmentKey& key, Timestamp now) {
    const auto found = state.assignments.find(key);
    if (found == state.assignments.end()) return std::nullopt;
    const auto& assignment = found->second;
    AssignmentView view;
    view.key = key;
    view.orphaned = orphans(state, key);
    view.release = shown_release(assignment);
    view.holds = assignment.holds;
    view.revert_note = revert_note(state, assignment);
    if (assignment.good) view.last_good = assignment.good->good;
    view.sides = sides_view(state, key, now);
    if (!assignment.wish) {
        if (view.orphaned.empty() && view.release.empty()) return std::nullopt;
        view.sync = assignment.active.empty() ? Sync::out_of_sync : Sync::releasing;
        return view;
    }
    view.desired_version = assignment.wish->definition->version;
    view.desired_digest = assignment.wish->definition->digest;
    view.desired_commit = assignment.wish->intent.commit;
    auto counted = tally(state, key, *assignment.wish);
    view.targets = counted.counts;
    view.sync = sync_of(state, key, assignment, counted);
    view.drift = std::move(counted.drift);
    view.behind_since = behind_since(assignment);
    return view;
}

bool add_view(const State& state, const AssignmentKey& key, Timestamp now, Publish& news) {
    auto view = view_of(state, key, now);
    if (!view) return false;
    news.assignments.push_back(*std::move(view));
    if (const auto* active = active_release(state, key))
        if (auto why = why_stays(state.assignments.at(key), *active); !why.empty())
            news.stays[key] = std::move(why);
    return true;
}

ReleaseChange whole_change(const Release& release) {
    ReleaseChange change{release, release.steps, {}};
    for (const auto& [name, progress] : release.targets) change.targets.push_back(progress);
    return change;
}

void merge(Release& known, ReleaseChange change) {
    static_cast<ReleaseHead&>(known) = std::move(change.head);
    for (auto& step : change.steps) {
        const auto index = static_cast<std::size_t>(step.index);
        if (index >= known.steps.size()) known.steps.resize(index + 1);
        known.steps[index] = std::move(step);
    }
    for (auto& progress : change.targets) {
        auto& place = known.targets[progress.name];
        place = std::move(progress);
    }
}

std::optional<TargetView> target_view_of(const State& state, const std::string& name) {
    const auto owner = state.owners.lower_bound(InstallKey{name, "", ""});
    if (owner == state.owners.end() || owner->first.target != name) return std::nullopt;
    const auto* target = wished_target(state.assignments.at(owner->second), name);
    TargetView view;
    view.name = name;
    view.environment = owner->second.environment;
    view.agent = target->agent;
    view.labels = target->labels;
    for (auto it = state.troubles.lower_bound(InstallKey{name, "", ""});
         it != state.troubles.end() && it->first.target == name; ++it)
        view.troubles.push_back(it->second);
    const auto agent = state.agents.find(target->agent);
    if (agent == state.agents.end()) return view;
    view.last_seen_at = agent->second.seen_at;
    view.status = agent->second.online    ? AgentStatus::online
                  : agent->second.seen_at ? AgentStatus::offline
                                          : AgentStatus::unknown;
    const auto& installations = agent->second.installations;
    for (auto it = installations.lower_bound(InstallKey{name, "", ""});
         it != installations.end() && it->first.target == name; ++it)
        if (it->second.status != InstallStatus::absent) view.installations.push_back(it->second);
    return view;
}

}  // namespace tidegate::engine
