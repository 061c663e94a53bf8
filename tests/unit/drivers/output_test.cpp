#include "agent/drivers/output.h"

#include <gtest/gtest.h>

namespace tidegate::agent {
namespace {

struct MaskCase {
    const char* name;
    std::vector<std::string> secrets;
    std::string text;
    std::string expected;
};

class MaskerTest : public testing::TestWithParam<MaskCase> {};

TEST_P(MaskerTest, MasksWhereverTheStreamIsCut) {
    const auto& [name, secrets, text, expected] = GetParam();
    for (std::size_t first = 0; first <= text.size(); ++first) {
        for (std::size_t second = first; second <= text.size(); ++second) {
            Masker masker{secrets};
            std::string out = masker.feed(text.substr(0, first));
            out += masker.feed(text.substr(first, second - first));
            out += masker.feed(text.substr(second));
            out += masker.finish();
            EXPECT_EQ(out, expected) << first << ' ' << second;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(
    Cases, MaskerTest,
    testing::Values(
        MaskCase{"Plain", {"hunter2"}, "pw=hunter2!", "pw=***!"},
        MaskCase{"NoSecrets", {}, "pw=hunter2", "pw=hunter2"},
        MaskCase{"EmptySecretIsNone", {""}, "abc", "abc"},
        MaskCase{"Repeated", {"aa"}, "aaaaa", "******a"},
        MaskCase{"LongestWins", {"abc", "abcdef"}, "xabcdefx abcd", "x***x ***d"},
        MaskCase{"PrefixAtTheEndIsNotASecret", {"hunter2"}, "hunter", "hunter"},
        MaskCase{"FalseStart", {"aab"}, "aaab", "a***"},
        MaskCase{"LinesOfAKey", {"-----\nsecretline\n}"}, "echo secretline }", "echo *** }"}),
    [](const auto& test) { return std::string{test.param.name}; });

TEST(OutputBufferTest, KeepsSmallOutputWhole) {
    OutputBuffer buffer{100};
    buffer.append("hello\n");
    buffer.append("world\n");
    EXPECT_EQ(buffer.text(), "hello\nworld\n");
    EXPECT_EQ(buffer.dropped_bytes(), 0U);
}

TEST(OutputBufferTest, KeepsHeadAndTailAndCountsTheRest) {
    OutputBuffer buffer{8};
    for (int i = 0; i < 10; ++i) buffer.append("0123456789");
    EXPECT_EQ(buffer.text(), "0123\n[... 92 bytes dropped ...]\n6789");
}

TEST(OutputBufferTest, CountsTheSameForAnyChunks) {
    for (std::size_t chunk = 1; chunk < 40; ++chunk) {
        OutputBuffer buffer{10};
        std::string text;
        for (char c = 'a'; c <= 'z'; ++c) text += c;
        for (std::size_t at = 0; at < text.size(); at += chunk)
            buffer.append(std::string_view{text}.substr(at, chunk));
        EXPECT_EQ(buffer.text(), "abcde\n[... 16 bytes dropped ...]\nvwxyz") << chunk;
    }
}

}  // namespace
}  // namespace tidegate::agent
