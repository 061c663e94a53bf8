/// An agent that says too much, or makes things up: nothing of it may be more than the store takes,
/// or grow without end.

#include <gtest/gtest.h>

#include "reconciler/engine/engine.h"
#include "reconciler/store/memory_store.h"
#include "schema/base/limits.h"
#include "schema/resolve/digest.h"
#include "schema/wire/messages.h"

namespace tidegate::engine {
namespace {

const AssignmentKey kShopKey{"prod", "shop"};
const std::string kAgent = "web-1";
const std::string kWorst(limits::kResultBytesMax, '\x01');  // six bytes each in JSON

std::shared_ptr<const Desired> desired() {
    auto definition = std::make_shared<Definition>();
    definition->key = kShopKey;
    definition->digest = Digest::of("v1");
    definition->version = "v1";
    definition->deploy.script.install_script = "install";
    DesiredTarget target;
    target.name = kAgent;
    target.agent = kAgent;
    target.config_digest = Digest::of(target.name);
    target.definition = definition;
    target.digest = target_digest(definition->digest, target.config_digest);
    auto wish = std::make_shared<Assignment>();
    wish->key = kShopKey;
    wish->intent.commit = "c1";
    wish->intent.digest_commit = "c1";
    wish->definition = definition;
    wish->targets = {target};
    auto made = std::make_shared<Desired>();
    made->root_commit = "c0";
    made->assignments[kShopKey] = wish;
    return made;
}

/// An engine whose batches go into a store, and one action on its way to one agent.
class HostileAgentTest : public testing::Test {
protected:
    HostileAgentTest() {
        AgentConnected connected;
        connected.hello.agent = kAgent;
        feed(connected);
        feed(ConfigChanged{desired()});
    }

    void feed(const Event& event) {
        for (auto& effect : step(state_, event, clocks_)) {
            if (const auto* send = std::get_if<Send>(&effect))
                if (const auto* run = std::get_if<engine::Run>(&send->message))
                    action_ = run->action;
            if (const auto* notify = std::get_if<Notify>(&effect))
                told_[notify->kind].push_back(notify->text);
            if (const auto* persist = std::get_if<Persist>(&effect)) {
                const auto good = check_batch(persist->batch);
                ASSERT_TRUE(good) << good.error().text();
                ASSERT_TRUE(store_.commit(std::span{&persist->batch, 1}));
            }
        }
    }

    [[nodiscard]] ActionResult result() const {
        ActionResult made;
        made.id = action_.id;
        made.release = action_.release;
        made.kind = action_.kind;
        made.outcome = ActionOutcome::failed;
        made.installation.key = action_.key;
        made.installation.status = InstallStatus::failed;
        made.installation.report = 1;
        return made;
    }
    /// As the daemon gets it.
    template <class Message>
    [[nodiscard]] static Message over_the_wire(const Message& message) {
        return std::get<Message>(wire::decode_agent(wire::encode(message).value()).value());
    }
    [[nodiscard]] const TargetProgress& progress() const {
        return state_.releases.begin()->second.targets.at(kAgent);
    }

