#include "tests/simulation/engine/world.h"

#include <algorithm>

#include "reconciler/engine/facts.h"
#include "schema/model/json.h"

namespace tidegate::simulation {

using namespace std::chrono_literals;

namespace {

constexpr Milliseconds kLongestSleep{30s};  ///< as the daemon's

}  // namespace

void World::daemon_later(Milliseconds after, std::function<void()> act) {
    later(after, [this, life = daemon_life_, act = std::move(act)] {
        if (daemon_up_ && life == daemon_life_) act();
    });
}

void World::answer_later(int from, int to, engine::Event event) {
    daemon_later(Milliseconds(pick(from, to)), [this, event = std::move(event)] { feed(event); });
}

Clocks World::clocks() {
    if (!daemon_up_) return {wall(), Lived{}};
    const auto lived = life_.at(now_.time_since_epoch());
    return {wall(), lived, life_.still()};
}

void World::feed(const engine::Event& event) {
    if (!daemon_up_) return;
    if (const auto* config = std::get_if<engine::ConfigChanged>(&event))
        checks_.on_wish(*config->desired);
    if (const auto* connected = std::get_if<engine::AgentConnected>(&event))
        checks_.on_connected(*connected);
    if (const auto* finished = std::get_if<engine::ActionFinished>(&event))
        checks_.on_outcome(finished->result);
    note(fmt::format("event {}", event.index()));
    const auto read = clocks();
    auto effects = engine::step(state_, event, read);
    checks_.after_step(state_, effects, wall(), read.still > 0ms);
    counter_.after_step(state_, effects);
    effects_->push(std::move(effects));
    if (read.still == 0ms || !engine::all_are_back(state_)) return;
    life_.all_are_back();
    arm_wake();
}

std::unique_ptr<daemon::EffectQueue> World::make_effects() {
    return std::make_unique<daemon::EffectQueue>(daemon::EffectQueue::Hooks{
        [this](Batch batch, StoreWorker::Done done) { submit(std::move(batch), std::move(done)); },
        [this, life = daemon_life_](engine::Effect& effect) {
            if (daemon_up_ && life == daemon_life_) perform(effect);
        },
        [this](std::function<void()> act) { daemon_later(1s, std::move(act)); },
        [this](const Error&) { crash_daemon(); },
        [] {},
    });
}

void World::submit(Batch batch, StoreWorker::Done done) {
    daemon_later(store_takes(), [this, batch = std::move(batch), done = std::move(done)] {
        if (faults_ && options_.models.slow_store && pick(0, 300) == 0)
            return done(fail(ErrorCode::exhausted, "the disk is full"));
        const bool fails = faults_ && pick(0, 1500) == 0;
        const bool lost = fails && pick(0, 1) == 0;  // else it is there, but nobody was told
        if (!lost) write(batch);
        if (fails) return crash_daemon();
        done(CommitOutcome::committed);
    });
}

/// Now and then it is stuck for up to minutes.
Milliseconds World::store_takes() {
    if (!faults_ || !options_.models.slow_store) return 0ms;
    if (pick(0, 400) == 0) store_stuck_until_ = now_ + Milliseconds(pick(1'000, 300'000));
    return Milliseconds(pick(0, 50)) + std::max<Milliseconds>(0ms, store_stuck_until_ - now_);
}

void World::write(const Batch& batch) {
    for (const auto& write : batch.writes) {
        if (const auto* put = std::get_if<Put>(&write))
            rows_[{put->table, put->key}] = put->body;
        else if (const auto* erase = std::get_if<Erase>(&write))
            rows_.erase({erase->table, erase->key});
    }
    for (const auto& entry : batch.audit) {
        note(fmt::format("audit {} {} {}", entry.kind, entry.subject.substr(0, 16), entry.detail));
        audit_.push_back(entry);
    }
    checks_.on_durable(batch);
}

void World::perform(engine::Effect& effect) {
    if (faults_ && pick(0, 3000) == 0) return crash_daemon();
    std::visit([this](auto& known) { perform_one(known); }, effect);
}

void World::perform_one(const engine::Ask& ask) {
    std::visit([&](const auto& question) { answer(ask.id, question); }, ask.question);
}

void World::answer(std::uint64_t id, const engine::RevertRequest& question) {
    const bool away = faults_ && pick(0, 5) == 0;
    // A person is quicker than the push.
    if (faults_ && !question.prepared.empty() && pick(0, 4) == 0) person_commits();
    auto done =
        away ? fail(ErrorCode::unavailable, "Git is away") : source_.revert(question, wall());
    if (!source_.violation.empty()) checks_.fail(source_.violation, now_);
    note("revert " + question.release);
    daemon_later(Milliseconds(pick(50, 3'000)), [this, id, done = std::move(done)] {
        feed(engine::Answered{id, done});
        take_in_tip();
    });
}

void World::answer(std::uint64_t id, const engine::LoadDefinition& question) {
    answer_later(10, 2'000, engine::Answered{id, source_.load(question)});
}

void World::answer(std::uint64_t id, const engine::FindLastGood& question) {
    answer_later(10, 2'000, engine::Answered{id, source_.find(question)});
}

void World::perform_one(const engine::WakeAt& wake) {
    wake_at_ = wake;
    arm_wake();
}

/// As the daemon does: its clock may have been set meanwhile.
void World::arm_wake() {
    if (!wake_at_.at && !wake_at_.lived) return;
    auto sleep = kLongestSleep;
    if (wake_at_.at) sleep = std::min<Milliseconds>(sleep, *wake_at_.at - wall());
    if (wake_at_.lived) sleep = std::min(sleep, life_.until(*wake_at_.lived));
    const auto asleep = [this, number = ++wakes_, slept_at = wall()] {
        if (number != wakes_) return;
        const auto now = clocks();
        const bool due = (wake_at_.at && *wake_at_.at <= now.now) || now.now < slept_at ||
                         (wake_at_.lived && *wake_at_.lived <= now.lived);
        if (!due) return arm_wake();
        wake_at_ = {};
        feed(engine::Woke{});
    };
    daemon_later(std::max<Milliseconds>(sleep, 0ms), asleep);
}

void World::poll() {
    take_in_tip();
    daemon_later(5s, [this] { poll(); });
}

void World::take_in_tip() {
    if (!daemon_up_ || polled_ == git_.tip()) return;
    polled_ = git_.tip();
    auto desired = source_.poll(wall());
    if (!source_.violation.empty()) checks_.fail(source_.violation, now_);
    feed(engine::ConfigChanged{std::move(desired)});
}

void World::crash_daemon() {
    if (!daemon_up_) return;
    note("daemon dies");
    daemon_up_ = false;
    ++daemon_life_;
    checks_.on_crash();
    for (auto& [name, link] : links_) cut(name);
    if (!faults_) return;
    const bool is_long = options_.models.long_downtimes && pick(0, 3) == 0;
    later(Milliseconds(is_long ? pick(3'600'000, 8 * 3'600'000) : pick(100, 60'000)),
          [this] { start_daemon(); });
}

void World::start_daemon() {
    if (daemon_up_) return;
    daemon_up_ = true;
    ++daemon_life_;
    polled_.clear();
    wake_at_ = {};
    effects_ = make_effects();
    std::vector<Row> rows;
    for (const auto& [key, body] : rows_) rows.push_back({key.first, key.second, body});
    const auto lived = engine::stored_life(rows);
    if (!lived) return checks_.fail("14: " + lived.error().text(), now_);
    life_ = engine::Life{*lived};
    auto restored = engine::restore(rows, epoch_ += 1'000, clocks());
    if (!restored) return checks_.fail("14: " + restored.error().text(), now_);
    state_ = std::move(*restored);
    source_.start(static_cast<ModelSource::Start>(faults_ ? pick(0, 2) : 0), own_commits());
    note("daemon starts");
    for (const auto& name : revoked_) feed(engine::AgentRevoked{name});
    for (auto& [name, link] : links_) {
        ++link.session;
        later(Milliseconds(pick(100, 8'000)), [this, session = link.session, agent = name] {
            if (links_[agent].session == session) connect(agent);
        });
    }
    daemon_later(200ms, [this] { poll(); });
}

/// As the daemon finds them in its store.
std::set<std::string> World::own_commits() const {
    std::set<std::string> own;
    for (const auto& [key, body] : rows_)
        if (key.first == Table::revert)
            if (const auto revert = own_revert_from_json(body)) own.insert(revert->commit);
    return own;
}

void World::check_store() {
    if (!daemon_up_ || effects_->waiting() > 0) return;
    const auto expect = [this](Table table, const std::string& key, const std::string& body) {
        const auto row = rows_.find({table, key});
        if (row == rows_.end() || row->second != body)
            checks_.fail(fmt::format("14: not in the store as in memory: {} {}", key, body), now_);
    };
    for (const auto& [id, release] : state_.releases) {
        // What ended long ago was right when it was looked at before.
        if (release.finished_at && *release.finished_at + 1h < wall()) continue;
        expect(Table::release, id, to_json(static_cast<const ReleaseHead&>(release)));
        for (const auto& step : release.steps)
            expect(Table::release_step, fmt::format("{} {:06}", id, step.index), to_json(step));
        for (const auto& [name, progress] : release.targets)
            expect(Table::release_target, id + ' ' + name, to_json(progress));
    }
}

void World::lose_store() {
    rows_.clear();
    audit_.clear();
    revoked_.clear();
    source_.forget_store();
    checks_.forget_store();
}

}  // namespace tidegate::simulation
