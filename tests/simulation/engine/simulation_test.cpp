#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "tests/simulation/engine/world.h"

namespace tidegate::simulation {
namespace {

using namespace std::chrono_literals;

/// Unoptimised builds are slow; the rest of the seeds is for the optimised ones.
#ifdef __OPTIMIZE__
constexpr std::uint64_t kSeeds = 300;
#else
constexpr std::uint64_t kSeeds = 20;
#endif

constexpr auto kPinned = "p-3";

std::string dump(World& world) {
    std::string text;
    for (const auto& line : world.violations()) text += "violated " + line + "\n";
    for (const auto& line : world.log()) text += "  " + line + "\n";
    for (const auto& [key, assignment] : world.state().assignments)
        text += fmt::format("{}: wish {} there {}\n  releases {}\n  holds {}\n", key.text(),
                            assignment.wish ? assignment.wish->definition->version : "-",
                            world.installed(key), world.releases(key), world.holds(key));
    return text;
}

/// What must be so when faults are over and a person asked for good versions.
std::string check_end(World& world) {
    std::string problem;
    for (const auto& [key, assignment] : world.state().assignments) {
        std::string wanted;
        for (const auto& target : world.git().fleet().environments.at(key.environment).targets)
            wanted += fmt::format("{}{}={}", wanted.empty() ? "" : " ", target.name,
                                  target.name == kPinned ? "vpin" : "vlast");
        if (world.installed(key) != wanted) problem += "21: " + key.text() + " did not converge\n";
        for (const auto& target : assignment.wish->targets) {
            const auto& known = world.state().agents.at(target.agent).installations;
            const auto seen = known.find({target.name, key.project, ""});
            if (seen == known.end() || seen->second.digest != target.digest)
                problem += "3: the daemon does not know " + target.name + "\n";
        }
    }
    return problem;
}

/// Hours of wishes and faults; then faults end, a person asks for good versions, all must follow.
std::uint64_t run_seed(std::uint64_t seed, std::string& problem) {
    constexpr std::array kCloses{OnClose::pause, OnClose::finish_step, OnClose::finish_release};
    World world({seed, fleet_closing(kCloses[seed % kCloses.size()]), true,
                 std::chrono::hours(9 + seed / 3 % 3)});
    for (const auto* environment : {"prod", "edge"})
        for (const auto* project : {"api", "shop"}) world.commit({environment, project}, {"v1"});
    world.chaos();
    world.run_for(std::chrono::hours(world.pick(1, 10)));
    world.heal();
    world.run_for(15min);
    Spec last{"vlast"};
    last.pins[kPinned] = "vpin";
    for (const auto* environment : {"prod", "edge"})
        for (const auto* project : {"api", "shop"}) world.commit({environment, project}, last);
    world.run_for(24h);
    const bool rests = world.settle(12h);
    world.check_store();
    if (world.violations().empty())
        problem = rests ? check_end(world) : "2: does not come to rest\n";
    if (!problem.empty() || !world.violations().empty()) problem += dump(world);
    return world.trace();
}

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
    const auto* text = std::getenv(variable);
    return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

TEST(SimulationTest, KeepsTheInvariantsOverManySeeds) {
    const auto first = number_from("TIDEGATE_SEED", 1);
    const auto seeds = number_from("TIDEGATE_SEEDS", std::getenv("TIDEGATE_SEED") ? 1 : kSeeds);
    std::atomic<std::uint64_t> next{first};
    std::mutex mutex;
    std::string failure;
    const auto work = [&] {
        while (true) {
            const auto seed = next++;
            if (seed >= first + seeds) return;
            std::string problem;
            run_seed(seed, problem);
            if (problem.empty()) continue;
            next = first + seeds;
            const std::lock_guard lock{mutex};
            failure = problem + "again: TIDEGATE_SEED=" + std::to_string(seed);
        }
    };
    std::vector<std::jthread> workers(std::max(1u, std::thread::hardware_concurrency()));
    for (auto& worker : workers) worker = std::jthread(work);
    for (auto& worker : workers) worker.join();
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
