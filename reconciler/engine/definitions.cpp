#include "reconciler/engine/ask.h"
#include "reconciler/engine/facts.h"
#include "reconciler/engine/look.h"
#include "reconciler/engine/retire.h"

namespace tidegate::engine {
namespace {

using Needs = std::map<Digest, std::string>;  ///< digest → commit where it can be read

void need_of(const Release& release, Needs& needs) {
    if (!release.digest.empty()) needs.emplace(release.digest, release.digest_commit);
    if (release.last_good) needs.emplace(release.last_good->digest, release.last_good->commit);
}

Needs needs_of(const Turn& turn, const AssignmentKey& key, const AssignmentState& assignment) {
    Needs needs;
    add_retired(turn.state, key, needs);
    if (assignment.good) needs.emplace(assignment.good->good.digest, assignment.good->good.commit);
    for (const auto& id : {assignment.active, assignment.beside})
        if (!id.empty()) need_of(turn.state.releases.at(id), needs);
    for (const auto& id : assignment.owing) need_of(turn.state.releases.at(id), needs);
    return needs;
}

}  // namespace

void load_definitions(Turn& turn, const AssignmentKey& key) {
    auto& assignment = turn.state.assignments[key];
    const auto needs = needs_of(turn, key, assignment);
    std::erase_if(assignment.definitions,
                  [&](const auto& entry) { return !needs.contains(entry.first); });
    std::map<std::string, Loading> still;
    for (const auto& [digest, commit] : needs) {
        if (definition_of(assignment, digest)) continue;
        auto& loading = still[commit] = assignment.loading[commit];
        if (is_to_ask(turn, key, loading.inquiry))
            ask(turn, key, loading.inquiry, LoadDefinition{key, commit});
    }
    assignment.loading = std::move(still);
}

}  // namespace tidegate::engine
