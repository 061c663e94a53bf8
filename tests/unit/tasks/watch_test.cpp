#include "agent/tasks/watch.h"

#include <gtest/gtest.h>

namespace tidegate::agent {
namespace {

using namespace std::chrono_literals;

HealthCheck check(Seconds interval, int retry, int success_threshold = 1) {
    HealthCheck made;
    made.interval = interval;
    made.retry = retry;
    made.success_threshold = success_threshold;
    return made;
}
CheckOutcome good() { return {true, {}, "chatter"}; }
CheckOutcome bad(const std::string& error = "answered 500") { return {false, error, "why"}; }

/// A watch of one check whose tries take no time: `+` is a good one, `-` a bad one. Runs them when
/// they are due, as long as it goes on, and says when each was: `0+ 25- 50-`.
std::string run(Watch& watch, const std::string& tries) {
    std::string log;
    for (const char c : tries) {
        if (watch.state() != WatchState::goes_on) break;
        const auto now = watch.due(0);
        watch.tried(0, c == '+' ? good() : bad(), now, {});
        log += (log.empty() ? "" : " ") + std::to_string(now / 1s) + c;
    }
    return log;
}

struct WatchCase {
    const char* name;
    HealthCheck check;
    const char* tries;
    const char* log;  ///< those that came
    WatchState state;
    const char* error;
};
class WatchTest : public testing::TestWithParam<WatchCase> {};
TEST_P(WatchTest, TriesForTheWholeTimeAndSettlesWhatFails) {
    Watch watch{{{"post_release", "smoke", GetParam().check}}, 60s};
    EXPECT_EQ(run(watch, GetParam().tries), GetParam().log);
    EXPECT_EQ(watch.state(), GetParam().state);
    EXPECT_EQ(watch.error(), GetParam().error);
}
INSTANTIATE_TEST_SUITE_P(
    Cases, WatchTest,
    testing::Values(
        WatchCase{"Good", check(25s, 1), "++++++", "0+ 25+ 50+ 60+", WatchState::good, ""},
        WatchCase{"BadInARow", check(25s, 1), "+--+", "0+ 25- 50-", WatchState::bad,
                  "post_release/smoke: answered 500 (2 tries in a row failed, 1 was good before)"},
        WatchCase{"AGoodTryStartsTheCountAnew", check(20s, 1), "-+-++", "0- 20+ 40- 60+",
                  WatchState::good, ""},
        WatchCase{"AtOnceWithoutRetry", check(20s, 0), "++-", "0+ 20+ 40-", WatchState::bad,
                  "post_release/smoke: answered 500 (1 try failed, 2 were good before)"},
        WatchCase{"WhatFailsAsTimeIsUpPasses", check(25s, 2), "+++--+", "0+ 25+ 50+ 60- 85- 110+",
                  WatchState::good, ""},
        WatchCase{"WhatFailsAsTimeIsUpGoesOnFailing", check(25s, 1), "+++--", "0+ 25+ 50+ 60- 85-",
                  WatchState::bad,
                  "post_release/smoke: answered 500 (2 tries in a row failed, 3 were good before)"},
        WatchCase{"NeverGood", check(25s, 9), "----", "0- 25- 50- 75-", WatchState::goes_on,
                  "post_release/smoke: answered 500 (4 tries in a row failed, 0 were good before)"},
        WatchCase{"ThresholdInside", check(10s, 1, 3), "+-+++++", "0+ 10- 20+ 30+ 40+ 50+ 60+",
                  WatchState::good, ""},
        WatchCase{"ThresholdAfterIt", check(40s, 1, 3), "++++", "0+ 40+ 60+", WatchState::good, ""},
        WatchCase{"NotThreeInARow", check(20s, 1, 3), "++-++", "0+ 20+ 40- 60+ 80+",
                  WatchState::goes_on,
                  "post_release/smoke: never passed: 2 good in a row, wanted 3"},
        WatchCase{"AnIntervalLongerThanTheWatch", check(3600s, 1), "+++", "0+ 60+",
                  WatchState::good, ""},
        WatchCase{"NoIntervalIsOneSecond", check(0s, 0), "++-", "0+ 1+ 2-", WatchState::bad,
                  "post_release/smoke: answered 500 (1 try failed, 2 were good before)"}),
    [](const auto& test) { return std::string{test.param.name}; });

TEST(WatchesTest, WithoutAnyTimeItIsOneRoundOfChecks) {
    Watch watch{{{"verify", "tcp check", check(5s, 0, 2)}}, 0s};
    EXPECT_EQ(run(watch, "++++"), "0+ 5+");
    EXPECT_EQ(watch.state(), WatchState::good);
}

TEST(WatchesTest, WithoutAnyCheckItIsNeverGood) {
    const Watch watch{{}, 60s};
    EXPECT_EQ(watch.state(), WatchState::bad);
    EXPECT_EQ(watch.error(), "nothing to check");
    EXPECT_FALSE(watch.is_host_trouble());
    EXPECT_TRUE(watch.stages().empty());
}

TEST(WatchesTest, EveryCheckMustPassAndOneMayFail) {
    const std::vector<WatchedCheck> checks{{"post_release", "smoke", check(30s, 0)},
                                           {"verify", "http check", check(30s, 0)}};
    Watch watch{checks, 60s};
    watch.begins(0, Timestamp{1s});
    watch.tried(0, good(), 1s, Timestamp{2s});
    EXPECT_FALSE(watch.all_tried());
    watch.tried(0, good(), 60s, Timestamp{3s});
    watch.tried(1, good(), 50s, {});
    EXPECT_EQ(watch.state(), WatchState::goes_on) << "the second not yet at the end";
    auto other = watch;
    other.tried(1, good(), 60s, {});
    EXPECT_EQ(other.state(), WatchState::good);
    watch.tried(1, bad(), 60s, {});
    EXPECT_EQ(watch.state(), WatchState::bad);
    const auto stages = watch.stages();
    ASSERT_EQ(stages.size(), 2U);
    const auto& smoke = stages[0].tasks.at(0);
    EXPECT_EQ(smoke.status, TaskStatus::cancelled) << "it was cut short";
    EXPECT_EQ(smoke.started_at, Timestamp{1s});
    EXPECT_EQ(smoke.finished_at, Timestamp{3s});
    EXPECT_EQ(smoke.output, "") << "of what was good nothing is kept";
    const auto& http = stages[1].tasks.at(0);
    EXPECT_EQ(http.status, TaskStatus::failed);
    EXPECT_EQ(http.error, "answered 500 (1 try failed, 1 was good before)");
    EXPECT_EQ(http.output, "why");
}

TEST(WatchesTest, WhatTheHostLacksIsNoFaultOfTheVersion) {
    Watch watch{{{"verify", "script check", check(5s, 1)}}, 60s};
    watch.tried(0, bad(), 0s, {});
    watch.tried(0, {false, "No space left on device", {}, true}, 5s, {});
    EXPECT_EQ(watch.state(), WatchState::bad);
    EXPECT_TRUE(watch.is_host_trouble());
}

TEST(WatchesTest, ProgressIsThatOfTheTime) {
    const Watch watch{{{"verify", "script check", check(5s, 1)}}, 60s};
    EXPECT_EQ(watch.progress(0s), 0);
    EXPECT_EQ(watch.progress(30s), 49);
    EXPECT_EQ(watch.progress(61s), 99);
    EXPECT_EQ((Watch{{}, 0s}.progress(0s)), 99);
}

TEST(WatchesTest, TakesTheChecksOfPostReleaseAndOfTheStrategy) {
    Pipeline pipeline;
    pipeline.release.resize(1);
    pipeline.release[0].type = TaskType::health_check;
    pipeline.post_release.resize(2);
    pipeline.post_release[1].name = "smoke";
    pipeline.post_release[1].type = TaskType::health_check;
    const auto all = watched_checks(pipeline, {HealthCheck{}});
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].stage + '/' + all[0].name, "post_release/smoke");
    EXPECT_EQ(all[1].stage + '/' + all[1].name, "verify/http check");
}

}  // namespace
}  // namespace tidegate::agent
