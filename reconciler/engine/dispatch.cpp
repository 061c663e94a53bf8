#include "reconciler/engine/dispatch.h"

#include <algorithm>

#include "reconciler/engine/admission.h"
#include "reconciler/engine/engine.h"
#include "reconciler/engine/facts.h"
#include "reconciler/engine/retire.h"
#include "reconciler/engine/room.h"
#include "reconciler/engine/sides.h"
#include "reconciler/engine/steps.h"
#include "reconciler/engine/verify.h"
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

/// An agent clears a slot by its own script: of the last one that is the uninstall's.
DefinitionPtr uninstalling_slot(const Definition& definition) {
    auto made = std::make_shared<Definition>(definition);
    auto& script = made->deploy.script;
    if (!script.uninstall_script.empty()) script.slot_remove_script = script.uninstall_script;
    return made;
}

Way way_forward(const AssignmentState& assignment, const Release& release,
                const DesiredTarget& target) {
    auto definition = target.pinned ? target.definition : definition_of(assignment, release.digest);
    const auto kind = definition ? kind_of(release, *definition) : ActionKind::deploy;
    if (kind == ActionKind::uninstall && !release.slot.empty())
        definition = uninstalling_slot(*definition);
    return {std::move(definition), kind, ""};
}

/// Only where it leaves room for the good definition: a way back that cannot be sent restores
/// nothing.
std::string fitting(const std::string& script, const planner::ActionSpec& spec) {
    const auto bytes = script.size() + action_bytes(spec.definition) + action_bytes(spec.target);
    return bytes <= limits::kActionBytesMax ? script : "";
}

/// A slot that a bad version leaves: its agent remembers that, as after a restore.
std::optional<LastGood> rejected_by(const State& state, const AssignmentKey& key,
                                    const Definition& cleared) {
    const auto* quarantine = quarantine_of(state, key, cleared.digest);
    if (!quarantine) return std::nullopt;
    return LastGood{quarantine->digest, quarantine->digest_commit, quarantine->version};
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
                             .branch = turn.state.desired ? turn.state.desired->branch : "",
                             .slot = release.slot,
                             .live_slot = live_slot(turn.state, release.key),
                             .imagined = turn.state.imagined};
    if (assignment.good) spec.last_good = assignment.good->good;
    if (release.kind == ReleaseKind::retire)
        spec.rejected = rejected_by(turn.state, release.key, definition);
    if (order.restore) {
        spec.current_version = release.to;
        spec.last_good = release.last_good;
        // One that is let go says nothing against the version.
        if (!progress.let_go)
            spec.rejected = LastGood{release.digest, release.digest_commit, release.to};
        spec.rollback_script = fitting(way.rollback_script, spec);
    }
    auto action = planner::render(spec);
    const auto due = outcome_due(turn.lived, action);
    return {std::move(action), release.key, target.agent, order.restore, true, turn.now, due};
}

/// Of a forecast's action, which has no variables: what it takes at most.
std::size_t bytes_of(const State& state, const Action& action, const DesiredTarget& target,
                     const Way& way) {
    if (!state.imagined) return action_bytes(action);
    return action_bytes(*way.definition) + action_bytes(target) + action.rollback_script.size();
}

/// A forecast asks who has room by an action's size, and how long it may take; never what it holds.
void leave_contents_out(State& state, Action& action, std::size_t bytes) {
    state.imagined_bytes[action.id] = bytes;
    action.deploy = {};
    action.pipeline = {};
}

bool still_wanted(const State& state, const AssignmentState& assignment, const Release& release,
                  const OutboxEntry& entry) {
    return !entry.lost && may_go_on(state, entry) &&
           (entry.restore || !is_superseded(assignment, release));
}

void audit_withdrawn(Turn& turn, const Release& release, const OutboxEntry& entry) {
    turn.audit("action.withdrawn", entry.action.id, entry.action.commit,
               json_object({{"target", entry.action.key.text()}, {"release", release.id}}));
}

