#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "reconciler/store/worker.h"
#include "tests/unit/store/backends.h"

namespace tidegate {
namespace {

/// Runs `body` in a child; the parent reads what it acknowledges.
class Child {
public:
    explicit Child(const std::function<void(int)>& body) {
        int ends[2];
        TG_ASSERT(::pipe(ends) == 0);
        pid_ = ::fork();
        TG_ASSERT(pid_ >= 0);
        if (pid_ == 0) {
            ::close(ends[0]);
            body(ends[1]);
            ::_exit(0);
        }
        ::close(ends[1]);
        pipe_ = ends[0];
    }
    ~Child() {
        ::kill(pid_, SIGKILL);
        ::close(pipe_);
        ::waitpid(pid_, nullptr, 0);
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    /// The next acknowledged number, or -1 after the last.
    int next() {
        int number = -1;
        return ::read(pipe_, &number, sizeof number) == sizeof number ? number : -1;
    }
    void kill() { ::kill(pid_, SIGKILL); }

private:
    pid_t pid_ = -1;
    int pipe_ = -1;
};

std::string key_of(int round, int number) { return fmt::format("r{}-{:06}", round, number); }

/// Submits without waiting, so that groups form; acknowledges what is durable.
void commit_without_end(Backend& backend, int round, int pipe) {
    StoreWorker worker{backend.open()};
    for (int i = 0;;) {
        const auto taken =
            worker.submit(batch_for(key_of(round, i)), [pipe, i](Result<CommitOutcome> outcome) {
                if (outcome && *outcome == CommitOutcome::committed)
                    TG_ASSERT(::write(pipe, &i, sizeof i) == sizeof i);
            });
        if (taken)
            ++i;
        else
            std::this_thread::yield();
    }
}

TEST(StoreCrashTest, WhatWasAcknowledgedSurvivesKill) {
    const auto backend = make_backend("sqlite");
    for (int round = 0; round < 8; ++round) {
        int acknowledged = -1;
        {
            Child child{[&](int pipe) { commit_without_end(*backend, round, pipe); }};
            while (acknowledged < 100 + 397 * round) {
                acknowledged = child.next();
                ASSERT_GE(acknowledged, 0) << "the child ended by itself";
            }
            child.kill();
            for (int more = child.next(); more >= 0; more = child.next()) acknowledged = more;
        }
        const auto store = backend->open();
        for (int i = 0; i <= acknowledged; ++i)
            ASSERT_TRUE(store->get(Table::release, key_of(round, i)).value()) << round << ' ' << i;
        const auto tail = verify_audit(*store);
        ASSERT_TRUE(tail.has_value()) << tail.error().text();
        EXPECT_EQ(tail->seq, store->load(Table::release).value().size());
    }
}

struct CrashCase {
    std::string_view point;
    bool written;
};
class CrashPointTest : public testing::TestWithParam<CrashCase> {};
TEST_P(CrashPointTest, DecidesWhetherTheBatchIsThere) {
    const auto backend = make_backend("sqlite");
    Child child{[&](int) {
        const auto store = backend->open([](std::string_view point) {
            if (point == GetParam().point) ::raise(SIGKILL);
        });
        static_cast<void>(store->commit(std::vector{batch_for("a"), batch_for("b")}));
    }};
    EXPECT_EQ(child.next(), -1);
    const auto store = backend->open();
    EXPECT_EQ(store->load(Table::release).value().size(), GetParam().written ? 2u : 0u);
    EXPECT_EQ(verify_audit(*store).value().seq, GetParam().written ? 2u : 0u);
}
INSTANTIATE_TEST_SUITE_P(Points, CrashPointTest,
                         testing::Values(CrashCase{kBeforeCommit, false},
                                         CrashCase{kAfterCommit, true}));

}  // namespace
}  // namespace tidegate
