#include "agent/routers/runtime_socket.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/integration/routers/unix_server.h"
#include "tests/integration/temp_dir.h"

namespace tidegate::agent {
namespace {

using test::UnixServer;

class RuntimeSocketTest : public testing::Test {
protected:
    tidegate::test::TempDir dir_;
    const std::string path_ = dir_ / "haproxy.sock";
};

TEST_F(RuntimeSocketTest, AsksOneLineAndReadsToTheEnd) {
    const std::string long_answer(1'000'000, 'x');
    const UnixServer server{path_, [&](const std::string&) { return long_answer; }};
    const auto answer = ask_runtime(path_, "show info", test::kPatience);
    ASSERT_TRUE(answer) << answer.error().text();
    EXPECT_EQ(*answer, long_answer);
    EXPECT_EQ(server.lines(), std::vector<std::string>{"show info"});
}

TEST_F(RuntimeSocketTest, NoAnswerIsNotWaitedForForEver) {
    const UnixServer server{path_, [](const std::string&) { return ""; }};
    const auto answer = ask_runtime(path_, "show info", Milliseconds{50});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::timeout);
    EXPECT_EQ(answer.error().message, "haproxy at " + path_ + ": no answer in time");
}

TEST_F(RuntimeSocketTest, AnEndlessAnswerIsNotRead) {
    const UnixServer server{path_, [](const std::string&) { return std::string(9 << 20, 'x'); }};
    const auto answer = ask_runtime(path_, "show info", test::kPatience);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::exhausted);
}

TEST_F(RuntimeSocketTest, WhereNobodyListensItIsAway) {
    const auto missing = ask_runtime(path_, "show info", test::kPatience);
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, ErrorCode::unavailable);
    {
        const UnixServer gone{path_, [](const std::string&) { return "x"; }};
    }
    EXPECT_FALSE(ask_runtime(path_, "show info", test::kPatience)) << "its file is left";
    const auto too_long = ask_runtime(std::string(200, 'x'), "show info", test::kPatience);
    ASSERT_FALSE(too_long);
    EXPECT_EQ(too_long.error().code, ErrorCode::invalid);
}

}  // namespace
}  // namespace tidegate::agent
