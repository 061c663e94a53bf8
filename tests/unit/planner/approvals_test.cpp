/// Targets that nobody reaches without an approver's word, whatever compiled the steps.

#include "reconciler/planner/approvals.h"

#include "tests/unit/planner/hosts.h"

namespace tidegate::planner {
namespace {

class ApprovalsTest : public testing::Test {
protected:
    std::string steps(const Strategy& strategy, const std::set<std::string>& names,
                      const std::set<int>& away = {}, ReleaseKind kind = ReleaseKind::introduce) {
        auto fleet = hosts_.fleet(away, {});
        fleet.kind = kind;
        auto steps = compile(strategy, fleet);
        std::vector<const DesiredTarget*> left_out;
        for (const auto i : away) left_out.push_back(&hosts_[i]);
        demand_approvals(steps, {names, strategy, kind, left_out});
        for (std::size_t i = 0; i < steps.size(); ++i)
            EXPECT_EQ(steps[i].index, static_cast<int>(i));
        return text_of(steps);
    }
    Hosts hosts_{4};
};

Strategy rolling() {
    Strategy strategy;
    strategy.batch_size = Amount{1, false};
    return strategy;
}

/// t0, then t1 for an approver, then t2 and t3.
Strategy groups(bool approval) {
    auto strategy = canary({});
    strategy.cluster_order = {{1, {ref("t0")}, {}, false, {}, false},
                              {2, {ref("t1")}, {}, approval, {}, false},
                              {3, {ref("t2"), ref("t3")}, {}, false, {}, false}};
    return strategy;
}

TEST_F(ApprovalsTest, AskBeforeTheFirstStepThatReachesOne) {
    EXPECT_EQ(steps(rolling(), {}), "d0[t0] d0[t1] d0[t2] d0[t3]");
    EXPECT_EQ(steps(rolling(), {"t1", "t2"}), "d0[t0] a0! d0[t1] d0[t2] d0[t3]");
    Strategy all;
    all.type = StrategyType::all_at_once;
    EXPECT_EQ(steps(all, {"t3"}), "a0! d0[t0 t1 t2 t3]");
    EXPECT_EQ(steps(canary({percent(25, 60), percent(100)}), {"t3"}),
              "d1[t0] v1:60 a2! d2[t1 t2 t3]");
}

TEST_F(ApprovalsTest, OnceWhereTheStrategyAsks) {
    EXPECT_EQ(steps(groups(true), {"t1"}), "d1[t0] a2! d2[t1] d3[t2 t3]");
}

/// The rules before the change asked; the change took that out.
TEST_F(ApprovalsTest, WhereTheStrategyDoesNotAskAnyMore) {
    EXPECT_EQ(steps(groups(false), {"t1"}), "d1[t0] a2! d2[t1] d3[t2 t3]");
    EXPECT_EQ(steps(groups(true), {"t1", "t2"}), "d1[t0] a2! d2[t1] a3! d3[t2 t3]")
        << "a promote of the one group is none of the other";
}

/// They would catch up without a word.
TEST_F(ApprovalsTest, ForThoseThatAreAwayAsWell) {
    EXPECT_EQ(steps(groups(true), {"t1"}, {1}), "d1[t0] d3[t2 t3] a3!");
    EXPECT_EQ(steps(rolling(), {"t1"}, {1}), "d0[t0] d0[t2] d0[t3] a0!");
    EXPECT_EQ(steps(rolling(), {"t1", "t2"}, {1}), "d0[t0] a0! d0[t2] d0[t3]");
    EXPECT_EQ(steps(rolling(), {"t1"}, {2}), "d0[t0] a0! d0[t1] d0[t3]");
    hosts_[1].pinned = true;
    EXPECT_EQ(steps(rolling(), {"t1"}, {1}), "d0[t0] d0[t2] d0[t3]") << "it gets nothing of it";
}

TEST_F(ApprovalsTest, WhereAGroupIsAwayInPart) {
    auto strategy = groups(true);
    strategy.cluster_order[1].targets.push_back(ref("t2"));
    strategy.cluster_order[2].targets.erase(strategy.cluster_order[2].targets.begin());
    EXPECT_EQ(steps(strategy, {"t1", "t2"}, {1}), "d1[t0] a2! d2[t2] d3[t3]");
    strategy.auto_promote = false;
    EXPECT_EQ(steps(strategy, {"t1", "t2"}, {1}), "d1[t0] a1! d2[t2] a2 d3[t3]");
}

TEST_F(ApprovalsTest, WhatTakesItAwayWaitsToo) {
    EXPECT_EQ(steps(groups(true), {"t1"}, {}, ReleaseKind::uninstall), "a0! d0[t0 t1 t2 t3]");
}

}  // namespace
}  // namespace tidegate::planner
