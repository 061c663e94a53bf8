#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "schema/base/limits.h"
#include "schema/base/utf8.h"
#include "schema/wire/messages.h"
#include "schema/wire/names.h"
#include "schema/wire/routes.h"
#include "schema/wire/tidegate.pb.h"

namespace tidegate::wire {
namespace {

using wire::write;  // of routes.h

std::string bytes(const Digest& digest) {
    if (digest.empty()) return {};
    const auto raw = digest.bytes();
    return {raw.begin(), raw.end()};
}

auto count(Seconds value) { return static_cast<std::uint64_t>(value.count()); }
auto milliseconds(Timestamp at) { return at.time_since_epoch().count(); }
auto count(int value) { return static_cast<std::uint32_t>(value); }
std::string name(NamedEnum auto value) { return std::string{to_string(value)}; }

// `write(from, to)` fills one message each; the order of lines is that of tidegate.proto.

void write(const InstallKey& from, v1::InstallKey& to) {
    to.set_target(from.target);
    to.set_project(from.project);
    to.set_slot(from.slot);
}

void write(const LastGood& from, v1::LastGood& to) {
    to.set_digest(bytes(from.digest));
    to.set_commit(to_utf8(from.commit));
    to.set_version(to_utf8(from.version));
    to.set_absent(from.absent);
}

void write(const Installation& from, v1::Installation& to) {
    write(from.key, *to.mutable_key());
    to.set_status(name(from.status));
    to.set_version(to_utf8(from.version));
    to.set_digest(bytes(from.digest));
    to.set_assignment_digest(bytes(from.assignment_digest));
    to.set_commit(to_utf8(from.commit));
    to.set_drifted(from.drifted);
    to.set_drift_reason(to_utf8(from.drift_reason));
    if (from.installed_at) to.set_installed_at_ms(milliseconds(*from.installed_at));
    if (from.last_good) write(*from.last_good, *to.mutable_last_good());
    to.set_report(from.report);
    if (from.rejected) write(*from.rejected, *to.mutable_rejected());
    for (const auto& backup : from.backups) {
        auto& out = *to.add_backups();
        out.set_path(to_utf8(backup.path));
        out.set_at_ms(milliseconds(backup.at));
    }
    to.set_tried_version(to_utf8(from.tried_version));
    to.set_environment(to_utf8(from.environment));
}

void write(const TaskResult& from, v1::TaskResult& to) {
    to.set_name(to_utf8(from.name));
    to.set_type(to_utf8(from.type));
    to.set_status(name(from.status));
    to.set_retry_count(count(from.retry_count));
    to.set_error(to_utf8(from.error));
    to.set_output(to_utf8(from.output));
    if (from.started_at) to.set_started_at_ms(milliseconds(*from.started_at));
    if (from.finished_at) to.set_finished_at_ms(milliseconds(*from.finished_at));
}

void write(const ActionResult& from, v1::ActionResult& to) {
    to.set_id(from.id);
    to.set_release(from.release);
    to.set_step(count(from.step));
    to.set_attempt(count(from.attempt));
    to.set_kind(name(from.kind));
    to.set_outcome(name(from.outcome));
    to.set_error(to_utf8(from.error));
    for (const auto& stage : from.stages) {
        auto& out = *to.add_stages();
        out.set_name(to_utf8(stage.name));
        for (const auto& task : stage.tasks) write(task, *out.add_tasks());
    }
    write(from.installation, *to.mutable_installation());
    to.set_host_trouble(to_utf8(from.host_trouble));
}

void write(const HealthCheck& from, v1::HealthCheck& to) {
    to.set_type(name(from.type));
    to.set_url(from.url);
    to.set_host(from.host);
    to.set_port(from.port);
    to.set_script(from.script);
    if (from.expected_status) to.set_expected_status(count(*from.expected_status));
    to.set_timeout_s(count(from.timeout));
    to.set_retry(count(from.retry));
    to.set_interval_s(count(from.interval));
    to.set_success_threshold(count(from.success_threshold));
}

void write(const Task& from, v1::Task& to) {
    to.set_name(from.name);
    to.set_type(name(from.type));
    to.set_on_error(name(from.on_error));
    if (from.timeout) to.set_timeout_s(count(*from.timeout));
    to.set_retry(count(from.retry));
    to.set_retry_delay_s(count(from.retry_delay));
    to.set_condition(from.condition);
    for (const auto& task : from.depends_on) to.add_depends_on(task);
    to.set_parallel(from.parallel);
    to.set_script(from.script);
    write(from.check, *to.mutable_check());
    to.set_graceful_timeout_s(count(from.graceful_timeout));
    to.set_force_kill(from.force_kill);
    to.set_wait_ready(from.wait_ready);
    to.set_ready_timeout_s(count(from.ready_timeout));
    to.set_duration_s(count(from.duration));
}

void write(const Pipeline& from, v1::Pipeline& to) {
    to.set_name(from.name);
    for (const auto& task : from.pre_release) write(task, *to.add_pre_release());
    for (const auto& task : from.release) write(task, *to.add_release());
    for (const auto& task : from.post_release) write(task, *to.add_post_release());
}

void write(const ScriptDeploy& from, v1::ScriptDeploy& to) {
    to.set_work_dir(from.work_dir);
    to.set_interpreter(from.interpreter);
    for (const auto& [key, value] : from.environment) (*to.mutable_environment())[key] = value;
    to.set_install_script(from.install_script);
    to.set_update_script(from.update_script);
    to.set_rollback_script(from.rollback_script);
    to.set_uninstall_script(from.uninstall_script);
    to.set_probe_script(from.probe_script);
    to.mutable_service()->set_start(from.service.start);
    to.mutable_service()->set_stop(from.service.stop);
    to.mutable_service()->set_status(from.service.status);
    to.mutable_service()->set_unit(from.service.unit);
    to.set_install_timeout_s(count(from.timeouts.install));
    to.set_update_timeout_s(count(from.timeouts.update));
    to.set_rollback_timeout_s(count(from.timeouts.rollback));
    to.set_uninstall_timeout_s(count(from.timeouts.uninstall));
    to.set_shared_work_dir(from.shared_work_dir);
    to.set_slot_remove_script(from.slot_remove_script);
}

void write(const Variable& from, v1::Variable& to) {
    to.set_type(name(from.type));
    to.set_value(from.value);
    for (const auto& [key, value] : from.values) (*to.mutable_values())[key] = value;
    to.set_source(to_utf8(from.source));
    to.set_key(from.key);
    for (const auto& [slot, value] : from.slots) (*to.mutable_slots())[slot] = value;
}

void write_identity(const Action& from, v1::Action& to) {
    to.set_id(from.id);
    to.set_release(from.release);
    to.set_step(count(from.step));
    to.set_attempt(count(from.attempt));
    to.set_kind(name(from.kind));
    write(from.key, *to.mutable_key());
    to.set_environment(from.environment);
    to.set_digest(bytes(from.digest));
    to.set_assignment_digest(bytes(from.assignment_digest));
    to.set_commit(to_utf8(from.commit));
}

void write(const Action& from, v1::Action& to) {
    write_identity(from, to);
    to.set_version(from.version);
    to.set_current_version(from.current_version);
    to.set_rollback_version(from.rollback_version);
    if (from.last_good) write(*from.last_good, *to.mutable_last_good());
    if (from.artifact) {
        to.mutable_artifact()->set_url(from.artifact->url);
        to.mutable_artifact()->set_sha256(to_utf8(from.artifact->sha256));
    }
    to.set_keep_data(from.keep_data);
    to.set_target_work_dir(from.target_work_dir);
    to.mutable_deploy()->set_type(name(from.deploy.type));
    write(from.deploy.script, *to.mutable_deploy()->mutable_script());
    write(from.pipeline, *to.mutable_pipeline());
    to.set_rollback_script(from.rollback_script);
    for (const auto& check : from.verify) write(check, *to.add_verify());
    for (const auto& [key, variable] : from.variables)
        write(variable, (*to.mutable_variables())[key]);
    to.set_start_within_s(count(from.start_within));
    to.set_deadline_s(count(from.deadline));
    if (from.rejected) write(*from.rejected, *to.mutable_rejected());
    to.set_watch_for_s(count(from.watch_for));
}

void write(const EpochProof& from, v1::EpochProof& to) {
    to.set_epoch(from.epoch);
    to.set_signature(from.signature);
}

struct AgentWriter {
    v1::AgentMessage& to;

