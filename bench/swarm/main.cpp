/// bench-swarm: many agents in one process, over real QUIC, each with its own certificate,
/// connection and journal. Agents are read from stdin: `NAME TOKEN` (or `NAME` alone where an
/// earlier run has enrolled it), one on a line. Runs until SIGTERM.

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <asio/signal_set.hpp>
#include <csignal>
#include <cstring>
#include <iostream>
#include <sstream>

#include "agent/drivers/supervision.h"
#include "agent/drivers/supervisor.h"
#include "bench/swarm/swarm.h"

namespace tidegate::bench {
namespace {

Result<SwarmOptions> read_agents(SwarmOptions options) {
    for (std::string line; std::getline(std::cin, line);) {
        std::istringstream words{line};
        std::string name;
        std::string token;
        words >> name >> token;
        options.agents.emplace_back(std::move(name), std::move(token));
    }
    if (options.agents.empty()) return fail(ErrorCode::invalid, "no agents on stdin");
    return options;
}

int run(SwarmOptions options) {
    asio::io_context io;
    auto swarm = Swarm::open(io, std::move(options));
    const auto started = swarm ? (*swarm)->start() : Result<void>{fail(swarm.error())};
    if (!started) {
        fmt::print(stderr, "bench-swarm: {}\n", started.error().text());
        return 1;
    }
    asio::signal_set signals{io, SIGTERM, SIGINT};
    signals.async_wait([&](const asio::error_code&, int) { io.stop(); });
    io.run();
    // Sockets and threads of a thousand agents need no farewell: the process ends.
    const int code = (*swarm)->failed() ? 1 : 0;
    std::_Exit(code);
}

}  // namespace
}  // namespace tidegate::bench

int main(int argc, char** argv) {
    using namespace tidegate;
    if (argc == 2 && std::strcmp(argv[1], agent::kSuperviseArgument) == 0)
        return agent::supervise();
    std::signal(SIGPIPE, SIG_IGN);
    bench::SwarmOptions options;
    bool no_scripts = false;
    CLI::App app{"Many agents in one process; names and tokens come from stdin."};
    app.add_option("--server", options.server, "the daemon's address")->required();
    app.add_option("--port", options.port, "and its port")->required();
    app.add_option("--data-dir", options.data_dir, "agents' directories go in here")->required();
    app.add_flag("--no-scripts", no_scripts, "every action is done at once, nothing is spawned");
    CLI11_PARSE(app, argc, argv);
    options.run_scripts = !no_scripts;
    auto complete = bench::read_agents(std::move(options));
    if (!complete) {
        fmt::print(stderr, "bench-swarm: {}\n", complete.error().text());
        return 2;
    }
    return bench::run(*std::move(complete));
}
