#include "tests/simulation/engine/checks.h"

#include <algorithm>

#include "reconciler/engine/drain.h"
#include "schema/base/limits.h"
#include "schema/model/json.h"

namespace tidegate::simulation {
namespace {

using namespace std::chrono_literals;

/// Of a release's own row, or of one of its steps and targets: `ID` or `ID REST`.
std::string release_of(const Put& put) {
    switch (put.table) {
        case Table::release:
        case Table::release_step:
        case Table::release_target:
            return put.key.substr(0, put.key.find(' '));
        default:
            return "";
    }
}

bool is_broken(const engine::State& state, const std::string& name, const InstallKey& key) {
    const auto agent = state.agents.find(name);
    if (agent == state.agents.end()) return false;
    const auto seen = agent->second.installations.find(key);
    return seen != agent->second.installations.end() &&
           (seen->second.status == InstallStatus::failed ||
            seen->second.status == InstallStatus::unknown);
}

/// A host that has the target anew may have it from before.
bool is_reported(const engine::State& state, const InstallKey& key) {
    return std::ranges::any_of(state.agents, [&](const auto& agent) {
        const auto seen = agent.second.installations.find(key);
        return seen != agent.second.installations.end() &&
               seen->second.status == InstallStatus::installed;
    });
}

}  // namespace

InstallKey live_key(const engine::State& state, const AssignmentKey& key,
                    const std::string& target) {
    const auto found = state.assignments.find(key);
    const bool has = found != state.assignments.end() && found->second.sides;
    return {target, key.project, has ? found->second.sides->live : ""};
}

void Checks::fail(const std::string& what, Timestamp now) {
    if (violations.size() < 20) violations.push_back(format_rfc3339(now) + " " + what);
}

/// A person's commit lifts: the digest came in anew, or `retry` went up.
void Checks::on_wish(const Desired& desired) {
    wishes_ = desired.assignments;
    for (const auto& [key, assignment] : wishes_) {
        auto& last = last_[key];
        if (!last || last->intent.commit != assignment->intent.commit) forget_heals(key);
        last = assignment;
    }
    std::erase_if(banned_, [&](const auto& entry) {
        const auto* asked = wish(entry.first.first);
        if (!asked || asked->definition->digest != entry.first.second) return false;
        return (asked->intent.digest_commit != entry.second.digest_commit &&
                !asked->intent.by_daemon) ||
               asked->retry > entry.second.retry;
    });
}

/// A person's new intent is a new try.
void Checks::forget_heals(const AssignmentKey& key) {
    const auto last = last_.find(key);
    if (last == last_.end() || !last->second) return;
    for (const auto& target : last->second->targets) heals_.erase({target.name, key.project, ""});
}

/// The rest of what a restart of the agent interrupted was admitted once, so nothing holds it.
void Checks::on_connected(const engine::AgentConnected& event) {
    const auto& inventory = event.inventory;
    for (const auto& result : inventory.results) on_outcome(result);
    goes_on_.insert(inventory.suspended.begin(), inventory.suspended.end());
}

void Checks::on_outcome(const ActionResult& result) {
    // Nothing of it ran: it is no heal.
    if (auto& heals = heals_[slotless(result.installation.key)];
        !result.host_trouble.empty() && !heals.empty())
        heals.pop_back();
    if (result.outcome == ActionOutcome::done && puts_in_place(result.kind))
        deployed_.insert(result.installation.key);
    if (result.outcome == ActionOutcome::done && result.kind == ActionKind::uninstall)
        deployed_.erase(result.installation.key);
    if (result.kind == ActionKind::verify && result.outcome == ActionOutcome::done)
        well_[{result.release, result.step}].insert(result.installation.key.target);
}

const Assignment* Checks::wish(const AssignmentKey& key) const {
    const auto found = wishes_.find(key);
    return found == wishes_.end() ? nullptr : found->second.get();
}

/// What a person had asked by then is no answer to it.
Checks::Banned Checks::banned_by(const Quarantine& set) const {
    const auto* asked = wish(set.key);
    if (!asked || asked->definition->digest != set.digest)
        return {set.digest_commit, set.retry, false};
    return {asked->intent.digest_commit, asked->retry, false};
}

void Checks::make_durable(const Quarantine& set) {
    const auto ban = banned_.find({set.key, set.digest});
    if (ban != banned_.end()) ban->second.durable = true;
}

/// A verdict that no disk has was told to nobody.
void Checks::on_crash() {
    std::erase_if(banned_, [](const auto& entry) { return !entry.second.durable; });
}

void Checks::forget_store() {
    in_outbox_.clear();
    banned_.clear();
    done_.clear();
    goods_.clear();
    heals_.clear();
}

// ---- what is decided

void Checks::after_step(const engine::State& state, const engine::Effects& effects, Timestamp now,
                        bool in_grace) {
    for (const auto& effect : effects)
        if (const auto* persist = std::get_if<engine::Persist>(&effect))
            check_written(persist->batch.writes, state, now, in_grace);
    for (const auto& effect : effects) {
        const auto* ask = std::get_if<engine::Ask>(&effect);
        if (const auto* revert = ask ? std::get_if<engine::RevertRequest>(&ask->question) : nullptr)
            check_revert(*revert, state, now);
        const auto* send = std::get_if<engine::Send>(&effect);
        const auto* run = send ? std::get_if<engine::Run>(&send->message) : nullptr;
        if (run) check_run(run->action, state, now);
        const auto* ack = send ? std::get_if<engine::AckResults>(&send->message) : nullptr;
        if (ack)
            for (const auto& id : ack->actions) acknowledged_[id] = rows_decided_[id];
    }
}

void Checks::check_written(const Writes& writes, const engine::State& state, Timestamp now,
                           bool in_grace) {
    std::set<std::string> releases;
    bool sends = false;
    for (const auto& write : writes) {
        const auto* put = std::get_if<Put>(&write);
        if (!put) continue;
        if (const auto id = release_of(*put); !id.empty()) releases.insert(id);
        if (put->table == Table::action) {
            sends = true;
            ++rows_decided_[put->key];
            if (const auto entry = state.outbox.find(put->key); entry != state.outbox.end())
                note_begun(entry->second, state, now);
        }
        if (put->table == Table::quarantine)
            take_quarantine(quarantine_from_json(put->body).value(), now, in_grace);
        if (put->table == Table::history)
            check_good(good_state_from_json(put->body).value(), state, now);
    }
    if (sends) check_outbox(state, now);
    std::set<AssignmentKey> keys;
    for (const auto& id : releases)
        if (const auto found = state.releases.find(id); found != state.releases.end()) {
            check_release(found->second, state, now);
            keys.insert(found->second.key);
        }
    for (const auto& key : keys) check_alone(key, state, now);
}

void Checks::take_quarantine(const Quarantine& set, Timestamp now, bool in_grace) {
    banned_.try_emplace({set.key, set.digest}, banned_by(set));
    const bool is_new = set.at == now;  // else Git tells of it after a lost store
    const bool late = is_new && set.reason.find("deadline") != std::string::npos;
    if (models_.long_downtimes && late && in_grace)
        fail("2: condemned for its deadline before its agents were heard: " + set.version + " (" +
                 set.reason + ")",
             now);
}

void Checks::note_begun(const OutboxEntry& entry, const engine::State& state, Timestamp now) {
    const auto release = state.releases.find(entry.action.release);
    if (release == state.releases.end() || entry.restore || !is_open(release->second, now)) return;
    begun_.insert(release->first);
    steps_begun_.emplace(release->first, entry.action.step);
}

void Checks::check_run(const Action& action, const engine::State& state, Timestamp now) {
    if (action.kind == ActionKind::verify) {
        if (banned_.contains({state.releases.at(action.release).key, action.assignment_digest}))
            fail("11: quarantined, yet watched: " + action.version, now);
        return;
    }
    check_gates(action, state, now);
    const auto entry = state.outbox.find(action.id);
    if (entry != state.outbox.end() && entry->second.restore) return;
    const auto& release = state.releases.at(action.release);
    if (!sent_.insert(action.id).second) return;
    check_budget(action, state, now);
    check_share(action, state, now);
    check_kept(action, release, now);
    check_heals(action, release, now);
    check_watched(release, state, now);
}

void Checks::check_gates(const Action& action, const engine::State& state, Timestamp now) {
    const auto& release = state.releases.at(action.release);
    const bool clears = release.kind == ReleaseKind::retire;
    if (!clears && banned_.contains({release.key, action.assignment_digest}))
        fail("11: quarantined " + action.version + " sent to " + action.key.text(), now);
    if (goes_on_.contains(action.id)) return;
    const auto entry = state.outbox.find(action.id);
    const bool restores = entry != state.outbox.end() && entry->second.restore;
    if (!restores || last_.at(release.key)->rollback.respect_windows)
        check_window(action, release, restores, now);
    const auto* asked = wish(release.key);
    if (!restores && asked && asked->paused) fail("8: sent while paused", now);
}

/// What keeps the state keeps the newest one that was brought about.
void Checks::check_kept(const Action& action, const Release& release, Timestamp now) {
    const auto done = done_.find(release.key);
    if (!models_.absent_is_kept || !is_upkeep(release.kind) || done == done_.end() ||
        action.kind == ActionKind::uninstall)
        return;
    const bool pinned = action.assignment_digest != release.digest;
    if (!pinned && done->second.kind == ReleaseKind::uninstall)
        fail("21: " + action.version + " comes back to " + action.key.text(), now);
}

void Checks::check_heals(const Action& action, const Release& release, Timestamp now) {
    constexpr std::size_t kMost = 20;
    if (!models_.restless || release.kind != ReleaseKind::heal) return;
    auto& times = heals_[slotless(action.key)];
    std::erase_if(times, [&](Timestamp at) { return at + 6h < now; });
    times.push_back(now);
    if (times.size() > kMost) fail("19: healed again and again: " + action.key.text(), now);
}

/// By the window of the accepted commit, and by that before the change: no commit opens its own.
bool Checks::is_open(const Release& release, Timestamp now) const {
    const auto opens = [&](const std::string& commit) {
        const auto* window = git_.window_at(commit, release.key.environment);
        return !window || simulation::is_open(*window, now);
    };
    const auto& asked = *last_.at(release.key);
    const bool introduces =
        release.kind != ReleaseKind::heal && release.kind != ReleaseKind::catch_up;
    return opens(asked.commit) && (!introduces || opens(asked.intent.parent));
}

void Checks::check_window(const Action& action, const Release& release, bool restores,
                          Timestamp now) {
    if (release.kind == ReleaseKind::retire || is_open(release, now)) return;
    const auto& environments = git_.at(git_.root()).config.fleet.environments;
    const auto on_close = environments.at(release.key.environment).window->on_close;
    const bool admitted =
        !restores &&
        ((on_close == OnClose::finish_release && begun_.contains(release.id)) ||
         (on_close == OnClose::finish_step && steps_begun_.contains({release.id, action.step})));
    if (!admitted) fail("8: sent outside the window", now);
}

void Checks::check_budget(const Action& action, const engine::State& state, Timestamp now) {
    const auto& release = state.releases.at(action.release);
    const auto* asked = wish(release.key);
    if (!asked || asked->strategy.type != StrategyType::rolling) return;
    std::map<InstallKey, bool> moving;
    for (const auto& [id, entry] : state.outbox)
        if (!entry.lost || asked->offline == Offline::wait)
            moving[slotless(entry.action.key)] = entry.restore;
    const auto is_let_go = [](const Release& of, const std::string& name) {
        const auto progress = of.targets.find(name);
        return progress != of.targets.end() && progress->second.let_go;
    };
    const auto& sides = state.assignments.at(release.key).sides;
    // What is out of traffic by then is gone, whatever breaks before its action begins.
    const bool drains = sides && engine::drains_first(state, release.key);
    int gone = 0;
    int changing = 0;
    bool repairs = false;  // what is broken already: that takes nothing away
    for (const auto& target : asked->targets) {
        const InstallKey key{target.name, release.key.project, ""};
        const auto action_there = moving.find(key);
        const bool busy = action_there != moving.end();
        const bool is_there =
            asked->offline == Offline::wait ||
            (state.agents.contains(target.agent) && state.agents.at(target.agent).online &&
             !state.troubles.contains(key));
        const bool broken =
            is_broken(state, target.agent, live_key(state, release.key, target.name));
        // A restore is exempt: it makes nothing less available.
        if (busy && !action_there->second) ++changing;
        const bool away = drains ? !broken && sides->out.contains(target.name) : broken;
        if ((busy || (away && is_there)) && !is_let_go(release, target.name)) ++gone;
        repairs = repairs || (broken && key == slotless(action.key));
    }
    const auto unavailable = asked->strategy.max_unavailable.value_or(Amount{});
    const int limit = unavailable.of(static_cast<int>(asked->targets.size()));
    if (gone > limit && !repairs)
        fail(fmt::format("6: {} of {} away: {} to {}", gone, limit, to_string(release.kind),
                         action.key.text()),
             now);
    if (changing > limit) fail(fmt::format("6: {} of {} changing at once", changing, limit), now);
}

/// A canary step gives the version to no more than its share of all targets. It was fixed at the
/// release's start, and some may have left since.
void Checks::check_share(const Action& action, const engine::State& state, Timestamp now) {
    const auto& release = state.releases.at(action.release);
    const auto* asked = wish(release.key);
    if (!asked || release.kind != ReleaseKind::introduce ||
        release.strategy != StrategyType::canary || asked->intent.commit != release.commit)
        return;
    const auto& step = release.steps.at(static_cast<std::size_t>(action.step));
    const auto& entries = asked->strategy.steps;
    const auto percent = *entries.at(static_cast<std::size_t>(step.entry) - 1).percent;
    int have = 0;
    for (const auto& target : asked->targets) {
        const auto progress = release.targets.find(target.name);
        if (progress == release.targets.end()) continue;
        const auto status = progress->second.status;
        const bool same = progress->second.agent == target.agent;
        have += (status == TargetStatus::success && same) || status == TargetStatus::dispatched ||
                        status == TargetStatus::unreported
                    ? 1
                    : 0;
    }
    const auto most = covered_[release.id];
    if (have > std::max(1, most * percent / 100))
        fail(fmt::format("7: {} of {} have it at {} %", have, most, percent), now);
}

void Checks::check_revert(const engine::RevertRequest& request, const engine::State& state,
                          Timestamp now) {
    if (!state.releases.at(request.release).condemned) return;  // nobody promoted it, or routed
    if (!banned_.contains({request.key, request.guilty_digest}))
        fail("11: a revert of what a person wants tried: " + request.guilty_version, now);
}

// ---- what is done

void Checks::on_durable(const Batch& batch) {
    for (const auto& entry : batch.audit)
        if (entry.kind == "action.run" || entry.kind == "action.restore")
            audited_.insert(entry.subject);
    for (const auto& write : batch.writes) {
        if (const auto* put = std::get_if<Put>(&write); put && put->table == Table::action) {
            in_outbox_[put->key] = outbox_entry_from_json(put->body).value().agent;
            was_in_outbox_.insert(put->key);
        }
        if (const auto* erase = std::get_if<Erase>(&write); erase && erase->table == Table::action)
            in_outbox_.erase(erase->key);
        if (const auto* put = std::get_if<Put>(&write); put && put->table == Table::quarantine)
            make_durable(quarantine_from_json(put->body).value());
    }
}

/// 23: traffic only where a deploy ended well, or to the last that nobody is known to be better
/// than; 24: never taken away from all, but by an uninstall.
void Checks::check_route(const Route& route, const engine::State& state, Timestamp now) {
    int given = 0;
    std::string wrong;
    std::string weights;
    bool any_right = false;
    for (const auto& server : route.servers) {
        given += server.weight;
        const InstallKey key{server.target, route.key.project, server.slot};
        if (server.weight == 0) continue;
        weights += fmt::format("{} {} ", server.name, server.weight);
        if (deployed_.contains(key) || is_reported(state, key))
            any_right = true;
        else
            wrong = server.name;
    }
    if (!wrong.empty() && any_right)
        fail(fmt::format("23: traffic to {}, which was not deployed: {}", wrong, weights), now);
    if (given > 0) served_.insert(route.key);
    const auto& assignment = state.assignments.at(route.key);
    if (assignment.sides && route.revision < assignment.sides->revision) return;  // another follows
    const auto* active =
        assignment.active.empty() ? nullptr : &state.releases.at(assignment.active);
    const bool leaves = active && active->kind == ReleaseKind::uninstall;
    const bool is_there = assignment.good && !assignment.good->good.absent && assignment.sides;
    const auto* asked = wish(route.key);
    if (given > 0 || leaves || !is_there || !asked || !served_.contains(route.key)) return;
    const auto& served = assignment.sides->served;
    const auto live = served.find(assignment.sides->live);
    if (live == served.end() || live->first.empty()) return;  // it may have no server
    const auto& names = live->second;
    if (std::ranges::any_of(asked->targets, [&](const DesiredTarget& target) {
            return names.contains(target.name);
        }))
        fail(fmt::format("24: nobody of {} gets any traffic: revision {}, {}", route.key.text(),
                         route.revision, to_json(*assignment.sides)),
             now);
}

void Checks::on_send(const engine::Send& send, const engine::State& state, Timestamp now) {
    // After a lost store the same may have been decided anew since, as nobody knew of it.
    if (const auto* ack = std::get_if<engine::AckResults>(&send.message))
        for (const auto& id : ack->actions)
            if (const auto row = in_outbox_.find(id); row != in_outbox_.end() &&
                                                      row->second == send.agent &&
                                                      acknowledged_[id] == rows_decided_[id])
                fail("14: acknowledged before it was durable: " + id, now);
    if (const auto* set = std::get_if<engine::SetRoute>(&send.message); set && !set->forget)
        check_route(set->route, state, now);
    const auto* run = std::get_if<engine::Run>(&send.message);
    if (!run || run->action.kind == ActionKind::verify) return;
    const auto& id = run->action.id;
    if (!audited_.contains(id)) fail("17: no audit entry before " + id, now);
    if (!was_in_outbox_.contains(id)) fail("14: not in the outbox: " + id, now);
    if (!models_.judged_when_sent) return;
    if (!in_outbox_.contains(id)) fail("14: taken back, yet sent: " + id, now);
    check_gates(run->action, state, now);
}

}  // namespace tidegate::simulation
