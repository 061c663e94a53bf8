#include <algorithm>
#include <chrono>

#include "reconciler/engine/turn.h"

#include "reconciler/engine/facts.h"
#include "reconciler/engine/life.h"
#include "reconciler/engine/views.h"
#include "schema/base/limits.h"
#include "schema/model/json.h"

namespace tidegate::engine {
namespace {

/// A time that has passed is looked at once more, but never in a busy loop.
constexpr Milliseconds kWakeSoonest{100};

/// Two clocks are not read at the same instant.
constexpr Milliseconds kJitter{10};

std::string step_key(const std::string& release, int index) {
    return fmt::format("{} {:06}", release, index);
}
std::string target_key(const std::string& release, const std::string& target) {
    return release + ' ' + target;
}

ReleaseChange change_of(const Release& release) { return {release, {}, {}}; }

}  // namespace

template <class Row>
void Turn::write(Table table, std::string key, const Row& row) {
    if (!state.imagined) batch_.writes.push_back(Put{table, std::move(key), to_json(row)});
}

Turn::Turn(State& state_in, const Clocks& clocks)
    : state(state_in), now(clocks.now), lived(clocks.lived) {
    const auto ahead = now.time_since_epoch() + clocks.still - lived.time_since_epoch();
    if (std::chrono::abs(ahead - state.ahead) > kJitter) state.ahead = ahead;
}

std::optional<AssignmentKey> Turn::next_unseen() {
    if (unseen_.empty()) return std::nullopt;
    return unseen_.extract(unseen_.begin()).value();
}

void Turn::touch_agent(const std::string& agent) {
    if (const auto served = state.by_agent.find(agent); served != state.by_agent.end())
        for (const auto& [key, targets] : served->second) touch(key);
    if (const auto sent = state.sent_to.find(agent); sent != state.sent_to.end())
        for (const auto& action : sent->second) touch(state.outbox.at(action).assignment);
    if (const auto routed = state.by_router.find(agent); routed != state.by_router.end())
        for (const auto& key : routed->second) touch(key);
}

void Turn::touch_owner(const InstallKey& install) {
    for (const auto* owners : {&state.owners, &state.departed})
        if (const auto owner = owners->find(place_of(install)); owner != owners->end())
            touch(owner->second);
}

void Turn::touch_targets_of(const std::string& agent) {
    const auto served = state.by_agent.find(agent);
    if (served == state.by_agent.end()) return;
    for (const auto& [key, targets] : served->second)
        targets_.insert(targets.begin(), targets.end());
}

void Turn::postpone(const AssignmentKey& key, Timestamp at) {
    touched_.erase(key);
    forget_wake(key);
    wake(key, at);
}

void Turn::save_whole(const Release& release) {
    save(release);
    for (const auto& step : release.steps) save(release, step);
    for (const auto& [name, progress] : release.targets) save(release, progress);
}

void Turn::drop(const std::string& id) {
    const auto found = state.releases.find(id);
    for (const auto& step : found->second.steps)
        batch_.writes.push_back(Erase{Table::release_step, step_key(id, step.index)});
    for (const auto& [name, progress] : found->second.targets)
        batch_.writes.push_back(Erase{Table::release_target, target_key(id, name)});
    batch_.writes.push_back(Erase{Table::release, id});
    dropped_.push_back(id);
    end_revert(id);
    changes_.erase(id);
    state.releases.erase(found);
}

void Turn::end_revert(const std::string& release) {
    if (state.reverts.erase(release) > 0) pass_revert_on();
    if (state.reverting == release) state.reverting.clear();
}

void Turn::put(const OutboxEntry& entry) {
    const auto& id = entry.action.id;
    state.outbox.insert_or_assign(id, entry);
    state.outbox_by_key[place_of(entry.action.key)] = id;
    state.sent_to[entry.agent].insert(id);
    state.assignments[entry.assignment].in_flight.insert(id);
    write(Table::action, id, entry);
}

void Turn::erase_outbox(const std::string& action) {
    const auto found = state.outbox.find(action);
    if (found == state.outbox.end()) return;
    const auto entry = std::move(found->second);
    state.outbox_by_key.erase(place_of(entry.action.key));
    state.sent_to[entry.agent].erase(action);
    free_place(entry.agent);
    touch_owner(entry.action.key);
    touch(entry.assignment);
    touch_target(entry.action.key.target);
    state.assignments[entry.assignment].in_flight.erase(action);
    state.cancelled.erase(action);
    state.leaving.erase(action);
    state.imagined_bytes.erase(action);
    state.outbox.erase(found);
    batch_.writes.push_back(Erase{Table::action, action});
}

void Turn::put(const Quarantine& quarantine) {
    state.quarantines.insert_or_assign({quarantine.key, quarantine.digest}, quarantine);
    write(Table::quarantine, quarantine.key.text() + ' ' + quarantine.digest.hex(), quarantine);
}

void Turn::erase_quarantine(const AssignmentKey& key, const Digest& digest) {
    state.quarantines.erase({key, digest});
    batch_.writes.push_back(Erase{Table::quarantine, key.text() + ' ' + digest.hex()});
}

void Turn::put(const Block& block) {
    state.blocks.insert_or_assign(block.key, block);
    write(Table::block, block.key.text(), block);
}

void Turn::erase_block(const InstallKey& key) {
    if (state.blocks.erase(key) > 0) batch_.writes.push_back(Erase{Table::block, key.text()});
}

void Turn::put(const GoodState& good) {
    state.assignments[good.key].good = good;
    write(Table::history, good.key.text(), good);
}

void Turn::put(const OwnRevert& revert) {
    auto& known = state.own_reverts;
    known.insert_or_assign(revert.release, revert.at);
    write(Table::revert, revert.release, revert);
    if (known.size() <= limits::kRevertsRemembered) return;
    const auto oldest =
        std::ranges::min_element(known, {}, [](const auto& entry) { return entry.second; });
    batch_.writes.push_back(Erase{Table::revert, oldest->first});
    known.erase(oldest);
}

void Turn::erase_good(const AssignmentKey& key) {
    state.assignments.at(key).good.reset();
    batch_.writes.push_back(Erase{Table::history, key.text()});
}

void Turn::put(const Sides& sides) {
    state.assignments[sides.key].sides = sides;
    for (const auto& [target, agent] : sides.routers) state.by_router[agent].insert(sides.key);
    write(Table::sides, sides.key.text(), sides);
}

void Turn::erase_sides(const AssignmentKey& key) {
    auto& sides = state.assignments.at(key).sides;
    if (!sides) return;
    for (const auto& [target, agent] : sides->routers) state.by_router[agent].erase(key);
    sides.reset();
    batch_.writes.push_back(Erase{Table::sides, key.text()});
}

void Turn::put(const std::string& agent, const Installation& installation) {
    write(Table::installation, agent + ' ' + installation.key.text(), installation);
    touch_target(installation.key.target);
    touch_owner(installation.key);
}

void Turn::erase_installation(const std::string& agent, const InstallKey& key) {
    batch_.writes.push_back(Erase{Table::installation, agent + ' ' + key.text()});
    touch_target(key.target);
    touch_owner(key);
}

void Turn::audit(std::string kind, std::string subject, std::string commit, std::string detail,
                 std::string actor) {
    if (state.imagined) return;
    batch_.audit.push_back({now, std::move(actor), std::move(kind), std::move(subject),
                            std::move(commit), std::move(detail)});
}

void Turn::notify(NoticeKind kind, const AssignmentKey& key, const std::string& release,
                  std::string text) {
    effects_.push_back(Notify{kind, key, release, std::move(text)});
}

void Turn::notify_of(const std::string& agent, NoticeKind kind, const AssignmentKey& key,
                     const std::string& release, std::string text) {
    const auto unsaid = state.agents[agent].said.say(
        std::string{to_string(kind)}, lived.time_since_epoch(), limits::kLinesPerAgentMax);
    if (unsaid) notify(kind, key, release, std::move(text) + and_unsaid(*unsaid));
}

/// A route that was changed again in the same step may name what is gone by now.
void Turn::drop_older(const std::string& agent, const Route& newer) {
    std::erase_if(effects_, [&](const Effect& effect) {
        const auto* sent = std::get_if<Send>(&effect);
        const auto* older = sent ? std::get_if<SetRoute>(&sent->message) : nullptr;
        return older && sent->agent == agent && older->route.key == newer.key &&
               older->route.target == newer.target;
    });
}

void Turn::send(const std::string& agent, decltype(Send::message) message) {
    if (const auto* run = std::get_if<Run>(&message)) state.leaving.insert(run->action.id);
    if (const auto* set = std::get_if<SetRoute>(&message);
        set && !routed_.insert({agent, set->route.key, set->route.target}).second)
        drop_older(agent, set->route);
    effects_.push_back(Send{agent, std::move(message)});
}

void Turn::forget_wake(const AssignmentKey& key) {
    state.alarms.forget(key);
    state.lived_alarms.forget(key);
}

void Turn::wake(const AssignmentKey& key, Timestamp at) {
    state.alarms.set(key, std::max(at, now + kWakeSoonest));
}

void Turn::wake(const AssignmentKey& key, Lived at) {
    state.lived_alarms.set(key, std::max(at, lived + kWakeSoonest));
}

std::optional<WakeAt> Turn::next_wake() {
    const WakeAt wake{state.alarms.next(), state.lived_alarms.next()};
    if (wake.at == state.wake && wake.lived == state.lived_wake) return std::nullopt;
    state.wake = wake.at;
    state.lived_wake = wake.lived;
    return wake;
}

/// Of what is imagined nobody is shown more than what holds it.
Publish Turn::imagined_publication() const {
    Publish news;
    for (const auto& key : touched_) {
        const auto found = state.assignments.find(key);
        auto& view = news.assignments.emplace_back();
        view.key = key;
        if (found != state.assignments.end()) view.holds = found->second.holds;
    }
    return news;
}

Publish Turn::publication() {
    if (state.imagined) return imagined_publication();
    Publish news;
    for (const auto& key : touched_)
        if (!add_view(state, key, now, news)) news.removed_assignments.push_back(key);
    for (auto& [id, changed] : changes_) {
        const auto& release = state.releases.at(id);
        auto& change = news.releases.emplace_back(change_of(release));
        for (const int index : changed.steps)
            change.steps.push_back(release.steps.at(static_cast<std::size_t>(index)));
        changed.shown.merge(changed.targets);
        for (const auto& name : changed.shown) change.targets.push_back(release.targets.at(name));
    }
    news.removed_releases = std::move(dropped_);
    for (const auto& name : targets_) {
        if (auto view = target_view_of(state, name))
            news.targets.push_back(std::move(*view));
        else
            news.removed_targets.push_back(name);
    }
    return news;
}

void Turn::write_releases() {
    if (state.imagined) return;
    for (const auto& [id, changed] : changes_) {
        const auto& release = state.releases.at(id);
        const auto& head = static_cast<const ReleaseHead&>(release);
        if (changed.head) batch_.writes.push_back(Put{Table::release, id, to_json(head)});
        for (const int index : changed.steps)
            batch_.writes.push_back(
                Put{Table::release_step, step_key(id, index),
                    to_json(release.steps.at(static_cast<std::size_t>(index)))});
        for (const auto& name : changed.targets)
            batch_.writes.push_back(Put{Table::release_target, target_key(id, name),
                                        to_json(release.targets.at(name))});
    }
}

/// Beside what was written by it: no deadline may be further away after a restart than it was.
void Turn::write_life() {
    if (batch_.writes.empty() || lived - state.lived_stored < Seconds{1}) return;
    state.lived_stored = lived;
    batch_.writes.push_back(keep_life(lived));
}

/// A daemon that lost its store may just have asked for what an outcome answers: the agent has to
/// keep that one, and answers again.
/// Not of what that agent is asked for again. After a lost store another may have the same.
void Turn::send_acknowledgements() {
    for (auto& [agent, actions] : acknowledged_) {
        std::erase_if(actions, [&](const auto& id) {
            const auto entry = state.outbox.find(id);
            return entry != state.outbox.end() && entry->second.agent == agent;
        });
        if (!actions.empty()) send(agent, AckResults{std::move(actions)});
    }
}

Effects Turn::finish() {
    send_acknowledgements();
    write_releases();
    write_life();
    auto news = publication();
    Effects ordered;
    ordered.reserve(effects_.size() + 3);
    if (!batch_.writes.empty() || !batch_.audit.empty())
        ordered.push_back(Persist{std::move(batch_)});
    for (auto& effect : effects_) ordered.push_back(std::move(effect));
    if (!news.assignments.empty() || !news.removed_assignments.empty() || !news.releases.empty() ||
        !news.removed_releases.empty() || !news.targets.empty() || !news.removed_targets.empty())
        ordered.push_back(std::move(news));
    if (const auto wake = next_wake()) ordered.push_back(*wake);
    return ordered;
}

std::string json_object(std::initializer_list<std::pair<std::string, std::string>> pairs) {
    Value::Map map;
    for (const auto& [name, value] : pairs) map[name] = Value{value};
    return Value{std::move(map)}.canonical();
}

}  // namespace tidegate::engine
