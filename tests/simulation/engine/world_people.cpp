#include <algorithm>

#include "tests/simulation/engine/world.h"

namespace tidegate::simulation {

using namespace std::chrono_literals;

// ---- wishes

std::string World::commit(const AssignmentKey& key, const Spec& spec, bool turn_window) {
    note("commit " + key.text() + " " + spec.version + (turn_window ? " and the window" : ""));
    auto id = git_.commit(key, &spec, now_, turn_window);
    ensure_agents();
    return id;
}

void World::remove(const AssignmentKey& key) { git_.commit(key, nullptr, now_); }

void World::ask_everywhere(const Spec& spec) {
    const auto& root = git_.at(git_.root());
    Edits edits;
    for (const auto& [path, text] : git_.at(git_.tip()).files) edits[path] = std::nullopt;
    for (const auto& [path, text] : root.files) edits[path] = *text;
    for (const auto& [environment, place] : options_.fleet.environments)
        for (const auto& [project, script] : options_.fleet.projects) {
            if (!place.has(project)) continue;
            auto here = spec;
            std::erase_if(here.pins, [&, targets = place.targets](const auto& pin) {
                return std::ranges::find(targets, pin.first, &Fleet::Target::name) == targets.end();
            });
            edits[version_path({environment, project})] = text_of(here);
        }
    note("everywhere " + spec.version);
    git_.commit(edits, now_);
}

AssignmentKey World::some_assignment() {
    const auto& fleet = options_.fleet;
    auto place = fleet.environments.begin();
    std::advance(place, pick(0, static_cast<int>(fleet.environments.size()) - 1));
    if (place->first == kGates) ++place;
    std::vector<std::string> projects;
    for (const auto& [name, script] : fleet.projects)
        if (place->second.has(name)) projects.push_back(name);
    return {place->first,
            projects[static_cast<std::size_t>(pick(0, static_cast<int>(projects.size()) - 1))]};
}

/// A version that the assignment had; seldom one that it may never have had.
void World::person_pins(const AssignmentKey& key, Spec& spec) {
    const auto& targets = git_.fleet().environments.at(key.environment).targets;
    const auto& target = targets[static_cast<std::size_t>(pick(0, 99)) % targets.size()];
    if (spec.pins.erase(target.name) > 0) return;
    const auto former = git_.former_versions(key);
    if (former.empty() || pick(0, 9) == 0)
        spec.pins[target.name] = fmt::format("v{}", pick(0, 9));
    else
        spec.pins[target.name] = former[static_cast<std::size_t>(pick(0, 99)) % former.size()];
}

/// So that nothing of a release moves anything.
void World::person_pins_all(const AssignmentKey& key, Spec& spec) {
    const auto former = git_.former_versions(key);
    if (former.empty()) return;
    for (const auto& target : git_.fleet().environments.at(key.environment).targets)
        spec.pins[target.name] = former.back();
    spec.version = fmt::format("v{}", pick(0, 9));
}

void World::person_writes_version(const AssignmentKey& key, Spec& spec) {
    switch (pick(0, 11)) {
        case 0:
            spec.retry += 1;
            break;
        case 1:
            spec.paused = true;
            break;
        case 2:
            spec.absent = !spec.absent;
            if (spec.absent) spec.operation = Operation::deploy;
            break;
        case 3:
            if (!spec.absent) spec.operation = Operation::update;
            break;
        case 4:
        case 5:
        case 6:
            spec.version = fmt::format("{}{}", pick(0, 3) == 0 ? "sour" : "bad", pick(0, 5));
            break;
        case 10:
            if (options_.models.all_pinned && pick(0, 1) == 0)
                person_pins_all(key, spec);
            else
                person_pins(key, spec);
            break;
        case 11:
            person_pins(key, spec);
            break;
        default:
            spec.version = fmt::format("v{}", pick(0, 9));
            break;
    }
}

/// Sometimes of another version or entry than what waits.
void World::person_promotes() {
    later(Milliseconds(pick(60'000, 5'400'000)), [this] { person_promotes(); });
    for (const auto& [key, assignment] : state_.assignments) {
        const auto active = state_.releases.find(assignment.active);
        if (!promotes_ || active == state_.releases.end()) continue;
        for (const auto& step : active->second.steps) {
            const bool waits =
                kind_of(step) == StepKind::await && step.status == StepStatus::running;
            const auto* former = waits ? git_.spec_at_tip(key) : nullptr;
            if (!former) continue;
            auto spec = *former;
            spec.promote = Promote{spec.version, step.entry, pick(0, 3) == 0};
            if (spec.promote->full) spec.promote->step = 0;
            note("promote " + key.text() + " " + spec.version);
            git_.commit(key, &spec, now_);
        }
    }
}

void World::person_commits() {
    const auto key = some_assignment();
    const auto* former = git_.spec_at_tip(key);
    Spec spec = former ? *former : Spec{};
    spec.paused = false;
    spec.forward_only = pick(0, 9) == 0;
    if (pick(0, 1) == 0) spec.promote.reset();
    person_writes_version(key, spec);
    if (spec.version.empty()) spec.version = "v0";
    commit(key, spec, pick(0, 5) == 0);
}

// ---- faults

std::string World::some_agent() {
    auto host = agents_.begin();
    std::advance(host, pick(0, static_cast<int>(agents_.size()) - 1));
    return host->first;
}

void World::agent_dies(const std::string& who) {
    note("agent dies " + who);
    agent(who).crash(options_.models.processes_live && pick(0, 1) == 0);
    disconnect(who, 700s);
    later(Milliseconds(pick(10, 300'000)), [this, who] {
        agent(who).start();
        connect(who);
    });
}

/// In a large fleet, of many at a time.
void World::links_fail() {
    for (auto left = 1 + agents_.size() / 20; left > 0; --left)
        disconnect(some_agent(), Milliseconds(pick(1, 600'000)));
}

/// The daemon's by up to half a day, back by less; hosts' by anything.
void World::clocks_jump() {
    note("clocks jump");
    daemon_off_ += Milliseconds(pick(-2 * 3'600'000, 12 * 3'600'000));
    agent(some_agent()).clock_off = std::chrono::hours(pick(-500'000, 500'000));
}

/// Until the end. Somebody may notice.
void World::agent_is_lost(const std::string& who) {
    note("agent lost " + who);
    agent(who).crash();
    disconnect(who, std::chrono::hours{1'000});
    if (pick(0, 1) == 0)
        later(Milliseconds(pick(1'000, 3'600'000)), [this, who] { agent_is_revoked(who); });
}

void World::agent_is_revoked(const std::string& who) {
    if (agent(who).up()) return;
    note("agent revoked " + who);
    revoked_.insert(who);
    feed(engine::AgentRevoked{who});
}

void World::host_has_trouble(const std::string& who) {
    note("host in trouble " + who);
    agent(who).troubled_until = now_ + Milliseconds(pick(1'000, 1'800'000));
}

void World::store_is_lost() {
    note("the store is lost");
    crash_daemon();
    lose_store();
}

void World::some_never_rest() {
    for (const auto& [environment, place] : options_.fleet.environments)
        for (const auto& target : place.targets)
            if (pick(0, 5) == 0) agent(target.agent).restless.insert({target.name, "shop", ""});
}

void World::all_rest() {
    for (auto& [name, host] : agents_) host->restless.clear();
}

void World::chaos() {
    if (!faults_) return;
    const auto who = some_agent();
    checks_.check_deadlines(state_, clocks());
    switch (pick(0, 14)) {
        case 0:
        case 1:
            person_commits();
            break;
        case 2:  // two while the first is under way
            person_commits();
            later(Milliseconds(pick(0, 40'000)), [this] { person_commits(); });
            break;
        case 3:
            links_fail();
            break;
        case 4:
            disconnect(who, Milliseconds(pick(1, 600'000)));
            break;
        case 5:
        case 6:
            agent_dies(who);
            break;
        case 7:
            if (options_.models.host_troubles && pick(0, 2) == 0)
                host_has_trouble(who);
            else
                agent(who).drift(pick(0, 100));
            break;
        case 8:
            check_store();
            crash_daemon();
            break;
        case 9:
            if (pick(0, 2) == 0) store_is_lost();
            break;
        case 10:  // revoked, and enrolled anew much later
            if (options_.models.lost_agents && pick(0, 3) == 0)
                agent_is_lost(who);
            else
                disconnect(who, Milliseconds(pick(3'600'000, 4 * 3'600'000)));
            break;
        case 11:
            git_.protected_branch = !git_.protected_branch;
            if (options_.models.clock_jumps && pick(0, 1) == 0) clocks_jump();
            break;
        case 12:
        case 13:
            if (options_.models.histories) person_shapes_history();
            break;
        default:
            if (options_.models.moving_fleet) person_moves_fleet();
            break;
    }
    later(Milliseconds(pick(1'000, 180'000)), [this] { chaos(); });
}

void World::heal() {
    faults_ = false;
    daemon_off_ = {};
    start_daemon();
    for (auto& [name, host] : agents_) {
        host->moody = false;
        host->troubled_until = {};
        host->start();
        later(10s, [this, agent = name] { connect(agent); });
    }
}

}  // namespace tidegate::simulation
