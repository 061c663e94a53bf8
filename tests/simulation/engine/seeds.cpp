#include "tests/simulation/engine/seeds.h"

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
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

std::string run_seeds(std::uint64_t seeds, const RunSeed& run) {
    const auto first = number_from("TIDEGATE_SEED", 1);
    const auto last =
        first + number_from("TIDEGATE_SEEDS", std::getenv("TIDEGATE_SEED") ? 1 : seeds);
    const bool goes_on = std::getenv("TIDEGATE_GO_ON") != nullptr;
    std::atomic<std::uint64_t> next{first};
    std::mutex mutex;
    std::string failures;
    const auto work = [&] {
        for (auto seed = next++; seed < last; seed = next++) {
            std::string problem;
            run(seed, problem);
            if (problem.empty()) continue;
            const std::lock_guard lock{mutex};
            if (goes_on) {
                const auto line = fmt::format("TIDEGATE_SEED={}: {}\n", seed, first_line(problem));
                fmt::print(stderr, "{}", line);  // a run over many seeds takes hours
                failures += line;
                continue;
            }
            next = last;
            failures = problem + fmt::format("again: TIDEGATE_SEED={}", seed);
        }
    };
    std::vector<std::jthread> workers(std::max(1u, std::thread::hardware_concurrency()));
    for (auto& worker : workers) worker = std::jthread(work);
    for (auto& worker : workers) worker.join();
    return failures;
}

}  // namespace tidegate::simulation
