#include "schema/resolve/slots.h"

#include "schema/resolve/built_ins.h"
#include "schema/resolve/expand.h"
#include "schema/resolve/work_dirs.h"
#include "tests/unit/resolve/line.h"

namespace tidegate {
namespace {

using namespace testing_support;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

struct BuiltInCase {
    const char* slot;
    const char* live;
    const char* values;  ///< of `${SLOT} ${OTHER_SLOT} ${LIVE_SLOT} ${PORT}`
};
class SlotVariablesTest : public testing::TestWithParam<BuiltInCase> {};
TEST_P(SlotVariablesTest, AreSeenFromTheSlot) {
    const auto& [slot, live, values] = GetParam();
    Variables variables{{"PORT", by_slot("8080", "8081")}, {"SLOT", plain("mine")}};
    add_slots(variables, slot, live);
    VariableScope scope{"prod", slot};
    scope.add(variables);
    EXPECT_EQ(*expand("${SLOT} ${OTHER_SLOT} ${LIVE_SLOT} ${PORT}", scope), values);
}
INSTANTIATE_TEST_SUITE_P(Slots, SlotVariablesTest,
                         testing::Values(BuiltInCase{"blue", "", "blue green  8080"},
                                         BuiltInCase{"green", "blue", "green blue blue 8081"},
                                         BuiltInCase{"blue", "blue", "blue green blue 8080"}));

TEST(SlotVariables, WithoutSlotsAreEmptyAndYieldToThoseOfTheRepo) {
    Variables variables{{"SLOT", plain("mine")}, {"PORT", by_slot("8080", "8081")}};
    add_slots(variables, "", "");
    VariableScope scope{"prod"};
    scope.add(variables);
    EXPECT_EQ(*expand("${SLOT}|${OTHER_SLOT}|${LIVE_SLOT}", scope), "mine||");
    const auto none = expand("${PORT}", scope);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().message, "variable PORT has no value without slots");
}

HealthCheck http(std::string url) {
    HealthCheck check;
    check.url = std::move(url);
    return check;
}
HealthCheck tcp(std::string port) {
    HealthCheck check;
    check.type = CheckType::tcp;
    check.port = std::move(port);
    return check;
}
Task checking(HealthCheck check, int line) {
    Task task;
    task.type = TaskType::health_check;
    task.check = std::move(check);
    task.position = {"projects/api.yaml", line, 7};
    return task;
}

/// A project and an environment that are right, for each case to break.
struct Docs {
    Project api = project("api");
    Environment prod = environment("prod", {"p-1", "p-2"});

