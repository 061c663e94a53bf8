#pragma once
/// Three hosts with two slots each, behind one balancer.

#include <gmock/gmock.h>

#include <algorithm>

#include <fmt/ranges.h>

#include "schema/base/limits.h"
#include "schema/model/slots.h"
#include "tests/unit/engine/rollout.h"

namespace tidegate::engine {
inline constexpr auto kRouter = "lb-1";

inline Strategy blue_green() {
    Strategy strategy;
    strategy.type = StrategyType::blue_green;
    strategy.max_unavailable = Amount{100, true};
    Traffic traffic;
    traffic.targets = {{kRouter, {}}};
    traffic.socket = "/run/haproxy/admin.sock";
    traffic.backend = "shop";
    strategy.traffic = traffic;
    return strategy;
}

/// A quarter first, for ten minutes; the old side is kept for an hour.
inline Strategy hybrid() {
    auto strategy = blue_green();
    strategy.steps = {{std::nullopt, 25, Seconds{600}}, {std::nullopt, 100, Seconds{0}}};
    strategy.keep_old = Seconds{3600};
    strategy.health_check = HealthCheck{};
    return strategy;
}

inline AssignmentPtr routed_through(const AssignmentPtr& wish,
                                    std::vector<std::string> routers = {kRouter}) {
    auto made = std::make_shared<Assignment>(*wish);
    made->routers.clear();
    for (const auto& router : routers) made->routers[router] = router;
    made->strategy.traffic->targets.clear();
    for (const auto& router : routers) made->strategy.traffic->targets.push_back({router, {}});
    made->commit = made->intent.commit;
    return made;
}

/// `web-00000/green deploy, …` of what agents have to do.
inline std::string doing(const Rollout& rollout) {
    std::string text;
    for (const auto& action : rollout.sent())
        text += fmt::format("{}{} {}{}{}", text.empty() ? "" : ", ", to_string(action.kind),
                            action.key.target.substr(8), action.key.slot.empty() ? "" : "@",
                            action.key.slot);
    return text;
}

/// `blue 75 green 25`: what each server of that slot is to get.
inline std::string weights_of(const Route& route) {
    std::map<std::string, std::set<int>> weights;
    for (const auto& server : route.servers) weights[server.slot].insert(server.weight);
    std::string text;
    for (const auto& [slot, each] : weights)
        text += fmt::format("{}{} {}", text.empty() ? "" : " ", slot.empty() ? "none" : slot,
                            fmt::join(each, "/"));
    return text;
}

/// Three hosts behind one balancer, whose agent answers at once while it is `obedient`.
class BlueGreen : public Rollout {
public:
    explicit BlueGreen(const Strategy& strategy = blue_green())
        : Rollout(3, std::vector<AssignmentPtr>{}), strategy_(strategy) {
        router_comes(kRouter);
    }

    void wishes(int version) {
        wish(routed_through(version == 1 ? wish_of(3, strategy_)
                                         : AssignmentPtr(version_of(3, strategy_, version))));
    }
    /// A version as far as its deploys are, all of which went well.
    void brings(int version) {
        wishes(version);
        obey();
        for (int i = 0; i < 3; ++i) (void)finish_one();
    }
    /// Its first install, whole.
    void installs_first() {
        wishes(1);
        obey();
        finish_all();
    }
    /// The router says that what it was told last is in force.
    void obey(const std::string& router = kRouter) {
        std::size_t before = 0;
        for (int i = 0; i < 5 && before != routed().size(); ++i) {
            before = routed().size();
            const auto last = std::find_if(routed().rbegin(), routed().rend(),
                                           [&](const auto& each) { return each.first == router; });
            if (last == routed().rend()) return;
            const auto& route = last->second.route;
            router_tells(router, {route.key, route.target, route.revision, true, "", {}, {}});
        }
    }
    void finish_all(ActionOutcome outcome = ActionOutcome::done) {
        for (int i = 0; i < 20 && in_flight() > 0; ++i) {
            (void)finish_one(outcome);
            obey();
        }
    }
    [[nodiscard]] std::string last_route() const {
        return routed().empty() ? "" : weights_of(routed().back().second.route);
    }
    [[nodiscard]] const Sides& sides() { return *state().assignments.at(kKey).sides; }
    [[nodiscard]] bool holds_for(std::string_view gate) const {
        return std::ranges::any_of(holds(), [&](const Hold& hold) { return hold.gate == gate; });
    }

private:
    Strategy strategy_;
};

}  // namespace tidegate::engine
