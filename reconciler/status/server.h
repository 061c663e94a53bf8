#pragma once
/// The read-only HTTP endpoint: JSON under /api/release, metrics, health, event streams, and a page
/// for people (design, section 7; described by /openapi.json). It shows snapshots and changes
/// nothing: every method but GET and HEAD is answered 405 with the commit or command that does it.
///
/// Threads are its own: one accepts and reads heads with poll(), so that a slow peer takes no
/// worker; a few workers render answers (cpp-httplib parses the bounded head and writes the
/// response); one feeds all event streams. Heads, connections, streams, answers in flight and times
/// are bounded by `kHttp*` in schema/base/limits.h. Request bodies are never read.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "reconciler/status/board.h"
#include "schema/base/result.h"

namespace tidegate::status {

/// The functions are called on worker threads, several at once; what they throw becomes a 500.
struct Options {
    std::string host = "127.0.0.1";
    int port = 0;          ///< 0 = any free one; see local_address()
    SnapshotBoard& board;  ///< outlives the server
    /// What else the server is called: `Host` may say these, `host`, the machine's own name,
    /// `localhost` and any IP address; other requests are answered 421.
    std::vector<std::string> host_names{};
    bool show_values = false;  ///< of plain variables; secret ones are never shown
    std::function<Timestamp()> now{};
    /// The text of GET /metrics.
    std::function<std::string(const StatusSnapshot&)> render_metrics{};
    /// The full output of an action, masked by the agent that captured it; none = not kept.
    std::function<std::optional<std::string>(const std::string& action_id)> read_log{};
    /// The offsets of a time zone; null = no such zone. For the state of release windows.
    std::function<std::shared_ptr<const ZoneRules>(const std::string& name)> find_zone{};
};

class Server {
public:
    /// Binds, listens and serves until stop(). Errors: `invalid` (host), `unavailable` (bind).
    [[nodiscard]] static Result<std::unique_ptr<Server>> start(Options options);
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server();

    /// `127.0.0.1:8080`, `[::1]:8080`: with the port that was bound.
    [[nodiscard]] const std::string& local_address() const;
    /// Closes all connections, open event streams too, and joins the threads: within a second,
    /// unless one of the caller's functions hangs. Safe to call twice.
    void stop();

private:
    class Impl;
    explicit Server(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace tidegate::status
