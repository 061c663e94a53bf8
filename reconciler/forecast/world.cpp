#include "reconciler/forecast/world.h"

#include <algorithm>
#include <utility>

#include "reconciler/engine/steps.h"
#include "reconciler/forecast/words.h"
#include "schema/model/json.h"
#include "schema/resolve/digest.h"

namespace tidegate::forecast {
namespace {

/// Long enough that agents which are away are not waited for.
constexpr Milliseconds kSettling{1'000};
/// The engine looks at large assignments only so often: what comes so soon was put off.
constexpr Milliseconds kSoon{500};

std::vector<Row> rows_of(const Start& start) {
    std::vector<Row> rows;
    for (const auto& good : start.good)
        rows.push_back({Table::history, good.key.text(), to_json(good)});
    for (const auto& quarantine : start.quarantines)
        rows.push_back({Table::quarantine, quarantine.key.text() + ' ' + quarantine.digest.hex(),
                        to_json(quarantine)});
    for (const auto& sides : start.sides)
        rows.push_back({Table::sides, sides.key.text(), to_json(sides)});
    return rows;
}

engine::State restored(const Start& start, const Clocks& clocks) {
    auto state = engine::restore(rows_of(start), 1, clocks);
    TG_ASSERT(state);  // our own rows
    state->imagined = true;
    return *std::move(state);
}

/// The step of that kind at which the release stands; null: it does not.
const Step* standing_at(const Release& release, StepKind kind) {
    if (!is_active(release.status) || release.status == ReleaseStatus::rolling_back) return nullptr;
    const auto* step = engine::current_step(release);
    return step && kind_of(*step) == kind ? step : nullptr;
}

const Step* awaited_step(const Release& release) {
    const auto* step = standing_at(release, StepKind::await);
    return step && step->started_at ? step : nullptr;
}

/// That its routers are told of now; null: they are led back, or only told again.
const Step* routed_step(const Release& release) { return standing_at(release, StepKind::route); }

}  // namespace

World::World(const Start& start, const Surroundings& around)
    : start_{start},
      around_{around},
      clocks_{start.now - kSettling, Lived{}},
      state_{restored(start, clocks_)},
      fleet_{start.agents, start.durations, start.failures},
      desired_{start.base} {}

void World::run(const std::shared_ptr<const Desired>& head) {
    for (auto& hello : fleet_.hellos()) feed(std::move(hello));
    feed(engine::GitHeld{true, "", std::string{kNotBegun}});
    feed(engine::ConfigChanged{desired_});
    go_to(start_.now);
    if (head) feed(engine::ConfigChanged{desired_ = head});
    feed(engine::GitHeld{false, "", ""});
    const auto end = start_.now + limits::kForecastSpan;
    while (true) {
        if (promote_waiting()) continue;
        const auto next = next_time();
        if (is_at_rest() || !next) return;
        if (*next > end) cut_ = Cut::span;
        if (!around_.go_on()) cut_ = Cut::cpu;
        if (cut_ != Cut::none) return;
        go_to(*next);
    }
}

void World::feed(engine::Event event) {
    events_.push_back(std::move(event));
    drain();
}

void World::drain() {
    while (!events_.empty()) {
        const auto event = std::move(events_.front());
        events_.pop_front();
        for (auto& effect : engine::step(state_, event, clocks_)) {
            if (auto* send = std::get_if<engine::Send>(&effect)) take(*send);
            if (const auto* ask = std::get_if<engine::Ask>(&effect)) take(*ask);
            const auto* news = std::get_if<engine::Publish>(&effect);
            if (!news || clocks_.now < start_.now) continue;
            for (const auto& view : news->assignments) {
                recorder_.note(view.key, view.holds, clocks_.now);
                looked_at_.insert(view.key);
            }
        }
    }
}

void World::take(engine::Send& send) {
    if (const auto* cancelled = std::get_if<engine::Cancel>(&send.message))
        cancel(cancelled->action);
    if (const auto* set = std::get_if<engine::SetRoute>(&send.message)) take(send.agent, *set);
    auto* run = std::get_if<engine::Run>(&send.message);
    if (!run) return;
    if (engine::leave(state_, send, clocks_))
        begin(send.agent, std::move(run->action));
    else
        events_.push_back(engine::Unsent{send.agent, run->action.id, run->resumes});
}

void World::take(const std::string& agent, const engine::SetRoute& set) {
    if (set.forget) return;
    const auto& key = set.route.key;
    const auto found = state_.assignments.find(key);
    const auto* step = found == state_.assignments.end() || found->second.active.empty()
                           ? nullptr
                           : routed_step(state_.releases.at(found->second.active));
    auto report = fleet_.set(set.route, step ? std::optional{step->index} : std::nullopt);
    told_.emplace(clocks_.now + kRouteTakes, engine::RouteTold{agent, std::move(report)});
}

void World::begin(const std::string& agent, Action action) {
    if (running_.contains(action.id)) return;
    auto ending = fleet_.begin(action);
    const auto id = action.id;
    ends_.emplace(clocks_.now + ending.after, id);
    running_.emplace(id, Running{agent, std::move(action), std::move(ending.result)});
}

/// A watch ends where it is; what deploys goes on to its end.
void World::cancel(const std::string& action) {
    const auto found = running_.find(action);
    if (found == running_.end() || found->second.action.kind != ActionKind::verify) return;
    std::erase_if(ends_, [&](const auto& end) { return end.second == action; });
    found->second.result.outcome = ActionOutcome::cancelled;
    ends_.emplace(clocks_.now, action);
}

void World::finish_due() {
    while (!ends_.empty() && ends_.begin()->first <= clocks_.now) {
        auto node = running_.extract(ends_.begin()->second);
        ends_.erase(ends_.begin());
        auto& [agent, action, result] = node.mapped();
        fleet_.end(agent, action, result);
        feed(engine::ActionFinished{agent, std::move(result)});
    }
    while (!told_.empty() && told_.begin()->first <= clocks_.now) {
        auto node = told_.extract(told_.begin());
        feed(std::move(node.mapped()));
    }
}

void World::take(const engine::Ask& ask) {
    if (const auto* revert = std::get_if<engine::RevertRequest>(&ask.question))
        return take(*revert, ask.id);
    if (const auto* load = std::get_if<engine::LoadDefinition>(&ask.question)) {
        const auto known = find_definition(load->key, {{}, load->commit, ""});
        if (known) return events_.push_back(engine::Answered{ask.id, engine::Answer{known}});
    }
    events_.push_back(engine::Answered{ask.id, around_.answers(ask.question)});
}

void World::take(const engine::RevertRequest& asked, std::uint64_t id) {
    const auto commit = kRevertCommit + asked.release;
    if (asked.prepared.empty()) {
        engine::RevertDone done{engine::RevertDone::Prepared{commit}};
        return events_.push_back(engine::Answered{id, engine::Answer{std::move(done)}});
    }
    engine::RevertDone done{engine::RevertDone::Pushed{commit}};
    events_.push_back(engine::Answered{id, engine::Answer{std::move(done)}});
    take_back(asked);
}

/// The next poll finds what the revert commit says.
void World::take_back(const engine::RevertRequest& asked) {
    if (!asked.good) return wish(asked.key, nullptr);
    const auto definition = find_definition(asked.key, *asked.good);
    const auto found = desired_->assignments.find(asked.key);
    if (!definition || found == desired_->assignments.end()) return;
    auto reverted = std::make_shared<Assignment>(*found->second);
    reverted->definition = definition;
    reverted->intent = {};
    reverted->intent.commit = reverted->intent.digest_commit = kRevertCommit + asked.release;
    reverted->intent.parent = found->second->intent.commit;
    reverted->intent.by_daemon = true;
    reverted->anchor_rules.clear();
    for (auto& target : reverted->targets) {
        if (target.pinned) continue;
        target.definition = definition;
        target.digest = target_digest(definition->digest, target.config_digest);
    }
    wish(asked.key, std::move(reverted));
}

void World::wish(const AssignmentKey& key, AssignmentPtr assignment) {
    auto desired = std::make_shared<Desired>(*desired_);
    if (assignment)
        desired->assignments[key] = std::move(assignment);
    else
        desired->assignments.erase(key);
    desired_ = std::move(desired);
    events_.push_back(engine::ConfigChanged{desired_});
}

DefinitionPtr World::find_definition(const AssignmentKey& key, const LastGood& good) {
    const auto is_it = [&](const Assignment& assignment) {
        return assignment.definition->digest == good.digest ||
               (good.digest == Digest{} && assignment.intent.digest_commit == good.commit);
    };
    for (const auto* desired : {start_.base.get(), start_.head.get()}) {
        if (!desired) continue;
        const auto found = desired->assignments.find(key);
        if (found != desired->assignments.end() && is_it(*found->second))
            return found->second->definition;
    }
    if (good.digest == Digest{}) return nullptr;
    auto answer = around_.answers(engine::LoadDefinition{key, good.commit});
    const auto* definition = answer ? std::get_if<DefinitionPtr>(&*answer) : nullptr;
    return definition ? *definition : nullptr;
}

std::optional<Timestamp> World::next_time() const {
    std::optional<Timestamp> next;
    const auto soonest = [&](Timestamp at) { next = std::min(next.value_or(at), at); };
    if (!ends_.empty()) soonest(ends_.begin()->first);
    if (!told_.empty()) soonest(told_.begin()->first);
    if (state_.wake) soonest(*state_.wake);
    if (state_.lived_wake) soonest(clocks_.now + (*state_.lived_wake - clocks_.lived));
    if (next) next = std::max(*next, clocks_.now);
    return next;
}

void World::go_to(Timestamp at) {
    clocks_.lived += at - clocks_.now;
    clocks_.now = at;
    finish_due();
    const bool due = (state_.wake && *state_.wake <= clocks_.now) ||
                     (state_.lived_wake && *state_.lived_wake <= clocks_.lived);
    if (due) feed(engine::Woke{});
}

bool World::is_at_rest() const {
    const auto moves = [](const auto& entry) {
        return entry.second.action.kind != ActionKind::verify;
    };
    const auto next = next_time();
    return (!next || *next > clocks_.now + kSoon) && told_.empty() &&
           std::ranges::none_of(running_, moves) &&
           std::ranges::all_of(state_.assignments,
                               [&](const auto& entry) { return is_at_rest(entry.first); });
}

/// Nothing more happens by itself, but that what failed outside of a release is tried again.
bool World::is_at_rest(const AssignmentKey& key) const {
    const auto& assignment = state_.assignments.at(key);
    const auto waits_for_person = [](const Hold& hold) { return !hold.until; };
    if (std::ranges::any_of(assignment.holds, waits_for_person)) return true;
    const auto& sides = assignment.sides;
    if (sides && sides->kept_until && *sides->kept_until > clocks_.lived) return false;
    const auto is_retry = [](const Hold& hold) { return hold.gate == "backoff"; };
    return assignment.active.empty() && assignment.pending.empty() &&
           std::ranges::all_of(assignment.holds, is_retry);
}

/// True: a release that waited for a person's word has it now.
bool World::promote_waiting() {
    for (const auto& key : std::exchange(looked_at_, {})) {
        const auto found = state_.assignments.find(key);
        if (found == state_.assignments.end() || found->second.active.empty()) continue;
        const auto& release = state_.releases.at(found->second.active);
        const auto* step = awaited_step(release);
        if (!step) continue;
        if (!asked_.emplace(release.id, step->index).second) continue;
        if (promote(key, release, *step)) {
            looked_at_.insert(key);
            drain();
            return true;
        }
    }
    return false;
}

bool World::promote(const AssignmentKey& key, const Release& release, const Step& step) {
    const auto found = desired_->assignments.find(key);
    if (found == desired_->assignments.end()) return false;
    const auto by =
        approver_of(*found->second, release.last_good, std::get<AwaitWork>(step.work).approver);
    if (!by) return false;
    auto promoted = std::make_shared<Assignment>(*found->second);
    auto& promotion = promoted->promotion.emplace();
    promotion.promote = {release.to, step.entry, step.entry == 0};
    promotion.commit = fmt::format("promote of step {} of {}", step.index, release.id);
    promotion.author_name = promotion.author_email = *by;
    promotion.after_intent = true;
    promotes_.push_back({release.id, step.index, clocks_.now, *by});
    wish(key, std::move(promoted));
    return true;
}

}  // namespace tidegate::forecast