    void operator()(const Hello& from) const {
        auto& hello = *to.mutable_hello();
        hello.set_protocol(kProtocol);
        hello.set_agent(from.agent);
        hello.set_boot_id(from.boot_id);
        hello.set_version(to_utf8(from.version));
        for (const auto& capability : from.capabilities) hello.add_capabilities(capability);
        hello.set_highest_epoch(from.highest_epoch);
        for (const auto& target : from.targets) hello.add_targets(target);
        if (from.epoch_proof) write(*from.epoch_proof, *hello.mutable_epoch_proof());
        hello.set_runs_at_once(static_cast<std::uint32_t>(std::max(from.runs_at_once, 0)));
    }
    void operator()(const InventoryPiece& from) const {
        auto& inventory = *to.mutable_inventory();
        for (const auto& item : from.items.installations)
            write(item, *inventory.add_installations());
        for (const auto& id : from.items.running) inventory.add_running(id);
        for (const auto& result : from.items.results) write(result, *inventory.add_results());
        inventory.set_last(from.last);
        for (const auto& id : from.items.suspended) inventory.add_suspended(id);
        for (const auto& report : from.items.routes) write(report, *inventory.add_routes());
    }
    void operator()(const Changed& from) const {
        auto& changed = *to.mutable_changed();
        for (const auto& item : from.installations) write(item, *changed.add_installations());
    }
    void operator()(const Heartbeat& from) const {
        to.mutable_heartbeat()->set_stopping(from.stopping);
    }
    void operator()(const ActionUpdate& from) const {
        auto& update = *to.mutable_update();
        update.set_id(from.id);
        update.set_stage(to_utf8(from.stage));
        update.set_task(to_utf8(from.task));
        update.set_status(name(from.status));
        update.set_progress(count(from.progress));
    }
    void operator()(const ActionResult& from) const { write(from, *to.mutable_result()); }
    void operator()(const Renew& from) const { to.mutable_renew()->set_csr_pem(from.csr_pem); }
    void operator()(const Fenced& from) const {
        to.mutable_fenced()->set_highest_epoch(from.highest_epoch);
        if (from.epoch_proof) write(*from.epoch_proof, *to.mutable_fenced()->mutable_epoch_proof());
    }
    void operator()(const Routed& from) const {
        write(from.report, *to.mutable_routed()->mutable_report());
    }
};

struct DaemonWriter {
    v1::DaemonMessage& to;

