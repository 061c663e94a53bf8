#include "schema/resolve/expand.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <tuple>

#include "schema/base/limits.h"
#include "schema/base/nearest.h"
#include "schema/base/variable_name.h"
#include "schema/resolve/built_ins.h"

namespace tidegate {
namespace {

/// Splits a text into literal pieces and names; the one place that knows the syntax.
Result<void> scan(std::string_view text,
                  const std::function<Result<void>(std::string_view)>& on_literal,
                  const std::function<Result<void>(std::string_view)>& on_name) {
    while (!text.empty()) {
        const auto start = text.find("${");
        if (start != 0) CHECK(on_literal(text.substr(0, start)));
        if (start == std::string_view::npos) break;
        const auto end = text.find('}', start);
        if (end == std::string_view::npos)
            return fail(ErrorCode::invalid, "\"${{\" without a closing \"}}\"");
        const auto name = text.substr(start + 2, end - start - 2);
        if (!is_variable_name(name))
            return fail(
                ErrorCode::invalid,
                "\"${{{}}}\" is not a variable: a name has letters, digits and _ only, first "
                "no digit, at most 128",
                name.substr(0, limits::kNameBytesMax));
        CHECK(on_name(name));
        text.remove_prefix(end + 1);
    }
    return {};
}

/// All names that a text may use.
std::vector<std::string> names_of(const std::map<std::string, const Variable*>& variables) {
    std::vector<std::string> names;
    for (const auto& [known, variable] : variables) names.push_back(known);
    for (const auto& built_in : built_ins()) names.emplace_back(built_in.name);
    return names;
}

Error unknown_variable(std::string_view name, const std::vector<std::string>& known) {
    return Error{ErrorCode::not_found,
                 fmt::format("unknown variable {}{}", name.substr(0, limits::kNameBytesMax),
                             did_you_mean(name, known)),
                 {}};
}

Result<std::string> no_value_for(std::string_view name, const VariableScope& scope) {
    return fail(ErrorCode::invalid, "variable {} has no value for environment {}", name,
                scope.environment());
}

Error no_value_in(std::string_view name, const VariableScope& scope) {
    const auto where = scope.slot().empty() ? "without slots" : "in slot " + scope.slot();
    return Error{ErrorCode::invalid, fmt::format("variable {} has no value {}", name, where), {}};
}

std::string cycle_text(const std::vector<std::string>& path, std::string_view name) {
    const auto start = std::find(path.begin(), path.end(), name);
    return fmt::format("variables refer to each other: {} → {}",
                       fmt::join(start, path.end(), " → "), name);
}

Error too_deep(const std::vector<std::string>& path) {
    return Error{ErrorCode::exhausted,
                 fmt::format("variables nest deeper than {}: {}", limits::kVariableDepthMax,
                             fmt::join(path, " → ")),
                 {}};
}

/// One expansion: its output so far, the templates it is inside of, and how much it has done.
class Expansion {
public:
    explicit Expansion(const VariableScope& scope) : scope_{scope} {}

    Result<void> append(std::string_view text) {
        return scan(
            text, [this](std::string_view literal) { return append_literal(literal); },
            [this](std::string_view name) { return append_variable(name); });
    }
    Result<void> append_variable(std::string_view name);
    std::string take() { return std::move(out_); }

private:
    Result<void> append_literal(std::string_view text);
    Result<void> append_template(std::string_view name, const Variable& variable);

