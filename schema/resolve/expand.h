#pragma once
/// `${NAME}` in configuration strings. The daemon checks names when it resolves a commit; the
/// agent expands, because only there all values are known. Script bodies are neither checked nor
/// expanded: scripts get variables as environment, so no value can become a command.
///
/// Only values of type `template` may hold `${…}` themselves. Plain, env_specific and slot_specific
/// values are taken as they are: a commit message in GIT_MESSAGE must not be able to name a
/// variable.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "schema/base/result.h"
#include "schema/model/deploy.h"

namespace tidegate {

/// Levels of variables laid over each other; later ones win (system, project, environment, target,
/// release, runtime: design, section 3). Refers to the levels: they must outlive it.
class VariableScope {
public:
    /// `environment` picks the value of env_specific variables, `slot` that of slot_specific ones,
    /// which have none without a slot.
    explicit VariableScope(std::string environment, std::string slot = {})
        : environment_{std::move(environment)}, slot_{std::move(slot)} {}

    VariableScope& add(const Variables& level) {
        levels_.push_back(&level);
        return *this;
    }
    VariableScope& add(Variables&& level) = delete;

    [[nodiscard]] const std::string& environment() const { return environment_; }
    [[nodiscard]] const std::string& slot() const { return slot_; }
    /// Null when no level has it.
    [[nodiscard]] const Variable* find(std::string_view name) const;
    /// Every name with the variable that wins.
    [[nodiscard]] std::map<std::string, const Variable*> all() const;

private:
    std::string environment_;
    std::string slot_;
    std::vector<const Variables*> levels_;
};

/// The text with every `${NAME}` replaced. Any other `$` stays as it is.
/// Errors: invalid (malformed `${`, a cycle `A → B → A`, no value for this environment or slot;
/// secret and external values, whose message starts with `unsupported`), not_found (unknown name,
/// with the nearest one), exhausted (kVariableDepthMax, kVariableUsesMax, kExpandedBytesMax). The
/// place is that of the template that holds the fault, or none: the caller adds the text's own with
/// `at`.
[[nodiscard]] Result<std::string> expand(std::string_view text, const VariableScope& scope);

/// The value of one variable, expanded if it is a template; for the environment of scripts.
[[nodiscard]] Result<std::string> value_of(std::string_view name, const VariableScope& scope);

/// Every name of the scope with its value: what scripts get as environment. With `overlay`
/// (`deploy.config.environment`) on top, whose `X: "${X}"` speaks of the scope, never of itself.
[[nodiscard]] Result<std::map<std::string, std::string>> script_environment(
    const VariableScope& scope, const std::map<std::string, std::string>& overlay);

/// Copies with all configuration strings expanded and all bodies untouched. Which fields are
/// which is decided here alone, for checking and for running.
[[nodiscard]] Result<ScriptDeploy> expanded(ScriptDeploy deploy, const VariableScope& scope);
[[nodiscard]] Result<Task> expanded(Task task, const VariableScope& scope);
[[nodiscard]] Result<HealthCheck> expanded(HealthCheck check, const VariableScope& scope);
[[nodiscard]] Result<Artifact> expanded(Artifact artifact, const VariableScope& scope);

/// The names a text uses, sorted, each once; or what is malformed.
[[nodiscard]] Result<std::vector<std::string>> names_in(std::string_view text);

/// A configuration string and the place to blame for it.
struct PlacedText {
    std::string text;
    Position position;
};
/// All configuration strings of a project's deploy block and pipeline (of types that this build
/// does not act on: every string but script bodies).
[[nodiscard]] std::vector<PlacedText> texts_of(const Deploy& deploy, const Pipeline& pipeline);
[[nodiscard]] std::vector<PlacedText> texts_of(const HealthCheck& check, const Position& position);

/// What is wrong with these texts in this scope before any value is known: unknown names (neither
/// in the scope nor built in), malformed `${`, and, of the whole scope, cycles between templates
/// and env_specific variables without a value here. Sorted by place; each fault once. Looks for no
/// more once there are kErrorsPerAssignmentMax.
[[nodiscard]] std::vector<Error> check_texts(const std::vector<PlacedText>& texts,
                                             const VariableScope& scope);

}  // namespace tidegate
