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
};

}  // namespace

std::vector<Step> compile(const Strategy& strategy, const Fleet& fleet) {
    if (fleet.moving.empty()) return {};
    for (const auto& row : kCompilers) {
        if (row.type != strategy.type) continue;
        auto steps = row.compiler(strategy, fleet);
        for (std::size_t i = 0; i < steps.size(); ++i) steps[i].index = static_cast<int>(i);
        return steps;
    }
    return {};
}

}  // namespace tidegate::planner
