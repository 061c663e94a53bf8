#include "reconciler/forecast/forecast.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schema/resolve/digest.h"

namespace tidegate::forecast {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

/// A Sunday.
constexpr Timestamp kNow{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22}};
const AssignmentKey kProd{"prod", "shop"};

/// web-1 … web-N, one agent each, rolling; version N comes by commit cN.
std::shared_ptr<Assignment> shop(int version, int targets = 3, AssignmentKey key = kProd) {
    auto definition = std::make_shared<Definition>();
    definition->key = key;
    definition->version = fmt::format("{}.0", version);
    definition->digest = Digest::of(definition->version);
    definition->commit = fmt::format("c{}", version);
    definition->deploy.script.install_script = "true";
    auto made = std::make_shared<Assignment>();
    made->key = key;
    made->definition = definition;
    made->intent.commit = made->intent.digest_commit = definition->commit;
    for (int i = 1; i <= targets; ++i) {
        DesiredTarget target;
        target.name = target.agent =
            fmt::format("{}-{}", key.project == "shop" ? "web" : key.project, i);
        target.config_digest = Digest::of(target.name);
        target.definition = definition;
        target.digest = target_digest(definition->digest, target.config_digest);
        made->targets.push_back(std::move(target));
    }
    return made;
}

std::shared_ptr<const Desired> desired(std::vector<AssignmentPtr> assignments) {
    auto made = std::make_shared<Desired>();
    made->root_commit = "c0";
    for (auto& assignment : assignments) {
        const auto key = assignment->key;
        made->assignments[key] = std::move(assignment);
    }
    return made;
}

Start healthy(std::vector<AssignmentPtr> base, std::vector<AssignmentPtr> head) {
    Start start;
    start.now = kNow;
    start.base = desired(std::move(base));
    start.head = desired(std::move(head));
    make_healthy(start);
    return start;
}

const Surroundings kNoGit{[](const engine::Question&) -> Result<engine::Answer> {
                              return fail(ErrorCode::not_found, "no Git here");
                          },
                          [] { return true; }};

Forecast forecast_of(const Start& start) { return foretell(start, kNoGit); }

/// `0 deploy +0-10 web-1; …`: seconds since the release began.
std::string steps_of(const ReleaseTimeline& timeline) {
    std::string text;
    const auto since = [&](const std::optional<Timestamp>& at) {
        return at ? std::chrono::round<Seconds>(*at - *timeline.release.started_at).count() : -1;
    };
    for (const auto& step : timeline.release.steps) {
        text += fmt::format("{} {} {}-{}", step.index, to_string(kind_of(step)),
                            since(step.started_at), since(step.finished_at));
        if (const auto* work = deploy_of(step))
            for (const auto& name : work->targets) text += ' ' + name;
        text += "; ";
    }
    return text;
}

void freeze(Assignment& assignment, std::optional<Timestamp> until = {}) {
    assignment.rules.freeze = {true, "audit", until};
}

/// Open on working days from 10 to 12 o'clock.
Rules with_hours(Rules rules) {
    rules.window.emplace();
    rules.window->name = "hours";
    rules.window->emergency_users = {"oncall@example.com"};
    rules.window->allowed.push_back({{1, 2, 3, 4, 5}, hours{10}, hours{12}, ""});
    rules.zone = std::make_shared<const ZoneRules>(ZoneRules{"UTC", Seconds{0}, {}});
    return rules;
}

TEST(Forecast, OfWhatStaysAsItIsThereIsNone) {
    const auto same = shop(1);
    EXPECT_TRUE(forecast_of(healthy({same}, {same})).timelines.empty());
}

