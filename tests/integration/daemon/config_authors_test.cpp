/// Who counts as an author of a change, out of a real repo: merges, and what is kept of them.

#include <gmock/gmock.h>

#include "schema/base/limits.h"
#include "tests/integration/daemon/config_fixture.h"

namespace tidegate::daemon {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;
using Names = std::set<std::string>;

std::string full(const std::string& who) { return who + " <" + who + "@example.com>"; }

class ConfigAuthorsTest : public ConfigSourceTest {
protected:
    void SetUp() override {
        ConfigSourceTest::SetUp();
        (void)source_.poll({});
        git("checkout --quiet -b topic");
    }
    void by(const std::string& who, const std::string& version) {
        write_text(work() / "versions/staging/shop-api.yaml",
                   "apiVersion: tidegate/v1\nkind: Version\nversion: " + version + "\n");
        git("commit --quiet --all --message x --author '" + full(who) + "'");
    }
    void merge_by(const std::string& who, const std::string& how = "") {
        git("checkout --quiet main");
        git("-c user.name=" + who + " -c user.email=" + who +
            "@example.com merge --quiet --no-ff --message merge topic " + how);
    }
    /// Of the newest digest; the same where the history is lost and the line read anew.
    Names authors() {
        const auto report = source_.poll({});
        const auto found = authors_in(report);
        std::filesystem::remove(history());
        auto again = source();
        const auto replayed = again.open(
            {tip(), {}, {}, report.lenient_until, report.second_until, report.fourth_until}, {});
        EXPECT_TRUE(replayed) << replayed.error().text();
        if (replayed) {
            EXPECT_EQ(authors_in(*replayed), found);
        }
        return found;
    }
    static Names authors_in(const PollReport& report) {
        return report.desired->assignments.at({"staging", "shop-api"})->stretches.back().authors;
    }

    ConfigSource source_ = source();
};

TEST_F(ConfigAuthorsTest, WhoMergesIsNone) {
    by("bob", "1.1.0");
    by("eve", "1.2.0");
    merge_by("rev");
    EXPECT_THAT(authors(), UnorderedElementsAre(full("bob"), full("eve")));
}

TEST_F(ConfigAuthorsTest, WhoChangesTheFileInTheMergeIsOne) {
    by("bob", "1.1.0");
    merge_by("rev", "--no-commit");
    by("rev", "6.6.6");
    EXPECT_THAT(authors(), UnorderedElementsAre(full("bob"), full("rev")));
}

TEST_F(ConfigAuthorsTest, OfAMergeTheWrongWayRoundToo) {
    git("checkout --quiet main");
    by("ann", "1.0.1");
    (void)source_.poll({});
    git("checkout --quiet topic");
    by("bob", "1.1.0");
    git("merge --quiet --strategy=ours --message wrong main");
    git("checkout --quiet -B main");
    EXPECT_THAT(authors(), testing::Contains(full("bob")));
}

TEST_F(ConfigAuthorsTest, APromoteIsByWhoWroteIt) {
    git("checkout --quiet main");
    by("bob", "1.1.0");
    (void)source_.poll({});
    git("checkout --quiet -B topic");
    write_text(work() / "versions/staging/shop-api.yaml",
               "apiVersion: tidegate/v1\nkind: Version\nversion: 1.1.0\n"
               "promote: {version: 1.1.0, to: full}\n");
    git("commit --quiet --all --message x --author '" + full("eve") + "'");
    merge_by("rev");
    const auto report = source_.poll({});
    const auto& found = *report.desired->assignments.at({"staging", "shop-api"});
    ASSERT_TRUE(found.promotion);
    EXPECT_EQ(found.promotion->author_email, "eve@example.com");
    EXPECT_TRUE(found.promotion->after_intent);
    EXPECT_THAT(found.stretches.back().authors, ElementsAre(full("bob")));
}

/// More people than are counted.
TEST_F(ConfigAuthorsTest, WhatIsCutIsByEverybody) {
    git("checkout --quiet main");
    for (std::size_t i = 0; i <= limits::kAuthorsMax; ++i)
        by("p" + std::to_string(i), "1.1." + std::to_string(i));
    git("checkout --quiet -B topic");
    git("checkout --quiet main");
    git("reset --quiet --hard HEAD~" + std::to_string(limits::kAuthorsMax + 1));
    merge_by("rev");
    const auto report = source_.poll({});
    EXPECT_TRUE(authors_in(report).contains(limits::kMoreAuthors));
}

}  // namespace
}  // namespace tidegate::daemon
