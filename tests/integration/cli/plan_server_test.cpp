#include "cli/console.h"
#include "cli/line_follower.h"
#include "reconciler/status/board.h"
#include "reconciler/status/server.h"
#include "tests/integration/cli/fixture.h"

namespace tidegate::cli {
namespace {

using nlohmann::json;

/// A config repo, and the status endpoint of a daemon that follows it.
class PlanServerTest : public RepoTest {
protected:
    PlanServerTest() {
        settle("1.0.0", "");
        set_version("1.1.0", "next");
    }

    /// All that HEAD desires is there, in that slot.
    void settle(const std::string& version, const std::string& slot) {
        base_ = git("rev-parse HEAD");
        auto repository = *git::Repository::open_existing(work());
        LineFollower follower{repository};
        EXPECT_TRUE(follower.follow(base_));
        assignment_ = follower.desired(Timestamp{})->assignments.at({"prod", "shop-api"});
        snapshot_.config.accepted_commit = base_;
        view_.key = assignment_->key;
        view_.desired_commit = base_;
        view_.sync = Sync::in_sync;
        view_.last_good =
            LastGood{assignment_->definition->digest, assignment_->intent.digest_commit, version};
        for (const auto& target : assignment_->targets) add(target, version, slot);
    }

    /// Online, with what is desired there.
    void add(const DesiredTarget& target, const std::string& version, const std::string& slot) {
        TargetView there;
        there.name = target.name;
        there.environment = "prod";
        there.agent = target.agent;
        there.status = AgentStatus::online;
        auto& installed = there.installations.emplace_back();
        installed.key = {target.name, "shop-api", slot};
        installed.status = InstallStatus::installed;
        installed.version = version;
        installed.digest = target.digest;
        targets_[target.name] = std::move(there);
    }

    Outcome plan(std::vector<std::string> more = {"--output", "json"}) {
        publish();
        std::vector<std::string> line{"plan",   "--repo", work(),     "--base", base_,
                                      "--head", "HEAD",   "--server", address_};
        line.insert(line.end(), more.begin(), more.end());
        return tidegate(line);
    }
    json change() { return plan().json()["changes"].at(0); }

    void publish() {
        ++snapshot_.generation;
        snapshot_.assignments = {{view_.key, std::make_shared<const AssignmentView>(view_)}};
        for (const auto& [name, target] : targets_)
            snapshot_.targets[name] = std::make_shared<const TargetView>(target);
        board_.set(std::make_shared<const StatusSnapshot>(snapshot_));
    }

    /// One that ended, each of its actions after so long.
    void add_release(int number, Seconds took) {
        Release release;
        release.id = std::to_string(number);
        release.key = view_.key;
        release.status = ReleaseStatus::success;
        release.created_at = Timestamp{} + std::chrono::hours{number};
        auto& progress = release.targets["web-1"];
        progress.name = "web-1";
        progress.status = TargetStatus::success;
        progress.started_at = release.created_at;
        progress.finished_at = release.created_at + took;
        snapshot_.releases[release.id] = std::make_shared<const Release>(release);
    }

