#include "reconciler/store/worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "schema/base/limits.h"
#include "tests/unit/store/backends.h"

namespace tidegate {
namespace {

using testing::ElementsAre;

/// Keeps the worker's thread busy until it is opened.
class Gate {
public:
    explicit Gate(StoreWorker& worker) {
        EXPECT_TRUE(worker.run([this](Store&) {
            reached_.set_value();
            open_.get_future().wait();
        }));
        reached_.get_future().wait();
    }
    void open() { open_.set_value(); }

private:
    std::promise<void> reached_;
    std::promise<void> open_;
};

class StoreWorkerTest : public testing::Test {
protected:
    void make_worker() {
        auto store = std::make_unique<MemoryStore>(disk_, [this](std::string_view point) {
            if (point == kBeforeCommit) ++commits_;
        });
        store_ = store.get();
        worker_ = std::make_unique<StoreWorker>(std::move(store));
    }
    void submit(const std::string& key) {
        const auto taken = worker_->submit(batch_for(key), [this, key](const auto& outcome) {
            answers_.push_back(key + (!outcome ? " " + std::string{to_string(outcome.error().code)}
                                      : *outcome == CommitOutcome::unknown ? " unknown"
                                                                           : ""));
        });
        ASSERT_TRUE(taken.has_value()) << taken.error().text();
    }
    /// Joins the worker, so that what it wrote may be read.
    void finish() { worker_.reset(); }

    std::shared_ptr<MemoryDisk> disk_ = std::make_shared<MemoryDisk>();
    std::vector<std::string> answers_;
    int commits_ = 0;
    MemoryStore* store_ = nullptr;
    std::unique_ptr<StoreWorker> worker_;
};

TEST_F(StoreWorkerTest, CountsWhatIsDurable) {
    make_worker();
    Gate before{*worker_};
    submit("a");
    submit("b");
    before.open();
    Gate between{*worker_};
    EXPECT_EQ(worker_->stats().commits, 1u) << "they waited together";
    EXPECT_GT(worker_->stats().seconds, 0);
    store_->fail_next_commit(MemoryStore::Fault::full);
    submit("c");
    between.open();
    Gate after{*worker_};
    EXPECT_EQ(worker_->stats().commits, 1u) << "that one is not";
    after.open();
    finish();
}

TEST_F(StoreWorkerTest, AnswersInOrderAndFinishesWhatItAccepted) {
    make_worker();
    for (const auto* key : {"c", "a", "b"}) submit(key);
    finish();
    EXPECT_THAT(answers_, ElementsAre("c", "a", "b"));
    EXPECT_EQ(disk_->audit.size(), 3u);
    EXPECT_EQ(disk_->audit[0].entry.subject, "c");
}

TEST_F(StoreWorkerTest, WaitingBatchesShareOneTransactionUpToABound) {
    make_worker();
    Gate gate{*worker_};
    for (std::size_t i = 0; i < limits::kStoreGroupBatchesMax + 1; ++i) submit(std::to_string(i));
    gate.open();
    finish();
    EXPECT_EQ(answers_.size(), limits::kStoreGroupBatchesMax + 1);
    EXPECT_EQ(commits_, 2);
}

TEST_F(StoreWorkerTest, AReadSeesWhatWasSubmittedBeforeItOnly) {
    make_worker();
    Gate gate{*worker_};
    submit("a");
    std::vector<std::string> seen;
    ASSERT_TRUE(
        worker_->run([&](Store& store) { seen = keys_of(store.load(Table::release).value()); }));
    submit("b");
    gate.open();
    finish();
    EXPECT_THAT(seen, ElementsAre("a"));
    EXPECT_EQ(commits_, 2);
}

TEST_F(StoreWorkerTest, AFullQueuePushesBack) {
    make_worker();
    Gate gate{*worker_};
    for (std::size_t i = 0; i < limits::kStoreQueueMax; ++i) submit(std::to_string(i));
    const auto refused = worker_->submit(batch_for("x"), [](const auto&) { FAIL(); });
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::exhausted);
    EXPECT_EQ(worker_->run([](Store&) { FAIL(); }).error().code, ErrorCode::exhausted);
    gate.open();
    finish();
    EXPECT_EQ(answers_.size(), limits::kStoreQueueMax);
}

TEST_F(StoreWorkerTest, TooManyBytesPushBackAndLeaveTheBatch) {
    make_worker();
    Gate gate{*worker_};
    const std::string big(limits::kStoreBodyBytesMax, 'x');
    auto batch = batch_for("big", big);
    while (worker_->submit(Batch{batch}, [this](const auto&) { answers_.emplace_back(); }))
        ASSERT_LT(answers_.size(), 100u);
    EXPECT_EQ(worker_->submit(std::move(batch), {}).error().code, ErrorCode::exhausted);
    EXPECT_EQ(batch, batch_for("big", big));
    submit("small");
    gate.open();
    Gate drained{*worker_};
    EXPECT_EQ(answers_.size(), limits::kStoreQueueBytesMax / limits::kStoreBodyBytesMax);
    submit("small");
    EXPECT_TRUE(worker_->submit(std::move(batch), [](const auto&) {}).has_value());
    drained.open();
    finish();
}

TEST_F(StoreWorkerTest, ABadBatchIsRefusedAloneAndAtOnce) {
    make_worker();
    Gate gate{*worker_};
    submit("a");
    const auto refused =
        worker_->submit({{Put{Table::release, "", "{}"}}, {}}, [](const auto&) { FAIL(); });
    EXPECT_EQ(refused.error().code, ErrorCode::invalid);
    submit("b");
    gate.open();
    finish();
    EXPECT_THAT(answers_, ElementsAre("a", "b"));
}

TEST_F(StoreWorkerTest, AfterAnUnknownOutcomeNothingIsWritten) {
    make_worker();
    Gate gate{*worker_};
    store_->fail_next_commit(MemoryStore::Fault::lost);
    submit("a");
    submit("b");
    ASSERT_TRUE(worker_->run([](Store& store) { EXPECT_TRUE(store.fenced()); }));
    submit("c");
    EXPECT_FALSE(worker_->fenced());
    gate.open();
    std::promise<bool> fenced;
    ASSERT_TRUE(worker_->run([&](Store&) { fenced.set_value(worker_->fenced()); }));
    EXPECT_TRUE(fenced.get_future().get());
    finish();
    EXPECT_THAT(answers_, ElementsAre("a unknown", "b unknown", "c unavailable"));
    EXPECT_TRUE(disk_->rows.empty());
}

TEST_F(StoreWorkerTest, TakesWorkFromManyThreads) {
    make_worker();
    std::atomic<int> answered = 0;
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t)
            threads.emplace_back([&, t] {
                for (int i = 0; i < 200; ++i)
                    EXPECT_TRUE(worker_->submit(batch_for(fmt::format("{}-{}", t, i)),
                                                [&](const auto&) { ++answered; }));
            });
    }
    finish();
    EXPECT_EQ(answered, 800);
    EXPECT_EQ(disk_->rows.size(), 800u);
    EXPECT_TRUE(verify_chain(disk_->audit).has_value());
}

}  // namespace
}  // namespace tidegate
