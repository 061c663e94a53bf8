#include "reconciler/engine/verify.h"

#include <algorithm>
#include <set>

#include "reconciler/engine/facts.h"
#include "reconciler/engine/sides.h"
#include "reconciler/engine/trouble.h"
#include "reconciler/planner/action.h"
#include "schema/base/limits.h"

namespace tidegate::engine {
namespace {

using planner::TargetState;

constexpr Seconds kPause{5};  ///< between two tries on one target

enum class Standing {
    elsewhere,  ///< not to be watched: it left, is pinned, or something else is there by now
    there,      ///< as was deployed, as far as anybody knows
    broken,     ///< it is there, and its agent says that it failed, or is not known to work
};
/// After a lost store agents tell what they did once, whatever came after it.
Standing standing_of(const Turn& turn, const Release& release, const TargetProgress& progress) {
    const auto* target = wished_target(turn.state.assignments.at(release.key), progress.name);
    if (!target || target->pinned || progress.status != TargetStatus::success ||
        target_digest_for(*target, release.digest) != progress.desired ||
        (!progress.agent.empty() && progress.agent != target->agent))
        return Standing::elsewhere;
    const auto* seen = seen_in(turn.state, release, *target);
    if (!seen || seen->status == InstallStatus::absent || seen->digest != progress.desired)
        return Standing::elsewhere;
    return seen->status == InstallStatus::installed ? Standing::there : Standing::broken;
}

Watch& watch_in(Turn& turn, const Release& release, TargetProgress& progress, const Step& step) {
    if (!progress.watch || progress.watch->step != step.index) {
        progress.watch = Watch{step.index, TargetStatus::waiting, 0, "", "", {}, {}, {}};
        turn.save(release, progress);
    }
    return *progress.watch;
}

/// Of no other time: agents answer from their journals what they did once, and a daemon that lost
/// its store walks the same steps again.
std::string watch_id(const Turn& turn, const Release& release, const Watch& watch,
                     const std::string& target) {
    const auto time = turn.lived.time_since_epoch().count();
    return planner::action_id(fmt::format("{} {} {}", release.id, turn.state.epoch, time),
                              watch.step, target, watch.attempt);
}

void fail_watch(Turn& turn, Release& release, TargetProgress& progress, std::string error) {
    auto& watch = *progress.watch;
    watch.status = TargetStatus::failed;
    watch.error = error;
    watch.finished_at = turn.now;
    progress.status = TargetStatus::failed;
    progress.error = "verify: " + std::move(error);
    progress.finished_at = turn.now;
    progress.ended = turn.lived;
    turn.save(release, progress);
    turn.touch(release.key);
    turn.audit("verify.failed", release.key.text(), release.commit,
               json_object({{"release", release.id},
                            {"target", progress.name},
                            {"step", std::to_string(watch.step)},
                            {"error", watch.error}}));
}

class Watcher {
public:
    Watcher(Turn& turn, Release& release, const Step& step, Seconds time, bool again)
        : turn_(turn),
          release_(release),
          step_(step),
          time_(time),
          again_(again),
          assignment_(turn.state.assignments.at(release.key)),
          definition_(definition_of(assignment_, release.digest)),
          check_(rules_of(assignment_)->strategy.health_check) {}

    Watching run() {
        checks_ = definition_ && planner::has_checks(*definition_, check_);
        for (auto& [name, progress] : release_.targets) {
            const auto standing = standing_of(turn_, release_, progress);
            if (standing == Standing::there)
                tend(progress);
            else if (standing == Standing::broken)
                tend_broken(progress);
            else
                forget(progress);
        }
        return std::move(found_);
    }

private:
    void tend_broken(TargetProgress& progress) {
        ++found_.total;
        watch_in(turn_, release_, progress, step_);
        fail_watch(turn_, release_, progress, "its agent says that it is not well any more");
    }

    /// It may come back, and nobody would tell then how it went.
    void forget(TargetProgress& progress) {
        auto& watch = progress.watch;
        if (!watch || watch->step != step_.index || watch->status != TargetStatus::dispatched)
            return;
        watch->status = TargetStatus::waiting;
        turn_.save(release_, progress);
    }

    void tend(TargetProgress& progress) {
        auto& watch = watch_in(turn_, release_, progress, step_);
        ++found_.total;
        if (watch.status == TargetStatus::success && again_ && checks_) {
            watch.status = TargetStatus::waiting;
            turn_.save(release_, progress);
        }
        if (watch.status == TargetStatus::waiting) begin(progress, watch);
        if (watch.status == TargetStatus::dispatched && is_away(progress.name))
            found_.away.push_back(progress.name);
        if (watch.status == TargetStatus::success) ++found_.passed;
    }

