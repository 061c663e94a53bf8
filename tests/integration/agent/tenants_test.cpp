/// Two installations of one host in one folder, or one in the folder of the other.

#include <gtest/gtest.h>

#include "tests/integration/agent/host_fixture.h"
#include "tests/integration/fuse_mount.h"

namespace tidegate::agent {
namespace {

using test::Host;
using test::make_action;

class TenantsTest : public testing::Test {
protected:
    TenantsTest() { std::filesystem::create_directory(dir_.path() / "apps"); }
    Action action(const std::string& project, const std::string& work_dir,
                  ActionKind kind = ActionKind::deploy) const {
        auto out = make_action(dir_, project + std::to_string(++ids_), "1.0");
        out.key.project = project;
        out.kind = kind;
        out.deploy.script.work_dir = dir_ / ("apps/" + work_dir);
        out.deploy.script.uninstall_script = "rm -rf \"$WORK_DIR\"";
        return out;
    }
    Action sharing(Action out) const {
        out.deploy.script.shared_work_dir = true;
        return out;
    }
    bool exists(const std::string& path) const {
        return std::filesystem::exists(dir_.path() / "apps" / path);
    }

    test::TempDir dir_;
    mutable int ids_ = 0;
};

struct PlaceCase {
    const char* name;
    const char* work_dir;
    const char* relation;  ///< empty: apart
};
class PlaceTest : public TenantsTest, public testing::WithParamInterface<PlaceCase> {};

TEST_P(PlaceTest, AFirstInstallKeepsOutOfOthersFolders) {
    const auto& [name, work_dir, relation] = GetParam();
    std::filesystem::create_directory_symlink(dir_.path() / "apps/shop", dir_.path() / "apps/link");
    Host host{dir_};
    ASSERT_EQ(host.run(action("shop", "shop")).outcome, ActionOutcome::done);
    const auto result = host.run(action("blog", work_dir));
    if (std::string_view{relation}.empty()) {
        EXPECT_EQ(result.outcome, ActionOutcome::done) << result.error;
        return;
    }
    EXPECT_EQ(result.outcome, ActionOutcome::refused);
    EXPECT_EQ(result.error, "work_dir '" + dir_ / "apps/" + work_dir + "' " + relation + " '" +
                                dir_ /
                                    "apps/shop' of web-1/shop; to be installed there needs "
                                    "shared_work_dir: true in both");
    EXPECT_EQ(result.host_trouble, result.error) << "it says nothing of the version";
    EXPECT_EQ(result.installation.status, InstallStatus::absent);
}
INSTANTIATE_TEST_SUITE_P(Cases, PlaceTest,
                         testing::Values(PlaceCase{"Same", "shop", "is"},
                                         PlaceCase{"Within", "shop/plugins", "lies in"},
                                         PlaceCase{"Around", "", "contains"},
                                         PlaceCase{"ByLink", "link/x", "lies in"},
                                         PlaceCase{"Beside", "shop2", ""}),
                         [](const auto& test) { return std::string{test.param.name}; });

TEST_F(TenantsTest, TheFolderOfATargetMayBeNamedByAVariable) {
    Host host{dir_};
    auto shop = make_action(dir_, "by variable", "1.0");
    shop.target_work_dir = dir_ / "${PLACE}";
    shop.variables["PLACE"].value = "apps";
    ASSERT_EQ(host.run(shop).outcome, ActionOutcome::done);
    EXPECT_TRUE(exists("shop/history"));
    auto blog = action("blog", "blog");
    blog.target_work_dir = shop.target_work_dir;
    blog.variables = shop.variables;
    const auto result = host.run(blog);
    EXPECT_EQ(result.outcome, ActionOutcome::done) << result.error;
}

TEST_F(TenantsTest, AnotherTargetOfTheAgentIsAnotherInstallation) {
    Host host{dir_};
    ASSERT_EQ(host.run(action("shop", "shop")).outcome, ActionOutcome::done);
    auto twin = action("shop", "shop");
    twin.key.target = "web-2";
    EXPECT_EQ(host.run(twin).outcome, ActionOutcome::refused);
    twin = action("shop", "shop-2");
    twin.key.target = "web-2";
    EXPECT_EQ(host.run(twin).outcome, ActionOutcome::done);
}

TEST_F(TenantsTest, OneLinkIsOneFolder) {
    std::filesystem::create_directory_symlink(dir_.path() / "apps/shop", dir_.path() / "apps/link");
    Host host{dir_};
    std::filesystem::create_directory(dir_.path() / "apps/shop");
    ASSERT_EQ(host.run(action("shop", "link")).outcome, ActionOutcome::done);
    EXPECT_EQ(host.run(action("blog", "link/x")).outcome, ActionOutcome::refused);
}

/// Another installation's mount is nobody else's trouble.
TEST_F(TenantsTest, AFolderOfOthersThatDoesNotAnswerHoldsUpNobody) {
    const tidegate::test::FuseMount silent{dir_ / "apps/mount"};
    if (!silent.is_there()) GTEST_SKIP() << "no FUSE here";
    AgentConfig config;
    config.allow_root = true;
    const auto rules = make_host_rules(config, dir_.path().string());
    ASSERT_TRUE(rules);
    Tenants tenants;
    tenants.others = {*tenant_of(*rules, action("shop", "mount/shop"))};
    EXPECT_EQ(clash(*rules, action("blog", "blog"), tenants), "");
}

TEST_F(TenantsTest, BothMustSayThatTheyShare) {
    Host host{dir_};
    ASSERT_EQ(host.run(action("shop", "shop")).outcome, ActionOutcome::done);
    EXPECT_EQ(host.run(sharing(action("migration", "shop"))).outcome, ActionOutcome::refused);
    ASSERT_EQ(host.run(sharing(action("shop", "shop"))).outcome, ActionOutcome::done);
    EXPECT_EQ(host.run(action("migration", "shop")).outcome, ActionOutcome::refused);
    EXPECT_EQ(host.run(sharing(action("migration", "shop"))).outcome, ActionOutcome::done);
}

TEST_F(TenantsTest, WhatIsThereGoesOnAndMovesWithCare) {
    Host host{dir_};
    ASSERT_EQ(host.run(sharing(action("shop", "shop"))).outcome, ActionOutcome::done);
    ASSERT_EQ(host.run(sharing(action("blog", "shop"))).outcome, ActionOutcome::done);
    EXPECT_EQ(host.run(action("blog", "shop")).outcome, ActionOutcome::done) << "an update";
    EXPECT_EQ(host.run(action("blog", "blog")).outcome, ActionOutcome::done) << "moves out";
    EXPECT_EQ(host.run(action("blog", "shop")).outcome, ActionOutcome::refused) << "moves in";
    const auto restore = action("blog", "shop", ActionKind::rollback);
    EXPECT_EQ(host.run(restore).outcome, ActionOutcome::done) << "never a restore";
}

TEST_F(TenantsTest, AnUninstallDoesNotDeleteTheOther) {
    {
        Host host{dir_};
        ASSERT_EQ(host.run(sharing(action("shop", "shop"))).outcome, ActionOutcome::done);
        ASSERT_EQ(host.run(sharing(action("blog", "shop/blog"))).outcome, ActionOutcome::done);
        ASSERT_EQ(host.run(action("blog", "shop/blog")).outcome, ActionOutcome::done);
    }
    Host host{dir_};
    const auto refused = host.run(action("shop", "shop", ActionKind::uninstall));
    EXPECT_EQ(refused.outcome, ActionOutcome::refused);
    EXPECT_NE(refused.error.find("contains"), std::string::npos) << refused.error;
    EXPECT_EQ(refused.installation.status, InstallStatus::installed);
    EXPECT_TRUE(exists("shop/blog/history"));

    auto harmless = action("shop", "shop", ActionKind::uninstall);
    harmless.deploy.script.uninstall_script.clear();
    EXPECT_EQ(host.run(harmless).outcome, ActionOutcome::done);
    EXPECT_EQ(host.run(action("blog", "shop/blog", ActionKind::uninstall)).outcome,
              ActionOutcome::done);
    EXPECT_FALSE(exists("shop/blog"));
    EXPECT_EQ(host.run(action("other", "shop")).outcome, ActionOutcome::done);
}

TEST_F(TenantsTest, OfTwoAtOnceTheFirstOneStays) {
    auto first = action("shop", "shop");
    first.deploy.script.install_script = "touch begun; while [ ! -e go ]; do sleep 0.01; done";
    Host host{dir_};
    host.loop->step(machine::RunCommand{1, first});
    ASSERT_TRUE(host.until([&] { return exists("shop/begun"); }));
    EXPECT_EQ(host.run(action("blog", "shop")).outcome, ActionOutcome::refused);
    test::write_text(dir_ / "apps/shop/go", "");
    ASSERT_TRUE(host.until([&] { return host.uplink.results.size() == 2; }));
    EXPECT_EQ(host.uplink.results[1].outcome, ActionOutcome::done);
}

}  // namespace
}  // namespace tidegate::agent
