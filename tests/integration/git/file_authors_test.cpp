/// Who changed which file of a change: what an approval by no author of it rests on.

#include <gmock/gmock.h>

#include "schema/base/limits.h"
#include "tests/integration/git/fixture.h"

namespace tidegate::git {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

class FileAuthorsTest : public GitTest {
protected:
    FileAuthorsTest() : root_{commit("versions/web.yaml", "one")} { commit("readme", "one"); }

    /// Whoever commits next, and that somebody else is the committer.
    void as(const std::string& who) const {
        git("config user.name " + who);
        git("config user.email " + who + "@example.com");
    }
    std::string commit_as(const std::string& who, const std::string& file,
                          const std::string& content) const {
        write(file, content);
        git("add -A");
        git("commit -q -m 'by " + who + "' --author '" + who + " <" + who + "@example.com>'");
        return git("rev-parse HEAD");
    }
    /// `git merge` of the branch into main by who, whatever its strategy.
    std::string merge_as(const std::string& who, const std::string& branch,
                         const std::string& options = "") const {
        as(who);
        git("checkout -q main");
        git("merge -q --no-ff -m merge " + options + " " + branch);
        return git("rev-parse HEAD");
    }
    FileAuthors between(const std::string& from, const std::string& to,
                        const Scope& scope = {}) const {
        auto repository = good(Repository::open_existing(path("work")));
        auto there = good(repository.file_authors(from, to, scope));
        GitProcess process{process_options()};
        Remote work;
        work.url = path("work");
        good(process.fetch(work, "main"));
        EXPECT_EQ(good(process.file_authors(from, to, scope)), there) << "the child says the same";
        return there;
    }
    const std::string root_;
};

const std::set<std::string> kBob{"bob <bob@example.com>"};
const std::set<std::string> kEve{"eve <eve@example.com>"};

TEST_F(FileAuthorsTest, WhoMergesIsNoAuthor) {
    git("checkout -q -b topic");
    commit_as("bob", "versions/web.yaml", "two");
    commit_as("eve", "versions/api.yaml", "two");
    git("checkout -q main");
    const auto before = commit_as("ann", "projects/other.yaml", "two");
    const auto merge = merge_as("carol", "topic");
    EXPECT_THAT(between(before, merge),
                ElementsAre(Pair("versions/api.yaml", kEve), Pair("versions/web.yaml", kBob)));
}

/// "Update branch": what came from main is not by whoever brought it in.
TEST_F(FileAuthorsTest, AMergeOfMainIntoTheBranchMakesNoAuthor) {
    git("checkout -q -b topic");
    commit_as("bob", "versions/web.yaml", "two");
    git("checkout -q main");
    const auto before = commit_as("ann", "versions/api.yaml", "two");
    git("checkout -q topic");
    as("eve");
    git("merge -q --no-ff -m update main");
    const auto merge = merge_as("carol", "topic");
    EXPECT_THAT(between(before, merge), ElementsAre(Pair("versions/web.yaml", kBob)));
}

TEST_F(FileAuthorsTest, WhoChangesAFileInTheMergeIsAnAuthor) {
    const auto before = git("rev-parse HEAD");
    git("checkout -q -b topic");
    commit_as("bob", "versions/web.yaml", "two");
    as("eve");
    git("checkout -q main");
    git("merge -q --no-ff --no-commit topic");
    write("versions/web.yaml", "evil");
    git("add -A");
    git("commit -q -m merge");
    const auto merge = git("rev-parse HEAD");
    EXPECT_THAT(
        between(before, merge),
        ElementsAre(Pair("versions/web.yaml", UnorderedElementsAre(*kBob.begin(), *kEve.begin()))));
}

/// None of the commits that it brings has touched the file: it equals that of the old branch.
TEST_F(FileAuthorsTest, AMergeThatTakesAnOldFileBackIsByWhoMerged) {
    git("checkout -q -b topic " + root_);
    commit_as("bob", "versions/api.yaml", "two");
    git("checkout -q main");
    const auto before = commit_as("ann", "versions/web.yaml", "fixed");
    as("eve");
    git("merge -q --no-ff --no-commit topic");
    write("versions/web.yaml", "one");
    git("add -A");
    git("commit -q -m merge");
    EXPECT_THAT(between(before, git("rev-parse HEAD")),
                ElementsAre(Pair("versions/api.yaml", kBob), Pair("versions/web.yaml", kEve)));
}

TEST_F(FileAuthorsTest, WhatCameAndWentAgainIsNoChange) {
    const auto before = git("rev-parse HEAD");
    git("checkout -q -b topic");
    commit_as("eve", "versions/web.yaml", "two");
    commit_as("bob", "versions/web.yaml", "one");
    commit_as("bob", "versions/api.yaml", "two");
    EXPECT_THAT(between(before, merge_as("carol", "topic")),
                ElementsAre(Pair("versions/api.yaml", kBob)));
}

TEST_F(FileAuthorsTest, DeletedFilesAndTheFirstCommitHaveAuthors) {
    const auto before = git("rev-parse HEAD");
    git("checkout -q -b topic");
    git("rm -q versions/web.yaml");
    git("commit -q -m gone --author 'eve <eve@example.com>'");
    const auto merge = merge_as("carol", "topic");
    EXPECT_THAT(between(before, merge), ElementsAre(Pair("versions/web.yaml", kEve)));
    EXPECT_THAT(between("", root_), ElementsAre(Pair("versions/web.yaml", testing::SizeIs(1))));
}

TEST_F(FileAuthorsTest, BesideTheScopeNothingIsEntered) {
    const auto before = git("rev-parse HEAD");
    git("checkout -q -b topic");
    commit_as("bob", "versions/web.yaml", "two");
    commit_as("eve", "src/main.c", "two");
    const auto merge = merge_as("carol", "topic");
    EXPECT_THAT(between(before, merge, {"versions"}),
                ElementsAre(Pair("src/", kEve), Pair("versions/web.yaml", kBob)));
}

TEST_F(FileAuthorsTest, ManyAuthorsAreCut) {
    const auto before = git("rev-parse HEAD");
    git("checkout -q -b topic");
    for (std::size_t i = 0; i <= limits::kAuthorsMax; ++i)
        commit_as("p" + std::to_string(i), "versions/web.yaml", std::to_string(i));
    const auto authors = between(before, merge_as("carol", "topic"));
    EXPECT_EQ(authors.at("versions/web.yaml").size(), limits::kAuthorsMax);
    EXPECT_TRUE(authors.at("versions/web.yaml").contains(limits::kMoreAuthors));
}

TEST_F(FileAuthorsTest, RefusesWhatIsNotThere) {
    auto repository = good(Repository::open_existing(path("work")));
    EXPECT_EQ(code_of(repository.file_authors(root_, std::string(40, '1'))), ErrorCode::not_found);
}

}  // namespace
}  // namespace tidegate::git
