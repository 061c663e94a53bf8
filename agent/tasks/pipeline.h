#pragma once
/// Runs a project's pipeline on one target: phases pre_release, release, post_release, then the
/// strategy's checks as `verify`. What a task does on the host comes through TaskHost.

#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/tasks/health_check.h"
#include "schema/base/limits.h"
#include "schema/base/result.h"
#include "schema/model/agent.h"

namespace tidegate::agent {

struct TaskOutput {
    bool ok = false;
    std::string error;   ///< empty when ok
    std::string output;  ///< bounded and masked already
};

/// Where a task stands in the pipeline.
struct TaskPlace {
    std::string stage;
    int place = 0;  ///< in the stage, from 0

    friend auto operator<=>(const TaskPlace&, const TaskPlace&) = default;
};
/// Of an interrupted run: how tasks ended that are not to run again.
using EndedTasks = std::map<TaskPlace, TaskResult>;

/// What a task speaks of where a project has two slots: the one that the action works in, or the
/// one that has the traffic.
enum class Side { own, live };
/// Scripts and checks of pre_release look at what is live before anything is done; all others, and
/// what deploys, starts or stops, are the action's own.
[[nodiscard]] Side side_of(std::string_view stage, TaskType type);

enum class ServiceState { running, stopped, not_known };

/// The hands of the pipeline. Calls may come from several threads at once (parallel tasks).
class TaskHost {
public:
    virtual ~TaskHost() = default;

    virtual TaskOutput script(const std::string& body, Seconds timeout, std::stop_token stop) = 0;
    /// The same in the slot that is live.
    virtual TaskOutput live_script(const std::string& body, Seconds timeout, std::stop_token stop) {
        return script(body, timeout, std::move(stop));
    }
    /// False: there are slots, and none of them is live yet.
    [[nodiscard]] virtual bool has_live() const { return true; }
    /// Installs, updates, restores or uninstalls, as the action wants.
    virtual TaskOutput deploy(std::stop_token stop) = 0;
    /// Something was installed here before.
    [[nodiscard]] virtual bool installed() const = 0;
    [[nodiscard]] virtual bool can_start() const = 0;
    /// How many definitions know how to stop what runs here, the likeliest first.
    [[nodiscard]] virtual std::size_t stoppers() const = 0;
    /// The first of them that answer for other folders, each for its own.
    [[nodiscard]] virtual std::size_t stoppers_elsewhere() const { return 0; }
    /// The project says how to ask for the service's state.
    [[nodiscard]] virtual bool can_tell() const = 0;
    virtual TaskOutput start_service(Seconds timeout, std::stop_token stop) = 0;
    /// `stopper` counts from 0.
    virtual TaskOutput stop_service(std::size_t stopper, Seconds timeout, std::stop_token stop) = 0;
    /// `not_known`: nobody can tell, or asking failed this time.
    virtual ServiceState service_state(std::stop_token stop) = 0;
    /// KILL to all that start_service left; false if nothing of it was found.
    virtual bool kill_service() = 0;
    /// Before anything of the task happens. An error: it must not, and fails for that.
    virtual Result<void> begins(const TaskPlace&, const Task&) { return {}; }
    virtual void ended(const TaskPlace&, const TaskResult&) {}
    virtual void progress(const std::string& stage, const std::string& task, TaskStatus status,
                          int percent) = 0;
};

struct PipelineReport {
    bool ok = false;
    bool cancelled = false;
    std::string error;  ///< `release/deploy: exit code 3`
    std::vector<StageResult> stages;
};

/// Why this build cannot run the pipeline; empty when it can.
[[nodiscard]] std::string unsupported(const Pipeline& pipeline);

/// Every task ends success, failed, skipped or cancelled. One that speaks of the live slot is
/// skipped where nothing is live, and others that depend on it run all the same. A failed one with
/// `on_error: continue` does not fail the pipeline; any other ends it, `rollback` being the
/// daemon's to act upon.
[[nodiscard]] PipelineReport run_pipeline(const Pipeline& pipeline,
                                          const std::vector<HealthCheck>& verify, TaskHost& host,
                                          const std::stop_token& stop,
                                          const EndedTasks& former = {});

}  // namespace tidegate::agent
