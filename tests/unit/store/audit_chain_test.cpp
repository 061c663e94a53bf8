#include <gtest/gtest.h>

#include <functional>

#include "schema/model/store.h"

namespace tidegate {
namespace {

std::vector<AuditRow> chain_of(int length) {
    std::vector<AuditRow> rows;
    AuditMark mark;
    for (int i = 1; i <= length; ++i) {
        AuditEntry entry{Timestamp{Milliseconds{i}}, "alice", "kind",
                         fmt::format("s{}", i),      "c",     "{}"};
        rows.push_back(next_audit_row(mark, entry));
        mark = {rows.back().seq, rows.back().hash};
    }
    return rows;
}

TEST(AuditHashTest, IsTheSameForEver) {
    const AuditEntry entry{Timestamp{Milliseconds{1'764'000'000'000}},
                           "alice@example.com",
                           "release.started",
                           "prod/shop-api",
                           "c0ffee",
                           "{}"};
    EXPECT_EQ(audit_hash(1, entry, {}).hex(),
              "ea28842b596b59a9d68e03327c678b5674f09bc932eb13e433d2f7da908d9b4b");
    AuditEntry shifted = entry;
    shifted.actor += 'r';
    shifted.kind = "elease.started";
    EXPECT_NE(audit_hash(1, shifted, {}), audit_hash(1, entry, {}));
}

struct TamperCase {
    const char* name;
    std::function<void(std::vector<AuditRow>&)> tamper;
    const char* message;  ///< a part of it; nullptr: not detected
};
class VerifyChainTest : public testing::TestWithParam<TamperCase> {};
TEST_P(VerifyChainTest, NamesTheFirstWrongRow) {
    auto rows = chain_of(5);
    GetParam().tamper(rows);
    const auto verified = verify_chain(rows);
    ASSERT_EQ(verified.has_value(), GetParam().message == nullptr);
    if (!verified) {
        EXPECT_NE(verified.error().message.find(GetParam().message), std::string::npos)
            << verified.error().message;
    }
}
void rewrite(AuditRow& row) {
    row.entry.actor = "mallory";
    row.hash = audit_hash(row.seq, row.entry, row.previous);
}
INSTANTIATE_TEST_SUITE_P(
    Tampering, VerifyChainTest,
    testing::Values(
        TamperCase{"untouched", [](auto&) {}, nullptr},
        TamperCase{"actor", [](auto& rows) { rows[2].entry.actor = "bob"; }, "row 3 was changed"},
        TamperCase{"time", [](auto& rows) { rows[0].entry.at += Seconds{1}; }, "row 1 was changed"},
        TamperCase{"detail", [](auto& rows) { rows[4].entry.detail = ""; }, "row 5 was changed"},
        TamperCase{"hash", [](auto& rows) { rows[1].hash = {}; }, "row 2 was changed"},
        TamperCase{"rehashed", [](auto& rows) { rewrite(rows[2]); }, "row 4 does not follow row 3"},
        TamperCase{"removed", [](auto& rows) { rows.erase(rows.begin() + 1); }, "row 2 is missing"},
        TamperCase{"head_cut", [](auto& rows) { rows.erase(rows.begin()); }, "row 1 is missing"},
        TamperCase{"swapped", [](auto& rows) { std::swap(rows[1], rows[2]); }, "row 2 is missing"},
        TamperCase{"tail_cut", [](auto& rows) { rows.pop_back(); }, nullptr},
        TamperCase{"tail_rewritten", [](auto& rows) { rewrite(rows[4]); }, nullptr}),
    [](const auto& test) { return std::string{test.param.name}; });

TEST(VerifyChainTest, PagesJoinAndAMarkKeptElsewhereShowsACutTail) {
    const auto rows = chain_of(5);
    const std::span all{rows};
    const auto middle = verify_chain(all.first(3)).value();
    EXPECT_EQ(middle, (AuditMark{3, rows[2].hash}));
    const auto end = verify_chain(all.subspan(3), middle).value();
    EXPECT_EQ(end.seq, 5u);
    EXPECT_NE(verify_chain(all.first(4)).value(), end);
    EXPECT_FALSE(verify_chain(all.subspan(3)).has_value());
}

TEST(TableTest, EveryTableHasItsOwnName) {
    for (const auto one : kTables)
        for (const auto other : kTables)
            EXPECT_EQ(one == other, to_string(one) == to_string(other));
}

}  // namespace
}  // namespace tidegate
