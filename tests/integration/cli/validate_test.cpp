#include "cli/console.h"
#include "tests/integration/cli/fixture.h"

namespace tidegate::cli {
namespace {

class ValidateTest : public RepoTest {};

TEST_F(ValidateTest, GoodRepoIsGood) {
    const auto outcome = tidegate({"validate", work()});
    EXPECT_EQ(outcome.code, kGood) << outcome.out << outcome.err;
    EXPECT_EQ(outcome.out, "");
}

TEST_F(ValidateTest, TheExampleRepoIsGood) {
    const auto outcome = tidegate({"validate", TIDEGATE_SOURCE_DIR "/examples/repo-layout"});
    EXPECT_EQ(outcome.code, kGood) << outcome.out;
    EXPECT_EQ(
        outcome.out,
        "policies/no-major-jump.yaml:1:1: warning: policy: no-major-jump is not acted on yet: "
        "the release will hold with gate unsupported\n");
}

TEST_F(ValidateTest, AFolderWithoutDocumentsIsNotGood) {
    EXPECT_EQ(tidegate({"validate", work() + "/versions/none"}).code, kProblem);
    std::filesystem::create_directory(work() + "/empty");
    EXPECT_EQ(tidegate({"validate", work() + "/empty"}).code, kProblem);
}

TEST_F(ValidateTest, ShowsEachErrorWithItsPlace) {
    write(kVersionFile, version_text("1.0.0") + "retry: often\nbogus: 1\n");
    const auto outcome = tidegate({"validate", work()});
    EXPECT_EQ(outcome.code, kProblem);
    EXPECT_NE(outcome.out.find("versions/prod/shop-api.yaml:7:8: error: "), std::string::npos)
        << outcome.out;
    EXPECT_NE(outcome.out.find("versions/prod/shop-api.yaml:8:1: error: "), std::string::npos)
        << outcome.out;
}

TEST_F(ValidateTest, ReadsACommitNotTheDisk) {
    write(kVersionFile, "kind: [\n");
    EXPECT_EQ(tidegate({"validate", work()}).code, kProblem);
    EXPECT_EQ(tidegate({"validate", work() + "@HEAD"}).code, kGood);
    EXPECT_EQ(tidegate({"validate", remote()}).code, kGood);
    EXPECT_EQ(tidegate({"validate", remote() + "@main"}).code, kGood);
    EXPECT_EQ(tidegate({"validate", remote() + "@nothing"}).code, kProblem);
}

TEST_F(ValidateTest, UnsupportedFieldsAreWarnings) {
    write("environments/prod.yaml",
          "apiVersion: tidegate/v1\nkind: Environment\nname: prod\nrequire_approval: true\n"
          "approvers: [a@example.com]\ntargets: [{name: web-1}]\n");
    const auto outcome = tidegate({"validate", work(), "--output", "json"});
    EXPECT_EQ(outcome.code, kGood) << outcome.out;
    EXPECT_FALSE(outcome.json()["warnings"].empty());
    EXPECT_TRUE(outcome.json()["valid"]);
}

TEST_F(ValidateTest, RefusesLinks) {
    std::filesystem::create_symlink("/etc/passwd",
                                    std::filesystem::path{work()} / "projects" / "leak.yaml");
    const auto outcome = tidegate({"validate", work()});
    EXPECT_EQ(outcome.code, kProblem);
    EXPECT_NE(outcome.out.find("projects/leak.yaml:1:1: error: a symbolic link"), std::string::npos)
        << outcome.out;
}

TEST_F(ValidateTest, AnythingElseInThePlaceOfAFolderIsAnError) {
    const auto versions = std::filesystem::path{work()} / "versions";
    std::filesystem::rename(versions, work() + "/elsewhere");
    std::filesystem::create_symlink("elsewhere", versions);
    const auto outcome = tidegate({"validate", work()});
    EXPECT_EQ(outcome.code, kProblem);
    EXPECT_NE(outcome.out.find("versions: error: a symbolic link, expected a folder"),
              std::string::npos)
        << outcome.out;
    push("link");
    EXPECT_EQ(tidegate({"validate", work() + "@HEAD"}).out, outcome.out);
}

TEST_F(ValidateTest, AFolderThatIsNearlyOfTheLayoutIsAWarning) {
    write("Windows/night.yaml", "kind: [");
    const auto outcome = tidegate({"validate", work()});
    EXPECT_EQ(outcome.code, kGood);
    EXPECT_NE(
        outcome.out.find("Windows/: warning: this folder is not read; did you mean 'windows'"),
        std::string::npos)
        << outcome.out;
    push("near");
    EXPECT_EQ(tidegate({"validate", work() + "@HEAD"}).out, outcome.out);
}

TEST_F(ValidateTest, AFileThatIsNearlyTheRepositorysIsAWarning) {
    write("Tidegate.yaml", "kind: [");
    const auto outcome = tidegate({"validate", work()});
    EXPECT_EQ(outcome.code, kGood);
    EXPECT_EQ(outcome.out,
              "Tidegate.yaml: warning: this file is not read; did you mean 'tidegate.yaml'?\n");
    push("near");
    EXPECT_EQ(tidegate({"validate", work() + "@HEAD"}).out, outcome.out);
}

TEST_F(ValidateTest, ACommitWithoutDocumentsIsGoodAndToldAsWhatItIs) {
    const auto nothing = "warning: nothing is here yet: the daemon takes it and deploys nothing";
    const auto fresh = dir_ / "fresh";
    git("init -q " + fresh);
    for (const auto* where : {"", "/.git", "@HEAD"}) {
        const auto outcome = tidegate({"validate", fresh + where});
        EXPECT_EQ(outcome.code, kGood) << outcome.out << outcome.err;
        EXPECT_EQ(outcome.out.substr(0, outcome.out.find(';')), nothing);
        git("-C " + fresh + " commit -q --allow-empty -m first");
    }
    git("rm -q -r .");
    EXPECT_EQ(tidegate({"validate", work()}).code, kGood) << "as the daemon takes it";
    EXPECT_NE(tidegate({"validate", work()}).out.find("1 assignment leaves Git"),
              std::string::npos);
}

TEST_F(ValidateTest, NamesOfFilesTurnNoLineAround) {
    write(
        "projects/a\xE2\x80\xAE"
        "b\n.yaml",
        "");
    const auto outcome = tidegate({"validate", work()});
    EXPECT_EQ(outcome.out.find("projects/a?b .yaml: error: names must be"), 0U) << outcome.out;
    EXPECT_EQ(std::ranges::count(outcome.out, '\n'), 1);
}

TEST_F(ValidateTest, SaysHowManyAssignmentsLeaveGit) {
    git(std::string{"rm -q "} + kVersionFile);
    const auto leaving = "1 assignment leaves Git";
    EXPECT_NE(tidegate({"validate", work()}).out.find(leaving), std::string::npos);
    push("gone");
    for (const auto* where : {"", "@HEAD"})
        EXPECT_NE(tidegate({"validate", work() + where}).out.find(leaving), std::string::npos);
    write("README.md", "x");
    push("later");
    EXPECT_EQ(tidegate({"validate", work() + "@HEAD"}).out.find(leaving), std::string::npos);
}

/// As CI clones: what is before the commit is not there.
TEST_F(ValidateTest, AShallowCloneIsGoodEnough) {
    set_version("1.1.0", "next");
    const auto clone = dir_ / "shallow";
    git("clone -q --depth 1 file://" + remote() + ' ' + clone);
    for (const auto* where : {"", "@HEAD"}) {
        const auto outcome = tidegate({"validate", clone + where});
        EXPECT_EQ(outcome.code, kGood) << outcome.err;
    }
}

TEST_F(ValidateTest, ABranchIsMeantBeforeATagOfItsName) {
    git("tag main");
    write(kVersionFile, "kind: [\n");
    git("commit -q -a -m broken");
    EXPECT_EQ(tidegate({"validate", work() + "@main"}).code, kProblem);
    EXPECT_EQ(tidegate({"validate", work() + "@refs/tags/main"}).code, kGood);
}

TEST_F(ValidateTest, WorkDirsThatOverlapAreAWarning) {
    write("projects/worker.yaml",
          "apiVersion: tidegate/v1\nkind: Project\nname: worker\n"
          "deploy: {type: script, config: {install_script: x, work_dir: /opt/apps/shop-api/w}}\n");
    write("versions/prod/worker.yaml", "apiVersion: tidegate/v1\nkind: Version\nversion: 1\n");
    const auto outcome = tidegate({"validate", work()});
    EXPECT_EQ(outcome.code, kGood) << outcome.out;
    EXPECT_NE(outcome.out.find("projects/worker.yaml:4:"), std::string::npos) << outcome.out;
    EXPECT_NE(outcome.out.find("uninstalling one takes the other's files"), std::string::npos);
}

}  // namespace
}  // namespace tidegate::cli