    const VariableScope& scope_;
    std::vector<std::string> inside_;
    std::size_t uses_ = 0;
    std::string out_;
};

Result<void> Expansion::append_literal(std::string_view text) {
    if (out_.size() + text.size() > limits::kExpandedBytesMax)
        return fail(ErrorCode::exhausted, "the expanded text is longer than {} bytes",
                    limits::kExpandedBytesMax);
    out_ += text;
    return {};
}

Result<void> Expansion::append_variable(std::string_view name) {
    if (++uses_ > limits::kVariableUsesMax)
        return fail(ErrorCode::exhausted, "more than {} variables in one text",
                    limits::kVariableUsesMax);
    const auto* variable = scope_.find(name);
    if (variable == nullptr) return fail(unknown_variable(name, names_of(scope_.all())));
    switch (variable->type) {
        case VariableType::plain:
            return append_literal(variable->value);
        case VariableType::template_text:
            return append_template(name, *variable);
        case VariableType::env_specific: {
            const auto found = variable->values.find(scope_.environment());
            if (found != variable->values.end()) return append_literal(found->second);
            return fail(no_value_for(name, scope_).error().at(variable->position));
        }
        case VariableType::slot_specific: {
            const auto found = variable->slots.find(scope_.slot());
            if (found != variable->slots.end()) return append_literal(found->second);
            return fail(no_value_in(name, scope_).at(variable->position));
        }
        case VariableType::secret:
        case VariableType::external:
            break;
    }
    return fail(ErrorCode::invalid,
                "unsupported: variable {} is of type {}, which has no value yet", name,
                to_string(variable->type));
}

Result<void> Expansion::append_template(std::string_view name, const Variable& variable) {
    if (std::find(inside_.begin(), inside_.end(), name) != inside_.end())
        return fail(Error{ErrorCode::invalid, cycle_text(inside_, name), {}}.at(variable.position));
    if (inside_.size() >= limits::kVariableDepthMax) return fail(too_deep(inside_));
    inside_.emplace_back(name);
    if (auto done = append(variable.value); !done)
        return fail(std::move(done).error().at(variable.position));
    inside_.pop_back();
    return {};
}

}  // namespace

const Variable* VariableScope::find(std::string_view name) const {
    const std::string key{name};
    for (auto level = levels_.rbegin(); level != levels_.rend(); ++level)
        if (const auto found = (*level)->find(key); found != (*level)->end()) return &found->second;
    return nullptr;
}

std::map<std::string, const Variable*> VariableScope::all() const {
    std::map<std::string, const Variable*> result;
    for (const auto* level : levels_)
        for (const auto& [name, variable] : *level) result[name] = &variable;
    return result;
}

Result<std::string> expand(std::string_view text, const VariableScope& scope) {
    Expansion expansion{scope};
    CHECK(expansion.append(text));
    return expansion.take();
}

Result<std::string> value_of(std::string_view name, const VariableScope& scope) {
    Expansion expansion{scope};
    CHECK(expansion.append_variable(name));
    return expansion.take();
}

Result<std::map<std::string, std::string>> script_environment(
    const VariableScope& scope, const std::map<std::string, std::string>& overlay) {
    std::map<std::string, std::string> result;
    for (const auto& [name, variable] : scope.all())
        if (!overlay.contains(name)) result[name] = TRY(value_of(name, scope));
    for (const auto& [name, text] : overlay) result[name] = TRY(expand(text, scope));
    return result;
}

namespace {

// Which fields are configuration strings. `visit` gets each; the first error ends the walk.
template <class Check, class Visit>
Result<void> walk_check(Check& check, const Visit& visit) {
    CHECK(visit(check.url));
    CHECK(visit(check.host));
    return visit(check.port);
}

template <class Task, class Visit>
Result<void> walk_task(Task& task, const Visit& visit) {
    CHECK(visit(task.condition));
    return walk_check(task.check, visit);
}

template <class Deploy, class Visit>
Result<void> walk_script_deploy(Deploy& deploy, const Visit& visit) {
    CHECK(visit(deploy.work_dir));
    CHECK(visit(deploy.interpreter));
    CHECK(visit(deploy.service.unit));
    for (auto& [name, text] : deploy.environment) CHECK(visit(text));
    return {};
}

/// For types without a struct of their own: every string that is not a script body.
void walk_value(const Value& value, const std::function<void(const std::string&)>& visit) {
    if (const auto* text = value.string()) visit(*text);
    if (const auto* list = value.list())
        for (const auto& item : *list) walk_value(item, visit);
    const auto* map = value.map();
    if (map == nullptr) return;
    for (const auto& [key, item] : *map)
        if (!key.ends_with("script") && key != "service" && key != "command")
            walk_value(item, visit);
}

template <class T, class Walk>
Result<T> expanded_by(T value, const VariableScope& scope, const Walk& walk) {
    CHECK(walk(value, [&](std::string& text) -> Result<void> {
        text = TRY(expand(text, scope));
        return {};
    }));
    return value;
}

}  // namespace

Result<ScriptDeploy> expanded(ScriptDeploy deploy, const VariableScope& scope) {
    return expanded_by(std::move(deploy), scope,
                       [](auto& d, const auto& visit) { return walk_script_deploy(d, visit); });
}

Result<Task> expanded(Task task, const VariableScope& scope) {
    return expanded_by(std::move(task), scope,
                       [](auto& t, const auto& visit) { return walk_task(t, visit); });
}

Result<HealthCheck> expanded(HealthCheck check, const VariableScope& scope) {
    return expanded_by(std::move(check), scope,
                       [](auto& c, const auto& visit) { return walk_check(c, visit); });
}

Result<Artifact> expanded(Artifact artifact, const VariableScope& scope) {
    artifact.url = TRY(expand(artifact.url, scope));
    return artifact;
}

Result<std::vector<std::string>> names_in(std::string_view text) {
    std::set<std::string> names;
    CHECK(scan(
        text, [](std::string_view) { return Result<void>{}; },
        [&](std::string_view name) {
            names.emplace(name);
            return Result<void>{};
        }));
    return std::vector<std::string>(names.begin(), names.end());
}

namespace {

/// Collects strings that can matter: those with `${`.
auto collector(std::vector<PlacedText>& into, const Position& position) {
    return [&into, &position](const std::string& text) -> Result<void> {
        if (text.find("${") != std::string::npos) into.push_back({text, position});
        return {};
    };
}

}  // namespace

std::vector<PlacedText> texts_of(const HealthCheck& check, const Position& position) {
    std::vector<PlacedText> result;
    (void)walk_check(check, collector(result, position));
    return result;
}

std::vector<PlacedText> texts_of(const Deploy& deploy, const Pipeline& pipeline) {
    std::vector<PlacedText> result;
    const auto visit = collector(result, deploy.position);
    if (deploy.type == DeployType::script)
        (void)walk_script_deploy(deploy.script, visit);
    else
        walk_value(deploy.canonical, [&](const std::string& text) { (void)visit(text); });
    for (const auto* stage : {&pipeline.pre_release, &pipeline.release, &pipeline.post_release})
        for (const auto& task : *stage) {
            const auto visit_task = collector(result, task.position);
            if (is_supported(task.type))
                (void)walk_task(task, visit_task);
            else
                walk_value(task.canonical,
                           [&](const std::string& text) { (void)visit_task(text); });
        }
    return result;
}

namespace {

/// Depth-first over templates: finds cycles once each, by their first variable in name order.
class CycleSearch {
public:
    explicit CycleSearch(const VariableScope& scope) : variables_{scope.all()} {}

