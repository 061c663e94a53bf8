#include "tests/unit/engine/rollout.h"

#include <algorithm>

#include "reconciler/engine/life.h"
#include "schema/model/slots.h"
#include "schema/resolve/digest.h"

namespace tidegate::engine {

namespace {

Hello hello_of(int target) {
    Hello hello;
    hello.agent = name_of(target);
    hello.capabilities = {std::string{kSecondLookCapability}, std::string{kVerifyCapability},
                          std::string{kSlotsCapability}};
    return hello;
}

}  // namespace

Rollout::Rollout(int targets, const std::vector<AssignmentPtr>& first)
    : state_(*restore({}, 1, clocks_)) {
    for (int i = 0; i < targets; ++i) {
        AgentConnected event;
        event.hello = hello_of(i);
        feed(event);
    }
    wish(first);
}

Cost Rollout::wish(const std::vector<AssignmentPtr>& assignments) {
    auto desired = std::make_shared<Desired>();
    desired->root_commit = "c0";
    for (const auto& assignment : assignments) desired->assignments[assignment->key] = assignment;
    return feed(ConfigChanged{desired});
}

void Rollout::pass(Milliseconds time) {
    const auto end = clocks_.lived + time;
    for (auto wait = until_woken(); wait && clocks_.lived + *wait <= end; wait = until_woken()) {
        go_on(*wait);
        feed(Woke{});
    }
    go_on(end - clocks_.lived);
}

void Rollout::go_on(Milliseconds time) {
    clocks_.now += time;
    clocks_.lived += time;
}

std::optional<Milliseconds> Rollout::until_woken() const {
    std::optional<Milliseconds> wait;
    if (state_.wake) wait = *state_.wake - clocks_.now;
    if (state_.lived_wake) {
        const auto lived = *state_.lived_wake - clocks_.lived;
        wait = std::min(wait.value_or(lived), lived);
    }
    if (wait) wait = std::max(*wait, Milliseconds{0});
    return wait;
}

void Rollout::reports(int target, InstallStatus status, std::uint64_t report) {
    Installation there;
    there.key = {name_of(target), kKey.project, ""};
    there.status = status;
    there.report = report;
    feed(AgentChanged{name_of(target), {there}});
}

void Rollout::reports_drift(int target, bool drifted, const std::string& reason) {
    auto there = state_.agents.at(name_of(target))
                     .installations.at(InstallKey{name_of(target), kKey.project, ""});
    there.drifted = drifted;
    there.drift_reason = reason;
    there.report = ++report_;
    feed(AgentChanged{name_of(target), {there}});
}

void Rollout::comes_back(int target) {
    AgentConnected event;
    event.hello = hello_of(target);
    for (const auto& [key, there] : state_.agents.at(name_of(target)).installations)
        event.inventory.installations.push_back(there);
    feed(event);
}

void Rollout::comes_back_of_former_build(int target) {
    AgentConnected event;
    event.hello.agent = name_of(target);
    for (const auto& [key, there] : state_.agents.at(name_of(target)).installations)
        event.inventory.installations.push_back(there);
    feed(event);
}

void Rollout::comes_with(int target, std::vector<Installation> there) {
    AgentConnected event;
    event.hello = hello_of(target);
    event.inventory.installations = std::move(there);
    feed(event);
}

void Rollout::router_comes(const std::string& agent, std::vector<RouteReport> routes) {
    AgentConnected event;
    event.hello.agent = agent;
    event.hello.capabilities = {std::string{kHaproxyCapability}};
    event.inventory.routes = std::move(routes);
    feed(event);
}

void Rollout::comes_back_interrupted(int target, std::vector<std::string> ids) {
    AgentConnected event;
    event.hello = hello_of(target);
    for (const auto& [key, there] : state_.agents.at(name_of(target)).installations)
        event.inventory.installations.push_back(there);
    event.inventory.running = event.inventory.suspended = std::move(ids);
    feed(event);
}

void Rollout::says_it_runs(int target, int at_once) {
    AgentConnected event;
    event.hello.agent = name_of(target);
    event.hello.runs_at_once = at_once;
    feed(event);
}

void Rollout::comes_back_running(int target) {
    AgentConnected event;
    event.hello.agent = name_of(target);
    for (const auto& [key, there] : state_.agents.at(name_of(target)).installations)
        event.inventory.installations.push_back(there);
    for (const auto& action : sent_)
        if (action.key.target == name_of(target)) event.inventory.running.push_back(action.id);
    feed(event);
}

void Rollout::drain() {
    for (std::size_t before = sent_.size() + 1; before != sent_.size();) {
        before = sent_.size();
        go_on(Milliseconds{200});
        feed(Woke{});
    }
}

ActionResult Rollout::result_of(const Action& action, ActionOutcome outcome) {
    ActionResult result;
    result.id = action.id;
    result.release = action.release;
    result.step = action.step;
    result.kind = action.kind;
    result.outcome = outcome;
    auto& there = result.installation;
    there.key = action.key;
    if (action.kind == ActionKind::verify) {
        there = state_.agents.at(action.key.target).installations.at(action.key);
        result.error = outcome == ActionOutcome::failed ? "http: 500" : "";
        return result;
    }
    const bool gone = action.kind == ActionKind::uninstall;
    there.status = outcome != ActionOutcome::done ? InstallStatus::failed
                   : gone                         ? InstallStatus::absent
                                                  : InstallStatus::installed;
    there.version = action.version;
    there.digest = action.digest;
    there.report = ++report_;
    return result;
}

Cost Rollout::finish_one(ActionOutcome outcome) {
    if (sent_.empty()) {
        ADD_FAILURE() << "nothing was sent";
        return {};
    }
    const auto action = std::move(sent_.front());
    sent_.erase(sent_.begin());
    const auto entry = state_.outbox.find(action.id);
    const auto agent = entry == state_.outbox.end() ? action.key.target : entry->second.agent;
    return feed(ActionFinished{agent, result_of(action, outcome)});
}

void Rollout::comes_back_done(int target, ActionOutcome outcome) {
    AgentConnected event;
    event.hello = hello_of(target);
    const auto mine = [&](const Action& action) { return action.key.target == name_of(target); };
    for (const auto& action : sent_) {
        if (!mine(action)) continue;
        const auto& result = event.inventory.results.emplace_back(result_of(action, outcome));
        event.inventory.installations.push_back(result.installation);
    }
    std::erase_if(sent_, mine);
    feed(event);
}

void Rollout::comes_with_outcome_of(int target, const Action& action) {
    AgentConnected event;
    event.hello = hello_of(target);
    event.inventory.results.push_back(result_of(action, ActionOutcome::done));
    feed(event);
}

Cost Rollout::finish_on(const std::string& target, ActionOutcome outcome) {
    const auto found = std::ranges::find_if(
        sent_, [&](const Action& action) { return action.key.target == target; });
    if (found != sent_.end()) std::rotate(sent_.begin(), found, found + 1);
    return finish_one(outcome);
}

void Rollout::finds_host_trouble(const std::string& words) {
    if (sent_.empty()) {
        ADD_FAILURE() << "nothing was sent";
        return;
    }
    const auto action = std::move(sent_.front());
    sent_.erase(sent_.begin());
    ActionFinished event;
    event.agent = action.key.target;
    event.result.id = action.id;
    event.result.kind = action.kind;
    event.result.outcome = ActionOutcome::refused;
    event.result.host_trouble = words;
    event.result.installation.key = action.key;
    feed(event);
}

void Rollout::answers_from_its_journal() {
    const auto newest = std::exchange(report_, 0u);
    (void)finish_one();
    report_ = newest;
}

std::size_t Rollout::rows(Table table) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(rows_, [&](const auto& row) { return row.first.first == table; }));
}

