#include "schema/resolve/expand.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schema/base/limits.h"
#include "schema/resolve/built_ins.h"
#include "tests/unit/resolve/tree_builder.h"

namespace tidegate {
namespace {

using namespace testing_support;
using testing::HasSubstr;

Variables base() {
    return {
        {"APP", plain("shop")},
        {"PORT", plain("8080")},
        {"URL", by_environment({{"prod", "https://p"}, {"dev", "http://d"}})},
        {"ROOT", templated("/opt/${APP}")},
        {"LOGS", templated("${ROOT}/logs/${APP}")},
        {"LITERAL", plain("${APP}")},
        {"SECRET", of_type(VariableType::secret, "encrypted:age:x")},
        {"VAULT", of_type(VariableType::external, "")},
        {"A", templated("${B}")},
        {"B", templated("x${C}")},
        {"C", templated("${A}")},
        {"SELF", templated("${SELF}")},
        {"ONLY_DEV", by_environment({{"dev", "x"}})},
    };
}

struct ExpandCase {
    const char* text;
    const char* expected;  ///< the text, or a part of the error after "!"
};

class ExpandTest : public testing::TestWithParam<ExpandCase> {};

TEST_P(ExpandTest, GivesTextOrError) {
    const auto variables = base();
    VariableScope scope{"prod"};
    scope.add(variables);
    const auto result = expand(GetParam().text, scope);
    const std::string expected = GetParam().expected;
    if (expected.starts_with("!")) {
        ASSERT_FALSE(result);
        EXPECT_THAT(result.error().message, HasSubstr(expected.substr(1)));
    } else {
        ASSERT_TRUE(result) << result.error().text();
        EXPECT_EQ(*result, expected);
    }
}

INSTANTIATE_TEST_SUITE_P(
    Table, ExpandTest,
    testing::Values(ExpandCase{"", ""}, ExpandCase{"plain", "plain"}, ExpandCase{"${APP}", "shop"},
                    ExpandCase{"a-${APP}-${PORT}-b", "a-shop-8080-b"},
                    ExpandCase{"$APP $5 $$ $(date) $", "$APP $5 $$ $(date) $"},
                    ExpandCase{"$${APP}", "$shop"}, ExpandCase{"${URL}", "https://p"},
                    ExpandCase{"${LOGS}", "/opt/shop/logs/shop"},
                    ExpandCase{"${LITERAL}", "${APP}"},
                    ExpandCase{"${APPP}", "!unknown variable APPP; did you mean 'APP'?"},
                    ExpandCase{"${A}", "!refer to each other: A → B → C → A"},
                    ExpandCase{"${B}", "!refer to each other: B → C → A → B"},
                    ExpandCase{"${SELF}", "!refer to each other: SELF → SELF"},
                    ExpandCase{"${SECRET}", "!unsupported: variable SECRET"},
                    ExpandCase{"${VAULT}", "!unsupported: variable VAULT"},
                    ExpandCase{"${ONLY_DEV}", "!no value for environment prod"},
                    ExpandCase{"${APP", "!without a closing"},
                    ExpandCase{"${APP:-x}", "!is not a variable"},
                    ExpandCase{"${}", "!is not a variable"}));

/// What no level may define is no variable, rather than one that is missing.
TEST(ExpandTest, NamesAreThoseThatADefinitionMayHave) {
    const Variables none;
    VariableScope scope{"prod"};
    scope.add(none);
    const auto error_of = [&](const std::string& name) {
        return expand("${" + name + "}", scope).error().message;
    };
    EXPECT_THAT(error_of(std::string(128, 'A')), HasSubstr("unknown variable"));
    for (const auto& name : {std::string(129, 'A'), std::string("1A")})
        EXPECT_THAT(error_of(name), HasSubstr("is not a variable: a name has letters, digits and "
                                              "_ only, first no digit, at most 128"));
}

TEST(ExpandLevels, LaterWins) {
    const Variables system{{"X", plain("system")}, {"Y", plain("y")}};
    const Variables release{{"X", plain("release")}};
    VariableScope scope{"prod"};
    scope.add(system).add(release);
    EXPECT_EQ(expand("${X}${Y}", scope), "releasey");
}

TEST(ExpandLevels, OverlaySpeaksOfTheOuterLevel) {
    const Variables variables{{"X", plain("1")}, {"Z", templated("${X}${X}")}};
    VariableScope scope{"prod"};
    scope.add(variables);
    const auto result = script_environment(scope, {{"X", "${X}0"}, {"Y", "${X}"}});
    ASSERT_TRUE(result);
    const std::map<std::string, std::string> expected{{"X", "10"}, {"Y", "1"}, {"Z", "11"}};
    EXPECT_EQ(*result, expected);
}

TEST(ExpandLimits, BoundsDepthSizeAndWork) {
    Variables variables;
    for (int i = 0; i < 20; ++i)
        variables["D" + std::to_string(i)] = templated("${D" + std::to_string(i + 1) + "}");
    variables["D20"] = plain("deep");
    variables["BIG"] = plain(std::string(limits::kExpandedBytesMax / 2 + 1, 'x'));
    variables["E0"] = plain("");
    for (int i = 1; i < 9; ++i) {
        const auto use = "${E" + std::to_string(i - 1) + "}";
        variables["E" + std::to_string(i)] = templated(use + use + use + use + use + use);
    }
    VariableScope scope{"prod"};
    scope.add(variables);
    for (const auto* text : {"${D0}", "${BIG}${BIG}", "${E8}"}) {
        const auto result = expand(text, scope);
        ASSERT_FALSE(result) << text;
        EXPECT_EQ(result.error().code, ErrorCode::exhausted) << result.error().text();
    }
    EXPECT_EQ(expand("${D10}", scope), "deep");
}

TEST(ExpandDeploy, LeavesBodiesAlone) {
    const auto variables = base();
    VariableScope scope{"prod"};
    scope.add(variables);
    ScriptDeploy deploy;
    deploy.work_dir = "/srv/${APP}";
    deploy.install_script = "echo ${NOT_OURS}";
    deploy.service.start = "run ${ALSO_NOT}";
    deploy.service.unit = "${APP}.service";
    deploy.environment = {{"P", "${PORT}"}};
    const auto result = expanded(deploy, scope);
    ASSERT_TRUE(result) << result.error().text();
    EXPECT_EQ(result->work_dir, "/srv/shop");
    EXPECT_EQ(result->install_script, "echo ${NOT_OURS}");
    EXPECT_EQ(result->service.start, "run ${ALSO_NOT}");
    EXPECT_EQ(result->service.unit, "shop.service");
    EXPECT_EQ(result->environment.at("P"), "8080");
}

TEST(CheckTexts, FindsEveryFaultOnceWithItsPlace) {
    auto variables = base();
    for (auto& [name, variable] : variables) variable.position = {"projects/p.yaml", 20, 1};
    VariableScope scope{"prod"};
    scope.add(variables);
    const auto errors = check_texts({{"${APP} ${WORK_DIR} ${NOPE} ${SECRET}", {"f.yaml", 3, 7}},
                                     {"${NOPE}", {"f.yaml", 3, 7}},
                                     {"${APP", {"f.yaml", 9, 1}}},
                                    scope);
    EXPECT_EQ(lines(errors),
              "f.yaml:3:7: unknown variable NOPE\n"
              "f.yaml:9:1: \"${\" without a closing \"}\"\n"
              "projects/p.yaml:20:1: variable ONLY_DEV has no value for environment prod\n"
              "projects/p.yaml:20:1: variables refer to each other: A → B → C → A\n"
              "projects/p.yaml:20:1: variables refer to each other: SELF → SELF\n");
}

/// Whichever end of the chain comes first by name.
TEST(CheckTexts, FindsWhatNestsTooDeep) {
    for (const bool upwards : {true, false}) {
        Variables variables;
        for (int i = 10; i < 30; ++i)
            variables[fmt::format("D{}", i)] =
                templated(fmt::format("${{D{}}}", upwards ? i + 1 : i - 1));
        variables["D9"] = variables["D30"] = plain("end");
        VariableScope scope{"prod"};
        scope.add(variables);
        EXPECT_THAT(lines(check_texts({}, scope)), HasSubstr("nest deeper than 16")) << upwards;
    }
}

TEST(CheckTexts, LooksForNoMoreFaultsThanAreShown) {
    const auto variables = base();
    VariableScope scope{"prod"};
    scope.add(variables);
    std::vector<PlacedText> many;
    std::string one;
    for (int i = 0; i < 200; ++i) {
        many.push_back({"${APP_" + std::to_string(i) + "}", {"f.yaml", i, 1}});
        one += many.back().text;
    }
    EXPECT_EQ(check_texts(many, scope).size(), limits::kErrorsPerAssignmentMax);
    EXPECT_EQ(check_texts({{one, {"f.yaml", 1, 1}}}, scope).size(),
              limits::kErrorsPerAssignmentMax);
}

TEST(BuiltIns, DefaultsYieldAndOthersWin) {
    Variables variables{{"APP_NAME", plain("mine")}, {"TARGET_NAME", plain("mine")}};
    add_runtime(variables, {{"APP_NAME", "theirs"}, {"TARGET_NAME", "web-1"}, {"OWN", "x"}});
    EXPECT_EQ(variables["APP_NAME"].value, "mine");
    EXPECT_EQ(variables["TARGET_NAME"].value, "web-1");
    EXPECT_EQ(variables["OWN"].value, "x");
}

}  // namespace
}  // namespace tidegate
