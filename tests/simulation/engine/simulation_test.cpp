#include <gtest/gtest.h>

#include <array>

#include "schema/model/json.h"
#include "tests/simulation/engine/end_checks.h"
#include "tests/simulation/engine/seeds.h"

namespace tidegate::simulation {
namespace {

using namespace std::chrono_literals;

/// Other builds are slow; the rest of the seeds is for the optimised ones.
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kSeeds = 500;
constexpr std::uint64_t kReleasesMin = 20'000;
constexpr std::uint64_t kLargeSeeds = 2;
#else
constexpr std::uint64_t kSeeds = 40;
constexpr std::uint64_t kReleasesMin = 1'000;
constexpr std::uint64_t kLargeSeeds = 1;
#endif

constexpr auto kPinned = "p-3";

/// What the daemon knows of each target: `p-1@a-1 pinned: installed v1, drifted`.
std::string dump_targets(const World& world, const Assignment& wish) {
    std::string text;
    for (const auto& target : wish.targets) {
        text +=
            fmt::format("  {}@{}{}: ", target.name, target.agent, target.pinned ? " pinned" : "");
        const auto agent = world.state().agents.find(target.agent);
        const auto seen =
            agent == world.state().agents.end()
                ? decltype(agent->second.installations.end()){}
                : agent->second.installations.find(live_key(world.state(), wish.key, target.name));
        if (agent == world.state().agents.end() || seen == agent->second.installations.end())
            text += "not heard of\n";
        else
            text += fmt::format("{} {}{}{}\n", to_string(seen->second.status), seen->second.version,
                                seen->second.digest == target.digest ? "" : ", another digest",
                                seen->second.drifted ? ", drifted" : "");
    }
    return text;
}

std::string dump(World& world) {
    std::string text;
    for (const auto& line : world.violations()) text += "violated " + line + "\n";
    for (const auto& line : world.log()) text += "  " + line + "\n";
    for (const auto& [key, assignment] : world.state().assignments) {
        const auto* wish = assignment.wish.get();
        text += fmt::format("{}: wish {}{} there {}\n  releases {}\n  holds {}\n", key.text(),
                            wish ? wish->definition->version : "-",
                            wish && wish->definition->absent ? ", absent" : "",
                            world.installed(key), world.releases(key), world.holds(key));
        if (wish) text += dump_targets(world, *wish);
        for (const auto& hold : assignment.holds)
            text += fmt::format("    {}: {}\n", hold.gate, hold.reason);
        if (assignment.sides) text += fmt::format("  {}\n", to_json(*assignment.sides));
        for (const auto& [name, agent] : world.state().agents)
            if (const auto report = agent.routes.find({key, "lb" + name.substr(1)});
                report != agent.routes.end())
                text +=
                    fmt::format("  {}: revision {}{} {}\n", name, report->second.revision,
                                report->second.in_force ? " in force" : "", report->second.error);
        text += fmt::format("  good {} live {}{}\n",
                            assignment.good ? assignment.good->good.version : "-",
                            assignment.sides ? "in " + assignment.sides->live : "nowhere",
                            assignment.recalled ? "" : ", not recalled");
    }
    return text;
}

/// A day and more in which all that is left to do by itself must get done.
std::string rest(World& world) {
    world.run_for(24h);
    const bool rests = world.settle(12h);
    world.check_store();
    if (!world.violations().empty()) return "";
    return rests ? check_records(world) : "2: does not come to rest\n";
}

void ask_for_good_versions(World& world) {
    world.all_rest();  // what drifts again and again proves no version
    world.ask_everywhere({"vpin"});
    Spec last{"vlast"};
    last.pins[kPinned] = "vpin";
    world.ask_everywhere(last);
}

/// Faults end. Where nobody commits for a day, what is left follows by itself, or says what a
/// person has to decide. Then a person asks for good versions, and all must follow.
std::string end(World& world, bool nobody_commits) {
    std::string problem;
    world.heal();
    world.run_for(15min);
    world.people_promote(!nobody_commits);
    if (nobody_commits) {
        problem = rest(world);
        if (problem.empty() && world.violations().empty()) problem = check_without_a_commit(world);
    }
    if (!problem.empty() || !world.violations().empty()) return problem;
    world.people_promote(true);
    ask_for_good_versions(world);
    problem = rest(world);
    return problem.empty() && world.violations().empty() ? check_wishes(world) : problem;
}

/// Hours of wishes and faults, and their end.
Ran run_world(WorldOptions options, Milliseconds hours) {
    const bool nobody_commits = options.seed % 2 == 0;
    const bool restless = options.models.restless;
    World world(std::move(options));
    const auto begin = world.now();
    world.ask_everywhere({"v1"});
    if (restless) world.some_never_rest();
    world.chaos();
    world.run_for(hours);
    Ran ran;
    if (world.violations().empty()) ran.problem = end(world, nobody_commits);
    if (!ran.problem.empty() || !world.violations().empty()) ran.problem += dump(world);
    ran.trace = world.trace();
    ran.counts = world.counts();
    ran.counts.worlds = 1;
    ran.counts.actions = static_cast<std::uint64_t>(world.actions_started());
    ran.counts.simulated = world.now() - begin;
    return ran;
}

Ran run_seed(std::uint64_t seed) {
    constexpr std::array kCloses{OnClose::pause, OnClose::finish_step, OnClose::finish_release};
    auto fleet = fleet_closing(kCloses[seed % kCloses.size()]);
    if (seed % 4 > 1) fleet = with_slots(std::move(fleet), static_cast<int>(seed % 4) - 2);
    if (seed % 5 == 0) fleet.environments["prod"].offline = Offline::wait;
    if (seed % 7 < 3) fleet = with_canary(std::move(fleet), seed % 7 == 1);
    if (seed % 7 > 3) fleet = with_blue_green(std::move(fleet), seed % 7 > 4, seed % 7 == 5);
    if (seed % 7 <= 3 && seed % 13 < 6) fleet = with_drains(std::move(fleet));
    if (seed % 11 < 4)
        fleet.environments["prod"].strategy.max_failed = Amount{seed % 2 == 0 ? 1 : 2, false};
    return run_world({seed, std::move(fleet), true, std::chrono::hours(9 + seed / 3 % 3)},
                     std::chrono::hours(1 + seed * 7 % 10));
}

Ran run_large_seed(std::uint64_t seed) {
    return run_world({seed, large_fleet(), true, std::chrono::hours(9 + seed % 3)},
                     std::chrono::hours(1 + seed % 3));
}

/// script/bench simulate runs as many of these as it is asked for.
TEST(SimulationTest, KeepsTheInvariantsOverManySeeds) {
    const auto ran = run_seeds(kSeeds, run_seed);
    EXPECT_TRUE(ran.failure.empty()) << ran.failure;
    fmt::print("{}", ran.counts.text());
    EXPECT_TRUE(!has_usual_seeds() || ran.counts.releases() >= kReleasesMin);
}

TEST(SimulationTest, KeepsTheInvariantsInLargeWorlds) {
    const auto ran = run_seeds(kLargeSeeds, run_large_seed);
    EXPECT_TRUE(ran.failure.empty()) << ran.failure;
}

TEST(SimulationTest, SameSeedSameTrace) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed)
        EXPECT_EQ(run_seed(seed).trace, run_seed(seed).trace) << seed;
}

}  // namespace
}  // namespace tidegate::simulation