/// It never reached the agent: as if it had not been sent.
void withdraw(Turn& turn, Release& release, const OutboxEntry& entry) {
    auto& progress = release.targets.at(entry.action.key.target);
    if (progress.action == entry.action.id) {
        progress.status = TargetStatus::cancelled;
        progress.action.clear();
        turn.save(release, progress);
    }
    audit_withdrawn(turn, release, entry);
    turn.erase_outbox(std::string(entry.action.id));
}

void withdraw_unsent(Turn& turn, Release& release, const OutboxEntry& entry) {
    const Order order{entry.action.step, entry.restore};
    withdraw(turn, release, entry);
    if (!order.restore) take_admission_back(turn, release, order.step);
}

/// A switch back waits for none of what it cancels.
bool is_taken_back(const Release& release) {
    return release.status == ReleaseStatus::rolling_back ||
           release.status == ReleaseStatus::rollback;
}

/// Its target left, or went to another agent.
bool has_left(const AssignmentState& assignment, const OutboxEntry& entry) {
    const auto* target = wished_target(assignment, entry.action.key.target);
    return !target || target->agent != entry.agent;
}

void give_up(Turn& turn, Release& release, const OutboxEntry& entry) {
    remove_from_steps(turn, release, {entry.action.key.target});
    withdraw(turn, release, entry);
}

/// It never reached the agent, and gates hold it now, or the agent has enough to do: its target
/// waits as before, and is dispatched anew (the same action, as the attempt is the same).
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
    audit_withdrawn(turn, release, entry);
    turn.erase_outbox(std::string(entry.action.id));
}

/// Or a place in the line for one.
bool takes_place(Turn& turn, const AssignmentKey& key, const std::string& agent, bool restore,
                 std::size_t bytes) {
    if (has_room(turn.state, agent, restore, bytes)) return true;
    wait_for_room(turn.state, agent, key, restore);
    return false;
}

void resend(Turn& turn, Release& release, OutboxEntry& entry, Resend when) {
    const auto question = question_anew(turn.state, release, {entry.action.step, entry.restore});
    const auto holds = dispatch_holds(turn, release.key, question);
    add_holds(turn, release.key, holds);
    if (holds.empty() && when == Resend::later) return;
    const bool goes = holds.empty() && takes_place(turn, release.key, entry.agent, entry.restore,
                                                   bytes_of(turn.state, entry.action));
    if (!goes && !entry.restore) return take_back(turn, release, entry);
    if (!goes) return;
    entry.sent = true;
    turn.send(entry.agent, Run{turn.state.epoch, entry.action});
}

std::vector<Hold> holds_at(const State& state, const AssignmentKey& key,
                           const GateQuestion& question, Timestamp now) {
    if (state.fenced) return {{"fenced", "another daemon took over", {}}};
    const auto* rules = rules_of(state.assignments.at(key));
    if (!rules) return {};
    auto holds = evaluate_gates(*rules, question, now);
    if (!state.git_hold.empty() && !question.restore)
        holds.push_back({"config", state.git_hold, {}});
    return holds;
}

/// What was admitted, but of which nothing ever left, begins now.
GateQuestion question_at_leaving(const State& state, const Release& release, const Order& order) {
    auto question = question_of(release, order);
    const auto left = state.left.find(release.id);
    const bool any = left != state.left.end();
    question.release_admitted = question.release_admitted && any;
    question.step_admitted = question.step_admitted && any && left->second >= order.step;
    return question;
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
    auto holds = holds_at(turn.state, key, question, turn.now);
    for (const auto& hold : holds)
        if (hold.until) turn.wake(key, *hold.until);
    return holds;
}

