#include "reconciler/store/worker.h"

#include <chrono>

#include "schema/base/limits.h"

namespace tidegate {
namespace {

/// Adds the time that it lives.
class Stopwatch {
public:
    explicit Stopwatch(std::atomic<std::int64_t>& nanoseconds) : nanoseconds_{nanoseconds} {}
    Stopwatch(const Stopwatch&) = delete;
    Stopwatch& operator=(const Stopwatch&) = delete;
    ~Stopwatch() {
        nanoseconds_ += std::chrono::nanoseconds{std::chrono::steady_clock::now() - begin_}.count();
    }

private:
    std::atomic<std::int64_t>& nanoseconds_;
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace

StoreWorker::StoreWorker(std::unique_ptr<Store> store)
    : store_{std::move(store)}, thread_{[this] { serve(); }} {}

StoreWorker::~StoreWorker() {
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
    }
    ready_.notify_one();
    thread_.join();
}

Result<void> StoreWorker::submit(Batch&& batch, Done done) {
    CHECK(check_batch(batch));
    const auto bytes = bytes_of(batch);
    {
        const std::lock_guard lock{mutex_};
        CHECK(check_room(bytes));
        queue_.push_back(Write{std::move(batch), std::move(done), bytes});
        queued_bytes_ += bytes;
    }
    ready_.notify_one();
    return {};
}

Result<void> StoreWorker::run(Job job) {
    {
        const std::lock_guard lock{mutex_};
        CHECK(check_room(0));
        queue_.push_back(std::move(job));
    }
    ready_.notify_one();
    return {};
}

/// A batch larger than the bound still passes when it is alone.
Result<void> StoreWorker::check_room(std::size_t bytes) const {
    if (stopping_) return fail(ErrorCode::unavailable, "the store worker is stopping");
    if (queue_.size() >= limits::kStoreQueueMax ||
        (!queue_.empty() && queued_bytes_ + bytes > limits::kStoreQueueBytesMax))
        return fail(ErrorCode::exhausted, "the store's queue is full: {} items, {} bytes",
                    queue_.size(), queued_bytes_);
    return {};
}

StoreWorker::Stats StoreWorker::stats() const {
    return {commits_,
            std::chrono::duration<double>{std::chrono::nanoseconds{nanoseconds_}}.count()};
}

void StoreWorker::serve() {
    for (auto items = take(); !items.empty(); items = take()) {
        const Stopwatch stopwatch{nanoseconds_};
        if (const auto* job = std::get_if<Job>(&items.front())) {
            (*job)(*store_);
            fenced_ = store_->fenced();
        } else {
            commit(std::move(items));
        }
    }
}

std::deque<StoreWorker::Item> StoreWorker::take() {
    std::unique_lock lock{mutex_};
    ready_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    std::deque<Item> taken;
    const auto next_is_write = [this] {
        return !queue_.empty() && std::holds_alternative<Write>(queue_.front());
    };
    if (!queue_.empty() && !next_is_write()) {
        taken.push_back(std::move(queue_.front()));
        queue_.pop_front();
        return taken;
    }
    while (next_is_write() && taken.size() < limits::kStoreGroupBatchesMax) {
        queued_bytes_ -= std::get<Write>(queue_.front()).bytes;
        taken.push_back(std::move(queue_.front()));
        queue_.pop_front();
    }
    return taken;
}

void StoreWorker::commit(std::deque<Item> writes) {
    std::vector<Batch> batches;
    for (auto& item : writes) batches.push_back(std::move(std::get<Write>(item).batch));
    const auto outcome = store_->commit(batches);
    fenced_ = store_->fenced();
    if (outcome && *outcome == CommitOutcome::committed) ++commits_;
    for (const auto& item : writes) std::get<Write>(item).done(outcome);
}

}  // namespace tidegate
