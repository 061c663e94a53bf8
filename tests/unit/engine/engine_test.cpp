#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <utility>

#include "reconciler/engine/engine.h"
#include "schema/base/limits.h"
#include "schema/resolve/digest.h"

namespace tidegate::engine {
namespace {

const AssignmentKey kKey{"prod", "shop"};

std::string name_of(int number) { return fmt::format("web-{:05}", number); }

AssignmentPtr wish_of(int targets, const Strategy& strategy, int first = 0) {
    auto definition = std::make_shared<Definition>();
    definition->key = kKey;
    definition->digest = Digest::of("v1");
    definition->version = "v1";
    definition->deploy.script.install_script = "install";
    definition->health_check = strategy.health_check;
    auto wish = std::make_shared<Assignment>();
    wish->key = kKey;
    wish->intent.commit = "c1";
    wish->intent.digest_commit = "c1";
    wish->definition = definition;
    wish->strategy = strategy;
    for (int i = first; i < targets; ++i) {
        DesiredTarget target;
        target.name = name_of(i);
        target.agent = name_of(i);
        target.config_digest = Digest::of(target.name);
        target.definition = definition;
        target.digest = target_digest(definition->digest, target.config_digest);
        wish->targets.push_back(std::move(target));
    }
    return wish;
}

struct Cost {
    std::size_t rows = 0;
    std::size_t bytes = 0;
    std::size_t shown = 0;  ///< steps and targets of releases
    std::size_t looks = 0;  ///< assignments that were touched

    bool operator==(const Cost&) const = default;
};

/// A release on `targets` hosts, driven by hand; counts what single outcomes cost.
class Rollout {
public:
    Rollout(int targets, const Strategy& strategy) : Rollout(targets, wish_of(targets, strategy)) {}

    Rollout(int targets, AssignmentPtr first) : Rollout(targets, std::vector{std::move(first)}) {}

    Rollout(int targets, const std::vector<AssignmentPtr>& first) : state_(*restore({}, 1, now_)) {
        for (int i = 0; i < targets; ++i) {
            AgentConnected event;
            event.hello.agent = name_of(i);
            feed(event);
        }
        wish(first);
    }

    void wish(AssignmentPtr assignment) { wish(std::vector{std::move(assignment)}); }
    Cost wish(const std::vector<AssignmentPtr>& assignments) {
        auto desired = std::make_shared<Desired>();
        desired->root_commit = "c0";
        for (const auto& assignment : assignments)
            desired->assignments[assignment->key] = assignment;
        return feed(ConfigChanged{desired});
    }

    /// Lets time pass; only the engine's own alarms ring.
    void pass(Milliseconds time) {
        const auto end = now_ + time;
        while (state_.wake && *state_.wake <= end) {
            now_ = std::max(now_, *state_.wake);
            feed(Woke{});
        }
        now_ = end;
    }

    void breaks(int target) { reports(target, InstallStatus::failed, 1); }
    void reports(int target, InstallStatus status, std::uint64_t report) {
        Installation there;
        there.key = {name_of(target), kKey.project, ""};
        there.status = status;
        there.report = report;
        feed(AgentChanged{name_of(target), {there}});
    }
    void set_clock_back(Milliseconds by) { now_ -= by; }
    void leaves(int target) { feed(AgentDisconnected{name_of(target)}); }
    /// As it left, and with an empty journal: nothing that was sent has reached it.
    void comes_back(int target) {
        AgentConnected event;
        event.hello.agent = name_of(target);
        for (const auto& [key, there] : state_.agents.at(name_of(target)).installations)
            event.inventory.installations.push_back(there);
        feed(event);
    }

    /// Lets time pass until nothing more is sent by itself.
    void drain() {
        for (std::size_t before = sent_.size() + 1; before != sent_.size();) {
            before = sent_.size();
            now_ += Milliseconds{200};
            feed(Woke{});
        }
    }

    /// The outcome of one action, at the same time as the one before.
    Cost finish_one(ActionOutcome outcome = ActionOutcome::done) {
        if (sent_.empty()) {
            ADD_FAILURE() << "nothing was sent";
            return {};
        }
        const auto action = std::move(sent_.front());
        sent_.erase(sent_.begin());
        ActionFinished event;
        event.agent = action.key.target;
        event.result.id = action.id;
        event.result.kind = action.kind;
        event.result.outcome = outcome;
        auto& there = event.result.installation;
        there.key = action.key;
        const bool gone = action.kind == ActionKind::uninstall;
        there.status = outcome != ActionOutcome::done ? InstallStatus::failed
                       : gone                         ? InstallStatus::absent
                                                      : InstallStatus::installed;
        there.version = action.version;
        there.digest = action.digest;
        there.report = ++report_;
        return feed(event);
    }

    /// Agents have to come back, and the config has to be read again.
    void restart() { state_ = restarted(); }

    void loads(const std::string& commit, const DefinitionPtr& definition) {
        feed(DefinitionLoaded{kKey, commit, definition});
    }
    /// It was asked the same before, and says what came of it then.
    void answers_from_its_journal() {
        const auto newest = std::exchange(report_, 0u);
        (void)finish_one();
        report_ = newest;
    }
    [[nodiscard]] std::size_t rows(Table table) const {
        return static_cast<std::size_t>(std::ranges::count_if(
            rows_, [&](const auto& row) { return row.first.first == table; }));
    }

    void hold_tip(bool held) { feed(GitHeld{held, "t1", "it does not descend"}); }
    /// How the oldest revert that was asked for ended.
    Cost answer(decltype(RevertDone::outcome) outcome) {
        const auto release = asked_.front().release;
        asked_.erase(asked_.begin());
        return feed(RevertDone{release, std::move(outcome)});
    }
    [[nodiscard]] const std::vector<RevertRequest>& asked() const { return asked_; }

