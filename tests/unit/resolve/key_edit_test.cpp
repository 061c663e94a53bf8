#include "schema/resolve/key_edit.h"

#include <gtest/gtest.h>

namespace tidegate {
namespace {

struct OfCase {
    const char* name;
    const char* text;
    const char* from;
    const char* expected;
};
class WithKeyOfTest : public testing::TestWithParam<OfCase> {};

TEST_P(WithKeyOfTest, TakesTheKeyAsItIsWrittenThere) {
    const auto& [name, text, from, expected] = GetParam();
    const auto made = with_key_of(text, "pins", from);
    ASSERT_TRUE(made) << made.error().text();
    EXPECT_EQ(*made, expected);
}

INSTANTIATE_TEST_SUITE_P(
    All, WithKeyOfTest,
    testing::Values(OfCase{"adds", "version: 1\nz: 1\n", "version: 2\npins:\n  - a  # b\n",
                           "version: 1\npins:\n  - a  # b\nz: 1\n"},
                    OfCase{"replaces", "pins: []\nversion: 1\n", "version: 2\npins: [a]\n",
                           "pins: [a]\nversion: 1\n"},
                    OfCase{"removes", "version: 1\npins: [a]\n", "version: 2\n", "version: 1\n"},
                    OfCase{"leaves", "version: 1\n", "version: 2\n", "version: 1\n"},
                    OfCase{"no_line_end_there", "version: 1\nz: 1\n", "version: 2\npins: [a]",
                           "version: 1\npins: [a]\nz: 1\n"},
                    OfCase{"no_line_end_here", "version: 1", "version: 2\npins: [a]\n",
                           "version: 1\npins: [a]\n"}),
    [](const auto& each) { return std::string{each.param.name}; });

TEST(KeyEditTest, RefusesWhatIsNotOneKeyPerLine) {
    EXPECT_FALSE(with_key_of("{version: 1}\n", "pins", "version: 2\npins: []\n"));
    EXPECT_FALSE(with_key_of("version: 1\n", "pins", "{version: 2, pins: []}\n"));
}

TEST(KeyEditTest, ReadsANumber) {
    EXPECT_EQ(number_at("version: 1\nretry:   12  # x\n", "retry"), 12);
    EXPECT_EQ(number_at("version: 1\n", "retry"), 0);
    EXPECT_EQ(number_at("version: 1\nretry:\n", "retry"), 0);
}

}  // namespace
}  // namespace tidegate
