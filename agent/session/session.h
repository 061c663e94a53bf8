#pragma once
/// The agent's end of the agent protocol: its certificate, its link to the daemon.
///
///     start ─▶ a certificate? ──no──▶ enrol with the token ─▶ connect ─▶ Hello, Inventory
///                   └──yes─────────────────▲────────────────────▲   ─▶ Welcome: connected
///                  certificate refused, and a token unused ─────┤                │
///                                     back-off with jitter ◀────┴── link lost ◀──┘
///
/// One loop thread, nothing blocks but the writing of a renewed certificate (three small files).
/// The daemon is known by the CA: at first by the fingerprint in the token, then by `pki/ca.crt`.

#include <asio/io_context.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "schema/base/limits.h"
#include "schema/base/result.h"
#include "schema/base/time.h"
#include "schema/model/agent.h"

namespace tidegate {

/// The user's side. Called on the loop thread; must outlive the Session; must not destroy it.
class SessionHandler {
public:
    virtual ~SessionHandler() = default;
    /// What to introduce itself with, asked for at each connection.
    [[nodiscard]] virtual Hello hello() = 0;
    /// Everything, as of now; what is sent by `changed` and the like from now on comes after it.
    [[nodiscard]] virtual Inventory inventory() = 0;
    /// The daemon has welcomed us. Epochs here are the host's: they grow across CAs (epochs.h).
    /// `answers_suspended`: machine::WelcomeCommand.
    virtual void on_connected(std::uint64_t epoch, bool answers_suspended) = 0;
    virtual void on_run(Action action, std::uint64_t epoch) = 0;
    /// A Run that this build cannot read as a whole: only id, release, step, attempt, kind and key
    /// are set. Report it as `refused`, with that reason.
    virtual void on_unreadable_run(Action head, std::uint64_t epoch, const std::string& reason) = 0;
    virtual void on_cancel(const std::string& action, std::uint64_t epoch) = 0;
    /// `forget`: Git names it no longer. `unreadable`: why this build cannot read it; only its key,
    /// target and revision are set, and it is to be reported as not in force, with that reason.
    virtual void on_route(const Route& route, std::uint64_t epoch, bool forget,
                          const std::string& unreadable) = 0;
    virtual void on_ack(const std::vector<std::string>& actions) = 0;
    /// After on_connected only. The next try follows by itself.
    virtual void on_disconnected(const std::string& reason) = 0;
    /// For the log: enrolled, renewed, why there is no link.
    virtual void on_notice(const std::string& text) = 0;
    /// There will be no further try: no certificate, and no token that would bring one.
    virtual void on_stopped(const Error& error) = 0;
};

struct SessionOptions {
    std::string host;
    std::uint16_t port = 0;
    std::string agent;  ///< its name
    std::filesystem::path data_dir;
    /// Text of the token file (empty: none), or why there is none. Used when there is no
    /// certificate or the daemon does not accept it: it is revoked, expired, or of a CA that is
    /// lost.
    Result<std::string> token;
    Milliseconds heartbeat = limits::kHeartbeat;
    Seconds keep_alive = limits::kKeepAlive;  ///< of the link: transport::ClientOptions
    Milliseconds backoff_min = limits::kBackoffMin;
    Milliseconds backoff_max = limits::kBackoffMax;
    std::function<Timestamp()> now;  ///< default: the system's clock
};

class Session {
public:
    /// Reads the certificate, or prepares enrolment, and starts to connect when `io` runs. The key
    /// is made here at the first start and kept for all certificates. `denied`: no certificate and
    /// no token, or a token for another name; else: files. A certificate that is not within its
    /// dates by our clock is shown to the daemon all the same, for ever, with a notice.
    [[nodiscard]] static Result<std::unique_ptr<Session>> start(asio::io_context& io,
                                                                SessionOptions options,
                                                                SessionHandler& handler);
    /// Drops the link without a word; no callbacks any more.
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    /// Each of these is dropped while there is no link: the next inventory holds it all. When more
    /// waits than limits::kSessionQueueBytesMax the link is cut, and the next inventory does it.
    void changed(const std::vector<Installation>& installations);
    void result(const ActionResult& result);
    void update(const ActionUpdate& update);
    void fenced(std::uint64_t highest_epoch);
    void routed(const RouteReport& report);
    /// Says that the agent is about to end, now and in each heartbeat: no Run comes any more.
    void stopping();
    /// Uploads output, cut to limits::kLogBytesMax; one after another. False: no link, or too many
    /// wait (limits::kLogUploadsWaitingMax); logs may have holes.
    bool log(const std::string& action, std::string_view bytes);

    [[nodiscard]] bool connected() const;
    /// Moves to another local port, as a roaming host does.
    [[nodiscard]] Result<void> rebind();
    /// Says goodbye and stays away; on_disconnected follows.
    void stop(std::string_view reason);

private:
    class Impl;
    explicit Session(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

}  // namespace tidegate
