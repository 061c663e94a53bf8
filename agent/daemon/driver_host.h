#pragma once
/// The pipeline's hands: a driver behind the TaskHost interface, for one action.

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "agent/daemon/stoppers.h"
#include "agent/drivers/driver.h"
#include "agent/machine/progress.h"
#include "agent/tasks/pipeline.h"
#include "schema/model/agent.h"

namespace tidegate::agent {

/// Whether a `deploy` task installs or updates: by the kind of action and what the target has.
[[nodiscard]] bool wants_install(ActionKind kind, const Installation& current);

/// Whom a DriverHost tells; may be called by several threads at once.
struct TaskEvents {
    std::function<void(ActionUpdate)> update;
    /// Where the task begins: an error, and it must not. May be empty.
    std::function<Result<void>(machine::TaskNote)> noted;
};

class DriverHost final : public TaskHost {
public:
    /// All of it is borrowed. `stoppers`: of the service that runs there.
    DriverHost(Driver& driver, const Stoppers& stoppers, const Action& action,
               const Installation& current, const TaskEvents& events)
        : driver_{driver},
          stoppers_{stoppers},
          action_{action},
          current_{current},
          events_{events} {}

    TaskOutput script(const std::string& body, Seconds timeout, std::stop_token stop) override;
    TaskOutput deploy(std::stop_token stop) override;
    TaskOutput live_script(const std::string& body, Seconds timeout, std::stop_token stop) override;
    bool has_live() const override { return live_ != nullptr; }
    bool installed() const override { return current_.status != InstallStatus::absent; }
    bool can_start() const override { return driver_.has_service(ServiceVerb::start); }
    std::size_t stoppers() const override { return stoppers_.in_order().size(); }
    std::size_t stoppers_elsewhere() const override { return stoppers_.elsewhere(); }
    bool can_tell() const override { return driver_.has_service(ServiceVerb::status); }
    TaskOutput start_service(Seconds timeout, std::stop_token stop) override;
    TaskOutput stop_service(std::size_t stopper, Seconds timeout, std::stop_token stop) override;
    ServiceState service_state(std::stop_token stop) override;
    bool kill_service() override { return driver_.kill_service(); }
    Result<void> begins(const TaskPlace& place, const Task& task) override;
    void ended(const TaskPlace& place, const TaskResult& result) override;
    void progress(const std::string& stage, const std::string& task, TaskStatus status,
                  int percent) override;

    /// What pre_release speaks of, borrowed; null = nothing is live. Without this the action's own.
    void set_live(Driver* driver) { live_ = driver; }
    /// A script of the action ran in a former process.
    void note_started() { started_ = true; }
    /// What of the host kept the action from beginning; empty once any script has begun, whose
    /// failure is the version's.
    [[nodiscard]] std::string host_trouble() const;

private:
    Result<void> note(const TaskPlace& place, TaskResult result);
    TaskOutput take(DriverResult result);
    void note_trouble(const std::string& why);

    Driver& driver_;
    Driver* live_ = &driver_;
    const Stoppers& stoppers_;
    const Action& action_;
    const Installation& current_;
    const TaskEvents& events_;
    std::atomic<bool> started_{false};
    mutable std::mutex mutex_;
    std::string trouble_;
};

}  // namespace tidegate::agent
