#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "schema/base/limits.h"
#include "tests/unit/store/backends.h"

namespace tidegate {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr Timestamp kNoon{Milliseconds{1'764'000'000'000}};

class StoreContractTest : public testing::TestWithParam<const char*> {
protected:
    void reopen() {
        store_.reset();
        store_ = backend_->open();
    }
    void commit(const std::vector<Batch>& batches) {
        const auto outcome = store_->commit(batches);
        ASSERT_TRUE(outcome.has_value()) << outcome.error().text();
        ASSERT_EQ(*outcome, CommitOutcome::committed);
    }

    std::unique_ptr<Backend> backend_ = make_backend(GetParam());
    std::unique_ptr<Store> store_ = backend_->open();
};
INSTANTIATE_TEST_SUITE_P(Backends, StoreContractTest, testing::Values("memory", "sqlite"),
                         [](const auto& test) { return std::string{test.param}; });

TEST_P(StoreContractTest, KeepsRowsAndAuditAcrossReopening) {
    commit({batch_for("r1", R"({"n":1})"), batch_for("r2")});
    commit({Batch{{Put{Table::release, "r1", R"({"n":2})"}, Erase{Table::release, "r2"}}, {}}});
    const auto tail = store_->audit_tail().value();
    reopen();
    EXPECT_EQ(store_->load(Table::release).value(),
              (std::vector<Row>{{Table::release, "r1", R"({"n":2})"}}));
    EXPECT_EQ(store_->get(Table::release, "r1").value(), R"({"n":2})");
    EXPECT_EQ(store_->get(Table::release, "r2").value(), std::nullopt);
    EXPECT_EQ(store_->audit_tail().value(), tail);
    EXPECT_EQ(tail.seq, 2u);
}

TEST_P(StoreContractTest, LoadsOneTableSortedByBytes) {
    commit({Batch{{Put{Table::agent, "b", "{}"}, Put{Table::token, "x", "{}"},
                   Put{Table::agent, "\xc3\xa9", "{}"}, Put{Table::agent, "a/2", "{}"},
                   Put{Table::agent, "a", "{}"}, Put{Table::agent, "B", "{}"}},
                  {}}});
    EXPECT_THAT(keys_of(store_->load(Table::agent).value()),
                ElementsAre("B", "a", "a/2", "b", "\xc3\xa9"));
    EXPECT_THAT(store_->load(Table::history).value(), IsEmpty());
}

TEST_P(StoreContractTest, TheLastWriteToAKeyWins) {
    commit({Batch{{Put{Table::meta, "k", "1"}, Erase{Table::meta, "k"}, Put{Table::meta, "k", "2"}},
                  {}},
            Batch{{Put{Table::meta, "k", "3"}, Erase{Table::meta, "never there"}}, {}}});
    EXPECT_EQ(store_->get(Table::meta, "k").value(), "3");
}

TEST_P(StoreContractTest, BytesComeBackAsTheyWentIn) {
    const std::string odd{"a\0b\xff'\"\n", 7};
    auto batch = batch_for(odd, odd);
    batch.audit[0].detail = odd;
    batch.writes.push_back(Put{Table::release, "empty", ""});
    commit({batch});
    reopen();
    EXPECT_EQ(store_->get(Table::release, odd).value(), odd);
    EXPECT_EQ(store_->get(Table::release, "empty").value(), "");
    EXPECT_EQ(store_->audit(1, 1).value().at(0).entry, batch.audit[0]);
}

TEST_P(StoreContractTest, AGroupWithABadBatchLeavesNothing) {
    commit({batch_for("before")});
    const auto refused =
        store_->commit(std::vector{batch_for("good"), Batch{{Put{Table::release, "", "{}"}}, {}}});
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::invalid);
    EXPECT_THAT(keys_of(store_->load(Table::release).value()), ElementsAre("before"));
    EXPECT_EQ(store_->audit_tail().value().seq, 1u);
    commit({batch_for("after")});
}

