#pragma once
/// What the version before was made to say and to write, as values: the recorder makes bytes of
/// them, the test expects them from the bytes. Only fields that the recorded version has are set,
/// so that this compiles there too; a newer field must have a default that means "as before".

#include <vector>

#include "agent/journal/journal.h"
#include "schema/wire/messages.h"

namespace tidegate::before {

inline const Timestamp kNoon{Milliseconds{1'795'348'800'123}};

inline Action action(const std::string& name, ActionKind kind) {
    Action made;
    made.id = Digest::of(name).hex();
    made.release = "0f0e7a52-1d2e-5c3a-8f00-aa55aa55aa55";
    made.step = 1;
    made.attempt = 2;
    made.kind = kind;
    made.key = {"web-1", "shop", ""};
    made.environment = "prod";
    made.digest = Digest::of("target " + name);
    made.assignment_digest = Digest::of(name);
    made.commit = std::string(40, 'a');
    made.version = name;
    made.current_version = "1.4.1";
    made.rollback_version = "1.4.0";
    made.last_good = LastGood{Digest::of("good"), std::string(40, 'b'), "1.4.1"};
    made.rejected = LastGood{Digest::of("bad"), std::string(40, 'c'), "1.4.3"};
    made.artifact = Artifact{"https://files.example.com/a.tgz", std::string(64, '0')};
    made.keep_data = true;
    made.target_work_dir = "/opt/apps";
    auto& script = made.deploy.script;
    script.work_dir = "/opt/apps/shop";
    script.environment = {{"A", "1"}};
    script.install_script = "install";
    script.update_script = "update";
    script.rollback_script = "rollback";
    script.uninstall_script = "uninstall";
    script.probe_script = "probe";
    script.service = {"start", "stop", "status", ""};
    script.timeouts = {Seconds{1}, Seconds{2}, Seconds{3}, Seconds{4}};
    Task task;
    task.name = "smoke";
    task.type = TaskType::health_check;
    task.check.url = "http://localhost:${PORT}/";
    task.check.expected_status = 204;
    task.timeout = Seconds{7};
    task.retry = 2;
    made.pipeline.name = "usual";
    made.pipeline.release = {Task{}, task};
    made.pipeline.post_release = {task};
    made.rollback_script = "old rollback";
    made.verify = {task.check};
    made.variables["PORT"].value = "8080";
    made.start_within = Seconds{59};
    made.deadline = Seconds{601};
    return made;
}

inline Installation installation(const std::string& version, std::uint64_t report) {
    Installation there;
    there.key = {"web-1", "shop", ""};
    there.status = InstallStatus::installed;
    there.version = version;
    there.digest = Digest::of("target " + version);
    there.assignment_digest = Digest::of(version);
    there.commit = std::string(40, 'a');
    there.drifted = true;
    there.drift_reason = "version is 1.4.1";
    there.installed_at = kNoon;
    there.backups = {{"/opt/apps/shop/backups/1", kNoon}};
    there.last_good = LastGood{Digest::of("good"), std::string(40, 'b'), "1.4.1"};
    there.rejected = LastGood{Digest::of("bad"), std::string(40, 'c'), "1.4.3"};
    there.report = report;
    return there;
}

inline ActionResult result(const Action& of, ActionOutcome outcome, std::uint64_t report) {
    ActionResult made;
    made.id = of.id;
    made.release = of.release;
    made.step = of.step;
    made.attempt = of.attempt;
    made.kind = of.kind;
    made.outcome = outcome;
    if (outcome != ActionOutcome::done) made.error = "exit code 1";
    TaskResult task;
    task.name = "deploy";
    task.type = "deploy";
    task.status = outcome == ActionOutcome::done ? TaskStatus::success : TaskStatus::failed;
    task.output = "installed\n";
    task.started_at = kNoon;
    task.finished_at = kNoon + Milliseconds{5};
    made.stages = {StageResult{"release", {task}}};
    made.installation = installation(of.version, report);
    if (outcome != ActionOutcome::done) made.installation.status = InstallStatus::failed;
    return made;
}

/// One session of an agent, in the order in which it speaks.
inline std::vector<wire::AgentMessage> from_agent() {
    const auto deploy = action("1.4.2", ActionKind::deploy);
    Hello hello;
    hello.agent = "web-1";
    hello.boot_id = "b00t";
    hello.version = "0.1.0";
    hello.capabilities = {"driver.script", "slots"};
    hello.highest_epoch = 7;
    hello.targets = {"web-1"};
    Inventory inventory;
    inventory.installations = {installation("1.4.1", 3)};
    inventory.running = {Digest::of("running").hex()};
    inventory.results = {result(action("1.4.0", ActionKind::deploy), ActionOutcome::unknown, 2)};
    return {hello,
            wire::InventoryPiece{inventory, true},
            wire::Changed{{installation("1.4.1", 4)}},
            wire::Heartbeat{},
            ActionUpdate{deploy.id, "release", "deploy", TaskStatus::running, 50},
            result(deploy, ActionOutcome::done, 5),
            result(action("1.4.3", ActionKind::rollback), ActionOutcome::failed, 6),
            wire::Renew{"-----BEGIN CERTIFICATE REQUEST-----\n"},
            wire::Fenced{8}};
}

/// One session of a daemon.
inline std::vector<wire::DaemonMessage> from_daemon() {
    const auto deploy = action("1.4.2", ActionKind::deploy);
    return {wire::Welcome{7},
            wire::Run{7, deploy, {}},
            wire::Cancel{7, deploy.id},
            wire::Run{7, action("1.4.3", ActionKind::rollback), {}},
            wire::Run{7, action("1.4.4", ActionKind::uninstall), {}},
            wire::Ack{{deploy.id}},
            wire::Certificate{"-----BEGIN CERTIFICATE-----\n"},
            wire::Bye{"shutting down"}};
}

/// A journal with one action that ended and was acknowledged, one that ended, one that was cut off.
inline std::vector<agent::JournalRecord> journal_records() {
    const auto first = action("1.4.1", ActionKind::deploy);
    const auto second = action("1.4.2", ActionKind::deploy);
    const auto third = action("1.4.3", ActionKind::rollback);
    return {machine::JournalEpoch{7},
            machine::JournalIntent{first, 7},
            agent::ProcessStarted{first.id, 4242, 1'000, "marker"},
            machine::JournalOutcome{result(first, ActionOutcome::done, 1)},
            machine::JournalForget{first.id},
            machine::JournalIntent{second, 7},
            machine::JournalOutcome{result(second, ActionOutcome::failed, 2)},
            machine::JournalInstallation{installation("1.4.2", 3)},
            machine::JournalIntent{third, 7},
            agent::ProcessStarted{third.id, 4243, 2'000, "marker"}};
}

}  // namespace tidegate::before
