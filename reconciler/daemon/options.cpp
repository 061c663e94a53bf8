#include "reconciler/daemon/options.h"

#include <CLI/CLI.hpp>
#include <charconv>

namespace tidegate::daemon {
namespace {

/// A CLI11 check that also stores what it read.
template <class T, class Parse>
auto stored(T& into, Parse parse) {
    return [&into, parse](const std::string& text) -> std::string {
        auto value = parse(text);
        if (!value) return value.error().message;
        into = *std::move(value);
        return {};
    };
}

Result<std::string> checked_host_port(std::string_view text) {
    CHECK(parse_host_port(text));
    return std::string{text};
}

void add_flags(CLI::App& app, DaemonOptions& options) {
    static std::string ignored;
    const auto typed = [&](const char* flag, const char* help, auto& into, auto parse) {
        app.add_option(flag, ignored, help)->check(CLI::Validator(stored(into, parse), "", ""));
    };
    app.add_option("--repo", options.repo, "the config repo: a path, file://, https:// or ssh://");
    app.add_option("--branch", options.branch, "the branch to follow")->capture_default_str();
    app.add_option("--data-dir", options.data_dir, "where the daemon keeps its state (0700)");
    typed("--listen-agents", "HOST:PORT for agents, UDP; default 0.0.0.0:7443",
          options.listen_agents, checked_host_port);
    typed("--listen-http", "HOST:PORT of the status endpoint; default 127.0.0.1:7480",
          options.listen_http, checked_host_port);
    typed("--poll-interval", "how often to look at the repo, such as 10s; default 10s",
          options.poll_interval, parse_duration);
    app.add_option("--store", options.store,
                   "sqlite:PATH or memory:; default store.sqlite in the data dir");
    app.add_option("--log-level", options.log_level, "debug, info, warning or error")
        ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
        ->capture_default_str();
}

}  // namespace

Result<HostPort> parse_host_port(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos || colon == 0)
        return fail(ErrorCode::invalid, "expected HOST:PORT, got '{}'", text);
    auto host = text.substr(0, colon);
    if (host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    const auto digits = text.substr(colon + 1);
    HostPort result{std::string{host}, 0};
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), result.port);
    if (error != std::errc{} || end != digits.data() + digits.size() || host.empty())
        return fail(ErrorCode::invalid, "expected HOST:PORT, got '{}'", text);
    return result;
}

Parsed parse_options(int argc, char** argv) {
    Parsed parsed;
    CLI::App app{"The Tidegate reconciler: follows a Git config repo and moves the fleet there."};
    app.footer(
        "Example:\n"
        "  tidegated --repo /srv/git/config.git --branch main --data-dir /var/lib/tidegated \\\n"
        "            --listen-agents 0.0.0.0:7443 --listen-http 127.0.0.1:7480");
    app.set_version_flag("--version", "tidegated " TIDEGATE_VERSION);
    std::string config;
    app.add_option("--config", config, "a YAML file with the same options; flags win");
    add_flags(app, parsed.options);
    try {
        app.parse(argc, argv);
        if (parsed.options.repo.empty()) throw CLI::RequiredError("--repo");
        if (parsed.options.data_dir.empty()) throw CLI::RequiredError("--data-dir");
    } catch (const CLI::ParseError& error) {
        const int code = app.exit(error);
        parsed.exit_code = code == 0 ? 0 : 2;
    }
    return parsed;
}

}  // namespace tidegate::daemon
