#include "reconciler/engine/step_dispatch.h"

#include <algorithm>
#include <set>
#include <utility>

#include "reconciler/engine/admission.h"
#include "reconciler/engine/dispatch.h"
#include "reconciler/engine/drain.h"
#include "reconciler/engine/facts.h"
#include "reconciler/engine/release_machine.h"
#include "reconciler/engine/room.h"
#include "reconciler/engine/sides.h"
#include "schema/base/limits.h"

namespace tidegate::engine {
namespace {

/// Bounds the batch that one look persists.
constexpr int kDispatchesPerLook = 500;

/// A dispatch may not take what is unavailable or changing over the step's budget; moving what is
/// unavailable already takes nothing more away.
class Budget {
public:
    Budget(const State& state, const Release& release, const DeployWork& work, Lived now)
        : limit_(work.max_unavailable) {
        const auto& key = release.key;
        const auto& assignment = state.assignments.at(key);
        // Beside what serves nothing is taken away: only how much moves at once is bounded.
        if (!is_beside(state, release)) away_ = unavailable_targets(state, key, now);
        away_.merge(out_of_service(state, key, now));
        // The release goes on without them.
        for (const auto& [name, progress] : release.targets)
            if (is_left_down(state, release, progress)) away_.erase(name);
        if (!assignment.wish) return;
        // By whatever assignment: targets move between environments.
        for (const auto& target : assignment.wish->targets) {
            const auto action = state.outbox_by_key.find(key_of(key, target.name));
            if (action == state.outbox_by_key.end()) continue;
            const auto& entry = state.outbox.at(action->second);
            const bool changes = !entry.restore && takes_budget(assignment, entry);
            changing_ += changes ? 1 : 0;
            if (changes) away_.insert(target.name);
        }
    }
    [[nodiscard]] bool allows(const std::string& name) const {
        if (limit_ == 0) return true;
        return away_.contains(name) ? changing_ < limit_ : static_cast<int>(away_.size()) < limit_;
    }
    void take(const std::string& name) {
        away_.insert(name);
        ++changing_;
    }
    [[nodiscard]] Hold hold() const {
        return {"budget",
                fmt::format("max_unavailable {} is used up by {}", limit_,
                            some_of({away_.begin(), away_.end()})),
                {}};
    }

private:
    int limit_;
    int changing_ = 0;
    std::set<std::string> away_;
};

/// Each action has its own time from its start on, and what waits has not begun: the step's
/// deadline is behind the last of them.
void extend_deadline(Turn& turn, Release& release, Step& step, const OutboxEntry& entry) {
    const auto deadline =
        std::max(*entry.deadline, step.began.value_or(turn.lived) + limits::kStepDeadlineMin);
    if (step.deadline && *step.deadline >= deadline) return;
    step.deadline = deadline;
    turn.save(release, step);
}

/// The pause before the next step that moves something.
Seconds pause_after(const Release& release, const Step& step) {
    for (auto i = static_cast<std::size_t>(step.index) + 1; i < release.steps.size(); ++i)
        if (const auto* work = deploy_of(release.steps[i]); work && !work->targets.empty())
            return work->wait_before;
    return Seconds{0};
}

/// As long as each action keeps its own time, a release may take what its steps take: what it has
/// begun, the time for an agent to come back with it, and then the pause before the next step.
/// `release_deadline` is a person's word, and stays.
void extend_release(Turn& turn, Release& release, const Step& step, const OutboxEntry& entry) {
    const auto* rules = rules_of(turn.state.assignments.at(release.key));
    if (rules && rules->rollback.release_deadline) return;
    auto deadline = *entry.deadline + limits::kAgentGrace + pause_after(release, step);
    // So long the next ones may take to leave traffic.
    if (rules && drains_first(turn.state, release.key))
        deadline += rules->strategy.traffic->drain_timeout + 2 * rules->strategy.switch_timeout;
    if (release.deadline && *release.deadline >= deadline) return;
    release.deadline = deadline;
    turn.save(release);
}

Hold busy_hold(const std::vector<std::string>& names) {
    return {"busy", fmt::format("waits for the end of earlier actions on {}", some_of(names)), {}};
}

/// One walk over what waits in a step.
class Dispatcher {
public:
    Dispatcher(Turn& turn, Release& release, Step& step, const DeployWork& work)
        : turn_(turn),
          release_(release),
          step_(step),
          work_(work),
          assignment_(turn.state.assignments.at(release.key)),
          budget_(turn.state, release, work, turn.lived) {}

    /// Returns holds of what could not be dispatched.
    std::vector<Hold> run() {
        for (const auto& name : work_.targets)
            if (release_.targets.at(name).status == TargetStatus::waiting && !take(name)) break;
        if (!busy_.empty()) holds_.push_back(busy_hold(busy_));
        if (!crowded_.empty()) holds_.push_back(crowded_hold(crowded_));
        return is_under_way(turn_.state, release_.key) ? while_draining() : std::move(holds_);
    }

private:
    /// What is being drained is under way, until its routers have let it wait too long.
    std::vector<Hold> while_draining() {
        if (auto hold = overdue_hold(turn_, release_)) return {*std::move(hold)};
        add_holds(turn_, release_.key, holds_);
        return {};
    }
    /// False: no other can be dispatched, either.
    bool take(const std::string& name) {
        if (sent_ == kDispatchesPerLook) {
            turn_.wake(release_.key, turn_.now);
            return false;
        }
        const auto* target = wished_target(assignment_, name);
        if (!target || reach(turn_.state, release_.key, *target, turn_.lived) != Reach::online)
            return true;
        if (turn_.state.outbox_by_key.contains(key_of(release_.key, name))) {
            busy_.push_back(name);
            return true;
        }
        if (full_.contains(target->agent)) {
            crowded_.push_back(name);
            return true;
        }
        if (!budget_.allows(name)) {
            holds_.push_back(budget_.hold());
            return false;
        }
        if (!leave_service(turn_, release_, name)) {
            budget_.take(name);
            return true;
        }
        return send(*target);
    }

    bool send(const DesiredTarget& target) {
        const auto dispatched = dispatch(turn_, release_, target, {step_.index, false});
        if (dispatched == Dispatched::loading) {
            holds_.push_back({"loading", "reads the definition from Git", {}});
            return false;
        }
        if (dispatched == Dispatched::crowded) {
            full_.insert(target.agent);
            crowded_.push_back(target.name);
            return true;
        }
        admit(turn_, release_, step_);
        budget_.take(target.name);
        ++sent_;
        const auto& entry = turn_.state.outbox.at(release_.targets.at(target.name).action);
        extend_deadline(turn_, release_, step_, entry);
        extend_release(turn_, release_, step_, entry);
        return true;
    }

    Turn& turn_;
    Release& release_;
    Step& step_;
    const DeployWork& work_;
    const AssignmentState& assignment_;
    Budget budget_;
    int sent_ = 0;
    std::vector<Hold> holds_;
    std::vector<std::string> busy_;
    std::vector<std::string> crowded_;
    std::set<std::string> full_;  ///< agents without a place
};

}  // namespace

std::vector<Hold> dispatch_waiting(Turn& turn, Release& release, Step& step,
                                   const DeployWork& work) {
    return Dispatcher(turn, release, step, work).run();
}

}  // namespace tidegate::engine
