#include "tests/simulation/engine/model_agent.h"

#include <algorithm>

namespace tidegate::simulation {

using namespace machine;

namespace {

bool is_bad(const Action& action) {
    return action.kind != ActionKind::uninstall &&
           (action.version.starts_with("bad") ||
            action.deploy.script.install_script.starts_with("bad"));
}

}  // namespace

void ModelAgent::feed(const Input& input) {
    if (!up_) return;
    if (const auto* run = std::get_if<RunCommand>(&input); run && refuses(run->action)) return;
    apply(machine_.step(input, ports_.now()));
}

/// The same answer however often it comes.
bool ModelAgent::refuses(const Action& action) {
    const auto known = refused_.try_emplace(action.id, moody && ports_.pick(0, 19) == 0);
    if (!known.first->second) return false;
    ActionResult result;
    result.id = action.id;
    result.release = action.release;
    result.step = action.step;
    result.kind = action.kind;
    result.installation.key = action.key;
    result.outcome = ActionOutcome::refused;
    result.error = "not allowed here";
    ports_.report(ReportResult{result});
    return true;
}

void ModelAgent::apply(const Effects& effects) {
    for (const auto& effect : effects)
        std::visit([this](const auto& known) { apply(known); }, effect);
    if (const auto wake = machine_.next_wake()) after(60'000, 60'000, [this] { feed(Tick{}); });
}

/// Nothing of a former life happens in this one.
void ModelAgent::after(int from, int to, std::function<void()> act) {
    host_after(from, to, [this, life = life_, act = std::move(act)] {
        if (up_ && life == life_) act();
    });
}

void ModelAgent::host_after(int from, int to, std::function<void()> act) {
    ports_.later(Milliseconds(ports_.pick(from, to)), std::move(act));
}

Records::Entry* ModelAgent::entry(const std::string& id) {
    const auto found = std::ranges::find_if(
        journal_.actions, [&](const auto& known) { return known.action.id == id; });
    return found == journal_.actions.end() ? nullptr : &*found;
}

// ---- the journal

void ModelAgent::apply(const JournalIntent& effect) {
    after(1, 20, [this, effect] {
        journal_.actions.push_back({effect.action, std::nullopt, false});
        feed(IntentDurable{effect.action.id});
    });
}

void ModelAgent::apply(const JournalOutcome& effect) {
    const auto& id = effect.result.id;
    if (started_.contains(id) && effect.result.outcome == ActionOutcome::refused)
        ports_.violation("1: it ran, yet is said to be refused: " + id);
    if (processes_.contains(id)) ports_.violation("1: it has ended, yet its process lives: " + id);
    after(1, 20, [this, effect] {
        if (!entry(effect.result.id)) {
            journal_.actions.emplace_back().action.id = effect.result.id;
        }
        entry(effect.result.id)->result = effect.result;
        apply(JournalInstallation{effect.result.installation});
        feed(OutcomeDurable{effect.result.id});
        drift_again(effect.result.installation.key);
    });
}

void ModelAgent::apply(const JournalInstallation& effect) {
    const auto found =
        std::ranges::find(journal_.installations, effect.installation.key, &Installation::key);
    if (effect.installation.report == 0) return;
    if (found == journal_.installations.end())
        journal_.installations.push_back(effect.installation);
    else if (found->report < effect.installation.report)
        *found = effect.installation;
}

void ModelAgent::apply(const JournalForget& effect) {
    std::erase_if(journal_.actions,
                  [&](const auto& known) { return known.action.id == effect.action; });
}

void ModelAgent::apply(const JournalAcks& effect) {
    for (const auto& id : effect.actions)
        if (auto* known = entry(id)) known->acknowledged = true;
}

// ---- routes: a router that obeys, after a moment

void ModelAgent::apply(const JournalRoute& effect) {
    const auto id = id_of(effect.route);
    std::erase_if(journal_.routes, [&](const auto& kept) { return id_of(kept) == id; });
    journal_.routes.push_back(effect.route);
    after(1, 20, [this, id, ticket = effect.ticket] { feed(RouteDurable{id, ticket}); });
}

void ModelAgent::apply(const JournalForgetRoute& effect) {
    std::erase_if(journal_.routes, [&](const auto& kept) { return id_of(kept) == effect.id; });
}

void ModelAgent::apply(const ApplyRoute& effect) {
    applied_[id_of(effect.route)] = effect.ticket;
    after(1, 500, [this, effect] {
        const auto& route = effect.route;
        if (applied_[id_of(route)] != effect.ticket) return;
        RouteReport report;
        report.key = route.key;
        report.target = route.target;
        report.revision = route.revision;
        report.in_force = true;
        for (const auto& server : route.servers) {
            auto& weight = report.weights[server.slot];
            weight = std::max(weight, server.weight);
        }
        in_force[id_of(route)] = route;
        feed(RouteLooked{effect.ticket, report});
    });
}

void ModelAgent::apply(const DropRoute& effect) { applied_.erase(effect.id); }

// ---- processes

void ModelAgent::apply(const Start& effect) {
    const auto& action = effect.action;
    if (ports_.now() < troubled_until && !effect.resumed) return refuse_for_trouble(action);
    ++starts;
    if (++started_[action.id] > 1 && !effect.resumed)
        ports_.violation("1: started twice: " + action.id);
    if (!entry(action.id)) ports_.violation("1: started without a durable intent: " + action.id);
    if (action.kind == ActionKind::verify) return watch(action);
    for (const auto& [id, process] : processes_)
        if (process.action.key == action.key)
            ports_.violation("5: two actions at once on " + action.key.text());
    for (const auto& waiting : waiting_)
        if (waiting.key == action.key)
            ports_.violation("5: two actions at once on " + action.key.text());
    waiting_.push_back(action);
    begin_waiting();
    // What a daemon sent that has lost its store since is not counted by it.
    if (workers > 0 && waiting_.size() > workers)
        ports_.violation("19: more was sent than runs at once: " + name_);
}

/// What turns sour does so at some time of it.
void ModelAgent::watch(const Action& action) {
    watching_.insert(action.id);
    const bool bad = faulty && (is_bad(action) || action.version.starts_with("sour"));
    const auto time = static_cast<int>(Milliseconds(action.watch_for).count());
    after(bad ? 0 : time, bad ? time : time + 5'000, [this, id = action.id, bad] {
        if (watching_.erase(id) == 0) return;
        feed(Finished{id,
                      bad ? ActionOutcome::failed : ActionOutcome::done,
                      bad ? "http: 500" : "",
                      {},
                      ports_.now() + clock_off});
    });
}

