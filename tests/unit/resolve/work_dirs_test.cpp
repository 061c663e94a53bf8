#include "schema/resolve/work_dirs.h"

#include "tests/unit/resolve/line.h"

namespace tidegate {
namespace {

using namespace testing_support;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

struct OutsideCase {
    const char* work_dir;
    const char* root;
    bool outside;
};
class LiesOutsideTest : public testing::TestWithParam<OutsideCase> {};
TEST_P(LiesOutsideTest, IsSaidOnlyWhereNoVariableCanChangeIt) {
    EXPECT_EQ(lies_outside(GetParam().work_dir, GetParam().root), GetParam().outside)
        << GetParam().work_dir << " in " << GetParam().root;
}
INSTANTIATE_TEST_SUITE_P(Paths, LiesOutsideTest,
                         testing::Values(OutsideCase{"/srv/app", "/opt/apps", true},
                                         OutsideCase{"/opt/apps", "/opt/apps", false},
                                         OutsideCase{"/opt/apps/", "/opt//apps", false},
                                         OutsideCase{"/opt/apps-old", "/opt/apps", true},
                                         OutsideCase{"/opt", "/opt/apps", true},
                                         OutsideCase{"/srv/app", "/", false},
                                         OutsideCase{"/srv/${APP_NAME}", "/opt/apps", true},
                                         OutsideCase{"/opt/${APP_NAME}", "/opt/apps", false},
                                         OutsideCase{"/opt/apps/${APP_NAME}", "/opt/apps", false},
                                         OutsideCase{"/opt/apps${SUFFIX}", "/opt/apps", false},
                                         OutsideCase{"/opt/b${SUFFIX}", "/opt/apps", true},
                                         OutsideCase{"${ROOT}/app", "/opt/apps", false},
                                         OutsideCase{"/srv/app", "${ROOT}", false},
                                         OutsideCase{"", "/opt/apps", false},
                                         OutsideCase{"/srv/app", "", false}));

Project project_at(const std::string& name, const std::string& work_dir) {
    auto result = project(name);
    result.deploy.script.work_dir = work_dir;
    return result;
}
Environment prod_at(const std::string& root) {
    auto result = environment("prod", {"p-1", "p-2"});
    result.targets[1].work_dir = root;
    return result;
}

TEST(WorkDirs, OfAProjectOutsideItsTargetsIsAnErrorWithBothPlaces) {
    Line line;
    line.tree.add(project_at("api", "/srv/api")).add(prod_at("/opt/apps"));
    line.commit();
    EXPECT_EQ(lines(line.tracker.errors()),
              "projects/api.yaml:4:1: work_dir /srv/api is not at or below that of target \"p-2\", "
              "which is /opt/apps (environments/prod.yaml:6:5)\n");
    EXPECT_EQ(line.get()->commit, "c1") << "held as it was";
    EXPECT_TRUE(line.get(kProdWeb)->config_errors.empty());
}

struct WorkDirCase {
    const char* name;
    const char* work_dir;
    const char* root;
    Variable variable;  ///< DIR of the target
    const char* fault;  ///< empty: only its agent knows, or nothing is wrong
};
class WorkDirFaultTest : public testing::TestWithParam<WorkDirCase> {};
TEST_P(WorkDirFaultTest, IsSaidWithTheValuesThatTheRepoGives) {
    const auto& [name, work_dir, root, variable, fault] = GetParam();
    auto prod = environment("prod", {"p-1"});
    prod.targets[0].work_dir = root;
    prod.targets[0].variables["DIR"] = variable;
    Tree tree = small_tree();
    tree.add(project_at("api", work_dir)).add(prod).remove("versions/staging/api.yaml");
    EXPECT_EQ(lines(at(tree).errors()), *fault == '\0' ? "" : fault + std::string{'\n'});
}
constexpr auto kOutside =
    "projects/api.yaml:4:1: work_dir /srv/x/api is not at or below that of target \"p-1\", which "
    "is "
    "/opt/apps (environments/prod.yaml:5:5)";
INSTANTIATE_TEST_SUITE_P(
    Paths, WorkDirFaultTest,
    testing::Values(
        WorkDirCase{"Outside", "${DIR}/api", "/opt/apps", plain("/srv/x"), kOutside},
        WorkDirCase{"ByATemplate", "${DIR}", "/opt/apps", templated("/srv/x/${APP_NAME}"),
                    kOutside},
        WorkDirCase{"RootElsewhere", "/srv/x/api", "${DIR}", plain("/opt/apps"), kOutside},
        WorkDirCase{"Inside", "${DIR}/x", "/opt/apps", plain("/opt/apps"), ""},
        WorkDirCase{"BothMove", "${DIR}/api", "${DIR}", plain("/srv/x"), ""},
        WorkDirCase{"Parent", "/opt/apps/${DIR}/x", "/opt/apps", plain("a/../.."),
                    "projects/api.yaml:4:1: work_dir /opt/apps/a/../../x on target \"p-1\" has a "
                    "'..' in it (environments/prod.yaml:5:5)"},
        WorkDirCase{
            "RootWithParent", "", "/opt/${DIR}", plain(".."),
            "environments/prod.yaml:5:5: work_dir /opt/.. on target \"p-1\" has a '..' in it"},
        WorkDirCase{"DotsInAName", "/opt/apps/${DIR}", "/opt/apps", plain("..a"), ""},
        WorkDirCase{"Relative", "${DIR}/x", "", plain("srv"),
                    "projects/api.yaml:4:1: work_dir srv/x on target \"p-1\" is not absolute "
                    "(environments/prod.yaml:5:5)"},
        WorkDirCase{"LineEnd", "/opt/${DIR}", "", plain("a\nb"),
                    "projects/api.yaml:4:1: work_dir /opt/a\nb on target \"p-1\" has a control "
                    "character in it (environments/prod.yaml:5:5)"},
        WorkDirCase{"KnownToTheAgent", "${DIR}/${TARGET_IP}", "/opt/apps", plain("/srv"), ""}),
    [](const auto& each) { return std::string{each.param.name}; });

TEST(WorkDirs, OlderChecksOnlyWarn) {
    Line line{Checks::first};
    line.tree.add(project_at("api", "/srv/api")).add(prod_at("/opt/apps"));
    line.commit();
    EXPECT_THAT(line.tracker.errors(), IsEmpty());
    EXPECT_THAT(lines(line.tracker.warnings()), HasSubstr("is not at or below"));
    EXPECT_THAT(lines(line.tracker.warnings()), HasSubstr(kRefusedNow));
    EXPECT_EQ(line.get()->commit, "c2");
    line.checks = Checks::second;
    line.tree.add(version("prod", "web", "2.0.1"));
    line.commit();
    EXPECT_THAT(line.tracker.errors(), SizeIs(1));
    EXPECT_EQ(line.get()->commit, "c2") << "what was accepted stays in force";
    EXPECT_EQ(line.get(kProdWeb)->definition->version, "2.0.1");
    line.restart();
    EXPECT_EQ(line.get()->commit, "c2");
}

std::string overlaps(const Tree& tree) { return lines(overlapping_work_dirs(at(tree))); }

TEST(WorkDirs, OfOneAgentMustNotOverlap) {
    Tree tree = small_tree();
    EXPECT_EQ(overlaps(tree), "") << "each in a folder of its own";
    tree.add(project_at("api", "/srv/app")).add(project_at("web", "/srv/app/${APP_NAME}"));
    EXPECT_EQ(overlaps(tree),
              "projects/web.yaml:4:1: prod/web on target p-1 and prod/api on target p-1 "
              "(projects/api.yaml:4:1) have /srv/app/ and /srv/app/web/ on agent p-1: uninstalling "
              "one takes the other's files (meant so? shared_work_dir: true in both projects)\n"
              "projects/web.yaml:4:1: staging/web on target s-1 and staging/api on target s-1 "
              "(projects/api.yaml:4:1) have /srv/app/ and /srv/app/web/ on agent s-1: uninstalling "
              "one takes the other's files (meant so? shared_work_dir: true in both projects)\n");
    tree.add(project_at("web", "/srv/app-${APP_NAME}"));
    EXPECT_EQ(overlaps(tree), "") << "beside it, though it begins like it";
    tree.add(project_at("web", "/srv/${TARGET_IP}"));
    EXPECT_EQ(overlaps(tree), "") << "only the agent knows";
}

TEST(WorkDirs, MayOverlapWhereBothProjectsSaySo) {
    Tree tree = small_tree();
    auto api = project_at("api", "/srv/app"), web = project_at("web", "/srv/app");
    api.deploy.script.shared_work_dir = true;
    tree.add(api).add(web);
    EXPECT_NE(overlaps(tree), "") << "one alone is not enough";
    web.deploy.script.shared_work_dir = true;
    tree.add(web);
    EXPECT_EQ(overlaps(tree), "");
}

TEST(WorkDirs, OfTwoTargetsOnOneAgentOverlapToo) {
    Tree tree = small_tree();
    auto prod = environment("prod", {"p-1", "p-2"});
    for (auto& target : prod.targets) target.agent = "host";
    tree.add(prod);
    EXPECT_THAT(overlaps(tree), HasSubstr("prod/api on target p-2 and prod/api on target p-1"));
    EXPECT_THAT(overlaps(tree), HasSubstr("both have /opt/apps/web/"));
    prod.targets[0].work_dir = "/opt/one";
    prod.targets[1].work_dir = "/opt/two";
    tree.add(prod);
    EXPECT_EQ(overlaps(tree), "");
}

}  // namespace
}  // namespace tidegate
