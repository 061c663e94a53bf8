#include "agent/tasks/task.h"

#include <fmt/core.h>

#include <chrono>
#include <utility>

#include "agent/tasks/stop_after.h"

namespace tidegate::agent {
namespace {

constexpr Seconds kScriptTimeout{300};
constexpr Seconds kServiceTimeout{60};
constexpr Milliseconds kServiceLook{500};

TaskOutput good(std::string note = {}) { return {true, {}, std::move(note)}; }
TaskOutput bad(std::string error) { return {false, std::move(error), {}}; }

TaskOutput run_script(const std::string& body, Seconds timeout, TaskHost& host,
                      const std::stop_token& stop, Side side) {
    return side == Side::live ? host.live_script(body, timeout, stop)
                              : host.script(body, timeout, stop);
}

TaskOutput check_health(const HealthCheck& check, TaskHost& host, const std::stop_token& stop,
                        Side side) {
    const auto script = [&](const std::string& body, Seconds timeout,
                            const std::stop_token& token) -> CheckOutcome {
        auto [ok, error, output] = run_script(body, timeout, host, token, side);
        return {ok, std::move(error), std::move(output)};
    };
    auto outcome = run_check(check, script, stop);
    return {outcome.ok, std::move(outcome.error), std::move(outcome.output)};
}

/// Looks until the service is in that state, or time is up, or nobody can tell.
ServiceState await_service(ServiceState wanted, Seconds time, TaskHost& host,
                           const std::stop_token& stop) {
    const auto end = std::chrono::steady_clock::now() + time;
    for (;;) {
        const auto state = host.service_state(stop);
        if (state == wanted || !host.can_tell()) return state;
        if (std::chrono::steady_clock::now() >= end || !wait_for(kServiceLook, stop)) return state;
    }
}

/// What is wrong with it, where it should have stopped.
std::string_view still(ServiceState state) {
    return state == ServiceState::running ? "still running" : "service.status fails";
}

TaskOutput stop_by(std::size_t stopper, const Task& task, TaskHost& host,
                   const std::stop_token& stop) {
    auto result = host.stop_service(stopper, task.graceful_timeout, stop);
    const auto patience = result.ok ? task.graceful_timeout : Seconds{0};
    const auto state = await_service(ServiceState::stopped, patience, host, stop);
    if (state == ServiceState::stopped) return good(std::move(result.output));
    if (result.ok && !host.can_tell()) return result;
    if (stop.stop_requested()) return {false, "cancelled", std::move(result.output)};
    if (result.ok)
        result.error =
            fmt::format("{} after {}", still(state), format_duration(task.graceful_timeout));
    result.ok = false;
    return result;
}

void add_error(TaskOutput& all, const std::string& error) {
    all.error += fmt::format("{}{}", all.error.empty() ? "" : "; then ", error);
}

/// What runs in other folders: nobody here can ask whether it is down. Good: some was stopped, and
/// nothing refused.
TaskOutput stop_elsewhere(const Task& task, TaskHost& host, const std::stop_token& stop) {
    auto all = bad("");
    for (std::size_t i = 0; i < host.stoppers_elsewhere(); ++i) {
        const auto one = host.stop_service(i, task.graceful_timeout, stop);
        all.output += one.output;
        if (!one.ok) add_error(all, one.error);
    }
    all.ok = all.error.empty() && host.stoppers_elsewhere() > 0;
    return all;
}

/// One definition after the other, until it is down. Good: one says that it is.
TaskOutput stop_here(const Task& task, TaskHost& host, const std::stop_token& stop) {
    auto all = bad("");
    for (auto i = host.stoppers_elsewhere(); i < host.stoppers() && !all.ok; ++i) {
        if (stop.stop_requested()) return bad("cancelled");
        const auto one = stop_by(i, task, host, stop);
        all.output += one.output;
        all.ok = one.ok;
        if (!one.ok) add_error(all, one.error);
    }
    return all;
}

/// Nothing is killed before all that knows how to stop it was asked.
TaskOutput stop_service(const Task& task, TaskHost& host, const std::stop_token& stop) {
    if (!host.installed()) return good("nothing is installed yet");
    if (host.stoppers() == 0) return good("the project has no service.stop");
    const auto elsewhere = stop_elsewhere(task, host, stop);
    auto all = stop_here(task, host, stop);
    if (stop.stop_requested() && !all.ok) return bad("cancelled");
    all.output.insert(0, elsewhere.output);
    const auto runs = [&] {
        return await_service(ServiceState::stopped, Seconds{0}, host, stop) ==
               ServiceState::running;
    };
    const bool down = all.ok || (elsewhere.ok && !runs());
    if (down && elsewhere.error.empty()) return good(std::move(all.output));
    if (down) all.error.clear();
    if (!elsewhere.error.empty()) add_error(all, "in another folder: " + elsewhere.error);
    const bool killed = task.force_kill && host.kill_service();
    const auto output = fmt::format("{}\n{}{}\n", all.output, all.error, killed ? "; killed" : "");
    // What refused in another folder may not run at all: where it does, the rest will show it.
    if (killed || (down && !runs())) return good(output);
    all.ok = false;
    return all;
}

TaskOutput start_service(const Task& task, TaskHost& host, const std::stop_token& stop) {
    if (!host.can_start()) return good("the project has no service.start");
    auto result = host.start_service(task.timeout.value_or(kServiceTimeout), stop);
    if (!result.ok || !task.wait_ready) return result;
    const auto state = await_service(ServiceState::running, task.ready_timeout, host, stop);
    if (state == ServiceState::running) return result;
    if (!host.can_tell()) {
        result.output += "readiness is not known: the project has no service.status\n";
        return result;
    }
    return {false, fmt::format("not ready after {}", format_duration(task.ready_timeout)),
            std::move(result.output)};
}

TaskOutput run_once(const Task& task, TaskHost& host, const std::stop_token& stop, Side side) {
    switch (task.type) {
        case TaskType::script:
            return run_script(task.script, task.timeout.value_or(kScriptTimeout), host, stop, side);
        case TaskType::health_check:
            return check_health(task.check, host, stop, side);
        case TaskType::deploy:
            return host.deploy(stop);
        case TaskType::stop_service:
            return stop_service(task, host, stop);
        case TaskType::start_service:
            return start_service(task, host, stop);
        case TaskType::wait:
            return wait_for(task.duration, stop) ? good() : bad("cancelled");
        default:
            return bad(fmt::format("this agent has no task type '{}'", to_string(task.type)));
    }
}

/// The script types bound each process themselves, which names the time in the error; the timer
/// bounds all the others, and is a little later so that the better error wins.
TaskOutput run_bounded(const Task& task, TaskHost& host, const std::stop_token& stop, Side side) {
    std::optional<Milliseconds> time;
    if (task.timeout) time = Milliseconds{*task.timeout} + Milliseconds{500};
    const StopAfter bounded{stop, time};
    auto result = run_once(task, host, bounded.token(), side);
    if (!result.ok && bounded.expired())
        result.error = fmt::format("timed out after {}", format_duration(*task.timeout));
    return result;
}

}  // namespace

Timestamp wall_clock() {
    return std::chrono::time_point_cast<Milliseconds>(std::chrono::system_clock::now());
}

TaskResult run_task(const Task& task, TaskHost& host, const std::stop_token& stop, Side side) {
    TaskResult result;
    result.name = task.name;
    result.type = std::string{to_string(task.type)};
    result.started_at = wall_clock();
    for (;; ++result.retry_count) {
        auto outcome = run_bounded(task, host, stop, side);
        result.status = outcome.ok              ? TaskStatus::success
                        : stop.stop_requested() ? TaskStatus::cancelled
                                                : TaskStatus::failed;
        result.error = std::move(outcome.error);
        result.output = std::move(outcome.output);
        if (result.status != TaskStatus::failed || result.retry_count >= task.retry) break;
        if (wait_for(task.retry_delay, stop)) continue;
        result.status = TaskStatus::cancelled;  // it has tries left
        break;
    }
    result.finished_at = wall_clock();
    return result;
}

Task as_task(const HealthCheck& check) {
    Task task;
    task.name = fmt::format("{} check", to_string(check.type));
    task.type = TaskType::health_check;
    task.check = check;
    return task;
}

}  // namespace tidegate::agent
