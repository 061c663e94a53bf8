#include "agent/daemon/router_host.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "agent/daemon/told.h"
#include "agent/drivers/process.h"
#include "agent/routers/haproxy_router.h"
#include "agent/routers/script_router.h"
#include "schema/base/utf8.h"

namespace tidegate::agent {
namespace {

using namespace std::chrono_literals;

constexpr Milliseconds kTryAgain{1'000};  ///< doubling
constexpr Milliseconds kSlowLook{1'000};
constexpr Milliseconds kDrainLook{1'000};
constexpr Milliseconds kFormerWait{15'000};
/// Of the scripts' runs in the register; no action has that id.
constexpr const char* kRouteRuns = "route";
constexpr std::size_t kQuotedBytesMax = 200;
constexpr int kLooksPerStateLook = 6;

/// Who shares a lane is never called at once.
std::string lane_of(const Route& route) {
    if (route.router == RouterType::haproxy) return "haproxy " + route.socket;
    return fmt::format("{} {}", route.key.text(), route.target);
}

std::string last_line(std::string_view text) {
    while (text.ends_with('\n')) text.remove_suffix(1);
    return std::string{head_of(text.substr(text.rfind('\n') + 1), kQuotedBytesMax)};
}

/// Somebody waits for the last session there.
bool is_draining(const RouteReport& report) {
    return std::ranges::any_of(report.sessions, [](const auto& each) { return each.second > 0; });
}

}  // namespace

struct RouterHost::Job {
    Route route;
    std::uint64_t ticket = 0;
    std::string lane;
    std::unique_ptr<Router> router;  ///< used without the mutex
    std::stop_source stop;
    Clock::time_point due;
    Milliseconds pause = kTryAgain;  ///< after the next failure
    bool slow = false;
    int state_looks = 0;  ///< used without the mutex
};

RouterHost::RouterHost(HostRules rules, RouterEvents events, Milliseconds look)
    : rules_{std::move(rules)}, events_{std::move(events)}, look_{look} {
    for (std::size_t i = 0; i < kWorkers; ++i) threads_.emplace_back([this] { work(); });
}

RouterHost::~RouterHost() {
    {
        const std::scoped_lock lock{mutex_};
        ending_ = true;
        for (auto& [id, job] : jobs_) job->stop.request_stop();
    }
    wake_.notify_all();
    threads_.clear();
}

void RouterHost::apply(machine::ApplyRoute wanted) {
    auto job = std::make_shared<Job>();
    job->ticket = wanted.ticket;
    job->lane = lane_of(wanted.route);
    job->slow = wanted.route.router != RouterType::haproxy;
    job->router = router_of(wanted.route);
    job->route = std::move(wanted.route);
    job->due = Clock::now();
    const std::scoped_lock lock{mutex_};
    auto& known = jobs_[machine::id_of(job->route)];
    if (known) known->stop.request_stop();
    known = std::move(job);
    wake_.notify_one();
}

void RouterHost::drop(const machine::RouteId& id) {
    const std::scoped_lock lock{mutex_};
    const auto known = jobs_.find(id);
    if (known == jobs_.end()) return;
    known->second->stop.request_stop();
    jobs_.erase(known);
}

void RouterHost::work() {
    std::unique_lock lock{mutex_};
    while (!ending_) {
        if (const auto job = take(Clock::now()))
            hold(lock, job);
        else if (const auto next = next_due())
            wake_.wait_until(lock, *next);
        else
            wake_.wait(lock);
    }
}

bool RouterHost::may_run(const Job& job) const {
    return !busy_.contains(job.lane) && (!job.slow || slow_running_ < kWorkers / 2);
}

std::shared_ptr<RouterHost::Job> RouterHost::take(Clock::time_point now) {
    std::shared_ptr<Job> first;
    for (const auto& [id, job] : jobs_)
        if (job->due <= now && may_run(*job) && (!first || job->due < first->due)) first = job;
    return first;
}

std::optional<RouterHost::Clock::time_point> RouterHost::next_due() const {
    std::optional<Clock::time_point> next;
    for (const auto& [id, job] : jobs_)
        if (may_run(*job) && (!next || job->due < *next)) next = job->due;
    return next;
}

void RouterHost::hold(std::unique_lock<std::mutex>& lock, const std::shared_ptr<Job>& job) {
    const bool was_slow = job->slow;
    busy_.insert(job->lane);
    slow_running_ += was_slow ? 1 : 0;
    lock.unlock();
    const auto begin = Clock::now();
    auto report = look(*job);
    auto state = look_at_state(*job, report);
    const auto end = Clock::now();
    lock.lock();
    busy_.erase(job->lane);
    slow_running_ -= was_slow ? 1 : 0;
    if (job->route.router == RouterType::haproxy) job->slow = end - begin > kSlowLook;
    const auto again = is_draining(report) ? std::min(kDrainLook, look_) : look_;
    job->due = end + (report.in_force ? again : std::min(job->pause, look_));
    job->pause = report.in_force ? kTryAgain : std::min(2 * job->pause, look_);
    wake_.notify_all();  // the lane is free
    const auto known = jobs_.find(machine::id_of(job->route));
    if (ending_ || known == jobs_.end() || known->second != job) return;
    lock.unlock();
    events_.looked({job->ticket, std::move(report)});
    if (state) events_.state_looked(job->route, *std::move(state));
    lock.lock();
}

RouteReport RouterHost::look(Job& job) {
    auto report = blank_report(job.route);
    report.error = refusal(rules_, job.route);
    if (report.error.empty() && !job.router) report.error = "this agent has no such router";
    if (report.error.empty()) report = job.router->hold(job.stop.get_token());
    hide_secrets(rules_, report.error);
    const auto line = one_line(report.error);
    report.error = head_of(line, limits::kAgentErrorBytesMax);
    return report;
}

std::optional<StateFinding> RouterHost::look_at_state(Job& job, const RouteReport& report) {
    const auto& route = job.route;
    if (!report.in_force || route.router != RouterType::haproxy || route.state_file.empty() ||
        job.state_looks++ % kLooksPerStateLook != 0)
        return std::nullopt;
    return find_state_use({route.socket, route.backend, route.state_file});
}

std::unique_ptr<Router> RouterHost::router_of(const Route& route) {
    switch (route.router) {
        case RouterType::haproxy:
            return make_haproxy_router(rules_.config.routers, route);
        case RouterType::script:
            return make_script_router(
                route, [this](const Route& wanted, auto environment, const std::stop_token& stop) {
                    return run_script(wanted, std::move(environment), stop);
                });
        default:
            return nullptr;
    }
}

/// As a project's scripts are run, but in no folder of a project's.
Result<void> RouterHost::run_script(const Route& route,
                                    std::map<std::string, std::string> environment,
                                    const std::stop_token& stop) {
    const auto& limits = rules_.limits;
    std::call_once(former_, [&] {
        (void)rules_.former.await(kRouteRuns, limits.supervision.cgroup, kFormerWait);
    });
    ProcessSpec spec;
    for (const auto& [name, variable] : rules_.config.variables) {
        environment[name] = variable.value;
        if (variable.secret) spec.secrets.push_back(variable.value);
    }
    if (!route.interpreter.empty()) spec.interpreter = route.interpreter;
    spec.body = route.route_script;
    spec.tmp_dir = limits.tmp_dir;
    spec.environment = std::move(environment);
    spec.user = limits.user;
    spec.no_new_privileges = limits.no_new_privileges;
    spec.closed_folder = limits.closed_folder;
    spec.timeout = route.timeout;
    spec.output_bytes_max = limits.output_bytes_max;
    spec.supervision = limits.supervision;
    spec.action = kRouteRuns;
    const auto result = TRY(run_process(spec, stop));
    if (result.ok()) return {};
    const auto said = last_line(result.output);
    return fail(ErrorCode::unavailable, "route_script: {}{}{}", result.error(route.timeout),
                said.empty() ? "" : ": ", said);
}

std::string refusal(const HostRules& rules, const Route& route) {
    const auto& config = rules.config;
    const auto allows = [](const std::set<std::string>& allowed, const std::string& name) {
        return allowed.empty() || allowed.contains(name);
    };
    if (!allows(config.targets, route.target))
        return fmt::format("agent.yaml does not serve target '{}'", route.target);
    if (!allows(config.projects, route.key.project))
        return fmt::format("agent.yaml does not allow project '{}'", route.key.project);
    if (route.router == RouterType::script && !allows(config.drivers, "script"))
        return "agent.yaml does not allow driver 'script', whose scripts a route_script is like";
    return {};
}

}  // namespace tidegate::agent
