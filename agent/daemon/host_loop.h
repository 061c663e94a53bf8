#pragma once
/// The host's side of the agent: the machine, and all that carries out its effects (journal,
/// runner, drift checks, routers). It knows nothing of the link; what goes up leaves by Uplink.

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "agent/daemon/action_runner.h"
#include "agent/daemon/journal_writer.h"
#include "agent/daemon/router_host.h"
#include "agent/daemon/router_notes.h"
#include "agent/daemon/watcher.h"
#include "agent/machine/machine.h"

namespace tidegate::agent {

/// Where reports go; each may be lost while there is no link, the inventory repeats it. Called on
/// the loop thread.
class Uplink {
public:
    virtual ~Uplink() = default;
    virtual void result(const ActionResult& result) = 0;
    virtual void changed(const Installation& installation) = 0;
    virtual void update(const ActionUpdate& update) = 0;
    virtual void fenced(std::uint64_t highest_epoch) = 0;
    virtual void routed(const RouteReport& report) = 0;
    /// The whole output of an action, masked and bounded.
    virtual void log(const std::string& action, const std::string& text) = 0;
    /// For the agent's own log, where the host's owner should know of it.
    virtual void notice(const std::string& text) = 0;
};

struct HostOptions {
    std::string data_dir;
    HostRules rules;
    Seconds drift_interval{60};  ///< 0 = never looked at
    Milliseconds route_look = limits::kRouteLook;
};

/// Loop thread only. The io_context must not run handlers after this is gone.
class HostLoop {
public:
    /// Reads the journal and begins to settle what a crash interrupted. When the journal fails
    /// later, the process ends with a message and exit code 1.
    [[nodiscard]] static Result<std::unique_ptr<HostLoop>> open(asio::io_context& io,
                                                                HostOptions options,
                                                                Uplink& uplink);
    HostLoop(asio::io_context& io, HostOptions options, Uplink& uplink,
             std::unique_ptr<Journal> journal, JournalContent content);

    /// What the daemon says: RunCommand, CancelCommand, AckCommand, WelcomeCommand,
    /// SetRouteCommand.
    void step(const machine::Input& input);
    [[nodiscard]] Inventory inventory() const { return machine_.inventory(); }
    [[nodiscard]] std::uint64_t highest_epoch() const { return machine_.highest_epoch(); }
    /// Cancels what runs, forgets what waits (machine::Stopping); `done` comes when all outcomes
    /// are durable, or cannot be for want of room.
    void stop(std::function<void()> done);

private:
    void apply(machine::Effect effect);
    void apply_one(machine::JournalIntent effect);
    void apply_one(machine::JournalOutcome effect);
    void apply_one(machine::JournalEpoch effect);
    void apply_one(machine::JournalInstallation effect);
    void apply_one(machine::JournalForget effect);
    void apply_one(machine::JournalAcks effect);
    void apply_one(machine::JournalRoute effect);
    void apply_one(machine::JournalForgetRoute effect);
    void apply_one(machine::Start effect);
    void apply_one(machine::Kill effect);
    void apply_one(machine::Probe effect);
    void apply_one(machine::ApplyRoute effect);
    void apply_one(machine::DropRoute effect);
    void apply_one(machine::ReportResult effect);
    void apply_one(machine::ReportChanged effect);
    void apply_one(machine::ReportFenced effect);
    void apply_one(machine::ReportRoute effect);

    RunnerEvents runner_events();
    RouterEvents router_events();
    void tell_full(const Error& error);
    void arm_stop();
    void post(std::function<void()> job);
    void define(const ActionResult& result);
    [[nodiscard]] Tenants tenants_beside(const InstallKey& key) const;
    [[nodiscard]] FormerActions former_at(const InstallKey& key) const;
    [[nodiscard]] Milliseconds used_by(const machine::Start& start) const;
    void arm_wake();
    void arm_drift();
    void look_for_drift();
    void drift_found(const InstallKey& key, std::uint64_t starts, Look look);

    asio::io_context& io_;
    HostOptions options_;
    Uplink& uplink_;
    machine::Machine machine_;
    asio::steady_timer wake_;
    asio::steady_timer stop_timer_;
    asio::steady_timer drift_timer_;
    std::map<std::string, ProcessStarted> leftovers_;  ///< of a former process, by action
    std::map<std::string, Action> unfinished_;         ///< but watches
    std::set<std::string> begun_;               ///< of those, which may have touched something
    std::map<InstallKey, Action> definitions_;  ///< what drift checks go by
    TriedActions tried_;
    std::map<std::string, ClockReading> began_;  ///< of what a former process left unfinished
    std::map<InstallKey, std::uint64_t> starts_;
    std::set<InstallKey> being_checked_;
    RouterNotes router_notes_;
    bool stopping_ = false;
    std::function<void()> on_stopped_;
    // The threads end first: runners report to the writer, all of them to the members above.
    std::unique_ptr<JournalWriter> writer_;
    std::unique_ptr<ActionRunner> drift_runner_;
    std::unique_ptr<ActionRunner> runner_;
    std::unique_ptr<Watcher> watcher_;
    std::unique_ptr<RouterHost> routers_;
};

}  // namespace tidegate::agent
