#include "reconciler/engine/drain.h"
#include "schema/base/limits.h"
#include "schema/model/slots.h"
#include "tests/simulation/engine/world.h"

namespace tidegate::simulation {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t kFrameBytes = 1'000;  ///< of an action, beside its script
constexpr std::size_t kWorkers = 8;         ///< as an agent's

}  // namespace

/// A host for each agent that the config names; it was enrolled, and comes by itself.
void World::ensure_agents() {
    for (const auto& [name, place] : git_.fleet().environments)
        for (const auto& target : place.targets) {
            if (agents_.contains(target.agent)) continue;
            HostPorts ports{
                [this](Milliseconds after, std::function<void()> act) { later(after, act); },
                [this, agent = target.agent](const machine::Effect& effect) { up(agent, effect); },
                [this](const std::string& what) { checks_.fail(what, now_); },
                [this] { return now_; },
                [this](int from, int to) { return pick(from, to); },
            };
            agents_[target.agent] = std::make_unique<ModelAgent>(target.agent, std::move(ports));
            agents_[target.agent]->moody = faults_;
            agents_[target.agent]->workers = options_.models.bounded_queues ? kWorkers : 0;
            agents_[target.agent]->probes_see_bad = !faults_ || options_.models.probes_see_bad;
            agents_[target.agent]->looks_twice =
                faults_ && options_.models.second_looks && pick(0, 3) > 0;
            links_[target.agent];
            if (daemon_up_) later(10s, [this, agent = target.agent] { connect(agent); });
        }
}

void World::connect(const std::string& name) {
    auto& link = links_[name];
    auto& host = *agents_.at(name);
    if (link.up || !daemon_up_ || !host.up()) return;
    link.up = true;
    link.bytes = 0;
    ++link.session;
    host.feed(machine::WelcomeCommand{epoch_, true});
    note("connect " + name);
    Hello hello;
    hello.agent = name;
    hello.boot_id = std::to_string(link.session);
    hello.highest_epoch = host.epoch();
    hello.runs_at_once = static_cast<int>(host.workers);
    for (const auto known : {kVerifyCapability, kSlotsCapability, kHaproxyCapability})
        hello.capabilities.emplace_back(known);
    if (host.looks_twice) hello.capabilities.emplace_back(kSecondLookCapability);
    revoked_.erase(name);  // enrolled anew
    feed(engine::AgentConnected{hello, host.inventory()});
}

