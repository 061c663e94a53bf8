#pragma once
/// The daemon's end of the agent protocol: enrolment, certificates, revocation, sessions.
///
///     connection ─▶ POST /v1/enroll, once, with a token ─▶ certificate
///     connection ─▶ POST /v1/session ─▶ 200 ─▶ Hello ─▶ Welcome ─▶ Inventory… ─▶ on_connected
///                   ─▶ Changed, ActionUpdate, ActionResult … ─▶ on_disconnected
///
/// One loop thread, no locks, nothing blocks. What must be durable goes out by
/// `FleetHandler::persist`; a certificate is handed out only after it was answered.

#include <asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "reconciler/fleet/pki_dir.h"
#include "schema/base/limits.h"
#include "schema/model/agent.h"
#include "schema/model/store.h"
#include "schema/wire/messages.h"
#include "transport/server.h"

namespace tidegate {

/// The user's side. Called on the loop thread; must outlive the Fleet. May call everything of the
/// Fleet, but not destroy it. All of an agent's calls lie between its on_connected and
/// on_disconnected, but on_alert, on_notice, on_fenced, on_heard, on_revoked and on_server_renewed.
class FleetHandler {
public:
    virtual ~FleetHandler() = default;
    /// Make it durable, then call `done` on the loop (never from inside; not at all is fine when
    /// the daemon stops). The error is shown to whoever asked.
    virtual void persist(Batch batch, std::function<void(Result<void>)> done) = 0;
    /// Hello and the whole inventory are here. Comes again, after on_disconnected, when a newer
    /// connection takes over.
    virtual void on_connected(const Hello& hello, Inventory inventory) = 0;
    virtual void on_changed(const std::string& agent, std::vector<Installation> changed) = 0;
    virtual void on_update(const std::string& agent, const ActionUpdate& update) = 0;
    /// Answer with wire::Ack once it is durable. May come again after a reconnect.
    virtual void on_result(const std::string& agent, const ActionResult& result) = 0;
    /// The agent has seen, and proves by our own CA's word, a higher epoch than ours: a newer
    /// daemon speaks.
    virtual void on_fenced(const std::string& agent, std::uint64_t highest_epoch) = 0;
    virtual void on_routed(const std::string& agent, const RouteReport& report) = 0;
    /// The next bytes of an action's output; raw, at most limits::kLogBytesMax per request.
    virtual void on_log(const std::string& agent, const std::string& action,
                        std::string_view bytes) = 0;
    /// The agent is about to end: it begins nothing any more, and takes no Run. Outcomes of what it
    /// stops may still come.
    virtual void on_stopping(const std::string& agent) = 0;
    virtual void on_disconnected(const std::string& agent, const std::string& reason) = 0;
    /// It was shut out, by a person or for a second holder. Its session has ended before.
    virtual void on_revoked(const std::string& agent) { (void)agent; }
    /// Once a second: those of whom a message came since the last call, be it a heartbeat.
    virtual void on_heard(const std::set<std::string>& agents) = 0;
    /// For people, about one peer and one matter once a minute at the most: a misused token, two
    /// holders of an identity, a broken peer. `agent` may be empty.
    virtual void on_alert(const std::string& agent, const std::string& text) = 0;
    /// The daemon's certificate was made anew, by open_pki or since, and is in use: keep it
    /// (keep_server) for the next start, which makes another where that fails.
    virtual void on_server_renewed(const transport::Credential& server, const Renewal& renewal) {
        (void)server, (void)renewal;
    }
    /// For the log only.
    virtual void on_notice(const std::string& agent, const std::string& text) = 0;
};

struct FleetOptions {
    std::string host = "0.0.0.0";
    std::uint16_t port = 0;  ///< 0: the system picks one, see Fleet::local_address
    Pki pki;
    std::vector<Row> tokens;  ///< Table::token
    std::vector<Row> agents;  ///< Table::agent
    std::uint64_t epoch = 0;
    Seconds certificate_lifetime{std::chrono::hours{24 * 7}};
    Seconds hello_timeout = limits::kHelloTimeout;
    transport::AdmissionLimits admission;
    std::function<Timestamp()> now;  ///< default: the system's clock
    /// A clock that nobody sets, for spans of time. Default: the steady clock.
    std::function<Milliseconds()> monotonic;
};

struct TokenOptions {
    std::string agent;
    Seconds ttl{3600};
    bool replace = false;  ///< the name may be enrolled already
    std::string actor;     ///< for the audit log
};

/// One agent, for `tidegate agents list` and the status page.
struct AgentInfo {
    std::string name;
    bool online = false;
    std::string address;  ///< while online
    std::string version;
    std::optional<Timestamp> last_seen_at;  ///< since this daemon's start
    std::optional<Timestamp> enrolled_at;
    std::optional<Timestamp> not_after;  ///< of its newest certificate
    std::optional<Timestamp> revoked_at;
    std::string revoke_reason;
    /// Above ours, and not proven: it obeys nothing from here, so it gets no session.
    std::optional<std::uint64_t> claimed_epoch;
};

struct FleetStats {
    std::size_t online = 0;
    std::uint64_t enrolled = 0;
    std::uint64_t renewed = 0;
    std::uint64_t enrolments_refused = 0;  ///< tokens that were not accepted
    std::uint64_t refused = 0;  ///< tokens and requests that were not accepted, broken sessions
    transport::ServerStats transport;
};

class Fleet {
public:
    /// Binds and starts to serve when `io` runs. `invalid`: a row or a key cannot be read;
    /// `unavailable`: cannot bind.
    [[nodiscard]] static Result<std::unique_ptr<Fleet>> start(asio::io_context& io,
                                                              FleetOptions options,
                                                              FleetHandler& handler);
    /// Drops everything without a word, as a crash would; no callbacks any more.
    ~Fleet();
    Fleet(const Fleet&) = delete;
    Fleet& operator=(const Fleet&) = delete;

