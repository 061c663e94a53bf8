#include "tests/integration/git/fixture.h"

namespace tidegate::git {
namespace {

using namespace std::string_literals;

const std::string kAnn = "Ann <ann@example.com>";
const std::string kUnknown = "unknown <unknown>";

/// Commits that git takes from whoever pushes, and libgit2 does not parse.
class MalformedTest : public GitTest {
protected:
    MalformedTest() : process_{process_options()} {
        root_ = commit("a.yaml", "one");
        push(root_);
        good(process_.fetch(remote(), "main"));
    }
    /// On the root; `rest`: all that follows the parents. It changes a.yaml.
    std::string make(const std::string& rest, const std::string& parents = "") {
        write("a.yaml", "two");
        git("add a.yaml");
        const auto links = "tree " + git("write-tree") + "\n" +
                           (parents.empty() ? "parent " + root_ + "\n" : parents);
        write("../made", links + rest);
        return shell("git -C work hash-object -t commit --literally -w --stdin < made");
    }
    void push(const std::string& id) const { git("push -q origin " + id + ":refs/heads/main"); }

    GitProcess process_;
    std::string root_;
};

struct Malformed {
    const char* name;
    std::string rest;
    std::string author = kUnknown;
    std::string committer = kUnknown;
    std::string message = "why\n\nTidegate-Emergency: disk is full\n";
};
const std::string kWhy = "\nwhy\n\nTidegate-Emergency: disk is full\n";
const std::string kGoodAuthor = "author " + kAnn + " 1700000000 +0000\n";
const std::string kGoodCommitter = "committer " + kAnn + " 1700000000 +0000\n";

class MalformedPeopleTest : public MalformedTest, public testing::WithParamInterface<Malformed> {};
TEST_P(MalformedPeopleTest, AreUnknownAndHoldNothingUp) {
    const auto id = make(GetParam().rest);
    push(id);
    EXPECT_EQ(good(process_.fetch(remote(), "main")).tip, id);
    const auto line = good(process_.line(root_, id));
    ASSERT_EQ(line.size(), 1u);
    const auto& change = line[0];
    EXPECT_TRUE(change.malformed);
    EXPECT_FALSE(change.off_line);
    EXPECT_EQ(change.parents, std::vector{root_});
    EXPECT_EQ(change.author.name + " <" + change.author.email + ">", GetParam().author);
    EXPECT_EQ(change.committer.name + " <" + change.committer.email + ">", GetParam().committer);
    EXPECT_EQ(change.message, GetParam().message);
    EXPECT_TRUE(change.trailers.empty());
    EXPECT_EQ(good(process_.changes(root_, id, {})).at(0).path, "a.yaml");
    EXPECT_EQ(good(process_.resolve(id + "^")), root_);
    good(process_.keep(id));

    git("reset -q --hard " + id);
    const auto next = commit("a.yaml", "three");
    push(next);
    EXPECT_EQ(good(process_.fetch(remote(), "main")).tip, next);
    EXPECT_TRUE(good(process_.is_ancestor(root_, next)));
    const auto own = good(process_.create_commit({next,
                                                  {{"a.yaml", "one"}},
                                                  "back\n",
                                                  {"Tidegate", "t@localhost"},
                                                  Timestamp{Seconds{1'795'348'800}}}));
    good(process_.push(remote(), {own, "refs/heads/main", next}));
    EXPECT_EQ(remote_tip(), own);
}
INSTANTIATE_TEST_SUITE_P(
    Lines, MalformedPeopleTest,
    testing::Values(
        Malformed{"no_mail", "author Bob\n" + kGoodCommitter + kWhy, kUnknown, kAnn},
        Malformed{"no_mail_begins", "author Bob bob@example.com> 1 +0000\n" + kGoodCommitter + kWhy,
                  kUnknown, kAnn},
        Malformed{"nothing_behind_the_field", "author \n" + kGoodCommitter + kWhy, kUnknown, kAnn},
        Malformed{"twenty_digits",
                  "author Bob <b@example.com> 12345678901234567890 +0000\n" + kGoodCommitter + kWhy,
                  kUnknown, kAnn},
        Malformed{"no_number", kGoodAuthor + "committer Bob <b@example.com> soon\n" + kWhy, kAnn},
        Malformed{"no_committer", kGoodAuthor + kWhy, kAnn},
        Malformed{"no_author", kGoodCommitter + kWhy, kUnknown, kAnn}, Malformed{"nobody", kWhy},
        Malformed{"turned_round", kGoodCommitter + kGoodAuthor + kWhy, kAnn, kAnn},
        Malformed{"something_between", kGoodAuthor + "note x\n" + kGoodCommitter + kWhy, kAnn,
                  kAnn},
        Malformed{"second_author", kGoodAuthor + "author Bob\n" + kGoodCommitter + kWhy, kAnn,
                  kAnn},
        Malformed{"zero_byte", "author Bo\0b\n"s + kGoodCommitter + kWhy, kUnknown, kAnn},
        Malformed{"no_message", kGoodAuthor + "committer Bob\n", kAnn, kUnknown, ""},
        Malformed{"no_line_end", kGoodAuthor + "committer " + kAnn + " 1 +0000", kAnn, kAnn, ""},
        Malformed{"encoded", "author Bob\n" + kGoodCommitter + "encoding ISO-8859-1\n\ncaf\xe9\n",
                  kUnknown, kAnn, "caf\xc3\xa9\n"},
        Malformed{"signed", "author Bob\n" + kGoodCommitter + "gpgsig a\n author b\n" + kWhy,
                  kUnknown, kAnn}),
    [](const auto& each) { return each.param.name; });

TEST_F(MalformedTest, KeepsTheTimeThatCanBeRead) {
    const auto id = make(kGoodAuthor + "committer Bob\n" + kWhy);
    push(id);
    good(process_.fetch(remote(), "main"));
    EXPECT_EQ(good(process_.line(root_, id)).at(0).committed_at, Timestamp{Seconds{1'700'000'000}});
}

TEST_F(MalformedTest, MoreParentsThanLibgit2TakesAreLeftOut) {
    std::string parents;
    for (int i = 0; i < 65'536; ++i) parents += "parent " + root_ + "\n";
    const auto id = make(kGoodAuthor + kGoodCommitter + kWhy, parents);
    push(id);
    good(process_.fetch(remote(), "main"));
    EXPECT_TRUE(good(process_.is_ancestor(root_, id)));
    EXPECT_TRUE(good(process_.line(root_, id)).at(0).malformed);
}

TEST_F(MalformedTest, OneThatAMergeBringsIsByNobodyKnown) {
    const auto side = make("author Bob\n" + kGoodCommitter + kWhy);
    git("reset -q --hard " + root_);
    commit("b.yaml", "main");
    git("merge -q --no-ff -m merge " + side);
    const auto merge = git("rev-parse HEAD");
    push(merge);
    good(process_.fetch(remote(), "main"));
    const auto line = good(process_.line(root_, merge));
    ASSERT_EQ(line.size(), 2u);
    EXPECT_FALSE(line[1].malformed) << "the merge itself is well";
    EXPECT_EQ(line[1].authors, (std::vector<std::string>{kAnn, kUnknown}));
}

TEST_F(MalformedTest, TagsOfItHoldNothingUp) {
    const auto id = make("author Bob\n" + kGoodCommitter + kWhy);
    write("../made", "object " + id + "\ntype commit\ntag bad\ntagger Bob\n\nx\n");
    const auto tag = shell("git -C work hash-object -t tag --literally -w --stdin < made");
    git("push -q origin " + id + ":refs/tags/light " + tag + ":refs/tags/heavy");
    EXPECT_EQ(good(process_.fetch(remote(), "main")).tip, root_);
    EXPECT_TRUE(good(process_.has_branch(remote(), "main")));
    push(id);
    EXPECT_EQ(good(process_.fetch(remote(), "main")).tip, id);
}

/// In a pack made anew, and as what others are told apart from.
TEST_F(MalformedTest, IsKeptAsItIs) {
    const auto id = make("author Bob\n" + kGoodCommitter + "\n" + std::string(2'000, 'x') + kWhy);
    push(id);
    auto repository = open();
    good(repository.fetch(remote(), "main"));
    git("reset -q --hard " + id);
    for (int i = 0; i < 60; ++i) {
        const auto next = commit("a.yaml", std::to_string(i), std::string(2'000, 'x'));
        push(next);
        EXPECT_EQ(good(repository.fetch(remote(), "main")).tip, next);
    }
    EXPECT_LT(std::stoi(shell("ls data/objects/pack/*.pack | wc -l")), 20);
    EXPECT_EQ(shell("git -C data cat-file commit " + id),
              shell("git -C work cat-file commit " + id));
    EXPECT_EQ(good(repository.line(root_, id)).at(0).author.name, "unknown");
}

}  // namespace
}  // namespace tidegate::git
