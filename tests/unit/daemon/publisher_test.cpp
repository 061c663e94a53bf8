#include "reconciler/daemon/publisher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <asio/io_context.hpp>

namespace tidegate::daemon {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

class PublisherTest : public testing::Test {
protected:
    /// Until what is scheduled is on the board.
    SnapshotPtr published() {
        io.restart();
        io.run();
        return board.get();
    }
    static engine::Publish release(const std::string& id, const std::string& reason) {
        engine::ReleaseChange change;
        change.head.id = id;
        change.head.reason = reason;
        engine::Publish publish;
        publish.releases.push_back(change);
        return publish;
    }
    static engine::Publish target(const std::string& name, const std::string& environment) {
        TargetView view;
        view.name = name;
        view.environment = environment;
        engine::Publish publish;
        publish.targets.push_back(view);
        return publish;
    }

    asio::io_context io;
    status::SnapshotBoard board;
    int refreshed = 0;
    Publisher publisher{io, board, [this](StatusSnapshot&) { ++refreshed; }};
};

TEST_F(PublisherTest, ManyChangesAreOnePublication) {
    const auto begin = Clock::now();
    for (int i = 0; i < 1'000; ++i) {
        publisher.edit().agents_online = i;
        publisher.apply(release("r1", std::to_string(i)));
        publisher.touch();
    }
    EXPECT_EQ(board.get(), nullptr);
    const auto first = published();
    EXPECT_EQ(first->generation, 1U);
    EXPECT_EQ(refreshed, 1);
    EXPECT_EQ(first->agents_online, 999);
    EXPECT_EQ(first->releases.at("r1")->reason, "999");
    publisher.touch();
    EXPECT_EQ(published()->generation, 2U);
    EXPECT_GE(Clock::now() - begin, 2 * milliseconds{100}) << "at most ten times a second";
}

TEST_F(PublisherTest, ASnapshotNeverChanges) {
    publisher.apply(release("r1", "before"));
    publisher.apply(target("t1", "before"));
    publisher.flush();
    const auto old = board.get();
    publisher.apply(release("r1", "after"));
    publisher.apply(release("r1", "after that"));
    publisher.apply(release("r2", "new"));
    publisher.apply(target("t1", "after"));
    publisher.seen("t1", Timestamp{milliseconds{5}});
    publisher.edit().fenced = true;
    const auto fresh = published();
    EXPECT_EQ(old->releases.at("r1")->reason, "before");
    EXPECT_EQ(old->releases.size(), 1U);
    EXPECT_EQ(old->targets.at("t1")->environment, "before");
    EXPECT_EQ(old->targets.at("t1")->last_seen_at, std::nullopt);
    EXPECT_FALSE(old->fenced);
    EXPECT_EQ(fresh->releases.at("r1")->reason, "after that");
    EXPECT_EQ(fresh->targets.at("t1")->last_seen_at, Timestamp{milliseconds{5}});
}

TEST_F(PublisherTest, WhatDidNotChangeIsShared) {
    publisher.apply(release("r1", "x"));
    publisher.apply(target("t1", "x"));
    publisher.seen("t1", Timestamp{milliseconds{5}});
    publisher.flush();
    const auto old = board.get();
    publisher.seen("t1", Timestamp{milliseconds{5}});
    publisher.seen("nobody", Timestamp{milliseconds{5}});
    EXPECT_EQ(published(), old) << "nothing to tell";
    publisher.apply(release("r2", "x"));
    const auto fresh = published();
    EXPECT_EQ(fresh->releases.at("r1"), old->releases.at("r1"));
    EXPECT_EQ(fresh->targets.at("t1"), old->targets.at("t1"));
}

}  // namespace
}  // namespace tidegate::daemon
