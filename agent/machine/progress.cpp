#include "agent/machine/progress.h"

#include <algorithm>
#include <array>
#include <utility>

namespace tidegate::machine {
namespace {

constexpr std::string_view kDeploy = to_string(TaskType::deploy);

/// Of the pipeline, in its order; a deploy that it does not name comes at the end of `release`.
std::vector<TaskNote> all_tasks(const Action& action) {
    std::vector<TaskNote> all;
    bool deploys = false;
    const auto add_task = [&](const char* stage, int place, std::string name, TaskType type) {
        TaskNote note{action.id, stage, place, {}};
        note.result.name = std::move(name);
        note.result.type = std::string{to_string(type)};
        all.push_back(std::move(note));
    };
    const auto add_stage = [&](const char* stage, const std::vector<Task>& tasks) {
        for (std::size_t i = 0; i < tasks.size(); ++i) {
            deploys = deploys || tasks[i].type == TaskType::deploy;
            add_task(stage, static_cast<int>(i), tasks[i].name, tasks[i].type);
        }
    };
    const auto& pipeline = action.pipeline;
    add_stage("pre_release", pipeline.pre_release);
    add_stage("release", pipeline.release);
    const auto release_ends = all.size();
    add_stage("post_release", pipeline.post_release);
    if (deploys) return all;
    add_task("release", static_cast<int>(pipeline.release.size()), "deploy", TaskType::deploy);
    std::rotate(all.begin() + static_cast<std::ptrdiff_t>(release_ends), all.end() - 1, all.end());
    return all;
}

Doubt doubt_about(const std::vector<TaskNote>& begun) {
    auto doubt = Doubt::none;
    for (const auto& note : begun) {
        if (note.result.status != TaskStatus::running || repeats(note.result.type)) continue;
        if (note.result.type != kDeploy) return Doubt::all;
        doubt = Doubt::deploy;
    }
    return doubt;
}

}  // namespace

void add(Progress& progress, TaskNote note) {
    const auto known = std::ranges::find_if(progress.notes, [&](const TaskNote& other) {
        return other.stage == note.stage && other.place == note.place;
    });
    if (known == progress.notes.end())
        progress.notes.push_back(std::move(note));
    else
        *known = std::move(note);
}

bool repeats(std::string_view task_type) {
    constexpr std::array kTypes{TaskType::health_check, TaskType::wait, TaskType::start_service,
                                TaskType::stop_service};
    return std::ranges::any_of(kTypes, [&](TaskType type) { return to_string(type) == task_type; });
}

bool touched(const Progress& progress) {
    return std::ranges::any_of(progress.notes, [](const TaskNote& note) {
        return note.result.status != TaskStatus::pending &&
               note.result.type != to_string(TaskType::wait) &&
               note.result.type != to_string(TaskType::health_check);
    });
}

bool may_be_resumed(const std::vector<StageResult>& stages) {
    const auto harmless = [](const TaskResult& task) {
        const bool never_began = !task.started_at;
        return never_began || task.status != TaskStatus::cancelled || repeats(task.type);
    };
    return std::ranges::all_of(stages, [&](const StageResult& stage) {
        return std::ranges::all_of(stage.tasks, harmless);
    });
}

/// How far an uninstall came no probe can tell.
Doubt doubt_about(const Action& action, const Progress& progress) {
    auto begun = progress.notes;
    if (!progress.tracked) {
        begun = all_tasks(action);
        for (auto& note : begun) note.result.status = TaskStatus::running;
    }
    const auto doubt = doubt_about(begun);
    const bool removes = action.kind == ActionKind::uninstall && doubt == Doubt::deploy;
    return removes ? Doubt::all : doubt;
}

bool deploy_came_first(const Action& action, const Progress& progress) {
    const auto begun = progress.tracked ? progress.notes : all_tasks(action);
    return !begun.empty() && begun.front().result.type == kDeploy;
}

Progress with_deploy_done(const Action& action, Progress progress) {
    if (progress.tracked) {
        for (auto& note : progress.notes)
            if (note.result.type == kDeploy && note.result.status == TaskStatus::running)
                note.result.status = TaskStatus::success;
        return progress;
    }
    for (auto& note : all_tasks(action)) {
        note.result.status = TaskStatus::success;
        progress.notes.push_back(note);
        if (note.result.type == kDeploy) break;
    }
    return progress;
}

}  // namespace tidegate::machine
