#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reconciler/daemon/effect_queue.h"
#include "schema/base/limits.h"

namespace tidegate::daemon {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// A queue whose store answers when told, and whose effects are notices with a text.
class EffectQueueTest : public testing::Test {
protected:
    EffectQueue queue{{.submit =
                           [this](Batch batch, StoreWorker::Done reply_to) {
                               submitted.push_back(std::move(batch));
                               answer = std::move(reply_to);
                           },
                       .perform =
                           [this](engine::Effect& effect) {
                               done.push_back(std::get<engine::Notify>(effect).text);
                               if (on_perform) std::exchange(on_perform, nullptr)();
                           },
                       .later = [this](auto job) { later.push_back(std::move(job)); },
                       .on_failure = [this](const Error& error) { failure = error.message; },
                       .on_trouble = [this] { troubles.push_back(queue.trouble()); }}};

    static engine::Effects step(const std::string& row, const std::string& text) {
        engine::Effects effects;
        if (!row.empty()) effects.push_back(engine::Persist{{{Put{Table::meta, row, "{}"}}, {}}});
        effects.push_back(engine::Notify{{}, {}, {}, text});
        return effects;
    }
    void reply(Result<CommitOutcome> outcome) {
        std::exchange(answer, nullptr)(std::move(outcome));
    }
    void a_second_passes() {
        for (const auto& job : std::exchange(later, {})) job();
    }
    static std::vector<std::string> keys(const Batch& batch) {
        std::vector<std::string> all;
        for (const auto& write : batch.writes) all.push_back(std::get<Put>(write).key);
        return all;
    }

