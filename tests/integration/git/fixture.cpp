#include "tests/integration/git/fixture.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

namespace tidegate::git {
namespace fs = std::filesystem;

GitTest::GitTest() {
    auto name = (fs::temp_directory_path() / "tidegate-git-test-XXXXXX").string();
    root_ = ::mkdtemp(name.data());
    ::setenv("HOME", root_.c_str(), 1);
    ::setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
    for (const char* variable : {"GIT_SSL_CAINFO", "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"})
        ::unsetenv(variable);
    write("../.gitconfig",
          "[user]\nname = Ann\nemail = ann@example.com\n"
          "[init]\ndefaultBranch = main\n[commit]\ngpgsign = false\n");
    shell(
        "git init -q --bare remote.git && git init -q work && cd work && "
        "git remote add origin ../remote.git");
}

GitTest::~GitTest() { fs::remove_all(root_); }

std::string GitTest::shell(const std::string& command) const {
    const auto whole = "cd " + root_ + " && { " + command + "; } 2>&1";
    FILE* pipe = ::popen(whole.c_str(), "r");
    std::string output;
    std::array<char, 4096> buffer{};
    while (const auto got = std::fread(buffer.data(), 1, buffer.size(), pipe))
        output.append(buffer.data(), got);
    EXPECT_EQ(::pclose(pipe), 0) << command << "\n" << output;
    while (output.ends_with('\n')) output.pop_back();
    return output;
}

std::string GitTest::git(const std::string& arguments) const {
    return shell("git -C work " + arguments);
}

void GitTest::write(const std::string& name, const std::string& content) const {
    const fs::path file = path("work/") + name;
    fs::create_directories(file.parent_path());
    std::ofstream{file, std::ios::binary} << content;
}

std::string GitTest::commit(const std::string& name, const std::string& content,
                            const std::string& message) const {
    write(name, content);
    git("add -A");
    git("commit -q -m '" + message + "'");
    return git("rev-parse HEAD");
}

void GitTest::hook(const std::string& name, const std::string& body) const {
    const auto file = path("remote.git/hooks/" + name);
    std::ofstream{file} << "#!/bin/sh\n" << body << "\n";
    fs::permissions(file, fs::perms::owner_all);
}

std::string GitTest::remote_tip(const std::string& ref) const {
    return shell("git -C remote.git rev-parse --verify -q " + ref + " || true");
}

std::string GitTest::damage() const {
    return shell("git -C data fsck --no-dangling 2>&1 | grep -v '^notice:' || true");
}

Remote GitTest::remote() const {
    Remote remote;
    remote.url = "file://" + path("remote.git");
    return remote;
}

Repository GitTest::open() const { return good(Repository::open_or_init(path("data"))); }

GitProcessOptions GitTest::process_options() const {
    GitProcessOptions options;
    options.arguments = {"--git-child"};
    options.directory = path("data");
    options.home = path("home");
#ifdef __SANITIZE_ADDRESS__
    options.memory_bytes_max = 0;
#endif
    return options;
}

bool eventually(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
    return true;
}

int run_daemon_until_killed(const std::string& directory, const std::string& url) {
    GitProcessOptions options;
    options.arguments = {"--git-child"};
    options.directory = directory;
    options.home = directory + "-home";
    options.memory_bytes_max = 0;
    GitProcess process{options};
    Remote remote;
    remote.url = url;
    for (;;) static_cast<void>(process.fetch(remote, "main"));
}

}  // namespace tidegate::git
