#include "reconciler/status/views.h"

namespace tidegate::status {
namespace {

/// Of a verify or await step: who is watched, and how far each is.
Json watches_json(const Release& release, const Step& step) {
    Json items = Json::array();
    for (const auto& [name, progress] : release.targets) {
        const auto& watch = progress.watch;
        if (!watch || watch->step != step.index) continue;
        items.push_back({{"name", name},
                         {"status", to_string(watch->status)},
                         {"error", or_null(watch->error)},
                         {"started_at", or_null(watch->started_at)},
                         {"finished_at", or_null(watch->finished_at)}});
    }
    return items;
}

/// Of the route step that is on its way: how far each router is, which is told of the assignment.
Json routers_of(const Step& step, const AssignmentView* view) {
    if (step.status != StepStatus::running || !view || !view->sides) return Json::array();
    return routers_json(view->sides->routers);
}

/// What only steps of its kind have.
struct WorkJson {
    const Release& release;
    const Step& step;
    const AssignmentView* view;

    Json operator()(const DeployWork& work) const {
        return {{"required", work.required}, {"max_unavailable", work.max_unavailable}};
    }
    Json operator()(const VerifyWork& work) const {
        return {{"duration", work.duration.count()}, {"watched", watches_json(release, step)}};
    }
    Json operator()(const AwaitWork& work) const {
        return {{"approver", work.approver},
                {"timeout", work.timeout ? Json(work.timeout->count()) : Json()},
                {"watched", watches_json(release, step)}};
    }
    Json operator()(const RouteWork& work) const {
        return {{"weight", work.weight},
                {"timeout", work.timeout.count()},
                {"routers", routers_of(step, view)}};
    }
};

Json steps_json(const Release& release, const AssignmentView* view) {
    Json items = Json::array();
    for (const auto& step : release.steps) {
        Json item{{"index", step.index},
                  {"kind", to_string(kind_of(step))},
                  {"entry", step.entry > 0 ? Json(step.entry) : Json()},
                  {"targets", targets_of(step)},
                  {"status", to_string(step.status)},
                  {"started_at", or_null(step.started_at)},
                  {"finished_at", or_null(step.finished_at)}};
        item.update(std::visit(WorkJson{release, step, view}, step.work));
        items.push_back(std::move(item));
    }
    return items;
}

Json stages_json(const std::vector<StageResult>& stages) {
    Json items = Json::array();
    for (const auto& stage : stages) {
        Json tasks = Json::array();
        for (const auto& task : stage.tasks)
            tasks.push_back({{"name", task.name},
                             {"type", task.type},
                             {"status", to_string(task.status)},
                             {"retry_count", task.retry_count}});
        items.push_back({{"name", stage.name}, {"tasks", std::move(tasks)}});
    }
    return items;
}

Json progress_json(const TargetProgress& target) {
    return {{"name", target.name},
            {"status", to_string(target.status)},
            {"from", or_null(target.from)},
            {"to", or_null(target.to)},
            {"error", or_null(target.error)},
            {"started_at", or_null(target.started_at)},
            {"finished_at", or_null(target.finished_at)},
            {"stages", stages_json(target.stages)}};
}

}  // namespace

const AssignmentView* view_of(const StatusSnapshot& snapshot, const AssignmentKey& key) {
    const auto found = snapshot.assignments.find(key);
    return found == snapshot.assignments.end() ? nullptr : found->second.get();
}

Json release_summary_json(const Release& release) {
    Json json{{"id", release.id},
              {"project", release.key.project},
              {"environment", release.key.environment},
              {"from", or_null(release.from)},
              {"to", or_null(release.to)},
              {"kind", to_string(release.kind)},
              {"operation", to_string(release.operation)},
              {"status", to_string(release.status)},
              {"strategy", to_string(release.strategy)},
              {"commit", release.commit},
              {"author", release.author},
              {"created_at", format_rfc3339(release.created_at)},
              {"started_at", or_null(release.started_at)},
              {"finished_at", or_null(release.finished_at)},
              {"reason", release.reason},
              {"holds", holds_json(release.holds)}};
    if (!release.slot.empty()) json["slot"] = release.slot;
    return json;
}

Json release_json(const Release& release, const AssignmentView* view) {
    auto json = release_summary_json(release);
    json["steps"] = steps_json(release, view);
    Json targets = Json::array();
    for (const auto& [name, target] : release.targets) targets.push_back(progress_json(target));
    json["targets"] = std::move(targets);
    return json;
}

}  // namespace tidegate::status
