#include <algorithm>
#include <set>

#include "reconciler/engine/dispatch.h"
#include "reconciler/engine/facts.h"
#include "reconciler/engine/intake.h"
#include "reconciler/engine/sides.h"
#include "reconciler/engine/trouble.h"
#include "reconciler/engine/unreported.h"
#include "reconciler/engine/verify.h"
#include "schema/base/limits.h"
#include "schema/model/slots.h"

namespace tidegate::engine {
namespace {

void fence(Turn& turn, std::uint64_t epoch, const std::string& agent) {
    if (epoch <= turn.state.epoch || turn.state.fenced) return;
    turn.state.fenced = true;
    turn.audit("daemon.fenced", agent, "", json_object({{"epoch", std::to_string(epoch)}}));
    turn.notify(NoticeKind::fenced, {}, "",
                fmt::format("agent {} has seen epoch {}, this daemon's is {}: another daemon took "
                            "over; nothing is dispatched any more",
                            agent, epoch, turn.state.epoch));
    for (const auto& [key, assignment] : turn.state.assignments) turn.touch(key);
}

bool nobody_can_tell(const Installation& seen) {
    return !seen.drifted && !seen.drift_reason.empty();
}

/// Told once, until somebody can tell again.
void note_unknown_drift(Turn& turn, const std::string& agent, const Installation* before,
                        const Installation& now) {
    if (!nobody_can_tell(now) || (before && nobody_can_tell(*before))) return;
    const auto owner = turn.state.owners.find(place_of(now.key));
    if (owner == turn.state.owners.end() || now.key.slot != live_slot(turn.state, owner->second))
        return;
    turn.notify_of(agent, NoticeKind::drift_unknown, owner->second, "",
                   fmt::format("{}: nobody can tell whether {} is as it was installed: {}",
                               owner->second.text(), now.key.target, now.drift_reason));
}

/// The whole inventory replaces what was known; what it does not hold is gone.
void replace_installations(Turn& turn, AgentState& agent, const std::string& name,
                           const std::vector<Installation>& installations) {
    auto former = std::exchange(agent.installations, {});
    for (const auto& installation : installations) {
        const auto known = former.find(installation.key);
        if (known == former.end() || known->second.report != installation.report)
            turn.put(name, installation);
        note_unknown_drift(turn, name, known == former.end() ? nullptr : &known->second,
                           installation);
        if (known != former.end()) former.erase(known);
        agent.installations.insert_or_assign(installation.key, installation);
    }
    for (const auto& [key, installation] : former) turn.erase_installation(name, key);
}

/// What the agent neither runs nor has an outcome of, it never got: it has to be sent again, with
/// time of its own, unless nobody waits for it any more.
void mark_unsent(Turn& turn, const Hello& hello, const Inventory& inventory) {
    const std::set<std::string> running(inventory.running.begin(), inventory.running.end());
    const auto sent = turn.state.sent_to.find(hello.agent);
    if (sent == turn.state.sent_to.end()) return;
    for (const auto& id : sent->second) {
        auto& entry = turn.state.outbox.at(id);
        entry.sent = running.contains(id);
        turn.state.cancelled.erase(id);
        auto& release = turn.state.releases.at(entry.action.release);
        auto& progress = release.targets.at(entry.action.key.target);
        const bool waits =
            progress.status == TargetStatus::unreported || is_lost(turn.state, progress);
        const bool awaited = entry.sent || !entry.lost;
        if (awaited && (entry.lost || turn.lived >= *entry.deadline)) renew(turn, release, entry);
        if (entry.restore) entry.lost = false;
        if (entry.lost || !waits || progress.action != id) continue;
        progress.status = entry.restore ? TargetStatus::restoring : TargetStatus::dispatched;
        turn.save(release, progress);
    }
}

std::set<RouterType> routers_of(const std::set<std::string_view>& capabilities) {
    std::set<RouterType> routers;
    if (capabilities.contains(kHaproxyCapability)) routers.insert(RouterType::haproxy);
    if (capabilities.contains(kScriptRouterCapability)) routers.insert(RouterType::script);
    return routers;
}

void note_overflow(Turn& turn, AgentState& agent, const std::string& name) {
    if (std::exchange(agent.overflowed, true)) return;
    turn.notify(NoticeKind::inventory_full, {}, "",
                fmt::format("agent {} reports more than {} installations; what is beyond is not "
                            "taken in",
                            name, limits::kInstallationsPerAgentMax));
}

}  // namespace

void take(Turn& turn, const AgentConnected& event) {
    const auto& name = event.hello.agent;
    fence(turn, event.hello.highest_epoch, name);
    auto& agent = turn.state.agents[name];
    agent.online = true;
    agent.revoked = false;
    agent.boot_id = event.hello.boot_id;
    agent.runs_at_once = event.hello.runs_at_once;
    const std::set<std::string_view> capabilities(event.hello.capabilities.begin(),
                                                  event.hello.capabilities.end());
    agent.looks_twice = capabilities.contains(kSecondLookCapability);
    agent.watches = capabilities.contains(kVerifyCapability);
    agent.knows_slots = capabilities.contains(kSlotsCapability);
    agent.routers = routers_of(capabilities);
    agent.routes.clear();
    agent.routes_sent.clear();
    for (const auto& report : event.inventory.routes) keep_report(turn, name, report);
    agent.seen_at = turn.now;
    clear_troubles_of(turn, name);
    replace_installations(turn, agent, name, event.inventory.installations);
    turn.touch_agent(name);
    turn.touch_targets_of(name);
    for (const auto& result : event.inventory.results) settle(turn, name, result);
    mark_unsent(turn, event.hello, event.inventory);
    tend_watches_of(turn, name, event.inventory);
    turn.free_place(name);
}

void answer_suspended(Turn& turn, const AgentConnected& event) {
    if (turn.state.fenced) return;
    const auto& agent = event.hello.agent;
    for (const auto& id : event.inventory.suspended) {
        const auto entry = turn.state.outbox.find(id);
        const bool known = entry != turn.state.outbox.end() && entry->second.agent == agent;
        if (known && may_go_on(turn.state, entry->second)) {
            turn.send(agent, Run{turn.state.epoch, entry->second.action, true});
        } else {
            cancel_suspended(turn, agent, id);
        }
    }
}

void cancel_suspended(Turn& turn, const std::string& agent, const std::string& action) {
    const auto entry = turn.state.outbox.find(action);
    const bool known = entry != turn.state.outbox.end() && entry->second.agent == agent;
    if (known && !turn.state.cancelled.insert(action).second) return;
    turn.send(agent, Cancel{turn.state.epoch, action});
}

void take(Turn& turn, const AgentDisconnected& event) {
    const auto found = turn.state.agents.find(event.agent);
    if (found == turn.state.agents.end() || !found->second.online) return;
    found->second.online = false;
    found->second.seen_at = turn.now;
    found->second.lost_at = turn.lived;
    const auto sent = turn.state.sent_to.find(event.agent);
    if (sent != turn.state.sent_to.end())
        for (const auto& id : sent->second) {
            const auto& entry = turn.state.outbox.at(id);
            auto& release = turn.state.releases.at(entry.action.release);
            auto& progress = release.targets.at(entry.action.key.target);
            if (progress.action != id) continue;
            progress.status = TargetStatus::unreported;
            turn.save(release, progress);
        }
    turn.touch_agent(event.agent);
    turn.touch_targets_of(event.agent);
}

void take(Turn& turn, const AgentRevoked& event) {
    turn.state.agents[event.agent].revoked = true;
    turn.touch_agent(event.agent);
    turn.touch_targets_of(event.agent);
}

void observe(Turn& turn, const std::string& name, const Installation& installation) {
    auto& agent = turn.state.agents[name];
    const auto known = agent.installations.find(installation.key);
    if (known != agent.installations.end() && known->second.report > installation.report) return;
    if (known == agent.installations.end() &&
        agent.installations.size() >= limits::kInstallationsPerAgentMax)
        return note_overflow(turn, agent, name);
    note_unknown_drift(turn, name, known == agent.installations.end() ? nullptr : &known->second,
                       installation);
    agent.installations.insert_or_assign(installation.key, installation);
    turn.put(name, installation);
}

void take(Turn& turn, const AgentChanged& event) {
    for (const auto& installation : event.installations) observe(turn, event.agent, installation);
}

void take(Turn& turn, const RouteTold& event) { keep_report(turn, event.agent, event.report); }

void take(Turn& turn, const AgentFenced& event) { fence(turn, event.epoch, event.agent); }

}  // namespace tidegate::engine
