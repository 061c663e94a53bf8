#pragma once
/// The invariants of design section 9 that apply here, written anew: none of the engine's own
/// decisions is asked.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "reconciler/engine/effect.h"
#include "reconciler/engine/state.h"
#include "tests/simulation/engine/model_git.h"

namespace tidegate::simulation {

class Checks {
public:
    explicit Checks(const ModelGit& git) : git_(git), fleet_(git.fleet()) {}

    void fail(const std::string& what, Timestamp now);
    void on_audit(const AuditEntry& entry);
    void on_rows(const std::vector<std::variant<Put, Erase>>& writes, const engine::State& state,
                 Timestamp now);
    void on_send(const engine::Send& send, const engine::State& state, Timestamp now);
    void on_revert(const engine::RevertRequest& request, Timestamp now);
    void after_step(const engine::State& state, Timestamp now);
    void on_wish(const Desired& desired);
    void forget_store();

    std::vector<std::string> violations;

private:
    struct Banned {
        std::string digest_commit;
        int retry = 0;
    };
    [[nodiscard]] Banned banned_by(const Quarantine& set) const;
    void check_run(const Action& action, const engine::State& state, Timestamp now);
    [[nodiscard]] bool is_open(const Release& release, Timestamp now) const;
    void check_window(const Action& action, const Release& release, Timestamp now);
    void check_budget(const Action& action, const engine::State& state, Timestamp now);
    void check_release(const Release& release, Timestamp now);

    const ModelGit& git_;
    const Fleet& fleet_;
    std::set<std::string> audited_;    ///< actions with an entry
    std::set<std::string> in_outbox_;  ///< rows that are durable
    std::map<std::pair<AssignmentKey, Digest>, Banned> banned_;
    std::set<std::string> sent_;
    std::set<std::string> succeeded_;  ///< releases that were looked at once more at their end
    /// What `on_close` lets go on: releases, and steps of them, that began while it was open.
    std::set<std::string> begun_;
    std::set<std::pair<std::string, int>> steps_begun_;
    std::string accepted_;
    std::map<AssignmentKey, AssignmentPtr> wishes_;
};

}  // namespace tidegate::simulation
