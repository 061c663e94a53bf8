#pragma once
/// Wires everything up: feeds what Git, agents, timers and people say to the engine, and runs the
/// effects it answers with.
///
///     Git ──▶ ConfigSource (worker) ─┐                       ┌─▶ EffectQueue ─▶ store (worker)
///     agents ──▶ Fleet ──────────────┼─▶ engine::step ───────┤        │ durable
///     timers, admin socket ──────────┘      (loop)           └────────┴─▶ Send, Revert, Publish …
///
/// Everything but the workers' jobs runs on the loop thread.

#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <memory>
#include <random>

#include "reconciler/daemon/action_logs.h"
#include "reconciler/daemon/admin.h"
#include "reconciler/daemon/config_source.h"
#include "reconciler/daemon/data_dir.h"
#include "reconciler/daemon/effect_queue.h"
#include "reconciler/daemon/ended_actions.h"
#include "reconciler/daemon/last_resort.h"
#include "reconciler/daemon/options.h"
#include "reconciler/daemon/publisher.h"
#include "reconciler/daemon/worker.h"
#include "reconciler/engine/engine.h"
#include "reconciler/engine/life.h"
#include "reconciler/fleet/fleet.h"
#include "reconciler/status/server.h"
#include "schema/base/once_a_minute.h"

namespace tidegate::daemon {

class Daemon : private FleetHandler {
public:
    /// Opens store, keys and listeners; on return both listeners and the admin socket are bound.
    [[nodiscard]] static Result<std::unique_ptr<Daemon>> start(asio::io_context& io,
                                                               DaemonOptions options,
                                                               DataDir& data_dir);
    ~Daemon() override;

    /// Says goodbye to agents, waits until what was decided is durable, then stops the loop.
    void stop();
    /// What the process should exit with after the loop has ended.
    [[nodiscard]] int exit_code() const { return exit_code_; }

private:
    Daemon(asio::io_context& io, DaemonOptions options, DataDir& data_dir);

    // Start.
    struct StoredRows;
    [[nodiscard]] Result<void> open_fleet(const StoredRows& rows);
    [[nodiscard]] Result<void> open_status();
    [[nodiscard]] Result<void> open_admin();
    [[nodiscard]] Result<void> open_config(const StoredRows& rows);

    // The engine and its effects.
    [[nodiscard]] Clocks clocks();
    /// Once a second: keeps the clock of Lived going, and in the store while something runs; and
    /// an eye on the agents that have something to do.
    void live();
    void keep_life(Lived lived);
    void feed(const engine::Event& event);
    void perform(engine::Effect& effect);
    void perform_one(engine::Persist&) {}
    void perform_one(engine::Send& send);
    void perform_one(engine::Ask& ask);
    void answer(std::uint64_t id, const engine::RevertRequest& question);
    void answer(std::uint64_t id, const engine::LoadDefinition& question);
    void answer(std::uint64_t id, const engine::FindLastGood& question);
    void note_revert(const std::string& release, const Result<engine::RevertDone>& done);
    void perform_one(engine::Notify& notify);
    void perform_one(engine::Publish& publish);
    void perform_one(engine::WakeAt& wake);
    void arm_wake();
    [[nodiscard]] Milliseconds until_wake(const Clocks& clocks) const;
    void fail_hard(const Error& error);
    void tell_trouble();
    /// Ends the loop although the store takes nothing, when that lasts.
    void give_up_in_time();
    void end();

    // The config repo.
    /// Runs on the config worker and takes its result to the loop.
    template <class Work, class Then>
    void on_config_worker(Work work, Then then);
    /// The same, before all that waits there: it needs no remote, and a rollback waits for it.
    template <class Work, class Then>
    void first_on_config_worker(Work work, Then then);
    template <class Work, class Then>
    [[nodiscard]] Worker::Job config_job(Work work, Then then);
    void schedule_poll();
    void poll();
    void take_report(PollReport report);
    void publish_config(const PollReport& report);

