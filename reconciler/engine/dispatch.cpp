#include "reconciler/engine/dispatch.h"

#include <algorithm>

#include "reconciler/engine/admission.h"
#include "reconciler/engine/facts.h"
#include "reconciler/engine/steps.h"
#include "reconciler/engine/way_back.h"
#include "reconciler/planner/action.h"
#include "schema/base/limits.h"
#include "schema/resolve/action_size.h"
#include "schema/resolve/digest.h"

namespace tidegate::engine {
namespace {

constexpr std::size_t kHoldsShown = 100;

ActionKind kind_of(const Release& release, const Definition& definition) {
    if (definition.absent) return ActionKind::uninstall;
    switch (release.operation) {
        case Operation::install:
            return ActionKind::install;
        case Operation::update:
            return ActionKind::update;
        case Operation::deploy:
            break;
    }
    return ActionKind::deploy;
}

Way way_forward(const AssignmentState& assignment, const Release& release,
                const DesiredTarget& target) {
    auto definition = target.pinned ? target.definition : definition_of(assignment, release.digest);
    const auto kind = definition ? kind_of(release, *definition) : ActionKind::deploy;
    return {std::move(definition), kind, ""};
}

/// Only where it leaves room for the good definition: a way back that cannot be sent restores
/// nothing.
std::string fitting(const std::string& script, const planner::ActionSpec& spec) {
    const auto bytes = script.size() + action_bytes(spec.definition) + action_bytes(spec.target);
    return bytes <= limits::kActionBytesMax ? script : "";
}

OutboxEntry make_entry(Turn& turn, const Release& release, const DesiredTarget& target,
                       const Way& way, const Order& order) {
    const auto& definition = *way.definition;
    const auto& assignment = turn.state.assignments.at(release.key);
    const auto& progress = release.targets.at(target.name);
    const auto* seen = seen_on(turn.state, release.key, target);
    planner::ActionSpec spec{.release = release,
                             .target = target,
                             .definition = definition,
                             .check = order.restore ? definition.health_check
                                                    : rules_of(assignment)->strategy.health_check,
                             .step = order.step,
                             .attempt = progress.attempt,
                             .kind = way.kind,
                             .digest = order.restore
                                           ? target_digest(definition.digest, target.config_digest)
                                           : target_digest_for(target, definition.digest),
                             .current_version = seen ? seen->version : "",
                             .last_good = {},
                             .rejected = {},
                             .rollback_script = {},
                             .repo = turn.state.desired ? turn.state.desired->repo : "",
                             .branch = turn.state.desired ? turn.state.desired->branch : ""};
    if (assignment.good) spec.last_good = assignment.good->good;
    if (order.restore) {
        spec.current_version = release.to;
        spec.last_good = release.last_good;
        spec.rejected = LastGood{release.digest, release.digest_commit, release.to};
        spec.rollback_script = fitting(way.rollback_script, spec);
    }
    auto action = planner::render(spec);
    const auto deadline = turn.lived + action.start_within + action.deadline;
    return {std::move(action), release.key, target.agent, order.restore, true, turn.now, deadline};
}

bool still_wanted(const State& state, const AssignmentState& assignment, const Release& release,
                  const OutboxEntry& entry) {
    return may_go_on(state, entry) && (entry.restore || !is_superseded(assignment, release));
}

/// It never reached the agent: as if it had not been sent.
void withdraw(Turn& turn, Release& release, const OutboxEntry& entry) {
    auto& progress = release.targets.at(entry.action.key.target);
    if (progress.action == entry.action.id) {
        progress.status = TargetStatus::cancelled;
        progress.action.clear();
        turn.save(release, progress);
    }
    turn.audit("action.withdrawn", entry.action.id, entry.action.commit,
               json_object({{"target", entry.action.key.text()}, {"release", release.id}}));
    turn.erase_outbox(std::string(entry.action.id));
}

void withdraw_unsent(Turn& turn, Release& release, const OutboxEntry& entry) {
    const Order order{entry.action.step, entry.restore};
    withdraw(turn, release, entry);
    if (!order.restore) take_admission_back(turn, release, order.step);
}

/// Of an entry whose target left or went to another agent: how long its end is waited for.
std::optional<Lived> lost_at(const AssignmentState& assignment, const OutboxEntry& entry) {
    const auto* target = wished_target(assignment, entry.action.key.target);
    if (target && target->agent == entry.agent) return std::nullopt;
    return entry.deadline;
}

void give_up(Turn& turn, Release& release, const OutboxEntry& entry) {
    remove_from_steps(turn, release, {entry.action.key.target});
    withdraw(turn, release, entry);
}

/// It never reached the agent, and gates hold it now: its target waits for them as before, by the
/// step's own clock, and is dispatched anew (the same action, as the attempt is the same).
void take_back(Turn& turn, Release& release, const OutboxEntry& entry) {
    auto& progress = release.targets.at(entry.action.key.target);
    if (progress.action == entry.action.id) {
        progress.status = TargetStatus::waiting;
        progress.action.clear();
        progress.started_at.reset();
        turn.save(release, progress);
        turn.state.assignments.at(release.key).targets_changed = true;
        take_admission_back(turn, release, entry.action.step);
    }
    turn.erase_outbox(std::string(entry.action.id));
}

void resend(Turn& turn, Release& release, OutboxEntry& entry, Unsent unsent) {
    const auto question = question_anew(turn.state, release, {entry.action.step, entry.restore});
    const auto holds = dispatch_holds(turn, release.key, question);
    add_holds(turn, release.key, holds);
    if (!holds.empty() && !entry.restore) return take_back(turn, release, entry);
    if (!holds.empty() || unsent == Unsent::kept) return;
    entry.sent = true;
    turn.send(entry.agent, Run{turn.state.epoch, entry.action});
}

}  // namespace

void add_holds(Turn& turn, const AssignmentKey& key, const std::vector<Hold>& holds) {
    auto& shown = turn.state.assignments[key].holds;
    for (const auto& hold : holds) {
        if (hold.until) turn.wake(key, *hold.until);
        if (shown.size() < kHoldsShown && std::ranges::find(shown, hold) == shown.end())
            shown.push_back(hold);
    }
}

GateQuestion question_of(const Release& release, const Order& order) {
    if (order.restore) return {release.kind, true, false, false};
    const auto& step = release.steps.at(static_cast<std::size_t>(order.step));
    return {release.kind, false, release.admitted, step.admitted_at.has_value()};
}

std::vector<Hold> dispatch_holds(Turn& turn, const AssignmentKey& key,
                                 const GateQuestion& question) {
    const auto& state = turn.state;
    if (state.fenced) return {{"fenced", "another daemon took over", {}}};
    const auto* rules = rules_of(state.assignments.at(key));
    if (!rules) return {};
    auto holds = evaluate_gates(*rules, question, turn.now);
    if (!state.git_hold.empty() && !question.restore)
        holds.push_back({"config", state.git_hold, {}});
    for (const auto& hold : holds)
        if (hold.until) turn.wake(key, *hold.until);
    return holds;
}

bool dispatch(Turn& turn, Release& release, const DesiredTarget& target, const Order& order) {
    const auto& assignment = turn.state.assignments.at(release.key);
    auto& progress = release.targets[target.name];
    const auto way = order.restore ? way_back(assignment, release, progress.attempt)
                                   : way_forward(assignment, release, target);
    if (!way.definition || turn.state.fenced) return false;
    const auto entry = make_entry(turn, release, target, way, order);
    if (order.restore && progress.failed_action.empty()) progress.failed_action = progress.action;
    progress.status = order.restore ? TargetStatus::restoring : TargetStatus::dispatched;
    progress.action = entry.action.id;
    progress.error.clear();
    progress.finished_at.reset();
    progress.started_at = turn.now;
    turn.put(entry);
    turn.save(release, progress);
    turn.touch_target(target.name);
    turn.audit(order.restore ? "action.restore" : "action.run", entry.action.id, release.commit,
               json_object({{"release", release.id},
                            {"target", entry.action.key.text()},
                            {"version", entry.action.version},
                            {"agent", entry.agent}}));
    turn.send(entry.agent, Run{turn.state.epoch, entry.action});
    return true;
}

void tend_outbox(Turn& turn, const AssignmentKey& key, Unsent unsent) {
    auto& assignment = turn.state.assignments[key];
    const auto ids = assignment.in_flight;
    for (const auto& id : ids) {
        auto& entry = turn.state.outbox.at(id);
        auto& release = turn.state.releases.at(entry.action.release);
        const auto agent = turn.state.agents.find(entry.agent);
        const bool online = agent != turn.state.agents.end() && agent->second.online;
        const bool wanted = still_wanted(turn.state, assignment, release, entry);
        const auto lost = lost_at(assignment, entry);
        if (lost && turn.lived < *lost) turn.wake(key, *lost);
        if (lost && turn.lived >= *lost) {
            give_up(turn, release, entry);
        } else if (online && !entry.sent) {
            if (wanted)
                resend(turn, release, entry, unsent);
            else
                withdraw_unsent(turn, release, entry);
        } else if (online && !entry.restore && release.status == ReleaseStatus::rolling_back &&
                   turn.state.cancelled.insert(id).second) {
            turn.send(entry.agent, Cancel{turn.state.epoch, id});
        }
    }
}

bool may_go_on(const State& state, const OutboxEntry& entry) {
    const auto& release = state.releases.at(entry.action.release);
    if (entry.restore)
        return release.status == ReleaseStatus::rolling_back ||
               state.assignments.at(release.key).owing.contains(release.id);
    return is_active(release.status) && release.status != ReleaseStatus::rolling_back &&
           !quarantine_of(state, release.key, entry.action.assignment_digest);
}

bool is_superseded(const AssignmentState& assignment, const Release& release) {
    if (!assignment.wish || assignment.wish->intent.commit != release.commit) return true;
    return !is_upkeep(release.kind) && assignment.wish->definition->digest != release.digest;
}

}  // namespace tidegate::engine
