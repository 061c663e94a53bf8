#include "tests/simulation/engine/counts.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <utility>

namespace tidegate::simulation {
namespace {

using Sums = std::map<std::string, std::uint64_t>;
using Prefix = std::pair<std::string_view, const char*>;

/// How the log tells of faults.
constexpr std::array kFaults{
    Prefix{"daemon dies", "daemon dies"},         Prefix{"link down", "link down"},
    Prefix{"send queue full", "send queue full"}, Prefix{"agent dies", "agent dies"},
    Prefix{"agent lost", "agent lost"},           Prefix{"agent revoked", "agent revoked"},
    Prefix{"clocks jump", "clocks jump"},         Prefix{"host in trouble", "host in trouble"},
    Prefix{"the store is lost", "store lost"},    Prefix{"router ", "router"}};
/// And of people.
constexpr std::array kPeople{Prefix{"commit ", "commit"}, Prefix{"promote ", "promote"},
                             Prefix{"merge the wrong way", "merge the wrong way round"},
                             Prefix{"merge", "merge"}, Prefix{"revert ", "revert asked for"}};

void count(Sums& sums, const auto& prefixes, std::string_view line) {
    const auto found = std::ranges::find_if(
        prefixes, [&](const Prefix& prefix) { return line.starts_with(prefix.first); });
    if (found != prefixes.end()) ++sums[found->second];
}

void add_sums(Sums& sums, const Sums& others) {
    for (const auto& [name, number] : others) sums[name] += number;
}

std::uint64_t total(const Sums& sums) {
    std::uint64_t all = 0;
    for (const auto& [name, number] : sums) all += number;
    return all;
}

std::string line_of(std::string_view title, const Sums& sums) {
    std::string text;
    for (const auto& [name, number] : sums)
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", number, name);
    return fmt::format("{:<17}{} ({})\n", title, total(sums), text);
}

/// Where a release stood when it was taken back: the last step that had begun.
std::string met_step(const Release& release) {
    const Step* met = nullptr;
    for (const auto& step : release.steps)
        if (step.started_at) met = &step;
    return met ? std::string{to_string(kind_of(*met))} : "none";
}

}  // namespace

void Counts::add(const Counts& other) {
    worlds += other.worlds;
    actions += other.actions;
    simulated += other.simulated;
    add_sums(began, other.began);
    add_sums(ended, other.ended);
    add_sums(steps, other.steps);
    add_sums(rolled, other.rolled);
    add_sums(faults, other.faults);
    add_sums(commits, other.commits);
}

std::uint64_t Counts::releases() const { return total(began); }

std::string Counts::text() const {
    const auto days = std::chrono::duration_cast<std::chrono::hours>(simulated).count() / 24;
    return fmt::format("{:<17}{}\n{:<17}{} days\n{:<17}{}\n", "worlds", worlds, "simulated time",
                       days, "actions", actions) +
           line_of("releases", began) + line_of("  that ended", ended) +
           line_of("steps passed", steps) + line_of("rollbacks at", rolled) +
           line_of("faults", faults) + line_of("by people", commits);
}

void Counter::on_note(std::string_view line) {
    count(counts.faults, kFaults, line);
    count(counts.commits, kPeople, line);
}

void Counter::after_step(const engine::State& state, const engine::Effects& effects) {
    for (const auto& effect : effects) {
        const auto* news = std::get_if<engine::Publish>(&effect);
        if (!news) continue;
        for (const auto& change : news->releases) {
            const auto found = state.releases.find(change.head.id);
            if (found != state.releases.end()) take(found->second);
        }
    }
}

void Counter::take(const Release& release) {
    if (!release.started_at) return;
    const auto [known, is_new] = releases_.try_emplace(release.id, ReleaseStatus::pending);
    if (is_new) ++counts.began[std::string{to_string(release.kind)}];
    auto& passed = passed_[release.id];
    for (; passed < static_cast<int>(release.steps.size()); ++passed) {
        const auto& step = release.steps[static_cast<std::size_t>(passed)];
        if (step.status != StepStatus::success) break;
        ++counts.steps[std::string{to_string(kind_of(step))}];
    }
    if (is_final(known->second)) return;  // a crash took its end back, and it ends once more
    if (std::exchange(known->second, release.status) == release.status) return;
    if (release.status == ReleaseStatus::rolling_back) ++counts.rolled[met_step(release)];
    if (is_final(release.status)) ++counts.ended[std::string{to_string(release.status)}];
}

}  // namespace tidegate::simulation