    // FleetHandler.
    void persist(Batch batch, std::function<void(Result<void>)> done) override;
    /// Ends the agent's session when too much waits for the store already: it comes again, with
    /// its whole inventory. False: go on.
    [[nodiscard]] bool put_off(const std::string& agent);
    /// Counts outcomes that are news; their output may still be on its way.
    void note_ended(const std::string& agent, const std::vector<ActionResult>& results);
    [[nodiscard]] bool is_in_outbox(const std::string& action, const std::string& agent) const;
    /// For the log: limits::kLinesPerAgentMax a minute of each `matter`.
    void log_of(const std::string& agent, std::string_view matter, const std::string& text);
    void on_connected(const Hello& hello, Inventory inventory) override;
    void on_changed(const std::string& agent, std::vector<Installation> changed) override;
    void on_update(const std::string& agent, const ActionUpdate& update) override;
    void on_result(const std::string& agent, const ActionResult& result) override;
    void on_fenced(const std::string& agent, std::uint64_t highest_epoch) override;
    void on_routed(const std::string& agent, const RouteReport& report) override;
    void on_log(const std::string& agent, const std::string& action,
                std::string_view bytes) override;
    void on_stopping(const std::string& agent) override;
    void on_disconnected(const std::string& agent, const std::string& reason) override;
    void on_revoked(const std::string& agent) override;
    void on_heard(const std::set<std::string>& agents) override;
    void on_server_renewed(const transport::Credential& server, const Renewal& renewal) override;
    void on_alert(const std::string& agent, const std::string& text) override;
    void on_notice(const std::string& agent, const std::string& text) override;
    /// The snapshot's gauges of fleet and store.
    void refresh(StatusSnapshot& snapshot) const;

    // The admin socket's verbs.
    void admin_enroll(const std::string& arguments, AdminSocket::Answer answer);
    void admin_agents(AdminSocket::Answer answer);
    void admin_revoke(const std::string& arguments, AdminSocket::Answer answer);
    void admin_accept(const std::string& arguments, AdminSocket::Answer answer);
    void admin_audit(AdminSocket::Answer answer);
    void admin_info(AdminSocket::Answer answer);

    std::optional<LastResort> last_resort_;  ///< first: watches over the end of all others
    asio::io_context& io_;
    DaemonOptions options_;
    DataDir& data_dir_;
    std::mt19937 random_{std::random_device{}()};  ///< jitter of polls only
    int exit_code_ = 0;
    bool stopping_ = false;

    status::SnapshotBoard board_;
    Publisher publisher_;
    std::unique_ptr<StoreWorker> store_;
    engine::Life life_;
    engine::State state_;
    EffectQueue effects_;
    asio::steady_timer life_timer_;
    asio::steady_timer wake_timer_;
    asio::steady_timer stop_timer_;
    engine::WakeAt wake_at_;
    Timestamp slept_at_;  ///< when the wake timer was set

    asio::steady_timer poll_timer_;
    bool polling_ = false;
    bool poll_again_ = false;
    int poll_failures_ = 0;
    std::string accepted_;
    std::string held_;
    std::unique_ptr<ConfigSource> source_;  ///< touched by the config worker only, to its end
    std::shared_ptr<git::Canceller> git_canceller_ = std::make_shared<git::Canceller>();
    std::unique_ptr<Worker> config_worker_;
    std::unique_ptr<ActionLogs> logs_;
    EndedActions ended_;
    std::map<std::string, OnceAMinute> said_;  ///< by agent
    std::unique_ptr<AdminSocket> admin_;
    std::unique_ptr<Fleet> fleet_;
    std::unique_ptr<status::Server> status_;
};

template <class Work, class Then>
Worker::Job Daemon::config_job(Work work, Then then) {
    return [this, work = std::move(work), then = std::move(then)]() mutable {
        asio::post(io_, [this, then = std::move(then), result = work()]() mutable {
            if (!stopping_) then(std::move(result));
        });
    };
}

template <class Work, class Then>
void Daemon::on_config_worker(Work work, Then then) {
    config_worker_->post(config_job(std::move(work), std::move(then)));
}

template <class Work, class Then>
void Daemon::first_on_config_worker(Work work, Then then) {
    config_worker_->post_first(config_job(std::move(work), std::move(then)));
}

/// The wall clock in the daemon's terms.
[[nodiscard]] Timestamp wall_clock();

}  // namespace tidegate::daemon
