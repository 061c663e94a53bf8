#include "reconciler/source/line_files.h"

#include <gtest/gtest.h>

namespace tidegate::source {
namespace {

DocumentTree tree_of(const std::map<std::string, std::string>& texts) {
    DocumentTree tree;
    for (const auto& [path, text] : texts) tree[path] = DocumentReader::read_text(path, text);
    return tree;
}

const auto no_zones = [](const std::string&) -> std::shared_ptr<const ZoneRules> {
    return nullptr;
};

std::map<std::string, std::string> shop() {
    return {{"tidegate.yaml", "apiVersion: tidegate/v1\nkind: Repository\n"},
            {"projects/shop.yaml",
             "apiVersion: tidegate/v1\nkind: Project\nname: shop\ndeploy:\n  type: script\n"
             "  config: {work_dir: /opt/shop, install_script: 'true'}\n"},
            {"environments/prod.yaml",
             "apiVersion: tidegate/v1\nkind: Environment\nname: prod\ntargets:\n"
             "  - {name: web-1, agent: web-1, type: host}\n"},
            {"versions/prod/shop.yaml",
             "apiVersion: tidegate/v1\nkind: Version\nproject: shop\nenvironment: prod\n"
             "version: 1.2.3\n"}};
}

Result<DefinitionPtr> defined(const std::map<std::string, std::string>& texts) {
    const LineTracker line{{no_zones, {}}};
    return definition_in(tree_of(texts), {{"prod", "shop"}, "c1"}, line, no_zones);
}

TEST(DefinitionInTest, IsWhatTheFilesOfThatCommitSay) {
    const auto definition = defined(shop());
    ASSERT_TRUE(definition) << definition.error().text();
    EXPECT_EQ((*definition)->version, "1.2.3");
    EXPECT_EQ((*definition)->commit, "c1");
    EXPECT_NE((*definition)->digest, Digest{});
}

TEST(DefinitionInTest, SaysWhetherThereIsNoneOrAnInvalidOne) {
    auto texts = shop();
    texts.erase("versions/prod/shop.yaml");
    const auto none = defined(texts);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, ErrorCode::not_found);
    EXPECT_EQ(none.error().text(), "prod/shop has no version file at c1");
    texts = shop();
    texts.erase("projects/shop.yaml");
    const auto invalid = defined(texts);
    ASSERT_FALSE(invalid);
    EXPECT_EQ(invalid.error().code, ErrorCode::invalid);
    EXPECT_NE(invalid.error().text().find("prod/shop is not valid at c1: versions/prod/shop.yaml"),
              std::string::npos)
        << invalid.error().text();
}

}  // namespace
}  // namespace tidegate::source
