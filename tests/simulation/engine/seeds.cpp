#include "tests/simulation/engine/seeds.h"

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <thread>
#include <vector>

namespace tidegate::simulation {
namespace {

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
    const auto* text = std::getenv(variable);
    return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

bool has_usual_seeds() {
    return !std::getenv("TIDEGATE_SEED") && !std::getenv("TIDEGATE_SEEDS") &&
           !std::getenv("TIDEGATE_RELEASES");
}

RanAll run_seeds(std::uint64_t seeds, const RunSeed& run) {
    const auto first = number_from("TIDEGATE_SEED", 1);
    const auto releases = number_from("TIDEGATE_RELEASES", 0);
    const auto wanted = number_from("TIDEGATE_SEEDS", std::getenv("TIDEGATE_SEED") ? 1 : seeds);
    const auto last = releases > 0 ? std::numeric_limits<std::uint64_t>::max() : first + wanted;
    const bool goes_on = std::getenv("TIDEGATE_GO_ON") != nullptr;
    std::atomic<std::uint64_t> next{first};
    std::atomic<bool> enough{false};
    std::mutex mutex;
    RanAll all;
    const auto take = [&](std::uint64_t seed, const Ran& ran) {
        const std::lock_guard lock{mutex};
        all.counts.add(ran.counts);
        if (releases > 0 && all.counts.releases() >= releases) enough = true;
        if (ran.problem.empty()) return;
        if (goes_on) {
            const auto line = fmt::format("TIDEGATE_SEED={}: {}\n", seed, first_line(ran.problem));
            fmt::print(stderr, "{}", line);  // a run over many seeds takes hours
            all.failure += line;
            return;
        }
        enough = true;
        all.failure = ran.problem + fmt::format("again: TIDEGATE_SEED={}", seed);
    };
    const auto work = [&] {
        for (auto seed = next++; seed < last && !enough; seed = next++) take(seed, run(seed));
    };
    const auto cores = std::max(1u, std::thread::hardware_concurrency());
    std::vector<std::jthread> workers(number_from("TIDEGATE_JOBS", cores));
    for (auto& worker : workers) worker = std::jthread(work);
    for (auto& worker : workers) worker.join();
    return all;
}

}  // namespace tidegate::simulation
