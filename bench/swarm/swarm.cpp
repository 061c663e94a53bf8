#include "bench/swarm/swarm.h"

#include <fmt/core.h>

#include <asio/post.hpp>
#include <chrono>
#include <cstdio>

namespace tidegate::bench {
namespace {

constexpr std::size_t kConnectingAtOnce = 16;

double unix_seconds() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

}  // namespace

Result<std::unique_ptr<Swarm>> Swarm::open(asio::io_context& io, SwarmOptions options) {
    std::unique_ptr<Swarm> swarm{new Swarm{io, std::move(options)}};
    agent::AgentConfig config;
    config.allow_root = true;
    auto rules = TRY(agent::make_host_rules(std::move(config), swarm->options_.data_dir));
    CHECK(agent::make_tmp_dir(rules));
    swarm->runner_ =
        std::make_unique<agent::ActionRunner>(std::move(rules), swarm->runner_events());
    return swarm;
}

Result<void> Swarm::start() {
    for (std::size_t i = 0; i < kConnectingAtOnce; ++i) CHECK(start_next());
    return {};
}

Result<void> Swarm::start_next() {
    if (hosts_.size() == options_.agents.size()) return {};
    const auto& [name, token] = options_.agents[hosts_.size()];
    HostOptions host;
    host.server = options_.server;
    host.port = options_.port;
    host.name = name;
    host.data_dir = options_.data_dir + '/' + name;
    host.token = token;
    hosts_.push_back(TRY(Host::open(io_, std::move(host), *this)));
    return {};
}

agent::RunnerEvents Swarm::runner_events() {
    agent::RunnerEvents events;
    events.finished = [this](machine::Finished finished, std::string log) {
        asio::post(io_, [this, finished = std::move(finished), log = std::move(log)] {
            auto* host = host_of(finished.action);
            host->finished(finished, log);
            const std::scoped_lock lock{mutex_};
            running_.erase(finished.action);
        });
    };
    events.update = [this](ActionUpdate update) {
        asio::post(io_, [this, update = std::move(update)] {
            if (auto* host = host_of(update.id)) host->update(update);
        });
    };
    events.process_started = [this](const agent::ProcessStarted& process) {
        host_of(process.action)->process_started(process);
    };
    return events;
}

Host* Swarm::host_of(const std::string& action) {
    const std::scoped_lock lock{mutex_};
    const auto found = running_.find(action);
    return found == running_.end() ? nullptr : found->second;
}

void Swarm::start(Host& host, machine::Start start) {
    if (!options_.run_scripts) {
        asio::post(io_, [&host, id = start.action.id] {
            host.finished({id, ActionOutcome::done, {}, {}, {}}, {});
        });
        return;
    }
    {
        const std::scoped_lock lock{mutex_};
        running_.emplace(start.action.id, &host);
    }
    runner_->start(std::move(start), {});
}

void Swarm::connected(Host& host) {
    if (!connected_.insert(host.name()).second) return;
    if (const auto next = start_next(); !next) return stopped(host, next.error());
    if (connected_.size() < options_.agents.size()) return;
    fmt::print("{{\"connected\": {}, \"at\": {:.6f}}}\n", connected_.size(), unix_seconds());
    std::fflush(stdout);
}

void Swarm::stopped(Host& host, const Error& error) {
    fmt::print(stderr, "bench-swarm: {}: {}\n", host.name(), error.text());
    failed_ = true;
    io_.stop();
}

void Swarm::acknowledged(Host& host, const ActionResult& result) {
    const auto& version = result.installation.version;
    if (result.outcome != ActionOutcome::done)
        fmt::print(stderr, "bench-swarm: {}: {} {}: {}\n", host.name(), version,
                   to_string(result.outcome), result.error);
    else if (++applied_[version] == options_.agents.size())
        fmt::print("{{\"applied\": \"{}\", \"at\": {:.6f}, \"links_lost\": {}}}\n", version,
                   unix_seconds(), links_lost_);
    std::fflush(stdout);
}

}  // namespace tidegate::bench
