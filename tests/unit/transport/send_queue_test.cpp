#include "transport/send_queue.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace tidegate::transport {
namespace {

SharedBytes piece(std::string text) { return std::make_shared<const std::string>(std::move(text)); }

TEST(SendQueueTest, OffersInOrderAsRoomAllows) {
    SendQueue queue;
    for (const auto* text : {"one", "two", "three"}) queue.push(piece(text));
    std::array<const std::string*, 2> room{};
    ASSERT_EQ(queue.offer(room), 2U);
    EXPECT_EQ(*room[0], "one");
    EXPECT_EQ(*room[1], "two");
    EXPECT_FALSE(queue.all_offered());
    ASSERT_EQ(queue.offer(room), 1U);
    EXPECT_EQ(*room[0], "three");
    EXPECT_TRUE(queue.all_offered());
    EXPECT_EQ(queue.offer(room), 0U);
}

TEST(SendQueueTest, KeepsAPieceUntilItsLastByteIsAcknowledged) {
    SendQueue queue;
    const auto shared = piece("abcdef");
    queue.push(shared);
    queue.push(piece("gh"));
    std::array<const std::string*, 8> room{};
    (void)queue.offer(room);
    queue.acknowledge(5);
    EXPECT_EQ(shared.use_count(), 2);
    EXPECT_EQ(queue.bytes(), 3U);
    queue.acknowledge(1);
    EXPECT_EQ(shared.use_count(), 1);
    queue.acknowledge(2);
    EXPECT_EQ(queue.bytes(), 0U);
}

TEST(SendQueueTest, AcknowledgementsMaySpanPiecesAndNewOnesFollow) {
    SendQueue queue;
    std::array<const std::string*, 1> room{};
    for (int i = 0; i < 100; ++i) queue.push(piece(std::to_string(i)));
    for (int i = 0; i < 100; ++i) {
        ASSERT_EQ(queue.offer(room), 1U);
        EXPECT_EQ(*room[0], std::to_string(i));
        if (i % 3 == 2) queue.acknowledge(3);
    }
    EXPECT_EQ(queue.bytes(), 190U - 99U);
    queue.push(piece("last"));
    ASSERT_EQ(queue.offer(room), 1U);
    EXPECT_EQ(*room[0], "last");
    queue.acknowledge(95);
    EXPECT_EQ(queue.bytes(), 0U);
}

}  // namespace
}  // namespace tidegate::transport
