#pragma once
/// A host: the real state machine, a journal that loses what was not synced, and processes that
/// take time, fail for bad versions, and live on when the agent dies: until they are done, or until
/// the next agent ends them.

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "agent/machine/machine.h"
#include "tests/simulation/engine/models.h"

namespace tidegate::simulation {

/// What the host needs of the world around it.
struct HostPorts {
    std::function<void(Milliseconds after, std::function<void()>)> later;
    std::function<void(const machine::Effect&)> report;  ///< up to the daemon, if linked
    std::function<void(const std::string&)> violation;
    std::function<Timestamp()> now;
    std::function<int(int from, int to)> pick;
};

class ModelAgent {
public:
    ModelAgent(std::string name, HostPorts ports)
        : name_(std::move(name)), ports_(std::move(ports)) {}

    void feed(const machine::Input& input);
    /// `processes_live`: what it has started goes on without it.
    void crash(bool processes_live = false);
    void start();
    [[nodiscard]] bool up() const { return up_; }
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] Inventory inventory() const { return machine_.inventory(); }
    [[nodiscard]] std::uint64_t epoch() const { return machine_.highest_epoch(); }
    [[nodiscard]] const machine::Records& journal() const { return journal_; }
    void drift(int pick);

    bool moody = false;        ///< refuses now and then, as its host's rules may
    bool faulty = true;        ///< bad versions fail; false in scenarios of healing
    Milliseconds clock_off{};  ///< of its wall clock, which is shown and never compared
    std::size_t workers = 0;   ///< processes at once; 0: any number
    bool probes_see_bad = true;
    bool looks_twice = false;  ///< at what it found drifted
    Timestamp troubled_until;  ///< its disk is full

    /// What really is there.
    struct Thing {
        std::string version;
        Digest digest;  ///< of all that defines it; empty: nothing is there
    };
    std::map<InstallKey, Thing> real;
    /// What the balancers that it acts for do, whether it lives or not.
    std::map<machine::RouteId, Route> in_force;
    int starts = 0;
    /// Installations that drift again soon after each action.
    std::set<InstallKey> restless;

private:
    struct Process {
        Action action;
        int life = 0;  ///< of the agent that started it
    };

    void apply(const machine::Effects& effects);
    void apply(const machine::JournalIntent& effect);
    void apply(const machine::JournalOutcome& effect);
    void apply(const machine::JournalEpoch& effect) { journal_.epoch = effect.epoch; }
    void apply(const machine::JournalInstallation& effect);
    void apply(const machine::JournalForget& effect);
    void apply(const machine::JournalAcks& effect);
    void apply(const machine::JournalRoute& effect);
    void apply(const machine::JournalForgetRoute& effect);
    void apply(const machine::ApplyRoute& effect);
    void apply(const machine::DropRoute& effect);
    void apply(const machine::Start& effect);
    void apply(const machine::Kill& effect);
    void apply(const machine::Probe& effect);
    void apply(const machine::ReportResult& effect) { ports_.report(effect); }
    void apply(const machine::ReportChanged& effect) { ports_.report(effect); }
    void apply(const machine::ReportFenced& effect) { ports_.report(effect); }
    void apply(const machine::ReportRoute& effect) { ports_.report(effect); }

    void after(int from, int to, std::function<void()> act);
    void host_after(int from, int to, std::function<void()> act);
    void begin(const Action& action);
    void watch(const Action& action);
    void refuse_for_trouble(const Action& action);
    void begin_waiting();
    void write(const std::string& action, bool at_its_end);
    void end(const std::string& action);
    void finish(const std::string& action, ActionOutcome outcome, const std::string& error);
    void drift_again(const InstallKey& key);
    void look_again(const InstallKey& key, int times = 10);
    bool refuses(const Action& action);
    [[nodiscard]] machine::ProbeAnswer look(const Action& action);
    machine::Records::Entry* entry(const std::string& id);

    std::string name_;
    HostPorts ports_;
    machine::Machine machine_;
    machine::Records journal_;
    std::map<machine::RouteId, std::uint64_t> applied_;  ///< tickets of routes
    std::map<std::string, int> started_;
    std::map<std::string, Process> processes_;  ///< alive, by action
    std::deque<Action> waiting_;                ///< for a worker
    std::set<std::string> watching_;            ///< actions of kind verify
    std::map<std::string, bool> refused_;       ///< by action; in the journal of a real one
    bool up_ = true;
    int life_ = 0;
};

}  // namespace tidegate::simulation
