/// What the version before left on disk is taken up: the agent's journal, the daemon's store and
/// the history beside it. And what the two said to each other then is obeyed and answered now.

#include <gmock/gmock.h>

#include <algorithm>

#include "reconciler/store/sqlite_store.h"
#include "schema/base/limits.h"
#include "tests/golden/before/line.h"
#include "tests/golden/before/recorded.h"
#include "tests/golden/before/sample.h"
#include "tests/golden/before/story.h"
#include "tests/integration/temp_dir.h"

namespace tidegate::before {
namespace {

using testing::ElementsAre;

// ---- the agent

TEST(JournalBeforeTest, IsTakenUp) {
    const test::TempDir dir;
    std::filesystem::copy(recorded_path("journal"), dir / "journal");
    auto journal = agent::Journal::open(dir / "journal");
    ASSERT_TRUE(journal) << journal.error().text();
    const auto content = (*journal)->take_content();
    EXPECT_EQ(content.torn_bytes, 0U);
    EXPECT_EQ(content.records.epoch, 7U);
    EXPECT_THAT(content.records.installations, ElementsAre(installation("1.4.2", 3)));
    const auto& actions = content.records.actions;
    ASSERT_EQ(actions.size(), 2U) << "the acknowledged one is forgotten";
    EXPECT_EQ(actions[0].action, action("1.4.2", ActionKind::deploy));
    EXPECT_EQ(actions[0].result,
              result(action("1.4.2", ActionKind::deploy), ActionOutcome::failed, 2));
    EXPECT_EQ(actions[1].action, action("1.4.3", ActionKind::rollback));
    EXPECT_FALSE(actions[1].result) << "it was cut off";
    ASSERT_EQ(content.running.size(), 1U);
    EXPECT_EQ(content.running[0].pid, 4243);
    EXPECT_EQ(content.definitions.size(), 1U);
}

TEST(JournalBeforeTest, WhatWasCutOffIsProbedAndNeverStartedAgain) {
    const test::TempDir dir;
    std::filesystem::copy(recorded_path("journal"), dir / "journal");
    auto journal = agent::Journal::open(dir / "journal");
    ASSERT_TRUE(journal) << journal.error().text();
    machine::Machine machine{(*journal)->take_content().records};
    const auto rollback = action("1.4.3", ActionKind::rollback);
    const auto boot = machine.boot();
    const auto probes = std::ranges::count_if(boot, [&](const auto& effect) {
        const auto* probe = std::get_if<machine::Probe>(&effect);
        return probe != nullptr && probe->action.id == rollback.id;
    });
    EXPECT_EQ(probes, 1);
    for (const auto& effect : machine.step(machine::RunCommand{7, rollback}, kNoon))
        EXPECT_FALSE(std::holds_alternative<machine::Start>(effect));
    EXPECT_THAT(machine.inventory().running, ElementsAre(rollback.id));
    ASSERT_EQ(machine.inventory().results.size(), 1U);
    EXPECT_EQ(machine.inventory().results[0].id, Digest::of("1.4.2").hex());
}

/// Runs what the machine asks for and lets all end well; what it reports is what goes up.
std::vector<wire::AgentMessage> obey(machine::Machine& machine, machine::Effects effects) {
    std::vector<wire::AgentMessage> reports;
    const auto go_on = [&](const machine::Input& input) {
        for (auto& next : machine.step(input, kNoon)) effects.push_back(std::move(next));
    };
    for (std::size_t i = 0; i < effects.size(); ++i) {
        const auto effect = effects[i];
        if (const auto* intent = std::get_if<machine::JournalIntent>(&effect))
            go_on(machine::IntentDurable{intent->action.id});
        if (const auto* start = std::get_if<machine::Start>(&effect)) {
            machine::Finished finished;
            finished.action = start->action.id;
            go_on(finished);
        }
        if (const auto* outcome = std::get_if<machine::JournalOutcome>(&effect))
            go_on(machine::OutcomeDurable{outcome->result.id});
        if (const auto* report = std::get_if<machine::ReportResult>(&effect))
            reports.emplace_back(report->result);
    }
    return reports;
}

TEST(AgentOfNowTest, ObeysTheDaemonOfBeforeWhichUnderstandsItsAnswers) {
    machine::Machine machine;
    (void)machine.step(machine::WelcomeCommand{7}, kNoon);
    std::size_t ended = 0;
    for (const auto& message : from_daemon()) {
        const auto* run = std::get_if<wire::Run>(&message);
        if (run == nullptr) continue;
        const auto reports =
            obey(machine, machine.step(machine::RunCommand{run->epoch, run->action}, kNoon));
        ASSERT_EQ(reports.size(), 1U) << run->action.version;
        EXPECT_EQ(std::get<ActionResult>(reports[0]).outcome, ActionOutcome::done);
        EXPECT_TRUE(wire::encode(reports[0])) << run->action.version;
        ++ended;
    }
    EXPECT_EQ(ended, 3U);
}

// ---- the daemon

class StoreBeforeTest : public testing::Test {
protected:
    StoreBeforeTest() {
        std::filesystem::copy(recorded_path("store.sqlite"), dir_ / "store.sqlite");
        auto opened = open_sqlite_store(dir_ / "store.sqlite");
        if (!opened) throw std::runtime_error(opened.error().text());
        store_ = std::move(*opened);
    }
    /// The engine as a daemon of now starts it.
    Story started() {
        std::vector<Row> rows;
        for (const auto table : kTables) {
            auto loaded = store_->load(table);
            EXPECT_TRUE(loaded);
            for (auto& row : *loaded) rows.push_back(std::move(row));
        }
        const auto epoch = *store_->begin_epoch(kBegin);
        EXPECT_GT(epoch, kEpoch);
        // A store of then has no age: all that was waited for gets its time anew.
        const Clocks later{kBegin + std::chrono::minutes{3}, Lived{}};
        return Story{*engine::restore(rows, epoch, later), later};
    }