    [[nodiscard]] std::vector<std::string> orphaned() const {
        return explain(state_, kKey, now_)->orphaned;
    }
    [[nodiscard]] std::vector<Hold> holds() const { return explain(state_, kKey, now_)->holds; }
    [[nodiscard]] Timestamp now() const { return now_; }
    [[nodiscard]] const Action& next() const { return sent_.front(); }
    [[nodiscard]] std::size_t in_flight() const { return sent_.size(); }
    [[nodiscard]] State& state() { return state_; }
    /// The same engine, started anew on what it has written.
    [[nodiscard]] State restarted() const {
        std::vector<Row> rows;
        for (const auto& [key, body] : rows_) rows.push_back({key.first, key.second, body});
        return *restore(rows, 2, now_);
    }

private:
    Cost feed(const Event& event) {
        Cost cost;
        for (auto& effect : step(state_, event, now_)) {
            if (const auto* send = std::get_if<Send>(&effect))
                if (const auto* run = std::get_if<Run>(&send->message))
                    sent_.push_back(run->action);
            if (const auto* persist = std::get_if<Persist>(&effect)) write(persist->batch, cost);
            if (const auto* publish = std::get_if<Publish>(&effect)) {
                cost.looks += publish->assignments.size();
                for (const auto& change : publish->releases)
                    cost.shown += change.steps.size() + change.targets.size();
            }
            if (const auto* revert = std::get_if<Revert>(&effect))
                asked_.push_back(revert->request);
        }
        return cost;
    }

    void write(const Batch& batch, Cost& cost) {
        cost.rows += batch.writes.size() + batch.audit.size();
        for (const auto& write : batch.writes) {
            if (const auto* put = std::get_if<Put>(&write)) {
                cost.bytes += put->key.size() + put->body.size();
                rows_[{put->table, put->key}] = put->body;
            } else if (const auto* erase = std::get_if<Erase>(&write)) {
                rows_.erase({erase->table, erase->key});
            }
        }
    }

