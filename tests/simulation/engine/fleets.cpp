#include "tests/simulation/engine/fleets.h"

#include <fmt/core.h>

namespace tidegate::simulation {

using namespace std::chrono_literals;

Fleet usual_fleet() {
    Fleet fleet;
    auto& prod = fleet.environments["prod"];
    prod.targets = {{"p-1", "a-1"}, {"p-2", "a-2"}, {"p-3", "a-3"}, {"p-4", "a-4"}, {"p-5", "a-4"}};
    prod.strategy.batch_size = {2, false};
    prod.strategy.max_unavailable = {2, false};
    auto& edge = fleet.environments["edge"];
    edge.targets = {{"e-1", "a-1"}, {"e-2", "a-5"}, {"e-3", "a-6"}};
    edge.strategy.type = StrategyType::all_at_once;
    edge.window.emplace();
    edge.window->on_close = OnClose::pause;
    edge.window->allowed.push_back({{}, 0h, 12h, ""});
    fleet.projects = {{"api", "install"}, {"shop", "install"}};
    return fleet;
}

Fleet fleet_closing(OnClose on_close) {
    auto fleet = usual_fleet();
    auto& edge = fleet.environments["edge"];
    edge.window->on_close = on_close;
    if (on_close == OnClose::pause) return fleet;
    edge.strategy.type = StrategyType::rolling;
    edge.strategy.batch_size = {2, false};
    edge.strategy.batch_interval = 20min;
    edge.strategy.max_unavailable = {1, false};
    return fleet;
}

Fleet with_slots(Fleet fleet, int kind) {
    auto& window = *fleet.environments["edge"].window;
    if (kind == 0) {
        window.allowed = {{{}, 0h, 10h + 30min, ""}, {{}, 11h, 13h, ""}, {{}, 15h, 19h, ""}};
        window.deny = {{{}, 11h + 40min, 12h, ""}};
    } else {
        window.allowed = {{{}, 20h, 4h, ""}, {{1, 2, 3, 4, 5}, 9h + 30min, 11h + 15min, ""}};
    }
    return fleet;
}

Fleet with_canary(Fleet fleet, bool waits) {
    auto& strategy = fleet.environments["prod"].strategy;
    strategy = {};
    strategy.type = StrategyType::canary;
    strategy.steps = {{20, std::nullopt, 5min}, {60, std::nullopt, 2min}, {100, std::nullopt, 0s}};
    strategy.max_unavailable = {2, false};
    strategy.auto_promote = !waits;
    return fleet;
}

namespace {

void add_balancers(Fleet& fleet) {
    auto& gates = fleet.environments[kGates];
    gates.targets = {{"lb-1", "l-1"}, {"lb-2", "l-2"}};
    gates.projects = {"none"};
    fleet.environments["prod"].strategy.traffic.emplace().targets = {{"lb-1", {}}, {"lb-2", {}}};
}

}  // namespace

Fleet with_drains(Fleet fleet) {
    add_balancers(fleet);
    return fleet;
}

Fleet with_blue_green(Fleet fleet, bool hybrid, bool waits) {
    fleet.slotted = true;
    auto& strategy = fleet.environments["prod"].strategy;
    strategy = {};
    strategy.type = StrategyType::blue_green;
    if (hybrid)
        strategy.steps = {
            {std::nullopt, 25, 5min}, {std::nullopt, 75, 0s}, {std::nullopt, 100, 0s}};
    strategy.verify_duration = 2min;
    strategy.keep_old = hybrid ? 20min : 0min;
    strategy.auto_promote = !waits;
    add_balancers(fleet);
    return fleet;
}

Fleet large_fleet() {
    auto fleet = usual_fleet();
    fleet.environments.erase("prod");
    fleet.environments["edge"].projects = {"api", "shop"};
    auto& wide = fleet.environments["wide"];
    wide.projects = {"api", "shop"};
    for (int i = 1; i <= 200; ++i)
        wide.targets.push_back({fmt::format("w-{}", i), fmt::format("g-{}", i)});
    wide.strategy.batch_size = {25, false};
    wide.strategy.max_unavailable = {20, false};
    auto& deep = fleet.environments["deep"];
    deep.targets = {{"d-1", "a-1"}, {"d-2", "a-2"}, {"d-3", "a-3"}};
    deep.strategy.batch_size = {2, false};
    deep.strategy.max_unavailable = {2, false};
    for (int i = 1; i <= 60; ++i) {
        deep.projects.push_back(fmt::format("app-{}", i));
        fleet.projects[deep.projects.back()] = "install";
    }
    return fleet;
}

}  // namespace tidegate::simulation
