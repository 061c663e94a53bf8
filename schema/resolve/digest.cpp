#include "schema/resolve/digest.h"

#include <utility>

namespace tidegate {
namespace {

Value text(std::string value) { return Value{std::move(value)}; }

Value canonical_variable(const Variable& variable, const std::string& environment) {
    switch (variable.type) {
        case VariableType::plain:
            return text(variable.value);
        case VariableType::env_specific: {
            const auto found = variable.values.find(environment);
            return found == variable.values.end() ? Value{} : text(found->second);
        }
        case VariableType::external:
            return Value{Value::Map{{"type", text("external")},
                                    {"source", text(variable.source)},
                                    {"key", text(variable.key)}}};
        case VariableType::slot_specific: {
            Value::Map values;
            for (const auto& [slot, value] : variable.slots) values[slot] = text(value);
            return Value{
                Value::Map{{"type", text("slot_specific")}, {"values", Value{std::move(values)}}}};
        }
        case VariableType::secret:
        case VariableType::template_text:
            break;
    }
    return Value{Value::Map{{"type", text(std::string(to_string(variable.type)))},
                            {"value", text(variable.value)}}};
}

Value::Map canonical_variables(const Variables& variables, const std::string& environment) {
    Value::Map result;
    for (const auto& [name, variable] : variables)
        result[name] = canonical_variable(variable, environment);
    return result;
}

void put(Value::Map& into, const char* name, Value::Map part) {
    if (!part.empty()) into[name] = Value{std::move(part)};
}

Value::Map canonical_pipeline(const Pipeline& pipeline) {
    Value::Map result;
    const auto stage = [&](const char* name, const std::vector<Task>& tasks) {
        Value::List list;
        for (const auto& task : tasks) list.push_back(task.canonical);
        if (!list.empty()) result[name] = Value{std::move(list)};
    };
    stage("pre_release", pipeline.pre_release);
    stage("release", pipeline.release);
    stage("post_release", pipeline.post_release);
    return result;
}

}  // namespace

std::string canonical_definition(const Definition& definition) {
    const auto& environment = definition.key.environment;
    Value::Map form{{"format", Value{std::int64_t{kDigestFormat}}},
                    {"version", text(definition.version)},
                    {"deploy", definition.deploy.canonical}};
    if (definition.artifact) {
        const auto& artifact = *definition.artifact;
        form["artifact"] =
            text(artifact.sha256.empty() ? artifact.url : "sha256:" + artifact.sha256);
    }
    if (definition.absent) form["state"] = text("absent");
    if (definition.absent && definition.keep_data) form["keep_data"] = Value{true};
    put(form, "pipeline", canonical_pipeline(definition.pipeline));
    auto base = canonical_variables(definition.base, environment);
    for (const auto& [name, variable] : definition.release) base.erase(name);
    put(form, "variables", std::move(base));
    put(form, "release_variables", canonical_variables(definition.release, environment));
    return Value{std::move(form)}.canonical();
}

Digest assignment_digest(const Definition& definition) {
    return digest_of_canonical(canonical_definition(definition));
}

Digest digest_of_canonical(std::string_view canonical_definition) {
    return Digest::of_parts({"assignment", canonical_definition});
}

Digest target_config_digest(const Value& config, const Variables& variables,
                            const std::string& environment) {
    Value::Map form{{"format", Value{std::int64_t{kDigestFormat}}}};
    if (!config.is_null()) form["config"] = config;
    put(form, "variables", canonical_variables(variables, environment));
    return Digest::of_parts({"target", Value{std::move(form)}.canonical()});
}

Digest target_digest(const Digest& definition, const Digest& target_config) {
    return Digest::of_parts({"desired", definition.hex(), target_config.hex()});
}

}  // namespace tidegate
