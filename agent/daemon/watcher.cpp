#include "agent/daemon/watcher.h"

#include <fmt/core.h>

#include <algorithm>
#include <stop_token>
#include <utility>

#include "agent/daemon/prepare.h"
#include "agent/daemon/told.h"
#include "agent/drivers/script_driver.h"
#include "agent/tasks/task.h"

namespace tidegate::agent {
namespace {

/// A try that took longer was slow.
constexpr Seconds kSlowTry{1};
/// Of one watch its progress is told in so many steps, and a check's change no oftener than that.
constexpr int kProgressStep = 5;
constexpr Seconds kNewsInterval{5};

Milliseconds since(std::chrono::steady_clock::time_point begin) {
    return std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - begin);
}

}  // namespace

/// `driver` and `watch` come by `begin`; the driver is used without the mutex.
struct Watcher::Job {
    std::string id;
    Seconds watch_for;
    Seconds deadline;
    std::optional<machine::Start> start;  ///< until it has begun
    std::unique_ptr<Driver> driver;
    std::optional<Watch> watch;
    std::vector<bool> slow;  ///< by check
    Clock::time_point begun;
    std::stop_source stop;
    std::size_t running = 0;  ///< what of it is at work
    std::optional<Error> refusal;
    bool killed = false;
    bool expired = false;
    int told = -kProgressStep;
    bool told_good = true;
    Clock::time_point told_at;

    [[nodiscard]] bool is_over() const {
        return killed || expired || refusal || (watch && watch->state() != WatchState::goes_on);
    }
};

Watcher::Watcher(HostRules rules, RunnerEvents events, std::size_t workers)
    : rules_{std::move(rules)},
      events_{std::move(events)},
      slow_max_{std::max<std::size_t>(1, workers / 2)} {
    for (std::size_t i = 0; i < workers; ++i) threads_.emplace_back([this] { work(); });
}

Watcher::~Watcher() {
    {
        const std::scoped_lock lock{mutex_};
        ending_ = true;
        for (auto& [id, job] : jobs_) job->stop.request_stop();
    }
    wake_.notify_all();
    threads_.clear();
}

void Watcher::start(machine::Start start) {
    auto job = std::make_shared<Job>();
    job->id = start.action.id;
    job->watch_for = start.action.watch_for;
    job->deadline = start.action.deadline;
    job->start = std::move(start);
    const auto now = Clock::now();
    const std::scoped_lock lock{mutex_};
    jobs_.insert_or_assign(job->id, job);
    add(now, {Due::What::begin, job});
    add(now + job->deadline, {Due::What::deadline, job});
}

void Watcher::kill(const std::string& action) {
    std::unique_lock lock{mutex_};
    const auto found = jobs_.find(action);
    if (found == jobs_.end()) return;
    const auto job = found->second;
    job->killed = true;
    end_if_over(lock, job);
}

void Watcher::kill_all() {
    std::vector<std::string> all;
    {
        const std::scoped_lock lock{mutex_};
        for (const auto& [id, job] : jobs_) all.push_back(id);
    }
    for (const auto& id : all) kill(id);
}

void Watcher::work() {
    std::unique_lock lock{mutex_};
    while (!ending_) {
        if (const auto due = take(Clock::now()))
            run(lock, *due);
        else if (const auto next = next_due())
            wake_.wait_until(lock, *next);
        else
            wake_.wait(lock);
    }
}

std::optional<Watcher::Due> Watcher::take(Clock::time_point now) {
    Lane* first = quick_.empty() ? nullptr : &quick_;
    if (!slow_.empty() && slow_running_ < slow_max_ &&
        (!first || slow_.begin()->first < first->begin()->first))
        first = &slow_;
    if (!first || first->begin()->first > now) return std::nullopt;
    auto due = std::move(first->begin()->second);
    first->erase(first->begin());
    return due;
}

std::optional<Watcher::Clock::time_point> Watcher::next_due() const {
    std::optional<Clock::time_point> next;
    if (!quick_.empty()) next = quick_.begin()->first;
    if (!slow_.empty() && slow_running_ < slow_max_)
        next = next ? std::min(*next, slow_.begin()->first) : slow_.begin()->first;
    return next;
}

void Watcher::add(Clock::time_point at, Due due) {
    (due.slow ? slow_ : quick_).emplace(at, std::move(due));
    wake_.notify_one();
}

void Watcher::run(std::unique_lock<std::mutex>& lock, const Due& due) {
    const auto job = due.job.lock();
    if (!job || job->is_over()) return;
    if (due.slow) ++slow_running_;
    switch (due.what) {
        case Due::What::begin:
            begin(lock, job);
            break;
        case Due::What::one_try:
            try_once(lock, job, due.check);
            break;
        case Due::What::deadline:
            job->expired = true;
            break;
    }
    if (due.slow) --slow_running_;
    end_if_over(lock, job);
}

