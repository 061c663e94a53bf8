#include <algorithm>
#include <filesystem>

#include "tests/integration/journal/journal_fixture.h"

namespace tidegate::agent {
namespace {

TEST_F(JournalTest, ATornTailIsCutOffAtEveryByte) {
    write({JournalIntent{first_, 1}, JournalOutcome{result(first_, 1)}});
    const auto whole = test::read_text(log()).size();
    write({JournalIntent{second_, 2}});
    const auto bytes = test::read_text(log());
    ASSERT_GT(bytes.size(), whole);
    for (auto size = whole; size <= bytes.size(); ++size) {
        test::write_text(log(), bytes.substr(0, size));
        const auto content = read();
        EXPECT_EQ(content.records.actions.size(), size == bytes.size() ? 2U : 1U) << size;
        EXPECT_EQ(content.torn_bytes, size == bytes.size() ? 0 : size - whole);
    }
}

TEST_F(JournalTest, ADamagedTailIsCutOffAndWritingGoesOn) {
    write({JournalIntent{first_, 1}});
    const auto whole = test::read_text(log()).size();
    write({JournalIntent{second_, 2}});
    const auto bytes = test::read_text(log());
    for (auto at = whole; at < bytes.size(); at += 7) {
        auto damaged = bytes;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
        test::write_text(log(), damaged);
        EXPECT_EQ(read().records.actions.size(), 1U) << at;
        write({JournalOutcome{result(first_, 1)}});
        EXPECT_TRUE(read().records.actions.at(0).result) << at;
    }
}

/// No torn write does that, and whole records would go with it.
TEST_F(JournalTest, DamageBeforeWholeRecordsIsRefusedAndNothingIsCutOff) {
    write({JournalIntent{first_, 1}});
    const auto whole = test::read_text(log()).size();
    write({JournalIntent{second_, 2}});
    const auto bytes = test::read_text(log());
    for (std::size_t at = 0; at < whole; at += 7) {
        auto damaged = bytes;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
        test::write_text(log(), damaged);
        const auto opened = Journal::open(directory());
        ASSERT_FALSE(opened) << at;
        EXPECT_EQ(opened.error().code, ErrorCode::invalid);
        EXPECT_NE(opened.error().message.find(log() + " is damaged at byte 0"), std::string::npos)
            << opened.error().message;
        EXPECT_EQ(test::read_text(log()), damaged);
    }
    test::write_text(log(), bytes);
    EXPECT_EQ(read().records.actions.size(), 2U);
}

}  // namespace
}  // namespace tidegate::agent
