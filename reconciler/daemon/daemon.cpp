#include "reconciler/daemon/daemon.h"

#include <spdlog/spdlog.h>
#include <time.h>

#include <algorithm>
#include <asio/post.hpp>

#include "reconciler/daemon/crash_point.h"
#include "reconciler/engine/facts.h"

namespace tidegate::daemon {
namespace {

/// From SIGTERM to the end, whatever hangs.
constexpr Milliseconds kLongestStop{std::chrono::seconds{10}};
constexpr Milliseconds kLifeTick{std::chrono::seconds{1}};
/// A wall clock may jump while a steady timer sleeps: look at it at least this often.
constexpr Milliseconds kLongestSleep{std::chrono::seconds{30}};

/// Goes on while the machine sleeps, and nobody sets it.
Milliseconds boot_time() {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return std::chrono::floor<Milliseconds>(Seconds{now.tv_sec} +
                                            std::chrono::nanoseconds{now.tv_nsec});
}

std::set<std::string> busy_agents(const engine::State& state) {
    std::set<std::string> agents;
    for (const auto& [agent, actions] : state.sent_to)
        if (!actions.empty()) agents.insert(agent);
    return agents;
}

}  // namespace

Timestamp wall_clock() {
    return std::chrono::floor<Milliseconds>(std::chrono::system_clock::now());
}

Daemon::Daemon(asio::io_context& io, DaemonOptions options, DataDir& data_dir)
    : io_{io},
      options_{std::move(options)},
      data_dir_{data_dir},
      publisher_{io, board_, [this](StatusSnapshot& snapshot) { refresh(snapshot); }},
      effects_{{.submit =
                    [this](Batch batch, StoreWorker::Done done) {
                        const auto posted = [this, done](Result<CommitOutcome> outcome) {
                            asio::post(io_, [this, done, outcome] {
                                publisher_.touch();
                                done(outcome);
                            });
                        };
                        if (auto taken = store_->submit(std::move(batch), posted); !taken)
                            posted(fail(taken.error()));
                    },
                .perform = [this](engine::Effect& effect) { perform(effect); },
                .later =
                    [this](std::function<void()> job) {
                        auto timer = std::make_shared<asio::steady_timer>(io_, Seconds{1});
                        timer->async_wait([timer, job](asio::error_code error) {
                            if (!error) job();
                        });
                    },
                .on_failure = [this](const Error& error) { fail_hard(error); },
                .on_trouble = [this] { tell_trouble(); }}},
      life_timer_{io},
      wake_timer_{io},
      stop_timer_{io},
      poll_timer_{io} {}

Daemon::~Daemon() {
    status_.reset();
    fleet_.reset();
    admin_.reset();
    git_canceller_->cancel();
    config_worker_.reset();
    logs_.reset();
    store_.reset();
}

Clocks Daemon::clocks() {
    const auto lived = life_.at(boot_time());
    return {wall_clock(), lived, life_.still()};
}

void Daemon::live() {
    keep_life(clocks().lived);
    if (life_.still() > Milliseconds{0} && engine::all_are_back(state_)) {
        life_.all_are_back();
        arm_wake();
    }
    fleet_->watch(busy_agents(state_));
    life_timer_.expires_after(kLifeTick);
    life_timer_.async_wait([this](asio::error_code error) {
        if (!error && !stopping_) live();
    });
}

void Daemon::keep_life(Lived lived) {
    if (lived - state_.lived_stored < limits::kLifeUnstoredMax ||
        !engine::is_waiting(state_, lived))
        return;
    state_.lived_stored = lived;
    Batch batch;
    batch.writes.emplace_back(engine::keep_life(lived));
    effects_.push(std::move(batch), [] {});
}

void Daemon::feed(const engine::Event& event) {
    const auto begin = std::chrono::steady_clock::now();
    auto effects = engine::step(state_, event, clocks());
    auto& counters = publisher_.edit().counters;
    ++counters.engine_steps;
    counters.engine_seconds +=
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    effects_.push(std::move(effects));
}

void Daemon::perform(engine::Effect& effect) {
    std::visit([this](auto& one) { perform_one(one); }, effect);
}

void Daemon::perform_one(engine::Send& send) {
    crash_point("effects.before_send");
    if (!engine::leave(state_, send, clocks())) {
        const auto& run = std::get<engine::Run>(send.message);
        return feed(engine::Unsent{send.agent, run.action.id, run.resumes});
    }
    const auto message = std::visit(
        [](auto& inner) -> wire::DaemonMessage {
            using T = std::decay_t<decltype(inner)>;
            if constexpr (std::is_same_v<T, engine::Run>)
                return wire::Run{inner.epoch, std::move(inner.action), {}};
            else if constexpr (std::is_same_v<T, engine::Cancel>)
                return wire::Cancel{inner.epoch, std::move(inner.action)};
            else if constexpr (std::is_same_v<T, engine::SetRoute>)
                return wire::SetRoute{inner.epoch, std::move(inner.route), inner.forget};
            else
                return wire::Ack{std::move(inner.actions)};
        },
        send.message);
    if (std::holds_alternative<wire::Run>(message)) ++publisher_.edit().counters.actions_sent;
    // A link that is gone is noticed by the fleet; the engine sends again after the reconnect.
    if (auto sent = fleet_->send(send.agent, message); !sent)
        log_of(send.agent, "unsent", "was not sent something: " + sent.error().message);
    crash_point("effects.after_send");
}

void Daemon::perform_one(engine::Notify& notify) {
    const bool bad = is_alert(notify.kind);
    if (bad) ++publisher_.edit().counters.alerts;
    spdlog::log(bad ? spdlog::level::warn : spdlog::level::info, "{}: {}{}{}",
                to_string(notify.kind), notify.key.project.empty() ? "" : notify.key.text(),
                notify.key.project.empty() ? "" : ": ", notify.text);
}

void Daemon::perform_one(engine::Publish& publish) {
    for (const auto& change : publish.releases)
        if (const auto& release = change.head; is_final(release.status)) {
            const auto known = publisher_.edit().releases.find(release.id);
            if (known == publisher_.edit().releases.end() || !is_final(known->second->status))
                ++publisher_.edit().counters.releases_ended[std::string{to_string(release.status)}];
        }
    // The engine keeps when an agent came and went; people are shown its last message.
    for (auto& target : publish.targets)
        if (const auto seen = fleet_->last_seen(target.agent)) target.last_seen_at = seen;
    publisher_.apply(std::move(publish));
}

void Daemon::perform_one(engine::WakeAt& wake) {
    wake_at_ = wake;
    arm_wake();
}

Milliseconds Daemon::until_wake(const Clocks& clocks) const {
    auto in = Milliseconds::max();
    if (wake_at_.at) in = std::min(in, *wake_at_.at - clocks.now);
    if (wake_at_.lived) in = std::min(in, life_.until(*wake_at_.lived));
    return in;
}

void Daemon::arm_wake() {
    if (!wake_at_.at && !wake_at_.lived) return;
    const auto now = clocks();
    slept_at_ = now.now;
    wake_timer_.expires_after(std::clamp(until_wake(now), Milliseconds{0}, kLongestSleep));
    wake_timer_.async_wait([this](asio::error_code error) {
        if (error || stopping_) return;
        const auto woken = clocks();
        // Set back meanwhile, it says nothing of what was to come: the engine looks anew.
        if (until_wake(woken) > Milliseconds{0} && woken.now >= slept_at_) return arm_wake();
        wake_at_ = {};
        feed(engine::Woke{});
    });
}

void Daemon::fail_hard(const Error& error) {
    spdlog::critical("store: {}: stopping; the next start goes on from what is on the disk",
                     error.text());
    exit_code_ = 1;
    io_.stop();
}

void Daemon::tell_trouble() {
    publisher_.touch();
    if (effects_.trouble().empty()) {
        spdlog::info("store: takes writes again");
        return;
    }
    ++publisher_.edit().counters.alerts;
    spdlog::error("store: takes no writes, so nothing moves: {}", effects_.trouble());
}

void Daemon::stop() {
    if (stopping_) return;
    stopping_ = true;
    last_resort_.emplace(kLongestStop);
    spdlog::info("stopping");
    poll_timer_.cancel();
    life_timer_.cancel();
    wake_timer_.cancel();
    fleet_->shutdown("the daemon stops");
    // Everything decided so far is durable before the loop ends.
    Batch last;
    last.audit.push_back({wall_clock(), "daemon", "daemon.stopped", "", "", "{}"});
    effects_.push(std::move(last), [this] { end(); });
    give_up_in_time();
}

void Daemon::give_up_in_time() {
    stop_timer_.expires_after(limits::kStopPatience);
    stop_timer_.async_wait([this](asio::error_code error) {
        if (error) return;
        if (effects_.trouble().empty()) return give_up_in_time();
        spdlog::error("store: {}: stopping all the same; what is not durable was not acted upon",
                      effects_.trouble());
        exit_code_ = 1;
        end();
    });
}

void Daemon::end() {
    stop_timer_.cancel();
    publisher_.flush();
    data_dir_.withdraw();
    asio::post(io_, [this] { io_.stop(); });
}

}  // namespace tidegate::daemon
