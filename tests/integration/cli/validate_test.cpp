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

}  // namespace
}  // namespace tidegate::cli