TEST_P(StoreContractTest, AuditIsOneChainReadInPages) {
    for (int i = 0; i < 5; ++i)
        commit({batch_for(fmt::format("a{}", i)), batch_for(fmt::format("b{}", i))});
    reopen();
    commit({batch_for("last")});
    EXPECT_EQ(verify_audit(*store_).value(), store_->audit_tail().value());
    const auto page = store_->audit(4, 3).value();
    ASSERT_EQ(page.size(), 3u);
    EXPECT_EQ(page[0].seq, 4u);
    EXPECT_EQ(page[0].entry.subject, "b1");
    EXPECT_THAT(store_->audit(12, 10).value(), IsEmpty());
    EXPECT_EQ(store_->audit(1, 0).value().size(), 0u);
}

TEST_P(StoreContractTest, AuditPagesAreBounded) {
    Batch batch;
    const auto entry = batch_for("x").audit[0];
    batch.audit.assign(limits::kAuditPageRowsMax + 5, entry);
    commit({batch});
    EXPECT_EQ(store_->audit(1, 1'000'000).value().size(), limits::kAuditPageRowsMax);
    EXPECT_EQ(verify_audit(*store_).value().seq, limits::kAuditPageRowsMax + 5);
}

TEST_P(StoreContractTest, EpochStartsAtTheClockAndGrowsByOne) {
    const auto first = static_cast<std::uint64_t>(kNoon.time_since_epoch().count());
    EXPECT_EQ(store_->begin_epoch(kNoon).value(), first);
    reopen();
    EXPECT_EQ(store_->begin_epoch(kNoon - std::chrono::years{1}).value(), first + 1);
    reopen();
    EXPECT_EQ(store_->begin_epoch(kNoon + std::chrono::years{1}).value(), first + 2);
    const auto forged = store_->commit(std::vector{Batch{{Put{Table::meta, "epoch", "7"}}, {}}});
    ASSERT_FALSE(forged.has_value());
    EXPECT_EQ(store_->begin_epoch(kNoon).value(), first + 3);
}

TEST_P(StoreContractTest, FirstEpochNeedsAClock) {
    const auto epoch = store_->begin_epoch(Timestamp{});
    ASSERT_FALSE(epoch.has_value());
    EXPECT_EQ(epoch.error().code, ErrorCode::invalid);
    EXPECT_FALSE(store_->fenced());
    commit({batch_for("still works")});
}

TEST_P(StoreContractTest, AnUnknownOutcomeFencesUntilOpenedAnew) {
    commit({batch_for("before")});
    backend_->lose_answers(*store_);
    EXPECT_EQ(store_->commit(std::vector{batch_for("one"), batch_for("two")}).value(),
              CommitOutcome::unknown);
    backend_->heal(*store_);
    EXPECT_TRUE(store_->fenced());
    EXPECT_EQ(store_->commit(std::vector{batch_for("x")}).error().code, ErrorCode::unavailable);
    EXPECT_EQ(store_->load(Table::release).error().code, ErrorCode::unavailable);
    EXPECT_EQ(store_->begin_epoch(kNoon).error().code, ErrorCode::unavailable);

    reopen();
    const auto keys = keys_of(store_->load(Table::release).value());
    const auto tail = verify_audit(*store_);
    ASSERT_TRUE(tail.has_value()) << tail.error().text();
    EXPECT_THAT(keys, testing::AnyOf(ElementsAre("before"), ElementsAre("before", "one", "two")));
    EXPECT_EQ(tail->seq, keys.size());
    commit({batch_for("again")});
}

