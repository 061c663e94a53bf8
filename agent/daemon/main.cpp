/// tidegate-agent: one per host. Exit codes: 0 ended on request, 1 a problem, 2 usage.

#include <spdlog/spdlog.h>
#include <sys/prctl.h>

#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <csignal>
#include <cstring>

#include "agent/daemon/host_rules.h"
#include "agent/daemon/linked_agent.h"
#include "agent/drivers/backup_look.h"
#include "agent/drivers/supervision.h"
#include "agent/drivers/supervisor.h"
#include "schema/log/plain_log.h"

namespace {

constexpr std::chrono::seconds kStartAgain{10};

/// A full disk is waited for: ending would only have the agent started anew, again and again.
bool start(tidegate::agent::LinkedAgent& agent, const std::string& data_dir,
           asio::steady_timer& again) {
    auto started = tidegate::agent::make_data_dir(data_dir);
    if (started) started = agent.start();
    if (started) return true;
    spdlog::error("{}", started.error().text());
    if (started.error().code != tidegate::ErrorCode::exhausted) return false;
    again.expires_after(kStartAgain);
    again.async_wait([&](const asio::error_code& error) {
        if (!error && !start(agent, data_dir, again)) agent.fail();
    });
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    // The agent starts this same program again, before any thread or file is open.
    if (argc == 2 && std::strcmp(argv[1], tidegate::agent::kSuperviseArgument) == 0)
        return tidegate::agent::supervise();
    if (argc == 2 && std::strcmp(argv[1], tidegate::agent::kBackupLookArgument) == 0)
        return tidegate::agent::answer_backup_look();
    // Its memory holds the key: no debugger and no core file of the same user's.
    ::prctl(PR_SET_DUMPABLE, 0);
    tidegate::set_up_log("agent", tidegate::LogColour::never);
    std::signal(SIGPIPE, SIG_IGN);
    const auto options = tidegate::agent::parse_options(argc, argv);

    asio::io_context io;
    tidegate::agent::LinkedAgent agent{io, options};
    asio::steady_timer again{io};
    if (!start(agent, options.data_dir, again)) return 1;
    asio::signal_set signals{io, SIGTERM, SIGINT};
    signals.async_wait([&](const asio::error_code& error, int number) {
        if (error) return;
        spdlog::info("signal {}: ending", number);
        agent.stop();
        signals.async_wait([&](const asio::error_code&, int) { io.stop(); });
    });
    io.run();
    return agent.exit_code();
}
