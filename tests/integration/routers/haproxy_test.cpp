#include "agent/routers/haproxy.h"

#include <atomic>

#include "tests/integration/routers/haproxy_fixture.h"

namespace tidegate::agent {
namespace {

using test::HaproxyTest;
using test::TempDir;

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
    const Weights wanted{{"web-1-blue", 10}, {"web-1-green", 30}};
    ASSERT_TRUE(shop().set_weights(wanted));
    ASSERT_TRUE(shop().keep(wanted));
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
    ASSERT_TRUE(shop().keep(wanted));
    struct stat first {
    }, again{};
    ASSERT_EQ(::stat((dir_ / "state").c_str(), &first), 0);
    ASSERT_TRUE(shop().keep(wanted));
    ASSERT_EQ(::stat((dir_ / "state").c_str(), &again), 0);
    EXPECT_EQ(first.st_ino, again.st_ino) << "nothing has changed";
    std::filesystem::remove(dir_ / "state");
    ASSERT_TRUE(shop().keep(wanted));
    EXPECT_TRUE(std::filesystem::exists(dir_ / "state"));
    std::filesystem::remove(dir_ / "state");
    std::filesystem::create_directory(dir_ / "state");
    const auto failed = shop().keep(wanted);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, ErrorCode::unavailable);
    std::filesystem::remove(dir_ / "state");
    EXPECT_TRUE(shop().keep(wanted)) << "it may be repeated";
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

/// A host that died keeps nobody from taking traffic away from what is bad.
TEST_F(HaproxyTest, SomeThatAreAwayDoNotHoldUpTheOthers) {
    start();
    while (look("dead").up) ::poll(nullptr, 0, 1);
    ASSERT_TRUE(shop().set_weights({{"web-1-blue", 0}, {"web-1-green", 100}, {"dead", 100}}));
    EXPECT_EQ(look("dead").weight, 100);
    EXPECT_EQ(count(10), (Answered{{"green", 10}}));
    ASSERT_TRUE(shop().set_weights({{"web-1-blue", 100}, {"web-1-green", 0}, {"dead", 0}}));
    const auto missing =
        shop().set_weights({{"web-1-blue", 0}, {"web-1-green", 100}, {"web-2-green", 100}});
    ASSERT_FALSE(missing) << "it must be there";
    EXPECT_EQ(missing.error().code, ErrorCode::not_found);
    EXPECT_EQ(count(10), (Answered{{"green", 10}})) << "the others are set";
}

TEST_F(HaproxyTest, WhereNobodyAnswersWeightsAreSetAllTheSame) {
    start();
    while (look("dead").up) ::poll(nullptr, 0, 1);
    ASSERT_EQ(order("set server shop/web-1-blue state maint"), "\n");
    EXPECT_TRUE(shop().set_weights({{"web-1-blue", 0}, {"dead", 100}})) << "nobody loses anything";
}

TEST_F(HaproxyTest, VeryManyServersAreSetAtOnce) {
    start();
    const auto many = *Haproxy::open(rules(), {dir_ / "sock", "many", dir_ / "state"});
    Weights wanted;
    for (int i = 1; i <= 1000; ++i) wanted[fmt::format("a-server-with-a-long-name-{}", i)] = 100;
    const auto set = many.set_weights(wanted);
    ASSERT_TRUE(set) << set.error().text();
    const auto there = many.look();
    ASSERT_TRUE(there) << there.error().text();
    EXPECT_EQ(std::ranges::count(*there, 100, &HaproxyServer::weight), 1000);
}

TEST_F(HaproxyTest, AServerThatIsToHaveNothingNeedNotBeThere) {
    start();
    EXPECT_TRUE(shop().set_weights({{"web-1-blue", 100}, {"web-2-green", 0}}));
}

TEST_F(HaproxyTest, WhatIsNotThereIsSaid) {
    start();
    const auto server = shop().set_weights({{"web-1-blue", 0}, {"web-2-green", 1}});
    ASSERT_FALSE(server);
    EXPECT_EQ(server.error().code, ErrorCode::not_found);
    EXPECT_EQ(server.error().message,
              "haproxy at " + dir_ / "sock" + ": server web-2-green is not in backend shop");
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
