#include <gmock/gmock.h>

#include "tests/integration/daemon/config_fixture.h"
#include "tests/integration/daemon/revert_done.h"

namespace tidegate::daemon {
namespace {

using engine::RevertDone;

/// 1.0.0 was good; what is reverted is the commit that `guilty` makes.
class ConfigRevertTest : public ConfigSourceTest {
protected:
    void SetUp() override {
        ConfigSourceTest::SetUp();
        const auto report = source_.poll({});
        const auto& good = *report.desired->assignments.at(kKey)->definition;
        request_.key = kKey;
        request_.release = "0f8fad5b-d9cb-469f-a165-70867728950e";
        request_.reason = "it does not start";
        request_.good = LastGood{good.digest, tip(), good.version};
    }
    void guilty(const std::string& version) {
        commit(version);
        blame_tip();
    }
    /// What is the tip is the guilty commit.
    void blame_tip() {
        const auto report = source_.poll({});
        const auto& bad = *report.desired->assignments.at(kKey);
        request_.guilty_digest = bad.definition->digest;
        request_.guilty_commit = bad.intent.digest_commit;
        request_.guilty_version = bad.definition->version;
    }
    /// Another commit, taken in.
    void then(const std::string& path, const std::string& text) {
        write_text(work() / path, text);
        git("add --all");
        git("commit --quiet --message then");
        ASSERT_EQ(source_.poll({}).status.accepted_commit, tip());
    }
    auto revert() { return source_.revert(request_, {}); }
    /// Prepares and pushes; the commit that is then the tip.
    void revert_and_push() {
        const auto made = revert();
        ASSERT_TRUE(test::got<RevertDone::Prepared>(made)) << test::why(made);
        request_.prepared = test::got<RevertDone::Prepared>(made)->commit;
        git("config receive.denyCurrentBranch ignore");
        const auto done = revert();
        ASSERT_TRUE(test::got<RevertDone::Pushed>(done)) << test::why(done);
        ASSERT_EQ(tip(), request_.prepared);
    }
    std::string show(const std::string& object) {
        git("fetch --quiet ../git '+refs/tidegate/*:refs/tidegate/*'");
        const auto shown = dir_.path() / "shown";
        git("show " + object + " > '" + shown.string() + "'");
        return read_text(shown);
    }

