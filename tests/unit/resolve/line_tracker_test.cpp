#include "schema/resolve/line_tracker.h"

#include <functional>

#include "schema/base/limits.h"
#include "tests/unit/resolve/line.h"

namespace tidegate {
namespace {

using namespace testing_support;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(LineTracker, IntentIsTheCommitThatChangedSomething) {
    Line line;
    EXPECT_EQ(line.get()->intent.commit, "c1");
    EXPECT_EQ(line.get()->intent.parent, "");
    EXPECT_THAT(line.get()->anchor_rules, IsEmpty());
    EXPECT_EQ(line.desired().root_commit, "c1");

    line.tree.add(version("prod", "api", "1.1.0"));
    line.commit([](LineCommit& c) {
        c.authors = {"Ann <ann@example.com>", "Bob <bob@example.com>"};
        c.trailers = {{"tidegate-emergency", "site is down"}, {"Other", "x"}};
    });
    auto api = line.get();
    EXPECT_EQ(api->intent.commit, "c2");
    EXPECT_EQ(api->intent.digest_commit, "c2");
    EXPECT_EQ(api->intent.parent, "c1");
    EXPECT_EQ(api->intent.message, "subject of c2");
    EXPECT_EQ(api->intent.emergency_reason, "site is down");
    EXPECT_EQ(api->intent.authors.size(), 2U);
    EXPECT_EQ(api->intent.trailers.size(), 1U);
    EXPECT_EQ(line.get(kProdWeb)->intent.commit, "c1");

    auto again = version("prod", "api", "1.1.0");
    again.retry = 1;
    line.tree.add(again);
    line.commit();
    EXPECT_EQ(line.get()->intent.commit, "c3");
    EXPECT_EQ(line.get()->intent.digest_commit, "c2");

    auto prod = environment("prod", {"p-1"});
    prod.heal = Heal::off;
    line.tree.add(prod);
    line.commit();
    EXPECT_EQ(line.get()->intent.commit, "c3") << "rules make no intent";
    EXPECT_EQ(line.get()->heal, Heal::off);
    EXPECT_EQ(line.get()->targets.size(), 1U);
}

TEST(LineTracker, UntouchedAssignmentsStayTheSameObjects) {
    Line line;
    const auto before = line.desired();
    line.tree.add(version("prod", "api", "1.1.0"));
    line.commit();
    const auto after = line.desired();
    EXPECT_NE(before.assignments.at(kProdApi), after.assignments.at(kProdApi));
    EXPECT_EQ(before.assignments.at(kProdWeb), after.assignments.at(kProdWeb));
    EXPECT_EQ(after.commit, "c2");
}

TEST(LineTracker, InvalidStatesLeaveTheLastValidOneInForce) {
    Line line;
    line.tree.break_file("projects/api.yaml").add(version("prod", "api", "1.1.0"));
    line.commit([](LineCommit& c) { c.authors = {"Eve <eve@example.com>"}; });
    auto api = line.get();
    EXPECT_EQ(api->definition->version, "1.0.0");
    EXPECT_EQ(api->commit, "c1");
    EXPECT_EQ(api->intent.commit, "c1");
    EXPECT_EQ(lines(api->config_errors), "projects/api.yaml:2:3: broken\n");
    EXPECT_THAT(line.get(kProdWeb)->config_errors, IsEmpty());

    auto prod = environment("prod", {"p-1", "p-9"});
    prod.freeze = {true, "audit", {}};
    auto paused = version("prod", "api", "1.1.0");
    paused.paused = true;
    line.tree.add(prod).add(paused);
    line.commit();
    EXPECT_TRUE(line.get()->rules.freeze.active);
    EXPECT_TRUE(line.get()->paused);
    EXPECT_TRUE(line.get()->rules.paused);
    EXPECT_EQ(line.get()->targets.back().name, "p-2") << "never a mix of both states";

    line.restart();
    EXPECT_THAT(line.tracker.missing(), ElementsAre("c1"));
    EXPECT_EQ(line.get()->definition->version, "1.0.0");
    EXPECT_TRUE(line.get()->rules.freeze.active);

    line.tree.add(project("api"));
    line.commit();
    api = line.get();
    EXPECT_EQ(api->definition->version, "1.1.0");
    EXPECT_EQ(api->intent.commit, "c4");
    EXPECT_THAT(api->config_errors, IsEmpty());
    EXPECT_TRUE(api->intent.authors.contains("Eve <eve@example.com>"))
        << "who changed it while it was held is an author too";
}

std::vector<std::string> target_names(const AssignmentPtr& assignment) {
    std::vector<std::string> names;
    for (const auto& target : assignment->targets) names.push_back(target.name);
    return names;
}

TEST(LineTracker, ATargetThatMovedAwayFromAHeldAssignmentIsNotItsOwnAnyMore) {
    const AssignmentKey kStagingApi{"staging", "api"};
    Line line;
    auto prod = environment("prod", {"p-2"});
    prod.window = Reference{"nowhere", {"environments/prod.yaml", 9, 1}};
    line.tree.add(prod).add(environment("staging", {"p-1", "s-1"}));
    line.commit();
    ASSERT_THAT(line.get()->config_errors, testing::SizeIs(1));
    EXPECT_THAT(target_names(line.get()), ElementsAre("p-2"));
    EXPECT_THAT(target_names(line.get(kStagingApi)), ElementsAre("p-1", "s-1"));

    line.tree.break_file("projects/api.yaml");
    line.commit();
    for (const bool restarted : {false, true}) {
        if (restarted) line.restart();
        EXPECT_THAT(target_names(line.get()), ElementsAre("p-2")) << "held at the older state";
        EXPECT_THAT(target_names(line.get(kStagingApi)), ElementsAre("p-1", "s-1"));
    }

    line.tree.add(project("api")).add(environment("staging", {"s-1"}));
    line.commit();
    EXPECT_THAT(target_names(line.get()), ElementsAre("p-1", "p-2")) << "nobody else has it now";
}

TEST(LineTracker, NeverValidIsNotDesired) {
    Line line;
    line.tree.add(version("prod", "nowhere", "1"));
    line.commit();
    EXPECT_FALSE(line.get({"prod", "nowhere"}));
    EXPECT_THAT(lines(line.tracker.errors()), HasSubstr("unknown project \"nowhere\""));
}

TEST(LineTracker, RemovingAndAddingEntersTheDigestAnew) {
    Line line;
    line.tree.remove("versions/prod/api.yaml");
    line.commit();
    EXPECT_FALSE(line.get());
    line.tree.add(version("prod", "api", "1.0.0"));
    line.commit();
    EXPECT_EQ(line.get()->intent.digest_commit, "c3");
}

// ---- pins

Version pinned(const std::string& current, const std::string& pin) {
    auto result = version("prod", "api", current);
    result.pins = {{{"p-2", {"versions/prod/api.yaml", 7, 5}}, pin}};
    return result;
}

TEST(LineTrackerPins, OfAHeldAssignmentAreMissedOnceItsLastValidStateIsThere) {
    Line line;
    line.tree.add(pinned("1.1.0", "1.0.0"));
    line.commit();
    line.tree.break_file("versions/prod/api.yaml");
    line.commit();
    const auto expected = line.get()->targets[1].digest;
    line.restart();
    EXPECT_THAT(line.tracker.missing(), ElementsAre("c2"));
    line.tracker.provide("c2", line.tree_at("c2"));
    EXPECT_THAT(line.tracker.missing(), ElementsAre("c1"));
    EXPECT_EQ(line.get()->targets[1].digest, expected);
}

TEST(LineTrackerPins, ResolveToTheNewestCommitThatHadTheVersion) {
    Line line;
    line.tree.add(project("api", "echo second"));
    line.commit();  // c2: still 1.0.0, with another script
    const auto expected = line.get()->definition->digest;
    line.tree.add(pinned("1.1.0", "1.0.0")).add(project("api", "echo third"));
    line.commit();
    EXPECT_THAT(line.tracker.missing(), ElementsAre("c2"));
    const auto api = line.get();
    EXPECT_EQ(api->targets[1].definition->digest, expected);
    EXPECT_EQ(api->targets[1].definition->deploy.script.install_script, "echo second");
    EXPECT_TRUE(api->targets[1].pinned);
    EXPECT_NE(api->targets[1].digest, api->targets[0].digest);
    EXPECT_EQ(api->targets[0].definition, api->definition);

    line.restart();
    EXPECT_EQ(line.get()->targets[1].definition->digest, expected);

    line.tree.add(pinned("1.1.0", "1.1.0"));
    line.commit();
    EXPECT_EQ(line.get()->targets[1].definition, line.get()->definition);
    EXPECT_EQ(line.get()->intent.commit, "c4") << "pins make an intent";
}

TEST(LineTrackerPins, OfAVersionThatNeverWasHold) {
    Line line;
    line.tree.add(pinned("1.1.0", "0.9"));
    line.commit();
    EXPECT_EQ(line.get()->definition->version, "1.0.0");
    const auto expected =
        "versions/prod/api.yaml:7:5: versions/prod/api.yaml never had version \"0.9\"\n";
    EXPECT_EQ(lines(line.get()->config_errors), expected);
    EXPECT_EQ(lines(line.tracker.errors()), expected);
    line.restart();
    EXPECT_EQ(lines(line.get()->config_errors), expected);
}

TEST(LineTrackerPins, SurviveManyVersions) {
    Line line;
    for (std::size_t i = 0; i < limits::kVersionsKeptPerAssignment + 10; ++i) {
        line.tree.add(pinned("2." + std::to_string(i), "1.0.0"));
        line.commit();
    }
    EXPECT_EQ(line.get()->targets[1].definition->version, "1.0.0");
    EXPECT_TRUE(line.tracker.find_version(kProdApi, "2.20"));
    EXPECT_FALSE(line.tracker.find_version(kProdApi, "2.1"));
}

// ---- own reverts

struct OwnCase {
    const char* name;
    std::function<void(Line&, LineCommit&)> change;
    bool by_daemon;
};

class OwnRevertTest : public testing::TestWithParam<OwnCase> {};

TEST_P(OwnRevertTest, IsRecognised) {
    Line line;
    const auto good = line.get()->definition->digest;
    line.tree.add(version("prod", "api", "1.1.0"));
    line.commit();
    const auto guilty = line.get()->definition->digest;
    line.tree.add(version("prod", "api", "1.0.0"));
    LineCommit changes;
    changes.proven_by_form = true;
    changes.author_name = "Tidegate";
    changes.author_email = "tidegate@example.com";
    changes.trailers = {{"Tidegate-Rollback", "r1"},
                        {"Tidegate-Assignment", "prod/api"},
                        {"Tidegate-Digest", guilty.hex()},
                        {"Tidegate-Restores", good.hex()},
                        {"Tidegate-Reason", "it broke"}};
    GetParam().change(line, changes);
    line.commit([&](LineCommit& c) {
        c.author_name = changes.author_name;
        c.author_email = changes.author_email;
        c.trailers = changes.trailers;
        c.own = changes.own;
        c.proven_by_form = changes.proven_by_form;
    });
    EXPECT_EQ(line.get()->intent.by_daemon, GetParam().by_daemon);
    ASSERT_EQ(line.tracker.history().assignments.at(kProdApi).reverts.size(),
              GetParam().by_daemon ? 1U : 0U);
    if (!GetParam().by_daemon) return;
    line.restart();
    const auto& revert = line.tracker.history().assignments.at(kProdApi).reverts[0];
    EXPECT_EQ(revert.digest, guilty);
    EXPECT_EQ(revert.version, "1.1.0");
    EXPECT_EQ(revert.digest_commit, "c2");
    ASSERT_EQ(line.get()->reverts.size(), 1U);
    EXPECT_EQ(line.get()->reverts[0].digest, guilty);

    line.tree.add(version("prod", "api", "1.1.0"));
    line.commit();
    EXPECT_THAT(line.tracker.history().assignments.at(kProdApi).reverts, IsEmpty())
        << "a person brought it back";
}

INSTANTIATE_TEST_SUITE_P(
    Table, OwnRevertTest,
    testing::Values(
        OwnCase{"AuthorAndTrailers", [](Line&, LineCommit&) {}, true},
        OwnCase{"AuthorAndTrailersOfAnybody",
                [](Line&, LineCommit& c) { c.proven_by_form = false; }, false},
        OwnCase{"KnownId",
                [](Line&, LineCommit& c) {
                    c.own = true;
                    c.proven_by_form = false;
                    c.author_name = "whoever";
                },
                true},
        OwnCase{"OtherAuthor", [](Line&, LineCommit& c) { c.author_name = "Eve"; }, false},
        OwnCase{"WrongDigest",
                [](Line&, LineCommit& c) { c.trailers[2].second = Digest::of("x").hex(); }, false},
        OwnCase{"WrongRestores", [](Line&, LineCommit& c) { c.trailers[3].second = "none"; },
                false},
        OwnCase{"OtherAssignment", [](Line&, LineCommit& c) { c.trailers[1].second = "prod/web"; },
                false},
        OwnCase{"ChangedMore",
                [](Line& l, LineCommit&) { l.tree.add(version("prod", "web", "9")); }, false}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(OwnRevert, OfAFirstInstallRemovesTheFile) {
    Line line;
    const auto guilty = line.get()->definition->digest;
    line.tree.remove("versions/prod/api.yaml");
    line.commit([&](LineCommit& c) {
        c.proven_by_form = true;
        c.author_name = "Tidegate";
        c.author_email = "tidegate@example.com";
        c.trailers = {{"Tidegate-Assignment", "prod/api"},
                      {"Tidegate-Digest", guilty.hex()},
                      {"Tidegate-Restores", "none"}};
    });
    EXPECT_FALSE(line.get());
    EXPECT_EQ(line.tracker.history().assignments.at(kProdApi).reverts.size(), 1U);
}

TEST(OwnRevert, IsNotLiftedByARetryOfAnotherVersion) {
    Line line;
    line.tree.add(version("prod", "api", "1.1.0"));
    line.commit();
    line.tree.add(version("prod", "api", "1.0.0"));
    line.commit([](LineCommit& c) { c.own = true; });
    auto again = version("prod", "api", "1.0.0");
    again.retry = 1;
    line.tree.add(again);
    line.commit();
    EXPECT_EQ(line.get()->retry, 1);
    EXPECT_EQ(line.get()->reverts.size(), 1U);
}

// ---- keeping it

TEST(LineTrackerJson, GoesOnWhereItStopped) {
    Line line;
    auto prod = environment("prod", {"p-1", "p-2"});
    ReleaseWindow hours = window("", "Asia/Shanghai");
    hours.allowed = {{{1, 2}, std::chrono::minutes{600}, std::chrono::minutes{720}, "day"}};
    hours.blackout_dates = {std::chrono::year{2026} / 10 / 1};
    hours.emergency_users = {"oncall@example.com"};
    hours.on_close = OnClose::finish_release;
    prod.window = hours;
    prod.freeze = {true, "audit", Timestamp{Seconds{5}}};
    line.tree.add(prod);
    line.commit();
    line.tree.add(environment("prod", {"p-1", "p-2"})).add(version("prod", "api", "1.1.0"));
    line.commit();
    line.restart();
    const auto api = line.get();
    ASSERT_TRUE(!api->anchor_rules.empty() && api->anchor_rules.at(0)->window);
    const auto& anchor = *api->anchor_rules.at(0)->window;
    EXPECT_EQ(anchor.allowed[0].days, hours.allowed[0].days);
    EXPECT_EQ(anchor.allowed[0].end, hours.allowed[0].end);
    EXPECT_EQ(anchor.blackout_dates, hours.blackout_dates);
    EXPECT_EQ(anchor.emergency_users, hours.emergency_users);
    EXPECT_EQ(anchor.on_close, OnClose::finish_release);
    EXPECT_EQ(api->anchor_rules.at(0)->zone->name, "Asia/Shanghai");
    EXPECT_EQ(api->anchor_rules.at(0)->freeze.until, Timestamp{Seconds{5}});
    EXPECT_EQ(api->intent.commit, "c3");
    EXPECT_EQ(api->anchor_rules.at(0)->commit, "c2");
    line.tree.add(version("prod", "web", "3"));
    line.commit();
    EXPECT_EQ(line.get(kProdWeb)->intent.parent, "c3");
}

TEST(LineTrackerJson, RefusesWhatDoesNotFit) {
    Line line;
    const auto json = line.tracker.json();
    line.tree.add(version("prod", "api", "9"));
    const auto other = LineTracker::load({zones, kIdentity}, json, line.tree.files);
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, ErrorCode::conflict);
    for (const auto* text : {"", "{", "[]", "{}", R"({"format":2,"digest_format":1})",
                             R"({"format":3,"digest_format":1,"rules_table":[{}]})"}) {
        const auto bad = LineTracker::load({zones, kIdentity}, text, line.tree.files);
        ASSERT_FALSE(bad) << text;
        EXPECT_EQ(bad.error().code, ErrorCode::invalid);
    }
}

/// Stopping and going on anywhere gives what going through gives.
TEST(LineTrackerJson, RestartChangesNothing) {
    Line through, stopping;
    const std::vector<std::function<void(Tree&)>> steps{
        [](Tree& t) { t.add(version("prod", "api", "1.1.0")); },
        [](Tree& t) { t.break_file("environments/prod.yaml"); },
        [](Tree& t) { t.add(pinned("1.2.0", "1.0.0")); },
        [](Tree& t) {
            t.add(environment("prod", {"p-1", "p-2"}));
        },
        [](Tree& t) { t.remove("versions/prod/web.yaml"); },
        [](Tree& t) { t.add(version("prod", "web", "2.0.0")); },
    };
    for (const auto& step : steps) {
        for (auto* line : {&through, &stopping}) {
            step(line->tree);
            line->commit();
        }
        stopping.restart();
        EXPECT_TRUE(through.tracker.json() == stopping.tracker.json());
        const auto a = through.desired().assignments, b = stopping.desired().assignments;
        ASSERT_EQ(a.size(), b.size());
        for (const auto& [key, assignment] : a) {
            EXPECT_EQ(assignment->targets.back().digest, b.at(key)->targets.back().digest);
            EXPECT_EQ(assignment->intent.commit, b.at(key)->intent.commit);
            EXPECT_EQ(lines(assignment->config_errors), lines(b.at(key)->config_errors));
        }
    }
}

TEST(LineTracker, SaysHowManyAssignmentsACommitTakesOutOfGit) {
    Line line;
    EXPECT_THAT(line.tracker.warnings(), testing::IsEmpty());
    for (const auto& [path, file] : DocumentTree{line.tree.files}) line.tree.remove(path);
    line.commit();
    for (const bool restarted : {false, true}) {
        if (restarted) line.restart();
        EXPECT_EQ(lines(line.tracker.warnings()),
                  "4 assignments leave Git with this commit: what is installed stays, as orphaned; "
                  "state: absent uninstalls\n");
        EXPECT_THAT(line.tracker.errors(), testing::IsEmpty());
    }
    line.tree = small_tree();
    line.commit();
    EXPECT_THAT(line.tracker.warnings(), testing::IsEmpty());
}

TEST(LineTracker, WithoutItsEnvironmentsEveryAssignmentIsHeld) {
    Line line;
    for (const auto* path : {"environments/prod.yaml", "environments/staging.yaml"})
        line.tree.remove(path);
    line.commit();
    EXPECT_THAT(line.tracker.warnings(), testing::IsEmpty());
    EXPECT_THAT(line.tracker.errors(), testing::SizeIs(4));
    EXPECT_EQ(line.get()->commit, "c1");
}

TEST(LineTracker, AnEnvironmentWithoutTargetsIsToldOf) {
    Line line;
    line.tree.add(environment("prod", {}));
    line.commit();
    EXPECT_THAT(lines(line.tracker.warnings()),
                testing::HasSubstr("environments/prod.yaml:1:1: no targets"));
}

}  // namespace
}  // namespace tidegate