    void begin(TargetProgress& progress, Watch& watch) {
        const auto& target = *wished_target(assignment_, progress.name);
        if (is_away(target.name)) return found_.away.push_back(target.name);
        found_.loading = !definition_;
        if (found_.loading) return;
        if (!checks_) return wait(progress, watch);
        if (cannot_watch(turn_.state, target.agent)) return found_.old.push_back(target.name);
        if (turn_.state.fenced || is_too_late() || is_just_begun(watch)) return;
        send(progress, watch, target);
    }

    bool is_away(const std::string& name) const {
        return reach(turn_.state, release_.key, *wished_target(assignment_, name), turn_.lived) !=
               Reach::online;
    }

    /// It is about to fail for that. Of an await the deadline stands still.
    [[nodiscard]] bool is_too_late() const { return !again_ && turn_.lived >= *step_.deadline; }

    /// An agent that ends each at once is not asked as fast as it answers.
    bool is_just_begun(const Watch& watch) {
        const auto again = watch.began.value_or(Lived{}) + kPause;
        if (!watch.began || turn_.lived >= again) return false;
        turn_.wake(release_.key, again);
        return true;
    }

    void wait(TargetProgress& progress, Watch& watch) {
        if (turn_.lived < step_.began.value_or(turn_.lived) + time_) return;
        watch.status = TargetStatus::success;
        watch.finished_at = turn_.now;
        turn_.save(release_, progress);
    }

    void send(TargetProgress& progress, Watch& watch, const DesiredTarget& target) {
        const std::optional<LastGood> none;
        auto action = planner::render({.release = release_,
                                       .target = target,
                                       .definition = *definition_,
                                       .check = check_,
                                       .step = step_.index,
                                       .attempt = watch.attempt,
                                       .kind = ActionKind::verify,
                                       .watch_for = time_,
                                       .digest = progress.desired,
                                       .current_version = release_.to,
                                       .last_good = none,
                                       .rejected = none,
                                       .rollback_script = "",
                                       .repo = turn_.state.desired->repo,
                                       .branch = turn_.state.desired->branch,
                                       .slot = release_.slot,
                                       .live_slot = live_slot(turn_.state, release_.key)});
        action.id = watch_id(turn_, release_, watch, target.name);
        watch.status = TargetStatus::dispatched;
        watch.action = action.id;
        watch.started_at = turn_.now;
        watch.began = turn_.lived;
        watch.finished_at.reset();
        turn_.save(release_, progress);
        turn_.send(target.agent, Run{turn_.state.epoch, std::move(action)});
    }

