#include <spdlog/spdlog.h>

#include "reconciler/daemon/crash_point.h"
#include "reconciler/daemon/daemon.h"

namespace tidegate::daemon {
void Daemon::persist(Batch batch, std::function<void(Result<void>)> done) {
    effects_.push(std::move(batch), [done = std::move(done)] { done({}); });
}

void Daemon::on_connected(const Hello& hello, Inventory inventory) {
    spdlog::info("agents: {} is online with {} installations", hello.agent,
                 inventory.installations.size());
    feed(engine::AgentConnected{hello, std::move(inventory)});
    publish_fleet();
}

void Daemon::on_changed(const std::string& agent, std::vector<Installation> changed) {
    feed(engine::AgentChanged{agent, std::move(changed)});
}

void Daemon::on_update(const std::string& agent, const ActionUpdate& update) {
    feed(engine::ActionUpdated{agent, update});
}

void Daemon::on_result(const std::string& agent, const ActionResult& result) {
    crash_point("result.received");
    ++publisher_.edit().counters.actions_ended[std::string{to_string(result.outcome)}];
    feed(engine::ActionFinished{agent, result});
}

void Daemon::on_fenced(const std::string& agent, std::uint64_t highest_epoch) {
    feed(engine::AgentFenced{agent, highest_epoch});
    publisher_.edit().fenced = state_.fenced;
}

void Daemon::on_log(const std::string& agent, const std::string& action, std::string_view bytes) {
    const auto entry = state_.outbox.find(action);
    if (entry != state_.outbox.end() && entry->second.agent == agent) logs_->append(action, bytes);
}

void Daemon::on_disconnected(const std::string& agent, const std::string& reason) {
    spdlog::info("agents: {} is offline: {}", agent, reason);
    feed(engine::AgentDisconnected{agent});
    publish_fleet();
}

void Daemon::on_alert(const std::string& agent, const std::string& text) {
    ++publisher_.edit().counters.alerts;
    spdlog::warn("agents: {}{}{}", agent, agent.empty() ? "" : ": ", text);
}

void Daemon::publish_fleet() {
    auto& snapshot = publisher_.edit();
    const auto stats = fleet_ ? fleet_->stats() : FleetStats{};
    snapshot.agents_online = static_cast<int>(stats.online);
    snapshot.agents_known = static_cast<int>(state_.agents.size());
    snapshot.counters.agents_refused = stats.refused + stats.transport.handshakes_failed;
}

}  // namespace tidegate::daemon
