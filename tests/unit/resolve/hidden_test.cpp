/// Something else in the place of a folder of the layout: what was below it is not gone.

#include "tests/unit/resolve/line.h"

namespace tidegate {
namespace {

using namespace testing_support;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class HiddenTest : public testing::TestWithParam<const char*> {
protected:
    HiddenTest() {
        line.tree.add(policy_for("night", "prod")).add(rejection());
        TargetList list;
        list.environment = "prod";
        list.targets = {target("p-3", "environments/prod/targets/more.yaml", 4)};
        line.tree.add("environments/prod/targets/more.yaml", list);
        line.commit();
        before = line.get();
    }
    static ApprovalList rejection() {
        ApprovalList list;
        list.key = kProdApi;
        list.approvals = Value{Value::List{Value{Value::Map{{"decision", text("rejected")}}}}};
        return list;
    }
    void expect_held() {
        const auto now = line.get();
        ASSERT_TRUE(now);
        EXPECT_EQ(now->definition->version, before->definition->version);
        EXPECT_EQ(now->commit, before->commit);
        EXPECT_THAT(now->targets, SizeIs(before->targets.size()));
        EXPECT_EQ(now->rules.unsupported, before->rules.unsupported);
        EXPECT_THAT(lines(now->config_errors), HasSubstr(said_));
        EXPECT_THAT(lines(line.tracker.errors()), HasSubstr("expected a folder"));
    }

    Line line;
    AssignmentPtr before;
    const char* said_ = "expected a folder";
};

TEST_P(HiddenTest, LeavesTheLastValidState) {
    const std::string_view place = GetParam();
    if (place == "environments") said_ = "unknown environment";
    if (place == "projects") said_ = "unknown project";
    line.tree.hide(GetParam());
    line.commit();
    expect_held();
    for (const auto& bumped : {version("prod", "web", "2.0.1"), version("prod", "api", "9.0.0")})
        if (place.starts_with("versions"))
            line.tree.remove(version_path({"prod", bumped.key.project}));
        else
            line.tree.add(bumped);
    line.commit();
    expect_held();
    line.restart();
    expect_held();
}
INSTANTIATE_TEST_SUITE_P(Places, HiddenTest,
                         testing::Values("versions", "versions/prod", "policies", "approvals",
                                         "approvals/prod", "environments", "environments/prod",
                                         "environments/prod/targets", "projects"));

TEST_F(HiddenTest, AFolderInThePlaceOfAFileHidesItToo) {
    for (const auto* path : {"versions/prod/api.yaml", "tidegate.yaml", "policies/night.yaml",
                             "approvals/prod/api.yaml", "environments/prod/targets/more.yaml"}) {
        Line each;
        each.tree = line.tree;
        for (const auto& [each_path, file] : each.tree.files) each.tree.changed.insert(each_path);
        each.commit();
        const auto valid = each.get();
        if (each.tree.files.contains(path)) each.tree.remove(path);
        each.tree.break_file(std::string{path} + "/x", "unexpected file");
        each.commit();
        const auto now = each.get();
        ASSERT_TRUE(now) << path;
        EXPECT_EQ(lines(now->config_errors), std::string{path} + "/x:2:3: unexpected file\n");
        EXPECT_EQ(now->rules.unsupported, valid->rules.unsupported) << path;
        EXPECT_THAT(now->targets, SizeIs(valid->targets.size())) << path;
    }
}

TEST_F(HiddenTest, AStrayFileHidesNothing) {
    for (const auto by : {Checks::first, Checks::second})
        for (const auto* stray : {"policies/night.yaml.bak", "policies/night.yaml~",
                                  "policies/.night.yaml.swp", "policies/night.yml"}) {
            Line each{by};
            each.tree.break_file(stray, "unexpected file");
            each.commit();
            EXPECT_THAT(lines(each.get()->config_errors), "") << stray;
            EXPECT_THAT(each.tracker.errors(), SizeIs(1)) << stray;
        }
    Line old{Checks::first};
    old.tree.break_file("policies/night.yaml/x", "unexpected file");
    old.commit();
    EXPECT_THAT(lines(old.get()->config_errors), "") << "nor did a folder, before";
}

TEST_F(HiddenTest, OnceNothingStandsThereItIsGone) {
    line.tree.hide("versions/prod");
    line.commit();
    ASSERT_TRUE(line.get());
    line.tree.remove("versions/prod");
    line.commit();
    EXPECT_FALSE(line.get());
    EXPECT_THAT(line.tracker.errors(), SizeIs(1)) << "an approval of nothing";
}

TEST_F(HiddenTest, OlderChecksReadItAsEmpty) {
    Line old{Checks::first};
    ASSERT_TRUE(old.get());
    old.tree.hide("versions/prod");
    old.commit();
    EXPECT_FALSE(old.get());
}

}  // namespace
}  // namespace tidegate
