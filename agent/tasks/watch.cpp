#include "agent/tasks/watch.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "agent/tasks/task.h"

namespace tidegate::agent {
namespace {

/// A check with a shorter interval, or none, would keep a host busy for as long as it is watched.
constexpr Milliseconds kIntervalMin{1'000};

}  // namespace

std::vector<WatchedCheck> watched_checks(const Pipeline& pipeline,
                                         const std::vector<HealthCheck>& verify) {
    std::vector<WatchedCheck> all;
    for (const auto& task : pipeline.post_release)
        if (task.type == TaskType::health_check)
            all.push_back({"post_release", task.name, task.check});
    for (const auto& check : verify) all.push_back({"verify", as_task(check).name, check});
    return all;
}

Watch::Watch(std::vector<WatchedCheck> checks, Milliseconds watch_for)
    : watch_for_{watch_for}, state_{checks.empty() ? WatchState::bad : WatchState::goes_on} {
    for (auto& check : checks) checks_.emplace_back().what = std::move(check);
}

void Watch::begins(std::size_t at, Timestamp clock) {
    auto& checked = checks_.at(at);
    if (!checked.began) checked.began = clock;
}

void Watch::tried(std::size_t at, CheckOutcome outcome, Milliseconds ended, Timestamp clock) {
    auto& checked = checks_.at(at);
    const auto& check = checked.what.check;
    checked.ended = clock;
    checked.due = ended + std::max<Milliseconds>(check.interval, kIntervalMin);
    if (outcome.ok) {
        outcome.output.clear();
        ++checked.good;
        checked.bad_in_a_row = 0;
        checked.passed = checked.passed || ++checked.good_in_a_row >= check.success_threshold;
        if (ended < watch_for_) checked.due = std::min(checked.due, watch_for_);
    } else {
        checked.good_in_a_row = 0;
        ++checked.bad_in_a_row;
    }
    checked.last = std::move(outcome);
    checked.settled = checked.passed && checked.last.ok && ended >= watch_for_;
    if (state_ != WatchState::goes_on) return;
    if (checked.bad_in_a_row > check.retry)
        state_ = WatchState::bad;
    else if (std::ranges::all_of(checks_, &Checked::settled))
        state_ = WatchState::good;
}

const Watch::Checked* Watch::worst() const {
    const auto is_beyond = [](const Checked& checked) {
        return checked.bad_in_a_row > checked.what.check.retry;
    };
    const auto is_open = [](const Checked& checked) { return !checked.passed || !checked.last.ok; };
    auto found = std::ranges::find_if(checks_, is_beyond);
    if (found == checks_.end()) found = std::ranges::find_if(checks_, is_open);
    return found == checks_.end() ? nullptr : &*found;
}

std::string Watch::error_of(const Checked& checked) {
    if (checked.bad_in_a_row == 0)
        return fmt::format("never passed: {} good in a row, wanted {}", checked.good_in_a_row,
                           checked.what.check.success_threshold);
    const auto tries = checked.bad_in_a_row == 1
                           ? std::string{"1 try failed"}
                           : fmt::format("{} tries in a row failed", checked.bad_in_a_row);
    return fmt::format("{} ({}, {} good before)", checked.last.error, tries,
                       checked.good == 1 ? "1 was" : fmt::format("{} were", checked.good));
}

std::string Watch::error() const {
    if (checks_.empty()) return "nothing to check";
    const auto* checked = worst();
    if (!checked) return {};
    return fmt::format("{}/{}: {}", checked->what.stage, checked->what.name, error_of(*checked));
}

bool Watch::is_host_trouble() const {
    const auto* checked = worst();
    return checked && checked->last.host_trouble;
}

bool Watch::all_tried() const {
    return std::ranges::all_of(checks_, [](const Checked& checked) { return !!checked.ended; });
}

int Watch::progress(Milliseconds elapsed) const {
    if (elapsed >= watch_for_) return 99;
    return static_cast<int>(99 * elapsed.count() / watch_for_.count());
}

TaskResult Watch::result_of(const Checked& checked) const {
    TaskResult result;
    result.name = checked.what.name;
    result.type = std::string{to_string(TaskType::health_check)};
    result.started_at = checked.began;
    result.finished_at = checked.ended;
    const bool beyond = checked.bad_in_a_row > checked.what.check.retry;
    result.status = beyond                       ? TaskStatus::failed
                    : state_ == WatchState::good ? TaskStatus::success
                                                 : TaskStatus::cancelled;
    result.retry_count = std::max(0, checked.bad_in_a_row - 1);
    if (checked.bad_in_a_row > 0) result.error = error_of(checked);
    result.output = checked.last.output;
    return result;
}

std::vector<StageResult> Watch::stages() const {
    std::vector<StageResult> stages;
    for (const auto& checked : checks_) {
        if (stages.empty() || stages.back().name != checked.what.stage)
            stages.push_back({checked.what.stage, {}});
        stages.back().tasks.push_back(result_of(checked));
    }
    return stages;
}

}  // namespace tidegate::agent
