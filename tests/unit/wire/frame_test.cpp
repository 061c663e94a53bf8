/// What is around the messages: frames, and the token that a person carries to a host.

#include "schema/wire/frame.h"

#include <gtest/gtest.h>

#include <string_view>

#include "schema/base/limits.h"
#include "schema/wire/token.h"

namespace tidegate::wire {
namespace {

using namespace std::string_view_literals;

TEST(TokenTest, TextsComeBackAndOthersAreRefused) {
    const Token token{"web-1.eu", std::string(64, '0'), Digest::of("ca")};
    EXPECT_EQ(parse_token(" \t" + token.text() + "\n").value(), token);
    const auto text = token.text();
    for (const auto& bad :
         {std::string{}, std::string{" "}, text + ":", text + "0", text.substr(1),
          text.substr(0, text.size() - 1), "tidegate1:Web:" + text.substr(19),
          std::string{"tidegate1:::"}, text.substr(0, text.rfind(':')), "x" + text}) {
        const auto parsed = parse_token(bad);
        ASSERT_FALSE(parsed) << bad;
        EXPECT_EQ(parsed.error().message.find("000"), std::string::npos);
    }
}

TEST(FrameTest, MessagesComeBackHoweverTheyAreCut) {
    const std::vector<std::string> messages{"a", std::string(300, 'b'),
                                            std::string(limits::kFrameBytesMax, 'c')};
    std::string stream;
    for (const auto& message : messages) stream += frame(message);
    EXPECT_EQ(stream.substr(0, 5), (std::string{"\0\0\0\x01"
                                                "a",
                                                5}));
    for (const std::size_t step : {1U, 7U, 1000U, 1U << 20}) {
        FrameReader reader;
        std::vector<std::string> back;
        for (std::size_t at = 0; at < stream.size(); at += step) {
            reader.push(std::string_view{stream}.substr(at, step));
            for (auto next = reader.next(); next.value(); next = reader.next())
                back.push_back(**next);
        }
        EXPECT_EQ(back, messages) << "cut by " << step;
        EXPECT_TRUE(reader.empty());
    }
}

TEST(FrameTest, BadLengthsAreRefusedBeforeTheBytesCome) {
    for (const auto header : {std::string_view{"\0\0\0\0", 4}, std::string_view{"\0\x04\0\x01", 4},
                              "\xff\xff\xff\xff"sv, "GET "sv}) {
        FrameReader reader;
        reader.push(header);
        const auto next = reader.next();
        ASSERT_FALSE(next);
        EXPECT_EQ(next.error().code, ErrorCode::invalid);
    }
}

TEST(FrameTest, AnUnfinishedFrameIsNotAMessage) {
    FrameReader reader;
    reader.push(std::string_view{"\0\0\0\x05 four", 9}.substr(0, 8));
    const auto next = reader.next();
    ASSERT_TRUE(next);
    EXPECT_FALSE(*next);
    EXPECT_FALSE(reader.empty());
}

}  // namespace
}  // namespace tidegate::wire
