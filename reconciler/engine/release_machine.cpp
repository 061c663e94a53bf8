#include "reconciler/engine/release_machine.h"

#include <algorithm>

#include "reconciler/engine/behind.h"
#include "reconciler/engine/blocks.h"
#include "reconciler/engine/dispatch.h"
#include "reconciler/engine/doubts.h"
#include "reconciler/engine/facts.h"
#include "reconciler/engine/next.h"
#include "reconciler/engine/retire.h"
#include "reconciler/engine/sides.h"
#include "reconciler/engine/steps.h"
#include "reconciler/engine/trouble.h"
#include "reconciler/engine/unreported.h"
#include "reconciler/engine/verify.h"
#include "schema/base/limits.h"

namespace tidegate::engine {
namespace {

/// A person took last good back over a forward_only release, and it works on this side as well.
void note_way_back(Turn& turn, const Release& release) {
    auto good = turn.state.assignments.at(release.key).good;
    if (!good || !good->forward_only || good->good.digest != release.digest) return;
    good->forward_only = false;
    good->forward_by.clear();
    turn.put(*good);
}

void succeed(Turn& turn, Release& release) {
    for (const auto& [name, progress] : release.targets)
        if (progress.status == TargetStatus::success) note_success(turn, release, progress);
    if (release.kind == ReleaseKind::introduce || release.kind == ReleaseKind::uninstall ||
        is_beside(turn.state, release))
        turn.put(GoodState{release.key,
                           {release.digest, release.digest_commit, release.to,
                            release.kind == ReleaseKind::uninstall},
                           false,
                           release.id});
    settle_sides(turn, release);
    if (release.kind == ReleaseKind::restore) note_way_back(turn, release);
    auto reason = is_upkeep(release.kind) ? "" : shortfall(turn.state, release);
    if (reason.empty() && release.targets.empty()) reason = "already in place everywhere";
    end_release(turn, release, ReleaseStatus::success, std::move(reason));
}

/// What was verified is there still. It may have left with its target; and after a lost store an
/// agent tells from its journal that it did the same once, though something else is there since.
bool is_still_there(const State& state, const Release& release, const TargetProgress& progress) {
    const auto* target = wished_target(state.assignments.at(release.key), progress.name);
    if (progress.status != TargetStatus::success || !target || target->pinned) return false;
    const bool absent = release.kind == ReleaseKind::uninstall;
    const auto there =
        planner::compare({progress.desired, absent}, seen_in(state, release, *target));
    return there == planner::TargetState::in_sync || there == planner::TargetState::drifted;
}

/// Else it begins anew, with what its targets are now.
bool proves_something(const State& state, const Release& release) {
    const bool is_upkeep_only = is_upkeep(release.kind);
    const bool verified = std::ranges::any_of(release.targets, [&](const auto& entry) {
        return is_upkeep_only ? entry.second.status == TargetStatus::success
                              : is_still_there(state, release, entry.second);
    });
    return verified ||
           (!is_upkeep_only && is_proven(state, *state.assignments.at(release.key).wish));
}

/// A newer wish: what runs may finish by its deadline, nothing new begins.
void wind_down(Turn& turn, Release& release, const std::string& why) {
    if (!has_in_flight(turn, release))
        return end_release(turn, release, ReleaseStatus::cancelled, why);
    if (!release.paused_at) turn.wake(release.key, *release.deadline);
    if (release.reason == why) return;
    release.reason = why;
    turn.save(release);
}

/// A slot that is being cleared may be the one that the head needs; those that are away are owed.
bool clears_the_way(const Turn& turn, const Release& release) {
    if (release.kind != ReleaseKind::retire) return false;
    const auto& assignment = turn.state.assignments.at(release.key);
    return has_in_flight(turn, release) ||
           std::ranges::any_of(release.targets, [&](const auto& entry) {
               const auto* target = wished_target(assignment, entry.first);
               return entry.second.status == TargetStatus::waiting && target &&
                      reach(turn.state, release.key, *target, turn.lived) == Reach::online;
           });
}

/// A head that could start goes before keeping what is.
bool head_is_ready(Turn& turn, const Release& release) {
    if (!is_upkeep(release.kind) || clears_the_way(turn, release)) return false;
    const auto head = head_of(turn.state, release.key, turn.lived);
    if (!head || !start_holds(turn, release.key, *head).empty()) return false;
    if (!in_the_way(turn, release.key, *head).empty())
        return retire_of(turn, release.key).has_value();
    return make_ready(turn, release.key, *head).empty();
}

/// A newer wish is there, but waits for something: until it may begin, what this one has brought
/// about goes on being watched, so that it is taken back if it is bad.
bool is_watched_on(Turn& turn, const Release& release) {
    if (!is_watching(release) || !turn.state.assignments.at(release.key).wish) return false;
    const auto head = head_of(turn.state, release.key, turn.lived);
    return head && !start_holds(turn, release.key, *head).empty();
}

/// Nothing of it is on its way, and with what is down already its next target were one too many. A
/// forced operation would begin anew before anything else.
bool waits_for_budget(const Turn& turn, const Release& release) {
    return !is_forced(release.cause) && !has_in_flight(turn, release) &&
           std::ranges::any_of(release.holds,
                               [](const Hold& hold) { return hold.gate == "budget"; });
}

/// As begin_next will find once the active release is out of the way.
bool head_waits_for_agents(const Turn& turn, const AssignmentKey& key) {
    const auto& pending = turn.state.assignments.at(key).pending;
    return !pending.empty() &&
           std::ranges::all_of(turn.state.releases.at(pending).holds, [](const Hold& hold) {
               return hold.gate == "offline" || hold.gate == "release";
           });
}

/// What only waits, for hosts in trouble or for others that are down, keeps nobody from being
/// brought back: those may be what it waits for. Looking for them notes which heals have failed.
bool keeps_others_waiting(Turn& turn, const Release& release) {
    const bool is_uninstall = release.kind == ReleaseKind::uninstall;
    if (!is_upkeep(release.kind) && !is_uninstall) return false;
    const bool for_hosts = waits_for_hosts(turn, release);
    if (!for_hosts && !waits_for_budget(turn, release)) return false;
    const auto next = is_uninstall
                          ? head_of(turn.state, release.key, turn.lived)
                          : side_of(turn, release.key, head_waits_for_agents(turn, release.key));
    // Only what is down can move beyond the budget; others would make way for this one in turn.
    const auto down = unavailable_targets(turn.state, release.key, turn.lived);
    return next && std::ranges::any_of(next->targets, [&](const DesiredTarget* target) {
               const auto known = release.targets.find(target->name);
               const bool is_in =
                   known != release.targets.end() && known->second.status == TargetStatus::waiting;
               return !is_in && (for_hosts || down.contains(target->name));
           });
}

/// What was released beside it was found bad, and some of its targets are pinned to that.
bool brings_what_is_bad(const State& state, const Release& release) {
    if (!is_upkeep(release.kind) || release.kind == ReleaseKind::retire) return false;
    const auto& assignment = state.assignments.at(release.key);
    return std::ranges::any_of(release.targets, [&](const auto& entry) {
        const auto* target = wished_target(assignment, entry.first);
        return entry.second.status == TargetStatus::waiting && target && target->pinned &&
               quarantine_of(state, release.key, target->definition->digest);
    });
}

/// The release that it went on beside has ended well: another digest is last good, or another slot
/// serves.
bool keeps_what_was(const State& state, const Release& release) {
    if (!is_upkeep(release.kind) || release.kind == ReleaseKind::retire) return false;
    const auto kept = kept_state(state, release.key);
    return release.slot != live_slot(state, release.key) ||
           (kept ? kept->digest : Digest{}) != release.digest;
}

constexpr auto kOthersWait = "waits, and others can be brought back meanwhile";

/// Why it stops where it is; empty = it goes on.
std::string makes_way_because(Turn& turn, const Release& release) {
    const auto& assignment = turn.state.assignments.at(release.key);
    const bool waits = std::ranges::any_of(release.targets, [](const auto& entry) {
        return entry.second.status == TargetStatus::waiting;
    });
    if (waits && keeps_what_was(turn.state, release)) return "another version is kept by now";
    if (assignment.beside == release.id) {
        if (waits && !only_waits(turn, turn.state.releases.at(assignment.active)))
            return "the release beside it goes on";
        return keeps_others_waiting(turn, release) ? kOthersWait : "";
    }
    if (brings_what_is_bad(turn.state, release)) return "what it would bring was found bad";
    if (head_is_ready(turn, release)) return "makes way for a new version";
    return keeps_others_waiting(turn, release) ? kOthersWait : "";
}

/// Targets that left the config leave the steps that they have not begun.
void drop_departed(Turn& turn, Release& release) {
    auto& assignment = turn.state.assignments.at(release.key);
    if (assignment.active == release.id && !std::exchange(assignment.targets_changed, false))
        return;
    std::set<std::string> left;
    for (auto& [name, progress] : release.targets) {
        const auto* target = wished_target(assignment, name);
        if (progress.status != TargetStatus::waiting) continue;
        if (target && target_digest_for(*target, release.digest) == progress.desired) continue;
        progress.status = TargetStatus::cancelled;
        progress.action.clear();
        progress.error = target ? "its own config changed" : "no longer in the environment";
        left.insert(name);
        turn.save(release, progress);
    }
    remove_from_steps(turn, release, left);
}

/// It sent traffic elsewhere, and ends without what it did that for.
bool gives_traffic_back(const State& state, const Release& release) {
    const bool ends_early =
        release.status == ReleaseStatus::cancelled || release.status == ReleaseStatus::rollback;
    return ends_early && release.started_at &&
           (is_beside(state, release) || release.kind == ReleaseKind::uninstall);
}

/// All is done but that: no time of its own is over before.
void wait_for_let_go(Turn& turn, Release& release) {
    release.deadline = std::max(release.deadline, std::optional(turn.lived + limits::kAgentGrace));
    turn.save(release);
    turn.wake(release.key, *release.deadline);
    add_holds(turn, release.key, {{"rollback", "waits until what failed is back", {}}});
}

}  // namespace

bool has_in_flight(const Turn& turn, const Release& release) {
    const auto& ids = turn.state.assignments.at(release.key).in_flight;
    return std::ranges::any_of(ids, [&](const std::string& id) {
        const auto& entry = turn.state.outbox.at(id);
        return !entry.lost && entry.action.release == release.id;
    });
}

bool only_waits(const Turn& turn, const Release& release) {
    const auto* step = current_step(release);
    if (!step || is_upkeep(release.kind) || release.status == ReleaseStatus::rolling_back ||
        has_in_flight(turn, release))
        return false;
    if (kind_of(*step) != StepKind::deploy) return step->status == StepStatus::running;
    return release.paused_at && waits_for_budget(turn, release);
}

void advance(Turn& turn, Release& release) {
    const auto& assignment = turn.state.assignments.at(release.key);
    if (release.status == ReleaseStatus::rolling_back) return advance_rollback(turn, release);
    const auto doubts = doubt_deployed(turn, release);
    stand_still(turn, release);
    let_go(turn, release);
    if (const auto reason = find_verdict(turn, release); !reason.empty())
        return condemn(turn, release, reason);
    const bool brings_back = restore_let_go(turn, release);
    if (is_superseded(assignment, release))
        return is_watched_on(turn, release)
                   ? keep_watching(turn, release)
                   : wind_down(turn, release, "superseded by a newer wish");
    if (const auto why = makes_way_because(turn, release); !why.empty())
        return wind_down(turn, release, why);
    drop_departed(turn, release);
    if (!doubts.empty()) return add_holds(turn, release.key, doubts);
    const bool done = advance_steps(turn, release);
    if (done && !proves_something(turn.state, release))
        return end_release(turn, release, ReleaseStatus::cancelled,
                           "what it brought about is on no target any more");
    if (done && !brings_back && !has_in_flight(turn, release)) return succeed(turn, release);
    if (done) return wait_for_let_go(turn, release);
    if (release.deadline && !release.paused_at) turn.wake(release.key, *release.deadline);
}

void end_release(Turn& turn, Release& release, ReleaseStatus status, std::string reason) {
    release.status = status;
    release.reason = std::move(reason);
    release.finished_at = turn.now;
    release.paused_at.reset();
    release.holds.clear();
    for (auto& step : release.steps)
        if (step.status == StepStatus::pending || step.status == StepStatus::running) {
            step.status = StepStatus::cancelled;
            step.finished_at = turn.now;
            turn.save(release, step);
        }
    for (auto& [name, progress] : release.targets)
        if (progress.status == TargetStatus::waiting) {
            progress.status = TargetStatus::cancelled;
            progress.action.clear();
            turn.save(release, progress);
        }
    end_watches(turn, release);
    if (gives_traffic_back(turn.state, release)) {
        if (status == ReleaseStatus::cancelled) leave_live(turn, release);
        route_back(turn, release.key);
    }
    auto& assignment = turn.state.assignments[release.key];
    if (assignment.active == release.id)
        assignment.active = std::exchange(assignment.beside, {});
    else if (assignment.beside == release.id)
        assignment.beside.clear();
    turn.state.left.erase(release.id);
    turn.save(release);
    turn.touch(release.key);
    const auto name = std::string(to_string(status));
    turn.audit("release." + name, release.key.text(), release.commit,
               json_object({{"release", release.id}, {"reason", release.reason}}));
    const auto text =
        fmt::format("{}: {} {} ended: {}{}{}", release.key.text(), to_string(release.kind),
                    release.to, name, release.reason.empty() ? "" : ", ", release.reason);
    if (status == ReleaseStatus::success)
        turn.notify(NoticeKind::release_succeeded, release.key, release.id, text);
    if (status == ReleaseStatus::failed)
        turn.notify(NoticeKind::release_failed, release.key, release.id, text);
    if (status == ReleaseStatus::rollback)
        turn.notify(NoticeKind::release_rolled_back, release.key, release.id, text);
}

}  // namespace tidegate::engine
