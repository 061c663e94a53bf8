#include "tests/simulation/engine/world.h"

#include <algorithm>

#include "schema/model/json.h"

namespace tidegate::simulation {

using namespace std::chrono_literals;

World::World(WorldOptions options)
    : options_(std::move(options)),
      random_(options_.seed),
      now_(Milliseconds(1'767'225'600'000) + options_.hour),  // 2026-01-01T00:00:00Z
      git_(options_.fleet),
      faults_(options_.faults),
      checks_(git_) {
    for (const auto& [name, place] : git_.fleet().environments)
        for (const auto& target : place.targets) {
            if (agents_.contains(target.agent)) continue;
            HostPorts ports{
                [this](Milliseconds after, std::function<void()> act) { later(after, act); },
                [this, agent = target.agent](const machine::Effect& effect) { up(agent, effect); },
                [this](const std::string& what) { checks_.fail(what, now_); },
                [this] { return now_; },
                [this](int from, int to) { return pick(from, to); },
            };
            agents_[target.agent] = std::make_unique<ModelAgent>(target.agent, std::move(ports));
            agents_[target.agent]->moody = faults_;
            links_[target.agent];
        }
    start_daemon();
}

int World::pick(int from, int to) {
    return from + static_cast<int>(random_() % static_cast<std::uint64_t>(to - from + 1));
}

void World::later(Milliseconds after, std::function<void()> act) {
    queue_.push({now_ + after, order_++, std::move(act)});
}

void World::note(std::string line) {
    line = format_rfc3339(now_) + " " + line;
    for (const unsigned char byte : line) trace_ = (trace_ ^ byte) * 1099511628211ULL;
    log_.push_back(std::move(line));
    if (log_.size() > 400) log_.pop_front();
}

void World::run_for(Milliseconds time) {
    const auto end = now_ + time;
    while (!queue_.empty() && queue_.top().at <= end && violations().empty()) {
        auto next = queue_.top();
        queue_.pop();
        now_ = next.at;
        (void)clocks();
        next.act();
    }
    now_ = end;
}

bool World::settle(Milliseconds at_most) {
    const auto end = now_ + at_most;
    while (now_ < end && violations().empty()) {
        run_for(10s);
        bool busy = !daemon_up_ || !state_.outbox.empty() || polled_ != git_.tip() ||
                    !state_.reverts.empty();
        for (const auto& [key, assignment] : state_.assignments)
            busy = busy || !assignment.active.empty();
        if (!busy) return true;
    }
    return false;
}

// ---- the daemon

void World::daemon_later(int from, int to, engine::Event event) {
    later(Milliseconds(pick(from, to)), [this, life = daemon_life_, event = std::move(event)] {
        if (daemon_up_ && life == daemon_life_) feed(event);
    });
}

Clocks World::clocks() {
    if (!daemon_up_) return {now_, Lived{}};
    const auto lived = life_.at(now_.time_since_epoch());
    return {now_, lived, life_.still()};
}

void World::feed(const engine::Event& event) {
    if (!daemon_up_) return;
    if (const auto* config = std::get_if<engine::ConfigChanged>(&event))
        checks_.on_wish(*config->desired);
    note(fmt::format("event {}", event.index()));
    const auto life = daemon_life_;
    const auto effects = engine::step(state_, event, clocks());
    checks_.after_step(state_, now_);
    for (const auto& effect : effects) {
        if (life != daemon_life_) return;
        if (faults_ && pick(0, 3000) == 0) return crash_daemon();
        perform(effect);
    }
}

bool World::commit_batch(const Batch& batch) {
    const bool fails = faults_ && pick(0, 1500) == 0;
    const bool lost = fails && pick(0, 1) == 0;  // else it is there, but nobody was told
    if (!lost) {
        for (const auto& write : batch.writes) {
            if (const auto* put = std::get_if<Put>(&write))
                rows_[{put->table, put->key}] = put->body;
            else if (const auto* erase = std::get_if<Erase>(&write))
                rows_.erase({erase->table, erase->key});
        }
        for (const auto& entry : batch.audit) checks_.on_audit(entry);
        checks_.on_rows(batch.writes, state_, now_);
    }
    for (const auto& entry : batch.audit)
        note(fmt::format("audit {} {} {}", entry.kind, entry.subject.substr(0, 16), entry.detail));
    if (fails) crash_daemon();
    return !fails;
}

void World::perform(const engine::Effect& effect) {
    if (const auto* persist = std::get_if<engine::Persist>(&effect)) {
        (void)commit_batch(persist->batch);
    } else if (const auto* send = std::get_if<engine::Send>(&effect)) {
        if (!engine::leave(state_, *send, clocks())) {
            const auto& run = std::get<engine::Run>(send->message);
            return feed(engine::Unsent{send->agent, run.action.id});
        }
        if (!goes_on(*send)) checks_.on_send(*send, state_, now_);
        perform_send(*send);
    } else if (const auto* revert = std::get_if<engine::Revert>(&effect)) {
        checks_.on_revert(revert->request, now_);
        const bool away = faults_ && pick(0, 5) == 0;
        // A person is quicker than the push.
        if (faults_ && !revert->request.prepared.empty() && pick(0, 4) == 0) person_commits();
        auto answer = away ? engine::RevertDone{revert->request.release,
                                                engine::RevertDone::Failed{
                                                    {ErrorCode::unavailable, "Git is away", {}}}}
                           : git_.revert(revert->request, now_);
        if (!git_.violation.empty()) checks_.fail(git_.violation, now_);
        note("revert " + revert->request.release);
        daemon_later(50, 3'000, std::move(answer));
    } else if (const auto* query = std::get_if<engine::Query>(&effect)) {
        if (const auto* load = std::get_if<engine::LoadDefinition>(&query->question))
            daemon_later(10, 2'000, git_.load(*load));
        else
            daemon_later(10, 2'000, git_.find(std::get<engine::FindLastGood>(query->question)));
    } else if (const auto* wake = std::get_if<engine::WakeAt>(&effect)) {
        auto wait = wake->at ? *wake->at - now_ : Milliseconds::max();
        if (wake->lived) wait = std::min(wait, life_.until(*wake->lived));
        if (!wake->at && !wake->lived) return;
        later(std::max(wait, Milliseconds(0)), [this, life = daemon_life_] {
            if (daemon_up_ && life == daemon_life_) feed(engine::Woke{});
        });
    }
}

void World::poll() {
    if (!daemon_up_) return;
    if (!git_.empty() && polled_ != git_.tip()) {
        polled_ = git_.tip();
        feed(engine::ConfigChanged{git_.resolve()});
    }
    later(5s, [this, life = daemon_life_] {
        if (life == daemon_life_) poll();
    });
}

void World::crash_daemon() {
    if (!daemon_up_) return;
    note("daemon dies");
    daemon_up_ = false;
    ++daemon_life_;
    for (auto& [name, link] : links_) cut(name);
    if (faults_) later(Milliseconds(pick(100, 60'000)), [this] { start_daemon(); });
}

void World::start_daemon() {
    if (daemon_up_) return;
    daemon_up_ = true;
    ++daemon_life_;
    polled_.clear();
    std::vector<Row> rows;
    for (const auto& [key, body] : rows_) rows.push_back({key.first, key.second, body});
    const auto lived = engine::stored_life(rows);
    if (!lived) return checks_.fail("14: " + lived.error().text(), now_);
    life_ = engine::Life{*lived};
    auto restored = engine::restore(rows, ++epoch_, clocks());
    if (!restored) return checks_.fail("14: " + restored.error().text(), now_);
    state_ = std::move(*restored);
    note("daemon starts");
    for (auto& [name, link] : links_) {
        ++link.session;
        later(Milliseconds(pick(100, 8'000)), [this, session = link.session, agent = name] {
            if (links_[agent].session == session) connect(agent);
        });
    }
    later(200ms, [this, life = daemon_life_] {
        if (life == daemon_life_) poll();
    });
}

void World::check_store() {
    if (!daemon_up_) return;
    const auto expect = [this](Table table, const std::string& key, const std::string& body) {
        const auto row = rows_.find({table, key});
        if (row == rows_.end() || row->second != body)
            checks_.fail(fmt::format("14: not in the store as in memory: {} {}", key, body), now_);
    };
    for (const auto& [id, release] : state_.releases) {
        // What ended long ago was right when it was looked at before.
        if (release.finished_at && *release.finished_at + 1h < now_) continue;
        expect(Table::release, id, to_json(static_cast<const ReleaseHead&>(release)));
        for (const auto& step : release.steps)
            expect(Table::release_step, fmt::format("{} {:06}", id, step.index), to_json(step));
        for (const auto& [name, progress] : release.targets)
            expect(Table::release_target, id + ' ' + name, to_json(progress));
    }
}

void World::lose_store() {
    rows_.clear();
    checks_.forget_store();
}

// ---- the network

void World::connect(const std::string& name) {
    auto& link = links_[name];
    auto& host = *agents_.at(name);
    if (link.up || !daemon_up_ || !host.up()) return;
    link.up = true;
    ++link.session;
    host.feed(machine::WelcomeCommand{epoch_, true});
    note("connect " + name);
    Hello hello;
    hello.agent = name;
    hello.boot_id = std::to_string(link.session);
    hello.highest_epoch = host.epoch();
    feed(engine::AgentConnected{hello, host.inventory()});
}

/// The rest of what a restart of the agent interrupted: it was admitted once, so nothing holds it.
bool World::goes_on(const engine::Send& send) const {
    const auto* run = std::get_if<engine::Run>(&send.message);
    if (!run) return false;
    const auto suspended = agents_.at(send.agent)->inventory().suspended;
    return std::ranges::find(suspended, run->action.id) != suspended.end();
}

/// Both ends lose the link; the daemon learns late, or only by the agent's next connection.
void World::cut(const std::string& name) {
    auto& link = links_[name];
    if (!link.up) return;
    link.up = false;
    ++link.session;
    later(Milliseconds(pick(0, faults_ ? 5'000 : 100)),
          [this, life = daemon_life_, session = link.session, name] {
              if (life == daemon_life_ && links_[name].session == session)
                  feed(engine::AgentDisconnected{name});
          });
}

void World::disconnect(const std::string& name, Milliseconds back_after) {
    note("link down " + name);
    cut(name);
    later(back_after, [this, session = links_[name].session, name] {
        if (links_[name].session == session) connect(name);
    });
}

void World::perform_send(const engine::Send& send) {
    auto& link = links_[send.agent];
    if (!link.up) return;
    machine::Input input;
    if (const auto* run = std::get_if<engine::Run>(&send.message)) {
        note(fmt::format("run {} {} on {}", to_string(run->action.kind), run->action.version,
                         run->action.key.text()));
        input = machine::RunCommand{run->epoch, run->action};
        // An older daemon that does not know it is dead.
        if (faults_ && pick(0, 20) == 0 && agents_.at(send.agent)->epoch() == run->epoch) {
            auto stale = run->action;
            stale.id = "stale " + stale.id;
            const auto before = agents_.at(send.agent)->inventory().running.size();
            agents_.at(send.agent)->feed(machine::RunCommand{run->epoch - 1, stale});
            if (agents_.at(send.agent)->inventory().running.size() != before)
                checks_.fail("4: a stale epoch was obeyed", now_);
        }
    } else if (const auto* cancel = std::get_if<engine::Cancel>(&send.message)) {
        input = machine::CancelCommand{cancel->epoch, cancel->action};
    } else {
        input = machine::AckCommand{std::get<engine::AckResults>(send.message).actions};
    }
    link.down_last = std::max(link.down_last, now_ + Milliseconds(pick(1, 300)));
    const int copies = faults_ && pick(0, 10) == 0 ? 2 : 1;
    for (int i = 0; i < copies; ++i)
        later(link.down_last - now_, [this, agent = send.agent, session = link.session, input] {
            if (links_[agent].session == session) agents_.at(agent)->feed(input);
        });
}

void World::up(const std::string& name, const machine::Effect& effect) {
    auto& link = links_[name];
    if (!link.up) return;
    engine::Event event;
    if (const auto* result = std::get_if<machine::ReportResult>(&effect))
        event = engine::ActionFinished{name, result->result};
    else if (const auto* changed = std::get_if<machine::ReportChanged>(&effect))
        event = engine::AgentChanged{name, {changed->installation}};
    else
        return;
    link.up_last = std::max(link.up_last, now_ + Milliseconds(pick(1, 300)));
    later(link.up_last - now_, [this, name, session = link.session, event] {
        if (links_[name].session == session) feed(event);
    });
}

// ---- people and faults

std::string World::commit(const AssignmentKey& key, const Spec& spec, bool turn_window) {
    note("commit " + key.text() + " " + spec.version + (turn_window ? " and the window" : ""));
    return git_.commit(key, &spec, now_, turn_window);
}

void World::remove(const AssignmentKey& key) { git_.commit(key, nullptr, now_); }

void World::person_pins(const AssignmentKey& key, Spec& spec) {
    const auto& targets = git_.fleet().environments.at(key.environment).targets;
    const auto& target = targets[static_cast<std::size_t>(pick(0, 99)) % targets.size()];
    if (spec.pins.erase(target.name) == 0)
        spec.pins[target.name] = fmt::format("{}{}", pick(0, 3) == 0 ? "bad" : "v", pick(0, 9));
}

void World::person_commits() {
    auto place = git_.fleet().environments.begin();
    std::advance(place, pick(0, static_cast<int>(git_.fleet().environments.size()) - 1));
    const AssignmentKey key{place->first,
                            git_.fleet().projects[static_cast<std::size_t>(pick(0, 1))]};
    const auto* former = git_.spec_at_tip(key);
    Spec spec = former ? *former : Spec{};
    spec.paused = false;
    spec.forward_only = pick(0, 9) == 0;
    switch (pick(0, 11)) {
        case 0:
            spec.retry += 1;
            break;
        case 1:
            spec.paused = true;
            break;
        case 2:
            spec.absent = !spec.absent;
            break;
        case 3:
            spec.operation = Operation::update;
            break;
        case 10:
        case 11:
            person_pins(key, spec);
            break;
        case 4:
        case 5:
        case 6:
            spec.version = fmt::format("bad{}", pick(0, 5));
            break;
        default:
            spec.version = fmt::format("v{}", pick(0, 9));
            break;
    }
    if (spec.version.empty()) spec.version = "v0";
    commit(key, spec, pick(0, 5) == 0);
}

void World::chaos() {
    if (!faults_) return;
    const auto who = fmt::format("a-{}", pick(1, 6));
    switch (pick(0, 11)) {
        case 0:
        case 1:
            person_commits();
            break;
        case 2:  // two while the first is under way
            person_commits();
            later(Milliseconds(pick(0, 40'000)), [this] { person_commits(); });
            break;
        case 3:
        case 4:
            disconnect(who, Milliseconds(pick(1, 600'000)));
            break;
        case 5:
        case 6:
            note("agent dies " + who);
            agent(who).crash();
            disconnect(who, 700s);
            later(Milliseconds(pick(10, 300'000)), [this, who] {
                agent(who).start();
                connect(who);
            });
            break;
        case 7:
            agent(who).drift(pick(0, 100));
            break;
        case 8:
            check_store();
            crash_daemon();
            break;
        case 9:
            if (pick(0, 2) > 0) break;
            note("the store is lost");
            crash_daemon();
            lose_store();
            break;
        case 10:  // revoked, and enrolled anew much later
            disconnect(who, Milliseconds(pick(3'600'000, 4 * 3'600'000)));
            break;
        case 11:
            git_.protected_branch = !git_.protected_branch;
            break;
        default:
            break;
    }
    later(Milliseconds(pick(1'000, 180'000)), [this] { chaos(); });
}

void World::heal() {
    faults_ = false;
    start_daemon();
    for (auto& [name, host] : agents_) {
        host->moody = false;
        host->start();
        later(10s, [this, agent = name] { connect(agent); });
    }
}

// ---- what is there

std::string World::installed(const AssignmentKey& key) {
    std::string text;
    for (const auto& target : git_.fleet().environments.at(key.environment).targets)
        text += fmt::format("{}{}={}", text.empty() ? "" : " ", target.name,
                            agent(target.agent).real[{target.name, key.project, ""}]);
    return text;
}

std::string World::releases(const AssignmentKey& key) const {
    std::string text;
    const auto found = state_.assignments.find(key);
    if (found == state_.assignments.end()) return text;
    for (const auto& id : found->second.releases) {
        const auto& release = state_.releases.at(id);
        text += fmt::format("{}{} {} {}", text.empty() ? "" : ", ", to_string(release.kind),
                            release.to, to_string(release.status));
    }
    return text;
}

std::string World::holds(const AssignmentKey& key) const {
    const auto view = engine::explain(state_, key, now_);
    std::string text;
    if (!view) return text;
    for (const auto& hold : view->holds)
        text += fmt::format("{}{}", text.empty() ? "" : ", ", hold.gate) +
                (hold.until ? " until " + format_rfc3339(*hold.until) : "");
    return text;
}

int World::actions_started() {
    int all = 0;
    for (const auto& [name, host] : agents_) all += host->starts;
    return all;
}

}  // namespace tidegate::simulation