/// Both ends lose the link; the daemon learns late, or only by the agent's next connection.
void World::cut(const std::string& name) {
    auto& link = links_[name];
    if (!link.up) return;
    link.up = false;
    ++link.session;
    daemon_later(Milliseconds(pick(0, faults_ ? 5'000 : 100)),
                 [this, session = link.session, name] {
                     if (links_[name].session == session) feed(engine::AgentDisconnected{name});
                 });
}

void World::disconnect(const std::string& name, Milliseconds back_after) {
    note("link down " + name);
    cut(name);
    later(back_after, [this, session = links_[name].session, name] {
        if (links_[name].session == session) connect(name);
    });
}

machine::Input World::input_of(const engine::Send& send) {
    if (const auto* cancel = std::get_if<engine::Cancel>(&send.message))
        return machine::CancelCommand{cancel->epoch, cancel->action};
    if (const auto* ack = std::get_if<engine::AckResults>(&send.message))
        return machine::AckCommand{ack->actions};
    if (const auto* set = std::get_if<engine::SetRoute>(&send.message))
        return machine::SetRouteCommand{set->epoch, set->route, set->forget};
    const auto& run = std::get<engine::Run>(send.message);
    note(fmt::format("run {} {} on {}", to_string(run.action.kind), run.action.version,
                     run.action.key.text()));
    auto& host = *agents_.at(send.agent);
    // An older daemon that does not know it is dead.
    if (faults_ && pick(0, 20) == 0 && host.epoch() == run.epoch) {
        auto stale = run.action;
        stale.id = "stale " + stale.id;
        const auto before = host.inventory().running.size();
        host.feed(machine::RunCommand{run.epoch - 1, stale});
        if (host.inventory().running.size() != before)
            checks_.fail("4: a stale epoch was obeyed", now_);
    }
    return machine::RunCommand{run.epoch, run.action};
}

/// As the transport does: a queue that is full ends the link.
bool World::overflows(const std::string& agent, const engine::Send& send) {
    const auto* run = std::get_if<engine::Run>(&send.message);
    if (!run || !options_.models.bounded_queues) return false;
    const auto bytes = kFrameBytes + run->action.deploy.script.install_script.size();
    if (links_[agent].bytes + bytes > limits::kSendQueueBytesMax) {
        note("send queue full");
        disconnect(agent, Milliseconds(pick(100, 10'000)));
        return true;
    }
    links_[agent].bytes += bytes;
    later(300ms, [this, agent, bytes, session = links_[agent].session] {
        if (links_[agent].session == session) links_[agent].bytes -= bytes;
    });
    return false;
}

/// 25: without slots nothing is done to a target to which a balancer that is there sends requests.
void World::check_drained(const engine::Send& send) {
    const auto* run = std::get_if<engine::Run>(&send.message);
    if (!run || run->resumes || run->action.kind == ActionKind::verify) return;
    if (!begun_.insert(run->action.id).second) return;
    const auto& release = state_.releases.at(run->action.release);
    const auto entry = state_.outbox.find(run->action.id);
    const auto& sides = state_.assignments.at(release.key).sides;
    if (entry == state_.outbox.end() || entry->second.restore || !sides || !sides->traffic ||
        !engine::drains_first(state_, release.key) || run->action.key.slot != sides->live)
        return;
    for (const auto& [name, host] : agents_) {
        if (!state_.agents.contains(name) || !state_.agents.at(name).online) continue;
        for (const auto& [id, route] : host->in_force)
            for (const auto& server : route.servers)
                if (route.key == release.key && server.weight > 0 &&
                    server.target == run->action.key.target && server.slot == sides->live)
                    checks_.fail(fmt::format("25: changed under traffic: {} by {} with revision {}",
                                             run->action.key.text(), name, route.revision),
                                 now_);
    }
}

/// 25: what a balancer sends requests to is not removed, but by an uninstall.
void World::check_removal(const engine::Send& send) {
    const auto* run = std::get_if<engine::Run>(&send.message);
    if (!run || run->action.kind != ActionKind::uninstall) return;
    const auto& release = state_.releases.at(run->action.release);
    if (release.kind != ReleaseKind::retire) return;
    for (const auto& [name, host] : agents_)
        for (const auto& [id, route] : host->in_force)
            for (const auto& server : route.servers)
                if (route.key == release.key && server.weight > 0 &&
                    server.target == run->action.key.target && server.slot == run->action.key.slot)
                    checks_.fail(fmt::format("25: removed under traffic: {} by {} with revision {}",
                                             run->action.key.text(), name, route.revision),
                                 now_);
}

void World::perform_one(const engine::Send& send) {
    if (!engine::leave(state_, send, clocks())) {
        const auto& run = std::get<engine::Run>(send.message);
        return feed(engine::Unsent{send.agent, run.action.id, run.resumes});
    }
    checks_.on_send(send, state_, wall());
    check_removal(send);
    check_drained(send);
    if (const auto* set = std::get_if<engine::SetRoute>(&send.message))
        note(fmt::format("{} {} of {} to {}", set->forget ? "forget route" : "set route",
                         set->route.revision, set->route.key.text(), send.agent));
    auto& link = links_[send.agent];
    if (!link.up || overflows(send.agent, send)) return;
    const auto input = input_of(send);
    link.down_last = std::max(link.down_last, now_ + Milliseconds(pick(1, 300)));
    const int copies = faults_ && pick(0, 10) == 0 ? 2 : 1;
    for (int i = 0; i < copies; ++i)
        later(link.down_last - now_, [this, agent = send.agent, session = link.session, input] {
            if (links_[agent].session == session) agents_.at(agent)->feed(input);
        });
}

void World::up(const std::string& name, const machine::Effect& effect) {
    auto& link = links_[name];
    if (!link.up) return;
    engine::Event event;
    if (const auto* result = std::get_if<machine::ReportResult>(&effect))
        event = engine::ActionFinished{name, result->result};
    else if (const auto* changed = std::get_if<machine::ReportChanged>(&effect))
        event = engine::AgentChanged{name, {changed->installation}};
    else if (const auto* routed = std::get_if<machine::ReportRoute>(&effect))
        event = engine::RouteTold{name, routed->report};
    else
        return;
    link.up_last = std::max(link.up_last, now_ + Milliseconds(pick(1, 300)));
    later(link.up_last - now_, [this, name, session = link.session, event] {
        if (links_[name].session == session) feed(event);
    });
}

}  // namespace tidegate::simulation
