#include "reconciler/status/server.h"

#include <gmock/gmock.h>

#include "tests/integration/status/client.h"

namespace tidegate::status {
namespace {

using test::Client;
using test::Site;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const std::string kRelease = "8f14e45f-0001-5000-8000-000000000001";

std::string get(const std::string& path) {
    return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
}
std::string body_of(const std::string& response) {
    return response.substr(response.find("\r\n\r\n") + 4);
}

TEST(ServerTest, AnswersAndNamesItsAddress) {
    Site site;
    EXPECT_THAT(site.server->local_address(), StartsWith("127.0.0.1:"));
    const auto response = site.exchange(get("/healthz"));
    EXPECT_THAT(response, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(response, HasSubstr("Content-Type: application/json\r\n"));
    EXPECT_EQ(body_of(response), R"({"status":"ok","version":"0.1.0"})");
}

TEST(ServerTest, AHostThatIsNoneAndATakenPortAreErrors) {
    Site site;
    SnapshotBoard board;
    EXPECT_EQ(Server::start({.host = "no such host", .board = board}).error().code,
              ErrorCode::invalid);
    const auto port = std::stoi(site.server->local_address().substr(10));
    EXPECT_EQ(Server::start({.port = port, .board = board}).error().code, ErrorCode::unavailable);
}

TEST(ServerTest, AConnectionServesManyRequestsAlsoPipelined) {
    Site site;
    auto client = site.connect();
    for (int i = 0; i < 5; ++i) {
        client.send(get("/readyz"));
        EXPECT_EQ(body_of(client.read_response()), R"({"status":"ready"})");
    }
    client.send(get("/healthz") + get("/readyz") + get("/nope"));
    EXPECT_THAT(client.read_response(), HasSubstr(R"("status":"ok")"));
    EXPECT_THAT(client.read_response(), HasSubstr(R"("status":"ready")"));
    EXPECT_THAT(client.read_response(), StartsWith("HTTP/1.1 404 "));
}

TEST(ServerTest, AHeadMayComeByteByByte) {
    Site site;
    auto client = site.connect();
    for (const char byte : get("/readyz")) client.send({&byte, 1});
    EXPECT_EQ(body_of(client.read_response()), R"({"status":"ready"})");
}

TEST(ServerTest, HeadIsGetWithoutTheBody) {
    Site site;
    auto client = site.connect();
    client.send("HEAD /readyz HTTP/1.1\r\n\r\n" + get("/healthz"));
    EXPECT_THAT(client.read_response(false), HasSubstr("Content-Length: 18\r\n"));
    EXPECT_THAT(client.read_response(), HasSubstr(R"("status":"ok")"));
    auto watcher = site.connect();
    watcher.send("HEAD /api/release/assignments/watch HTTP/1.1\r\n\r\n" + get("/healthz"));
    EXPECT_THAT(watcher.read_response(false), StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(watcher.read_response(), HasSubstr(R"("status":"ok")"));
}

TEST(ServerTest, ConnectionCloseAndHttp10AreObeyed) {
    Site site;
    for (const auto* request :
         {"GET /readyz HTTP/1.1\r\nConnection: close\r\n\r\n", "GET /readyz HTTP/1.0\r\n\r\n"}) {
        auto client = site.connect();
        client.send(request);
        EXPECT_EQ(body_of(client.read_all()), R"({"status":"ready"})");
        EXPECT_TRUE(client.closed());
    }
}

TEST(ServerTest, ATagMakes304) {
    Site site;
    const auto first = site.exchange(get("/api/release/config"));
    const auto at = first.find("ETag: ") + 6;
    const auto tag = first.substr(at, first.find("\r\n", at) - at);
    auto client = site.connect();
    client.send("GET /api/release/config HTTP/1.1\r\nIf-None-Match: " + tag + "\r\n\r\n");
    const auto second = client.read_response();
    EXPECT_THAT(second, StartsWith("HTTP/1.1 304 "));
    EXPECT_EQ(body_of(second), "");
    client.send(get("/readyz"));
    EXPECT_THAT(client.read_response(), HasSubstr("ready"));
}

TEST(ServerTest, ThePageCarriesItsPolicy) {
    Site site;
    const auto response = site.exchange(get("/"));
    EXPECT_THAT(response, HasSubstr("Content-Security-Policy: default-src 'none'; style-src 'sha"));
    EXPECT_THAT(response, HasSubstr("Content-Type: text/html; charset=utf-8\r\n"));
}

TEST(ServerTest, AFullLogLargerThanAllBuffersArrives) {
    Site site;
    const auto response =
        site.exchange(get("/api/release/deploys/" + kRelease + "/logs?action=a1"));
    EXPECT_EQ(body_of(response).size(), 20U << 20);
}

TEST(StreamTest, AReleaseIsFollowedToItsEnd) {
    Site site;
    auto client = site.connect();
    client.send(get("/api/release/deploys/" + kRelease + "/watch"));
    const auto head = client.read_to("\r\n\r\n");
    EXPECT_THAT(head, HasSubstr("Content-Type: text/event-stream\r\n"));
    EXPECT_THAT(client.read_to("\n\n"), StartsWith("id: 42-7\nevent: release\ndata: {\"id\":\""));
    auto snapshot = test::sample_snapshot();
    snapshot.generation = 8;  // nothing about this release: no event
    snapshot.releases.at(kRelease) = site.board.get()->releases.at(kRelease);
    site.publish(snapshot);
    auto release = *test::sample_release();
    release.status = ReleaseStatus::success;
    snapshot.generation = 9;
    snapshot.releases[kRelease] = std::make_shared<const Release>(release);
    site.publish(snapshot);
    const auto last = client.read_all();
    EXPECT_THAT(last, StartsWith("id: 42-9\n"));
    EXPECT_THAT(last, HasSubstr("\"status\":\"success\""));
    EXPECT_TRUE(client.closed());
}

/// What a router says is no part of the release, but of how far its step is.
TEST(StreamTest, AReleaseIsFollowedAlsoWhereOnlyARouterMoves) {
    Site site;
    auto snapshot = test::sample_with_slots();
    snapshot.generation = 8;
    site.publish(snapshot);
    auto client = site.connect();
    client.send(get("/api/release/deploys/" + test::sample_switch()->id + "/watch"));
    client.read_to("\r\n\r\n");
    EXPECT_THAT(client.read_to("\n\n"), HasSubstr("\"error\":\"no such server: web-1-green\""));
    auto next = *site.board.get();
    next.generation = 9;
    auto view = *next.assignments.at({"prod", "shop-cart"});
    view.sides->routers[1].in_force = true;
    view.sides->routers[1].error.clear();
    next.assignments[view.key] = std::make_shared<const AssignmentView>(view);
    site.publish(next);
    const auto told = client.read_to("\n\n");
    EXPECT_THAT(told, StartsWith("id: 42-9\nevent: release\n"));
    EXPECT_THAT(told, Not(HasSubstr("no such server")));
}

TEST(StreamTest, AReleaseThatHasEndedGivesOneEventEvenToWhoKnows) {
    Site site;
    auto client = site.connect();
    client.send(
        "GET /api/release/deploys/00000000-0000-5000-8000-000000000001/watch HTTP/1.1\r\n"
        "Last-Event-ID: 42-7\r\n\r\n");
    EXPECT_THAT(client.read_all(), HasSubstr("\"status\":\"success\""));
    EXPECT_TRUE(client.closed());
}

TEST(StreamTest, AReleaseThatIsForgottenEndsTheStream) {
    Site site;
    auto client = site.connect();
    client.send(get("/api/release/deploys/" + kRelease + "/watch"));
    ASSERT_NE(client.read_to("\n\n"), "");
    StatusSnapshot empty;
    empty.generation = 8;
    site.publish(empty);
    EXPECT_THAT(client.read_all(), HasSubstr("event: gone\n"));
    EXPECT_TRUE(client.closed());
}

TEST(StreamTest, AssignmentsComeOnceAndThenOnChange) {
    Site site;
    auto client = site.connect();
    client.send(get("/api/release/assignments/watch"));
    client.read_to("\r\n\r\n");
    EXPECT_THAT(client.read_to("\n\n"), HasSubstr("\"project\":\"shop-api\""));
    EXPECT_THAT(client.read_to("\n\n"), HasSubstr("\"project\":\"shop-web\""));
    auto snapshot = *site.board.get();
    snapshot.generation = 8;
    snapshot.assignments.erase({"prod", "shop-api"});
    snapshot.assignments[{"prod", "shop-web"}] =
        test::sample_view({"prod", "shop-web"}, Sync::in_sync);
    site.publish(snapshot);
    EXPECT_THAT(client.read_to("\n\n"),
                HasSubstr("event: removed\ndata: {\"project\":\"shop-api\""));
    EXPECT_THAT(client.read_to("\n\n"), HasSubstr("\"sync\":\"in_sync\""));
}

TEST(StreamTest, WhoKnowsTheNewestIsToldOnlyWhatFollows) {
    Site site;
    auto client = site.connect();
    client.send("GET /api/release/assignments/watch HTTP/1.1\r\nLast-Event-ID: 42-7\r\n\r\n");
    client.read_to("\r\n\r\n");
    auto snapshot = *site.board.get();
    // The stream may see generation 7 or only 8; either way web's change is among its first news.
    snapshot.generation = 8;
    snapshot.assignments[{"prod", "shop-web"}] =
        test::sample_view({"prod", "shop-web"}, Sync::quarantined);
    auto other =
        site.connect();  // fed in the same round: once it has heard, the first has been fed
    other.send(get("/api/release/assignments/watch"));
    ASSERT_NE(other.read_to("\n\n"), "");
    site.publish(snapshot);
    EXPECT_THAT(client.read_to("\n\n"), HasSubstr("\"sync\":\"quarantined\""));
}

TEST(StreamTest, ASlowReaderSkipsStatesButGetsTheNewest) {
    Site site;
    auto client = site.connect();
    client.send(get("/api/release/assignments/watch"));
    ASSERT_NE(client.read_to("\n\n"), "");
    auto snapshot = *site.board.get();
    const std::string reason(16 * 1024, 'r');
    for (int i = 0; i < 2'000; ++i) {
        auto view = *test::sample_view({"prod", "shop-web"}, Sync::held);
        view.holds = {{"window", reason + std::to_string(i), {}}};
        ++snapshot.generation;
        snapshot.assignments[view.key] = std::make_shared<const AssignmentView>(view);
        site.publish(snapshot);
    }
    EXPECT_THAT(client.read_to("r1999"), HasSubstr("r1999"));
}

TEST(StreamTest, StopEndsOpenStreamsQuickly) {
    Site site;
    std::vector<Client> clients;
    for (int i = 0; i < 50; ++i) {
        clients.push_back(site.connect());
        clients.back().send(get("/api/release/assignments/watch"));
    }
    for (auto& client : clients) ASSERT_NE(client.read_to("\n\n"), "");
    auto idle = site.connect();
    const auto before = test::steady_clock::now();
    site.server->stop();
    site.server->stop();
    EXPECT_LT(test::steady_clock::now() - before, std::chrono::seconds(5));
    for (auto& client : clients) {
        client.read_all();
        EXPECT_TRUE(client.closed());
    }
    idle.read_all();
    EXPECT_TRUE(idle.closed());
}

}  // namespace
}  // namespace tidegate::status
