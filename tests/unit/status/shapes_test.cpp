#include "tests/unit/status/asking.h"

namespace tidegate::status {
namespace {

using testing::HasSubstr;

void check_schema(const Json& document, Json schema, const Json& value, const std::string& where);

// The shapes that clients rely on (design, section 7), field by field and in this order.

TEST(ShapesTest, AnAssignmentHasItsShape) {
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

TEST(ShapesTest, AReleaseHasItsShape) {
    EXPECT_EQ(
        get(kRelease).body,
        R"({"id":"8f14e45f-0001-5000-8000-000000000001","project":"shop-api",)"
        R"("environment":"prod","from":"1.4.1","to":"1.4.2","kind":"introduce",)"
        R"("operation":"deploy","status":"running","strategy":"canary","commit":"c2",)"
        R"("author":"alice <alice@example.com>","created_at":"2026-11-22T10:00:00Z",)"
        R"("started_at":"2026-11-22T10:00:05Z","finished_at":null,"reason":"step 2 of 2",)"
        R"("holds":[],"steps":[{"index":0,"kind":"deploy","entry":null,"targets":["web-1"],)"
        R"("status":"success","started_at":"2026-11-22T10:00:05Z",)"
        R"("finished_at":"2026-11-22T10:00:35Z","required":1,"max_unavailable":0},)"
        R"({"index":1,"kind":"deploy",)"
        R"("entry":null,"targets":["web-2"],"status":"running","started_at":"2026-11-22T10:00:35Z",)"
        R"("finished_at":null,"required":1,"max_unavailable":0}],"targets":[{"name":"web-1","status":"success","from":"1.4.1",)"
        R"("to":"1.4.2","error":null,"started_at":"2026-11-22T10:00:05Z",)"
        R"("finished_at":"2026-11-22T10:00:15Z",)"
        R"("stages":[{"name":"release","tasks":[{"name":"deploy",)"
        R"("type":"deploy","status":"success","retry_count":0}]}]},{"name":"web-2",)"
        R"("status":"dispatched","from":"1.4.1","to":"1.4.2","error":null,"started_at":null,)"
        R"("finished_at":null,"stages":[]}],"rollback":{"steps":[{"index":0,"kind":"restore",)"
        R"("does":"restore 1.4.1","status":"pending","targets":["web-1","web-2"],"done":0,"all":2},)"
        R"({"index":1,"kind":"verify","does":"check 1.4.1","status":"pending",)"
        R"("targets":["web-1","web-2"],"done":0,"all":2}]}})");
}

/// Half way through a switch that turned bad.
StatusSnapshot switched_back(ReleaseStatus status) {
    auto snapshot = test::sample_with_slots();
    auto release = *test::sample_switch();
    release.status = status;
    release.revert = RevertState::wanted;
    release.steps[3].started_at = release.started_at;
    for (auto& [name, progress] : release.targets) progress.status = TargetStatus::restored;
    snapshot.releases[release.id] = std::make_shared<const Release>(release);
    return snapshot;
}

std::string way_back_text(const Json& release) {
    std::string text;
    for (const auto& step : release["rollback"]["steps"])
        text += fmt::format("{}{}: {} {}/{}", text.empty() ? "" : ", ",
                            step["does"].get<std::string>(), step["status"].get<std::string>(),
                            step["done"].get<int>(), step["all"].get<int>());
    return text;
}

TEST(ShapesTest, AWayBackSaysHowFarItIsByWhatRoutersAndTargetsReport) {
    const auto path = "/api/release/deploys/" + test::sample_switch()->id;
    auto snapshot = switched_back(ReleaseStatus::rolling_back);
    auto target = *snapshot.targets.at("web-1");
    target.installations[0].key = {"web-1", "shop-cart", "green"};
    target.installations[0].digest = test::sample_switch()->targets.at("web-1").desired;
    snapshot.targets["web-1"] = std::make_shared<const TargetView>(target);
    EXPECT_EQ(way_back_text(get_json(path, snapshot)),
              "route all traffic to blue: running 1/2, remove green: pending 1/2");
    snapshot = switched_back(ReleaseStatus::rollback);
    snapshot.targets["web-1"] = std::make_shared<const TargetView>(target);
    auto view = *snapshot.assignments.at({"prod", "shop-cart"});
    view.release.clear();
    view.sides->routers[1].in_force = true;
    snapshot.assignments[view.key] = std::make_shared<const AssignmentView>(view);
    EXPECT_EQ(way_back_text(get_json(path, snapshot)),
              "route all traffic to blue: success 2/2, remove green: running 1/2");
    EXPECT_EQ(way_back_text(get_json(path + "/status", snapshot)),
              way_back_text(get_json(path, snapshot)));
    const auto document = get_json("/openapi.json");
    check_schema(document, document["components"]["schemas"]["Release"], get_json(path, snapshot),
                 "release");
}

TEST(ShapesTest, AFailureThatWouldUndoNothingSaysWhy) {
    auto snapshot = test::sample_with_slots();
    snapshot.stays[{"prod", "shop-cart"}] = "it is forward_only";
    EXPECT_EQ(
        way_back_text(get_json("/api/release/deploys/" + test::sample_switch()->id, snapshot)),
        "what is there stays: it is forward_only: pending 0/0");
}

TEST(ShapesTest, AnAssignmentWithSlotsSaysWhereItsTrafficGoes) {
    const auto items = get_json("/api/release/assignments", test::sample_with_slots())["items"];
    EXPECT_EQ(items[1]["sides"].dump(),
              R"({"live":"blue","revision":9,"weights":{"blue":75,"green":25},"routers":[)"
              R"({"target":"lb-1","agent":"lb-1","online":true,"in_force":true,"error":null,)"
              R"("weights":{"blue":75,"green":25}},)"
              R"({"target":"lb-2","agent":"lb-2","online":true,"in_force":false,)"
              R"("error":"no such server: web-1-green","weights":{"blue":100}}],)"
              R"("kept_until":"2026-11-23T10:00:00Z","out":[]})");
    EXPECT_FALSE(items[0].contains("sides")) << "it has no slots";
}

TEST(ShapesTest, EachKindOfStepHasItsOwnFields) {
    const auto release =
        get_json("/api/release/deploys/" + test::sample_switch()->id, test::sample_with_slots());
    EXPECT_EQ(release["slot"], "green");
    const auto& steps = release["steps"];
    EXPECT_EQ(steps[0]["required"], 2);
    EXPECT_EQ(steps[1]["duration"], 600);
    EXPECT_EQ(steps[1]["watched"].size(), 2U);
    EXPECT_EQ(steps[2]["approver"], true);
    EXPECT_EQ(steps[2]["timeout"], 3600);
    EXPECT_EQ(steps[3]["weight"], 25);
    EXPECT_EQ(steps[3]["timeout"], 60);
    ASSERT_EQ(steps[3]["routers"].size(), 2U) << "it runs";
    EXPECT_EQ(steps[3]["routers"][1]["in_force"], false);
    EXPECT_EQ(steps[4]["routers"].size(), 0U) << "it has not begun";
}

TEST(ShapesTest, ATargetHasItsShape) {
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

TEST(ShapesTest, TheConfigHasItsShape) {
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

TEST(OpenApiTest, WhatHasSlotsFitsToo) {
    const auto document = get_json("/openapi.json");
    const auto& schemas = document["components"]["schemas"];
    const auto snapshot = test::sample_with_slots();
    const auto assignments = get_json("/api/release/assignments", snapshot);
    for (const auto& item : assignments["items"])
        check_schema(document, schemas["Assignment"], item, "assignment");
    const auto releases = get_json("/api/release/deploys", snapshot);
    for (const auto& item : releases["items"])
        check_schema(document, schemas["ReleaseSummary"], item, "summary");
    auto retired = *test::sample_switch();
    retired.kind = ReleaseKind::retire;
    check_schema(document, schemas["Release"], release_json(*test::sample_switch(), nullptr), "");
    check_schema(document, schemas["Release"],
                 release_json(retired, view_of(snapshot, retired.key)), "retire");
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

}  // namespace
}  // namespace tidegate::status
