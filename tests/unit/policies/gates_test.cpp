#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "policies/gate.h"
#include "reconciler/timezone/zones.h"

namespace tidegate {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

const Timestamp kNoon = *parse_rfc3339("2026-11-20T12:00:00Z");

Rules closed_rules(OnClose on_close = OnClose::finish_step) {
    Rules rules;
    rules.environment = "prod";
    rules.commit = "0123456789abcdef";
    rules.window.emplace();
    rules.window->name = "nights";
    rules.window->allowed = {{{}, 22h, 4h, {}}};
    rules.window->on_close = on_close;
    rules.window->emergency_users = {"oncall@example.com", "Night Watch"};
    rules.zone = find_zone("UTC");
    return rules;
}

Assignment assignment_with(Rules rules) {
    Assignment assignment;
    assignment.key = {"prod", "shop-api"};
    assignment.rules = std::move(rules);
    return assignment;
}

std::vector<std::string> gates(const std::vector<Hold>& holds) {
    std::vector<std::string> names;
    for (const auto& hold : holds) names.push_back(hold.gate);
    return names;
}

TEST(GatesTest, OpenWithoutRules) {
    EXPECT_THAT(evaluate_gates(assignment_with({}), {}, kNoon), IsEmpty());
}

TEST(GatesTest, AllHoldsAreCollectedWithTheirTimes) {
    auto assignment = assignment_with(closed_rules());
    assignment.paused = true;
    assignment.rules.freeze = {true, "year end", kNoon + 24h};
    assignment.rules.unsupported = {"canary is not acted on yet"};
    const auto holds = evaluate_gates(assignment, {}, kNoon);
    EXPECT_THAT(gates(holds), ElementsAre("freeze", "pause", "unsupported", "window"));
    EXPECT_EQ(holds[0].until, kNoon + 24h);
    EXPECT_EQ(holds[3].until, kNoon + 10h);
    EXPECT_EQ(holds[3].reason, "nights is closed");
}

TEST(GatesTest, AWindowSaysItsEndOnItsOwnClockToo) {
    auto assignment = assignment_with(closed_rules());
    EXPECT_EQ(evaluate_gates(assignment, {}, kNoon)[0].until_local, "") << "it is UTC";
    assignment.rules.zone = find_zone("Pacific/Kiritimati");
    const auto holds = evaluate_gates(assignment, {}, kNoon + 6h);
    ASSERT_THAT(gates(holds), ElementsAre("window"));
    EXPECT_EQ(holds[0].until, *parse_rfc3339("2026-11-21T08:00:00Z"));
    EXPECT_EQ(holds[0].until_local, "Sat 2026-11-21 22:00 +14:00 Pacific/Kiritimati");
}

TEST(GatesTest, AFreezeSaysItsEndOnTheClockOfTheEnvironmentsWindow) {
    auto assignment = assignment_with({});
    assignment.rules.freeze = {true, "", *parse_rfc3339("2026-11-21T08:00:00Z")};
    EXPECT_EQ(standing_holds(assignment, kNoon)[0].until_local, "") << "it has no window";
    assignment.rules.zone = find_zone("Pacific/Kiritimati");
    EXPECT_EQ(standing_holds(assignment, kNoon)[0].until_local,
              "Sat 2026-11-21 22:00 +14:00 Pacific/Kiritimati");
    assignment.rules.freeze.until.reset();
    EXPECT_EQ(standing_holds(assignment, kNoon)[0].until_local, "");
}

TEST(GatesTest, WhatAPersonStoppedStandsEvenAtRest) {
    auto assignment = assignment_with(closed_rules());
    EXPECT_THAT(standing_holds(assignment, kNoon), IsEmpty());
    assignment.paused = true;
    assignment.rules.freeze = {true, "year end", kNoon + 24h};
    EXPECT_THAT(gates(standing_holds(assignment, kNoon)), ElementsAre("pause", "freeze"));
    EXPECT_THAT(gates(standing_holds(assignment, kNoon + 24h)), ElementsAre("pause"));
}

TEST(GatesTest, AChangeCannotLoosenItsOwnRules) {
    auto assignment = assignment_with({});
    assignment.anchor_rules = {std::make_shared<Rules>(closed_rules())};
    const auto holds = evaluate_gates(assignment, {}, kNoon);
    ASSERT_THAT(gates(holds), ElementsAre("window"));
    EXPECT_THAT(holds[0].reason, testing::HasSubstr("by the rules at 0123456789ab"));
    EXPECT_THAT(evaluate_gates(assignment, {.kind = ReleaseKind::heal}, kNoon), IsEmpty());
    EXPECT_THAT(evaluate_gates(assignment, {.kind = ReleaseKind::catch_up}, kNoon), IsEmpty());
}

TEST(GatesTest, ATargetKeepsTheRulesOfWhereItWas) {
    auto assignment = assignment_with({});
    auto former = std::make_shared<Rules>();
    former->environment = "frozen-prod";
    former->commit = "0123456789abcdef";
    former->freeze = {true, "audit", {}};
    assignment.anchor_rules = {std::make_shared<Rules>(), former};
    const auto holds = evaluate_gates(assignment, {}, kNoon);
    ASSERT_THAT(gates(holds), ElementsAre("freeze"));
    EXPECT_THAT(holds[0].reason,
                testing::StartsWith("environment frozen-prod is frozen: audit (by the rules of "
                                    "frozen-prod at 0123456789ab"));
}

TEST(GatesTest, TheSameHoldOfBothRuleSetsShowsOnce) {
    auto assignment = assignment_with(closed_rules());
    assignment.anchor_rules = {std::make_shared<Rules>(closed_rules())};
    EXPECT_EQ(evaluate_gates(assignment, {}, kNoon).size(), 1u);
}

struct CloseCase {
    OnClose on_close;
    bool release_admitted, step_admitted, go;
};
class OnCloseTest : public testing::TestWithParam<CloseCase> {};
TEST_P(OnCloseTest, AdmittedUnitMayEnd) {
    const auto& c = GetParam();
    const auto holds = evaluate_gates(
        assignment_with(closed_rules(c.on_close)),
        {.release_admitted = c.release_admitted, .step_admitted = c.step_admitted}, kNoon);
    EXPECT_EQ(holds.empty(), c.go);
}
INSTANTIATE_TEST_SUITE_P(Cases, OnCloseTest,
                         testing::Values(CloseCase{OnClose::pause, true, true, false},
                                         CloseCase{OnClose::finish_step, true, false, false},
                                         CloseCase{OnClose::finish_step, true, true, true},
                                         CloseCase{OnClose::finish_release, true, false, true},
                                         CloseCase{OnClose::finish_release, false, false, false}));

struct EmergencyCase {
    const char *name, *email, *reason;
    bool go;
};
class EmergencyTest : public testing::TestWithParam<EmergencyCase> {};
TEST_P(EmergencyTest, PassesWindowsOnlyWithTrailerAndListedAuthor) {
    const auto& c = GetParam();
    auto assignment = assignment_with(closed_rules());
    assignment.intent.author_name = c.name;
    assignment.intent.author_email = c.email;
    assignment.intent.emergency_reason = c.reason;
    EXPECT_EQ(evaluate_gates(assignment, {}, kNoon).empty(), c.go);
    assignment.paused = true;
    EXPECT_FALSE(evaluate_gates(assignment, {}, kNoon).empty());
}
INSTANTIATE_TEST_SUITE_P(
    Cases, EmergencyTest,
    testing::Values(EmergencyCase{"On Call", "oncall@example.com", "outage", true},
                    EmergencyCase{"Night Watch", "nw@example.com", "outage", true},
                    EmergencyCase{"night watch", "nw@example.com", "outage", false},
                    EmergencyCase{"On Call", "oncall@example.com", "", false},
                    EmergencyCase{"oncall@example.com", "eve@example.com", "outage", false}));

struct EmergencyKindCase {
    ReleaseKind kind;
    bool go;
};
class EmergencyKindTest : public testing::TestWithParam<EmergencyKindCase> {};
TEST_P(EmergencyKindTest, PassesWhatItsCommitAsksForAndNoLaterRepairs) {
    auto assignment = assignment_with(closed_rules());
    assignment.intent.author_email = "oncall@example.com";
    assignment.intent.emergency_reason = "outage";
    EXPECT_EQ(evaluate_gates(assignment, {.kind = GetParam().kind}, kNoon).empty(), GetParam().go);
}
INSTANTIATE_TEST_SUITE_P(Cases, EmergencyKindTest,
                         testing::Values(EmergencyKindCase{ReleaseKind::introduce, true},
                                         EmergencyKindCase{ReleaseKind::restore, true},
                                         EmergencyKindCase{ReleaseKind::uninstall, true},
                                         EmergencyKindCase{ReleaseKind::heal, false},
                                         EmergencyKindCase{ReleaseKind::catch_up, false}));

TEST(GatesTest, RestoresPassWindowsUnlessTold) {
    auto assignment = assignment_with(closed_rules());
    EXPECT_THAT(evaluate_gates(assignment, {.restore = true}, kNoon), IsEmpty());
    assignment.rollback.respect_windows = true;
    EXPECT_THAT(gates(evaluate_gates(assignment, {.restore = true}, kNoon)), ElementsAre("window"));
}

TEST(GatesTest, AnUnknownZoneIsClosed) {
    auto assignment = assignment_with(closed_rules());
    assignment.rules.zone = nullptr;
    EXPECT_THAT(gates(evaluate_gates(assignment, {}, kNoon)), ElementsAre("window"));
}

}  // namespace
}  // namespace tidegate
