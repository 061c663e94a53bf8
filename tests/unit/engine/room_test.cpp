/// How much one agent is sent at once, and what becomes of the rest.

#include <gtest/gtest.h>

#include "reconciler/engine/room.h"
#include "schema/base/limits.h"
#include "schema/resolve/digest.h"
#include "tests/unit/engine/rollout.h"

namespace tidegate::engine {
namespace {

using std::chrono::minutes;

constexpr std::size_t kPlaces = limits::kActionsAtOnceDefault - 1;  ///< but for restores

/// vN of `targets`, all of them on the first agent.
std::shared_ptr<Assignment> on_one_agent(int targets, int number, std::size_t script_bytes = 0) {
    auto wish = version_of(targets, all_at_once(), number);
    auto definition = std::make_shared<Definition>(*wish->definition);
    definition->deploy.script.install_script.assign(script_bytes + 1, 'x');
    wish->definition = definition;
    for (auto& target : wish->targets) {
        target.agent = name_of(0);
        target.definition = definition;
    }
    return wish;
}

/// `count` projects, each on a target of its own of the first agent.
std::vector<AssignmentPtr> projects(int count, int number) {
    std::vector<AssignmentPtr> wishes;
    for (int i = 0; i < count; ++i) {
        auto wish = on_one_agent(1, number);
        auto definition = std::make_shared<Definition>(*wish->definition);
        wish->key.project = definition->key.project = fmt::format("app-{:03}", i);
        wish->definition = wish->targets[0].definition = definition;
        wishes.push_back(std::move(wish));
    }
    return wishes;
}

TEST(RoomTest, AnAgentIsSentNoMoreThanItRunsAtOnce) {
    Rollout rollout(1, AssignmentPtr(on_one_agent(40, 1)));
    EXPECT_EQ(rollout.in_flight(), kPlaces);
    const auto holds = rollout.holds();
    ASSERT_EQ(holds.size(), 1u);
    EXPECT_EQ(holds[0].gate, "busy");
    for (int ended = 1; ended <= 40; ++ended) {
        (void)rollout.finish_one();
        EXPECT_EQ(rollout.in_flight(), std::min<std::size_t>(kPlaces, 40 - ended));
    }
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::success);
}

/// Forty targets, five minutes each, one agent: the last ones begin long after the first.
TEST(RoomTest, WhatWaitsHasNotBegunSoNoDeadlineCounts) {
    Rollout rollout(1, AssignmentPtr(on_one_agent(40, 1)));
    while (rollout.in_flight() > 0) {
        rollout.pass(minutes{5});
        const auto ended =
            std::min<std::size_t>(limits::kActionsAtOnceDefault, rollout.in_flight());
        for (std::size_t i = 0; i < ended; ++i) (void)rollout.finish_one();
    }
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::success) << newest(rollout).reason;
}

TEST(RoomTest, AnAgentSaysHowManyItRuns) {
    Rollout rollout(1, std::vector<AssignmentPtr>{});
    rollout.says_it_runs(0, 3);
    rollout.wish(AssignmentPtr(on_one_agent(10, 1)));
    EXPECT_EQ(rollout.in_flight(), 2u);
    rollout.says_it_runs(0, 1);
    EXPECT_EQ(in_outbox(rollout).size(), 1u);
}

TEST(RoomTest, ProjectsTakeTurns) {
    constexpr int kMany = 20;
    Rollout rollout(1, projects(kMany, 1));
    std::size_t done = 0;
    for (; rollout.in_flight() > 0; ++done) {
        EXPECT_LE(rollout.in_flight(), kPlaces);
        (void)rollout.finish_one();
    }
    EXPECT_EQ(done, static_cast<std::size_t>(kMany));
    EXPECT_TRUE(rollout.state().lines.empty());
}

TEST(RoomTest, WhatWaitsLongCountsAgainstNoVersion) {
    Rollout rollout(1, projects(20, 1));
    rollout.pass(minutes{5});
    for (int i = 0; i < 20; ++i) (void)rollout.finish_one();
    for (const auto& [id, release] : rollout.state().releases)
        EXPECT_EQ(release.status, ReleaseStatus::success) << release.reason;
}

