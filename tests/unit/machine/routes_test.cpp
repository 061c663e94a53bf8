/// Routes: the newest is kept, set after it is durable, and reported when something changes.

#include <gtest/gtest.h>

#include "schema/base/limits.h"
#include "tests/unit/machine/machine_fixture.h"

namespace tidegate::machine {
namespace {

using test::Host;

const RouteId kId{{"prod", "shop"}, "lb-1"};

Route route(std::uint64_t revision, int weight = 0, const std::string& target = "lb-1") {
    Route made;
    made.key = {"prod", "shop"};
    made.target = target;
    made.revision = revision;
    made.weight_new = weight;
    return made;
}
std::string set(Host& host, std::uint64_t revision, std::uint64_t epoch = 1, int weight = 0) {
    return host.in(SetRouteCommand{epoch, route(revision, weight)});
}
/// The ticket that the effects of a step carry.
std::uint64_t journaled(Host& host, const Route& wanted) {
    const auto effects = host.machine.step(SetRouteCommand{1, wanted}, test::kNow);
    for (const auto& effect : effects)
        if (const auto* journal = std::get_if<JournalRoute>(&effect)) return journal->ticket;
    return 0;
}
RouteLooked looked(std::uint64_t ticket, bool in_force, const std::string& error = {}) {
    RouteLooked found{ticket, {}};
    found.report.key = kId.first;
    found.report.target = kId.second;
    found.report.in_force = in_force;
    found.report.error = error;
    return found;
}
std::uint64_t apply(Host& host, std::uint64_t revision) {
    const auto ticket = journaled(host, route(revision));
    host.in(RouteDurable{kId, ticket});
    return ticket;
}
RouteReport kept(const Host& host) { return host.machine.inventory().routes.at(0); }

TEST(MachineRoutesTest, AreSetOnceTheyAreDurableAndReportedWhenSomethingChanges) {
    Host host;
    EXPECT_EQ(set(host, 1), "epoch 1, journal route lb-1 1");
    EXPECT_FALSE(kept(host).in_force) << "nobody has looked";
    const auto ticket = journaled(host, route(2));
    EXPECT_EQ(host.in(RouteDurable{kId, ticket}), "apply lb-1 2");
    EXPECT_EQ(host.in(looked(ticket, false, "it is away")),
              "route lb-1 2: not in force, it is away");
    EXPECT_EQ(host.in(looked(ticket, false, "it is away")), "") << "as before";
    EXPECT_EQ(host.in(looked(ticket, true)), "route lb-1 2: in force");
    auto drained = looked(ticket, true);
    drained.report.sessions = {{"blue", 3}};
    EXPECT_EQ(host.in(drained), "route lb-1 2: in force");
    EXPECT_EQ(host.in(drained), "");
    EXPECT_EQ(kept(host).sessions, drained.report.sessions);
    EXPECT_EQ(kept(host).revision, 2U);
}

TEST(MachineRoutesTest, OnAFullDiskItIsSetAndCountsOnceItIsDurable) {
    Host host;
    (void)apply(host, 1);
    const auto ticket = journaled(host, route(2));
    EXPECT_EQ(host.in(RouteUnkept{kId, ticket, "no space"}), "apply lb-1 2");
    EXPECT_EQ(host.in(looked(ticket, true)),
              "route lb-1 2: not in force, it is set, but a restart of the agent would forget it: "
              "no space");
    EXPECT_EQ(host.in(looked(ticket, false, "it is away")),
              "route lb-1 2: not in force, it is away")
        << "not even set";
    EXPECT_EQ(host.in(RouteDurable{kId, ticket}), "apply lb-1 2");
    EXPECT_EQ(host.in(looked(ticket, true)), "route lb-1 2: in force");
    EXPECT_EQ(host.in(RouteUnkept{kId, ticket - 1, "no space"}), "") << "another came since";
}

TEST(MachineRoutesTest, EvenOneThatFindsNothingNewIsReportedOnceAfterItCame) {
    Host host;
    auto blank = looked(apply(host, 1), false);
    EXPECT_EQ(host.in(blank), "route lb-1 1: not in force");
    EXPECT_EQ(host.in(blank), "");
}

TEST(MachineRoutesTest, OnlyTheNewestIsSet) {
    Host host;
    const auto first = journaled(host, route(1));
    const auto second = journaled(host, route(2));
    EXPECT_EQ(host.in(RouteDurable{kId, first}), "") << "another is on its way";
    EXPECT_EQ(host.in(RouteDurable{kId, second}), "apply lb-1 2");
    EXPECT_EQ(host.in(looked(first, true)), "") << "what was seen of the former one says nothing";
    EXPECT_EQ(host.in(looked(second, true)), "route lb-1 2: in force");
}

TEST(MachineRoutesTest, OlderOnesAreAnsweredWithWhatIsKept) {
    Host host;
    host.in(looked(apply(host, 7), true));
    EXPECT_EQ(set(host, 6), "route lb-1 7: in force");
    EXPECT_EQ(set(host, 7), "route lb-1 7: in force") << "it was sent again";
    EXPECT_EQ(set(host, 8), "journal route lb-1 8");
}

/// A daemon that lost its store may reach a number that was used before.
TEST(MachineRoutesTest, OfOneRevisionTheLaterContentsCount) {
    Host host;
    host.in(looked(apply(host, 7), true));
    EXPECT_EQ(set(host, 7, 1, 100), "journal route lb-1 7");
    EXPECT_FALSE(kept(host).in_force);
}

TEST(MachineRoutesTest, AnOlderDaemonIsFenced) {
    Host host;
    apply(host, 3);
    EXPECT_EQ(set(host, 4, 5), "epoch 5, journal route lb-1 4");
    EXPECT_EQ(set(host, 9, 4), "fenced 5");
    EXPECT_EQ(host.in(SetRouteCommand{4, route(9), true}), "fenced 5");
    EXPECT_EQ(kept(host).revision, 4U);
}

TEST(MachineRoutesTest, WhatCannotBeReadIsReportedAndTheFormerOneGoesOn) {
    Host host;
    const SetRouteCommand unreadable{1, route(2), false, "router is 'x', which nobody knows"};
    EXPECT_EQ(Host{}.in(unreadable),
              "epoch 1, route lb-1 2: not in force, router is 'x', which nobody knows");
    const auto ticket = apply(host, 1);
    host.in(looked(ticket, true));
    const auto* said = "route lb-1 2: not in force, router is 'x', which nobody knows";
    EXPECT_EQ(host.in(unreadable), said);
    auto found = looked(ticket, true);
    found.report.weights = {{"blue", 100}};
    EXPECT_EQ(host.in(found), said) << "of the former one, but the weights are as they are";
    EXPECT_EQ(host.in(found), "");
    EXPECT_EQ(kept(host).weights, found.report.weights);
    EXPECT_EQ(set(host, 3), "journal route lb-1 3");
}

TEST(MachineRoutesTest, ForgottenOnesAreLookedAtNoMore) {
    Host host;
    const auto ticket = apply(host, 5);
    EXPECT_EQ(host.in(SetRouteCommand{1, route(2), true}), "journal forgets route lb-1, drop lb-1");
    EXPECT_EQ(host.in(looked(ticket, true)), "");
    EXPECT_EQ(host.in(SetRouteCommand{1, route(2), true}), "");
    EXPECT_TRUE(host.machine.inventory().routes.empty());
    const auto again = journaled(host, route(1));
    EXPECT_EQ(host.in(RouteDurable{kId, ticket}), "") << "not this one's";
    EXPECT_EQ(host.in(RouteDurable{kId, again}), "apply lb-1 1");
}

TEST(MachineRoutesTest, ARestartTakesThemUpAgain) {
    Records records;
    records.epoch = 3;
    records.routes = {route(4), route(2, 0, "lb-2")};
    Host host{records};
    EXPECT_EQ(Host::text(host.machine.boot()), "apply lb-1 4, apply lb-2 2");
    EXPECT_EQ(host.machine.inventory().routes.size(), 2U);
    EXPECT_EQ(set(host, 3, 3), "route lb-1 4: not in force") << "until somebody has looked";
}

TEST(MachineRoutesTest, ThereIsAnEndToThem) {
    Host host;
    for (std::size_t i = 0; i < limits::kRoutesPerAgentMax; ++i)
        host.in(SetRouteCommand{1, route(1, 0, fmt::format("lb-{}", i))});
    EXPECT_EQ(host.in(SetRouteCommand{1, route(1, 0, "x")}),
              "route x 1: not in force, the agent keeps 1000 routes already");
    EXPECT_EQ(host.machine.inventory().routes.size(), limits::kRoutesPerAgentMax);
    EXPECT_EQ(host.in(SetRouteCommand{1, route(2, 0, "lb-0")}), "journal route lb-0 2");
}

TEST(MachineRoutesTest, AnAgentThatEndsTakesNone) {
    Host host;
    const auto ticket = journaled(host, route(1));
    host.in(Stopping{});
    EXPECT_EQ(set(host, 2), "");
    EXPECT_EQ(host.in(RouteDurable{kId, ticket}), "");
    EXPECT_TRUE(host.machine.at_rest());
}

}  // namespace
}  // namespace tidegate::machine
