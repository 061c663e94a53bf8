#pragma once
/// Holds the routes of this host's routers in force: each is set when it comes, looked at again and
/// again, and set anew where it is not. One call per balancer at a time (a script router's: per
/// route), on a few threads of their own, however many routes there are.
///
///     apply ─→ hold ─→ looked ─┬─ in force: the next look after `look`
///               ▲              └─ not: after a second, doubling up to `look`
///               └──────────────────┘
///
/// A balancer that answers slowly, and every script, may take half of the threads at most: the
/// others are there for whoever answers.

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "agent/daemon/host_rules.h"
#include "agent/machine/routes.h"
#include "agent/routers/router.h"
#include "agent/routers/state_use.h"
#include "schema/base/limits.h"

namespace tidegate::agent {

/// Called on the pool's threads.
struct RouterEvents {
    std::function<void(machine::RouteLooked)> looked;
    /// Of a route with a state file that is in force: once it is, and every minute or so.
    std::function<void(const Route&, StateFinding)> state_looked;
};

class RouterHost {
public:
    RouterHost(HostRules rules, RouterEvents events, Milliseconds look = limits::kRouteLook);
    /// Ends the scripts that run, and waits for it.
    ~RouterHost();

    /// Any thread. What runs for the former one of that id is cut short, and ends before this
    /// begins.
    void apply(machine::ApplyRoute wanted);
    /// Any thread. Looks no more; the router stays as it is.
    void drop(const machine::RouteId& id);

    static constexpr std::size_t kWorkers = 4;

private:
    using Clock = std::chrono::steady_clock;
    struct Job;

    void work();
    // With mutex_ held.
    [[nodiscard]] std::shared_ptr<Job> take(Clock::time_point now);
    [[nodiscard]] std::optional<Clock::time_point> next_due() const;
    [[nodiscard]] bool may_run(const Job& job) const;
    /// Lets go of the mutex meanwhile.
    void hold(std::unique_lock<std::mutex>& lock, const std::shared_ptr<Job>& job);

    [[nodiscard]] std::unique_ptr<Router> router_of(const Route& route);
    [[nodiscard]] RouteReport look(Job& job);
    [[nodiscard]] std::optional<StateFinding> look_at_state(Job& job, const RouteReport& report);
    [[nodiscard]] Result<void> run_script(const Route& route,
                                          std::map<std::string, std::string> environment,
                                          const std::stop_token& stop);

    HostRules rules_;
    RouterEvents events_;
    Milliseconds look_;
    std::once_flag former_;  ///< scripts that a former process left have been ended
    std::mutex mutex_;
    std::condition_variable wake_;
    std::map<machine::RouteId, std::shared_ptr<Job>> jobs_;
    std::set<std::string> busy_;    ///< lanes
    std::size_t slow_running_ = 0;  ///< of them, of slow jobs
    bool ending_ = false;
    std::vector<std::jthread> threads_;
};

/// Why agent.yaml does not allow the route, whatever it asks of the router; empty when it does.
[[nodiscard]] std::string refusal(const HostRules& rules, const Route& route);

}  // namespace tidegate::agent
