/// Who counts as an author of a change: the stretches of an assignment's digests.

#include "schema/base/limits.h"
#include "tests/unit/resolve/line.h"

namespace tidegate {
namespace {

using namespace testing_support;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr auto kApiPath = "versions/prod/api.yaml";
constexpr auto kProdPath = "environments/prod.yaml";

class AuthorsTest : public testing::Test {
protected:
    std::string commit_by(const std::string& who) {
        return line_.commit([&](LineCommit& commit) { sign(commit, who); });
    }
    /// A merge: by path, who wrote what it brings.
    std::string merge_by(const std::string& who,
                         const std::map<std::string, std::set<std::string>>& writers) {
        return line_.commit([&](LineCommit& commit) {
            sign(commit, who);
            for (const auto& [path, people] : writers)
                for (const auto& each : people) commit.file_authors[path].insert(full(each));
        });
    }
    static std::string full(const std::string& who) {
        if (who == limits::kMoreAuthors) return who;
        return who + " <" + who + "@example.com>";
    }
    static void sign(LineCommit& commit, const std::string& who) {
        commit.author_name = who;
        commit.author_email = who + "@example.com";
        commit.authors = {full(who)};
    }
    void ships(const std::string& number, int retry = 0) {
        auto wish = version("prod", "api", number);
        wish.retry = retry;
        line_.tree.add(wish);
    }
    /// `Ann | Bob Eve`: the names of each stretch, the newest last; the same after a restart.
    std::string stretches() {
        const auto before = text();
        line_.restart();
        EXPECT_EQ(text(), before);
        return before;
    }

