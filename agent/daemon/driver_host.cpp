#include "agent/daemon/driver_host.h"

#include <utility>

#include "agent/tasks/task.h"

namespace tidegate::agent {
namespace {

constexpr Seconds kDriftStatusTimeout{10};

}  // namespace

bool wants_install(ActionKind kind, const Installation& current) {
    if (kind == ActionKind::install) return true;
    if (kind == ActionKind::update) return false;
    // After a failed first installation, or one after an uninstall, there is nothing yet that could
    // be updated. The last good state alone does not tell: it outlives an uninstall.
    return current.status == InstallStatus::absent ||
           (current.status != InstallStatus::installed &&
            !(current.last_good && current.installed_at));
}

TaskOutput DriverHost::take(DriverResult result) {
    if (result.started) started_ = true;
    if (result.host_trouble) note_trouble(result.error);
    return {result.ok, std::move(result.error), std::move(result.output)};
}

void DriverHost::note_trouble(const std::string& why) {
    const std::scoped_lock lock{mutex_};
    trouble_ = why;
}

std::string DriverHost::host_trouble() const {
    const std::scoped_lock lock{mutex_};
    return started_ ? std::string{} : trouble_;
}

TaskOutput DriverHost::script(const std::string& body, Seconds timeout, std::stop_token stop) {
    return take(driver_.run(body, timeout, std::move(stop)));
}

TaskOutput DriverHost::live_script(const std::string& body, Seconds timeout, std::stop_token stop) {
    return take(live_->run(body, timeout, std::move(stop)));
}

TaskOutput DriverHost::deploy(std::stop_token stop) {
    if (action_.kind == ActionKind::uninstall) return take(driver_.uninstall(std::move(stop)));
    if (action_.kind == ActionKind::rollback) return take(driver_.rollback(std::move(stop)));
    return take(wants_install(action_.kind, current_) ? driver_.install(std::move(stop))
                                                      : driver_.update(std::move(stop)));
}

TaskOutput DriverHost::start_service(Seconds timeout, std::stop_token stop) {
    return take(driver_.service(ServiceVerb::start, timeout, std::move(stop)));
}

TaskOutput DriverHost::stop_service(std::size_t stopper, Seconds timeout, std::stop_token stop) {
    auto& driver = *stoppers_.in_order().at(stopper);
    return take(driver.service(ServiceVerb::stop, timeout, std::move(stop)));
}

ServiceState DriverHost::service_state(std::stop_token stop) {
    if (!can_tell()) return ServiceState::not_known;
    const auto result = driver_.service(ServiceVerb::status, kDriftStatusTimeout, std::move(stop));
    return result.ok           ? ServiceState::running
           : is_answer(result) ? ServiceState::stopped
                               : ServiceState::not_known;
}

void DriverHost::progress(const std::string& stage, const std::string& task, TaskStatus status,
                          int percent) {
    events_.update({action_.id, stage, task, status, percent});
}

Result<void> DriverHost::begins(const TaskPlace& place, const Task& task) {
    TaskResult begun;
    begun.name = task.name;
    begun.type = std::string{to_string(task.type)};
    begun.status = TaskStatus::running;
    begun.started_at = wall_clock();
    auto noted = note(place, std::move(begun));
    if (!noted) note_trouble(noted.error().message);
    return noted;
}

/// A cancel is no end of the task: where the agent stops, the next process does it again.
void DriverHost::ended(const TaskPlace& place, const TaskResult& result) {
    if (result.status == TaskStatus::cancelled) return;
    auto told = result;
    if (!host_trouble().empty()) told.status = TaskStatus::pending;  // it has not begun after all
    (void)note(place, std::move(told));
}

Result<void> DriverHost::note(const TaskPlace& place, TaskResult result) {
    if (!events_.noted) return {};
    return events_.noted({action_.id, place.stage, place.place, std::move(result)});
}

}  // namespace tidegate::agent
