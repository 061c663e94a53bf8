#include <array>

#include "reconciler/planner/strategy.h"

namespace tidegate::planner {
namespace {

struct Row {
    StrategyType type;
    Compiler compiler;
};
constexpr std::array kCompilers{
    Row{StrategyType::rolling, compile_rolling},
    Row{StrategyType::all_at_once, compile_all_at_once},
    Row{StrategyType::canary, compile_canary},
    Row{StrategyType::blue_green, compile_blue_green},
};

}  // namespace

std::vector<Step> compile(const Strategy& strategy, const Fleet& fleet) {
    const bool switches = strategy.type == StrategyType::blue_green && !fleet.there.empty();
    if (fleet.moving.empty() && !switches) return {};
    for (const auto& row : kCompilers) {
        if (row.type != strategy.type) continue;
        auto steps = row.compiler(strategy, fleet);
        for (std::size_t i = 0; i < steps.size(); ++i) steps[i].index = static_cast<int>(i);
        return steps;
    }
    return {};
}

}  // namespace tidegate::planner
