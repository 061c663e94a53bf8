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
    explicit Checks(const Fleet& fleet) : fleet_(fleet) {}

    void fail(const std::string& what, Timestamp now);
    void on_audit(const AuditEntry& entry);
    void on_rows(const std::vector<std::variant<Put, Erase>>& writes);
    void on_send(const engine::Send& send, const engine::State& state, Timestamp now);
    void after_step(const engine::State& state, Timestamp now);
    void on_wish(const Desired& desired);
    void forget_store();

    std::vector<std::string> violations;

private:
    void check_run(const Action& action, const engine::State& state, Timestamp now);
    void check_budget(const Action& action, const engine::State& state, Timestamp now);
    void check_release(const Release& release, Timestamp now);

    struct Banned {
        std::string digest_commit;
        int retry = 0;
    };
    const Fleet& fleet_;
    std::set<std::string> audited_;    ///< actions with an entry
    std::set<std::string> in_outbox_;  ///< rows that are durable
    std::map<std::pair<AssignmentKey, Digest>, Banned> banned_;
    std::set<std::string> sent_;
    std::map<AssignmentKey, AssignmentPtr> wishes_;
};

}  // namespace tidegate::simulation
