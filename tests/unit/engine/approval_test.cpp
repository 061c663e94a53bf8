/// Releases that wait for an approver: whose promote lets them on, and that nobody gets around it.

#include "tests/unit/engine/rollout.h"

namespace tidegate::engine {
namespace {

/// web-00000, then web-00001 after an approver's promote.
Strategy clusters(bool approval = true) {
    Strategy strategy;
    strategy.type = StrategyType::canary;
    strategy.cluster_order = {{1, {{name_of(0), {}}}, {}, false, {}, false},
                              {2, {{name_of(1), {}}}, {}, approval, {}, false}};
    return strategy;
}

constexpr auto kAnn = "Ann <ann@example.com>";
constexpr auto kBob = "Bob <bob@example.com>";
constexpr auto kEve = "Eve <eve@example.com>";

/// Hosts with v1 by Ann, the last of them for approvers: Bob, Eve and Rev, by the rules before the
/// change, too.
class Approval : public Rollout {
public:
    explicit Approval(int targets = 2) : Rollout(targets, all_at_once()), targets_{targets} {
        for (int i = 0; i < targets; ++i) (void)finish_one();
    }
    /// v2, then whatever else is new since v1.
    void ships(std::vector<Stretch> since, const Strategy& strategy = clusters(),
               bool demanded = true) {
        auto next = version_of(targets_, strategy, 2);
        next->stretches = {{Digest::of("v1"), {kAnn}}};
        next->stretches.insert(next->stretches.end(), since.begin(), since.end());
        next->rules.environment = kKey.environment;
        next->rules.approvers = {"bob@example.com", "eve@example.com", "rev@example.com"};
        auto anchor = next->rules;
        if (demanded) anchor.approved_only = {name_of(targets_ - 1)};
        if (strategy == clusters()) next->rules.approved_only = {name_of(1)};
        next->anchor_rules = {std::make_shared<const Rules>(anchor)};
        next->intent.authors = {kEve};
        ask(next);
    }
    void ask(std::shared_ptr<Assignment> next) {
        wish_ = std::move(next);
        wish(wish_);
    }
    void promotes(const char* name, const char* email, int step = 2) {
        auto next = std::make_shared<Assignment>(*wish_);
        next->promotion = Promotion{{"v2", step, step == 0}, "p1", name, email, true};
        wish(next);
    }
    std::string waits() const {
        for (const auto& hold : holds())
            if (hold.gate == "await") return hold.reason;
        return "";
    }
    /// Who is being deployed to.
    std::string doing() const {
        std::string names;
        for (const auto& action : sent()) names += action.key.target.substr(8);
        return names;
    }

