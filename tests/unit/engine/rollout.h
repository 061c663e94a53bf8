#pragma once
/// An engine driven by hand: what the tests of this folder share.

#include <gtest/gtest.h>
#include <functional>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "reconciler/engine/engine.h"

namespace tidegate::engine {

inline const AssignmentKey kKey{"prod", "shop"};

[[nodiscard]] std::string name_of(int number);

[[nodiscard]] Strategy all_at_once();
[[nodiscard]] Strategy one_by_one();

/// v1 of kKey on `targets` hosts, but for those before `first`.
[[nodiscard]] AssignmentPtr wish_of(int targets, const Strategy& strategy, int first = 0);
/// vN, entered by commit cN.
[[nodiscard]] std::shared_ptr<Assignment> version_of(int targets, const Strategy& strategy,
                                                     int number);
/// `state: absent`, entered by commit cN.
[[nodiscard]] std::shared_ptr<Assignment> absent_of(int targets, const Strategy& strategy,
                                                    int number);
/// The same, held by a freeze.
[[nodiscard]] AssignmentPtr frozen(const AssignmentPtr& wish);
[[nodiscard]] AssignmentPtr second_version(int targets, const Strategy& strategy);
/// The same, by a commit that raises `retry` to this.
[[nodiscard]] AssignmentPtr with_retry(const AssignmentPtr& wish, int retry);
void pin(DesiredTarget& target, const char* version);

struct Cost {
    std::size_t rows = 0;
    std::size_t bytes = 0;
    std::size_t shown = 0;  ///< steps and targets of releases
    std::size_t looks = 0;  ///< assignments that were touched

    bool operator==(const Cost&) const = default;
};

/// A release on `targets` hosts, driven by hand; counts what single outcomes cost.
class Rollout {
public:
    Rollout(int targets, const Strategy& strategy) : Rollout(targets, wish_of(targets, strategy)) {}

    Rollout(int targets, AssignmentPtr first) : Rollout(targets, std::vector{std::move(first)}) {}

    Rollout(int targets, const std::vector<AssignmentPtr>& first);

    void wish(AssignmentPtr assignment) { wish(std::vector{std::move(assignment)}); }
    Cost wish(const std::vector<AssignmentPtr>& assignments);

    /// Lets time pass; only the engine's own alarms ring.
    void pass(Milliseconds time);

    void breaks(int target) { reports(target, InstallStatus::failed, 1); }
    void reports(int target, InstallStatus status, std::uint64_t report);
    void reports_as(int target, const Installation& there) {
        feed(AgentChanged{name_of(target), {there}});
    }
    void set_clock_back(Milliseconds by) { clocks_.now -= by; }
    /// An alarm rings that was armed by the clock as it was.
    void wakes() { feed(Woke{}); }
    /// The daemon is away for so long.
    void is_away(Milliseconds time) { clocks_.now += time; }
    /// It is in the grace of a start that lasts so long from now on.
    void stands_still(Milliseconds time) { clocks_.still = time; }
    void grace_passes(Milliseconds time) {
        clocks_.now += time;
        clocks_.still -= time;
    }
    void leaves(int target) { feed(AgentDisconnected{name_of(target)}); }
    void is_revoked(int target) { feed(AgentRevoked{name_of(target)}); }
    /// What it was sent still runs there.
    void comes_back_running(int target);
    /// Connects anew, and says how many actions it runs at once.
    void says_it_runs(int target, int at_once);
    /// As it left, and with an empty journal: nothing that was sent has reached it.
    void comes_back(int target);
    /// The same, with an agent that does not tell twice what it found.
    void comes_back_of_former_build(int target);

    /// What it was sent has ended meanwhile.
    void comes_back_done(int target, ActionOutcome outcome = ActionOutcome::done);
    /// It has the outcome of an action that is on its way to another agent.
    void comes_with_outcome_of(int target, const Action& action);
    /// After a restart that interrupted these actions.
    void comes_back_interrupted(int target, std::vector<std::string> ids);

    /// Its first connection, with this already there.
    void comes_with(int target, std::vector<Installation> there);
    /// What Git was asked for last: which of these is the newest.
    [[nodiscard]] const std::vector<LastGood>& candidates() const { return candidates_; }
    void finds_good(const LastGood& good) {
        feed(Answered{id_of<FindLastGood>([](const auto&) { return true; }), std::optional(good)});
    }

    /// Lets time pass until nothing more is sent by itself.
    void drain();

    /// The outcome of one action, at the same time as the one before.
    Cost finish_one(ActionOutcome outcome = ActionOutcome::done);

    /// The same of the action on that target.
    Cost finish_on(const std::string& target, ActionOutcome outcome = ActionOutcome::done);
    /// The host of the oldest action that is on its way cannot have it.
    void finds_host_trouble(const std::string& words);

    /// A task of the newest action that was sent has failed; how, comes with the action's outcome.
    void tells_of_a_failed_task() {
        feed(ActionUpdated{sent_.back().key.target,
                           {sent_.back().id, "release", "deploy", TaskStatus::failed, 100}});
    }

    /// Agents have to come back, and the config has to be read again.
    void restart() { state_ = restarted(); }

    void loads(const std::string& commit, Result<Answer> definition) {
        const auto id = id_of<LoadDefinition>(
            [&](const auto& asked) { return asked.key == kKey && asked.commit == commit; });
        feed(Answered{id, std::move(definition)});
    }
    /// That commit is in no Git (any more).
    void loads_nothing(const std::string& commit) {
        loads(commit, fail(ErrorCode::not_found, "no such commit"));
    }
    void cannot_load(const std::string& commit) {
        loads(commit, fail(ErrorCode::unavailable, "Git is away"));
    }
    /// It was asked the same before, and says what came of it then.
    void answers_from_its_journal();
    [[nodiscard]] std::size_t rows(Table table) const;

