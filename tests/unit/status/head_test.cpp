#include "reconciler/status/head.h"

#include <gtest/gtest.h>

#include "schema/base/limits.h"

namespace tidegate::status {
namespace {

using State = Head::State;

struct HeadCase {
    const char* name;
    std::string bytes;
    State expected;
};

std::string fields(std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) text += "A: b\r\n";
    return text;
}
std::string padded_to(std::size_t size) {
    const std::string start = "GET / HTTP/1.1\r\nX: ";
    return start + std::string(size - start.size() - 4, 'x') + "\r\n\r\n";
}

const HeadCase kCases[] = {
    {"Empty", "", State::incomplete},
    {"NoEndYet", "GET / HTTP/1.1\r\nHost: a\r\n", State::incomplete},
    {"NoFields", "GET / HTTP/1.1\r\n\r\n", State::complete},
    {"LeadingLineEnds", "\r\n\r\nGET / HTTP/1.1\r\n\r\n", State::complete},
    {"AsManyFieldsAsAllowed", "GET / HTTP/1.1\r\n" + fields(limits::kHttpHeadFieldsMax) + "\r\n",
     State::complete},
    {"OneFieldTooMany", "GET / HTTP/1.1\r\n" + fields(limits::kHttpHeadFieldsMax + 1) + "\r\n",
     State::too_large},
    {"AsManyBytesAsAllowed", padded_to(limits::kHttpHeadBytesMax), State::complete},
    {"OneByteTooMany", padded_to(limits::kHttpHeadBytesMax + 1), State::too_large},
    {"EndlessField", "GET / HTTP/1.1\r\nX: " + std::string(limits::kHttpHeadBytesMax, 'x'),
     State::too_large},
    {"EndlessTarget", "GET /" + std::string(limits::kHttpHeadBytesMax, 'x'),
     State::target_too_long},
    {"OnlyLineEnds",
     [] {
         std::string text;
         while (text.size() < limits::kHttpHeadBytesMax) text += "\r\n";
         return text;
     }(),
     State::target_too_long},
    {"SpaceBeforeTheMethod", " GET / HTTP/1.1\r\n\r\n", State::bad},
    {"FourWords", "GET / x HTTP/1.1\r\n\r\n", State::bad},
    {"BareLineFeed", "GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n", State::bad},
    {"BareReturn", "GET / HTTP/1.1\r\nA: b\rC: d\r\n\r\n", State::bad},
    {"NulInField", std::string("GET / HTTP/1.1\r\nA: \0\r\n\r\n", 25), State::bad},
    {"FoldedField", "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", State::bad},
    {"NamelessField", "GET / HTTP/1.1\r\n: b\r\n\r\n", State::bad},
    {"TwoHosts", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", State::bad},
    {"TwoHostsOneEmpty", "GET / HTTP/1.1\r\nHost:\r\nHost: a\r\n\r\n", State::bad},
    {"SpaceBeforeColon", "GET / HTTP/1.1\r\nA : b\r\n\r\n", State::bad},
};

class ReadHeadTest : public testing::TestWithParam<HeadCase> {};
TEST_P(ReadHeadTest, FindsTheState) {
    EXPECT_EQ(read_head(GetParam().bytes).state, GetParam().expected);
}
INSTANTIATE_TEST_SUITE_P(Table, ReadHeadTest, testing::ValuesIn(kCases),
                         [](const auto& each) { return each.param.name; });

TEST(ReadHeadTest, KeepsOnlyTheFieldsThatAreActedOn) {
    const auto head = read_head(
        "GET /a HTTP/1.1\r\nHost: a\r\nrange: bytes=0-1\r\nExpect: 100-continue\r\n"
        "Accept-Encoding: gzip\r\nif-none-match: \"x\"\r\nConnection: close\r\n\r\nnext");
    EXPECT_EQ(head.text, "GET /a HTTP/1.1\r\nif-none-match: \"x\"\r\nConnection: close\r\n\r\n");
    EXPECT_FALSE(head.has_body);
}

TEST(ReadHeadTest, TellsWhomItIsFor) {
    EXPECT_EQ(read_head("GET /a HTTP/1.1\r\n\r\n").host, std::nullopt);
    EXPECT_EQ(read_head("GET /a HTTP/1.1\r\nhost:\r\n\r\n").host, "");
    EXPECT_EQ(read_head("GET /a HTTP/1.1\r\nHOST: \t a.example:80 \r\n\r\n").host, "a.example:80");
}

TEST(ReadHeadTest, TakesOneHeadAndLeavesTheNext) {
    const std::string first = "GET /a HTTP/1.1\r\n\r\n";
    EXPECT_EQ(read_head(first + "GET /b HTTP/1.1\r\n\r\n").size, first.size());
}

TEST(ReadHeadTest, ABodyIsNoticedHoweverItIsAnnounced) {
    EXPECT_TRUE(read_head("POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\n").has_body);
    EXPECT_TRUE(read_head("POST / HTTP/1.1\r\nTRANSFER-ENCODING: chunked\r\n\r\n").has_body);
}

}  // namespace
}  // namespace tidegate::status
