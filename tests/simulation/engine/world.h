#pragma once
/// Engine, agents, store, Git and network on one virtual clock. One seed, one course of events.

#include <deque>
#include <queue>
#include <random>

#include "reconciler/daemon/effect_queue.h"
#include "reconciler/engine/engine.h"
#include "reconciler/engine/life.h"
#include "tests/simulation/engine/checks.h"
#include "tests/simulation/engine/counts.h"
#include "tests/simulation/engine/fleets.h"
#include "tests/simulation/engine/model_agent.h"
#include "tests/simulation/engine/model_git.h"
#include "tests/simulation/engine/model_source.h"
#include "tests/simulation/engine/models.h"

namespace tidegate::simulation {

struct WorldOptions {
    std::uint64_t seed = 1;
    Fleet fleet = usual_fleet();
    bool faults = false;   ///< crashes, lost links, lost batches, lost answers
    Milliseconds hour{0};  ///< of the day at which it begins: edge's window closes at 12
    Models models = {};    ///< which of them take part where there are faults
};

class World {
public:
    explicit World(WorldOptions options);
    World(const World&) = delete;

    // What people and the test do.
    std::string commit(const AssignmentKey& key, const Spec& spec, bool turn_window = false);
    void remove(const AssignmentKey& key);
    /// The fleet as it was at the beginning, and this version everywhere in it.
    void ask_everywhere(const Spec& spec);
    void run_for(Milliseconds time);
    /// Until nothing is active and nothing on its way, at most this long.
    bool settle(Milliseconds at_most);
    void crash_daemon();
    void start_daemon();
    void lose_store();
    void disconnect(const std::string& agent, Milliseconds back_after);
    void hold_tip(bool held) { feed(engine::GitHeld{held, git_.tip(), "it was forced"}); }
    void heal();
    void check_store();      ///< what is in memory would come back after a crash
    void some_never_rest();  ///< they drift again soon after each action
    void all_rest();         ///< from now on
    /// From now on: what waits for a promote gets one after a while.
    void people_promote(bool promote) { promotes_ = promote; }
    void chaos();  ///< one random fault or wish, and the next one later

    ModelAgent& agent(const std::string& name) { return *agents_.at(name); }
    [[nodiscard]] const std::map<std::string, std::unique_ptr<ModelAgent>>& agents() const {
        return agents_;
    }
    ModelGit& git() { return git_; }
    [[nodiscard]] const engine::State& state() const { return state_; }
    [[nodiscard]] const std::map<std::pair<Table, std::string>, std::string>& rows() const {
        return rows_;
    }
    /// Since the store was last lost.
    [[nodiscard]] const std::vector<AuditEntry>& audit() const { return audit_; }
    [[nodiscard]] Timestamp now() const { return now_; }
    [[nodiscard]] const std::vector<std::string>& violations() const { return checks_.violations; }
    [[nodiscard]] const Counts& counts() const { return counter_.counts; }
    [[nodiscard]] std::uint64_t trace() const { return trace_; }
    [[nodiscard]] const std::deque<std::string>& log() const { return log_; }
    int pick(int from, int to);

    /// `p-1=v2 p-2=v1`: what really is there.
    [[nodiscard]] std::string installed(const AssignmentKey& key);
    /// `introduce v2 rollback, heal v1 success`: oldest first.
    [[nodiscard]] std::string releases(const AssignmentKey& key) const;
    [[nodiscard]] std::string holds(const AssignmentKey& key) const;
    int actions_started();

private:
    struct Link {
        int session = 0;
        bool up = false;
        Timestamp down_last, up_last;  ///< messages keep their order
        std::size_t bytes = 0;         ///< that wait to go down
    };
    struct Later {
        Timestamp at;
        std::uint64_t order;
        std::function<void()> act;
        bool operator<(const Later& other) const {
            return std::pair(at, order) > std::pair(other.at, other.order);
        }
    };

