/// Drift that comes back after a heal, and drift that nobody can tell.

#include <gtest/gtest.h>

#include "reconciler/engine/facts.h"
#include "schema/base/limits.h"
#include "tests/unit/engine/rollout.h"

namespace tidegate::engine {
namespace {

class DriftTest : public testing::Test {
protected:
    DriftTest() { (void)rollout_.finish_one(); }
    void drifts() { rollout_.reports_drift(0, true, "service.status: exit code 3"); }
    /// It is healed, and has drifted at the next look.
    void is_healed_in_vain() {
        ASSERT_EQ(rollout_.in_flight(), 1u);
        EXPECT_EQ(newest(rollout_).kind, ReleaseKind::heal);
        (void)rollout_.finish_one();
        EXPECT_EQ(newest(rollout_).status, ReleaseStatus::success);
        rollout_.pass(std::chrono::minutes{1});
        drifts();
    }

    Rollout rollout_{1, one_by_one()};
};

TEST_F(DriftTest, ThatReturnsAfterAHealBacksOffWithOneAlert) {
    drifts();
    auto wait = Seconds{limits::kBlockMin};
    for (int i = 1; i <= 8; ++i) {
        is_healed_in_vain();
        EXPECT_EQ(rollout_.in_flight(), 0u) << i;
        ASSERT_EQ(rollout_.holds().size(), 1u);
        EXPECT_EQ(rollout_.holds()[0].gate, "backoff");
        EXPECT_NE(rollout_.holds()[0].reason.find("drifted again after a heal: service.status"),
                  std::string::npos)
            << rollout_.holds()[0].reason;
        rollout_.pass(wait - Seconds{1});
        EXPECT_EQ(rollout_.in_flight(), 0u) << i;
        rollout_.pass(Seconds{1});
        wait = std::min<Seconds>(2 * wait, limits::kBlockMax);
    }
    EXPECT_EQ(rollout_.told(NoticeKind::target_blocked), 1);
}

TEST_F(DriftTest, ThatReturnsBacksOffOverARestartToo) {
    drifts();
    ASSERT_EQ(rollout_.in_flight(), 1u);
    (void)rollout_.finish_one();
    rollout_.restart();
    rollout_.wish(wish_of(1, one_by_one()));
    rollout_.comes_back(0);
    drifts();
    EXPECT_EQ(rollout_.in_flight(), 0u);
}

TEST_F(DriftTest, ThatComesMuchLaterIsAnotherOne) {
    drifts();
    for (int i = 0; i < 3; ++i) {
        ASSERT_EQ(rollout_.in_flight(), 1u);
        (void)rollout_.finish_one();
        rollout_.pass(limits::kHealProven);
        drifts();
    }
    EXPECT_EQ(rollout_.in_flight(), 1u);
    EXPECT_EQ(rollout_.told(NoticeKind::target_blocked), 0);
}

/// Or the store would be written to for good, to keep the time that it is given.
TEST_F(DriftTest, ThatStaysHealedLongEnoughIsForgotten) {
    drifts();
    (void)rollout_.finish_one();
    EXPECT_TRUE(is_waiting(rollout_.state(), rollout_.lived()));
    rollout_.pass(limits::kHealProven);
    EXPECT_FALSE(is_waiting(rollout_.state(), rollout_.lived()));
    EXPECT_EQ(rollout_.rows(Table::block), 0u);
}

/// Its target is away, so that nobody tries again.
TEST_F(DriftTest, WhoseBackOffIsOverIsGivenNoTimeAnyMore) {
    drifts();
    (void)rollout_.finish_one(ActionOutcome::failed);
    rollout_.leaves(0);
    EXPECT_TRUE(is_waiting(rollout_.state(), rollout_.lived()));
    rollout_.pass(limits::kBlockMin);
    EXPECT_FALSE(is_waiting(rollout_.state(), rollout_.lived()));
}

TEST_F(DriftTest, IsTriedAtOnceAgainOnAPersonsWord) {
    drifts();
    is_healed_in_vain();
    ASSERT_EQ(rollout_.in_flight(), 0u);
    rollout_.wish(with_retry(wish_of(1, one_by_one()), 1));
    EXPECT_EQ(rollout_.in_flight(), 1u);
}

TEST_F(DriftTest, ThatNobodyCanTellIsShownAndToldOnceAndMovesNothing) {
    for (const auto* reason : {"service.status: timed out", "service.status: exit code 127"})
        rollout_.reports_drift(0, false, reason);
    EXPECT_EQ(rollout_.in_flight(), 0u);
    EXPECT_EQ(rollout_.told(NoticeKind::drift_unknown), 1);
    EXPECT_TRUE(is_alert(NoticeKind::drift_unknown));
    const auto view = explain(rollout_.state(), kKey, rollout_.now());
    EXPECT_EQ(view->drift,
              (std::vector<DriftNote>{{name_of(0), "service.status: exit code 127", false}}));
    EXPECT_EQ(view->targets.drifted, 0);
    EXPECT_EQ(view->sync, Sync::in_sync);
    rollout_.comes_back(0);
    EXPECT_EQ(rollout_.told(NoticeKind::drift_unknown), 1) << "it is the same";
    rollout_.reports_drift(0, false, "");
    rollout_.reports_drift(0, false, "service.status: timed out");
    EXPECT_EQ(rollout_.told(NoticeKind::drift_unknown), 2);
}

/// Nobody is unavailable because of it.
TEST(UnknownDriftTest, UsesUpNoBudget) {
    Rollout rollout(2, one_by_one());
    for (int i = 0; i < 2; ++i) (void)rollout.finish_one();
    rollout.reports_drift(1, false, "service.status: timed out");
    rollout.wish(second_version(2, one_by_one()));
    EXPECT_EQ(in_outbox(rollout), std::vector{name_of(0)});
}

}  // namespace
}  // namespace tidegate::engine
