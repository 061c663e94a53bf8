// One assignment out of its version file and the parts it depends on.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "schema/base/limits.h"
#include "schema/resolve/action_size.h"
#include "schema/resolve/built_ins.h"
#include "schema/resolve/digest.h"
#include "schema/resolve/override.h"
#include "schema/resolve/parts.h"
#include "schema/resolve/routes.h"
#include "schema/resolve/slots.h"
#include "schema/resolve/work_dirs.h"

namespace tidegate {
namespace {

std::string fingerprint_of(const Version& version) {
    auto text = fmt::format("state={} keep_data={} operation={} retry={}",
                            version.absent ? "absent" : "present", version.keep_data,
                            to_string(version.operation), version.retry);
    std::map<std::string, std::string> pins;
    for (const auto& pin : version.pins) pins[pin.target.name] = pin.version;
    for (const auto& [target, pinned] : pins) text += fmt::format(" pin:{}={}", target, pinned);
    return text;
}

Variables merged(const Variables& lower, const Variables& higher) {
    auto result = higher;
    result.insert(lower.begin(), lower.end());  // does not overwrite
    return result;
}

/// Whether one of these faults is in one of these variables.
bool are_in(const std::vector<Error>& errors, const Variables& variables) {
    return std::ranges::any_of(variables, [&](const auto& each) {
        return std::ranges::find(errors, each.second.position, &Error::position) != errors.end();
    });
}

/// Fills one ResolvedAssignment whose inputs are set.
class AssignmentMaker {
public:
    AssignmentMaker(const Surroundings& around, AssignmentKey key, ResolvedAssignment inputs)
        : around_{around}, key_{std::move(key)}, result_{std::move(inputs)} {}

    ResolvedAssignment make();

private:
    void take_shared_errors();
    void check_references();
    void check_pins();
    void check_promote();
    void check_verify();
    void remark_version(std::vector<Unsupported>& remarks) const;
    void take_approvals();
    void remark_rules_of_others(std::vector<Unsupported>& remarks) const;
    void remark_slotless(const Definition& definition, std::vector<Unsupported>& remarks) const;
    void remark_variables_in_use(const Definition& definition, std::vector<Unsupported>& remarks);
    std::vector<PlacedText> texts() const;
    Position position_of(const std::string& target) const;
    void check_variables(const Definition& definition);
    void check_size(const Definition& definition);
    void check_work_dirs(const Definition& definition);
    void check_slots(const Definition& definition);
    void check_traffic(const Definition& definition);
    void take_routers(Assignment& assignment);
    Definition make_definition();
    Rules make_rules(const Definition& definition);
    Assignment make_assignment();
    const Strategy& strategy() const { return strategy_of(*version_, *result_.environment); }

