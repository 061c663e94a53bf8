#pragma once
/// Real repositories, made by the git command line in a folder that goes away.

#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "reconciler/git/child.h"
#include "reconciler/git/repository.h"

namespace tidegate::git {

class GitTest : public testing::Test {
protected:
    GitTest();
    ~GitTest() override;

    /// Runs `git <arguments>` in the work tree of the person who pushes; gives its output.
    std::string git(const std::string& arguments) const;
    std::string shell(const std::string& command) const;
    void write(const std::string& path, const std::string& content) const;
    /// Writes the file and commits it on the current branch of the work tree.
    std::string commit(const std::string& path, const std::string& content,
                       const std::string& message = "change") const;
    /// A hook of the remote: a shell script.
    void hook(const std::string& name, const std::string& body) const;
    std::string remote_tip(const std::string& ref = "refs/heads/main") const;

    /// What `git fsck` finds wrong in the daemon's repository.
    std::string damage() const;

    [[nodiscard]] std::string path(const std::string& name) const { return root_ + "/" + name; }
    [[nodiscard]] Remote remote() const;
    [[nodiscard]] Repository open() const;
    [[nodiscard]] GitProcessOptions process_options() const;

private:
    std::string root_;
};

/// What a test asks of a result that must be good; anything else fails the test by an exception.
template <class T>
T good(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().text());
    if constexpr (!std::is_void_v<T>) return std::move(*result);
}
template <class T>
ErrorCode code_of(const Result<T>& result) {
    EXPECT_FALSE(result.has_value());
    return result ? ErrorCode::internal : result.error().code;
}

/// True once the condition holds; false when ten seconds were not enough.
bool eventually(const std::function<bool()>& condition);

/// A process that owns a git child, for the test that kills it: fetches from the URL.
int run_daemon_until_killed(const std::string& directory, const std::string& url);

}  // namespace tidegate::git
