#include <spdlog/spdlog.h>

#include <asio/signal_set.hpp>
#include <cstring>

#include "reconciler/daemon/crash_point.h"
#include "reconciler/daemon/daemon.h"
#include "schema/log/plain_log.h"

namespace tidegate::daemon {
namespace {

int serve(const DaemonOptions& options) {
    auto data_dir = DataDir::open(options.data_dir);
    if (!data_dir) {
        spdlog::critical("{}", data_dir.error().text());
        return 1;
    }
    asio::io_context io{1};
    auto daemon = Daemon::start(io, options, *data_dir);
    if (!daemon) {
        spdlog::critical("{}", daemon.error().text());
        return 1;
    }
    asio::signal_set signals{io, SIGTERM, SIGINT};
    signals.async_wait([&](asio::error_code error, int) {
        if (!error) (*daemon)->stop();
    });
    io.run();
    return (*daemon)->exit_code();
}

}  // namespace
}  // namespace tidegate::daemon

int main(int argc, char** argv) {
    using namespace tidegate;
    // The Git edge starts this same program again, before any thread or file is open.
    if (argc == 2 && std::strcmp(argv[1], "--git-child") == 0) return git::run_git_child(0, 1);
    if (argc == 2 && std::strcmp(argv[1], "--list-crash-points") == 0) {
        for (const auto name : daemon::kCrashPoints) fmt::print("{}\n", name);
        return 0;
    }
    const auto parsed = daemon::parse_options(argc, argv);
    if (parsed.exit_code) return *parsed.exit_code;
    set_up_log("tidegated", LogColour::on_a_terminal);
    spdlog::set_level(spdlog::level::from_str(parsed.options.log_level));
    std::signal(SIGPIPE, SIG_IGN);
    return daemon::serve(parsed.options);
}
