/// What people read in a merge request and on a terminal, whole, in the three forms of
/// `tidegate plan` and `tidegate simulate`. UPDATE_GOLDEN=1 writes expected/ anew: read it.

#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "cli/plan.h"
#include "tests/integration/cli/fixture.h"

namespace tidegate::cli {
namespace {

/// A Sunday, 00:00.
constexpr Timestamp kNow{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22}};

constexpr const char* kProd = R"(apiVersion: tidegate/v1
kind: Environment
name: prod
release_window: hours
strategy: {type: rolling, config: {batch_size: 2, max_unavailable: 2, batch_interval: 1m}}
targets:
  - {name: web-1}
  - {name: web-2}
  - {name: web-3}
  - {name: web-4}
  - {name: web-5}
)";

constexpr const char* kHours = R"(apiVersion: tidegate/v1
kind: ReleaseWindow
name: hours
timezone: Asia/Shanghai
emergency_users: [dana@example.com]
allowed_windows: [{days: [1, 2, 3, 4, 5], start_time: "10:00", end_time: "17:00"}]
)";

std::string without(std::string text, const std::string& line) {
    const auto at = text.find(line);
    return at == std::string::npos ? text : text.erase(at, line.size());
}

class PlanGolden : public RepoTest {
protected:
    static void SetUpTestSuite() {
        for (const auto* name : {"GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"})
            ::setenv(name, "2026-11-20T12:00:00Z", 1);
    }
    static void TearDownTestSuite() {
        for (const auto* name : {"GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"}) ::unsetenv(name);
    }

    PlanGolden() {
        write("environments/prod.yaml", without(kProd, "release_window: hours\n"));
        write("windows/hours.yaml", kHours);
        push("five targets");
    }

    /// Of the newest commit.
    PlanReport report(std::vector<std::string> fails = {}, bool simulated = false) {
        auto made = make_plan({work(), "HEAD~1", "HEAD", "", std::move(fails)}, kNow);
        EXPECT_TRUE(made) << (made ? "" : made.error().text());
        made->simulated = simulated;
        return *std::move(made);
    }

    static void expect_golden(const std::string& name, const PlanReport& report) {
        for (const auto& [format, end] :
             {std::pair{Format::text, "txt"}, {Format::json, "json"}, {Format::markdown, "md"}}) {
            std::ostringstream out, err;
            print_plan({out, err, format}, report);
            const auto path = std::filesystem::path{TIDEGATE_SOURCE_DIR} /
                              "tests/golden/plan/expected" / (name + '.' + end);
            if (std::getenv("UPDATE_GOLDEN")) test::write_text(path, out.str());
            EXPECT_EQ(out.str(), test::read_text(path)) << path;
        }
    }
};

TEST_F(PlanGolden, ANewVersionRolls) {
    set_version("1.1.0", "next");
    expect_golden("rolling", report());
}

TEST_F(PlanGolden, AScriptOfTheProjectChanges) {
    write("projects/shop-api.yaml",
          "apiVersion: tidegate/v1\nkind: Project\nname: shop-api\ndescription: sells\n"
          "deploy:\n  type: script\n  config: {install_script: \"true\", update_script: \"id\"}\n");
    push("update by id");
    expect_golden("script", report());
}

TEST_F(PlanGolden, AWindowIsWaitedForAndAPersonIsNot) {
    write("environments/prod.yaml", kProd);
    push("office hours");
    set_version("1.1.0", "next");
    expect_golden("window", report());
}

TEST_F(PlanGolden, AnEmergencyWaitsForNoWindow) {
    write("environments/prod.yaml", kProd);
    push("office hours");
    set_version("1.1.0", "next\n\nTidegate-Emergency: the shop is down");
    expect_golden("emergency", report());
}

TEST_F(PlanGolden, WhatIsFrozenWaitsForAPerson) {
    write("environments/prod.yaml", std::string{kProd} + "freeze: {active: true, reason: audit}\n");
    push("audit");
    set_version("1.1.0", "next");
    expect_golden("frozen", report());
}

TEST_F(PlanGolden, ALiftedFreezeFreesWhatCameMeanwhile) {
    const auto environment = without(kProd, "release_window: hours\n");
    write("environments/prod.yaml", environment + "freeze: {active: true, reason: audit}\n");
    push("audit");
    set_version("1.1.0", "next");
    write("environments/prod.yaml", environment);
    push("the audit is over");
    expect_golden("thawed", report());
}

