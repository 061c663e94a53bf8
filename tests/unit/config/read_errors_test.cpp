/// One row per mistake: its text, and exactly the errors with their places that come of it.

#include <fmt/format.h>

#include "tests/unit/config/documents.h"

namespace tidegate::config {
namespace {

struct ErrorCase {
    const char* path;
    std::string text;
    std::vector<std::string> errors;
};
class ReadErrorsTest : public testing::TestWithParam<ErrorCase> {};
TEST_P(ReadErrorsTest, NamesEveryErrorInItsPlace) {
    const auto& [path, text, errors] = GetParam();
    const auto parsed = read_document(path, text);
    EXPECT_EQ(lines_of(parsed.errors), errors) << text;
    EXPECT_EQ(parsed.document, nullptr);
    for (const auto& error : parsed.errors) EXPECT_EQ(error.position.file, path);
}

ErrorCase in_project(std::string_view rest, std::vector<std::string> errors) {
    return {kProjectPath, script_project(rest), std::move(errors)};
}
ErrorCase in_deploy(std::string_view deploy, std::vector<std::string> errors) {
    return {kProjectPath, project(fmt::format("deploy: {}\n", deploy)), std::move(errors)};
}
ErrorCase in_task(std::string_view task, std::vector<std::string> errors) {
    return in_project(fmt::format("pipeline:\n  release:\n    - {}\n", task), std::move(errors));
}
ErrorCase in_environment(std::string_view rest, std::vector<std::string> errors) {
    return {kEnvironmentPath, environment(rest), std::move(errors)};
}
ErrorCase in_version(std::string_view rest, std::vector<std::string> errors) {
    return {kVersionPath, version(rest), std::move(errors)};
}
ErrorCase in_repository(std::string_view rest, std::vector<std::string> errors) {
    return {kRepositoryPath, repository(rest), std::move(errors)};
}

INSTANTIATE_TEST_SUITE_P(
    Envelope, ReadErrorsTest,
    testing::Values(
        ErrorCase{kProjectPath, "just text", {"1:1: Project must be a map of keys, got just text"}},
        ErrorCase{kProjectPath, "- a\n", {"1:1: Project must be a map of keys, got a list"}},
        ErrorCase{kProjectPath,
                  "x-a: b\n",
                  {"1:1: missing key 'apiVersion' in Project", "1:1: missing key 'kind' in Project",
                   "1:1: missing key 'name' in Project", "1:1: missing key 'deploy' in Project"}},
        ErrorCase{
            kProjectPath, project("deploy:\n"), {"4:1: deploy must be a map of keys, got nothing"}},
        ErrorCase{kVersionPath,
                  "apiVersion: tidegate/v2\nkind: Verison\nversion: 1\n",
                  {"1:13: apiVersion must be tidegate/v1, got tidegate/v2",
                   "2:7: kind must be Version, got Verison"}},
        ErrorCase{kProjectPath,
                  "apiVersion: tidegate/v1\nkind: Environment\nname: shop\ndeploy: x\n",
                  {"2:7: kind must be Project, got Environment",
                   "3:7: name must be shop-api, as the path says, got shop",
                   "4:9: deploy must be a map of keys, got x"}},
        ErrorCase{
            "versions/prod/Shop.yaml",
            "",
            {"0:0: names must be 1 to 63 of a-z 0-9 . _ - and begin with a letter or a digit"}}));

INSTANTIATE_TEST_SUITE_P(
    Project, ReadErrorsTest,
    testing::Values(
        in_project("nmae: x\nowners: y\nfoo: z\n",
                   {"5:1: unknown key 'nmae' in Project; did you mean 'name'?",
                    "6:1: unknown key 'owners' in Project; did you mean 'owner'?",
                    "7:1: unknown key 'foo' in Project; known are apiVersion, kind, name, "
                    "description, owner, deploy, variables, pipeline, dependencies"}),
        in_project("description: [a]\nowner:\n", {"5:14: description must be text, got a list",
                                                  "6:1: owner must be text, got nothing"}),
        in_project(
            "variables: {A: {type: secret, value: hunter2}, B: {type: secrt}, C: [x], D: }\n",
            {"5:38: value must be encrypted, like encrypted:<scheme>:<text>; never plain text",
             "5:58: type must be one of plain, secret, env_specific, template, external, "
             "slot_specific, got secrt; did you mean 'secret'?",
             "5:69: C must be text, or a map with type and value, got a list",
             "5:74: D must be text, or a map with type and value, got nothing"}),
        in_project("variables: {A: {type: template, values: {a: b}}, B: {value: x}, 1A: x}\n",
                   {"5:16: missing key 'value' in A",
                    "5:33: unknown key 'values' in A; did you mean 'value'?",
                    "5:53: missing key 'type' in B",
                    "5:65: a key must be a name of A-Z a-z 0-9 _, first no digit, got 1A"}),
        in_project("variables: {A: {type: slot_specific, values: {blue: x, red: y}}, B: {type: "
                   "slot_specific, values: {blue: x, green: [y]}}, C: {type: slot_specific, value: "
                   "x}}\n",
                   {"5:46: missing key 'green' in values",
                    "5:56: unknown key 'red' in values; known are blue, green",
                    "5:116: green must be text, got a list", "5:126: missing key 'values' in C",
                    "5:148: unknown key 'value' in C; did you mean 'values'?"}),
        in_project(
            "dependencies: {depends_on: [{service: shop-api}, {service: b}, {service: b}, {}]}\n",
            {"5:39: a project must not depend on itself", "5:74: service b is named twice",
             "5:78: missing key 'service' in depends_on"}),
        in_project("dependencies:\n  - b\n",
                   {"6:3: dependencies must be a map of keys, got a list"}),
        in_deploy("{type: script, config: {update_script: x}}",
                  {"4:32: missing key 'install_script' in config"}),
        in_deploy("{type: script}", {"4:9: missing key 'config' in deploy"}),
        in_deploy("{type: docker, config: {image: x}}",
                  {"4:16: type must be one of script, container, kubernetes, gitpull, lambda, got "
                   "docker"}),
        in_deploy(
            "{type: container, config: {install_script: x}}",
            {"4:35: missing key 'image' in config",
             "4:36: unknown key 'install_script' in config; known are image, tag, container_name, "
             "ports, volumes, networks, environment, labels, command, entrypoint, user, memory, "
             "cpus, restart_policy, pull, socket, stop_timeout, health_check, registry, timeouts"}),
        in_deploy("{type: kubernetes, config: {manifests: [a], helm: {chart: a}}}",
                  {"4:59: manifests and helm do not go together in config"}),
        in_deploy("{type: script, config: {install_script: x, work_dir: opt, timeouts: {install: "
                  "0, update: soon}}}",
                  {"4:62: work_dir must be an absolute path (or begin with ${), got opt",
                   "4:87: install must be at least 1s, got 0",
                   "4:98: update must be whole seconds or a duration like 10m or 24h, got soon"}),
        in_deploy("{type: script, config: {install_script: x, service: {unit: a, start: b}, "
                  "environment: {A-B: x}}}",
                  {"4:78: unit and start do not go together in service",
                   "4:96: a key must be a name of A-Z a-z 0-9 _, first no digit, got A-B"})));

INSTANTIATE_TEST_SUITE_P(
    Pipeline, ReadErrorsTest,
    testing::Values(
        in_task("{type: deploy}", {"7:7: missing key 'name' in release"}),
        in_task("{name: a}", {"7:7: missing key 'type' in release"}),
        in_task("{name: a, type: deplo}",
                {"7:23: type must be one of script, health_check, deploy, stop_service, "
                 "start_service, wait, backup, cleanup, rollback, notify, approval, condition, "
                 "db_migrate, preflight, got deplo; did you mean 'deploy'?"}),
        in_task("{name: a, type: deploy, config: {force: true}}",
                {"7:40: unknown key 'force' in config, which takes none"}),
        in_task("{name: a, type: script, config: {script: ./x, on_error: stop}}",
                {"7:53: unknown key 'on_error' in config; known are script, timeout"}),
        in_task("{name: a, type: script, config: {url: x}}",
                {"7:39: missing key 'script' in config",
                 "7:40: unknown key 'url' in config; known are script, timeout"}),
        in_task("{name: a, type: wait, config: {duration: 5, for: approval}}",
                {"7:56: duration and for do not go together in config"}),
        in_task("{name: a, type: wait}", {"7:7: missing key 'config' in release"}),
        in_task("{name: a, type: health_check, config: {url: \"localhost:80\"}}",
                {"7:51: url must be a URL that begins with http:// or https:// (or ${), got "
                 "\"localhost:80\""}),
        in_task("{name: a, type: health_check, config: {type: tcp, url: \"http://a\"}}",
                {"7:45: missing key 'port' in config",
                 "7:57: unknown key 'url' in config; known are type, host, port, timeout, retry, "
                 "interval, success_threshold"}),
        in_task(
            "{name: a, type: health_check, config: {type: tcp, port: 70000, success_threshold: 0}}",
            {"7:63: port must be a port 1..65535 (or begin with ${), got 70000",
             "7:89: success_threshold must be 1..100, got 0"}),
        in_task(
            "{name: a, type: deploy, retry: \"3\", timeout: -5, on_error: abort, parallel: yes}",
            {"7:38: retry must be 0..100, got \"3\"",
             "7:52: timeout must be whole seconds or a duration like 10m or 24h, got -5",
             "7:66: on_error must be one of stop, continue, rollback, got abort",
             "7:83: parallel must be true or false, got yes"}),
        in_task("{name: a, type: notify, config: {channels: [emial]}}",
                {"7:51: channels must be one of dingtalk, wechat_work, email, slack, pagerduty, "
                 "webhook, got emial; did you mean 'email'?"}),
        in_task("{name: a, type: deploy, depends_on: [b]}",
                {"7:7: depends_on must name earlier tasks of release, got b"}),
        in_project("pipeline: {release: [{name: a, type: deploy}, {name: a, type: deploy}]}\n",
                   {"5:47: two tasks of release are named 'a'"}),
        in_project("pipeline: {prerelease: []}\n",
                   {"5:12: unknown key 'prerelease' in pipeline; did you mean 'pre_release'?"})));

INSTANTIATE_TEST_SUITE_P(
    Environment, ReadErrorsTest,
    testing::Values(
        ErrorCase{kEnvironmentPath,
                  "apiVersion: tidegate/v1\nkind: Environment\nname: staging\n",
                  {"3:7: name must be prod, as the path says, got staging"}},
        ErrorCase{kEnvironmentPath,
                  "apiVersion: tidegate/v1\nkind: Environment\nname: \"\"\n",
                  {"3:7: name must be prod, as the path says, got \"\""}},
        in_environment("promotes_from: prod\nrequire_approval: true\n",
                       {"4:16: an environment must not promote from itself",
                        "5:19: require_approval: true needs approvers"}),
        in_environment("heal: yes\noffline: skp\nfreeze: maybe\n",
                       {"4:7: heal must be one of true, false, report_only, got yes",
                        "5:10: offline must be one of skip, wait, got skp; did you mean 'skip'?",
                        "6:9: freeze must be true or false, got maybe"}),
        in_environment(
            "freeze: {until: tomorrow}\nbudget: {max_targets: 0, max_releases: 150%}\n",
            {"4:17: until must be an instant like 2026-11-23T10:00:00+08:00, got tomorrow",
             "5:23: max_targets must be a count from 1, or a share from 1% to 100%, got 0",
             "5:40: max_releases must be a whole number from 1, got 150%"}),
        in_environment("strategy: {type: canary, config: {steps: [{percent: 140}]}}\n",
                       {"4:53: percent must be 0..100, got 140"}),
        in_environment(
            "strategy: {type: canary, config: {steps: [{percent: 50}, {percent: 10}, {}]}}\n",
            {"4:58: percent must rise from step to step, got 10 after 50",
             "4:73: a step needs percent or weight"}),
        in_environment("strategy: {type: canary, config: {canary_percent: 10, cluster_order: "
                       "[{priority: 1, targets: []}]}}\n",
                       {"4:70: canary_percent and cluster_order do not go together in config",
                        "4:94: targets must not be empty"}),
        in_environment(
            "strategy: {type: canary, config: {auto_promote: true}}\n",
            {"4:34: config needs one of steps, canary_percent, canary_targets, cluster_order"}),
        in_environment(
            "strategy: {type: canary, config: {steps: [{percent: 5}], verify_duration: 5}}\n",
            {"4:75: verify_duration belongs into each entry of steps or cluster_order"}),
        in_environment(
            "strategy: {type: all_at_once, config: {batch_size: 2}}\n",
            {"4:40: unknown key 'batch_size' in config; known are health_check, auto_rollback"}),
        in_environment(
            "strategy: {type: rolling, config: {batch_size: 0%, max_unavailable: many}}\n",
            {"4:48: batch_size must be a count from 1, or a share from 1% to 100%, got 0%",
             "4:69: max_unavailable must be a count from 1, or a share from 1% to 100%, got many"}),
        in_environment("strategy: rolling\n",
                       {"4:11: strategy must be a map of keys, got rolling"}),
        in_environment("rollback: {granularity: one, conditions: [{type: error_rate}, {type: "
                       "error_rate, threshold: 5}, {type: metric, threshold: 1}]}\n",
                       {"4:25: granularity must be one of all, single_target, got one",
                        "4:43: missing key 'threshold' in conditions",
                        "4:93: threshold must be a number 0..1, got 5",
                        "4:97: missing key 'query' in conditions"}),
        in_environment("targets: [{name: web-1}, {name: web-1}, {name: Web}, {agent: a}, web-4]\n",
                       {"4:26: two targets are named web-1",
                        "4:48: name must be a name of a-z 0-9 . _ -, at most 63, first a letter or "
                        "a digit, got Web",
                        "4:54: missing key 'name' in targets",
                        "4:66: targets must be a map of keys, got web-4"}),
        in_environment(
            "targets: [{name: a, priority: high, config: {workdir: /opt}, labels: {a: [b]}}]\n",
            {"4:31: priority must be a whole number from 0, got high",
             "4:46: unknown key 'workdir' in config; did you mean 'work_dir'?",
             "4:74: a must be text, got a list"}),
        in_environment(
            "release_window: {timezone: Mars, allowed_windows: [{days: [0, 8], start_time: "
            "\"24:00\", end_time: \"9:00\"}]}\n",
            {"4:60: days must be 1..7, got 0", "4:63: days must be 1..7, got 8",
             "4:79: start_time must be a time \"HH:MM\" from 00:00 to 23:59, got \"24:00\"",
             "4:98: end_time must be a time \"HH:MM\" from 00:00 to 24:00, got \"9:00\""}),
        in_environment(
            "release_window: {blackout_dates: [2026-02-30], on_close: stop, name: x}\n",
            {"4:35: blackout_dates must be a date \"YYYY-MM-DD\", got 2026-02-30",
             "4:58: on_close must be one of finish_step, pause, finish_release, got stop",
             "4:64: unknown key 'name' in release_window; known are enabled, timezone, "
             "allowed_windows, deny_windows, maintenance_windows, blackout_dates, emergency_users, "
             "on_close"}),
        in_environment("release_window: Business Hours\npolicies: no-major\n",
                       {"4:17: release_window must be a name of a-z 0-9 . _ -, got Business Hours",
                        "5:11: policies must be a list, got no-major"})));

INSTANTIATE_TEST_SUITE_P(
    Version, ReadErrorsTest,
    testing::Values(
        in_version("project: shop\nenvironment: staging\nversion: \"\"\n",
                   {"3:10: project must be shop-api, as the path says, got shop",
                    "4:14: environment must be prod, as the path says, got staging",
                    "5:10: version must be text that is not empty, got \"\""}),
        in_version("paused: false\n", {"1:1: missing key 'version' in Version"}),
        in_version("version: 1\nkeep_data: true\n",
                   {"4:12: keep_data goes only with state: absent"}),
        in_version("state: absent\noperation: install\n",
                   {"4:12: operation install does not go with state: absent"}),
        in_version("version: 1\nstate: gone\nname: x\n",
                   {"4:8: state must be one of present, absent, got gone",
                    "5:1: unknown key 'name' in Version; known are apiVersion, kind, project, "
                    "environment, version, artifact, operation, state, keep_data, paused, promote, "
                    "retry, pins, scheduled_release, strategy, variables, forward_only, restored"}),
        in_version("version: 1\nartifact: {sha256: abc}\n",
                   {"4:11: missing key 'url' in artifact",
                    "4:20: sha256 must be 64 hexadecimal digits, got abc"}),
        in_version("version: 1\nartifact: \"ftp://a/b\"\n",
                   {"4:11: artifact must be an http(s) or file:/// URL, or a name in an artifact "
                    "store, got \"ftp://a/b\""}),
        in_version("version: 1\npromote: {version: 1, step: 0, to: full}\n",
                   {"4:29: step must be a whole number from 1, got 0",
                    "4:36: step and to do not go together in promote"}),
        in_version("version: 1\npromote: {version: 1}\n", {"4:10: promote needs one of step, to"}),
        in_version(
            "version: 1\npins: [{target: a, version: 1}, {target: a, version: 2}, {target: b}]\n",
            {"4:42: target a is pinned twice", "4:58: missing key 'version' in pins"}),
        in_version(
            "version: 1\nretry: 1.5\nrestored: {version: 1, commit: abc}\n",
            {"4:8: retry must be a whole number from 0, got 1.5",
             "5:32: commit must be a whole commit id of 40 (or 64) hexadecimal digits, got abc"}),
        in_version(
            "version: 1\nscheduled_release: {schedule_at: tomorrow, cron: \"0 25 * * *\"}\n",
            {"4:34: schedule_at must be an instant like 2026-11-23T10:00:00+08:00, got tomorrow",
             "4:50: cron must be five cron fields like \"0 10 * * 1-5\", got \"0 25 * * *\""}),
        in_version("version: 1\nscheduled_release: {reminder: {before_minutes: [0]}}\n",
                   {"4:20: scheduled_release needs one of schedule_at, cron",
                    "4:49: before_minutes must be 1..43200, got 0"})));

INSTANTIATE_TEST_SUITE_P(
    Lengths, ReadErrorsTest,
    testing::Values(
        in_version(fmt::format("version: {}\n", std::string(129, 'v')),
                   {"3:10: version must be at most 128 bytes, got 129"}),
        in_version(fmt::format("version: 1\npins: [{{target: a, version: {}}}]\n",
                               std::string(129, 'v')),
                   {"4:29: version must be at most 128 bytes, got 129"}),
        in_project(fmt::format("pipeline: {{name: {}}}\n", std::string(257, 'n')),
                   {"5:18: name must be at most 256 bytes, got 257"}),
        in_task(
            fmt::format("{{name: a, type: health_check, config: {{type: tcp, port: \"${{{}}}\"}}}}",
                        std::string(254, 'P')),
            {"7:63: port must be at most 256 bytes, got 257"})));

/// A policy for so many environments and projects, the same ones again and again.
std::string policy_for(std::size_t environments, std::size_t projects) {
    const std::vector<std::string> first(environments, "ab"), second(projects, "ab");
    return fmt::format(
        "apiVersion: tidegate/v1\nkind: Policy\nname: p\nlanguage: lua\nrule: x\n"
        "applies_to: {{environments: [{}], projects: [{}]}}\n",
        fmt::join(first, ","), fmt::join(second, ","));
}

INSTANTIATE_TEST_SUITE_P(
    Others, ReadErrorsTest,
    testing::Values(
        in_repository(
            "trust: {allowed_signers: all, require_signature: true}\n",
            {"3:26: allowed_signers must be a list, got all",
             "3:31: unknown key 'require_signature' in trust; did you mean 'require_signatures'?"}),
        in_repository(
            "notifications: {channels: {email: {smtp_host: a, smtp_port: 0, from: b}, sms: {}}}\n",
            {"3:61: smtp_port must be 1..65535, got 0",
             "3:74: unknown key 'sms' in channels; known are dingtalk, wechat_work, email, slack, "
             "pagerduty, webhook"}),
        in_repository("notifications: {rules: [{events: [], channels: [slak]}]}\n",
                      {"3:34: events must not be empty",
                       "3:49: channels must be one of dingtalk, wechat_work, email, slack, "
                       "pagerduty, webhook, got slak; did you mean 'slack'?"}),
        in_repository("artifact_storage: {type: s3, config: {base_path: /data}}\n",
                      {"3:38: missing key 'endpoint' in config",
                       "3:38: missing key 'bucket' in config",
                       "3:39: unknown key 'base_path' in config; known are endpoint, bucket, "
                       "access_key, secret_key, region, cleanup_policy"}),
        in_repository(
            "artifact_registry: {type: harbor, config: {url: harbor, repository: x}}\n",
            {"3:43: missing key 'project' in config",
             "3:49: url must be a URL that begins with http:// or https:// (or ${), got harbor",
             "3:57: unknown key 'repository' in config; known are url, project, username, "
             "password"}),
        in_repository(
            "defaults: {window: x}\nname: \"a\\nb \\e[2J\"\nheal: true\n",
            {"3:12: unknown key 'window' in defaults; known are strategy, rollback, heal, offline",
             "4:7: name must be one line without control or invisible characters, got a line end",
             "5:1: unknown key 'heal' in Repository; known are apiVersion, kind, name, trust, "
             "variables, defaults, notifications, artifact_storage, artifact_registry"}),
        ErrorCase{"policies/p.yaml",
                  "apiVersion: tidegate/v1\nkind: Policy\nname: p\nlanguage: rego\n",
                  {"1:1: missing key 'rule' in Policy", "4:11: language must be lua, got rego"}},
        ErrorCase{"policies/p.yaml",
                  policy_for(1'001, 1'000),
                  {"6:28: environments must hold at most 1000 items, got 1001"}},
        ErrorCase{"policies/p.yaml",
                  policy_for(1'000, 1'001),
                  {"6:3041: projects must hold at most 1000 items, got 1001"}},
        ErrorCase{"approvals/prod/shop.yaml",
                  "apiVersion: tidegate/v1\nkind: ApprovalList\nproject: a\napprovals: [{version: "
                  "1, decision: maybe, expires_at: 5}]\n",
                  {"3:10: project must be shop, as the path says, got a",
                   "4:13: missing key 'by' in approvals",
                   "4:36: decision must be one of approved, rejected, got maybe",
                   "4:55: expires_at must be an instant like 2026-11-23T10:00:00+08:00, got 5"}},
        ErrorCase{"environments/prod/targets/a.yaml",
                  "apiVersion: tidegate/v1\nkind: TargetList\nenvironment: dev\n",
                  {"1:1: missing key 'targets' in TargetList",
                   "3:14: environment must be prod, as the path says, got dev"}}));

}  // namespace
}  // namespace tidegate::config
