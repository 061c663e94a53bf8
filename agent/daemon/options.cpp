#include "agent/daemon/options.h"

#include <fmt/core.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdlib>
#include <utility>

#include "schema/files/read_file.h"
#include "schema/wire/token.h"

namespace tidegate::agent {
namespace {

constexpr int kUsage = 2;

[[noreturn]] void wrong_usage(const std::string& why) {
    fmt::print(stderr, "tidegate-agent: {}\n", why);
    std::exit(kUsage);
}

/// `daemon.example.com:7443`, `[::1]:7443`.
void split_server(const std::string& server, AgentOptions& out) {
    const auto colon = server.rfind(':');
    unsigned port = 0;
    const auto* end = server.data() + server.size();
    const auto parsed = colon == std::string::npos
                            ? std::from_chars_result{nullptr, std::errc::invalid_argument}
                            : std::from_chars(server.data() + colon + 1, end, port);
    if (parsed.ec != std::errc{} || parsed.ptr != end || port == 0 || port > 65535 || colon == 0)
        wrong_usage(fmt::format("--server must be HOST:PORT, got '{}'", server));
    out.port = static_cast<std::uint16_t>(port);
    out.host = server.substr(0, colon);
    if (out.host.starts_with('[') && out.host.ends_with(']'))
        out.host = out.host.substr(1, out.host.size() - 2);
}

Result<std::string> read_token(const std::string& file) {
    auto text = TRY(read_file(file, limits::kPemBytesMax));
    if (auto token = wire::parse_token(text); !token)
        return fail(std::move(token).error().within(file));
    return text;
}

}  // namespace

AgentOptions parse_options(int argc, char** argv) {
    AgentOptions options;
    std::string server;
    std::string token_file;
    std::string config_file;
    std::string drift_interval = "60";
    std::string keep_alive = fmt::format("{}", limits::kKeepAlive.count());
    bool allow_root = false;
    CLI::App app{
        "Serves this host's targets for Tidegate: dials the daemon, runs what it asks for "
        "within agent.yaml, reports what is there."};
    app.add_option("--server", server, "the daemon's HOST:PORT")->required();
    app.add_option("--name", options.name, "this agent's name")->required();
    app.add_option("--data-dir", options.data_dir, "certificate and journal")->required();
    app.add_option("--token-file", token_file, "one-time token from `tidegate enroll`");
    app.add_option("--config", config_file, "agent.yaml: what this host allows");
    app.add_flag("--allow-root", allow_root, "let scripts run as root");
    app.add_option("--drift-interval", drift_interval, "between looks at what stands (0 = never)")
        ->capture_default_str();
    app.add_option("--keep-alive", keep_alive,
                   "asks the daemon for a sign of life after so long without one (1 to 15)")
        ->capture_default_str();
    app.set_version_flag("--version", "tidegate-agent " TIDEGATE_VERSION);
    app.footer(
        "Example:\n  tidegate-agent --server tidegate.example.com:7443 --name web-1 "
        "--data-dir /var/lib/tidegate-agent --token-file /root/token");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        std::exit(app.exit(error) == 0 ? 0 : kUsage);
    }

    split_server(server, options);
    if (!token_file.empty()) options.token = read_token(token_file);
    auto interval = parse_duration(drift_interval);
    if (!interval) wrong_usage("--drift-interval: " + interval.error().text());
    options.drift_interval = *interval;
    const auto alive = parse_duration(keep_alive);
    if (!alive || *alive < Seconds{1} || *alive > limits::kKeepAlive)
        wrong_usage("--keep-alive: must be 1 to 15 seconds");
    options.keep_alive = *alive;
    if (!config_file.empty()) {
        auto config = read_agent_config(config_file);
        if (!config) wrong_usage(config.error().text());
        options.config = *std::move(config);
        const auto warning = agent_config_warning(options.config, config_file);
        if (!warning.empty()) spdlog::warn("{}", warning);
    }
    options.config.allow_root = options.config.allow_root || allow_root;
    return options;
}

}  // namespace tidegate::agent