    Timestamp now_{Milliseconds{1'767'225'600'000}};
    State state_;
    std::vector<Action> sent_;
    std::vector<RevertRequest> asked_;
    std::uint64_t report_ = 0;
    std::map<std::pair<Table, std::string>, std::string> rows_;
};

Strategy all_at_once() {
    Strategy strategy;
    strategy.type = StrategyType::all_at_once;
    return strategy;
}

Strategy one_by_one() {
    Strategy strategy;
    strategy.batch_size = {1, false};
    return strategy;
}

TEST(OutcomeCostTest, AnOutcomeWritesAndShowsTheSameHoweverManyTargetsThereAre) {
    std::vector<Cost> costs;
    for (const int targets : {300, 10'000}) {
        Rollout rollout(targets, all_at_once());
        rollout.drain();
        ASSERT_EQ(rollout.in_flight(), static_cast<std::size_t>(targets));
        (void)rollout.finish_one();
        costs.push_back(rollout.finish_one());
    }
    EXPECT_EQ(costs[0].rows, costs[1].rows);
    EXPECT_EQ(costs[0].shown, 1u);
    EXPECT_EQ(costs[1].shown, 1u);
    EXPECT_LT(costs[1].bytes, 2'000u);
    EXPECT_EQ(costs[0].bytes, costs[1].bytes);
}

TEST(OutcomeCostTest, AStepWritesTheSameHoweverManyStepsThereAre) {
    std::vector<Cost> costs;
    for (const int targets : {10, 200}) {
        Rollout rollout(targets, one_by_one());
        (void)rollout.finish_one();
        costs.push_back(rollout.finish_one());
    }
    EXPECT_EQ(costs[0].rows, costs[1].rows);
    EXPECT_EQ(costs[0].shown, costs[1].shown);
    EXPECT_NEAR(static_cast<double>(costs[0].bytes), static_cast<double>(costs[1].bytes), 8.0);
}

TEST(StepTest, AKindThatNobodyWalksHoldsTheRelease) {
    Rollout rollout(3, one_by_one());
    auto& release = rollout.state().releases.begin()->second;
    release.steps.at(1).kind = StepKind::await;
    release.steps.at(1).targets.clear();
    (void)rollout.finish_one();
    EXPECT_EQ(rollout.in_flight(), 0u);
    EXPECT_EQ(release.steps.at(1).status, StepStatus::pending);
    EXPECT_EQ(release.steps.at(2).status, StepStatus::pending);
    const auto view = explain(rollout.state(), kKey, Timestamp{});
    ASSERT_EQ(view->holds.size(), 1u);
    EXPECT_EQ(view->holds[0].gate, "unsupported");
}

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

std::vector<std::string> in_outbox(Rollout& rollout) {
    std::vector<std::string> targets;
    for (const auto& [id, entry] : rollout.state().outbox)
        targets.push_back(entry.action.key.target);
    return targets;
}

TEST(TargetsThatLeftTest, AnActionThereIsGivenUpAtItsDeadlineAndTheReleaseGoesOn) {
    Rollout rollout(2, one_by_one());
    rollout.leaves(0);
    rollout.wish(wish_of(2, one_by_one(), 1));
    EXPECT_EQ(in_outbox(rollout), std::vector{name_of(0)});
    rollout.pass(std::chrono::hours{1});
    EXPECT_EQ(in_outbox(rollout), std::vector{name_of(1)});
}

TEST(TargetsThatLeftTest, AReleaseWithoutAnyTargetLeftProvesNothing) {
    Rollout rollout(1, one_by_one());
    rollout.leaves(0);
    rollout.wish(wish_of(2, one_by_one(), 1));
    rollout.pass(std::chrono::hours{1});
    ASSERT_EQ(rollout.state().releases.size(), 2u);
    EXPECT_FALSE(rollout.state().assignments.at(kKey).good);
}

TEST(TargetsThatLeftTest, ARefusalThatComesThenIsNotTriedOver) {
    Rollout rollout(2, one_by_one());
    rollout.wish(wish_of(2, one_by_one(), 1));
    (void)rollout.finish_one(ActionOutcome::refused);
    EXPECT_EQ(in_outbox(rollout), std::vector{name_of(1)});
    (void)rollout.finish_one();
    EXPECT_EQ(rollout.state().releases.begin()->second.status, ReleaseStatus::success);
}

std::shared_ptr<Assignment> version_of(int targets, const Strategy& strategy, int number) {
    auto wish = std::make_shared<Assignment>(*wish_of(targets, strategy));
    auto definition = std::make_shared<Definition>(*wish->definition);
    definition->version = fmt::format("v{}", number);
    definition->digest = Digest::of(definition->version);
    wish->definition = definition;
    for (auto& target : wish->targets) {
        target.definition = definition;
        target.digest = target_digest(definition->digest, target.config_digest);
    }
    wish->intent.commit = wish->intent.digest_commit = fmt::format("c{}", number);
    return wish;
}

AssignmentPtr second_version(int targets, const Strategy& strategy) {
    return version_of(targets, strategy, 2);
}

const Release& newest(Rollout& rollout) {
    const auto& state = rollout.state();
    return state.releases.at(state.assignments.at(kKey).releases.back());
}

std::shared_ptr<Definition> definition_named(const char* version) {
    auto definition = std::make_shared<Definition>(*wish_of(1, one_by_one())->definition);
    definition->digest = Digest::of(version);
    definition->version = version;
    return definition;
}

void pin(DesiredTarget& target, const char* version) {
    target.pinned = true;
    target.definition = definition_named(version);
    target.digest = target_digest(target.definition->digest, target.config_digest);
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

AssignmentPtr with_retry(const AssignmentPtr& wish, int retry) {
    auto made = std::make_shared<Assignment>(*wish);
    made->retry = retry;
    made->intent.commit += fmt::format("-retry-{}", retry);
    return made;
}

/// A retry pushed before the failure is no answer to it, whether the wish is read again or not.
TEST(QuarantineTest, IsLiftedByWhatAPersonSaysAfterItOnly) {
    const auto second = second_version(2, one_by_one());
    Rollout rollout(2, one_by_one());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    rollout.wish(AssignmentPtr(second));
    const auto& failing = newest(rollout);
    rollout.wish(with_retry(second, 1));
    (void)rollout.finish_one(ActionOutcome::failed);
    (void)rollout.finish_one();
    ASSERT_EQ(failing.status, ReleaseStatus::rollback);
    rollout.wish(with_retry(second, 1));
    EXPECT_EQ(rollout.state().quarantines.size(), 1u) << "read again after another commit";
    rollout.restart();
    rollout.wish(with_retry(second, 1));
    EXPECT_EQ(rollout.state().quarantines.size(), 1u) << "read again after a restart";
    for (int i = 0; i < 2; ++i) rollout.comes_back(i);
    EXPECT_EQ(rollout.in_flight(), 0u);
    rollout.wish(with_retry(second, 2));
    EXPECT_TRUE(rollout.state().quarantines.empty());
    ASSERT_EQ(rollout.in_flight(), 1u);
    EXPECT_EQ(rollout.next().version, "v2");
}

/// The release that failed is still waited for, and looked at often.
TEST(QuarantineTest, ThatAPersonLiftedIsNotSetAgainByTheSameRelease) {
    auto second = std::make_shared<Assignment>(*second_version(2, all_at_once()));
    second->forward_only = true;
    Rollout rollout(2, all_at_once());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    rollout.wish(AssignmentPtr(second));
    const auto& failing = newest(rollout);
    (void)rollout.finish_one(ActionOutcome::failed);
    ASSERT_EQ(rollout.state().quarantines.size(), 1u);
    rollout.wish(with_retry(second, 1));
    EXPECT_TRUE(rollout.state().quarantines.empty());
    (void)rollout.finish_one(ActionOutcome::failed);
    EXPECT_TRUE(rollout.state().quarantines.empty());
    EXPECT_EQ(failing.status, ReleaseStatus::failed);
    EXPECT_NE(newest(rollout).id, failing.id);
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::running);
}

struct SecondTryCase {
    const char* name;
    AssignmentPtr commit;
};
class SecondTryTest : public testing::TestWithParam<SecondTryCase> {};
/// The first try's revert could not be pushed yet.
TEST_P(SecondTryTest, IsNotTakenBackForTheFirst) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    rollout.wish(second_version(1, one_by_one()));
    const auto& first = newest(rollout);
    (void)rollout.finish_one(ActionOutcome::failed);
    (void)rollout.finish_one();
    ASSERT_EQ(first.status, ReleaseStatus::rollback);
    const auto away = RevertDone::Failed{{ErrorCode::unavailable, "Git is away", {}}};
    (void)rollout.answer(away);
    rollout.wish(GetParam().commit);
    rollout.pass(limits::kAskAgainMax);
    EXPECT_TRUE(rollout.asked().empty());
    EXPECT_EQ(first.revert, RevertState::not_needed);
    (void)rollout.finish_one(ActionOutcome::failed);
    ASSERT_EQ(rollout.asked().size(), 1u) << "the second try fails, too";
    EXPECT_EQ(rollout.asked()[0].release, newest(rollout).id);
    EXPECT_NE(rollout.asked()[0].release, first.id);
}
AssignmentPtr entered_anew(const char* commit) {
    auto made = std::make_shared<Assignment>(*second_version(1, one_by_one()));
    made->intent.commit = made->intent.digest_commit = commit;
    return made;
}
INSTANTIATE_TEST_SUITE_P(
    Commits, SecondTryTest,
    testing::Values(SecondTryCase{"retry", with_retry(second_version(1, one_by_one()), 1)},
                    SecondTryCase{"there_and_back", entered_anew("c4")}),
    [](const auto& test) { return std::string{test.param.name}; });

/// One commit to a shared file broke many assignments; a revert of each is due.
class RevertsTest : public testing::Test {
protected:
    static AssignmentPtr wish_of_app(int number, int version, const std::string& commit) {
        auto wish = version_of(1, all_at_once(), version);
        auto definition = std::make_shared<Definition>(*wish->definition);
        wish->key.project = definition->key.project = fmt::format("app-{:03}", number);
        wish->definition = wish->targets[0].definition = definition;
        wish->intent.commit = wish->intent.digest_commit = commit;
        wish->intent.by_daemon = commit.starts_with("revert");
        return wish;
    }

    RevertsTest() {
        for (auto& wish : wishes_) wish = wish_of_app(index_of(wish), 2, "c2");
        rollout_.wish(wishes_);
        while (rollout_.in_flight() > 0)
            (void)rollout_.finish_one(rollout_.next().version == "v2" ? ActionOutcome::failed
                                                                      : ActionOutcome::done);
    }

    static std::vector<AssignmentPtr> first_wishes() {
        std::vector<AssignmentPtr> wishes;
        for (int i = 0; i < kApps; ++i) wishes.push_back(wish_of_app(i, 1, "c1"));
        return wishes;
    }
    int index_of(const AssignmentPtr& wish) const {
        return static_cast<int>(&wish - wishes_.data());
    }
    /// What the branch says once our revert is there.
    Cost takes_back(const AssignmentKey& key, const std::string& commit) {
        for (auto& wish : wishes_)
            if (wish->key == key) wish = wish_of_app(index_of(wish), 1, commit);
        return rollout_.wish(wishes_);
    }

    static constexpr int kApps = 40;
    static constexpr std::size_t kFew = 2;  ///< whom it is about, and who is next
    std::vector<AssignmentPtr> wishes_ = first_wishes();
    Rollout rollout_{1, wishes_};
};

TEST_F(RevertsTest, OneAfterTheOtherAndAnAnswerCostsTheSameHoweverManyWait) {
    std::set<std::string> made;
    for (int i = 0; i < kApps; ++i) {
        ASSERT_EQ(rollout_.asked().size(), 1u);
        const auto request = rollout_.asked().front();
        EXPECT_TRUE(made.insert(request.release).second);
        const auto commit = fmt::format("revert-{}", i);
        EXPECT_LE(rollout_.answer(RevertDone::Prepared{commit}).looks, kFew);
        ASSERT_EQ(rollout_.asked().size(), 1u);
        EXPECT_EQ(rollout_.asked().front().prepared, commit);
        EXPECT_LE(rollout_.answer(RevertDone::Pushed{commit}).looks, kFew);
        EXPECT_LE(takes_back(request.key, commit).looks, kFew);
    }
    EXPECT_TRUE(rollout_.asked().empty());
    EXPECT_TRUE(rollout_.state().reverts.empty());
}

/// Its own turn goes to the next one, and comes back.
TEST_F(RevertsTest, OneThatFailsHoldsNoOtherUp) {
    const auto failing = rollout_.asked().front().release;
    (void)rollout_.answer(RevertDone::Failed{{ErrorCode::unavailable, "Git is away", {}}});
    for (int i = 1; i < kApps; ++i) {
        ASSERT_EQ(rollout_.asked().size(), 1u);
        EXPECT_NE(rollout_.asked().front().release, failing);
        EXPECT_LE(rollout_.answer(RevertDone::Branched{"b"}).looks, kFew);
    }
    EXPECT_TRUE(rollout_.asked().empty());
    rollout_.pass(limits::kAskAgainMax);
    ASSERT_EQ(rollout_.asked().size(), 1u);
    EXPECT_EQ(rollout_.asked().front().release, failing);
}

/// A person was quicker than the one whose turn it is.
TEST_F(RevertsTest, WhatIsNotNeededAnyMoreIsPassedOver) {
    for (int i = 0; i < kApps; ++i)
        (void)rollout_.answer(RevertDone::Failed{{ErrorCode::unavailable, "Git is away", {}}});
    ASSERT_TRUE(rollout_.asked().empty());
    const auto& state = rollout_.state();
    const auto next = state.reverts.begin()->first;
    (void)takes_back(state.releases.at(next).key, "c3");
    EXPECT_FALSE(state.reverts.contains(next));
    EXPECT_EQ(rollout_.asked().size(), 1u);
}

TEST_F(RevertsTest, OneCommitThatEndsAllButOneLeavesTheTurnToThatOne) {
    for (int i = 0; i < kApps; ++i)
        (void)rollout_.answer(RevertDone::Failed{{ErrorCode::unavailable, "Git is away", {}}});
    for (int i = 1; i < kApps; ++i) wishes_[static_cast<std::size_t>(i)] = wish_of_app(i, 1, "c3");
    rollout_.wish(wishes_);
    EXPECT_EQ(rollout_.state().reverts.size(), 1u);
    ASSERT_EQ(rollout_.asked().size(), 1u);
    EXPECT_EQ(rollout_.asked().front().key, wishes_[0]->key);
}

/// A person takes it back between its making and its push: the next one's turn comes all the same.
TEST_F(RevertsTest, OneThatIsTakenBackWhileTheTipIsHeldGivesItsTurnAway) {
    const auto first = rollout_.asked().front();
    rollout_.hold_tip(true);
    (void)rollout_.answer(RevertDone::Prepared{"revert-1"});
    EXPECT_TRUE(rollout_.asked().empty());
    (void)takes_back(first.key, "c3");
    EXPECT_FALSE(rollout_.state().reverts.contains(first.release));
    rollout_.hold_tip(false);
    ASSERT_EQ(rollout_.asked().size(), 1u);
    EXPECT_NE(rollout_.asked().front().release, first.release);
}

/// The hold is shown and stored, so it may not grow with the fleet.
TEST(StepTest, SaysOnceThatTargetsAreBusy) {
    constexpr int kTargets = 20;
    Rollout rollout(kTargets, all_at_once());
    for (int i = 0; i < kTargets; ++i) (void)rollout.finish_one();
    auto forward = std::make_shared<Assignment>(*second_version(kTargets, all_at_once()));
    forward->forward_only = true;
    rollout.wish(forward);
    (void)rollout.finish_one(ActionOutcome::failed);
    rollout.pass(std::chrono::hours{7});
    rollout.wish(version_of(kTargets, all_at_once(), 3));
    ASSERT_EQ(rollout.holds().size(), 1u);
    EXPECT_EQ(rollout.holds()[0].gate, "busy");
    EXPECT_LT(rollout.holds()[0].reason.size(), 200u);
}

TEST(StepTest, AnEmptyOneCostsNoPauseOfItsOwn) {
    auto slowly = one_by_one();
    slowly.batch_interval = Seconds{60};
    Rollout rollout(3, slowly);
    (void)rollout.finish_one();
    rollout.pass(Seconds{50});
    auto fewer = std::make_shared<Assignment>(*wish_of(3, slowly));
    fewer->targets.erase(fewer->targets.begin() + 1);
    rollout.wish(fewer);
    rollout.pass(Seconds{9});
    EXPECT_EQ(rollout.in_flight(), 0u);
    rollout.pass(Seconds{1});
    EXPECT_EQ(in_outbox(rollout), std::vector{name_of(2)});
}

TEST(PauseTest, WhatNeverReachedItsAgentWaitsLikeTheRest) {
    Rollout rollout(1, one_by_one());
    const auto action = rollout.next().id;
    rollout.leaves(0);
    auto paused = std::make_shared<Assignment>(*wish_of(1, one_by_one()));
    paused->paused = true;
    rollout.wish(paused);
    rollout.comes_back(0);
    EXPECT_EQ(in_outbox(rollout).size(), 0u);
    rollout.pass(std::chrono::hours{24});
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::paused);
    rollout.wish(wish_of(1, one_by_one()));
    ASSERT_EQ(rollout.in_flight(), 2u);
    (void)rollout.finish_one();
    EXPECT_EQ(rollout.next().id, action);
}

TEST(AdmissionTest, AStepIsAdmittedByItsFirstDispatchOnly) {
    auto waiting = std::make_shared<Assignment>(*wish_of(1, one_by_one()));
    waiting->offline = Offline::wait;
    Rollout rollout(1, AssignmentPtr(waiting));
    (void)rollout.finish_one();
    rollout.leaves(0);
    auto second = std::make_shared<Assignment>(*second_version(1, one_by_one()));
    second->offline = Offline::wait;
    rollout.wish(second);
    rollout.pass(std::chrono::hours{1});
    ASSERT_FALSE(newest(rollout).steps.empty());
    EXPECT_FALSE(newest(rollout).steps[0].admitted_at);
    EXPECT_FALSE(newest(rollout).admitted);
    rollout.comes_back(0);
    EXPECT_TRUE(newest(rollout).steps[0].admitted_at);
    EXPECT_TRUE(newest(rollout).admitted);
}

TEST(OfflineTest, WhatHasTheNewVersionKeepsItWhileTheRestIsAway) {
    auto slowly = one_by_one();
    slowly.batch_interval = Seconds{60};
    Rollout rollout(2, all_at_once());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    rollout.wish(second_version(2, slowly));
    ASSERT_EQ(rollout.next().key.target, name_of(0));
    (void)rollout.finish_one();
    rollout.leaves(1);
    auto again = std::make_shared<Assignment>(*second_version(2, slowly));
    again->intent.commit = "c3";
    again->retry = 1;
    rollout.wish(again);
    rollout.pass(std::chrono::hours{8});
    EXPECT_EQ(in_outbox(rollout).size(), 0u);
    EXPECT_EQ(newest(rollout).kind, ReleaseKind::introduce);
    rollout.comes_back(1);
    EXPECT_EQ(in_outbox(rollout), std::vector{name_of(1)});
    EXPECT_EQ(rollout.next().version, "v2");
}

TEST(ForwardOnlyTest, MayBeSaidWhileTheReleaseWaits) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    auto second = std::make_shared<Assignment>(*second_version(1, one_by_one()));
    second->rules.freeze.active = true;
    rollout.wish(std::make_shared<Assignment>(*second));
    second->forward_only = true;
    rollout.wish(std::make_shared<Assignment>(*second));
    second->rules.freeze = {};
    rollout.wish(second);
    ASSERT_EQ(rollout.in_flight(), 1u);
    (void)rollout.finish_one(ActionOutcome::failed);
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::failed);
    EXPECT_EQ(rollout.in_flight(), 0u);
}