Dispatched dispatch(Turn& turn, Release& release, const DesiredTarget& target, const Order& order) {
    const auto& assignment = turn.state.assignments.at(release.key);
    auto& progress = release.targets[target.name];
    const auto way = order.restore ? way_back(assignment, release, progress.attempt)
                     : release.kind == ReleaseKind::retire
                         ? way_to_retire(turn.state, release, target)
                         : way_forward(assignment, release, target);
    if (!way.definition || turn.state.fenced) return Dispatched::loading;
    if (!takes_place(turn, release.key, target.agent, order.restore, 0)) return Dispatched::crowded;
    auto entry = make_entry(turn, release, target, way, order);
    const auto bytes = bytes_of(turn.state, entry.action, target, way);
    if (!takes_place(turn, release.key, target.agent, order.restore, bytes))
        return Dispatched::crowded;
    if (order.restore && progress.failed_action.empty()) progress.failed_action = progress.action;
    progress.status = order.restore ? TargetStatus::restoring : TargetStatus::dispatched;
    progress.action = entry.action.id;
    progress.error.clear();
    progress.finished_at.reset();
    progress.started_at = turn.now;
    if (turn.state.imagined) leave_contents_out(turn.state, entry.action, bytes);
    turn.put(entry);
    turn.save(release, progress);
    turn.touch_target(target.name);
    if (!turn.state.imagined)
        turn.audit(order.restore ? "action.restore" : "action.run", entry.action.id, release.commit,
                   json_object({{"release", release.id},
                                {"target", entry.action.key.text()},
                                {"version", entry.action.version},
                                {"agent", entry.agent}}));
    turn.send(entry.agent, Run{turn.state.epoch, std::move(entry.action)});
    return Dispatched::sent;
}

void tend_outbox(Turn& turn, const AssignmentKey& key, Resend when) {
    auto& assignment = turn.state.assignments[key];
    const auto ids = assignment.in_flight;
    for (const auto& id : ids) {
        auto& entry = turn.state.outbox.at(id);
        auto& release = turn.state.releases.at(entry.action.release);
        const auto reached = reach(turn.state, entry.agent, turn.lived);
        const bool online = reached == Reach::online;
        const bool wanted = still_wanted(turn.state, assignment, release, entry);
        const bool left = has_left(assignment, entry);
        if (left) turn.wake(key, *entry.deadline);
        if (left && (reached == Reach::offline || turn.lived >= *entry.deadline)) {
            give_up(turn, release, entry);
        } else if (online && !entry.sent) {
            if (wanted)
                resend(turn, release, entry, when);
            else
                withdraw_unsent(turn, release, entry);
        } else if (online && !entry.restore && is_taken_back(release) &&
                   turn.state.cancelled.insert(id).second) {
            turn.send(entry.agent, Cancel{turn.state.epoch, id});
        }
    }
}

bool may_go_on(const State& state, const OutboxEntry& entry) {
    const auto& release = state.releases.at(entry.action.release);
    if (entry.restore)
        return release.status == ReleaseStatus::rolling_back ||
               (is_active(release.status) && release.targets.at(entry.action.key.target).let_go) ||
               state.assignments.at(release.key).owing.contains(release.id);
    if (!is_active(release.status) || release.status == ReleaseStatus::rolling_back) return false;
    return release.kind == ReleaseKind::retire ||
           !quarantine_of(state, release.key, entry.action.assignment_digest);
}

bool leave(State& state, const Send& send, const Clocks& clocks) {
    const auto* run = std::get_if<Run>(&send.message);
    if (!run) return true;
    state.leaving.erase(run->action.id);
    if (run->action.kind == ActionKind::verify) return may_watch(state, run->action);
    const auto found = state.outbox.find(run->action.id);
    if (found == state.outbox.end()) return false;
    auto& entry = found->second;
    entry.deadline =
        std::max(entry.deadline, std::optional(outcome_due(clocks.lived, entry.action)));
    if (run->resumes) return !state.fenced && may_go_on(state, entry);
    const auto& release = state.releases.at(entry.action.release);
    const Order order{entry.action.step, entry.restore};
    const auto question = question_at_leaving(state, release, order);
    if (!still_wanted(state, state.assignments.at(release.key), release, entry) ||
        !holds_at(state, release.key, question, clocks.now).empty())
        return false;
    if (entry.restore) return true;
    auto& left = state.left.try_emplace(release.id, order.step).first->second;
    left = std::max(left, order.step);
    return true;
}

bool is_superseded(const AssignmentState& assignment, const Release& release) {
    if (!assignment.wish || assignment.wish->intent.commit != release.commit) return true;
    return !is_upkeep(release.kind) && assignment.wish->definition->digest != release.digest;
}

}  // namespace tidegate::engine
