#include "schema/base/limits.h"
#include "schema/wire/fields.h"
#include "schema/wire/messages.h"
#include "schema/wire/routes.h"
#include "schema/wire/tidegate.pb.h"

namespace tidegate::wire {
namespace {

using wire::read;  // of routes.h

// `read(from)` checks and makes one value each; the order of lines is that of tidegate.proto.

Result<InstallKey> read(const v1::InstallKey& from) {
    InstallKey to;
    to.target = TRY(object_name("target", from.target()));
    to.project = TRY(object_name("project", from.project()));
    if (!from.slot().empty()) to.slot = TRY(object_name("slot", from.slot()));
    return to;
}

Result<LastGood> read(const v1::LastGood& from) {
    LastGood to;
    to.digest = TRY(digest("last_good.digest", from.digest()));
    to.commit = TRY(id_or_empty("last_good.commit", from.commit()));
    to.version = word(from.version());
    to.absent = from.absent();
    return to;
}

/// A path that was cut would be another path, so one that is too long is left out.
Result<std::vector<Backup>> read_backups(const v1::Installation& from) {
    std::vector<Backup> to;
    for (const auto& backup : first(from.backups(), limits::kBackupsMax)) {
        if (backup.path().size() > limits::kBackupPathBytesMax) continue;
        const auto at = TRY(timestamp("backup", backup.at_ms()));
        to.push_back({backup.path(), at});
    }
    return to;
}

Result<Installation> read(const v1::Installation& from) {
    Installation to;
    to.key = TRY(read(from.key()));
    to.status = from_string<InstallStatus>(from.status()).value_or(InstallStatus::unknown);
    to.version = word(from.version());
    to.digest = TRY(digest("digest", from.digest()));
    to.assignment_digest = TRY(digest("assignment_digest", from.assignment_digest()));
    to.commit = TRY(id_or_empty("commit", from.commit()));
    to.drifted = from.drifted();
    to.drift_reason = error_text(from.drift_reason());
    if (from.has_installed_at_ms())
        to.installed_at = TRY(timestamp("installed_at", from.installed_at_ms()));
    if (from.has_last_good()) to.last_good = TRY(read(from.last_good()));
    to.report = from.report();
    if (from.has_rejected()) to.rejected = TRY(read(from.rejected()));
    to.backups = TRY(read_backups(from));
    to.tried_version = word(from.tried_version());
    to.environment = word(from.environment());
    return to;
}

Result<TaskResult> read(const v1::TaskResult& from) {
    TaskResult to;
    to.name = word(from.name());
    to.type = word(from.type());
    to.status = TRY(named<TaskStatus>("task status", from.status()));
    to.retry_count = TRY(number("retry_count", from.retry_count()));
    to.error = error_text(from.error());
    to.output = from.output();
    if (from.has_started_at_ms())
        to.started_at = TRY(timestamp("started_at", from.started_at_ms()));
    if (from.has_finished_at_ms())
        to.finished_at = TRY(timestamp("finished_at", from.finished_at_ms()));
    return to;
}

Result<ActionResult> read(const v1::ActionResult& from) {
    ActionResult to;
    to.id = TRY(id("result id", from.id()));
    to.release = TRY(id("release", from.release()));
    to.step = TRY(number("step", from.step()));
    to.attempt = TRY(number("attempt", from.attempt()));
    to.kind = TRY(named<ActionKind>("kind", from.kind()));
    to.outcome = from_string<ActionOutcome>(from.outcome()).value_or(ActionOutcome::unknown);
    to.error = error_text(from.error());
    for (const auto& stage : first(from.stages(), limits::kStagesPerActionMax)) {
        auto& stage_result = to.stages.emplace_back();
        stage_result.name = word(stage.name());
        for (const auto& task : first(stage.tasks(), limits::kTasksPerStageMax))
            stage_result.tasks.push_back(TRY(read(task)));
    }
    to.installation = TRY(read(from.installation()));
    to.host_trouble = word(from.host_trouble());
    return to;
}

template <class Message>
Result<std::optional<EpochProof>> read_proof(const Message& from) {
    if (!from.has_epoch_proof()) return std::nullopt;
    const auto& proof = from.epoch_proof();
    if (proof.signature().size() > limits::kSignatureBytesMax)
        return fail(ErrorCode::invalid, "epoch_proof must have at most {} bytes, got {}",
                    limits::kSignatureBytesMax, proof.signature().size());
    return EpochProof{proof.epoch(), proof.signature()};
}

Result<Hello> read(const v1::Hello& from) {
    if (from.protocol() != kProtocol)
        return fail(ErrorCode::invalid, "the peer speaks protocol {}, this build {}",
                    from.protocol(), kProtocol);
    Hello to;
    to.agent = TRY(object_name("agent", from.agent()));
    to.boot_id = TRY(id("boot_id", from.boot_id()));
    to.version = word(from.version());
    CHECK(at_most("capabilities", from.capabilities_size(), limits::kCapabilitiesMax));
    for (const auto& capability : from.capabilities())
        to.capabilities.push_back(TRY(object_name("capability", capability)));
    to.highest_epoch = from.highest_epoch();
    CHECK(at_most("targets", from.targets_size(), limits::kTargetsPerAgentMax));
    to.runs_at_once =
        static_cast<int>(std::min<std::uint32_t>(from.runs_at_once(), limits::kActionsAtOnceMax));
    for (const auto& target : from.targets())
        to.targets.push_back(TRY(object_name("target", target)));
    to.epoch_proof = TRY(read_proof(from));
    return to;
}

template <class Messages>
Result<std::vector<Installation>> read_installations(const Messages& from) {
    CHECK(at_most("installations", from.size(), limits::kInventoryItemsPerFrameMax));
    std::vector<Installation> to;
    for (const auto& item : from) to.push_back(TRY(read(item)));
    return to;
}

Result<InventoryPiece> read(const v1::Inventory& from) {
    InventoryPiece to;
    to.items.installations = TRY(read_installations(from.installations()));
    CHECK(at_most("running", from.running_size(), limits::kInventoryItemsPerFrameMax));
    for (const auto& running : from.running())
        to.items.running.push_back(TRY(id("running", running)));
    CHECK(at_most("results", from.results_size(), limits::kInventoryItemsPerFrameMax));
    for (const auto& result : from.results()) to.items.results.push_back(TRY(read(result)));
    to.last = from.last();
    CHECK(at_most("suspended", from.suspended_size(), limits::kInventoryItemsPerFrameMax));
    for (const auto& suspended : from.suspended())
        to.items.suspended.push_back(TRY(id("suspended", suspended)));
    CHECK(at_most("routes", from.routes_size(), limits::kInventoryItemsPerFrameMax));
    for (const auto& route : from.routes()) to.items.routes.push_back(TRY(read(route)));
    return to;
}

Result<ActionUpdate> read(const v1::ActionUpdate& from) {
    ActionUpdate to;
    to.id = TRY(id("update id", from.id()));
    to.stage = word(from.stage());
    to.task = word(from.task());
    to.status = TRY(named<TaskStatus>("status", from.status()));
    to.progress = TRY(number("progress", from.progress(), 100));
    return to;
}

Result<HealthCheck> read(const v1::HealthCheck& from) {
    HealthCheck to;
    to.type = TRY(named<CheckType>("health check type", from.type()));
    to.url = from.url();
    to.host = from.host();
    to.port = from.port();
    to.script = from.script();
    if (from.has_expected_status())
        to.expected_status = TRY(number("expected_status", from.expected_status(), 999));
    to.timeout = TRY(seconds("timeout", from.timeout_s()));
    to.retry = TRY(number("retry", from.retry()));
    to.interval = TRY(seconds("interval", from.interval_s()));
    to.success_threshold = TRY(number("success_threshold", from.success_threshold()));
    return to;
}

Result<Task> read(const v1::Task& from) {
    Task to;
    to.name = from.name();
    to.type = TRY(named<TaskType>("task type", from.type()));
    to.on_error = TRY(named<OnError>("on_error", from.on_error()));
    if (from.has_timeout_s()) to.timeout = TRY(seconds("timeout", from.timeout_s()));
    to.retry = TRY(number("retry", from.retry()));
    to.retry_delay = TRY(seconds("retry_delay", from.retry_delay_s()));
    to.condition = from.condition();
    to.depends_on.assign(from.depends_on().begin(), from.depends_on().end());
    to.parallel = from.parallel();
    to.script = from.script();
    to.check = TRY(read(from.check()));
    to.graceful_timeout = TRY(seconds("graceful_timeout", from.graceful_timeout_s()));
    to.force_kill = from.force_kill();
    to.wait_ready = from.wait_ready();
    to.ready_timeout = TRY(seconds("ready_timeout", from.ready_timeout_s()));
    to.duration = TRY(seconds("duration", from.duration_s()));
    return to;
}

template <class Messages>
Result<std::vector<Task>> read_tasks(const Messages& from) {
    std::vector<Task> to;
    for (const auto& task : from) to.push_back(TRY(read(task)));
    return to;
}

Result<Pipeline> read(const v1::Pipeline& from) {
    Pipeline to;
    to.name = from.name();
    to.pre_release = TRY(read_tasks(from.pre_release()));
    to.release = TRY(read_tasks(from.release()));
    to.post_release = TRY(read_tasks(from.post_release()));
    return to;
}

Result<ScriptDeploy> read(const v1::ScriptDeploy& from) {
    ScriptDeploy to;
    to.work_dir = from.work_dir();
    to.interpreter = from.interpreter();
    to.environment = {from.environment().begin(), from.environment().end()};
    to.install_script = from.install_script();
    to.update_script = from.update_script();
    to.rollback_script = from.rollback_script();
    to.uninstall_script = from.uninstall_script();
    to.probe_script = from.probe_script();
    to.service = {.start = from.service().start(),
                  .stop = from.service().stop(),
                  .status = from.service().status(),
                  .unit = from.service().unit()};
    to.timeouts.install = TRY(seconds("install timeout", from.install_timeout_s()));
    to.timeouts.update = TRY(seconds("update timeout", from.update_timeout_s()));
    to.timeouts.rollback = TRY(seconds("rollback timeout", from.rollback_timeout_s()));
    to.timeouts.uninstall = TRY(seconds("uninstall timeout", from.uninstall_timeout_s()));
    to.shared_work_dir = from.shared_work_dir();
    to.slot_remove_script = from.slot_remove_script();
    return to;
}

Result<Variable> read(const v1::Variable& from) {
    Variable to;
    to.type = TRY(named<VariableType>("variable type", from.type()));
    to.value = from.value();
    to.values = {from.values().begin(), from.values().end()};
    to.source = from.source();
    to.key = from.key();
    to.slots = {from.slots().begin(), from.slots().end()};
    return to;
}

/// What a refusal needs; unknown kinds are for `read_definition` to refuse.
Result<Action> read_identity(const v1::Action& from) {
    Action to;
    to.id = TRY(id("action id", from.id()));
    to.release = TRY(id("release", from.release()));
    to.step = TRY(number("step", from.step()));
    to.attempt = TRY(number("attempt", from.attempt()));
    to.kind = from_string<ActionKind>(from.kind()).value_or(ActionKind::deploy);
    to.key = TRY(read(from.key()));
    return to;
}

Result<Action> read_definition(const v1::Action& from, Action to) {
    to.kind = TRY(named<ActionKind>("kind", from.kind()));
    to.environment = TRY(object_name("environment", from.environment()));
    to.digest = TRY(digest("digest", from.digest()));
    to.assignment_digest = TRY(digest("assignment_digest", from.assignment_digest()));
    to.commit = TRY(id_or_empty("commit", from.commit()));
    to.version = from.version();
    to.current_version = from.current_version();
    to.rollback_version = from.rollback_version();
    if (from.has_last_good()) to.last_good = TRY(read(from.last_good()));
    if (from.has_artifact())
        to.artifact = Artifact{from.artifact().url(), from.artifact().sha256()};
    to.keep_data = from.keep_data();
    to.target_work_dir = from.target_work_dir();
    to.deploy.type = TRY(named<DeployType>("deploy type", from.deploy().type()));
    to.deploy.script = TRY(read(from.deploy().script()));
    to.pipeline = TRY(read(from.pipeline()));
    to.rollback_script = from.rollback_script();
    for (const auto& check : from.verify()) to.verify.push_back(TRY(read(check)));
    for (const auto& [key, variable] : from.variables()) to.variables[key] = TRY(read(variable));
    to.start_within = TRY(seconds("start_within", from.start_within_s()));
    to.deadline = TRY(seconds("deadline", from.deadline_s()));
    if (from.has_rejected()) to.rejected = TRY(read(from.rejected()));
    to.watch_for = TRY(seconds("watch_for", from.watch_for_s()));
    return to;
}

Result<Run> read(const v1::Run& from) {
    Run to;
    to.epoch = from.epoch();
    to.action = TRY(read_identity(from.action()));
    auto whole = read_definition(from.action(), to.action);
    if (whole)
        to.action = *std::move(whole);
    else
        to.unreadable = std::move(whole).error().message;
    return to;
}

Result<Welcome> read(const v1::Welcome& from) {
    if (from.protocol() != kProtocol)
        return fail(ErrorCode::invalid, "the peer speaks protocol {}, this build {}",
                    from.protocol(), kProtocol);
    auto proof = TRY(read_proof(from));
    return Welcome{from.epoch(), std::move(proof), from.answers_suspended()};
}

Result<Ack> read(const v1::Ack& from) {
    Ack to;
    for (const auto& acknowledged : from.ids()) to.ids.push_back(TRY(id("ack", acknowledged)));
    return to;
}

template <class Message>
Result<Message> parse(std::string_view bytes) {
    // A peer must not be able to fill our standard error with protobuf's complaints.
    [[maybe_unused]] static const auto silenced = google::protobuf::SetLogHandler(nullptr);
    Message message;
    if (bytes.size() > limits::kFrameBytesMax ||
        !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
        return fail(ErrorCode::invalid, "{} bytes are not a message of the agent protocol",
                    bytes.size());
    return message;
}

}  // namespace

Result<AgentMessage> decode_agent(std::string_view bytes) {
    const auto from = TRY(parse<v1::AgentMessage>(bytes));
    switch (from.message_case()) {
        case v1::AgentMessage::kHello:
            return TRY(read(from.hello()));
        case v1::AgentMessage::kInventory:
            return TRY(read(from.inventory()));
        case v1::AgentMessage::kChanged:
            return Changed{TRY(read_installations(from.changed().installations()))};
        case v1::AgentMessage::kHeartbeat:
            return Heartbeat{from.heartbeat().stopping()};
        case v1::AgentMessage::kUpdate:
            return TRY(read(from.update()));
        case v1::AgentMessage::kResult:
            return TRY(read(from.result()));
        case v1::AgentMessage::kRenew:
            return Renew{from.renew().csr_pem()};
        case v1::AgentMessage::kFenced: {
            auto proof = TRY(read_proof(from.fenced()));
            return Fenced{from.fenced().highest_epoch(), std::move(proof)};
        }
        case v1::AgentMessage::kRouted:
            return Routed{TRY(read(from.routed().report()))};
        case v1::AgentMessage::MESSAGE_NOT_SET:
            break;
    }
    return fail(ErrorCode::invalid, "a message of an agent that this build does not know");
}

Result<DaemonMessage> decode_daemon(std::string_view bytes) {
    const auto from = TRY(parse<v1::DaemonMessage>(bytes));
    switch (from.message_case()) {
        case v1::DaemonMessage::kWelcome:
            return TRY(read(from.welcome()));
        case v1::DaemonMessage::kRun:
            return TRY(read(from.run()));
        case v1::DaemonMessage::kCancel: {
            auto action = TRY(id("cancel", from.cancel().id()));
            return Cancel{from.cancel().epoch(), std::move(action)};
        }
        case v1::DaemonMessage::kAck:
            return TRY(read(from.ack()));
        case v1::DaemonMessage::kCertificate:
            return Certificate{from.certificate().chain_pem()};
        case v1::DaemonMessage::kBye:
            return Bye{from.bye().reason()};
        case v1::DaemonMessage::kSetRoute:
            return TRY(read(from.set_route()));
        case v1::DaemonMessage::MESSAGE_NOT_SET:
            break;
    }
    return fail(ErrorCode::invalid, "a message of the daemon that this build does not know");
}

}  // namespace tidegate::wire
