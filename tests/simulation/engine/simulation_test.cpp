#include <gtest/gtest.h>

#include <array>

#include "tests/simulation/engine/end_checks.h"
#include "tests/simulation/engine/seeds.h"

namespace tidegate::simulation {
namespace {

using namespace std::chrono_literals;

/// Other builds are slow; the rest of the seeds is for the optimised ones.
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kSeeds = 300;
constexpr std::uint64_t kLargeSeeds = 2;
#else
constexpr std::uint64_t kSeeds = 40;
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
                : agent->second.installations.find({target.name, wish.key.project, ""});
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
std::uint64_t run_world(WorldOptions options, Milliseconds hours, std::string& problem) {
    const bool nobody_commits = options.seed % 2 == 0;
    const bool restless = options.models.restless;
    World world(std::move(options));
    world.ask_everywhere({"v1"});
    if (restless) world.some_never_rest();
    world.chaos();
    world.run_for(hours);
    if (world.violations().empty()) problem = end(world, nobody_commits);
    if (!problem.empty() || !world.violations().empty()) problem += dump(world);
    return world.trace();
}

std::uint64_t run_seed(std::uint64_t seed, std::string& problem) {
    constexpr std::array kCloses{OnClose::pause, OnClose::finish_step, OnClose::finish_release};
    auto fleet = fleet_closing(kCloses[seed % kCloses.size()]);
    if (seed % 4 > 1) fleet = with_slots(std::move(fleet), static_cast<int>(seed % 4) - 2);
    if (seed % 5 == 0) fleet.environments["prod"].offline = Offline::wait;
    if (seed % 7 < 3) fleet = with_canary(std::move(fleet), seed % 7 == 1);
    return run_world({seed, std::move(fleet), true, std::chrono::hours(9 + seed / 3 % 3)},
                     std::chrono::hours(1 + seed * 7 % 10), problem);
}

std::uint64_t run_large_seed(std::uint64_t seed, std::string& problem) {
    return run_world({seed, large_fleet(), true, std::chrono::hours(9 + seed % 3)},
                     std::chrono::hours(1 + seed % 3), problem);
}

TEST(SimulationTest, KeepsTheInvariantsOverManySeeds) {
    const auto failure = run_seeds(kSeeds, run_seed);
    EXPECT_TRUE(failure.empty()) << failure;
}

TEST(SimulationTest, KeepsTheInvariantsInLargeWorlds) {
    const auto failure = run_seeds(kLargeSeeds, run_large_seed);
    EXPECT_TRUE(failure.empty()) << failure;
}

TEST(SimulationTest, SameSeedSameTrace) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        std::string problem;
        const auto once = run_seed(seed, problem);
        EXPECT_EQ(once, run_seed(seed, problem)) << seed;
    }
}

}  // namespace
}  // namespace tidegate::simulation
