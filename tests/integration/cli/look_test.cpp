#include <httplib.h>

#include <thread>

#include "cli/console.h"
#include "tests/integration/cli/fixture.h"

namespace tidegate::cli {
namespace {

using nlohmann::json;

json assignment() {
    return {{"project", "shop-api"},
            {"environment", "prod"},
            {"desired", {{"version", "1.4.2"}, {"digest", "aabb"}, {"commit", "c0ffee"}}},
            {"sync", "held"},
            {"targets", {{"total", 5}, {"in_sync", 4}, {"offline", 1}}},
            {"release", nullptr},
            {"last_good", {{"version", "1.4.1"}, {"commit", "beef"}}},
            {"revert_note", "merge tidegate/revert-1 to take the change back"},
            {"orphaned", {"web-8", "web-9"}},
            {"holds",
             {{{"gate", "window"},
               {"reason", "business-hours is \x1b[31mclosed"},
               {"until", "2026-11-23T02:00:00Z"},
               {"until_local", "Mon 2026-11-23 10:00 +08:00 Asia/Shanghai"}}}}};
}

/// Says what the daemon's status endpoint would say.
struct LookTest : testing::Test {
    LookTest() {
        server.Get("/api/release/config", [this](const auto&, auto& response) {
            response.set_content(config.dump(), "application/json");
        });
        answer("/api/release/deploys", {{"items", json::array()}, {"next_cursor", nullptr}});
        answer("/api/release/deploys/r1",
               {{"targets", {{{"name", "web-1"}}, {{"name", "web-2"}}}}});
        server.Get("/api/release/deploys/r1/logs", [](const auto& request, auto& response) {
            const auto entry = [](const char* task, const char* action) -> json {
                return {
                    {"target", "web-1"}, {"task", task}, {"action", action}, {"output", "end\n"}};
            };
            const auto items = {entry("stop", "a1"), entry("deploy", "a1"), entry("deploy", "a2")};
            const auto action = request.get_param_value("action");
            if (action == "a2")
                response.status = 404;
            else if (action == "a1")
                response.set_content("all of a1\x1b\n", "text/plain");
            else
                response.set_content(json{{"items", items}, {"next_cursor", nullptr}}.dump(),
                                     "application/json");
        });
        server.Get("/api/release/deploys/many/logs", [this](const auto& request, auto& response) {
            auto items = json::array();
            for (int i = 0; i < 9; ++i) items.push_back({{"action", std::to_string(i)}});
            const auto action = request.get_param_value("action");
            if (action == broken)
                response.status = 500;
            else if (!action.empty())
                response.set_content(std::string(8 << 20, 'x'), "text/plain");
            else
                response.set_content(json{{"items", items}, {"next_cursor", nullptr}}.dump(),
                                     "application/json");
        });
        server.Get("/api/release/assignments", [this](const auto& request, auto& response) {
            auto second = assignment();
            second["project"] = "shop-web";
            const bool first_page = !request.has_param("cursor");
            response.set_content(json{{"items", {first_page ? first : second}},
                                      {"next_cursor", first_page ? json("00") : json()}}
                                     .dump(),
                                 "application/json");
        });
        server.Get("/api/release/assignments/watch", [this](const auto&, auto& response) {
            auto item = assignment();
            item["sides"] = traffic;
            item.update(watched);
            const auto event =
                "id: 1\nevent: assignment\ndata: " + item.dump() +
                "\n\n: still here\n\n"
                "event: removed\ndata: {\"project\":\"x\",\"environment\":\"y\"}\n\n";
            response.set_content(event, "text/event-stream");
        });
        port = server.bind_to_any_port("127.0.0.1");
        thread = std::thread{[this] { server.listen_after_bind(); }};
    }
    ~LookTest() override {
        server.stop();
        thread.join();
    }
    void answer(const std::string& path, const json& body) {
        server.Get(path, [text = body.dump()](const auto&, auto& response) {
            response.set_content(text, "application/json");
        });
    }
    Outcome look(std::vector<std::string> line) {
        line.insert(line.end(), {"--server", "http://127.0.0.1:" + std::to_string(port)});
        return tidegate(line);
    }

