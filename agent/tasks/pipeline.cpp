#include "agent/tasks/pipeline.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <span>
#include <thread>
#include <utility>

#include "agent/tasks/task.h"

namespace tidegate::agent {
namespace {

constexpr std::size_t kParallelMax = 8;
constexpr std::string_view kPreRelease = "pre_release";

struct Stage {
    std::string name;
    std::vector<Task> tasks;
};

std::vector<Stage> stages_of(const Pipeline& pipeline, const std::vector<HealthCheck>& verify) {
    std::vector<Stage> stages{{std::string{kPreRelease}, pipeline.pre_release},
                              {"release", pipeline.release},
                              {"post_release", pipeline.post_release},
                              {"verify", {}}};
    for (const auto& check : verify) stages.back().tasks.push_back(as_task(check));
    return stages;
}

bool names(const Task& task, std::span<const Task> others) {
    return std::any_of(others.begin(), others.end(), [&](const Task& other) {
        return std::find(task.depends_on.begin(), task.depends_on.end(), other.name) !=
               task.depends_on.end();
    });
}

/// One task, or consecutive parallel ones none of which waits for another.
std::span<const Task> next_group(std::span<const Task> tasks) {
    std::size_t size = 1;
    while (tasks.front().parallel && size < tasks.size() && size < kParallelMax &&
           tasks[size].parallel && !names(tasks[size], tasks.first(size)))
        ++size;
    return tasks.first(size);
}

class PipelineRun {
public:
    PipelineRun(TaskHost& host, std::stop_token stop, const EndedTasks& former)
        : host_{host}, stop_{std::move(stop)}, former_{former} {}

    PipelineReport run(const std::vector<Stage>& stages) {
        for (const auto& stage : stages) total_ += stage.tasks.size();
        for (const auto& stage : stages)
            if (!stage.tasks.empty()) run_stage(stage);
        report_.ok = report_.error.empty();
        report_.cancelled = !report_.ok && stop_.stop_requested();
        return std::move(report_);
    }

private:
    void run_stage(const Stage& stage) {
        StageResult result{stage.name, {}};
        for (std::span<const Task> rest{stage.tasks}; !rest.empty();) {
            const TaskPlace first{stage.name, static_cast<int>(result.tasks.size())};
            const auto group = next_group(rest);
            for (auto& done : run_group(first, group)) result.tasks.push_back(std::move(done));
            rest = rest.subspan(group.size());
        }
        report_.stages.push_back(std::move(result));
    }

    std::vector<TaskResult> run_group(const TaskPlace& first, std::span<const Task> group) {
        std::vector<TaskResult> results(group.size());
        const auto one = [&](std::size_t i) {
            results[i] = run_or_skip({first.stage, first.place + static_cast<int>(i)}, group[i]);
        };
        std::vector<std::jthread> others;
        for (std::size_t i = 1; i < group.size(); ++i) others.emplace_back(one, i);
        one(0);
        others.clear();
        for (std::size_t i = 0; i < group.size(); ++i) settle(first.stage, group[i], results[i]);
        return results;
    }

    TaskResult run_or_skip(const TaskPlace& place, const Task& task) {
        if (const auto known = former_.find(place); known != former_.end()) return known->second;
        if (const auto why = reason_to_skip(task); !why.empty()) return skip(task, why);
        const auto side = side_of(place.stage, task.type);
        if (is_pointless(side)) return skip(task, "no slot is live yet");
        tell(place.stage, task, TaskStatus::running);
        if (const auto begins = host_.begins(place, task); !begins)
            return failed(task, begins.error().text());
        auto result = run_task(task, host_, stop_, side);
        host_.ended(place, result);
        return result;
    }

    bool is_pointless(Side side) const { return side == Side::live && !host_.has_live(); }

    TaskResult skip(const Task& task, const std::string& why) const {
        auto skipped = failed(task, why);
        skipped.status = report_.error.empty() && stop_.stop_requested() ? TaskStatus::cancelled
                                                                         : TaskStatus::skipped;
        return skipped;
    }

    static TaskResult failed(const Task& task, const std::string& why) {
        TaskResult result;
        result.name = task.name;
        result.type = std::string{to_string(task.type)};
        result.status = TaskStatus::failed;
        result.error = why;
        return result;
    }

    std::string reason_to_skip(const Task& task) const {
        if (!report_.error.empty()) return "an earlier task failed";
        if (stop_.stop_requested()) return "cancelled";
        for (const auto& name : task.depends_on) {
            const auto found = ended_.find(name);
            if (found == ended_.end()) return fmt::format("'{}' has not run before it", name);
            if (found->second != TaskStatus::success)
                return fmt::format("'{}' is {}", name, to_string(found->second));
        }
        return {};
    }

    void settle(const std::string& stage, const Task& task, const TaskResult& result) {
        const bool pointless =
            result.status == TaskStatus::skipped && is_pointless(side_of(stage, task.type));
        ended_[task.name] = pointless ? TaskStatus::success : result.status;
        ++done_;
        tell(stage, task, result.status);
        const bool bad =
            result.status == TaskStatus::cancelled ||
            (result.status == TaskStatus::failed && task.on_error != OnError::continue_);
        if (bad && report_.error.empty())
            report_.error = fmt::format("{}/{}: {}", stage, task.name, result.error);
    }

    void tell(const std::string& stage, const Task& task, TaskStatus status) {
        host_.progress(stage, task.name, status, static_cast<int>(100 * done_ / total_));
    }

    TaskHost& host_;
    std::stop_token stop_;
    const EndedTasks& former_;
    PipelineReport report_;
    std::map<std::string, TaskStatus> ended_;  ///< changes only between groups
    std::size_t total_ = 0;
    std::size_t done_ = 0;
};

}  // namespace

Side side_of(std::string_view stage, TaskType type) {
    const bool looks = type == TaskType::script || type == TaskType::health_check;
    return looks && stage == kPreRelease ? Side::live : Side::own;
}

std::string unsupported(const Pipeline& pipeline) {
    for (const auto& stage : stages_of(pipeline, {})) {
        for (const auto& task : stage.tasks) {
            if (!is_supported(task.type))
                return fmt::format("{}/{}: this agent has no task type '{}'", stage.name, task.name,
                                   to_string(task.type));
            if (!task.condition.empty())
                return fmt::format("{}/{}: this agent knows no conditions", stage.name, task.name);
        }
    }
    return {};
}

PipelineReport run_pipeline(const Pipeline& pipeline, const std::vector<HealthCheck>& verify,
                            TaskHost& host, const std::stop_token& stop, const EndedTasks& former) {
    auto stages = stages_of(pipeline, verify);
    return PipelineRun{host, stop, former}.run(stages);
}

}  // namespace tidegate::agent
