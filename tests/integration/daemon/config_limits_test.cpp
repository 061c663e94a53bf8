/// Commits that no daemon can take in one by one: too many of them, or too much in one.

#include <gmock/gmock.h>

#include "tests/integration/daemon/config_fixture.h"
#include "tests/integration/daemon/revert_done.h"

namespace tidegate::daemon {
namespace {

using testing::HasSubstr;
using testing::Not;

class ConfigLimitsTest : public ConfigSourceTest {
protected:
    void run(const std::string& script) const {
        const auto command = "cd '" + work().string() + "' && { " + script + "; }";
        ASSERT_EQ(std::system(command.c_str()), 0) << command;  // NOLINT(concurrency-mt-unsafe)
    }
    /// Commits 250,047 files of four objects at `path`, without a checkout.
    void commit_bomb(const std::string& path) {
        run("blob=$(echo x | git hash-object -w --stdin) && "
            "t=$(for i in $(seq 63); do printf '100644 blob %s\\t%s.yaml\\n' $blob $i; done"
            " | git mktree) && "
            "for n in 1 2; do t=$(for i in $(seq 63); do printf '040000 tree %s\\t%s\\n' $t d$i;"
            " done | git mktree); done && "
            "git read-tree HEAD && git read-tree --prefix=" +
            path +
            "/ $t && "
            "c=$(git -c user.name=t -c user.email=t@example.com commit-tree -m bomb -p HEAD"
            " $(git write-tree)) && git update-ref refs/heads/main $c && git reset -q");
    }
    /// The work tree is as before the bomb: committing it takes that back.
    void take_back(const std::string& version) { commit(version); }
    static std::string words_of(const PollReport& report) {
        std::string words;
        for (const auto& warning : report.status.warnings) words += warning.text() + '\n';
        return words;
    }
    /// So many commits that change a file of the layout, by fast-import.
    void commit_many(int count) {
        run("{ for i in $(seq " + std::to_string(count) +
            "); do printf 'commit refs/heads/main\\ncommitter t <t@example.com> %d +0000\\n"
            "data 1\\nx' $i; [ $i = 1 ] && printf '\\nfrom refs/heads/main^0'; "
            "printf '\\n\\n'; done; } | git fast-import --quiet --force && git reset -q --hard");
    }
};

TEST_F(ConfigLimitsTest, FilesOutsideTheLayoutAreNotLookedAt) {
    auto first = source();
    ASSERT_TRUE(first.poll({}).desired);
    commit_bomb("docs");
    const auto bombed = first.poll({});
    EXPECT_EQ(bombed.status.poll_error, "");
    EXPECT_EQ(bombed.status.accepted_commit, tip());
    EXPECT_EQ(bombed.status.tip_state, TipState::accepted);
    take_back("1.1.0");
    EXPECT_EQ(version_of(first.poll({})), "1.1.0");
    EXPECT_EQ(version_of(source().poll({})), "1.1.0") << "from the root, too";
}

TEST_F(ConfigLimitsTest, WhatWasBeyondALimitInBetweenIsOneChange) {
    auto first = source();
    const auto before = first.poll({}).status.accepted_commit;
    commit_bomb("projects/deep");
    const auto held = first.poll({});
    EXPECT_EQ(held.status.tip_state, TipState::held);
    EXPECT_THAT(held.status.errors.at(0).text(), HasSubstr("more than 200000 files"));
    EXPECT_EQ(held.status.accepted_commit, before);
    EXPECT_FALSE(first.accept(tip(), {})) << "nobody can read it";

    take_back("1.1.0");
    const auto report = first.poll({});
    ASSERT_TRUE(report.desired) << report.status.poll_error;
    ASSERT_EQ(version_of(report), "1.1.0");
    EXPECT_EQ(report.status.tip_state, TipState::accepted);
    EXPECT_THAT(words_of(report), HasSubstr("counts as one change: the tree has more than"));
    const auto& one = *report.desired->assignments.at({"staging", "shop-api"});
    EXPECT_EQ(one.intent.commit, tip());
    EXPECT_EQ(one.intent.parent, before) << "the accepted commit is its anchor";

    std::filesystem::remove(history());
    const auto again = source().open({tip(), {}}, {});
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_EQ(again->desired->assignments.at({"staging", "shop-api"})->intent.parent, before);
    commit("1.2.0");
    EXPECT_THAT(words_of(first.poll({})), Not(HasSubstr("counts as one change")));
}

/// More differs between the guilty commit and the one before than a list of changes may hold,
/// though each of the two can be read.
TEST_F(ConfigLimitsTest, ACommitWithMoreChangesThanAreToldIsReverted) {
    const auto commit_links = [&](const std::string& version, const std::string& name) {
        write_text(work() / "versions/staging/shop-api.yaml",
                   "apiVersion: tidegate/v1\nkind: Version\nversion: " + version + "\n");
        run("blob=$(printf x | git hash-object -w --stdin) && t=$(for i in $(seq 400); do printf "
            "'120000 blob %s\t" +
            name +
            "%s\n' $blob $i; done | git mktree) && t=$(for i in $(seq 300); do printf "
            "'040000 tree %s\td%s\n' $t $i; done | git mktree) && "
            "git add versions/staging/shop-api.yaml && "
            "git rm -r -q --cached --ignore-unmatch projects/deep && "
            "git read-tree --prefix=projects/deep/ $t && "
            "git -c user.name=t -c user.email=t@example.com commit -q -m links");
    };
    auto first = source();
    ASSERT_TRUE(first.poll({}).desired);
    commit_links("1.1.0", "a");
    const auto good = *first.poll({}).desired->assignments.at({"staging", "shop-api"});
    ASSERT_EQ(good.definition->version, "1.1.0");
    const auto base = tip();
    commit_links("1.2.0", "b");
    engine::RevertRequest request;
    request.key = {"staging", "shop-api"};
    request.release = "0f8fad5b-d9cb-469f-a165-70867728950e";
    request.good = LastGood{good.definition->digest, base, "1.1.0"};
    const auto bad = first.poll({});
    ASSERT_EQ(version_of(bad), "1.2.0") << bad.status.poll_error;
    request.guilty_digest =
        bad.desired->assignments.at({"staging", "shop-api"})->definition->digest;
    request.guilty_commit = tip();
    const auto outcome = first.revert(request, {});
    EXPECT_TRUE(test::got<engine::RevertDone::Prepared>(outcome)) << test::why(outcome);
}

TEST_F(ConfigLimitsTest, MoreCommitsThanALineMayHaveAreOneChange) {
    auto first = source();
    const auto before = first.poll({}).status.accepted_commit;
    commit_many(100'001);
    commit("1.1.0");
    const auto report = first.poll({});
    ASSERT_TRUE(report.desired) << report.status.poll_error;
    EXPECT_EQ(version_of(report), "1.1.0");
    EXPECT_EQ(report.status.tip_state, TipState::accepted);
    EXPECT_THAT(words_of(report), HasSubstr("more than 100000 commits"));
    EXPECT_EQ(report.desired->assignments.at({"staging", "shop-api"})->intent.parent, before);
    const auto root = report.desired->root_commit;
    const auto again = source().open({tip(), {}}, {});
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_EQ(again->desired->root_commit, root);
}

TEST_F(ConfigLimitsTest, ALineThatIsTooLongBeginsAtItsTip) {
    commit_many(100'001);
    commit("1.1.0");
    const auto begin = tip();
    auto first = source();
    const auto report = first.poll({});
    ASSERT_TRUE(report.desired) << report.status.poll_error;
    EXPECT_EQ(version_of(report), "1.1.0");
    EXPECT_EQ(report.desired->root_commit, begin);
    EXPECT_THAT(words_of(report), HasSubstr("more than 100000 commits"));
    commit("1.2.0");
    ASSERT_EQ(version_of(first.poll({})), "1.2.0");
    std::filesystem::remove(history());
    const auto again = source().open({tip(), {}}, {});
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_EQ(again->desired->root_commit, begin) << "the ids of releases depend on it";
    EXPECT_EQ(again->desired->assignments.at({"staging", "shop-api"})->intent.parent, begin);
}

TEST_F(ConfigLimitsTest, AcceptBeginsTheLineAnewAtTheTip) {
    auto first = source();
    ASSERT_TRUE(first.poll({}).desired);
    git("checkout --quiet --orphan other");
    commit("1.1.0");
    git("checkout --quiet -B main");
    commit_many(100'001);
    commit("1.2.0");
    ASSERT_EQ(first.poll({}).status.tip_state, TipState::held);
    const auto accepted = first.accept(tip(), {});
    ASSERT_TRUE(accepted) << accepted.error().text();
    EXPECT_EQ(version_of(*accepted), "1.2.0");
    commit("1.3.0");
    EXPECT_EQ(version_of(first.poll({})), "1.3.0");
}

/// The files of the first commit are lost, here and at the remote, and nothing remembers what they
/// said.
TEST_F(ConfigLimitsTest, AcceptBeginsAnewWhereTheHistoryCannotBeRead) {
    ASSERT_TRUE(source().poll({}).desired);
    commit("1.1.0");
    ASSERT_EQ(version_of(source().poll({})), "1.1.0");
    run("tree=$(git rev-parse HEAD~^{tree}) && cd ../git && mkdir was && "
        "mv objects/pack/* was && for pack in was/*.pack; do git unpack-objects -q <$pack; done && "
        "for objects in objects ../work/.git/objects; do "
        "rm -f $objects/$(echo $tree | cut -c1-2)/$(echo $tree | cut -c3-); done");
    std::filesystem::remove(history());
    auto again = source();
    ASSERT_EQ(again.poll({}).status.tip_state, TipState::held);
    const auto accepted = again.accept(tip(), {});
    ASSERT_TRUE(accepted) << accepted.error().text();
    EXPECT_EQ(version_of(*accepted), "1.1.0");
}

}  // namespace
}  // namespace tidegate::daemon
