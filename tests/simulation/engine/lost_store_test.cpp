#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/simulation/engine/world.h"

namespace tidegate::simulation {
namespace {

using namespace std::chrono_literals;

const AssignmentKey kProdShop{"prod", "shop"};
const AssignmentKey kEdgeShop{"edge", "shop"};

/// Elsewhere it was good, by the same digest, and a target came from there.
TEST(LostStoreTest, WhatWasTakenBackHereIsNotLastGoodAfterALostStore) {
    World world({7, usual_fleet(), false});
    for (const auto* well : {"a-1", "a-5", "a-6"}) world.agent(well).faulty = false;
    Spec spec{"bad1"};
    for (const auto& key : {kProdShop, kEdgeShop}) world.commit(key, spec);
    EXPECT_TRUE(world.settle(1h));
    spec.operation = Operation::update;  // its agents hear what is last good
    world.commit(kEdgeShop, spec);
    EXPECT_TRUE(world.settle(1h));
    auto places = world.git().fleet().environments;
    auto& edge = places["edge"].targets;
    places["prod"].targets.push_back(edge.front());
    edge.erase(edge.begin());
    world.git().commit({{environment_path("edge"), text_of("edge", places["edge"])},
                        {environment_path("prod"), text_of("prod", places["prod"])}},
                       world.now());
    world.crash_daemon();
    world.lose_store();
    world.start_daemon();
    world.run_for(1min);
    world.commit(kProdShop, {"bad3"});
    EXPECT_TRUE(world.settle(1h));
    EXPECT_EQ(world.releases(kProdShop), "introduce bad3 failed") << "there is no way back";
    EXPECT_THAT(world.violations(), testing::IsEmpty());
}

}  // namespace
}  // namespace tidegate::simulation
