#include "reconciler/store/worker.h"

#include "schema/base/limits.h"

namespace tidegate {

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

Result<void> StoreWorker::submit(Batch batch, Done done) {
    CHECK(check_batch(batch));
    return enqueue(Write{std::move(batch), std::move(done)});
}

Result<void> StoreWorker::run(Job job) { return enqueue(std::move(job)); }

Result<void> StoreWorker::enqueue(Item item) {
    {
        const std::lock_guard lock{mutex_};
        if (stopping_) return fail(ErrorCode::unavailable, "the store worker is stopping");
        if (queue_.size() >= limits::kStoreQueueMax)
            return fail(ErrorCode::exhausted, "the store's queue is full ({} waiting)",
                        limits::kStoreQueueMax);
        queue_.push_back(std::move(item));
    }
    ready_.notify_one();
    return {};
}

void StoreWorker::serve() {
    for (auto items = take(); !items.empty(); items = take()) {
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
    for (const auto& item : writes) std::get<Write>(item).done(outcome);
}

}  // namespace tidegate
