#include "reconciler/forecast/forecast.h"

#include <algorithm>
#include <map>
#include <set>

#include "reconciler/engine/way_back.h"
#include "reconciler/forecast/world.h"
#include "schema/model/slots.h"

namespace tidegate::forecast {
namespace {

/// Beside others a release may begin a little later without being another one.
constexpr Milliseconds kSameTime{60'000};

AssignmentPtr find(const std::shared_ptr<const Desired>& desired, const AssignmentKey& key) {
    if (!desired) return nullptr;
    const auto found = desired->assignments.find(key);
    return found == desired->assignments.end() ? nullptr : found->second;
}

bool same_targets(const Assignment& left, const Assignment& right) {
    const auto same = [](const DesiredTarget& a, const DesiredTarget& b) {
        return a.name == b.name && a.digest == b.digest && a.agent == b.agent;
    };
    return std::ranges::equal(left.targets, right.targets, same);
}

/// Lines above an error come and go.
bool same_errors(const std::vector<Error>& left, const std::vector<Error>& right) {
    return std::ranges::equal(left, right, {}, &Error::message, &Error::message);
}

/// Not whether anything moves: whether it says something else.
bool is_changed(const AssignmentPtr& before, const AssignmentPtr& after) {
    if (before == after) return false;
    if (!before || !after) return true;
    return before->intent.commit != after->intent.commit ||
           before->definition->digest != after->definition->digest ||
           !same_targets(*before, *after) || before->paused != after->paused ||
           !same_errors(before->config_errors, after->config_errors);
}

/// What is worth telling of: what began, or waits to.
std::vector<const Release*> releases_of(const engine::State& state, const AssignmentKey& key) {
    std::vector<const Release*> releases;
    const auto found = state.assignments.find(key);
    if (found == state.assignments.end()) return releases;
    for (const auto& id : found->second.releases) {
        const auto& release = state.releases.at(id);
        if (release.started_at || !is_final(release.status)) releases.push_back(&release);
    }
    return releases;
}

bool is_near(const std::optional<Timestamp>& left, const std::optional<Timestamp>& right) {
    if (!left || !right) return left.has_value() == right.has_value();
    return std::chrono::abs(*left - *right) < kSameTime;
}

bool behaves_the_same(const World& control, const World& world, const AssignmentKey& key) {
    const auto same = [](const Release* left, const Release* right) {
        return left->id == right->id && left->status == right->status &&
               is_near(left->started_at, right->started_at);
    };
    return std::ranges::equal(releases_of(control.state(), key), releases_of(world.state(), key),
                              same);
}

std::string live_of(const World& world, const AssignmentKey& key) {
    const auto& sides = world.state().assignments.at(key).sides;
    return sides ? sides->live : "";
}

std::vector<planner::BackStep> way_back_of(const World& world, const Release& release) {
    return planner::compile_rollback(
        release, engine::situation_of(world.state(), release, world.clocks().lived));
}

std::vector<ReleaseTimeline> timelines_of(const World& world, const AssignmentKey& key,
                                          std::size_t& more) {
    std::vector<ReleaseTimeline> all;
    for (const auto* release : releases_of(world.state(), key)) {
        if (all.size() == kReleasesShown) {
            ++more;
            continue;
        }
        auto& timeline = all.emplace_back(ReleaseTimeline{*release, !release->started_at, {}});
        timeline.live = live_of(world, key);
        if (planner::is_taken_back(*release)) timeline.way_back = way_back_of(world, *release);
        for (const auto& promote : world.promotes())
            if (promote.release == release->id) timeline.promotes.push_back(promote);
    }
    return all;
}

std::vector<std::string> names_without(const AssignmentPtr& these, const AssignmentPtr& those) {
    std::set<std::string_view> known;
    if (those)
        for (const auto& target : those->targets) known.insert(target.name);
    std::vector<std::string> names;
    if (these)
        for (const auto& target : these->targets)
            if (!known.contains(target.name)) names.push_back(target.name);
    return names;
}

std::vector<std::string> away_of(const AssignmentPtr& assignment,
                                 const std::set<std::string_view>& online) {
    std::vector<std::string> names;
    if (assignment)
        for (const auto& target : assignment->targets)
            if (!online.contains(target.agent)) names.push_back(target.name);
    if (assignment)
        for (const auto& [router, agent] : assignment->routers)
            if (!online.contains(agent)) names.push_back(router);
    return names;
}

Timeline timeline_of(const World& world, const Start& start, const AssignmentKey& key,
                     const std::set<std::string_view>& online) {
    Timeline timeline;
    timeline.key = key;
    timeline.before = find(start.base, key);
    timeline.after = start.head ? find(start.head, key) : timeline.before;
    timeline.releases = timelines_of(world, key, timeline.more);
    timeline.holds = world.recorder().of(key);
    timeline.come = names_without(timeline.after, timeline.before);
    timeline.leave = names_without(timeline.before, timeline.after);
    timeline.away = away_of(timeline.after, online);
    return timeline;
}

std::set<AssignmentKey> keys_of(const Start& start) {
    std::set<AssignmentKey> keys;
    for (const auto* desired : {start.base.get(), start.head.get()})
        if (desired)
            for (const auto& [key, assignment] : desired->assignments) keys.insert(key);
    return keys;
}

/// Where a failure undoes the most: in the last deploy step; beside a live slot in what watches
/// under traffic.
std::optional<Failure> last_of(const Timeline& timeline) {
    const auto* first = timeline.first();
    if (!first || first->release.kind != ReleaseKind::introduce) return std::nullopt;
    std::optional<Failure> failure;
    for (const auto& step : first->release.steps) {
        if (const auto* work = deploy_of(step); work && !work->targets.empty())
            failure = Failure{work->targets.back(), step.index, timeline.key};
        const bool watches = !first->release.slot.empty() && kind_of(step) == StepKind::verify;
        if (failure && watches) failure->step = step.index;
    }
    return failure;
}

Undo undo_of(const World& world, const Release& release, const Failure& failure) {
    Undo undo{*failure.step, failure.target, release.status, release.reason, {}, {}, "", {}, {}};
    undo.revert = release.revert;
    const auto bad = release.targets.find(failure.target);
    std::optional<Timestamp> last;
    for (const auto& [name, progress] : release.targets) {
        if (progress.status == TargetStatus::restored) {
            undo.restored.push_back(name);
            last = std::max(last, progress.finished_at);
        } else if (!progress.action.empty()) {
            undo.left.push_back(name);
        }
    }
    if (release.last_good && !undo.restored.empty()) undo.to = release.last_good->version;
    const auto& steps = release.steps;
    const auto failed = std::ranges::find(steps, StepStatus::failed, &Step::status);
    undo.slot = release.slot;
    undo.live = live_of(world, release.key);
    undo.situation = engine::situation_of(world.state(), release, world.clocks().lived);
    undo.steps = planner::compile_rollback(release, undo.situation);
    undo.routed =
        std::ranges::count(undo.steps, planner::BackKind::route, &planner::BackStep::kind) > 0;
    if (last && bad != release.targets.end() && failed != steps.end() && failed->finished_at)
        undo.took = *last - *failed->finished_at;
    return undo;
}

/// Each release that begins, once more with a failure at its end.
void add_undos(Forecast& forecast, const Start& start, const Surroundings& around) {
    auto failing = start;
    for (const auto& timeline : forecast.timelines)
        if (auto failure = last_of(timeline)) failing.failures.push_back(*std::move(failure));
    if (failing.failures.empty()) return;
    World world{failing, around};
    world.run(failing.head);
    for (auto& timeline : forecast.timelines) {
        const auto failure = last_of(timeline);
        if (!failure) continue;
        const auto found = world.state().releases.find(timeline.first()->release.id);
        if (found == world.state().releases.end() || !is_final(found->second.status)) continue;
        timeline.undo = undo_of(world, found->second, *failure);
    }
}

Rules without_holds(Rules rules) {
    rules.window.reset();
    rules.freeze = {};
    rules.paused = false;
    rules.unsupported.clear();
    return rules;
}

/// As if a person did at once whatever it waits for.
AssignmentPtr let_go(const Assignment& assignment) {
    auto free = std::make_shared<Assignment>(assignment);
    free->paused = false;
    free->rules = without_holds(assignment.rules);
    for (auto& rules : free->anchor_rules)
        rules = std::make_shared<const Rules>(without_holds(*rules));
    return free;
}

/// The state at which all releases that wait for a person may begin; null: there are none.
std::shared_ptr<const Desired> without_waiting(const Forecast& forecast, const Desired& head) {
    auto free = std::make_shared<Desired>(head);
    bool any = false;
    for (const auto& timeline : forecast.timelines) {
        const auto* first = timeline.first();
        if (!first || !first->waits || !timeline.after) continue;
        free->assignments[timeline.key] = let_go(*timeline.after);
        any = true;
    }
    return any ? free : nullptr;
}

/// What waits for a person, as it would go once it is let go: its times count from there.
void follow_waiting(Forecast& forecast, Start& start, const Surroundings& around) {
    const auto free = without_waiting(forecast, *start.head);
    if (!free) return;
    start.head = free;
    World world{start, around};
    world.run(free);
    for (auto& timeline : forecast.timelines) {
        if (timeline.releases.empty() || !timeline.releases.front().waits) continue;
        std::size_t more = 0;
        auto followed = timelines_of(world, timeline.key, more);
        if (followed.empty() || !followed.front().release.started_at) continue;
        timeline.releases.front() = std::move(followed.front());
        timeline.releases.front().waits = true;
    }
}

}  // namespace

const Promoted* ReleaseTimeline::promote_before(int step) const {
    const Promoted* last = nullptr;
    for (const auto& promote : promotes)
        if (promote.step < step) last = &promote;
    return last;
}

namespace {

using Agents = std::map<std::string, AgentNow>;

AgentNow& agent_in(Agents& agents, const std::string& name) {
    auto& agent = agents[name];
    agent.name = name;
    return agent;
}

/// As after a switch long ago: all of the traffic goes to the first slot, and nothing else is kept.
Sides sides_of(const Assignment& assignment, Agents& agents) {
    Sides sides;
    sides.key = assignment.key;
    sides.live = kBlue;
    sides.revision = 1;
    sides.weights = {{sides.live, 100}};
    for (const auto& target : assignment.targets) sides.served[sides.live].insert(target.name);
    sides.traffic = assignment.strategy.traffic;
    sides.routers = assignment.routers;
    for (const auto& [router, agent] : assignment.routers)
        agent_in(agents, agent)
            .routes.push_back(
                {assignment.key, router, sides.revision, true, "", sides.weights, {}});
    return sides;
}

bool has_slots(const Assignment& assignment) {
    return assignment.strategy.type == StrategyType::blue_green && !assignment.definition->absent;
}

}  // namespace

void make_healthy(Start& start, const Desired& installed) {
    Agents agents;
    for (const auto& [key, assignment] : installed.assignments) {
        const auto& wished = *assignment->definition;
        const LastGood good{wished.digest, assignment->intent.digest_commit, wished.version,
                            wished.absent};
        start.good.push_back({key, good, false, ""});
        if (has_slots(*assignment)) start.sides.push_back(sides_of(*assignment, agents));
        for (const auto& target : assignment->targets) {
            Installation there;
            there.key = {target.name, key.project,
                         std::string{has_slots(*assignment) ? kBlue : ""}};
            const auto& definition = *target.definition;
            there.status = definition.absent ? InstallStatus::absent : InstallStatus::installed;
            there.version = definition.version;
            there.digest = target.digest;
            there.assignment_digest = definition.digest;
            there.commit = definition.commit;
            there.environment = key.environment;
            there.last_good = good;
            there.report = 1;
            agent_in(agents, target.agent).installations.push_back(std::move(there));
        }
    }
    for (const auto* desired : {start.base.get(), start.head.get()})
        for (const auto& [key, assignment] : desired->assignments) {
            for (const auto& target : assignment->targets) agent_in(agents, target.agent);
            for (const auto& [router, agent] : assignment->routers) agent_in(agents, agent);
        }
    for (auto& [name, agent] : agents) start.agents.push_back(std::move(agent));
}

Forecast foretell(const Start& start, const Surroundings& around) {
    Forecast forecast;
    forecast.at = start.now;
    World world{start, around};
    world.run(start.head);
    // Where the time is up there is none to compare with.
    std::optional<World> control;
    if (start.head && world.cut() != Cut::cpu) control.emplace(start, around).run(nullptr);
    std::set<std::string_view> online;
    for (const auto& agent : start.agents)
        if (agent.online) online.insert(agent.name);
    for (const auto& key : keys_of(start)) {
        const bool differs = control && !behaves_the_same(*control, world, key);
        if (differs || is_changed(find(start.base, key), find(start.head, key)))
            forecast.timelines.push_back(timeline_of(world, start, key, online));
    }
    forecast.cut = world.cut();
    forecast.cut_at = world.now();
    auto further = start;
    if (forecast.cut != Cut::cpu) follow_waiting(forecast, further, around);
    if (forecast.cut != Cut::cpu && start.failures.empty()) add_undos(forecast, further, around);
    return forecast;
}

}  // namespace tidegate::forecast
