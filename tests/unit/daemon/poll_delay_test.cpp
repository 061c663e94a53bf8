#include "reconciler/daemon/poll_delay.h"

#include <gtest/gtest.h>

#include <limits>

namespace tidegate::daemon {
namespace {

using namespace std::chrono_literals;

struct PollDelayCase {
    const char* name;
    Milliseconds interval;
    int failures;
    std::uint64_t random;
    Milliseconds delay;
};
class PollDelayTest : public testing::TestWithParam<PollDelayCase> {};
TEST_P(PollDelayTest, IsTheIntervalDoubledAndALittleMore) {
    const auto& each = GetParam();
    EXPECT_EQ(poll_delay(each.interval, each.failures, each.random), each.delay);
}
INSTANTIATE_TEST_SUITE_P(
    Table, PollDelayTest,
    testing::Values(PollDelayCase{"Calm", 10s, 0, 0, 10s},
                    PollDelayCase{"MostJitter", 10s, 0, 1'000, 11s},
                    PollDelayCase{"JitterStartsAnew", 10s, 0, 1'001, 10s},
                    PollDelayCase{"OneFailure", 10s, 1, 0, 20s},
                    PollDelayCase{"ThreeFailures", 10s, 3, 500, 80'500ms},
                    PollDelayCase{"NoLongerThanTheLongest", 10s, 6, 0, 300s},
                    PollDelayCase{"AwayForWeeks", 1s, std::numeric_limits<int>::max(), 0, 300s},
                    PollDelayCase{"AnIntervalAboveTheLongest", 600s, 5, 0, 600s},
                    PollDelayCase{"TooShortForJitter", 9ms, 0, 12'345, 9ms}),
    [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace tidegate::daemon
