#include <algorithm>
#include <utility>

#include "reconciler/engine/dispatch.h"
#include "reconciler/engine/drain.h"
#include "reconciler/engine/facts.h"
#include "reconciler/engine/release_machine.h"
#include "reconciler/engine/room.h"
#include "reconciler/engine/sides.h"
#include "reconciler/engine/way_back.h"
#include "reconciler/planner/action.h"
#include "schema/resolve/digest.h"

namespace tidegate::engine {
namespace {

/// `granularity: single_target`: what is well keeps the new version, and nothing moves before a
/// person decides.
bool goes_back(const AssignmentState& assignment, const TargetProgress& progress) {
    const auto* rules = rules_of(assignment);
    return planner::goes_back(progress, rules ? rules->rollback.granularity : Granularity::all);
}

constexpr Order kRestore{planner::kRestoreStep, true};

enum class Restoring {
    settled,  ///< restored, or given up
    running,  ///< an action is on its way, or something has to come first
    away,     ///< its agent is offline
};

void mark(Turn& turn, Release& release, TargetProgress& progress, TargetStatus status,
          std::string error) {
    progress.status = status;
    progress.error = std::move(error);
    progress.finished_at = turn.now;
    progress.ended = turn.lived;
    turn.save(release, progress);
}

bool is_back(const Turn& turn, const Release& release, const DesiredTarget& target) {
    const auto* seen = seen_in(turn.state, release, target);
    // Pinned since then or not: it goes back to last good first, then catches up with its pin.
    const auto digest = target_digest(release.last_good->digest, target.config_digest);
    return planner::compare({digest, release.last_good->absent}, seen) ==
           planner::TargetState::in_sync;
}

Restoring restore(Turn& turn, Release& release, TargetProgress& progress) {
    const auto& assignment = turn.state.assignments.at(release.key);
    const auto* target = find_target(assignment, progress.name);
    if (!target) {
        mark(turn, release, progress, TargetStatus::restore_failed, "no longer in the config");
        return Restoring::settled;
    }
    if (const auto owner = turn.state.owners.find(key_of(release.key, progress.name));
        owner != turn.state.owners.end() && owner->second != release.key) {
        mark(turn, release, progress, TargetStatus::skipped,
             fmt::format("{} has it now", owner->second.text()));
        return Restoring::settled;
    }
    const auto reached = reach(turn.state, release.key, *target, turn.lived);
    if (reached == Reach::reconnecting)
        turn.wake(release.key, grace_ends(turn.state, target->agent));
    if (reached != Reach::online)
        return reached == Reach::offline ? Restoring::away : Restoring::running;
    if (turn.state.outbox_by_key.contains(key_of(release.key, progress.name)))
        return Restoring::running;
    if (is_back(turn, release, *target)) {
        mark(turn, release, progress, TargetStatus::restored, "");
        return Restoring::settled;
    }
    if (waits_for_way_back(assignment, release)) {
        add_holds(turn, release.key, {loading_hold()});
        return Restoring::running;
    }
    if (const auto why = no_way_back(assignment, release); !why.empty()) {
        mark(turn, release, progress, TargetStatus::restore_failed, why);
        return Restoring::settled;
    }
    const auto holds = dispatch_holds(turn, release.key, question_of(release, kRestore));
    add_holds(turn, release.key, holds);
    if (holds.empty() && !leave_service(turn, release, progress.name)) return Restoring::running;
    if (holds.empty() && dispatch(turn, release, *target, kRestore) == Dispatched::crowded)
        add_holds(turn, release.key, {crowded_hold({progress.name})});
    return Restoring::running;
}

/// What works on the new version goes back `max_unavailable` at a time, counting only such targets,
/// so that a rollback takes no more down than a release would. What failed, or proves nothing,
/// waits for nobody. Lives for one look.
class Turns {
public:
    Turns(Turn& turn, const Release& release) : turn_(turn), release_(release) {
        for (const auto& step : release.steps)
            if (const auto* work = deploy_of(step))
                limit_ = std::max(limit_, work->max_unavailable);
        if (release.all_back_at && turn.lived >= *release.all_back_at) limit_ = 0;
        for (const auto& [name, progress] : release.targets)
            if (progress.was_well && progress.status != TargetStatus::success &&
                is_touched(progress) &&
                !trouble_at(turn.state, key_of(release.key, name), turn.lived))
                ++moving_;
    }