    std::string base_;
    AssignmentPtr assignment_;
    StatusSnapshot snapshot_;
    AssignmentView view_;
    std::map<std::string, TargetView> targets_;
    status::SnapshotBoard board_;
    std::unique_ptr<status::Server> server_ = *status::Server::start(
        {.board = board_,
         .now = [] { return Timestamp{}; },
         .render_metrics = [](const StatusSnapshot&) { return std::string{}; },
         .read_log = [](const std::string&) { return std::optional<std::string>{}; },
         .find_zone = [](const std::string&) { return std::shared_ptr<const ZoneRules>{}; }});
    std::string address_ = "http://" + server_->local_address();
};

TEST_F(PlanServerTest, WhatTheDaemonSaysIsThereIsTheBegin) {
    const auto outcome = plan();
    ASSERT_EQ(outcome.code, kGood) << outcome.err;
    const auto report = outcome.json();
    EXPECT_TRUE(report["notes"].empty()) << report["notes"];
    EXPECT_TRUE(report["learnt"].empty());
    const auto& change = report["changes"].at(0);
    EXPECT_EQ(change["kind"], "introduce");
    EXPECT_EQ(change["steps"].size(), 2U);
    for (const auto& target : change["targets"]) {
        EXPECT_EQ(target["from"], "1.0.0");
        EXPECT_EQ(target["state"], "to_update");
    }
    EXPECT_EQ(change["undo"]["to"], "1.0.0") << "last good, as the daemon says";
}

TEST_F(PlanServerTest, WhoIsAwayIsLeftOut) {
    targets_["web-2"].status = AgentStatus::offline;
    const auto told = change();
    EXPECT_EQ(told["away"], json::array({"web-2"}));
    ASSERT_EQ(told["steps"].size(), 1U);
    EXPECT_EQ(told["steps"][0]["targets"], json::array({"web-1"}));
}

TEST_F(PlanServerTest, WhereNothingIsThereItIsInstalled) {
    targets_["web-1"].installations.clear();
    const auto told = change();
    EXPECT_EQ(told["targets"][0]["state"], "to_install");
    EXPECT_TRUE(told["targets"][0]["from"].is_null());
}

TEST_F(PlanServerTest, ATargetThatTheDaemonDoesNotKnowIsTakenAsEmpty) {
    targets_.erase("web-2");
    const auto report = plan().json();
    EXPECT_EQ(report["notes"][0],
              "the daemon does not know target web-2 yet: taken as empty, with its agent online");
    EXPECT_EQ(report["changes"][0]["targets"][1]["state"], "to_install");
}

TEST_F(PlanServerTest, SaysThatTheDaemonStandsElsewhere) {
    snapshot_.config.accepted_commit = git("rev-parse HEAD");
    EXPECT_EQ(plan().json()["notes"][0], "the daemon has accepted " +
                                             snapshot_.config.accepted_commit.substr(0, 9) +
                                             ", not the base");
    snapshot_.config.accepted_commit.clear();
    EXPECT_EQ(plan().json()["notes"][0], "the daemon has accepted no commit yet");
}

TEST_F(PlanServerTest, WhatIsQuarantinedIsHeldUntilAPersonActs) {
    view_.sync = Sync::quarantined;
    view_.last_good = LastGood{Digest::of("0.9.0"), base_, "0.9.0"};
    view_.holds = {{"quarantine", "1.0.0 failed on web-1", {}}};
    write("environments/prod.yaml",
          "apiVersion: tidegate/v1\nkind: Environment\nname: prod\n"
          "freeze: {active: false}\ntargets: [{name: web-1}, {name: web-2}, {name: web-3}]\n");
    write(kVersionFile, version_text("1.0.0"));
    push("a third target, the version as before");
    const auto told = change();
    const auto& holds = told["holds"];
    ASSERT_FALSE(holds.empty());
    EXPECT_EQ(holds[0]["gate"], "quarantine");
    EXPECT_NE(holds[0]["reason"].get<std::string>().find("1.0.0 failed on web-1"),
              std::string::npos);
}

TEST_F(PlanServerTest, TheMedianOfFormerActionsIsHowLongTheyTake) {
    add_release(1, Seconds{20});
    add_release(2, Seconds{90});
    add_release(3, Seconds{3'000});
    const auto report = plan().json();
    EXPECT_EQ(report["learnt"], json::array({"shop-api"}));
    const auto& steps = report["changes"][0]["steps"];
    EXPECT_EQ(steps[0]["ends_after"], 90);
    EXPECT_EQ(steps[1]["ends_after"], 90 + 60 + 90) << "with the pause of the strategy";
    const auto text = plan({}).out;
    EXPECT_NE(text.find("times are those of former releases of shop-api"), std::string::npos)
        << text;
}

TEST_F(PlanServerTest, SaysThatARunningReleaseIsNotFollowed) {
    view_.sync = Sync::releasing;
    EXPECT_EQ(plan().json()["notes"][0],
              "prod/shop-api is releasing: foretold as if what is left began now");
}

TEST_F(PlanServerTest, ADaemonThatIsNotThereIsAnErrorAndNoPlan) {
    server_.reset();
    const auto outcome = plan();
    EXPECT_EQ(outcome.code, kUnreachable);
    EXPECT_EQ(outcome.json()["code"], "unavailable") << outcome.out;
}

/// Green is live, and lb-1 sends all of the traffic there.
class SwitchPlanServerTest : public PlanServerTest {
protected:
    SwitchPlanServerTest() {
        write("environments/edge.yaml",
              "apiVersion: tidegate/v1\nkind: Environment\nname: edge\n"
              "targets: [{name: lb-1}]\n");
        write("environments/prod.yaml",
              "apiVersion: tidegate/v1\nkind: Environment\nname: prod\n"
              "strategy:\n  type: blue_green\n  config:\n    keep_old: 1h\n    traffic:\n"
              "      router: haproxy\n      targets: [lb-1]\n"
              "      config: {socket: /run/haproxy/admin.sock, backend: shop}\n"
              "targets: [{name: web-1}, {name: web-2}]\n");
        write("projects/shop-api.yaml",
              "apiVersion: tidegate/v1\nkind: Project\nname: shop-api\ndeploy:\n  type: script\n"
              "  config: {install_script: \"true\", work_dir: \"/opt/shop-${SLOT}\"}\n");
        push("green beside blue");
        settle("1.1.0", "green");
        set_version("1.2.0", "and next");
        auto& sides = view_.sides.emplace();
        sides.live = "green";
        sides.revision = 7;
        sides.weights = {{"green", 100}};
        sides.routers = {{"lb-1", "lb-1", true, true, "", {{"green", 100}}}};
    }
};

TEST_F(SwitchPlanServerTest, GoesOnFromTheSlotThatIsLive) {
    const auto outcome = plan();
    ASSERT_EQ(outcome.code, kGood) << outcome.err;
    const auto told = outcome.json()["changes"].at(0);
    EXPECT_EQ(told["targets"][0]["from"], "1.1.0");
    EXPECT_EQ(told["targets"][0]["state"], "to_update");
    const auto& releases = told["releases"];
    ASSERT_EQ(releases.size(), 2U);
    EXPECT_EQ(releases[0]["slot"], "blue");
    EXPECT_EQ(releases[0]["status"], "success");
    EXPECT_EQ(releases[0]["live"], "blue") << "in the end";
    EXPECT_EQ(releases[0]["steps"].back()["kind"], "route");
    EXPECT_EQ(releases[0]["steps"].back()["weight"], 100);
    EXPECT_EQ(releases[1]["kind"], "retire");
    EXPECT_EQ(releases[1]["slot"], "green");
}

TEST_F(SwitchPlanServerTest, ARouterThatIsAwayHoldsIt) {
    view_.sides->routers[0].online = view_.sides->routers[0].in_force = false;
    const auto told = change();
    EXPECT_EQ(told["away"], json::array({"lb-1"}));
    ASSERT_FALSE(told["holds"].empty());
    EXPECT_EQ(told["holds"][0]["gate"], "router");
    EXPECT_TRUE(told["starts_at"].is_null());
}

}  // namespace
}  // namespace tidegate::cli
