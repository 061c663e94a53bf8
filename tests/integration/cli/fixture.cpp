#include "tests/integration/cli/fixture.h"

#include <cstdlib>
#include <sstream>
#include <stdexcept>

#include "cli/commands.h"

namespace tidegate::cli {
namespace {

constexpr const char* kProject = R"(apiVersion: tidegate/v1
kind: Project
name: shop-api
deploy:
  type: script
  config: {install_script: "true"}
)";

constexpr const char* kEnvironment = R"(apiVersion: tidegate/v1
kind: Environment
name: prod
strategy: {type: rolling, config: {batch_size: 1, batch_interval: 60}}
targets:
  - {name: web-1}
  - {name: web-2}
)";

std::string shell(const std::string& command) {
    std::string text;
    FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
    char buffer[4096];
    while (std::fgets(buffer, sizeof buffer, pipe) != nullptr) text += buffer;
    if (::pclose(pipe) != 0) throw std::runtime_error(command + ": " + text);
    text.erase(text.find_last_not_of('\n') + 1);
    return text;
}

}  // namespace

Outcome tidegate(const std::vector<std::string>& line) {
    std::vector<const char*> argv{"tidegate"};
    for (const auto& word : line) argv.push_back(word.c_str());
    std::ostringstream out, err;
    const int code = run(static_cast<int>(argv.size()), argv.data(), out, err, false);
    return {code, out.str(), err.str()};
}

std::string version_text(const std::string& version) {
    return "# desired in prod\napiVersion: tidegate/v1\nkind: Version\nproject: shop-api\n"
           "environment: prod\nversion: " +
           version + "  # bumped by CI\n";
}

RepoTest::RepoTest() {
    ::setenv("GIT_AUTHOR_NAME", "Dana Operator", 1);
    ::setenv("GIT_AUTHOR_EMAIL", "dana@example.com", 1);
    ::setenv("GIT_COMMITTER_NAME", "Dana Operator", 1);
    ::setenv("GIT_COMMITTER_EMAIL", "dana@example.com", 1);
    shell("git init -q --bare -b main " + remote());
    shell("git init -q -b main " + work());
    git("remote add origin " + remote());
    write("projects/shop-api.yaml", kProject);
    write("environments/prod.yaml", kEnvironment);
    set_version("1.0.0", "first");
}

void RepoTest::write(const std::string& path, const std::string& text) const {
    const auto file = std::filesystem::path{work()} / path;
    std::filesystem::create_directories(file.parent_path());
    test::write_text(file, text);
}

std::string RepoTest::git(const std::string& arguments) const {
    return shell("git -C " + work() + ' ' + arguments);
}

std::string RepoTest::push(const std::string& message) const {
    git("add -A");
    git("commit -q -m '" + message + "'");
    git("push -q origin HEAD:main");
    return git("rev-parse HEAD");
}

std::string RepoTest::set_version(const std::string& version, const std::string& message) const {
    write(kVersionFile, version_text(version));
    return push(message);
}

void RepoTest::push_more_than_is_read() const {
    shell("cd " + work() +
          " && t=$(blob=$(echo x | git hash-object -w --stdin); for i in $(seq 63); do printf "
          "'100644 blob %s\t%s\n' $blob $i; done | git mktree) && for n in 1 2; do "
          "t=$(for i in $(seq 63); do printf '040000 tree %s\t%s\n' $t $i; done | git mktree);"
          " done && git read-tree --prefix=projects/deep/ $t && git commit -q -m much && "
          "git read-tree HEAD~1 && git commit -q -m back && git push -q origin HEAD:main");
}

void RepoTest::push_more_than_is_followed() const {
    shell("cd " + work() +
          " && { for i in $(seq 100001); do printf 'commit refs/heads/main\ncommitter t "
          "<t@example.com> %d +0000\ndata 1\nx' $i; [ $i = 1 ] && printf "
          "'\nfrom refs/heads/main^0'; printf '\n\n'; done; } | "
          "git fast-import --quiet --force && git push -q origin HEAD:main");
}

std::string RepoTest::remote_version_file() const {
    return shell("git --git-dir " + remote() + " show main:" + kVersionFile) + '\n';
}

std::string RepoTest::remote_log(const std::string& format) const {
    return shell("git --git-dir " + remote() + " log -1 --format='" + format + "' main");
}

}  // namespace tidegate::cli
