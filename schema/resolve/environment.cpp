// The environment part: targets, rules and the errors of an environment.
#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "schema/resolve/digest.h"
#include "schema/resolve/parts.h"

namespace tidegate {
namespace {

std::string target_lists_folder(const std::string& environment) {
    return fmt::format("environments/{}/targets/", environment);
}

std::string window_path(const std::string& name) { return fmt::format("windows/{}.yaml", name); }
std::string policy_path(const std::string& name) { return fmt::format("policies/{}.yaml", name); }

bool may_apply(const Policy& policy, const std::string& environment) {
    const auto names = scope_of(policy, "environments");
    return !names || std::ranges::find(*names, environment) != names->end();
}

/// Whether a file without a policy stands in the place of one. Any other stray harms nobody.
bool hides_policy(const Surroundings& around, const std::string& path) {
    return path.ends_with(".yaml") ||
           (around.checks >= Checks::second && path.find(".yaml/") != std::string::npos);
}

/// Whether a check of variables can find something in this one itself, beside names that it adds.
bool is_checked(const Variable& variable, const std::string& environment) {
    return variable.type == VariableType::template_text ||
           (variable.type == VariableType::env_specific && !variable.values.contains(environment));
}

/// All of a target's variables that a check looks at: equal ones have equal faults.
std::string checked_form(const Variables& variables, const std::string& environment) {
    std::string form;
    for (const auto& [name, variable] : variables) {
        form += name;
        if (is_checked(variable, environment))
            form += fmt::format("={} {}:{}", to_string(variable.type), variable.value.size(),
                                variable.value);
        form += ' ';
    }
    return form;
}

/// Fills one part; `x_` is what it is made from, `part` what comes out.
class EnvironmentMaker {
public:
    EnvironmentMaker(const Surroundings& around, std::string name, PartInputs inputs)
        : around_{around}, name_{std::move(name)} {
        part_.inputs = std::move(inputs);
    }

    EnvironmentPart make();

private:
    void take_errors();
    void take_targets();
    void take_target(const TargetSpec& spec);
    void group_targets();
    void take_rules(const Repository* repository);
    void take_window(Rules& rules);
    void take_policies();
    void take_strategy(const Repository* repository);