    static inline const AssignmentKey kKey{"staging", "shop-api"};
    static constexpr auto kVersionFile = "versions/staging/shop-api.yaml";
    ConfigSource source_ = source();
    engine::RevertRequest request_;
};

TEST_F(ConfigRevertTest, WaitsWhileTheTipIsNotValid) {
    guilty("1.1.0");
    const auto project = read_text(work() / "projects/shop-api.yaml");
    then("projects/shop-api.yaml", project + "flavour: sweet\n");
    const auto waits = revert();
    ASSERT_FALSE(waits);
    EXPECT_EQ(waits.error().code, ErrorCode::conflict);
    EXPECT_THAT(waits.error().message, testing::HasSubstr("not valid at the tip"));
    then("projects/shop-api.yaml", project);
    EXPECT_TRUE(test::got<RevertDone::Prepared>(revert()));
}

/// What people steer by was set after the good version came in, and after the bad one.
TEST_F(ConfigRevertTest, PutsBackWhatTheParentHadAndWhatSteersAtTheTip) {
    const auto good = read_text(work() / kVersionFile);
    then(kVersionFile, good + "x-note: by hand  # stays\n");
    guilty("1.1.0");
    then(kVersionFile, read_text(work() / kVersionFile) + "paused: true\nretry: 2\n");
    revert_and_push();
    const auto file = show(tip() + ":" + kVersionFile);
    for (const auto* line :
         {"version: 1.0.0\n", "x-note: by hand  # stays\n", "paused: true\n", "retry: 2\n"})
        EXPECT_THAT(file, testing::HasSubstr(line));
}

/// The branch was forced, and a person accepted it: last good is named by a commit that is gone.
TEST_F(ConfigRevertTest, PutsTheParentBackWhereLastGoodsCommitIsInNoGit) {
    const auto good = read_text(work() / kVersionFile);
    request_.good->commit = std::string(40, 'e');
    guilty("1.1.0");
    revert_and_push();
    EXPECT_EQ(show(tip() + ":" + kVersionFile), good);
}

TEST_F(ConfigRevertTest, AFileOfAnySizeBesideTheVersionIsNotInTheWay) {
    const auto good = read_text(work() / kVersionFile);
    write_text(work() / "film.bin", std::string(5 << 20, 'x'));
    guilty("1.1.0");
    revert_and_push();
    EXPECT_EQ(show(tip() + ":" + kVersionFile), good);
    EXPECT_EQ(show("--format= --name-only " + tip()), kVersionFile + std::string{"\n"});
    EXPECT_THAT(show("--no-patch --format=%B " + tip()),
                testing::Not(testing::HasSubstr("This reverts commit")));
}

TEST_F(ConfigRevertTest, OffersBackWhatTakesPartAndIsAPlainFile) {
    const auto project = read_text(work() / "projects/shop-api.yaml");
    auto changed = project;
    changed.replace(changed.find("rm package"), 2, "rm -f");
    write_text(work() / "projects/shop-api.yaml", changed);
    write_text(work() / "notes.md", "new\n");
    write_text(work() / "windows/large.yaml", std::string(2 << 20, '#'));
    std::filesystem::remove(work() / "windows/business-hours.yaml");
    std::filesystem::create_symlink("../notes.md", work() / "windows/business-hours.yaml");
    guilty("1.1.0");
    then(kVersionFile, read_text(work() / kVersionFile) + "# a person was here\n");
    const auto done = revert();
    ASSERT_TRUE(test::got<RevertDone::Branched>(done)) << test::why(done);
    const auto branch = test::got<RevertDone::Branched>(done)->branch;
    EXPECT_EQ(show("--format= --name-only " + branch),
              "projects/shop-api.yaml\nwindows/large.yaml\n");
    EXPECT_EQ(show(branch + ":projects/shop-api.yaml"), project);
}

/// What it brings is told by where it was accepted on top of, not by its first parent.
TEST_F(ConfigRevertTest, OffersBackWhatAMergeMadeTheWrongWayRoundBrought) {
    git("branch topic");
    const std::string others = "environments/workers.yaml";
    then(others, read_text(work() / others) + "# by others\n");
    git("checkout --quiet topic");
    const auto project = read_text(work() / "projects/shop-api.yaml");
    auto changed = project;
    changed.replace(changed.find("rm package"), 2, "rm -f");
    write_text(work() / "projects/shop-api.yaml", changed);
    commit("1.1.0");
    git("merge --quiet --no-ff --message wrong main");
    git("checkout --quiet -B main");
    blame_tip();
    then(kVersionFile, read_text(work() / kVersionFile) + "# a person was here\n");
    const auto done = revert();
    ASSERT_TRUE(test::got<RevertDone::Branched>(done)) << test::why(done);
    const auto branch = test::got<RevertDone::Branched>(done)->branch;
    EXPECT_EQ(show("--format= --name-only " + branch), "projects/shop-api.yaml\n");
    EXPECT_EQ(show(branch + ":projects/shop-api.yaml"), project);
}

TEST_F(ConfigRevertTest, AForeignBranchOfItsNameIsNotTakenForTheOffer) {
    guilty("1.1.0");
    then(kVersionFile, read_text(work() / kVersionFile) + "# a person was here\n");
    const std::string branch = "tidegate/revert-staging-shop-api-0f8fad5b";
    git("branch " + branch);
    const auto refused = revert();
    ASSERT_FALSE(refused) << test::why(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::conflict);
    EXPECT_THAT(test::why(refused), testing::HasSubstr(branch));
    git("branch -D " + branch);
    ASSERT_TRUE(test::got<RevertDone::Branched>(revert()));
    // The answer was lost, and the tip moved on: the offer stands.
    then("notes.md", "by hand\n");
    EXPECT_TRUE(test::got<RevertDone::Branched>(revert()));
}

TEST_F(ConfigRevertTest, ABranchNamedTidegateIsNotInTheWayOfTheOffer) {
    git("branch tidegate");
    guilty("1.1.0");
    then(kVersionFile, read_text(work() / kVersionFile) + "# a person was here\n");
    for (const bool again : {false, true}) {
        const auto done = revert();
        ASSERT_TRUE(test::got<RevertDone::Branched>(done)) << test::why(done) << again;
        EXPECT_EQ(test::got<RevertDone::Branched>(done)->branch,
                  "tidegate-revert-staging-shop-api-0f8fad5b");
    }
    git("rev-parse --quiet --verify refs/heads/tidegate-revert-staging-shop-api-0f8fad5b");
}

TEST_F(ConfigRevertTest, AnOfferThatIsRefusedSaysWhatTheRemoteSaid) {
    guilty("1.1.0");
    then(kVersionFile, read_text(work() / kVersionFile) + "# a person was here\n");
    const auto lock = work() / ".git/refs/heads/tidegate/revert-staging-shop-api-0f8fad5b.lock";
    std::filesystem::create_directories(lock.parent_path());
    write_text(lock, "");
    const auto refused = test::why(revert());
    EXPECT_THAT(refused, testing::HasSubstr("the remote refused the push"));
    EXPECT_THAT(refused, testing::Not(testing::HasSubstr("there is no branch")));
}

}  // namespace
}  // namespace tidegate::daemon