TEST(Forecast, StepsFollowOneAnotherAsTheEngineWalksThem) {
    const auto next = shop(2);
    next->strategy.batch_interval = Seconds{60};
    const auto forecast = forecast_of(healthy({shop(1)}, {next}));
    ASSERT_EQ(forecast.timelines.size(), 1U);
    const auto& timeline = forecast.timelines.front();
    ASSERT_EQ(timeline.releases.size(), 1U);
    EXPECT_EQ(timeline.first()->release.kind, ReleaseKind::introduce);
    EXPECT_EQ(timeline.first()->release.status, ReleaseStatus::success);
    EXPECT_EQ(timeline.first()->release.started_at, kNow);
    EXPECT_EQ(steps_of(*timeline.first()),
              "0 deploy 0-10 web-1; 1 deploy 70-80 web-2; 2 deploy 140-150 web-3; ");
    EXPECT_EQ(forecast.cut, Cut::none);
}

/// The engine looks at large assignments only so often, and holds are as of its last look.
TEST(Forecast, LargeFleetsAreFollowedToTheEnd) {
    const auto next = shop(2, 300);
    next->strategy.batch_size = Amount{100, false};
    next->strategy.max_unavailable = Amount{100, true};
    const auto timeline = forecast_of(healthy({shop(1, 300)}, {next})).timelines.front();
    ASSERT_TRUE(timeline.first());
    EXPECT_EQ(timeline.first()->release.status, ReleaseStatus::success);
    EXPECT_EQ(timeline.first()->release.steps.size(), 3U);
    EXPECT_THAT(timeline.holds, testing::IsEmpty());
    const auto took = *timeline.first()->release.finished_at - kNow;
    EXPECT_EQ(std::chrono::round<Seconds>(took), Seconds{30});
}

TEST(Forecast, LearntTimesCount) {
    auto start = healthy({shop(1, 1)}, {shop(2, 1)});
    start.durations.learn("shop", ActionKind::deploy, minutes{2});
    EXPECT_EQ(steps_of(*forecast_of(start).timelines.front().first()), "0 deploy 0-120 web-1; ");
}

TEST(Forecast, AWindowIsWaitedFor) {
    const auto next = shop(2, 2);
    next->rules = with_hours({});
    const auto forecast = forecast_of(healthy({shop(1, 2)}, {next}));
    const auto& timeline = forecast.timelines.front();
    const auto monday = kNow + hours{24 + 10};
    EXPECT_FALSE(timeline.first()->waits);
    EXPECT_EQ(timeline.first()->release.started_at, monday);
    ASSERT_EQ(timeline.holds.size(), 1U);
    EXPECT_EQ(timeline.holds.front().hold.gate, "window");
    EXPECT_EQ(timeline.holds.front().from, kNow);
    EXPECT_EQ(timeline.holds.front().to, monday);
}

TEST(Forecast, AnEmergencyWaitsForNoWindow) {
    const auto next = shop(2, 1);
    next->rules = with_hours({});
    next->anchor_rules = {std::make_shared<const Rules>(next->rules)};
    next->intent.author_email = "oncall@example.com";
    next->intent.emergency_reason = "outage";
    const auto timeline = forecast_of(healthy({shop(1, 1)}, {next})).timelines.front();
    EXPECT_EQ(timeline.first()->release.started_at, kNow);
    EXPECT_THAT(timeline.holds, testing::IsEmpty());
}

/// The version came while it was frozen; the change lifts the freeze, and nothing else.
TEST(Forecast, AReleaseThatALiftedFreezeFreesIsToldOf) {
    const auto frozen = shop(2);
    freeze(*frozen);
    const auto thawed = std::make_shared<Assignment>(*frozen);
    thawed->rules.freeze = {};
    auto start = healthy({shop(1)}, {thawed});
    start.base = desired({frozen});
    const auto forecast = forecast_of(start);
    ASSERT_EQ(forecast.timelines.size(), 1U);
    EXPECT_EQ(forecast.timelines.front().first()->release.started_at, kNow);
    EXPECT_EQ(forecast.timelines.front().first()->release.to, "2.0");
}

