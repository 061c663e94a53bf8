#include "agent/daemon/driver_host.h"

#include <utility>

namespace tidegate::agent {
namespace {

constexpr Seconds kDriftStatusTimeout{10};

TaskOutput to_output(DriverResult result) {
    return {result.ok, std::move(result.error), std::move(result.output)};
}

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

TaskOutput DriverHost::script(const std::string& body, Seconds timeout, std::stop_token stop) {
    return to_output(driver_.run(body, timeout, std::move(stop)));
}

TaskOutput DriverHost::deploy(std::stop_token stop) {
    if (action_.kind == ActionKind::rollback) return to_output(driver_.rollback(std::move(stop)));
    return to_output(wants_install(action_.kind, current_) ? driver_.install(std::move(stop))
                                                           : driver_.update(std::move(stop)));
}

TaskOutput DriverHost::start_service(Seconds timeout, std::stop_token stop) {
    return to_output(driver_.service(ServiceVerb::start, timeout, std::move(stop)));
}

TaskOutput DriverHost::stop_service(Seconds timeout, std::stop_token stop) {
    return to_output(driver_.service(ServiceVerb::stop, timeout, std::move(stop)));
}

ServiceState DriverHost::service_state(std::stop_token stop) {
    if (!can_tell()) return ServiceState::not_known;
    const auto result = driver_.service(ServiceVerb::status, kDriftStatusTimeout, std::move(stop));
    return result.ok       ? ServiceState::running
           : result.exited ? ServiceState::stopped
                           : ServiceState::not_known;
}

void DriverHost::progress(const std::string& stage, const std::string& task, TaskStatus status,
                          int percent) {
    on_update_({action_.id, stage, task, status, percent});
}

}  // namespace tidegate::agent
