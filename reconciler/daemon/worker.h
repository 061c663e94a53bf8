#pragma once
/// A thread that does one job after the other.

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

namespace tidegate::daemon {

/// `post` from any thread; jobs run in order, but for those that go first. The destructor drops
/// what has not begun, waits for the running job, and lets the thread do `at_end` last: what
/// belongs to the thread ends there.
class Worker {
public:
    using Job = std::function<void()>;

    explicit Worker(Job at_end = {}) : at_end_{std::move(at_end)}, thread_{[this] { serve(); }} {}
    ~Worker() {
        {
            const std::lock_guard lock{mutex_};
            stopping_ = true;
        }
        ready_.notify_one();
        thread_.join();
    }
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    void post(Job job) {
        {
            const std::lock_guard lock{mutex_};
            jobs_.push_back(std::move(job));
        }
        ready_.notify_one();
    }
    /// Before all that waits: for what is quick and urgent.
    void post_first(Job job) {
        {
            const std::lock_guard lock{mutex_};
            jobs_.push_front(std::move(job));
        }
        ready_.notify_one();
    }

private:
    void serve() {
        std::unique_lock lock{mutex_};
        while (true) {
            ready_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
            if (stopping_) break;
            auto job = std::move(jobs_.front());
            jobs_.pop_front();
            lock.unlock();
            job();
            lock.lock();
        }
        lock.unlock();
        if (at_end_) at_end_();
    }

    std::mutex mutex_;
    std::condition_variable ready_;
    std::deque<Job> jobs_;
    Job at_end_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace tidegate::daemon
