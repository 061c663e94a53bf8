#include "schema/resolve/work_dirs.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "schema/base/limits.h"
#include "schema/base/paths.h"
#include "schema/base/utf8.h"
#include "schema/resolve/expand.h"
#include "schema/resolve/repo_scope.h"
#include "schema/resolve/slots.h"

namespace tidegate {
namespace {

constexpr std::string_view kVariable = "${";
constexpr std::string_view kDefaultRoot = "/opt/apps";

/// With one slash at the end and none twice, so that whatever begins with it lies there.
std::string as_folder(std::string_view path) {
    std::string folder;
    for (const char c : path)
        if (c != '/' || !folder.ends_with('/')) folder += c;
    if (!folder.ends_with('/')) folder += '/';
    return folder;
}

/// One installation's place.
struct Place {
    std::string folder;
    const AssignmentKey* key = nullptr;
    const DesiredTarget* target = nullptr;
    bool shared = false;
    Position position;
};

struct WorkDir {
    std::string root;        ///< of the target; empty = none
    std::string configured;  ///< of the project; empty = by default
};

/// None where only the agent knows.
std::optional<WorkDir> expanded_work_dir(const Definition& definition, const DesiredTarget& target,
                                         const RepoScope& scope) {
    auto root = expand(target.work_dir, scope.get());
    auto configured = expand(definition.deploy.script.work_dir, scope.get());
    if (!root || !configured) return std::nullopt;
    return WorkDir{*std::move(root), *std::move(configured)};
}

std::string folder_of(const WorkDir& dir, const std::string& project) {
    if (!dir.configured.empty()) return as_folder(dir.configured);
    return as_folder((dir.root.empty() ? std::string{kDefaultRoot} : dir.root) + '/' + project);
}

/// What is wrong with a path that has its values; null: nothing.
const char* fault_of(const std::string& path) {
    if (path.empty()) return nullptr;
    if (!path.starts_with('/')) return "is not absolute";
    if (has_parent_part(path)) return "has a '..' in it";
    return find_control(path) != path.npos ? "has a control character in it" : nullptr;
}

using Places = std::map<std::string, std::vector<Place>>;  ///< by agent

void add_places(const ResolvedAssignment& entry, Places& places) {
    const auto& assignment = *entry.assignment;
    for (const auto& target : assignment.targets) {
        const auto& definition = target.definition ? target.definition : assignment.definition;
        if (definition->deploy.type != DeployType::script) continue;
        for (const auto slot : slots_of(assignment.strategy.type))
            if (auto folder = folder_of(*definition, target, {*definition, target, slot}))
                places[target.agent].push_back({*std::move(folder), &assignment.key, &target,
                                                definition->deploy.script.shared_work_dir,
                                                definition->deploy.position});
    }
}

Error overlap(const Place& outer, const Place& inner, const std::string& agent) {
    const auto where = outer.folder == inner.folder
                           ? fmt::format("both have {}", inner.folder)
                           : fmt::format("have {} and {}", outer.folder, inner.folder);
    return {
        ErrorCode::conflict,
        fmt::format("{} on target {} and {} on target {} ({}) {} on agent {}: uninstalling one "
                    "takes the other's files (meant so? shared_work_dir: true in both projects)",
                    inner.key->text(), inner.target->name, outer.key->text(), outer.target->name,
                    outer.position.text(), where, agent),
        inner.position};
}

/// The folders that hold others come first, so those of the one at hand are a stack. Ends early
/// when `report` says that it has enough. The slots of one installation are slot_faults' to judge.
template <class Report>
void each_overlap(std::vector<Place>& places, const Report& report) {
    std::ranges::sort(places, [](const Place& a, const Place& b) {
        return std::tie(a.folder, *a.key, a.target->name) <
               std::tie(b.folder, *b.key, b.target->name);
    });
    std::vector<const Place*> open;
    for (const auto& place : places) {
        while (!open.empty() && !place.folder.starts_with(open.back()->folder)) open.pop_back();
        for (const auto* outer : open) {
            const bool own = outer->target == place.target && *outer->key == *place.key;
            const bool meant = outer->shared && place.shared;
            if (!own && !meant && !report(*outer, place)) return;
        }
        open.push_back(&place);
    }
}

}  // namespace

bool lies_outside(std::string_view work_dir, std::string_view root) {
    if (root.find(kVariable) != root.npos || root.empty() || work_dir.empty()) return false;
    const auto variable = work_dir.find(kVariable);
    const auto folder = as_folder(root);
    if (variable == 0) return false;
    if (variable == work_dir.npos) return !as_folder(work_dir).starts_with(folder);
    auto known = as_folder(work_dir.substr(0, variable));
    if (work_dir[variable - 1] != '/') known.pop_back();  // `/srv/app-${NAME}`
    return !known.starts_with(folder) && !folder.starts_with(known);
}

std::optional<std::string> folder_of(const Definition& definition, const DesiredTarget& target,
                                     const RepoScope& scope) {
    const auto dir = expanded_work_dir(definition, target, scope);
    if (!dir) return std::nullopt;
    return folder_of(*dir, definition.key.project);
}

std::optional<WorkDirFault> work_dir_fault(const Definition& definition,
                                           const DesiredTarget& target, std::string_view slot) {
    const auto outside = [&](const std::string& dir, const std::string& root) {
        return WorkDirFault{
            fmt::format("work_dir {} is not at or below that of target \"{}\", which is {}", dir,
                        target.name, root),
            false};
    };
    const auto& written = definition.deploy.script.work_dir;
    if (lies_outside(written, target.work_dir)) return outside(written, target.work_dir);
    if ((written + target.work_dir).find(kVariable) == std::string::npos) return std::nullopt;
    const auto there = expanded_work_dir(definition, target, {definition, target, slot});
    if (!there) return std::nullopt;
    const auto wrong = [&](const std::string& path, const char* fault, bool of_target) {
        return WorkDirFault{
            fmt::format("work_dir {} on target \"{}\" {}", path, target.name, fault), of_target};
    };
    if (const auto* fault = fault_of(there->root)) return wrong(there->root, fault, true);
    if (const auto* fault = fault_of(there->configured))
        return wrong(there->configured, fault, false);
    if (lies_outside(there->configured, there->root))
        return outside(there->configured, there->root);
    return std::nullopt;
}

std::vector<Error> overlapping_work_dirs(const ResolvedTree& tree) {
    Places places;
    for (const auto& [key, entry] : tree.assignments)
        if (entry->assignment) add_places(*entry, places);
    std::vector<Error> warnings;
    std::set<std::pair<AssignmentKey, AssignmentKey>> said;  // not once per target of a fleet
    for (auto& [agent, there] : places) {
        if (warnings.size() >= limits::kErrorsReportedMax) break;
        each_overlap(there, [&](const Place& outer, const Place& inner) {
            if (said.emplace(*outer.key, *inner.key).second)
                warnings.push_back(overlap(outer, inner, agent));
            return warnings.size() < limits::kErrorsReportedMax;
        });
    }
    return warnings;
}

}  // namespace tidegate