TEST(Forecast, WhatWaitsForAPersonIsFollowedFromThere) {
    const auto next = shop(2, 2);
    freeze(*next);
    const auto timeline = forecast_of(healthy({shop(1, 2)}, {next})).timelines.front();
    ASSERT_TRUE(timeline.first());
    EXPECT_TRUE(timeline.first()->waits);
    EXPECT_EQ(steps_of(*timeline.first()), "0 deploy 0-10 web-1; 1 deploy 10-20 web-2; ");
    EXPECT_EQ(timeline.holds.front().hold.gate, "freeze");
    EXPECT_EQ(timeline.holds.front().to, std::nullopt);
}

TEST(Forecast, AFreezeThatEndsIsWaitedFor) {
    const auto next = shop(2, 1);
    freeze(*next, kNow + hours{48});
    const auto timeline = forecast_of(healthy({shop(1, 1)}, {next})).timelines.front();
    EXPECT_EQ(timeline.first()->release.started_at, kNow + hours{48});
}

TEST(Forecast, AFailureIsContainedAndTakenBack) {
    auto start = healthy({shop(1)}, {shop(2)});
    start.failures = {{"web-2", {}}};
    const auto timeline = forecast_of(start).timelines.front();
    const auto& release = timeline.first()->release;
    EXPECT_EQ(release.status, ReleaseStatus::rollback);
    EXPECT_EQ(release.revert, RevertState::pushed);
    EXPECT_EQ(release.targets.at("web-1").status, TargetStatus::restored);
    EXPECT_EQ(release.targets.at("web-2").status, TargetStatus::restored);
    EXPECT_EQ(release.targets.at("web-3").status, TargetStatus::cancelled) << "never touched";
    EXPECT_EQ(timeline.releases.size(), 1U) << "the revert brings nothing new";
}

TEST(Forecast, AFailureMayBeOfOneStepOnly) {
    auto start = healthy({shop(1)}, {shop(2)});
    start.failures = {{"web-2", 0}};
    EXPECT_EQ(forecast_of(start).timelines.front().first()->release.status, ReleaseStatus::success);
    start.failures = {{"web-2", 1}};
    EXPECT_EQ(forecast_of(start).timelines.front().first()->release.status,
              ReleaseStatus::rollback);
}

TEST(Forecast, TellsWhatAFailureAtTheEndUndoes) {
    const auto timeline = forecast_of(healthy({shop(1)}, {shop(2)})).timelines.front();
    EXPECT_EQ(timeline.first()->release.status, ReleaseStatus::success);
    ASSERT_TRUE(timeline.undo);
    EXPECT_EQ(timeline.undo->target, "web-3");
    EXPECT_EQ(timeline.undo->step, 2);
    EXPECT_EQ(timeline.undo->to, "1.0");
    EXPECT_THAT(timeline.undo->restored, testing::ElementsAre("web-1", "web-2", "web-3"));
    EXPECT_EQ(timeline.undo->revert, RevertState::pushed);
    EXPECT_EQ(std::chrono::round<Seconds>(timeline.undo->took), Seconds{20});
}

TEST(Forecast, NothingIsUndoneOfWhatIsForwardOnly) {
    const auto next = shop(2);
    next->forward_only = true;
    const auto timeline = forecast_of(healthy({shop(1)}, {next})).timelines.front();
    ASSERT_TRUE(timeline.undo);
    EXPECT_EQ(timeline.undo->status, ReleaseStatus::failed);
    EXPECT_THAT(timeline.undo->restored, testing::IsEmpty());
    EXPECT_EQ(timeline.undo->revert, RevertState::none);
}

TEST(Forecast, TheFirstInstallHasNothingToGoBackTo) {
    const auto timeline = forecast_of(healthy({}, {shop(1)})).timelines.front();
    EXPECT_EQ(timeline.first()->release.status, ReleaseStatus::success);
    EXPECT_EQ(timeline.before, nullptr);
    ASSERT_TRUE(timeline.undo);
    EXPECT_THAT(timeline.undo->restored, testing::IsEmpty());
}

