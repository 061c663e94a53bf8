#include "tests/simulation/engine/model_agent.h"

#include <algorithm>

namespace tidegate::simulation {

using namespace machine;

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
    result.kind = action.kind;
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
    ports_.later(Milliseconds(ports_.pick(from, to)), [this, life = life_, act = std::move(act)] {
        if (up_ && life == life_) act();
    });
}

Records::Entry* ModelAgent::entry(const std::string& id) {
    const auto found = std::ranges::find_if(
        journal_.actions, [&](const auto& known) { return known.action.id == id; });
    return found == journal_.actions.end() ? nullptr : &*found;
}

void ModelAgent::apply(const JournalIntent& effect) {
    after(1, 20, [this, effect] {
        journal_.actions.push_back({effect.action, std::nullopt, false});
        feed(IntentDurable{effect.action.id});
    });
}

void ModelAgent::apply(const JournalOutcome& effect) {
    if (started_.contains(effect.result.id) && effect.result.outcome == ActionOutcome::refused)
        ports_.violation("1: it ran, yet is said to be refused: " + effect.result.id);
    after(1, 20, [this, effect] {
        if (!entry(effect.result.id)) {
            journal_.actions.emplace_back().action.id = effect.result.id;
        }
        entry(effect.result.id)->result = effect.result;
        apply(JournalInstallation{effect.result.installation});
        feed(OutcomeDurable{effect.result.id});
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

void ModelAgent::apply(const Start& effect) {
    const auto& action = effect.action;
    ++starts;
    if (++started_[action.id] > 1 && !effect.resumed)
        ports_.violation("1: started twice: " + action.id);
    if (!entry(action.id)) ports_.violation("1: started without a durable intent: " + action.id);
    if (running_.contains(action.key))
        ports_.violation("5: two actions at once on " + action.key.text());
    running_[action.key] = action.id;
    if (ports_.pick(0, 1) == 1) real[action.key] = action.version;
    after(500, 30'000, [this, action] {
        if (killed_[action.id]) return;
        const bool bad = faulty && action.version.starts_with("bad");
        finish(action, bad ? ActionOutcome::failed : ActionOutcome::done,
               bad ? "health check: exit 1" : "");
    });
}

void ModelAgent::finish(const Action& action, ActionOutcome outcome, const std::string& error) {
    running_.erase(action.key);
    if (outcome == ActionOutcome::done)
        real[action.key] = action.kind == ActionKind::uninstall ? "" : action.version;
    feed(Finished{action.id, outcome, error, {}, ports_.now()});
}

void ModelAgent::apply(const Kill& effect) {
    after(10, 2'000, [this, id = effect.action] {
        const auto* known = entry(id);
        if (!known || known->result || killed_[id]) return;
        const auto running = running_.find(known->action.key);
        if (running == running_.end() || running->second != id) return;
        killed_[id] = true;
        finish(known->action, ActionOutcome::cancelled, "killed");
    });
}

void ModelAgent::apply(const Probe& effect) {
    after(10, 500, [this, action = effect.action] {
        auto answer = ProbeAnswer::unknown;
        if (action.kind != ActionKind::uninstall && ports_.pick(0, 1) == 0)
            answer = real[action.key] == action.version ? ProbeAnswer::new_version
                                                        : ProbeAnswer::unknown;
        feed(Probed{action.id, answer});
    });
}

void ModelAgent::crash() {
    up_ = false;
    ++life_;
    running_.clear();
}

void ModelAgent::start() {
    if (up_) return;
    up_ = true;
    ++life_;
    const auto former = machine_.highest_epoch();
    machine_ = Machine(journal_);
    if (machine_.highest_epoch() < former) ports_.violation("4: the accepted epoch went back");
    apply(machine_.boot());
}

void ModelAgent::drift(int pick) {
    if (journal_.installations.empty() || !up_) return;
    const auto& some =
        journal_.installations[static_cast<std::size_t>(pick) % journal_.installations.size()];
    feed(DriftSeen{some.key, true, "probe: exit 1"});
}

}  // namespace tidegate::simulation
