/// How a canary becomes steps: tables of what is expected.

#include "tests/unit/planner/hosts.h"

namespace tidegate::planner {
namespace {

struct ShareCase {
    const char* name;
    int total;
    std::set<int> away;
    std::set<int> there;
    std::vector<CanaryStep> steps;
    const char* expected;
    bool auto_promote = true;
};
class ShareTest : public testing::TestWithParam<ShareCase> {};
TEST_P(ShareTest, MatchesExpected) {
    const auto& test = GetParam();
    Hosts hosts{test.total};
    const auto fleet = hosts.fleet(test.away, test.there);
    EXPECT_EQ(text_of(compile(canary(test.steps, test.auto_promote), fleet)), test.expected);
}
INSTANTIATE_TEST_SUITE_P(
    Of, ShareTest,
    testing::Values(
        ShareCase{"RoundsDown",
                  5,
                  {},
                  {},
                  {percent(50, 60), percent(100)},
                  "d1[t0 t1] v1:60 d2[t2 t3 t4]"},
        ShareCase{"AtLeastOne", 4, {}, {}, {percent(10), percent(100)}, "d1[t0] d2[t1 t2 t3]"},
        ShareCase{"EqualToTheFormer",
                  4,
                  {},
                  {},
                  {percent(10, 60), percent(30, 70), percent(50, 80), percent(100, 90)},
                  "d1[t0] v1:60 a1 d3[t1] v3:80 a3 d4[t2 t3] v4:90",
                  false},
        ShareCase{"OfAllThatAreCovered",
                  10,
                  {0, 1, 2, 3},
                  {},
                  {percent(20), percent(100)},
                  "d1[t4 t5] d2[t6 t7 t8 t9]"},
        ShareCase{"NeverAllThatAreOnline",
                  10,
                  {0, 1, 2, 3, 4, 5, 6},
                  {},
                  {percent(50, 60), percent(90, 70), percent(100)},
                  "d1[t7 t8] v1:60 d3[t9]"},
        ShareCase{
            "OneTargetOnly", 1, {}, {}, {percent(10, 60), percent(100, 70)}, "d1[t0] v1:60", false},
        ShareCase{
            "NothingToVerify", 2, {}, {}, {percent(50), percent(100)}, "d1[t0] a1 d2[t1]", false},
        ShareCase{"GoesOnInAShare",
                  10,
                  {},
                  {0},
                  {percent(30, 60), percent(100)},
                  "d1[t1 t2] v1:60 d2[t3 t4 t5 t6 t7 t8 t9]"},
        ShareCase{"GoesOnAtTheVerify",
                  10,
                  {},
                  {0, 1, 2},
                  {percent(30, 60), percent(100)},
                  "v1:60 a1 d2[t3 t4 t5 t6 t7 t8 t9]",
                  false},
        ShareCase{"GoesOnPastTheVerify",
                  10,
                  {},
                  {0, 1, 2, 3},
                  {percent(30, 60), percent(100, 9)},
                  "d2[t4 t5 t6 t7 t8 t9] v2:9",
                  false},
        ShareCase{"GoesOnWhereAShareEqualsTheFormer",
                  10,
                  {},
                  {0, 1},
                  {percent(20, 60), percent(25, 70), percent(100)},
                  "v1:60 d3[t2 t3 t4 t5 t6 t7 t8 t9]"},
        ShareCase{"AllThereButWhoIsBack",
                  10,
                  {},
                  {0, 1, 2, 3, 4, 5, 6, 7, 8},
                  {percent(30, 60), percent(100)},
                  "d2[t9]"},
        ShareCase{"AtOnce", 2, {}, {}, {percent(100, 60)}, "d1[t0 t1] v1:60", false}),
    [](const auto& each) { return std::string{each.param.name}; });

TEST(CanaryTest, WhoIsNamedGoesFirst) {
    Hosts hosts{6};
    hosts[3].labels = {{"canary", "true"}, {"region", "cn-north"}};
    hosts[4].labels = {{"canary", "true"}};
    auto strategy = canary({{{}, {}, Seconds{600}}, percent(100)}, false);
    strategy.canary_targets = {ref("t5")};
    strategy.canary_selector = {{"canary", "true"}, {"region", "cn-north"}};
    EXPECT_EQ(text_of(compile(strategy, hosts.fleet({}, {}))),
              "d1[t3 t5] v1:600 a1 d2[t0 t1 t2 t4]");
    EXPECT_EQ(text_of(compile(strategy, hosts.fleet({}, {3}))), "d1[t5] v1:600 a1 d2[t0 t1 t2 t4]");
    EXPECT_EQ(text_of(compile(strategy, hosts.fleet({}, {3, 5}))), "v1:600 a1 d2[t0 t1 t2 t4]");
    EXPECT_EQ(text_of(compile(strategy, hosts.fleet({}, {3, 5, 0}))), "d2[t1 t2 t4]")
        << "it was passed, or t0 would not have it";
    EXPECT_EQ(text_of(compile(strategy, hosts.fleet({0, 1, 2, 4}, {}))), "d1[t3] v1:600 a1 d2[t5]")
        << "not all that are online";
    EXPECT_EQ(lacks_online(strategy, hosts.fleet({5}, {})), "");
    EXPECT_EQ(lacks_online(strategy, hosts.fleet({3, 5}, {})),
              "those that go first are all away or pinned");
}

/// The fixture strategy-clusters.yaml.
Strategy clusters() {
    auto strategy = canary({});
    strategy.cluster_order = {
        {1, {ref("t0")}, Seconds{60}, false, {}, false},
        {2, {ref("t1")}, Seconds{300}, true, {}, false},
        {3, {ref("t2"), ref("t3")}, Seconds{600}, false, 20, false},
        {4, {ref("t2"), ref("t3")}, Seconds{0}, false, {}, true},
    };
    return strategy;
}

TEST(CanaryTest, GroupsGoOneAfterTheOther) {
    Hosts hosts{5};
    auto strategy = clusters();
    EXPECT_EQ(text_of(compile(strategy, hosts.fleet({}, {}))),
              "d1[t0] v1:60 a2! d2[t1] v2:300 d3[t2] v3:600 d4[t3] d0[t4]");
    strategy.auto_promote = false;
    EXPECT_EQ(text_of(compile(strategy, hosts.fleet({}, {}))),
              "d1[t0] v1:60 a1! d2[t1] v2:300 a2 d3[t2] v3:600 a3 d4[t3] a4 d0[t4]")
        << "two awaits are one, which ends entry 1 and takes an approver";
}

TEST(CanaryTest, GroupsGoOnWhereTheyWere) {
    Hosts hosts{4};
    const auto strategy = clusters();
    const auto from = [&](const std::set<int>& there) {
        return text_of(compile(strategy, hosts.fleet({}, there)));
    };
    EXPECT_EQ(from({0}), "v1:60 a2! d2[t1] v2:300 d3[t2] v3:600 d4[t3]");
    EXPECT_EQ(from({0, 1}), "v2:300 d3[t2] v3:600 d4[t3]") << "it was approved";
    EXPECT_EQ(from({0, 1, 2}), "v3:600 d4[t3]");
    EXPECT_EQ(from({3}), "d1[t0] v1:60 a2! d2[t1] v2:300 v3:600 d4[t2]")
        << "one that came by another way spares nobody else its order";
}

TEST(CanaryTest, TheRestOfAGroupFollowsItsShare) {
    Hosts hosts{6};
    auto strategy = canary({});
    strategy.cluster_order = {
        {1, {ref("t0"), ref("t1"), ref("t2"), ref("t3")}, Seconds{60}, true, 50, false},
        {2, {ref("t4"), ref("t5")}, Seconds{70}, false, {}, false}};
    EXPECT_EQ(text_of(compile(strategy, hosts.fleet({}, {}))),
              "a1! d1[t0 t1] v1:60 d1[t2 t3] v1:60 d2[t4 t5] v2:70");
    strategy.auto_promote = false;
    EXPECT_EQ(text_of(compile(strategy, hosts.fleet({}, {}))),
              "a1! d1[t0 t1] v1:60 a1 d1[t2 t3] v1:60 d2[t4 t5] v2:70");
    EXPECT_EQ(text_of(compile(strategy, hosts.fleet({}, {0, 1, 2}))),
              "a1! d1[t3] v1:60 a1 d2[t4 t5] v2:70");
    EXPECT_EQ(text_of(compile(strategy, hosts.fleet({1, 2}, {}))),
              "a1! d1[t0] v1:60 a1 d1[t3] v1:60 d2[t4 t5] v2:70")
        << "one of a group's online ones stays as it is";
    EXPECT_EQ(lacks_online(strategy, hosts.fleet({1, 2}, {})), "");
    EXPECT_EQ(lacks_online(strategy, hosts.fleet({1, 2, 3}, {})),
              "entry 1: 1 of 4 targets online, and below 100 percent one has to stay as it is");
    EXPECT_EQ(lacks_online(strategy, hosts.fleet({0, 1, 2, 3}, {})), "") << "it has no part";
}

/// Older checks let it through; such a release is held, and not because of what comes out here.
TEST(CanaryTest, AStepOfNeitherPercentNorNamesTakesOne) {
    Hosts hosts{3};
    const auto strategy = canary({{{}, 10, Seconds{60}}, percent(100)});
    EXPECT_EQ(text_of(compile(strategy, hosts.fleet({}, {}))), "d1[t0] v1:60 d2[t1 t2]");
}

TEST(CanaryTest, MovesAQuarterAtATimeOrAsItSays) {
    Hosts hosts{20};
    auto strategy = canary({percent(50), percent(100)});
    const auto pace = [&] {
        std::string text;
        for (const auto& step : compile(strategy, hosts.fleet({}, {})))
            text += fmt::format("{}/{} ", deploy_of(step)->targets.size(),
                                deploy_of(step)->max_unavailable);
        return text;
    };
    EXPECT_EQ(pace(), "10/5 10/5 ");
    strategy.batch_size = Amount{20, true};
    strategy.max_unavailable = Amount{2, false};
    EXPECT_EQ(pace(), "4/2 4/2 2/2 4/2 4/2 2/2 ");
}

TEST(CanaryTest, OnlyWhatIsNewIsWatched) {
    Hosts hosts{4};
    auto strategy = clusters();
    for (const auto kind :
         {ReleaseKind::heal, ReleaseKind::catch_up, ReleaseKind::restore, ReleaseKind::uninstall}) {
        auto fleet = hosts.fleet({3}, {});
        fleet.kind = kind;
        EXPECT_EQ(text_of(compile(strategy, fleet)), "d0[t0 t1 t2]");
        EXPECT_EQ(lacks_online(canary({percent(50)}), hosts.fleet({1, 2, 3}, {})),
                  "entry 1: 1 of 4 targets online, and below 100 percent one has to stay as it is");
        fleet = hosts.fleet({1, 2, 3}, {});
        fleet.kind = kind;
        EXPECT_EQ(lacks_online(canary({percent(50)}), fleet), "");
    }
}

TEST(CanaryTest, AwaitsEndByThemselvesAfterPromoteTimeout) {
    Hosts hosts{4};
    auto strategy = clusters();
    strategy.auto_promote = false;
    strategy.promote_timeout = Seconds{3600};
    for (const auto& step : compile(strategy, hosts.fleet({}, {})))
        if (const auto* work = std::get_if<AwaitWork>(&step.work)) {
            EXPECT_EQ(work->timeout, Seconds{3600});
        }
}

}  // namespace
}  // namespace tidegate::planner
