#include "schema/resolve/resolve.h"

#include <fmt/core.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "schema/resolve/parts.h"
#include "schema/resolve/shared_servers.h"

namespace tidegate {
namespace {

constexpr std::string_view kVersions = "versions/";
constexpr std::string_view kApprovals = "approvals/";
constexpr std::string_view kSuffix = ".yaml";

std::optional<AssignmentKey> key_below(std::string_view folder, std::string_view path) {
    if (!path.starts_with(folder) || !path.ends_with(kSuffix)) return std::nullopt;
    path.remove_prefix(folder.size());
    path.remove_suffix(kSuffix.size());
    const auto slash = path.find('/');
    if (slash == std::string_view::npos || path.find('/', slash + 1) != std::string_view::npos)
        return std::nullopt;
    return AssignmentKey{std::string(path.substr(0, slash)), std::string(path.substr(slash + 1))};
}

std::string approval_path(const AssignmentKey& key) {
    return fmt::format("approvals/{}/{}.yaml", key.environment, key.project);
}

using RouterAgents = std::map<std::string, std::set<std::string>>;

/// Brings a ResolvedTree from one DocumentTree to another.
class Update {
public:
    Update(ResolvedTree& result, const Surroundings& around) : result_{result}, around_{around} {}

    void run(const std::set<std::string>& changed);

private:
    void take_remarks(const std::string& path);
    void refresh_parts();
    void refresh_assignment(const AssignmentKey& key);
    void refresh_all_assignments();
    void refresh_shared_servers();
    RouterAgents routers_of(const ResolvedAssignment& inputs) const;
    std::vector<Error> window_errors() const;
    std::vector<Error> approval_errors() const;

