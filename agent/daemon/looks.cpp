#include "agent/daemon/looks.h"

#include <fmt/core.h>

#include <utility>

#include "agent/tasks/stop_after.h"
#include "agent/tasks/task.h"

namespace tidegate::agent {
namespace {

/// Before a bad answer is believed: a service may just be restarting.
constexpr Milliseconds kSecondLook{2'000};

constexpr Seconds kStatusTimeout{30};

constexpr const char* kStage = "verify";
constexpr const char* kTask = "probe";

ProbeReport probe_twice(Driver& driver, const std::stop_token& stop) {
    auto found = driver.ask_probe(stop);
    if (found.answer == Probe::old_version && wait_for(kSecondLook, stop))
        found = driver.ask_probe(stop);
    return found;
}

/// All tasks ended well, so the next process can ask in the place of this one.
void leave_open(PipelineReport& report) {
    report.ok = false;
    report.cancelled = true;
    report.error = fmt::format("{}/{}: cancelled", kStage, kTask);
}

Look look_at_version(Driver& driver, const std::stop_token& stop) {
    const auto found = driver.ask_probe(stop);
    if (found.answer == Probe::old_version) return {true, "the probe found another version"};
    if (found.answer == Probe::new_version) return {};
    return {false, fmt::format("the probe cannot tell the version: {}", found.why)};
}

Look look_at_service(Driver& driver, const std::stop_token& stop) {
    if (!driver.has_service(ServiceVerb::status)) return {};
    const auto status = driver.service(ServiceVerb::status, kStatusTimeout, stop);
    if (status.ok) return {};
    const bool told = is_answer(status);
    return {told, fmt::format("service.status{}: {}", told ? "" : " cannot tell", status.error)};
}

Look look_once(Driver& driver, bool has_probe, const std::stop_token& stop) {
    if (driver.place() == Place::gone) return {true, "its work dir is gone"};
    if (driver.place() == Place::not_known) return {false, "its work dir cannot be looked at"};
    const auto version = has_probe ? look_at_version(driver, stop) : Look{};
    if (version.drifted) return version;
    auto service = look_at_service(driver, stop);
    return service.fine() ? version : service;
}

}  // namespace

Look look_for_drift(Driver& driver, bool has_probe, const std::stop_token& stop) {
    auto found = look_once(driver, has_probe, stop);
    if (!found.fine() && wait_for(kSecondLook, stop)) found = look_once(driver, has_probe, stop);
    return found;
}

void ask_probe(Driver& driver, bool has_probe, PipelineReport& report,
               const std::stop_token& stop) {
    if (!has_probe || !report.ok) return;
    TaskResult task;
    task.name = kTask;
    task.type = "script";
    task.started_at = wall_clock();
    const auto found = stop.stop_requested() ? ProbeReport{} : probe_twice(driver, stop);
    if (stop.stop_requested() && found.answer != Probe::new_version) return leave_open(report);
    task.finished_at = wall_clock();
    task.status = TaskStatus::success;
    if (found.answer == Probe::unknown)
        task.output = fmt::format("probe_script cannot tell the version: {}\n", found.why);
    if (found.answer == Probe::old_version) {
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
