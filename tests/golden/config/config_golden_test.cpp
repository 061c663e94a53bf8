/// The users' own fragments, the example repo and the published schemas, each against the reader
/// and against a validator that is not ours. UPDATE_GOLDEN=1 writes schema/json anew.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "schema/config/fields.h"
#include "schema/config/read.h"
#include "schema/config/yaml_tree.h"
#include "schema/model/document_codec.h"

namespace tidegate::config {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr std::array kKinds{DocumentKind::repository,     DocumentKind::project,
                            DocumentKind::environment,    DocumentKind::target_list,
                            DocumentKind::release_window, DocumentKind::policy,
                            DocumentKind::version,        DocumentKind::approval_list};

const fs::path kSource = TIDEGATE_SOURCE_DIR;

std::string load(const fs::path& path) {
    std::ifstream file{path};
    EXPECT_TRUE(file.good()) << path;
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

Json schema_of(DocumentKind kind) { return Json::parse(json_schema(kind).canonical()); }

/// What the validator says of a YAML text; empty = it accepts.
std::string schema_errors(DocumentKind kind, const std::string& text) {
    const auto schema_json = schema_of(kind);
    valijson::Schema schema;
    valijson::SchemaParser{}.populateSchema(valijson::adapters::NlohmannJsonAdapter{schema_json},
                                            schema);
    const auto document = Json::parse(plain_value(parse_yaml("x", text).root).canonical());
    valijson::ValidationResults results;
    valijson::Validator{valijson::Validator::kStrongTypes}.validate(
        schema, valijson::adapters::NlohmannJsonAdapter{document}, &results);
    std::string all;
    for (const auto& error : results) {
        for (const auto& part : error.context) all += part;
        all += ": " + error.description + '\n';
    }
    return all;
}

void expect_kept(const ParsedFile& parsed, std::string_view path) {
    std::string bytes;
    encode(parsed, path, bytes);
    const auto again = decode_parsed_file(bytes, path);
    ASSERT_TRUE(again && again->document) << path;
    EXPECT_TRUE(*again->document == *parsed.document) << path;
    EXPECT_EQ(again->warnings, parsed.warnings) << path;
}

void expect_accepted(const std::string& path, const std::string& text, std::size_t warnings) {
    const auto parsed = read_document(path, text);
    for (const auto& error : parsed.errors) ADD_FAILURE() << error.text();
    EXPECT_EQ(parsed.warnings.size(), warnings) << path;
    EXPECT_EQ(schema_errors(classify(path)->kind, text), "") << path;
    if (parsed.document) expect_kept(parsed, path);
}

std::string with_head(std::string_view kind, std::string_view rest) {
    return fmt::format("apiVersion: tidegate/v1\nkind: {}\n{}", kind, rest);
}

struct Fixture {
    const char* file;
    const char* path;
    const char* before;  ///< what a document needs beside the fragment
    std::size_t warnings = 0;
};
class FixtureTest : public testing::TestWithParam<Fixture> {};
TEST_P(FixtureTest, IsAcceptedWordForWord) {
    const auto& fixture = GetParam();
    const auto kind = to_string(classify(fixture.path)->kind);
    const auto fragment = load(kSource / "tests/golden/fixtures" / fixture.file);
    expect_accepted(fixture.path, with_head(kind, fixture.before + fragment), fixture.warnings);
}
constexpr auto kScriptProject =
    "name: shop\ndeploy: {type: script, config: {install_script: ./install}}\n";
INSTANTIATE_TEST_SUITE_P(
    Fixtures, FixtureTest,
    testing::Values(Fixture{"deploy-script.yaml", "projects/shop.yaml", "name: shop\n"},
                    Fixture{"variables.yaml", "projects/shop.yaml", kScriptProject},
                    Fixture{"variables.yaml", "tidegate.yaml", ""},
                    Fixture{"variables.yaml", "environments/prod.yaml", "name: prod\n"},
                    Fixture{"pipeline.yaml", "projects/shop.yaml", kScriptProject},
                    Fixture{"dependencies.yaml", "projects/shop.yaml", kScriptProject},
                    Fixture{"strategy-percent.yaml", "environments/prod.yaml", "name: prod\n"},
                    Fixture{"strategy-targets.yaml", "environments/prod.yaml", "name: prod\n"},
                    Fixture{"strategy-clusters.yaml", "environments/prod.yaml", "name: prod\n"},
                    Fixture{"strategy-percent.yaml", "versions/prod/shop.yaml", "version: 1.0\n"},
                    Fixture{"release-window.yaml", "environments/prod.yaml", "name: prod\n"},
                    Fixture{"scheduled-release.yaml", "versions/prod/shop.yaml", "version: 1.0\n"},
                    Fixture{"notifications.yaml", "tidegate.yaml", "", 1},
                    Fixture{"artifact-stores.yaml", "tidegate.yaml", "", 2}));

TEST(FixtureCommentsTest, OtherFormsOfTheStoresAreAccepted) {
    std::istringstream lines{load(kSource / "tests/golden/fixtures/artifact-stores.yaml")};
    int forms = 0;
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with("#   ")) continue;
        expect_accepted("tidegate.yaml", with_head("Repository", line.substr(4) + '\n'), 1);
        ++forms;
    }
    EXPECT_EQ(forms, 2);
}

