/// Row 10: what a look at the whole fleet costs. `bench-plan TARGETS DIR` writes the two lists that
/// `comm` compares to DIR/wished and DIR/seen, does the same by three ways of ours, once each, and
/// prints their seconds. Ends with 1 if any of them finds something other than what differs.

#include <fmt/core.h>

#include <charconv>
#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string_view>

#include "bench/plan/fleet.h"
#include "reconciler/engine/engine.h"

namespace tidegate::bench {
namespace {

using Clock = std::chrono::steady_clock;
using nlohmann::json;

constexpr Timestamp kNow{std::chrono::hours{24 * 365 * 50}};
/// The engine looks at large assignments only so often.
constexpr Clocks kLater{kNow + std::chrono::minutes{1}, Lived{std::chrono::minutes{1}}};

struct Measured {
    double seconds = 0;
    std::size_t found = 0;
};

/// `work` returns what `count` makes the number of targets to be moved of.
template <class Work, class Count>
Measured measure(const Work& work, const Count& count) {
    const auto begin = Clock::now();
    auto result = work();
    const std::chrono::duration<double> took = Clock::now() - begin;
    return {took.count(), count(result)};
}

/// The daemon's way, whole: every assignment was resolved anew; compare all targets, make the
/// releases and their steps, and what is persisted and published of it.
Measured measure_engine(const Fleet& fleet) {
    auto state = settled_state(fleet, {kNow, Lived{}});
    return measure([&] { return engine::step(state, engine::ConfigChanged{fleet.wanted}, kLater); },
                   [&](const engine::Effects&) {
                       std::size_t moving = 0;
                       for (const auto& [id, release] : state.releases)
                           moving += release.targets.size();
                       return moving;
                   });
}

/// `tidegate plan`'s way.
Measured measure_plan(const Fleet& fleet) {
    const auto seen = observed(fleet);
    return measure([&] { return planner::plan(*fleet.wanted, seen, kNow); },
                   [](const std::vector<planner::AssignmentPlan>& plans) {
                       std::size_t moving = 0;
                       for (const auto& plan : plans)
                           for (const auto& step : plan.steps) moving += step.targets.size();
                       return moving;
                   });
}

/// Two sorted lists, as `comm` has them.
Measured measure_diff(const Fleet& fleet) {
    const auto wished = wish_rows(fleet);
    const auto seen = installations(fleet);
    return measure([&] { return planner::diff(wished, seen); },
                   [](const std::vector<planner::Difference>& found) { return found.size(); });
}

void write_lists(const Fleet& fleet, const std::string& directory) {
    std::ofstream wished{directory + "/wished"};
    for (const auto& row : wish_rows(fleet))
        wished << row.key.text() << ' ' << row.wish.digest.hex() << '\n';
    std::ofstream seen{directory + "/seen"};
    for (const auto& row : installations(fleet))
        seen << row.key.text() << ' ' << row.digest.hex() << '\n';
}

int run(std::size_t targets, const std::string& directory) {
    const auto fleet = make_fleet(targets);
    write_lists(fleet, directory);
    const Measured engine = measure_engine(fleet);
    const Measured plan = measure_plan(fleet);
    const Measured diff = measure_diff(fleet);
    fmt::print("{}\n", json{{"engine", engine.seconds},
                            {"plan", plan.seconds},
                            {"diff", diff.seconds},
                            {"changed", fleet.changed}}
                           .dump());
    for (const auto& way : {engine, plan, diff}) {
        if (way.found == fleet.changed) continue;
        fmt::print(stderr, "bench-plan: found {} targets, not {}\n", way.found, fleet.changed);
        return 1;
    }
    return 0;
}

}  // namespace
}  // namespace tidegate::bench

int main(int argc, char** argv) {
    std::size_t targets = 0;
    const std::string_view number = argc == 3 ? argv[1] : "";
    const auto parsed = std::from_chars(number.data(), number.data() + number.size(), targets);
    if (parsed.ec != std::errc{} || targets == 0) {
        fmt::print(stderr, "usage: bench-plan TARGETS DIR\n");
        return 2;
    }
    return tidegate::bench::run(targets, argv[2]);
}