    Docs() {
        api.deploy.script.work_dir = "/opt/apps/${APP_NAME}-${SLOT}";
        api.deploy.script.service.unit = "api@${SLOT}";
        api.variables["PORT"] = by_slot("8080", "8081");
        api.pipeline.pre_release = {checking(tcp("8080"), 20)};
        api.pipeline.post_release = {checking(http("http://localhost:${PORT}/health"), 21)};
        prod.strategy.emplace();
        prod.strategy->type = StrategyType::blue_green;
        prod.strategy->position = {prod.position.file, 12, 3};
        prod.strategy->health_check = tcp("${PORT}");
    }
    [[nodiscard]] Tree tree() const {
        Tree tree = small_tree();
        return tree.add(api)
            .add(prod)
            .remove("versions/staging/api.yaml")
            .remove("versions/prod/web.yaml");
    }
};

struct SlotCase {
    const char* name;
    std::function<void(Docs&)> change;
    const char* fault;  ///< empty: none
};
class SlotFaultsTest : public testing::TestWithParam<SlotCase> {};
TEST_P(SlotFaultsTest, AreSaidWithPlaceAndAdvice) {
    Docs docs;
    GetParam().change(docs);
    const std::string fault = GetParam().fault;
    EXPECT_EQ(lines(at(docs.tree()).errors()), fault.empty() ? "" : fault + '\n');
}
constexpr auto kSame =
    "projects/api.yaml:4:1: work_dir is /opt/apps/api/ in both slots: blue_green "
    "(environments/prod.yaml:12:3) needs ${SLOT} in it, as in /opt/apps/${APP_NAME}-${SLOT}";
INSTANTIATE_TEST_SUITE_P(
    Table, SlotFaultsTest,
    testing::Values(
        SlotCase{"Right", [](Docs&) {}, ""},
        SlotCase{"WorkDir", [](Docs& d) { d.api.deploy.script.work_dir = "/opt/apps/${APP_NAME}"; },
                 kSame},
        SlotCase{"DefaultWorkDir", [](Docs& d) { d.api.deploy.script.work_dir = ""; }, kSame},
        SlotCase{"WorkDirOfTheHost",
                 [](Docs& d) { d.api.deploy.script.work_dir = "/opt/${TARGET_IP}"; },
                 "projects/api.yaml:4:1: work_dir is /opt/${TARGET_IP}/ in both slots: blue_green "
                 "(environments/prod.yaml:12:3) needs ${SLOT} in it, as in "
                 "/opt/apps/${APP_NAME}-${SLOT}"},
        SlotCase{"WorkDirWithin",
                 [](Docs& d) {
                     d.api.variables["DIR"] = by_slot("/opt/api", "/opt/api/green");
                     d.api.deploy.script.work_dir = "${DIR}";
                 },
                 "projects/api.yaml:4:1: work_dir is /opt/api/ in blue and /opt/api/green/ in "
                 "green, one in the other: blue_green (environments/prod.yaml:12:3) needs two "
                 "apart, as /opt/apps/${APP_NAME}-${SLOT}"},
        SlotCase{"WorkDirByAVariable",
                 [](Docs& d) {
                     d.api.variables["DIR"] = by_slot("/opt/a", "/opt/b");
                     d.api.deploy.script.work_dir = "${DIR}/api";
                 },
                 ""},
        SlotCase{"Unit", [](Docs& d) { d.api.deploy.script.service.unit = "api"; },
                 "projects/api.yaml:4:1: service.unit is api in both slots: blue_green "
                 "(environments/prod.yaml:12:3) needs ${SLOT} in it, as in app@${SLOT}"},
        SlotCase{"StrategysCheck", [](Docs& d) { d.prod.strategy->health_check = tcp("8080"); },
                 "environments/prod.yaml:12:3: localhost:8080 is checked in both slots, so the old "
                 "side would answer for the new one: blue_green (environments/prod.yaml:12:3) "
                 "needs another address in each, by ${SLOT} or a variable of type slot_specific"},
        SlotCase{"PostRelease", [](Docs& d) { d.api.variables["PORT"] = by_slot("8080", "8080"); },
                 "environments/prod.yaml:12:3: localhost:8080 is checked in both slots, so the old "
                 "side would answer for the new one: blue_green (environments/prod.yaml:12:3) "
                 "needs another address in each, by ${SLOT} or a variable of type slot_specific\n"
                 "projects/api.yaml:21:7: http://localhost:8080/health is checked in both slots, "
                 "so the old side would answer for the new one: blue_green "
                 "(environments/prod.yaml:12:3) needs another address in each, by ${SLOT} or a "
                 "variable of type slot_specific"},
        SlotCase{"Release",
                 [](Docs& d) { d.api.pipeline.release = {checking(tcp("${PORT}0"), 22)}; }, ""},
        SlotCase{"ReleaseToo", [](Docs& d) { d.api.pipeline.release = {checking(tcp("1"), 22)}; },
                 "projects/api.yaml:22:7: localhost:1 is checked in both slots, so the old side "
                 "would answer for the new one: blue_green (environments/prod.yaml:12:3) needs "
                 "another address in each, by ${SLOT} or a variable of type slot_specific"},
        SlotCase{"OfOneTarget",
                 [](Docs& d) { d.prod.targets[1].variables["PORT"] = plain("9000"); },
                 "environments/prod.yaml:12:3: localhost:9000 is checked in both slots, so the old "
                 "side would answer for the new one: blue_green (environments/prod.yaml:12:3) "
                 "needs another address in each, by ${SLOT} or a variable of type slot_specific\n"
                 "projects/api.yaml:21:7: http://localhost:9000/health is checked in both slots, "
                 "so the old side would answer for the new one: blue_green "
                 "(environments/prod.yaml:12:3) needs another address in each, by ${SLOT} or a "
                 "variable of type slot_specific"},
        SlotCase{"FolderInACheck",
                 [](Docs& d) {
                     d.api.pipeline.post_release = {checking(http("http://x/${WORK_DIR}"), 21)};
                 },
                 ""},
        SlotCase{"Secret",
                 [](Docs& d) {
                     d.api.variables["KEY"] = of_type(VariableType::secret, "encrypted:age:x");
                     d.api.pipeline.post_release = {checking(http("http://x/${KEY}"), 21)};
                 },
                 ""},
        SlotCase{"Rolling",
                 [](Docs& d) {
                     d.prod.strategy->type = StrategyType::rolling;
                     d.api.deploy.script.work_dir = "";
                 },
                 ""}),
    [](const auto& each) { return std::string{each.param.name}; });

TEST(SlotFaults, OlderChecksOnlyWarn) {
    Docs docs;
    docs.api.deploy.script.work_dir = "";
    Line line{Checks::second};
    line.tree = docs.tree();
    line.commit();
    EXPECT_THAT(line.tracker.errors(), IsEmpty());
    EXPECT_THAT(lines(line.tracker.warnings()), HasSubstr("in both slots"));
    EXPECT_THAT(lines(line.tracker.warnings()), HasSubstr(kRefusedNow));
    EXPECT_EQ(line.get()->commit, "c2");
    line.checks = kChecksNow;
    line.tree.add(version("staging", "web", "2.0.1"));
    line.commit();
    EXPECT_THAT(line.tracker.errors(), SizeIs(1));
    EXPECT_EQ(line.get()->commit, "c2") << "what was accepted stays in force";
}

TEST(SlotFaults, AWorkDirIsJudgedInBothSlots) {
    Docs docs;
    docs.api.variables["DIR"] = by_slot("/opt/apps/a", "/srv/b");
    docs.api.deploy.script.work_dir = "${DIR}";
    docs.prod.targets[0].work_dir = "/opt/apps";
    EXPECT_THAT(lines(at(docs.tree()).errors()), HasSubstr("work_dir /srv/b is not at or below"));
}

TEST(SlotFaults, BothFoldersKeepOutOfOthers) {
    Docs docs;
    auto tree = docs.tree();
    EXPECT_EQ(lines(overlapping_work_dirs(at(tree))), "");
    auto web = project("web");
    web.variables = docs.api.variables;
    web.deploy.script.work_dir = "/opt/apps/api-green";
    tree.add(web).add(version("prod", "web", "2.0.0"));
    auto prod = docs.prod;
    prod.strategy->type = StrategyType::rolling;
    tree.add(prod);
    EXPECT_THAT(held(at(tree)), IsEmpty());
    EXPECT_EQ(lines(overlapping_work_dirs(at(tree))), "") << "there are no slots";
    web.deploy.script.work_dir += "/${SLOT}";
    tree.add(web).add(docs.prod);
    EXPECT_THAT(held(at(tree)), IsEmpty());
    EXPECT_THAT(lines(overlapping_work_dirs(at(tree))),
                HasSubstr("have /opt/apps/api-green/ and /opt/apps/api-green/blue/ on agent p-1"));
}

}  // namespace
}  // namespace tidegate
