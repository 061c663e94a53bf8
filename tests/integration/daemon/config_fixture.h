#pragma once
/// A config repo that a person changes, and the daemon's side of it.

#include <gtest/gtest.h>

#include <cstdlib>

#include "reconciler/daemon/config_source.h"
#include "tests/integration/temp_dir.h"

namespace tidegate::daemon {

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
    [[nodiscard]] ConfigSource source() const { return ConfigSource{source_options()}; }
    [[nodiscard]] SourceOptions source_options() const {
        SourceOptions options;
        options.process.arguments = {"--git-child"};
        options.process.directory = dir_ / "git";
        options.process.home = dir_ / "home";
        options.remote.url = work().string();
        options.identity = {"Tidegate", "tidegate@example.com"};
        options.history_file = history();
        options.parsed_file = dir_ / "parsed";
        return options;
    }
    /// The branch becomes another line, with one commit that brings `version`.
    std::string force_to(const std::string& base, const std::string& version) {
        git("reset --quiet --hard " + base);
        commit(version);
        return tip();
    }
    [[nodiscard]] std::string tip() const {
        auto text = read_text(work() / ".git/refs/heads/main");
        text.pop_back();
        return text;
    }
    static std::string version_of(const PollReport& report) {
        return report.desired->assignments.at({"staging", "shop-api"})->definition->version;
    }

    test::TempDir dir_;
};

}  // namespace tidegate::daemon
