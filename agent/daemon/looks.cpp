#include "agent/daemon/looks.h"

#include <fmt/core.h>

#include <utility>

#include "agent/tasks/stop_after.h"
#include "agent/tasks/task.h"

namespace tidegate::agent {
namespace {

/// Before a bad answer is believed: a service may just be restarting.
constexpr Milliseconds kSecondLook{2'000};

constexpr const char* kStage = "verify";
constexpr const char* kTask = "probe";

Probe probe_twice(Driver& driver, const std::stop_token& stop) {
    const auto found = driver.probe(stop);
    return found == Probe::old_version && wait_for(kSecondLook, stop) ? driver.probe(stop) : found;
}

}  // namespace

void ask_probe(Driver& driver, bool has_probe, PipelineReport& report,
               const std::stop_token& stop) {
    if (!has_probe || !report.ok || stop.stop_requested()) return;
    TaskResult task;
    task.name = kTask;
    task.type = "script";
    task.started_at = wall_clock();
    const auto found = probe_twice(driver, stop);
    task.finished_at = wall_clock();
    task.status = TaskStatus::success;
    if (found == Probe::unknown) task.output = "probe_script could not tell the version\n";
    if (found == Probe::old_version) {
        task.status = TaskStatus::failed;
        task.error = "probe_script says that the old version is in";
        report.ok = false;
        report.error = fmt::format("{}/{}: {}", kStage, kTask, task.error);
    }
    if (report.stages.empty() || report.stages.back().name != kStage)
        report.stages.push_back({kStage, {}});
    report.stages.back().tasks.push_back(std::move(task));
}

}  // namespace tidegate::agent
