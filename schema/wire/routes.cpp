#include "schema/wire/routes.h"

#include "schema/base/utf8.h"
#include "schema/model/slots.h"
#include "schema/wire/fields.h"

namespace tidegate::wire {
namespace {

Result<std::map<std::string, int>> read_by_slot(const char* field, const auto& from) {
    std::map<std::string, int> to;
    CHECK(at_most(field, static_cast<int>(from.size()), kSlots.size() + 1));
    for (const auto& [slot, count] : from) {
        if (!slot.empty()) CHECK(object_name(field, slot));
        to[slot] = TRY(number(field, count));
    }
    return to;
}

/// Of which assignment, through which router target, and how new; of a route and of its report.
template <class Named>
Result<Named> read_identity(const auto& from) {
    Named to;
    to.key.environment = TRY(object_name("environment", from.environment()));
    to.key.project = TRY(object_name("project", from.project()));
    to.target = TRY(object_name("target", from.target()));
    to.revision = from.revision();
    return to;
}

Result<RouteServer> read(const v1::RouteServer& from) {
    RouteServer to;
    to.name = from.name();
    to.target = TRY(object_name("server target", from.target()));
    to.slot = TRY(slot_or_empty("server slot", from.slot()));
    to.weight = TRY(number("server weight", from.weight(), 100));
    return to;
}

Result<Route> read_definition(const v1::Route& from, Route to) {
    to.router = TRY(named<RouterType>("router", from.router()));
    for (const auto& server : from.servers()) to.servers.push_back(TRY(read(server)));
    to.slot_new = TRY(slot_or_empty("slot_new", from.slot_new()));
    to.slot_old = TRY(slot_or_empty("slot_old", from.slot_old()));
    to.weight_new = TRY(number("weight_new", from.weight_new(), 100));
    to.weight_old = TRY(number("weight_old", from.weight_old(), 100));
    to.socket = from.socket();
    to.backend = from.backend();
    to.state_file = from.state_file();
    to.route_script = from.route_script();
    to.interpreter = from.interpreter();
    to.timeout = TRY(seconds("timeout", from.timeout_s()));
    to.header_name = from.header_name();
    to.header_value = from.header_value();
    to.variables = {from.variables().begin(), from.variables().end()};
    return to;
}

void write_identity(const auto& from, auto& to) {
    to.set_environment(from.key.environment);
    to.set_project(from.key.project);
    to.set_target(from.target);
    to.set_revision(from.revision);
}

}  // namespace

void write(const RouteReport& from, v1::RouteReport& to) {
    write_identity(from, to);
    to.set_in_force(from.in_force);
    to.set_error(to_utf8(from.error));
    for (const auto& [slot, weight] : from.weights)
        (*to.mutable_weights())[slot] = static_cast<std::uint32_t>(weight);
    for (const auto& [slot, count] : from.sessions)
        (*to.mutable_sessions())[slot] = static_cast<std::uint32_t>(count);
}

void write(const Route& from, v1::Route& to) {
    write_identity(from, to);
    to.set_router(std::string{to_string(from.router)});
    for (const auto& server : from.servers) {
        auto& out = *to.add_servers();
        out.set_name(server.name);
        out.set_target(server.target);
        out.set_slot(server.slot);
        out.set_weight(static_cast<std::uint32_t>(server.weight));
    }
    to.set_slot_new(from.slot_new);
    to.set_slot_old(from.slot_old);
    to.set_weight_new(static_cast<std::uint32_t>(from.weight_new));
    to.set_weight_old(static_cast<std::uint32_t>(from.weight_old));
    to.set_socket(from.socket);
    to.set_backend(from.backend);
    to.set_state_file(from.state_file);
    to.set_route_script(from.route_script);
    to.set_interpreter(from.interpreter);
    to.set_timeout_s(static_cast<std::uint64_t>(from.timeout.count()));
    to.set_header_name(from.header_name);
    to.set_header_value(from.header_value);
    for (const auto& [key, value] : from.variables) (*to.mutable_variables())[key] = value;
}

Result<SetRoute> read(const v1::SetRoute& from) {
    SetRoute to;
    to.epoch = from.epoch();
    to.forget = from.forget();
    to.route = TRY(read_identity<Route>(from.route()));
    auto whole = read_definition(from.route(), to.route);
    if (whole)
        to.route = *std::move(whole);
    else
        to.unreadable = std::move(whole).error().message;
    return to;
}

Result<RouteReport> read(const v1::RouteReport& from) {
    auto to = TRY(read_identity<RouteReport>(from));
    to.in_force = from.in_force();
    to.error = error_text(from.error());
    to.weights = TRY(read_by_slot("weights", from.weights()));
    to.sessions = TRY(read_by_slot("sessions", from.sessions()));
    return to;
}

}  // namespace tidegate::wire
