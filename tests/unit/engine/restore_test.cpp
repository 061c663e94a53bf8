/// What a restore is sent with, and what it is called; what an agent suspended.

#include <gtest/gtest.h>

#include "schema/resolve/digest.h"
#include "tests/unit/engine/rollout.h"

namespace tidegate::engine {
namespace {

Strategy checked_by(const char* url) {
    auto strategy = one_by_one();
    strategy.health_check.emplace();
    strategy.health_check->url = url;
    return strategy;
}

/// A commit that breaks its own health check must not break the way back, too.
TEST(RestoreTest, IsVerifiedWithTheChecksOfLastGood) {
    Rollout rollout(1, checked_by("old"));
    (void)rollout.finish_one();
    auto second = std::make_shared<Assignment>(*wish_of(1, checked_by("new")));
    auto definition = std::make_shared<Definition>(*second->definition);
    definition->digest = Digest::of("v2");
    definition->version = "v2";
    second->definition = second->targets[0].definition = definition;
    second->targets[0].digest = target_digest(definition->digest, second->targets[0].config_digest);
    second->intent.commit = second->intent.digest_commit = "c2";
    rollout.wish(second);
    ASSERT_EQ(rollout.next().verify.at(0).url, "new");
    (void)rollout.finish_one(ActionOutcome::failed);
    ASSERT_EQ(rollout.in_flight(), 1u);
    EXPECT_EQ(rollout.next().kind, ActionKind::rollback);
    EXPECT_EQ(rollout.next().verify.at(0).url, "old");
    // The version is taken back in Git, the broken check is not.
    auto reverted = std::make_shared<Assignment>(*wish_of(1, checked_by("new")));
    reverted->intent.commit = reverted->intent.digest_commit = "c3";
    reverted->intent.by_daemon = true;
    rollout.wish(reverted);
    (void)rollout.finish_one(ActionOutcome::failed);
    ASSERT_EQ(rollout.in_flight(), 1u);
    EXPECT_EQ(rollout.next().kind, ActionKind::rollback);
    EXPECT_EQ(rollout.next().verify.at(0).url, "old");
}

/// A way back that no agent can be sent restores nothing; the good version alone does.
TEST(RestoreTest, LeavesOutTheFailedWayBackWhereBothDoNotFit) {
    const auto sent_back = [](std::size_t good, std::size_t script) {
        auto first = std::make_shared<Assignment>(*wish_of(1, one_by_one()));
        auto with = [&](const char* version) {
            auto definition = std::make_shared<Definition>(*first->definition);
            definition->digest = Digest::of(version);
            definition->version = version;
            return definition;
        };
        const auto wish = [&](const DefinitionPtr& definition) {
            auto made = std::make_shared<Assignment>(*first);
            made->definition = made->targets[0].definition = definition;
            made->targets[0].digest =
                target_digest(definition->digest, made->targets[0].config_digest);
            made->intent.commit = made->intent.digest_commit = definition->version;
            return made;
        };
        auto old = with("v1");
        old->deploy.script.install_script.assign(good, 'x');
        auto bad = with("v2");
        bad->deploy.script.rollback_script.assign(script, 'y');
        Rollout rollout(1, wish(old));
        (void)rollout.finish_one();
        rollout.wish(wish(bad));
        (void)rollout.finish_one(ActionOutcome::failed);
        EXPECT_EQ(rollout.next().kind, ActionKind::rollback);
        return rollout.next().rollback_script.size();
    };
    EXPECT_EQ(sent_back(100'000, 80'000), 80'000u);
    EXPECT_EQ(sent_back(100'000, 120'000), 0u);
}

TEST(RestoreTest, IsToldWhatItTakesAwayInEveryTry) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    rollout.wish(second_version(1, one_by_one()));
    for (int tries = 0; tries < 2; ++tries) {
        (void)rollout.finish_one(ActionOutcome::failed);
        ASSERT_EQ(rollout.in_flight(), 1u);
        EXPECT_EQ(rollout.next().kind, ActionKind::rollback);
        EXPECT_EQ(rollout.next().current_version, "v2");
    }
}

/// The agent was killed in the middle. What was admitted may end, whatever holds by now.
TEST(SuspendedTest, GoesOnWhileItIsWanted) {
    Rollout rollout(2, all_at_once());
    const auto first = rollout.next().id;
    rollout.leaves(0);
    auto frozen = std::make_shared<Assignment>(*wish_of(2, all_at_once()));
    frozen->rules.freeze.active = true;
    rollout.wish(frozen);
    rollout.comes_back_interrupted(0, {first});
    ASSERT_EQ(rollout.in_flight(), 3u);
    (void)rollout.finish_one();
    (void)rollout.finish_one();
    EXPECT_EQ(rollout.next().id, first);
    EXPECT_TRUE(rollout.cancelled().empty());
}

TEST(SuspendedTest, IsDroppedWhenNobodyWaitsForIt) {
    Rollout rollout(2, all_at_once());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    rollout.wish(second_version(2, all_at_once()));
    const auto away = rollout.state().outbox_by_key.at({name_of(1), kKey.project, ""});
    rollout.leaves(1);
    (void)rollout.finish_one(ActionOutcome::failed);
    ASSERT_EQ(newest(rollout).status, ReleaseStatus::rolling_back);
    const auto sent = rollout.in_flight();
    rollout.comes_back_interrupted(1, {away, "another"});
    EXPECT_EQ(rollout.cancelled(), (std::vector<std::string>{away, "another"}));
    EXPECT_EQ(rollout.in_flight(), sent);
}

/// What our own revert brought back fails: the fleet goes back, Git stays as it is.
TEST(RestoreTest, ARevertIsNeverReverted) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    auto reverted = std::make_shared<Assignment>(*second_version(1, one_by_one()));
    reverted->intent.by_daemon = true;
    rollout.wish(reverted);
    (void)rollout.finish_one(ActionOutcome::failed);
    EXPECT_EQ(rollout.next().kind, ActionKind::rollback);
    EXPECT_EQ(newest(rollout).revert, RevertState::not_needed);
    EXPECT_TRUE(rollout.state().reverts.empty());
}

TEST(RestoreTest, OfAPinnedTargetIsCalledWhatItIs) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    rollout.wish(second_version(1, one_by_one()));
    auto pinned = std::make_shared<Assignment>(*second_version(1, one_by_one()));
    auto& target = pinned->targets[0];
    pin(target, "v0");
    rollout.wish(pinned);
    (void)rollout.finish_one(ActionOutcome::failed);
    ASSERT_EQ(rollout.in_flight(), 1u);
    EXPECT_EQ(rollout.next().kind, ActionKind::rollback);
    EXPECT_EQ(rollout.next().digest, target_digest(Digest::of("v1"), target.config_digest));
}