    test::TempDir dir_;
    std::unique_ptr<Store> store_;
};

TEST_F(StoreBeforeTest, HoldsWhatItHeld) {
    const auto then = told();
    const auto now = started();
    EXPECT_EQ(now.state.releases.size(), then.state.releases.size());
    for (const auto& [id, release] : then.state.releases) {
        ASSERT_TRUE(now.state.releases.contains(id)) << id;
        EXPECT_EQ(to_string(now.state.releases.at(id).status), to_string(release.status)) << id;
    }
    EXPECT_EQ(now.state.quarantines.size(), 1U);
    EXPECT_TRUE(now.state.quarantines.contains({kShop, bad_wish()->definition->digest}));
    const auto& shop = now.state.assignments.at(kShop);
    ASSERT_TRUE(shop.good);
    EXPECT_EQ(shop.good->good.version, "1.0.0");
    EXPECT_TRUE(now.state.assignments.at(kPreview).departed.contains("pre-1")) << "an orphan";
    EXPECT_TRUE(verify_audit(*store_));
}

/// The agents of before come back to a daemon of now, say what they have, and the rollback that was
/// under way ends as it should.
TEST_F(StoreBeforeTest, TheRollbackThatWasUnderWayEnds) {
    auto story = started();
    const auto release = story.state.assignments.at(kShop).active;
    ASSERT_FALSE(release.empty());
    ASSERT_EQ(story.state.releases.at(release).status, ReleaseStatus::rolling_back);
    story.report = 100;
    for (const auto* name : {"web-1", "web-2", "web-3", "pre-1"}) {
        Inventory inventory;
        for (const auto& [key, there] : story.state.agents[name].installations)
            inventory.installations.push_back(there);
        story.connect(name, std::move(inventory));
    }
    story.feed(engine::ConfigChanged{desired({bad_wish()})});
    const auto questions = story.state.questions;
    for (const auto& [id, question] : questions)
        if (const auto* load = std::get_if<engine::LoadDefinition>(&question);
            load && load->key == kShop && load->commit == kFirst)
            story.feed(engine::Answered{id, good_wish()->definition});
    for (int i = 0; i < 10 && !story.sent.empty(); ++i) {
        EXPECT_EQ(story.sent.front().second.version, "1.0.0") << "nothing else is sent";
        story.finish(ActionOutcome::done);
    }
    EXPECT_EQ(story.state.releases.at(release).status, ReleaseStatus::rollback)
        << story.state.releases.at(release).reason;
}

TEST(HistoryBeforeTest, SaysWhatTheLineSaysOrIsReplayed) {
    auto replayed = followed_line();
    auto loaded = LineTracker::load({testing_support::zones, "Tidegate <tidegate@example.com>"},
                                    recorded("history.json"), replayed.tree.files);
    if (!loaded) {
        EXPECT_EQ(loaded.error().message, "the stored history is of another format");
        return;  // so that the line is replayed
    }
    for (auto* line : {&*loaded, &replayed.tracker})
        for (const auto& commit : line->missing()) line->provide(commit, replayed.tree.files);
    const auto then = loaded->desired(kBegin), now = replayed.tracker.desired(kBegin);
    EXPECT_EQ(then.commit, now.commit);
    ASSERT_EQ(then.assignments.size(), now.assignments.size());
    for (const auto& [key, assignment] : now.assignments) {
        const auto& before = *then.assignments.at(key);
        EXPECT_EQ(before.definition->digest, assignment->definition->digest) << key.text();
        EXPECT_EQ(before.intent.commit, assignment->intent.commit) << key.text();
        EXPECT_EQ(before.reverts.size(), assignment->reverts.size()) << key.text();
    }
    EXPECT_TRUE(loaded->find_version({"preview", "api"}, "1.0.0")) << "it left Git";
}

}  // namespace
}  // namespace tidegate::before
