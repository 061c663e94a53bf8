#include "tests/simulation/engine/checks.h"

#include <algorithm>

#include "schema/model/json.h"

namespace tidegate::simulation {

void Checks::fail(const std::string& what, Timestamp now) {
    if (violations.size() < 20) violations.push_back(format_rfc3339(now) + " " + what);
}

void Checks::on_audit(const AuditEntry& entry) {
    if (entry.kind == "action.run" || entry.kind == "action.restore")
        audited_.insert(entry.subject);
}

void Checks::on_rows(const std::vector<std::variant<Put, Erase>>& writes,
                     const engine::State& state, Timestamp now) {
    for (const auto& write : writes) {
        if (const auto* put = std::get_if<Put>(&write); put && put->table == Table::action) {
            in_outbox_.insert(put->key);
            const auto entry = outbox_entry_from_json(put->body).value();
            const auto release = state.releases.find(entry.action.release);
            if (release != state.releases.end() && !entry.restore &&
                is_open(release->second, now)) {
                begun_.insert(release->first);
                steps_begun_.emplace(release->first, entry.action.step);
            }
        }
        if (const auto* put = std::get_if<Put>(&write); put && put->table == Table::quarantine) {
            const auto set = quarantine_from_json(put->body).value();
            banned_.try_emplace({set.key, set.digest}, banned_by(set));
        }
        if (const auto* erase = std::get_if<Erase>(&write); erase && erase->table == Table::action)
            in_outbox_.erase(erase->key);
    }
}

/// What a person had asked by then is no answer to it.
Checks::Banned Checks::banned_by(const Quarantine& set) const {
    const auto wish = wishes_.find(set.key);
    if (wish == wishes_.end() || wish->second->definition->digest != set.digest)
        return {set.digest_commit, set.retry};
    return {wish->second->intent.digest_commit, wish->second->retry};
}

void Checks::forget_store() {
    in_outbox_.clear();
    banned_.clear();
}

/// A person's commit lifts: the digest came in anew, or `retry` went up.
void Checks::on_wish(const Desired& desired) {
    wishes_ = desired.assignments;
    accepted_ = desired.commit;
    std::erase_if(banned_, [&](const auto& entry) {
        const auto found = desired.assignments.find(entry.first.first);
        if (found == desired.assignments.end()) return false;
        const auto& wish = *found->second;
        if (wish.definition->digest != entry.first.second) return false;
        return (wish.intent.digest_commit != entry.second.digest_commit &&
                !wish.intent.by_daemon) ||
               wish.retry > entry.second.retry;
    });
}

void Checks::on_send(const engine::Send& send, const engine::State& state, Timestamp now) {
    if (const auto* ack = std::get_if<engine::AckResults>(&send.message))
        for (const auto& id : ack->actions)
            if (in_outbox_.contains(id)) fail("14: acknowledged before it was durable: " + id, now);
    if (const auto* run = std::get_if<engine::Run>(&send.message))
        check_run(run->action, state, now);
}

void Checks::on_revert(const engine::RevertRequest& request, Timestamp now) {
    if (!banned_.contains({request.key, request.guilty_digest}))
        fail("11: a revert of what a person wants tried: " + request.guilty_version, now);
}

void Checks::check_run(const Action& action, const engine::State& state, Timestamp now) {
    if (!audited_.contains(action.id)) fail("17: no audit entry before " + action.id, now);
    if (!in_outbox_.contains(action.id)) fail("14: not in the outbox: " + action.id, now);
    const auto& release = state.releases.at(action.release);
    if (banned_.contains({release.key, action.assignment_digest}))
        fail("11: quarantined " + action.version + " sent to " + action.key.text(), now);
    const auto entry = state.outbox.find(action.id);
    const bool restores = entry != state.outbox.end() && entry->second.restore;
    const auto& rollback = fleet_.environments.at(release.key.environment).rollback;
    if (!restores || rollback.respect_windows) check_window(action, release, now);
    if (restores) return;
    if (const auto wish = wishes_.find(release.key); wish != wishes_.end() && wish->second->paused)
        fail("8: sent while paused", now);
    if (sent_.insert(action.id).second) check_budget(action, state, now);
}

/// By the window of the accepted commit, and by that before the change: no commit opens its own.
bool Checks::is_open(const Release& release, Timestamp now) const {
    const auto& environment = release.key.environment;
    const auto wish = wishes_.find(release.key);
    const bool introduces =
        release.kind != ReleaseKind::heal && release.kind != ReleaseKind::catch_up;
    const bool anchored = introduces && wish != wishes_.end() &&
                          git_.has_window(wish->second->intent.parent, environment);
    const auto hour = std::chrono::floor<std::chrono::hours>(now.time_since_epoch()).count() % 24;
    return hour < 12 || !(anchored || git_.has_window(accepted_, environment));
}

void Checks::check_window(const Action& action, const Release& release, Timestamp now) {
    if (is_open(release, now)) return;
    const auto on_close = fleet_.environments.at(release.key.environment).rules.window->on_close;
    const bool admitted =
        action.kind != ActionKind::rollback &&
        ((on_close == OnClose::finish_release && begun_.contains(release.id)) ||
         (on_close == OnClose::finish_step && steps_begun_.contains({release.id, action.step})));
    if (!admitted) fail("8: sent outside the window", now);
}

void Checks::check_budget(const Action& action, const engine::State& state, Timestamp now) {
    const auto& release = state.releases.at(action.release);
    const auto& place = fleet_.environments.at(release.key.environment);
    if (place.strategy.type != StrategyType::rolling) return;
    int gone = 0;
    int changing = 0;
    for (const auto& target : place.targets) {
        const InstallKey key{target.name, release.key.project, ""};
        bool busy = false;
        bool restored = false;  // exempt: it makes nothing less available
        for (const auto& [id, entry] : state.outbox) {
            if (entry.action.key != key || entry.lost) continue;
            busy = true;
            restored = restored || entry.restore;
        }
        bool broken = false;
        if (const auto agent = state.agents.find(target.agent); agent != state.agents.end())
            if (const auto seen = agent->second.installations.find(key);
                seen != agent->second.installations.end())
                broken = seen->second.status == InstallStatus::failed ||
                         seen->second.status == InstallStatus::unknown;
        if (busy && !restored) ++changing;
        if (busy || (broken && key != action.key)) ++gone;
    }
    const int moved = static_cast<int>(release.targets.size());
    const int limit = place.strategy.max_unavailable.of(moved);
    // Later repairs of what is broken already take nothing away.
    const bool repairs = gone == changing;
    if (gone > limit && !repairs && changing > limit)
        fail(fmt::format("6: {} of {} away", gone, limit), now);
    if (changing > limit) fail(fmt::format("6: {} of {} changing at once", changing, limit), now);
}

void Checks::check_release(const Release& release, Timestamp now) {
    bool former_passed = true;
    for (const auto& step : release.steps) {
        const bool begun = step.status == StepStatus::running || step.status == StepStatus::success;
        if (begun && !former_passed)
            fail(fmt::format("7: step {} of {} began too early", step.index, release.id), now);
        former_passed = step.status == StepStatus::success || step.status == StepStatus::skipped;
        if (step.status == StepStatus::success) {
            const auto verified = std::ranges::count_if(step.targets, [&](const auto& name) {
                const auto status = release.targets.at(name).status;
                return status != TargetStatus::waiting && status != TargetStatus::skipped;
            });
            if (verified < 1 || verified < step.required)
                fail(fmt::format("7: step {} passed with {} of {}", step.index, verified,
                                 step.required),
                     now);
        }
        if (step.status == StepStatus::running && !step.deadline)
            fail("2: a running step without a deadline", now);
    }
    if (release.status == ReleaseStatus::success && !former_passed)
        fail("7: success before the last step was done: " + release.id, now);
    if (is_active(release.status) && !release.deadline)
        fail("2: an active release without a deadline", now);
}

void Checks::after_step(const engine::State& state, Timestamp now) {
    std::map<AssignmentKey, int> active;
    for (const auto& [key, assignment] : state.assignments) {
        for (const auto& id : assignment.releases) {
            const auto& release = state.releases.at(id);
            if (is_active(release.status)) ++active[key];
            const bool succeeds =
                release.status == ReleaseStatus::success && succeeded_.insert(id).second;
            if (succeeds || !is_final(release.status)) check_release(release, now);
        }
        if (active[key] > 1) fail("5: two active releases of " + key.text(), now);
    }
    std::map<InstallKey, int> busy;
    for (const auto& [id, entry] : state.outbox)
        if (++busy[entry.action.key] > 1)
            fail("5: two actions for " + entry.action.key.text(), now);
}

}  // namespace tidegate::simulation
