/// Requests and bodies between a real client and a real server.

#include "support.h"

namespace tidegate::transport {
namespace {

TEST_F(TransportTest, EchoesBothWays) {
    start_server();
    TestClient agent;
    agent.connect(io, client_options(pki.agent("web-1")));
    Exchange echo;
    agent.ask(echo, {"POST", "/echo", {}, true});
    EXPECT_TRUE(echo.stream.send("hello "));
    ASSERT_TRUE(until([&] { return echo.body == "hello "; }));
    ASSERT_TRUE(echo.head);
    EXPECT_EQ(echo.head->status, 200);
    EXPECT_EQ(find_header(echo.head->headers, "agent"), "web-1");
    EXPECT_TRUE(echo.stream.send("world"));
    echo.stream.finish();
    ASSERT_TRUE(until([&] { return echo.closed.has_value(); }));
    EXPECT_EQ(echo.body, "hello world");
    EXPECT_TRUE(echo.ended);
    EXPECT_EQ(echo.closed->kind, CloseKind::finished) << echo.closed->text;
    EXPECT_FALSE(echo.stream.open());
    ASSERT_TRUE(until([&] { return handler.stream_ends.size() == 1; }));
    EXPECT_EQ(handler.stream_ends.front().kind, CloseKind::finished);
}

TEST_F(TransportTest, CarriesBigBodiesDown) {
    start_server();
    TestClient agent;
    agent.connect(io, client_options(pki.agent("web-1")));
    Exchange download;
    agent.ask(download, {"GET", "/bytes/8000000", {}, false});
    ASSERT_TRUE(until([&] { return download.closed.has_value(); }));
    EXPECT_EQ(download.body.size(), 8'000'000U);
    EXPECT_EQ(download.closed->kind, CloseKind::finished) << download.closed->text;
}

}  // namespace
}  // namespace tidegate::transport
