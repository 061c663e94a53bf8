#include "agent/routers/haproxy.h"

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <thread>

#include "agent/routers/runtime_socket.h"
#include "tests/integration/routers/unix_server.h"
#include "tests/integration/temp_dir.h"

namespace tidegate::agent {
namespace {

using tidegate::test::read_text;
using tidegate::test::TempDir;
using tidegate::test::write_text;

/// Answers every request with its name.
class Version {
public:
    explicit Version(const std::string& name) {
        server_.Get("/",
                    [name](const auto&, auto& answer) { answer.set_content(name, "text/plain"); });
        server_.set_keep_alive_max_count(1);
        port_ = server_.bind_to_any_port("127.0.0.1");
        thread_ = std::jthread{[this] { server_.listen_after_bind(); }};
    }
    ~Version() { server_.stop(); }
    int port() const { return port_; }

private:
    httplib::Server server_;
    int port_ = 0;
    std::jthread thread_;
};

/// The real one, before two versions of a service.
class HaproxyTest : public testing::Test {
protected:
    void SetUp() override {
        ASSERT_EQ(std::system("haproxy -v > /dev/null"), 0) << "script/bootstrap installs it";
    }
    ~HaproxyTest() override { stop(); }

    void start(const std::string& level = "admin", bool keeps = true) {
        write_text(dir_ / "cfg",
                   fmt::format("global\n  nbthread 1\n  stats socket {0}/sock mode 600 level {1}\n"
                               "  server-state-file {0}/state\n"
                               "defaults\n  mode http\n  timeout connect 5s\n  timeout client 20s\n"
                               "  timeout server 20s\n  {2}\n"
                               "frontend f\n  bind unix@{0}/front\n  default_backend shop\n"
                               "backend shop\n"
                               "  server web-1-blue 127.0.0.1:{3} weight 100\n"
                               "  server web-1-green 127.0.0.1:{4} weight 0\n"
                               "  server dead 127.0.0.1:1 weight 0 check inter 10ms\n"
                               "backend empty\n",
                               dir_.path().string(), level,
                               keeps ? "load-server-state-from-file global" : "", blue_.port(),
                               green_.port()));
        run();
    }
    void run() {
        pid_ = ::fork();
        if (pid_ == 0) {
            ::freopen((dir_ / "log").c_str(), "a", stderr);
            ::execlp("haproxy", "haproxy", "-W", "-db", "-S", (dir_ / "master").c_str(), "-f",
                     (dir_ / "cfg").c_str(), nullptr);
            ::_exit(127);
        }
        ASSERT_NE(await_worker(""), "") << read_text(dir_ / "log");
        ASSERT_TRUE(await_master()) << read_text(dir_ / "log");
    }
    void stop() {
        if (pid_ == 0) return;
        ::kill(pid_, SIGTERM);
        ::waitpid(pid_, nullptr, 0);
        pid_ = 0;
    }
    void reload() {
        const auto before = await_worker("");
        ::kill(pid_, SIGUSR2);
        ASSERT_NE(await_worker(before), "") << read_text(dir_ / "log");
    }
    /// It starts itself anew once its worker runs, and loses what it is told until then.
    bool await_master() const {
        const auto end = std::chrono::steady_clock::now() + test::kPatience;
        while (std::chrono::steady_clock::now() < end) {
            const auto master = test::unix_socket(dir_ / "master", false);
            char answer = 0;
            if (::send(master.get(), "show proc\n", 10, MSG_NOSIGNAL) == 10 &&
                ::recv(master.get(), &answer, 1, 0) == 1)
                return true;
            ::poll(nullptr, 0, 10);
        }
        return false;
    }
    /// The process that answers, once that is another.
    std::string await_worker(const std::string& before) const {
        const auto end = std::chrono::steady_clock::now() + test::kPatience;
        while (std::chrono::steady_clock::now() < end) {
            const auto info = ask_runtime(dir_ / "sock", "show info", test::kPatience).value_or("");
            const auto at = info.find("\nPid: ");
            const auto now =
                at == info.npos ? "" : info.substr(at + 6, info.find('\n', at + 6) - at);
            if (!now.empty() && now != before) return now;
            ::poll(nullptr, 0, 10);
        }
        return "";
    }