/// After a restart the failed version's definition, and its way back, have to be read first.
TEST(RestoreTest, ThatIsOwedIsNotOvertakenByACatchUp) {
    Rollout rollout(2, one_by_one());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    auto bad = std::make_shared<Assignment>(*second_version(2, one_by_one()));
    auto definition = std::make_shared<Definition>(*bad->definition);
    definition->deploy.script.rollback_script = "go back";
    bad->definition = bad->targets[0].definition = bad->targets[1].definition = definition;
    rollout.wish(bad);
    (void)rollout.finish_one();
    rollout.leaves(0);
    (void)rollout.finish_one(ActionOutcome::failed);
    (void)rollout.finish_one();
    rollout.pass(std::chrono::minutes{1});
    ASSERT_EQ(newest(rollout).status, ReleaseStatus::rollback);
    rollout.restart();
    auto reverted = std::make_shared<Assignment>(*wish_of(2, one_by_one()));
    reverted->intent.commit = reverted->intent.digest_commit = "c3";
    reverted->intent.by_daemon = true;
    rollout.wish(reverted);
    for (int i = 0; i < 2; ++i) rollout.comes_back(i);
    EXPECT_EQ(rollout.in_flight(), 0u);
    rollout.loads("c2", definition);
    ASSERT_EQ(rollout.in_flight(), 1u);
    EXPECT_EQ(rollout.next().kind, ActionKind::rollback);
    EXPECT_EQ(rollout.next().rollback_script, "go back");
    (void)rollout.finish_one();
    EXPECT_EQ(newest(rollout).targets.at(name_of(0)).status, TargetStatus::restored);
    EXPECT_EQ(rollout.in_flight(), 0u);
}

}  // namespace
}  // namespace tidegate::engine
