#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/simulation/engine/world.h"

namespace tidegate::simulation {
namespace {

using namespace std::chrono_literals;

/// A full disk is no fault of the version: the host counts as away, and catches up.
TEST(TroubleScenarioTest, AHostInTroubleFollowsWhenItIsOver) {
    const AssignmentKey shop{"prod", "shop"};
    World world({1, usual_fleet(), false});
    world.commit(shop, {"v1"});
    ASSERT_TRUE(world.settle(1h));
    world.agent("a-1").troubled_until = world.now() + 20min;
    world.commit(shop, {"v2"});
    world.run_for(10min);
    EXPECT_EQ(world.installed(shop), "p-1=v1 p-2=v2 p-3=v2 p-4=v2 p-5=v2");
    EXPECT_THAT(world.holds(shop), testing::StartsWith("host until"));
    world.run_for(30min);
    EXPECT_EQ(world.installed(shop), "p-1=v2 p-2=v2 p-3=v2 p-4=v2 p-5=v2");
    EXPECT_EQ(world.releases(shop),
              "introduce v1 success, introduce v2 success, catch_up v2 success");
    EXPECT_THAT(world.violations(), testing::IsEmpty());
}

}  // namespace
}  // namespace tidegate::simulation
