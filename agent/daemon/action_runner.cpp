#include "agent/daemon/action_runner.h"

#include <fmt/core.h>

#include <utility>

#include "agent/daemon/driver_host.h"
#include "agent/daemon/looks.h"
#include "agent/daemon/told.h"
#include "agent/drivers/process_group.h"
#include "agent/drivers/script_driver.h"
#include "agent/tasks/pipeline.h"
#include "agent/tasks/stop_after.h"
#include "agent/tasks/task.h"
#include "schema/base/utf8.h"

namespace tidegate::agent {
namespace {

constexpr Milliseconds kLeftoverGrace{5'000};
/// For supervisors: their scripts' grace, and the time that dying may take.
constexpr Milliseconds kLeftoverWait{15'000};

/// Stops the service if there is one, then removes what was installed.
Pipeline uninstalling() {
    Pipeline pipeline;
    pipeline.release.resize(2);
    pipeline.release[0].name = "stop";
    pipeline.release[0].type = TaskType::stop_service;
    pipeline.release[1].name = "uninstall";
    pipeline.release[1].type = TaskType::deploy;
    return pipeline;
}

PipelineReport run_kind(ActionKind kind, const PreparedAction& prepared, Driver& driver,
                        TaskHost& host, const std::stop_token& stop, const EndedTasks& former) {
    if (kind == ActionKind::uninstall) return run_pipeline(uninstalling(), {}, host, stop, former);
    auto report = run_pipeline(prepared.pipeline, prepared.verify, host, stop, former);
    ask_probe(driver, !prepared.context.deploy.probe_script.empty(), report, stop);
    return report;
}

EndedTasks ended_tasks(const std::optional<machine::Progress>& resumed) {
    EndedTasks ended;
    if (!resumed) return ended;
    for (const auto& note : resumed->notes)
        if (note.result.status != TaskStatus::running && note.result.status != TaskStatus::pending)
            ended.emplace(TaskPlace{note.stage, note.place}, note.result);
    return ended;
}

machine::ProbeAnswer answer_of(Probe found) {
    return found == Probe::new_version   ? machine::ProbeAnswer::new_version
           : found == Probe::old_version ? machine::ProbeAnswer::old_version
                                         : machine::ProbeAnswer::unknown;
}

}  // namespace

ActionRunner::ActionRunner(HostRules rules, RunnerEvents events, std::size_t workers,
                           std::size_t kept)
    : rules_{std::move(rules)}, events_{std::move(events)} {
    for (std::size_t i = 0; i < workers; ++i)
        threads_.emplace_back([this, is_kept = i < kept && i + 1 < workers](
                                  const std::stop_token& stop) { work(stop, is_kept); });
}

ActionRunner::~ActionRunner() {
    kill_all();
    ending_.request_stop();
    for (auto& thread : threads_) thread.request_stop();
    threads_.clear();
}

struct ActionRunner::Job {
    machine::Start start;
    FormerActions former;
    Milliseconds left;  ///< of its deadline
    Tenants tenants;

    /// By a former process, in which scripts of it may have run.
    [[nodiscard]] bool touched() const { return start.resumed && machine::touched(*start.resumed); }
};

void ActionRunner::start(machine::Start start, FormerActions former, Milliseconds used,
                         Tenants tenants) {
    std::stop_source source;
    {
        const std::scoped_lock lock{mutex_};
        running_.emplace(start.action.id, source);
    }
    const auto left = Milliseconds{start.action.deadline} - used;
    auto& jobs = machine::is_restore(start.action) ? restores_ : jobs_;
    add(jobs, [this, job = Job{std::move(start), std::move(former), left, std::move(tenants)},
               source] { run(job, source.get_token()); });
}

Result<PreparedAction> ActionRunner::admit(const Job& job) const {
    const auto& action = job.start.action;
    auto prepared = TRY(prepare(rules_, action, job.start.current));
    if (job.touched()) return prepared;
    if (auto why = clash(rules_, action, job.tenants); !why.empty())
        return fail(ErrorCode::unavailable, "{}", why);
    return prepared;
}

void ActionRunner::run(const Job& job, const std::stop_token& stop) {
    const auto& action = job.start.action;
    machine::Finished finished;
    finished.action = action.id;
    finished.untouched = !job.touched();
    if (auto prepared = admit(job); !prepared) {
        finished.outcome = job.touched() ? ActionOutcome::failed : ActionOutcome::refused;
        finished.error = prepared.error().text();
        if (!job.touched() && prepared.error().code == ErrorCode::unavailable)
            finished.host_trouble = finished.error;
    } else if (stop.stop_requested()) {
        finished.outcome = ActionOutcome::cancelled;
        finished.error = job.touched() ? "cancelled" : "cancelled before its start";
    } else if (job.left <= Milliseconds{0}) {
        finished.outcome = ActionOutcome::failed;
        finished.error = fmt::format("the action's deadline of {} passed while the agent was away",
                                     format_duration(action.deadline));
    } else {
        finished.untouched = false;
        perform(job, std::move(*prepared), stop, finished);
    }
    finished.at = wall_clock();
    hide_secrets(rules_, finished);
    {
        const std::scoped_lock lock{mutex_};
        running_.erase(action.id);
    }
    auto log = take_log(finished.stages);
    events_.finished(std::move(finished), std::move(log));
}

void ActionRunner::perform(const Job& job, PreparedAction prepared, const std::stop_token& stop,
                           machine::Finished& finished) {
    const auto& action = job.start.action;
    prepared.context.action = action.id;
    const StopAfter bounded{stop, job.left};
    const auto driver = make_script_driver(prepared.context);
    if (prepared.live) prepared.live->action = action.id;
    const auto live = prepared.live ? make_script_driver(*prepared.live) : nullptr;
    const Stoppers stoppers{rules_, action, job.start.current, job.former, *driver};
    const TaskEvents events{events_.update, [this](machine::TaskNote note) { return noted(note); }};
    DriverHost host{*driver, stoppers, action, job.start.current, events};
    if (live || !prepared.has_live) host.set_live(live.get());
    if (job.touched()) host.note_started();
    auto report = run_kind(action.kind, prepared, *driver, host, bounded.token(),
                           ended_tasks(job.start.resumed));
    if (!report.ok)
        finished.outcome = stop.stop_requested() ? ActionOutcome::cancelled : ActionOutcome::failed;
    finished.error = !report.ok && bounded.expired()
                         ? fmt::format("the action's deadline of {} passed: {}",
                                       format_duration(action.deadline), report.error)
                         : report.error;
    finished.stages = std::move(report.stages);
    finished.backups = backups_of(*driver);
    if (auto trouble = host.host_trouble(); !report.ok && !trouble.empty()) {
        finished.outcome = ActionOutcome::refused;
        finished.untouched = true;
        finished.host_trouble = std::move(trouble);
    }
}

Result<void> ActionRunner::noted(machine::TaskNote& note) const {
    if (!events_.task_noted) return {};
    hide_secrets(rules_, note.result.error);
    note.result.error = head_of(note.result.error, limits::kAgentErrorBytesMax);
    note.result.output = tail_of(note.result.output, kTaskOutputBytesMax);
    return events_.task_noted(std::move(note));
}

std::optional<std::vector<Backup>> ActionRunner::backups_of(const Driver& driver) const {
    auto backups = driver.backups();
    if (!backups) return backups;
    for (auto& backup : *backups) hide_secrets(rules_, backup.path);
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

void ActionRunner::probe(machine::Probe probe, std::optional<ProcessStarted> recorded) {
    add(jobs_, [this, probe = std::move(probe), recorded = std::move(recorded)] {
        machine::Probed probed;
        probed.action = probe.action.id;
        probed.survivors = !await_end(probe.action.id, recorded);
        const auto prepared = prepare(rules_, probe.action, {});
        if (!probed.survivors && prepared) {
            const auto driver = make_script_driver(prepared->context);
            if (probe.ask) probed.answer = answer_of(driver->probe(ending_.get_token()));
            probed.backups = backups_of(*driver);
            probed.at = wall_clock();
        }
        events_.probed(std::move(probed));
    });
}

void ActionRunner::end_former_looks() {
    add(jobs_, [this] { (void)await_end("", {}); });
}

void ActionRunner::check_drift(Action definition, std::function<void(Look)> done) {
    add(jobs_, [this, definition = std::move(definition), done = std::move(done)] {
        const auto prepared = prepare(rules_, definition, {});
        const auto stop = ending_.get_token();
        Look found;
        if (prepared)
            found = look_for_drift(*make_script_driver(prepared->context),
                                   !prepared->context.deploy.probe_script.empty(), stop);
        else
            found.reason = prepared.error().text();  // the host's rules changed: nobody can tell
        hide_secrets(rules_, found.reason);
        if (!stop.stop_requested()) done(std::move(found));
    });
}

void ActionRunner::add(Jobs& jobs, std::function<void()> job) {
    {
        const std::scoped_lock lock{mutex_};
        jobs.push_back(std::move(job));
    }
    wake_.notify_all();  // not every worker may take it
}

std::function<void()> ActionRunner::next(const std::stop_token& stop, bool restores_only) {
    std::unique_lock lock{mutex_};
    const auto is_work = [&] { return !restores_.empty() || (!restores_only && !jobs_.empty()); };
    if (!wake_.wait(lock, stop, is_work)) return {};
    auto& jobs = restores_.empty() ? jobs_ : restores_;
    auto job = std::move(jobs.front());
    jobs.pop_front();
    return job;
}

void ActionRunner::work(const std::stop_token& stop, bool restores_only) {
    while (const auto job = next(stop, restores_only)) job();
}

}  // namespace tidegate::agent