TEST_P(StoreContractTest, AFullDiskRefusesAndRecovers) {
    commit({batch_for("before")});
    backend_->fill_disk(*store_);
    const auto refused = store_->commit(std::vector{batch_for("one", std::string(100'000, 'x'))});
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::exhausted) << refused.error().text();
    EXPECT_THAT(keys_of(store_->load(Table::release).value()), ElementsAre("before"));
    backend_->heal(*store_);
    EXPECT_FALSE(store_->fenced());
    commit({batch_for("after")});
    reopen();
    EXPECT_THAT(keys_of(store_->load(Table::release).value()), ElementsAre("after", "before"));
    EXPECT_EQ(verify_audit(*store_).value().seq, 2u);
}

TEST_P(StoreContractTest, ReadersBesideTheWriterSeeWholeGroups) {
    constexpr int kCommits = 100;
    std::atomic<bool> torn = false;
    const auto read = [&](Store& reader) {
        std::vector<Row> rows;
        do {
            rows = reader.load(Table::release).value();
            if (rows.size() == 2 && rows[0].body != rows[1].body) torn = true;
        } while (rows.size() < 2 || rows[0].body != std::to_string(kCommits));
    };
    const auto one = backend_->open();
    const auto two = backend_->open();
    std::jthread first{[&] { read(*one); }};
    std::jthread second{[&] { read(*two); }};
    for (int i = 1; i <= kCommits; ++i)
        commit({batch_for("a", std::to_string(i)), batch_for("b", std::to_string(i))});
    first.join();
    second.join();
    EXPECT_FALSE(torn);
}

TEST_P(StoreContractTest, TwoWritersKeepOneChainAndDistinctEpochs) {
    constexpr int kRounds = 30;
    const auto other = backend_->open();
    std::vector<std::uint64_t> mine;
    std::vector<std::uint64_t> theirs;
    const auto write = [](Store& store, std::vector<std::uint64_t>& epochs) {
        for (int i = 0; i < kRounds; ++i) {
            epochs.push_back(store.begin_epoch(kNoon).value());
            EXPECT_TRUE(store.commit(std::vector{batch_for("k")}).has_value());
        }
    };
    std::jthread thread{[&] { write(*other, theirs); }};
    write(*store_, mine);
    thread.join();
    mine.insert(mine.end(), theirs.begin(), theirs.end());
    std::ranges::sort(mine);
    EXPECT_EQ(std::ranges::adjacent_find(mine), mine.end());
    EXPECT_EQ(verify_audit(*store_).value().seq, 2u * kRounds);
}

TEST_P(StoreContractTest, CrashPointsStandAroundTheCommit) {
    std::vector<std::string> points;
    const auto store = backend_->open([&](std::string_view point) {
        const auto seen = store_->load(Table::release).value().size();
        points.push_back(fmt::format("{} {}", point, seen));
    });
    ASSERT_TRUE(store->commit(std::vector{batch_for("a")}).has_value());
    EXPECT_THAT(points, ElementsAre("store.before_commit 0", "store.after_commit 1"));
}

/// Made in the test alone: they are large.
struct LimitCase {
    const char* name;
    Batch (*batch)();
    bool accepted;
};
class CheckBatchTest : public testing::TestWithParam<LimitCase> {};
TEST_P(CheckBatchTest, BoundsWhatIsStored) {
    EXPECT_EQ(check_batch(GetParam().batch()).has_value(), GetParam().accepted);
}
Batch erase(std::string key) { return {{Erase{Table::agent, std::move(key)}}, {}}; }
Batch put(std::string key, std::size_t bytes) {
    return {{Put{Table::agent, std::move(key), std::string(bytes, 'b')}}, {}};
}
Batch entry_of(std::size_t bytes) {
    return {{}, {AuditEntry{{}, "", "", "", "", std::string(bytes, 'd')}}};
}
INSTANTIATE_TEST_SUITE_P(
    Limits, CheckBatchTest,
    testing::Values(
        LimitCase{"nothing", [] { return Batch{}; }, true},
        LimitCase{"longest_key", [] { return erase(std::string(limits::kStoreKeyBytesMax, 'k')); },
                  true},
        LimitCase{"key_too_long",
                  [] { return erase(std::string(limits::kStoreKeyBytesMax + 1, 'k')); }, false},
        LimitCase{"longest_body", [] { return put("k", limits::kStoreBodyBytesMax); }, true},
        LimitCase{"body_too_long", [] { return put("k", limits::kStoreBodyBytesMax + 1); }, false},
        LimitCase{"no_key", [] { return put("", 2); }, false},
        LimitCase{"epoch_erased",
                  [] {
                      return Batch{{Erase{Table::meta, "epoch"}}, {}};
                  },
                  false},
        LimitCase{"epoch_elsewhere", [] { return erase("epoch"); }, true},
        LimitCase{"longest_entry", [] { return entry_of(limits::kAuditEntryBytesMax); }, true},
        LimitCase{"entry_too_long", [] { return entry_of(limits::kAuditEntryBytesMax + 1); },
                  false}),
    [](const auto& test) { return std::string{test.param.name}; });

}  // namespace
}  // namespace tidegate
