#include <algorithm>

#include "reconciler/planner/deploys.h"
#include "reconciler/planner/strategy.h"

namespace tidegate::planner {
namespace {

constexpr int kAllTraffic = 100;
constexpr Seconds kOneLook{1};  ///< each check once

class Switch {
public:
    explicit Switch(const Strategy& strategy) : strategy_{strategy} {}

    void deploy(const Fleet& fleet) {
        add_deploys(steps_, fleet.moving, 0, pace_of(strategy_, fleet));
    }
    void verify(int entry, Seconds duration) {
        if (duration > Seconds{0}) steps_.push_back(make_step(entry, VerifyWork{duration}));
    }
    /// The last entry is that of all traffic, which the strategy watches for its own time at least.
    void give(int entry, int weight, Seconds watched) {
        if (!strategy_.auto_promote)
            steps_.push_back(make_step(entry, AwaitWork{false, strategy_.promote_timeout}));
        steps_.push_back(make_step(entry, RouteWork{weight, strategy_.switch_timeout, 0}));
        const bool is_all = weight == kAllTraffic;
        verify(entry, is_all ? std::max(watched, strategy_.verify_duration) : watched);
    }
    /// What is brought back served before: looked at once, then all traffic.
    void give_back() {
        verify(0, kOneLook);
        steps_.push_back(make_step(0, RouteWork{kAllTraffic, strategy_.switch_timeout, 0}));
    }
    [[nodiscard]] std::vector<Step> finish() { return std::move(steps_); }

private:
    const Strategy& strategy_;
    std::vector<Step> steps_;
};

}  // namespace

/// Everything beside what serves, watched there; then the traffic, at once or by weights: where
/// nothing serves there is nothing to share. What the other slot still has is brought back by one
/// route; other upkeep and restores work in the slot that serves, as rolling does.
std::vector<Step> compile_blue_green(const Strategy& strategy, const Fleet& fleet) {
    if (fleet.kind != ReleaseKind::introduce && !fleet.beside) {
        std::vector<Step> steps;
        auto pace = pace_of(strategy, fleet);
        if (fleet.kind == ReleaseKind::retire) pace = {};  // it takes nothing away from anybody
        add_deploys(steps, fleet.moving, 0, pace);
        return steps;
    }
    Switch made{strategy};
    made.deploy(fleet);
    if (fleet.kind == ReleaseKind::restore) {
        made.give_back();
        return made.finish();
    }
    made.verify(0, strategy.verify_duration);
    int entry = 0;
    for (const auto& step : strategy.steps) {
        ++entry;
        const int weight = step.weight.value_or(kAllTraffic);
        if (fleet.serves || weight == kAllTraffic) made.give(entry, weight, step.verify_duration);
    }
    if (strategy.steps.empty()) made.give(1, kAllTraffic, Seconds{0});
    return made.finish();
}

}  // namespace tidegate::planner
