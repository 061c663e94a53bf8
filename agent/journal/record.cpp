#include "agent/journal/record.h"

#include <fmt/format.h>

#include <charconv>
#include <sstream>

#include "schema/model/json.h"
#include "schema/wire/messages.h"

namespace tidegate::agent {
namespace {

using Encoded = Result<EncodedRecord>;

Encoded record(char type, Result<std::string> payload) {
    EncodedRecord encoded{type, {}};
    encoded.payload = TRY(std::move(payload));
    return encoded;
}

struct Encoder {
    Encoded operator()(const machine::JournalIntent& intent) const {
        return record(
            kIntent, wire::encode(wire::DaemonMessage{wire::Run{intent.epoch, intent.action, {}}}));
    }
    Encoded operator()(const machine::JournalOutcome& outcome) const {
        return record(kOutcome, wire::encode(wire::AgentMessage{wire::shortened(outcome.result)}));
    }
    Encoded operator()(const machine::JournalEpoch& epoch) const {
        return EncodedRecord{kEpoch, fmt::format("{}", epoch.epoch)};
    }
    Encoded operator()(const machine::JournalInstallation& installation) const {
        return record(kInstallation,
                      wire::encode(wire::AgentMessage{wire::Changed{{installation.installation}}}));
    }
    Encoded operator()(const machine::JournalForget& record) const {
        return EncodedRecord{kForget, record.action};
    }
    Encoded operator()(const machine::JournalAcks& acks) const {
        return EncodedRecord{kAcks, fmt::format("{}", fmt::join(acks.actions, " "))};
    }
    Encoded operator()(const machine::JournalRoute& set) const {
        return record(kRoute, wire::encode(wire::DaemonMessage{wire::SetRoute{0, set.route}}));
    }
    Encoded operator()(const machine::JournalForgetRoute& forget) const {
        wire::SetRoute set;
        std::tie(set.route.key, set.route.target) = forget.id;
        set.forget = true;
        return record(kRoute, wire::encode(wire::DaemonMessage{std::move(set)}));
    }
    Encoded operator()(const ProcessStarted& process) const {
        return EncodedRecord{kProcess, fmt::format("{} {} {} {}", process.action, process.pid,
                                                   process.start_time, process.marker)};
    }
    Encoded operator()(const ActionBegan& began) const {
        return EncodedRecord{kBegan,
                             fmt::format("{} {} {} {}", began.action, began.at.boot_id,
                                         began.at.since_boot.count(), began.at.wall.count())};
    }
    /// As the JSON of a result that holds this one task; its step is the task's place.
    Encoded operator()(const machine::TaskNote& note) const {
        ActionResult result;
        result.id = note.action;
        result.step = note.place;
        result.stages = {{note.stage, {note.result}}};
        return EncodedRecord{kTask, to_json(result)};
    }
};

tl::unexpected<Error> damaged(char type) {
    return fail(ErrorCode::invalid, "journal: a record of type '{}' cannot be understood", type);
}

Result<JournalRecord> decode_intent(std::string_view payload) {
    auto message = TRY(wire::decode_daemon(payload));
    auto* run = std::get_if<wire::Run>(&message);
    if (run == nullptr || !run->unreadable.empty()) return damaged(kIntent);
    return machine::JournalIntent{std::move(run->action), run->epoch};
}

Result<JournalRecord> decode_outcome(std::string_view payload) {
    auto message = TRY(wire::decode_agent(payload));
    auto* result = std::get_if<ActionResult>(&message);
    if (result == nullptr) return damaged(kOutcome);
    return machine::JournalOutcome{std::move(*result)};
}

Result<JournalRecord> decode_installation(std::string_view payload) {
    auto message = TRY(wire::decode_agent(payload));
    auto* changed = std::get_if<wire::Changed>(&message);
    if (changed == nullptr || changed->installations.size() != 1) return damaged(kInstallation);
    return machine::JournalInstallation{std::move(changed->installations.front())};
}

Result<JournalRecord> decode_epoch(std::string_view payload) {
    machine::JournalEpoch epoch;
    const auto [end, error] =
        std::from_chars(payload.data(), payload.data() + payload.size(), epoch.epoch);
    if (error != std::errc{} || end != payload.data() + payload.size()) return damaged(kEpoch);
    return epoch;
}

Result<JournalRecord> decode_route(std::string_view payload) {
    auto message = TRY(wire::decode_daemon(payload));
    auto* set = std::get_if<wire::SetRoute>(&message);
    if (set == nullptr || !set->unreadable.empty()) return damaged(kRoute);
    if (set->forget) return machine::JournalForgetRoute{machine::id_of(set->route)};
    return machine::JournalRoute{std::move(set->route)};
}

machine::JournalAcks decode_acks(std::string_view payload) {
    machine::JournalAcks acks;
    std::istringstream text{std::string{payload}};
    for (std::string id; text >> id;) acks.actions.push_back(std::move(id));
    return acks;
}

Result<JournalRecord> decode_process(std::string_view payload) {
    ProcessStarted process;
    std::istringstream text{std::string{payload}};
    text >> process.action >> process.pid >> process.start_time >> process.marker;
    if (!text) return damaged(kProcess);
    return process;
}

Result<JournalRecord> decode_began(std::string_view payload) {
    ActionBegan began;
    Milliseconds::rep since_boot = 0;
    Milliseconds::rep wall = 0;
    std::istringstream text{std::string{payload}};
    text >> began.action >> began.at.boot_id >> since_boot >> wall;
    if (!text) return damaged(kBegan);
    began.at.since_boot = Milliseconds{since_boot};
    began.at.wall = Milliseconds{wall};
    return began;
}

Result<JournalRecord> decode_task(std::string_view payload) {
    auto result = TRY(action_result_from_json(payload));
    if (result.stages.size() != 1 || result.stages[0].tasks.size() != 1) return damaged(kTask);
    auto& stage = result.stages[0];
    return machine::TaskNote{std::move(result.id), std::move(stage.name), result.step,
                             std::move(stage.tasks[0])};
}

}  // namespace

Result<EncodedRecord> encode(const JournalRecord& record) { return std::visit(Encoder{}, record); }

Result<JournalRecord> decode(char type, std::string_view payload) {
    switch (type) {
        case kIntent:
            return decode_intent(payload);
        case kOutcome:
            return decode_outcome(payload);
        case kInstallation:
            return decode_installation(payload);
        case kEpoch:
            return decode_epoch(payload);
        case kForget:
            return machine::JournalForget{std::string{payload}};
        case kAcks:
            return decode_acks(payload);
        case kProcess:
            return decode_process(payload);
        case kBegan:
            return decode_began(payload);
        case kTask:
            return decode_task(payload);
        case kRoute:
            return decode_route(payload);
        default:
            return damaged(type);
    }
}

}  // namespace tidegate::agent
