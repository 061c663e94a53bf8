#include "agent/machine/machine.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "agent/machine/old_records.h"
#include "schema/base/limits.h"

namespace tidegate::machine {
namespace {

/// The installation that an action which had a chance to change something leaves behind.
Installation left_behind(const Action& action, Installation before, ActionOutcome outcome,
                         std::optional<Timestamp> at) {
    Installation after = std::move(before);
    after.key = action.key;
    ++after.report;
    after.drifted = false;
    after.drift_reason.clear();
    const bool moved = !after.environment.empty() && after.environment != action.environment;
    if (action.last_good || moved) after.last_good = action.last_good;
    after.environment = action.environment;
    after.rejected = action.rejected;
    after.commit = action.commit;
    after.digest = action.digest;
    after.assignment_digest = action.assignment_digest;
    if (outcome == ActionOutcome::done) {
        const bool gone = action.kind == ActionKind::uninstall;
        after.status = gone ? InstallStatus::absent : InstallStatus::installed;
        after.version = gone ? "" : action.version;
        after.tried_version.clear();
        after.installed_at = gone ? std::nullopt : at;
    } else {
        after.status =
            outcome == ActionOutcome::unknown ? InstallStatus::unknown : InstallStatus::failed;
        // One that tries to come back to the last success adds nothing new to what lies there.
        if (action.version != after.version || after.tried_version.empty())
            after.tried_version = action.version;
    }
    return after;
}

constexpr const char* kCancelled = "cancelled while the agent was stopped";
constexpr const char* kUnstarted = "cancelled before its start";
constexpr const char* kReplaced = "a newer action came";
constexpr const char* kInterrupted = "interrupted: the agent stopped";

ActionResult result_of(const Action& action, ActionOutcome outcome, std::string error) {
    ActionResult result;
    result.id = action.id;
    result.release = action.release;
    result.step = action.step;
    result.attempt = action.attempt;
    result.kind = action.kind;
    result.outcome = outcome;
    result.error = std::move(error);
    return result;
}

}  // namespace

Machine::Machine(Records records) : epoch_(records.epoch), routes_(std::move(records.routes)) {
    for (auto& installation : records.installations) {
        auto key = installation.key;
        read_as_tried(installation);
        installations_.insert_or_assign(std::move(key), std::move(installation));
    }
    for (auto& entry : records.actions) {
        Job job;
        job.action = std::move(entry.action);
        if (job.action.id.empty() && entry.result) job.action.id = entry.result->id;
        job.phase = entry.result ? Phase::done : Phase::probing;
        job.acknowledged = entry.acknowledged;
        job.progress = std::move(entry.progress);
        job.result = std::move(entry.result);
        order_.push_back(job.action.id);
        if (job.phase != Phase::done) open_.emplace(job.action.key, job.action.id);
        jobs_.insert_or_assign(order_.back(), std::move(job));
    }
}

Effects Machine::boot() {
    Effects out;
    for (const auto& id : order_) {
        auto& job = jobs_.at(id);
        if (job.phase != Phase::probing) continue;
        if (is_watch(job.action))
            end_unstarted(job, ActionOutcome::cancelled, kInterrupted, out);
        else
            out.push_back(
                Probe{job.action, doubt_about(job.action, job.progress) == Doubt::deploy});
    }
    for (auto& effect : routes_.boot()) out.push_back(std::move(effect));
    return out;
}

Effects Machine::step(const Input& input, Timestamp now) {
    auto out = std::visit([&](const auto& known) { return handle(known, now); }, input);
    start_queued(now, out);
    return out;
}

Effects Machine::handle(const RunCommand& command, Timestamp now) {
    Effects out;
    if (!accept_epoch(command.epoch, out)) return out;
    const auto& id = command.action.id;
    if (auto* known = find(id)) {
        if (known->phase == Phase::done) out.push_back(ReportResult{*known->result});
        if (known->phase == Phase::probing) known->wanted = true;
        if (known->phase == Phase::suspended && !stopping_) resume(*known, out);
        return out;
    }
    if (stopping_) return out;
    end_watches(command.action.key, out);
    const bool too_many = is_watch(command.action) && watches_enough();
    Job job;
    job.action = command.action;
    job.expires = now + command.action.start_within;
    const auto& added = jobs_.emplace(id, std::move(job)).first->second;
    order_.push_back(id);
    open_.emplace(command.action.key, id);
    queued_.push_back(id);
    if (too_many)
        refuse(added,
               fmt::format("the agent watches {} installations already", limits::kWatchesAtOnceMax),
               out);
    return out;
}

Effects Machine::handle(const CancelCommand& command, Timestamp) {
    Effects out;
    if (!accept_epoch(command.epoch, out)) return out;
    auto* job = find(command.action);
    if (!job) return out;
    job->cancelled = true;
    if (job->phase == Phase::queued) end_unstarted(*job, ActionOutcome::cancelled, kUnstarted, out);
    if (job->phase == Phase::running) out.push_back(Kill{job->action.id});
    if (job->phase == Phase::suspended)
        end_interrupted(*job, ActionOutcome::cancelled, kCancelled, {}, out);
    return out;
}

Effects Machine::handle(const AckCommand& command, Timestamp) {
    Effects out;
    JournalAcks acks;
    for (const auto& id : command.actions) {
        auto* job = find(id);
        if (!job || job->phase != Phase::done) continue;
        // Nobody asks for it again, and there are very many: others are to be remembered.
        if (job->action.kind == ActionKind::verify)
            drop(id, out);
        else if (!std::exchange(job->acknowledged, true))
            acks.actions.push_back(id);
    }
    if (!acks.actions.empty()) out.push_back(std::move(acks));
    forget_old(out);
    return out;
}

Effects Machine::handle(const WelcomeCommand& command, Timestamp) {
    Effects out;
    const bool accepted = accept_epoch(command.epoch, out);
    if (accepted) seen_twice_.clear();
    if (!accepted || command.answers_suspended || stopping_) return out;
    for (auto& [id, job] : jobs_) {
        if (job.phase == Phase::probing) job.wanted = true;
        if (job.phase == Phase::suspended) resume(job, out);
    }
    return out;
}

Effects Machine::handle(const IntentDurable& input, Timestamp) {
    Effects out;
    auto* job = find(input.action);
    if (!job || job->phase != Phase::journaling) return out;
    job->phase = Phase::running;
    if (job->cancelled || job->replaced) {
        end_unstarted(*job, ActionOutcome::cancelled, job->replaced ? kReplaced : kUnstarted, out);
        return out;
    }
    if (stopping_) {
        drop(input.action, out);
        return out;
    }
    out.push_back(Start{job->action, current(job->action.key)});
    return out;
}

Effects Machine::handle(const IntentFailed& input, Timestamp) {
    Effects out;
    const auto* job = find(input.action);
    if (job && job->phase == Phase::journaling) refuse(*job, input.why, out);
    return out;
}

Effects Machine::handle(const OutcomeDurable& input, Timestamp) {
    Effects out;
    auto* job = find(input.action);
    if (!job || job->phase != Phase::recording) return out;
    job->phase = Phase::done;
    close(*job);
    const auto& after = job->result->installation;
    if (after.report > current(after.key).report) installations_.insert_or_assign(after.key, after);
    out.push_back(ReportResult{*job->result});
    return out;
}

Effects Machine::handle(const Finished& input, Timestamp) {
    Effects out;
    auto* job = find(input.action);
    if (!job || job->phase != Phase::running) return out;
    if (is_watch(job->action)) {
        watch_ended(*job, input, out);
        return out;
    }
    const bool stopped = stopping_ && !job->cancelled && input.outcome == ActionOutcome::cancelled;
    if (stopped && input.untouched) {
        drop(input.action, out);
        return out;
    }
    if (input.untouched && !input.host_trouble.empty()) {
        refuse(*job, input.host_trouble, out);
        return out;
    }
    if (stopped && may_be_resumed(input.stages)) {
        job->phase = Phase::suspended;  // the journal knows how far it came
        return out;
    }
    auto result = result_of(job->action, input.outcome, input.error);
    result.stages = input.stages;
    auto after = current(job->action.key);
    if (!input.untouched) {
        after = left_behind(job->action, std::move(after), input.outcome, input.at);
        if (input.backups) after.backups = *input.backups;
    }
    conclude(*job, std::move(result), std::move(after), out);
    return out;
}

void Machine::watch_ended(Job& job, const Finished& input, Effects& out) {
    if (!input.host_trouble.empty()) return refuse(job, input.host_trouble, out);
    auto result = result_of(job.action, input.outcome, input.error);
    if (input.outcome == ActionOutcome::cancelled && !job.cancelled)
        result.error = job.replaced ? kReplaced : stopping_ ? kInterrupted : input.error;
    result.stages = input.stages;
    conclude(job, std::move(result), current(job.action.key), out);
}

/// The probe settles the `deploy` task, never the rest: that runs, checks above all, once the
/// daemon has said that it still wants it.
Effects Machine::handle(const Probed& input, Timestamp) {
    Effects out;
    auto* job = find(input.action);
    if (!job || job->phase != Phase::probing) return out;
    const auto doubt = doubt_about(job->action, job->progress);
    const bool proven = doubt == Doubt::deploy && input.answer == ProbeAnswer::new_version;
    if (input.survivors || doubt == Doubt::all ||
        (doubt == Doubt::deploy && input.answer == ProbeAnswer::unknown)) {
        end_interrupted(*job, ActionOutcome::unknown,
                        "the agent stopped during it; nothing proves how far it came", input, out);
    } else if (doubt == Doubt::deploy && !proven) {
        end_interrupted(*job, ActionOutcome::failed,
                        "the agent stopped during it; the probe found the old version", input, out);
    } else {
        if (proven) job->progress = with_deploy_done(job->action, std::move(job->progress));
        job->phase = Phase::suspended;
        if (job->cancelled)
            end_interrupted(*job, ActionOutcome::cancelled, kCancelled, input, out);
        else if (job->wanted && !stopping_)
            resume(*job, out);
    }
    return out;
}

Effects Machine::handle(const DriftSeen& input, Timestamp) {
    Effects out;
    const auto found = installations_.find(input.key);
    if (found == installations_.end() || busy(input.key)) return out;
    auto& installation = found->second;
    const bool same =
        installation.drifted == input.drifted && installation.drift_reason == input.reason;
    if (same && (!input.drifted || !seen_twice_.insert(input.key).second)) return out;
    if (!same) seen_twice_.erase(input.key);
    installation.drifted = input.drifted;
    installation.drift_reason = input.reason;
    ++installation.report;
    out.push_back(JournalInstallation{installation});
    out.push_back(ReportChanged{installation});
    return out;
}

Effects Machine::handle(const Stopping&, Timestamp) {
    Effects out;
    stopping_ = true;
    for (const auto& id : std::exchange(queued_, {})) drop(id, out);
    return out;
}

Effects Machine::handle(const Tick&, Timestamp) { return {}; }

bool Machine::accept_epoch(std::uint64_t epoch, Effects& out) {
    if (epoch < epoch_) {
        out.push_back(ReportFenced{epoch_});
        return false;
    }
    if (epoch > epoch_) {
        epoch_ = epoch;
        out.push_back(JournalEpoch{epoch});
    }
    return true;
}

Machine::Job* Machine::find(const std::string& action) {
    const auto found = jobs_.find(action);
    return found == jobs_.end() ? nullptr : &found->second;
}

bool Machine::has_begun(const InstallKey& key, bool watches_too) const {
    const auto [begin, end] = open_.equal_range(key);
    return std::any_of(begin, end, [&](const auto& entry) {
        const auto& job = jobs_.at(entry.second);
        return job.phase != Phase::queued && (watches_too || !is_watch(job.action));
    });
}

bool Machine::busy(const InstallKey& key) const { return has_begun(key, false); }

bool Machine::watches_enough() const {
    if (open_.size() < limits::kWatchesAtOnceMax) return false;
    const auto watches = std::ranges::count_if(
        open_, [&](const auto& entry) { return is_watch(jobs_.at(entry.second).action); });
    return static_cast<std::size_t>(watches) >= limits::kWatchesAtOnceMax;
}

bool Machine::at_rest() const {
    return std::ranges::all_of(jobs_, [](const auto& entry) {
        const auto phase = entry.second.phase;
        return phase == Phase::queued || phase == Phase::suspended || phase == Phase::done;
    });
}

/// Oldest first, none past another of its installation; what waited for longer than it may is
/// refused.
void Machine::start_queued(Timestamp now, Effects& out) {
    std::set<InstallKey> waiting;
    std::erase_if(queued_, [&](const std::string& id) {
        auto& job = jobs_.at(id);
        if (job.phase != Phase::queued) return true;
        if (now >= job.expires && job.action.start_within > Seconds{0}) {
            end_unstarted(job, ActionOutcome::refused, "it could not be started in time", out);
            return true;
        }
        if (waiting.contains(job.action.key) || has_begun(job.action.key, true)) {
            waiting.insert(job.action.key);
            return false;
        }
        job.phase = Phase::journaling;
        out.push_back(JournalIntent{job.action, epoch_});
        return true;
    });
}

/// Whatever is asked for now takes their place.
void Machine::end_watches(const InstallKey& key, Effects& out) {
    const auto [begin, end] = open_.equal_range(key);
    for (auto entry = begin; entry != end; ++entry) {
        auto& job = jobs_.at(entry->second);
        if (!is_watch(job.action) || std::exchange(job.replaced, true)) continue;
        if (job.phase == Phase::queued)
            end_unstarted(job, ActionOutcome::cancelled, kReplaced, out);
        if (job.phase == Phase::running) out.push_back(Kill{job.action.id});
    }
}

void Machine::conclude(Job& job, ActionResult result, Installation after, Effects& out) {
    job.phase = Phase::recording;
    result.installation = std::move(after);
    job.result = std::move(result);
    out.push_back(JournalOutcome{*job.result});
}

void Machine::end_unstarted(Job& job, ActionOutcome outcome, std::string error, Effects& out) {
    conclude(job, result_of(job.action, outcome, std::move(error)), current(job.action.key), out);
}

void Machine::resume(Job& job, Effects& out) {
    job.phase = Phase::running;
    // From here on only the journal knows how far it is.
    out.push_back(Start{job.action, current(job.action.key), std::exchange(job.progress, {})});
}

void Machine::drop(const std::string& action, Effects& out) {
    const auto phase = jobs_.at(action).phase;
    const bool in_journal = phase != Phase::queued && phase != Phase::journaling;
    if (in_journal) out.push_back(JournalForget{action});
    std::erase(order_, action);
    std::erase(queued_, action);
    close(jobs_.at(action));
    jobs_.erase(action);
}

void Machine::refuse(const Job& job, const std::string& host_trouble, Effects& out) {
    auto result = result_of(job.action, ActionOutcome::refused, host_trouble);
    result.host_trouble = host_trouble;
    result.installation = current(job.action.key);
    drop(std::string{job.action.id}, out);
    out.push_back(ReportResult{std::move(result)});
}

void Machine::end_interrupted(Job& job, ActionOutcome outcome, const std::string& error,
                              const Probed& found, Effects& out) {
    auto after = current(job.action.key);
    const bool untouched = outcome == ActionOutcome::failed
                               ? deploy_came_first(job.action, job.progress)
                               : job.progress.tracked && !touched(job.progress);
    if (!untouched) {
        after = left_behind(job.action, std::move(after), outcome, found.at);
        if (found.backups) after.backups = *found.backups;
    }
    conclude(job, result_of(job.action, outcome, error), std::move(after), out);
}

void Machine::close(const Job& job) {
    const auto [begin, end] = open_.equal_range(job.action.key);
    const auto own =
        std::find_if(begin, end, [&](const auto& entry) { return entry.second == job.action.id; });
    if (own != end) open_.erase(own);
}

Installation Machine::current(const InstallKey& key) const {
    const auto found = installations_.find(key);
    if (found != installations_.end()) return found->second;
    Installation none;
    none.key = key;
    return none;
}

/// Acknowledged outcomes are kept for answering duplicates, the newest ones.
void Machine::forget_old(Effects& out) {
    const auto done = order_.size() - open_.size();
    auto excess = done > limits::kJournalActionsKept ? done - limits::kJournalActionsKept : 0;
    if (excess == 0) return;
    std::erase_if(order_, [&](const std::string& id) {
        const auto& job = jobs_.at(id);
        if (excess == 0 || job.phase != Phase::done || !job.acknowledged) return false;
        --excess;
        out.push_back(JournalForget{id});
        jobs_.erase(id);
        return true;
    });
}

Inventory Machine::inventory() const {
    Inventory inventory;
    for (const auto& [key, installation] : installations_)
        inventory.installations.push_back(installation);
    for (const auto& id : order_) {
        const auto& job = jobs_.at(id);
        if (job.phase == Phase::probing || job.phase == Phase::suspended)
            inventory.suspended.push_back(id);
        if (job.phase != Phase::done)
            inventory.running.push_back(id);
        else if (!job.acknowledged)
            inventory.results.push_back(*job.result);
    }
    inventory.routes = routes_.reports();
    return inventory;
}

std::optional<Timestamp> Machine::next_wake() const {
    std::optional<Timestamp> wake;
    for (const auto& id : queued_) {
        const auto& job = jobs_.at(id);
        if (job.phase == Phase::queued && (!wake || job.expires < *wake)) wake = job.expires;
    }
    return wake;
}

}  // namespace tidegate::machine