    const Surroundings& around_;
    AssignmentKey key_;
    ResolvedAssignment result_;
    const Version* version_ = nullptr;
    const Environment* environment_ = nullptr;
    const Project* project_ = nullptr;
};

void AssignmentMaker::take_shared_errors() {
    const auto take = [&](const std::vector<Error>& errors) {
        const auto count = std::min(errors.size(), limits::kErrorsPerAssignmentMax);
        for (std::size_t i = 0; i < count; ++i) result_.errors.push_back(errors[i]);
    };
    take(result_.version_file->errors);
    if (result_.repository_file) take(result_.repository_file->errors);
    if (result_.approval_file) take(result_.approval_file->errors);
    if (result_.environment) take(result_.environment->errors);
    if (result_.project) take(result_.project->errors);
    version_ = document_of<Version>(result_.version_file);
    environment_ = result_.environment ? result_.environment->document : nullptr;
    project_ = result_.project ? result_.project->document : nullptr;
    if (version_ != nullptr) result_.paused = version_->paused;
    if (environment_ != nullptr) result_.freeze = environment_->freeze;
}

void AssignmentMaker::check_references() {
    const auto wanted = [&](const Reference& written, const std::string& name) {
        return Reference{name,
                         written.position.file.empty() ? version_->position : written.position};
    };
    if (!result_.environment)
        result_.errors.push_back(dangling("environment",
                                          wanted(version_->environment, key_.environment),
                                          around_.names.below("environments/")));
    if (!result_.project)
        result_.errors.push_back(dangling("project", wanted(version_->project, key_.project),
                                          around_.names.below("projects/")));
}

void AssignmentMaker::check_pins() {
    if (version_->pins.empty() && !version_->strategy) return;
    const KnownNames known{"target", names_of(result_.environment->targets)};
    const auto check = [&](const Reference& target) { known.check(target, result_.errors); };
    std::set<std::string> pinned;
    for (const auto& pin : version_->pins) {
        check(pin.target);
        if (!pinned.insert(pin.target.name).second)
            result_.errors.push_back(Error{
                ErrorCode::conflict, fmt::format("target \"{}\" is pinned twice", pin.target.name),
                pin.target.position});
    }
    if (!version_->strategy) return;
    const Findings findings{around_.checks, result_.errors, result_.warnings};
    check_strategy(*version_->strategy, result_.environment->targets, findings);
    check_approvers(*version_->strategy, environment_->approvers, findings);
    check_override(*version_, *environment_, findings);
}

void AssignmentMaker::check_promote() {
    if (!version_->promote) return;
    const auto entries = entries_of(strategy());
    const auto step = static_cast<std::size_t>(version_->promote->step);
    if (entries == 0)
        result_.warnings.push_back(
            {ErrorCode::invalid,
             fmt::format("promote does nothing: strategy {} waits for nobody",
                         to_string(strategy().type)),
             version_->position});
    else if (step > entries)
        Findings{around_.checks, result_.errors, result_.warnings}.error_since(
            Checks::third,
            {ErrorCode::invalid,
             fmt::format("promote names step {}, the strategy has {}: name one of these, or write "
                         "to: full",
                         step, entries),
             version_->position});
}

void AssignmentMaker::check_verify() {
    if (!verifies(strategy()) || strategy().health_check) return;
    const auto& after = project_->pipeline.post_release;
    if (std::ranges::find(after, TaskType::health_check, &Task::type) != after.end()) return;
    result_.warnings.push_back(
        {ErrorCode::invalid,
         fmt::format("verify only looks for drift of {}: neither the strategy nor post_release of "
                     "its pipeline has a health check",
                     key_.project),
         strategy().position});
}

void AssignmentMaker::remark_version(std::vector<Unsupported>& remarks) const {
    remark_strategy(strategy(), around_.checks, remarks);
    if (!version_->scheduled_release.is_null())
        remarks.push_back({"schedule: scheduled_release", version_->position});
    if (version_->restored && version_->restored->version == version_->version)
        remarks.push_back(
            {"restored: a definition of an earlier commit", version_->restored->position});
}

/// Custom policies for this project, and a rejection.
void AssignmentMaker::remark_rules_of_others(std::vector<Unsupported>& remarks) const {
    const auto& policies = result_.environment->project_policies;
    if (const auto found = policies.find(key_.project); found != policies.end())
        remarks.insert(remarks.end(), found->second.begin(), found->second.end());
    if (result_.rejected.value_or(false))
        remarks.push_back({kRejected, document_of<ApprovalList>(result_.approval_file)->position});
}

/// An approver who says no is not passed over: a list that cannot be read is not one without a
/// rejection.
void AssignmentMaker::take_approvals() {
    const auto* approvals = document_of<ApprovalList>(result_.approval_file);
    if (result_.approval_file && approvals == nullptr) return;
    const auto* list = approvals != nullptr ? approvals->approvals.list() : nullptr;
    const Value rejected{"rejected"};
    const auto is_rejection = [&](const Value& each) {
        const auto* fields = each.map();
        return fields != nullptr && fields->contains("decision") &&
               fields->at("decision") == rejected;
    };
    result_.rejected = list != nullptr && std::ranges::any_of(*list, is_rejection);
}

/// Built-in names in use that nobody fills, and variables of types without a value.
void AssignmentMaker::remark_variables_in_use(const Definition& definition,
                                              std::vector<Unsupported>& remarks) {
    std::vector<Error> ignored;  // said where the level is written
    remark_variables(definition.base, remarks, ignored);
    remark_variables(definition.release, remarks, result_.warnings);
    if (strategy().type != StrategyType::blue_green) remark_slotless(definition, remarks);
    auto used = texts();
    for (const auto* level : {&definition.base, &definition.release})
        for (const auto& [name, variable] : *level)
            if (variable.type == VariableType::template_text)
                used.push_back({variable.value, variable.position});
    std::set<std::string> said;
    for (const auto& text : used) {
        const auto names = names_in(text.text);
        if (!names) continue;
        for (const auto& name : *names) {
            const auto* built_in = find_built_in(name);
            if (built_in == nullptr || built_in->filled_by != FilledBy::nobody) continue;
            if (definition.base.contains(name) || definition.release.contains(name)) continue;
            if (said.insert(name).second)
                remarks.push_back({fmt::format("variable: built-in {}", name), text.position});
        }
    }
}

/// Variables that have a value in slots only.
void AssignmentMaker::remark_slotless(const Definition& definition,
                                      std::vector<Unsupported>& remarks) const {
    auto base = definition.base;
    for (const auto& [name, variable] : definition.release) base.erase(name);
    remark_slots(base, remarks);
    remark_slots(definition.release, remarks);
    const auto& of_targets = result_.environment->slot_variables;
    remarks.insert(remarks.end(), of_targets.begin(), of_targets.end());
}

std::vector<PlacedText> AssignmentMaker::texts() const {
    auto result = result_.project->texts;
    const auto add = [&](const std::vector<PlacedText>& more) {
        result.insert(result.end(), more.begin(), more.end());
    };
    add(result_.environment->target_texts);
    if (strategy().health_check) add(texts_of(*strategy().health_check, strategy().position));
    if (version_->artifact) add({{version_->artifact->url, version_->position}});
    return result;
}

/// Thousands of targets may have variables. Those that can only add names are not checked where
/// nothing is missing without them, and of a group one is enough, unless what is wrong stands in
/// the variables of each.
void AssignmentMaker::check_variables(const Definition& definition) {
    const auto used = texts();
    const auto check = [&](const Variables& target) {
        VariableScope scope{key_.environment};
        scope.add(definition.base).add(target).add(definition.release);
        return check_texts(used, scope);
    };
    const auto without = check({});
    const auto& targets = result_.environment->targets;
    if (targets.empty()) append(result_.errors, without);
    for (const auto& group : result_.environment->groups) {
        if (group.adds_names_only && without.empty()) continue;
        for (const auto at : group.targets) {
            if (result_.errors.size() >= limits::kErrorsPerAssignmentMax) return;
            const auto errors = check(targets[at].variables);
            append(result_.errors, errors);
            if (!are_in(errors, targets[at].variables)) break;
        }
    }
}

Definition AssignmentMaker::make_definition() {
    Definition definition;
    definition.key = key_;
    definition.commit = around_.commit;
    definition.version = version_->version;
    definition.artifact = version_->artifact;
    definition.absent = version_->absent;
    definition.keep_data = version_->keep_data;
    definition.deploy = project_->deploy;
    definition.pipeline = project_->pipeline;
    definition.health_check = strategy().health_check;
    definition.base = merged(project_->variables, environment_->variables);
    if (const auto* repository = document_of<Repository>(result_.repository_file))
        definition.base = merged(repository->variables, definition.base);
    definition.release = version_->variables;
    const auto canonical = canonical_definition(definition);
    if (canonical.size() > limits::kActionBytesMax)
        result_.errors.push_back(Error{
            ErrorCode::exhausted,
            fmt::format("deploy, pipeline and variables take {} bytes together, an agent takes {}",
                        canonical.size(), limits::kActionBytesMax),
            version_->position});
    definition.digest = digest_of_canonical(canonical);
    return definition;
}

/// What does not fit into an action would be accepted and then never sent.
void AssignmentMaker::check_size(const Definition& definition) {
    const auto shared = action_bytes(definition);
    for (const auto& target : result_.environment->targets) {
        const auto bytes = shared + action_bytes(target);
        if (bytes <= limits::kActionBytesMax) continue;
        if (result_.errors.size() >= limits::kErrorsPerAssignmentMax) return;
        result_.errors.push_back(
            Error{ErrorCode::exhausted,
                  fmt::format("an action for {}/{} on target \"{}\" takes {} bytes, an agent takes "
                              "{}: scripts, pipeline and variables are too long",
                              key_.environment, key_.project, target.name, bytes,
                              limits::kActionBytesMax),
                  position_of(target.name)});
    }
}

/// The agent refuses it, with a release that is under way.
void AssignmentMaker::check_work_dirs(const Definition& definition) {
    if (definition.deploy.type != DeployType::script) return;
    const bool refuses = around_.checks >= Checks::second;
    auto& findings = refuses ? result_.errors : result_.warnings;
    for (const auto& target : result_.environment->targets) {
        std::optional<WorkDirFault> fault;
        for (const auto slot : slots_of(strategy().type))
            if (!fault) fault = work_dir_fault(definition, target, slot);
        if (!fault) continue;
        if (findings.size() >= limits::kErrorsPerAssignmentMax) return;
        const auto place = position_of(target.name);
        findings.push_back({ErrorCode::invalid,
                            fault->message + (fault->of_target ? "" : " (" + place.text() + ')') +
                                (refuses ? "" : kRefusedNow),
                            fault->of_target ? place : definition.deploy.position});
    }
}

/// Those of the first target that has any; most targets have the same values as the one before.
void AssignmentMaker::check_slots(const Definition& definition) {
    const Findings findings{around_.checks, result_.errors, result_.warnings};
    const DesiredTarget* before = nullptr;
    for (const auto& target : result_.environment->targets) {
        const bool same = before != nullptr && before->variables == target.variables &&
                          before->work_dir == target.work_dir;
        before = &target;
        if (same) continue;
        const auto faults = slot_faults(definition, target, strategy());
        for (const auto& fault : faults) findings.error_since(Checks::third, fault);
        if (!faults.empty()) return;
    }
}

void AssignmentMaker::check_traffic(const Definition& definition) {
    auto found = check_routes(definition, result_.environment->targets, strategy());
    const Findings findings{around_.checks, result_.errors, result_.warnings};
    const bool has_slots = strategy().type == StrategyType::blue_green;
    const auto since = has_slots ? Checks::fourth : Checks::fifth;
    for (auto& fault : found.faults) findings.error_since(since, std::move(fault));
    if (has_slots || around_.checks >= since) result_.servers = std::move(found.servers);
    if (strategy().traffic) result_.traffic = strategy().traffic->position;
}

/// Of an environment an unknown one always was an error.
void AssignmentMaker::take_routers(Assignment& assignment) {
    const Findings findings{around_.checks, result_.errors, result_.warnings};
    const auto since = version_->strategy ? Checks::fourth : Checks::first;
    if (!strategy().traffic) return;
    for (const auto& router : strategy().traffic->targets) {
        const auto& agents = result_.routers.at(router.name);
        if (agents.empty())
            findings.error_since(since, around_.agents.unknown(router));
        else if (agents.size() > 1)
            findings.error_since(Checks::fourth,
                                 {ErrorCode::conflict,
                                  fmt::format("router target {} is there more than once, of agents "
                                              "{}: which is the balancer's?",
                                              router.name, fmt::join(agents, " and ")),
                                  router.position});
        else
            assignment.routers[router.name] = *agents.begin();
    }
}

Position AssignmentMaker::position_of(const std::string& target) const {
    for (const auto& file : result_.environment->inputs.files) {
        const auto* list = document_of<TargetList>(file);
        const auto& specs = list != nullptr ? list->targets : environment_->targets;
        for (const auto& spec : specs)
            if (spec.name == target) return spec.position;
    }
    return version_->position;
}

Rules AssignmentMaker::make_rules(const Definition& definition) {
    Rules rules = *result_.environment->rules;
    rules.commit = around_.commit;
    rules.paused = version_->paused;
    rules.unsupported_of.clear();  // this project's are remarks of others
    std::vector<Unsupported> remarks;
    remark_version(remarks);
    remark_rules_of_others(remarks);
    remark_variables_in_use(definition, remarks);
    for (const auto& remark : remarks) result_.warnings.push_back(warning_of(remark));
    for (const auto* more : {&std::as_const(remarks), &result_.project->unsupported,
                             &result_.environment->target_variables})
        for (const auto& remark : *more) rules.unsupported.push_back(remark.words);
    std::sort(rules.unsupported.begin(), rules.unsupported.end());
    rules.unsupported.erase(std::unique(rules.unsupported.begin(), rules.unsupported.end()),
                            rules.unsupported.end());
    return rules;
}

Assignment AssignmentMaker::make_assignment() {
    Assignment assignment;
    auto definition = std::make_shared<const Definition>(make_definition());
    check_promote();
    check_verify();
    check_variables(*definition);
    check_size(*definition);
    check_work_dirs(*definition);
    check_slots(*definition);
    check_traffic(*definition);
    take_routers(assignment);
    assignment.key = key_;
    assignment.commit = around_.commit;
    assignment.operation = version_->operation;
    assignment.paused = version_->paused;
    assignment.retry = version_->retry;
    assignment.forward_only = version_->forward_only;
    assignment.strategy = strategy();
    assignment.rollback = result_.environment->rollback;
    if (assignment.strategy.auto_rollback)
        assignment.rollback.auto_rollback = *assignment.strategy.auto_rollback;
    assignment.heal = result_.environment->heal;
    assignment.offline = result_.environment->offline;
    assignment.rules = make_rules(*definition);
    if (!result_.errors.empty()) return assignment;  // nobody will see it
    assignment.targets = result_.environment->targets;
    for (auto& target : assignment.targets) {
        target.pinned = std::any_of(version_->pins.begin(), version_->pins.end(),
                                    [&](const Pin& p) { return p.target.name == target.name; });
        if (target.pinned) continue;
        target.definition = definition;
        target.digest = target_digest(definition->digest, target.config_digest);
    }
    assignment.definition = std::move(definition);
    return assignment;
}

ResolvedAssignment AssignmentMaker::make() {
    take_shared_errors();
    take_approvals();
    if (version_ != nullptr) {
        result_.pins = version_->pins;
        result_.fingerprint = fingerprint_of(*version_);
        check_references();
        if (environment_ != nullptr) check_pins();
    }
    if (version_ != nullptr && environment_ != nullptr && project_ != nullptr) {
        auto assignment = std::make_shared<const Assignment>(make_assignment());
        if (result_.errors.empty() && result_.rejected) result_.assignment = std::move(assignment);
    }
    if (!result_.assignment && result_.errors.empty())
        result_.errors.push_back(Error{ErrorCode::invalid,
                                       "a file that this depends on is of another kind",
                                       {version_path(key_), 0, 0}});
    sort_errors(result_.errors, limits::kErrorsPerAssignmentMax);
    sort_errors(result_.warnings, limits::kErrorsPerAssignmentMax);
    return std::move(result_);
}

}  // namespace

ResolvedAssignmentPtr make_assignment(const Surroundings& around, const AssignmentKey& key,
                                      ResolvedAssignment inputs) {
    return std::make_shared<const ResolvedAssignment>(
        AssignmentMaker{around, key, std::move(inputs)}.make());
}

}  // namespace tidegate