Cost Rollout::answer(Result<Answer> outcome) {
    const auto release = asked_.front().release;
    asked_.erase(asked_.begin());
    return feed(
        Answered{id_of<RevertRequest>([&](const auto& asked) { return asked.release == release; }),
                 std::move(outcome)});
}

std::vector<Row> Rollout::stored() const {
    std::vector<Row> rows;
    for (const auto& [key, body] : rows_) rows.push_back({key.first, key.second, body});
    return rows;
}

Lived Rollout::stored_life() const { return *engine::stored_life(stored()); }

void Rollout::forget_lived() {
    for (auto& [key, body] : rows_)
        for (auto at = body.find("\"lived_"); at != std::string::npos;
             at = body.find("\"lived_", at))
            body.replace(at, 1, "\"no_");
}

State Rollout::restarted() const { return *restore(stored(), 2, clocks_); }

Cost Rollout::feed(const Event& event) {
    Cost cost;
    for (auto& effect : step(state_, event, clocks_)) {
        if (const auto* send = std::get_if<Send>(&effect)) {
            if (disk_blocked_)
                blocked_.push_back(*send);
            else
                let_leave(*send);
        }
        if (const auto* persist = std::get_if<Persist>(&effect)) write(persist->batch, cost);
        if (const auto* publish = std::get_if<Publish>(&effect)) {
            cost.looks += publish->assignments.size();
            for (const auto& change : publish->releases)
                cost.shown += change.steps.size() + change.targets.size();
        }
        if (const auto* ask = std::get_if<Ask>(&effect)) note(*ask);
        if (const auto* notify = std::get_if<Notify>(&effect)) {
            ++told_[notify->kind];
            words_[notify->kind] = notify->text;
        }
    }
    return cost;
}

void Rollout::note(const Ask& ask) {
    if (const auto* revert = std::get_if<RevertRequest>(&ask.question)) asked_.push_back(*revert);
    if (const auto* find = std::get_if<FindLastGood>(&ask.question)) candidates_ = find->candidates;
}

