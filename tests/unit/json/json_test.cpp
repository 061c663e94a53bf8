#include "schema/model/json.h"

#include <gtest/gtest.h>

namespace tidegate {
namespace {

const LastGood kGood{Digest::of("good"), "c1", "1.0"};

Action full_action() {
    Action action;
    action.id = "a1";
    action.kind = ActionKind::rollback;
    action.key = {"web-1", "shop", "blue"};
    action.digest = Digest::of("d");
    action.last_good = kGood;
    action.rejected = kGood;
    action.artifact = Artifact{"https://x/y", "ab"};
    action.deploy.script.install_script = "echo \"ü\"\n";
    action.deploy.script.environment = {{"A", "${B}"}};
    action.pipeline.post_release.emplace_back().check.expected_status = 204;
    action.verify.emplace_back().interval = Seconds{7};
    action.variables["P"].value = "8080";
    action.start_within = Seconds{61};
    return action;
}

Release full_release() {
    Release release;
    release.id = "r1";
    release.number = 7;
    release.key = {"prod", "shop"};
    release.kind = ReleaseKind::catch_up;
    release.status = ReleaseStatus::rolling_back;
    release.last_good = kGood;
    release.created_at = Timestamp(Milliseconds(1'700'000'000'123));
    release.started_at = release.created_at;
    Step step;
    step.work = DeployWork{{"web-1", "web-2"}, 2, 1, Seconds{30}};
    step.status = StepStatus::running;
    step.began = step.ended = step.deadline = Lived{Seconds{5}};
    release.steps.push_back(step);
    release.steps.push_back({.index = 1, .work = VerifyWork{Seconds{600}}});
    release.steps.push_back({.index = 2, .entry = 1, .work = AwaitWork{true, Seconds{60}}});
    auto& progress = release.targets["web-1"];
    progress.status = TargetStatus::restoring;
    progress.watch = Watch{1, TargetStatus::failed, 1, "action", "why", {}, {}, {}};
    progress.stages.push_back({"release", {TaskResult{}}});
    release.holds.push_back({"window", "closed", release.created_at});
    release.revert = RevertState::wanted;
    return release;
}

TEST(JsonTest, RoundTripsEveryField) {
    const auto release = to_json(full_release());
    EXPECT_EQ(to_json(*release_from_json(release)), release);
    EXPECT_NE(release.find("\"until\":1700000000123"), std::string::npos) << release;

    OutboxEntry entry;
    entry.action = full_action();
    entry.assignment = {"prod", "shop"};
    entry.agent = "web-1";
    entry.restore = entry.sent = true;
    entry.deadline = Lived{Seconds{90}};
    const auto outbox = to_json(entry);
    const auto back = outbox_entry_from_json(outbox);
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(to_json(*back), outbox);
    EXPECT_EQ(back->action.key, entry.action.key);
    EXPECT_EQ(back->action.pipeline.post_release.at(0).check.expected_status, 204);
    EXPECT_EQ(back->action.deploy.script.install_script, "echo \"ü\"\n");
    EXPECT_EQ(back->action.rejected, kGood);
}

TEST(JsonTest, InstallationsKeepTheirBackupsAndOlderOnesHaveNone) {
    Installation installation;
    installation.key = {"web-1", "shop", ""};
    EXPECT_EQ(to_json(installation).find("backups"), std::string::npos);
    EXPECT_EQ(*installation_from_json(to_json(installation)), installation);
    installation.backups = {{"/b/2", Timestamp(Milliseconds(1'700'000'000'123))}, {"/b/1", {}}};
    EXPECT_EQ(*installation_from_json(to_json(installation)), installation);
}

TEST(JsonTest, KeepsDefaultsForMissingFieldsAndIgnoresNewOnes) {
    const auto block = block_from_json(R"({"failures":2,"of_a_newer_daemon":[1]})");
    ASSERT_TRUE(block.has_value());
    EXPECT_EQ(block->failures, 2);
    EXPECT_EQ(block->reason, "");
}

struct BadCase {
    const char* text;
};
class BadJsonTest : public testing::TestWithParam<BadCase> {};
TEST_P(BadJsonTest, IsAnError) {
    const auto release = release_from_json(GetParam().text);
    ASSERT_FALSE(release.has_value());
    EXPECT_EQ(release.error().code, ErrorCode::invalid);
}
INSTANTIATE_TEST_SUITE_P(Texts, BadJsonTest,
                         testing::Values(BadCase{""}, BadCase{"{"}, BadCase{"[]"},
                                         BadCase{R"({"id":5})"}, BadCase{R"({"kind":"none"})"},
                                         BadCase{R"({"digest":"xyz"})"},
                                         BadCase{R"({"steps":[{"index":"x"}]})"}));

TEST(JsonTest, RepairsBytesThatAreNoText) {
    ActionResult result;
    result.error = "\xff broken";
    EXPECT_TRUE(action_result_from_json(to_json(result)).has_value());
}

}  // namespace
}  // namespace tidegate