    Turn& turn_;
    Release& release_;
    const Step& step_;
    const Seconds time_;
    const bool again_;
    const AssignmentState& assignment_;
    const DefinitionPtr definition_;
    const std::optional<HealthCheck> check_;
    bool checks_ = false;
    Watching found_;
};

struct Place {
    Release* release = nullptr;
    TargetProgress* progress = nullptr;
};

/// Whom that action is about, if it is waited for.
Place place_of(State& state, const std::string& release, const std::string& target,
               const std::string& action) {
    const auto found = state.releases.find(release);
    if (found == state.releases.end()) return {};
    const auto progress = found->second.targets.find(target);
    if (progress == found->second.targets.end()) return {};
    const auto& watch = progress->second.watch;
    if (!watch || watch->action != action || watch->status != TargetStatus::dispatched) return {};
    return {&found->second, &progress->second};
}

bool is_of(const State& state, const Place& place, const std::string& agent) {
    const auto* target =
        wished_target(state.assignments.at(place.release->key), place.progress->name);
    return target && target->agent == agent;
}

/// All that this agent was told to do.
std::vector<Place> watches_of(State& state, const std::string& agent) {
    std::vector<Place> places;
    const auto served = state.by_agent.find(agent);
    if (served == state.by_agent.end()) return places;
    for (const auto& [key, names] : served->second) {
        const auto active = state.releases.find(state.assignments.at(key).active);
        if (active == state.releases.end()) continue;
        for (const auto& name : names) {
            const auto progress = active->second.targets.find(name);
            if (progress == active->second.targets.end()) continue;
            const auto& watch = progress->second.watch;
            if (watch && watch->status == TargetStatus::dispatched)
                places.push_back({&active->second, &progress->second});
        }
    }
    return places;
}

/// By both clocks: one stands still while the daemon is away, the other may be set back. Those of
/// agents run a little faster or slower.
bool is_too_early(const Turn& turn, const Release& release, const Watch& watch) {
    const auto& step = release.steps.at(static_cast<std::size_t>(watch.step));
    const auto* work = std::get_if<VerifyWork>(&step.work);
    const Milliseconds asked = work ? work->duration : limits::kAwaitWatch;
    const auto time = asked - asked / 50 - Seconds{1};
    return turn.lived < *watch.began + time && turn.now < *watch.started_at + time;
}

/// The whole time again, as nobody knows what was in between.
void begin_anew(Turn& turn, Release& release, TargetProgress& progress) {
    auto& watch = *progress.watch;
    watch.status = TargetStatus::waiting;
    turn.save(release, progress);
    turn.touch(release.key);
}

/// Once more, but not for ever.
void try_anew(Turn& turn, Release& release, TargetProgress& progress, const std::string& why) {
    progress.watch->error = why;
    if (++progress.watch->attempt >= limits::kRefusedAttemptsMax)
        return fail_watch(turn, release, progress, "it never came to its end: " + why);
    begin_anew(turn, release, progress);
}

}  // namespace

Watching tend_watches(Turn& turn, Release& release, const Step& step, Seconds time, bool again) {
    return Watcher(turn, release, step, time, again).run();
}

std::vector<Hold> watch_holds(const Release& release, const Watching& watching) {
    std::vector<Hold> holds;
    if (watching.loading) holds.push_back({"loading", "reads the definition from Git", {}});
    if (!watching.away.empty())
        holds.push_back({"offline",
                         fmt::format("the agents of {} went away after they got {}",
                                     some_of(watching.away), release.to),
                         {}});
    if (!watching.old.empty())
        holds.push_back({"agent",
                         fmt::format("the agents of {} are too old to watch: upgrade them",
                                     some_of(watching.old)),
                         {}});
    return holds;
}

void fail_watches(Turn& turn, Release& release, const Step& step) {
    for (auto& [name, progress] : release.targets) {
        if (standing_of(turn, release, progress) == Standing::elsewhere) continue;
        auto& watch = watch_in(turn, release, progress, step);
        if (watch.status == TargetStatus::success) continue;
        fail_watch(turn, release, progress,
                   watch.status == TargetStatus::dispatched
                       ? "no outcome by the step's deadline"
                       : "it could not be watched by the step's deadline");
    }
}

void end_watches(Turn& turn, Release& release) {
    for (auto& [name, progress] : release.targets) {
        if (!progress.watch || progress.watch->status != TargetStatus::dispatched) continue;
        progress.watch->status = TargetStatus::cancelled;
        turn.save(release, progress);
        const auto* target = find_target(turn.state.assignments.at(release.key), name);
        if (target && reach(turn.state, target->agent, turn.lived) == Reach::online)
            turn.send(target->agent, Cancel{turn.state.epoch, progress.watch->action});
    }
}

bool cannot_watch(const State& state, const std::string& agent) {
    const auto found = state.agents.find(agent);
    return found != state.agents.end() && found->second.online && !found->second.watches;
}

void take_watch(Turn& turn, const std::string& agent, const ActionResult& result) {
    const auto place =
        place_of(turn.state, result.release, result.installation.key.target, result.id);
    if (!place.release || !is_of(turn.state, place, agent)) return;
    auto& [release, progress] = place;
    auto& watch = *progress->watch;
    if (!result.host_trouble.empty())
        note_trouble(turn, *release, agent, progress->name, release->to, result.host_trouble);
    switch (result.outcome) {
        case ActionOutcome::done:
            if (is_too_early(turn, *release, watch))
                return try_anew(turn, *release, *progress, "it ended before its time");
            watch.status = TargetStatus::success;
            watch.attempt = 0;
            watch.finished_at = turn.now;
            turn.save(*release, *progress);
            return turn.touch(release->key);
        case ActionOutcome::failed:
        case ActionOutcome::unknown:
            progress->stages.insert(progress->stages.end(), result.stages.begin(),
                                    result.stages.end());
            return fail_watch(turn, *release, *progress, result.error);
        case ActionOutcome::refused:
            if (result.host_trouble.empty())
                return try_anew(turn, *release, *progress, result.error);
            [[fallthrough]];
        case ActionOutcome::cancelled:
            return begin_anew(turn, *release, *progress);
    }
}

void take_unsent_watch(Turn& turn, const std::string& agent, const std::string& action) {
    for (const auto& [release, progress] : watches_of(turn.state, agent))
        if (progress->watch->action == action) begin_anew(turn, *release, *progress);
}

bool may_watch(const State& state, const Action& action) {
    const auto found = state.releases.find(action.release);
    if (state.fenced || found == state.releases.end()) return false;
    const auto progress = found->second.targets.find(action.key.target);
    return progress != found->second.targets.end() && progress->second.watch &&
           progress->second.watch->action == action.id &&
           progress->second.watch->status == TargetStatus::dispatched;
}

void tend_watches_of(Turn& turn, const std::string& agent, const Inventory& inventory) {
    const std::set<std::string> running(inventory.running.begin(), inventory.running.end());
    for (const auto& [release, progress] : watches_of(turn.state, agent))
        if (!running.contains(progress->watch->action)) begin_anew(turn, *release, *progress);
}

}  // namespace tidegate::engine
