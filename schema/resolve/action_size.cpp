#include "schema/resolve/action_size.h"

namespace tidegate {
namespace {

constexpr std::size_t kField = 8;  ///< tags and lengths of one entry of a map or list
constexpr std::size_t kTask = 80;  ///< the same of a task, or of a health check
/// Names, digests, built-ins, a message of 4 KiB, versions (kVersionBytesMax, kAgentWordBytesMax),
/// who it is by (kPersonBytesMax).
constexpr std::size_t kRelease = 8 * 1024;

std::size_t sum(const std::map<std::string, std::string>& texts) {
    std::size_t bytes = 0;
    for (const auto& [name, text] : texts) bytes += kField + name.size() + text.size();
    return bytes;
}

std::size_t sum(const Variables& variables) {
    std::size_t bytes = 0;
    for (const auto& [name, variable] : variables)
        bytes += 4 * kField + name.size() + variable.value.size() + sum(variable.values) +
                 sum(variable.slots) + variable.source.size() + variable.key.size();
    return bytes;
}

std::size_t sum(const HealthCheck& check) {
    return kTask + check.url.size() + check.host.size() + check.port.size() + check.script.size();
}

std::size_t sum(const std::vector<Task>& tasks) {
    std::size_t bytes = 0;
    for (const auto& task : tasks) {
        bytes +=
            kTask + task.name.size() + task.condition.size() + task.script.size() + sum(task.check);
        for (const auto& name : task.depends_on) bytes += kField + name.size();
    }
    return bytes;
}

std::size_t sum(const ScriptDeploy& script) {
    const auto& service = script.service;
    return script.work_dir.size() + script.interpreter.size() + sum(script.environment) +
           script.install_script.size() + script.update_script.size() +
           script.rollback_script.size() + script.uninstall_script.size() +
           script.slot_remove_script.size() + script.probe_script.size() + service.start.size() +
           service.stop.size() + service.status.size() + service.unit.size();
}

}  // namespace

std::size_t action_bytes(const Definition& definition) {
    const auto& pipeline = definition.pipeline;
    auto bytes = kRelease + pipeline.name.size() + sum(definition.deploy.script) +
                 sum(pipeline.pre_release) + sum(pipeline.release) + sum(pipeline.post_release) +
                 sum(definition.base) + sum(definition.release);
    if (definition.artifact)  // a field and the built-in variables
        bytes += 2 * (definition.artifact->url.size() + definition.artifact->sha256.size());
    if (definition.health_check) bytes += sum(*definition.health_check);
    return bytes;
}

std::size_t action_bytes(const Action& action) {
    const auto& pipeline = action.pipeline;
    auto bytes = kRelease + pipeline.name.size() + sum(action.deploy.script) +
                 sum(pipeline.pre_release) + sum(pipeline.release) + sum(pipeline.post_release) +
                 sum(action.variables) + action.rollback_script.size() +
                 action.target_work_dir.size();
    if (action.artifact) bytes += action.artifact->url.size() + action.artifact->sha256.size();
    for (const auto& check : action.verify) bytes += sum(check);
    return bytes;
}

std::size_t action_bytes(const DesiredTarget& target) {
    return target.work_dir.size() + sum(target.variables) + sum(target.labels);
}

}  // namespace tidegate