    ResolvedTree& result_;
    const Surroundings& around_;
    bool servers_changed_ = false;
};

/// Takes over every part whose inputs are what they were; makes the others.
template <class Part, class Make>
void refresh(std::map<std::string, std::shared_ptr<const Part>>& parts,
             std::map<std::string, PartInputs> inputs, const Make& make) {
    std::map<std::string, std::shared_ptr<const Part>> fresh;
    for (auto& [name, input] : inputs) {
        const auto old = parts.find(name);
        const bool same = old != parts.end() && old->second->inputs == input;
        fresh[name] = same ? old->second : make(name, std::move(input));
    }
    parts = std::move(fresh);
}

template <class Key>
std::vector<Error> errors_of(std::map<Key, std::vector<Error>>& errors, const Key& name) {
    const auto found = errors.find(name);
    return found == errors.end() ? std::vector<Error>{} : std::move(found->second);
}

bool claims_differ(const ResolvedAssignmentPtr& before, const ResolvedAssignment& now) {
    if (!before) return !now.servers.empty();
    return before->alone || before->servers != now.servers || before->routers != now.routers;
}

ResolvedAssignmentPtr held_by(const std::vector<Error>& errors,
                              const ResolvedAssignmentPtr& alone) {
    auto held = *alone;
    held.alone = alone;
    held.assignment = nullptr;
    append(held.errors, errors);
    sort_errors(held.errors, limits::kErrorsPerAssignmentMax);
    return std::make_shared<const ResolvedAssignment>(std::move(held));
}

void Update::refresh_parts() {
    auto cross = cross_check(around_.tree);
    std::map<std::string, PartInputs> environments, projects;
    for (const auto& name : names_below(around_.tree, "environments/"))
        environments[name] = {environment_files(around_, name),
                              errors_of(cross.environments, name)};
    for (const auto& name : names_below(around_.tree, "projects/"))
        projects[name] = {{find_file(around_.tree, project_path(name))},
                          errors_of(cross.projects, name)};
    result_.loose_errors = window_errors();
    result_.loose_warnings = std::move(cross.warnings);
    for (const auto& [name, errors] : cross.environments)
        append(result_.loose_errors, errors);  // those of existing environments were moved out
    refresh(result_.environments, std::move(environments),
            [&](const std::string& name, PartInputs inputs) {
                return make_environment(around_, name, std::move(inputs));
            });
    refresh(result_.projects, std::move(projects),
            [](const std::string&, PartInputs inputs) { return make_project(std::move(inputs)); });
}

/// An input as the files are: a commit to another environment may give a balancer another agent.
RouterAgents Update::routers_of(const ResolvedAssignment& inputs) const {
    const auto* version = document_of<Version>(inputs.version_file);
    if (version == nullptr || !inputs.environment) return {};
    const auto& traffic = strategy_of(*version, *inputs.environment).traffic;
    RouterAgents routers;
    if (traffic)
        for (const auto& router : traffic->targets)
            routers[router.name] = around_.agents.of(router.name);
    return routers;
}

void Update::refresh_assignment(const AssignmentKey& key) {
    ResolvedAssignment inputs;
    inputs.version_file = find_file(around_.tree, version_path(key));
    if (!inputs.version_file && result_.assignments.contains(key))
        inputs.version_file = find_hiding(around_, version_path(key));
    if (!inputs.version_file) {
        servers_changed_ = true;
        if (result_.assignments.erase(key) > 0) result_.touched.insert(key);
        return;
    }
    inputs.repository_file = file_or_hiding(around_, kRepositoryPath);
    inputs.approval_file = file_or_hiding(around_, approval_path(key));
    const auto environment = result_.environments.find(key.environment);
    if (environment != result_.environments.end()) inputs.environment = environment->second;
    const auto project = result_.projects.find(key.project);
    if (project != result_.projects.end()) inputs.project = project->second;
    inputs.routers = routers_of(inputs);

    auto& entry = result_.assignments[key];
    if (entry && entry->version_file == inputs.version_file &&
        entry->repository_file == inputs.repository_file &&
        entry->approval_file == inputs.approval_file && entry->environment == inputs.environment &&
        entry->project == inputs.project && entry->routers == inputs.routers)
        return;
    const auto before = std::exchange(entry, make_assignment(around_, key, std::move(inputs)));
    if (claims_differ(before, *entry)) servers_changed_ = true;
    result_.touched.insert(key);
}

void Update::refresh_all_assignments() {
    std::set<AssignmentKey> keys;
    for (const auto& [key, entry] : result_.assignments) keys.insert(keys.end(), key);
    each_below(around_.tree, std::string(kVersions), [&](const std::string& path, const FilePtr&) {
        if (auto key = key_of_version_path(path)) keys.insert(std::move(*key));
    });
    for (const auto& key : keys) refresh_assignment(key);
}

/// What a server's second user makes wrong, its leaving makes right again.
void Update::refresh_shared_servers() {
    if (!servers_changed_ || around_.checks < Checks::fourth) return;
    auto shared = shared_servers(result_.assignments);
    for (auto& [key, entry] : result_.assignments) {
        const auto errors = errors_of(shared, key);
        if (errors.empty() && !entry->alone) continue;
        auto now = entry->alone ? entry->alone : entry;
        if (!errors.empty()) now = held_by(errors, now);
        if (now->errors == entry->errors) continue;
        entry = std::move(now);
        result_.touched.insert(key);
    }
}

void Update::take_remarks(const std::string& path) {
    const auto file = find_file(around_.tree, path);
    if (file && (!file->errors.empty() || !file->warnings.empty()))
        result_.files_with_remarks[path] = file;
    else
        result_.files_with_remarks.erase(path);
}

/// Windows that no environment uses are checked too.
std::vector<Error> Update::window_errors() const {
    std::vector<Error> errors;
    each_below(around_.tree, "windows/", [&](const std::string&, const FilePtr& file) {
        if (const auto* window = document_of<ReleaseWindow>(file))
            if (!around_.zones(window->timezone)) errors.push_back(unknown_zone(*window));
    });
    return errors;
}

/// Approvals of nothing: they hold nothing, but somebody thinks they open something.
std::vector<Error> Update::approval_errors() const {
    std::vector<Error> errors;
    each_below(around_.tree, std::string(kApprovals),
               [&](const std::string& path, const FilePtr& file) {
                   const auto key = key_below(kApprovals, path);
                   if (!key || !file || around_.tree.contains(version_path(*key))) return;
                   const auto* list = document_of<ApprovalList>(file);
                   errors.push_back(Error{ErrorCode::not_found,
                                          fmt::format("there is no {}", version_path(*key)),
                                          list != nullptr ? list->position : Position{path, 0, 0}});
               });
    return errors;
}

void Update::run(const std::set<std::string>& changed) {
    result_.commit = around_.commit;
    result_.touched.clear();
    for (const auto& path : changed) take_remarks(path);
    const bool versions_only = std::all_of(changed.begin(), changed.end(), [](const auto& path) {
        return key_of_version_path(path).has_value();
    });
    if (versions_only) {
        for (const auto& path : changed)
            if (const auto key = key_of_version_path(path)) refresh_assignment(*key);
    } else {
        refresh_parts();
        refresh_all_assignments();
    }
    refresh_shared_servers();
    const auto approvals = around_.tree.lower_bound(std::string(kApprovals));
    result_.approval_errors.clear();
    if (approvals != around_.tree.end() && approvals->first.starts_with(kApprovals))
        result_.approval_errors = approval_errors();
}

}  // namespace

std::vector<Error> ResolvedTree::errors() const {
    auto result = loose_errors;
    append(result, approval_errors);
    for (const auto& [path, file] : files_with_remarks) append(result, file->errors);
    for (const auto& [name, part] : environments) append(result, part->errors);
    for (const auto& [name, part] : projects) append(result, part->errors);
    for (const auto& [key, entry] : assignments)
        if (!entry->assignment) append(result, entry->errors);
    sort_errors(result);
    return result;
}

std::vector<Error> ResolvedTree::warnings() const {
    auto result = loose_warnings;
    for (const auto& [path, file] : files_with_remarks) append(result, file->warnings);
    for (const auto& [name, part] : environments) append(result, part->warnings);
    for (const auto& [name, part] : projects) append(result, part->warnings);
    for (const auto& [key, entry] : assignments) append(result, entry->warnings);
    sort_errors(result);
    return result;
}

std::shared_ptr<const Rules> ResolvedTree::rules_of(const std::string& environment) const {
    const auto found = environments.find(environment);
    if (found == environments.end() || !found->second->errors.empty()) return nullptr;
    return found->second->rules;
}

ResolvedTree resolve(const DocumentTree& tree, const ZoneLookup& zones, const std::string& commit,
                     Checks checks, const std::set<AssignmentKey>& known) {
    std::set<std::string> all;
    for (const auto& [path, file] : tree) all.insert(all.end(), path);
    ResolvedTree empty;
    empty.checks = checks;
    for (const auto& key : known) empty.assignments.emplace(key, nullptr);
    return resolve_changed(std::move(empty), tree, zones, commit, all);
}

ResolvedTree resolve_changed(ResolvedTree previous, const DocumentTree& tree,
                             const ZoneLookup& zones, const std::string& commit,
                             const std::set<std::string>& changed) {
    FolderNames names{tree};
    TargetAgents agents{previous.environments};
    Update{previous, {tree, zones, commit, names, agents, previous.checks}}.run(changed);
    return previous;
}

Error leaving_warning(std::size_t count) {
    return {ErrorCode::invalid,
            fmt::format("{} assignment{} leave{} Git with this commit: what is installed stays, as "
                        "orphaned; state: absent uninstalls",
                        count, count == 1 ? "" : "s", count == 1 ? "s" : ""),
            {}};
}

std::string version_path(const AssignmentKey& key) {
    return fmt::format("versions/{}/{}.yaml", key.environment, key.project);
}

std::optional<AssignmentKey> key_of_version_path(const std::string& path) {
    return key_below(kVersions, path);
}

}  // namespace tidegate
