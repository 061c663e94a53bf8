#include "reconciler/engine/way_back.h"

#include "reconciler/engine/facts.h"

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
    const bool by_failed = failed && !failed->absent && attempt == 0;
    if (!by_failed) return {absent, ActionKind::uninstall, ""};
    auto made = in_the_name_of(good, *failed);
    made->keep_data = !absent || absent->keep_data;
    return {std::move(made), ActionKind::uninstall, ""};
}

bool is_asked(const AssignmentState& assignment, const std::string& commit) {
    const auto asked = assignment.loading.find(commit);
    return asked == assignment.loading.end() || !asked->second.answered;
}

}  // namespace

Way way_back(const AssignmentState& assignment, const Release& release, int attempt) {
    if (!release.last_good) return {};
    const auto good = good_definition(assignment, *release.last_good);
    const auto failed = definition_of(assignment, release.digest);
    if (release.last_good->absent) return way_to_absent(*release.last_good, good, failed, attempt);
    const bool own_way = failed && attempt == 0;
    return {good, ActionKind::rollback, own_way ? failed->deploy.script.rollback_script : ""};
}

bool waits_for_way_back(const AssignmentState& assignment, const Release& release) {
    if (!definition_of(assignment, release.last_good->digest)) return true;
    if (definition_of(assignment, release.digest)) return false;
    return is_asked(assignment, release.digest_commit);
}

}  // namespace tidegate::engine
