#include "tests/unit/planner/hosts.h"

namespace tidegate::planner {
namespace {

Strategy blue_green(std::vector<CanaryStep> steps = {}, Seconds verify = Seconds{0}) {
    Strategy strategy;
    strategy.type = StrategyType::blue_green;
    strategy.steps = std::move(steps);
    strategy.verify_duration = verify;
    return strategy;
}

CanaryStep weight(int share, int seconds = 0) { return {std::nullopt, share, Seconds{seconds}}; }

/// Of four hosts.
std::string steps_of(const Strategy& strategy, const std::set<int>& there = {},
                     bool serves = true) {
    Hosts hosts(4);
    auto fleet = hosts.fleet({}, there);
    fleet.serves = serves;
    return text_of(compile(strategy, fleet));
}

TEST(BlueGreenStepsTest, AllBesideWhatServesThenAllTraffic) {
    EXPECT_EQ(steps_of(blue_green()), "d0[t0 t1 t2 t3] r1:100");
    EXPECT_EQ(steps_of(blue_green({}, Seconds{60})), "d0[t0 t1 t2 t3] v0:60 r1:100 v1:60");
}

TEST(BlueGreenStepsTest, WeightsRiseEachWatchedAndTheLastAtLeastAsLongAsTheStrategySays) {
    const auto steps = {weight(5, 600), weight(50, 30), weight(100, 10)};
    EXPECT_EQ(steps_of(blue_green(steps, Seconds{60})),
              "d0[t0 t1 t2 t3] v0:60 r1:5 v1:600 r2:50 v2:30 r3:100 v3:60");
}

TEST(BlueGreenStepsTest, APersonIsAskedBeforeEveryWeight) {
    auto strategy = blue_green({weight(25), weight(100)});
    strategy.auto_promote = false;
    EXPECT_EQ(steps_of(strategy), "d0[t0 t1 t2 t3] a1 r1:25 a2 r2:100");
}

TEST(BlueGreenStepsTest, WhereNothingServesThereIsNothingToShare) {
    EXPECT_EQ(steps_of(blue_green({weight(25, 600), weight(100)}), {}, false),
              "d0[t0 t1 t2 t3] r2:100");
}

TEST(BlueGreenStepsTest, WhatIsThereAlreadyIsOnlyWatchedAndRouted) {
    EXPECT_EQ(steps_of(blue_green({}, Seconds{60}), {0, 1, 2, 3}), "v0:60 r1:100 v1:60");
    EXPECT_EQ(steps_of(blue_green(), {1, 3}), "d0[t0 t2] r1:100");
}

TEST(BlueGreenStepsTest, AQuarterIsDeployedToAtATime) {
    Hosts hosts(8);
    const auto steps = compile(blue_green(), hosts.fleet({}, {}));
    EXPECT_EQ(deploy_of(steps.front())->max_unavailable, 2);
}

TEST(BlueGreenStepsTest, WhatIsKeptWorksInPlaceAndWhatIsRetiredAtOnce) {
    Hosts hosts(8);
    auto fleet = hosts.fleet({}, {});
    fleet.kind = ReleaseKind::heal;
    auto steps = compile(blue_green(), fleet);
    ASSERT_EQ(steps.size(), 1u);
    EXPECT_EQ(deploy_of(steps.front())->max_unavailable, 2);
    fleet.kind = ReleaseKind::retire;
    steps = compile(blue_green(), fleet);
    ASSERT_EQ(steps.size(), 1u);
    EXPECT_EQ(deploy_of(steps.front())->max_unavailable, 0);
}

}  // namespace
}  // namespace tidegate::planner
