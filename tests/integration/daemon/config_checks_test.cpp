/// A history that an older daemon accepted, and that holds what is an error now.

#include <gmock/gmock.h>

#include <algorithm>

#include "tests/integration/daemon/config_checks.h"

namespace tidegate::daemon {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

/// New errors together, each in what staging depends on.
class UpgradeTest : public ConfigChecksTest {
protected:
    void SetUp() override {
        ConfigChecksTest::SetUp();
        put(kEnvironment, text(kEnvironment) + "release_window: {allowed_windows: []}\n");
        replace(kEnvironment, "{name: web-1,",
                "{name: far, config: {work_dir: /srv}}\n  - {name: web-1,");
        replace(kProject, "    environment:\n",
                "    work_dir: /opt/apps/shop-api\n    environment:\n");
        put("versions/staging/shop-api.yaml",
            "apiVersion: tidegate/v1\nkind: Version\nversion: \"1.0\\t1\"\n");
        git("rm -r --quiet policies");
        std::filesystem::create_symlink("elsewhere", work() / "policies");
        commit_all("old");
        old_ = tip();
    }
    std::string old_;
};

TEST_F(UpgradeTest, WhatWasAcceptedStaysAcceptedWithWarnings) {
    auto source = this->source();
    const auto report = upgrade(source);
    EXPECT_EQ(lines_of(report.status.errors), "");
    EXPECT_EQ(report.status.tip_state, TipState::accepted);
    EXPECT_EQ(staging(report).definition->version, "1.0\t1");
    const auto warnings = lines_of(report.status.warnings);
    for (const auto* each : {"allowed_windows must not be empty", "version must be one line",
                             "a symbolic link, expected a folder", "is not at or below that of"})
        EXPECT_THAT(warnings, HasSubstr(each));
    EXPECT_EQ(report.lenient_until, old_);
    expect_the_same_after_a_restart(report);
}

TEST_F(UpgradeTest, TheNextCommitIsJudgedByAllChecks) {
    auto source = this->source();
    upgrade(source);
    put("README.md", "later");
    commit_all("later");
    const auto report = source.poll({});
    ASSERT_TRUE(report.desired) << report.status.poll_error;
    const auto errors = lines_of(report.status.errors);
    for (const auto* each : {"allowed_windows must not be empty", "version must be one line",
                             "policies: a symbolic link, expected a folder"})
        EXPECT_THAT(errors, HasSubstr(each));
    EXPECT_EQ(report.status.tip_state, TipState::partial);
    EXPECT_EQ(staging(report).commit, old_) << "the last valid state stays in force";
    EXPECT_EQ(staging(report).definition->version, "1.0\t1");
    EXPECT_THAT(staging(report).config_errors, testing::Not(IsEmpty()));
    EXPECT_EQ(report.lenient_until, old_);
    expect_the_same_after_a_restart(report);
}

TEST_F(UpgradeTest, AnchorsLastGoodsAndPinsAreReadByTheChecksOfTheirTime) {
    auto source = this->source();
    const auto good = staging(upgrade(source)).definition;
    git("rm --quiet policies");
    replace(kEnvironment, "allowed_windows: []", "timezone: UTC");
    replace(kEnvironment, "work_dir: /srv", "work_dir: /opt");
    put("versions/staging/shop-api.yaml",
        "apiVersion: tidegate/v1\nkind: Version\nversion: 1.1.0\n");
    commit_all("1.1.0");
    const auto report = source.poll({});
    ASSERT_EQ(lines_of(report.status.errors), "");
    ASSERT_EQ(staging(report).definition->version, "1.1.0");
    ASSERT_EQ(staging(report).anchor_rules.size(), 1u);
    EXPECT_EQ(staging(report).anchor_rules[0]->commit, old_);
    EXPECT_TRUE(staging(report).anchor_rules[0]->window);

    const auto loaded = source.load_definition(kStaging, old_);
    ASSERT_TRUE(loaded) << loaded.error().text();
    EXPECT_EQ((*loaded)->digest, good->digest);

    commit("1.2.0");  // 1.0.0 was there before, beside all that is an error now
    put("versions/staging/shop-api.yaml",
        "apiVersion: tidegate/v1\nkind: Version\nversion: 1.2.0\n"
        "pins: [{target: far, version: 1.0.0}]\n");
    commit_all("pin");
    const auto pinned = source.poll({});
    ASSERT_EQ(lines_of(pinned.status.errors), "");
    for (const auto& target : staging(pinned).targets)
        EXPECT_EQ(target.definition->version, target.name == "far" ? "1.0.0" : "1.2.0");
    expect_the_same_after_a_restart(pinned);
}

TEST_F(UpgradeTest, OurOwnRevertPutsBackWhatWasAcceptedOnce) {
    replace(kEnvironment, "release_window: {allowed_windows: []}\n", "");
    replace(kEnvironment, "work_dir: /srv", "work_dir: /opt");
    git("rm --quiet policies");
    commit_all("only-the-version");
    auto source = this->source();
    const auto good = staging(upgrade(source)).definition;
    const auto base = tip();
    commit("1.1.0");
    ASSERT_NO_FATAL_FAILURE(revert_tip(source, *good, base));
    const auto reverted = source.poll({});
    EXPECT_EQ(lines_of(reverted.status.errors), "");
    EXPECT_EQ(staging(reverted).definition->digest, good->digest);
    expect_the_same_after_a_restart(reverted);

    std::filesystem::create_hard_link(history(), dir_.path() / "saved");
    auto again = this->source();
    const auto found = again.open(
        {tip(), {}, {}, reverted.lenient_until, reverted.second_until, reverted.fourth_until},
        own_);
    ASSERT_TRUE(found) << found.error().text();
    EXPECT_EQ(staging(*found).definition->digest, good->digest);
    EXPECT_TRUE(std::filesystem::equivalent(history(), dir_.path() / "saved"))
        << "it was of use: the line is not replayed";

    const auto put_back = tip();
    put("versions/staging/shop-api.yaml", "kind: [");
    commit_all("broken");
    const auto held = source.poll({});
    EXPECT_EQ(staging(held).commit, put_back);
    EXPECT_EQ(staging(held).definition->digest, good->digest);
    expect_the_same_after_a_restart(held);
}

TEST_F(UpgradeTest, AFreshDaemonJudgesTheTipByAllChecksAndTheHistoryByNone) {
    auto source = this->source();
    const auto report = source.poll({});
    ASSERT_TRUE(report.desired);
    EXPECT_THAT(lines_of(report.status.errors), HasSubstr("allowed_windows must not be empty"));
    EXPECT_EQ(staging(report).definition->version, "1.0.0") << "the last that was valid";
    expect_the_same_after_a_restart(report);
}

/// What is an error now, by itself, in what staging depends on.
struct NewKind {
    const char* name;
    const char* path;
    std::string text;  ///< in place of the whole file, or of `what` in it
    const char* words;
    const char* what = "";
};
class UpgradeKindTest : public ConfigChecksTest, public testing::WithParamInterface<NewKind> {};

TEST_P(UpgradeKindTest, IsInForceWithAWarningAndHoldsTheNextCommit) {
    const auto& [name, path, change, words, what] = GetParam();
    if (std::string_view{path} == "policies") git("rm -r --quiet policies");
    if (std::string_view{what}.empty())
        put(path, change);
    else
        replace(path, what, change);
    commit_all("old");
    auto source = this->source();
    const auto upgraded = upgrade(source);
    EXPECT_EQ(lines_of(upgraded.status.errors), "");
    EXPECT_EQ(upgraded.status.tip_state, TipState::accepted);
    EXPECT_THAT(lines_of(upgraded.status.warnings), HasSubstr(words));
    const auto old = tip();
    EXPECT_EQ(upgraded.lenient_until, old);
    put("README.md", "later");
    commit_all("later");
    const auto report = source.poll({});
    ASSERT_TRUE(report.desired) << report.status.poll_error;
    EXPECT_THAT(lines_of(report.status.errors), HasSubstr(words));
    EXPECT_EQ(report.status.tip_state, TipState::partial);
    EXPECT_THAT(lines_of(staging(report).config_errors), HasSubstr(words));
    EXPECT_EQ(staging(report).commit, old) << "the last valid state stays in force";
    EXPECT_EQ(staging(report).definition->digest, staging(upgraded).definition->digest);
    expect_the_same_after_a_restart(report);
}

constexpr auto kStagingVersion = "versions/staging/shop-api.yaml";
std::string version_text(const std::string& line) {
    return "apiVersion: tidegate/v1\nkind: Version\n" + line + '\n';
}
NewKind in_project(const char* name, const std::string& line, const char* words) {
    return {name, kProject, "    " + line + "\n    environment:\n", words, "    environment:\n"};
}

constexpr auto kStrategy = "strategy:\n  type: rolling\n";
/// In place of the strategy that is there.
std::string other_strategy(const std::string& strategy) {
    return "strategy: " + strategy + "\nx-former:\n  type: rolling\n";
}
NewKind in_strategy(const char* name, const std::string& strategy, const char* words) {
    return {name, kEnvironment, other_strategy(strategy), words, kStrategy};
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, UpgradeKindTest,
    testing::Values(
        NewKind{"ControlCharacter", kStagingVersion, version_text("version: \"1.0\\t1\""),
                "version must be one line without control or invisible characters"},
        NewKind{"VariableInAVersion", kStagingVersion, version_text("version: \"${VERSION}\""),
                "version must be written out"},
        NewKind{"OpenQuote", kStagingVersion, version_text("version: \"1.0.1\nretry: 1"),
                "this quote is never closed"},
        NewKind{"EmptyWindow", kEnvironment,
                "\nrelease_window: {allowed_windows: []}\nheal: true\n",
                "allowed_windows must not be empty", "\nheal: true\n"},
        NewKind{"EmptyScope", "policies/no-major-jump.yaml", "applies_to: {projects: []}",
                "projects must not be empty", "applies_to: {environments: [prod]}"},
        in_project("ParentInAWorkDir", "work_dir: /opt/apps/../shop-api",
                   "work_dir must not have a '..' in it"),
        in_project("WorkDirOutside", "work_dir: /srv/shop-api", "is not at or below that of"),
        in_project("WorkDirOutsideByAVariable", "work_dir: \"${DATA_DIR}\"",
                   "is not at or below that of"),
        in_strategy("StepsThatDoNotRise",
                    "{type: canary, config: {steps: [{percent: 5}, {percent: 5}]}}",
                    "percent must rise from step to step"),
        in_strategy("WeightInACanary", "{type: canary, config: {steps: [{weight: 5}]}}",
                    "weight is a share of traffic"),
        in_strategy("NoTraffic", "{type: blue_green}", "blue_green needs traffic"),
        in_strategy("HeaderOfHAProxy",
                    "{type: blue_green, config: {traffic: {router: haproxy, targets: [prod-1], "
                    "header: {name: X-New, value: a}, config: {socket: /s, backend: b}}}}",
                    "header X-New: HAProxy's runtime API moves weights only"),
        in_strategy("CanaryOfNobody",
                    "{type: canary, config: {canary_selector: {labels: {no: body}}}}",
                    "nobody goes first"),
        NewKind{"PromoteOfAnotherVersion", kStagingVersion,
                version_text("version: 1.0.1\npromote: {version: 1.0.0, step: 1}"),
                "promote names version 1.0.0"},
        NewKind{"FileInThePlaceOfAFolder", "policies", "x",
                "policies: not a folder: here belongs"}),
    [](const auto& test) { return std::string{test.param.name}; });

/// A build that knew checks 2 kept which commit the first ones end with, and nothing of newer ones.
TEST_F(ConfigChecksTest, WhatTheSecondChecksAcceptedStaysAcceptedToo) {
    const auto first = tip();
    replace(kEnvironment, kStrategy,
            other_strategy("{type: canary, config: {steps: [{weight: 5}]}}"));
    commit_all("weight");
    const auto second = tip();
    auto source = this->source();
    const auto upgraded = upgrade(source, {{}, {}, {}, first});
    EXPECT_EQ(lines_of(upgraded.status.errors), "");
    EXPECT_EQ(upgraded.lenient_until, first);
    EXPECT_EQ(upgraded.second_until, second);
    expect_the_same_after_a_restart(upgraded);
    put("README.md", "later");
    commit_all("later");
    const auto report = source.poll({});
    ASSERT_TRUE(report.desired) << report.status.poll_error;
    EXPECT_THAT(lines_of(report.status.errors), HasSubstr("weight is a share of traffic"));
    EXPECT_EQ(staging(report).commit, second);
    EXPECT_EQ(report.second_until, second);
    expect_the_same_after_a_restart(report);
    put("versions/staging/shop-api.yaml", version_text("version: \"1\\t2\""));
    replace(kEnvironment, "weight: 5", "percent: 5");
    commit_all("tab");
    EXPECT_THAT(lines_of(source.poll({}).status.errors), HasSubstr("version must be one line"))
        << "the second checks go on";
}

/// A build that knew checks 4 kept how far the first two reach: a strategy of a version's own,
/// which asked nobody then, goes on acting.
TEST_F(ConfigChecksTest, WhatTheFourthChecksAcceptedStaysAcceptedToo) {
    const auto first = tip();
    put("versions/staging/shop-api.yaml",
        version_text("version: 1.0.1\nstrategy: {type: all_at_once}"));
    commit_all("own");
    const auto fourth = tip();
    auto source = this->source();
    const auto upgraded = upgrade(source, {{}, {}, {}, first, first});
    EXPECT_EQ(lines_of(upgraded.status.errors), "");
    EXPECT_THAT(lines_of(upgraded.status.warnings), HasSubstr("acts only with allow_override"));
    EXPECT_EQ(upgraded.second_until, first);
    EXPECT_EQ(upgraded.fourth_until, fourth);
    EXPECT_EQ(staging(upgraded).strategy.type, StrategyType::all_at_once);
    expect_the_same_after_a_restart(upgraded);
    put("README.md", "later");
    commit_all("later");
    const auto report = source.poll({});
    ASSERT_TRUE(report.desired) << report.status.poll_error;
    EXPECT_THAT(lines_of(report.status.errors), HasSubstr("acts only with allow_override"));
    EXPECT_EQ(staging(report).commit, fourth);
    EXPECT_EQ(staging(report).strategy.type, StrategyType::all_at_once);
    expect_the_same_after_a_restart(report);
}

struct PlaceCase {
    const char* folder;
    const char* put;  ///< a command in the work tree, once the folder is gone
    const char* error;
};
class PlaceOfAFolderTest : public ConfigChecksTest,
                           public testing::WithParamInterface<PlaceCase> {};
TEST_P(PlaceOfAFolderTest, HoldsTheLastValidState) {
    auto source = this->source();
    ASSERT_TRUE(source.poll({}).desired);
    const auto before = tip();
    put("versions/staging/shop-api.yaml",
        "apiVersion: tidegate/v1\nkind: Version\nversion: 9.0.0\n");
    git("add versions");
    git(std::string{"mv "} + GetParam().folder + " elsewhere");
    in_work(GetParam().put);
    git("commit --quiet --message hidden");
    const auto report = source.poll({});
    ASSERT_TRUE(report.desired) << report.status.poll_error;
    EXPECT_THAT(lines_of(report.status.errors), HasSubstr(GetParam().error));
    EXPECT_EQ(staging(report).commit, before) << "what came with it waits too";
    expect_the_same_after_a_restart(report);
    git(std::string{"rm --quiet --cached "} + GetParam().folder);
    std::filesystem::remove(work() / GetParam().folder);
    git(std::string{"mv elsewhere "} + GetParam().folder);
    git("commit --quiet --message back");
    EXPECT_EQ(version_of(source.poll({})), "9.0.0");
}
INSTANTIATE_TEST_SUITE_P(
    Of, PlaceOfAFolderTest,
    testing::Values(PlaceCase{"versions", "ln -s elsewhere versions && git add versions",
                              "versions: a symbolic link, expected a folder"},
                    PlaceCase{"policies",
                              "git update-index --add --cacheinfo "
                              "160000,1111111111111111111111111111111111111111,policies",
                              "policies: a submodule, expected a folder"},
                    PlaceCase{"projects", "echo x > projects && git add projects",
                              "projects: not a folder: here belongs projects/<project>.yaml"},
                    PlaceCase{"versions/staging",
                              "ln -s ../elsewhere versions/staging && git add versions/staging",
                              "versions/staging:1:1: a symbolic link, expected a folder"}),
    [](const auto& each) {
        std::string name = each.param.folder;
        std::ranges::replace(name, '/', '_');
        return name;
    });

}  // namespace
}  // namespace tidegate::daemon