/// Its targets are away, and a person thinks better of it.
TEST(ForwardOnlyTest, BindsNobodyBeforeSomethingOfItWasSent) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    const auto waiting = [](int number) {
        auto wish = version_of(1, one_by_one(), number);
        wish->offline = Offline::wait;
        return wish;
    };
    rollout.leaves(0);
    rollout.pass(std::chrono::minutes{1});
    auto forward = waiting(2);
    forward->forward_only = true;
    rollout.wish(forward);
    ASSERT_EQ(newest(rollout).status, ReleaseStatus::paused);
    EXPECT_FALSE(rollout.state().assignments.at(kKey).good->forward_only);
    rollout.wish(waiting(3));
    rollout.comes_back(0);
    ASSERT_EQ(rollout.in_flight(), 1u);
    EXPECT_FALSE(rollout.state().assignments.at(kKey).good->forward_only);
    (void)rollout.finish_one(ActionOutcome::failed);
    ASSERT_EQ(rollout.in_flight(), 1u) << newest(rollout).reason;
    EXPECT_EQ(rollout.next().kind, ActionKind::rollback);
}

TEST(ForwardOnlyTest, BindsFromItsFirstActionOn) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    auto forward = version_of(1, one_by_one(), 2);
    forward->forward_only = true;
    rollout.wish(forward);
    ASSERT_EQ(rollout.in_flight(), 1u);
    EXPECT_TRUE(rollout.state().assignments.at(kKey).good->forward_only);
    EXPECT_TRUE(rollout.restarted().assignments.at(kKey).good->forward_only);
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