    Line line_;

private:
    std::string text() {
        std::string text;
        for (const auto& stretch : line_.get()->stretches) {
            if (!text.empty()) text += " | ";
            std::string names;
            for (const auto& author : stretch.authors)
                names += (names.empty() ? "" : " ") + author.substr(0, author.find(" <"));
            text += names;
        }
        EXPECT_EQ(line_.get()->stretches.back().digest, line_.get()->definition->digest);
        return text;
    }
};

TEST_F(AuthorsTest, EachDigestHasThoseWhoBroughtItAbout) {
    EXPECT_EQ(stretches(), "Ann");
    ships("1.1.0");
    commit_by("Bob");
    EXPECT_EQ(stretches(), "Ann | Bob");
    ships("1.1.0", 1);
    commit_by("Eve");
    EXPECT_EQ(stretches(), "Ann | Bob Eve") << "who raises retry launders nobody's change";
    ships("1.2.0", 1);
    commit_by("Ann");
    EXPECT_EQ(stretches(), "Ann | Bob Eve | Ann");
}

TEST_F(AuthorsTest, ProjectEnvironmentAndRepositoryDefineIt) {
    line_.tree.add(project("api", "echo two"));
    commit_by("Bob");
    auto prod = environment("prod", {"p-1", "p-2"});
    prod.variables["PORT"] = plain("1");
    line_.tree.add(prod);
    commit_by("Eve");
    Repository repository;
    repository.variables["REGION"] = plain("cn");
    line_.tree.add(repository);
    commit_by("Fay");
    EXPECT_EQ(stretches(), "Ann | Bob | Eve | Fay");
}

TEST_F(AuthorsTest, WhatDefinesNothingMakesNoAuthor) {
    auto wish = version("prod", "api", "1.0.0");
    wish.paused = true;
    wish.promote = Promote{"1.0.0", 1, false};
    line_.tree.add(wish);
    commit_by("Bob");
    wish.pins = {{{"p-1", {}}, "1.0.0"}};
    line_.tree.add(wish);
    commit_by("Bob");
    auto prod = environment("prod", {"p-1", "p-2"});
    prod.freeze.active = true;
    line_.tree.add(prod);
    commit_by("Bob");
    line_.tree.add(version("prod", "web", "3.0.0")).add(project("web", "echo two"));
    commit_by("Bob");
    EXPECT_EQ(stretches(), "Ann");
}

TEST_F(AuthorsTest, WhoMergesWroteNothing) {
    ships("1.1.0");
    line_.tree.add(version("prod", "web", "3.0.0"));
    merge_by("Rev", {{kApiPath, {"Bob"}}, {"versions/prod/web.yaml", {"Eve"}}});
    EXPECT_EQ(stretches(), "Ann | Bob") << "nor did who wrote another file of it";
    auto prod = environment("prod", {"p-1", "p-2"});
    prod.variables["PORT"] = plain("1");
    line_.tree.add(prod);
    ships("1.2.0");
    merge_by("Rev", {{kApiPath, {"Bob"}}, {kProdPath, {"Eve", "Fay"}}});
    EXPECT_EQ(stretches(), "Ann | Bob | Bob Eve Fay");
    ships("1.3.0");
    merge_by("Rev", {{kApiPath, {"Bob", "Rev"}}});
    EXPECT_EQ(stretches(), "Ann | Bob | Bob Eve Fay | Bob Rev") << "it differs from both sides";
    ships("1.4.0");
    merge_by("Rev", {{kApiPath, {limits::kMoreAuthors}}});
    EXPECT_TRUE(line_.get()->stretches.back().authors.contains(limits::kMoreAuthors));
}

TEST_F(AuthorsTest, WhoWroteWhatWasHeldCounts) {
    line_.tree.break_file(kProdPath);
    ships("1.1.0");
    commit_by("Bob");
    line_.restart();
    line_.tree.add(environment("prod", {"p-1", "p-2"}));
    commit_by("Eve");
    EXPECT_EQ(stretches(), "Ann | Bob Eve");
    line_.tree.break_file(kProdPath);
    ships("1.2.0");
    commit_by("Fay");
    line_.tree.add(environment("prod", {"p-1", "p-2"}));
    ships("1.1.0");
    commit_by("Fay");
    EXPECT_EQ(stretches(), "Ann | Bob Eve") << "what never came about is nobody's";
}

TEST_F(AuthorsTest, AlsoOfWhatWasNeverValidBefore) {
    line_.tree.add(version("prod", "new", "1.0.0"));
    commit_by("Bob");  // there is no such project
    line_.restart();
    line_.tree.add(project("new"));
    commit_by("Eve");
    line_.restart();
    const auto found = line_.get({"prod", "new"})->stretches;
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_THAT(found[0].authors, ElementsAre(full("Bob"), full("Eve")));
}

TEST_F(AuthorsTest, WhatLeftAndCameAgainIsByWhoBroughtIt) {
    ships("1.1.0");
    commit_by("Bob");
    line_.tree.remove(kApiPath);
    commit_by("Eve");
    ships("1.2.0");
    commit_by("Fay");
    EXPECT_EQ(stretches(), "Fay");
}

TEST_F(AuthorsTest, AuthorsOfStretchesThatAreForgottenAreInTheOldest) {
    for (std::size_t i = 0; i < limits::kStretchesKept + 2; ++i) {
        ships("2." + std::to_string(i));
        commit_by("p" + std::to_string(i));
    }
    const auto kept = line_.get()->stretches;
    ASSERT_THAT(kept, SizeIs(limits::kStretchesKept));
    EXPECT_THAT(kept.front().authors,
                ElementsAre("Ann <ann@example.com>", full("p0"), full("p1"), full("p2")));
    EXPECT_THAT(kept.back().authors, SizeIs(1));
}

TEST_F(AuthorsTest, TooManyAuthorsAreAllAuthors) {
    for (std::size_t i = 1; i <= limits::kAuthorsMax; ++i) {
        ships("1.1.0", static_cast<int>(i));
        commit_by("p" + std::to_string(i));
    }
    const auto& authors = line_.get()->stretches.back().authors;
    EXPECT_THAT(authors, SizeIs(limits::kAuthorsMax));
    EXPECT_TRUE(authors.contains(limits::kMoreAuthors));
}

/// A promote that a merge brings is by who wrote it, not by who merged it.
TEST_F(AuthorsTest, APromoteInAMergeIsByItsWriter) {
    ships("1.1.0");
    commit_by("Bob");
    auto wish = version("prod", "api", "1.1.0");
    wish.promote = Promote{"1.1.0", 1, false};
    line_.tree.add(wish);
    merge_by("Rev", {{kApiPath, {"Eve"}}});
    EXPECT_EQ(line_.get()->promotion->author_email, "Eve@example.com");
    EXPECT_EQ(line_.get()->promotion->author_name, "Eve");
    wish.promote = Promote{"1.1.0", 2, false};
    line_.tree.add(wish);
    merge_by("Rev", {{kApiPath, {"Eve", "Fay"}}});
    EXPECT_EQ(line_.get()->promotion->author_email, "") << "whose it is nobody can tell";
    EXPECT_TRUE(line_.get()->promotion->after_intent);
}

}  // namespace
}  // namespace tidegate
