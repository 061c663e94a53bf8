/// The machine's part in routes: epochs, and an end. All else is in routes.h.

#include <utility>

#include "agent/machine/machine.h"

namespace tidegate::machine {
namespace {

void append(Effects& out, RouteEffects more) {
    for (auto& effect : more)
        std::visit([&](auto& known) { out.emplace_back(std::move(known)); }, effect);
}

}  // namespace

Effects Machine::handle(const SetRouteCommand& command, Timestamp) {
    Effects out;
    if (accept_epoch(command.epoch, out) && !stopping_) append(out, routes_.set(command));
    return out;
}

Effects Machine::handle(const RouteDurable& input, Timestamp) {
    Effects out;
    if (!stopping_) append(out, routes_.durable(input));
    return out;
}

Effects Machine::handle(const RouteUnkept& input, Timestamp) {
    Effects out;
    if (!stopping_) append(out, routes_.unkept(input));
    return out;
}

Effects Machine::handle(const RouteLooked& input, Timestamp) {
    Effects out;
    append(out, routes_.looked(input));
    return out;
}

}  // namespace tidegate::machine
