#include "agent/routers/script_router.h"

#include <fmt/core.h>

#include <utility>

#include "schema/base/variable_name.h"

namespace tidegate::agent {
namespace {

class ScriptRouter final : public Router {
public:
    ScriptRouter(Route route, RouteScript script)
        : route_{std::move(route)}, script_{std::move(script)} {}

    RouteReport hold(const std::stop_token& stop) override {
        auto report = blank_report(route_);
        if (!in_force_) {
            auto environment = route_environment(route_);
            const auto ran = environment ? script_(route_, *std::move(environment), stop)
                                         : Result<void>{fail(environment.error())};
            if (!ran) report.error = ran.error().text();
            in_force_ = ran.has_value();
        }
        report.in_force = in_force_;
        return report;
    }

private:
    Route route_;
    RouteScript script_;
    bool in_force_ = false;
};

}  // namespace

std::unique_ptr<Router> make_script_router(Route route, RouteScript script) {
    return std::make_unique<ScriptRouter>(std::move(route), std::move(script));
}

Result<std::map<std::string, std::string>> route_environment(const Route& route) {
    auto environment = route.variables;
    for (const auto& [name, value] : environment)
        if (!is_variable_name(name))
            return fail(ErrorCode::invalid, "a route's variable has no name of A-Z a-z 0-9 _");
    environment["WEIGHT_NEW"] = fmt::format("{}", route.weight_new);
    environment["WEIGHT_OLD"] = fmt::format("{}", route.weight_old);
    environment["SLOT_NEW"] = route.slot_new;
    environment["SLOT_OLD"] = route.slot_old;
    environment["HEADER_NAME"] = route.header_name;
    environment["HEADER_VALUE"] = route.header_value;
    return environment;
}

}  // namespace tidegate::agent