TEST(Forecast, TargetsThatAreAwayAreSkipped) {
    auto start = healthy({shop(1)}, {shop(2)});
    start.agents.at(1).online = false;
    const auto timeline = forecast_of(start).timelines.front();
    EXPECT_THAT(timeline.away, testing::ElementsAre("web-2"));
    EXPECT_EQ(steps_of(*timeline.first()), "0 deploy 0-10 web-1; 1 deploy 10-20 web-3; ");
    EXPECT_EQ(timeline.first()->release.targets.at("web-2").status, TargetStatus::skipped);
}

TEST(Forecast, WhereNobodyIsThereItWaits) {
    auto start = healthy({shop(1, 1)}, {shop(2, 1)});
    start.agents.front().online = false;
    const auto timeline = forecast_of(start).timelines.front();
    ASSERT_TRUE(timeline.first());
    EXPECT_TRUE(timeline.first()->waits);
    EXPECT_EQ(timeline.holds.front().hold.gate, "offline");
}

TEST(Forecast, ANewTargetCatchesUpAlone) {
    const auto forecast = forecast_of(healthy({shop(1, 2)}, {shop(1, 3)}));
    const auto& timeline = forecast.timelines.front();
    EXPECT_THAT(timeline.come, testing::ElementsAre("web-3"));
    EXPECT_EQ(timeline.first()->release.kind, ReleaseKind::catch_up);
    EXPECT_EQ(steps_of(*timeline.first()), "0 deploy 0-10 web-3; ");
    EXPECT_FALSE(timeline.undo) << "only what introduces is taken back";
}

TEST(Forecast, WhatFailsOutsideOfAReleaseIsNotFollowedForAYear) {
    auto start = healthy({shop(1, 2)}, {shop(1, 3)});
    start.failures = {{"web-3", {}}};
    const auto forecast = forecast_of(start);
    EXPECT_EQ(forecast.cut, Cut::none);
    EXPECT_EQ(forecast.timelines.front().releases.size(), 1U);
    EXPECT_LT(forecast.cut_at, kNow + hours{1});
}

TEST(Forecast, ATargetThatLeavesIsNamed) {
    const auto forecast = forecast_of(healthy({shop(1, 3)}, {shop(1, 2)}));
    ASSERT_EQ(forecast.timelines.size(), 1U);
    EXPECT_THAT(forecast.timelines.front().leave, testing::ElementsAre("web-3"));
    EXPECT_EQ(forecast.timelines.front().first(), nullptr);
}

TEST(Forecast, AnAssignmentThatLeavesGitMovesNothing) {
    const auto forecast = forecast_of(healthy({shop(1)}, {}));
    ASSERT_EQ(forecast.timelines.size(), 1U);
    EXPECT_EQ(forecast.timelines.front().after, nullptr);
    EXPECT_THAT(forecast.timelines.front().releases, testing::IsEmpty());
}

TEST(Forecast, WhatIsQuarantinedStays) {
    const auto bad = shop(2);
    auto start = healthy({bad}, {bad});
    start.good.front().good = {Digest::of("1.0"), "c1", "1.0"};
    start.quarantines = {{kProd, Digest::of("2.0"), "2.0", "", "c2", 0, "web-1 failed", kNow}};
    const auto anew = std::make_shared<Assignment>(*bad);
    anew->paused = true;
    start.head = desired({anew});
    const auto timeline = forecast_of(start).timelines.front();
    EXPECT_THAT(timeline.holds, testing::Contains(testing::Field(
                                    &HoldSpan::hold, testing::Field(&Hold::gate, "quarantine"))));
}

