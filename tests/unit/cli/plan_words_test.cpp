#include "cli/plan_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "schema/base/limits.h"
#include "schema/config/read.h"

namespace tidegate::cli {
namespace {

constexpr Timestamp kNow{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22}};

std::string printed(const PlanReport& report, Format format) {
    std::ostringstream out, err;
    print_plan({out, err, format}, report);
    return out.str();
}

PlannedChange change_of(const std::string& project, std::size_t targets) {
    auto definition = std::make_shared<Definition>();
    definition->version = "2.0";
    auto assignment = std::make_shared<Assignment>();
    assignment->key = {"prod", project};
    assignment->definition = definition;
    PlannedChange change;
    change.timeline.key = assignment->key;
    change.timeline.before = change.timeline.after = assignment;
    auto& release = change.timeline.releases.emplace_back().release;
    release.to = "2.0";
    release.started_at = kNow;
    release.finished_at = kNow + Seconds{34};
    DeployWork work;
    for (std::size_t i = 0; i < targets; ++i) work.targets.push_back(fmt::format("host-{:04}", i));
    auto& step = release.steps.emplace_back();
    step.work = work;
    step.started_at = kNow;
    step.finished_at = kNow + Seconds{34};
    return change;
}

TEST(PlanWords, WhatConcernsNoFileHasNoPlace) {
    PlanReport report;
    report.base = report.head = "aaaaaaaaaaaa";
    report.errors = {{ErrorCode::invalid, "bad", {"a.yaml", 1, 2}}};
    report.warnings = {{ErrorCode::invalid, "1 assignment leaves Git", {}}};
    EXPECT_EQ(printed(report, Format::text),
              "plan aaaaaaaaa..aaaaaaaaa: nothing changes\n\n"
              "a.yaml:1:2: error: bad\nwarning: 1 assignment leaves Git\n");
}

TEST(PlanWords, TellsCommentsFromNothing) {
    PlanReport report;
    EXPECT_EQ(summary_of(report), "nothing changes");
    report.files = 2;
    EXPECT_EQ(summary_of(report), "nothing changes: 2 files differ in comments or descriptions");
}

TEST(PlanWords, SpansAreAsExactAsPeopleNeed) {
    EXPECT_EQ(span_text(Milliseconds{34'400}), "34s");
    EXPECT_EQ(span_text(Seconds{3'723}), "1h2m");
    EXPECT_EQ(span_text(std::chrono::hours{26} + std::chrono::minutes{7}), "1d2h");
    EXPECT_EQ(span_text(Milliseconds{100}), "0s");
}

TEST(PlanWords, LongListsAreCut) {
    EXPECT_EQ(names_text({"a", "b", "c"}, 2, ", "), "a, b, c")
        << "one more is no longer than a word";
    EXPECT_EQ(names_text({"a", "b", "c", "d"}, 2, ", "), "a, b, and 2 more");
}

TEST(PlanWords, WhatFollowsAnAwaitCountsFromThePromote) {
    auto change = change_of("shop", 1);
    auto& timeline = change.timeline.releases.front();
    auto& release = timeline.release;
    Step await;
    await.index = 1;
    await.entry = 1;
    await.work = AwaitWork{};
    await.started_at = await.finished_at = kNow + Seconds{34};
    Step rest = release.steps.front();
    rest.index = 2;
    rest.started_at = kNow + Seconds{34};
    Step last = rest;
    last.index = 3;
    last.started_at = kNow + Seconds{634};
    release.steps.push_back(await);
    release.steps.push_back(rest);
    release.steps.push_back(last);
    timeline.promotes.push_back({release.id, 1, kNow + Seconds{34}, "a person"});
    const auto lines = step_lines(change);
    EXPECT_EQ(lines.at(0).begins, "at the start");
    EXPECT_EQ(lines.at(1).number, "1 (entry 1)");
    EXPECT_EQ(lines.at(1).begins, "+34s") << "it waits from there on";
    EXPECT_EQ(lines.at(1).does, "wait for a promote");
    EXPECT_EQ(lines.at(1).takes, "as long as it takes");
    EXPECT_EQ(lines.at(2).begins, "after the promote");
    EXPECT_EQ(lines.at(3).begins, "+10m after the promote");
    EXPECT_EQ(length_text(change), "about 34s and 1 promote");
}

TEST(PlanWords, MarkdownFitsIntoACommentWhateverTheFleet) {
    PlanReport report;
    report.base = report.head = "aaaaaaaaaaaa";
    for (int i = 0; i < 2'000; ++i) {
        auto change = change_of(fmt::format("service-{:04}", i), 200);
        change.notes.emplace_back(5'000, '*');
        for (int hold = 0; hold < 50; ++hold)
            change.timeline.holds.push_back({{"window", std::string(1'000, '_'), {}}, kNow, {}});
        report.changes.push_back(std::move(change));
        report.errors.push_back({ErrorCode::invalid, std::string(2'000, '|'), {"a.yaml", i, 1}});
        report.notes.emplace_back(1'000, '<');
    }
    report.warnings = report.errors;
    const auto text = printed(report, Format::markdown);
    EXPECT_LE(text.size(), limits::kForecastMarkdownBytesMax);
    EXPECT_THAT(text, testing::StartsWith("### Tidegate: 2000 assignments change: "));
    EXPECT_THAT(text, testing::HasSubstr("are left out here"));
    EXPECT_THAT(text, testing::HasSubstr("and 19"));
    EXPECT_THAT(text, testing::EndsWith("</sub>\n"));
}

TEST(PlanWords, TenServicesOnTwoHundredHostsAreShownInFull) {
    PlanReport report;
    report.base = report.head = "aaaaaaaaaaaa";
    for (int i = 0; i < 10; ++i) report.changes.push_back(change_of(fmt::format("s{}", i), 200));
    const auto text = printed(report, Format::markdown);
    EXPECT_LT(text.size(), 10'000U) << "it was 130 kB";
    EXPECT_THAT(text, testing::HasSubstr("host-0009, and 190 more"));
    EXPECT_THAT(text, testing::Not(testing::HasSubstr("left out")));
}

std::string keys(const std::string& before, const std::string& after) {
    std::string text;
    for (const auto& change : compare_keys(config::read_plain("projects/a.yaml", before),
                                           config::read_plain("projects/a.yaml", after)))
        text += text_of(change) + "; ";
    return text;
}

struct KeysCase {
    const char* before;
    const char* after;
    const char* told;
};
class ChangedKeys : public testing::TestWithParam<KeysCase> {};
TEST_P(ChangedKeys, AreNamed) {
    const auto& [before, after, told] = GetParam();
    EXPECT_EQ(keys(before, after), told);
}
INSTANTIATE_TEST_SUITE_P(
    Keys, ChangedKeys,
    testing::Values(
        KeysCase{"version: 1.0.1", "version: 1.0.2 # bumped", "version 1.0.1 → 1.0.2; "},
        KeysCase{"a: 1", "# a comment\na:   1", ""},
        KeysCase{"deploy: {config: {update_script: old}}", "deploy: {config: {update_script: new}}",
                 "deploy.config.update_script; "},
        KeysCase{"freeze: {active: true}\na: 1", "a: 1", "freeze (removed); "},
        KeysCase{"freeze: {active: true}", "freeze: {active: false}",
                 "freeze.active true → false; "},
        KeysCase{"a: 1", "a: 1\npaused: true", "paused: true (new); "},
        KeysCase{"targets: [{name: web-1}, {name: web-2}]",
                 "targets: [{name: web-2, labels: {a: b}}, {name: web-3}]",
                 "targets[web-1] (removed); targets[web-2].labels (new); targets[web-3] (new); "},
        KeysCase{"variables: {TOKEN: one}", "variables: {TOKEN: two}", "variables.TOKEN; "},
        KeysCase{"approvers: [a]", "approvers: [b]", "approvers; "},
        KeysCase{"", "a: 1\nb: 2", "a: 1 (new); b: 2 (new); "}));

}  // namespace
}  // namespace tidegate::cli
