#include "bench/plan/fleet.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "reconciler/engine/engine.h"
#include "schema/model/json.h"
#include "schema/resolve/digest.h"

namespace tidegate::bench {
namespace {

constexpr std::size_t kTargetsPerEnvironment = 1'000;
constexpr std::size_t kTargetsPerAgent = 10;
constexpr std::size_t kEnvironmentsPerChange = 100;

AssignmentPtr make_assignment(std::size_t environment, std::size_t targets, bool second) {
    auto made = std::make_shared<Assignment>();
    made->key = {fmt::format("env-{:04}", environment), "app"};
    auto definition = std::make_shared<Definition>();
    definition->key = made->key;
    definition->version = second ? "2.0.0" : "1.0.0";
    definition->commit = made->commit = made->intent.commit = made->intent.digest_commit =
        second ? "c2" : "c1";
    definition->deploy.script.install_script = "true";
    definition->digest = assignment_digest(*definition);
    made->definition = definition;
    for (std::size_t i = 0; i < targets; ++i) {
        const auto number = environment * kTargetsPerEnvironment + i;
        DesiredTarget target;
        target.name = fmt::format("target-{:06}", number);
        target.agent = fmt::format("agent-{:05}", number / kTargetsPerAgent);
        target.config_digest = Digest::of(target.name);
        target.definition = definition;
        target.digest = target_digest(definition->digest, target.config_digest);
        made->targets.push_back(std::move(target));
    }
    return made;
}

std::shared_ptr<const Desired> make_desired(std::size_t targets, bool second) {
    auto desired = std::make_shared<Desired>();
    desired->root_commit = "root";
    desired->commit = second ? "c2" : "c1";
    for (std::size_t first = 0; first < targets; first += kTargetsPerEnvironment) {
        const auto environment = first / kTargetsPerEnvironment;
        auto made = make_assignment(environment, std::min(targets - first, kTargetsPerEnvironment),
                                    second && environment % kEnvironmentsPerChange == 0);
        desired->assignments.emplace(made->key, std::move(made));
    }
    return desired;
}

Installation installed(const AssignmentKey& key, const DesiredTarget& target) {
    Installation made;
    made.key = {target.name, key.project, ""};
    made.status = InstallStatus::installed;
    made.version = target.definition->version;
    made.digest = target.digest;
    made.assignment_digest = target.definition->digest;
    made.commit = target.definition->commit;
    made.report = 1;
    return made;
}

template <class Visit>
void each_target(const Desired& desired, const Visit& visit) {
    for (const auto& [key, assignment] : desired.assignments)
        for (const auto& target : assignment->targets) visit(key, target);
}

std::vector<Row> good_states(const Desired& desired) {
    std::vector<Row> rows;
    for (const auto& [key, assignment] : desired.assignments) {
        const auto& definition = *assignment->definition;
        const GoodState good{
            key, {definition.digest, definition.commit, definition.version}, false, "r1"};
        rows.push_back({Table::history, key.text(), to_json(good)});
    }
    return rows;
}

}  // namespace

Fleet make_fleet(std::size_t targets) {
    Fleet fleet{make_desired(targets, false), make_desired(targets, true), 0};
    each_target(*fleet.wanted, [&](const AssignmentKey&, const DesiredTarget& target) {
        fleet.changed += target.definition->version == "2.0.0" ? 1 : 0;
    });
    return fleet;
}

engine::State settled_state(const Fleet& fleet, const Clocks& clocks) {
    auto restored = engine::restore(good_states(*fleet.former), 1, clocks);
    TG_ASSERT(restored.has_value());
    auto state = *std::move(restored);
    std::map<std::string, Inventory> inventories;
    each_target(*fleet.former, [&](const AssignmentKey& key, const DesiredTarget& target) {
        inventories[target.agent].installations.push_back(installed(key, target));
    });
    // Agents first: with nothing wished yet, their coming costs no look.
    for (auto& [agent, inventory] : inventories) {
        engine::AgentConnected connected;
        connected.hello.agent = agent;
        connected.inventory = std::move(inventory);
        (void)engine::step(state, connected, clocks);
    }
    (void)engine::step(state, engine::ConfigChanged{fleet.former}, clocks);
    return state;
}

forecast::Start three_stages(std::size_t targets, Timestamp now) {
    forecast::Start start;
    start.now = now;
    std::vector<std::shared_ptr<const Desired>> states;
    for (const bool second : {false, true}) {
        auto staged = std::make_shared<Assignment>(*make_assignment(0, targets, second));
        staged->strategy.batch_size = Amount{static_cast<int>(targets + 2) / 3, false};
        staged->strategy.max_unavailable = Amount{100, true};
        auto desired = std::make_shared<Desired>();
        desired->root_commit = "root";
        desired->assignments.emplace(staged->key, std::move(staged));
        states.push_back(std::move(desired));
    }
    start.base = states.front();
    start.head = states.back();
    forecast::make_healthy(start);
    return start;
}

std::vector<planner::WishRow> wish_rows(const Fleet& fleet) {
    std::vector<planner::WishRow> rows;
    each_target(*fleet.wanted, [&](const AssignmentKey& key, const DesiredTarget& target) {
        rows.push_back({{target.name, key.project, ""}, {target.digest, false}});
    });
    return rows;
}

std::vector<Installation> installations(const Fleet& fleet) {
    std::vector<Installation> seen;
    each_target(*fleet.former, [&](const AssignmentKey& key, const DesiredTarget& target) {
        seen.push_back(installed(key, target));
    });
    return seen;
}

}  // namespace tidegate::bench