TEST_F(PlanGolden, TargetsComeAndLeave) {
    auto environment = without(kProd, "release_window: hours\n");
    environment.replace(environment.find("web-5"), 5, "web-6");
    write("environments/prod.yaml", environment);
    push("another fifth");
    expect_golden("targets", report());
}

constexpr const char* kCanary = R"(strategy:
  type: canary
  config:
    auto_promote: false
    steps: [{percent: 20, verify_duration: 10m}, {percent: 60, verify_duration: 1h}, {percent: 100}]
    max_unavailable: 2
    health_check: {type: http, url: "http://localhost:8080/health"}
)";

TEST_F(PlanGolden, ACanaryIsWatchedAndPromoted) {
    auto environment = without(kProd, "release_window: hours\n");
    const auto at = environment.find("strategy:");
    environment.replace(at, environment.find('\n', at) + 1 - at, kCanary);
    write("environments/prod.yaml", environment);
    push("with care");
    set_version("1.1.0", "next");
    expect_golden("canary", report());
    expect_golden("canary-failure", report({"web-2@4"}, true));
}

/// Who asked for it is no approver of it: the first one who wrote nothing of it is taken for
/// granted.
TEST_F(PlanGolden, AGroupWaitsForAnApprover) {
    auto environment = without(kProd, "release_window: hours\n");
    const auto at = environment.find("strategy:");
    environment.replace(at, environment.find('\n', at) + 1 - at,
                        "approvers: [dana@example.com, eve@example.com]\n"
                        "strategy: {type: canary, config: {cluster_order: [{priority: 1, targets: "
                        "[web-1]}, {priority: 2, targets: [web-2, web-3], approval_required: "
                        "true}]}}\n");
    write("environments/prod.yaml", environment);
    push("with approvers");
    set_version("1.1.0", "next");
    expect_golden("approval", report());
}

constexpr const char* kBlueGreen = R"(strategy:
  type: blue_green
  config:
    verify_duration: 5m
    canary: {steps: [{weight: 5, verify_duration: 10m}, {weight: 50, verify_duration: 10m}]}
    keep_old: 24h
    health_check: {type: http, url: "http://localhost:${APP_PORT}/health"}
    traffic:
      router: haproxy
      targets: [lb-1, lb-2]
      config: {socket: /run/haproxy/admin.sock, backend: shop}
)";

constexpr const char* kSlotsProject = R"(apiVersion: tidegate/v1
kind: Project
name: shop-api
deploy:
  type: script
  config: {install_script: "true", work_dir: "/opt/shop-${SLOT}"}
variables:
  APP_PORT: {type: slot_specific, values: {blue: "8080", green: "8081"}}
)";

/// Green beside blue: who gets the traffic when, and what becomes of blue.
class BlueGreenGolden : public PlanGolden {
protected:
    BlueGreenGolden() {
        auto environment = without(kProd, "release_window: hours\n");
        const auto at = environment.find("strategy:");
        environment.replace(at, environment.find('\n', at) + 1 - at, kBlueGreen);
        write("environments/prod.yaml", environment);
        write("environments/edge.yaml",
              "apiVersion: tidegate/v1\nkind: Environment\nname: edge\n"
              "targets: [{name: lb-1}, {name: lb-2}]\n");
        write("projects/shop-api.yaml", kSlotsProject);
        push("green beside blue");
        set_version("1.1.0", "next");
    }
};

TEST_F(BlueGreenGolden, TrafficGoesOverByStepsAndTheOldSlotIsRetired) {
    expect_golden("blue-green", report());
}

TEST_F(BlueGreenGolden, AFailureUnderTrafficGivesItBack) {
    expect_golden("blue-green-failure", report({"web-2@5"}, true));
}

TEST_F(BlueGreenGolden, ARouterThatDoesNotObeyTakesTheReleaseBack) {
    expect_golden("blue-green-router", report({"lb-2@4"}, true));
}

TEST_F(PlanGolden, NothingChanges) {
    write("README.md", "hello\n");
    push("docs");
    expect_golden("nothing", report());
}

TEST_F(PlanGolden, AFailureIsPlayedThrough) {
    set_version("1.1.0", "next");
    expect_golden("failure", report({"web-3"}, true));
}

}  // namespace
}  // namespace tidegate::cli
