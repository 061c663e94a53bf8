#include <arpa/inet.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include "reconciler/git/channel.h"
#include "reconciler/git/confine.h"
#include "schema/base/limits.h"
#include "schema/files/file_descriptor.h"
#include "tests/integration/git/fixture.h"

namespace tidegate::git {
namespace {

bool is_alive(int pid) {
    std::string word;
    std::ifstream status{"/proc/" + std::to_string(pid) + "/stat"};
    for (int i = 0; i < 3; ++i) status >> word;
    return !word.empty() && word != "Z";
}

/// Listens, and never says a word.
class SilentServer {
public:
    SilentServer() : fd_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* any = reinterpret_cast<sockaddr*>(&address);
        ::bind(fd_, any, size);
        ::listen(fd_, 8);
        ::getsockname(fd_, any, &size);
        port_ = ntohs(address.sin_port);
    }
    SilentServer(const SilentServer&) = delete;
    SilentServer& operator=(const SilentServer&) = delete;
    ~SilentServer() { ::close(fd_); }
    /// True once somebody has connected.
    [[nodiscard]] bool has_client() const {
        pollfd wanted{fd_, POLLIN, 0};
        return ::poll(&wanted, 1, 10'000) == 1;
    }
    [[nodiscard]] std::string url() const {
        return "http://127.0.0.1:" + std::to_string(port_) + "/x.git";
    }

private:
    int fd_;
    int port_ = 0;
};

class ChildTest : public GitTest {
protected:
    [[nodiscard]] GitProcess start(std::chrono::milliseconds deadline = std::chrono::minutes{
                                       1}) const {
        auto options = process_options();
        options.deadline = deadline;
        return GitProcess{options};
    }
    /// A busy machine may need more than one short deadline.
    template <class Call>
    static auto sooner_or_later(const Call& call) {
        auto result = call();
        const auto is_late = [&] { return !result && result.error().code == ErrorCode::timeout; };
        static_cast<void>(eventually([&] {
            if (is_late()) result = call();
            return !is_late();
        }));
        return good(std::move(result));
    }
};

TEST_F(ChildTest, DoesEverythingThatTheRepositoryDoes) {
    const std::string bytes{"\0\xff binary\n", 10};
    write("binary", bytes);
    const auto first = commit("a.yaml", "one");
    const auto second = commit("a.yaml", "two");
    git("push -q origin main");
    auto process = start();
    EXPECT_EQ(good(process.fetch(remote(), "main")).tip, second);
    auto direct = good(Repository::open_existing(path("data")));
    EXPECT_EQ(good(process.resolve(second.substr(0, 10))), second);
    EXPECT_TRUE(good(process.is_ancestor(first, second)));
    EXPECT_EQ(good(process.line("", second)), good(direct.line("", second)));
    EXPECT_EQ(good(process.tree(second, {})), good(direct.tree(second)));
    EXPECT_EQ(good(process.changes(first, second, {})), good(direct.changes(first, second)));
    const auto blob = git("rev-parse HEAD:binary");
    EXPECT_EQ(good(process.blobs({blob})).at(0), (Blob{blob, 10, false, bytes}));
    const auto id = good(process.create_commit(
        {second, {{"a.yaml", "three"}, {"binary", std::nullopt}}, "m", {"T", "t@localhost"}, {}}));
    good(process.push(remote(), {id, "refs/heads/main", second}));
    EXPECT_EQ(remote_tip(), id);
    good(process.keep(id));
    EXPECT_EQ(code_of(process.tree("nonsense", {})), ErrorCode::invalid);
    EXPECT_EQ(code_of(process.line(std::string(40, 'c'), id)), ErrorCode::not_found);
}

TEST_F(ChildTest, EndsAtItsDeadlineAndComesBack) {
    const auto tip = commit("a.yaml", "one");
    git("push -q origin main");
    const SilentServer server;
    Remote silent;
    silent.url = server.url();
    auto process = start(std::chrono::milliseconds{300});
    EXPECT_EQ(code_of(process.fetch(silent, "main")), ErrorCode::timeout);
    EXPECT_FALSE(process.pid().has_value());
    EXPECT_EQ(sooner_or_later([&] { return process.fetch(remote(), "main"); }).tip, tip);
}

/// A `git` that hands its output on in small pieces.
TEST_F(ChildTest, ALinkThatMovesHasTheTimeThatItNeeds) {
    shell("head -c 400000 /dev/urandom > work/noise");
    const auto tip = commit("a.yaml", "one");
    git("push -q origin main");
    std::filesystem::create_directories(path("bin"));
    std::ofstream{path("bin/git")}
        << "#!/bin/sh\nPATH=/usr/bin:/bin\ngit \"$@\" | python3 -c '\nimport os, time\n"
           "while (part := os.read(0, 8192)):\n    os.write(1, part)\n    time.sleep(0.1)\n'\n";
    std::filesystem::permissions(path("bin/git"), std::filesystem::perms::owner_all);
    const std::string before = std::getenv("PATH");
    ::setenv("PATH", (path("bin") + ":" + before).c_str(), 1);
    auto options = process_options();
    options.deadline = std::chrono::seconds{2};
    GitProcess patient{options};
    const auto fetched = patient.fetch(remote(), "main");
    options.directory = path("data2");
    options.longest = options.deadline;
    GitProcess hurried{options};
    const auto ended = hurried.fetch(remote(), "main");
    options.directory = path("data3");
    options.longest = std::chrono::hours{1};
    options.slowest_bytes_per_second = 1 << 20;  // it moves, and too slowly
    GitProcess strict{options};
    const auto too_slow = strict.fetch(remote(), "main");
    ::setenv("PATH", before.c_str(), 1);
    EXPECT_EQ(good(fetched).tip, tip);
    EXPECT_EQ(code_of(too_slow), ErrorCode::timeout);
    EXPECT_EQ(code_of(ended), ErrorCode::timeout);
}

TEST_F(ChildTest, TakesAHangingHookWithIt) {
    const auto tip = commit("a.yaml", "one");
    git("push -q origin main");
    hook("pre-receive", "echo $$ > ../hook.pid; exec sleep 1000");
    auto process = start(std::chrono::seconds{1});
    sooner_or_later([&] { return process.fetch(remote(), "main"); });
    const NewCommit two{tip, {{"a.yaml", "two"}}, "m", {"T", "t@x"}, {}};
    const auto id = sooner_or_later([&] { return process.create_commit(two); });
    const PushRequest request{id, "refs/heads/main", tip};
    EXPECT_EQ(code_of(process.push(remote(), request)), ErrorCode::timeout);
    int hook_pid = 0;
    ASSERT_TRUE(std::ifstream{path("hook.pid")} >> hook_pid);
    EXPECT_TRUE(eventually([&] { return !is_alive(hook_pid); }));
    EXPECT_EQ(remote_tip(), tip);
    std::filesystem::remove(path("remote.git/hooks/pre-receive"));
    EXPECT_TRUE(eventually([&] { return process.push(remote(), request).has_value(); }));
    EXPECT_EQ(remote_tip(), id);
}

/// Where a repository says that more of its objects are elsewhere, Git goes and reads there.
TEST_F(ChildTest, ReachesNothingBesideItsRepositoryUnlessTheRemoteIsLocal) {
    const auto secret = commit("a.yaml", "one");
    git("push -q origin main");
    shell("git init -q --bare data && echo $PWD/work/.git/objects > data/objects/info/alternates");
    auto process = start();
    const bool walled = !process.resolve(secret).has_value();
    EXPECT_NE(walled, !process.unconfined().empty()) << process.unconfined();
    EXPECT_EQ(good(process.fetch(remote(), "main")).tip, secret) << "hooks run here: no wall";
    EXPECT_EQ(good(process.resolve(secret)), secret);
    const SilentServer server;
    Remote elsewhere;
    elsewhere.url = server.url();
    auto hasty = start(std::chrono::milliseconds{300});
    EXPECT_EQ(code_of(hasty.fetch(elsewhere, "main")), ErrorCode::timeout);
}

TEST_F(ChildTest, BehindItsWallAreItsFoldersAndTheCredentialsOfTheRemote) {
    shell(
        "mkdir -p data/git data/home data/pki etc && for f in data/git/HEAD data/home/x "
        "data/pki/ca.key data/store.sqlite etc/id etc/known_hosts etc/ca.pem etc/other; "
        "do echo x > $f; done");
    Hello hello;
    hello.directory = path("data/git");
    hello.home = path("data/home");
    hello.credentials = {path("etc/id"), path("etc/known_hosts"), path("etc/ca.pem"), ""};
    const auto child = ::fork();
    if (child == 0) {
        if (!confine_child(hello)) ::_exit(2);
        const auto can_read = [&](const char* file) {
            return ::access(path(file).c_str(), F_OK) == 0 &&
                   std::ifstream{path(file)}.get() == 'x';
        };
        const bool inside = can_read("data/git/HEAD") && can_read("data/home/x") &&
                            can_read("etc/id") && can_read("etc/known_hosts") &&
                            can_read("etc/ca.pem");
        const bool outside =
            can_read("data/pki/ca.key") || can_read("data/store.sqlite") || can_read("etc/other");
        ::_exit(inside && !outside ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 2) GTEST_SKIP() << "no Landlock here";
    EXPECT_EQ(status, 0);
}

TEST_F(ChildTest, OfAMergeOfAnyNumberOfAuthorsSoManyAreNamed) {
    const auto root = commit("a.yaml", "one");
    shell(
        "cd work && { x=$(printf '%0230d' 0); for i in $(seq 18000); do printf "
        "'commit refs/heads/many\nauthor a%d-%s <%s> %d +0000\ncommitter c%d-%s <%s> %d +0000\n"
        "data 1\nx' $i $x $x $i $i $x $x $i; [ $i = 1 ] && printf '\nfrom refs/heads/main^0'; "
        "printf '\n\n'; done; } | git fast-import --quiet && git merge -q -s ours -m all many");
    git("push -q origin main");
    auto process = start();
    const auto tip = good(process.fetch(remote(), "main")).tip;
    const auto line = good(process.line(root, tip));
    ASSERT_EQ(line.size(), 1u);
    EXPECT_EQ(line[0].authors.size(), limits::kAuthorsMax);
    EXPECT_TRUE(std::ranges::binary_search(line[0].authors, "Ann <ann@example.com>"));
    EXPECT_TRUE(std::ranges::binary_search(line[0].authors, limits::kMoreAuthors));
}

TEST(Channel, GoesOnAfterWhatIsTooLongForAMessage) {
    int ends[2] = {-1, -1};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    const FileDescriptor one{ends[0]}, other{ends[1]};
    Channel sender{one.get(), one.get()}, receiver{other.get(), other.get()};
    good(sender.send("first"));
    EXPECT_EQ(code_of(sender.send(std::string(limits::kGitFrameBytesMax, 'x'))),
              ErrorCode::exhausted);
    good(sender.send("second"));
    good(sender.flush());
    EXPECT_EQ(good(receiver.receive()), "first");
    EXPECT_EQ(good(receiver.receive()), "second");
}

#ifndef __SANITIZE_ADDRESS__
TEST_F(ChildTest, WhatDoesNotFitIntoItsMemoryIsAnAnswer) {
    write("large", std::string(1 << 20, 'x'));
    const auto tip = commit("a.yaml", "one");
    git("push -q origin main");
    auto options = process_options();
    options.memory_bytes_max = 256 << 20;
    GitProcess process{options};
    good(process.fetch(remote(), "main"));
    const auto child = process.pid();
    const std::vector<std::string> ids(240, git("rev-parse HEAD:large"));
    const auto blobs = process.blobs(ids);
    EXPECT_EQ(code_of(blobs), ErrorCode::exhausted) << blobs.error().text();
    EXPECT_EQ(good(process.resolve(tip)), tip);
    EXPECT_EQ(process.pid(), child) << "it goes on";
}
#endif

/// Each file's path has the names of all folders that it is in.
TEST_F(ChildTest, LongPathsAreBoundedInAll) {
    commit("a.yaml", "one");
    git("push -q origin main");
    auto process = start();
    good(process.fetch(remote(), "main"));
    const auto bomb = shell(
        "cd data && n=$(printf '%060000d' 0) && b=$(echo x | git hash-object -w --stdin) && "
        "t=$(for i in $(seq 500); do printf '100644 blob %s\t%s\n' $b $i; done | git mktree) && "
        "for i in $(seq 60); do t=$(printf '040000 tree %s\t%s\n' $t $n | git mktree); done && "
        "git -c user.name=t -c user.email=t@x commit-tree -m bomb $t");
    const auto entries = process.tree(bomb, {});
    EXPECT_EQ(code_of(entries), ErrorCode::exhausted);
    EXPECT_NE(entries.error().message.find("paths"), std::string::npos) << entries.error().text();
}

TEST_F(ChildTest, IsStartedAgainAfterACrash) {
    const auto tip = commit("a.yaml", "one");
    git("push -q origin main");
    auto process = start();
    good(process.fetch(remote(), "main"));
    ::kill(process.pid().value(), SIGKILL);
    const auto crashed = process.resolve(tip);
    ASSERT_EQ(code_of(crashed), ErrorCode::unavailable);
    EXPECT_NE(crashed.error().message.find("Killed"), std::string::npos) << crashed.error().text();
    EXPECT_EQ(good(process.resolve(tip)), tip);
}

TEST_F(ChildTest, CanBeEndedForGoodFromAnotherThread) {
    const SilentServer server;
    Remote silent;
    silent.url = server.url();
    const auto options = process_options();
    GitProcess process{options};
    std::thread other{[&] {
        EXPECT_TRUE(server.has_client());
        options.canceller->cancel();
    }};
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(code_of(process.fetch(silent, "main")), ErrorCode::unavailable);
    other.join();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, options.deadline / 2);
    EXPECT_EQ(code_of(process.resolve("HEAD")), ErrorCode::unavailable);
    EXPECT_FALSE(process.pid().has_value());
}

struct BadChildCase {
    const char* name;
    const char* script;
    ErrorCode code;
};
class BadChildTest : public ChildTest, public testing::WithParamInterface<BadChildCase> {};
TEST_P(BadChildTest, IsEndedAndNotBelieved) {
    auto options = process_options();
    options.executable = "/bin/sh";
    options.arguments = {"-c", GetParam().script};
    if (GetParam().code == ErrorCode::timeout) options.deadline = std::chrono::milliseconds{500};
    GitProcess process{options};
    EXPECT_EQ(code_of(process.resolve("HEAD")), GetParam().code);
    EXPECT_FALSE(process.pid().has_value());
}
INSTANTIATE_TEST_SUITE_P(
    Scripts, BadChildTest,
    testing::Values(BadChildCase{"EndsAtOnce", "exit 3", ErrorCode::unavailable},
                    BadChildCase{"SaysNothing", "exec sleep 1000", ErrorCode::timeout},
                    BadChildCase{"StopsInTheMiddle", "printf '\\0\\0\\0\\011ab'; exec sleep 1000",
                                 ErrorCode::timeout},
                    BadChildCase{"SendsTooMuch", "printf '\\377\\377\\377\\377'; exec sleep 1000",
                                 ErrorCode::unavailable},
                    BadChildCase{"IsNoMessagePack", "printf '\\0\\0\\0\\01\\301'; exec sleep 1000",
                                 ErrorCode::unavailable},
                    BadChildCase{"NestsWithoutEnd",
                                 "printf '\\0\\017\\102\\100'; "
                                 "head -c 1000000 /dev/zero | tr '\\0' '\\221'; exec sleep 1000",
                                 ErrorCode::unavailable},
                    BadChildCase{"HasTheWrongShape", "printf '\\0\\0\\0\\01\\001'; exec sleep 1000",
                                 ErrorCode::unavailable},
                    BadChildCase{"SendsItemsUnasked",
                                 "printf '\\0\\0\\0\\07\\201\\244item\\1'; exec sleep 1000",
                                 ErrorCode::unavailable}),
    [](const auto& child) { return child.param.name; });

TEST_F(ChildTest, EveryCallToARemoteReadsThePasswordFile) {
    Remote elsewhere;
    elsewhere.url = "https://localhost:1/x.git";
    elsewhere.password_file = path("missing");
    auto process = start();
    const auto asked = process.has_branch(elsewhere, "main");
    EXPECT_EQ(code_of(asked), ErrorCode::not_found) << asked.error().text();
    EXPECT_EQ(code_of(process.fetch(elsewhere, "main")), ErrorCode::not_found);
    EXPECT_EQ(code_of(process.push(elsewhere, {})), ErrorCode::not_found);
}

TEST_F(ChildTest, SaysThatItsProgramIsMissing) {
    auto options = process_options();
    options.executable = path("missing");
    EXPECT_EQ(code_of(GitProcess{options}.resolve("HEAD")), ErrorCode::unavailable);
}

TEST_F(ChildTest, LivesInItsLimits) {
    auto options = process_options();
    GitProcess process{options};
    static_cast<void>(process.resolve("HEAD"));
    const auto pid = std::to_string(process.pid().value());
    const auto limits = shell("grep -E 'address space|core file|open files' /proc/" + pid +
                              "/limits | tr -s ' ' | sort");
    const auto bytes =
        options.memory_bytes_max ? std::to_string(options.memory_bytes_max) : "unlimited";
    EXPECT_EQ(limits, "Max address space " + bytes + " " + bytes +
                          " bytes \n"
                          "Max core file size 0 0 bytes \nMax open files 256 256 files ");
    EXPECT_EQ(shell("ls /proc/" + pid + "/fd"), "0\n1\n2") << "no descriptor may be inherited";
    EXPECT_EQ(shell("tr '\\0' '\\n' < /proc/" + pid + "/environ | grep HOME="),
              "HOME=" + path("home"));
}

TEST_F(ChildTest, DiesWithItsParent) {
    const auto self = std::filesystem::read_symlink("/proc/self/exe").string();
    const auto data = path("data");
    const SilentServer server;
    std::string arguments[] = {self, "--daemon", data, server.url()};
    char* list[] = {arguments[0].data(), arguments[1].data(), arguments[2].data(),
                    arguments[3].data(), nullptr};
    pid_t daemon = 0;
    ASSERT_EQ(::posix_spawn(&daemon, self.c_str(), nullptr, nullptr, list, environ), 0);
    ASSERT_TRUE(server.has_client()) << "a child that is not busy would end by itself";
    const int child = std::stoi(shell("pgrep -P " + std::to_string(daemon)));
    EXPECT_TRUE(is_alive(child));
    ::kill(daemon, SIGKILL);
    ::waitpid(daemon, nullptr, 0);
    EXPECT_TRUE(eventually([&] { return !is_alive(child); }));
}

}  // namespace
}  // namespace tidegate::git
