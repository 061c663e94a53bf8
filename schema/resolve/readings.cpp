#include "schema/resolve/readings.h"

#include <map>
#include <string>

#include "schema/resolve/digest.h"

namespace tidegate {
namespace {

Digest config_in_force(const Readings& readings, const DesiredTarget& target) {
    const auto found = readings.find(target.name);
    const bool was_another = found != readings.end() && found->second.anew == target.config_digest;
    return was_another ? found->second.before : target.config_digest;
}

/// The definition with the digest that is in force for it.
DefinitionPtr in_force(const AssignmentHistory& facts, const DefinitionPtr& read) {
    const auto digest = digest_in_force(facts, read->digest);
    if (digest == read->digest) return read;
    auto definition = std::make_shared<Definition>(*read);
    definition->digest = digest;
    return definition;
}

}  // namespace

Digest digest_in_force(const AssignmentHistory& facts, const Digest& digest) {
    return !digest.empty() && digest == facts.read_anew ? facts.read_before : digest;
}

ResolvedAssignmentPtr in_force(const AssignmentHistory& facts, const Readings& readings,
                               const ResolvedAssignmentPtr& entry) {
    if (!entry || !entry->assignment) return entry;
    const auto read = entry->assignment->definition;
    const auto definition = in_force(facts, read);
    if (definition == read && readings.empty()) return entry;
    auto assignment = std::make_shared<Assignment>(*entry->assignment);
    assignment->definition = definition;
    for (auto& target : assignment->targets) {
        target.config_digest = config_in_force(readings, target);
        if (target.definition != read) continue;
        target.definition = definition;
        target.digest = target_digest(definition->digest, target.config_digest);
    }
    auto kept = std::make_shared<ResolvedAssignment>(*entry);
    kept->assignment = std::move(assignment);
    return kept;
}

void note_reading(AssignmentHistory& facts, const Definition& anew) {
    if (!facts.present || !facts.held_at.empty() || anew.digest == facts.digest) return;
    facts.read_anew = anew.digest;
    facts.read_before = facts.digest;
}

void note_readings(EnvironmentHistory& known, const EnvironmentPart& before,
                   const EnvironmentPart& anew) {
    std::map<std::string, Digest> accepted;
    for (const auto& target : before.targets)
        accepted[target.name] = config_in_force(known.readings, target);
    for (const auto& target : anew.targets)
        if (const auto found = accepted.find(target.name);
            found != accepted.end() && found->second != target.config_digest)
            known.readings[target.name] = {target.config_digest, found->second};
}

}  // namespace tidegate
