#include "reconciler/status/way_back.h"

namespace tidegate::status {
namespace {

void add_sides(planner::Situation& situation, const AssignmentView& view, const Release& release) {
    if (!view.sides) return;
    const auto& sides = *view.sides;
    situation.live = sides.live;
    situation.serves =
        situation.serves || !sides.live.empty() || sides.weights.contains(sides.live);
    // What routers do for another release says nothing of this one.
    const bool others = is_final(release.status) && !view.release.empty();
    if (others) return;
    for (const auto& router : sides.routers) {
        ++situation.routers;
        situation.in_force += router.in_force ? 1 : 0;
    }
}

bool has_left(const TargetView& target, const Release& release, const TargetProgress& progress) {
    return std::ranges::any_of(target.installations, [&](const Installation& there) {
        return there.key.project == release.key.project && there.key.slot == release.slot &&
               planner::is_left(there, progress);
    });
}

}  // namespace

std::vector<planner::BackStep> way_back_of(const StatusSnapshot& snapshot, const Release& release) {
    planner::Situation situation;
    situation.serves = release.last_good && !release.last_good->absent;
    if (const auto* view = view_of(snapshot, release.key)) add_sides(situation, *view, release);
    if (snapshot.desired)
        if (const auto found = snapshot.desired->assignments.find(release.key);
            found != snapshot.desired->assignments.end())
            situation.granularity = found->second->rollback.granularity;
    if (const auto why = snapshot.stays.find(release.key);
        why != snapshot.stays.end() && is_active(release.status))
        situation.stays = why->second;
    if (planner::works_beside(release))
        for (const auto& [name, progress] : release.targets)
            if (const auto target = snapshot.targets.find(name);
                target != snapshot.targets.end() && has_left(*target->second, release, progress))
                situation.in_slot.insert(name);
    return planner::compile_rollback(release, situation);
}

void add_way_back(Json& to, const std::vector<planner::BackStep>& steps) {
    if (steps.empty()) return;
    Json items = Json::array();
    for (const auto& step : steps)
        items.push_back({{"index", step.index},
                         {"kind", to_string(step.kind)},
                         {"does", step.does},
                         {"status", to_string(step.status)},
                         {"targets", step.targets},
                         {"done", step.done},
                         {"all", step.all}});
    to["rollback"] = {{"steps", std::move(items)}};
}

}  // namespace tidegate::status
