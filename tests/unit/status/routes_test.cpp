#include "reconciler/status/routes.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "reconciler/status/views.h"
#include "tests/unit/status/sample.h"

namespace tidegate::status {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kRelease = "/api/release/deploys/8f14e45f-0001-5000-8000-000000000001";

Services services() {
    Services services;
    services.now = [] { return test::at("2026-11-22T10:02:00Z"); };
    services.render_metrics = [](const StatusSnapshot&) { return std::string("metrics\n"); };
    services.read_log = [](const std::string& action) -> std::optional<std::string> {
        return "all of " + action;
    };
    services.find_zone = [](const std::string& name) -> std::shared_ptr<const ZoneRules> {
        auto zone = std::make_shared<ZoneRules>();
        zone->name = name;
        return zone;
    };
    services.has_stream_room = [] { return true; };
    return services;
}

Request request_of(const std::string& target) {
    Request request;
    request.method = "GET";
    request.path = target.substr(0, target.find('?'));
    if (request.path.size() == target.size()) return request;
    std::stringstream query{target.substr(request.path.size() + 1)};
    for (std::string pair; std::getline(query, pair, '&');)
        request.query[pair.substr(0, pair.find('='))] = pair.substr(pair.find('=') + 1);
    return request;
}

Answer get(const std::string& target, const StatusSnapshot& snapshot = test::sample_snapshot()) {
    return answer(request_of(target), &snapshot, services());
}

Json get_json(const std::string& target, const StatusSnapshot& snapshot = test::sample_snapshot()) {
    const auto answered = get(target, snapshot);
    EXPECT_EQ(answered.status, 200) << target << ": " << answered.body;
    return Json::parse(answered.body);
}

// The shapes that clients rely on (design, section 7), field by field and in this order.

TEST(RoutesTest, AnAssignmentHasItsShape) {
    EXPECT_EQ(
        get_json("/api/release/assignments")["items"][1].dump(),
        R"({"project":"shop-web","environment":"prod","desired":{"version":"1.4.2","digest":")" +
            Digest::of("desired").hex() +
            R"(","commit":"c2"},"sync":"held","targets":{"total":2,"in_sync":1,"updating":1,)"
            R"("failed":0,"offline":0,"drifted":0},"release":null,"last_good":null,)"
            R"("holds":[{"gate":"window","reason":"business-hours is closed",)"
            R"("until":"2026-11-23T02:00:00Z",)"
            R"("until_local":"Mon 2026-11-23 10:00 +08:00 Asia/Shanghai"}],)"
            R"("revert_note":"merge tidegate/revert-1 to take the change back","orphaned":["web-9"],)"
            R"("drift":[{"target":"web-2","drifted":true,"reason":"service.status: exit code 3"}],)"
            R"("behind_since":"2026-11-21T08:00:00Z"})");
}

TEST(RoutesTest, AReleaseHasItsShape) {
    EXPECT_EQ(
        get(kRelease).body,
        R"({"id":"8f14e45f-0001-5000-8000-000000000001","project":"shop-api",)"
        R"("environment":"prod","from":"1.4.1","to":"1.4.2","kind":"introduce",)"
        R"("operation":"deploy","status":"running","strategy":"canary","commit":"c2",)"
        R"("author":"alice <alice@example.com>","created_at":"2026-11-22T10:00:00Z",)"
        R"("started_at":"2026-11-22T10:00:05Z","finished_at":null,"reason":"step 2 of 2",)"
        R"("holds":[],"steps":[{"index":0,"kind":"deploy","entry":null,"targets":["web-1"],)"
        R"("status":"success","started_at":"2026-11-22T10:00:05Z",)"
        R"("finished_at":"2026-11-22T10:00:35Z"},{"index":1,"kind":"deploy",)"
        R"("entry":null,"targets":["web-2"],"status":"running","started_at":"2026-11-22T10:00:35Z",)"
        R"("finished_at":null}],"targets":[{"name":"web-1","status":"success","from":"1.4.1",)"
        R"("to":"1.4.2","error":null,"started_at":"2026-11-22T10:00:05Z",)"
        R"("finished_at":"2026-11-22T10:00:15Z",)"
        R"("stages":[{"name":"release","tasks":[{"name":"deploy",)"
        R"("type":"deploy","status":"success","retry_count":0}]}]},{"name":"web-2",)"
        R"("status":"dispatched","from":"1.4.1","to":"1.4.2","error":null,"started_at":null,)"
        R"("finished_at":null,"stages":[]}]})");
}

TEST(RoutesTest, ATargetHasItsShape) {
    EXPECT_EQ(get("/api/release/targets/web-1/status").body,
              R"({"name":"web-1","environment":"prod","agent":"web-1","status":"online",)"
              R"("last_seen_at":"2026-11-22T10:01:00Z","labels":{"region":"cn-north"},)"
              R"("installations":[{"project":"shop-api","version":"1.4.2","digest":")" +
                  Digest::of("target").hex() +
                  R"(","status":"installed","drifted":false,)"
                  R"("installed_at":"2026-11-22T10:00:15Z",)"
                  R"("backups":[{"path":"/opt/apps/shop-api/backups/1.4.1",)"
                  R"("at":"2026-11-22T10:00:10Z"}],"drift_reason":null}]})");
}

TEST(RoutesTest, TheConfigHasItsShape) {
    EXPECT_EQ(get("/api/release/config").body,
              R"({"accepted":{"commit":"c2","at":"2026-11-22T09:59:58Z"},"tip":{"commit":"c3",)"
              R"("state":"partial","errors":[{"file":"versions/prod/x.yaml","line":3,"column":7,)"
              R"("message":"version is missing"}],"warnings":[]},)"
              R"("last_poll_at":"2026-11-22T10:01:00Z","poll_error":null})");
}

