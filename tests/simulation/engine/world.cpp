#include "tests/simulation/engine/world.h"

#include <algorithm>
#include <cstdlib>

namespace tidegate::simulation {

using namespace std::chrono_literals;

namespace {

std::size_t lines_kept() {
    static const auto* const asked = std::getenv("TIDEGATE_LINES");
    return asked ? std::strtoull(asked, nullptr, 10) : 400;
}

}  // namespace

World::World(WorldOptions options)
    : options_(std::move(options)),
      random_(options_.seed),
      now_(Milliseconds(1'767'225'600'000) + options_.hour),  // 2026-01-01T00:00:00Z
      git_(options_.fleet, now_),
      faults_(options_.faults),
      source_(git_, options_.models.reverts_keep_rules),
      checks_(git_, options_.models) {
    ensure_agents();
    start_daemon();
    if (faults_) person_promotes();
}

int World::pick(int from, int to) {
    return from + static_cast<int>(random_() % static_cast<std::uint64_t>(to - from + 1));
}

void World::later(Milliseconds after, std::function<void()> act) {
    queue_.push({now_ + after, order_++, std::move(act)});
}

void World::note(std::string line) {
    counter_.on_note(line);
    line = format_rfc3339(now_) + " " + line;
    for (const unsigned char byte : line) trace_ = (trace_ ^ byte) * 1099511628211ULL;
    log_.push_back(std::move(line));
    if (log_.size() > lines_kept()) log_.pop_front();
}

void World::run_for(Milliseconds time) {
    const auto end = now_ + time;
    while (!queue_.empty() && queue_.top().at <= end && violations().empty()) {
        auto next = queue_.top();
        queue_.pop();
        now_ = next.at;
        (void)clocks();
        next.act();
    }
    now_ = end;
}

bool World::settle(Milliseconds at_most) {
    const auto end = now_ + at_most;
    while (now_ < end && violations().empty()) {
        run_for(10s);
        if (!is_busy()) return true;
    }
    return false;
}

bool World::is_busy() {
    if (!daemon_up_ || !state_.outbox.empty() || polled_ != git_.tip() || effects_->waiting() > 0)
        return true;
    for (const auto& [name, host] : agents_)  // the answer to an outcome is on its way
        if (links_[name].up && !host->inventory().results.empty()) return true;
    for (const auto& [id, job] : state_.reverts)
        if (!waits_for_a_person(state_.releases.at(id).key)) return true;
    for (const auto& [key, assignment] : state_.assignments)
        if (!assignment.active.empty() && !waits_for_a_person(key)) return true;
    return false;
}

/// A revert does for a tip that is valid, a release for room in its budget that broken targets take
/// which nothing may repair.
bool World::waits_for_a_person(const AssignmentKey& key) const {
    const auto& assignment = state_.assignments.at(key);
    if (assignment.active.empty())
        return assignment.wish && !assignment.wish->config_errors.empty();
    const auto& release = state_.releases.at(assignment.active);
    return release.paused_at && !release.holds.empty() &&
           std::ranges::all_of(release.holds, [](const Hold& hold) {
               return hold.gate == "budget" || hold.gate == "pause" || hold.gate == "await";
           });
}

// ---- what is there

std::string World::installed(const AssignmentKey& key) {
    std::string text;
    for (const auto& target : git_.fleet().environments.at(key.environment).targets)
        text += fmt::format("{}{}={}", text.empty() ? "" : " ", target.name,
                            agent(target.agent).real[live_key(state_, key, target.name)].version);
    return text;
}

std::string World::releases(const AssignmentKey& key) const {
    std::string text;
    const auto found = state_.assignments.find(key);
    if (found == state_.assignments.end()) return text;
    for (const auto& id : found->second.releases) {
        const auto& release = state_.releases.at(id);
        text += fmt::format("{}{} {} {}", text.empty() ? "" : ", ", to_string(release.kind),
                            release.to, to_string(release.status));
    }
    return text;
}

std::string World::holds(const AssignmentKey& key) const {
    const auto view = engine::explain(state_, key, wall());
    std::string text;
    if (!view) return text;
    for (const auto& hold : view->holds)
        text += fmt::format("{}{}", text.empty() ? "" : ", ", hold.gate) +
                (hold.until ? " until " + format_rfc3339(*hold.until) : "");
    return text;
}

int World::actions_started() {
    int all = 0;
    for (const auto& [name, host] : agents_) all += host->starts;
    return all;
}

}  // namespace tidegate::simulation
