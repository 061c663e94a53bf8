#include <gmock/gmock.h>

#include "tests/integration/daemon/config_fixture.h"
#include "tests/integration/daemon/revert_done.h"

namespace tidegate::daemon {
namespace {

using namespace std::string_literals;
using engine::RevertDone;
using testing::ElementsAre;
using testing::HasSubstr;

/// What git takes from whoever pushes, and libgit2 does not parse.
class ConfigMalformedTest : public ConfigSourceTest {
protected:
    std::string output_of(const std::string& arguments) {
        git(arguments + " > '" + (dir_ / "output") + "'");
        auto text = read_text(dir_ / "output");
        while (text.ends_with('\n')) text.pop_back();
        return text;
    }
    std::string made(const std::string& type, const std::string& content) {
        write_text(dir_ / "made", content);
        return output_of("hash-object -t " + type + " --literally -w --stdin < '" +
                         (dir_ / "made") + "'");
    }
    /// The tip becomes a commit with this version and nobody who wrote it.
    void commit_malformed(const std::string& version) {
        const auto parent = tip();
        commit(version);
        move_to(made("commit", "tree " + output_of("rev-parse HEAD^{tree}") + "\nparent " + parent +
                                   "\nauthor Bob\ncommitter t <t@example.com> 12345678901234567890"
                                   "\n\n" +
                                   version + "\n\nTidegate-Emergency: now\n"));
    }
    /// A commit with a file whose mode is none.
    void commit_malformed_tree() {
        git("cat-file tree HEAD^{tree} > '" + (dir_ / "tree") + "'");
        const auto tree =
            made("tree", read_text(dir_ / "tree") + "200160000 zzz\0"s + std::string(20, '\1'));
        move_to(output_of("commit-tree -p HEAD -m malformed " + tree));
    }
    std::string tree_at(const std::string& name) {
        git("cat-file tree " + name + " > '" + (dir_ / "tree") + "'");
        return read_text(dir_ / "tree");
    }
    static std::string bytes_of(const std::string& id) {
        std::string bytes;
        for (std::size_t i = 0; i < id.size(); i += 2)
            bytes += static_cast<char>(std::stoi(id.substr(i, 2), nullptr, 16));
        return bytes;
    }
    /// The tip becomes a commit with another tree in the place of `versions/staging`.
    void commit_staging(const std::string& tree) {
        const auto with = [&](const std::string& name, const std::string& entry,
                              const std::string& id) {
            auto text = tree_at(name);
            return made("tree",
                        text.replace(text.find(entry) + entry.size() + 1, 20, bytes_of(id)));
        };
        const auto versions = with("HEAD:versions", "40000 staging", made("tree", tree));
        move_to(output_of("commit-tree -p HEAD -m staging " +
                          with("HEAD^{tree}", "40000 versions", versions)));
    }
    void move_to(const std::string& id) { git("update-ref refs/heads/main " + id); }
};

TEST_F(ConfigMalformedTest, ACommitByNobodyIsTakenInWithAWarning) {
    auto first = source();
    const auto root = first.poll({}).desired->root_commit;
    commit_malformed("1.1.0");
    const auto malformed = tip();
    const auto report = first.poll({});
    ASSERT_TRUE(report.desired) << report.status.poll_error;
    EXPECT_EQ(version_of(report), "1.1.0");
    EXPECT_EQ(report.status.tip_state, TipState::accepted);
    ASSERT_FALSE(report.status.warnings.empty());
    EXPECT_THAT(report.status.warnings[0].text(),
                HasSubstr("commit " + malformed + ": its author or committer line is malformed"));
    const auto& intent = report.desired->assignments.at({"staging", "shop-api"})->intent;
    EXPECT_EQ(intent.author_name, "unknown");
    EXPECT_EQ(intent.emergency_reason, "") << "anybody can be nobody";
    EXPECT_THAT(intent.authors, ElementsAre("unknown <unknown>"));

    git("reset --quiet --hard");
    commit("1.2.0");
    EXPECT_EQ(version_of(first.poll({})), "1.2.0");
    std::filesystem::remove(history());
    auto second = source();
    const auto again = second.open({tip(), {}}, {});
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_EQ(again->desired->root_commit, root);
}

TEST_F(ConfigMalformedTest, ACommitByNobodyIsReverted) {
    auto source = this->source();
    const AssignmentKey key{"staging", "shop-api"};
    engine::RevertRequest request;
    request.key = key;
    request.release = "0f8fad5b-d9cb-469f-a165-70867728950e";
    request.reason = "it does not start";
    const auto before = source.poll({});
    const auto& good = *before.desired->assignments.at(key)->definition;
    request.good = LastGood{good.digest, tip(), good.version};
    commit_malformed("1.1.0");
    const auto report = source.poll({});
    ASSERT_TRUE(report.desired) << report.status.poll_error;
    const auto& bad = *report.desired->assignments.at(key);
    request.guilty_digest = bad.definition->digest;
    request.guilty_commit = bad.intent.digest_commit;
    request.guilty_version = "1.1.0";
    git("config receive.denyCurrentBranch ignore");

    auto done = source.revert(request, {});
    ASSERT_TRUE(test::got<RevertDone::Prepared>(done));
    request.prepared = test::got<RevertDone::Prepared>(done)->commit;
    done = source.revert(request, {});
    ASSERT_TRUE(test::got<RevertDone::Pushed>(done));
    EXPECT_EQ(tip(), request.prepared);
    EXPECT_EQ(version_of(source.poll({})), "1.0.0");
}

/// No checkout has it: what is seen in a review must be what is taken.
TEST_F(ConfigMalformedTest, AFileWhoseNameIsAPathIsNone) {
    auto source = this->source();
    ASSERT_TRUE(source.poll({}).desired);
    const auto blob =
        bytes_of(made("blob", "apiVersion: tidegate/v1\nkind: Version\nversion: 6.6.6\n"));
    const auto root = tree_at("HEAD^{tree}");
    for (const std::string path :
         {"versions/staging/shop-api.yaml", "versions/workers/shop-api.yaml"}) {
        const auto tree = made("tree", root + "100644 " + path + "\0"s + blob);
        move_to(output_of("commit-tree -p HEAD -m malformed " + tree));
        const auto report = source.poll({});
        ASSERT_TRUE(report.desired) << report.status.poll_error;
        EXPECT_EQ(version_of(report), "1.0.0");
        EXPECT_FALSE(report.documents->contains("versions/workers/shop-api.yaml"));
    }
    EXPECT_EQ(version_of(this->source().poll({})), "1.0.0") << "read whole, the same";
}

TEST_F(ConfigMalformedTest, AFileThatIsThereTwiceStaysWhatItWas) {
    auto source = this->source();
    ASSERT_TRUE(source.poll({}).desired);
    const auto staging = tree_at("HEAD:versions/staging");
    const auto at = staging.find("100644 shop-api.yaml");
    const auto twice = staging.substr(0, at) + staging.substr(at, 41) + staging.substr(at);
    commit_staging(twice);
    const auto once_more = source.poll({});
    ASSERT_TRUE(once_more.desired) << once_more.status.poll_error;
    EXPECT_EQ(once_more.status.errors.size(), 1U) << "its second self is no document";
    commit_staging(staging);
    const auto report = source.poll({});
    ASSERT_TRUE(report.desired) << report.status.poll_error;
    EXPECT_TRUE(report.desired->assignments.contains({"staging", "shop-api"}))
        << "what went is the second one";
    EXPECT_TRUE(report.status.errors.empty());
}

TEST_F(ConfigMalformedTest, AMalformedTreeIsHeldUntilTheNextCommit) {
    auto source = this->source();
    ASSERT_TRUE(source.poll({}).desired);
    commit_malformed_tree();
    const auto held = source.poll({});
    EXPECT_EQ(held.status.tip_state, TipState::held);
    EXPECT_THAT(held.status.poll_error, HasSubstr("failed to parse tree"));
    commit("1.1.0");
    const auto report = source.poll({});
    ASSERT_TRUE(report.desired) << report.status.poll_error;
    EXPECT_EQ(version_of(report), "1.1.0");
    EXPECT_THAT(report.status.warnings.at(0).text(), HasSubstr("counts as one change"));
}

}  // namespace
}  // namespace tidegate::daemon
