#include "cli/console.h"
#include "tests/integration/cli/fixture.h"

namespace tidegate::cli {
namespace {

class PlanTest : public RepoTest {
protected:
    Outcome plan(const std::string& base = "HEAD~1") {
        return tidegate(
            {"plan", "--repo", work(), "--base", base, "--head", "HEAD", "--output", "json"});
    }
};

TEST_F(PlanTest, ShowsStepsOfANewVersion) {
    set_version("1.1.0", "next");
    const auto outcome = plan();
    ASSERT_EQ(outcome.code, kGood) << outcome.err;
    const auto changes = outcome.json()["changes"];
    ASSERT_EQ(changes.size(), 1U);
    EXPECT_EQ(changes[0]["kind"], "introduce");
    EXPECT_EQ(changes[0]["from"], "1.0.0");
    EXPECT_EQ(changes[0]["to"], "1.1.0");
    ASSERT_EQ(changes[0]["steps"].size(), 2U);
    EXPECT_EQ(changes[0]["steps"][0]["targets"], nlohmann::json::array({"web-1"}));
    EXPECT_EQ(changes[0]["steps"][1]["wait_before"], 60);
    EXPECT_FALSE(changes[0]["starts_at"].is_null());
}

TEST_F(PlanTest, SaysNothingOfWhatDoesNotChange) {
    write("README.md", "hello\n");
    push("docs");
    EXPECT_TRUE(plan().json()["changes"].empty());
}

TEST_F(PlanTest, TheSameCommitChangesNothing) {
    set_version("1.1.0", "next");
    const auto outcome = plan("HEAD");
    EXPECT_EQ(outcome.code, kGood);
    EXPECT_TRUE(outcome.json()["changes"].empty());
}

TEST_F(PlanTest, CommentsChangeNothing) {
    for (const auto* path : {kVersionFile, "projects/shop-api.yaml", "environments/prod.yaml"})
        write(path, "# as it was\n" + test::read_text(work() + "/" + path));
    push("comments");
    EXPECT_TRUE(plan().json()["changes"].empty());
}

TEST_F(PlanTest, SaysHowManyAssignmentsLeaveGit) {
    git(std::string{"rm -q "} + kVersionFile);
    push("gone");
    EXPECT_EQ(plan().json()["warnings"].at(0)["message"].get<std::string>().find(
                  "1 assignment leaves Git"),
              0U);
}

TEST_F(PlanTest, ANewTargetCatchesUpAlone) {
    write("environments/prod.yaml",
          "apiVersion: tidegate/v1\nkind: Environment\nname: prod\n"
          "targets: [{name: web-1}, {name: web-2}, {name: web-3}]\n");
    push("third");
    const auto change = plan().json()["changes"][0];
    EXPECT_EQ(change["kind"], "catch_up");
    ASSERT_EQ(change["steps"].size(), 1U);
    EXPECT_EQ(change["steps"][0]["targets"], nlohmann::json::array({"web-3"}));
}

TEST_F(PlanTest, ShowsWhatHoldsIt) {
    write("environments/prod.yaml",
          "apiVersion: tidegate/v1\nkind: Environment\nname: prod\n"
          "freeze: {active: true, reason: audit}\ntargets: [{name: web-1}]\n");
    push("freeze");
    set_version("1.1.0", "next");
    const auto change = plan().json()["changes"][0];
    EXPECT_EQ(change["holds"][0]["gate"], "freeze");
    EXPECT_TRUE(change["starts_at"].is_null());
}

TEST_F(PlanTest, ARemovedFileUninstallsNothing) {
    git(std::string{"rm -q "} + kVersionFile);
    push("gone");
    const auto change = plan().json()["changes"][0];
    EXPECT_TRUE(change["removed"]);
    EXPECT_TRUE(change["steps"].empty());
}

TEST_F(PlanTest, ErrorsAtHeadAreAProblem) {
    write(kVersionFile, version_text("1.1.0") + "bogus: 1\n");
    push("broken");
    const auto outcome = plan();
    EXPECT_EQ(outcome.code, kProblem);
    EXPECT_EQ(outcome.json()["errors"][0]["line"], 7);
}

TEST_F(PlanTest, WhatWasBeyondALimitBeforeTheBaseIsOneChange) {
    set_version("1.1.0", "next");
    push_more_than_is_read();
    set_version("1.2.0", "and next");
    const auto outcome = plan();
    ASSERT_EQ(outcome.code, kGood) << outcome.err;
    const auto changes = outcome.json()["changes"];
    ASSERT_EQ(changes.size(), 1U);
    EXPECT_EQ(changes[0]["from"], "1.1.0");
    EXPECT_EQ(changes[0]["to"], "1.2.0");
}

/// git takes such a commit from whoever pushes, libgit2 does not parse it.
TEST_F(PlanTest, ACommitByNobodyIsPlannedWithAWarning) {
    set_version("1.1.0", "next");
    test::write_text(work() + "/../made", "tree " + git("rev-parse HEAD^{tree}") + "\nparent " +
                                              git("rev-parse HEAD~1") + "\nauthor Bob\n\nnext\n");
    git("reset -q --hard $(git -C " + work() + " hash-object -t commit --literally -w --stdin < " +
        work() + "/../made)");
    const auto outcome = plan();
    ASSERT_EQ(outcome.code, kGood) << outcome.err;
    EXPECT_EQ(outcome.json()["changes"].at(0)["to"], "1.1.0");
    EXPECT_NE(outcome.json()["warnings"].at(0)["message"].get<std::string>().find(
                  "author or committer line is malformed"),
              std::string::npos);
    const auto valid = tidegate({"validate", work() + "@HEAD"});
    EXPECT_EQ(valid.code, kGood) << valid.err;
    write(kVersionFile, version_text("1.2.0"));
    git("commit -q -a -m 'and next'");
    EXPECT_EQ(plan().json()["changes"].at(0)["from"], "1.1.0");
}

TEST_F(PlanTest, ABranchIsMeantBeforeATagOfItsName) {
    git("tag main");
    set_version("1.1.0", "next");
    const auto outcome = tidegate({"plan", "--repo", work(), "--base", "refs/tags/main", "--head",
                                   "main", "--output", "json"});
    ASSERT_EQ(outcome.code, kGood) << outcome.err;
    EXPECT_EQ(outcome.json()["changes"].at(0)["to"], "1.1.0");
}

TEST_F(PlanTest, UnknownRevisionIsAProblem) { EXPECT_EQ(plan("nowhere").code, kProblem); }

}  // namespace
}  // namespace tidegate::cli