    std::vector<Error> run() {
        for (const auto& [name, variable] : variables_) visit(name);
        return std::move(errors_);
    }

private:
    /// How deep templates nest from this one on; at least, where something is wrong with it.
    std::size_t visit(const std::string& name) {
        const auto found = variables_.find(name);
        if (found == variables_.end() || found->second->type != VariableType::template_text)
            return 0;
        const auto report = [&](Error error) {
            if (errors_.size() < limits::kErrorsPerAssignmentMax)
                errors_.push_back(std::move(error).at(found->second->position));
            return std::size_t{0};
        };
        if (std::find(path_.begin(), path_.end(), name) != path_.end())
            return report(Error{ErrorCode::invalid, cycle_text(path_, name), {}});
        const auto known = depths_.find(name);
        if (path_.size() + (known != depths_.end() ? known->second : 1) > limits::kVariableDepthMax)
            return report(too_deep(path_));
        if (known != depths_.end()) return known->second;
        path_.push_back(name);
        std::size_t below = 0;
        if (const auto names = names_in(found->second->value))
            for (const auto& next : *names) below = std::max(below, visit(next));
        path_.pop_back();
        return depths_[name] = below + 1;
    }

    std::map<std::string, const Variable*> variables_;
    std::map<std::string, std::size_t> depths_;
    std::vector<std::string> path_;
    std::vector<Error> errors_;
};

struct ByPlace {
    bool operator()(const Error& a, const Error& b) const {
        return std::tie(a.position, a.message) < std::tie(b.position, b.message);
    }
};

/// Gathers faults, each once, and stops when there are as many as are shown of an assignment: a
/// small file may hold thousands, each of which would be compared with thousands of names.
class TextCheck {
public:
    explicit TextCheck(const VariableScope& scope) : scope_{scope}, variables_{scope.all()} {}

    std::vector<Error> run(const std::vector<PlacedText>& texts) {
        for (auto& error : CycleSearch{scope_}.run()) errors_.insert(std::move(error));
        for (const auto& text : texts) check_text(text.text, text.position);
        for (const auto& [name, variable] : variables_) check_variable(name, *variable);
        return {errors_.begin(), errors_.end()};
    }

private:
    bool full() const { return errors_.size() >= limits::kErrorsPerAssignmentMax; }
    void check_text(const std::string& text, const Position& position);
    void check_variable(const std::string& name, const Variable& variable);
    const Error& unknown(const std::string& name);

    const VariableScope& scope_;
    std::map<std::string, const Variable*> variables_;
    std::vector<std::string> known_;  ///< filled when first needed
    std::map<std::string, Error> unknown_;
    std::set<Error, ByPlace> errors_;
};

const Error& TextCheck::unknown(const std::string& name) {
    if (known_.empty()) known_ = names_of(variables_);
    const auto found = unknown_.find(name);
    if (found != unknown_.end()) return found->second;
    return unknown_.emplace(name, unknown_variable(name, known_)).first->second;
}

void TextCheck::check_text(const std::string& text, const Position& position) {
    if (full()) return;
    const auto names = names_in(text);
    if (!names) {
        errors_.insert(Error{names.error()}.at(position));
        return;
    }
    for (const auto& name : *names) {
        if (full()) return;
        if (!variables_.contains(name) && find_built_in(name) == nullptr)
            errors_.insert(Error{unknown(name)}.at(position));
    }
}

void TextCheck::check_variable(const std::string& name, const Variable& variable) {
    if (full()) return;
    if (variable.type == VariableType::template_text) check_text(variable.value, variable.position);
    if (variable.type == VariableType::env_specific &&
        !variable.values.contains(scope_.environment()))
        errors_.insert(no_value_for(name, scope_).error().at(variable.position));
}

}  // namespace

std::vector<Error> check_texts(const std::vector<PlacedText>& texts, const VariableScope& scope) {
    return TextCheck{scope}.run(texts);
}

}  // namespace tidegate
