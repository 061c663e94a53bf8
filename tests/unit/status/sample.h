#pragma once
/// One snapshot with something of everything, for the tests of the status endpoint and the metrics.

#include "schema/model/snapshot.h"

namespace tidegate::test {

inline Timestamp at(std::string_view text) { return *parse_rfc3339(text); }

inline TargetProgress sample_progress(std::string name, TargetStatus status) {
    TargetProgress progress;
    progress.name = std::move(name);
    progress.status = status;
    progress.from = "1.4.1";
    progress.to = "1.4.2";
    return progress;
}

inline std::shared_ptr<const Release> sample_release() {
    Release release;
    release.id = "8f14e45f-0001-5000-8000-000000000001";
    release.key = {"prod", "shop-api"};
    release.status = ReleaseStatus::running;
    release.from = "1.4.1";
    release.to = "1.4.2";
    release.commit = "c2";
    release.author = "alice <alice@example.com>";
    release.strategy = StrategyType::canary;
    release.reason = "step 2 of 2";
    release.created_at = at("2026-11-22T10:00:00Z");
    release.started_at = at("2026-11-22T10:00:05Z");
    release.last_good = LastGood{Digest::of("good"), "c1", "1.4.1"};
    Step first;
    first.work = DeployWork{{"web-1"}, 1, 0, Seconds{0}};
    first.status = StepStatus::success;
    first.started_at = at("2026-11-22T10:00:05Z");
    first.finished_at = at("2026-11-22T10:00:35Z");
    Step second;
    second.index = 1;
    second.work = DeployWork{{"web-2"}, 1, 0, Seconds{0}};
    second.status = StepStatus::running;
    second.started_at = at("2026-11-22T10:00:35Z");
    release.steps = {first, second};
    auto done = sample_progress("web-1", TargetStatus::success);
    done.action = "a1";
    done.attempt = 1;
    done.started_at = first.started_at;
    done.finished_at = at("2026-11-22T10:00:15Z");
    TaskResult task{"deploy", "deploy", TaskStatus::success, 0, "", "installed\n", {}, {}};
    task.started_at = at("2026-11-22T10:00:06Z");
    task.finished_at = at("2026-11-22T10:00:14Z");
    done.stages = {StageResult{"release", {task}}};
    release.targets = {{"web-1", done},
                       {"web-2", sample_progress("web-2", TargetStatus::dispatched)}};
    return std::make_shared<const Release>(release);
}

inline std::shared_ptr<const Release> ended_release(int number, ReleaseStatus status,
                                                    const std::string& project = "shop-web") {
    Release release;
    release.id = fmt::format("00000000-0000-5000-8000-{:012}", number);
    release.key = {"prod", project};
    release.status = status;
    release.to = fmt::format("1.0.{}", number);
    release.author = "bob <bob@example.com>";
    release.created_at = at("2026-11-21T10:00:00Z") + std::chrono::minutes(number);
    release.started_at = release.created_at;
    release.finished_at = release.created_at + std::chrono::minutes(1);
    return std::make_shared<const Release>(release);
}

inline std::shared_ptr<const AssignmentView> sample_view(AssignmentKey key, Sync sync) {
    AssignmentView view;
    view.key = std::move(key);
    view.desired_version = "1.4.2";
    view.desired_commit = "c2";
    view.desired_digest = Digest::of("desired");
    view.sync = sync;
    view.targets = {2, 1, 1, 0, 0, 0};
    view.last_good = LastGood{Digest::of("good"), "c1", "1.4.1"};
    return std::make_shared<const AssignmentView>(view);
}

inline std::shared_ptr<const TargetView> sample_target(std::string name, AgentStatus status) {
    TargetView target;
    target.name = name;
    target.environment = "prod";
    target.agent = name;
    target.status = status;
    target.last_seen_at = at("2026-11-22T10:01:00Z");
    target.labels = {{"region", "cn-north"}};
    Installation installed;
    installed.key = {name, "shop-api", ""};
    installed.status = InstallStatus::installed;
    installed.version = "1.4.2";
    installed.digest = Digest::of("target");
    installed.installed_at = at("2026-11-22T10:00:15Z");
    installed.backups = {{"/opt/apps/shop-api/backups/1.4.1", at("2026-11-22T10:00:10Z")}};
    target.installations = {installed};
    return std::make_shared<const TargetView>(target);
}

inline void put(DocumentTree& tree, const std::string& path, Document document) {
    auto file = std::make_shared<ParsedFile>();
    file->document = std::make_shared<const Document>(std::move(document));
    tree[path] = file;
}

inline std::shared_ptr<const DocumentTree> sample_documents() {
    DocumentTree tree;
    Project api;
    api.name = "shop-api";
    api.description = "Orders and checkout";
    api.owner = "team-checkout";
    api.variables["APP_PORT"].value = "8080";
    api.variables["DB_PASSWORD"] = {VariableType::secret, "encrypted:age:abc", {}, "", "", {}, {}};
    api.variables["EXTRA"] = {VariableType::external, "", {}, "vault", "secret/myapp", {}, {}};
    Task check;
    check.name = "port free";
    check.script = "curl -H 'Authorization: hidden'";
    api.pipeline.pre_release = {check};
    Dependency dependency;
    dependency.service.name = "database";
    api.depends_on = {dependency};
    put(tree, "projects/shop-api.yaml", api);
    Project database;
    database.name = "database";
    Dependency back;
    back.service.name = "shop-api";  // a cycle: refused by validation, survived here
    database.depends_on = {back};
    put(tree, "projects/database.yaml", database);
    Environment prod;
    prod.name = "prod";
    prod.require_approval = true;
    prod.approvers = {"alice@example.com"};
    prod.window = Reference{"nights", {}};
    prod.variables["TOKEN"] = {VariableType::secret, "encrypted:age:xyz", {}, "", "", {}, {}};
    put(tree, "environments/prod.yaml", prod);
    put(tree, "environments/staging.yaml", [] {
        Environment staging;
        staging.name = "staging";
        return staging;
    }());
    ReleaseWindow nights;
    nights.name = "nights";
    nights.allowed = {WindowSlot{{}, std::chrono::hours(22), std::chrono::hours(23), ""}};
    put(tree, "windows/nights.yaml", nights);
    return std::make_shared<const DocumentTree>(std::move(tree));
}

inline StatusSnapshot sample_snapshot() {
    StatusSnapshot snapshot;
    snapshot.generation = 7;
    snapshot.version = "0.1.0";
    snapshot.branch = "main";
    snapshot.started_at = at("2026-11-22T09:00:00Z");
    snapshot.epoch = 42;
    snapshot.ready = true;
    snapshot.config.accepted_commit = "c2";
    snapshot.config.accepted_at = at("2026-11-22T09:59:58Z");
    snapshot.config.tip_commit = "c3";
    snapshot.config.tip_state = TipState::partial;
    snapshot.config.errors = {
        Error{ErrorCode::invalid, "version is missing", {"versions/prod/x.yaml", 3, 7}}};
    snapshot.config.last_poll_at = at("2026-11-22T10:01:00Z");
    snapshot.documents = sample_documents();
    auto api =
        std::make_shared<AssignmentView>(*sample_view({"prod", "shop-api"}, Sync::releasing));
    api->release = sample_release()->id;
    auto web = std::make_shared<AssignmentView>(*sample_view({"prod", "shop-web"}, Sync::held));
    web->holds = {{"window", "business-hours is closed", at("2026-11-23T02:00:00Z"),
                   "Mon 2026-11-23 10:00 +08:00 Asia/Shanghai"}};
    web->last_good.reset();
    web->revert_note = "merge tidegate/revert-1 to take the change back";
    web->orphaned = {"web-9"};
    web->behind_since = at("2026-11-21T08:00:00Z");
    web->drift = {{"web-2", "service.status: exit code 3", true}};
    snapshot.assignments = {{api->key, api}, {web->key, web}};
    snapshot.releases[sample_release()->id] = sample_release();
    for (int i = 1; i <= 5; ++i) {
        const auto release =
            ended_release(i, i == 3 ? ReleaseStatus::rollback : ReleaseStatus::success);
        snapshot.releases[release->id] = release;
    }
    snapshot.targets = {{"web-1", sample_target("web-1", AgentStatus::online)},
                        {"web-2", sample_target("web-2", AgentStatus::offline)}};
    snapshot.agents_online = 1;
    snapshot.agents_known = 2;
    snapshot.counters.polls = 12;
    snapshot.counters.config_errors = 1;
    snapshot.counters.actions_ended = {{"done", 3}, {"failed", 1}};
    snapshot.counters.releases_ended = {{"success", 4}, {"rollback", 1}};
    return snapshot;
}

/// Half way through a switch: two routers, one of which does not do as it is told.
inline SidesView sample_sides() {
    SidesView sides;
    sides.live = "blue";
    sides.revision = 9;
    sides.weights = {{"blue", 75}, {"green", 25}};
    sides.routers = {{"lb-1", "lb-1", true, true, "", {{"blue", 75}, {"green", 25}}},
                     {"lb-2", "lb-2", true, false, "no such server: web-1-green", {{"blue", 100}}}};
    sides.kept_until = at("2026-11-23T10:00:00Z");
    return sides;
}

/// With one step of each kind; that of traffic runs.
inline std::shared_ptr<const Release> sample_switch() {
    auto release = *sample_release();
    release.id = "8f14e45f-0002-5000-8000-000000000002";
    release.key = {"prod", "shop-cart"};
    release.strategy = StrategyType::blue_green;
    release.slot = "green";
    release.steps.clear();
    const auto add = [&](int entry, Work work, StepStatus status) {
        Step step;
        step.index = static_cast<int>(release.steps.size());
        step.entry = entry;
        step.work = std::move(work);
        step.status = status;
        release.steps.push_back(std::move(step));
    };
    add(0, DeployWork{{"web-1", "web-2"}, 2, 0, Seconds{0}}, StepStatus::success);
    add(0, VerifyWork{Seconds{600}}, StepStatus::success);
    add(1, AwaitWork{true, Seconds{3600}}, StepStatus::success);
    add(1, RouteWork{25, Seconds{60}, 9}, StepStatus::running);
    add(2, RouteWork{100, Seconds{60}, 0}, StepStatus::pending);
    for (auto& [name, progress] : release.targets) {
        progress.status = TargetStatus::success;
        progress.watch.emplace().step = 1;
        progress.watch->status = TargetStatus::success;
    }
    return std::make_shared<const Release>(release);
}

/// The sample, with an assignment more, which has slots.
inline StatusSnapshot sample_with_slots() {
    auto snapshot = sample_snapshot();
    auto view =
        std::make_shared<AssignmentView>(*sample_view({"prod", "shop-cart"}, Sync::releasing));
    view->sides = sample_sides();
    view->release = sample_switch()->id;
    view->holds = {{"router", "lb-2: no such server: web-1-green", {}}};
    snapshot.assignments[view->key] = view;
    snapshot.releases[view->release] = sample_switch();
    return snapshot;
}

}  // namespace tidegate::test