/// The file as it was when it was good comes back with the operation that it asked for then.
TEST(OperationTest, IsNotAskedForByARevert) {
    auto forced = std::make_shared<Assignment>(*wish_of(1, one_by_one()));
    forced->operation = Operation::update;
    Rollout rollout(1, AssignmentPtr(forced));
    (void)rollout.finish_one();
    rollout.wish(second_version(1, one_by_one()));
    (void)rollout.finish_one(ActionOutcome::failed);
    (void)rollout.finish_one();
    auto reverted = std::make_shared<Assignment>(*forced);
    reverted->intent.commit = reverted->intent.digest_commit = "c3";
    reverted->intent.by_daemon = true;
    rollout.wish(reverted);
    EXPECT_EQ(rollout.in_flight(), 0u);
    EXPECT_EQ(rollout.state().releases.size(), 2u);
}

TEST(OperationTest, WhatComesAfterItsReleaseDecidesByWhatIsThere) {
    auto forced = std::make_shared<Assignment>(*wish_of(1, one_by_one()));
    forced->operation = Operation::update;
    Rollout rollout(2, AssignmentPtr(forced));
    EXPECT_EQ(rollout.next().kind, ActionKind::update);
    (void)rollout.finish_one();
    auto grown = std::make_shared<Assignment>(*wish_of(2, one_by_one()));
    grown->operation = Operation::update;
    rollout.wish(grown);
    ASSERT_EQ(rollout.in_flight(), 1u);
    EXPECT_EQ(rollout.next().key.target, name_of(1));
    EXPECT_EQ(rollout.next().kind, ActionKind::deploy);
}

