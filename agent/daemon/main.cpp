/// tidegate-agent: one per host. Exit codes: 0 ended on request, 1 a problem, 2 usage.

#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <csignal>
#include <cstring>
#include <filesystem>

#include "agent/daemon/linked_agent.h"
#include "agent/drivers/backup_look.h"
#include "schema/log/plain_log.h"

namespace {

constexpr std::chrono::seconds kStartAgain{10};

/// Scripts' users must be able to pass through it to tmp/; pki/ and journal/ are private.
bool make_data_dir(const std::string& path) {
    std::error_code error;
    if (std::filesystem::exists(path, error)) return true;
    std::filesystem::create_directories(path, error);
    return !error && ::chmod(path.c_str(), 0711) == 0;
}

/// A full disk is waited for: ending would only have the agent started anew, again and again.
bool start(tidegate::agent::LinkedAgent& agent, asio::steady_timer& again) {
    const auto started = agent.start();
    if (started) return true;
    spdlog::error("{}", started.error().text());
    if (started.error().code != tidegate::ErrorCode::exhausted) return false;
    again.expires_after(kStartAgain);
    again.async_wait([&](const asio::error_code& error) {
        if (!error && !start(agent, again)) agent.fail();
    });
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    // The agent starts this same program again, before any thread or file is open.
    if (argc == 2 && std::strcmp(argv[1], tidegate::agent::kBackupLookArgument) == 0)
        return tidegate::agent::answer_backup_look();
    tidegate::set_up_log("agent", tidegate::LogColour::never);
    std::signal(SIGPIPE, SIG_IGN);
    const auto options = tidegate::agent::parse_options(argc, argv);
    if (!make_data_dir(options.data_dir)) {
        spdlog::error("cannot make {}", options.data_dir);
        return 1;
    }

    asio::io_context io;
    tidegate::agent::LinkedAgent agent{io, options};
    asio::steady_timer again{io};
    if (!start(agent, again)) return 1;
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
