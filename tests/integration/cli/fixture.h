#pragma once
/// The command line against real repositories, made by git.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/integration/temp_dir.h"

namespace tidegate::cli {

struct Outcome {
    int code = -1;
    std::string out;
    std::string err;
    [[nodiscard]] nlohmann::json json() const { return nlohmann::json::parse(out, nullptr, false); }
};

/// Runs `tidegate <line>` in this process.
Outcome tidegate(const std::vector<std::string>& line);

/// A config repo with one project on two targets of `prod`, committed and pushed to `remote()`.
class RepoTest : public testing::Test {
protected:
    RepoTest();

    [[nodiscard]] std::string work() const { return dir_ / "work"; }
    [[nodiscard]] std::string remote() const { return dir_ / "remote.git"; }
    void write(const std::string& path, const std::string& text) const;
    /// Runs `git <arguments>` in the work tree; gives its output without the last line end.
    std::string git(const std::string& arguments) const;
    /// Commits everything and pushes; gives the commit.
    std::string push(const std::string& message) const;
    std::string set_version(const std::string& version, const std::string& message) const;
    /// A commit with 250,047 files below `projects/`, and one that takes them back.
    void push_more_than_is_read() const;
    /// 100,001 commits that change no version.
    void push_more_than_is_followed() const;
    /// The version file at the remote's main.
    [[nodiscard]] std::string remote_version_file() const;
    [[nodiscard]] std::string remote_log(const std::string& format) const;

    test::TempDir dir_;
};

inline constexpr const char* kVersionFile = "versions/prod/shop-api.yaml";
/// The file's text at a version.
std::string version_text(const std::string& version);

}  // namespace tidegate::cli