    /// It has to wait; else it may go, and counts.
    bool hold(TargetProgress& progress) {
        const bool waits =
            limit_ > 0 && progress.was_well && progress.status == TargetStatus::success;
        if (!waits || !is_there(progress)) return false;
        if (!is_as_deployed(progress)) {
            // It broke while it waited: it goes at once, and in nobody's turn.
            progress.was_well = false;
            turn_.save(release_, progress);
            return false;
        }
        if (moving_ < limit_) {
            ++moving_;
            return false;
        }
        ++waiting_;
        return true;
    }
    void tell() {
        if (waiting_ == 0 || !release_.all_back_at) return;
        turn_.wake(release_.key, *release_.all_back_at);
        add_holds(
            turn_, release_.key,
            {{"budget", fmt::format("{} targets that work go back {} at a time", waiting_, limit_),
              turn_.wall(*release_.all_back_at)}});
    }

private:
    bool is_as_deployed(const TargetProgress& progress) const {
        const auto* target = find_target(turn_.state.assignments.at(release_.key), progress.name);
        return target && planner::compare({progress.desired, false},
                                          seen_in(turn_.state, release_, *target)) ==
                             planner::TargetState::in_sync;
    }
    /// What is away is passed over, and takes no turn.
    bool is_there(const TargetProgress& progress) const {
        const auto* target = find_target(turn_.state.assignments.at(release_.key), progress.name);
        return target && reach(turn_.state, release_.key, *target, turn_.lived) == Reach::online;
    }