    void later(Milliseconds after, std::function<void()> act);
    void note(std::string line);
    bool is_busy();
    [[nodiscard]] bool waits_for_a_person(const AssignmentKey& key) const;

    // the daemon
    [[nodiscard]] Timestamp wall() const { return now_ + daemon_off_; }
    void daemon_later(Milliseconds after, std::function<void()> act);
    void answer_later(int from, int to, engine::Event event);
    void feed(const engine::Event& event);
    [[nodiscard]] Clocks clocks();
    [[nodiscard]] std::unique_ptr<daemon::EffectQueue> make_effects();
    void perform(engine::Effect& effect);
    [[nodiscard]] bool overflows(const std::string& agent, const engine::Send& send);
    void perform_one(const engine::Persist&) {}
    void perform_one(const engine::Send& send);
    void perform_one(const engine::Ask& ask);
    void answer(std::uint64_t id, const engine::RevertRequest& question);
    void answer(std::uint64_t id, const engine::LoadDefinition& question);
    void answer(std::uint64_t id, const engine::FindLastGood& question);
    void perform_one(const engine::WakeAt& wake);
    void perform_one(const engine::Notify&) {}
    void perform_one(const engine::Publish&) {}
    void arm_wake();
    void submit(Batch batch, StoreWorker::Done done);
    [[nodiscard]] Milliseconds store_takes();
    void write(const Batch& batch);
    [[nodiscard]] std::set<std::string> own_commits() const;
    void poll();
    void take_in_tip();

    // the network
    void ensure_agents();
    void connect(const std::string& agent);
    void cut(const std::string& agent);
    void up(const std::string& agent, const machine::Effect& effect);
    [[nodiscard]] machine::Input input_of(const engine::Send& send);
    void check_removal(const engine::Send& send);
    void check_drained(const engine::Send& send);

    // people and faults
    void land(const std::string& what, const Edits& edits);
    void person_commits();
    void person_promotes();
    void person_pins(const AssignmentKey& key, Spec& spec);
    void person_pins_all(const AssignmentKey& key, Spec& spec);
    void person_writes_version(const AssignmentKey& key, Spec& spec);
    void person_shapes_history();
    void person_merges(bool wrong_way);
    void person_breaks_a_file();
    void person_notes();
    void person_moves_fleet();
    [[nodiscard]] Edits some_version();
    [[nodiscard]] Edits some_script();
    [[nodiscard]] AssignmentKey some_assignment();
    [[nodiscard]] std::string some_agent();
    void agent_dies(const std::string& who);
    void links_fail();
    void clocks_jump();
    void host_has_trouble(const std::string& who);
    void agent_is_lost(const std::string& who);
    void agent_is_revoked(const std::string& who);
    void store_is_lost();

    WorldOptions options_;
    std::mt19937_64 random_;
    Timestamp now_;
    std::uint64_t order_ = 0;
    std::priority_queue<Later> queue_;
    ModelGit git_;
    std::map<std::string, std::unique_ptr<ModelAgent>> agents_;
    std::map<std::string, Link> links_;
    std::set<std::string> begun_;    ///< actions that were sent once
    std::set<std::string> revoked_;  ///< agents, as the store has them
    bool faults_ = false;
    bool promotes_ = true;

    bool daemon_up_ = false;
    int daemon_life_ = 0;
    Milliseconds daemon_off_{};  ///< of its wall clock
    std::uint64_t epoch_ = 1000;
    engine::Life life_;
    engine::State state_;
    std::unique_ptr<daemon::EffectQueue> effects_;
    engine::WakeAt wake_at_;
    std::uint64_t wakes_ = 0;  ///< only the last timer rings
    std::map<std::pair<Table, std::string>, std::string> rows_;
    std::vector<AuditEntry> audit_;
    ModelSource source_;
    std::string polled_;
    Timestamp store_stuck_until_;
    Checks checks_;
    Counter counter_;

    std::uint64_t trace_ = 14695981039346656037ULL;
    std::deque<std::string> log_;
};

}  // namespace tidegate::simulation
