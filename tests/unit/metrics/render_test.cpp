#include "reconciler/metrics/render.h"

#include <gmock/gmock.h>

#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "tests/unit/status/sample.h"

namespace tidegate::metrics {
namespace {

using testing::HasSubstr;
using testing::Not;

const Timestamp kNow = test::at("2026-11-22T10:01:30Z");

std::set<std::string> names_in(const std::string& text, const std::regex& pattern) {
    std::set<std::string> names;
    for (std::sregex_iterator it{text.begin(), text.end(), pattern}, end; it != end; ++it)
        names.insert((*it)[1]);
    return names;
}

std::string documentation() {
    std::ifstream file{TIDEGATE_SOURCE_DIR "/docs/metrics.md"};
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

TEST(RenderTest, EveryNameIsDocumentedAndEveryDocumentedNameIsRendered) {
    const auto rendered =
        names_in(render(test::sample_snapshot(), kNow), std::regex{"# TYPE ([a-z_]+) "});
    const auto documented = names_in(documentation(), std::regex{"\\| `([a-z_]+)` \\|"});
    EXPECT_EQ(rendered, documented);
    for (const auto& name : rendered) EXPECT_THAT(name, testing::StartsWith("tidegate_"));
}

TEST(RenderTest, ShowsWhatTheSnapshotHolds) {
    const auto text = render(test::sample_snapshot(), kNow);
    for (const auto* line :
         {"tidegate_store_blocked 0\n",
          "tidegate_assignment_sync{environment=\"prod\",project=\"shop-web\",sync=\"held\"} 1\n",
          "tidegate_assignment_held{environment=\"prod\",project=\"shop-web\",gate=\"window\"} 1\n",
          "tidegate_assignment_behind_seconds{environment=\"prod\",project=\"shop-api\"} 0\n",
          "tidegate_assignment_behind_seconds{environment=\"prod\",project=\"shop-web\"} 93690\n",
          "tidegate_assignment_targets{environment=\"prod\",project=\"shop-api\"} 2\n",
          "tidegate_assignment_targets_state{environment=\"prod\",project=\"shop-api\",state="
          "\"updating\"} 1\n",
          "tidegate_assignment_info{environment=\"prod\",project=\"shop-api\",version=\"1.4.2\"} "
          "1\n",
          "tidegate_project_info{project=\"shop-api\",owner=\"team-checkout\"} 1\n",
          "tidegate_releases_total{status=\"success\"} 4\n",
          "tidegate_releases_total{status=\"cancelled\"} 0\n",
          "tidegate_releases_active{status=\"running\"} 1\n",
          "tidegate_actions_total{outcome=\"failed\"} 1\n", "tidegate_last_poll_age_seconds 30\n",
          "tidegate_epoch 42\n", "tidegate_agents_online 1\n", "tidegate_agents_known 2\n",
          "tidegate_config_errors 1\n", "tidegate_config_tip_held 0\n"})
        EXPECT_THAT(text, HasSubstr(line));
}

TEST(RenderTest, WhereTheTrafficIsToGoAndWhoDoesSo) {
    const auto text = render(test::sample_with_slots(), kNow);
    const std::string cart = "{environment=\"prod\",project=\"shop-cart\",";
    for (const auto& line : {"tidegate_live_slot" + cart + "slot=\"blue\"} 1\n",
                             "tidegate_route_weight" + cart + "slot=\"blue\"} 75\n",
                             "tidegate_route_weight" + cart + "slot=\"green\"} 25\n",
                             "tidegate_router_in_force" + cart + "router=\"lb-1\"} 1\n",
                             "tidegate_router_in_force" + cart + "router=\"lb-2\"} 0\n"})
        EXPECT_THAT(text, HasSubstr(line));
    EXPECT_THAT(text,
                Not(HasSubstr("tidegate_route_weight{environment=\"prod\",project=\"shop-api\"")));
}

TEST(RenderTest, TheAgeOfTheLastPollCountsFromTheStartBeforeThereWasOne) {
    auto snapshot = test::sample_snapshot();
    snapshot.config.last_poll_at.reset();
    snapshot.config.poll_error = "there is no branch main";
    EXPECT_THAT(render(snapshot, kNow), HasSubstr("tidegate_last_poll_age_seconds 3690\n"));
    snapshot.started_at = kNow + Seconds{5};  // the clock was set back
    EXPECT_THAT(render(snapshot, kNow), HasSubstr("tidegate_last_poll_age_seconds 0\n"));
}

TEST(RenderTest, NoAgeIsBelowNothing) {
    const auto text = render(test::sample_snapshot(), test::at("2026-11-20T00:00:00Z"));
    EXPECT_THAT(text, HasSubstr("tidegate_assignment_behind_seconds{environment=\"prod\","
                                "project=\"shop-web\"} 0\n"));
    EXPECT_THAT(text, Not(HasSubstr("} -")));
    EXPECT_THAT(text, Not(HasSubstr("_seconds -")));
}

TEST(RenderTest, AHeldTipAFencedDaemonAndABlockedStoreShow) {
    auto snapshot = test::sample_snapshot();
    snapshot.config.tip_state = TipState::held;
    snapshot.fenced = true;
    snapshot.store_trouble = "disk full";
    const auto text = render(snapshot, kNow);
    EXPECT_THAT(text, HasSubstr("tidegate_config_tip_held 1\n"));
    EXPECT_THAT(text, HasSubstr("tidegate_fenced 1\n"));
    EXPECT_THAT(text, HasSubstr("tidegate_store_blocked 1\n"));
}

TEST(RenderTest, SeriesOfAnAssignmentGoWithItAndItsOrphansHaveTheirOwn) {
    auto snapshot = test::sample_snapshot();
    auto gone = *test::sample_view({"preview-1", "shop-api"}, Sync::out_of_sync);
    gone.desired_commit.clear();
    gone.desired_version.clear();
    gone.holds = {{"window", "business-hours is closed", {}}};
    gone.orphaned = {"web-7", "web-8"};
    snapshot.assignments[gone.key] = std::make_shared<const AssignmentView>(gone);
    const auto text = render(snapshot, kNow);
    std::vector<std::string> of_it;
    std::stringstream lines{text};
    for (std::string line; std::getline(lines, line);)
        if (line.find("preview-1") != std::string::npos) of_it.push_back(line);
    EXPECT_THAT(of_it, testing::ElementsAre("tidegate_orphaned_targets{environment=\"preview-1\","
                                            "project=\"shop-api\"} 2"));
    EXPECT_THAT(text, HasSubstr("tidegate_orphaned_targets{environment=\"prod\","
                                "project=\"shop-web\"} 1\n"));
    EXPECT_THAT(text, Not(HasSubstr("version=\"\"")));
}

TEST(RenderTest, OneSeriesPerGateHoweverManyHolds) {
    auto snapshot = test::sample_snapshot();
    auto view = *test::sample_view({"prod", "a"}, Sync::held);
    view.holds = {{"offline", "web-1", {}}, {"offline", "web-2", {}}};
    snapshot.assignments = {{view.key, std::make_shared<const AssignmentView>(view)}};
    const auto text = render(snapshot, kNow);
    const auto first = text.find("gate=\"offline\"");
    ASSERT_NE(first, std::string::npos);
    EXPECT_EQ(text.find("gate=\"offline\"", first + 1), std::string::npos);
}

TEST(RenderTest, LabelValuesAreEscapedAndTargetsMakeNoSeries) {
    auto snapshot = test::sample_snapshot();
    snapshot.version = "a\"b\nc\\d";
    const auto text = render(snapshot, kNow);
    EXPECT_THAT(text, HasSubstr(R"(tidegate_build_info{version="a\"b\nc\\d"} 1)"));
    EXPECT_THAT(text, Not(HasSubstr("web-1")));
}

TEST(RenderTest, AnEmptySnapshotRenders) {
    EXPECT_THAT(render({}, kNow), HasSubstr("tidegate_ready 0\n"));
}

}  // namespace
}  // namespace tidegate::metrics
