#pragma once
/// The only user of the database: one thread that takes work in the order it comes.

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <variant>

#include "reconciler/store/store.h"

namespace tidegate {

/// Owns the store. `submit` and `run` may be called from any thread and never block on the disk;
/// callbacks run on the worker's thread (post to your own), in the order of the calls, and each is
/// called exactly once if its call succeeded. Batches that wait together become one transaction:
/// one fsync for all of them (group commit), at most `limits::kStoreGroupBatchesMax`.
///
/// When the store fences itself, every batch that waits is answered with that error; the daemon has
/// to stop. The destructor finishes what was accepted; it must not run on the worker's thread.
class StoreWorker {
public:
    using Done = std::function<void(Result<CommitOutcome>)>;
    using Job = std::function<void(Store&)>;

    explicit StoreWorker(std::unique_ptr<Store> store);
    ~StoreWorker();
    StoreWorker(const StoreWorker&) = delete;
    StoreWorker& operator=(const StoreWorker&) = delete;

    /// `invalid`: the batch breaks a limit; `exhausted`: the queue is full, come back later;
    /// `unavailable`: the worker is stopping. Then `done` is not called and `batch` is as it was.
    [[nodiscard]] Result<void> submit(Batch&& batch, Done done);
    /// For reads: sees every batch submitted before it, none submitted after it.
    [[nodiscard]] Result<void> run(Job job);
    /// Whether the store refuses further work. Any thread.
    [[nodiscard]] bool fenced() const { return fenced_; }

    struct Stats {
        std::uint64_t commits = 0;  ///< transactions that are durable
        double seconds = 0;         ///< spent in the store, on these and on all else
    };
    /// Since the start. Any thread.
    [[nodiscard]] Stats stats() const;

private:
    struct Write {
        Batch batch;
        Done done;
        std::size_t bytes;
    };
    using Item = std::variant<Write, Job>;

    [[nodiscard]] Result<void> check_room(std::size_t bytes) const;
    /// Waits for work: writes that stand together, or one job; nothing at the end.
    [[nodiscard]] std::deque<Item> take();
    void serve();
    void commit(std::deque<Item> writes);

    std::unique_ptr<Store> store_;
    std::mutex mutex_;
    std::condition_variable ready_;
    std::deque<Item> queue_;
    std::size_t queued_bytes_ = 0;
    bool stopping_ = false;
    std::atomic<bool> fenced_ = false;
    std::atomic<std::uint64_t> commits_ = 0;
    std::atomic<std::int64_t> nanoseconds_ = 0;
    std::thread thread_;
};

}  // namespace tidegate
