#pragma once
/// Runs the actions of kind verify: very many at once, each for hours, on a few threads. What a
/// watch makes of its tries is in agent/tasks/watch.h; here they are run when they are due.
///
///     start ─→ prepared ─→ try, try, … of each check, at their times ─→ finished once
///                 └→ refused                       kill, deadline ─┘
///
/// Tries that come late because all threads are at work are late, never skipped. A check whose last
/// try was slow (its server hangs) goes to a lane of its own that half of the threads at most work
/// on, so that it does not hold up the others.

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "agent/daemon/action_runner.h"
#include "agent/tasks/watch.h"

namespace tidegate::agent {

class Watcher {
public:
    /// Of the events: `finished` and `update`; on a thread of the pool, or within `kill`.
    Watcher(HostRules rules, RunnerEvents events, std::size_t workers = kWorkers);
    /// Cuts short what runs, and waits for it; `finished` does not come any more.
    ~Watcher();

    /// Any thread. Its time and its deadline begin now.
    void start(machine::Start start);
    /// Ends it at once, as cancelled; `finished` follows when its tries have ended. Nothing for an
    /// unknown id.
    void kill(const std::string& action);
    void kill_all();

    static constexpr std::size_t kWorkers = 8;

private:
    using Clock = std::chrono::steady_clock;
    struct Job;
    struct Due {
        enum class What { begin, one_try, deadline } what;
        std::weak_ptr<Job> job;
        std::size_t check = 0;
        bool slow = false;
    };
    using Lane = std::multimap<Clock::time_point, Due>;

    // With mutex_ held, but where they say that they let go of it.
    void work();
    [[nodiscard]] std::optional<Due> take(Clock::time_point now);
    [[nodiscard]] std::optional<Clock::time_point> next_due() const;
    void add(Clock::time_point at, Due due);
    void run(std::unique_lock<std::mutex>& lock, const Due& due);
    void begin(std::unique_lock<std::mutex>& lock, const std::shared_ptr<Job>& job);
    void try_once(std::unique_lock<std::mutex>& lock, const std::shared_ptr<Job>& job,
                  std::size_t check);
    void add_try(const std::shared_ptr<Job>& job, std::size_t check);
    [[nodiscard]] std::optional<ActionUpdate> news(Job& job, std::size_t check, bool good) const;
    /// Where it is over, and nothing of it runs: lets go of the mutex and tells so.
    void end_if_over(std::unique_lock<std::mutex>& lock, const std::shared_ptr<Job>& job);
    [[nodiscard]] machine::Finished finished(const Job& job) const;

    HostRules rules_;
    RunnerEvents events_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::map<std::string, std::shared_ptr<Job>> jobs_;  ///< by action
    Lane quick_;
    Lane slow_;
    std::size_t slow_running_ = 0;
    std::size_t slow_max_;
    bool ending_ = false;
    std::vector<std::jthread> threads_;
};

}  // namespace tidegate::agent
