#include "cli/change.h"

#include "cli/console.h"
#include "tests/integration/cli/fixture.h"

namespace tidegate::cli {
namespace {

class ChangeTest : public RepoTest {
protected:
    Outcome change(std::vector<std::string> verb) {
        verb.insert(verb.end(), {"--repo", remote(), "--output", "json"});
        return tidegate(verb);
    }
    Outcome rollback(const std::vector<std::string>& more = {}) {
        std::vector<std::string> line{"rollback", "shop-api", "prod", "--reason", "it fails"};
        line.insert(line.end(), more.begin(), more.end());
        return change(line);
    }
};

TEST_F(ChangeTest, RollbackPutsTheFormerFileBack) {
    set_version("1.1.0", "next");
    const auto outcome = rollback();
    ASSERT_EQ(outcome.code, kGood) << outcome.err;
    EXPECT_EQ(remote_version_file(), version_text("1.0.0"));
    EXPECT_EQ(remote_log("%H"), outcome.json()["commit"]);
    EXPECT_EQ(remote_log("%an <%ae>"), "Dana Operator <dana@example.com>");
    EXPECT_EQ(remote_log("%(trailers:key=Tidegate-Reason,valueonly)"), "it fails");
}

TEST_F(ChangeTest, ASecondRollbackGoesFurtherBack) {
    set_version("1.1.0", "next");
    set_version("1.2.0", "bad");
    ASSERT_EQ(rollback().code, kGood);
    EXPECT_EQ(remote_version_file(), version_text("1.1.0"));
    ASSERT_EQ(rollback().code, kGood);
    EXPECT_EQ(remote_version_file(), version_text("1.0.0"));
}

TEST_F(ChangeTest, RollbackNeverGoesForwardToWhatTheDaemonReverted) {
    set_version("0.9.0", "older");
    set_version("1.1.0", "bad");
    write(kVersionFile, version_text("0.9.0"));
    push("Revert\n\nTidegate-Rollback: some-release");
    ASSERT_EQ(rollback().code, kGood);
    EXPECT_EQ(remote_version_file(), version_text("1.0.0"));
}

TEST_F(ChangeTest, RollbackToAVersionTakesItsNewestState) {
    set_version("1.1.0", "next");
    set_version("1.2.0", "next");
    ASSERT_EQ(rollback({"--to", "1.0.0"}).code, kGood);
    EXPECT_EQ(remote_version_file(), version_text("1.0.0"));
    EXPECT_EQ(rollback({"--to", "7.7.7"}).code, kProblem);
}

TEST_F(ChangeTest, RollbackDoesNotBringAPauseBack) {
    write(kVersionFile, version_text("1.0.0") + "paused: true\n");
    push("pause");
    set_version("1.1.0", "next, and no pause");
    ASSERT_EQ(rollback().code, kGood);
    EXPECT_EQ(remote_version_file(), version_text("1.0.0"));
}

TEST_F(ChangeTest, RollbackKeepsPinsAndLowersNoRetry) {
    const auto pins = std::string{"pins:\n  - {target: web-1, version: 1.0.0}  # by hand\n"};
    write(kVersionFile, version_text("1.1.0") + pins + "retry: 2\n");
    push("next, with a pin");
    ASSERT_EQ(rollback().code, kGood);
    const auto file = remote_version_file();
    EXPECT_NE(file.find(pins), std::string::npos) << file;
    EXPECT_NE(file.find("retry: 2\n"), std::string::npos) << file;
    EXPECT_NE(file.find("\nversion: 1.0.0"), std::string::npos) << file;
}

TEST_F(ChangeTest, APinNeedsAVersionThatWasThere) {
    const auto outcome = change({"pin", "shop-api", "prod", "web-1", "7.7.7"});
    EXPECT_EQ(outcome.code, kProblem);
    EXPECT_NE(outcome.err.find("never had version 7.7.7"), std::string::npos) << outcome.err;
    EXPECT_EQ(remote_version_file(), version_text("1.0.0"));
}

TEST_F(ChangeTest, WhatOtherFilesWereIsNoMatter) {
    set_version("1.1.0", "next");
    push_more_than_is_read();
    ASSERT_EQ(rollback().code, kGood);
    EXPECT_EQ(remote_version_file(), version_text("1.0.0"));
}

TEST_F(ChangeTest, OnALongLineTheNewestCommitsAreLookedAt) {
    set_version("1.1.0", "next");
    push_more_than_is_followed();
    set_version("1.2.0", "next");
    set_version("1.3.0", "next");
    const auto pinned = change({"pin", "shop-api", "prod", "web-1", "1.2.0"});
    EXPECT_EQ(pinned.code, kGood) << pinned.err;
    const auto outcome = rollback();
    ASSERT_EQ(outcome.code, kGood) << outcome.err;
    EXPECT_NE(remote_version_file().find("version: 1.2.0"), std::string::npos);
}

TEST_F(ChangeTest, NothingBeforeTheFirstVersion) { EXPECT_EQ(rollback().code, kProblem); }

TEST_F(ChangeTest, PauseAndResumeGiveBackTheBytes) {
    ASSERT_EQ(change({"pause", "shop-api", "prod"}).code, kGood);
    EXPECT_EQ(remote_version_file(), version_text("1.0.0") + "paused: true\n");
    const auto again = change({"pause", "shop-api", "prod"});
    EXPECT_EQ(again.code, kGood);
    EXPECT_TRUE(again.json()["commit"].is_null());
    ASSERT_EQ(change({"resume", "shop-api", "prod"}).code, kGood);
    EXPECT_EQ(remote_version_file(), version_text("1.0.0"));
}

TEST_F(ChangeTest, RetryCountsUp) {
    ASSERT_EQ(change({"retry", "shop-api", "prod"}).code, kGood);
    ASSERT_EQ(change({"retry", "shop-api", "prod"}).code, kGood);
    EXPECT_EQ(remote_version_file(), version_text("1.0.0") + "retry: 2\n");
}

TEST_F(ChangeTest, PromoteNamesTheVersionAndHowFar) {
    const auto first = change({"promote", "shop-api", "prod", "--step", "1"});
    ASSERT_EQ(first.code, kGood) << first.err;
    EXPECT_EQ(first.json()["summary"], "Promote prod/shop-api 1.0.0 past step 1");
    EXPECT_EQ(remote_version_file(),
              version_text("1.0.0") + "promote: {version: 1.0.0, step: 1}\n");
    const auto again = change({"promote", "shop-api", "prod", "--step", "1"});
    EXPECT_EQ(again.code, kGood);
    EXPECT_TRUE(again.json()["commit"].is_null());
    ASSERT_EQ(change({"promote", "shop-api", "prod", "--full"}).code, kGood);
    EXPECT_EQ(remote_version_file(),
              version_text("1.0.0") + "promote: {version: 1.0.0, to: full}\n");
    EXPECT_EQ(change({"promote", "shop-api", "prod"}).code, kUsage);
    EXPECT_EQ(change({"promote", "shop-api", "prod", "--step", "1", "--full"}).code, kUsage);
    EXPECT_EQ(change({"promote", "shop-api", "prod", "--step", "0"}).code, kUsage);
}

/// Dana Operator wrote 1.1.0.
TEST_F(ChangeTest, PromoteWarnsWhereAnApproverIsAsked) {
    const std::string strategy =
        "strategy: {type: canary, config: {cluster_order: [{priority: 1, targets: [web-1]}, "
        "{priority: 2, targets: [web-2], approval_required: true}]}}\n";
    write("environments/prod.yaml",
          "apiVersion: tidegate/v1\nkind: Environment\nname: prod\n"
          "approvers: [dana@example.com, eve@example.com]\n" +
              strategy + "targets: [{name: web-1}, {name: web-2}]\n");
    push("approvers");
    set_version("1.1.0", "next");
    const auto by = [&](const char* who) {
        return change({"promote", "shop-api", "prod", "--full", "--author", who}).err;
    };
    EXPECT_EQ(by("Joe <joe@example.com>"),
              "warning: what waits for an approver goes on waiting: joe@example.com is no "
              "approver\n");
    git("pull -q --ff-only origin main");
    set_version("1.2.0", "next");
    EXPECT_EQ(by("Eve <eve@example.com>"), "");
    git("pull -q --ff-only origin main");
    set_version("1.3.0", "next");
    EXPECT_EQ(by("Dana <dana@example.com>"),
              "warning: what waits for an approver goes on waiting: dana@example.com is an author "
              "of the change\n");
    EXPECT_EQ(remote_version_file(),
              version_text("1.3.0") + "promote: {version: 1.3.0, to: full}\n")
        << "it is made all the same";
}

/// It spoke of the release of that time.
TEST_F(ChangeTest, RetryAndRollbackTakeAPromoteAway) {
    const std::string promoted = "promote: {version: 1.0.0, step: 1}\n";
    write(kVersionFile, version_text("1.0.0") + promoted);
    push("promoted");
    set_version("1.1.0", "next");
    ASSERT_EQ(rollback().code, kGood);
    EXPECT_EQ(remote_version_file(), version_text("1.0.0"));
    ASSERT_EQ(change({"promote", "shop-api", "prod", "--full"}).code, kGood);
    ASSERT_EQ(change({"retry", "shop-api", "prod"}).code, kGood);
    EXPECT_EQ(remote_version_file(), version_text("1.0.0") + "retry: 1\n");
}

TEST_F(ChangeTest, PinsComeAndGo) {
    ASSERT_EQ(change({"pin", "shop-api", "prod", "web-1", "1.0.0"}).code, kGood);
    EXPECT_EQ(remote_version_file(),
              version_text("1.0.0") + "pins:\n  - {target: web-1, version: 1.0.0}\n");
    ASSERT_EQ(change({"pin", "shop-api", "prod", "web-1", "--remove"}).code, kGood);
    EXPECT_EQ(remote_version_file(), version_text("1.0.0"));
}

TEST_F(ChangeTest, RefusesWhatWouldNotBeValid) {
    const auto before = remote_log("%H");
    const auto outcome = change({"pin", "shop-api", "prod", "web-9", "1.0.0"});
    EXPECT_EQ(outcome.code, kProblem);
    EXPECT_NE(outcome.err.find("web-9"), std::string::npos) << outcome.err;
    EXPECT_EQ(remote_log("%H"), before);
}

TEST_F(ChangeTest, UnknownAssignmentAndAbsentRemote) {
    EXPECT_EQ(change({"pause", "shop-web", "prod"}).code, kProblem);
    EXPECT_NE(tidegate({"pause", "shop-api", "prod", "--repo", remote() + "-gone"}).code, kGood);
}

ChangeRequest request_to(const std::string& remote) {
    ChangeRequest request;
    request.where.remote.url = remote;
    request.key = {"prod", "shop-api"};
    request.now = Timestamp{Milliseconds{1'800'000'000'000}};
    return request;
}

TEST_F(ChangeTest, LooksAgainOnceAfterALostRace) {
    auto request = request_to(remote());
    int asked = 0;
    request.edit = [&](const Tip& tip) -> Result<FileChange> {
        if (++asked == 1) set_version("1.1.0", "faster");
        return FileChange{*tip.text + "paused: true\n", "Pause", {}};
    };
    const auto written = write_change(request);
    ASSERT_TRUE(written) << written.error().text();
    EXPECT_EQ(asked, 2);
    EXPECT_EQ(remote_version_file(), version_text("1.1.0") + "paused: true\n");
}

TEST_F(ChangeTest, GivesUpAfterTheSecondLostRace) {
    auto request = request_to(remote());
    int asked = 0;
    request.edit = [&](const Tip& tip) -> Result<FileChange> {
        set_version("1.1." + std::to_string(++asked), "faster");
        return FileChange{*tip.text + "paused: true\n", "Pause", {}};
    };
    const auto written = write_change(request);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, ErrorCode::conflict);
    EXPECT_EQ(asked, 2);
}

}  // namespace
}  // namespace tidegate::cli
