#include <gmock/gmock.h>
#include <sys/resource.h>

#include <filesystem>
#include <random>

#include "reconciler/status/hosts.h"
#include "schema/base/limits.h"
#include "tests/integration/status/client.h"

namespace tidegate::status {
namespace {

using test::Client;
using test::Site;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const std::string kReady = "GET /readyz HTTP/1.1\r\n\r\n";

testing::AssertionResult serves(const Site& site) {
    const auto response = site.exchange(kReady);
    if (response.find(R"({"status":"ready"})") != std::string::npos)
        return testing::AssertionSuccess();
    return testing::AssertionFailure() << "got: " << response;
}

/// What comes for `request` until the server closes.
std::string last_words(const Site& site, std::string_view request) {
    auto client = site.connect();
    client.send(request);
    auto words = client.read_all();
    EXPECT_TRUE(client.closed()) << words;
    return words;
}

std::string many_fields(int count) {
    std::string text = "GET / HTTP/1.1\r\n";
    for (int i = 0; i < count; ++i) text += fmt::format("X-{}: y\r\n", i);
    return text + "\r\n";
}

TEST(HostileTest, AHeadOver8KiBIsRefused) {
    Site site;
    const auto request = "GET / HTTP/1.1\r\nX: " + std::string(100 * 1024, 'x') + "\r\n\r\n";
    EXPECT_THAT(last_words(site, request), StartsWith("HTTP/1.1 431 "));
    EXPECT_TRUE(serves(site));
}

TEST(HostileTest, TooManyFieldsAreRefused) {
    Site site;
    EXPECT_THAT(last_words(site, many_fields(10'000)), StartsWith("HTTP/1.1 431 "));
    EXPECT_THAT(last_words(site, many_fields(65)), StartsWith("HTTP/1.1 431 "));
    EXPECT_THAT(site.exchange(many_fields(64)), StartsWith("HTTP/1.1 200 "));
}

TEST(HostileTest, AnOversizedTargetIsRefused) {
    Site site;
    EXPECT_THAT(last_words(site, "GET /" + std::string(1 << 20, 'a') + " HTTP/1.1\r\n\r\n"),
                StartsWith("HTTP/1.1 414 "));
    EXPECT_TRUE(serves(site));
}

TEST(HostileTest, BodiesAreNeverReadAndGet405) {
    Site site;
    for (const auto* framing : {"Content-Length: 1000000000", "Transfer-Encoding: chunked"}) {
        const auto words = last_words(
            site, fmt::format("POST /api/release/deploys HTTP/1.1\r\n{}\r\nExpect: 100-continue"
                              "\r\n\r\nffff\r\n",
                              framing));
        EXPECT_THAT(words, StartsWith("HTTP/1.1 405 "));
        EXPECT_THAT(words, HasSubstr("Allow: GET, HEAD\r\n"));
        EXPECT_THAT(words, HasSubstr("versions/<environment>/<project>.yaml"));
        EXPECT_THAT(words, Not(HasSubstr("100 Continue")));
    }
    for (const auto* method : {"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"})
        EXPECT_THAT(site.exchange(fmt::format("{} / HTTP/1.1\r\n\r\n", method)),
                    StartsWith("HTTP/1.1 405 "));
}

TEST(HostileTest, ABodyIsNotTakenForTheNextRequest) {
    Site site;
    const auto words = last_words(
        site, "GET /nope HTTP/1.1\r\nContent-Length: 26\r\n\r\nGET /readyz HTTP/1.1\r\n\r\n");
    EXPECT_THAT(words, StartsWith("HTTP/1.1 404 "));
    EXPECT_THAT(words, Not(HasSubstr("ready")));
}

TEST(HostileTest, WhatIsNoRequestIsRefusedAndClosed) {
    Site site;
    for (const auto* garbage :
         {"\x16\x03\x01\x02 TLS\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
          " GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
          "GET / HTTP/1.1\r\nno colon\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"})
        EXPECT_THAT(last_words(site, garbage), StartsWith("HTTP/1.1 400 ")) << garbage;
    EXPECT_TRUE(serves(site));
}

TEST(HostileTest, GarbageAfterAGoodRequestHarmsOnlyItself) {
    Site site;
    const auto words = last_words(site, kReady + "\x01\x02\x03\r\n\r\n" + kReady);
    EXPECT_THAT(words, StartsWith("HTTP/1.1 200 "));
    EXPECT_THAT(words, HasSubstr("HTTP/1.1 400 "));
}

TEST(HostileTest, ForAnotherHostNothingIsShown) {
    Site site;
    for (const auto* path : {"/", "/metrics", "/api/release/projects/shop-api/variables",
                             "/api/release/assignments/watch"})
        for (const auto* host :
             {"evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.evil.example",
              "user@127.0.0.1", "[::1]evil", "[evil]"}) {
            const auto words =
                last_words(site, fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\n\r\n", path, host));
            ASSERT_THAT(words, StartsWith("HTTP/1.1 421 ")) << path << ' ' << host;
            EXPECT_THAT(words, Not(HasSubstr("tidegate_ready"))) << path << ' ' << host;
            EXPECT_THAT(words, HasSubstr("--http-host")) << path << ' ' << host;
        }
    EXPECT_TRUE(serves(site));
}

TEST(HostileTest, ItsOwnNamesAreAnswered) {
    Site site;
    for (const auto* host : {"", "localhost", "LOCALHOST.:7480", "127.0.0.1", "10.1.2.3:80",
                             "[::1]", "[fe80::1%eth0]:7480", "gate.example", "GATE.example.:7480"})
        EXPECT_THAT(site.exchange(fmt::format("GET /readyz HTTP/1.1\r\nHost: {}\r\n\r\n", host)),
                    StartsWith("HTTP/1.1 200 "))
            << host;
    for (const auto& name : own_host_names())
        EXPECT_THAT(site.exchange(fmt::format("GET /readyz HTTP/1.1\r\nHost: {}\r\n\r\n", name)),
                    StartsWith("HTTP/1.1 200 "))
            << name;
}

TEST(HostileTest, RangesAndEncodingsAreIgnored) {
    Site site;
    const auto response = site.exchange(
        "GET /readyz HTTP/1.1\r\nRange: bytes=0-1,2-3,0-\r\nAccept-Encoding: gzip, br\r\n\r\n");
    EXPECT_THAT(response, StartsWith("HTTP/1.1 200 "));
    EXPECT_THAT(response, HasSubstr(R"({"status":"ready"})"));
}

TEST(HostileTest, WhatAHandlerThrowsStaysInside) {
    Site site;
    site.fault = true;
    const auto response = site.exchange("GET /metrics HTTP/1.1\r\n\r\n");
    EXPECT_THAT(response, StartsWith("HTTP/1.1 500 "));
    EXPECT_THAT(response, Not(HasSubstr("secret")));
    EXPECT_THAT(response, Not(HasSubstr("EXCEPTION")));
    EXPECT_TRUE(serves(site));
}

TEST(HostileTest, EscapesInTargetsReachNothing) {
    Site site;
    for (const auto* target : {"/%2e%2e/%2e%2e/etc/passwd", "/api/release/projects/%00", "/%",
                               "/%zz", "/api/release/projects/..%2f..%2fversions",
                               "/api/release/deploys/%ff%fe", "/\x7f", "http://other/healthz", "*"})
        EXPECT_THAT(site.exchange(fmt::format("GET {} HTTP/1.1\r\n\r\n", target)),
                    testing::AnyOf(StartsWith("HTTP/1.1 404 "), StartsWith("HTTP/1.1 400 ")))
            << target;
}

TEST(HostileTest, SlowHeadsTakeNoWorker) {
    Site site;
    std::vector<Client> slow;
    for (int i = 0; i < 200; ++i) {
        slow.push_back(site.connect());
        slow.back().send("GET /readyz HTTP/1.1\r\nX: ");
    }
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(serves(site));
    slow.back().send("y\r\n\r\n");
    EXPECT_THAT(slow.back().read_response(), StartsWith("HTTP/1.1 200 "));
}

TEST(HostileTest, WhenFullTheSlowestHeadMakesRoom) {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    ASSERT_GT(files.rlim_max, 3 * limits::kHttpConnectionsMax) << "cannot open enough sockets";
    Site site;
    std::vector<Client> slow;
    for (std::size_t i = 0; i < limits::kHttpConnectionsMax; ++i) {
        slow.push_back(site.connect());
        slow.back().send("GET /readyz HTTP/1.1\r\nX: ");
    }
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(serves(site));
    EXPECT_EQ(slow.front().read_all(), "");
    EXPECT_TRUE(slow.front().closed());
    slow.back().send("y\r\n\r\n");
    EXPECT_THAT(slow.back().read_response(), StartsWith("HTTP/1.1 200 "));
}

TEST(HostileTest, AHeadThatNeverEndsIsClosedInTime) {
    Site site;
    auto client = site.connect();
    client.send("GET / HTTP/1.1\r\nX: ");
    const auto before = test::steady_clock::now();
    while (!client.hears_within(std::chrono::milliseconds(50)) &&
           test::steady_clock::now() - before < test::kPatience)
        client.send("x");
    EXPECT_EQ(client.read_all(), "");
    EXPECT_TRUE(client.closed());
    EXPECT_GE(test::steady_clock::now() - before,
              limits::kHttpHeadTimeout - std::chrono::seconds(1));
}

TEST(HostileTest, ReadersThatDoNotReadTakeNoWorker) {
    Site site;
    std::vector<Client> lazy;
    for (int i = 0; i < 12; ++i) {
        lazy.push_back(site.connect());
        lazy.back().send(
            "GET /api/release/deploys/8f14e45f-0001-5000-8000-000000000001/logs"
            "?action=a1 HTTP/1.1\r\n\r\n");
    }
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(serves(site));
}

/// Descriptors of this process, the server's among them.
std::size_t open_files() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator{"/proc/self/fd"})
        ++count;
    return count;
}

TEST(HostileTest, AWatcherThatDoesNotReadIsDropped) {
    Site site;
    const auto before = open_files();
    auto lazy = site.connect();
    lazy.send("GET /api/release/assignments/watch HTTP/1.1\r\n\r\n");
    auto live = site.connect();
    live.send("GET /api/release/assignments/watch HTTP/1.1\r\n\r\n");
    auto snapshot = test::sample_snapshot();
    for (std::size_t i = 0; i < snapshot.assignments.size(); ++i)
        ASSERT_THAT(live.read_to("\n\n"), HasSubstr("event: assignment"));
    const auto open_files_become = [&](std::size_t wanted) {
        const auto deadline = test::steady_clock::now() + test::kPatience;
        while (open_files() != wanted && test::steady_clock::now() < deadline)
            (void)live.hears_within(std::chrono::milliseconds(50));
        return open_files() == wanted;
    };
    ASSERT_TRUE(open_files_become(before + 4)) << "both ends of both";
    auto view = *snapshot.assignments.begin()->second;
    view.holds = {{"window", std::string(1 << 20, 'x'), {}}};
    for (int megabytes = 0; megabytes < 20; ++megabytes) {  // more than the kernel takes for it
        ++snapshot.generation;
        snapshot.assignments[view.key] = std::make_shared<const AssignmentView>(view);
        site.publish(snapshot);
        ASSERT_THAT(live.read_to("\n\n"), HasSubstr("event: assignment"));
    }
    EXPECT_TRUE(open_files_become(before + 3)) << "the server's end of the lazy one is closed";
}

TEST(HostileTest, RandomBytesNeverStopTheServer) {
    Site site;
    std::mt19937 random{1};
    const std::string_view alphabet{"GET /HTTP1.:\r\n\r\n\0\xff%?&=", 25};
    for (int i = 0; i < 300; ++i) {
        std::string bytes(random() % 200, ' ');
        for (auto& byte : bytes) byte = alphabet[random() % alphabet.size()];
        auto client = site.connect();
        client.send(bytes + "\r\n\r\n");
    }
    EXPECT_TRUE(serves(site));
}

}  // namespace
}  // namespace tidegate::status
