#include "tests/unit/status/asking.h"

namespace tidegate::status {
namespace {

using testing::HasSubstr;
using testing::Not;

// Lists.

std::vector<std::string> ids_of_pages(const std::string& target, int limit,
                                      const StatusSnapshot& snapshot) {
    std::vector<std::string> ids;
    std::string cursor;
    do {
        const auto sign = target.find('?') == std::string::npos ? '?' : '&';
        const auto page = get_json(fmt::format("{}{}limit={}{}", target, sign, limit,
                                               cursor.empty() ? "" : "&cursor=" + cursor),
                                   snapshot);
        EXPECT_LE(page["items"].size(), static_cast<std::size_t>(limit));
        for (const auto& item : page["items"])
            ids.push_back(item.value("id", item.value("name", "")));
        cursor = page["next_cursor"].is_null() ? "" : page["next_cursor"].get<std::string>();
    } while (!cursor.empty());
    return ids;
}

std::string short_id(int number) { return fmt::format("00000000-0000-5000-8000-{:012}", number); }

TEST(ListTest, PagesHoldEveryReleaseOnceAndTheNewestFirst) {
    const std::vector<std::string> expected{"8f14e45f-0001-5000-8000-000000000001",
                                            short_id(5),
                                            short_id(4),
                                            short_id(3),
                                            short_id(2),
                                            short_id(1)};
    for (const int limit : {1, 2, 3, 6, 100})
        EXPECT_EQ(ids_of_pages("/api/release/deploys", limit, test::sample_snapshot()), expected);
}

TEST(ListTest, ReleasesThatComeBetweenPagesNeitherRepeatNorHideOthers) {
    auto snapshot = test::sample_snapshot();
    const auto first = get_json("/api/release/deploys?limit=3", snapshot);
    const auto newer = test::ended_release(99, ReleaseStatus::success);
    snapshot.releases[newer->id] = newer;
    const auto second = get_json(
        "/api/release/deploys?limit=3&cursor=" + first["next_cursor"].get<std::string>(), snapshot);
    EXPECT_EQ(second["items"][0]["id"], short_id(3));
}

TEST(ListTest, FiltersCombine) {
    const auto snapshot = test::sample_snapshot();
    EXPECT_EQ(ids_of_pages("/api/release/deploys?status=rollback", 2, snapshot),
              std::vector{short_id(3)});
    EXPECT_EQ(ids_of_pages("/api/release/deploys?project=shop-web&status=success", 2, snapshot),
              (std::vector{short_id(5), short_id(4), short_id(2), short_id(1)}));
    EXPECT_TRUE(ids_of_pages("/api/release/deploys?environment=nowhere", 2, snapshot).empty());
}

TEST(ListTest, NamesWithDashesAndDotsKeepTheirPages) {
    auto snapshot = test::sample_snapshot();
    DocumentTree tree;
    for (const auto* name : {"a", "a-b", "a.b", "a0", "b"}) {
        Project project;
        project.name = name;
        test::put(tree, fmt::format("projects/{}.yaml", name), project);
    }
    snapshot.documents = std::make_shared<const DocumentTree>(tree);
    auto names = ids_of_pages("/api/release/projects", 1, snapshot);
    std::ranges::sort(names);
    EXPECT_EQ(names, (std::vector<std::string>{"a", "a-b", "a.b", "a0", "b"}));
}

TEST(ListTest, BadQueriesAreRefused) {
    for (const auto* query : {"limit=0", "limit=1001", "limit=x", "limit=", "limit=-1", "limit=1.5",
                              "cursor=zz", "cursor=abc", "cursor=0x"})
        for (const auto* list : {"assignments", "deploys", "projects", "environments", "approvals"})
            EXPECT_EQ(get(fmt::format("/api/release/{}?{}", list, query)).status, 400) << query;
    EXPECT_EQ(get("/api/release/deploys?status=done").status, 400);
    EXPECT_EQ(get("/api/release/deploys?unknown=1").status, 200);
}

TEST(ListTest, EveryListHasPages) {
    int lists = 0;
    for (const auto& route : routes()) {
        const auto path = example_path(std::string(route.pattern));
        const auto answered = get(path);
        if (answered.status != 200 || !answered.body.starts_with(R"({"items":)")) continue;
        ++lists;
        EXPECT_EQ(get(path + "?limit=bogus").status, 400) << path;
        EXPECT_EQ(get(path + "?cursor=zz").status, 400) << path;
        EXPECT_TRUE(Json::parse(answered.body).contains("next_cursor")) << path;
        EXPECT_LE(get_json(path + "?limit=1")["items"].size(), 1U) << path;
    }
    EXPECT_EQ(lists, 13);
}

TEST(ListTest, AProjectsEnvironmentsGoPageByPage) {
    auto snapshot = test::sample_snapshot();
    for (const auto* name : {"a", "a-b", "staging"}) {
        const auto view = test::sample_view({name, "shop-api"}, Sync::in_sync);
        snapshot.assignments[view->key] = view;
    }
    std::vector<std::string> seen;
    std::string cursor;
    do {
        const auto page =
            get_json("/api/release/projects/shop-api/environments?limit=1" + cursor, snapshot);
        EXPECT_EQ(page["items"].size(), 1U);
        for (const auto& item : page["items"]) seen.push_back(item["environment"]);
        cursor = page["next_cursor"].is_null()
                     ? ""
                     : "&cursor=" + page["next_cursor"].get<std::string>();
    } while (!cursor.empty());
    EXPECT_EQ(seen, (std::vector<std::string>{"a", "a-b", "prod", "staging"}));
}

TEST(ListTest, APageEndsWhenItIsTooManyBytes) {
    auto snapshot = test::sample_snapshot();
    auto release = *test::sample_release();
    TaskResult task{"deploy", "deploy", TaskStatus::success, 0, "", std::string(1 << 20, 'x'),
                    {},       {}};
    release.targets["web-1"].stages = {StageResult{"release", std::vector<TaskResult>(20, task)}};
    snapshot.releases[release.id] = std::make_shared<const Release>(release);
    const auto page = get_json(kRelease + "/logs", snapshot);
    EXPECT_LT(page["items"].size(), 12U);
    EXPECT_FALSE(page["next_cursor"].is_null());
}

// The rest.

TEST(RoutesTest, WhatIsNotThereIs404WithABody) {
    for (const auto* path :
         {"/nope", "/api/release", "/api/release/", "/api/release/projects/", "//healthz",
          "/api/release/projects/none", "/api/release/deploys/none",
          "/api/release/deploys/none/watch", "/api/release/targets/none/status",
          "/api/release/approvals/none", "/api/release/approvals/staging:none",
          "/api/release/environments/none/window", "/api/release/projects/../projects/shop-api"}) {
        const auto answered = get(path);
        EXPECT_EQ(answered.status, 404) << path;
        EXPECT_EQ(Json::parse(answered.body)["error"]["code"], "not_found");
    }
}

TEST(RoutesTest, NoSecretIsShown) {
    for (const auto& route : routes()) {
        const auto body = get(example_path(std::string(route.pattern))).body;
        EXPECT_THAT(body, Not(HasSubstr("encrypted:"))) << route.pattern;
        EXPECT_THAT(body, Not(HasSubstr("Authorization: hidden"))) << route.pattern;
    }
    const auto variables = get_json("/api/release/projects/shop-api/variables")["items"];
    EXPECT_EQ(variables[1].dump(), R"({"name":"DB_PASSWORD","type":"secret"})");
}

/// One with a value of each type that is written as plain text, at every place.
StatusSnapshot with_plain_values() {
    auto snapshot = test::sample_snapshot();
    auto documents = *snapshot.documents;
    const auto give = [](Variables& variables) {
        variables["PLAIN"].value = "p-hunter2";
        variables["TEMPLATE"] = {VariableType::template_text, "t-hunter2", {}, "", "", {}, {}};
        variables["BY_ENV"] = {
            VariableType::env_specific, "", {{"prod", "e-hunter2"}}, "", "", {}, {}};
        variables["BY_SLOT"] = {VariableType::slot_specific, "", {}, "", "",
                                {{"blue", "s-hunter2"}},     {}};
    };
    auto project = std::get<Project>(*documents["projects/shop-api.yaml"]->document);
    give(project.variables);
    test::put(documents, "projects/shop-api.yaml", project);
    auto environment = std::get<Environment>(*documents["environments/prod.yaml"]->document);
    give(environment.variables);
    test::put(documents, "environments/prod.yaml", environment);
    snapshot.documents = std::make_shared<const DocumentTree>(std::move(documents));
    return snapshot;
}

TEST(RoutesTest, ValuesOfVariablesAreHiddenUnlessTheOperatorShowsThem) {
    const auto snapshot = with_plain_values();
    for (const auto& route : routes())
        EXPECT_THAT(get(example_path(std::string(route.pattern)), snapshot).body,
                    Not(HasSubstr("hunter2")))
            << route.pattern;
    auto open = services();
    open.show_values = true;
    for (const auto* path :
         {"/api/release/projects/shop-api/variables", "/api/release/environments/prod/variables"}) {
        EXPECT_THAT(get(path, snapshot).body,
                    HasSubstr(R"({"name":"BY_ENV","type":"env_specific","values":{"prod":null}})"));
        EXPECT_THAT(
            get(path, snapshot).body,
            HasSubstr(R"({"name":"BY_SLOT","type":"slot_specific","values":{"blue":null}})"));
        const auto shown = answer(request_of(path), &snapshot, open).body;
        EXPECT_THAT(shown, HasSubstr(R"("type":"plain","value":"p-hunter2")"));
        EXPECT_THAT(shown, HasSubstr(R"("type":"template","value":"t-hunter2")"));
        EXPECT_THAT(shown, HasSubstr(R"("values":{"prod":"e-hunter2"})"));
        EXPECT_THAT(shown, HasSubstr(R"("values":{"blue":"s-hunter2"})"));
        EXPECT_THAT(shown, Not(HasSubstr("encrypted:")));
    }
}

TEST(RoutesTest, UrlsAreShownWithoutCredentials) {
    EXPECT_EQ(public_url("https://user:pass@files.example.com/a?sig=x#y"),
              "https://files.example.com/a");
    EXPECT_EQ(public_url("https://files.example.com/a@b"), "https://files.example.com/a@b");
    EXPECT_EQ(public_url("https://u:p@ss@files.example.com"), "https://files.example.com");
    EXPECT_EQ(public_url("store/name"), "store/name");
}

TEST(RoutesTest, AnUnchangedAnswerIs304) {
    auto snapshot = test::sample_snapshot();
    auto request = request_of("/api/release/assignments");
    const auto first = answer(request, &snapshot, services());
    std::string etag;
    for (const auto& [name, value] : first.fields)
        if (name == "ETag") etag = value;
    ASSERT_FALSE(etag.empty());
    request.if_none_match = "W/\"other\", " + etag;
    snapshot.generation = 8;  // something else changed
    EXPECT_EQ(answer(request, &snapshot, services()).status, 304);
    EXPECT_TRUE(answer(request, &snapshot, services()).body.empty());
    snapshot.assignments.clear();
    EXPECT_EQ(answer(request, &snapshot, services()).status, 200);
}

TEST(RoutesTest, ReadyOnlyOnceACommitWasAccepted) {
    EXPECT_EQ(get("/readyz").status, 200);
    StatusSnapshot snapshot;
    snapshot.config.poll_error = "no route to host";
    EXPECT_EQ(get("/readyz", snapshot).status, 503);
    EXPECT_THAT(get("/readyz", snapshot).body, HasSubstr("no route to host"));
    snapshot.ready = true;
    EXPECT_EQ(get("/readyz", snapshot).status, 200);
    snapshot.store_trouble = "disk full";
    EXPECT_EQ(get("/readyz", snapshot).status, 503);
    EXPECT_THAT(get("/readyz", snapshot).body, HasSubstr("disk full"));
    EXPECT_EQ(get("/healthz", snapshot).status, 200);
    EXPECT_EQ(answer(request_of("/readyz"), nullptr, services()).status, 503);
    EXPECT_EQ(answer(request_of("/healthz"), nullptr, services()).status, 200);
}

TEST(RoutesTest, TheWindowSaysWhenItChanges) {
    const auto prod = get_json("/api/release/environments/prod/window");
    EXPECT_EQ(prod["state"], "closed");
    EXPECT_EQ(prod["changes_at"], "2026-11-22T22:00:00Z");
    EXPECT_TRUE(prod["changes_at_local"].is_null()) << "its zone is UTC";
    EXPECT_EQ(prod["window"], "nights");
    EXPECT_TRUE(prod["freeze"].contains("until_local"));
    const auto staging = get_json("/api/release/environments/staging/window");
    EXPECT_EQ(staging["state"], "open");
    EXPECT_TRUE(staging["window"].is_null());
}

TEST(RoutesTest, LogsShowTailsAndFullTextOfTheReleasesOwnActionsOnly) {
    const auto logs = get_json(kRelease + "/logs")["items"];
    ASSERT_EQ(logs.size(), 1U);
    EXPECT_EQ(logs[0]["output"], "installed\n");
    EXPECT_EQ(logs[0]["action"], "a1");
    EXPECT_EQ(logs[0]["step"], 0);
    EXPECT_EQ(get(kRelease + "/logs?action=a1").body, "all of a1");
    EXPECT_EQ(get(kRelease + "/logs?action=a2").status, 404);
}

TEST(RoutesTest, OutputThatIsNotUtf8IsRepaired) {
    auto snapshot = test::sample_snapshot();
    auto release = *test::sample_release();
    release.targets["web-1"].stages[0].tasks[0].output = "a\xff";
    snapshot.releases[release.id] = std::make_shared<const Release>(release);
    EXPECT_EQ(get_json(kRelease + "/logs", snapshot)["items"][0]["output"], "a\xef\xbf\xbd");
}

TEST(RoutesTest, AFullHouseOfStreamsIs503) {
    auto full = services();
    full.has_stream_room = [] { return false; };
    const auto snapshot = test::sample_snapshot();
    EXPECT_EQ(answer(request_of(kRelease + "/watch"), &snapshot, full).status, 503);
    EXPECT_EQ(answer(request_of("/api/release/assignments/watch"), &snapshot, full).status, 503);
}

TEST(RoutesTest, ACycleOfDependenciesEnds) {
    const auto graph = get_json("/api/release/projects/shop-api/dependency-graph");
    EXPECT_EQ(graph["nodes"].size(), 2U);
    EXPECT_EQ(graph["edges"].size(), 2U);
}

}  // namespace
}  // namespace tidegate::status
