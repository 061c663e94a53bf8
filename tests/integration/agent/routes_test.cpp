/// Routes through the whole agent, before the real HAProxy: what was told is in force within a
/// look, whatever happens to the balancer or to the agent.

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "schema/files/file_descriptor.h"
#include "tests/integration/agent/host_fixture.h"
#include "tests/integration/routers/haproxy_fixture.h"

namespace tidegate::agent {
namespace {

using test::Host;
using test::read_text;
using test::write_text;

constexpr Milliseconds kLook{200};

class AgentRoutesTest : public test::HaproxyTest {
protected:
    AgentRoutesTest() { config_.routers = rules(); }

    /// Green's share in percent; blue has the rest.
    Route route(std::uint64_t revision, int green) const {
        Route made;
        made.key = {"prod", "shop"};
        made.target = "lb-1";
        made.revision = revision;
        made.servers = {{"web-1-blue", "web-1", "blue", 100 - green},
                        {"web-1-green", "web-1", "green", green}};
        made.slot_new = "green";
        made.slot_old = "blue";
        made.weight_new = green;
        made.weight_old = 100 - green;
        made.socket = dir_ / "sock";
        made.backend = "shop";
        made.state_file = dir_ / "state";
        return made;
    }
    std::unique_ptr<Host> agent(Milliseconds look = kLook) const {
        return std::make_unique<Host>(dir_, config_, Seconds{0},
                                      TIDEGATE_BINARY_DIR "/tidegate-agent", look);
    }
    /// A request that lasts until this is closed: its body does not come.
    FileDescriptor request() const {
        FileDescriptor link{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const std::string path = dir_ / "front";
        path.copy(address.sun_path, sizeof(address.sun_path) - 1);
        const std::string_view head = "POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 9\r\n\r\n";
        EXPECT_EQ(
            ::connect(link.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
        EXPECT_EQ(::send(link.get(), head.data(), head.size(), 0), std::ssize(head));
        return link;
    }
    static void set(Host& host, const Route& route) {
        host.loop->step(machine::SetRouteCommand{1, route});
    }
    static bool says(Host& host, const std::function<bool(const RouteReport&)>& what) {
        return host.until([&] {
            const auto& told = host.uplink.routes;
            return !told.empty() && what(told.back());
        });
    }
    static bool in_force(Host& host, std::uint64_t revision) {
        return says(host, [&](const RouteReport& report) {
            return report.in_force && report.revision == revision;
        });
    }
    static bool complains(Host& host, const std::string& words) {
        return says(host, [&](const RouteReport& report) {
            return !report.in_force && report.error.find(words) != std::string::npos;
        });
    }
    int green() const {
        const auto all = shop().look().value_or(std::vector<HaproxyServer>{});
        const auto found = std::ranges::find(all, "web-1-green", &HaproxyServer::name);
        return found == all.end() ? -1 : found->weight;
    }
    bool has_green(Host& host, int weight) {
        return host.until([&] { return green() == weight; });
    }

    AgentConfig config_;
};

TEST_F(AgentRoutesTest, IsAppliedAndToldAsItWasReadBack) {
    start();
    const auto host = agent();
    set(*host, route(1, 25));
    ASSERT_TRUE(in_force(*host, 1));
    const auto told = host->uplink.routes.back();
    EXPECT_EQ(told.weights, (std::map<std::string, int>{{"blue", 75}, {"green", 25}}));
    EXPECT_TRUE(told.sessions.empty()) << "both have weight";
    EXPECT_EQ(host->loop->inventory().routes, (std::vector{told}));
    set(*host, route(2, 100));
    ASSERT_TRUE(in_force(*host, 2));
    EXPECT_EQ(host->uplink.routes.back().sessions, (std::map<std::string, int>{{"blue", 0}}));
    EXPECT_EQ(count(10), (std::map<std::string, int>{{"green", 10}}));
    set(*host, route(1, 0));
    EXPECT_EQ(host->uplink.routes.back().revision, 2U) << "an older one is answered with what is";
    EXPECT_EQ(green(), 100);
}

TEST_F(AgentRoutesTest, TheEndOfTheLastSessionIsToldSoon) {
    start();
    const auto host = agent(std::chrono::hours{1});
    set(*host, route(1, 0));
    ASSERT_TRUE(in_force(*host, 1));
    {
        const auto lasting = request();
        ASSERT_TRUE(host->until([&] {
            const auto all = shop().look().value_or(std::vector<HaproxyServer>{});
            return std::ranges::any_of(all, [](const auto& each) { return each.sessions == 1; });
        }));
        set(*host, route(2, 100));
        ASSERT_TRUE(says(*host, [](const RouteReport& report) {
            return report.revision == 2 && report.sessions.contains("blue") &&
                   report.sessions.at("blue") == 1;
        }));
    }
    EXPECT_TRUE(says(*host, [](const RouteReport& report) {
        return report.sessions.contains("blue") && report.sessions.at("blue") == 0;
    }));
}

TEST_F(AgentRoutesTest, AReloadKeepsItByTheStateFile) {
    start();
    const auto host = agent();
    set(*host, route(1, 40));
    ASSERT_TRUE(in_force(*host, 1));
    host->loop.reset();  // nobody looks any more
    reload();
    EXPECT_EQ(green(), 40);
}

TEST_F(AgentRoutesTest, AStateFileThatCannotBeWrittenIsSaidAndTheRouteIsInForce) {
    start();
    std::filesystem::create_directory(dir_ / "state");
    const auto host = agent();
    set(*host, route(1, 40));
    ASSERT_TRUE(in_force(*host, 1));
    EXPECT_EQ(green(), 40);
    const auto said = [&] { return host->uplink.routes.back().error; };
    EXPECT_TRUE(said().starts_with("in force, but a reload of HAProxy would forget it: "))
        << said();
    std::filesystem::remove(dir_ / "state");
    EXPECT_TRUE(host->until([&] { return said().empty(); }));
    EXPECT_TRUE(std::filesystem::is_regular_file(dir_ / "state"));
}

TEST_F(AgentRoutesTest, AReloadWithoutTheStateFileIsPutBackWithinALook) {
    start("admin", false);
    const auto host = agent();
    set(*host, route(1, 40));
    ASSERT_TRUE(in_force(*host, 1));
    reload();
    EXPECT_TRUE(has_green(*host, 40));
}

TEST_F(AgentRoutesTest, AStateFileThatIsNotLoadedIsSaidAndLeftForDoctor) {
    const auto notes = [&] { return read_text(dir_ / "agent/routers"); };
    for (const bool keeps : {true, false}) {
        start("admin", keeps);
        const auto host = agent();
        set(*host, route(1, 40));
        EXPECT_TRUE(host->until([&] {
            return notes().starts_with(keeps ? "loaded haproxy at " : "not_loaded haproxy at ");
        })) << notes();
        EXPECT_EQ(host->uplink.notices.size(), keeps ? 0U : 1U);
        host->loop->step(machine::SetRouteCommand{1, route(1, 40), true});
        EXPECT_EQ(notes(), "");
        stop();
    }
}

TEST_F(AgentRoutesTest, WhatAPersonDidToTheWeightsIsUndone) {
    start();
    const auto host = agent();
    set(*host, route(1, 40));
    ASSERT_TRUE(in_force(*host, 1));
    ASSERT_EQ(order("set server shop/web-1-green weight 90"), "\n");
    EXPECT_TRUE(has_green(*host, 40));
}

TEST_F(AgentRoutesTest, ABalancerThatIsAwayIsToldOnceItIsBack) {
    start("admin", false);
    const auto host = agent();
    set(*host, route(1, 40));
    ASSERT_TRUE(in_force(*host, 1));
    stop();
    ASSERT_TRUE(complains(*host, "haproxy at "));
    EXPECT_EQ(host->uplink.routes.back().weights, (std::map<std::string, int>{}))
        << "nobody can tell";
    set(*host, route(2, 60));
    run();
    ASSERT_TRUE(in_force(*host, 2));
    EXPECT_EQ(green(), 60);
}

TEST_F(AgentRoutesTest, BalancersThatHangHoldUpNobodyElse) {
    start();
    std::vector<std::unique_ptr<test::UnixServer>> hanging;
    const auto host = [&] {
        for (const auto* name : {"a", "b", "c"}) {
            config_.routers.sockets.insert(dir_ / name);
            hanging.push_back(std::make_unique<test::UnixServer>(
                dir_ / name, [](const std::string&) { return ""; }));
        }
        return agent();
    }();
    for (const auto* name : {"a", "b", "c"}) {
        auto hangs = route(1, 40);
        hangs.key.project = name;
        hangs.socket = dir_ / name;
        set(*host, hangs);
    }
    set(*host, route(1, 40));
    ASSERT_TRUE(in_force(*host, 1));
    ASSERT_TRUE(complains(*host, "no answer in time"));
    set(*host, route(2, 60));
    EXPECT_TRUE(in_force(*host, 2));
}

TEST_F(AgentRoutesTest, WhatAgentYamlDoesNotAllowSaysWhichKeyIsMissing) {
    start();
    for (const auto& [key, rules] :
         {std::pair{"routers.sockets", RouterRules{{}, {"shop"}, {dir_ / "state"}}},
          {"routers.backends", RouterRules{{dir_ / "sock"}, {}, {dir_ / "state"}}},
          {"routers.state_files", RouterRules{{dir_ / "sock"}, {"shop"}, {}}}}) {
        config_.routers = rules;
        const auto host = agent();
        set(*host, route(1, 40));
        EXPECT_TRUE(complains(*host, key)) << key;
        host->loop->step(machine::SetRouteCommand{1, route(1, 40), true});
    }
    config_.routers = this->rules();
    config_.projects = {"other"};
    const auto host = agent();
    set(*host, route(1, 40));
    EXPECT_TRUE(complains(*host, "agent.yaml does not allow project 'shop'"));
    EXPECT_EQ(green(), 0);
}

TEST_F(AgentRoutesTest, ASocketThatMayNotSetSaysSo) {
    start("operator");
    const auto host = agent();
    set(*host, route(1, 40));
    EXPECT_TRUE(complains(*host, "ermission"));
}

TEST_F(AgentRoutesTest, AServerThatIsMissingIsNamedUnlessItIsToHaveNothing) {
    start();
    const auto host = agent();
    auto wanted = route(1, 0);
    wanted.servers.push_back({"web-2-green", "web-2", "green", 0});
    set(*host, wanted);
    ASSERT_TRUE(in_force(*host, 1));
    EXPECT_EQ(host->uplink.routes.back().weights.at("green"), 0);
    wanted.revision = 2;
    wanted.servers.back().weight = 50;
    set(*host, wanted);
    EXPECT_TRUE(complains(*host, "server web-2-green is not in backend shop"));
}

TEST_F(AgentRoutesTest, HostileNamesReachNoSocket) {
    start();
    const auto host = agent();
    auto wanted = route(1, 40);
    wanted.servers[1].name = "web-1-green weight 256; disable server shop/web-1-blue #";
    set(*host, wanted);
    EXPECT_TRUE(complains(*host, "a server must be named by A-Z"));
    EXPECT_EQ(green(), 0);
    EXPECT_EQ(look("web-1-blue").weight, 100);
}

TEST_F(AgentRoutesTest, MaintenanceByAPersonIsNotLifted) {
    start();
    ASSERT_EQ(order("set server shop/web-1-green state maint"), "\n");
    const auto host = agent();
    set(*host, route(1, 100));
    ASSERT_TRUE(complains(*host, "web-1-green is in maintenance"));
    EXPECT_TRUE(look("web-1-green").maintenance);
    EXPECT_EQ(count(10), (std::map<std::string, int>{{"blue", 10}}));
    ASSERT_EQ(order("set server shop/web-1-green state ready"), "\n");
    EXPECT_TRUE(in_force(*host, 1));
}

TEST_F(AgentRoutesTest, WhatGitNoLongerNamesStaysAsItIs) {
    start();
    const auto host = agent();
    set(*host, route(1, 40));
    ASSERT_TRUE(in_force(*host, 1));
    host->loop->step(machine::SetRouteCommand{1, route(1, 40), true});
    ASSERT_EQ(order("set server shop/web-1-green weight 90"), "\n");
    set(*host,
        [&] {  // once another one of the same balancer was set, the looks of the first are over
            auto other = route(1, 0);
            other.key.project = "other";
            other.servers = {{"dead", "web-1", "", 0}};
            return other;
        }());
    ASSERT_TRUE(says(*host, [](const auto& report) { return report.key.project == "other"; }));
    EXPECT_EQ(green(), 90);
}

/// kill -9 as soon as the journal has it: the next process takes it up, whether or not it was set.
TEST_F(AgentRoutesTest, ACrashBetweenJournalAndRouterIsTakenUpAgain) {
    start("admin", false);
    stop();  // so that it cannot be set
    const auto log = dir_ / "agent/journal/log";
    const pid_t killed = ::fork();
    if (killed == 0) {
        const auto host = agent();
        set(*host, route(7, 40));
        host->until([] { return false; });
        ::_exit(0);
    }
    const auto end = std::chrono::steady_clock::now() + test::kPatience;
    while (read_text(log).find("web-1-green") == std::string::npos &&
           std::chrono::steady_clock::now() < end)
        ::poll(nullptr, 0, 1);
    ::kill(killed, SIGKILL);
    ::waitpid(killed, nullptr, 0);
    run();
    const auto host = agent();
    ASSERT_EQ(host->loop->inventory().routes.size(), 1U);
    EXPECT_EQ(host->loop->inventory().routes[0].revision, 7U);
    EXPECT_TRUE(in_force(*host, 7));
    EXPECT_EQ(green(), 40);
}

TEST_F(AgentRoutesTest, ARestartedAgentSetsWhatWasChangedMeanwhile) {
    start();
    {
        const auto host = agent();
        set(*host, route(3, 40));
        ASSERT_TRUE(in_force(*host, 3));
    }
    ASSERT_EQ(order("set server shop/web-1-green weight 90"), "\n");
    const auto host = agent();
    EXPECT_TRUE(in_force(*host, 3));
    EXPECT_EQ(green(), 40);
}

// ---- by script

class ScriptRoutesTest : public test::HostLoopTest {
protected:
    Route route(std::uint64_t revision, const std::string& script) const {
        Route made;
        made.key = {"prod", "shop"};
        made.target = "lb-1";
        made.revision = revision;
        made.router = RouterType::script;
        made.slot_new = "green";
        made.slot_old = "blue";
        made.weight_new = 5;
        made.weight_old = 95;
        made.header_name = "X-Canary";
        made.header_value = "yes";
        made.variables = {{"OUT", dir_ / "out"}, {"POOL", "shop"}};
        made.route_script = script;
        made.timeout = Seconds{20};
        return made;
    }
    std::unique_ptr<Host> agent() const {
        return std::make_unique<Host>(dir_, config_, Seconds{0},
                                      TIDEGATE_BINARY_DIR "/tidegate-agent", Milliseconds{50});
    }
    static void set(Host& host, const Route& route) {
        host.loop->step(machine::SetRouteCommand{1, route});
    }
    static bool told(Host& host, bool in_force, const std::string& words = {}) {
        return host.until([&] {
            const auto& all = host.uplink.routes;
            return !all.empty() && all.back().in_force == in_force &&
                   all.back().error.find(words) != std::string::npos;
        });
    }
    std::string out() const { return read_text(dir_ / "out"); }

    AgentConfig config_;
};

TEST_F(ScriptRoutesTest, RunsOnceAndIsTheWholeRoute) {
    const auto host = agent();
    set(*host, route(1,
                     "echo $WEIGHT_NEW $WEIGHT_OLD $SLOT_NEW $SLOT_OLD $HEADER_NAME "
                     "$HEADER_VALUE $POOL >> $OUT"));
    ASSERT_TRUE(told(*host, true));
    EXPECT_EQ(host->uplink.routes.back().weights, (std::map<std::string, int>{}));
    auto failing = route(1, "echo try >> $TRIES; false");
    failing.target = "lb-2";
    failing.variables["TRIES"] = dir_ / "tries";
    set(*host, failing);
    ASSERT_TRUE(host->until([&] { return read_text(dir_ / "tries").size() > 20; }));
    EXPECT_EQ(out(), "5 95 green blue X-Canary yes shop\n") << "never just to look";
    set(*host, route(2, "echo second >> $OUT"));
    ASSERT_TRUE(host->until([&] { return out().find("second") != std::string::npos; }));
}

TEST_F(ScriptRoutesTest, AFailureIsToldWithItsLastWordsAndTriedAgain) {
    config_.variables["KEY"] = {"hidden-word", true};
    const auto host = agent();
    set(*host, route(1, "echo no balancer for $KEY; [ -e $OUT ]"));
    ASSERT_TRUE(told(*host, false, "route_script: exit code 1: no balancer for "));
    EXPECT_EQ(host->uplink.routes.back().error.find("hidden-word"), std::string::npos);
    write_text(dir_ / "out", "");
    EXPECT_TRUE(told(*host, true));
}

TEST_F(ScriptRoutesTest, ItHasAnEndAndANewerRouteDoesNotWaitForIt) {
    const auto host = agent();
    auto endless = route(1, "echo begun >> $OUT; sleep 1000");
    endless.timeout = Seconds{1};
    set(*host, endless);
    ASSERT_TRUE(told(*host, false, "timed out after 1s"));
    endless = route(2, "echo again >> $OUT; sleep 1000");
    endless.timeout = Seconds{1000};
    set(*host, endless);
    ASSERT_TRUE(host->until([&] { return out().find("again") != std::string::npos; }));
    set(*host, route(3, "true"));
    EXPECT_TRUE(told(*host, true));
}

TEST_F(ScriptRoutesTest, ARestartRunsItOnceMore) {
    for (const auto* wanted : {"x\n", "x\nx\n"}) {
        const auto host = agent();
        set(*host, route(1, "echo x >> $OUT"));
        ASSERT_TRUE(told(*host, true));
        EXPECT_EQ(out(), wanted);
    }
}

TEST_F(ScriptRoutesTest, IsAllowedWhereScriptsOfDeploysAre) {
    config_.drivers = {"container"};
    const auto host = agent();
    set(*host, route(1, "echo x >> $OUT"));
    EXPECT_TRUE(told(*host, false, "agent.yaml does not allow driver 'script'"));
    EXPECT_EQ(out(), "");
}

TEST_F(ScriptRoutesTest, WhatThisAgentCannotDoIsSaid) {
    const auto host = agent();
    auto wanted = route(1, "");
    wanted.router = RouterType::nginx;
    set(*host, wanted);
    EXPECT_TRUE(told(*host, false, "this agent has no such router"));
    wanted = route(2, "true");
    wanted.variables["A=B"] = "x";
    set(*host, wanted);
    EXPECT_TRUE(told(*host, false, "has no name of A-Z"));
}

}  // namespace
}  // namespace tidegate::agent
