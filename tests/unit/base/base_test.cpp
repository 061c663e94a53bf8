#include <gtest/gtest.h>

#include "schema/base/digest.h"
#include "schema/base/nearest.h"
#include "schema/base/result.h"
#include "schema/base/time.h"
#include "schema/base/utf8.h"

namespace tidegate {
namespace {

struct DurationCase {
    const char* text;
    std::int64_t seconds;  ///< -1: refused
};
class ParseDurationTest : public testing::TestWithParam<DurationCase> {};
TEST_P(ParseDurationTest, MatchesExpected) {
    const auto parsed = parse_duration(GetParam().text);
    if (GetParam().seconds < 0) {
        EXPECT_FALSE(parsed.has_value()) << GetParam().text;
        return;
    }
    ASSERT_TRUE(parsed.has_value()) << parsed.error().text();
    EXPECT_EQ(parsed->count(), GetParam().seconds);
}
INSTANTIATE_TEST_SUITE_P(Durations, ParseDurationTest,
                         testing::Values(DurationCase{"90", 90}, DurationCase{"10m", 600},
                                         DurationCase{"24h", 86400}, DurationCase{"1h30m", 5400},
                                         DurationCase{"7d", 604800}, DurationCase{"0", 0},
                                         DurationCase{"", -1}, DurationCase{"m", -1},
                                         DurationCase{"10x", -1}, DurationCase{"-5", -1},
                                         DurationCase{"5m5h", -1}, DurationCase{"1h30", -1},
                                         DurationCase{"99999999999999999999", -1}));

struct InstantCase {
    const char* text;
    const char* utc;  ///< nullptr: refused
};
class ParseInstantTest : public testing::TestWithParam<InstantCase> {};
TEST_P(ParseInstantTest, MatchesExpected) {
    const auto parsed = parse_rfc3339(GetParam().text);
    ASSERT_EQ(parsed.has_value(), GetParam().utc != nullptr) << GetParam().text;
    if (parsed) {
        EXPECT_EQ(format_rfc3339(*parsed), GetParam().utc);
    }
}
INSTANTIATE_TEST_SUITE_P(
    Instants, ParseInstantTest,
    testing::Values(InstantCase{"2024-12-15T10:00:00+08:00", "2024-12-15T02:00:00Z"},
                    InstantCase{"2026-02-28T23:59:59.1239Z", "2026-02-28T23:59:59.123Z"},
                    InstantCase{"1969-12-31T23:59:59Z", "1969-12-31T23:59:59Z"},
                    InstantCase{"2026-02-29T00:00:00Z", nullptr},
                    InstantCase{"2026-02-28T24:00:00Z", nullptr},
                    InstantCase{"2026-02-28T10:00:00", nullptr},
                    InstantCase{"2026-02-28", nullptr}));

TEST(DigestTest, KnownAnswerAndRoundTrip) {
    const auto digest = Digest::of("abc");
    EXPECT_EQ(digest.hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(*Digest::from_hex(digest.hex()), digest);
    EXPECT_FALSE(Digest::from_hex("xyz").has_value());
    EXPECT_NE(Digest::of_parts({"ab", "c"}), Digest::of_parts({"a", "bc"}));
}

TEST(UuidTest, IsStableAndMarkedVersionFive) {
    const auto id = uuid5({"root", "prod/shop-api"});
    EXPECT_EQ(id, uuid5({"root", "prod/shop-api"}));
    EXPECT_NE(id, uuid5({"rootprod", "/shop-api"}));
    EXPECT_EQ(id[14], '5');
    EXPECT_EQ(id.size(), 36u);
}

Result<int> half(int value) {
    if (value % 2 != 0) return fail(ErrorCode::invalid, "{} is odd", value);
    return value / 2;
}
Result<int> quarter(int value) { return TRY(half(TRY(half(value)))); }

TEST(ResultTest, TryHandsErrorsUp) {
    EXPECT_EQ(quarter(8).value(), 2);
    EXPECT_EQ(quarter(6).error().message, "3 is odd");
    EXPECT_EQ(Error(quarter(6).error()).at({"a.yaml", 3, 4}).text(), "a.yaml:3:4: 3 is odd");
}

TEST(NearestTest, FindsTheNearestOnly) {
    const std::vector<std::string_view> known{"strategy", "targets", "rollback", "on_close"};
    EXPECT_EQ(nearest("stratgey", known), "strategy");
    EXPECT_EQ(nearest("target", known), "targets");
    EXPECT_EQ(nearest("onclose", known), "on_close");
    EXPECT_EQ(nearest("freeze", known), "");
    EXPECT_EQ(did_you_mean("rolback", known), "; did you mean 'rollback'?");
    EXPECT_EQ(did_you_mean("freeze", known), "");
    EXPECT_EQ(nearest(std::string(100'000, 'x'), known), "");
}

struct Utf8Case {
    const char* name;
    std::string text;
    std::string expected;
};
class Utf8Test : public testing::TestWithParam<Utf8Case> {};

TEST_P(Utf8Test, ReplacesWhatIsNotText) {
    EXPECT_EQ(to_utf8(GetParam().text, "?"), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(Cases, Utf8Test,
                         testing::Values(Utf8Case{"Ascii", "a\nb\t", "a\nb\t"},
                                         Utf8Case{"Chinese", "\xE5\x8F\x91\xE5\xB8\x83",
                                                  "\xE5\x8F\x91\xE5\xB8\x83"},
                                         Utf8Case{"Lonely", "a\xFFz\x80", "a?z?"},
                                         Utf8Case{"Overlong", "\xC0\xAF", "??"},
                                         Utf8Case{"OverlongThree", "\xE0\x80\xAF", "???"},
                                         Utf8Case{"Surrogate", "\xED\xA0\x80", "???"},
                                         Utf8Case{"CutOff", "\xE5\x8F", "??"},
                                         Utf8Case{"TooHigh", "\xF4\x90\x80\x80", "????"},
                                         Utf8Case{"Nul", std::string{"a\0b", 3}, "a?b"}),
                         [](const auto& test) { return std::string{test.param.name}; });

TEST(Utf8CutTest, KeepsWholeCharacters) {
    EXPECT_EQ(head_of("abc\xE5\x8F\x91xy", 5), "abc");
    EXPECT_EQ(head_of("abc\xE5\x8F\x91xy", 6), "abc\xE5\x8F\x91");
    EXPECT_EQ(head_of("\x80\x80", 1), "");
    EXPECT_EQ(head_of("abc", 9), "abc");
    EXPECT_EQ(tail_of("abc\xE5\x8F\x91xy", 4), "xy");
    EXPECT_EQ(tail_of("abc", 9), "abc");
}

TEST(ControlsTest, OfOthersNeverReachALine) {
    const std::string_view text =
        "a\r\nb\tc\x1b[2J\x7f\xC2\x85"
        "d\xE2\x80\xA8"
        "e\xC3\xA4\n";
    EXPECT_EQ(one_line(text), "a  b c [2J  d e\xC3\xA4");
    EXPECT_EQ(visible_lines(text), "a?\nb\tc?[2J??d?e\xC3\xA4\n");
    EXPECT_EQ(find_control(text), 1u);
    EXPECT_EQ(find_control("\xC3\xA4 \xE2\x80\xA6 \xC2\xA0"), std::string_view::npos);
    EXPECT_EQ(find_control("a\xC2\x9F"), 1u);
    EXPECT_EQ(one_line(""), "");
}

struct UnseenCase {
    const char* name;
    const char* text;
};
class UnseenTest : public testing::TestWithParam<UnseenCase> {};
TEST_P(UnseenTest, ReachesNobodyWhoReads) {
    EXPECT_EQ(visible_line(std::string{"a"} + GetParam().text + "b"), "a?b");
    EXPECT_EQ(visible_lines(std::string{"a"} + GetParam().text + "b\n"), "a?b\n");
}
INSTANTIATE_TEST_SUITE_P(
    Characters, UnseenTest,
    testing::Values(
        UnseenCase{"CarriageReturn", "\r"}, UnseenCase{"Escape", "\x1b"},
        UnseenCase{"NextLine", "\xC2\x85"}, UnseenCase{"ArabicMark", "\xD8\x9C"},
        UnseenCase{"ZeroWidthSpace", "\xE2\x80\x8B"}, UnseenCase{"RightToLeftMark", "\xE2\x80\x8F"},
        UnseenCase{"LineSeparator", "\xE2\x80\xA8"},
        UnseenCase{"ParagraphSeparator", "\xE2\x80\xA9"}, UnseenCase{"Embedding", "\xE2\x80\xAA"},
        UnseenCase{"RightToLeftOverride", "\xE2\x80\xAE"}, UnseenCase{"WordJoiner", "\xE2\x81\xA0"},
        UnseenCase{"Isolate", "\xE2\x81\xA6"}, UnseenCase{"PopIsolate", "\xE2\x81\xA9"},
        UnseenCase{"ByteOrderMark", "\xEF\xBB\xBF"}, UnseenCase{"SoftHyphen", "\xC2\xAD"},
        UnseenCase{"HangulFiller", "\xE3\x85\xA4"}, UnseenCase{"Annotation", "\xEF\xBF\xB9"},
        UnseenCase{"VowelSeparator", "\xE1\xA0\x8E"}, UnseenCase{"Tag", "\xF3\xA0\x81\x81"}),
    [](const auto& test) { return std::string{test.param.name}; });

TEST(UnseenInJsonTest, IsEscaped) {
    EXPECT_EQ(
        escape_unseen("{\n  \"a\": \"\xE5\x8F\x91\x7F\xC2\x9B\xE2\x80\xAE\xF3\xA0\x81\x81\"\n}\n"),
        "{\n  \"a\": \"\xE5\x8F\x91\\u007f\\u009b\\u202e\\udb40\\udc41\"\n}\n");
}

TEST(CodePointTest, IsThatOfTheFirstCharacter) {
    for (const auto& [text, point] :
         {std::pair{"a", 0x61}, std::pair{"\xC2\x85z", 0x85}, std::pair{"\xE2\x80\xAE", 0x202E},
          std::pair{"\xF0\x9F\x98\x80", 0x1F600}, std::pair{"\xE2\x80", 0xFFFD}})
        EXPECT_EQ(code_point(text), static_cast<char32_t>(point)) << text;
}

TEST(VisibleTest, LeavesWhatCanBeSeen) {
    const std::string seen =
        "\xC3\xA4 \xE2\x80\xA6 \xE2\x80\x93 \xE5\x8F\x91 \xE2\x86\x92 \xEF\xBC\x81";
    EXPECT_EQ(visible_line(seen), seen);
    EXPECT_EQ(visible_line("a\nb\tc\n"), "a b c");
    EXPECT_EQ(visible_line("a\x9b\xE2\x80"), "a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
    EXPECT_EQ(visible_lines(""), "");
}

}  // namespace
}  // namespace tidegate
