#include "agent/daemon/action_runner.h"

#include <fmt/core.h>

#include <utility>

#include "agent/daemon/driver_host.h"
#include "agent/daemon/looks.h"
#include "agent/drivers/output.h"
#include "agent/drivers/process_group.h"
#include "agent/drivers/script_driver.h"
#include "agent/tasks/pipeline.h"
#include "agent/tasks/stop_after.h"
#include "agent/tasks/task.h"
#include "schema/base/utf8.h"

namespace tidegate::agent {
namespace {

/// Of one task in the result; the whole output goes up as the action's log.
constexpr std::size_t kTaskOutputBytesMax = 4 * 1024;
/// Of the upload's bound, for the line that names what was dropped.
constexpr std::size_t kDroppedLineBytesMax = 64;
constexpr Milliseconds kLeftoverGrace{5'000};
/// For supervisors: their scripts' grace, and the time that dying may take.
constexpr Milliseconds kLeftoverWait{15'000};

TaskResult uninstall_task(std::string name, bool ok, std::string error, std::string output) {
    TaskResult task;
    task.name = task.type = std::move(name);
    task.status = ok ? TaskStatus::success : TaskStatus::failed;
    task.error = std::move(error);
    task.output = std::move(output);
    task.finished_at = wall_clock();
    return task;
}

/// Stops the service if there is one, then removes what was installed.
PipelineReport run_uninstall(Driver& driver, TaskHost& host, const std::stop_token& stop) {
    Pipeline stopping;
    stopping.release.resize(1);
    stopping.release[0].name = "stop";
    stopping.release[0].type = TaskType::stop_service;
    auto report = run_pipeline(stopping, {}, host, stop);
    if (!report.ok) return report;
    auto result = driver.uninstall(stop);
    report.ok = result.ok;
    report.cancelled = !result.ok && stop.stop_requested();
    if (!result.ok) report.error = fmt::format("release/uninstall: {}", result.error);
    report.stages.back().tasks.push_back(
        uninstall_task("uninstall", result.ok, std::move(result.error), std::move(result.output)));
    return report;
}

PipelineReport run_kind(ActionKind kind, const PreparedAction& prepared, Driver& driver,
                        TaskHost& host, const std::stop_token& stop) {
    switch (kind) {
        case ActionKind::uninstall:
            return run_uninstall(driver, host, stop);
        case ActionKind::verify:
            return run_pipeline({}, prepared.verify, host, stop);
        default: {
            auto report = run_pipeline(prepared.pipeline, prepared.verify, host, stop);
            ask_probe(driver, !prepared.context.deploy.probe_script.empty(), report, stop);
            return report;
        }
    }
}

/// All output as text for people, head and tail where it is long; what stays in the result is cut
/// to its tail.
std::string take_log(std::vector<StageResult>& stages) {
    OutputBuffer log{limits::kLogBytesMax - kDroppedLineBytesMax};
    for (auto& stage : stages) {
        for (auto& task : stage.tasks) {
            log.append(fmt::format("== {}/{}: {}{}{}\n", stage.name, task.name,
                                   to_string(task.status), task.error.empty() ? "" : ": ",
                                   task.error));
            log.append(task.output);
            if (!task.output.empty() && !task.output.ends_with('\n')) log.append("\n");
            task.output = tail_of(task.output, kTaskOutputBytesMax);
        }
    }
    return log.text();
}

}  // namespace

ActionRunner::ActionRunner(HostRules rules, RunnerEvents events, std::size_t workers)
    : rules_{std::move(rules)}, events_{std::move(events)} {
    for (std::size_t i = 0; i < workers; ++i)
        threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
}

ActionRunner::~ActionRunner() {
    kill_all();
    ending_.request_stop();
    for (auto& thread : threads_) thread.request_stop();
    threads_.clear();
}

void ActionRunner::start(machine::Start start, Tenants tenants) {
    std::stop_source source;
    {
        const std::scoped_lock lock{mutex_};
        running_.emplace(start.action.id, source);
    }
    add([this, start = std::move(start), tenants = std::move(tenants), source] {
        run(start, tenants, source.get_token());
    });
}

Result<PreparedAction> ActionRunner::admit(const machine::Start& start,
                                           const Tenants& tenants) const {
    auto prepared = TRY(prepare(rules_, start.action, start.current));
    if (auto why = clash(rules_, start.action, tenants); !why.empty())
        return fail(ErrorCode::denied, "{}", why);
    return prepared;
}

void ActionRunner::run(const machine::Start& start, const Tenants& tenants,
                       const std::stop_token& stop) {
    const auto& action = start.action;
    machine::Finished finished;
    finished.action = action.id;
    auto prepared = admit(start, tenants);
    finished.untouched = !prepared || stop.stop_requested();
    if (finished.untouched) {
        finished.outcome = prepared ? ActionOutcome::cancelled : ActionOutcome::refused;
        finished.error = prepared ? "cancelled before its start" : prepared.error().text();
    } else {
        prepared->context.action = action.id;
        const StopAfter bounded{stop, action.deadline};
        const auto driver = make_script_driver(prepared->context);
        DriverHost host{*driver, action, start.current, events_.update};
        auto report = run_kind(action.kind, *prepared, *driver, host, bounded.token());
        if (!report.ok)
            finished.outcome =
                stop.stop_requested() ? ActionOutcome::cancelled : ActionOutcome::failed;
        finished.error = !report.ok && bounded.expired()
                             ? fmt::format("the action's deadline of {} passed: {}",
                                           format_duration(action.deadline), report.error)
                             : report.error;
        finished.stages = std::move(report.stages);
        finished.backups = backups_of(*driver);
    }
    finished.at = wall_clock();
    hide_secrets(finished);
    {
        const std::scoped_lock lock{mutex_};
        running_.erase(action.id);
    }
    auto log = take_log(finished.stages);
    events_.finished(std::move(finished), std::move(log));
}

void ActionRunner::hide_secrets(std::string& text) const {
    std::vector<std::string> secrets;
    for (const auto& [name, variable] : rules_.config.variables)
        if (variable.secret) secrets.push_back(variable.value);
    Masker masker{secrets};
    auto masked = masker.feed(text);
    masked += masker.finish();
    text = to_utf8(masked, "?");
}

/// Outputs are masked where they are read; an error may quote an expanded string (a check's URL).
void ActionRunner::hide_secrets(machine::Finished& finished) const {
    hide_secrets(finished.error);
    for (auto& stage : finished.stages)
        for (auto& task : stage.tasks) hide_secrets(task.error);
}

std::optional<std::vector<Backup>> ActionRunner::backups_of(const Driver& driver) const {
    auto backups = driver.backups();
    if (!backups) return backups;
    for (auto& backup : *backups) hide_secrets(backup.path);
    return backups;
}

void ActionRunner::kill(const std::string& action) {
    const std::scoped_lock lock{mutex_};
    if (const auto found = running_.find(action); found != running_.end())
        found->second.request_stop();
}

void ActionRunner::kill_all() {
    const std::scoped_lock lock{mutex_};
    for (auto& [id, source] : running_) source.request_stop();
}

bool ActionRunner::await_end(const std::string& action,
                             const std::optional<ProcessStarted>& recorded) const {
    const auto& cgroup = rules_.limits.supervision.cgroup;
    const bool ended = rules_.former.await(action, cgroup, kLeftoverWait);
    if (!recorded) return ended;
    const ProcessId id{recorded->pid, recorded->start_time, recorded->marker};
    return end_leftover(id, {}, kLeftoverGrace) && ended;
}

void ActionRunner::probe(Action action, std::optional<ProcessStarted> recorded) {
    add([this, action = std::move(action), recorded = std::move(recorded)] {
        machine::Probed probed{action.id, machine::ProbeAnswer::unknown};
        const bool ended = await_end(action.id, recorded);
        const auto prepared = prepare(rules_, action, {});
        if (ended && prepared) {
            const auto driver = make_script_driver(prepared->context);
            const auto found = driver->probe(ending_.get_token());
            if (found == Probe::new_version) probed.answer = machine::ProbeAnswer::new_version;
            if (found == Probe::old_version) probed.answer = machine::ProbeAnswer::old_version;
            probed.backups = backups_of(*driver);
            probed.at = wall_clock();
        }
        events_.probed(std::move(probed));
    });
}

void ActionRunner::check_drift(Action definition, std::function<void(Look)> done) {
    add([this, definition = std::move(definition), done = std::move(done)] {
        const auto prepared = prepare(rules_, definition, {});
        if (!prepared) return done({});  // the host's rules changed; that is not drift
        const auto driver = make_script_driver(prepared->context);
        const auto stop = ending_.get_token();
        auto found = look_for_drift(*driver, !prepared->context.deploy.probe_script.empty(), stop);
        hide_secrets(found.reason);
        if (!stop.stop_requested()) done(std::move(found));
    });
}

void ActionRunner::add(std::function<void()> job) {
    {
        const std::scoped_lock lock{mutex_};
        jobs_.push_back(std::move(job));
    }
    wake_.notify_one();
}

void ActionRunner::work(const std::stop_token& stop) {
    for (;;) {
        std::function<void()> job;
        {
            std::unique_lock lock{mutex_};
            if (!wake_.wait(lock, stop, [this] { return !jobs_.empty(); })) return;
            job = std::move(jobs_.front());
            jobs_.pop_front();
        }
        job();
    }
}

}  // namespace tidegate::agent
