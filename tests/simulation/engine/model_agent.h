#pragma once
/// A host: the real state machine, a journal that loses what was not synced, and scripts that take
/// time, fail for bad versions, and leave anything behind when the agent dies under them.

#include <functional>
#include <map>
#include <random>
#include <string>

#include "agent/machine/machine.h"

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
    void crash();
    void start();
    [[nodiscard]] bool up() const { return up_; }
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] Inventory inventory() const { return machine_.inventory(); }
    [[nodiscard]] std::uint64_t epoch() const { return machine_.highest_epoch(); }
    void drift(int pick);

    bool moody = false;                      ///< refuses now and then, as its host's rules may
    bool faulty = true;                      ///< bad versions fail; false in scenarios of healing
    std::map<InstallKey, std::string> real;  ///< what really is there
    int starts = 0;

private:
    void apply(const machine::Effects& effects);
    void apply(const machine::JournalIntent& effect);
    void apply(const machine::JournalOutcome& effect);
    void apply(const machine::JournalEpoch& effect) { journal_.epoch = effect.epoch; }
    void apply(const machine::JournalInstallation& effect);
    void apply(const machine::JournalForget& effect);
    void apply(const machine::JournalAcks& effect);
    void apply(const machine::Start& effect);
    void apply(const machine::Kill& effect);
    void apply(const machine::Probe& effect);
    void apply(const machine::ReportResult& effect) { ports_.report(effect); }
    void apply(const machine::ReportChanged& effect) { ports_.report(effect); }
    void apply(const machine::ReportFenced& effect) { ports_.report(effect); }

    void after(int from, int to, std::function<void()> act);
    void finish(const Action& action, ActionOutcome outcome, const std::string& error);
    bool refuses(const Action& action);
    machine::Records::Entry* entry(const std::string& id);

    std::string name_;
    HostPorts ports_;
    machine::Machine machine_;
    machine::Records journal_;
    std::map<std::string, int> started_;
    std::map<InstallKey, std::string> running_;
    std::map<std::string, bool> killed_;
    std::map<std::string, bool> refused_;  ///< by action; in the journal of a real one
    bool up_ = true;
    int life_ = 0;
};

}  // namespace tidegate::simulation