    RouterRules rules() const {
        return {{dir_ / "sock"}, {"shop", "empty", "nobody"}, {dir_ / "state"}};
    }
    Haproxy shop(const std::string& state_file = "state") const {
        auto opened = Haproxy::open(
            rules(), {dir_ / "sock", "shop", state_file.empty() ? "" : dir_ / state_file});
        return *std::move(opened);
    }
    HaproxyServer look(const std::string& server) const {
        const auto all = shop().look();
        for (const auto& each : all.value_or(std::vector<HaproxyServer>{}))
            if (each.name == server) return each;
        ADD_FAILURE() << server << (all ? "" : ": " + all.error().text());
        return {};
    }
    std::string order(const std::string& line) const {
        return ask_runtime(dir_ / "sock", line, test::kPatience).value_or("away");
    }

    /// Who answered; empty: nobody did.
    std::string request() const {
        const auto front = test::unix_socket(dir_ / "front", false);
        constexpr std::string_view kText = "GET / HTTP/1.0\r\n\r\n";
        if (::send(front.get(), kText.data(), kText.size(), MSG_NOSIGNAL) < 0) return "";
        std::string answer(4096, '\0');
        std::size_t size = 0;
        for (ssize_t got = 1; got > 0 && size < answer.size();
             size += static_cast<std::size_t>(got))
            if ((got = ::recv(front.get(), &answer[size], answer.size() - size, 0)) < 0) return "";
        answer.resize(size);
        return answer.find(" 200 ") == answer.npos ? "" : answer.substr(answer.rfind('\n') + 1);
    }
    std::map<std::string, int> count(int requests) const {
        std::map<std::string, int> answered;
        for (int i = 0; i < requests; ++i) ++answered[request()];
        return answered;
    }

