#include "schema/config/layout.h"

#include <gtest/gtest.h>

namespace tidegate::config {
namespace {

struct GoodPath {
    const char* path;
    DocumentPath expected;
};
class ClassifyTest : public testing::TestWithParam<GoodPath> {};
TEST_P(ClassifyTest, NamesKindAndParts) {
    const auto& [path, expected] = GetParam();
    ASSERT_TRUE(classify(path).has_value()) << path;
    EXPECT_EQ(*classify(path), expected) << path;
    EXPECT_FALSE(check_path(path).has_value()) << path;
}
INSTANTIATE_TEST_SUITE_P(
    Layout, ClassifyTest,
    testing::Values(GoodPath{"tidegate.yaml", {DocumentKind::repository, "", ""}},
                    GoodPath{"projects/shop-api.yaml", {DocumentKind::project, "shop-api", ""}},
                    GoodPath{"environments/prod.yaml", {DocumentKind::environment, "prod", ""}},
                    GoodPath{"environments/prod/targets/eu.yaml",
                             {DocumentKind::target_list, "eu", "prod"}},
                    GoodPath{"windows/business-hours.yaml",
                             {DocumentKind::release_window, "business-hours", ""}},
                    GoodPath{"policies/no-major.yaml", {DocumentKind::policy, "no-major", ""}},
                    GoodPath{"versions/prod/a.b_c.yaml", {DocumentKind::version, "a.b_c", "prod"}},
                    GoodPath{"approvals/prod/shop-api.yaml",
                             {DocumentKind::approval_list, "shop-api", "prod"}}));

struct OtherPath {
    const char* path;
    const char* error;  ///< null: outside the layout, ignored
};
class OtherPathTest : public testing::TestWithParam<OtherPath> {};
TEST_P(OtherPathTest, IsIgnoredOrAnError) {
    const auto& [path, error] = GetParam();
    EXPECT_FALSE(in_layout(path)) << path;
    const auto found = check_path(path);
    ASSERT_EQ(found.has_value(), error != nullptr) << path;
    if (error == nullptr) return;
    EXPECT_EQ(found->text(), std::string(path) + ": " + error);
}
constexpr auto kBadName =
    "names must be 1 to 63 of a-z 0-9 . _ - and begin with a letter or a digit";
INSTANTIATE_TEST_SUITE_P(
    Layout, OtherPathTest,
    testing::Values(
        OtherPath{"README.md", nullptr}, OtherPath{".gitlab-ci.yml", nullptr},
        OtherPath{"docs/projects/shop-api.yaml", nullptr}, OtherPath{"projects", nullptr},
        OtherPath{"projects/README.md", nullptr}, OtherPath{"versions/prod/.gitkeep", nullptr},
        OtherPath{"tidegate.yml", "this file is not read: its name must be tidegate.yaml"},
        OtherPath{"projects/Shop.yaml", kBadName}, OtherPath{"projects/.yaml", kBadName},
        OtherPath{"versions/Prod/shop.yaml", kBadName},
        OtherPath{"projects/shop.yml", "files must end in .yaml here, got .yml"},
        OtherPath{"projects/shop.lua", "unexpected file; here belongs projects/<project>.yaml"},
        OtherPath{"projects/team/shop.yaml",
                  "unexpected file; here belongs projects/<project>.yaml"},
        OtherPath{"versions/shop.yaml",
                  "unexpected file; here belongs versions/<environment>/<project>.yaml"},
        OtherPath{"environments/prod/web.yaml",
                  "unexpected file; here belongs environments/<environment>.yaml or "
                  "environments/<environment>/targets/<name>.yaml"}));

TEST(ObjectNameTest, IsBounded) {
    EXPECT_TRUE(is_object_name(std::string(63, 'a')));
    EXPECT_FALSE(is_object_name(std::string(64, 'a')));
    for (const auto bad : {"", "-a", ".a", "a/b", "A", "a b", "ä"})
        EXPECT_FALSE(is_object_name(bad)) << bad;
}

TEST(Layout, ItsFoldersHaveTheirPlaces) {
    for (const auto* path : {"versions", "versions/prod", "environments/prod/targets", "policies"})
        EXPECT_TRUE(is_folder_place(path)) << path;
    for (const auto* path : {"docs", "tidegate.yaml", "versions/prod/api.yaml", "projects/a.yaml",
                             "versions/README.md", "environments/prod.yaml"})
        EXPECT_FALSE(is_folder_place(path)) << path;
    EXPECT_TRUE(check_top("versions"));
    EXPECT_TRUE(check_top("tidegate.yaml/x"));
    EXPECT_FALSE(check_top("tidegate.yaml"));
    EXPECT_FALSE(check_top("versions/prod"));
    EXPECT_FALSE(check_top("README.md"));
}

TEST(Layout, TellsOfAFolderThatIsNearlyItsOwn) {
    for (const auto& [path, meant] : {std::pair{"Versions/", "versions"},
                                      {"version/", "versions"},
                                      {"policy/", "policies"},
                                      {"WINDOWS/", "windows"},
                                      {"enviroments/", "environments"}}) {
        const auto warning = check_near_miss(path);
        ASSERT_TRUE(warning) << path;
        EXPECT_NE(warning->message.find(meant), std::string::npos) << warning->message;
    }
    for (const auto* path : {"Tidegate.yaml", "TideGate.yml", "tidegate.YAML", "tide-gate.yaml"}) {
        const auto warning = check_near_miss(path);
        ASSERT_TRUE(warning) << path;
        EXPECT_EQ(warning->text(), path + std::string{": this file is not read; did you mean "
                                                      "'tidegate.yaml'?"});
        EXPECT_FALSE(classify(path)) << path;
    }
    for (const auto* path : {"tidegate.yaml", "tidegate.yml", "tidegated.yaml", "Tidegate.md",
                             "docs/Tidegate.yaml", "gate.yaml", ".yaml"})
        EXPECT_FALSE(check_near_miss(path)) << path;
    for (const auto* path : {"versions/", "docs/", "VERSION", "version", "Versions/prod/"})
        EXPECT_FALSE(check_near_miss(path)) << path;
}

}  // namespace
}  // namespace tidegate::config
