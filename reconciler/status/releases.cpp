#include <fmt/ranges.h>

#include <algorithm>
#include <limits>

#include "reconciler/status/lists.h"
#include "reconciler/status/routes.h"
#include "reconciler/status/way_back.h"
#include "schema/base/limits.h"

namespace tidegate::status {
namespace {

/// Runs `show` on the release that the path names.
Answer with_release(const Call& call, auto&& show) {
    const auto found = call.snapshot.releases.find(call.names.at(0));
    if (found == call.snapshot.releases.end())
        return not_found("there is no such release, or it is no longer kept");
    return show(*found->second);
}

std::string query_value(const Request& request, const std::string& name) {
    const auto found = request.query.find(name);
    return found == request.query.end() ? std::string{} : found->second;
}

/// Rises as releases get older; the id makes it unique.
std::string age_key(const Release& release) {
    const auto age =
        std::numeric_limits<std::int64_t>::max() - release.created_at.time_since_epoch().count();
    return fmt::format("{:020}{}", age, release.id);
}

struct Filter {
    std::string project, environment;
    std::optional<ReleaseStatus> status;

    [[nodiscard]] bool takes(const Release& release) const {
        return (project.empty() || release.key.project == project) &&
               (environment.empty() || release.key.environment == environment) &&
               (!status || release.status == *status);
    }
};

Result<Filter> read_filter(const Request& request) {
    Filter filter{query_value(request, "project"), query_value(request, "environment"), {}};
    if (const auto text = query_value(request, "status"); !text.empty()) {
        filter.status = from_string<ReleaseStatus>(text);
        if (!filter.status)
            return fail(ErrorCode::invalid, "status must be one of {}",
                        fmt::join(enum_names(ReleaseStatus{}), ", "));
    }
    return filter;
}

/// The step that runs, or the next one; null after the last.
Json current_step(const Release& release) {
    for (const auto& step : release.steps)
        if (step.status == StepStatus::pending || step.status == StepStatus::running)
            return step.index;
    return {};
}

Json target_counts(const Release& release) {
    Json counts{{"total", release.targets.size()}};
    for (const auto name : enum_names(TargetStatus{})) counts[std::string(name)] = 0;
    for (const auto& [name, target] : release.targets) {
        auto& count = counts[std::string(to_string(target.status))];
        count = count.get<int>() + 1;
    }
    return counts;
}

Json seconds_between(std::optional<Timestamp> from, std::optional<Timestamp> to) {
    if (!from || !to) return {};
    return std::chrono::duration<double>(*to - *from).count();
}

int step_of(const Release& release, const std::string& target) {
    for (const auto& step : release.steps)
        if (std::ranges::count(targets_of(step), target) > 0) return step.index;
    return -1;
}

struct LogPlace {
    const TargetProgress& target;
    const StageResult& stage;
    const TaskResult& task;
};

const std::string& action_of(const LogPlace& place) {
    const auto& [target, stage, task] = place;
    const bool is_latest = target.failed_action.empty() || stage.name.starts_with("restore/");
    return is_latest ? target.action : target.failed_action;
}

Json log_json(const Release& release, const LogPlace& place) {
    const int step = step_of(release, place.target.name);
    return {{"target", place.target.name},
            {"step", step < 0 ? Json() : Json(step)},
            {"attempt", place.target.attempt},
            {"action", or_null(action_of(place))},
            {"stage", place.stage.name},
            {"task", place.task.name},
            {"type", place.task.type},
            {"status", to_string(place.task.status)},
            {"retry_count", place.task.retry_count},
            {"error", or_null(place.task.error)},
            {"output", place.task.output},
            {"started_at", or_null(place.task.started_at)},
            {"finished_at", or_null(place.task.finished_at)}};
}

/// Only actions that belong to the release are read, whatever the client asks for.
Answer full_log(const Call& call, const Release& release, const std::string& action) {
    const bool ours = std::ranges::any_of(release.targets, [&](const auto& entry) {
        return entry.second.action == action || entry.second.failed_action == action;
    });
    const auto text = ours ? call.services.read_log(action) : std::nullopt;
    if (!text) return not_found("this release has no output of such an action");
    Answer answer;
    answer.content_type = "text/plain; charset=utf-8";
    answer.body = *text;
    return answer;
}

/// Time and number of a stage's or a task's runs over all targets.
struct Spent {
    double seconds = 0;
    int runs = 0;
    int failed = 0;
};

Json phases_json(const Release& release) {
    std::map<std::string, Spent> stages;
    for (const auto& [name, target] : release.targets)
        for (const auto& stage : target.stages)
            for (const auto& task : stage.tasks) {
                auto& spent = stages[stage.name];
                ++spent.runs;
                spent.failed += task.status == TaskStatus::failed ? 1 : 0;
                if (task.started_at && task.finished_at)
                    spent.seconds +=
                        std::chrono::duration<double>(*task.finished_at - *task.started_at).count();
            }
    Json items = Json::array();
    for (const auto* prefix : {"", "restore/"})
        for (const auto* phase : {"pre_release", "release", "post_release", "verify"}) {
            const auto name = fmt::format("{}{}", prefix, phase);
            if (const auto found = stages.find(name); found != stages.end())
                items.push_back({{"name", name},
                                 {"tasks", found->second.runs},
                                 {"failed", found->second.failed},
                                 {"seconds", found->second.seconds}});
        }
    return items;
}

Json step_times_json(const Release& release) {
    Json items = Json::array();
    for (const auto& step : release.steps)
        items.push_back({{"index", step.index},
                         {"kind", to_string(kind_of(step))},
                         {"status", to_string(step.status)},
                         {"seconds", seconds_between(step.started_at, step.finished_at)}});
    return items;
}

struct TargetFigures {
    int ended = 0, good = 0, timed = 0, retries = 0;
    double seconds = 0;
};

TargetFigures target_figures(const Release& release) {
    TargetFigures sum;
    for (const auto& [name, target] : release.targets) {
        const bool good = target.status == TargetStatus::success;
        const bool bad = target.status >= TargetStatus::failed &&
                         target.status != TargetStatus::skipped &&
                         target.status != TargetStatus::cancelled;
        sum.good += good ? 1 : 0;
        sum.ended += good || bad ? 1 : 0;
        sum.retries += std::max(0, target.attempt - 1);
        if (!target.started_at || !target.finished_at) continue;
        ++sum.timed;
        sum.seconds +=
            std::chrono::duration<double>(*target.finished_at - *target.started_at).count();
    }
    return sum;
}

}  // namespace

Answer list_deploys(const Call& call) {
    const auto filter = read_filter(call.request);
    if (!filter) return bad_request(filter.error());
    std::vector<std::pair<std::string, const Release*>> newest_first;
    for (const auto& [id, release] : call.snapshot.releases)
        if (filter->takes(*release)) newest_first.emplace_back(age_key(*release), release.get());
    std::ranges::sort(newest_first);
    return paged(call.request, [&](PagedList& list) {
        for (const auto& [key, release] : newest_first) {
            if (list.full()) break;
            if (list.wants(key)) list.add(key, release_summary_json(*release));
        }
    });
}

Answer show_deploy(const Call& call) {
    return with_release(call, [&](const Release& release) {
        auto json = release_json(release, view_of(call.snapshot, release.key));
        add_way_back(json, way_back_of(call.snapshot, release));
        return json_answer(json);
    });
}

Answer show_deploy_status(const Call& call) {
    return with_release(call, [&](const Release& release) {
        Json json{{"id", release.id},
                  {"status", to_string(release.status)},
                  {"final", is_final(release.status)},
                  {"reason", release.reason},
                  {"holds", holds_json(release.holds)},
                  {"step", current_step(release)},
                  {"steps", release.steps.size()},
                  {"targets", target_counts(release)},
                  {"last_good", last_good_json(release.last_good)},
                  {"revert",
                   {{"state", to_string(release.revert)},
                    {"commit", or_null(release.revert_commit)},
                    {"note", or_null(release.revert_note)}}}};
        add_way_back(json, way_back_of(call.snapshot, release));
        return json_answer(json);
    });
}

Answer show_deploy_logs(const Call& call) {
    return with_release(call, [&](const Release& release) {
        if (const auto action = query_value(call.request, "action"); !action.empty())
            return full_log(call, release, action);
        return paged(call.request, [&](PagedList& list) {
            for (const auto& [name, target] : release.targets) {
                std::size_t number = 0;
                for (const auto& stage : target.stages)
                    for (const auto& task : stage.tasks) {
                        const auto key = fmt::format("{} {:06}", name, number++);
                        if (list.wants(key))
                            list.add(key, log_json(release, {target, stage, task}));
                    }
                if (list.full()) break;
            }
        });
    });
}

Answer show_deploy_analytics(const Call& call) {
    return with_release(call, [](const Release& release) {
        const auto figures = target_figures(release);
        Json average, score;
        if (figures.timed > 0) average = figures.seconds / figures.timed;
        if (figures.ended > 0) score = 100 * figures.good / figures.ended;
        return json_answer(
            {{"id", release.id},
             {"status", to_string(release.status)},
             {"targets", target_counts(release)},
             {"waited_seconds", seconds_between(release.created_at, release.started_at)},
             {"duration_seconds", seconds_between(release.started_at, release.finished_at)},
             {"average_target_seconds", std::move(average)},
             {"retries", figures.retries},
             {"health_score", std::move(score)},
             {"steps", step_times_json(release)},
             {"stages", phases_json(release)}});
    });
}

Answer watch_deploy(const Call& call) {
    return with_release(call, [&](const Release& release) {
        if (!call.services.has_stream_room())
            return error_answer(503, "exhausted", "too many event streams are open");
        Answer answer;
        answer.watch = Watch{release.id, call.request.last_event_id};
        return answer;
    });
}

}  // namespace tidegate::status
