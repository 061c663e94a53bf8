#pragma once
/// What the status endpoint, the metrics and the web page show: one immutable value, made of
/// shared parts. Publishing one copies pointers and replaces only the parts that changed.
/// The engine's loop writes, HTTP threads read the newest; neither waits for the other.

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "schema/model/documents.h"
#include "schema/model/release.h"

namespace tidegate {

/// Numbers that only grow, or gauges of the daemon itself; named as in docs/metrics.md.
struct DaemonCounters {
    std::uint64_t polls = 0;
    std::uint64_t poll_failures = 0;
    std::uint64_t commits_accepted = 0;
    std::uint64_t commits_held = 0;
    std::uint64_t config_errors = 0;  ///< gauge: errors at the tip
    std::uint64_t reverts_pushed = 0;
    std::uint64_t reverts_failed = 0;
    std::uint64_t actions_sent = 0;
    std::map<std::string, std::uint64_t> actions_ended;   ///< by outcome
    std::map<std::string, std::uint64_t> releases_ended;  ///< by final status
    std::uint64_t alerts = 0;
    std::uint64_t agents_refused = 0;
    std::uint64_t enrolments_refused = 0;
    std::uint64_t initials_dropped = 0;  ///< of new connections, for want of room
    std::uint64_t engine_steps = 0;
    double engine_seconds = 0;  ///< spent inside the engine
    std::uint64_t store_commits = 0;
    double store_seconds = 0;
};

struct StatusSnapshot {
    std::uint64_t generation = 0;  ///< grows with every publication; makes ETags and stream ids
    std::string version;           ///< of the daemon
    std::string branch;
    Timestamp started_at;
    std::uint64_t epoch = 0;
    bool fenced = false;  ///< an agent has seen a newer reconciler: nothing is dispatched
    bool ready = false;   ///< a commit was accepted
    ConfigStatus config;
    std::shared_ptr<const DocumentTree> documents;  ///< of the accepted commit
    std::shared_ptr<const Desired> desired;
    std::map<AssignmentKey, std::shared_ptr<const AssignmentView>> assignments;
    /// Why a failure of an assignment's active release would undo nothing; of others it would.
    std::map<AssignmentKey, std::string> stays;
    std::map<std::string, std::shared_ptr<const Release>> releases;  ///< by id
    std::map<std::string, std::shared_ptr<const TargetView>> targets;
    int agents_online = 0;
    int agents_known = 0;       ///< that the config names or that are enrolled
    std::string store_trouble;  ///< why the store takes no writes at the moment; empty = it does
    DaemonCounters counters;
};
using SnapshotPtr = std::shared_ptr<const StatusSnapshot>;

}  // namespace tidegate