    TempDir dir_;
    Version blue_{"blue"};
    Version green_{"green"};
    pid_t pid_ = 0;
};

using Answered = std::map<std::string, int>;

TEST_F(HaproxyTest, WeightsAreWhatTheTrafficDoes) {
    start();
    EXPECT_EQ(count(20), (Answered{{"blue", 20}}));
    for (const auto& [blue, green] : {std::pair{75, 25}, {0, 256}, {100, 0}}) {
        const auto set = shop().set_weights({{"web-1-blue", blue}, {"web-1-green", green}});
        ASSERT_TRUE(set) << set.error().text();
        EXPECT_EQ(look("web-1-blue").weight, blue);
        EXPECT_EQ(look("web-1-green").weight, green);
        EXPECT_EQ(look("dead").weight, 0) << "not named";
        auto answered = count(200);
        EXPECT_NEAR(answered["blue"], blue * 200 / (blue + green), 2);
        EXPECT_NEAR(answered["green"], green * 200 / (blue + green), 2);
    }
}

/// Requests without a pause, until it goes.
class Load {
public:
    explicit Load(std::function<std::string()> request) {
        for (int i = 0; i < 4; ++i)
            threads_.emplace_back([this, request](const std::stop_token& stop) {
                while (!stop.stop_requested()) ++(request().empty() ? failed : answered);
            });
    }
    std::atomic<int> answered{0}, failed{0};

private:
    std::vector<std::jthread> threads_;
};

TEST_F(HaproxyTest, NoRequestFailsWhileWeightsMove) {
    start();
    Load load{[this] { return request(); }};
    const auto router = shop();
    for (int round = 0; round < 20; ++round)
        for (const int green : {5, 25, 50, 100, 0}) {
            const auto before = load.answered.load();
            const auto set =
                router.set_weights({{"web-1-blue", 100 - green}, {"web-1-green", green}});
            ASSERT_TRUE(set) << set.error().text();
            while (load.answered < before + 4) std::this_thread::yield();
        }
    EXPECT_EQ(load.failed, 0);
}

TEST_F(HaproxyTest, AReloadAndARestartKeepThemByTheStateFile) {
    start();
    ASSERT_TRUE(shop().set_weights({{"web-1-blue", 10}, {"web-1-green", 30}}));
    reload();
    EXPECT_EQ(look("web-1-green").weight, 30);
    EXPECT_NEAR(count(40)["green"], 30, 2);
    stop();
    run();
    EXPECT_EQ(look("web-1-blue").weight, 10);
    EXPECT_EQ(look("web-1-green").weight, 30);
}

TEST_F(HaproxyTest, WithoutItTheyAreSetAgain) {
    start("admin", false);
    const Weights wanted{{"web-1-blue", 10}, {"web-1-green", 30}};
    ASSERT_TRUE(shop("").set_weights(wanted));
    EXPECT_FALSE(std::filesystem::exists(dir_ / "state"));
    reload();
    EXPECT_EQ(look("web-1-blue").weight, 100) << "a reload forgets";
    ASSERT_TRUE(shop("").set_weights(wanted));
    EXPECT_NEAR(count(40)["green"], 30, 2);
}

TEST_F(HaproxyTest, TheStateFileIsWrittenWhereItSaysSomethingElse) {
    start();
    const Weights wanted{{"web-1-blue", 50}, {"web-1-green", 50}};
    ASSERT_TRUE(shop().set_weights(wanted));
    struct stat first {
    }, again{};
    ASSERT_EQ(::stat((dir_ / "state").c_str(), &first), 0);
    ASSERT_TRUE(shop().set_weights(wanted));
    ASSERT_EQ(::stat((dir_ / "state").c_str(), &again), 0);
    EXPECT_EQ(first.st_ino, again.st_ino) << "nothing has changed";
    std::filesystem::remove(dir_ / "state");
    ASSERT_TRUE(shop().set_weights(wanted));
    EXPECT_TRUE(std::filesystem::exists(dir_ / "state"));
    std::filesystem::remove(dir_ / "state");
    std::filesystem::create_directory(dir_ / "state");
    const auto failed = shop().set_weights(wanted);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, ErrorCode::unavailable);
    std::filesystem::remove(dir_ / "state");
    EXPECT_TRUE(shop().set_weights(wanted)) << "it may be repeated";
}

TEST_F(HaproxyTest, WhatAPersonTookIntoMaintenanceStaysThere) {
    start();
    for (const auto* state : {"maint", "drain"}) {
        ASSERT_EQ(order(fmt::format("set server shop/web-1-green state {}", state)), "\n");
        const auto refused = shop().set_weights({{"web-1-blue", 0}, {"web-1-green", 100}});
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, ErrorCode::conflict);
        EXPECT_EQ(look("web-1-blue").weight, 100) << "before anything is changed";
        EXPECT_TRUE(look("web-1-green").maintenance);
    }
    ASSERT_EQ(order("set server shop/web-1-green state ready"), "\n");
    ASSERT_TRUE(shop().set_weights({{"web-1-blue", 50}, {"web-1-green", 50}}));
    ASSERT_EQ(order("set server shop/web-1-green state maint"), "\n");
    ASSERT_TRUE(shop().set_weights({{"web-1-blue", 90}, {"web-1-green", 10}}));
    EXPECT_TRUE(look("web-1-green").maintenance);
    EXPECT_FALSE(look("web-1-green").takes_traffic());
    EXPECT_EQ(count(20), (Answered{{"blue", 20}}));
    ASSERT_TRUE(shop().set_weights({{"web-1-blue", 100}, {"web-1-green", 0}}));
    EXPECT_TRUE(look("web-1-green").maintenance);
}

TEST_F(HaproxyTest, WhatIsDownGetsNoTraffic) {
    start();
    while (look("dead").up) ::poll(nullptr, 0, 1);
    const auto refused = shop().set_weights({{"web-1-blue", 0}, {"dead", 100}});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
    EXPECT_EQ(count(10), (Answered{{"blue", 10}}));
}

TEST_F(HaproxyTest, WhatIsNotThereIsSaid) {
    start();
    const auto server = shop().set_weights({{"web-1-blue", 0}, {"web-2-green", 1}});
    ASSERT_FALSE(server);
    EXPECT_EQ(server.error().code, ErrorCode::not_found);
    EXPECT_EQ(server.error().message,
              "haproxy at " + dir_ / "sock" + ": backend shop has no server web-2-green");
    EXPECT_EQ(look("web-1-blue").weight, 100);
    for (const auto& [name, words] : {std::pair{"nobody", ": backend nobody: Can't find backend."},
                                      {"empty", ": backend empty: it has no servers"}}) {
        const auto backend = Haproxy::open(rules(), {dir_ / "sock", name, ""})->look();
        ASSERT_FALSE(backend);
        EXPECT_EQ(backend.error().code, ErrorCode::not_found);
        EXPECT_EQ(backend.error().message, "haproxy at " + dir_ / "sock" + words);
    }
    stop();
    const auto away = shop().look();
    ASSERT_FALSE(away);
    EXPECT_EQ(away.error().code, ErrorCode::unavailable);
}

