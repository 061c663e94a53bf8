// A digest that changes without a change of format would deploy every fleet anew. If a case fails,
// either the change is a mistake, or kDigestFormat must grow.
#include "schema/resolve/digest.h"

#include <gtest/gtest.h>

#include <functional>

#include "tests/unit/resolve/tree_builder.h"

namespace tidegate {
namespace {

using namespace testing_support;

Definition small() {
    Definition definition;
    definition.key = {"prod", "api"};
    definition.commit = "c1";
    definition.version = "1.4.2";
    definition.deploy = project("api", "set -e\necho \"hi\"\n").deploy;
    return definition;
}

Definition full() {
    auto definition = small();
    definition.artifact = Artifact{"https://example.com/a.tar.gz", std::string(64, 'a')};
    definition.base = {{"A", plain("1")},
                       {"T", templated("${A}/x")},
                       {"S", of_type(VariableType::secret, "encrypted:age:abc")},
                       {"E", by_environment({{"prod", "p"}, {"dev", "d"}})}};
    Variable external;
    external.type = VariableType::external;
    external.source = "vault";
    external.key = "secret/x";
    definition.base["X"] = external;
    definition.release = {{"R", plain("2")}};
    Task task;
    task.canonical = Value{Value::Map{{"name", text("healthy")}, {"type", text("health_check")}}};
    definition.pipeline.post_release = {task};
    return definition;
}

TEST(DigestGolden, CanonicalFormsAndTheirHashes) {
    EXPECT_EQ(canonical_definition(small()),
              R"({"deploy":{"config":{"install_script":"set -e\u000aecho \"hi\"\u000a"},)"
              R"("type":"script"},"format":1,"version":"1.4.2"})");
    EXPECT_EQ(assignment_digest(small()).hex(),
              "0e67d5d3b91e072deec551da48d6cae53a41dcaa0c5f6607655fcf3a05eb5d97");
    EXPECT_EQ(
        canonical_definition(full()),
        R"({"artifact":"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",)"
        R"("deploy":{"config":{"install_script":"set -e\u000aecho \"hi\"\u000a"},"type":"script"},)"
        R"("format":1,)"
        R"("pipeline":{"post_release":[{"name":"healthy","type":"health_check"}]},)"
        R"("release_variables":{"R":"2"},)"
        R"("variables":{"A":"1","E":"p","S":{"type":"secret","value":"encrypted:age:abc"},)"
        R"("T":{"type":"template","value":"${A}/x"},)"
        R"("X":{"key":"secret/x","source":"vault","type":"external"}},"version":"1.4.2"})");
    EXPECT_EQ(assignment_digest(full()).hex(),
              "310f0efa98c90549f492fd3151db6122651bd7430fd6da41ff38f2efed4c3052");
    const Value config{Value::Map{{"work_dir", text("/opt")}}};
    const auto target = target_config_digest(config, {{"DISK", plain("a")}}, "prod");
    EXPECT_EQ(target.hex(), "8984c64e5ebf02da5b75d04bcc31c60c8fb446f2390d102df5b43b4537526791");
    EXPECT_EQ(target_digest(assignment_digest(full()), target).hex(),
              "c71a75cfc3cdf3ef79b35dd2e8349a9f9ed4c67eccbdc61f47d6a2c2fa6417c0");
}

struct DigestCase {
    const char* name;
    std::function<void(Definition&)> change;
    bool differs;
};

class DigestTest : public testing::TestWithParam<DigestCase> {};

TEST_P(DigestTest, ChangesWithWhatIsInstalledOnly) {
    auto changed = full();
    GetParam().change(changed);
    EXPECT_EQ(assignment_digest(changed) != assignment_digest(full()), GetParam().differs);
}

INSTANTIATE_TEST_SUITE_P(
    Table, DigestTest,
    testing::Values(
        DigestCase{"Version", [](Definition& d) { d.version = "1.4.3"; }, true},
        DigestCase{"Hash", [](Definition& d) { d.artifact->sha256[0] = 'b'; }, true},
        DigestCase{"UrlOfTheSameHash", [](Definition& d) { d.artifact->url = "other"; }, false},
        DigestCase{"UrlWithoutHash",
                   [](Definition& d) {
                       d.artifact = Artifact{"https://example.com/b", ""};
                   },
                   true},
        DigestCase{"Absent", [](Definition& d) { d.absent = true; }, true},
        DigestCase{"KeepDataAlone", [](Definition& d) { d.keep_data = true; }, false},
        DigestCase{"Script", [](Definition& d) { d.deploy = project("api", "x").deploy; }, true},
        DigestCase{"Pipeline", [](Definition& d) { d.pipeline = {}; }, true},
        DigestCase{"TextsForPeople", [](Definition& d) { d.pipeline.name = "nice"; }, false},
        DigestCase{"Commit", [](Definition& d) { d.commit = "c2"; }, false},
        DigestCase{"Variable", [](Definition& d) { d.base["A"] = plain("2"); }, true},
        DigestCase{"Template", [](Definition& d) { d.base["T"] = plain("${A}/x"); }, true},
        DigestCase{"Ciphertext", [](Definition& d) { d.base["S"].value += "d"; }, true},
        DigestCase{"OwnEnvironment", [](Definition& d) { d.base["E"].values["prod"] = "q"; }, true},
        DigestCase{"OtherEnvironment", [](Definition& d) { d.base["E"].values["dev"] = "q"; },
                   false},
        DigestCase{"Hidden", [](Definition& d) { d.base["R"] = plain("hidden"); }, false},
        DigestCase{"Release", [](Definition& d) { d.release["R"] = plain("3"); }, true},
        DigestCase{"Place", [](Definition& d) { d.base["A"].position.line = 9; }, false}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(DigestOrder, OfKeysDoesNotMatter) {
    auto one = small();
    auto two = small();
    Value::Map config;
    for (const auto* name : {"b", "a", "c"}) config[name] = text(name);
    one.deploy.canonical = Value{config};
    config.clear();
    for (const auto* name : {"c", "b", "a"}) config[name] = text(name);
    two.deploy.canonical = Value{config};
    EXPECT_EQ(assignment_digest(one), assignment_digest(two));
}

TEST(TargetDigest, DependsOnDefinitionAndOwnPart) {
    const auto a = Digest::of("a"), b = Digest::of("b");
    EXPECT_NE(target_digest(a, b), target_digest(b, a));
    const Variables of_env{{"E", by_environment({{"prod", "p"}, {"dev", "d"}})}};
    EXPECT_NE(target_config_digest({}, of_env, "prod"), target_config_digest({}, of_env, "dev"));
    EXPECT_NE(target_config_digest({}, of_env, "prod"), target_config_digest({}, {}, "prod"));
}

}  // namespace
}  // namespace tidegate
