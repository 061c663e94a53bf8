#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "schema/base/limits.h"
#include "tests/integration/git/fixture.h"

namespace tidegate::git {
namespace {

using Texts = std::vector<std::string>;

TEST_F(GitTest, FetchesTheBranchAndDownloadsOnlyWhenItMoved) {
    const auto first = commit("a.yaml", "one");
    git("push -q origin main");
    auto repository = open();
    auto fetched = good(repository.fetch(remote(), "main"));
    EXPECT_EQ(fetched.tip, first);
    EXPECT_TRUE(fetched.changed);
    EXPECT_FALSE(good(repository.fetch(remote(), "main")).changed);
    const auto second = commit("a.yaml", "two");
    git("tag v1");
    git("push -q --tags origin main");
    fetched = good(repository.fetch(remote(), "main"));
    EXPECT_EQ(fetched.tip, second);
    EXPECT_TRUE(fetched.changed);
    EXPECT_EQ(shell("git -C data for-each-ref --format='%(refname)'"), "refs/tidegate/remote/main");
    EXPECT_EQ(damage(), "");
}

TEST_F(GitTest, FetchesFromAPlainPathToo) {
    const auto tip = commit("a.yaml", "one");
    git("push -q origin main");
    auto plain = remote();
    plain.url = path("remote.git");
    auto repository = open();
    EXPECT_EQ(good(repository.fetch(plain, "main")).tip, tip);
}

/// Git keeps refs like files.
TEST_F(GitTest, ABranchThatIsGoneIsNotInTheWayOfAnother) {
    const auto tip = commit("a.yaml", "one");
    auto repository = open();
    for (const char* branch : {"live", "live/eu", "live/eu/west", "live"}) {
        shell(
            "git -C remote.git for-each-ref --format='delete %(refname)' | "
            "git -C remote.git update-ref --stdin");
        git("push -q origin main:refs/heads/" + std::string{branch});
        const auto fetched = repository.fetch(remote(), branch);
        ASSERT_TRUE(fetched) << fetched.error().text();
        EXPECT_EQ(fetched->tip, tip);
    }
}

TEST_F(GitTest, SaysThatARemoteIsAShallowClone) {
    commit("a.yaml", "one");
    commit("a.yaml", "two");
    git("push -q origin main");
    shell("git clone -q --depth 1 file://$PWD/remote.git shallow");
    auto repository = open();
    auto from = remote();
    from.url = path("shallow");
    const auto refused = repository.fetch(from, "main");
    ASSERT_EQ(code_of(refused), ErrorCode::unavailable);
    EXPECT_NE(refused.error().message.find("git fetch --unshallow"), std::string::npos)
        << refused.error().text();
    shell("git -C shallow fetch -q --unshallow");
    EXPECT_EQ(good(repository.fetch(from, "main")).tip, git("rev-parse HEAD"));
}

TEST_F(GitTest, SeesAForcePushByAncestry) {
    const auto base = commit("a.yaml", "one");
    const auto lost = commit("a.yaml", "two");
    git("push -q origin main");
    auto repository = open();
    EXPECT_EQ(good(repository.fetch(remote(), "main")).tip, lost);
    git("reset -q --hard " + base);
    const auto other = commit("a.yaml", "three");
    git("push -q -f origin main");
    EXPECT_EQ(good(repository.fetch(remote(), "main")).tip, other);
    EXPECT_FALSE(good(repository.is_ancestor(lost, other)));
    EXPECT_TRUE(good(repository.is_ancestor(base, other)));
    EXPECT_TRUE(good(repository.is_ancestor(other, other)));
}

TEST_F(GitTest, SaysWhatIsWrongWithARemote) {
    auto repository = open();
    EXPECT_EQ(code_of(repository.fetch(remote(), "main")), ErrorCode::not_found);
    commit("a.yaml", "one");
    git("push -q origin main");
    std::filesystem::rename(path("remote.git"), path("away.git"));
    EXPECT_EQ(code_of(repository.fetch(remote(), "main")), ErrorCode::unavailable);
    std::filesystem::rename(path("away.git"), path("remote.git"));
    EXPECT_TRUE(repository.fetch(remote(), "main").has_value());
    EXPECT_EQ(code_of(repository.fetch(remote(), "no..name")), ErrorCode::invalid);
}

TEST_F(GitTest, NamesTheBranchesThereAreInPlaceOfAMissingOne) {
    auto repository = open();
    EXPECT_THAT(repository.fetch(remote(), "prod").error().text(),
                testing::EndsWith("there is no branch prod; it has none at all"));
    commit("a.yaml", "one");
    git("push -q origin main main:refs/heads/team/a");
    git("tag prod");
    git("push -q --tags origin");
    EXPECT_THAT(repository.fetch(remote(), "prod").error().text(),
                testing::EndsWith("there is no branch prod; it has main, team/a"));
    for (int i = 0; i < 11; ++i) git(fmt::format("push -q origin main:refs/heads/x-{:02}", i));
    EXPECT_THAT(repository.fetch(remote(), "prod").error().text(),
                testing::EndsWith("main, team/a, x-00, x-01, x-02, x-03, x-04, x-05, x-06, x-07 "
                                  "and 3 more"));
}

struct UrlCase {
    const char* url;
    ErrorCode code;
};
class BadUrlTest : public GitTest, public testing::WithParamInterface<UrlCase> {};
TEST_P(BadUrlTest, IsRefusedWithItsReason) {
    auto repository = open();
    Remote bad;
    bad.url = GetParam().url;
    bad.password = "hunter2";
    const auto result = repository.fetch(bad, "main");
    EXPECT_EQ(code_of(result), GetParam().code) << result.error().text();
    EXPECT_EQ(result.error().text().find("hunter2"), std::string::npos) << result.error().text();
}
INSTANTIATE_TEST_SUITE_P(
    Urls, BadUrlTest,
    testing::Values(UrlCase{"git://127.0.0.1:1/x", ErrorCode::invalid},
                    UrlCase{"http://example.com/x.git", ErrorCode::invalid},
                    UrlCase{"http://localhost.example.com/x.git", ErrorCode::invalid},
                    UrlCase{"http://127.0.0.1:1/x.git", ErrorCode::unavailable},
                    UrlCase{"https://ann:hunter2@localhost:1/x.git", ErrorCode::unavailable},
                    UrlCase{"ssh://git@localhost:1/x.git", ErrorCode::denied},
                    UrlCase{"git@localhost:x.git", ErrorCode::denied},
                    UrlCase{"https://example.com/\n", ErrorCode::invalid},
                    UrlCase{"", ErrorCode::invalid}));

TEST_F(GitTest, ListsTheTreeWithKinds) {
    write("run.sh", "#!/bin/sh\n");
    shell("chmod +x work/run.sh && ln -s /etc/passwd work/link");
    git("update-index --add --cacheinfo 160000,1111111111111111111111111111111111111111,module");
    const auto id = commit("versions/prod/shop.yaml", "version: 1\n");
    git("push -q origin main");
    auto repository = open();
    good(repository.fetch(remote(), "main"));
    const auto blob = git("rev-parse HEAD:versions/prod/shop.yaml");
    const auto entries = good(repository.tree(id));
    const auto find = [&](const std::string& name) {
        const auto found = std::ranges::find(entries, name, &TreeEntry::path);
        return found == entries.end() ? TreeEntry{} : *found;
    };
    EXPECT_EQ(find("run.sh").kind, EntryKind::executable);
    EXPECT_EQ(find("link").kind, EntryKind::symlink);
    EXPECT_EQ(find("versions/prod/shop.yaml"),
              (TreeEntry{"versions/prod/shop.yaml", EntryKind::file, blob, 11}));
    EXPECT_EQ(entries.size(), 3u) << "git add -A drops a submodule without a folder";
}

TEST_F(GitTest, NamesSubmodules) {
    commit("a.yaml", "one");
    git("update-index --add --cacheinfo 160000,1111111111111111111111111111111111111111,module");
    git("commit -q -m module");
    const auto entries =
        good(good(Repository::open_existing(path("work"))).tree(git("rev-parse HEAD")));
    ASSERT_EQ(entries.size(), 2u);
    EXPECT_EQ(entries[1], (TreeEntry{"module", EntryKind::submodule, std::string(40, '1'), 0}));
}

TEST_F(GitTest, ListsOnlyWhatChanged) {
    write("keep.yaml", "same");
    write("gone.yaml", "old");
    const auto before = commit("deep/er/changed.yaml", "one");
    git("rm -q gone.yaml");
    shell("ln -s keep.yaml work/link.yaml");
    const auto after = commit("deep/er/changed.yaml", "two!");
    auto repository = good(Repository::open_existing(path("work")));
    const auto changes = good(repository.changes(before, after));
    ASSERT_EQ(changes.size(), 3u);
    EXPECT_EQ(changes[0].now, (TreeEntry{"deep/er/changed.yaml", EntryKind::file,
                                         git("rev-parse HEAD:deep/er/changed.yaml"), 4}));
    EXPECT_EQ(changes[1], (Change{"gone.yaml", std::nullopt}));
    EXPECT_EQ(changes[2].path, "link.yaml");
    EXPECT_EQ(changes[2].now->kind, EntryKind::symlink);
}

TEST_F(GitTest, LooksIntoItsScopeOnly) {
    write("docs/far.md", "far");
    write("README.md", "read");
    const auto before = commit("versions/a.yaml", "one");
    write("docs/near.md", "near");
    shell("rm -r work/versions && ln -s docs work/versions");
    const auto after = commit("windows/w.yaml", "two");
    auto repository = good(Repository::open_existing(path("work")));
    const Scope scope{"versions", "windows"};
    Texts entries, changes;
    for (const auto& entry : good(repository.tree(before, scope))) entries.push_back(entry.path);
    EXPECT_EQ(entries, (Texts{"README.md", "docs/", "versions/a.yaml"}));
    for (const auto& change : good(repository.changes(before, after, scope)))
        changes.push_back(change.path + (change.now ? "" : " gone"));
    EXPECT_EQ(changes, (Texts{"docs/", "versions", "versions/a.yaml gone", "windows/w.yaml"}));
}

/// Ten million folders and not one file, in eight objects.
TEST_F(GitTest, FoldersWithoutFilesAreBoundedToo) {
    const auto before = commit("a.yaml", "one");
    const auto bomb = shell(
        "cd work && t=$(git mktree </dev/null) && for n in 1 2 3 4 5 6 7; do "
        "t=$(for i in 0 1 2 3 4 5 6 7 8 9; do printf '040000 tree %s\t%s\n' $t $i; done "
        "| git mktree); done && t=$(printf '040000 tree %s\tversions\n' $t | git mktree) && "
        "git commit-tree -m bomb -p HEAD $t");
    auto repository = good(Repository::open_existing(path("work")));
    EXPECT_EQ(code_of(repository.tree(bomb)), ErrorCode::exhausted);
    EXPECT_EQ(code_of(repository.changes(before, bomb)), ErrorCode::exhausted);
    EXPECT_EQ(good(repository.changes(before, bomb, {"windows"})).size(), 2u);
}

TEST_F(GitTest, AFolderNestedTooDeepIsOneEntry) {
    std::string folder;
    for (std::size_t i = 0; i <= limits::kTreeDepthMax; ++i) folder += "d/";
    const auto before = commit("a.yaml", "one");
    write("d/x.yaml", "near");
    write(folder + "x.yaml", "far");
    const auto both = commit(folder + "e/y.yaml", "farther");
    auto repository = good(Repository::open_existing(path("work")));
    const auto entries = good(repository.tree(both));
    ASSERT_EQ(entries.size(), 3u);
    EXPECT_EQ(entries[1].path, folder);
    EXPECT_EQ(entries[1].kind, EntryKind::folder);
    EXPECT_EQ(good(repository.changes(before, both)),
              (std::vector<Change>{{folder, entries[1]}, {"d/x.yaml", entries[2]}}));
    git("rm -q " + folder + "x.yaml");
    git("commit -q -m less");
    const auto less = good(repository.changes(both, git("rev-parse HEAD")));
    ASSERT_EQ(less.size(), 1u);
    EXPECT_EQ(less[0].path, folder);
    EXPECT_EQ(less[0].now->kind, EntryKind::folder);
    EXPECT_EQ(good(repository.changes(both, before)),
              (std::vector<Change>{{folder, std::nullopt}, {"d/x.yaml", std::nullopt}}));
}

TEST_F(GitTest, ReadsBlobsButNotLargeOnes) {
    const std::string bytes{"\0\xff binary\n", 10};
    write("large.bin", std::string(5 << 20, 'x'));
    write("largest.bin", std::string(limits::kFileBytesMax, 'x'));
    commit("small.bin", bytes);
    auto repository = good(Repository::open_existing(path("work")));
    const auto large = git("rev-parse HEAD:large.bin");
    const auto small = git("rev-parse HEAD:small.bin");
    const auto largest = git("rev-parse HEAD:largest.bin");
    const auto blobs = good(repository.blobs({large, small, largest}));
    ASSERT_EQ(blobs.size(), 3u);
    EXPECT_EQ(blobs[0], (Blob{large, 5 << 20, true, ""}));
    EXPECT_EQ(blobs[1], (Blob{small, 10, false, bytes}));
    EXPECT_FALSE(blobs[2].too_large);
    EXPECT_EQ(code_of(repository.blobs({std::string(40, 'a')})), ErrorCode::not_found);
    EXPECT_EQ(code_of(repository.blobs({"HEAD"})), ErrorCode::invalid);
}

TEST_F(GitTest, OpensWithoutWhatAKilledProcessLeft) {
    const auto tip = commit("a.yaml", "one");
    git("push -q origin main");
    { const auto made = open(); }
    std::filesystem::create_directories(path("data/refs/tidegate/remote"));
    for (const char* left : {"data/refs/tidegate/remote/main.lock", "data/HEAD.lock",
                             "data/config.lock", "data/objects/pack/pack_git2_abc"})
        std::ofstream{path(left)} << "left";
    auto repository = open();
    EXPECT_EQ(good(repository.fetch(remote(), "main")).tip, tip);
    EXPECT_FALSE(std::filesystem::exists(path("data/HEAD.lock")));
    EXPECT_FALSE(std::filesystem::exists(path("data/objects/pack/pack_git2_abc")));
}

TEST_F(GitTest, AStaleLockIsGoneAtTheNextFetch) {
    commit("a.yaml", "one");
    git("push -q origin main");
    auto repository = open();
    good(repository.fetch(remote(), "main"));
    const auto tip = commit("a.yaml", "two");
    git("push -q origin main");
    for (const char* left : {"data/refs/tidegate/remote/main.lock", "data/packed-refs.lock"})
        std::ofstream{path(left)} << "left";
    EXPECT_EQ(good(repository.fetch(remote(), "main")).tip, tip);
    good(repository.keep(tip));
}

TEST_F(GitTest, KeepsThePacksFewAndEveryObject) {
    commit("a.yaml", "one");
    shell(
        "cd work && for i in $(seq 60); do echo $i > a.yaml; git commit -q -a -m $i; "
        "git branch b$i; done; git push -q --all origin");
    auto repository = open();
    for (int i = 1; i <= 60; ++i) good(repository.fetch(remote(), "b" + std::to_string(i)));
    const auto packs = std::stoi(shell("ls data/objects/pack/*.pack | wc -l"));
    EXPECT_LT(packs, 20);
    EXPECT_EQ(shell("ls data/objects/pack/*.idx | wc -l"), std::to_string(packs));
    EXPECT_EQ(good(repository.line("", good(repository.fetch(remote(), "b60")).tip)).size(), 61u);
    EXPECT_EQ(damage(), "");
}

TEST_F(GitTest, ResolvesRevisionsOfPeople) {
    const auto first = commit("a.yaml", "one");
    const auto second = commit("a.yaml", "two");
    git("tag -a -m release v1");
    auto repository = good(Repository::open_existing(path("work")));
    EXPECT_EQ(good(repository.resolve("HEAD~1")), first);
    EXPECT_EQ(good(repository.resolve("v1")), second);
    EXPECT_EQ(good(repository.resolve(second.substr(0, 8))), second);
    EXPECT_EQ(code_of(repository.resolve("nothing")), ErrorCode::not_found);
    EXPECT_EQ(code_of(Repository::open_existing(path("nowhere"))), ErrorCode::not_found);
}

TEST_F(GitTest, ABranchIsMeantBeforeATagOfItsName) {
    const auto first = commit("a.yaml", "one");
    git("tag main");
    const auto second = commit("a.yaml", "two");
    auto repository = good(Repository::open_existing(path("work")));
    EXPECT_EQ(good(repository.resolve("main")), second);
    EXPECT_EQ(good(repository.resolve("main~1")), first);
    EXPECT_EQ(good(repository.resolve("main^{commit}")), second);
    EXPECT_EQ(good(repository.resolve("refs/tags/main")), first);
    EXPECT_EQ(good(repository.resolve("heads/main")), second);
}

TEST(DisplayUrlTest, HidesWhoAsks) {
    EXPECT_EQ(display_url("https://ann:secret@example.com/a@b.git"), "https://example.com/a@b.git");
    EXPECT_EQ(display_url("https://example.com/a@b.git"), "https://example.com/a@b.git");
    EXPECT_EQ(display_url("/srv/config.git"), "/srv/config.git");
    EXPECT_EQ(display_url("git@example.com:a.git"), "git@example.com:a.git");
}

}  // namespace
}  // namespace tidegate::git