/// Long scripts: a queue of bounded length holds them all.
TEST(RoomTest, IsBoundedInBytesToo) {
    constexpr std::size_t kLong = 150 * 1024;
    Rollout rollout(1, AssignmentPtr(on_one_agent(20, 1, kLong)));
    EXPECT_EQ(rollout.in_flight(), (limits::kActionBytesOutMax - limits::kActionBytesMax) / kLong);
    for (int i = 0; i < 20; ++i) {
        ASSERT_GT(rollout.in_flight(), 0u);
        (void)rollout.finish_one();
    }
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::success);
}

/// Whose contents are left out, and yet weigh what they would.
TEST(RoomTest, OfAForecastIsTheSame) {
    constexpr auto kBytes = limits::kActionBytesMax / 2;
    std::size_t in_flight[2]{};
    for (const bool imagined : {false, true}) {
        Rollout rollout(1, std::vector<AssignmentPtr>{});
        rollout.state().imagined = imagined;
        rollout.wish(AssignmentPtr(on_one_agent(20, 1, kBytes)));
        in_flight[imagined ? 1 : 0] = rollout.in_flight();
        for (const auto& action : rollout.sent()) {
            EXPECT_EQ(action.variables.empty(), imagined);
            EXPECT_EQ(action.deploy.script.install_script.empty(), imagined);
            EXPECT_GT(action.deadline, Seconds{0});
        }
        rollout.state().imagined = false;
        while (rollout.in_flight() > 0) (void)rollout.finish_one();
        EXPECT_TRUE(rollout.state().imagined_bytes.empty());
    }
    EXPECT_GT(in_flight[0], 0u);
    EXPECT_LT(in_flight[0], kPlaces) << "bytes bound it";
    EXPECT_EQ(in_flight[0], in_flight[1]);
}

/// All places are taken by others, and one version turns out to be bad.
TEST(RoomTest, APlaceIsKeptForRestores) {
    constexpr int kMany = 20;
    Rollout rollout(1, projects(kMany, 1));
    while (rollout.in_flight() > 0) (void)rollout.finish_one();
    rollout.wish(projects(kMany, 2));
    ASSERT_EQ(rollout.in_flight(), kPlaces);
    (void)rollout.finish_one(ActionOutcome::failed);
    std::size_t restores = 0;
    for (const auto& [id, entry] : rollout.state().outbox)
        restores += entry.restore && entry.sent ? 1 : 0;
    EXPECT_EQ(restores, 1u);
}

TEST(RoomTest, GatesAreAskedBeforeEach) {
    Rollout rollout(1, AssignmentPtr(on_one_agent(40, 1)));
    auto paused = on_one_agent(40, 1);
    paused->paused = true;
    rollout.wish(AssignmentPtr(paused));
    while (rollout.in_flight() > 0) (void)rollout.finish_one();
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::paused);
    std::size_t waiting = 0;
    for (const auto& [name, progress] : newest(rollout).targets)
        waiting += progress.status == TargetStatus::waiting ? 1 : 0;
    EXPECT_EQ(waiting, 40 - kPlaces);
}

/// A former build sent everything at once.
TEST(RoomTest, WhatAFormerBuildSentIsSentAgainInTurn) {
    Rollout rollout(1, AssignmentPtr(on_one_agent(40, 1)));
    auto& state = rollout.state();
    const auto first = state.outbox.begin()->second;
    for (auto& [name, progress] : state.releases.begin()->second.targets) {
        if (progress.status != TargetStatus::waiting) continue;
        auto entry = first;
        entry.action.id = progress.action = "sent to " + name;
        entry.action.key.target = name;
        progress.status = TargetStatus::dispatched;
        state.outbox[entry.action.id] = entry;
        state.outbox_by_key[entry.action.key] = entry.action.id;
        state.sent_to[entry.agent].insert(entry.action.id);
        state.assignments.at(kKey).in_flight.insert(entry.action.id);
    }
    ASSERT_EQ(state.outbox.size(), 40u);
    rollout.says_it_runs(0, 0);
    EXPECT_EQ(state.outbox.size(), kPlaces);
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::running);
}

}  // namespace
}  // namespace tidegate::engine