    void operator()(const Welcome& from) const {
        to.mutable_welcome()->set_protocol(kProtocol);
        to.mutable_welcome()->set_epoch(from.epoch);
        if (from.epoch_proof)
            write(*from.epoch_proof, *to.mutable_welcome()->mutable_epoch_proof());
        to.mutable_welcome()->set_answers_suspended(from.answers_suspended);
    }
    void operator()(const Run& from) const {
        to.mutable_run()->set_epoch(from.epoch);
        write(from.action, *to.mutable_run()->mutable_action());
    }
    void operator()(const Cancel& from) const {
        to.mutable_cancel()->set_id(from.id);
        to.mutable_cancel()->set_epoch(from.epoch);
    }
    void operator()(const Ack& from) const {
        to.mutable_ack();
        for (const auto& id : from.ids) to.mutable_ack()->add_ids(id);
    }
    void operator()(const Certificate& from) const {
        to.mutable_certificate()->set_chain_pem(from.chain_pem);
    }
    void operator()(const Bye& from) const { to.mutable_bye()->set_reason(to_utf8(from.reason)); }
    void operator()(const SetRoute& from) const {
        to.mutable_set_route()->set_epoch(from.epoch);
        to.mutable_set_route()->set_forget(from.forget);
        write(from.route, *to.mutable_set_route()->mutable_route());
    }
};

/// Maps in the order of their keys: the same value gives the same bytes.
template <class Message>
Result<std::string> serialize(const Message& message) {
    if (message.ByteSizeLong() > limits::kFrameBytesMax)
        return fail(ErrorCode::exhausted, "a message must be at most {} bytes long, got {}",
                    limits::kFrameBytesMax, message.ByteSizeLong());
    std::string out;
    {
        google::protobuf::io::StringOutputStream stream{&out};
        google::protobuf::io::CodedOutputStream coded{&stream};
        coded.SetSerializationDeterministic(true);
        message.SerializeWithCachedSizes(&coded);
    }
    return out;
}

template <class Message, class Value>
std::size_t encoded_size(const Value& value) {
    Message message;
    write(value, message);
    return message.ByteSizeLong();
}

/// Fills pieces one item after another; a new piece begins where an item does not fit.
class Splitter {
public:
    /// `list` says which list of the inventory the item belongs to.
    template <class Item>
    void add(std::vector<Item> Inventory::*list, Item item, std::size_t size) {
        constexpr std::size_t kOverhead = 16;
        const bool full = (pieces_.back().items.*list).size() == limits::kInventoryItemsPerFrameMax;
        if (full || bytes_ + size + kOverhead > limits::kFrameBytesMax) {
            pieces_.emplace_back();
            bytes_ = kOverhead;
        }
        bytes_ += size + kOverhead;
        (pieces_.back().items.*list).push_back(std::move(item));
    }
    std::vector<InventoryPiece> finish() && {
        pieces_.back().last = true;
        return std::move(pieces_);
    }

private:
    std::vector<InventoryPiece> pieces_{1};
    std::size_t bytes_ = 0;
};

void keep_tail(std::string& text, std::size_t size) {
    text = to_utf8(text);
    if (text.size() > size) text.erase(0, text.size() - size);
}

void keep_head(std::string& text, std::size_t size) {
    text = to_utf8(text);
    if (text.size() > size) text.resize(size);
}

/// The daemon takes kInventoryBytesMax in all. On a host with very many projects their backups are
/// what it can best do without.
void leave_room(std::vector<Installation>& installations) {
    std::size_t bytes = 0;
    for (const auto& item : installations) bytes += encoded_size<v1::Installation>(item);
    if (bytes <= limits::kInventoryBytesMax / 2) return;
    for (auto& item : installations) item.backups.clear();
}

bool fits(const ActionResult& result) {
    return encoded_size<v1::ActionResult>(result) <= limits::kResultBytesMax;
}

}  // namespace

std::string epoch_statement(std::uint64_t epoch) {
    return fmt::format("Tidegate: a daemon of this CA speaks with epoch {}\n", epoch);
}

Result<std::string> encode(const AgentMessage& message) {
    v1::AgentMessage out;
    std::visit(AgentWriter{out}, message);
    return serialize(out);
}

Result<std::string> encode(const DaemonMessage& message) {
    v1::DaemonMessage out;
    std::visit(DaemonWriter{out}, message);
    return serialize(out);
}

std::vector<InventoryPiece> split(Inventory inventory) {
    Splitter pieces;
    leave_room(inventory.installations);
    for (auto& item : inventory.installations) {
        const auto size = encoded_size<v1::Installation>(item);
        pieces.add(&Inventory::installations, std::move(item), size);
    }
    for (const auto list : {&Inventory::running, &Inventory::suspended})
        for (auto& id : inventory.*list) {
            const auto size = id.size();
            pieces.add(list, std::move(id), size);
        }
    for (auto& report : inventory.routes) {
        const auto size = encoded_size<v1::RouteReport>(report);
        pieces.add(&Inventory::routes, std::move(report), size);
    }
    for (auto& result : inventory.results) {
        auto fitting = shortened(std::move(result));
        const auto size = encoded_size<v1::ActionResult>(fitting);
        pieces.add(&Inventory::results, std::move(fitting), size);
    }
    return std::move(pieces).finish();
}

std::size_t bytes_of(const ActionResult& result) {
    return encoded_size<v1::ActionResult>(shortened(result));
}

std::vector<ActionResult> take_excess(Inventory& inventory, std::size_t bytes_max) {
    auto& results = inventory.results;
    auto kept = results.end();
    for (std::size_t bytes = 0; kept != results.begin(); --kept) {
        bytes += bytes_of(*std::prev(kept));
        if (bytes > bytes_max) break;
    }
    std::vector<ActionResult> excess{std::make_move_iterator(results.begin()),
                                     std::make_move_iterator(kept)};
    results.erase(results.begin(), kept);
    for (const auto& result : excess) inventory.running.push_back(result.id);
    return excess;
}

ActionResult shortened(ActionResult result) {
    if (fits(result)) return result;
    std::size_t texts = 3;
    for (const auto& stage : result.stages) texts += 2 * stage.tasks.size();
    const auto share = limits::kResultBytesMax * 3 / 4 / texts;  // a quarter for all the rest
    keep_head(result.error, share);
    keep_head(result.host_trouble, share);
    keep_head(result.installation.drift_reason, share);
    for (auto& stage : result.stages)
        for (auto& task : stage.tasks) {
            keep_head(task.error, share);
            keep_tail(task.output, share);
        }
    if (!fits(result)) result.stages.clear();
    return result;
}

}  // namespace tidegate::wire
