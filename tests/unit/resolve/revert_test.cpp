#include "schema/resolve/revert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace tidegate {
namespace {

const Digest kGood = Digest::of("good");
const Digest kGuilty = Digest::of("guilty");
constexpr auto kPath = "versions/prod/api.yaml";

/// 1.0 was good, the guilty commit changed the version file alone to 1.1, the tip is still that.
RevertInput simple() {
    RevertInput input;
    input.key = {"prod", "api"};
    input.release = "0f8fad5b-d9cb-469f-a165-70867728950e";
    input.reason = "health check failed on p-1";
    input.evidence = {"p-1: GET /health answered 500", "line one\nTidegate-Assignment: prod/web"};
    input.guilty_version = "1.1";
    input.guilty = kGuilty;
    input.guilty_commit = "c2";
    input.last_good = LastGood{kGood, "c1", "1.0"};
    input.tip_digest = kGuilty;
    input.version_at_tip = input.version_at_guilty = "v1.1";
    input.version_at_good = input.version_at_parent = "v1.0";
    input.guilty_files = {{kPath, true, "v1.0"}};
    input.digest_with = [](const std::optional<std::string>& text) -> std::optional<Digest> {
        return text == "v1.0" ? kGood : kGuilty;
    };
    return input;
}

struct RevertCase {
    const char* name;
    std::function<void(RevertInput&)> change;
    RevertKind kind;
    std::vector<RevertEdit> edits;
};

class RevertTest : public testing::TestWithParam<RevertCase> {};

TEST_P(RevertTest, Plans) {
    auto input = simple();
    GetParam().change(input);
    const auto plan = plan_revert(input);
    EXPECT_EQ(to_string(plan.kind), to_string(GetParam().kind)) << plan.note;
    EXPECT_EQ(plan.edits, GetParam().edits);
    EXPECT_EQ(plan.branch.empty(), plan.kind != RevertKind::branch);
    EXPECT_EQ(plan.message.empty(), plan.kind == RevertKind::nothing);
    EXPECT_FALSE(plan.note.empty());
}

const std::vector<RevertEdit> kPutBack{{kPath, "v1.0"}};

INSTANTIATE_TEST_SUITE_P(
    Table, RevertTest,
    testing::Values(
        RevertCase{"Plain", [](RevertInput&) {}, RevertKind::plain_revert, kPutBack},
        RevertCase{"OtherFilesToo", [](RevertInput& i) { i.guilty_files.push_back({"film.bin"}); },
                   RevertKind::put_back, kPutBack},
        RevertCase{
            "LastGoodIsOlderThanTheParent",
            [](RevertInput& i) { i.guilty_files[0].before = i.version_at_parent = "v1.0.5"; },
            RevertKind::put_back, kPutBack},
        RevertCase{"NewerWishWins",
                   [](RevertInput& i) { i.tip_digest = Digest::of("newer"); },
                   RevertKind::nothing,
                   {}},
        RevertCase{
            "NotAtTheTip", [](RevertInput& i) { i.tip_digest.reset(); }, RevertKind::nothing, {}},
        RevertCase{"NeverARevertOfARevert",
                   [](RevertInput& i) { i.guilty_by_daemon = true; },
                   RevertKind::nothing,
                   {}},
        RevertCase{"FirstInstall",
                   [](RevertInput& i) {
                       i.last_good.reset();
                       i.guilty_files[0].before.reset();
                   },
                   RevertKind::remove,
                   {{kPath, std::nullopt}}},
        RevertCase{"EditedOtherwise",
                   [](RevertInput& i) {
                       i.version_at_tip = "v1.1 # note";
                       i.guilty_files[0].can_go_back = false;
                       i.guilty_files.push_back({"projects/api.yaml", true, "a"});
                   },
                   RevertKind::branch, kPutBack},
        RevertCase{"SharedFileDidIt",
                   [](RevertInput& i) {
                       i.version_at_tip = i.version_at_guilty = i.version_at_good = "v1.0";
                       i.guilty_files = {{"projects/api.yaml", true, "a"}, {"film.bin"}};
                       i.digest_with = [](const auto&) { return kGuilty; };
                   },
                   RevertKind::branch,
                   {{"projects/api.yaml", "a"}}},
        RevertCase{"NothingLeftToOffer",
                   [](RevertInput& i) {
                       i.version_at_tip = "edited";
                       i.guilty_files[0].can_go_back = false;
                       i.digest_with = [](const auto&) { return kGuilty; };
                   },
                   RevertKind::nothing,
                   {}},
        RevertCase{"ProtectedBranch",
                   [](RevertInput& i) { i.branch_only_reason = "the branch is protected"; },
                   RevertKind::branch, kPutBack}),
    [](const auto& each) { return std::string(each.param.name); });

/// Version files as people write them; what is behind `version` defines the digest.
class SteeringTest : public testing::Test {
protected:
    static std::string file(const std::string& version, const std::string& rest = "") {
        return "kind: Version\nversion: " + version + "\n" + rest;
    }
    SteeringTest() {
        input_.version_at_good = file("1.0");
        input_.version_at_parent = file("1.0", "pins:\n  - {target: a, version: 0.9}  # by hand\n");
        input_.version_at_guilty = input_.version_at_tip = file("1.1");
        input_.guilty_files = {{kPath, true, input_.version_at_parent}};
        input_.digest_with = [](const auto& text) -> std::optional<Digest> {
            return text->find("version: 1.0\n") != std::string::npos ? kGood : kGuilty;
        };
    }
    std::string put_back() {
        const auto plan = plan_revert(input_);
        EXPECT_NE(plan.kind, RevertKind::branch) << plan.note;
        return plan.edits.empty() ? "" : plan.edits[0].content.value_or("");
    }

