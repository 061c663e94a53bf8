#pragma once
/// Runs actions (those of kind verify: watcher.h), probes and drift checks on a pool of threads. It
/// keeps no state of its own about installations: the machine decides what runs and never lets two
/// actions of one installation run at the same time.

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "agent/daemon/host_rules.h"
#include "agent/daemon/looks.h"
#include "agent/daemon/prepare.h"
#include "agent/daemon/stoppers.h"
#include "agent/daemon/tenants.h"
#include "agent/journal/journal.h"
#include "agent/machine/machine.h"

namespace tidegate::agent {

class Driver;

/// Called on the pool's threads.
struct RunnerEvents {
    /// `log` is the whole output of all tasks, masked; for the upload.
    std::function<void(machine::Finished, std::string log)> finished;
    std::function<void(ActionUpdate)> update;
    std::function<void(machine::Probed)> probed;
    /// Masked and short. The begin of a task that may not run twice must be in the journal when
    /// this returns; an error, and it does not begin.
    std::function<Result<void>(machine::TaskNote)> task_noted;
};

class ActionRunner {
public:
    /// `kept` of the workers, but never all, run restores only: what is wrong can be taken away,
    /// however much else is to be done.
    ActionRunner(HostRules rules, RunnerEvents events, std::size_t workers = kWorkers,
                 std::size_t kept = 1);
    /// Cancels what runs and waits for it.
    ~ActionRunner();

    /// `former`: what may have to be stopped first. `used`: of a resumed action's deadline.
    void start(machine::Start start, FormerActions former, Milliseconds used = Milliseconds{0},
               Tenants tenants = {});
    /// Ends a running action; `finished` follows as for any. Nothing for an unknown id.
    void kill(const std::string& action);
    void kill_all();
    /// Waits until nothing runs any more that a former agent process left of the action, then asks
    /// the probe script, if wanted. `recorded`: what an agent that had no supervisors wrote of it.
    void probe(machine::Probe probe, std::optional<ProcessStarted> recorded);
    /// Ends what is left of looks (no action's scripts) whose agent and supervisor were killed.
    void end_former_looks();
    /// Looks at what stands there.
    void check_drift(Action definition, std::function<void(Look)> done);

    static constexpr std::size_t kWorkers = 8;

private:
    using Jobs = std::deque<std::function<void()>>;
    void work(const std::stop_token& stop, bool restores_only);
    /// Null when the pool ends.
    std::function<void()> next(const std::stop_token& stop, bool restores_only);
    void add(Jobs& jobs, std::function<void()> job);
    struct Job;
    [[nodiscard]] Result<PreparedAction> admit(const Job& job) const;
    void run(const Job& job, const std::stop_token& stop);
    void perform(const Job& job, PreparedAction prepared, const std::stop_token& stop,
                 machine::Finished& finished);
    [[nodiscard]] Result<void> noted(machine::TaskNote& note) const;
    [[nodiscard]] std::optional<std::vector<Backup>> backups_of(const Driver& driver) const;
    [[nodiscard]] bool await_end(const std::string& action,
                                 const std::optional<ProcessStarted>& recorded) const;

    HostRules rules_;
    RunnerEvents events_;
    std::mutex mutex_;
    std::condition_variable_any wake_;
    Jobs restores_;  ///< before all others
    Jobs jobs_;
    std::map<std::string, std::stop_source> running_;
    std::stop_source ending_;
    std::vector<std::jthread> threads_;
};

}  // namespace tidegate::agent
