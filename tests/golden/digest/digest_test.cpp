// A digest that changes without a change of format would deploy every fleet anew. If a case fails,
// either the change is a mistake, or kDigestFormat must grow.
#include "schema/resolve/digest.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>

#include "schema/config/read.h"
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

/// Of those without, the digests above say that nothing changed.
TEST(DigestGolden, WithSlots) {
    auto definition = small();
    Variable port;
    port.type = VariableType::slot_specific;
    port.slots = {{"green", "8081"}, {"blue", "8080"}};
    definition.base["PORT"] = port;
    EXPECT_EQ(canonical_definition(definition),
              R"({"deploy":{"config":{"install_script":"set -e\u000aecho \"hi\"\u000a"},)"
              R"("type":"script"},"format":1,"variables":{"PORT":{"type":"slot_specific",)"
              R"("values":{"blue":"8080","green":"8081"}}},"version":"1.4.2"})");
    EXPECT_EQ(assignment_digest(definition).hex(),
              "db28b7a37d46c089964d3bd4c4a5864416e328790bb616fb69b7cc00a4d560d1");
    const auto before = assignment_digest(definition);
    definition.base["PORT"].slots["green"] = "8082";
    EXPECT_NE(assignment_digest(definition), before);
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

/// Reads and resolves documents as the daemon does.
ResolvedTree resolved(const std::map<std::string, std::string>& texts) {
    DocumentTree tree;
    for (const auto& [path, text] : texts)
        tree[path] = std::make_shared<const ParsedFile>(config::read_document(path, text));
    auto result = resolve(tree, zones, "c1");
    EXPECT_EQ(lines(result.errors()), "");
    return result;
}

/// Every assignment digest, and below it those of its targets.
std::string digests_of(const ResolvedTree& tree) {
    std::string text;
    for (const auto& [key, entry] : tree.assignments) {
        if (!entry->assignment) continue;
        text += fmt::format("{} {}\n", key.text(), entry->assignment->definition->digest.hex());
        for (const auto& target : entry->assignment->targets)
            text += fmt::format("  {} {}\n", target.name, target.digest.hex());
    }
    return text;
}

std::map<std::string, std::string> example() {
    namespace fs = std::filesystem;
    const fs::path root = fs::path{TIDEGATE_SOURCE_DIR} / "examples/repo-layout";
    std::map<std::string, std::string> texts;
    for (const auto& entry : fs::recursive_directory_iterator{root}) {
        const auto path = entry.path().lexically_relative(root).string();
        if (!entry.is_regular_file() || !config::in_layout(path)) continue;
        std::ifstream file{entry.path()};
        texts[path].assign(std::istreambuf_iterator<char>{file}, {});
    }
    return texts;
}

/// The chain from text to digest: a reader that normalizes otherwise deploys anew, too. Editing the
/// example changes this, and only that may.
TEST(DigestGolden, OfTheExampleRepo) {
    EXPECT_EQ(digests_of(resolved(example())),
              R"(prod/shop-api b673812dab60ba28ccb29ba172997d069727bb63c7c24c749bb11f235a4db055
  prod-1 7912ac90e9249f7153c8cfa7d05e2474b1a266384c7127720c50efad7c9361b8
  prod-2 7912ac90e9249f7153c8cfa7d05e2474b1a266384c7127720c50efad7c9361b8
staging/shop-api 9a8aceb8b0ad2591b18ba3571226e7a250c53265bb7f5d12b1823d12dd1f7d9e
  web-2 2aea4ea17726c858137a48e2c9518d0eb21d38f53175f57f903006c5e9ebc8ff
  web-3 2aea4ea17726c858137a48e2c9518d0eb21d38f53175f57f903006c5e9ebc8ff
  web-4 2aea4ea17726c858137a48e2c9518d0eb21d38f53175f57f903006c5e9ebc8ff
  web-5 d01fad6f481d92d679a0fd56efa91a40ac890d2a4df467d786ef85b200b9ab40
  web-1 2aea4ea17726c858137a48e2c9518d0eb21d38f53175f57f903006c5e9ebc8ff
workers/shop-worker a8f7da22ca7ef9e6f0b5970a7c6bdffddf7a800010e049134c6b5b5280c0e203
  worker-1 f290fbc971812adf9cc8ea4f7452a25c1f6f98d63f178972928dad761a1de9b1
)");
}

TEST(DigestOrder, OfKeysDoesNotMatter) {
    const std::string version = "versions/staging/shop-api.yaml";
    std::map<std::string, std::string> texts{{version, example().at(version)}};
    const auto digests_with = [&](const char* project, const char* environment) {
        texts["projects/shop-api.yaml"] = project;
        texts["environments/staging.yaml"] = environment;
        return digests_of(resolved(texts));
    };
    EXPECT_EQ(digests_with(R"(
apiVersion: tidegate/v1
kind: Project
name: shop-api
deploy:
  type: script
  config:
    environment: {B: "2", A: "1"}
    install_script: install
    timeouts: {install: 10m, update: 5m}
variables:
  B: {type: template, value: "${A}"}
  A: a
pipeline:
  release: [{name: wait, type: wait, retry: 2, config: {duration: 1m}}, {name: go, type: deploy}]
)",
                           R"(
apiVersion: tidegate/v1
kind: Environment
name: staging
targets:
  - {name: web-1, config: {work_dir: /opt, log_dir: /log}, variables: {X: "1", Y: "2"}}
)"),
              digests_with(R"(
pipeline:
  release: [{type: wait, config: {duration: 1m}, retry: 2, name: wait}, {type: deploy, name: go}]
variables:
  A: a
  B: {value: "${A}", type: template}
deploy:
  config:
    timeouts: {update: 5m, install: 10m}
    install_script: install
    environment: {A: "1", B: "2"}
  type: script
name: shop-api
kind: Project
apiVersion: tidegate/v1
)",
                           R"(
targets:
  - {variables: {Y: "2", X: "1"}, config: {log_dir: /log, work_dir: /opt}, name: web-1}
name: staging
kind: Environment
apiVersion: tidegate/v1
)"));
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
