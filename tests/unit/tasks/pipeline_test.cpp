#include "agent/tasks/pipeline.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>

#include "agent/tasks/stop_after.h"

namespace tidegate::agent {
namespace {

/// Scripts by name: "ok", "bad", "hang" (until stopped), "flaky" (fails twice), "meet" (waits for
/// another one that runs at the same time).
class FakeHost final : public TaskHost {
public:
    TaskOutput script(const std::string& body, Seconds, std::stop_token stop) override {
        const std::scoped_lock lock{mutex_};
        ran.push_back(body);
        if (body == "bad") {
            failed = true;
            failed.notify_all();
            return {false, "exit code 1", "oops\n"};
        }
        if (body == "flaky") return {++tries_ > 2, tries_ > 2 ? "" : "exit code 1", ""};
        if (body == "hang" && wait_for(Milliseconds{60'000}, stop) == false)
            return {false, "cancelled", ""};
        if (body == "meet") return meet();
        return {true, "", body + "\n"};
    }
    TaskOutput deploy(std::stop_token) override {
        ran.emplace_back("deploy");
        return {deploys, deploys ? "" : "exit code 9", ""};
    }
    TaskOutput live_script(const std::string& body, Seconds timeout,
                           std::stop_token stop) override {
        return script("live " + body, timeout, std::move(stop));
    }
    bool has_live() const override { return live; }
    bool installed() const override { return was_installed; }
    bool can_start() const override { return true; }
    std::size_t stoppers() const override { return stops.size(); }
    std::size_t stoppers_elsewhere() const override { return elsewhere; }
    bool can_tell() const override { return tells; }
    TaskOutput start_service(Seconds, std::stop_token) override {
        ran.emplace_back("start");
        return {true, "", ""};
    }
    TaskOutput stop_service(std::size_t stopper, Seconds, std::stop_token) override {
        ran.emplace_back(stopper == 0 ? "stop" : fmt::format("stop by {}", stopper));
        const bool ok = stops[stopper];
        return {ok, ok ? "" : fmt::format("exit code {}", stopper + 1), ""};
    }
    ServiceState service_state(std::stop_token) override { return state; }
    bool kill_service() override {
        ran.emplace_back("kill");
        return true;
    }
    void progress(const std::string& stage, const std::string& task, TaskStatus status,
                  int percent) override {
        last_progress = stage + "/" + task + " " + std::string{to_string(status)} + " " +
                        std::to_string(percent);
    }

    std::vector<std::string> ran;
    std::atomic<bool> failed{false};  ///< a "bad" one has run
    std::string last_progress;
    ServiceState state = ServiceState::not_known;
    bool deploys = true;
    std::vector<bool> stops{true};  ///< by stopper
    std::size_t elsewhere = 0;      ///< of them, at the front
    bool tells = true;
    bool was_installed = true;
    bool live = true;

private:
    TaskOutput meet() {
        met_.fetch_add(1);
        mutex_.unlock();
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{10};
        while (met_ < 2 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
        mutex_.lock();
        return {met_ >= 2, "alone", ""};
    }

    std::mutex mutex_;
    std::atomic<int> met_{0};
    int tries_ = 0;
};

Task script(const std::string& name, const std::string& body) {
    Task task;
    task.name = name;
    task.script = body;
    return task;
}
Task of_type(const std::string& name, TaskType type) {
    Task task;
    task.name = name;
    task.type = type;
    return task;
}

class PipelineTest : public testing::Test {
protected:
    PipelineReport run(std::stop_token stop = {}) {
        auto report = run_pipeline(pipeline_, verify_, host_, stop);
        for (const auto& stage : report.stages)
            for (const auto& task : stage.tasks) {
                status_[task.name] = task.status;
                result_[task.name] = task;
            }
        return report;
    }

    FakeHost host_;
    Pipeline pipeline_;
    std::vector<HealthCheck> verify_;
    std::map<std::string, TaskStatus> status_;
    std::map<std::string, TaskResult> result_;
};

TEST_F(PipelineTest, RunsPhasesInOrderThenVerifies) {
    pipeline_.pre_release = {script("a", "one")};
    pipeline_.release = {of_type("b", TaskType::deploy)};
    pipeline_.post_release = {script("c", "three")};
    HealthCheck check;
    check.type = CheckType::script;
    check.script = "four";
    verify_ = {check};
    const auto report = run();
    EXPECT_TRUE(report.ok) << report.error;
    EXPECT_EQ(host_.ran, (std::vector<std::string>{"live one", "deploy", "three", "four"}));
    ASSERT_EQ(report.stages.size(), 4U);
    EXPECT_EQ(report.stages[3].name, "verify");
    EXPECT_EQ(report.stages[0].tasks[0].output, "live one\n");
    EXPECT_TRUE(report.stages[0].tasks[0].finished_at);
    EXPECT_EQ(host_.last_progress, "verify/script check success 100");
}

TEST_F(PipelineTest, WhatSpeaksOfTheLiveSlotIsSkippedWhereNothingIsLive) {
    host_.live = false;
    auto check = of_type("check", TaskType::health_check);
    check.check.type = CheckType::script;
    check.check.script = "bad";
    pipeline_.pre_release = {script("look", "bad"), check, of_type("deploy", TaskType::deploy)};
    pipeline_.pre_release[2].depends_on = {"look", "check"};
    pipeline_.post_release = {script("own", "ok")};
    const auto report = run();
    EXPECT_TRUE(report.ok) << report.error;
    EXPECT_EQ(host_.ran, (std::vector<std::string>{"deploy", "ok"}));
    EXPECT_EQ(status_["look"], TaskStatus::skipped);
    EXPECT_EQ(result_["look"].error, "no slot is live yet");
    EXPECT_EQ(status_["check"], TaskStatus::skipped);

    host_.live = true;
    pipeline_.pre_release = {check};
    pipeline_.pre_release[0].check.retry = 0;
    pipeline_.pre_release[0].check.script = "ok";
    host_.ran.clear();
    EXPECT_TRUE(run().ok);
    EXPECT_EQ(host_.ran, (std::vector<std::string>{"live ok", "ok"}));
}

TEST_F(PipelineTest, AFailureSkipsTheRest) {
    host_.deploys = false;
    pipeline_.release = {of_type("deploy", TaskType::deploy), script("later", "ok")};
    pipeline_.post_release = {script("last", "ok")};
    const auto report = run();
    EXPECT_FALSE(report.ok);
    EXPECT_FALSE(report.cancelled);
    EXPECT_EQ(report.error, "release/deploy: exit code 9");
    EXPECT_EQ(status_["later"], TaskStatus::skipped);
    EXPECT_EQ(status_["last"], TaskStatus::skipped);
}

TEST_F(PipelineTest, OnErrorContinueGoesOnButDependentsAreSkipped) {
    auto bad = script("bad", "bad");
    bad.on_error = OnError::continue_;
    auto dependent = script("dependent", "ok");
    dependent.depends_on = {"bad"};
    pipeline_.release = {bad, dependent, script("other", "ok")};
    const auto report = run();
    EXPECT_TRUE(report.ok);
    EXPECT_EQ(status_["bad"], TaskStatus::failed);
    EXPECT_EQ(result_["bad"].output, "oops\n");
    EXPECT_EQ(status_["dependent"], TaskStatus::skipped);
    EXPECT_EQ(result_["dependent"].error, "'bad' is failed");
    EXPECT_EQ(status_["other"], TaskStatus::success);
}

TEST_F(PipelineTest, RetriesAsOftenAsAsked) {
    auto flaky = script("flaky", "flaky");
    flaky.retry = 2;
    auto bad = script("bad", "bad");
    bad.retry = 1;
    pipeline_.release = {flaky, bad};
    EXPECT_FALSE(run().ok);
    EXPECT_EQ(status_["flaky"], TaskStatus::success);
    EXPECT_EQ(result_["flaky"].retry_count, 2);
    EXPECT_EQ(result_["bad"].retry_count, 1);
    EXPECT_EQ(host_.ran.size(), 5U);
}

TEST_F(PipelineTest, ParallelTasksRunAtTheSameTime) {
    auto a = script("a", "meet");
    auto b = script("b", "meet");
    a.parallel = b.parallel = true;
    pipeline_.release = {a, b};
    EXPECT_TRUE(run().ok);
}

TEST_F(PipelineTest, AParallelTaskStillWaitsForWhatItDependsOn) {
    auto a = script("a", "ok");
    auto b = script("b", "two");
    a.parallel = b.parallel = true;
    b.depends_on = {"a"};
    pipeline_.release = {a, b};
    EXPECT_TRUE(run().ok);
    EXPECT_EQ(status_["b"], TaskStatus::success);
}

TEST_F(PipelineTest, CancelStopsTheRunningTaskAndTheRest) {
    std::stop_source source;
    pipeline_.release = {script("hang", "hang"), script("later", "ok")};
    std::jthread canceller{[&] { source.request_stop(); }};
    const auto report = run(source.get_token());
    EXPECT_TRUE(report.cancelled);
    EXPECT_EQ(status_["hang"], TaskStatus::cancelled);
    EXPECT_NE(status_["later"], TaskStatus::success);
}

TEST_F(PipelineTest, ACancelBetweenTwoTriesIsNoFailure) {
    std::stop_source source;
    pipeline_.release = {script("again", "bad")};
    pipeline_.release[0].retry = 1;
    pipeline_.release[0].retry_delay = Seconds{3600};
    std::jthread canceller{[&] {
        host_.failed.wait(false);
        source.request_stop();
    }};
    EXPECT_TRUE(run(source.get_token()).cancelled);
    EXPECT_EQ(status_["again"], TaskStatus::cancelled);
    EXPECT_EQ(result_["again"].error, "exit code 1");
}

TEST_F(PipelineTest, ATimeOutFailsTheTask) {
    auto wait = of_type("wait", TaskType::wait);
    wait.duration = Seconds{60};
    wait.timeout = Seconds{0};
    pipeline_.release = {wait};
    EXPECT_EQ(run().error, "release/wait: timed out after 0s");
}

struct StopCase {
    const char* name;
    bool installed;
    bool stops;
    std::optional<ServiceState> state;  ///< none: nobody can tell
    bool force;
    bool ok;
    std::vector<std::string> ran;
};
bool stops_well(FakeHost& host, bool force) {
    Pipeline pipeline;
    pipeline.release = {of_type("stop", TaskType::stop_service)};
    pipeline.release[0].graceful_timeout = Seconds{0};
    pipeline.release[0].force_kill = force;
    return run_pipeline(pipeline, {}, host, {}).ok;
}
class StopServiceTest : public testing::TestWithParam<StopCase> {};

TEST_P(StopServiceTest, EndsStoppedOrFails) {
    const auto& [name, installed, stops, state, force, ok, ran] = GetParam();
    FakeHost host;
    host.was_installed = installed;
    host.stops = {stops};
    host.tells = state.has_value();
    host.state = state.value_or(ServiceState::not_known);
    EXPECT_EQ(stops_well(host, force), ok);
    EXPECT_EQ(host.ran, ran);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, StopServiceTest,
    testing::Values(
        StopCase{"NothingThere", false, true, ServiceState::running, true, true, {}},
        StopCase{"Clean", true, true, ServiceState::stopped, true, true, {"stop"}},
        StopCase{"NoStatus", true, true, {}, true, true, {"stop"}},
        StopCase{"StatusFails", true, true, ServiceState::not_known, false, false, {"stop"}},
        StopCase{
            "StatusFailsForce", true, true, ServiceState::not_known, true, true, {"stop", "kill"}},
        StopCase{"StillRunning", true, true, ServiceState::running, true, true, {"stop", "kill"}},
        StopCase{"NoForce", true, true, ServiceState::running, false, false, {"stop"}},
        StopCase{
            "ScriptFailsButStopped", true, false, ServiceState::stopped, false, true, {"stop"}},
        StopCase{"ScriptFails", true, false, {}, false, false, {"stop"}}),
    [](const auto& test) { return std::string{test.param.name}; });

TEST_F(PipelineTest, OneDefinitionAfterTheOtherIsAskedToStop) {
    auto stop = of_type("stop", TaskType::stop_service);
    stop.graceful_timeout = Seconds{0};
    stop.force_kill = false;
    pipeline_.release = {stop};
    host_.tells = false;
    host_.stops = {false, true, true};
    EXPECT_TRUE(run().ok);
    EXPECT_EQ(host_.ran, (std::vector<std::string>{"stop", "stop by 1"}));
    host_.stops = {false, false};
    EXPECT_EQ(run().error, "release/stop: exit code 1; then exit code 2");
    host_.tells = true;
    host_.state = ServiceState::running;
    host_.stops = {true, false};
    EXPECT_EQ(run().error, "release/stop: still running after 0s; then exit code 2");
}

struct ElsewhereStopCase {
    const char* name;
    std::vector<bool> stops;  ///< the first one looks into another folder
    ServiceState state;
    bool force;
    bool ok;
    std::vector<std::string> ran;
};
class ElsewhereStopTest : public testing::TestWithParam<ElsewhereStopCase> {};
TEST_P(ElsewhereStopTest, NothingIsKilledBeforeAllWereAsked) {
    const auto& [name, stops, state, force, ok, ran] = GetParam();
    FakeHost host;
    host.stops = stops;
    host.elsewhere = 1;
    host.state = state;
    EXPECT_EQ(stops_well(host, force), ok);
    EXPECT_EQ(host.ran, ran);
}
INSTANTIATE_TEST_SUITE_P(
    Cases, ElsewhereStopTest,
    testing::Values(
        ElsewhereStopCase{
            "BothStop", {true, true}, ServiceState::stopped, true, true, {"stop", "stop by 1"}},
        ElsewhereStopCase{"ItStillRuns",
                          {true, false},
                          ServiceState::running,
                          false,
                          false,
                          {"stop", "stop by 1"}},
        ElsewhereStopCase{"ItStillRunsForce",
                          {true, false},
                          ServiceState::running,
                          true,
                          true,
                          {"stop", "stop by 1", "kill"}},
        ElsewhereStopCase{"OnlyThere",
                          {true, false},
                          ServiceState::not_known,
                          false,
                          true,
                          {"stop", "stop by 1"}},
        ElsewhereStopCase{
            "OnlyHere", {false, true}, ServiceState::stopped, false, true, {"stop", "stop by 1"}},
        ElsewhereStopCase{"OnlyHereForce",
                          {false, true},
                          ServiceState::stopped,
                          true,
                          true,
                          {"stop", "stop by 1", "kill"}},
        ElsewhereStopCase{
            "Neither", {false, false}, ServiceState::stopped, false, true, {"stop", "stop by 1"}},
        ElsewhereStopCase{"NeitherAndItRuns",
                          {false, false},
                          ServiceState::running,
                          false,
                          false,
                          {"stop", "stop by 1"}}),
    [](const auto& test) { return std::string{test.param.name}; });

TEST_F(PipelineTest, StartWaitsUntilReady) {
    auto start = of_type("start", TaskType::start_service);
    start.wait_ready = true;
    start.ready_timeout = Seconds{0};
    pipeline_.release = {start};
    host_.state = ServiceState::running;
    EXPECT_TRUE(run().ok);
    host_.state = ServiceState::stopped;
    EXPECT_EQ(run().error, "release/start: not ready after 0s");
    host_.state = ServiceState::not_known;
    EXPECT_EQ(run().error, "release/start: not ready after 0s");
    host_.tells = false;
    EXPECT_TRUE(run().ok);
}

TEST_F(PipelineTest, SaysWhatItCannotRun) {
    EXPECT_EQ(unsupported(pipeline_), "");
    pipeline_.post_release = {of_type("save", TaskType::backup)};
    EXPECT_EQ(unsupported(pipeline_), "post_release/save: this agent has no task type 'backup'");
    pipeline_.pre_release = {script("when", "ok")};
    pipeline_.pre_release[0].condition = "${X} == 1";
    EXPECT_EQ(unsupported(pipeline_), "pre_release/when: this agent knows no conditions");
}

/// A string of tries: x = fails, o = passes.
struct TriesCase {
    const char* name;
    std::string tries;
    int retry;
    int threshold;
    bool ok;
    std::size_t used;
};
class HealthTriesTest : public testing::TestWithParam<TriesCase> {};

TEST_P(HealthTriesTest, CountsSuccessesInARowAndFailures) {
    const auto& [name, tries, retry, threshold, ok, used] = GetParam();
    HealthCheck check;
    check.type = CheckType::script;
    check.retry = retry;
    check.success_threshold = threshold;
    check.interval = Seconds{0};
    std::size_t at = 0;
    const auto outcome =
        run_check(check,
                  [&](const std::string&, Seconds, const std::stop_token&) -> CheckOutcome {
                      const bool passes = tries.at(at++) == 'o';
                      return {passes, passes ? "" : "no", ""};
                  },
                  {});
    EXPECT_EQ(outcome.ok, ok) << outcome.error;
    EXPECT_EQ(at, used);
}

INSTANTIATE_TEST_SUITE_P(Cases, HealthTriesTest,
                         testing::Values(TriesCase{"First", "o", 3, 1, true, 1},
                                         TriesCase{"AfterRetries", "xxxo", 3, 1, true, 4},
                                         TriesCase{"TooMany", "xxxxo", 3, 1, false, 4},
                                         TriesCase{"NoRetry", "x", 0, 1, false, 1},
                                         TriesCase{"InARow", "ooxooo", 3, 3, true, 6},
                                         TriesCase{"Alternating", "oxoxoxoxo", 3, 2, false, 8}),
                         [](const auto& test) { return std::string{test.param.name}; });

}  // namespace
}  // namespace tidegate::agent
