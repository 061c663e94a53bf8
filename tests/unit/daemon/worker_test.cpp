#include "reconciler/daemon/worker.h"

#include <gtest/gtest.h>

#include <atomic>

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

}  // namespace
}  // namespace tidegate::daemon