// openapi.json against what is answered.

std::string openapi_path(std::string_view pattern) {
    std::string path;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        if (pattern[i] != ':') {
            path += pattern[i];
            continue;
        }
        const auto end = std::min(pattern.find('/', i), pattern.size());
        path += '{' + std::string(pattern.substr(i + 1, end - i - 1)) + '}';
        i = end - 1;
    }
    return path;
}

/// Enough of JSON Schema for our document: types, null, enums, required and unknown fields.
void check_schema(const Json& document, Json schema, const Json& value, const std::string& where) {
    if (schema.contains("$ref"))
        schema = document.at(Json::json_pointer(schema["$ref"].get<std::string>().substr(1)));
    if (value.is_null()) {
        EXPECT_TRUE(schema.value("nullable", false)) << where << " is null";
        return;
    }
    const auto type = schema.value("type", std::string{});
    const bool fits =
        (type == "object" && value.is_object()) || (type == "array" && value.is_array()) ||
        (type == "string" && value.is_string()) ||
        (type == "integer" && value.is_number_integer()) ||
        (type == "number" && value.is_number()) || (type == "boolean" && value.is_boolean());
    ASSERT_TRUE(fits) << where << " is no " << type << ": " << value;
    if (schema.contains("enum")) {
        EXPECT_THAT(schema["enum"], testing::Contains(value)) << where;
    }
    for (const auto& name : schema.value("required", Json::array()))
        EXPECT_TRUE(value.contains(name.get<std::string>())) << where << " lacks " << name;
    if (type == "array")
        for (const auto& item : value) check_schema(document, schema["items"], item, where + "[]");
    if (!schema.contains("properties")) return;
    for (const auto& [name, field] : value.items()) {
        ASSERT_TRUE(schema["properties"].contains(name)) << where << " has unknown " << name;
        check_schema(document, schema["properties"][name], field, where + '.' + name);
    }
}

const std::map<std::string, std::string> kExamples{
    {":name/status", "web-1/status"},
    {":name", "shop-api"},
    {":env", "prod"},
    {"deploys/:id", "deploys/8f14e45f-0001-5000-8000-000000000001"},
    {"approvals/:id", "approvals/prod:shop-api"}};

std::string example_path(std::string path) {
    for (const auto* name : {":name/status", ":name", ":env", "deploys/:id", "approvals/:id"})
        if (const auto at = path.find(name); at != std::string::npos)
            path.replace(at, std::string_view{name}.size(), kExamples.at(name));
    return path;
}

TEST(OpenApiTest, DescribesEveryRouteAndNothingElse) {
    const auto document = get_json("/openapi.json");
    std::set<std::string> described, existing;
    for (const auto& [path, operations] : document["paths"].items()) described.insert(path);
    for (const auto& route : routes()) existing.insert(openapi_path(route.pattern));
    EXPECT_EQ(described, existing);
}

TEST(OpenApiTest, EveryAnswerFitsItsSchema) {
    const auto document = get_json("/openapi.json");
    auto snapshot = test::sample_snapshot();
    auto desired = std::make_shared<Desired>();
    auto assignment = std::make_shared<Assignment>();
    auto definition = std::make_shared<Definition>();
    definition->key = assignment->key = {"prod", "shop-api"};
    definition->artifact = Artifact{"https://user:pass@files.example.com/a.tgz?sig=s", "ab"};
    assignment->definition = definition;
    desired->assignments[assignment->key] = assignment;
    snapshot.desired = desired;
    for (const auto& route : routes()) {
        const auto path = example_path(std::string(route.pattern));
        const auto answered = get(path, snapshot);
        ASSERT_EQ(answered.status, 200) << path << ": " << answered.body;
        const auto& content =
            document["paths"][openapi_path(route.pattern)]["get"]["responses"]["200"]["content"];
        const auto type = answered.watch
                              ? "text/event-stream"
                              : answered.content_type.substr(0, answered.content_type.find(';'));
        ASSERT_TRUE(content.contains(type)) << path << " answers " << type;
        if (type == "application/json")
            check_schema(document, content[type]["schema"], Json::parse(answered.body), path);
    }
}

TEST(OpenApiTest, TheConfigOfAnEmptySnapshotHasNoTip) {
    StatusSnapshot snapshot;
    snapshot.config.poll_error = "no route to host";
    const auto config = get_json("/api/release/config", snapshot);
    EXPECT_EQ(config.dump(), R"({"accepted":null,"tip":null,"last_poll_at":null,)"
                             R"("poll_error":"no route to host"})");
    const auto document = get_json("/openapi.json");
    check_schema(document, document["components"]["schemas"]["Config"], config, "config");
}

TEST(OpenApiTest, EveryRouteNamesWhatChangesIt) {
    for (const auto& route : routes()) {
        for (const auto* method : {"POST", "PUT", "DELETE", "PATCH", "OPTIONS"}) {
            auto request = request_of(example_path(std::string(route.pattern)));
            request.method = method;
            const auto answered = answer(request, nullptr, services());
            EXPECT_EQ(answered.status, 405);
            EXPECT_THAT(answered.fields, testing::Contains(std::pair<std::string, std::string>(
                                             "Allow", "GET, HEAD")));
            EXPECT_THAT(answered.body, HasSubstr(print(Json(route.change)).substr(1, 20)));
        }
    }
}

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