/// `operation` for what is last good already: a catch-up of all targets.
std::shared_ptr<Assignment> forced_on(int targets) {
    auto forced = std::make_shared<Assignment>(*wish_of(targets, one_by_one()));
    forced->intent.commit = "c2";
    forced->operation = Operation::update;
    return forced;
}

TEST(OperationTest, IsNotLostWhileItsTargetsAreAway) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    rollout.leaves(0);
    rollout.wish(forced_on(1));
    for (const auto wait : {Milliseconds{1'000}, Milliseconds{std::chrono::hours{1}}}) {
        rollout.pass(wait);
        ASSERT_EQ(rollout.holds().size(), 1u);
        EXPECT_EQ(rollout.holds()[0].gate, "offline");
        EXPECT_EQ(rollout.state().releases.size(), 1u);
    }
    rollout.comes_back(0);
    ASSERT_EQ(rollout.in_flight(), 1u);
    EXPECT_EQ(rollout.next().kind, ActionKind::update);
    (void)rollout.finish_one();
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::success);
    EXPECT_EQ(rollout.in_flight(), 0u) << "once";
}

TEST(OperationTest, IsNotPromisedToTargetsThatAreAway) {
    Rollout rollout(2, all_at_once());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    rollout.leaves(1);
    rollout.pass(std::chrono::hours{1});
    rollout.wish(forced_on(2));
    (void)rollout.finish_one();
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::success);
    const auto& away = newest(rollout).targets.at(name_of(1));
    EXPECT_EQ(away.status, TargetStatus::skipped);
    EXPECT_EQ(away.error.find("catches up"), std::string::npos) << away.error;
    rollout.comes_back(1);
    EXPECT_EQ(rollout.in_flight(), 0u);
}

TEST(OperationTest, ThatWaitsKeepsNothingElseWaiting) {
    Rollout rollout(2, all_at_once());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    rollout.leaves(0);
    auto forced = forced_on(2);
    pin(forced->targets[1], "v0");
    rollout.wish(forced);
    ASSERT_EQ(rollout.in_flight(), 1u);
    EXPECT_EQ(rollout.next().version, "v0");
    (void)rollout.finish_one();
    rollout.comes_back(0);
    ASSERT_EQ(rollout.in_flight(), 1u);
    EXPECT_EQ(rollout.next().key.target, name_of(0));
    EXPECT_EQ(rollout.next().kind, ActionKind::update);
}

TEST(TargetsThatLeftTest, TheyUseUpNoBudget) {
    auto strategy = one_by_one();
    strategy.batch_size = {2, false};
    Rollout rollout(2, strategy);
    ASSERT_EQ(in_outbox(rollout), std::vector{name_of(0)});
    rollout.breaks(1);
    rollout.wish(wish_of(2, strategy, 1));
    EXPECT_EQ(in_outbox(rollout).size(), 2u);
}

/// The newest wish says whose it is, and what goes back there.
TEST(TargetsThatLeftTest, WhatMovedToAnotherEnvironmentIsNotRestoredByTheFormer) {
    Rollout rollout(2, one_by_one());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    rollout.wish(second_version(2, one_by_one()));
    ASSERT_EQ(rollout.next().key.target, name_of(0));
    auto other = std::make_shared<Assignment>(*wish_of(1, one_by_one()));
    other->key.environment = "edge";
    auto rest = std::make_shared<Assignment>(*second_version(2, one_by_one()));
    rest->targets.erase(rest->targets.begin());
    rollout.wish({rest, other});
    (void)rollout.finish_one(ActionOutcome::failed);
    ASSERT_EQ(rollout.in_flight(), 1u);
    EXPECT_EQ(rollout.next().key.target, name_of(0));
    EXPECT_EQ(rollout.next().environment, "edge");
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::rollback) << newest(rollout).reason;
}