    const Surroundings& around_;
    std::string name_;
    EnvironmentPart part_;
    std::vector<Unsupported> rule_remarks_;
};

void EnvironmentMaker::take_errors() {
    for (const auto& file : part_.inputs.files)
        if (file) append(part_.errors, file->errors);
    append(part_.errors, part_.inputs.cross_errors);
}

void EnvironmentMaker::take_target(const TargetSpec& spec) {
    DesiredTarget target;
    target.name = spec.name;
    target.agent = spec.agent.empty() ? spec.name : spec.agent;
    target.labels = spec.labels;
    target.priority = spec.priority;
    target.work_dir = spec.work_dir;
    target.variables = spec.variables;
    target.config_digest = target_config_digest(spec.config, spec.variables, name_);
    part_.targets.push_back(std::move(target));
    if (spec.work_dir.find("${") != std::string::npos)
        part_.target_texts.push_back({spec.work_dir, spec.position});
    remark_variables(spec.variables, part_.target_variables, part_.warnings);
    remark_slots(spec.variables, part_.slot_variables);
}

void EnvironmentMaker::take_targets() {
    for (const auto& spec : part_.document->targets) take_target(spec);
    for (const auto& file : part_.inputs.files)
        if (const auto* list = document_of<TargetList>(file))
            for (const auto& spec : list->targets) take_target(spec);
    std::sort(part_.targets.begin(), part_.targets.end(), [](const auto& a, const auto& b) {
        return std::tie(a.priority, a.name) < std::tie(b.priority, b.name);
    });
}

void EnvironmentMaker::group_targets() {
    const auto adds_name_only = [&](const auto& each) { return !is_checked(each.second, name_); };
    std::map<std::string, std::size_t> group_of;
    for (std::size_t i = 0; i < part_.targets.size(); ++i) {
        const auto& variables = part_.targets[i].variables;
        const auto [found, is_new] =
            group_of.emplace(checked_form(variables, name_), part_.groups.size());
        if (is_new) part_.groups.push_back({std::ranges::all_of(variables, adds_name_only), {}});
        part_.groups[found->second].targets.push_back(i);
    }
}

void EnvironmentMaker::take_window(Rules& rules) {
    const auto& written = part_.document->window;
    if (!written) return;
    if (const auto* reference = std::get_if<Reference>(&*written)) {
        const auto file = find_file(around_.tree, window_path(reference->name));
        if (!file)
            part_.errors.push_back(dangling("window", *reference, around_.names.below("windows/")));
        const auto* window = document_of<ReleaseWindow>(file);
        if (window == nullptr) return;
        rules.window = *window;
    } else {
        rules.window = std::get<ReleaseWindow>(*written);
    }
    rules.zone = around_.zones(rules.window->timezone);
    if (!rules.zone) part_.errors.push_back(unknown_zone(*rules.window));
}

void EnvironmentMaker::take_policies() {
    const auto& named = part_.document->policies;
    const KnownNames known{
        "policy", named.empty() ? std::vector<std::string>{} : around_.names.below("policies/")};
    std::set<std::string> names;
    for (const auto& policy : named) {
        names.insert(policy.name);
        known.check(policy, part_.errors);
        rule_remarks_.push_back({fmt::format("policy: {}", policy.name), policy.position});
    }
    for (const auto& file : part_.inputs.files) {
        const auto* policy = document_of<Policy>(file);
        if (policy == nullptr || names.contains(policy->name)) continue;
        Unsupported remark{fmt::format("policy: {}", policy->name), policy->position};
        const auto projects = scope_of(*policy, "projects");
        if (!projects) rule_remarks_.push_back(std::move(remark));
        for (const auto& project : projects.value_or(std::vector<std::string>{}))
            part_.project_policies[project].push_back(remark);
    }
}

void EnvironmentMaker::take_rules(const Repository* repository) {
    const auto& document = *part_.document;
    Rules rules;
    rules.environment = name_;
    rules.freeze = document.freeze;
    rules.approvers = document.approvers;
    // What older checks let through acted without being asked.
    rules.allow_override = document.allow_override || around_.checks < Checks::fifth;
    rules.approved_only = approved_only(part_.strategy);
    take_window(rules);
    take_policies();
    if (document.require_approval)
        rule_remarks_.push_back({"approval: require_approval", document.position});
    if (document.promotes_from)
        rule_remarks_.push_back(
            {fmt::format("promotion: promotes_from {}", document.promotes_from->name),
             document.promotes_from->position});
    if (!document.budget.is_null()) rule_remarks_.push_back({"budget: budget", document.position});
    if (repository != nullptr && repository->trust.require_signatures)
        rule_remarks_.push_back({"trust: require_signatures", repository->position});
    if (repository != nullptr && repository->trust.rules_soak)
        rule_remarks_.push_back({"trust: rules_soak", repository->position});
    for (const auto& remark : rule_remarks_) {
        rules.unsupported.push_back(remark.words);
        part_.warnings.push_back(warning_of(remark));
    }
    for (const auto& [project, remarks] : part_.project_policies)
        for (const auto& remark : remarks) rules.unsupported_of[project].push_back(remark.words);
    part_.rules = std::make_shared<const Rules>(std::move(rules));
}

void EnvironmentMaker::take_strategy(const Repository* repository) {
    const auto& document = *part_.document;
    const Repository defaults = repository != nullptr ? *repository : Repository{};
    part_.strategy = document.strategy.value_or(defaults.strategy.value_or(Strategy{}));
    const Findings findings{around_.checks, part_.errors, part_.warnings};
    check_strategy(part_.strategy, part_.targets, findings);
    check_approvers(part_.strategy, document.approvers, findings);
    part_.rollback = document.rollback.value_or(defaults.rollback.value_or(RollbackRules{}));
    part_.heal = document.heal.value_or(defaults.heal.value_or(Heal::on));
    part_.offline = document.offline.value_or(defaults.offline.value_or(Offline::skip));
    for (const auto& condition : part_.rollback.conditions)
        if (condition.type != "health_check_failed")
            part_.warnings.push_back(
                Error{ErrorCode::invalid,
                      fmt::format("rollback condition {} is not acted on yet", condition.type),
                      condition.position});
}

EnvironmentPart EnvironmentMaker::make() {
    take_errors();
    const auto& files = part_.inputs.files;
    part_.document = document_of<Environment>(files.at(0));
    const auto* repository = document_of<Repository>(files.at(1));
    if (part_.document != nullptr) {
        take_targets();
        group_targets();
        if (part_.targets.empty())
            part_.warnings.push_back({ErrorCode::invalid,
                                      "no targets: nothing is deployed here, its assignments wait "
                                      "with the hold no_targets",
                                      part_.document->position});
        take_strategy(repository);
        take_rules(repository);
        std::vector<Unsupported> variables;  // said by the assignments that use them
        remark_variables(part_.document->variables, variables, part_.warnings);
    }
    sort_errors(part_.errors);
    sort_errors(part_.warnings);
    return std::move(part_);
}

}  // namespace

EnvironmentPartPtr make_environment(const Surroundings& around, const std::string& name,
                                    PartInputs inputs) {
    return std::make_shared<const EnvironmentPart>(
        EnvironmentMaker{around, name, std::move(inputs)}.make());
}

std::vector<FilePtr> environment_files(const Surroundings& around, const std::string& name) {
    const auto& tree = around.tree;
    std::vector<FilePtr> files{find_file(tree, environment_path(name)),
                               file_or_hiding(around, kRepositoryPath)};
    for (const auto& folder : {target_lists_folder(name), std::string{"policies/"}})
        if (auto hiding = find_hiding(around, folder + "any")) files.push_back(std::move(hiding));
    each_below(tree, target_lists_folder(name),
               [&](const std::string&, const FilePtr& file) { files.push_back(file); });
    const auto* document = document_of<Environment>(files[0]);
    if (document == nullptr) return files;
    if (document->window)
        if (const auto* reference = std::get_if<Reference>(&*document->window))
            files.push_back(find_file(tree, window_path(reference->name)));
    std::set<std::string> named;  // a set: strangers write both lists as long as they like
    for (const auto& policy : document->policies)
        if (const auto [path, is_new] = named.insert(policy_path(policy.name)); is_new)
            files.push_back(find_file(tree, *path));
    each_below(tree, "policies/", [&](const std::string& path, const FilePtr& file) {
        const auto* policy = document_of<Policy>(file);
        const bool takes =
            policy == nullptr ? hides_policy(around, path) : may_apply(*policy, name);
        if (takes && !named.contains(path)) files.push_back(file);
    });
    return files;
}

std::optional<std::vector<std::string>> scope_of(const Policy& policy, const std::string& list) {
    const auto* scope = policy.applies_to.map();
    if (scope == nullptr || !scope->contains(list)) return std::nullopt;
    std::vector<std::string> names;
    if (const auto* written = scope->at(list).list())
        for (const auto& each : *written)
            if (const auto* name = each.string()) names.push_back(*name);
    return names;
}

}  // namespace tidegate
