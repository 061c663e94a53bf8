#include "agent/daemon/told.h"

#include <fmt/core.h>

#include "agent/drivers/output.h"
#include "schema/base/limits.h"
#include "schema/base/utf8.h"

namespace tidegate::agent {
namespace {

/// Of the upload's bound, for the line that names what was dropped.
constexpr std::size_t kDroppedLineBytesMax = 64;

}  // namespace

void hide_secrets(const HostRules& rules, std::string& text) {
    std::vector<std::string> secrets;
    for (const auto& [name, variable] : rules.config.variables)
        if (variable.secret) secrets.push_back(variable.value);
    Masker masker{secrets};
    auto masked = masker.feed(text);
    masked += masker.finish();
    text = to_utf8(masked, "?");
}

void hide_secrets(const HostRules& rules, machine::Finished& finished) {
    hide_secrets(rules, finished.error);
    hide_secrets(rules, finished.host_trouble);
    for (auto& stage : finished.stages)
        for (auto& task : stage.tasks) hide_secrets(rules, task.error);
}

std::string take_log(std::vector<StageResult>& stages) {
    OutputBuffer log{limits::kLogBytesMax - kDroppedLineBytesMax};
    for (auto& stage : stages) {
        for (auto& task : stage.tasks) {
            log.append(fmt::format("== {}/{}: {}{}{}\n", stage.name, task.name,
                                   to_string(task.status), task.error.empty() ? "" : ": ",
                                   task.error));
            log.append(task.output);
            if (!task.output.empty() && !task.output.ends_with('\n')) log.append("\n");
            task.output = tail_of(task.output, kTaskOutputBytesMax);
        }
    }
    return log.text();
}

}  // namespace tidegate::agent