    Clocks clocks_{Timestamp{Milliseconds{1'767'225'600'000}}, Lived{}};
    State state_{*restore({}, 1, clocks_)};
    MemoryStore store_{std::make_shared<MemoryDisk>()};
    Action action_;
    std::map<NoticeKind, std::vector<std::string>> told_;
};

struct WorstCase {
    const char* name;
    void (*worsen)(ActionResult& result);
};
class WorstResultTest : public HostileAgentTest, public testing::WithParamInterface<WorstCase> {};
TEST_P(WorstResultTest, FitsTheStore) {
    auto worst = result();
    GetParam().worsen(worst);
    feed(ActionFinished{kAgent, over_the_wire(worst)});
    EXPECT_TRUE(state_.outbox.empty()) << "it was not taken in";
}
INSTANTIATE_TEST_SUITE_P(
    Texts, WorstResultTest,
    testing::Values(
        WorstCase{"error", [](auto& result) { result.error = kWorst; }},
        WorstCase{"drift_reason", [](auto& result) { result.installation.drift_reason = kWorst; }},
        WorstCase{"version", [](auto& result) { result.installation.version = kWorst; }},
        WorstCase{"stage",
                  [](auto& result) {
                      result.stages = {{kWorst, {}}};
                  }},
        WorstCase{"task_error",
                  [](auto& result) {
                      result.stages = {{"release", {TaskResult{}}}};
                      result.stages[0].tasks[0].error = kWorst;
                  }},
        WorstCase{"output",
                  [](auto& result) {
                      result.stages = {{"release", {TaskResult{}}}};
                      result.stages[0].tasks[0].output = kWorst;
                  }}),
    [](const auto& test) { return std::string{test.param.name}; });

TEST_F(HostileAgentTest, MadeUpStagesAndTasksEnd) {
    std::string name(1'000, '\x01');
    for (int i = 0; i < 600; ++i) {
        name.replace(0, 4, fmt::format("{:04}", i));
        feed(ActionUpdated{kAgent, over_the_wire(ActionUpdate{action_.id, name, "task"})});
        for (const auto* stage : {"release", "post_release"})
            feed(ActionUpdated{kAgent, over_the_wire(ActionUpdate{action_.id, stage, name})});
    }
    EXPECT_LE(progress().stages.size(), 2 * limits::kStagesPerActionMax);
    for (const auto& stage : progress().stages) {
        EXPECT_LE(stage.name.size(), limits::kAgentWordBytesMax);
        EXPECT_LE(stage.tasks.size(), limits::kTasksPerStageMax);
    }
    feed(AgentDisconnected{kAgent});  // writes the target's row, with all of them
}

std::vector<Installation> made_up(int from, std::size_t count) {
    std::vector<Installation> all(count);
    for (auto& one : all) one.key = {fmt::format("t{:06}", from++), "p", ""};
    return all;
}

TEST_F(HostileAgentTest, MadeUpInstallationsEndAndPeopleAreToldOnce) {
    constexpr auto kMax = limits::kInstallationsPerAgentMax;
    constexpr int kPiece = 500;
    for (int from = 0; from < static_cast<int>(kMax) + 4 * kPiece; from += kPiece)
        feed(AgentChanged{kAgent, made_up(from, kPiece)});
    EXPECT_EQ(state_.agents.at(kAgent).installations.size(), kMax);
    EXPECT_EQ(store_.load(Table::installation)->size(), kMax);
    EXPECT_EQ(told_[NoticeKind::inventory_full].size(), 1u);

    auto known = made_up(0, 1);
    known[0].report = 2;
    known[0].version = "2.0.0";
    feed(AgentChanged{kAgent, known});
    EXPECT_EQ(state_.agents.at(kAgent).installations.at(known[0].key).version, "2.0.0")
        << "what is known is still followed";
}

TEST_F(HostileAgentTest, DriftThatComesAndGoesIsAFewLinesAMinuteAndShownAllTheSame) {
    auto there = result().installation;
    const auto comes_and_goes = [&] {
        for (const auto* reason : {"", "status: timed out"}) {
            there.drift_reason = reason;
            feed(AgentChanged{kAgent, {there}});
        }
    };
    for (int i = 0; i < 1'000; ++i) comes_and_goes();
    auto& told = told_[NoticeKind::drift_unknown];
    EXPECT_EQ(told.size(), static_cast<std::size_t>(limits::kLinesPerAgentMax));
    EXPECT_EQ(state_.agents.at(kAgent).installations.at(there.key).drift_reason,
              there.drift_reason);
    clocks_.now += std::chrono::minutes{1};
    clocks_.lived += std::chrono::minutes{1};
    comes_and_goes();
    EXPECT_NE(told.back().find("and 990 times more"), std::string::npos) << told.back();
}

TEST_F(HostileAgentTest, HostTroubleAfterEachReconnectIsAFewLinesAMinute) {
    for (int i = 0; i < 100; ++i) {
        AgentConnected again;
        again.hello.agent = kAgent;
        feed(again);
        auto refused = result();
        refused.outcome = ActionOutcome::refused;
        refused.host_trouble = "the disk is full";
        feed(ActionFinished{kAgent, refused});
    }
    EXPECT_EQ(told_[NoticeKind::host_trouble].size(),
              static_cast<std::size_t>(limits::kLinesPerAgentMax));
}

TEST_F(HostileAgentTest, WhatAnInventoryDoesNotHoldLeavesTheStore) {
    for (int life = 0; life < 3; ++life) {
        AgentConnected again;
        again.hello.agent = kAgent;
        again.inventory.installations = made_up(life * 1'000, 1'000);
        feed(again);
        EXPECT_EQ(store_.load(Table::installation)->size(), 1'000u);
    }
}

}  // namespace
}  // namespace tidegate::engine
