/// Whose word a promote in the version file is, and whether it came after what it speaks of.

#include "tests/unit/resolve/line.h"

namespace tidegate {
namespace {

using namespace testing_support;
using testing::ElementsAre;
using testing::IsEmpty;

Version promoted(const std::string& number, int step) {
    auto wish = version("prod", "api", number);
    wish.promote = Promote{number, step, step == 0};
    return wish;
}

class PromotionTest : public testing::Test {
protected:
    std::string commit_by(const std::string& who) {
        return line_.commit([&](LineCommit& commit) {
            commit.author_name = who;
            commit.author_email = who + "@example.com";
        });
    }
    /// `<commit> <author> <step>`, and whether it came too early.
    std::string promotion() {
        const auto found = line_.get()->promotion;
        if (!found) return "none";
        EXPECT_EQ(found->author_email, found->author_name + "@example.com");
        return fmt::format("{} {} {}{}", found->commit, found->author_name, found->promote.step,
                           found->after_intent ? "" : " too early");
    }
    Line line_;
};

TEST_F(PromotionTest, IsByWhoBroughtItOrChangedItLast) {
    line_.tree.add(version("prod", "api", "1.1.0"));
    commit_by("Ann");
    EXPECT_EQ(promotion(), "none");
    line_.tree.add(promoted("1.1.0", 1));
    commit_by("Bob");
    EXPECT_EQ(promotion(), "c3 Bob 1");
    auto also_paused = promoted("1.1.0", 1);
    also_paused.paused = true;
    line_.tree.add(also_paused);
    commit_by("Ann");
    EXPECT_EQ(promotion(), "c3 Bob 1") << "who edits something else says nothing of it";
    line_.restart();
    EXPECT_EQ(promotion(), "c3 Bob 1");
    line_.tree.add(promoted("1.1.0", 2));
    commit_by("Eve");
    EXPECT_EQ(promotion(), "c5 Eve 2");
    line_.tree.add(version("prod", "api", "1.1.0"));
    commit_by("Ann");
    EXPECT_EQ(promotion(), "none");
}

TEST_F(PromotionTest, MakesNoIntentAndAnchorsNothing) {
    line_.tree.add(version("prod", "api", "1.1.0"));
    const auto intended = commit_by("Ann");
    line_.tree.add(promoted("1.1.0", 1));
    commit_by("Bob");
    auto scheduled = promoted("1.1.0", 1);
    scheduled.paused = true;
    scheduled.scheduled_release = Value{Value::Map{{"cron", text("0 3 * * *")}}};
    line_.tree.add(scheduled);
    commit_by("Eve");
    const auto api = line_.get();
    EXPECT_EQ(api->intent.commit, intended);
    EXPECT_EQ(api->intent.digest_commit, intended);
    EXPECT_EQ(api->intent.parent, "c1");
    EXPECT_EQ(api->intent.author_name, "Ann");
    EXPECT_THAT(api->intent.authors, ElementsAre("Ann <ann@example.com>"));
    EXPECT_EQ(api->definition->digest,
              line_.tracker.digest_in_force(kProdApi, api->definition->digest));
}

TEST_F(PromotionTest, WithTheIntentOrBeforeItIsTooEarly) {
    line_.tree.add(promoted("1.1.0", 1));
    commit_by("Ann");
    EXPECT_EQ(promotion(), "c2 Ann 1 too early");
    line_.restart();
    EXPECT_EQ(promotion(), "c2 Ann 1 too early");
    line_.tree.add(promoted("1.1.0", 2));
    commit_by("Ann");
    EXPECT_EQ(promotion(), "c3 Ann 2");
    auto again = promoted("1.1.0", 2);
    again.retry = 1;
    line_.tree.add(again);
    commit_by("Ann");
    EXPECT_EQ(promotion(), "c3 Ann 2 too early") << "it spoke of the try before";
}

/// While the assignment is held, what newer commits say counts once they are valid.
TEST_F(PromotionTest, OfHeldCommitsIsByWhoWroteIt) {
    line_.tree.add(version("prod", "api", "1.1.0"));
    commit_by("Ann");
    line_.tree.break_file("environments/prod.yaml");
    line_.tree.add(promoted("1.1.0", 1));
    commit_by("Eve");
    EXPECT_EQ(promotion(), "none") << "held as before";
    line_.restart();
    line_.tree.add(environment("prod", {"p-1"}));
    commit_by("Bob");
    EXPECT_EQ(promotion(), "c3 Eve 1") << "who puts the environment right promotes nothing";
}

TEST_F(PromotionTest, HeldWithANewVersionIsTooEarly) {
    line_.tree.break_file("environments/prod.yaml");
    line_.tree.add(version("prod", "api", "1.1.0"));
    commit_by("Ann");
    line_.tree.add(promoted("1.1.0", 1));
    commit_by("Eve");
    line_.restart();
    line_.tree.add(environment("prod", {"p-1"}));
    commit_by("Bob");
    EXPECT_EQ(line_.get()->intent.commit, "c4");
    EXPECT_EQ(promotion(), "c3 Eve 1 too early");
}

TEST_F(PromotionTest, LeavesWithTheVersionFile) {
    line_.tree.add(promoted("1.1.0", 1));
    commit_by("Ann");
    line_.tree.remove("versions/prod/api.yaml");
    commit_by("Ann");
    line_.restart();
    line_.tree.add(promoted("1.1.0", 1));
    commit_by("Bob");
    EXPECT_EQ(promotion(), "c4 Bob 1 too early");
}

TEST_F(PromotionTest, ApproversAreThoseOfBothRuleSets) {
    auto prod = environment("prod", {"p-1"});
    prod.approvers = {"Ann", "bob@example.com"};
    line_.tree.add(prod);
    commit_by("Ann");
    prod.approvers = {"Eve"};
    line_.tree.add(prod).add(version("prod", "api", "1.1.0"));
    commit_by("Eve");
    for (const bool restarted : {false, true}) {
        if (restarted) line_.restart();
        EXPECT_THAT(line_.get()->rules.approvers, ElementsAre("Eve"));
        EXPECT_THAT(line_.get()->anchor_rules.at(0)->approvers,
                    ElementsAre("Ann", "bob@example.com"));
    }
}

/// Former builds saved a history that says nothing of who changed what: it is of no use.
TEST_F(PromotionTest, AnOlderHistoryIsReplayed) {
    auto json = line_.tracker.json();
    const auto at = json.find("\"format\":8");
    ASSERT_NE(at, std::string::npos);
    json[at + 9] = '7';
    const auto loaded = LineTracker::load({zones, kIdentity}, json, line_.tree.files);
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code, ErrorCode::invalid);
}

}  // namespace
}  // namespace tidegate
