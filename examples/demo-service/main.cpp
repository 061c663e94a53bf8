/// A tiny real HTTP service for the demo to deploy. Answers on 127.0.0.1: /health (200, or 500 when
/// broken) and /version.
///
/// It is broken with --broken, or when its version file's first line ends in `-broken`.
/// With --daemon the starting process ends only once the port is open: exit code 0 means it serves.

#include <fcntl.h>
#include <fmt/core.h>
#include <httplib.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <fstream>
#include <string>

namespace {

struct Options {
    int port = 0;
    std::string version_file;
    std::string version = "dev";
    std::string pid_file;
    bool broken = false;
    bool daemon = false;
};

Options parse(int argc, char** argv) {
    Options options;
    CLI::App app{"A small HTTP service that tidegate's demo deploys"};
    app.add_option("--port", options.port, "on 127.0.0.1")->required()->check(CLI::Range(1, 65535));
    app.add_option("--version-file", options.version_file, "first line = version");
    app.add_option("--pid-file", options.pid_file);
    app.add_flag("--broken", options.broken, "/health answers 500");
    app.add_flag("--daemon", options.daemon, "serve in the background");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        std::exit(app.exit(error));
    }
    if (!options.version_file.empty()) {
        std::ifstream file{options.version_file};
        std::getline(file, options.version);
    }
    if (options.version.ends_with("-broken")) options.broken = true;
    return options;
}

/// In the child: a session of its own, nothing inherited but the given pipe.
void detach() {
    ::setsid();
    const int null = ::open("/dev/null", O_RDWR);
    for (const int fd : {0, 1, 2}) ::dup2(null, fd);
    if (null > 2) ::close(null);
}

bool write_pid(const std::string& path) {
    if (path.empty()) return true;
    const auto next = path + ".new";
    std::ofstream{next} << ::getpid() << '\n';
    return ::rename(next.c_str(), path.c_str()) == 0;
}

httplib::Server* serving = nullptr;

/// Serves until SIGTERM. `ready` is told one byte once the port is open.
int serve(const Options& options, int ready) {
    httplib::Server server;
    server.Get("/health", [&](const httplib::Request&, httplib::Response& response) {
        response.status = options.broken ? 500 : 200;
        response.set_content(options.broken ? "broken\n" : "ok\n", "text/plain");
    });
    server.Get("/version", [&](const httplib::Request&, httplib::Response& response) {
        response.set_content(options.version + "\n", "text/plain");
    });
    server.set_tcp_nodelay(true);
    // The library's default, SO_REUSEPORT, would let two versions share the port unnoticed.
    server.set_socket_options([](int socket) {
        const int on = 1;
        ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    });
    if (!server.bind_to_port("127.0.0.1", options.port)) {
        fmt::print(stderr, "cannot listen on port {}\n", options.port);
        return 1;
    }
    if (!write_pid(options.pid_file)) return 1;
    serving = &server;
    ::signal(SIGTERM, [](int) { serving->stop(); });
    if (ready >= 0 && ::write(ready, "1", 1) != 1) return 1;
    if (ready >= 0) ::close(ready);
    if (options.daemon) detach();
    server.listen_after_bind();
    if (!options.pid_file.empty()) ::unlink(options.pid_file.c_str());
    return 0;
}

int serve_in_background(const Options& options) {
    int ends[2];
    if (::pipe(ends) != 0) return 1;
    const pid_t child = ::fork();
    if (child == 0) {
        ::close(ends[0]);
        ::_exit(serve(options, ends[1]));
    }
    ::close(ends[1]);
    char byte = 0;
    return child > 0 && ::read(ends[0], &byte, 1) == 1 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    const auto options = parse(argc, argv);
    return options.daemon ? serve_in_background(options) : serve(options, -1);
}
