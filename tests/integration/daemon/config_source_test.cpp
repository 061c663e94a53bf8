#include "reconciler/daemon/config_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/integration/temp_dir.h"

namespace tidegate::daemon {
namespace {

using test::read_text;
using test::write_text;

/// A remote that starts as the example repo, and the data of one daemon.
class ConfigSourceTest : public testing::Test {
protected:
    void SetUp() override {
        const auto examples = std::string{TIDEGATE_SOURCE_DIR} + "/examples/repo-layout";
        std::filesystem::copy(examples, work(), std::filesystem::copy_options::recursive);
        git("init --quiet --initial-branch=main");
        commit("1.0.0");
    }
    [[nodiscard]] std::filesystem::path work() const { return dir_.path() / "work"; }
    [[nodiscard]] std::filesystem::path history() const { return dir_.path() / "history"; }
    void git(const std::string& arguments) {
        const auto command = "git -C '" + work().string() +
                             "' -c user.name=t -c user.email=t@example.com " + arguments;
        ASSERT_EQ(std::system(command.c_str()), 0) << command;  // NOLINT(concurrency-mt-unsafe)
    }
    void commit(const std::string& version) {
        write_text(work() / "versions/staging/shop-api.yaml",
                   "apiVersion: tidegate/v1\nkind: Version\nversion: " + version + "\n");
        git("add --all");
        git("commit --quiet --message " + version);
    }
    [[nodiscard]] ConfigSource source() const {
        SourceOptions options;
        options.process.arguments = {"--git-child"};
        options.process.directory = dir_ / "git";
        options.process.home = dir_ / "home";
        options.remote.url = work().string();
        options.identity = {"Tidegate", "tidegate@example.com"};
        options.history_file = history();
        options.parsed_file = dir_ / "parsed";
        return ConfigSource{options};
    }
    static std::string version_of(const PollReport& report) {
        return report.desired->assignments.at({"staging", "shop-api"})->definition->version;
    }

    test::TempDir dir_;
};

TEST_F(ConfigSourceTest, ARestartGoesOnFromAnOlderHistory) {
    std::string accepted;
    {
        auto first = source();
        ASSERT_EQ(version_of(first.poll({})), "1.0.0");
        commit("1.1.0");
        const auto report = first.poll({});
        ASSERT_EQ(version_of(report), "1.1.0");
        accepted = report.status.accepted_commit;
    }
    const auto saved = read_text(history());
    ASSERT_THAT(saved, testing::Not(testing::HasSubstr(accepted))) << "not for every commit";

    auto second = source();
    const auto report = second.open(accepted, {}, {});
    ASSERT_TRUE(report) << report.error().text();
    EXPECT_EQ(version_of(*report), "1.1.0");
    const auto& staging = *report->desired->assignments.at({"staging", "shop-api"});
    EXPECT_EQ(staging.intent.commit, accepted);
    EXPECT_TRUE(read_text(history()) == saved) << "a replay from the root saves anew";
    commit("1.2.0");
    EXPECT_EQ(version_of(second.poll({})), "1.2.0");
}

TEST_F(ConfigSourceTest, AHistoryOfAnotherLineIsReplayed) {
    std::string tip;
    {
        auto first = source();
        ASSERT_EQ(version_of(first.poll({})), "1.0.0");
        const auto old = read_text(history());
        git("commit --quiet --amend --message other");
        tip = first.poll({}).status.tip_commit;
        ASSERT_TRUE(first.accept(tip, {}));
        EXPECT_THAT(read_text(history()), testing::StartsWith(tip))
            << "a new line is saved at once";
        write_text(history(), old);
    }
    const auto report = source().open(tip, {}, {});
    ASSERT_TRUE(report) << report.error().text();
    EXPECT_EQ(version_of(*report), "1.0.0");
    EXPECT_THAT(read_text(history()), testing::StartsWith(tip));
}

}  // namespace
}  // namespace tidegate::daemon

int main(int argc, char** argv) {
    if (argc == 2 && std::string_view{argv[1]} == "--git-child")
        return tidegate::git::run_git_child(0, 1);
    testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
