#include "bench/swarm/host.h"

#include <fmt/core.h>
#include <unistd.h>

#include <asio/post.hpp>
#include <chrono>
#include <utility>

namespace tidegate::bench {
namespace {

Timestamp monotonic() {
    return Timestamp{std::chrono::duration_cast<Milliseconds>(
        std::chrono::steady_clock::now().time_since_epoch())};
}

[[noreturn]] void end_process(const Error& error) {
    fmt::print(stderr, "bench-swarm: journal: {}\n", error.text());
    ::_exit(1);
}

}  // namespace

Host::Host(asio::io_context& io, HostOptions options, Owner& owner,
           std::unique_ptr<agent::Journal> journal, machine::Records records)
    : io_{io},
      options_{std::move(options)},
      owner_{owner},
      machine_{std::move(records)},
      writer_{std::move(journal), end_process} {}

Result<std::unique_ptr<Host>> Host::open(asio::io_context& io, HostOptions options, Owner& owner) {
    auto journal = TRY(agent::Journal::open(options.data_dir + "/journal"));
    auto content = journal->take_content();
    SessionOptions session;
    session.host = options.server;
    session.port = options.port;
    session.agent = options.name;
    session.data_dir = options.data_dir;
    session.token = options.token;
    std::unique_ptr<Host> host{
        new Host{io, std::move(options), owner, std::move(journal), std::move(content.records)}};
    for (auto& effect : host->machine_.boot())
        std::visit([&](auto& known) { host->apply(std::move(known)); }, effect);
    host->session_ = TRY(Session::start(io, std::move(session), *host));
    return host;
}

void Host::step(const machine::Input& input) {
    for (auto& effect : machine_.step(input, monotonic()))
        std::visit([this](auto& known) { apply(std::move(known)); }, effect);
}

void Host::apply(machine::JournalIntent effect) {
    const auto id = effect.action.id;
    writer_.write(std::move(effect), [this, id](const Result<void>&) {
        asio::post(io_, [this, id] { step(machine::IntentDurable{id}); });
    });
}

void Host::apply(machine::JournalOutcome effect) {
    const auto id = effect.result.id;
    writer_.write(std::move(effect), [this, id](const Result<void>&) {
        asio::post(io_, [this, id] { step(machine::OutcomeDurable{id}); });
    });
}

void Host::apply(const machine::Probe& effect) {
    asio::post(io_, [this, id = effect.action.id] {
        step(machine::Probed{id, machine::ProbeAnswer::unknown});
    });
}

void Host::apply(machine::ReportResult effect) {
    session_->result(effect.result);
    reported_[effect.result.id] = std::move(effect.result);
}

void Host::finished(const machine::Finished& finished, const std::string& log) {
    if (!log.empty()) session_->log(finished.action, log);
    step(finished);
}

void Host::process_started(const agent::ProcessStarted& process) {
    (void)writer_.write_and_wait(process);
}

Hello Host::hello() {
    Hello hello;
    hello.agent = options_.name;
    hello.boot_id = fmt::format("{}-{}", ::getpid(), options_.name);
    hello.version = TIDEGATE_VERSION;
    hello.capabilities = {"driver.script"};
    hello.highest_epoch = machine_.highest_epoch();
    return hello;
}

void Host::on_connected(std::uint64_t epoch, bool answers_suspended) {
    step(machine::WelcomeCommand{epoch, answers_suspended});
    owner_.connected(*this);
}
void Host::on_run(Action action, std::uint64_t epoch) {
    step(machine::RunCommand{epoch, std::move(action)});
}
void Host::on_cancel(const std::string& action, std::uint64_t epoch) {
    step(machine::CancelCommand{epoch, action});
}
void Host::on_ack(const std::vector<std::string>& actions) {
    step(machine::AckCommand{actions});
    for (const auto& id : actions)
        if (auto known = reported_.extract(id); !known.empty())
            owner_.acknowledged(*this, known.mapped());
}

}  // namespace tidegate::bench
