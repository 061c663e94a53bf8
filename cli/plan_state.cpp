#include "cli/plan_state.h"

#include <algorithm>
#include <map>
#include <set>

#include "cli/fields.h"
#include "cli/http_client.h"
#include "cli/line_follower.h"

namespace tidegate::cli {
namespace {

using nlohmann::json;

/// Former releases that are looked at, of a project.
constexpr std::size_t kReleasesLearntFrom = 5;
/// Projects for which that is done: each costs some requests.
constexpr std::size_t kProjectsLearnt = 20;

Installation installation_from(const std::string& target, const json& item) {
    Installation there;
    there.key = {target, text_of(item, "project"), text_of(item, "slot")};
    there.status =
        from_string<InstallStatus>(text_of(item, "status")).value_or(InstallStatus::unknown);
    there.version = text_of(item, "version");
    there.digest = Digest::from_hex(text_of(item, "digest")).value_or(Digest{});
    there.drifted = member(item, "drifted") == true;
    there.report = 1;
    return there;
}

/// Each target with the agent that serves it as base has it, else head.
std::map<std::string, std::string> served_targets(const forecast::Start& start) {
    std::map<std::string, std::string> agents;
    for (const auto* desired : {start.base.get(), start.head.get()})
        for (const auto& [key, assignment] : desired->assignments)
            for (const auto& target : assignment->targets)
                agents.try_emplace(target.name, target.agent);
    return agents;
}

/// Routers' agents need no target of an assignment, and the daemon tells of them beside the
/// traffic.
void add_routers(const forecast::Start& start, std::map<std::string, forecast::AgentNow>& agents) {
    for (const auto* desired : {start.base.get(), start.head.get()})
        for (const auto& [key, assignment] : desired->assignments)
            for (const auto& [router, agent] : assignment->routers) agents[agent].name = agent;
}

Result<void> ask_targets(const std::string& server, forecast::Start& start,
                         std::vector<std::string>& notes) {
    std::map<std::string, forecast::AgentNow> agents;
    std::vector<std::string> unknown;
    for (const auto& [target, agent] : served_targets(start)) {
        auto& now = agents[agent];
        now.name = agent;
        const auto status = get_json(
            server, fmt::format("/api/release/targets/{}/status", percent_encoded(target)));
        if (!status && status.error().code == ErrorCode::not_found) {
            unknown.push_back(target);
            continue;
        }
        if (!status) return tl::unexpected(status.error());
        now.online = text_of(*status, "status") == "online";
        for (const auto& item : list_of(*status, "installations"))
            now.installations.push_back(installation_from(target, item));
    }
    if (!unknown.empty())
        notes.push_back(
            fmt::format("the daemon does not know {} yet: taken as empty, with {} agent online",
                        unknown.size() == 1 ? "target " + unknown.front()
                                            : fmt::format("{} targets", unknown.size()),
                        unknown.size() == 1 ? "its" : "their"));
    add_routers(start, agents);
    for (auto& [name, agent] : agents) start.agents.push_back(std::move(agent));
    return {};
}

std::string reason_of(const json& item, std::string_view gate) {
    for (const auto& hold : list_of(item, "holds"))
        if (text_of(hold, "gate") == gate) return text_of(hold, "reason");
    return "";
}

void take_good(const json& item, const Assignment& assignment, forecast::Start& start) {
    const auto& good = member(item, "last_good");
    if (!good.is_object()) return;
    LastGood last{Digest::from_hex(text_of(good, "digest")).value_or(Digest{}),
                  text_of(good, "commit"), text_of(good, "version"),
                  member(good, "absent") == true};
    const auto& wished = *assignment.definition;
    // A daemon of before does not tell the digest.
    if (last.digest == Digest{} && last.commit == assignment.intent.digest_commit)
        last.digest = wished.digest;
    if (last.digest == Digest{}) return;
    start.good.push_back({assignment.key, last, false, ""});
}

std::map<std::string, int> weights_of(const json& item) {
    std::map<std::string, int> weights;
    const auto& told = member(item, "weights");
    if (!told.is_object()) return weights;
    for (const auto& [slot, weight] : told.items())
        weights[slot] = static_cast<int>(number_of(told, slot.c_str()));
    return weights;
}

forecast::AgentNow* find_agent(forecast::Start& start, const std::string& name) {
    const auto found = std::ranges::find(start.agents, name, &forecast::AgentNow::name);
    return found == start.agents.end() ? nullptr : &*found;
}

/// Whoever has something in a slot that has weight is served there.
void take_served(const Assignment& assignment, const forecast::Start& start, Sides& sides) {
    std::set<std::string_view> targets;
    for (const auto& target : assignment.targets) targets.insert(target.name);
    for (const auto& agent : start.agents)
        for (const auto& there : agent.installations)
            if (there.key.project == assignment.key.project && targets.contains(there.key.target) &&
                there.status == InstallStatus::installed && sides.weights.contains(there.key.slot))
                sides.served[there.key.slot].insert(there.key.target);
}

void take_sides(const json& item, const Assignment& assignment, forecast::Start& start) {
    const auto& told = member(item, "sides");
    if (!told.is_object()) return;
    Sides sides;
    sides.key = assignment.key;
    sides.live = text_of(told, "live");
    sides.revision = static_cast<std::uint64_t>(number_of(told, "revision"));
    sides.weights = weights_of(told);
    sides.traffic = assignment.strategy.traffic;
    sides.routers = assignment.routers;
    take_served(assignment, start, sides);
    if (const auto until = parse_rfc3339(text_of(told, "kept_until")))
        sides.kept_until = Lived{} + std::max(*until - start.now, Milliseconds{0});
    for (const auto& router : list_of(told, "routers")) {
        auto* agent = find_agent(start, text_of(router, "agent"));
        if (!agent) continue;
        agent->online = agent->online && member(router, "online") != false;
        agent->routes.push_back({assignment.key,
                                 text_of(router, "target"),
                                 sides.revision,
                                 member(router, "in_force") == true,
                                 text_of(router, "error"),
                                 weights_of(router),
                                 {}});
    }
    start.sides.push_back(std::move(sides));
}

void take_quarantine(const json& item, const Assignment& assignment, forecast::Start& start) {
    if (text_of(item, "sync") != "quarantined") return;
    const auto& wished = *assignment.definition;
    start.quarantines.push_back({assignment.key, wished.digest, wished.version, "",
                                 assignment.intent.digest_commit, assignment.retry,
                                 reason_of(item, "quarantine"), start.now});
}

Result<void> ask_assignments(const std::string& server, forecast::Start& start,
                             std::vector<std::string>& notes) {
    for (const auto& item : TRY(get_items(server, "/api/release/assignments"))) {
        const auto found =
            start.base->assignments.find({text_of(item, "environment"), text_of(item, "project")});
        if (found == start.base->assignments.end()) continue;
        take_good(item, *found->second, start);
        take_quarantine(item, *found->second, start);
        take_sides(item, *found->second, start);
        if (text_of(item, "sync") == "releasing")
            notes.push_back(fmt::format("{} is releasing: foretold as if what is left began now",
                                        found->first.text()));
    }
    return {};
}

/// What the actions of one release took, by kind.
void take_times(const json& release, std::map<ActionKind, std::vector<Milliseconds>>& times) {
    const auto forward = text_of(release, "kind") == "uninstall"      ? ActionKind::uninstall
                         : text_of(release, "operation") == "install" ? ActionKind::install
                         : text_of(release, "operation") == "update"  ? ActionKind::update
                                                                      : ActionKind::deploy;
    for (const auto& target : list_of(release, "targets")) {
        const auto began = parse_rfc3339(text_of(target, "started_at"));
        const auto ended = parse_rfc3339(text_of(target, "finished_at"));
        if (!began || !ended || *ended < *began) continue;
        const auto status = text_of(target, "status");
        if (status == "success") times[forward].push_back(*ended - *began);
        if (status == "restored") times[ActionKind::rollback].push_back(*ended - *began);
    }
}

Milliseconds median(std::vector<Milliseconds> times) {
    const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
    std::ranges::nth_element(times, middle);
    return *middle;
}

/// Projects whose digest differs; of the others nothing is deployed anew.
std::set<std::string> moving_projects(const forecast::Start& start) {
    std::set<std::string> projects;
    for (const auto& [key, after] : start.head->assignments) {
        const auto before = start.base->assignments.find(key);
        if (before == start.base->assignments.end() || before->second != after)
            projects.insert(key.project);
        if (projects.size() == kProjectsLearnt) break;
    }
    return projects;
}

Result<void> ask_durations(const std::string& server, forecast::Start& start,
                           std::vector<std::string>& learnt) {
    for (const auto& project : moving_projects(start)) {
        const auto page =
            TRY(get_json(server, fmt::format("/api/release/deploys?project={}&limit={}",
                                             percent_encoded(project), kReleasesLearntFrom)));
        std::map<ActionKind, std::vector<Milliseconds>> times;
        for (const auto& item : list_of(page, "items")) {
            const auto release =
                get_json(server, "/api/release/deploys/" + percent_encoded(text_of(item, "id")));
            if (release) take_times(*release, times);
        }
        for (auto& [kind, each] : times)
            start.durations.learn(project, kind, median(std::move(each)));
        if (!times.empty()) learnt.push_back(project);
    }
    return {};
}

bool stands_still(const Assignment& assignment, Timestamp now) {
    const auto& freeze = assignment.rules.freeze;
    return assignment.paused || (freeze.active && (!freeze.until || now < *freeze.until));
}

AssignmentPtr assignment_in(const Desired& desired, const AssignmentKey& key) {
    const auto found = desired.assignments.find(key);
    return found == desired.assignments.end() ? nullptr : found->second;
}

/// Each costs a replay of the line.
constexpr int kReplaysMax = 20;

/// What it had before its intent came in; none: it stood not still then, and is installed.
Result<std::optional<AssignmentPtr>> before_intent(const git::Repository& repository,
                                                   const Assignment& assignment, Timestamp now) {
    LineFollower follower{repository};
    AssignmentPtr before;
    if (!assignment.intent.parent.empty()) {
        CHECK(follower.follow(assignment.intent.parent));
        before = assignment_in(TRY(follower.desired(now)), assignment.key);
    }
    CHECK(follower.follow(assignment.intent.commit));
    const auto then = assignment_in(TRY(follower.desired(now)), assignment.key);
    if (!then || !stands_still(*then, now)) return std::optional<AssignmentPtr>{};
    return std::optional{before};
}

}  // namespace

Result<Desired> installed_at(const git::Repository& repository, const forecast::Start& start,
                             std::vector<std::string>& notes) {
    auto installed = *start.base;
    int replays = 0;
    for (const auto& [key, assignment] : start.base->assignments) {
        const auto after = assignment_in(*start.head, key);
        if (!after || !stands_still(*assignment, start.now) || stands_still(*after, start.now) ||
            replays++ == kReplaysMax)
            continue;
        const auto before = TRY(before_intent(repository, *assignment, start.now));
        if (!before) continue;
        notes.push_back(fmt::format("{} {} came while it stood still: taken as not installed yet",
                                    key.text(), assignment->definition->version));
        if (*before)
            installed.assignments[key] = *before;
        else
            installed.assignments.erase(key);
    }
    return installed;
}

Result<void> ask_state(const std::string& server, forecast::Start& start,
                       std::vector<std::string>& notes, std::vector<std::string>& learnt) {
    const auto config = TRY(get_json(server, "/api/release/config"));
    const auto accepted = text_of(member(config, "accepted"), "commit");
    if (accepted != start.base->commit)
        notes.push_back(accepted.empty() ? "the daemon has accepted no commit yet"
                                         : fmt::format("the daemon has accepted {}, not the base",
                                                       short_commit(accepted)));
    CHECK(ask_targets(server, start, notes));
    CHECK(ask_assignments(server, start, notes));
    return ask_durations(server, start, learnt);
}

}  // namespace tidegate::cli
