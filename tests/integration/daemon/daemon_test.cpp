/// A whole daemon in this process, with a disk that can be full or hang. Agents are for the e2e
/// tests.

#include "reconciler/daemon/daemon.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <asio/ip/tcp.hpp>
#include <asio/local/stream_protocol.hpp>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <iterator>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "reconciler/store/sqlite_store.h"
#include "tests/integration/temp_dir.h"

namespace {
std::atomic<bool> disk_full = false;
std::atomic<const std::string*> no_room_for = nullptr;  ///< only for writes with this text
std::atomic<bool> disk_hangs = false;
std::mutex bound_mutex;
std::vector<int> bound;  ///< families of the sockets bound so far

bool has_no_room(std::string_view bytes) {
    const auto* text = no_room_for.load();
    return disk_full || (text && bytes.find(*text) != std::string_view::npos);
}
int sync(long call, int descriptor) {
    disk_hangs.wait(true);
    return static_cast<int>(syscall(call, descriptor));
}
}  // namespace

// These stand before the C library's, for SQLite's shared library too.
extern "C" ssize_t pwrite64(int descriptor, const void* bytes, size_t count, off64_t offset) {
    if (!has_no_room({static_cast<const char*>(bytes), count}))
        return syscall(SYS_pwrite64, descriptor, bytes, count, offset);
    errno = ENOSPC;
    return -1;
}
extern "C" int fsync(int descriptor) { return sync(SYS_fsync, descriptor); }
extern "C" int fdatasync(int descriptor) { return sync(SYS_fdatasync, descriptor); }
extern "C" int bind(int descriptor, const sockaddr* address, socklen_t size) noexcept {
    const std::lock_guard lock{bound_mutex};
    bound.push_back(address->sa_family);
    return static_cast<int>(syscall(SYS_bind, descriptor, address, size));
}

namespace tidegate::daemon {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;
using Clock = std::chrono::steady_clock;

/// Far above what an end takes, far below the deadline of a Git call.
constexpr std::chrono::seconds kSoon{20};

template <class Condition>
bool eventually(const Condition& condition) {
    const auto deadline = Clock::now() + std::chrono::seconds{30};
    while (!condition() && Clock::now() < deadline)
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
    return condition();
}

class DaemonTest : public testing::Test {
protected:
    ~DaemonTest() override {
        disk_full = false;
        no_room_for = nullptr;
        hang(false);
        if (loop_.joinable()) end();
    }

    void start(const std::string& repo = "/nowhere/config.git") {
        DaemonOptions options;
        options.repo = repo;
        options.data_dir = dir_.path() / "data";
        options.listen_agents = options.listen_http = "127.0.0.1:0";
        options.poll_interval = Seconds{1};
        auto data = DataDir::open(options.data_dir);
        ASSERT_TRUE(data) << data.error().text();
        data_.emplace(*std::move(data));
        auto daemon = Daemon::start(io_, options, *data_);
        ASSERT_TRUE(daemon) << daemon.error().text();
        daemon_ = *std::move(daemon);
        loop_ = std::thread{[this] { io_.run(); }};
    }
    /// As SIGTERM does. Returns the exit code.
    int end() {
        asio::post(io_, [this] { daemon_->stop(); });
        loop_.join();
        const int code = daemon_->exit_code();
        daemon_.reset();
        return code;
    }

    static void hang(bool hangs) {
        disk_hangs = hangs;
        disk_hangs.notify_all();
    }

    [[nodiscard]] std::filesystem::path work() const { return dir_.path() / "work"; }
    void git(const std::string& arguments) const {
        const auto command = "git -C '" + work().string() +
                             "' -c user.name=t -c user.email=t@example.com " + arguments;
        ASSERT_EQ(std::system(command.c_str()), 0) << command;  // NOLINT(concurrency-mt-unsafe)
    }
    [[nodiscard]] bool shows(const std::string& path, std::string_view text) const {
        return get(path).find(text) != std::string::npos;
    }

    [[nodiscard]] std::string get(const std::string& path) const {
        const auto address = line_of(data_->root() / "run" / "http.addr");
        const auto colon = address.rfind(':');
        asio::ip::tcp::iostream link{address.substr(0, colon), address.substr(colon + 1)};
        link << "GET " << path << " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
             << std::flush;
        return {std::istreambuf_iterator<char>{link}, {}};
    }
    static std::string line_of(const std::filesystem::path& file) {
        auto text = test::read_text(file);
        text.erase(text.find_last_not_of('\n') + 1);
        return text;
    }

