#include <nlohmann/json.hpp>

#include "cli/plan_words.h"
#include "cli/validate.h"

namespace tidegate::cli {
namespace {

using nlohmann::json;

json instant_json(const std::optional<Timestamp>& at) {
    return at ? json(format_rfc3339(*at)) : json{};
}

json text_or_null(const std::string& text) { return text.empty() ? json{} : json(text); }

json work_json(const Step& step) {
    const auto* work = deploy_of(step);
    const auto* watch = std::get_if<VerifyWork>(&step.work);
    const auto* await = std::get_if<AwaitWork>(&step.work);
    const auto* route = std::get_if<RouteWork>(&step.work);
    return {{"targets", work ? json(work->targets) : json::array()},
            {"required", work ? work->required : 0},
            {"max_unavailable", work ? work->max_unavailable : 0},
            {"wait_before", work ? work->wait_before.count() : 0},
            {"verify_duration", watch ? watch->duration.count() : 0},
            {"approver", await && await->approver},
            {"weight", route ? json(route->weight) : json{}}};
}

/// None of what begins only when a person acts.
json time_json(const forecast::ReleaseTimeline& timeline, const std::optional<Timestamp>& at) {
    return timeline.waits ? json{} : instant_json(at);
}

/// Seconds from the release's start on.
json offset_json(const forecast::ReleaseTimeline& timeline, const std::optional<Timestamp>& at) {
    const auto& start = timeline.release.started_at;
    return at && start ? json(std::chrono::round<Seconds>(*at - *start).count()) : json{};
}

json planned_steps_json(const forecast::ReleaseTimeline& timeline) {
    auto items = json::array();
    for (const auto& step : timeline.release.steps) {
        auto item = work_json(step);
        const auto* promote = timeline.promote_before(step.index);
        item.update({{"index", step.index},
                     {"entry", step.entry == 0 ? json{} : json(step.entry)},
                     {"kind", to_string(kind_of(step))},
                     {"status", to_string(step.status)},
                     {"earliest_at", time_json(timeline, step.started_at)},
                     {"begins_at", time_json(timeline, step.started_at)},
                     {"ends_at", time_json(timeline, step.finished_at)},
                     {"begins_after", offset_json(timeline, step.started_at)},
                     {"ends_after", offset_json(timeline, step.finished_at)},
                     {"after_promote_of", promote ? json(promote->step) : json{}}});
        items.push_back(std::move(item));
    }
    return items;
}

json way_back_json(const std::vector<planner::BackStep>& steps) {
    auto items = json::array();
    for (const auto& step : steps)
        items.push_back({{"index", step.index},
                         {"kind", to_string(step.kind)},
                         {"does", step.does},
                         {"status", to_string(step.status)},
                         {"targets", step.targets}});
    return items;
}

json release_json(const forecast::ReleaseTimeline& timeline) {
    const auto& release = timeline.release;
    auto targets = json::array();
    for (const auto& [name, progress] : release.targets)
        targets.push_back({{"name", name},
                           {"status", to_string(progress.status)},
                           {"from", text_or_null(progress.from)},
                           {"to", progress.to},
                           {"begins_at", time_json(timeline, progress.started_at)},
                           {"ends_at", time_json(timeline, progress.finished_at)}});
    return {{"kind", to_string(release.kind)},
            {"from", text_or_null(release.from)},
            {"to", release.to},
            {"status", to_string(release.status)},
            {"reason", text_or_null(release.reason)},
            {"waits", timeline.waits},
            {"starts_at", time_json(timeline, release.started_at)},
            {"ends_at", time_json(timeline, release.finished_at)},
            {"revert", to_string(release.revert)},
            {"slot", text_or_null(release.slot)},
            {"live", text_or_null(timeline.live)},
            {"promotes", timeline.promotes.size()},
            {"steps", planned_steps_json(timeline)},
            {"rollback", {{"steps", way_back_json(timeline.way_back)}}},
            {"targets", std::move(targets)}};
}

json planned_holds_json(const PlannedChange& change) {
    auto holds = json::array();
    for (const auto& span : change.timeline.holds)
        holds.push_back({{"gate", span.hold.gate},
                         {"reason", span.hold.reason},
                         {"until", instant_json(span.hold.until)},
                         {"until_local", text_or_null(span.hold.until_local)},
                         {"from", instant_json(span.from)},
                         {"opens_at", instant_json(span.to)}});
    return holds;
}

json causes_json(const PlannedChange& change) {
    auto files = json::array();
    for (const auto& file : change.causes) {
        auto keys = json::array();
        for (const auto& key : file.keys)
            keys.push_back({{"key", key.key},
                            {"from", key.from ? json(*key.from) : json{}},
                            {"to", key.to ? json(*key.to) : json{}},
                            {"came", key.came},
                            {"left", key.left}});
        files.push_back({{"file", file.path},
                         {"came", file.came},
                         {"left", file.left},
                         {"keys", std::move(keys)},
                         {"more", file.more}});
    }
    return files;
}

json undo_json(const std::optional<forecast::Undo>& undo) {
    if (!undo) return {};
    return {{"step", undo->step},
            {"target", undo->target},
            {"status", to_string(undo->status)},
            {"reason", undo->reason},
            {"restored", undo->restored},
            {"left", undo->left},
            {"to", text_or_null(undo->to)},
            {"seconds", std::chrono::round<Seconds>(undo->took).count()},
            {"revert", to_string(undo->revert)},
            {"slot", text_or_null(undo->slot)},
            {"live", text_or_null(undo->live)},
            {"routed", undo->routed},
            {"steps", way_back_json(undo->steps)}};
}

json planned_targets_json(const PlannedChange& change) {
    auto targets = json::array();
    for (const auto& target : change.targets)
        targets.push_back({{"name", target.name},
                           {"state", to_string(target.state)},
                           {"from", text_or_null(target.from)},
                           {"to", target.to}});
    return targets;
}

json planned_json(const PlanReport& report, const PlannedChange& change) {
    const auto& timeline = change.timeline;
    const auto* main = timeline.first();
    const auto* wished = timeline.after ? timeline.after.get() : timeline.before.get();
    auto releases = json::array();
    for (const auto& each : timeline.releases) releases.push_back(release_json(each));
    return {{"project", timeline.key.project},
            {"environment", timeline.key.environment},
            {"kind", main ? json(to_string(main->release.kind)) : json{}},
            {"removed", is_removed(change)},
            {"from", timeline.before ? json(timeline.before->definition->version) : json{}},
            {"to", timeline.after ? json(timeline.after->definition->version) : json{}},
            {"digest", wished->definition->digest.hex()},
            {"strategy", to_string(wished->strategy.type)},
            {"starts_at", main ? time_json(*main, main->release.started_at) : json{}},
            {"ends_at", main ? time_json(*main, main->release.finished_at) : json{}},
            {"starts", text_or_null(start_text(report, change))},
            {"takes", text_or_null(length_text(change))},
            {"causes", causes_json(change)},
            {"steps", main ? planned_steps_json(*main) : json::array()},
            {"targets", planned_targets_json(change)},
            {"holds", planned_holds_json(change)},
            {"releases", std::move(releases)},
            {"releases_left_out", timeline.more},
            {"undo", undo_json(timeline.undo)},
            {"come", timeline.come},
            {"leave", timeline.leave},
            {"away", timeline.away},
            {"notes", change.notes}};
}

}  // namespace

void print_plan_json(const Console& console, const PlanReport& report) {
    auto changes = json::array();
    for (const auto& change : report.changes) changes.push_back(planned_json(report, change));
    const bool cut = report.cut != forecast::Cut::none;
    console.print({{"base", text_or_null(report.base)},
                   {"head", report.head},
                   {"at", format_rfc3339(report.at)},
                   {"summary", summary_of(report)},
                   {"changes", std::move(changes)},
                   {"failures", report.failures},
                   {"learnt", report.learnt},
                   {"cut_at", cut ? json(format_rfc3339(report.cut_at)) : json{}},
                   {"errors", findings_json(report.errors)},
                   {"warnings", findings_json(report.warnings)},
                   {"notes", report.notes}});
}

}  // namespace tidegate::cli
