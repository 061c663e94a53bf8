#include "schema/resolve/parts.h"

#include <fmt/core.h>

#include <algorithm>
#include <tuple>

#include "schema/base/nearest.h"
#include "schema/resolve/built_ins.h"

namespace tidegate {
namespace {

constexpr std::string_view kFileSuffix = ".yaml";

void remark_variable(const std::string& name, const Variable& variable,
                     std::vector<Unsupported>& unsupported, std::vector<Error>& warnings) {
    const auto warn = [&](std::string message) {
        warnings.push_back(Error{ErrorCode::invalid, std::move(message), variable.position});
    };
    if (variable.type == VariableType::secret || variable.type == VariableType::external)
        unsupported.push_back(
            {fmt::format("variable: {} of type {}", name, to_string(variable.type)),
             variable.position});
    if (variable.type == VariableType::plain && variable.value.find("${") != std::string::npos)
        warn(
            fmt::format("variable {} is plain, so its \"${{\" stays as it is; type: template "
                        "replaces it",
                        name));
    if (const auto* built_in = find_built_in(name); built_in != nullptr && !built_in->is_default)
        warn(fmt::format("variable {} is built in: this value is never used", name));
}

}  // namespace

Error warning_of(const Unsupported& unsupported) {
    return Error{ErrorCode::invalid,
                 fmt::format("{} is not acted on yet: the release will hold with gate unsupported",
                             unsupported.words),
                 unsupported.position};
}

FilePtr find_file(const DocumentTree& tree, const std::string& path) {
    const auto found = tree.find(path);
    return found == tree.end() ? nullptr : found->second;
}

FilePtr find_hiding(const Surroundings& around, const std::string& path) {
    if (around.checks < Checks::second) return nullptr;
    for (auto slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1))
        if (auto file = find_file(around.tree, path.substr(0, slash)); file && !file->document)
            return file;
    const auto below = path + '/';
    const auto at = around.tree.lower_bound(below);
    return at != around.tree.end() && at->first.starts_with(below) ? at->second : nullptr;
}

FilePtr file_or_hiding(const Surroundings& around, const std::string& path) {
    auto file = find_file(around.tree, path);
    return file ? file : find_hiding(around, path);
}

std::string environment_path(const std::string& name) {
    return fmt::format("environments/{}.yaml", name);
}

std::string project_path(const std::string& name) { return fmt::format("projects/{}.yaml", name); }

std::vector<std::string> names_below(const DocumentTree& tree, const std::string& folder) {
    std::vector<std::string> names;
    each_below(tree, folder, [&](const std::string& path, const FilePtr&) {
        const auto rest = std::string_view{path}.substr(folder.size());
        if (rest.ends_with(kFileSuffix) && rest.find('/') == std::string_view::npos)
            names.emplace_back(rest.substr(0, rest.size() - kFileSuffix.size()));
    });
    return names;
}

const std::vector<std::string>& FolderNames::below(const std::string& folder) {
    const auto found = names_.find(folder);
    if (found != names_.end()) return found->second;
    return names_[folder] = names_below(tree_, folder);
}

Error dangling(const char* what, const Reference& reference,
               const std::vector<std::string>& known) {
    return Error{ErrorCode::not_found,
                 fmt::format("unknown {} \"{}\"{}", what, reference.name,
                             did_you_mean(reference.name, known)),
                 reference.position};
}

KnownNames::KnownNames(const char* what, std::vector<std::string> names)
    : what_{what}, names_{std::move(names)} {
    std::sort(names_.begin(), names_.end());
}

void KnownNames::check(const Reference& reference, std::vector<Error>& errors) const {
    if (errors.size() >= limits::kErrorsReportedMax ||
        std::binary_search(names_.begin(), names_.end(), reference.name))
        return;
    const bool hint = errors.size() < limits::kErrorsPerAssignmentMax;
    errors.push_back(dangling(what_, reference, hint ? names_ : std::vector<std::string>{}));
}

std::vector<std::string> names_of(const std::vector<DesiredTarget>& targets) {
    std::vector<std::string> names;
    for (const auto& target : targets) names.push_back(target.name);
    std::sort(names.begin(), names.end());
    return names;
}

Error unknown_zone(const ReleaseWindow& window) {
    return Error{ErrorCode::not_found,
                 fmt::format("unknown time zone \"{}\" (wanted an IANA name such as Europe/Berlin)",
                             window.timezone),
                 window.position};
}

void append(std::vector<Error>& into, const std::vector<Error>& errors) {
    into.insert(into.end(), errors.begin(), errors.end());
}

void sort_errors(std::vector<Error>& errors, std::size_t max) {
    std::sort(errors.begin(), errors.end(), [](const Error& a, const Error& b) {
        return std::tie(a.position, a.message) < std::tie(b.position, b.message);
    });
    errors.erase(std::unique(errors.begin(), errors.end()), errors.end());
    if (errors.size() > max) errors.resize(max);
    errors.shrink_to_fit();
}

void remark_variables(const Variables& variables, std::vector<Unsupported>& unsupported,
                      std::vector<Error>& warnings) {
    for (const auto& [name, variable] : variables)
        remark_variable(name, variable, unsupported, warnings);
}

void remark_slots(const Variables& variables, std::vector<Unsupported>& remarks) {
    for (const auto& [name, variable] : variables)
        if (variable.type == VariableType::slot_specific)
            remarks.push_back(
                {fmt::format("variable: {} of type slot_specific without slots", name),
                 variable.position});
}

void remark_strategy(const Strategy& strategy, Checks checks,
                     std::vector<Unsupported>& unsupported) {
    const auto remark = [&](std::string words) {
        unsupported.push_back({"strategy: " + std::move(words), strategy.position});
    };
    const auto type = to_string(strategy.type);
    const bool has_slots = strategy.type == StrategyType::blue_green;
    // What older checks let through nobody looked at for what slots and routers need.
    if (!is_supported(strategy.type) || (has_slots && checks < Checks::fourth))
        return remark(std::string{type});
    if (strategy.traffic && !has_slots && checks < Checks::fifth)
        remark(fmt::format("{} with traffic", type));
    if (strategy.traffic && strategy.traffic->router > RouterType::script)
        remark(fmt::format("router {}", to_string(strategy.traffic->router)));
    // What older checks let through may name nobody who could approve it.
    if (checks < Checks::fifth &&
        std::ranges::any_of(strategy.cluster_order, &ClusterGroup::approval_required))
        remark("approval_required of a group in cluster_order");
    const auto by_weight = [](const CanaryStep& step) { return step.weight.has_value(); };
    if (!has_slots && std::ranges::any_of(strategy.steps, by_weight)) remark("canary by weight");
}

}  // namespace tidegate