    /// Queues a message; a Run's and a Cancel's epoch are those of the message. `unavailable`: not
    /// connected (all of its inventory here), or a Run for an agent that is stopping; `denied`: a
    /// Run for an agent that has seen a higher epoch; `exhausted`: longer than a frame, or the
    /// queue was full, which cuts the connection.
    Result<void> send(const std::string& agent, const wire::DaemonMessage& message);

    /// Makes a one-time token; `done` gets its text once it is durable. The text is a secret and is
    /// kept nowhere.
    void create_token(const TokenOptions& options, std::function<void(Result<std::string>)> done);
    /// Takes effect at once: its connections are cut, new ones refused. `done` when it is durable.
    void revoke(const std::string& agent, const std::string& actor, const std::string& reason,
                std::function<void(Result<void>)> done);
    /// Sorted by name: those with a record and those seen since the start.
    [[nodiscard]] std::vector<AgentInfo> agents() const;
    /// How many of the enrolled names `counts` holds for.
    [[nodiscard]] std::size_t count_enrolled(
        const std::function<bool(const std::string&)>& counts) const;
    /// Enrolled once, waiting to be by a token, or seen since the start.
    [[nodiscard]] bool knows(const std::string& agent) const;
    /// When its last message came; none since this start.
    [[nodiscard]] std::optional<Timestamp> last_seen(const std::string& agent) const;
    /// Those from whom something is waited for: away once kPingsMissedMax signs of them, one every
    /// kPingInterval, did not come. All others are away after limits::kIdleTimeout.
    void watch(const std::set<std::string>& agents);
    /// Ends its session, if any; it may come again.
    void drop(const std::string& agent, const std::string& reason);

    /// Says goodbye to all and takes no new connections; callbacks come as ever.
    void shutdown(std::string_view reason);
    [[nodiscard]] std::string local_address() const;
    [[nodiscard]] FleetStats stats() const;

private:
    class Impl;
    explicit Fleet(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

}  // namespace tidegate