TEST(TargetsThatLeftTest, AreRememberedForAsLongAsTheirAgentReportsThem) {
    Rollout rollout(2, one_by_one());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    const auto& departed = rollout.state().assignments.at(kKey).departed;
    rollout.wish(wish_of(1'000, one_by_one()));
    rollout.wish(wish_of(2, one_by_one(), 1));
    EXPECT_EQ(rollout.orphaned(), std::vector{name_of(0)});
    EXPECT_EQ(departed.size(), 1u) << "nothing is on the others";
    rollout.reports(0, InstallStatus::absent, 10);
    EXPECT_TRUE(rollout.orphaned().empty());
    EXPECT_TRUE(departed.empty());
}

TEST(TargetsThatLeftTest, AreRememberedWhenTheirLastActionEnds) {
    Rollout rollout(2, one_by_one());
    rollout.wish(wish_of(2, one_by_one(), 1));
    EXPECT_TRUE(rollout.orphaned().empty());
    (void)rollout.finish_one();
    EXPECT_EQ(rollout.orphaned(), std::vector{name_of(0)});
    const auto back = rollout.restarted();
    EXPECT_TRUE(back.assignments.at(kKey).departed.contains(name_of(0)));
}

TEST(TargetsThatLeftTest, AreRememberedOfTheWishThatHadThemLastAlsoAfterARestart) {
    Rollout rollout(2, one_by_one());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    auto other = std::make_shared<Assignment>(*second_version(1, one_by_one()));
    other->key.environment = "edge";
    const auto rest = wish_of(2, one_by_one(), 1);
    rollout.pass(Milliseconds{1'000});
    rollout.wish({rest, other});
    (void)rollout.finish_one();
    rollout.wish(rest);
    const auto remembered = [](const State& state, const AssignmentKey& key) {
        return state.assignments.at(key).departed.contains(name_of(0));
    };
    const auto back = rollout.restarted();
    for (const auto* state : {&std::as_const(rollout.state()), &back}) {
        EXPECT_TRUE(remembered(*state, other->key));
        EXPECT_FALSE(remembered(*state, kKey));
    }
}

TEST(OfflineTest, PicksAreReplacedByTheFirstOnlineOnesOfLaterSteps) {
    auto strategy = one_by_one();
    strategy.batch_size = {2, false};
    strategy.max_unavailable = {2, false};
    Rollout rollout(8, all_at_once());
    for (int i = 0; i < 8; ++i) (void)rollout.finish_one();
    rollout.wish(second_version(8, strategy));
    for (const int away : {2, 3, 4, 6}) rollout.leaves(away);
    rollout.pass(std::chrono::minutes{5});
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    const auto targets = [&](std::size_t step) { return newest(rollout).steps.at(step).targets; };
    EXPECT_EQ(targets(1), (std::vector{name_of(5), name_of(7)}));
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    EXPECT_TRUE(targets(2).empty());
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::success);
    EXPECT_EQ(newest(rollout).targets.at(name_of(6)).status, TargetStatus::skipped);
}

TEST(OfflineTest, SaysUntilWhenAgentsAreWaitedFor) {
    Rollout rollout(2, one_by_one());
    rollout.leaves(1);
    (void)rollout.finish_one();
    const auto holds = rollout.holds();
    ASSERT_EQ(holds.size(), 1u);
    EXPECT_EQ(holds[0].gate, "offline");
    EXPECT_EQ(holds[0].until, rollout.now() + limits::kAgentGrace);
}

TEST(DeadlineTest, OfAReleaseDoesNotCountItsPlannedWaits) {
    auto slowly = one_by_one();
    slowly.batch_interval = std::chrono::hours{4};
    Rollout rollout(3, slowly);
    for (int i = 0; i < 3; ++i) {
        ASSERT_EQ(rollout.in_flight(), 1u) << newest(rollout).reason;
        (void)rollout.finish_one();
        rollout.pass(std::chrono::hours{4});
    }
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::success) << newest(rollout).reason;
}

/// Its agent is there, but has lost the action or hangs.
TEST(DeadlineTest, AnAnswerThatNeverComesIsNotWaitedForForever) {
    Rollout rollout(2, all_at_once());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    auto forward = std::make_shared<Assignment>(*second_version(2, all_at_once()));
    forward->forward_only = true;
    rollout.wish(forward);
    (void)rollout.finish_one(ActionOutcome::failed);
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::running);
    rollout.pass(std::chrono::hours{7});
    EXPECT_EQ(newest(rollout).status, ReleaseStatus::failed);
    EXPECT_EQ(in_outbox(rollout), std::vector{name_of(1)}) << "it may come yet";
}

TEST(UninstallTest, SaysWhenItIsTriedAgain) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    auto gone = std::make_shared<Assignment>(*second_version(1, one_by_one()));
    auto definition = std::make_shared<Definition>(*gone->definition);
    definition->absent = true;
    gone->definition = gone->targets[0].definition = definition;
    rollout.wish(gone);
    (void)rollout.finish_one(ActionOutcome::failed);
    const auto holds = rollout.holds();
    ASSERT_EQ(holds.size(), 1u);
    EXPECT_EQ(holds[0].gate, "backoff");
    EXPECT_EQ(holds[0].until, rollout.now() + limits::kBlockMin);
    rollout.pass(limits::kBlockMin);
    EXPECT_EQ(rollout.next().kind, ActionKind::uninstall);
}

/// Nothing that is done there shows, so the same is tried again and again.
TEST(ReleaseIdTest, IsNeverUsedAgain) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    auto forced = std::make_shared<Assignment>(*wish_of(1, one_by_one()));
    forced->intent.commit = "c2";
    forced->operation = Operation::update;
    rollout.wish(forced);
    ASSERT_EQ(rollout.next().kind, ActionKind::update);
    rollout.reports(0, InstallStatus::absent, 1'000);
    std::set<std::string> releases;
    for (int i = 0; i < 300; ++i) {
        ASSERT_EQ(rollout.in_flight(), 1u);
        EXPECT_TRUE(releases.insert(rollout.next().release).second) << i;
        EXPECT_EQ(rollout.next().kind, i == 0 ? ActionKind::update : ActionKind::deploy) << i;
        (void)rollout.finish_one();
    }
    EXPECT_LE(rollout.state().releases.size(), limits::kReleasesKeptPerAssignment + 1);
}

AssignmentPtr frozen(const AssignmentPtr& wish) {
    auto made = std::make_shared<Assignment>(*wish);
    made->rules.freeze.active = true;
    return made;
}

AssignmentPtr absent(int number) {
    auto wish = version_of(1, one_by_one(), number);
    auto definition = std::make_shared<Definition>(*wish->definition);
    definition->absent = true;
    wish->definition = wish->targets[0].definition = definition;
    return wish;
}

/// The branch was forced back to a commit, and a person accepted that.
TEST(ReleaseIdTest, AnIntentThatComesBackIsTriedAnew) {
    const auto second = version_of(1, one_by_one(), 2);
    const auto third = version_of(1, one_by_one(), 3);
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    rollout.wish(frozen(second));
    rollout.wish(frozen(third));
    for (const auto& wish : {second, third, second}) {
        rollout.wish(AssignmentPtr(wish));
        ASSERT_EQ(rollout.in_flight(), 1u) << rollout.holds().at(0).reason;
        EXPECT_EQ(rollout.next().version, wish->definition->version);
        (void)rollout.finish_one();
        EXPECT_EQ(newest(rollout).status, ReleaseStatus::success);
    }
    const auto& ids = rollout.state().assignments.at(kKey).releases;
    EXPECT_EQ(ids.size(), 6u);
    EXPECT_EQ(std::set(ids.begin(), ids.end()).size(), 6u);
}

TEST(ReleaseIdTest, AnIntentThatComesBackBeforeAnotherBeganGoesOn) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    const auto second = version_of(1, one_by_one(), 2);
    rollout.wish(AssignmentPtr(second));
    rollout.wish(frozen(version_of(1, one_by_one(), 3)));
    rollout.wish(AssignmentPtr(second));
    (void)rollout.finish_one();
    EXPECT_EQ(rollout.in_flight(), 0u);
    const auto& state = rollout.state();
    EXPECT_EQ(state.releases.size(), 3u);
    EXPECT_EQ(state.assignments.at(kKey).good->good.commit, "c2");
}

