#include "agent/daemon/host_loop.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <asio/post.hpp>
#include <chrono>
#include <cstdio>
#include <utility>

namespace tidegate::agent {
namespace {

constexpr std::size_t kDriftWorkers = 2;
constexpr Seconds kStopLook{1};

/// The machine measures differences only.
Timestamp monotonic() {
    return Timestamp{std::chrono::duration_cast<Milliseconds>(
        std::chrono::steady_clock::now().time_since_epoch())};
}

/// No handler may run after this: none of them could tell what is on disk.
[[noreturn]] void end_process(const Error& error) {
    fmt::print(stderr, "tidegate-agent: {}; ending, for the journal must not lie\n", error.text());
    ::_exit(1);
}

}  // namespace

Result<std::unique_ptr<HostLoop>> HostLoop::open(asio::io_context& io, HostOptions options,
                                                 Uplink& uplink) {
    auto journal = TRY(Journal::open(options.data_dir + "/journal"));
    auto content = journal->take_content();
    if (content.torn_bytes > 0)
        uplink.notice(fmt::format(
            "journal: cut off {} bytes of a record that was not yet whole when the agent or its "
            "host stopped",
            content.torn_bytes));
    CHECK(make_tmp_dir(options.rules));
    options.rules.former = TRY(end_former_runs(options.rules));
    auto loop = std::make_unique<HostLoop>(io, std::move(options), uplink, std::move(journal),
                                           std::move(content));
    for (auto& effect : loop->machine_.boot()) loop->apply(std::move(effect));
    loop->drift_runner_->end_former_looks();
    loop->arm_drift();
    return loop;
}

HostLoop::HostLoop(asio::io_context& io, HostOptions options, Uplink& uplink,
                   std::unique_ptr<Journal> journal, JournalContent content)
    : io_{io},
      options_{std::move(options)},
      uplink_{uplink},
      machine_{std::move(content.records)},
      wake_{io},
      stop_timer_{io},
      drift_timer_{io},
      definitions_{std::move(content.definitions)},
      tried_{std::move(content.tried)},
      began_{std::move(content.began)},
      router_notes_{options_.data_dir + "/routers",
                    [this](const std::string& text) { uplink_.notice(text); }},
      writer_{std::make_unique<JournalWriter>(std::move(journal), end_process,
                                              [this](const Error& error) { tell_full(error); })},
      drift_runner_{
          std::make_unique<ActionRunner>(options_.rules, RunnerEvents{}, kDriftWorkers, 0)},
      runner_{std::make_unique<ActionRunner>(options_.rules, runner_events())},
      watcher_{std::make_unique<Watcher>(options_.rules, runner_events())},
      routers_{std::make_unique<RouterHost>(options_.rules, router_events(), options_.route_look)} {
    for (auto& process : content.running) leftovers_[process.action] = std::move(process);
}

RunnerEvents HostLoop::runner_events() {
    RunnerEvents events;
    events.finished = [this](machine::Finished finished, std::string log) {
        post([this, finished = std::move(finished), log = std::move(log)] {
            if (!log.empty()) uplink_.log(finished.action, log);
            step(finished);
        });
    };
    events.update = [this](ActionUpdate update) {
        post([this, update = std::move(update)] { uplink_.update(update); });
    };
    events.probed = [this](machine::Probed probed) {
        post([this, probed = std::move(probed)] { step(probed); });
    };
    events.task_noted = [this](machine::TaskNote note) -> Result<void> {
        const bool wait =
            note.result.status == TaskStatus::running && !machine::repeats(note.result.type);
        if (wait) return writer_->write_and_wait(std::move(note));
        writer_->write(std::move(note), {});
        return {};
    };
    return events;
}

RouterEvents HostLoop::router_events() {
    RouterEvents events;
    events.looked = [this](machine::RouteLooked looked) {
        post([this, looked = std::move(looked)] { step(looked); });
    };
    events.state_looked = [this](const Route& route, StateFinding finding) {
        post([this, route, finding = std::move(finding)] {
            if (machine_.keeps(machine::id_of(route))) router_notes_.set(route, finding);
        });
    };
    return events;
}

void HostLoop::post(std::function<void()> job) { asio::post(io_, std::move(job)); }

void HostLoop::step(const machine::Input& input) {
    for (auto& effect : machine_.step(input, monotonic())) apply(std::move(effect));
    arm_wake();
    if (on_stopped_ && machine_.at_rest()) std::exchange(on_stopped_, {})();
}

void HostLoop::stop(std::function<void()> done) {
    stopping_ = true;
    on_stopped_ = std::move(done);
    drift_timer_.cancel();
    step(machine::Stopping{});
    runner_->kill_all();
    watcher_->kill_all();
    step(machine::Tick{});
    arm_stop();
}

/// Outcomes that find no room on the disk are not waited for: the next process settles its action.
void HostLoop::arm_stop() {
    if (!on_stopped_) return;
    stop_timer_.expires_after(kStopLook);
    stop_timer_.async_wait([this](const asio::error_code& error) {
        if (error || !on_stopped_) return;
        if (writer_->stuck()) return std::exchange(on_stopped_, {})();
        arm_stop();
    });
}

void HostLoop::tell_full(const Error& error) {
    post([this, text = error.message] {
        uplink_.notice(text + "; what happened is kept in memory, and written once there is room");
    });
}

void HostLoop::apply(machine::Effect effect) {
    std::visit([this](auto&& known) { apply_one(std::forward<decltype(known)>(known)); },
               std::move(effect));
}

void HostLoop::apply_one(machine::JournalIntent effect) {
    const auto id = effect.action.id;
    if (!machine::is_watch(effect.action)) unfinished_[id] = effect.action;
    const ActionBegan began{id, read_clocks()};
    writer_->write({std::move(effect), began}, [this, id](const Result<void>& written) {
        if (written) return post([this, id] { step(machine::IntentDurable{id}); });
        post([this, id, why = written.error().message] { step(machine::IntentFailed{id, why}); });
    });
}

void HostLoop::apply_one(machine::JournalOutcome effect) {
    const auto id = effect.result.id;
    define(effect.result);
    writer_->write(std::move(effect), [this, id](const Result<void>&) {
        post([this, id] { step(machine::OutcomeDurable{id}); });
    });
}

void HostLoop::apply_one(machine::JournalEpoch effect) { writer_->write(effect, {}); }
void HostLoop::apply_one(machine::JournalInstallation effect) {
    writer_->write(std::move(effect), {});
}
void HostLoop::apply_one(machine::JournalForget effect) { writer_->write(std::move(effect), {}); }
void HostLoop::apply_one(machine::JournalAcks effect) { writer_->write(std::move(effect), {}); }

void HostLoop::apply_one(machine::JournalRoute effect) {
    const machine::RouteDurable durable{machine::id_of(effect.route), effect.ticket};
    const auto kept = [this, durable](const Result<void>&) {
        post([this, durable] { step(durable); });
    };
    const auto waits = [this, durable](const Error& error) {
        machine::RouteUnkept unkept{durable.id, durable.ticket, error.message};
        post([this, unkept = std::move(unkept)] { step(unkept); });
    };
    writer_->write(std::move(effect), kept, waits);
}
void HostLoop::apply_one(machine::JournalForgetRoute effect) {
    writer_->write(std::move(effect), {});
}
void HostLoop::apply_one(machine::ApplyRoute effect) { routers_->apply(std::move(effect)); }
void HostLoop::apply_one(machine::DropRoute effect) {
    routers_->drop(effect.id);
    router_notes_.drop(effect.id);
}

void HostLoop::apply_one(machine::Start effect) {
    if (machine::is_watch(effect.action)) return watcher_->start(std::move(effect));
    ++starts_[effect.action.key];
    auto former = former_at(effect.action.key);
    auto tenants = tenants_beside(effect.action.key);
    begun_.insert(effect.action.id);
    const auto used = used_by(effect);
    runner_->start(std::move(effect), std::move(former), used, std::move(tenants));
}

void HostLoop::apply_one(machine::Kill effect) {
    runner_->kill(effect.action);
    watcher_->kill(effect.action);
}

void HostLoop::apply_one(machine::Probe effect) {
    const auto& id = effect.action.id;
    unfinished_[id] = effect.action;
    begun_.insert(id);
    std::optional<ProcessStarted> leftover;
    if (const auto found = leftovers_.find(id); found != leftovers_.end()) leftover = found->second;
    runner_->probe(std::move(effect), std::move(leftover));
}

void HostLoop::apply_one(machine::ReportResult effect) {
    if (!effect.result.host_trouble.empty()) {
        begun_.erase(effect.result.id);
        unfinished_.erase(effect.result.id);
    }
    uplink_.result(effect.result);
}
void HostLoop::apply_one(machine::ReportChanged effect) { uplink_.changed(effect.installation); }
void HostLoop::apply_one(machine::ReportFenced effect) { uplink_.fenced(effect.highest); }
void HostLoop::apply_one(machine::ReportRoute effect) { uplink_.routed(effect.report); }

/// By what is installed and by what is being installed.
Tenants HostLoop::tenants_beside(const InstallKey& key) const {
    Tenants tenants;
    for (const auto& [other, definition] : definitions_) {
        auto tenant = tenant_of(options_.rules, definition);
        if (!tenant) continue;
        if (other == key)
            tenants.now = *std::move(tenant);
        else
            tenants.others.push_back(*std::move(tenant));
    }
    for (const auto& id : begun_) {
        const auto& action = unfinished_.at(id);
        auto tenant = tenant_of(options_.rules, action);
        const bool stays = action.kind != ActionKind::uninstall;
        if (tenant && stays && action.key != key) tenants.others.push_back(*std::move(tenant));
    }
    return tenants;
}

/// Keeps what a successful action installed from, as the journal does.
void HostLoop::define(const ActionResult& result) {
    begun_.erase(result.id);
    auto action = unfinished_.extract(result.id);
    if (action.empty()) return;
    note_outcome(tried_, action.mapped(), result);
    if (result.outcome != ActionOutcome::done) return;
    const auto key = action.mapped().key;
    if (result.kind == ActionKind::uninstall)
        definitions_.erase(key);
    else if (puts_in_place(result.kind))
        definitions_[key] = std::move(action.mapped());
}

/// How much of its time a resumed action has had. Where an older build began it nobody knows.
Milliseconds HostLoop::used_by(const machine::Start& start) const {
    const auto began = began_.find(start.action.id);
    if (!start.resumed || began == began_.end()) return Milliseconds{0};
    return time_between(began->second, read_clocks());
}

FormerActions HostLoop::former_at(const InstallKey& key) const {
    FormerActions former;
    if (const auto known = definitions_.find(key); known != definitions_.end())
        former.installed = known->second;
    if (const auto known = tried_.find(key); known != tried_.end()) former.tried = known->second;
    return former;
}

void HostLoop::arm_wake() {
    const auto wake = machine_.next_wake();
    if (!wake) return;
    wake_.expires_after(std::max(*wake - monotonic(), Milliseconds{1}));
    wake_.async_wait([this](const asio::error_code& error) {
        if (!error) step(machine::Tick{});
    });
}

void HostLoop::arm_drift() {
    if (options_.drift_interval == Seconds{0} || stopping_) return;
    drift_timer_.expires_after(options_.drift_interval);
    drift_timer_.async_wait([this](const asio::error_code& error) {
        if (error) return;
        look_for_drift();
        arm_drift();
    });
}

void HostLoop::look_for_drift() {
    for (const auto& installation : machine_.inventory().installations) {
        const auto& key = installation.key;
        const auto definition = definitions_.find(key);
        if (installation.status != InstallStatus::installed || machine_.busy(key) ||
            definition == definitions_.end() || !being_checked_.insert(key).second)
            continue;
        drift_runner_->check_drift(definition->second, [this, key,
                                                        starts = starts_[key]](Look look) {
            post([this, key, starts, look = std::move(look)] { drift_found(key, starts, look); });
        });
    }
}

/// What was seen before an action began says nothing about what it left; none begins during one.
void HostLoop::drift_found(const InstallKey& key, std::uint64_t starts, Look look) {
    being_checked_.erase(key);
    if (starts_[key] == starts) step(machine::DriftSeen{key, look.drifted, std::move(look.reason)});
}

}  // namespace tidegate::agent
