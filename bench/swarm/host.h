#pragma once
/// One agent of the swarm: the product's session, state machine and journal. What runs its actions
/// is the swarm's, shared by all.

#include <asio/io_context.hpp>
#include <map>
#include <memory>
#include <string>

#include "agent/daemon/journal_writer.h"
#include "agent/machine/machine.h"
#include "agent/session/session.h"

namespace tidegate::bench {

class Host;

/// What a host reports to the swarm, and who carries out its actions. Loop thread only.
class Owner {
public:
    virtual ~Owner() = default;
    virtual void start(Host& host, machine::Start start) = 0;
    /// The daemon has welcomed it.
    virtual void connected(Host& host) = 0;
    /// The link was lost; the next try follows by itself.
    virtual void disconnected() = 0;
    /// It will not connect any more.
    virtual void stopped(Host& host, const Error& error) = 0;
    /// An outcome is durable at both ends.
    virtual void acknowledged(Host& host, const ActionResult& result) = 0;
};

struct HostOptions {
    std::string server;
    std::uint16_t port = 0;
    std::string name;
    std::string data_dir;
    std::string token;  ///< empty: its certificate is there
};

/// Loop thread only. Actions that wait never expire here.
class Host final : private SessionHandler {
public:
    [[nodiscard]] static Result<std::unique_ptr<Host>> open(asio::io_context& io,
                                                            HostOptions options, Owner& owner);

    void finished(const machine::Finished& finished, const std::string& log);
    void update(const ActionUpdate& update) { session_->update(update); }
    [[nodiscard]] const std::string& name() const { return options_.name; }

private:
    Host(asio::io_context& io, HostOptions options, Owner& owner,
         std::unique_ptr<agent::Journal> journal, machine::Records records);

    void step(const machine::Input& input);
    void apply(machine::JournalIntent effect);
    void apply(machine::JournalOutcome effect);
    void apply(machine::JournalEpoch effect) { writer_.write(effect, {}); }
    void apply(machine::JournalInstallation effect) { writer_.write(std::move(effect), {}); }
    void apply(machine::JournalForget effect) { writer_.write(std::move(effect), {}); }
    void apply(machine::JournalAcks effect) { writer_.write(std::move(effect), {}); }
    void apply(machine::Start effect) { owner_.start(*this, std::move(effect)); }
    void apply(const machine::Kill&) {}
    void apply(const machine::Probe& effect);
    void apply(machine::ReportResult effect);
    void apply(const machine::ReportChanged& effect) { session_->changed({effect.installation}); }
    void apply(const machine::ReportFenced& effect) { session_->fenced(effect.highest); }
    // It takes no routes.
    void apply(const machine::JournalRoute&) {}
    void apply(const machine::JournalForgetRoute&) {}
    void apply(const machine::ApplyRoute&) {}
    void apply(const machine::DropRoute&) {}
    void apply(const machine::ReportRoute&) {}

    Hello hello() override;
    Inventory inventory() override { return machine_.inventory(); }
    void on_connected(std::uint64_t epoch, bool answers_suspended) override;
    void on_run(Action action, std::uint64_t epoch) override;
    void on_unreadable_run(Action, std::uint64_t, const std::string&) override {}
    void on_cancel(const std::string& action, std::uint64_t epoch) override;
    void on_ack(const std::vector<std::string>& actions) override;
    void on_route(const Route&, std::uint64_t, bool, const std::string&) override {}
    void on_disconnected(const std::string&) override { owner_.disconnected(); }
    void on_notice(const std::string&) override {}
    void on_stopped(const Error& error) override { owner_.stopped(*this, error); }

    asio::io_context& io_;
    HostOptions options_;
    Owner& owner_;
    machine::Machine machine_;
    std::map<std::string, ActionResult> reported_;  ///< until they are acknowledged
    std::unique_ptr<Session> session_;
    agent::JournalWriter writer_;  ///< last: its thread calls back
};

}  // namespace tidegate::bench
