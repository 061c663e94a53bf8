#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/plan.h"

namespace tidegate::cli {
namespace {

constexpr Timestamp kNow{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22}};

PlanReport two_steps(std::optional<Timestamp> starts) {
    PlannedChange change;
    change.plan.key = {"prod", "shop-api"};
    change.plan.version = "1.4.2";
    change.from = "1.4.1";
    change.starts = starts;
    Step first;
    first.targets = {"web-1"};
    first.verify_duration = Seconds{600};
    Step second;
    second.index = 1;
    second.targets = {"web-2", "web-3"};
    second.wait_before = Seconds{60};
    change.plan.steps = {first, second};
    change.plan.holds = {{"window", "business-hours is closed", kNow + std::chrono::hours{2},
                          "Sun 2026-11-22 10:00 +08:00 Asia/Shanghai"}};
    change.notes = {"a *note*"};
    PlanReport report;
    report.base = "aaaaaaaaaaaa";
    report.head = "bbbbbbbbbbbb";
    report.at = kNow;
    report.changes = {change};
    return report;
}

std::string printed(const PlanReport& report, Format format) {
    std::ostringstream out, err;
    print_plan({out, err, format}, report);
    return out.str();
}

TEST(PlanRender, WhatConcernsNoFileHasNoPlace) {
    PlanReport report;
    report.base = report.head = "aaaaaaaaaaaa";
    report.errors = {{ErrorCode::invalid, "bad", {"a.yaml", 1, 2}}};
    report.warnings = {{ErrorCode::invalid, "1 assignment leaves Git", {}}};
    EXPECT_EQ(printed(report, Format::text),
              "plan aaaaaaaaa..aaaaaaaaa: 0 assignments changed\n\n"
              "a.yaml:1:2: error: bad\nwarning: 1 assignment leaves Git\n");
}

TEST(PlanRender, TextShowsWhenEachStepMayBegin) {
    EXPECT_EQ(
        printed(two_steps(kNow + std::chrono::hours{2}), Format::text),
        "plan aaaaaaaaa..bbbbbbbbb: 1 assignment changed\n"
        "\n"
        "prod/shop-api  introduce  1.4.1 -> 1.4.2\n"
        "  strategy rolling, starts not before 2026-11-22T02:00:00Z (Sun 2026-11-22 10:00 "
        "+08:00 Asia/Shanghai)\n"
        "  STEP  KIND    NOT BEFORE            WAITS       TARGETS\n"
        "  0     deploy  2026-11-22T02:00:00Z  verify 10m  web-1\n"
        "  1     deploy  2026-11-22T02:11:00Z  wait 1m     web-2 web-3\n"
        "  HELD BY  UNTIL                                                             REASON\n"
        "  window   2026-11-22T02:00:00Z (Sun 2026-11-22 10:00 +08:00 Asia/Shanghai)  "
        "business-hours is closed\n"
        "  note: a *note*\n");
}

TEST(PlanRender, MarkdownEscapesWhatUsersWrote) {
    const auto text = printed(two_steps(kNow), Format::markdown);
    EXPECT_NE(text.find("| 1 | deploy | 2026-11-22T00:11:00Z | wait 1m | web-2, web-3 |"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("- a \\*note\\*\n"), std::string::npos) << text;
    EXPECT_NE(text.find("**starts at once**"), std::string::npos) << text;
}

TEST(PlanRender, SaysNoTimeWhereAPersonHasToAct) {
    const auto json = nlohmann::json::parse(printed(two_steps({}), Format::json));
    const auto& change = json["changes"][0];
    EXPECT_TRUE(change["starts_at"].is_null());
    EXPECT_TRUE(change["steps"][1]["earliest_at"].is_null());
    EXPECT_EQ(change["steps"][0]["verify_duration"], 600);
    EXPECT_EQ(change["kind"], "introduce");
}

}  // namespace
}  // namespace tidegate::cli
