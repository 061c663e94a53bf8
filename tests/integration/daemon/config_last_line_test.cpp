/// Whether a file ends in a line end is no change of what it says.

#include <gmock/gmock.h>

#include "tests/integration/daemon/config_checks.h"

namespace tidegate::daemon {
namespace {

/// The project file ends in a script.
class LastLineTest : public ConfigChecksTest {
protected:
    void SetUp() override {
        ConfigChecksTest::SetUp();
        git("rm -r --quiet environments versions/prod approvals versions/workers");
        std::filesystem::create_directories(work() / "environments");
        put(kProject,
            "apiVersion: tidegate/v1\nkind: Project\nname: shop-api\ndeploy:\n  type: script\n"
            "  config:\n    install_script: |\n      echo one\n      echo two\n");
        put(kEnvironment,
            "apiVersion: tidegate/v1\nkind: Environment\nname: staging\ntargets: [{name: a}]\n");
    }
    void cut() const {
        auto content = text(kProject);
        content.pop_back();
        put(kProject, content);
    }
    Digest next(ConfigSource& source, const std::string& message) {
        commit_all(message);
        const auto report = source.poll({});
        EXPECT_EQ(lines_of(report.status.errors), "");
        last_ = report;
        return staging(report).targets.at(0).digest;
    }
    PollReport last_;
};

TEST_F(LastLineTest, TakenAwayByAnEditorChangesNothing) {
    auto source = this->source();
    const auto whole = next(source, "whole");
    cut();
    EXPECT_EQ(next(source, "cut"), whole);
    expect_the_same_after_a_restart(last_);
    put(kProject, text(kProject) + "\n");
    EXPECT_EQ(next(source, "whole-again"), whole);
}

TEST_F(LastLineTest, OfATargetsOwnConfigMatchesBothDigestsToo) {
    const std::string head =
        "apiVersion: tidegate/v1\nkind: Environment\nname: staging\ntargets:\n"
        "  - name: a\n    variables:\n      MOTD: |\n        ";
    put(kEnvironment, head + "hello");
    std::filesystem::create_directories(work() / "environments/staging/targets");
    put("environments/staging/targets/more.yaml",
        "apiVersion: tidegate/v1\nkind: TargetList\ntargets:\n  - name: b\n    variables:\n"
        "      MOTD: |\n        hello\n");
    commit_all("cut");
    auto source = this->source();
    const auto report = upgrade(source);
    ASSERT_EQ(lines_of(report.status.errors), "");
    const auto digest_of = [](const PollReport& of, std::size_t target) {
        return staging(of).targets.at(target).digest;
    };
    put("README.md", "later");
    EXPECT_EQ(next(source, "later"), digest_of(report, 0)) << "read anew, it is the same";
    EXPECT_EQ(digest_of(last_, 1), digest_of(report, 1)) << "and so is what has its last line";
    expect_the_same_after_a_restart(last_);
    put(kEnvironment, head + "hello\n");
    EXPECT_EQ(next(source, "whole"), digest_of(report, 0));
    expect_the_same_after_a_restart(last_);
    put(kEnvironment, head + "hello there\n");
    EXPECT_NE(next(source, "other"), digest_of(report, 0));
}

TEST_F(LastLineTest, MissingAtTheUpgradeMatchesBothDigests) {
    cut();
    commit_all("cut");
    auto source = this->source();
    const auto report = upgrade(source);
    const auto before = staging(report).targets.at(0).digest;
    put("README.md", "later");
    EXPECT_EQ(next(source, "later"), before) << "read anew, it is the same";
    EXPECT_EQ(staging(last_).intent.commit, staging(report).intent.commit);
    expect_the_same_after_a_restart(last_);
    put(kProject, text(kProject) + "\n");
    EXPECT_EQ(next(source, "whole"), before);
    const auto good = staging(last_).definition->digest;
    const auto at = tip();
    commit("1.1.0");
    ASSERT_EQ(version_of(source.poll({})), "1.1.0");
    for (const auto& commit : {report.status.accepted_commit, at}) {
        const auto loaded = source.load_definition(kStaging, commit);
        ASSERT_TRUE(loaded);
        EXPECT_EQ((*loaded)->digest, good) << "the last good one, whichever commit it is from";
    }
    commit("1.0.0");
    const auto back = source.poll({});
    EXPECT_EQ(staging(back).definition->digest, good) << "and back to it";
}

/// It has one digest by the newest checks, and another by those before.
TEST_F(LastLineTest, OfWhatOurOwnRevertPutsBackCountsAsItDidWhenItWasAccepted) {
    auto source = this->source();
    upgrade(source);
    const auto file = "versions/staging/shop-api.yaml";
    put(file, text(file) + "variables:\n  MOTD: |\n    hello");
    next(source, "cut");
    const auto good = staging(last_).definition;
    const auto base = tip();
    commit("1.1.0");
    ASSERT_NO_FATAL_FAILURE(revert_tip(source, *good, base));
    const auto reverted = source.poll({});
    EXPECT_EQ(lines_of(reverted.status.errors), "");
    EXPECT_EQ(staging(reverted).definition->digest, good->digest);
    expect_the_same_after_a_restart(reverted);
}

}  // namespace
}  // namespace tidegate::daemon