TEST_F(HaproxyTest, ASocketThatMayNotSetSaysSo) {
    start("operator");
    const auto refused = shop().set_weights({{"web-1-blue", 50}, {"web-1-green", 50}});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::denied);
    EXPECT_NE(refused.error().message.find("ermission"), std::string::npos)
        << refused.error().message;
}

TEST(HaproxyRulesTest, OnlyWhatAgentYamlListsIsReached) {
    const RouterRules rules{{"/run/a"}, {"shop"}, {"/var/state"}};
    EXPECT_TRUE(Haproxy::open(rules, {"/run/a", "shop", "/var/state"}));
    EXPECT_TRUE(Haproxy::open(rules, {"/run/a", "shop", ""}));
    for (const auto& backend :
         {HaproxyBackend{"/run/b", "shop", ""}, {"/run/a", "web", ""}, {"/run/a", "shop", "/x"}}) {
        const auto opened = Haproxy::open(rules, backend);
        ASSERT_FALSE(opened);
        EXPECT_EQ(opened.error().code, ErrorCode::denied);
    }
    EXPECT_FALSE(Haproxy::open({}, {"/run/a", "shop", ""})) << "nothing by default";
}

TEST(HaproxyNamesTest, HostileOnesDoNotReachTheSocket) {
    for (const auto* name : {"web-1-blue", "A.b:c_9"}) EXPECT_TRUE(is_haproxy_name(name)) << name;
    for (const auto* name : {"", "a b", "a;disable frontend f", "a\nshutdown", "a/b", "a<b", "ä"})
        EXPECT_FALSE(is_haproxy_name(name)) << name;
    EXPECT_FALSE(is_haproxy_name(std::string(129, 'a')));
    const TempDir dir;
    const test::UnixServer server{
        dir / "sock", [](const std::string&) {
            return "1\n# be_id be_name srv_id srv_name srv_uweight srv_admin_state srv_op_state\n"
                   "3 shop 1 blue 100 0 2\n3 shop 2 green 0 0 2\n\n";
        }};
    const RouterRules rules{{dir / "sock"}, {"shop", "a;b"}, {}};
    const auto named = Haproxy::open(rules, {dir / "sock", "a;b", ""});
    ASSERT_FALSE(named);
    EXPECT_EQ(named.error().code, ErrorCode::invalid);
    const auto shop = *Haproxy::open(rules, {dir / "sock", "shop", ""});
    for (const auto& wanted : {Weights{{"blue;x", 1}}, {{"blue", 257}}, {{"blue", -1}}}) {
        const auto set = shop.set_weights(wanted);
        ASSERT_FALSE(set);
        EXPECT_EQ(set.error().code, ErrorCode::invalid);
    }
    for (const auto& line : server.lines()) EXPECT_TRUE(line.starts_with("show ")) << line;
}

/// It says yes to everything, and does nothing.
TEST(HaproxyLiesTest, WhatIsNotReadBackIsNotInForce) {
    const TempDir dir;
    const test::UnixServer server{
        dir / "sock", [](const std::string& line) {
            if (line.starts_with("set")) return "\n\n";
            return "1\n# be_id be_name srv_id srv_name srv_uweight srv_admin_state srv_op_state\n"
                   "3 shop 1 blue 100 0 2\n3 shop 2 green 0 0 2\n\n";
        }};
    const auto shop = *Haproxy::open({{dir / "sock"}, {"shop"}, {}}, {dir / "sock", "shop", ""});
    const auto set = shop.set_weights({{"blue", 60}, {"green", 40}});
    ASSERT_FALSE(set);
    EXPECT_EQ(set.error().code, ErrorCode::conflict);
    EXPECT_EQ(server.lines().at(1),
              "set server shop/green weight 40; set server shop/blue weight 60")
        << "raised before the other is lowered";
}

}  // namespace
}  // namespace tidegate::agent
