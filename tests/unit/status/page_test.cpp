#include "reconciler/status/page.h"

#include <gmock/gmock.h>

#include "tests/unit/status/sample.h"

namespace tidegate::status {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(PageTest, ShowsErrorsHoldsReleasesAndTargets) {
    const auto page = render_page(test::sample_snapshot());
    for (const auto* text :
         {"versions/prod/x.yaml:3:7", "version is missing", "business-hours is closed",
          "until 2026-11-23 02:00:00 UTC · Mon 2026-11-23 10:00 +08:00 Asia/Shanghai", "badge held",
          "badge running", "badge rollback", "1.4.1 → 1.4.2", "step 2 of 2", "web-2",
          "last seen 2026-11-22 10:01:00 UTC", "1 of 2 online"})
        EXPECT_THAT(page, HasSubstr(text));
}

TEST(PageTest, ShowsEachKindOfStepWithItsOwnProgress) {
    const auto page = render_page(test::sample_with_slots());
    for (const auto* text :
         {"<b class=\"\">0 deploy</b><span class=\"small\"> · 2 of 2 targets deployed</span>",
          "1 verify</b><span class=\"small\"> for 10m · 2 of 2 passed</span>",
          "2 await</b><span class=\"small\"> an approver&#39;s promote · entry 1</span>",
          "3 route</b><span class=\"small\"> 25 % to green · 1 of 2 routers in force · entry 1",
          "4 route</b><span class=\"small\"> 100 % to green · entry 2</span>",
          "introduce · blue_green · slot green · alice"})
        EXPECT_THAT(page, HasSubstr(text));
}

TEST(PageTest, ShowsWhatAFailureWouldUndoAndThenHowFarThatIs) {
    auto snapshot = test::sample_snapshot();
    const auto before = render_page(snapshot);
    EXPECT_THAT(before, HasSubstr("if it fails now</p>"));
    EXPECT_THAT(before, HasSubstr("0 restore</b><span class=\"small\"> restore 1.4.1 · 2 targets"));
    auto release = *test::sample_release();
    release.status = ReleaseStatus::rolling_back;
    release.targets.at("web-1").status = TargetStatus::restored;
    snapshot.releases[release.id] = std::make_shared<const Release>(release);
    const auto after = render_page(snapshot);
    EXPECT_THAT(after, HasSubstr("way back</p>"));
    EXPECT_THAT(after, Not(HasSubstr("if it fails now")));
    EXPECT_THAT(after,
                HasSubstr("0 restore</b><span class=\"small\"> restore 1.4.1 · 1 of 2 targets"));
}

TEST(PageTest, WhatIsRetiredGoesAndNothingComes) {
    auto snapshot = test::sample_with_slots();
    auto release = *test::sample_switch();
    release.kind = ReleaseKind::retire;
    release.from = "1.4.2";
    release.to = "1.4.1";
    snapshot.releases[release.id] = std::make_shared<const Release>(release);
    const auto page = render_page(snapshot);
    EXPECT_THAT(page, HasSubstr("1.4.1 → nothing"));
    EXPECT_THAT(page, HasSubstr("retire · blue_green · slot green"));
    EXPECT_THAT(page, Not(HasSubstr("1.4.2 → 1.4.1")));
}

TEST(PageTest, ShowsWhereTheTrafficGoesAndWhichRouterDoesNotDoSo) {
    auto snapshot = test::sample_with_slots();
    const auto page = render_page(snapshot);
    for (const auto* text :
         {"live blue, traffic: blue 75 % · green 25 %, 1 of 2 routers in force",
          "router lb-2: no such server: web-1-green",
          "the other slot is kept until 2026-11-23 10:00:00 UTC", ">router</span>"})
        EXPECT_THAT(page, HasSubstr(text));
    EXPECT_THAT(page, Not(HasSubstr("router lb-1")));
    auto warned = *snapshot.assignments.at({"prod", "shop-cart"});
    warned.sides->routers[0].error = "in force, but a reload of HAProxy would forget it";
    auto with_warning = snapshot;
    with_warning.assignments[warned.key] = std::make_shared<const AssignmentView>(warned);
    EXPECT_THAT(render_page(with_warning), HasSubstr("router lb-1: in force, but a reload"));
    auto view = *snapshot.assignments.at({"prod", "shop-cart"});
    view.sides->routers.assign(64, view.sides->routers[1]);
    view.sides->routers[0].online = false;
    view.sides->out = {"web-1", "web-2", "web-3", "web-4", "web-5", "web-6"};
    snapshot.assignments[view.key] = std::make_shared<const AssignmentView>(view);
    const auto many = render_page(snapshot);
    EXPECT_THAT(many, HasSubstr("router lb-2 is away"));
    EXPECT_THAT(many, HasSubstr("and 59 more routers"));
    EXPECT_THAT(many, HasSubstr("no traffic while it changes: web-1, web-2, web-3, web-4, web-5 "
                                "and 1 more"));
}

TEST(PageTest, WhatLeftGitIsNotShownAsDesired) {
    auto snapshot = test::sample_snapshot();
    AssignmentView gone;
    gone.key = {"preview-1", "shop-api"};
    gone.sync = Sync::out_of_sync;
    gone.orphaned = {"web-7"};
    snapshot.assignments = {{gone.key, std::make_shared<const AssignmentView>(gone)}};
    const auto page = render_page(snapshot);
    EXPECT_THAT(page, HasSubstr("no longer in Git"));
    EXPECT_THAT(page, HasSubstr("badge orphaned"));
    EXPECT_THAT(page, Not(HasSubstr("out of sync")));
    EXPECT_THAT(page, HasSubstr("orphaned on web-7"));
    EXPECT_THAT(page, Not(HasSubstr("no targets")));
}

TEST(PageTest, SaysWhyATargetDriftedOrCannotHaveAVersion) {
    auto snapshot = test::sample_snapshot();
    auto view = *snapshot.assignments.begin()->second;
    view.drift = {{"web-1", "exit code 3", true}, {"web-2", "timed out", false}};
    snapshot.assignments[view.key] = std::make_shared<const AssignmentView>(view);
    auto target = *test::sample_target("web-9", AgentStatus::online);
    target.installations[0].drift_reason = "its work dir is gone";
    auto& trouble = target.troubles.emplace_back();
    trouble.project = "shop-api";
    trouble.reason = "No space left on device";
    snapshot.targets["web-9"] = std::make_shared<const TargetView>(target);
    const auto page = render_page(snapshot);
    for (const auto* text :
         {"web-1 drifted: exit code 3", "web-2 may have drifted, nobody can tell: timed out",
          "its work dir is gone", "shop-api: host trouble, No space left on device"})
        EXPECT_THAT(page, HasSubstr(text));
}

TEST(PageTest, SaysWhereNothingCanBeDeployed) {
    auto snapshot = test::sample_snapshot();
    auto view = *test::sample_view({"empty", "shop-api"}, Sync::held);
    view.targets = {};
    view.holds = {{"no_targets", "empty has no targets", {}}};
    snapshot.assignments = {{view.key, std::make_shared<const AssignmentView>(view)}};
    snapshot.config.warnings = {{ErrorCode::invalid, "4 assignments leave Git", {}}};
    const auto page = render_page(snapshot);
    for (const auto* text : {"badge held", ">no targets<", ">no_targets<", "empty has no targets",
                             "4 assignments leave Git"})
        EXPECT_THAT(page, HasSubstr(text));
    EXPECT_THAT(page, Not(HasSubstr("0/0")));
}

TEST(PageTest, EscapesEverythingFromOutside) {
    const std::string evil = "<script>\"'&\x1b\xC2\x9B\xE2\x80\xAE";
    auto snapshot = test::sample_snapshot();
    snapshot.branch = snapshot.version = evil;
    snapshot.config.poll_error = snapshot.config.tip_commit = evil;
    snapshot.config.errors[0].message = evil;
    snapshot.config.errors[0].position.file = evil;
    auto view = *test::sample_view({evil, evil}, Sync::held);
    view.holds = {{evil, evil, Timestamp{}, evil}};
    view.release = view.desired_version = view.revert_note = evil;
    view.orphaned = {evil};
    view.drift = {{evil, evil, true}};
    view.sides = test::sample_sides();
    view.sides->live = view.sides->routers[1].target = view.sides->routers[1].error = evil;
    view.sides->weights = {{evil, 100}};
    snapshot.assignments[view.key] = std::make_shared<const AssignmentView>(view);
    auto release = *test::sample_release();
    release.id = release.author = release.reason = release.from = release.to = evil;
    release.slot = evil;
    release.key = view.key;
    release.targets.begin()->second.error = evil;
    snapshot.releases[evil] = std::make_shared<const Release>(release);
    auto target = *test::sample_target(evil, AgentStatus::online);
    target.environment = target.installations[0].version = evil;
    snapshot.targets[evil] = std::make_shared<const TargetView>(target);
    const auto page = render_page(snapshot);
    EXPECT_THAT(page, Not(HasSubstr("<script")));
    EXPECT_THAT(page, Not(HasSubstr("\"'&\"")));
    EXPECT_THAT(page, HasSubstr("&lt;script&gt;&quot;&#39;&amp;???"));
    for (const auto* unseen : {"\x1b", "\xC2\x9B", "\xE2\x80\xAE"})
        EXPECT_THAT(page, Not(HasSubstr(unseen)));
}

TEST(PageTest, LoadsNothingFromElsewhere) {
    const auto page = render_page(test::sample_snapshot());
    for (const auto* text :
         {"http://", "https://", "src=", "<link", "<script", " style=\"", "@import"})
        EXPECT_THAT(page, Not(HasSubstr(text)));
    EXPECT_THAT(page_security_policy(), HasSubstr("default-src 'none'; style-src 'sha256-"));
}

TEST(PageTest, AFencedDaemonSaysSo) {
    auto snapshot = test::sample_snapshot();
    EXPECT_THAT(render_page(snapshot), Not(HasSubstr("Fenced")));
    snapshot.fenced = true;
    EXPECT_THAT(render_page(snapshot), HasSubstr("Fenced"));
}

TEST(PageTest, WithoutATipNothingIsCalledAccepted) {
    StatusSnapshot snapshot;
    snapshot.config.poll_error = "no route to host";
    const auto page = render_page(snapshot);
    for (const auto* text : {"nothing yet", "not seen yet", "badge unknown", "no route to host"})
        EXPECT_THAT(page, HasSubstr(text));
    EXPECT_THAT(page, Not(HasSubstr("badge accepted")));
}

}  // namespace
}  // namespace tidegate::status
