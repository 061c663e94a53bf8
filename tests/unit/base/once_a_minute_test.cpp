#include "schema/base/once_a_minute.h"

#include <gtest/gtest.h>

#include "schema/base/limits.h"

namespace tidegate {
namespace {

using namespace std::chrono_literals;

TEST(OnceAMinuteTest, SaysWhatItLeftUnsaid) {
    OnceAMinute said;
    EXPECT_EQ(said.say("a", 0ms), 0U);
    for (int i = 1; i <= 5; ++i) EXPECT_EQ(said.say("a", i * 10s), std::nullopt);
    EXPECT_EQ(said.say("b", 59s), 0U) << "another subject";
    EXPECT_EQ(said.say("a", 60s), 5U);
    EXPECT_EQ(said.say("a", 119s), std::nullopt);
    EXPECT_EQ(said.say("a", 120s), 1U);
    EXPECT_EQ(and_unsaid(0), "");
    EXPECT_EQ(and_unsaid(5), " (and 5 times more that were not said)");
}

TEST(OnceAMinuteTest, OrSoOften) {
    OnceAMinute said;
    for (int i = 0; i < 3; ++i) EXPECT_EQ(said.say("a", i * 10s, 3), 0U);
    for (int i = 3; i < 6; ++i) EXPECT_EQ(said.say("a", i * 10s, 3), std::nullopt);
    EXPECT_EQ(said.say("a", 60s, 3), 3U);
    EXPECT_EQ(said.say("a", 61s, 3), 0U);
}

TEST(OnceAMinuteTest, HoweverManySubjectsThereAre) {
    OnceAMinute said;
    std::size_t lines = 0;
    for (std::size_t i = 0; i < 10 * limits::kSubjectsMax; ++i)
        if (said.say(std::to_string(i), 1s)) ++lines;
    EXPECT_EQ(lines, limits::kSubjectsMax + 1);
    EXPECT_EQ(said.say("late", 61s), 0U) << "room comes back";
    EXPECT_EQ(said.say("late", 62s), std::nullopt);
}

}  // namespace
}  // namespace tidegate
