#include <spdlog/spdlog.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "reconciler/daemon/crash_point.h"
#include "reconciler/daemon/daemon.h"
#include "reconciler/daemon/poll_delay.h"

namespace tidegate::daemon {
namespace {

std::size_t count_left(const Desired& before, const Desired& after) {
    return static_cast<std::size_t>(std::ranges::count_if(
        before.assignments,
        [&](const auto& each) { return !after.assignments.contains(each.first); }));
}

}  // namespace

void Daemon::schedule_poll() {
    poll_timer_.expires_after(poll_delay(options_.poll_interval, poll_failures_, random_()));
    poll_timer_.async_wait([this](asio::error_code error) {
        if (!error && !stopping_) poll();
    });
}

void Daemon::poll() {
    if (polling_) {
        poll_again_ = true;
        return;
    }
    if (effects_.full()) return schedule_poll();
    polling_ = true;
    poll_again_ = false;
    on_config_worker([this] { return source_->poll(wall_clock()); },
                     [this](PollReport report) {
                         polling_ = false;
                         auto& counters = publisher_.edit().counters;
                         ++counters.polls;
                         const bool reached = report.status.poll_error.empty();
                         if (!reached) {
                             ++counters.poll_failures;
                             spdlog::warn("config: {}", report.status.poll_error);
                         }
                         poll_failures_ = reached ? 0 : poll_failures_ + 1;
                         take_report(std::move(report));
                         if (poll_again_) return poll();
                         schedule_poll();
                     });
}

void Daemon::take_report(PollReport report) {
    const auto before = publisher_.edit().desired;
    publish_config(report);
    if (report.held != held_) {
        held_ = report.held;
        if (!held_.empty()) {
            ++publisher_.edit().counters.commits_held;
            ++publisher_.edit().counters.alerts;
            spdlog::error("config: {}", held_);
        }
        feed(engine::GitHeld{!held_.empty(), report.status.tip_commit, held_});
    }
    if (!report.desired) return;
    const auto changed = [this, desired = report.desired] { feed(engine::ConfigChanged{desired}); };
    const auto& commit = report.status.accepted_commit;
    if (commit == accepted_) return changed();
    accepted_ = commit;
    ++publisher_.edit().counters.commits_accepted;
    spdlog::info("config: accepted {} with {} errors", commit, report.status.errors.size());
    if (const auto left = before ? count_left(*before, *report.desired) : 0; left > 0)
        spdlog::warn("config: commit {}: {}", commit, leaving_warning(left).message);
    const auto at = *report.status.accepted_at;
    Batch batch;
    batch.writes.push_back(Put{Table::meta, "accepted",
                               nlohmann::json{{"commit", commit},
                                              {"at_ms", at.time_since_epoch().count()},
                                              {"lenient_until", report.lenient_until},
                                              {"second_until", report.second_until},
                                              {"fourth_until", report.fourth_until},
                                              {"rebuilt_to", report.rebuilt_to}}
                                   .dump()});
    batch.audit.push_back({at, "daemon", "config.accepted", options_.branch, commit,
                           nlohmann::json{{"errors", report.status.errors.size()}}.dump()});
    effects_.push(std::move(batch), [changed] {
        crash_point("config.accepted");
        changed();
    });
}

void Daemon::publish_config(const PollReport& report) {
    auto& snapshot = publisher_.edit();
    snapshot.config = report.status;
    snapshot.counters.config_errors = report.status.errors.size();
    snapshot.ready = snapshot.ready || !report.status.accepted_commit.empty();
    if (report.desired) snapshot.desired = report.desired;
    if (report.documents) snapshot.documents = report.documents;
}

void Daemon::perform_one(engine::Ask& ask) {
    std::visit([&](const auto& question) { answer(ask.id, question); }, ask.question);
}

void Daemon::answer(std::uint64_t id, const engine::RevertRequest& question) {
    on_config_worker([this, question] { return source_->revert(question, wall_clock()); },
                     [this, id, release = question.release](Result<engine::RevertDone> done) {
                         note_revert(release, done);
                         feed(engine::Answered{id, std::move(done)});
                         poll();
                     });
}

void Daemon::note_revert(const std::string& release, const Result<engine::RevertDone>& done) {
    auto& counters = publisher_.edit().counters;
    if (!done) {
        ++counters.reverts_failed;
        spdlog::warn("revert: release {}: {}", release, done.error().text());
    } else if (std::holds_alternative<engine::RevertDone::Pushed>(done->outcome)) {
        ++counters.reverts_pushed;
    }
}

void Daemon::answer(std::uint64_t id, const engine::LoadDefinition& question) {
    first_on_config_worker(
        [this, question] { return source_->load_definition(question.key, question.commit); },
        [this, id](Result<DefinitionPtr> definition) {
            feed(engine::Answered{id, std::move(definition)});
        });
}

void Daemon::answer(std::uint64_t id, const engine::FindLastGood& question) {
    on_config_worker(
        [this, question] { return source_->find_last_good(question.key, question.candidates); },
        [this, id](Result<std::optional<LastGood>> good) {
            feed(engine::Answered{id, std::move(good)});
        });
}

}  // namespace tidegate::daemon