    int targets_;
    std::shared_ptr<Assignment> wish_;
};

const std::vector<Stretch> kByBob{{Digest::of("v2"), {kBob}}};

TEST(ApprovalTest, AnApproverWhoIsNoAuthorLetsTheGroupBegin) {
    Approval approval;
    approval.ships(kByBob);
    EXPECT_EQ(approval.doing(), "0");
    (void)approval.finish_one();
    EXPECT_EQ(approval.waits(),
              "an approver has to promote v2 past step 2: tidegate promote shop prod --step 2");
    approval.promotes("Bob", "bob@example.com");
    EXPECT_EQ(approval.doing(), "");
    EXPECT_TRUE(approval.waits().ends_with("; bob@example.com is an author of the change"));
    approval.promotes("Joe", "joe@example.com");
    EXPECT_TRUE(approval.waits().ends_with("; joe@example.com is no approver"));
    approval.promotes("Eve", "eve@example.com");
    EXPECT_EQ(approval.doing(), "1") << "who only made the last intent wrote nothing of it";
    (void)approval.finish_one();
    EXPECT_EQ(newest(approval).status, ReleaseStatus::success);
}

TEST(ApprovalTest, WhoWroteAnEarlierCommitSinceLastGoodIsAnAuthor) {
    Approval approval;
    approval.ships({{Digest::of("v1.5"), {kBob}}, {Digest::of("v2"), {kEve}}});
    (void)approval.finish_one();
    approval.promotes("Bob", "bob@example.com");
    EXPECT_EQ(approval.doing(), "");
    approval.promotes("Rev", "rev@example.com");
    EXPECT_EQ(approval.doing(), "1");
}

TEST(ApprovalTest, ARetryOfAnothersLaundersNothing) {
    Approval approval;
    approval.ships(kByBob);
    (void)approval.finish_one();
    auto again = std::make_shared<Assignment>(*with_retry(approval.wish_, 1));
    again->stretches.back().authors.insert(kEve);
    again->intent.authors = {kEve};
    approval.ask(again);
    EXPECT_EQ(approval.doing(), "") << "it is in sync there";
    for (const auto* who : {"bob@example.com", "eve@example.com"}) {
        approval.promotes("P", who);
        EXPECT_EQ(approval.doing(), "") << who;
    }
    approval.promotes("Rev", "rev@example.com");
    EXPECT_EQ(approval.doing(), "1");
}

/// The merge request that ships it takes the demand out.
TEST(ApprovalTest, WhatTheRulesBeforeTheChangeAskForIsAsked) {
    Approval approval;
    approval.ships(kByBob, clusters(false));
    (void)approval.finish_one();
    EXPECT_EQ(approval.waits(),
              "an approver has to promote v2 past step 2: tidegate promote shop prod --step 2");
    approval.promotes("Bob", "bob@example.com");
    EXPECT_EQ(approval.doing(), "");
    approval.promotes("Rev", "rev@example.com");
    EXPECT_EQ(approval.doing(), "1");
}

TEST(ApprovalTest, AnotherStrategyGetsNobodyAroundIt) {
    Approval approval;
    approval.ships(kByBob, all_at_once());
    EXPECT_EQ(approval.doing(), "");
    EXPECT_EQ(approval.waits(),
              "an approver has to promote v2 past step 0: tidegate promote shop prod --full");
    approval.promotes("Bob", "bob@example.com", 0);
    EXPECT_EQ(approval.doing(), "");
    approval.promotes("Rev", "rev@example.com", 0);
    EXPECT_EQ(approval.doing(), "01");
}

TEST(ApprovalTest, WhereNobodyAsksNobodyIsAsked) {
    Approval approval;
    approval.ships(kByBob, clusters(false), false);
    (void)approval.finish_one();
    EXPECT_EQ(approval.doing(), "1");
}

/// They come back and get what is in force: somebody has to have said yes to that.
TEST(ApprovalTest, TargetsThatAreAwayAreAskedFor) {
    Approval approval;
    approval.leaves(1);
    approval.pass(std::chrono::minutes{5});
    approval.ships(kByBob);
    (void)approval.finish_one();
    EXPECT_FALSE(approval.waits().empty());
    EXPECT_EQ(newest(approval).status, ReleaseStatus::paused);
    approval.promotes("Rev", "rev@example.com");
    EXPECT_EQ(newest(approval).status, ReleaseStatus::success);
    approval.comes_back(1);
    EXPECT_EQ(approval.doing(), "1");
    EXPECT_EQ(newest(approval).kind, ReleaseKind::catch_up);
}

TEST(ApprovalTest, NobodyGoesInAnothersPlaceUnasked) {
    auto strategy = one_by_one();
    strategy.batch_size = {2, false};
    strategy.max_unavailable = {1, false};
    Approval approval{3};
    approval.ships(kByBob, strategy);
    EXPECT_EQ(approval.doing(), "0");
    approval.leaves(1);
    approval.pass(std::chrono::minutes{5});
    (void)approval.finish_one();
    EXPECT_EQ(approval.doing(), "") << "web-00002 waits for an approver";
    EXPECT_FALSE(approval.waits().empty());
}

TEST(ApprovalTest, HealAndWaysBackAskNobody) {
    Approval approval;
    approval.ships(kByBob);
    (void)approval.finish_one();
    approval.promotes("Rev", "rev@example.com");
    (void)approval.finish_one(ActionOutcome::failed);
    EXPECT_EQ(newest(approval).status, ReleaseStatus::rolling_back);
    EXPECT_EQ(approval.doing(), "01") << "both go back at once";
}

TEST(ApprovalTest, ARestartForgetsNothing) {
    Approval approval;
    approval.ships(kByBob);
    (void)approval.finish_one();
    approval.restart();
    for (int i = 0; i < 2; ++i) approval.comes_back(i);
    approval.ask(approval.wish_);
    EXPECT_FALSE(approval.waits().empty());
    approval.promotes("Bob", "bob@example.com");
    EXPECT_EQ(approval.doing(), "");
    approval.promotes("Rev", "rev@example.com");
    EXPECT_EQ(approval.doing(), "1");
}

}  // namespace
}  // namespace tidegate::engine
