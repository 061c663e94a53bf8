#pragma once
/// The host's side and the link put together: what the daemon says goes into the machine, what the
/// host reports goes up.

#include <asio/io_context.hpp>
#include <memory>
#include <string>

#include "agent/daemon/host_loop.h"
#include "agent/daemon/options.h"
#include "agent/session/session.h"

namespace tidegate::agent {

/// Loop thread only.
class LinkedAgent final : public SessionHandler, public Uplink {
public:
    /// `io` is stopped when the agent has ended; `exit_code` says how.
    LinkedAgent(asio::io_context& io, const AgentOptions& options);
    ~LinkedAgent() override;

    /// `exhausted`: the disk has no room; it may be called again.
    [[nodiscard]] Result<void> start();
    /// It cannot be started after all.
    void fail();
    /// Ends what runs, reports it if there is a link, then stops the io_context.
    void stop();
    [[nodiscard]] int exit_code() const { return exit_code_; }

    Hello hello() override;
    Inventory inventory() override { return host_->inventory(); }
    void on_connected(std::uint64_t epoch, bool answers_suspended) override;
    void on_run(Action action, std::uint64_t epoch) override;
    void on_unreadable_run(Action head, std::uint64_t epoch, const std::string& reason) override;
    void on_cancel(const std::string& action, std::uint64_t epoch) override;
    void on_ack(const std::vector<std::string>& actions) override;
    void on_route(const Route& route, std::uint64_t epoch, bool forget,
                  const std::string& unreadable) override;
    void on_disconnected(const std::string& reason) override;
    void on_notice(const std::string& text) override;
    void on_stopped(const Error& error) override;

    void result(const ActionResult& result) override;
    void changed(const Installation& installation) override;
    void update(const ActionUpdate& update) override;
    void fenced(std::uint64_t highest_epoch) override;
    void routed(const RouteReport& report) override;
    void log(const std::string& action, const std::string& text) override;
    void notice(const std::string& text) override;

private:
    asio::io_context& io_;
    const AgentOptions& options_;
    std::string boot_id_;
    int exit_code_ = 0;
    std::unique_ptr<HostLoop> host_;
    std::unique_ptr<Session> session_;
};

}  // namespace tidegate::agent