    Turn& turn_;
    const Release& release_;
    int limit_ = 0;  ///< 0 = all at once
    int moving_ = 0;
    int waiting_ = 0;
};

/// First install: there is nothing to go back to. Files stay as they are, but in a slot of its own,
/// which is cleared later (retire.h).
void contain(Turn& turn, Release& release) {
    if (has_in_flight(turn, release) && turn.lived < *release.deadline)
        return turn.wake(release.key, *release.deadline);
    end_release(turn, release, ReleaseStatus::failed,
                release.reason + (is_beside(turn.state, release)
                                      ? "; its slot is cleared, as there is no last good version"
                                      : "; contained: what is there stays, as there is no last "
                                        "good version"));
}

void give_up(Turn& turn, Release& release) {
    const auto& assignment = turn.state.assignments.at(release.key);
    for (auto& [name, progress] : release.targets)
        if (goes_back(assignment, progress) &&
            !turn.state.outbox_by_key.contains(key_of(release.key, name)))
            mark(turn, release, progress, TargetStatus::restore_failed,
                 "not restored by the deadline: " + progress.error);
}

/// The deadline stands still while windows are closed (`respect_windows`), and until Git has
/// answered once what there is to go back to.
bool is_paused(Turn& turn, Release& release) {
    const bool gated = !dispatch_holds(turn, release.key, question_of(release, kRestore)).empty();
    const bool held = gated || is_first_read(turn.state.assignments.at(release.key), release);
    if (held == release.paused_at.has_value()) return held;
    if (held) {
        release.paused_at = turn.lived;
    } else {
        const auto pause = turn.lived - *release.paused_at;
        *release.deadline += pause;
        if (release.all_back_at) *release.all_back_at += pause;
        release.paused_at.reset();
    }
    turn.save(release);
    return held;
}

void end_rollback(Turn& turn, Release& release, int away) {
    const auto failed = std::ranges::count_if(release.targets, [](const auto& entry) {
        return entry.second.status == TargetStatus::restore_failed;
    });
    if (away > 0) turn.state.assignments[release.key].owing.insert(release.id);
    auto reason = release.reason;
    const auto why = no_way_back(turn.state.assignments.at(release.key), release);
    if (!why.empty() && failed > 0) reason += "; frozen, as " + why;
    const auto targets = [](auto count) { return count == 1 ? "target" : "targets"; };
    if (failed > 0) reason += fmt::format("; {} {} could not be restored", failed, targets(failed));
    if (away > 0) reason += fmt::format("; {} {} to be restored once back", away, targets(away));
    end_release(turn, release, failed > 0 ? ReleaseStatus::failed : ReleaseStatus::rollback,
                std::move(reason));
}

}  // namespace

/// Beside what serves nothing has to be restored: traffic goes back, and the slot is cleared later
/// (retire.h). It waits for the routers that are there, and not for long; for nobody else.
void switch_back(Turn& turn, Release& release) {
    route_back(turn, release.key);
    const auto routers = ask_routers(turn.state, release.key, turn.lived);
    const auto end = release.all_back_at.value_or(turn.lived);
    if (!routers.late.empty() && turn.lived < end) {
        add_holds(turn, release.key, {router_hold(routers, "to send all traffic back")});
        return turn.wake(release.key, end);
    }
    for (auto& [name, progress] : release.targets) {
        if (!is_touched(progress)) continue;
        progress.failed_action = std::exchange(progress.action, {});
        mark(turn, release, progress, TargetStatus::restored, progress.error);
    }
    if (!release.last_good) return contain(turn, release);
    if (!routers.all())
        turn.notify(NoticeKind::router_away, release.key, release.id,
                    fmt::format("{}: {}", release.key.text(),
                                router_hold(routers, "to send all traffic back").reason));
    end_release(turn, release, ReleaseStatus::rollback, release.reason);
}

void advance_rollback(Turn& turn, Release& release) {
    if (is_beside(turn.state, release)) return switch_back(turn, release);
    if (!release.last_good) return contain(turn, release);
    int running = 0;
    int away = 0;
    const bool paused = is_paused(turn, release);
    const bool late = !paused && turn.lived >= *release.deadline;
    if (late) give_up(turn, release);
    const auto& assignment = turn.state.assignments.at(release.key);
    Turns turns(turn, release);
    for (auto& [name, progress] : release.targets) {
        if (!goes_back(assignment, progress)) continue;
        const auto state = late                   ? Restoring::away
                           : turns.hold(progress) ? Restoring::running
                                                  : restore(turn, release, progress);
        running += state == Restoring::running ? 1 : 0;
        away += state == Restoring::away ? 1 : 0;
    }
    if (running == 0) return end_rollback(turn, release, away);
    turns.tell();
    if (!paused) turn.wake(release.key, *release.deadline);
}

bool is_left_down(const State& state, const Release& release, const TargetProgress& progress) {
    if (!progress.let_go) return false;
    const bool goes_back =
        release.last_good && why_no_rollback(state.assignments.at(release.key), release).empty();
    return progress.status == TargetStatus::restore_failed || !goes_back;
}

/// Where nothing is kept it stays as the failure left it, as after a bad verdict.
bool restore_let_go(Turn& turn, Release& release) {
    const auto& assignment = turn.state.assignments.at(release.key);
    if (release.max_failed == 0 || !release.last_good ||
        !why_no_rollback(assignment, release).empty())
        return false;
    bool running = false;
    for (auto& [name, progress] : release.targets) {
        if (!progress.let_go || !is_touched(progress)) continue;
        if (is_beside(turn.state, release))
            mark(turn, release, progress, TargetStatus::restored, progress.error);
        else
            running = restore(turn, release, progress) == Restoring::running || running;
    }
    return running;
}

void restore_owed(Turn& turn, const AssignmentKey& key) {
    auto& assignment = turn.state.assignments[key];
    const auto owing = assignment.owing;
    for (const auto& id : owing) {
        auto& release = turn.state.releases.at(id);
        bool open = false;
        for (auto& [name, progress] : release.targets)
            if (goes_back(assignment, progress))
                open = restore(turn, release, progress) != Restoring::settled || open;
        if (!open) assignment.owing.erase(id);
    }
}

bool is_owed(const State& state, const AssignmentKey& key, const std::string& target) {
    const auto& assignment = state.assignments.at(key);
    return std::ranges::any_of(assignment.owing, [&](const std::string& id) {
        const auto& targets = state.releases.at(id).targets;
        const auto progress = targets.find(target);
        return progress != targets.end() && goes_back(assignment, progress->second);
    });
}

void forget_owed(Turn& turn, const AssignmentKey& key) {
    auto owing = std::exchange(turn.state.assignments[key].owing, {});
    for (const auto& id : owing) {
        auto& release = turn.state.releases.at(id);
        for (auto& [name, progress] : release.targets)
            if (goes_back(turn.state.assignments[key], progress)) {
                // A late outcome says nothing of this release any more.
                progress.failed_action = std::exchange(progress.action, {});
                mark(turn, release, progress, TargetStatus::skipped, "a newer version follows");
            }
    }
}

}  // namespace tidegate::engine
