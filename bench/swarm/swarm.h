#pragma once
/// Many agents in one process, and one pool of workers that runs their actions.

#include <asio/io_context.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/daemon/action_runner.h"
#include "bench/swarm/host.h"

namespace tidegate::bench {

struct SwarmOptions {
    std::string server;
    std::uint16_t port = 0;
    std::string data_dir;
    bool run_scripts = true;  ///< false: every action is done at once, nothing is spawned
    std::vector<std::pair<std::string, std::string>> agents;  ///< name, token (or empty)
};

/// Prints a line on stdout, as JSON, when all agents are connected, and for each version when it is
/// durably applied by all of them, with the number of links lost so far. Times are Unix seconds.
class Swarm final : private Owner {
public:
    [[nodiscard]] static Result<std::unique_ptr<Swarm>> open(asio::io_context& io,
                                                             SwarmOptions options);

    /// Begins to connect: a few at a time, for the daemon bounds how many may enrol at once.
    [[nodiscard]] Result<void> start();
    [[nodiscard]] bool failed() const { return failed_; }

private:
    Swarm(asio::io_context& io, SwarmOptions options) : io_{io}, options_{std::move(options)} {}

    void start(Host& host, machine::Start start) override;
    void connected(Host& host) override;
    void disconnected() override { ++links_lost_; }
    void stopped(Host& host, const Error& error) override;
    void acknowledged(Host& host, const ActionResult& result) override;

    agent::RunnerEvents runner_events();
    Host* host_of(const std::string& action);
    [[nodiscard]] Result<void> start_next();

    asio::io_context& io_;
    SwarmOptions options_;
    bool failed_ = false;
    std::size_t links_lost_ = 0;
    std::vector<std::unique_ptr<Host>> hosts_;
    std::set<std::string> connected_;
    std::map<std::string, std::size_t> applied_;      ///< agents, by version
    std::unordered_map<std::string, Host*> running_;  ///< by action
    std::unique_ptr<agent::ActionRunner> runner_;     ///< last: its threads call back
};

}  // namespace tidegate::bench