    json config{{"accepted", {{"commit", "c0ffee"}}},
                {"tip", {{"commit", "c0ffee"}, {"state", "accepted"}, {"errors", json::array()}}}};
    json first = assignment();
    json traffic;
    json watched = json::object();
    std::string broken = "none";
    httplib::Server server;
    int port = 0;
    std::thread thread;
};

TEST_F(LookTest, StatusShowsAllPages) {
    const auto outcome = look({"status"});
    EXPECT_EQ(outcome.code, kGood) << outcome.err;
    EXPECT_NE(
        outcome.out.find("prod         shop-api  1.4.2    held  4/5, 1 away  1.4.1      window"),
        std::string::npos)
        << outcome.out;
    EXPECT_NE(outcome.out.find("shop-web"), std::string::npos);
    EXPECT_EQ(look({"status", "--output", "json"}).json()["assignments"].size(), 2U);
}

TEST_F(LookTest, StatusSaysSinceWhenSomethingIsBehind) {
    EXPECT_EQ(look({"status"}).out.find("behind"), std::string::npos);
    first["behind_since"] = "2026-11-21T08:00:00Z";
    const auto outcome = look({"status"});
    EXPECT_NE(outcome.out.find("\n\nbehind    prod/shop-api, since 2026-11-21T08:00:00Z: tidegate "
                               "explain shop-api prod\n"),
              std::string::npos)
        << outcome.out;
}

TEST_F(LookTest, StatusShowsTheTipsWarnings) {
    auto& warnings = config["tip"]["warnings"];
    warnings = {{{"file", ""}, {"line", 0}, {"column", 0}, {"message", "1 assignment leaves Git"}}};
    for (int i = 0; i < 6; ++i)
        warnings.push_back({{"file", "a.yaml"}, {"line", 1}, {"column", 2}, {"message", "odd"}});
    const auto outcome = look({"status"});
    EXPECT_NE(outcome.out.find("\n          warning: 1 assignment leaves Git\n"
                               "          warning: a.yaml:1:2: odd\n"),
              std::string::npos)
        << outcome.out;
    EXPECT_NE(outcome.out.find("\n          2 more: tidegate validate\n"), std::string::npos);
}

TEST_F(LookTest, StatusCallsNothingAcceptedBeforeATipWasSeen) {
    config = {{"accepted", nullptr}, {"tip", nullptr}, {"poll_error", "no route to host"}};
    const auto outcome = look({"status"});
    EXPECT_EQ(outcome.code, kGood) << outcome.err;
    EXPECT_TRUE(outcome.out.starts_with(
        "config    unknown  accepted nothing yet  tip not seen yet\n          no route to host\n"))
        << outcome.out;
}

TEST_F(LookTest, ExplainSaysWhyUntilWhenAndHowToGetBack) {
    const auto outcome = look({"explain", "shop-api", "prod"});
    EXPECT_EQ(outcome.code, kGood) << outcome.err;
    for (const auto* wanted :
         {"window", "2026-11-23T02:00:00Z (Mon 2026-11-23 10:00 +08:00 Asia/Shanghai)",
          "business-hours is ?[31mclosed", "1 offline",
          "tidegate rollback shop-api prod --repo REPO --to 1.4.1 --reason TEXT"})
        EXPECT_NE(outcome.out.find(wanted), std::string::npos) << wanted << '\n' << outcome.out;
    EXPECT_EQ(look({"explain", "shop-app", "prod"}).code, kProblem);
}

TEST_F(LookTest, ExplainSaysWhyATargetDriftedOrThatNobodyCanTell) {
    first["drift"] = {
        {{"target", "web-1"}, {"drifted", true}, {"reason", "service.status: exit code 3"}},
        {{"target", "web-2"}, {"drifted", false}, {"reason", "service.status: timed out"}}};
    const auto outcome = look({"explain", "shop-api", "prod"});
    EXPECT_NE(outcome.out.find("\ndrift      web-1: service.status: exit code 3\n"
                               "drift      web-2: nobody can tell: service.status: timed out\n"),
              std::string::npos)
        << outcome.out;
}

TEST_F(LookTest, ExplainShowsTheTrafficAndHowFarEachStepIs) {
    const json lb_1{{"target", "lb-1"},
                    {"agent", "lb-1"},
                    {"online", true},
                    {"in_force", true},
                    {"weights", {{"blue", 75}, {"green", 25}}}};
    const json lb_2{{"target", "lb-2"},  {"agent", "lb-2"},           {"online", true},
                    {"in_force", false}, {"error", "no such server"}, {"weights", {{"blue", 100}}}};
    const json lb_3{{"target", "lb-3"}, {"agent", "lb-3"}, {"online", false}};
    first["sides"] = {{"live", "blue"},
                      {"weights", {{"blue", 75}, {"green", 25}}},
                      {"routers", {lb_1, lb_2, lb_3}},
                      {"kept_until", "2026-11-23T10:00:00Z"}};
    first["release"] = "r2";
    const json web_1{{"name", "web-1"}, {"status", "success"}};
    const json deploy{
        {"index", 0}, {"kind", "deploy"}, {"status", "success"}, {"targets", {"web-1", "web-2"}}};
    const json verify{{"index", 1},
                      {"kind", "verify"},
                      {"status", "success"},
                      {"duration", 600},
                      {"watched", {web_1}}};
    const json await{
        {"index", 2}, {"entry", 1}, {"kind", "await"}, {"status", "running"}, {"watched", {web_1}}};
    const json route{{"index", 3},          {"entry", 1},   {"kind", "route"},
                     {"status", "running"}, {"weight", 25}, {"routers", {lb_1, lb_2, lb_3}}};
    answer("/api/release/deploys/r2", {{"id", "r2"},
                                       {"kind", "introduce"},
                                       {"slot", "green"},
                                       {"from", "1.4.1"},
                                       {"to", "1.4.2"},
                                       {"status", "running"},
                                       {"targets", {web_1, {{"name", "web-2"}}}},
                                       {"steps", {deploy, verify, await, route}}});
    const auto outcome = look({"explain", "shop-api", "prod"});
    for (const auto* wanted :
         {"\ntraffic    live blue, blue 75 %, green 25 %, the other slot is kept until "
          "2026-11-23T10:00:00Z\n",
          "lb-1    lb-1   in force      blue 75 %, green 25 %",
          "lb-2    lb-2   not in force  blue 100 %             no such server",
          "lb-3    lb-3   away", "introduce 1.4.1 -> 1.4.2  in green  running",
          "0     -      deploy  success  1 of 2 deployed: web-1 web-2",
          "1     -      verify  success  10m, 1 of 1 watched passed",
          "2     1      await   running  waits for a promote, 1 of 1 watched passed",
          "3     1      route   running  25 %, 1 of 3 routers in force"})
        EXPECT_NE(outcome.out.find(wanted), std::string::npos) << wanted << '\n' << outcome.out;
}

TEST_F(LookTest, WatchTellsWhereTheTrafficGoes) {
    traffic = {{"weights", {{"blue", 75}, {"green", 25}}}};
    const auto outcome = look({"watch"});
    EXPECT_NE(outcome.out.find("held  4/5  blue 75 %, green 25 %  window: "), std::string::npos)
        << outcome.out;
}

json back_step(int index, const char* kind, const char* does, const char* status, int done) {
    const bool routes = std::string_view{kind} == "route";
    return {{"index", index},
            {"kind", kind},
            {"does", does},
            {"status", status},
            {"done", done},
            {"all", 2},
            {"targets", routes ? json::array() : json({"web-1", "web-2"})}};
}

TEST_F(LookTest, ExplainShowsWhatAFailureWouldUndoAndThenHowFarThatIs) {
    first["release"] = "r2";
    answer("/api/release/deploys/r2",
           {{"id", "r2"},
            {"status", "running"},
            {"rollback", {{"steps", {back_step(0, "restore", "restore 1.4.1", "pending", 0)}}}}});
    const auto before = look({"explain", "shop-api", "prod"}).out;
    EXPECT_NE(before.find("\nif it fails now\n"), std::string::npos) << before;
    EXPECT_NE(before.find("  0     restore 1.4.1  pending  web-1 web-2\n"), std::string::npos)
        << before;
    first["release"] = "r3";
    answer("/api/release/deploys/r3",
           {{"id", "r3"},
            {"status", "rolling_back"},
            {"rollback",
             {{"steps",
               {back_step(0, "route", "route all traffic to blue", "success", 2),
                back_step(1, "remove", "remove green", "running", 1)}}}}});
    const auto after = look({"explain", "shop-api", "prod"}).out;
    for (const auto* wanted :
         {"\nway back\n", "0     route all traffic to blue  success  2 of 2 routers\n",
          "1     remove green               running  1 of 2: web-1 web-2\n"})
        EXPECT_NE(after.find(wanted), std::string::npos) << wanted << '\n' << after;
}

TEST_F(LookTest, WatchTellsHowFarARollbackIs) {
    watched = {{"release", "r3"}};
    answer("/api/release/deploys/r3/status",
           {{"status", "rolling_back"},
            {"rollback", {{"steps", {back_step(0, "restore", "restore 1.4.1", "running", 1)}}}}});
    const auto outcome = look({"watch"});
    EXPECT_NE(outcome.out.find("  goes back: 0 restore 1.4.1, 1 of 2\n"), std::string::npos)
        << outcome.out;
}

TEST_F(LookTest, NobodyElseBeginsALine) {
    const auto evil = "no\nweb-9  succeeded\xE2\x80\xAE\n";
    first["release"] = "r2";
    first["holds"][0]["reason"] = first["revert_note"] = evil;
    first["drift"] = {{{"target", "web-1"}, {"reason", evil}, {"drifted", true}}};
    config["poll_error"] = evil;
    config["tip"]["errors"] = {{{"file", "a"}, {"line", 1}, {"column", 1}, {"message", evil}}};
    const json release{{"id", "r2"},
                       {"status", "running"},
                       {"reason", evil},
                       {"targets", {{{"name", "web-1"}, {"error", evil}}}},
                       {"kind", "introduce"}};
    answer("/api/release/deploys/r2", release);
    for (const auto& line : {std::vector<std::string>{"explain", "shop-api", "prod"}, {"status"}})
        for (const auto* raw : {"\nweb-9", "\xE2\x80\xAE"})
            EXPECT_EQ(look(line).out.find(raw), std::string::npos) << look(line).out;
}

TEST_F(LookTest, ExplainSaysThatItIsNoLongerInGit) {
    first["desired"] = {{"version", ""}, {"digest", std::string(64, '0')}, {"commit", ""}};
    first["targets"] = {{"total", 0}, {"in_sync", 0}};
    const auto outcome = look({"explain", "shop-api", "prod"});
    EXPECT_NE(outcome.out.find("desired    nothing: it is no longer in Git\nlast good"),
              std::string::npos)
        << outcome.out;
}

TEST_F(LookTest, ExplainSaysThatThereAreNoTargets) {
    first["targets"] = {{"total", 0}, {"in_sync", 0}};
    first["holds"] = {
        {{"gate", "no_targets"}, {"reason", "prod has no targets"}, {"until", nullptr}}};
    const auto outcome = look({"explain", "shop-api", "prod"});
    EXPECT_NE(outcome.out.find("\ntargets    none\n"), std::string::npos) << outcome.out;
    EXPECT_NE(outcome.out.find("no_targets"), std::string::npos) << outcome.out;
}

TEST_F(LookTest, WatchSaysThatTheServerEndedTheStream) {
    const auto outcome = look({"watch", "--output", "json"});
    EXPECT_EQ(outcome.code, kUnreachable);
    EXPECT_EQ(std::ranges::count(outcome.out, '\n'), 3);
    EXPECT_NE(outcome.out.find("\"event\":\"removed\""), std::string::npos);
    EXPECT_NE(outcome.out.find("\n{\"code\":\"unavailable\""), std::string::npos) << outcome.out;
    EXPECT_NE(outcome.err.find("ended the stream"), std::string::npos) << outcome.err;
    EXPECT_EQ(look({"watch"}).code, kUnreachable);
}

TEST_F(LookTest, FullLogsAreReadOncePerAction) {
    const auto outcome = look({"logs", "r1", "--full"});
    EXPECT_EQ(outcome.code, kGood) << outcome.err;
    EXPECT_EQ(outcome.out,
              "web-1 action a1\nall of a1?\n"
              "web-1 action a2\nthe daemon does not have its log\n");
    const auto logs = look({"logs", "r1", "--full", "--output", "json"}).json()["logs"];
    ASSERT_EQ(logs.size(), 2U);
    EXPECT_EQ(logs[0]["text"], "all of a1\x1b\n");
    EXPECT_TRUE(logs[1]["text"].is_null());
}

TEST_F(LookTest, FullLogsAreShownAsTheyCome) {
    broken = "1";
    const auto outcome = look({"logs", "many", "--full"});
    EXPECT_EQ(outcome.code, kUnreachable);
    EXPECT_TRUE(outcome.out.starts_with(" action 0\nxxx")) << outcome.out.substr(0, 100);
}

TEST_F(LookTest, FullLogsInJsonAreBoundedInAll) {
    const auto outcome = look({"logs", "many", "--full", "--output", "json"});
    EXPECT_EQ(outcome.code, kProblem);
    EXPECT_NE(outcome.err.find("more than 64 MiB"), std::string::npos) << outcome.err;
    EXPECT_EQ(outcome.json()["code"], "exhausted");
    EXPECT_EQ(look({"logs", "many", "--full"}).out.size(), 9 * ((8 << 20) + 11U));
}

TEST_F(LookTest, AnUnknownTargetHasNoLogs) {
    const auto unknown = look({"logs", "r1", "--target", "web-9"});
    EXPECT_EQ(unknown.code, kProblem);
    EXPECT_NE(unknown.err.find("no such target"), std::string::npos) << unknown.err;
    EXPECT_EQ(look({"logs", "r1", "--target", "web-2"}).code, kGood);
}

TEST_F(LookTest, UnknownReleaseIsAProblemAndNoServerIsAway) {
    EXPECT_EQ(look({"logs", "no/such"}).code, kProblem);
    EXPECT_EQ(tidegate({"status", "--server", "http://127.0.0.1:1"}).code, kUnreachable);
}

}  // namespace
}  // namespace tidegate::cli
