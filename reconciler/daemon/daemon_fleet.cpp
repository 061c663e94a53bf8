#include <spdlog/spdlog.h>

#include "reconciler/daemon/crash_point.h"
#include "reconciler/daemon/daemon.h"
#include "schema/base/limits.h"

namespace tidegate::daemon {

bool Daemon::put_off(const std::string& agent) {
    if (!effects_.full()) return false;
    fleet_->drop(agent, "the daemon's store is behind");
    return true;
}

void Daemon::persist(Batch batch, std::function<void(Result<void>)> done) {
    if (effects_.full()) {
        asio::post(io_, [done = std::move(done)] {
            done(fail(ErrorCode::exhausted, "the daemon's store is behind; try again later"));
        });
        return;
    }
    effects_.push(std::move(batch), [done = std::move(done)] { done({}); });
}

bool Daemon::is_in_outbox(const std::string& action, const std::string& agent) const {
    const auto entry = state_.outbox.find(action);
    return entry != state_.outbox.end() && entry->second.agent == agent;
}

void Daemon::note_ended(const std::string& agent, const std::vector<ActionResult>& results) {
    for (const auto& result : results) {
        if (!is_in_outbox(result.id, agent)) continue;
        ++publisher_.edit().counters.actions_ended[std::string{to_string(result.outcome)}];
        ended_.add(result.id, agent);
    }
}

void Daemon::log_of(const std::string& agent, std::string_view matter, const std::string& text) {
    const auto unsaid = said_[agent].say(std::string{matter}, clocks().lived.time_since_epoch(),
                                         limits::kLinesPerAgentMax);
    if (unsaid) spdlog::info("agents: {} {}{}", agent, text, and_unsaid(*unsaid));
}

void Daemon::on_connected(const Hello& hello, Inventory inventory) {
    log_of(hello.agent, "online",
           fmt::format("is online with {} installations", inventory.installations.size()));
    if (put_off(hello.agent)) return;
    note_ended(hello.agent, inventory.results);
    feed(engine::AgentConnected{hello, std::move(inventory)});
    publisher_.touch();
}

void Daemon::on_changed(const std::string& agent, std::vector<Installation> changed) {
    if (put_off(agent)) return;
    feed(engine::AgentChanged{agent, std::move(changed)});
}

void Daemon::on_update(const std::string& agent, const ActionUpdate& update) {
    if (put_off(agent)) return;
    feed(engine::ActionUpdated{agent, update});
}

void Daemon::on_result(const std::string& agent, const ActionResult& result) {
    crash_point("result.received");
    if (put_off(agent)) return;
    note_ended(agent, {result});
    feed(engine::ActionFinished{agent, result});
}

void Daemon::on_fenced(const std::string& agent, std::uint64_t highest_epoch) {
    feed(engine::AgentFenced{agent, highest_epoch});
    publisher_.edit().fenced = state_.fenced;
}

void Daemon::on_routed(const std::string& agent, const RouteReport& report) {
    if (put_off(agent)) return;
    feed(engine::RouteTold{agent, report});
}

void Daemon::on_log(const std::string& agent, const std::string& action, std::string_view bytes) {
    if (is_in_outbox(action, agent) || ended_.belongs(action, agent)) logs_->append(action, bytes);
}

/// To the engine it is away already; outcomes are taken in from whoever has them.
void Daemon::on_stopping(const std::string& agent) {
    log_of(agent, "stopping", "is stopping");
    feed(engine::AgentDisconnected{agent});
    publisher_.touch();
}

void Daemon::on_disconnected(const std::string& agent, const std::string& reason) {
    log_of(agent, "offline", "is offline: " + reason);
    feed(engine::AgentDisconnected{agent});
    publisher_.touch();
}

void Daemon::on_revoked(const std::string& agent) {
    feed(engine::AgentRevoked{agent});
    publisher_.touch();
}

void Daemon::on_heard(const std::set<std::string>& agents) {
    for (const auto& agent : agents) {
        const auto served = state_.by_agent.find(agent);
        const auto at = fleet_->last_seen(agent);
        if (served == state_.by_agent.end() || !at) continue;
        for (const auto& [key, targets] : served->second)
            for (const auto& target : targets) publisher_.seen(target, *at);
    }
}

void Daemon::on_server_renewed(const transport::Credential& server, const Renewal& renewal) {
    renewal.clock_doubted ? on_alert({}, renewal.text) : on_notice({}, renewal.text);
    if (!config_worker_) return;  // at the start open_pki has kept it
    on_config_worker([this, server] { return keep_server(data_dir_.root(), server); },
                     [](Result<void> kept) {
                         if (!kept) spdlog::warn("agents: {}", kept.error().text());
                     });
}

void Daemon::on_alert(const std::string& agent, const std::string& text) {
    ++publisher_.edit().counters.alerts;
    spdlog::warn("agents: {}{}{}", agent, agent.empty() ? "" : ": ", text);
}

void Daemon::on_notice(const std::string& agent, const std::string& text) {
    spdlog::info("agents: {}{}{}", agent, agent.empty() ? "" : ": ", text);
}

void Daemon::refresh(StatusSnapshot& snapshot) const {
    if (fleet_) {
        const auto stats = fleet_->stats();
        const auto unnamed = fleet_->count_enrolled(
            [this](const std::string& agent) { return !state_.by_agent.contains(agent); });
        snapshot.agents_online = static_cast<int>(stats.online);
        snapshot.agents_known = static_cast<int>(state_.by_agent.size() + unnamed);
        snapshot.counters.agents_refused = stats.refused + stats.transport.handshakes_failed;
        snapshot.counters.enrolments_refused = stats.enrolments_refused;
        snapshot.counters.initials_dropped = stats.transport.initials_dropped;
    }
    if (store_) {
        const auto stats = store_->stats();
        snapshot.counters.store_commits = stats.commits;
        snapshot.counters.store_seconds = stats.seconds;
    }
    snapshot.store_trouble = effects_.trouble();
}

}  // namespace tidegate::daemon
