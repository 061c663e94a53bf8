#include <filesystem>

#include "schema/base/utf8.h"
#include "tests/integration/git/fixture.h"

namespace tidegate::git {
namespace {

constexpr Timestamp kNoon{Seconds{1'795'348'800}};

class PushTest : public GitTest {
protected:
    PushTest() : repository_{open()} {
        write("run.sh", "#!/bin/sh\n");
        shell("chmod +x work/run.sh && ln -s run.sh work/link");
        write("other/x.yaml", "x");
        tip_ = commit("versions/prod/shop.yaml", "version: 2\n");
        git("push -q origin main");
        good(repository_.fetch(remote(), "main"));
    }
    [[nodiscard]] NewCommit revert(std::vector<Edit> edits) const {
        return {
            tip_, std::move(edits), "Roll back shop\n", {"Tidegate", "tidegate@localhost"}, kNoon};
    }
    std::string make_revert() {
        return good(
            repository_.create_commit(revert({{"versions/prod/shop.yaml", "version: 1\n"}})));
    }
    [[nodiscard]] PushRequest to_main(const std::string& id) const {
        return {id, "refs/heads/main", tip_};
    }

    Repository repository_;
    std::string tip_;
};

TEST_F(PushTest, CommitsAnEditAndNothingElse) {
    const auto id = make_revert();
    EXPECT_EQ(make_revert(), id) << "the same input must give the same id";
    good(repository_.push(remote(), to_main(id)));
    EXPECT_EQ(remote_tip(), id);
    git("pull -q origin main");
    EXPECT_EQ(git("diff --name-status " + tip_ + " " + id), "M\tversions/prod/shop.yaml");
    EXPECT_EQ(git("log -1 --format='%P %an %ae %cn %ct %s' " + id),
              tip_ + " Tidegate tidegate@localhost Tidegate 1795348800 Roll back shop");
    EXPECT_EQ(shell("cat work/versions/prod/shop.yaml"), "version: 1");
    EXPECT_EQ(damage(), "");
}

TEST_F(PushTest, AddsDeletesAndKeepsModes) {
    const auto id =
        good(repository_.create_commit(revert({{"versions/prod/shop.yaml", std::nullopt},
                                               {"run.sh", "#!/bin/bash\n"},
                                               {"a/b/c.yaml", "new"}})));
    EXPECT_EQ(shell("git -C data ls-tree -r --format='%(objectmode) %(path)' " + id),
              "100644 a/b/c.yaml\n120000 link\n100644 other/x.yaml\n100755 run.sh");
    EXPECT_EQ(shell("git -C data ls-tree --name-only " + id), "a\nlink\nother\nrun.sh")
        << "a folder that became empty must go";
    const auto all_gone =
        good(repository_.create_commit(revert({{"versions/prod/shop.yaml", std::nullopt},
                                               {"run.sh", std::nullopt},
                                               {"other/x.yaml", std::nullopt}})));
    EXPECT_EQ(shell("git -C data ls-tree --name-only " + all_gone), "link");
}

struct EditCase {
    const char* name;
    std::vector<Edit> edits;
    ErrorCode code;
};
class BadEditTest : public PushTest, public testing::WithParamInterface<EditCase> {};
TEST_P(BadEditTest, IsRefused) {
    EXPECT_EQ(code_of(repository_.create_commit(revert(GetParam().edits))), GetParam().code);
}
INSTANTIATE_TEST_SUITE_P(
    Edits, BadEditTest,
    testing::Values(EditCase{"Absolute", {{"/etc/x", "x"}}, ErrorCode::invalid},
                    EditCase{"Empty", {{"", "x"}}, ErrorCode::invalid},
                    EditCase{"Folder", {{"other/", "x"}}, ErrorCode::invalid},
                    EditCase{"Parent", {{"other/../x", "x"}}, ErrorCode::invalid},
                    EditCase{"DotGit", {{".git/config", "x"}}, ErrorCode::invalid},
                    EditCase{"Symlink", {{"link", "x"}}, ErrorCode::invalid},
                    EditCase{"ThroughSymlink", {{"link/x", "x"}}, ErrorCode::invalid},
                    EditCase{"OverFolder", {{"other", "x"}}, ErrorCode::invalid},
                    EditCase{"Twice", {{"x", "1"}, {"x", "2"}}, ErrorCode::invalid},
                    EditCase{
                        "TooLarge", {{"x", std::string((1 << 20) + 1, 'x')}}, ErrorCode::exhausted},
                    EditCase{"DeleteNothing", {{"other/y", std::nullopt}}, ErrorCode::not_found}),
    [](const auto& edit) { return edit.param.name; });

TEST_F(PushTest, LosesTheRaceWithoutForce) {
    const auto id = make_revert();
    const auto rival = commit("other/x.yaml", "rival");
    git("push -q origin main");
    EXPECT_EQ(code_of(repository_.push(remote(), to_main(id))), ErrorCode::conflict);
    EXPECT_EQ(remote_tip(), rival);
}

TEST_F(PushTest, LosesTheRaceInsideThePush) {
    const auto id = make_revert();
    const auto rival = commit("other/x.yaml", "rival");
    git("push -q origin HEAD:refs/heads/rival");
    hook("pre-receive", "unset GIT_QUARANTINE_PATH; git update-ref refs/heads/main " + rival);
    const auto lost = repository_.push(remote(), to_main(id));
    EXPECT_EQ(code_of(lost), ErrorCode::conflict) << lost.error().text();
    EXPECT_EQ(remote_tip(), rival);
}

TEST_F(PushTest, LeavesARemoteAloneThatWentBack) {
    const auto ahead = good(repository_.create_commit(revert({{"other/x.yaml", "1"}})));
    good(repository_.push(remote(), to_main(ahead)));
    auto later = revert({{"other/x.yaml", "2"}});
    later.parent = ahead;
    const auto id = good(repository_.create_commit(later));
    shell("git -C remote.git update-ref refs/heads/main " + tip_);
    EXPECT_EQ(code_of(repository_.push(remote(), {id, "refs/heads/main", ahead})),
              ErrorCode::conflict);
    EXPECT_EQ(code_of(repository_.push(remote(), {id, "refs/heads/main", ""})),
              ErrorCode::conflict);
    EXPECT_EQ(remote_tip(), tip_);
}

TEST_F(PushTest, NeverPushesWhatIsNoFastForward) {
    const auto id = make_revert();
    const auto next = commit("other/x.yaml", "next");
    git("push -q origin main");
    good(repository_.fetch(remote(), "main"));
    EXPECT_EQ(code_of(repository_.push(remote(), {id, "refs/heads/main", next})),
              ErrorCode::conflict);
    EXPECT_EQ(remote_tip(), next);
}

TEST_F(PushTest, MakesABranchOnce) {
    const auto id = make_revert();
    const PushRequest request{id, "refs/heads/tidegate/revert-1", ""};
    good(repository_.push(remote(), request));
    EXPECT_EQ(remote_tip(request.ref), id);
    EXPECT_TRUE(repository_.push(remote(), request).has_value()) << "the answer may have been lost";
    EXPECT_EQ(code_of(repository_.push(remote(), {tip_, request.ref, ""})), ErrorCode::conflict);
    EXPECT_EQ(remote_tip(request.ref), id);
}

TEST_F(PushTest, TellsWhyAHookRefused) {
    hook("pre-receive", "echo main is protected; exit 1");
    const auto refused = repository_.push(remote(), to_main(make_revert()));
    ASSERT_EQ(code_of(refused), ErrorCode::denied);
    EXPECT_NE(refused.error().message.find("main is protected"), std::string::npos)
        << refused.error().text();
    EXPECT_EQ(remote_tip(), tip_);
}

/// They stand in one line of a page, a log or a terminal.
TEST_F(PushTest, AHooksWordsAreOneLine) {
    hook("pre-receive", "printf 'no\\n\\033[2Jrevert     done\\n' >&2; exit 1");
    const auto refused = repository_.push(remote(), to_main(make_revert()));
    ASSERT_EQ(code_of(refused), ErrorCode::denied);
    const auto& message = refused.error().message;
    EXPECT_NE(message.find("it says: no"), std::string::npos) << message;
    EXPECT_EQ(find_control(message), std::string::npos) << message;
}

TEST_F(PushTest, NoCommitIsByAWordThatWouldEndItsLine) {
    auto commit = revert({{"versions/prod/shop.yaml", "version: 1\n"}});
    commit.author.name = "Tidegate\nparent 0";
    EXPECT_EQ(code_of(repository_.create_commit(commit)), ErrorCode::invalid);
}

TEST_F(PushTest, WaitsForARemoteThatIsAway) {
    const auto id = make_revert();
    std::filesystem::rename(path("remote.git"), path("away.git"));
    EXPECT_EQ(code_of(repository_.push(remote(), to_main(id))), ErrorCode::unavailable);
    std::filesystem::rename(path("away.git"), path("remote.git"));
    good(repository_.push(remote(), to_main(id)));
    EXPECT_EQ(remote_tip(), id);
}

}  // namespace
}  // namespace tidegate::git