/// A window that never opens, and a clock that is up at once.
TEST(Forecast, IsBoundedAndSaysSo) {
    const auto next = shop(2);
    next->rules = with_hours({});
    next->rules.window->allowed = {{{7}, hours{1}, hours{2}, ""}};
    next->rules.window->deny = {{{}, hours{0}, hours{24}, ""}};
    auto start = healthy({shop(1)}, {next});
    int looks = 0;
    const auto forecast = foretell(start, {kNoGit.answers, [&] { return ++looks < 3; }});
    EXPECT_TRUE(forecast.cut == Cut::cpu || forecast.timelines.front().first()->waits);
    const auto cut =
        foretell(healthy({shop(1)}, {shop(2)}), {kNoGit.answers, [] { return false; }});
    EXPECT_EQ(cut.cut, Cut::cpu);
    ASSERT_EQ(cut.timelines.size(), 1U) << "what the change says is told all the same";
}

std::shared_ptr<Assignment> canary(int version, int targets, bool auto_promote) {
    auto made = shop(version, targets);
    auto& strategy = made->strategy;
    strategy.type = StrategyType::canary;
    strategy.auto_promote = auto_promote;
    strategy.steps = {{20, {}, Seconds{600}}, {50, {}, Seconds{600}}, {100, {}, {}}};
    strategy.max_unavailable = Amount{100, true};
    strategy.health_check.emplace();
    return made;
}

TEST(Forecast, ACanaryIsWatched) {
    const auto forecast = forecast_of(healthy({shop(1, 10)}, {canary(2, 10, true)}));
    const auto& release = *forecast.timelines.front().first();
    EXPECT_EQ(release.release.status, ReleaseStatus::success);
    EXPECT_EQ(steps_of(release),
              "0 deploy 0-10 web-1 web-2; 1 verify 10-610; "
              "2 deploy 610-620 web-3 web-4 web-5; 3 verify 620-1220; "
              "4 deploy 1220-1230 web-6 web-7 web-8 web-9 web-10; ");
}

TEST(Forecast, WhereAPersonHasToPromoteItGoesOnAsIfThatCameAtOnce) {
    const auto forecast = forecast_of(healthy({shop(1, 10)}, {canary(2, 10, false)}));
    const auto& release = *forecast.timelines.front().first();
    EXPECT_EQ(release.release.status, ReleaseStatus::success);
    ASSERT_EQ(release.promotes.size(), 2U);
    EXPECT_EQ(release.promotes.front().step, 2);
    EXPECT_EQ(release.promotes.front().at, kNow + Seconds{610});
    EXPECT_EQ(release.promote_before(2), nullptr);
    EXPECT_EQ(release.promote_before(3), &release.promotes.front());
    EXPECT_THAT(forecast.timelines.front().holds, testing::IsEmpty());
}

TEST(Forecast, AFailureWhileItIsWatchedTakesTheCanaryBack) {
    auto start = healthy({shop(1, 10)}, {canary(2, 10, true)});
    start.failures = {{"web-1", 1}};
    const auto forecast = forecast_of(start);
    const auto& release = forecast.timelines.front().first()->release;
    EXPECT_EQ(release.status, ReleaseStatus::rollback);
    EXPECT_EQ(release.targets.at("web-1").status, TargetStatus::restored);
    EXPECT_EQ(release.targets.at("web-2").status, TargetStatus::restored);
    EXPECT_EQ(release.targets.at("web-3").status, TargetStatus::cancelled) << "never touched";
}

TEST(Forecast, IsTheSameEachTime) {
    const auto start =
        healthy({shop(1), shop(1, 2, {"prod", "api"})}, {shop(2), shop(2, 2, {"prod", "api"})});
    std::vector<std::string> told;
    for (int i = 0; i < 2; ++i) {
        auto& text = told.emplace_back();
        for (const auto& timeline : forecast_of(start).timelines)
            text += timeline.first()->release.id + ' ' + steps_of(*timeline.first()) + '\n';
    }
    EXPECT_EQ(told.at(0), told.at(1));
}

}  // namespace
}  // namespace tidegate::forecast
