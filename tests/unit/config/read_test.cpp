#include "tests/unit/config/documents.h"

namespace tidegate::config {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(ReadProjectTest, TakesEveryPart) {
    const auto read = read_good<Project>(kProjectPath, project(R"(
description: Orders and checkout
owner: team-checkout
x-cost-centre: {any: [thing, 1]}
deploy:
  type: script
  config:
    work_dir: "/opt/apps/${APP_NAME}"
    interpreter: /bin/sh
    environment: {APP_PORT: 8080, DEBUG: false}
    install_script: ./install
    update_script: ./update
    rollback_script: ./rollback
    uninstall_script: ./uninstall
    probe_script: ./probe
    service: {start: ./start, stop: ./stop, status: ./status}
    timeouts: {install: 10m, update: 300, rollback: "180", uninstall: 2m30s}
    shared_work_dir: true
variables:
  APP_NAME: shop-api
  APP_PORT: 8080
  EMPTY: ""
  DB_PASSWORD: {type: secret, value: "encrypted:age:abc"}
  API_URL: {type: env_specific, values: {staging: "http://staging-api"}}
  BACKUP_PATH: {type: template, value: "${BACKUP_DIR}/x"}
  EXTRA: {type: external, source: vault, key: secret/myapp/config}
dependencies:
  depends_on:
    - {service: database-migration, required: false, wait_ready: false, timeout: 5m}
    - {service: cache, health_check: {url: "http://cache/health"}}
)"));
    EXPECT_EQ(read.owner, "team-checkout");
    const auto& script = read.deploy.script;
    EXPECT_EQ(script.interpreter, "/bin/sh");
    EXPECT_THAT(script.environment,
                ElementsAre(std::pair("APP_PORT", "8080"), std::pair("DEBUG", "false")));
    EXPECT_EQ(script.service.status, "./status");
    EXPECT_EQ(script.probe_script, "./probe");
    EXPECT_EQ(script.timeouts.install, 600s);
    EXPECT_EQ(script.timeouts.rollback, 180s);
    EXPECT_EQ(script.timeouts.uninstall, 150s);
    EXPECT_TRUE(script.shared_work_dir);
    EXPECT_EQ(read.variables.at("APP_PORT").value, "8080");
    EXPECT_EQ(read.variables.at("APP_PORT").position, (Position{kProjectPath, 24, 13}));
    EXPECT_EQ(read.variables.at("EMPTY").value, "");
    EXPECT_EQ(read.variables.at("DB_PASSWORD").type, VariableType::secret);
    EXPECT_EQ(read.variables.at("API_URL").values.at("staging"), "http://staging-api");
    EXPECT_EQ(read.variables.at("BACKUP_PATH").type, VariableType::template_text);
    EXPECT_EQ(read.variables.at("EXTRA").source, "vault");
    ASSERT_EQ(read.depends_on.size(), 2u);
    EXPECT_EQ(read.depends_on[0].service.name, "database-migration");
    EXPECT_EQ(read.depends_on[0].timeout, 300s);
    EXPECT_FALSE(read.depends_on[0].required);
    EXPECT_EQ(read.depends_on[1].health_check->url, "http://cache/health");
}

TEST(ReadProjectTest, TakesWhatDiffersBetweenSlots) {
    const auto read = read_good<Project>(kProjectPath, project(R"(
deploy:
  type: script
  config: {install_script: ./install, slot_remove_script: ./remove}
variables:
  PORT: {type: slot_specific, values: {green: 8081, blue: "8080"}}
)"));
    EXPECT_EQ(read.deploy.script.slot_remove_script, "./remove");
    const auto& port = read.variables.at("PORT");
    EXPECT_EQ(port.type, VariableType::slot_specific);
    EXPECT_THAT(port.slots, ElementsAre(std::pair("blue", "8080"), std::pair("green", "8081")));
    EXPECT_TRUE(port.values.empty());
    EXPECT_EQ(read.deploy.canonical.canonical(),
              R"({"config":{"install_script":"./install","slot_remove_script":"./remove"},)"
              R"("type":"script"})");
}

TEST(ReadProjectTest, AnInstallScriptIsEnough) {
    const auto read = read_good<Project>(kProjectPath, script_project(""));
    EXPECT_EQ(read.deploy.type, DeployType::script);
    EXPECT_EQ(read.deploy.script.timeouts.install, 600s);
    EXPECT_EQ(read.deploy.script.interpreter, "/bin/bash");
    EXPECT_EQ(read.deploy.canonical.canonical(),
              R"({"config":{"install_script":"./install"},"type":"script"})");
    EXPECT_EQ(read.position, (Position{kProjectPath, 1, 1}));
}

TEST(ReadProjectTest, CanonicalFormIgnoresOrderQuotesUnitsAndNotes) {
    const auto one = read_good<Project>(kProjectPath, project(R"(
deploy:
  type: script
  config:
    timeouts: {install: 600, update: 5m}
    environment: {PORT: 8080}
    install_script: "./install"
    x-note: why
)"));
    const auto other = read_good<Project>(kProjectPath, project(R"(
deploy:
  config: {install_script: ./install, environment: {PORT: '8080'}, timeouts: {update: "300", install: 10m}}
  type: "script"
)"));
    EXPECT_EQ(one.deploy.canonical.canonical(), other.deploy.canonical.canonical());
    EXPECT_EQ(one.deploy.canonical.canonical(),
              R"({"config":{"environment":{"PORT":"8080"},"install_script":"./install",)"
              R"("timeouts":{"install":600,"update":300}},"type":"script"})");
}

TEST(ReadPipelineTest, TakesEveryTaskType) {
    const auto read = read_good<Project>(kProjectPath, script_project(R"(
pipeline:
  name: all
  pre_release:
    - {name: check, type: preflight, config: {checks: [{name: disk, command: df, expected_output: ok, expected_exit_code: 0, timeout: 5}]}}
    - {name: keep, type: backup, config: {backup_type: incremental, path: /var/backups, retention: 5}}
    - {name: tests, type: script, on_error: continue, timeout: 5m, retry: 2, retry_delay: 10s, condition: "${RUN} == true", depends_on: [keep], parallel: true, config: {script: ./run, timeout: 30}}
    - {name: ask, type: approval, config: {approvers: [alice@example.com], required: 1, timeout: 24h}}
    - {name: choose, type: condition, config: {expression: "a == b", on_true: continue, on_false: stop}}
    - {name: migrate, type: db_migrate, config: {migration_path: db/, rollback_on_fail: true}}
  release:
    - {name: stop, type: stop_service, config: {graceful_timeout: 1m, force_kill: false}}
    - {name: deploy, type: deploy}
    - {name: start, type: start_service, config: {wait_ready: true, ready_timeout: 90}}
    - {name: breathe, type: wait, config: {duration: 15s}}
    - {name: nod, type: wait, config: {for: approval, approvers: [bob@example.com]}}
  post_release:
    - {name: tcp, type: health_check, config: {type: tcp, host: db, port: 5432, retry: 0, interval: 0}}
    - {name: shell, type: health_check, config: {type: script, script: ./ok, success_threshold: 2}}
    - {name: tidy, type: cleanup, config: {keep_versions: 3, clean_backups: true}}
    - {name: tell, type: notify, config: {channels: [email], template: release_success}}
    - {name: back, type: rollback, config: {target_version: 1.4.1, skip_checks: false}}
)"));
    const auto& tests = read.pipeline.pre_release.at(2);
    EXPECT_EQ(tests.on_error, OnError::continue_);
    EXPECT_EQ(tests.timeout, 300s) << "the task's own time-out wins over its config's";
    EXPECT_EQ(tests.retry_delay, 10s);
    EXPECT_THAT(tests.depends_on, ElementsAre("keep"));
    EXPECT_TRUE(tests.parallel);
    EXPECT_EQ(tests.script, "./run");
    EXPECT_EQ(tests.position, (Position{kProjectPath, 11, 7}));
    const auto& release = read.pipeline.release;
    EXPECT_EQ(release.at(0).graceful_timeout, 60s);
    EXPECT_FALSE(release.at(0).force_kill);
    EXPECT_EQ(release.at(1).canonical.canonical(), R"({"name":"deploy","type":"deploy"})");
    EXPECT_TRUE(release.at(2).wait_ready);
    EXPECT_EQ(release.at(3).duration, 15s);
    EXPECT_EQ(release.at(4).type, TaskType::approval) << "a wait for approval is an approval";
    EXPECT_EQ(read.pipeline.post_release.at(0).check.port, "5432");
    EXPECT_EQ(read.pipeline.post_release.at(0).check.retry, 0);
    EXPECT_EQ(read.pipeline.post_release.at(1).check.success_threshold, 2);
}

TEST(ReadDeployTest, TakesTheOtherTypes) {
    for (const auto* config :
         {"{type: container, config: {image: shop, tag: 1.0, ports: [\"80:80\"], health_check: "
          "{url: \"http://a/\"}, timeouts: {install: 5m}, registry: {url: r.example.com}}}",
          "{type: kubernetes, config: {namespace: shop, manifests: [k8s/], rollout_timeout: 5m}}",
          "{type: kubernetes, config: {helm: {chart: shop, values: {a: {b: [1, 2]}}}}}",
          "{type: gitpull, config: {repo: \"https://git.example.com/a.git\", depth: 1}}",
          "{type: lambda, config: {function_name: shop, aliases: [live], memory_mb: 256}}"}) {
        const auto read =
            read_good<Project>(kProjectPath, project(fmt::format("deploy: {}\n", config)));
        EXPECT_NE(read.deploy.type, DeployType::script);
        EXPECT_FALSE(read.deploy.canonical.is_null());
    }
}

TEST(ReadEnvironmentTest, TakesEveryPart) {
    const auto read = read_good<Environment>(kEnvironmentPath, environment(R"(
promotes_from: staging
require_approval: true
approvers: [alice@example.com]
release_window: business-hours
strategy: {type: rolling, config: {batch_size: 25%, batch_interval: 1m, max_unavailable: 2, auto_rollback: false,
  health_check: {type: http, url: "http://localhost:8080/health", expected_status: 200}}}
rollback: {granularity: single_target, auto_rollback: true, respect_windows: true, deadline: 10m, release_deadline: 12h,
  conditions: [{type: health_check_failed}, {type: error_rate, threshold: 0.05, duration: 1m},
    {type: metric, threshold: -3, query: up, operator: "<"}]}
heal: report_only
offline: wait
freeze: {reason: year end, until: "2027-01-02T00:00:00Z"}
budget: {max_targets: 10%, max_releases: 2, max_failures: 0}
policies: [no-major]
variables: {LEVEL: info}
targets:
  - {name: web-1, agent: host-1, type: host, labels: {region: cn-north, canary: true}, priority: 1, config: {work_dir: /opt/apps}, variables: {A: b}}
  - name: web-2
)"));
    EXPECT_EQ(read.promotes_from->name, "staging");
    EXPECT_EQ(std::get<Reference>(*read.window).name, "business-hours");
    EXPECT_EQ(std::get<Reference>(*read.window).position, (Position{kEnvironmentPath, 8, 17}));
    EXPECT_EQ(read.strategy->batch_size, (Amount{25, true}));
    EXPECT_EQ(read.strategy->max_unavailable, (Amount{2, false}));
    EXPECT_EQ(read.strategy->auto_rollback, false);
    EXPECT_EQ(read.strategy->health_check->expected_status, 200);
    EXPECT_EQ(read.rollback->granularity, Granularity::single_target);
    EXPECT_EQ(read.rollback->deadline, 600s);
    EXPECT_EQ(read.rollback->release_deadline, 12h);
    EXPECT_EQ(read.rollback->conditions.at(1).threshold, 0.05);
    EXPECT_EQ(read.heal, Heal::report_only);
    EXPECT_EQ(read.offline, Offline::wait);
    EXPECT_TRUE(read.freeze.active);
    EXPECT_EQ(format_rfc3339(*read.freeze.until), "2027-01-02T00:00:00Z");
    EXPECT_EQ(read.budget.canonical(),
              R"({"max_failures":0,"max_releases":2,"max_targets":"10%"})");
    EXPECT_EQ(read.policies.at(0).name, "no-major");
    ASSERT_EQ(read.targets.size(), 2u);
    EXPECT_EQ(read.targets[0].labels.at("canary"), "true");
    EXPECT_EQ(read.targets[0].work_dir, "/opt/apps");
    EXPECT_EQ(read.targets[0].config.canonical(), R"({"work_dir":"/opt/apps"})");
    EXPECT_EQ(read.targets[0].variables.at("A").value, "b");
    EXPECT_EQ(read.targets[1].agent, "web-2") << "a target's agent has its name by default";
}

TEST(ReadEnvironmentTest, SmallestHasOnlyAName) {
    const auto read = read_good<Environment>(kEnvironmentPath, environment(""));
    EXPECT_FALSE(read.window || read.strategy || read.rollback || read.heal || read.offline);
    EXPECT_FALSE(read.freeze.active);
}

TEST(ReadEnvironmentTest, FreezeAndHealTakeShortForms) {
    const auto read =
        read_good<Environment>(kEnvironmentPath, environment("freeze: true\nheal: false\n"));
    EXPECT_TRUE(read.freeze.active);
    EXPECT_EQ(read.heal, Heal::off);
    EXPECT_FALSE(read_good<Environment>(kEnvironmentPath, environment("freeze: {active: false}\n"))
                     .freeze.active);
}

Strategy strategy(std::string_view text) {
    return *read_good<Environment>(kEnvironmentPath,
                                   environment(fmt::format("strategy: {}\n", text)))
                .strategy;
}

TEST(ReadStrategyTest, ShortCanaryFormsBecomeSteps) {
    const auto percent =
        strategy("{type: canary, config: {canary_percent: 10, verify_duration: 5m}}");
    ASSERT_EQ(percent.steps.size(), 2u);
    EXPECT_EQ(percent.steps[0].percent, 10);
    EXPECT_EQ(percent.steps[0].verify_duration, 300s);
    EXPECT_EQ(percent.steps[1].percent, 100);

    const auto named = strategy(
        "{type: canary, config: {canary_targets: [a], canary_selector: {labels: {canary: true}}}}");
    ASSERT_EQ(named.steps.size(), 2u);
    EXPECT_FALSE(named.steps[0].percent);
    EXPECT_EQ(named.canary_targets.at(0).name, "a");
    EXPECT_EQ(named.canary_selector.at("canary"), "true");
}

TEST(ReadStrategyTest, StepsEndAtAllTargets) {
    const auto open = strategy("{type: canary, config: {steps: [{percent: 10}, {percent: 50}]}}");
    EXPECT_EQ(open.steps.size(), 3u);
    EXPECT_EQ(open.steps.back().percent, 100);
    const auto closed =
        strategy("{type: canary, config: {steps: [{percent: 10}, {percent: 100}]}}");
    EXPECT_EQ(closed.steps.size(), 2u);
    EXPECT_EQ(closed.canonical.canonical(),
              R"({"config":{"steps":[{"percent":10},{"percent":100}]},"type":"canary"})");
}

TEST(ReadStrategyTest, TakesTheOtherTypes) {
    EXPECT_EQ(strategy("{type: all_at_once}").type, StrategyType::all_at_once);
    EXPECT_FALSE(strategy("{type: rolling}").batch_size);
    const auto hybrid = strategy(
        "{type: blue_green, config: {switch_timeout: 60, keep_old: 24h, auto_promote: false, "
        "canary: {steps: [{weight: 10, verify_duration: 60}]}, traffic: {router: haproxy, "
        "targets: [lb], header: {name: X-Canary, value: 1}, config: {socket: /run/haproxy.sock, "
        "backend: shop}}}}");
    EXPECT_EQ(hybrid.type, StrategyType::blue_green);
    EXPECT_FALSE(hybrid.auto_promote);
    const auto groups = strategy(
        "{type: canary, config: {cluster_order: [{priority: 1, targets: [a, b], canary_percent: "
        "20, "
        "approval_required: true}, {priority: 2, targets: [c], full_rollout: true}]}}");
    EXPECT_THAT(groups.steps, IsEmpty());
    EXPECT_EQ(groups.cluster_order.at(0).targets.at(1).name, "b");
    EXPECT_TRUE(groups.cluster_order.at(1).full_rollout);
}

TEST(ReadWindowTest, TakesEveryPart) {
    const auto read = read_good<ReleaseWindow>("windows/hours.yaml", R"(
apiVersion: tidegate/v1
kind: ReleaseWindow
name: hours
timezone: Asia/Shanghai
allowed_windows:
  - {days: [1, 7], start_time: "22:00", end_time: "24:00", reason: quiet}
  - {start_time: 00:00, end_time: 02:30}
deny_windows: [{days: [5], start_time: "16:00", end_time: "24:00"}]
maintenance_windows: [{days: [6], start_time: "01:00", end_time: "02:00"}]
blackout_dates: [2026-10-01, "2028-02-29"]
emergency_users: [oncall@example.com, admin]
on_close: finish_release
)");
    EXPECT_EQ(read.allowed.at(0).days, (std::set<int>{1, 7}));
    EXPECT_EQ(read.allowed.at(0).start, 22h);
    EXPECT_EQ(read.allowed.at(0).end, 24h);
    EXPECT_THAT(read.allowed.at(1).days, IsEmpty());
    EXPECT_EQ(read.allowed.at(1).end, 150min);
    EXPECT_EQ(read.deny.size(), 1u);
    EXPECT_EQ(read.maintenance.size(), 1u);
    using namespace std::chrono;
    EXPECT_THAT(read.blackout_dates, ElementsAre(2026y / October / 1, 2028y / February / 29));
    EXPECT_EQ(read.on_close, OnClose::finish_release);
    EXPECT_TRUE(read.enabled);
    EXPECT_EQ(read.position.text(), "windows/hours.yaml:5:11") << "to blame for an unknown zone";
    const auto prod = read_good<Environment>(
        kEnvironmentPath, environment("release_window: {timezone: Europe/Berlin}\n"));
    EXPECT_EQ(std::get<ReleaseWindow>(*prod.window).position.text(), "environments/prod.yaml:4:28");
}

TEST(ReadVersionTest, TakesEveryPart) {
    const auto commit = std::string(40, 'a');
    const auto read =
        read_good<Version>(kVersionPath, version(fmt::format(R"(
project: shop-api
environment: prod
version: 1.10
artifact: {{url: "https://files.example.com/a.tgz", sha256: "{}"}}
operation: update
paused: true
promote: {{version: 1.10, step: 2}}
retry: 3
pins: [{{target: web-3, version: 1.9}}]
scheduled_release:
  schedule_at: "2024-12-15T10:00:00+08:00"
  cron: "0 10 * * 1-5"
  reminder: {{enabled: true, before_minutes: [60, 30], channels: [email]}}
strategy: {{type: all_at_once}}
variables: {{A: 1}}
forward_only: true
restored: {{version: 1.9, commit: {}}}
)",
                                                             std::string(64, 'A'), commit)));
    EXPECT_EQ(read.key, (AssignmentKey{"prod", "shop-api"}));
    EXPECT_EQ(read.project.position, (Position{kVersionPath, 4, 10}));
    EXPECT_EQ(read.version, "1.10") << "a version is text, never a number";
    EXPECT_EQ(read.artifact->sha256, std::string(64, 'a'));
    EXPECT_EQ(read.operation, Operation::update);
    EXPECT_TRUE(read.paused && read.forward_only && !read.absent);
    EXPECT_EQ(read.promote, (Promote{"1.10", 2, false}));
    EXPECT_EQ(read.retry, 3);
    EXPECT_EQ(read.pins.at(0).version, "1.9");
    EXPECT_FALSE(read.scheduled_release.is_null());
    EXPECT_EQ(read.strategy->type, StrategyType::all_at_once);
    EXPECT_EQ(read.restored->commit, commit);
}

TEST(ReadVersionTest, SmallestAndAbsent) {
    const auto small =
        read_good<Version>(kVersionPath, version("version: 1.4.2\nartifact: shop/1.4.2.tgz\n"));
    EXPECT_EQ(small.project.name, "shop-api");
    EXPECT_EQ(small.project.position, (Position{kVersionPath, 1, 1}));
    EXPECT_EQ(small.artifact->url, "shop/1.4.2.tgz");
    EXPECT_TRUE(!small.promote && small.scheduled_release.is_null());
    const auto absent =
        read_good<Version>(kVersionPath, version("state: absent\nkeep_data: true\n"));
    EXPECT_TRUE(absent.absent && absent.keep_data);
}

TEST(ReadOthersTest, TargetListPolicyAndApprovals) {
    const auto list = read_good<TargetList>(
        "environments/prod/targets/eu.yaml",
        "apiVersion: tidegate/v1\nkind: TargetList\ntargets: [{name: web-9}]\n");
    EXPECT_EQ(list.environment, "prod");
    EXPECT_EQ(list.targets.at(0).agent, "web-9");
    const auto policy =
        read_good<Policy>("policies/no-major.yaml",
                          "apiVersion: tidegate/v1\nkind: Policy\nname: no-major\nlanguage: lua\n"
                          "applies_to: {environments: [prod]}\nrule: return true\n");
    EXPECT_EQ(policy.applies_to.canonical(), R"({"environments":["prod"]})");
    const auto approvals = read_good<ApprovalList>(
        "approvals/prod/shop-api.yaml",
        "apiVersion: tidegate/v1\nkind: ApprovalList\napprovals:\n  - {version: 1.0, decision: "
        "approved, "
        "by: alice@example.com, comment: fine, expires_at: \"2026-12-01T00:00:00Z\"}\n");
    EXPECT_EQ(approvals.key.text(), "prod/shop-api");
    EXPECT_EQ(approvals.approvals.list()->size(), 1u);
}

TEST(ReadRepositoryTest, TakesDefaultsAndWarnsOfWhatIsLater) {
    const auto parsed = read_document(kRepositoryPath, repository(R"(
name: shop
trust: {require_signatures: true, allowed_signers: ["alice@example.com ssh-ed25519 AAAA"], rules_soak: 1h}
defaults: {strategy: {type: rolling}, rollback: {deadline: 5m}, heal: true, offline: skip}
variables: {BACKUP_DIR: /var/backups}
notifications: {channels: {slack: {webhook: "${SLACK}"}}}
)"));
    ASSERT_NE(parsed.document, nullptr) << testing::PrintToString(lines_of(parsed.errors));
    const auto& read = std::get<Repository>(*parsed.document);
    EXPECT_TRUE(read.trust.require_signatures);
    EXPECT_EQ(read.trust.rules_soak, 3600s);
    EXPECT_EQ(read.trust.allowed_signers.list()->size(), 1u);
    EXPECT_EQ(read.rollback->deadline, 300s);
    EXPECT_EQ(read.heal, Heal::on);
    EXPECT_TRUE(read.not_acted_on.contains("notifications"));
    EXPECT_THAT(lines_of(parsed.warnings),
                ElementsAre("8:16: notifications is valid, but this build does not act on it yet"));
}

}  // namespace
}  // namespace tidegate::config