void Rollout::let_leave(const Send& send) {
    if (const auto* cancel = std::get_if<Cancel>(&send.message))
        cancelled_.push_back(cancel->action);
    if (const auto* ack = std::get_if<AckResults>(&send.message))
        acknowledged_[send.agent] = ack->actions;
    if (const auto* route = std::get_if<SetRoute>(&send.message))
        routed_.emplace_back(send.agent, *route);
    const auto* run = std::get_if<Run>(&send.message);
    if (!run) return;
    if (leave(state_, send, clocks_))
        sent_.push_back(run->action);
    else
        feed(Unsent{send.agent, run->action.id, run->resumes});
}

void Rollout::free_disk() {
    disk_blocked_ = false;
    for (const auto& send : std::exchange(blocked_, {})) let_leave(send);
}

void Rollout::write(const Batch& batch, Cost& cost) {
    cost.rows += batch.writes.size() + batch.audit.size();
    for (const auto& entry : batch.audit) audit_.push_back(entry.kind);
    for (const auto& write : batch.writes) {
        if (const auto* put = std::get_if<Put>(&write)) {
            cost.bytes += put->key.size() + put->body.size();
            rows_[{put->table, put->key}] = put->body;
        } else if (const auto* erase = std::get_if<Erase>(&write)) {
            rows_.erase({erase->table, erase->key});
        }
    }
}

std::string name_of(int number) { return fmt::format("web-{:05}", number); }

AssignmentPtr wish_of(int targets, const Strategy& strategy, int first) {
    auto definition = std::make_shared<Definition>();
    definition->key = kKey;
    definition->digest = Digest::of("v1");
    definition->version = "v1";
    definition->deploy.script.install_script = "install";
    definition->health_check = strategy.health_check;
    auto wish = std::make_shared<Assignment>();
    wish->key = kKey;
    wish->intent.commit = "c1";
    wish->intent.digest_commit = "c1";
    wish->definition = definition;
    wish->strategy = strategy;
    for (int i = first; i < targets; ++i) {
        DesiredTarget target;
        target.name = name_of(i);
        target.agent = name_of(i);
        target.config_digest = Digest::of(target.name);
        target.definition = definition;
        target.digest = target_digest(definition->digest, target.config_digest);
        wish->targets.push_back(std::move(target));
    }
    return wish;
}

Strategy all_at_once() {
    Strategy strategy;
    strategy.type = StrategyType::all_at_once;
    return strategy;
}

Strategy one_by_one() {
    Strategy strategy;
    strategy.batch_size = {1, false};
    return strategy;
}

std::vector<std::string> in_outbox(Rollout& rollout) {
    std::vector<std::string> targets;
    for (const auto& [id, entry] : rollout.state().outbox)
        targets.push_back(entry.action.key.target);
    return targets;
}

std::shared_ptr<Assignment> version_of(int targets, const Strategy& strategy, int number) {
    auto wish = std::make_shared<Assignment>(*wish_of(targets, strategy));
    auto definition = std::make_shared<Definition>(*wish->definition);
    definition->version = fmt::format("v{}", number);
    definition->digest = Digest::of(definition->version);
    wish->definition = definition;
    for (auto& target : wish->targets) {
        target.definition = definition;
        target.digest = target_digest(definition->digest, target.config_digest);
    }
    wish->intent.commit = wish->intent.digest_commit = fmt::format("c{}", number);
    return wish;
}

AssignmentPtr second_version(int targets, const Strategy& strategy) {
    return version_of(targets, strategy, 2);
}

std::shared_ptr<Assignment> absent_of(int targets, const Strategy& strategy, int number) {
    auto wish = version_of(targets, strategy, number);
    auto definition = std::make_shared<Definition>(*wish->definition);
    definition->absent = true;
    wish->definition = definition;
    for (auto& target : wish->targets) target.definition = definition;
    return wish;
}

AssignmentPtr frozen(const AssignmentPtr& wish) {
    auto made = std::make_shared<Assignment>(*wish);
    made->rules.freeze.active = true;
    return made;
}

const Release& newest(Rollout& rollout) {
    const auto& state = rollout.state();
    return state.releases.at(state.assignments.at(kKey).releases.back());
}

void pin(DesiredTarget& target, const char* version) {
    auto definition = std::make_shared<Definition>(*target.definition);
    definition->digest = Digest::of(version);
    definition->version = version;
    target.pinned = true;
    target.definition = definition;
    target.digest = target_digest(definition->digest, target.config_digest);
}

AssignmentPtr with_retry(const AssignmentPtr& wish, int retry) {
    auto made = std::make_shared<Assignment>(*wish);
    made->retry = retry;
    made->intent.commit += fmt::format("-retry-{}", retry);
    return made;
}

}  // namespace tidegate::engine