TEST(ReleaseIdTest, AnUninstallThatComesBackIsAnotherRelease) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    std::set<std::string> actions;
    for (int i = 0; i < 60; ++i) {
        for (const auto& wish : {absent(2), AssignmentPtr(version_of(1, one_by_one(), 3))}) {
            rollout.wish(wish);
            ASSERT_EQ(rollout.in_flight(), 1u);
            EXPECT_TRUE(actions.insert(rollout.next().id).second);
            EXPECT_EQ(rollout.next().kind == ActionKind::uninstall, wish->definition->absent);
            (void)rollout.finish_one();
        }
    }
    const auto& ids = rollout.state().assignments.at(kKey).releases;
    EXPECT_EQ(ids.size(), rollout.state().releases.size());
}

/// Former builds wrote no number into the cause.
TEST(ReleaseIdTest, IsNotUsedAgainAfterAnUpgrade) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    rollout.wish(absent(2));
    std::set<std::string> releases;
    for (int i = 0; i < 10; ++i) {
        ASSERT_EQ(rollout.in_flight(), 1u);
        EXPECT_TRUE(releases.insert(rollout.next().release).second) << i;
        (void)rollout.finish_one(ActionOutcome::failed);
        if (i == 4)
            for (auto& [id, release] : rollout.state().releases) release.cause.clear();
        rollout.pass(std::chrono::hours{24});
    }
}

TEST(ReleaseIdTest, TheNewestReleaseIsTheNewestAfterARestart) {
    Rollout rollout(1, one_by_one());
    (void)rollout.finish_one();
    for (int number = 2; number < 10; ++number) {
        rollout.set_clock_back(std::chrono::minutes{10});
        rollout.wish(AssignmentPtr(version_of(1, one_by_one(), number)));
        (void)rollout.finish_one();
    }
    EXPECT_EQ(rollout.restarted().assignments.at(kKey).releases,
              rollout.state().assignments.at(kKey).releases);
}

/// An environment for each merge request: all of them come, and go again.
class PreviewTest : public testing::Test {
protected:
    static constexpr int kMany = static_cast<int>(limits::kGoneAssignmentsKept) + 20;

    static AssignmentPtr preview(int number, const std::string& commit) {
        auto wish = version_of(1, one_by_one(), number);
        wish->key.environment = fmt::format("preview-{:05}", number);
        auto definition = std::make_shared<Definition>(*wish->definition);
        definition->key = wish->key;
        wish->definition = wish->targets[0].definition = definition;
        wish->intent.commit = wish->intent.digest_commit = commit;
        return wish;
    }
    static AssignmentPtr preview(int number) { return preview(number, fmt::format("p{}", number)); }

    void run(const AssignmentPtr& wish) {
        rollout_.pass(Milliseconds{1'000});
        rollout_.wish(wish);
        ASSERT_EQ(rollout_.in_flight(), 1u);
        EXPECT_TRUE(ids_.insert(rollout_.next().release).second);
        (void)rollout_.finish_one();
    }
    bool is_known(int number) {
        return rollout_.state().assignments.contains(preview(number)->key);
    }

    PreviewTest() {
        ids_.insert(rollout_.next().release);
        (void)rollout_.finish_one();
        for (int i = 1; i < kMany; ++i) run(preview(i));
    }

    std::set<std::string> ids_;
    Rollout rollout_{1, preview(0)};
};

TEST_F(PreviewTest, OfThoseThatAreGoneTheNewestAreRemembered) {
    constexpr auto kKept = limits::kGoneAssignmentsKept + 1;  // the last one is wished
    EXPECT_EQ(rollout_.state().assignments.size(), kKept);
    EXPECT_EQ(rollout_.state().releases.size(), kKept);
    for (const auto table :
         {Table::release, Table::release_step, Table::release_target, Table::history})
        EXPECT_EQ(rollout_.rows(table), kKept) << to_string(table);
    EXPECT_FALSE(is_known(0));
    EXPECT_TRUE(is_known(kMany - 1));
    rollout_.restart();
    rollout_.wish(preview(kMany - 1));
    EXPECT_EQ(rollout_.state().assignments.size(), kKept);
    EXPECT_EQ(rollout_.state().gone.size(), kKept - 1);
}

TEST_F(PreviewTest, OneThatComesBackIsReleasedAnew) {
    run(preview(0, "later"));
    EXPECT_TRUE(is_known(0));
    EXPECT_EQ(rollout_.state().assignments.at(preview(0)->key).good->good.commit, "later");
}

/// The branch was forced back, so that the agent knows the action that it is sent.
TEST_F(PreviewTest, AnAnswerOfFormerTimesIsNotTakenForWhatIsThere) {
    rollout_.wish(preview(0));
    ASSERT_EQ(rollout_.in_flight(), 1u);
    EXPECT_TRUE(ids_.contains(rollout_.next().release));
    rollout_.answers_from_its_journal();
    ASSERT_EQ(rollout_.in_flight(), 1u);
    EXPECT_TRUE(ids_.insert(rollout_.next().release).second);
    EXPECT_EQ(rollout_.next().version, "v0");
}

/// A pin to what was reverted is held after the store was lost, too.
TEST(LostStoreTest, OwnRevertsAreQuarantinesAgain) {
    auto wish = std::make_shared<Assignment>(*wish_of(1, one_by_one()));
    auto reverted = std::make_shared<Definition>(*wish->definition);
    reverted->digest = Digest::of("v2");
    wish->reverts = {{kKey, reverted->digest, "v2", "r1", "c0", 0, "it broke", Timestamp{}}};
    auto& target = wish->targets[0];
    target.pinned = true;
    target.definition = reverted;
    target.digest = target_digest(reverted->digest, target.config_digest);
    Rollout rollout(1, wish);
    rollout.drain();
    EXPECT_EQ(rollout.in_flight(), 0u);
    EXPECT_TRUE(rollout.state().quarantines.contains({kKey, reverted->digest}));
}

TEST(OutcomeCostTest, ALargeReleaseEndsAndComesBackFromItsRows) {
    Rollout rollout(1'000, all_at_once());
    rollout.drain();
    while (rollout.in_flight() > 0) (void)rollout.finish_one();
    rollout.drain();
    const auto back = rollout.restarted();
    ASSERT_EQ(back.releases.size(), 1u);
    const auto& release = back.releases.begin()->second;
    EXPECT_EQ(release.status, ReleaseStatus::success);
    EXPECT_EQ(release.targets.size(), 1'000u);
    EXPECT_EQ(release.steps.at(0).targets.size(), 1'000u);
}

}  // namespace
}  // namespace tidegate::engine
