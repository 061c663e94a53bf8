/// What goes over a session, and what it survives.

#include "tests/integration/fleet/support.h"

namespace tidegate {
namespace {

TEST_F(FleetTest, MessagesGoBothWays) {
    start_fleet();
    TestAgent agent;
    agent.handler.greeting.highest_epoch = 6;
    agent.handler.all = {{installation("web-1")}, {"a0"}, {result("a9")}, {"a0"}, {}};
    join(agent, "web-1");
    EXPECT_EQ(agent.handler.connected, std::vector<std::uint64_t>{7});
    EXPECT_EQ(handler.connected[0].second, agent.handler.all);

    ASSERT_TRUE(fleet->send("web-1", wire::Run{7, action("a1"), {}}));
    ASSERT_TRUE(fleet->send("web-1", wire::Cancel{7, "a1"}));
    ASSERT_TRUE(fleet->send("web-1", wire::Ack{{"a9"}}));
    ASSERT_TRUE(until([&] { return !agent.handler.acknowledged.empty(); }));
    ASSERT_EQ(agent.handler.runs.size(), 1U);
    EXPECT_EQ(agent.handler.runs[0].first, action("a1"));
    EXPECT_EQ(agent.handler.runs[0].second, 7U);
    EXPECT_EQ(agent.handler.cancelled, std::vector<std::string>{"a1"});

    agent.session->update({"a1", "release", "deploy", TaskStatus::running, 50});
    agent.session->changed({installation("web-1")});
    agent.session->result(result("a1"));
    EXPECT_TRUE(agent.session->log("a1", "hello\n"));
    ASSERT_TRUE(until([&] { return handler.logs["web-1/a1"] == "hello\n"; }));
    EXPECT_EQ(handler.results, std::vector<ActionResult>{result("a1")});
    EXPECT_EQ(handler.updates.size(), 1U);
    EXPECT_EQ(handler.changed.size(), 1U);

    EXPECT_EQ(fleet->send("web-9", wire::Ack{}).error().code, ErrorCode::unavailable);
    EXPECT_TRUE(handler.alerts.empty()) << handler.alerts[0];
}

TEST_F(FleetTest, LongInventoriesComeWhole) {
    start_fleet();
    TestAgent agent;
    for (int i = 0; i < 5000; ++i)
        agent.handler.all.installations.push_back(installation("t-" + std::to_string(i)));
    for (int i = 0; i < 20; ++i) {
        auto long_result = result("r" + std::to_string(i));
        long_result.stages = {{"release", {{}}}};
        long_result.stages[0].tasks[0].output.assign(100'000, 'x');
        agent.handler.all.results.push_back(long_result);
    }
    // One action each on more targets than the journal keeps outcomes of.
    for (std::size_t i = 0; i <= limits::kJournalActionsKept; ++i) {
        agent.handler.all.running.push_back("a" + std::to_string(i));
        agent.handler.all.results.push_back(result("s" + std::to_string(i)));
    }
    join(agent, "web-1");
    EXPECT_EQ(handler.connected[0].second, agent.handler.all);
}

/// As a journal holds them whose acknowledgements were lost: many times what an inventory may be.
TEST_F(FleetTest, ResultsThatFillNoInventoryFollowIt) {
    start_fleet();
    TestAgent agent;
    constexpr std::size_t kResults = 840;
    for (std::size_t i = 0; i < kResults; ++i) {
        auto fat = result("r" + std::to_string(i));
        fat.stages = {{"release", {{}}}};
        fat.stages[0].tasks[0].output.assign(60'000, 'x');
        agent.handler.all.results.push_back(fat);
    }
    join(agent, "web-1");
    ASSERT_EQ(handler.connected.size(), 1U);
    const auto& [hello, inventory] = handler.connected[0];
    const auto first = inventory.results.size();
    EXPECT_GT(first, 100U);
    EXPECT_LT(first, 150U);
    EXPECT_EQ(inventory.results.back().id, "r839");
    EXPECT_EQ(inventory.running.size(), kResults - first);
    // No more come than were answered.
    ASSERT_TRUE(until([&] { return !handler.results.empty(); }));
    std::size_t answered = 0;
    std::size_t most = 0;
    ASSERT_TRUE(until([&] {
        most = std::max(most, handler.results.size() - answered);
        for (; answered < handler.results.size(); ++answered)
            if (!fleet->send("web-1", wire::Ack{{handler.results[answered].id}})) return false;
        return answered == kResults - first;
    }));
    EXPECT_LT(most, 20U);
    EXPECT_EQ(handler.results.front().id, "r0");
    EXPECT_TRUE(handler.alerts.empty()) << handler.alerts[0];
}

TEST_F(FleetTest, AgentsComeBackAfterARestart) {
    start_fleet();
    std::vector<std::unique_ptr<TestAgent>> agents;
    for (int i = 0; i < 5; ++i)
        join(*agents.emplace_back(std::make_unique<TestAgent>()), "web-" + std::to_string(i));
    start_fleet();  // the old one goes without a word, as in a crash
    ASSERT_TRUE(until([&] { return handler.connected.size() == 10; }));
    for (const auto& agent : agents) {
        ASSERT_TRUE(until([&] { return agent->session->connected(); }));
        ASSERT_EQ(agent->handler.disconnected.size(), 1U);
        EXPECT_NE(agent->handler.disconnected[0].find("reset"), std::string::npos)
            << agent->handler.disconnected[0];
    }
}

TEST_F(FleetTest, AgentsComeBackAfterAGoodbye) {
    start_fleet();
    TestAgent agent;
    join(agent, "web-1");
    fleet->shutdown("the daemon stops");
    ASSERT_TRUE(until([&] { return !agent.handler.disconnected.empty(); }));
    EXPECT_NE(agent.handler.disconnected[0].find("the daemon stops"), std::string::npos);
    EXPECT_EQ(handler.disconnected, std::vector<std::string>{"web-1: the daemon stops"});
    start_fleet();
    ASSERT_TRUE(until([&] { return agent.session->connected(); }));
}

TEST_F(FleetTest, AStoppingAgentGetsNothingToRunAndStillTells) {
    start_fleet();
    TestAgent agent;
    join(agent, "web-1");
    agent.session->stopping();
    ASSERT_TRUE(until([&] { return !handler.stopping.empty(); }));
    EXPECT_EQ(fleet->send("web-1", wire::Run{7, action("a1"), {}}).error().code,
              ErrorCode::unavailable);
    agent.session->result(result("a0"));
    ASSERT_TRUE(until([&] { return handler.results.size() == 1; }));
    ASSERT_TRUE(fleet->send("web-1", wire::Ack{{"a0"}}));
    ASSERT_TRUE(until([&] { return !agent.handler.acknowledged.empty(); }));
    const auto heard = handler.heard_of.size();
    ASSERT_TRUE(until([&] { return handler.heard_of.size() > heard + 1; }));
    EXPECT_EQ(handler.stopping, std::vector<std::string>{"web-1"});
    EXPECT_TRUE(handler.disconnected.empty());
}

TEST_F(FleetTest, AnAddressChangeSurvives) {
    start_fleet();
    TestAgent agent;
    join(agent, "web-1");
    const auto before = fleet->agents()[0].address;
    ASSERT_TRUE(agent.session->rebind());
    agent.session->result(result("a1"));
    ASSERT_TRUE(until([&] { return handler.results.size() == 1; }));
    ASSERT_TRUE(until([&] { return fleet->agents()[0].address != before; }));
    ASSERT_TRUE(fleet->send("web-1", wire::Ack{{"a1"}}));
    ASSERT_TRUE(until([&] { return !agent.handler.acknowledged.empty(); }));
    EXPECT_EQ(handler.connected.size(), 1U);
    EXPECT_TRUE(agent.handler.disconnected.empty());
}

TEST_F(FleetTest, AgentsAreListed) {
    start_fleet();
    TestAgent agent;
    join(agent, "web-1");
    const auto all = fleet->agents();
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0].name, "web-1");
    EXPECT_TRUE(all[0].online);
    EXPECT_TRUE(all[0].enrolled_at);
    EXPECT_TRUE(all[0].not_after);
    EXPECT_TRUE(all[0].last_seen_at);
    agent.session.reset();
    start_fleet();
    ASSERT_EQ(fleet->agents().size(), 1U);
    EXPECT_FALSE(fleet->agents()[0].online);
}

TEST_F(FleetTest, HeartbeatsAreHeard) {
    start_fleet();
    TestAgent agent;
    join(agent, "web-1");
    EXPECT_FALSE(fleet->last_seen("web-2"));
    const auto joined = fleet->last_seen("web-1");
    ASSERT_TRUE(until([&] { return handler.heard_of.size() >= 2; }));
    EXPECT_EQ(handler.heard_of.back(), std::set<std::string>{"web-1"});
    EXPECT_GT(fleet->last_seen("web-1"), joined);
}

TEST_F(FleetTest, AStalledAgentIsCutAndNobodyElse) {
    start_fleet();
    TestAgent good;
    join(good, "web-1");
    RawAgent stalled;
    stalled.open(io, client_options(credential("web-2")));
    ASSERT_TRUE(until([&] { return stalled.session.head.has_value(); }));
    stalled.greet("web-2", "b1");
    ASSERT_TRUE(until([&] { return handler.connected.size() == 2; }));
    stalled.session.stream.pause();
    auto big = action("a1", "web-2");
    big.deploy.script.install_script.assign(150'000, 'x');
    int sent = 0;
    while (sent < 100 && fleet->send("web-2", wire::Run{7, big, {}})) ++sent;
    EXPECT_GE(sent, 5);
    EXPECT_LE(sent, 8);  // limits::kSendQueueBytesMax
    ASSERT_TRUE(until([&] { return handler.disconnected.size() == 1; }));
    EXPECT_EQ(handler.disconnected[0].substr(0, 6), "web-2:");
    ASSERT_TRUE(fleet->send("web-1", wire::Ack{{"a1"}}));
    ASSERT_TRUE(until([&] { return !good.handler.acknowledged.empty(); }));
}

}  // namespace
}  // namespace tidegate
