#include "reconciler/engine/way_back.h"

#include "reconciler/engine/facts.h"
#include "reconciler/engine/release_machine.h"
#include "reconciler/engine/sides.h"

namespace tidegate::engine {
namespace {

/// As it was when it was good, with the checks of that time: the wish may have the same digest by
/// now and yet the checks of the failed commit.
DefinitionPtr good_definition(const AssignmentState& assignment, const LastGood& good) {
    const auto known = assignment.definitions.find(good.digest);
    return known != assignment.definitions.end() ? known->second
                                                 : definition_of(assignment, good.digest);
}

/// What another definition does, under the name of last good.
std::shared_ptr<Definition> in_the_name_of(const LastGood& good, const Definition& acting) {
    auto made = std::make_shared<Definition>(acting);
    made->digest = good.digest;
    made->commit = good.commit;
    made->version = good.version;
    made->absent = good.absent;
    made->artifact.reset();
    return made;
}

/// What failed knows best what it has put where. Data that were kept once are kept again.
Way way_to_absent(const LastGood& good, const DefinitionPtr& absent, const DefinitionPtr& failed,
                  int attempt) {
    const bool own = failed && !failed->absent && (attempt == 0 || !absent);
    if (!own) return {absent, ActionKind::uninstall, ""};
    auto made = in_the_name_of(good, *failed);
    made->keep_data = !absent || absent->keep_data;
    return {std::move(made), ActionKind::uninstall, ""};
}

bool is_asked(const AssignmentState& assignment, const std::string& commit) {
    const auto asked = assignment.loading.find(commit);
    return asked == assignment.loading.end() || asked->second.inquiry.failures == 0;
}

/// Last good is lost: only what failed can say how it is left, and nothing else of it may run.
Way by_failed(const LastGood& good, const DefinitionPtr& failed) {
    if (!failed || failed->deploy.script.rollback_script.empty()) return {};
    auto made = in_the_name_of(good, *failed);
    auto& script = made->deploy.script;
    for (auto* body : {&script.install_script, &script.update_script, &script.rollback_script,
                       &script.uninstall_script})
        body->clear();
    return {std::move(made), ActionKind::rollback, failed->deploy.script.rollback_script};
}

}  // namespace

std::string why_lost(const AssignmentState& assignment, const LastGood& good) {
    if (definition_of(assignment, good.digest)) return "";
    const auto asked = assignment.loading.find(good.commit);
    if (asked == assignment.loading.end() || asked->second.gone.empty()) return "";
    return fmt::format("last good {} ({}) cannot be read any more: {}", good.version,
                       good.commit.substr(0, 12), asked->second.gone);
}

std::string no_way_back(const AssignmentState& assignment, const Release& release) {
    const auto why = why_lost(assignment, *release.last_good);
    if (why.empty() || way_back(assignment, release, 0).definition) return "";
    return why;
}

Way way_back(const AssignmentState& assignment, const Release& release, int attempt) {
    if (!release.last_good) return {};
    const auto good = good_definition(assignment, *release.last_good);
    const auto failed = definition_of(assignment, release.digest);
    if (release.last_good->absent) return way_to_absent(*release.last_good, good, failed, attempt);
    if (!why_lost(assignment, *release.last_good).empty())
        return by_failed(*release.last_good, failed);
    const bool own_way = failed && attempt == 0;
    return {good, ActionKind::rollback, own_way ? failed->deploy.script.rollback_script : ""};
}

std::string why_stays(const AssignmentState& assignment, const Release& release) {
    auto why = why_no_rollback(assignment, release);
    const bool restores = release.last_good && !planner::works_beside(release);
    return why.empty() && restores ? no_way_back(assignment, release) : why;
}

planner::Situation situation_of(const State& state, const Release& release, Lived now) {
    const auto& assignment = state.assignments.at(release.key);
    planner::Situation situation;
    situation.live = live_slot(state, release.key);
    situation.serves = has_old_side(state, release.key);
    if (const auto* rules = rules_of(assignment))
        situation.granularity = rules->rollback.granularity;
    situation.stays = why_stays(assignment, release);
    const auto routers = ask_routers(state, release.key, now);
    situation.in_force = routers.in_force;
    situation.routers =
        routers.in_force + static_cast<int>(routers.late.size() + routers.away.size());
    if (!planner::works_beside(release)) return situation;
    for (const auto& [name, progress] : release.targets) {
        const auto* target = find_target(assignment, name);
        const auto* seen = target ? seen_in(state, release, *target) : nullptr;
        if (seen && planner::is_left(*seen, progress)) situation.in_slot.insert(name);
    }
    return situation;
}

bool is_first_read(const AssignmentState& assignment, const Release& release) {
    const auto is_read = [&](const Digest& digest, const std::string& commit) {
        return !definition_of(assignment, digest) && is_asked(assignment, commit);
    };
    const auto& good = *release.last_good;
    return is_read(good.digest, good.commit) || is_read(release.digest, release.digest_commit);
}

Hold loading_hold() { return {"loading", "reads the definition from Git", {}}; }

bool waits_for_way_back(const AssignmentState& assignment, const Release& release) {
    const auto& good = *release.last_good;
    if (!definition_of(assignment, good.digest) && why_lost(assignment, good).empty()) return true;
    if (definition_of(assignment, release.digest)) return false;
    return is_asked(assignment, release.digest_commit);
}

}  // namespace tidegate::engine