    std::vector<Batch> submitted;
    StoreWorker::Done answer;
    std::vector<std::string> done;
    std::vector<std::function<void()>> later;
    std::function<void()> on_perform;
    std::string failure;
    std::vector<std::string> troubles;
};

TEST_F(EffectQueueTest, WithoutPersistEffectsRunAtOnce) {
    queue.push(step("", "a"));
    EXPECT_THAT(done, ElementsAre("a"));
    EXPECT_THAT(submitted, IsEmpty());
}

TEST_F(EffectQueueTest, NothingOvertakesWhatIsNotDurable) {
    queue.push(step("1", "a"));
    queue.push(step("", "b"));
    EXPECT_THAT(done, IsEmpty());
    reply(CommitOutcome::committed);
    EXPECT_THAT(done, ElementsAre("a", "b"));
}

TEST_F(EffectQueueTest, WhatCameMeanwhileIsOneTransaction) {
    queue.push(step("1", "a"));
    queue.push(step("2", "b"));
    queue.push(step("3", "c"));
    reply(CommitOutcome::committed);
    ASSERT_EQ(submitted.size(), 2u);
    EXPECT_THAT(keys(submitted[1]), ElementsAre("2", "3"));
    EXPECT_THAT(done, ElementsAre("a"));
    reply(CommitOutcome::committed);
    EXPECT_THAT(done, ElementsAre("a", "b", "c"));
}

TEST_F(EffectQueueTest, AFullDiskIsWaitedOutInOrder) {
    queue.push(step("1", "a"));
    queue.push(step("2", "b"));
    reply(fail(ErrorCode::exhausted, "disk full"));
    EXPECT_EQ(queue.trouble(), "disk full");
    EXPECT_THAT(done, IsEmpty());
    EXPECT_EQ(submitted.size(), 1u);
    a_second_passes();
    reply(fail(ErrorCode::exhausted, "disk full"));
    a_second_passes();
    EXPECT_THAT(keys(submitted.back()), ElementsAre("1", "2"));
    reply(CommitOutcome::committed);
    EXPECT_THAT(done, ElementsAre("a", "b"));
    EXPECT_EQ(queue.trouble(), "");
    EXPECT_THAT(troubles, ElementsAre("disk full", "")) << "told at its begin and its end";
}

TEST_F(EffectQueueTest, AStoreThatDoesNotAnswerIsTrouble) {
    queue.push(step("1", "a"));
    for (auto i = EffectQueue::kSilenceMax.count(); i > 1; --i) a_second_passes();
    EXPECT_EQ(queue.trouble(), "");
    a_second_passes();
    EXPECT_EQ(queue.trouble(), "no answer to a write for 5 s");
    a_second_passes();
    reply(CommitOutcome::committed);
    EXPECT_THAT(troubles, ElementsAre("no answer to a write for 5 s", ""));
    EXPECT_THAT(done, ElementsAre("a"));
    a_second_passes();
    EXPECT_THAT(later, IsEmpty()) << "nothing to look at";
}

TEST_F(EffectQueueTest, ManyQuickAnswersInARowAreNoTrouble) {
    queue.push(step("0", "a"));
    for (int i = 0; i < 20; ++i) {
        queue.push(step("1", "b"));
        reply(CommitOutcome::committed);
        a_second_passes();
        EXPECT_EQ(later.size(), 1U) << "one look, however many batches";
    }
    EXPECT_THAT(troubles, IsEmpty());
}

TEST_F(EffectQueueTest, WhatComesBehindABatchWaitsForIt) {
    queue.push(step("1", "a"));
    queue.push(Batch{}, [this] { done.push_back("behind"); });
    EXPECT_THAT(done, IsEmpty());
    reply(CommitOutcome::committed);
    EXPECT_THAT(done, ElementsAre("a", "behind"));
    queue.push(Batch{}, [this] { done.push_back("at once"); });
    EXPECT_THAT(done, ElementsAre("a", "behind", "at once"));
}

TEST_F(EffectQueueTest, SaysWhenItIsFull) {
    const auto large = [](std::size_t bytes) {
        return engine::Effects{
            engine::Persist{{{Put{Table::meta, "k", std::string(bytes, 'x')}}, {}}}};
    };
    constexpr std::size_t kPiece = 16 << 20;
    std::size_t pushed = 0;
    while (!queue.full() && pushed <= limits::kEffectBytesWaitingMax) {
        queue.push(large(kPiece));
        pushed += kPiece;
    }
    EXPECT_EQ(pushed, limits::kEffectBytesWaitingMax);
    while (answer) reply(CommitOutcome::committed);
    EXPECT_EQ(queue.waiting_bytes(), 0u);
    EXPECT_FALSE(queue.full());

    queue.push(step("1", "a"));
    for (std::size_t i = 1; i < limits::kEffectStepsWaitingMax; ++i) {
        ASSERT_FALSE(queue.full());
        queue.push(step("", "b"));
    }
    EXPECT_TRUE(queue.full());
    queue.push(engine::Effects{});
    EXPECT_EQ(queue.waiting(), limits::kEffectStepsWaitingMax) << "nothing to do, nothing kept";
}

TEST_F(EffectQueueTest, AnUnknownOutcomeEndsEverything) {
    queue.push(step("1", "a"));
    reply(CommitOutcome::unknown);
    EXPECT_NE(failure, "");
    queue.push(step("", "b"));
    EXPECT_THAT(done, IsEmpty());
}

TEST_F(EffectQueueTest, EffectsMayPushMore) {
    on_perform = [this] { queue.push(step("", "inner")); };
    queue.push(step("", "outer"));
    queue.push(step("", "last"));
    EXPECT_THAT(done, ElementsAre("outer", "inner", "last"));
}

TEST_F(EffectQueueTest, ATransactionIsBounded) {
    queue.push(step("first", "a"));
    for (std::size_t i = 0; i < limits::kStoreMergedWritesMax + 5; ++i)
        queue.push(step(std::to_string(i), "x"));
    reply(CommitOutcome::committed);
    EXPECT_EQ(submitted[1].writes.size(), limits::kStoreMergedWritesMax);
}

}  // namespace
}  // namespace tidegate::daemon
