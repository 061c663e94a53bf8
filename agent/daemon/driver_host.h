#pragma once
/// The pipeline's hands: a driver behind the TaskHost interface, for one action.

#include <functional>
#include <vector>

#include "agent/drivers/driver.h"
#include "agent/tasks/pipeline.h"
#include "schema/model/agent.h"

namespace tidegate::agent {

/// Whether a `deploy` task installs or updates: by the kind of action and what the target has.
[[nodiscard]] bool wants_install(ActionKind kind, const Installation& current);

class DriverHost final : public TaskHost {
public:
    /// All of it is borrowed. `stoppers`: of the service that runs there, see stoppers.h.
    DriverHost(Driver& driver, const std::vector<Driver*>& stoppers, const Action& action,
               const Installation& current, std::function<void(ActionUpdate)> on_update)
        : driver_{driver},
          stoppers_{stoppers},
          action_{action},
          current_{current},
          on_update_{std::move(on_update)} {}

    TaskOutput script(const std::string& body, Seconds timeout, std::stop_token stop) override;
    TaskOutput deploy(std::stop_token stop) override;
    bool installed() const override { return current_.status != InstallStatus::absent; }
    bool can_start() const override { return driver_.has_service(ServiceVerb::start); }
    std::size_t stoppers() const override { return stoppers_.size(); }
    bool can_tell() const override { return driver_.has_service(ServiceVerb::status); }
    TaskOutput start_service(Seconds timeout, std::stop_token stop) override;
    TaskOutput stop_service(std::size_t stopper, Seconds timeout, std::stop_token stop) override;
    ServiceState service_state(std::stop_token stop) override;
    bool kill_service() override { return driver_.kill_service(); }
    void progress(const std::string& stage, const std::string& task, TaskStatus status,
                  int percent) override;

private:
    Driver& driver_;
    const std::vector<Driver*>& stoppers_;
    const Action& action_;
    const Installation& current_;
    std::function<void(ActionUpdate)> on_update_;
};

}  // namespace tidegate::agent
