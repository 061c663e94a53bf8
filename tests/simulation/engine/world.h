#pragma once
/// Engine, agents, store, Git and network on one virtual clock. One seed, one course of events.

#include <deque>
#include <queue>
#include <random>

#include "reconciler/engine/engine.h"
#include "reconciler/engine/life.h"
#include "tests/simulation/engine/checks.h"
#include "tests/simulation/engine/model_agent.h"
#include "tests/simulation/engine/model_git.h"

namespace tidegate::simulation {

struct WorldOptions {
    std::uint64_t seed = 1;
    Fleet fleet = usual_fleet();
    bool faults = false;   ///< crashes, lost links, lost batches, lost answers
    Milliseconds hour{0};  ///< of the day at which it begins: edge's window closes at 12
};

class World {
public:
    explicit World(WorldOptions options);
    World(const World&) = delete;

    // What people and the test do.
    std::string commit(const AssignmentKey& key, const Spec& spec, bool turn_window = false);
    void remove(const AssignmentKey& key);
    void run_for(Milliseconds time);
    /// Until nothing is active and nothing on its way, at most this long.
    bool settle(Milliseconds at_most);
    void crash_daemon();
    void start_daemon();
    void lose_store();
    void disconnect(const std::string& agent, Milliseconds back_after);
    void hold_tip(bool held) { feed(engine::GitHeld{held, git_.tip(), "it was forced"}); }
    void heal();
    void check_store();  ///< what is in memory would come back after a crash
    void chaos();        ///< one random fault or wish, and the next one later

    ModelAgent& agent(const std::string& name) { return *agents_.at(name); }
    ModelGit& git() { return git_; }
    [[nodiscard]] const engine::State& state() const { return state_; }
    [[nodiscard]] Timestamp now() const { return now_; }
    [[nodiscard]] const std::vector<std::string>& violations() const { return checks_.violations; }
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
    void daemon_later(int from, int to, engine::Event event);
    [[nodiscard]] Clocks clocks();
    void feed(const engine::Event& event);
    void perform(const engine::Effect& effect);
    void perform_send(const engine::Send& send);
    bool commit_batch(const Batch& batch);
    void poll();
    void connect(const std::string& agent);
    void cut(const std::string& agent);
    void up(const std::string& agent, const machine::Effect& effect);
    void note(std::string line);
    void person_commits();
    void person_pins(const AssignmentKey& key, Spec& spec);

    WorldOptions options_;
    std::mt19937_64 random_;
    Timestamp now_;
    std::uint64_t order_ = 0;
    std::priority_queue<Later> queue_;
    ModelGit git_;
    std::map<std::string, std::unique_ptr<ModelAgent>> agents_;
    std::map<std::string, Link> links_;
    bool faults_ = false;

    bool daemon_up_ = false;
    int daemon_life_ = 0;
    std::uint64_t epoch_ = 1000;
    engine::Life life_;
    engine::State state_;
    std::map<std::pair<Table, std::string>, std::string> rows_;
    std::string polled_;
    Checks checks_;

    std::uint64_t trace_ = 14695981039346656037ULL;
    std::deque<std::string> log_;
};

}  // namespace tidegate::simulation