    RevertInput input_ = simple();
};

/// Set after the good version had been entered.
TEST_F(SteeringTest, ThePinOfTheParentStays) {
    input_.version_at_guilty = input_.version_at_tip =
        file("1.1", "pins:\n  - {target: a, version: 0.9}  # by hand\n");
    EXPECT_EQ(put_back(), *input_.version_at_parent);
    EXPECT_EQ(plan_revert(input_).kind, RevertKind::plain_revert);
}

TEST_F(SteeringTest, PausedAndPinsAreThoseOfTheTip) {
    input_.version_at_parent = file("1.0", "paused: true\nx-note: mine  # stays\n");
    input_.version_at_tip = file("1.1", "pins:\n  - {target: b, version: 0.9}\n");
    EXPECT_EQ(put_back(),
              file("1.0", "pins:\n  - {target: b, version: 0.9}\nx-note: mine  # stays\n"));
    input_.version_at_tip = file("1.1", "paused: true  # until Monday\n");
    EXPECT_EQ(put_back(), file("1.0", "paused: true  # until Monday\nx-note: mine  # stays\n"));
}

TEST_F(SteeringTest, RetryIsNeverLowered) {
    input_.version_at_parent = file("1.0", "retry: 1\n");
    input_.version_at_guilty = input_.version_at_tip = file("1.1", "retry: 3  # again\n");
    EXPECT_EQ(put_back(), file("1.0", "retry: 3  # again\n"));
    input_.version_at_parent = file("1.0", "retry: 5\n");
    EXPECT_EQ(put_back(), file("1.0", "retry: 5\n"));
}

TEST_F(SteeringTest, WhatSteeredTheFormerReleaseIsOver) {
    input_.version_at_parent = file("1.0", "promote: {version: 1.0, to: full}\n");
    EXPECT_EQ(put_back(), file("1.0"));
}

/// Whoever promoted it did not change what it is.
TEST_F(SteeringTest, APromoteSinceTheGuiltyCommitGoes) {
    input_.version_at_parent = input_.guilty_files[0].before = file("1.0");
    input_.version_at_guilty = file("1.1");
    input_.version_at_tip = file("1.1", "promote: {version: 1.1, step: 1}\n");
    EXPECT_EQ(put_back(), file("1.0"));
    EXPECT_EQ(plan_revert(input_).kind, RevertKind::plain_revert);
}

/// The parent had failed, too.
TEST_F(SteeringTest, LastGoodsFileIsTakenWhereTheParentsIsNotGood) {
    input_.version_at_parent = file("1.0.5");
    input_.version_at_tip = file("1.1", "paused: true\n");
    EXPECT_EQ(put_back(), file("1.0", "paused: true\n"));
}

TEST_F(SteeringTest, WhatIsNotOneKeyPerLineIsOffered) {
    input_.version_at_guilty = input_.version_at_tip = "{version: 1.1, paused: true}\n";
    const auto plan = plan_revert(input_);
    EXPECT_EQ(plan.kind, RevertKind::branch) << plan.note;
}

TEST(RevertMessage, CarriesEvidenceAndTrailersThatNobodyCanForge) {
    EXPECT_EQ(plan_revert(simple()).message,
              "Revert prod/api to 1.0\n\n"
              "This reverts commit c2.\n\n"
              "Evidence:\n"
              "- p-1: GET /health answered 500\n"
              "- line one Tidegate-Assignment: prod/web\n\n"
              "Tidegate-Rollback: 0f8fad5b-d9cb-469f-a165-70867728950e\n"
              "Tidegate-Assignment: prod/api\n"
              "Tidegate-Digest: " +
                  kGuilty.hex() +
                  "\n"
                  "Tidegate-Restores: " +
                  kGood.hex() +
                  "\n"
                  "Tidegate-Reason: health check failed on p-1\n");
}

TEST(RevertMessage, TakesOneLineOfWhatARemoteOrAnAgentSays) {
    auto input = simple();
    const std::string forged = "no\r\n\nTidegate-Assignment: prod/web\n";
    input.branch_only_reason = input.reason = forged;
    input.evidence = {forged};
    const auto message = plan_revert(input).message;
    EXPECT_EQ(message.find("\nTidegate-Assignment: prod/web"), std::string::npos) << message;
    EXPECT_NE(message.find("\nTidegate-Reason: no   Tidegate-Assignment: prod/web\n"),
              std::string::npos)
        << message;
}

TEST(RevertMessage, BranchNameIsAValidRefAndAlwaysTheSame) {
    auto input = simple();
    input.key = {"prod", "a..b.lock"};
    input.branch_only_reason = "protected";
    input.digest_with = [](const auto&) { return kGood; };
    EXPECT_EQ(plan_revert(input).branch, "tidegate/revert-prod-a--b-lock-0f8fad5b");
}

TEST(RevertMessage, HoldsVersionsOfOthersAsOneLine) {
    auto input = simple();
    input.last_good->version = "2.0\n\nTidegate-Emergency: x";
    input.guilty_version = "2.1\x1b[2J\xC2\x85z";
    const auto message = plan_revert(input).message;
    EXPECT_THAT(message, testing::StartsWith("Revert prod/api to 2.0  Tidegate-Emergency: x\n"));
    EXPECT_THAT(message, testing::Not(testing::HasSubstr("\nTidegate-Emergency")));
    input.guilty_files.clear();
    EXPECT_THAT(plan_revert(input).message, testing::HasSubstr("brought prod/api 2.1 [2J z.\n"));
}

}  // namespace
}  // namespace tidegate