/// Nothing of it has run.
void ModelAgent::refuse_for_trouble(const Action& action) {
    after(1, 200, [this, id = action.id] {
        Finished finished{id, ActionOutcome::refused, "", {}, ports_.now() + clock_off};
        finished.untouched = true;
        finished.host_trouble = "no space left on the disk";
        feed(finished);
    });
}

void ModelAgent::begin_waiting() {
    while (!waiting_.empty() && (workers == 0 || processes_.size() < workers)) {
        const auto next = waiting_.front();
        waiting_.pop_front();
        begin(next);
    }
}

void ModelAgent::begin(const Action& action) {
    processes_[action.id] = {action, life_};
    if (ports_.pick(0, 1) == 1) host_after(0, 400, [this, id = action.id] { write(id, false); });
    host_after(500, 30'000, [this, id = action.id] { end(id); });
}

void ModelAgent::write(const std::string& action, bool at_its_end) {
    const auto process = processes_.find(action);
    if (process == processes_.end()) return;
    const auto& made = process->second.action;
    auto& there = real[made.key];
    if (at_its_end && made.kind == ActionKind::uninstall)
        there = {};
    else
        there = {made.version, made.digest};
}

/// By itself. Its agent may have died meanwhile: then nobody hears of it.
void ModelAgent::end(const std::string& action) {
    const auto process = processes_.find(action);
    if (process == processes_.end()) return;
    const bool bad = faulty && is_bad(process->second.action);
    const bool heard = up_ && process->second.life == life_;
    if (!bad) write(action, true);
    processes_.erase(process);
    if (up_) begin_waiting();
    if (!heard) return;
    feed(Finished{action,
                  bad ? ActionOutcome::failed : ActionOutcome::done,
                  bad ? "health check: exit 1" : "",
                  {},
                  ports_.now() + clock_off});
}

void ModelAgent::finish(const std::string& action, ActionOutcome outcome,
                        const std::string& error) {
    processes_.erase(action);
    std::erase_if(waiting_, [&](const auto& waiting) { return waiting.id == action; });
    begin_waiting();
    feed(Finished{action, outcome, error, {}, ports_.now() + clock_off});
}

void ModelAgent::apply(const Kill& effect) {
    after(10, 2'000, [this, id = effect.action] {
        const bool waits = std::ranges::find(waiting_, id, &Action::id) != waiting_.end() ||
                           watching_.erase(id) > 0;
        if (waits || processes_.contains(id)) finish(id, ActionOutcome::cancelled, "killed");
    });
}

