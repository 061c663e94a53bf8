#pragma once
/// The invariants of design section 9 that apply here, written anew: none of the engine's own
/// decisions is asked.
///
/// What a step decided is judged at once (`after_step`); that it was durable before it was sent,
/// when it is sent (`on_send`).

#include <map>
#include <set>
#include <string>
#include <vector>

#include "reconciler/engine/effect.h"
#include "reconciler/engine/event.h"
#include "reconciler/engine/state.h"
#include "tests/simulation/engine/model_git.h"
#include "tests/simulation/engine/models.h"

namespace tidegate::simulation {

/// What serves on a target of an assignment.
[[nodiscard]] InstallKey live_key(const engine::State& state, const AssignmentKey& key,
                                  const std::string& target);
class Checks {
public:
    Checks(const ModelGit& git, const Models& models) : git_(git), models_(models) {}

    void fail(const std::string& what, Timestamp now);
    void on_wish(const Desired& desired);
    void on_connected(const engine::AgentConnected& event);
    void on_outcome(const ActionResult& result);
    /// `in_grace`: not all agents are heard yet after the daemon's start.
    void after_step(const engine::State& state, const engine::Effects& effects, Timestamp now,
                    bool in_grace);
    /// Now and then: nothing goes on beyond its deadline.
    void check_deadlines(const engine::State& state, const Clocks& clocks);
    void on_durable(const Batch& batch);
    void on_send(const engine::Send& send, const engine::State& state, Timestamp now);
    void on_crash();
    void forget_store();

    std::vector<std::string> violations;

private:
    struct Banned {
        std::string digest_commit;
        int retry = 0;
        bool durable = false;
    };
    using Writes = std::vector<std::variant<Put, Erase>>;

    [[nodiscard]] Banned banned_by(const Quarantine& set) const;
    [[nodiscard]] const Assignment* wish(const AssignmentKey& key) const;
    void forget_heals(const AssignmentKey& key);
    void note_begun(const OutboxEntry& entry, const engine::State& state, Timestamp now);
    void check_revert(const engine::RevertRequest& request, const engine::State& state,
                      Timestamp now);
    void check_run(const Action& action, const engine::State& state, Timestamp now);
    void check_gates(const Action& action, const engine::State& state, Timestamp now);
    void check_kept(const Action& action, const Release& release, Timestamp now);
    void check_heals(const Action& action, const Release& release, Timestamp now);
    void check_watched(const Release& release, const engine::State& state, Timestamp now);
    [[nodiscard]] bool is_open(const Release& release, Timestamp now) const;
    void check_window(const Action& action, const Release& release, bool restores, Timestamp now);
    void check_budget(const Action& action, const engine::State& state, Timestamp now);
    void check_written(const Writes& writes, const engine::State& state, Timestamp now,
                       bool in_grace);
    void take_quarantine(const Quarantine& set, Timestamp now, bool in_grace);
    void make_durable(const Quarantine& set);
    void check_good(const GoodState& good, const engine::State& state, Timestamp now);
    void check_release(const Release& release, const engine::State& state, Timestamp now);
    void check_step(const Release& release, const Step& step, bool former_passed,
                    const engine::State& state, Timestamp now);
    void check_promoted(const Release& release, const Step& step, Timestamp now);
    void check_verified(const Release& release, const Step& step, const engine::State& state,
                        Timestamp now);
    void check_share(const Action& action, const engine::State& state, Timestamp now);
    void check_route(const Route& route, const engine::State& state, Timestamp now);
    void check_alone(const AssignmentKey& key, const engine::State& state, Timestamp now);
    void check_outbox(const engine::State& state, Timestamp now);

    const ModelGit& git_;
    const Models& models_;
    std::set<std::string> audited_;                 ///< actions with an entry
    std::map<std::string, std::string> in_outbox_;  ///< rows that are durable, and their agents
    std::set<std::string> was_in_outbox_;
    std::map<std::string, int> rows_decided_;  ///< how often each was put there
    std::map<std::string, int> acknowledged_;  ///< how often by then
    std::map<std::pair<AssignmentKey, Digest>, Banned> banned_;
    std::set<InstallKey> deployed_;   ///< where a deploy ended well, and nothing was removed since
    std::set<AssignmentKey> served_;  ///< whose traffic went somewhere once
    std::set<std::string> goes_on_;   ///< actions that were suspended once
    std::set<std::string> sent_;
    std::set<std::string> succeeded_;  ///< releases that were looked at once more at their end
    std::set<std::pair<std::string, int>> passed_;  ///< steps
    /// What `on_close` lets go on: releases, and steps of them, that began while it was open.
    /// By release and step: the targets whose agents said that all was well for the whole time.
    std::map<std::pair<std::string, int>, std::set<std::string>> well_;
    std::map<std::string, int> covered_;  ///< by canary release: the most that it had to cover
    std::set<std::string> begun_;
    std::set<std::pair<std::string, int>> steps_begun_;
    std::map<AssignmentKey, Release> done_;  ///< the newest head that succeeded
    std::map<AssignmentKey, LastGood> goods_;
    std::map<InstallKey, std::vector<Timestamp>> heals_;
    std::map<AssignmentKey, AssignmentPtr> wishes_;
    std::map<AssignmentKey, AssignmentPtr> last_;  ///< those that left, too
};

}  // namespace tidegate::simulation
