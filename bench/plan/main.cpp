/// Row 10: what a look at the whole fleet costs. `bench-plan TARGETS DIR` writes the two lists that
/// `comm` compares to DIR/wished and DIR/seen, does the same by two ways of ours, once each,
/// foretells a rollout in three stages, compiles a canary, and prints their seconds. Ends with 1 if
/// any of them finds something other than what differs or moves.

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "bench/plan/fleet.h"
#include "reconciler/engine/engine.h"
#include "reconciler/planner/strategy.h"

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

/// What `tidegate plan` does with them once Git is read: a thousand targets move in three stages,
/// on the engine with a clock that runs ahead, and beside it in which nothing changes; `undo`: once
/// more with a failure at the end, and everything restored.
Measured measure_forecast(std::size_t targets, bool undo) {
    auto start = three_stages(targets, kNow);
    if (!undo) start.failures.push_back({"none of them", {}});
    const forecast::Surroundings around{[](const engine::Question&) -> Result<engine::Answer> {
                                            return fail(ErrorCode::not_found, "no Git here");
                                        },
                                        [] { return true; }};
    return measure([&] { return forecast::foretell(start, around); },
                   [](const forecast::Forecast& told) {
                       std::size_t moved = 0;
                       for (const auto& timeline : told.timelines)
                           for (const auto& [name, progress] : timeline.first()->release.targets)
                               moved += progress.status == TargetStatus::success ? 1 : 0;
                       return moved;
                   });
}

/// A canary of four steps over all targets as one assignment.
Measured measure_compile(std::size_t targets) {
    std::vector<DesiredTarget> all(targets);
    std::vector<const DesiredTarget*> moving;
    for (auto& target : all) {
        target.name = fmt::format("target-{:07}", moving.size());
        moving.push_back(&target);
    }
    Strategy strategy;
    strategy.type = StrategyType::canary;
    for (const int percent : {5, 25, 50, 100})
        strategy.steps.push_back({percent, std::nullopt, Seconds{600}});
    const auto total = static_cast<int>(targets);
    return measure(
        [&] {
            return planner::compile(strategy, {moving, {}, total, total});
        },
        [](const std::vector<Step>& steps) {
            std::size_t found = 0;
            for (const auto& step : steps)
                if (const auto* work = deploy_of(step)) found += work->targets.size();
            return found;
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
    const auto staged = std::min<std::size_t>(targets, 1'000);
    const Measured told = measure_forecast(staged, false);
    const Measured with_undo = measure_forecast(staged, true);
    const Measured diff = measure_diff(fleet);
    const Measured compile = measure_compile(targets);
    fmt::print("{}\n", json{{"engine", engine.seconds},
                            {"forecast", told.seconds},
                            {"forecast_undo", with_undo.seconds},
                            {"staged", staged},
                            {"diff", diff.seconds},
                            {"compile", compile.seconds},
                            {"changed", fleet.changed}}
                           .dump());
    for (const auto& [found, expected] : {std::pair{engine.found, fleet.changed},
                                          {diff.found, fleet.changed},
                                          {compile.found, targets},
                                          {told.found, staged},
                                          {with_undo.found, staged}}) {
        if (found == expected) continue;
        fmt::print(stderr, "bench-plan: found {} targets, not {}\n", found, expected);
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