    /// What is to be sent waits until it is free again.
    void block_disk() { disk_blocked_ = true; }
    void free_disk();
    void hold_tip(bool held) { feed(GitHeld{held, "t1", "it does not descend"}); }
    /// How the oldest revert that was asked for ended.
    Cost answer(Result<Answer> outcome);
    Cost answer(decltype(RevertDone::outcome) outcome) {
        return answer(Result<Answer>{RevertDone{std::move(outcome)}});
    }
    [[nodiscard]] const std::vector<RevertRequest>& asked() const { return asked_; }
    /// The answer to the question with that id.
    Cost tell(std::uint64_t id, Result<Answer> answer) {
        return feed(Answered{id, std::move(answer)});
    }
    /// How often people were told of it.
    [[nodiscard]] int told(NoticeKind kind) const {
        const auto found = told_.find(kind);
        return found == told_.end() ? 0 : found->second;
    }
    /// What people were told of it last.
    [[nodiscard]] std::string words(NoticeKind kind) const {
        const auto found = words_.find(kind);
        return found == words_.end() ? "" : found->second;
    }
    /// The kinds of all that was written into the audit log.
    [[nodiscard]] const std::vector<std::string>& audit() const { return audit_; }
    /// Its agent's report on what is there, otherwise unchanged.
    void reports_drift(int target, bool drifted, const std::string& reason);

    /// An agent that deploys nothing here: of a balancer.
    void router_comes(const std::string& agent, std::vector<RouteReport> routes = {});
    void router_leaves(const std::string& agent) { feed(AgentDisconnected{agent}); }
    void router_tells(const std::string& agent, RouteReport report) {
        feed(RouteTold{agent, std::move(report)});
    }
    /// What routers were told, oldest first.
    [[nodiscard]] const std::vector<std::pair<std::string, SetRoute>>& routed() const {
        return routed_;
    }

    [[nodiscard]] std::vector<std::string> orphaned() const {
        return explain(state_, kKey, now())->orphaned;
    }
    [[nodiscard]] std::vector<Hold> holds() const { return explain(state_, kKey, now())->holds; }
    [[nodiscard]] Lived lived() const { return clocks_.lived; }
    /// As it is on the disk.
    [[nodiscard]] Lived stored_life() const;
    /// The rows as a build wrote them that knew the wall clock only.
    void forget_lived();
    [[nodiscard]] Timestamp now() const { return clocks_.now; }
    [[nodiscard]] const Action& next() const { return sent_.front(); }
    /// All that was sent and has not ended, oldest first.
    [[nodiscard]] const std::vector<Action>& sent() const { return sent_; }
    /// Nothing of it comes back any more.
    void forget_sent() { sent_.clear(); }
    void tells(const std::string& agent, const Action& action, ActionOutcome outcome) {
        feed(ActionFinished{agent, result_of(action, outcome)});
    }
    /// Ids of all actions that were cancelled so far.
    [[nodiscard]] const std::vector<std::string>& cancelled() const { return cancelled_; }
    /// What its agent may forget, by the last such word to it.
    [[nodiscard]] const std::vector<std::string>& acknowledged(int target) {
        return acknowledged_[name_of(target)];
    }
    [[nodiscard]] std::size_t in_flight() const { return sent_.size(); }
    [[nodiscard]] State& state() { return state_; }
    /// The same engine, started anew on what it has written.
    [[nodiscard]] State restarted() const;

private:
    Cost feed(const Event& event);
    void note(const Ask& ask);
    /// As which it is being asked; 0 = it is not.
    template <typename Asked>
    [[nodiscard]] std::uint64_t id_of(const std::function<bool(const Asked&)>& is_it) const {
        for (const auto& [id, question] : state_.questions)
            if (const auto* asked = std::get_if<Asked>(&question); asked && is_it(*asked))
                return id;
        return 0;
    }
    [[nodiscard]] std::vector<Row> stored() const;
    [[nodiscard]] ActionResult result_of(const Action& action, ActionOutcome outcome);
    void write(const Batch& batch, Cost& cost);
    void let_leave(const Send& send);
    void go_on(Milliseconds time);
    [[nodiscard]] std::optional<Milliseconds> until_woken() const;

    Clocks clocks_{Timestamp{Milliseconds{1'767'225'600'000}}, Lived{std::chrono::hours{5}}};
    State state_;
    std::vector<Action> sent_;
    std::vector<std::string> cancelled_;
    std::map<std::string, std::vector<std::string>> acknowledged_;
    bool disk_blocked_ = false;
    std::vector<Send> blocked_;
    std::vector<std::pair<std::string, SetRoute>> routed_;
    std::vector<RevertRequest> asked_;
    std::vector<LastGood> candidates_;
    std::map<NoticeKind, int> told_;
    std::map<NoticeKind, std::string> words_;
    std::uint64_t report_ = 0;
    std::map<std::pair<Table, std::string>, std::string> rows_;
    std::vector<std::string> audit_;
};

/// The targets of what is in the outbox.
[[nodiscard]] std::vector<std::string> in_outbox(Rollout& rollout);
/// The newest release of kKey.
[[nodiscard]] const Release& newest(Rollout& rollout);

}  // namespace tidegate::engine