void Watcher::begin(std::unique_lock<std::mutex>& lock, const std::shared_ptr<Job>& job) {
    ++job->running;
    const auto start = *std::exchange(job->start, std::nullopt);
    lock.unlock();
    auto prepared = prepare(rules_, start.action, start.current);  // looks at the work dir
    lock.lock();
    --job->running;
    if (!prepared) {
        job->refusal = std::move(prepared).error();
        return;
    }
    job->driver = make_script_driver(std::move(prepared->context));
    job->watch.emplace(watched_checks(prepared->pipeline, prepared->verify), job->watch_for);
    job->slow.assign(job->watch->size(), false);
    job->begun = Clock::now();
    for (std::size_t check = 0; check < job->watch->size(); ++check) add_try(job, check);
}

void Watcher::add_try(const std::shared_ptr<Job>& job, std::size_t check) {
    add(job->begun + job->watch->due(check),
        {Due::What::one_try, job, check, static_cast<bool>(job->slow[check])});
}

void Watcher::try_once(std::unique_lock<std::mutex>& lock, const std::shared_ptr<Job>& job,
                       std::size_t check) {
    ++job->running;
    job->watch->begins(check, wall_clock());
    const auto wanted = job->watch->check(check).check;
    lock.unlock();
    const CheckScript script = [&](const std::string& body, Seconds timeout,
                                   const std::stop_token& stop) {
        auto result = job->driver->run(body, timeout, stop);
        return CheckOutcome{result.ok, std::move(result.error), std::move(result.output),
                            result.host_trouble};
    };
    const auto begin = Clock::now();
    auto outcome = try_check(wanted, script, job->stop.get_token());
    const bool slow = since(begin) > kSlowTry;
    lock.lock();
    --job->running;
    if (job->is_over()) return;  // it may have been cut short
    const bool good = outcome.ok;
    job->slow[check] = slow;
    job->watch->tried(check, std::move(outcome), since(job->begun), wall_clock());
    if (job->watch->state() != WatchState::goes_on) return;
    add_try(job, check);
    if (auto update = news(*job, check, good)) {
        lock.unlock();
        events_.update(*std::move(update));
        lock.lock();
    }
}

std::optional<ActionUpdate> Watcher::news(Job& job, std::size_t check, bool good) const {
    const auto now = Clock::now();
    const int progress = job.watch->progress(since(job.begun));
    const bool turned = good != job.told_good && now - job.told_at >= kNewsInterval;
    if (!turned && progress < job.told + kProgressStep) return std::nullopt;
    job.told = progress;
    job.told_good = good;
    job.told_at = now;
    const auto& told = job.watch->check(check);
    const auto status = good ? TaskStatus::running : TaskStatus::failed;
    return ActionUpdate{job.id, told.stage, told.name, status, progress};
}

void Watcher::end_if_over(std::unique_lock<std::mutex>& lock, const std::shared_ptr<Job>& job) {
    if (!job->is_over()) return;
    job->stop.request_stop();
    const auto known = jobs_.find(job->id);
    if (job->running > 0 || ending_ || known == jobs_.end() || known->second != job) return;
    jobs_.erase(known);
    lock.unlock();
    auto told = finished(*job);
    hide_secrets(rules_, told);
    auto log = take_log(told.stages);
    if (told.outcome == ActionOutcome::done) log.clear();
    events_.finished(std::move(told), std::move(log));
    lock.lock();
}

machine::Finished Watcher::finished(const Job& job) const {
    machine::Finished told;
    told.action = job.id;
    told.untouched = true;
    told.at = wall_clock();
    if (job.watch) told.stages = job.watch->stages();
    const auto state = job.watch ? job.watch->state() : WatchState::goes_on;
    if (job.refusal) {
        told.outcome = ActionOutcome::refused;
        told.error = job.refusal->text();
        if (job.refusal->code == ErrorCode::unavailable) told.host_trouble = told.error;
    } else if (state == WatchState::bad) {
        told.outcome = ActionOutcome::failed;
        told.error = job.watch->error();
        if (job.watch->is_host_trouble()) told.host_trouble = told.error;
    } else if (state == WatchState::goes_on && job.killed) {
        told.outcome = ActionOutcome::cancelled;
        told.error = "cancelled";
    } else if (state == WatchState::goes_on) {
        told.outcome = ActionOutcome::failed;
        told.error =
            fmt::format("the action's deadline of {} passed: {}", format_duration(job.deadline),
                        job.watch ? job.watch->error() : "its work dir does not answer");
        if (!job.watch || !job.watch->all_tried()) told.host_trouble = told.error;
    }
    if (!told.host_trouble.empty()) told.outcome = ActionOutcome::refused;
    return told;
}

}  // namespace tidegate::agent