/// Only where a script can tell, and then only what is so.
ProbeAnswer ModelAgent::look(const Action& action) {
    if (action.kind == ActionKind::uninstall || ports_.pick(0, 1) == 0 ||
        (is_bad(action) && !probes_see_bad))
        return ProbeAnswer::unknown;
    return real[action.key].digest == action.digest ? ProbeAnswer::new_version
                                                    : ProbeAnswer::unknown;
}

void ModelAgent::apply(const Probe& effect) {
    after(10, 500, [this, action = effect.action] {
        processes_.erase(action.id);
        begin_waiting();
        feed(Probed{action.id, look(action)});
    });
}

void ModelAgent::crash(bool processes_live) {
    up_ = false;
    ++life_;
    waiting_.clear();
    watching_.clear();
    applied_.clear();
    if (!processes_live) processes_.clear();
}

void ModelAgent::start() {
    if (up_) return;
    up_ = true;
    ++life_;
    const auto former = machine_.highest_epoch();
    machine_ = Machine(journal_);
    if (machine_.highest_epoch() < former) ports_.violation("4: the accepted epoch went back");
    apply(machine_.boot());
    for (const auto& installation : journal_.installations)
        if (installation.drifted) look_again(installation.key);
}

// ---- drift

void ModelAgent::drift(int pick) {
    if (journal_.installations.empty() || !up_) return;
    const auto& some =
        journal_.installations[static_cast<std::size_t>(pick) % journal_.installations.size()];
    if (some.status == InstallStatus::absent) return;
    const auto key = some.key;
    feed(DriftSeen{key, true, "probe: exit 1"});
    look_again(key);
}

void ModelAgent::drift_again(const InstallKey& key) {
    if (restless.contains(slotless(key)))
        after(1'000, 60'000, [this, key] {
            if (!restless.contains(slotless(key))) return;
            feed(DriftSeen{key, true, "status: exit 1"});
            look_again(key);
        });
}

/// It may be well again by itself.
void ModelAgent::look_again(const InstallKey& key, int times) {
    if (!looks_twice || times == 0) return;
    after(20'000, 60'000, [this, key, times] {
        const auto known = std::ranges::find(journal_.installations, key, &Installation::key);
        if (known == journal_.installations.end() || !known->drifted) return;
        const bool is_well = moody && !restless.contains(slotless(key)) && ports_.pick(0, 3) == 0;
        feed(DriftSeen{key, !is_well, is_well ? "" : known->drift_reason});
        look_again(key, times - 1);
    });
}

}  // namespace tidegate::simulation