TEST(ExampleRepoTest, EveryFileIsAcceptedAndEveryKindIsThere) {
    const auto root = kSource / "examples/repo-layout";
    std::set<DocumentKind> seen;
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
        if (!entry.is_regular_file()) continue;
        const auto path = fs::relative(entry.path(), root).generic_string();
        EXPECT_FALSE(check_path(path).has_value()) << path;
        if (!in_layout(path)) continue;
        expect_accepted(path, load(entry.path()), 0);
        seen.insert(classify(path)->kind);
    }
    EXPECT_EQ(seen.size(), kKinds.size());
}

TEST(PublishedSchemaTest, FilesAreWhatTheReaderSays) {
    for (const auto kind : kKinds) {
        const auto file = kSource / "schema/json" / (std::string(to_string(kind)) + ".schema.json");
        const auto text = schema_of(kind).dump(1) + '\n';
        if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream{file} << text;
        EXPECT_EQ(load(file), text) << file << " is old; run with UPDATE_GOLDEN=1";
    }
}

void collect_keys(const Json& schema, std::set<std::string>& keys) {
    if (schema.is_array())
        for (const auto& item : schema) collect_keys(item, keys);
    if (!schema.is_object()) return;
    for (const auto& [word, value] : schema.items()) {
        if (word == "properties")
            for (const auto& [key, unused] : value.items()) keys.insert(key);
        collect_keys(value, keys);
    }
}

TEST(DocsTest, EveryKeyIsDescribed) {
    const auto docs = load(kSource / "docs/config.md");
    std::set<std::string> keys;
    for (const auto kind : kKinds) collect_keys(schema_of(kind), keys);
    EXPECT_GT(keys.size(), 150u);
    for (const auto& key : keys)
        EXPECT_THAT(docs, testing::HasSubstr('`' + key + '`')) << "docs/config.md lacks " << key;
}

void expect_refused(std::string_view path, std::string_view rest) {
    const auto kind = classify(path)->kind;
    const auto text = with_head(to_string(kind), rest);
    EXPECT_FALSE(read_document(path, text).errors.empty()) << text;
    EXPECT_NE(schema_errors(kind, text), "") << text;
}

/// The schema refuses what the reader refuses, wherever a schema can say it.
class SchemaRefusesTest : public testing::TestWithParam<std::pair<const char*, const char*>> {};
TEST_P(SchemaRefusesTest, AsTheReaderDoes) { expect_refused(GetParam().first, GetParam().second); }
INSTANTIATE_TEST_SUITE_P(
    Wrong, SchemaRefusesTest,
    testing::Values(
        std::pair{"tidegate.yaml", "nmae: a\n"},
        std::pair{"tidegate.yaml", "variables: {A: {type: secret, value: plain}}\n"},
        std::pair{"tidegate.yaml", "variables: {A: {type: external, value: a}}\n"},
        std::pair{"tidegate.yaml", "variables: {9A: b}\n"},
        std::pair{"environments/prod.yaml", "name: prod\nheal: yes\n"},
        std::pair{"environments/prod.yaml", "name: prod\nrequire_approval: maybe\n"},
        std::pair{"environments/prod.yaml",
                  "name: prod\nstrategy: {type: all_at_once, config: {batch_size: 1}}\n"},
        std::pair{"environments/prod.yaml",
                  "name: prod\nstrategy: {type: canary, config: {canary_percent: 140}}\n"},
        std::pair{"environments/prod.yaml",
                  "name: prod\nstrategy: {type: rolling, config: {health_check: {type: http}}}\n"},
        std::pair{"projects/shop.yaml", "name: shop\ndeploy: {type: script, config: {}}\n"},
        std::pair{"projects/shop.yaml", "name: shop\ndeploy: {type: script}\n"},
        std::pair{"versions/prod/shop.yaml", "version: 1\nretry: -1\n"},
        std::pair{"versions/prod/shop.yaml", "version: 1\npins: [{target: a}]\n"},
        std::pair{
            "windows/shop.yaml",
            "name: shop\nallowed_windows: [{days: [0], start_time: '1:00', end_time: x}]\n"}));

TEST(SchemaRefusesTest, WhatIsTooLong) {
    const std::vector<std::string> names(1'001, "a");
    for (const auto* list : {"environments", "projects"})
        expect_refused("policies/p.yaml",
                       fmt::format("name: p\nlanguage: lua\nrule: x\napplies_to: {{{}: [{}]}}\n",
                                   list, fmt::join(names, ",")));
    expect_refused("versions/prod/shop.yaml", "version: " + std::string(129, 'v') + '\n');
    expect_refused("projects/shop.yaml", fmt::format("{}pipeline: {{name: {}}}\n", kScriptProject,
                                                     std::string(257, 'n')));
}

}  // namespace
}  // namespace tidegate::config
