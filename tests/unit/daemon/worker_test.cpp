#include "reconciler/daemon/worker.h"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

namespace tidegate::daemon {
namespace {

TEST(WorkerTest, WhatBelongsToTheThreadEndsOnIt) {
    std::thread::id begun;
    std::thread::id ended;
    {
        Worker worker{[&] { ended = std::this_thread::get_id(); }};
        std::atomic<bool> done = false;
        worker.post([&] {
            begun = std::this_thread::get_id();
            done = true;
            done.notify_one();
        });
        done.wait(false);
        EXPECT_EQ(ended, std::thread::id{});
    }
    EXPECT_NE(begun, std::thread::id{});
    EXPECT_EQ(ended, begun);
}

TEST(WorkerTest, WhatIsUrgentGoesBeforeWhatWaits) {
    std::vector<int> order;
    std::atomic<bool> go = false;
    std::atomic<bool> done = false;
    Worker worker;
    worker.post([&] { go.wait(false); });
    worker.post([&] {
        order.push_back(2);
        done = true;
        done.notify_one();
    });
    worker.post_first([&] { order.push_back(1); });
    go = true;
    go.notify_one();
    done.wait(false);
    EXPECT_EQ(order, (std::vector{1, 2}));
}

}  // namespace
}  // namespace tidegate::daemon
