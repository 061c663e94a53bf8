#include "tests/integration/git/fixture.h"

namespace tidegate::git {
namespace {

using Texts = std::vector<std::string>;

class HistoryTest : public GitTest {
protected:
    /// A commit by somebody else, with somebody else again as committer.
    std::string commit_by(const std::string& author, const std::string& committer,
                          const std::string& name) const {
        write(name, author);
        git("add -A");
        shell("GIT_COMMITTER_NAME=" + committer + " GIT_COMMITTER_EMAIL=" + committer +
              "@example.com GIT_AUTHOR_NAME=" + author + " GIT_AUTHOR_EMAIL=" + author +
              "@example.com git -C work commit -q -m 'by " + author + "'");
        return git("rev-parse HEAD");
    }
    Texts ids(const std::vector<Commit>& line) const {
        Texts list;
        for (const auto& change : line) list.push_back(change.id);
        return list;
    }
};

TEST_F(HistoryTest, ReadsACommitWhole) {
    const auto root = commit("a.yaml", "one");
    write("a.yaml", "two");
    write("message", "Ship 1.4.2\n\nBecause.\n\nTidegate-Emergency: disk is full\nRefs: #12\n");
    shell(
        "cd work && git add a.yaml && GIT_COMMITTER_DATE='2026-11-22T10:00:00+08:00' "
        "git commit -q -F message --author 'Bob <bob@example.com>'");
    auto repository = good(Repository::open_existing(path("work")));
    const auto line = good(repository.line(root, git("rev-parse HEAD")));
    ASSERT_EQ(line.size(), 1u);
    const auto& change = line[0];
    EXPECT_EQ(change.first_parent, root);
    EXPECT_EQ(change.parents, Texts{root});
    EXPECT_EQ(change.author, (Person{"Bob", "bob@example.com"}));
    EXPECT_EQ(change.committer, (Person{"Ann", "ann@example.com"}));
    EXPECT_EQ(format_rfc3339(change.committed_at), "2026-11-22T02:00:00Z");
    EXPECT_TRUE(change.message.starts_with("Ship 1.4.2\n\nBecause.\n"));
    EXPECT_EQ(change.trailers,
              (std::vector<Trailer>{{"Tidegate-Emergency", "disk is full"}, {"Refs", "#12"}}));
    EXPECT_EQ(change.authors, (Texts{"Ann <ann@example.com>", "Bob <bob@example.com>"}));
    EXPECT_FALSE(change.off_line);
}

TEST_F(HistoryTest, FollowsFirstParentsAndNamesAllAuthorsOfAMerge) {
    const auto root = commit("a.yaml", "one");
    git("checkout -q -b topic");
    commit_by("cid", "dan", "topic1");
    git("checkout -q -b deeper");
    commit_by("eve", "eve", "deeper1");
    git("checkout -q topic");
    commit_by("fay", "fay", "topic2");
    git("merge -q --no-ff -m inner deeper");
    git("checkout -q main");
    const auto beside = commit_by("guy", "guy", "beside");
    git("merge -q --no-ff -m outer topic");
    const auto merge = git("rev-parse HEAD");
    const auto last = commit("a.yaml", "two");
    auto repository = good(Repository::open_existing(path("work")));

    const auto whole = good(repository.line("", last));
    EXPECT_EQ(ids(whole), (Texts{root, beside, merge, last}));
    EXPECT_EQ(whole[0].first_parent, "");
    EXPECT_EQ(whole[2].parents.size(), 2u);
    EXPECT_EQ(whole[2].authors,
              (Texts{"Ann <ann@example.com>", "cid <cid@example.com>", "dan <dan@example.com>",
                     "eve <eve@example.com>", "fay <fay@example.com>"}));
    EXPECT_EQ(whole[3].authors, Texts{"Ann <ann@example.com>"});
    EXPECT_EQ(ids(good(repository.line(beside, last))), (Texts{merge, last}));
    EXPECT_EQ(ids(good(repository.line(last, last))), Texts{});
}

TEST_F(HistoryTest, TakesAMergeTheWrongWayRoundAsOneChange) {
    const auto root = commit("a.yaml", "one");
    const auto accepted = commit_by("cid", "cid", "accepted");
    git("checkout -q -b topic " + root);
    commit_by("dan", "dan", "topic1");
    git("merge -q --no-ff -m wrong main");
    commit_by("eve", "eve", "topic2");
    const auto tip = git("rev-parse HEAD");
    auto repository = good(Repository::open_existing(path("work")));
    const auto line = good(repository.line(accepted, tip));
    ASSERT_EQ(line.size(), 1u);
    EXPECT_TRUE(line[0].off_line);
    EXPECT_EQ(line[0].id, tip);
    EXPECT_EQ(line[0].first_parent, accepted);
    EXPECT_EQ(line[0].authors,
              (Texts{"Ann <ann@example.com>", "dan <dan@example.com>", "eve <eve@example.com>"}));
}

TEST_F(HistoryTest, ARememberedAnchorIsOnTheLine) {
    const auto root = commit("a.yaml", "one");
    const auto accepted = commit_by("cid", "cid", "accepted");
    git("checkout -q -b topic " + root);
    const auto topic = commit_by("dan", "dan", "topic1");
    git("merge -q --no-ff -m wrong main");
    const auto wrong = git("rev-parse HEAD");
    const auto tip = commit_by("eve", "eve", "later");
    auto repository = good(Repository::open_existing(path("work")));
    EXPECT_EQ(ids(good(repository.line("", tip))), (Texts{root, topic, wrong, tip}));

    good(repository.remember_anchor(wrong, accepted));
    const auto whole = good(repository.line("", tip));
    EXPECT_EQ(ids(whole), (Texts{root, accepted, wrong, tip}));
    EXPECT_EQ(whole[2].first_parent, accepted);
    EXPECT_EQ(good(repository.before(wrong)), accepted);
    EXPECT_EQ(good(repository.before(accepted)), root);
    EXPECT_EQ(good(repository.before(root)), "");
    EXPECT_EQ(whole[2].authors, (Texts{"Ann <ann@example.com>", "dan <dan@example.com>"}));
    EXPECT_EQ(ids(good(repository.line(accepted, tip))), (Texts{wrong, tip}));
    EXPECT_FALSE(good(repository.line(accepted, wrong)).at(0).off_line);
    EXPECT_TRUE(good(repository.line(topic, tip)).at(0).off_line) << "not that way any more";
    EXPECT_EQ(code_of(repository.remember_anchor(accepted, wrong)), ErrorCode::conflict);
}

TEST_F(HistoryTest, ARangeIsOneChange) {
    const auto root = commit("a.yaml", "one");
    commit_by("cid", "cid", "first");
    commit_by("dan", "dan", "second");
    auto repository = good(Repository::open_existing(path("work")));
    const auto whole = good(repository.range(root, git("rev-parse HEAD")));
    EXPECT_TRUE(whole.off_line);
    EXPECT_EQ(whole.first_parent, root);
    EXPECT_EQ(whole.authors, (Texts{"cid <cid@example.com>", "dan <dan@example.com>"}));
    EXPECT_EQ(code_of(repository.range(git("rev-parse HEAD"), root)), ErrorCode::conflict);
}

TEST_F(HistoryTest, ACommitThatIsItsOwnAnchorBeginsTheLine) {
    commit("a.yaml", "one");
    const auto begin = commit("a.yaml", "two");
    const auto tip = commit("a.yaml", "three");
    auto repository = good(Repository::open_existing(path("work")));
    good(repository.remember_anchor(begin, begin));
    const auto line = good(repository.line("", tip));
    EXPECT_EQ(ids(line), (Texts{begin, tip}));
    EXPECT_EQ(line[0].first_parent, "");
    EXPECT_EQ(line[1].first_parent, begin);
    EXPECT_EQ(good(repository.before(begin)), "");
}

TEST_F(HistoryTest, RefusesALineThatIsNone) {
    const auto root = commit("a.yaml", "one");
    const auto left = commit("a.yaml", "left");
    git("reset -q --hard " + root);
    const auto right = commit("a.yaml", "right");
    auto repository = good(Repository::open_existing(path("work")));
    EXPECT_EQ(code_of(repository.line(left, right)), ErrorCode::conflict);
    EXPECT_EQ(code_of(repository.line(std::string(40, 'b'), right)), ErrorCode::not_found);
}

TEST_F(HistoryTest, MakesStrangeBytesPrintable) {
    const auto root = commit("a.yaml", "one");
    shell(
        "cd work && git -c i18n.commitEncoding=x-klingon commit -q --allow-empty "
        "-m \"$(printf 'caf\\351')\" --author \"$(printf 'Ren\\351') <rene@example.com>\"");
    auto repository = good(Repository::open_existing(path("work")));
    const auto line = good(repository.line(root, git("rev-parse HEAD")));
    EXPECT_EQ(line.at(0).author.name, "Ren\xef\xbf\xbd");
    EXPECT_EQ(line.at(0).message, "caf\xef\xbf\xbd\n");
}

struct EncodingCase {
    const char* name;
    const char* encoding;
    const char* bytes;  ///< for printf
    const char* text;
};
class EncodingTest : public HistoryTest, public testing::WithParamInterface<EncodingCase> {};
TEST_P(EncodingTest, TextIsReadAsItsHeaderSays) {
    const auto root = commit("a.yaml", "one");
    const std::string bytes = GetParam().bytes;
    shell("cd work && { printf 'tree %s\\nparent %s\\nauthor " + bytes +
          " <a@example.com> 1 +0000\\ncommitter " + bytes + " <a@example.com> 1 +0000\\nencoding " +
          GetParam().encoding + "\\n\\n" + bytes + "\\n\\nTidegate-Emergency: " + bytes +
          "\\n' $(git rev-parse HEAD^{tree}) $(git rev-parse HEAD); } | "
          "git hash-object -t commit -w --stdin > ../made");
    auto repository = good(Repository::open_existing(path("work")));
    const auto change = good(repository.line(root, shell("cat made"))).at(0);
    const std::string text = GetParam().text;
    EXPECT_EQ(change.author.name, text);
    EXPECT_EQ(change.authors, Texts{text + " <a@example.com>"});
    EXPECT_TRUE(change.message.starts_with(text + "\n")) << change.message;
    ASSERT_EQ(change.trailers.size(), 1u);
    EXPECT_EQ(change.trailers[0].value, text);
}
INSTANTIATE_TEST_SUITE_P(
    Headers, EncodingTest,
    testing::Values(EncodingCase{"latin1", "ISO-8859-1", "Ren\\351", "Ren\xc3\xa9"},
                    EncodingCase{"lower_case", "iso-8859-1", "Ren\\351", "Ren\xc3\xa9"},
                    EncodingCase{"japanese", "SHIFT_JIS", "\\223\\372", "\xe6\x97\xa5"},
                    EncodingCase{"unknown", "x-klingon", "Ren\\351", "Ren\xef\xbf\xbd"},
                    EncodingCase{"wrong", "EUC-JP", "Ren\\377", "Ren\xef\xbf\xbd"}),
    [](const auto& each) { return each.param.name; });

TEST_F(HistoryTest, ControlCharactersOfOthersGoNoFurther) {
    const auto root = commit("a.yaml", "one");
    shell(
        "cd work && printf 'one\\033[2J\\n\\ntwo\\ttabs\\302\\205\\n\\nRefs: a\\033b\\n' > m && "
        "git commit -q --allow-empty -F m --cleanup=verbatim "
        "--author \"$(printf 'Bo\\033[31mb\\302\\233') <b@example.com>\"");
    auto repository = good(Repository::open_existing(path("work")));
    const auto change = good(repository.line(root, git("rev-parse HEAD"))).at(0);
    EXPECT_EQ(change.author.name, "Bo [31mb");
    EXPECT_EQ(change.message, "one [2J\n\ntwo\ttabs \n\nRefs: a b\n");
    EXPECT_EQ(change.trailers, (std::vector<Trailer>{{"Refs", "a b"}}));
}

TEST_F(HistoryTest, TrailersOfAMessageThatIsCutAreOutOfReach) {
    const auto root = commit("a.yaml", "one");
    shell(
        "cd work && { echo subject; echo; head -c 70000 /dev/zero | tr '\\0' x; echo; echo; "
        "echo 'Tidegate-Emergency: late'; } > m && git commit -q --allow-empty -F m");
    auto repository = good(Repository::open_existing(path("work")));
    const auto change = good(repository.line(root, git("rev-parse HEAD"))).at(0);
    EXPECT_TRUE(change.message_cut);
    EXPECT_TRUE(change.trailers.empty());
    EXPECT_FALSE(good(repository.line("", root)).at(0).message_cut);
}

/// Cut between characters, and no longer for what is put in place of bad bytes.
TEST_F(HistoryTest, CutsNamesAndAddresses) {
    const auto root = commit("a.yaml", "one");
    shell(
        "cd work && git -c i18n.commitEncoding=x-klingon commit -q --allow-empty -m x --author "
        "\"n$(printf 'é%.0s' $(seq 300)) "
        "<$(printf 'm\\351%.0s' $(seq 100))@example.com>\"");
    auto repository = good(Repository::open_existing(path("work")));
    const auto change = good(repository.line(root, git("rev-parse HEAD"))).at(0);
    EXPECT_EQ(change.author.name.size(), 255u);
    EXPECT_TRUE(change.author.name.ends_with("é"));
    EXPECT_LE(change.author.email.size(), 256u);
    EXPECT_TRUE(change.author.email.starts_with("m\xef\xbf\xbd")) << change.author.email;
    for (const auto& author : change.authors) EXPECT_LE(author.size(), 516u);
}

TEST_F(HistoryTest, KeepsOnlyTheRefsThatAreNeeded) {
    const auto base = commit("a.yaml", "one");
    const auto lost = commit("a.yaml", "two");
    git("reset -q --hard " + base);
    const auto other = commit("a.yaml", "three");
    git("branch lost " + lost);
    auto repository = good(Repository::open_existing(path("work")));
    for (const auto& id : {base, lost, other}) good(repository.keep(id));
    const auto refs = git("for-each-ref --format='%(objectname)' refs/tidegate/accepted");
    EXPECT_EQ(refs.find(base), std::string::npos);
    EXPECT_NE(refs.find(lost), std::string::npos);
    EXPECT_NE(refs.find(other), std::string::npos);
}

}  // namespace
}  // namespace tidegate::git