    using Admin = asio::local::stream_protocol::iostream;
    [[nodiscard]] Admin say(const std::string& line) const {
        Admin link{asio::local::stream_protocol::endpoint{data_->admin_socket().string()}};
        link << line << '\n' << std::flush;
        return link;
    }
    static json answer_of(Admin& link) {
        std::string line;
        std::getline(link, line);
        return json::parse(line, nullptr, false);
    }
    [[nodiscard]] json ask(const std::string& line) const {
        auto link = say(line);
        return answer_of(link);
    }
    [[nodiscard]] json ask(const char* verb, const json& arguments) const {
        return ask(json{{"verb", verb}, {"args", arguments}}.dump());
    }

    test::TempDir dir_;
    asio::io_context io_;
    std::optional<DataDir> data_;
    std::unique_ptr<Daemon> daemon_;
    std::thread loop_;
};

TEST_F(DaemonTest, AdminVerbsRefuseWhatTheyCannotRead) {
    start();
    const std::string endless(2'000, 'x');
    const std::vector<std::pair<const char*, json>> refused{
        {"accept", {{"commit", 1}, {"reason", "x"}}},
        {"accept", {{"commit", {"a"}}, {"reason", "x"}}},
        {"accept", {{"commit", endless}, {"reason", "x"}}},
        {"accept", {{"commit", "abc"}, {"reason", nullptr}}},
        {"accept", {{"commit", "abc"}, {"reason", "x"}, {"actor", 7}}},
        {"accept", json::array()},
        {"accept", nullptr},
        {"revoke", {{"agent", endless}}},
        {"revoke", {{"agent", 1}}},
        {"revoke", {{"agent", "../x"}}},
        {"revoke", {{"agent", "web-1"}, {"reason", json::array()}}},
        {"revoke", {{"agent", "web-1"}, {"force", true}, {"reason", ""}}},
        {"revoke", {{"agent", "web-1"}, {"force", true}, {"reason", " \n"}}},
        {"revoke", {{"agent", "web-1"}, {"force", true}}},
        {"accept", {{"commit", "abc"}, {"reason", "\n"}}},
        {"revoke", {{"agent", "web-1"}, {"force", "yes"}}},
        {"revoke", "web-1"},
        {"revoke", json::object()},
        {"enroll", {{"agent", json::object()}}},
        {"enroll", {{"agent", endless}}},
        {"enroll", {{"agent", "web-1"}, {"ttl", "1h"}}},
        {"enroll", {{"agent", "web-1"}, {"ttl", 1e300}}},
        {"enroll", {{"agent", "web-1"}, {"ttl", -1}}},
        {"enroll", {{"agent", "web-1"}, {"replace", 1}}},
        {"enroll", {{"agent", "web-1"}, {"actor", json::array()}}},
        {"enroll", 5}};
    for (const auto& [verb, arguments] : refused) {
        const auto seen = ask(verb, arguments);
        EXPECT_EQ(seen.value("ok", true), false) << verb << ' ' << arguments;
        EXPECT_EQ(seen.value("code", ""), "invalid") << verb << ' ' << arguments << ' ' << seen;
    }
    for (const auto* line : {"", "{", "[]", "5", R"({"verb":5})", R"({"verb":[]})"})
        EXPECT_EQ(ask(line).value("code", ""), "invalid") << line;
    for (const auto* verb : {"agents", "audit", "info"})
        EXPECT_EQ(ask(verb, json::array({1})).value("ok", false), true) << verb;
    EXPECT_EQ(ask("info", {})["result"]["certificate_ttl"], 7 * 24 * 3600);
    EXPECT_EQ(end(), 0);
}

TEST_F(DaemonTest, ANameThatNobodyKnowsIsRevokedOnlyByForce) {
    start();
    const auto typo = ask("revoke", {{"agent", "web-1"}, {"reason", "gone"}});
    EXPECT_EQ(typo.value("code", ""), "not_found") << typo;
    EXPECT_EQ(ask("agents", {})["result"]["items"].size(), 0u);
    EXPECT_TRUE(ask("enroll", {{"agent", "web-2"}})["ok"]);
    EXPECT_TRUE(ask("revoke", {{"agent", "web-2"}, {"reason", "a token may be voided"}})["ok"]);
    EXPECT_TRUE(ask("revoke", {{"agent", "web-1"}, {"reason", "gone"}, {"force", true}})["ok"]);
    EXPECT_EQ(ask("agents", {})["result"]["items"].size(), 2u);
}

TEST_F(DaemonTest, AReasonIsOneLine) {
    start();
    EXPECT_EQ(ask("info", {})["result"]["tip"], "") << "none was read";
    const auto why = "gone\nweb-2 is fine\n";
    EXPECT_TRUE(ask("revoke", {{"agent", "web-1"}, {"reason", why}, {"force", true}})["ok"]);
    EXPECT_EQ(ask("agents", {})["result"]["items"][0]["revoke_reason"], "gone web-2 is fine");
}

TEST_F(DaemonTest, TheAuditLogSaysWhoAskedByTheSocketNotByTheWord) {
    start();
    const std::pair<const char*, json> asked[] = {
        {"enroll", {{"agent", "web-1"}, {"actor", "mallory"}}},
        {"revoke", {{"agent", "web-1"}, {"reason", "gone"}, {"actor", "mallory"}}},
        {"accept", {{"commit", std::string(40, 'a')}, {"reason", "x"}, {"actor", "mallory"}}}};
    for (const auto& [verb, arguments] : asked) (void)ask(verb, arguments);
    EXPECT_EQ(end(), 0);
    const auto store = open_sqlite_store((data_->root() / "store.sqlite").string());
    ASSERT_TRUE(store) << store.error().text();
    const auto* user = ::getpwuid(::geteuid());
    const auto who = (user == nullptr ? fmt::format("uid {}", ::geteuid()) : user->pw_name) +
                     std::string{" (says mallory)"};
    const auto rows = (*store)->audit(1, 100);
    ASSERT_TRUE(rows);
    EXPECT_THAT(std::ranges::count(*rows, who, [](const auto& row) { return row.entry.actor; }),
                testing::Ge(static_cast<std::ptrdiff_t>(std::size(asked))));
    for (const auto& row : *rows) EXPECT_NE(row.entry.actor, "mallory") << row.entry.kind;
}

TEST_F(DaemonTest, ACommitThatTakesAssignmentsOutOfGitIsInTheLog) {
    const auto head = "apiVersion: tidegate/v1\nkind: ";
    std::filesystem::create_directories(work() / "versions/prod");
    std::filesystem::create_directory(work() / "projects");
    std::filesystem::create_directory(work() / "environments");
    test::write_text(work() / "projects/a.yaml",
                     std::string{head} +
                         "Project\nname: a\ndeploy: {type: script, config: "
                         "{install_script: x}}\n");
    test::write_text(work() / "environments/prod.yaml",
                     std::string{head} + "Environment\nname: prod\ntargets: [{name: t}]\n");
    test::write_text(work() / "versions/prod/a.yaml", std::string{head} + "Version\nversion: 1\n");
    git("init --quiet --initial-branch=main");
    git("add .");
    git("commit --quiet --message first");
    testing::internal::CaptureStdout();
    start(work().string());
    EXPECT_TRUE(eventually([&] { return shows("/api/release/assignments", "\"a\""); }));
    git("rm --quiet versions/prod/a.yaml");
    git("commit --quiet --message second");
    git("commit --quiet --allow-empty --message third");
    const auto tip = line_of(work() / ".git/refs/heads/main");
    EXPECT_TRUE(eventually([&] { return shows("/api/release/config", tip); }));
    EXPECT_EQ(end(), 0);
    EXPECT_THAT(testing::internal::GetCapturedStdout(), HasSubstr(": 1 assignment leaves Git"));
}

TEST_F(DaemonTest, AFullDiskIsToldAndWaitedOut) {
    start();
    disk_full = true;
    auto waiting = say(R"({"verb":"enroll","args":{"agent":"web-1"}})");
    ASSERT_TRUE(eventually([&] { return get("/readyz").find("no writes") != std::string::npos; }));
    EXPECT_THAT(get("/readyz"), HasSubstr("HTTP/1.1 503"));
    EXPECT_THAT(get("/metrics"), HasSubstr("\ntidegate_store_blocked 1\n"));
    disk_full = false;
    EXPECT_TRUE(answer_of(waiting)["ok"]);
    ASSERT_TRUE(eventually([&] { return get("/readyz").find("no writes") == std::string::npos; }));
    const auto metrics = get("/metrics");
    EXPECT_THAT(metrics, HasSubstr("\ntidegate_store_blocked 0\n"));
    EXPECT_THAT(metrics, Not(HasSubstr("\ntidegate_store_commits_total 0\n")));
    EXPECT_THAT(metrics, Not(HasSubstr("\ntidegate_store_seconds_total 0\n")));
    EXPECT_EQ(end(), 0);
}

TEST_F(DaemonTest, AFullDiskDoesNotKeepItFromEnding) {
    start();
    disk_full = true;
    auto waiting = say(R"({"verb":"enroll","args":{"agent":"web-1"}})");
    ASSERT_TRUE(eventually([&] { return get("/readyz").find("no writes") != std::string::npos; }));
    const auto begin = Clock::now();
    EXPECT_EQ(end(), 1);
    EXPECT_LT(Clock::now() - begin, kSoon);
}

TEST_F(DaemonTest, AHangingDiskIsToldAndWaitedOut) {
    start();
    hang(true);
    auto waiting = say(R"({"verb":"enroll","args":{"agent":"web-1"}})");
    ASSERT_TRUE(eventually([&] { return shows("/readyz", "no answer to a write"); }));
    EXPECT_TRUE(shows("/metrics", "\ntidegate_store_blocked 1\n"));
    hang(false);
    EXPECT_TRUE(answer_of(waiting)["ok"]);
    ASSERT_TRUE(eventually([&] { return shows("/metrics", "\ntidegate_store_blocked 0\n"); }));
    EXPECT_EQ(end(), 0);
}

TEST_F(DaemonTest, AHangingDiskDoesNotKeepItFromEnding) {
    const auto serve = [&] {
        start();
        hang(true);
        const auto waiting = say(R"({"verb":"enroll","args":{"agent":"web-1"}})");
        std::thread{[] {
            std::this_thread::sleep_for(kSoon);
            ::_exit(2);
        }}.detach();
        std::exit(end());  // NOLINT(concurrency-mt-unsafe)
    };
    EXPECT_EXIT(serve(), testing::ExitedWithCode(1), "");
}

TEST_F(DaemonTest, AcceptIsAnsweredOnceItIsDurable) {
    std::filesystem::create_directory(work());
    git("init --quiet --initial-branch=main");
    git("commit --quiet --allow-empty --message first");
    start(work().string());
    ASSERT_TRUE(eventually([&] { return shows("/readyz", "200 OK"); }));
    git("commit --quiet --allow-empty --amend --message other");
    const auto tip = line_of(work() / ".git/refs/heads/main");
    ASSERT_TRUE(eventually([&] { return shows("/api/release/config", "held"); }));

    const auto accepted_row = R"("commit":")" + tip + '"';
    no_room_for = &accepted_row;
    auto asked = say(json{{"verb", "accept"}, {"args", {{"commit", tip}, {"reason", "x"}}}}.dump());
    ASSERT_TRUE(eventually([&] { return shows("/readyz", "no writes"); }));
    EXPECT_EQ(asked.socket().available(), 0U);
    no_room_for = nullptr;
    EXPECT_TRUE(answer_of(asked)["ok"]);
    EXPECT_EQ(end(), 0);
}

TEST_F(DaemonTest, HealthIsAskedForWhereEverythingIsBound) {
    bound.clear();
    start();
    EXPECT_THAT(bound, testing::ElementsAre(AF_INET, AF_UNIX, AF_INET)) << "agents, admin, HTTP";
}

TEST_F(DaemonTest, ARemoteThatNeverAnswersDoesNotKeepItFromEnding) {
    asio::io_context io;
    asio::ip::tcp::acceptor silent{io, {asio::ip::address_v4::loopback(), 0}};
    start(fmt::format("http://127.0.0.1:{}/x.git", silent.local_endpoint().port()));
    const auto connected = silent.accept();
    const auto begin = Clock::now();
    EXPECT_EQ(end(), 0);
    EXPECT_LT(Clock::now() - begin, kSoon);
}

}  // namespace
}  // namespace tidegate::daemon

int main(int argc, char** argv) {
    if (argc == 2 && std::string_view{argv[1]} == "--git-child")
        return tidegate::git::run_git_child(0, 1);
    testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
