#include "reconciler/engine/substitutes.h"

#include <algorithm>

#include "reconciler/engine/facts.h"

namespace tidegate::engine {

/// What has the version already is in sync on return: nothing says then that an operation was due.
void skip_offline(Turn& turn, Release& release, const DesiredTarget& target) {
    auto& progress = release.targets.at(target.name);
    const auto seen =
        planner::compare({progress.desired, false}, seen_in(turn.state, release, target));
    progress.status = TargetStatus::skipped;
    const auto* trouble = trouble_at(turn.state, key_of(release.key, target.name), turn.lived);
    progress.error = (trouble ? trouble->reason : "offline") +
                     (seen == planner::TargetState::in_sync
                          ? "; has this version, so the operation is not repeated on return"
                          : "; catches up on return");
    turn.save(release, progress);
}

namespace {

/// A person chose who goes when: nobody else goes in their place.
bool names_its_targets(const Strategy& strategy) {
    return !strategy.canary_targets.empty() || !strategy.canary_selector.empty() ||
           !strategy.cluster_order.empty();
}

}  // namespace

Substitutes::Substitutes(Turn& turn, Release& release)
    : turn_(turn),
      release_(release),
      assignment_(turn.state.assignments.at(release.key)),
      any_verified_(std::ranges::any_of(
          release.targets,
          [](const auto& entry) { return entry.second.status == TargetStatus::success; })),
      may_swap_(!names_its_targets(assignment_.wish->strategy)) {}

void Substitutes::replace(Step& step, DeployWork& work, std::vector<Hold>& holds) {
    auto offline = find_offline(work, holds);
    if (offline.empty()) return;
    const auto taken = may_swap_ ? take(step, offline.size()) : std::vector<std::string>{};
    if (taken.empty() && offline.size() == work.targets.size() && !any_verified_) {
        holds.push_back({"offline", "none of its targets is online", {}});
        offline.pop_back();
    }
    if (offline.empty()) return;
    for (const auto& name : offline)
        skip_offline(turn_, release_, *wished_target(assignment_, name));
    std::erase_if(work.targets, [&](const std::string& name) {
        return release_.targets.at(name).status == TargetStatus::skipped;
    });
    work.targets.insert(work.targets.end(), taken.begin(), taken.end());
    work.required = static_cast<int>(work.targets.size());
    turn_.save(release_, step);
}

/// Those that are away for good; those that may come back are waited for.
std::vector<std::string> Substitutes::find_offline(const DeployWork& work,
                                                   std::vector<Hold>& holds) {
    const bool wait = assignment_.wish->offline == Offline::wait;
    std::vector<std::string> offline, awaited;
    std::optional<Lived> until;
    for (const auto& name : work.targets) {
        if (release_.targets.at(name).status != TargetStatus::waiting) continue;
        const auto* target = wished_target(assignment_, name);
        if (!target) continue;
        const auto reached = reach(turn_.state, release_.key, *target, turn_.lived);
        if (reached == Reach::online) continue;
        const bool comes_back = wait || reached == Reach::reconnecting;
        (comes_back ? awaited : offline).push_back(name);
        if (wait || !comes_back) continue;
        const auto ends = grace_ends(turn_.state, target->agent);
        turn_.wake(release_.key, ends);
        until = std::max(until, std::optional(ends));
    }
    if (!awaited.empty())
        holds.push_back({"offline", fmt::format("waits for the agents of {}", some_of(awaited)),
                         until ? std::optional(turn_.wall(*until)) : std::nullopt});
    return offline;
}

/// Up to `count` of the steps after this one, taken out of them, in order.
std::vector<std::string> Substitutes::take(const Step& step, std::size_t count) {
    std::vector<std::string> taken;
    next_ = std::max(next_, static_cast<std::size_t>(step.index) + 1);
    for (; next_ < release_.steps.size(); ++next_) {
        auto& later = release_.steps[next_];
        const auto* await = std::get_if<AwaitWork>(&later.work);
        if (await && await->approver) break;  // nobody behind it goes in another's place
        auto* work = deploy_of(later);
        if (!work) continue;
        const auto take_free = [&](const std::string& name) {
            if (taken.size() == count || !is_free(name)) return false;
            taken.push_back(name);
            return true;
        };
        if (std::erase_if(work->targets, take_free) == 0) continue;
        work->required = static_cast<int>(work->targets.size());
        turn_.save(release_, later);
        if (taken.size() == count) break;  // it may have more
    }
    return taken;
}

bool Substitutes::is_free(const std::string& name) const {
    const auto* target = wished_target(assignment_, name);
    return target && release_.targets.at(name).status == TargetStatus::waiting &&
           reach(turn_.state, release_.key, *target, turn_.lived) == Reach::online;
}

}  // namespace tidegate::engine
