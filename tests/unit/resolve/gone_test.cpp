/// What is remembered of assignments that left Git.

#include "schema/base/limits.h"
#include "tests/unit/resolve/line.h"

namespace tidegate {
namespace {

using namespace testing_support;

constexpr auto kMany = static_cast<int>(limits::kGoneAssignmentsKept) + 20;

std::string preview(int number) { return fmt::format("preview-{:05}", number); }

class GoneTest : public testing::Test {
protected:
    void open(int number) {
        line.tree.add(environment(preview(number), {fmt::format("host-{}", number)}));
        line.tree.add(version(preview(number), "api", "1.0.0"));
    }
    void close(int number) {
        line.tree.remove("environments/" + preview(number) + ".yaml");
        line.tree.remove(version_path({preview(number), "api"}));
    }
    [[nodiscard]] bool remembers(int number) const {
        return line.tracker.history().assignments.contains({preview(number), "api"});
    }
    [[nodiscard]] std::size_t remembered() const {
        return line.tracker.history().assignments.size();
    }

    Line line;
    const std::size_t present = remembered();
};

TEST_F(GoneTest, OnlyTheNewestAreRemembered) {
    for (int i = 0; i < kMany; ++i) open(i);
    line.commit();
    close(kMany - 1);
    line.commit();
    for (int i = 0; i < kMany - 1; ++i) close(i);
    line.commit();
    EXPECT_EQ(remembered(), present + limits::kGoneAssignmentsKept);
    EXPECT_FALSE(remembers(kMany - 1)) << "it was the first to leave";
    EXPECT_TRUE(remembers(kMany - 2));
    EXPECT_LT(line.tracker.json().size(), 300 * limits::kGoneAssignmentsKept);
    line.restart();
    open(kMany);
    line.commit();
    close(kMany);
    line.commit();
    EXPECT_EQ(remembered(), present + limits::kGoneAssignmentsKept) << "also after a restart";
    EXPECT_TRUE(remembers(kMany));
}

TEST_F(GoneTest, OneThatCameBackIsNotForgotten) {
    for (int i = 0; i < kMany; ++i) open(i);
    line.commit();
    close(0);
    line.commit();
    open(0);
    line.commit();
    for (int i = 1; i < kMany; ++i) close(i);
    line.commit();
    ASSERT_TRUE(remembers(0));
    EXPECT_TRUE(line.get({preview(0), "api"}));
    EXPECT_TRUE(line.tracker.find_version({preview(kMany - 1), "api"}, "1.0.0"));
}

TEST_F(GoneTest, WhatNeverWasValidLeavesNothing) {
    line.tree.add(version("nowhere", "api", "1.0.0"));
    line.commit();
    line.tree.remove(version_path({"nowhere", "api"}));
    line.commit();
    EXPECT_EQ(remembered(), present);
}

/// A pin of a version that it never had.
TEST_F(GoneTest, WhatIsInGitAndNeverWasValidIsNotForgottenAfterARestart) {
    auto never = version("staging-2", "web", "1.0.0");
    never.pins = {{{"s-2", {}}, "0.9.0"}};
    line.tree.add(environment("staging-2", {"s-2"})).add(never);
    for (int i = 0; i < kMany; ++i) open(i);
    line.commit();
    for (int i = 0; i < kMany; ++i) close(i);
    line.commit();
    const auto errors = lines(line.tracker.errors());
    EXPECT_THAT(errors, testing::HasSubstr("never had version \"0.9.0\""));
    line.restart();
    line.tree.add(version("prod", "web", "2.0.1"));
    line.commit();
    EXPECT_TRUE(line.tracker.history().assignments.contains({"staging-2", "web"}));
    EXPECT_EQ(lines(line.tracker.errors()), errors);
}

TEST_F(GoneTest, WhatWasRevertedIsRemembered) {
    open(kMany);
    line.commit();
    close(kMany);
    line.commit([](LineCommit& commit) { commit.own = true; });
    for (int i = 0; i < kMany; ++i) open(i);
    line.commit();
    for (int i = 0; i < kMany; ++i) close(i);
    line.commit();
    line.restart();
    ASSERT_TRUE(remembers(kMany));
    EXPECT_EQ(line.tracker.history().assignments.at({preview(kMany), "api"}).reverts.size(), 1U);
}

}  // namespace
}  // namespace tidegate
