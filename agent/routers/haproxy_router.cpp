#include "agent/routers/haproxy_router.h"

#include <algorithm>
#include <utility>

namespace tidegate::agent {
namespace {

class HaproxyRouter final : public Router {
public:
    HaproxyRouter(RouterRules rules, Route route)
        : rules_{std::move(rules)}, route_{std::move(route)} {
        for (const auto& server : route_.servers) {
            auto& weight = wanted_[server.name];  // targets may share one
            weight = std::max(weight, server.weight);
        }
    }

    RouteReport hold(const std::stop_token&) override {
        auto report = blank_report(route_);
        if (const auto held = hold_into(report); !held) report.error = held.error().text();
        return report;
    }

private:
    /// One that does not answer is asked once: others wait behind it. What cannot be kept over a
    /// reload is in force all the same.
    Result<void> hold_into(RouteReport& report) const {
        const auto backend =
            TRY(Haproxy::open(rules_, {route_.socket, route_.backend, route_.state_file}));
        read_back(TRY(backend.look()), report);
        const auto set = backend.set_weights(wanted_);
        const bool others = !set && set.error().code == ErrorCode::not_found;
        if (!set && !others) return set;
        read_back(TRY(backend.look()), report);
        const auto kept = backend.keep(wanted_);
        if (!set) return set;
        report.in_force = true;
        if (!kept)
            return fail(kept.error().code, "in force, but a reload of HAProxy would forget it: {}",
                        kept.error().message);
        return {};
    }

    /// A server that is not there has no weight, and no session.
    void read_back(const std::vector<HaproxyServer>& there, RouteReport& report) const {
        report.weights.clear();
        report.sessions.clear();
        for (const auto& server : route_.servers) {
            const auto found = std::ranges::find(there, server.name, &HaproxyServer::name);
            const auto now = found == there.end() ? HaproxyServer{} : *found;
            auto& weight = report.weights[server.slot];
            weight = std::max(weight, now.weight);
            if (now.weight == 0) report.sessions[server.slot] += now.sessions;
        }
    }

    RouterRules rules_;
    Route route_;
    Weights wanted_;
};

}  // namespace

std::unique_ptr<Router> make_haproxy_router(RouterRules rules, Route route) {
    return std::make_unique<HaproxyRouter>(std::move(rules), std::move(route));
}

}  // namespace tidegate::agent
