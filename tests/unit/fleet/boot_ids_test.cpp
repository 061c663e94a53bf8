#include "reconciler/fleet/boot_ids.h"

#include <gtest/gtest.h>

#include "schema/base/limits.h"

namespace tidegate::fleet {
namespace {

using namespace std::chrono_literals;

class BootIdsTest : public testing::Test {
protected:
    Boot note(const std::string& id) { return ids.note("web-1", id, now); }
    BootIds ids;
    Milliseconds now = 5h;
};

TEST_F(BootIdsTest, OneProcessAfterTheOtherIsUsual) {
    for (const auto* id : {"a", "a", "b", "b", "c"}) EXPECT_EQ(note(id), Boot::usual) << id;
}

TEST_F(BootIdsTest, WhatWasPushedOutAndComesBackIsASecondHolder) {
    (void)note("a");
    (void)note("b");
    EXPECT_EQ(ids.note("web-2", "a", now), Boot::usual) << "of another agent";
    EXPECT_EQ(note("a"), Boot::second_holder);
    EXPECT_EQ(note("a"), Boot::usual) << "somebody has looked after it since";
}

TEST_F(BootIdsTest, ItIsRememberedForAnHour) {
    (void)note("a");
    (void)note("b");
    now += limits::kBootIdRemembered - 1ms;
    EXPECT_EQ(BootIds{ids}.note("web-1", "a", now), Boot::second_holder);
    now += 1ms;
    EXPECT_EQ(note("a"), Boot::usual);
}

/// However many come, and however they are spread, as long as the true one comes back sooner than
/// each of them stayed.
TEST_F(BootIdsTest, AFloodOfFreshIdsDoesNotWashItOut) {
    for (const bool alive_before : {false, true}) {
        ids = {};
        if (!alive_before)
            for (int i = 0; i < 1'000; ++i, now += 10ms) (void)note("x" + std::to_string(i));
        (void)note("true");
        now += 1s;
        for (int i = 0; i < 1'000; ++i, now += 10ms)
            ASSERT_NE(note("y" + std::to_string(i)), Boot::second_holder) << i;
        EXPECT_EQ(note("true"), Boot::second_holder) << alive_before;
    }
}

TEST_F(BootIdsTest, ACrashLoopIsSaidOncePerHour) {
    int said = 0;
    for (int i = 0; i < 1'000; ++i, now += 3s) {  // 50 minutes
        const auto boot = note("x" + std::to_string(i));
        ASSERT_NE(boot, Boot::second_holder);
        if (boot == Boot::many) ++said;
    }
    EXPECT_EQ(said, 1);
    for (int i = 1'000; i < 2'000; ++i, now += 3s)
        if (note("x" + std::to_string(i)) == Boot::many) ++said;
    EXPECT_EQ(said, 2);
}

TEST_F(BootIdsTest, AFewStartsADayAreNotSaid) {
    for (int i = 0; i < 500; ++i, now += 10min) EXPECT_EQ(note(std::to_string(i)), Boot::usual);
}

}  // namespace
}  // namespace tidegate::fleet
