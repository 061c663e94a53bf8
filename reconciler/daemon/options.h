#pragma once
/// What the daemon is told at start: flags, and a config file that flags win over.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "schema/base/result.h"
#include "schema/base/time.h"

namespace tidegate::daemon {

struct GitOptions {
    std::string ssh_key;
    std::string known_hosts;
    std::string token_file;
    std::string ca_file;
    std::string identity_name = "tidegate";
    std::string identity_email = "tidegate@localhost";
    Seconds deadline{60};  ///< of one call to the Git child
};

struct DaemonOptions {
    std::string repo;
    std::string branch = "main";
    std::filesystem::path data_dir;
    std::string listen_agents = "0.0.0.0:7443";
    std::string listen_http = "127.0.0.1:7480";
    std::vector<std::string> http_hosts;  ///< further names of the status endpoint
    bool http_show_values = false;        ///< of plain variables
    Seconds poll_interval{10};            ///< at least limits::kPollIntervalMin
    std::string store;                    ///< empty: store.sqlite in the data dir
    Seconds certificate_ttl{std::chrono::hours{7 * 24}};
    GitOptions git;
    std::string log_level = "info";
};

/// Reads flags and, if one is named, the config file. `exit_code` is set when the program has
/// nothing more to do (--help, --version, a usage error, which is explained on stderr).
struct Parsed {
    DaemonOptions options;
    std::optional<int> exit_code;
};
[[nodiscard]] Parsed parse_options(int argc, char** argv);

/// `host:port`, `[::1]:port`; port 0 asks for any.
struct HostPort {
    std::string host;
    std::uint16_t port = 0;
};
[[nodiscard]] Result<HostPort> parse_host_port(std::string_view text);

}  // namespace tidegate::daemon
