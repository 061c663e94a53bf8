#pragma once
/// One host's state machine: what the daemon asks for and what happened on the host come in,
/// what is to be done goes out. Pure: the journal, processes and the link belong to the caller.
///
///     Run ─→ [fence, dedupe, queue] ─→ JournalIntent ─durable→ Start ─→ Finished
///         ─→ JournalOutcome ─durable→ Report ─→ Ack ─→ Forget
///     after a crash: intent without outcome ─→ Kill what is left ─→ Probe ─→ done | unknown
///
/// Promise (invariant 1): an action takes effect at most once. Its intent is durable before it
/// starts; whatever has an intent is never started again.

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "schema/model/agent.h"

namespace tidegate::machine {

// ---- in

/// From the daemon.
struct RunCommand {
    std::uint64_t epoch = 0;
    Action action;
};
struct CancelCommand {
    std::uint64_t epoch = 0;
    std::string action;
};
struct AckCommand {
    std::vector<std::string> actions;
};
/// From Welcome: the epoch of the daemon that speaks.
struct WelcomeCommand {
    std::uint64_t epoch = 0;
};
/// From the host. The intent (outcome) of that action is on disk (fsync).
struct IntentDurable {
    std::string action;
};
struct OutcomeDurable {
    std::string action;
};
/// What the host made of a started action: outcome, error, stages; unless it left everything
/// untouched the machine makes the installation record itself.
struct Finished {
    std::string action;
    ActionOutcome outcome = ActionOutcome::done;
    std::string error;
    std::vector<StageResult> stages;
    std::optional<Timestamp> at;  ///< wall clock; shown, never compared
    bool untouched = false;       ///< refused or cancelled before anything of it ran
    /// What lies in BACKUP_DIR after it; nullopt = nobody looked, what was known stays.
    std::optional<std::vector<Backup>> backups = std::nullopt;
};
/// What the probe of an interrupted action found.
enum class ProbeAnswer { new_version, old_version, unknown };
struct Probed {
    std::string action;
    ProbeAnswer answer = ProbeAnswer::unknown;
    std::optional<std::vector<Backup>> backups = std::nullopt;  ///< as in Finished
    std::optional<Timestamp> at = std::nullopt;                 ///< as in Finished
};
/// A drift check's finding; not drifted with a reason: nobody can tell.
struct DriftSeen {
    InstallKey key;
    bool drifted = false;
    std::string reason;
};
/// Time goes by: queued actions past their start_within are refused. Call at next_wake().
struct Tick {};

using Input = std::variant<RunCommand, CancelCommand, AckCommand, WelcomeCommand, IntentDurable,
                           OutcomeDurable, Finished, Probed, DriftSeen, Tick>;

// ---- out

/// Write and fsync, then answer IntentDurable. Nothing of the action may happen before.
struct JournalIntent {
    Action action;
    std::uint64_t epoch = 0;
};
/// Write and fsync, then answer OutcomeDurable. Holds the installation after it.
struct JournalOutcome {
    ActionResult result;
};
/// Write and fsync, nobody waits for it: the highest epoch seen. Lost in a crash of the host, an
/// older daemon would be obeyed again.
struct JournalEpoch {
    std::uint64_t epoch = 0;
};
/// Write (fsync not needed): an installation's drift, a forgotten action.
struct JournalInstallation {
    Installation installation;
};
struct JournalForget {
    std::string action;
};
/// Run the action to its end (installs or updates by `current`), then answer Finished.
struct Start {
    Action action;
    Installation current;
};
/// End the action's processes; Finished comes with outcome cancelled (or what it reached).
struct Kill {
    std::string action;
};
/// End what may still run of an interrupted action, run its probe script, answer Probed.
struct Probe {
    Action action;
};
/// To the daemon, if the link is up. Unacknowledged ones are also in the next inventory.
struct ReportResult {
    ActionResult result;
};
struct ReportChanged {
    Installation installation;
};
/// To the daemon: its epoch is older than `highest`; nothing was done.
struct ReportFenced {
    std::uint64_t highest = 0;
};

using Effect =
    std::variant<JournalIntent, JournalOutcome, JournalEpoch, JournalInstallation, JournalForget,
                 Start, Kill, Probe, ReportResult, ReportChanged, ReportFenced>;
using Effects = std::vector<Effect>;

/// What the journal holds, read back at start. Later records of one key replace earlier ones.
struct Records {
    std::uint64_t epoch = 0;
    std::vector<Installation> installations;
    struct Entry {
        Action action;  ///< only its id where it was refused or cancelled before its intent
        std::optional<ActionResult> result;  ///< none: it was interrupted
        bool acknowledged = false;           ///< kept for answering duplicates
    };
    std::vector<Entry> actions;  ///< oldest first
};

/// Owned by the agent's daemon, used on its loop thread.
class Machine {
public:
    Machine() = default;
    /// From the journal; `boot` then probes what was interrupted.
    explicit Machine(Records records);

    /// To be called once after construction: Probe for each interrupted action.
    [[nodiscard]] Effects boot();
    /// `now` is a monotonic clock's reading as an instant; only differences are used.
    [[nodiscard]] Effects step(const Input& input, Timestamp now);

    /// What goes up after Hello: installations, actions in progress, results without an Ack.
    [[nodiscard]] Inventory inventory() const;
    [[nodiscard]] std::uint64_t highest_epoch() const { return epoch_; }
    /// An action of that installation has begun and its outcome is not durable yet.
    [[nodiscard]] bool busy(const InstallKey& key) const;
    /// When the next queued action expires.
    [[nodiscard]] std::optional<Timestamp> next_wake() const;

private:
    enum class Phase { queued, journaling, running, probing, recording, done };
    struct Job {
        Action action;
        Phase phase = Phase::queued;
        Timestamp expires;       ///< queued: not started after this
        bool cancelled = false;  ///< Cancel came before the start
        bool acknowledged = false;
        std::optional<ActionResult> result;
    };

    Effects handle(const RunCommand& command, Timestamp now);
    Effects handle(const CancelCommand& command, Timestamp now);
    Effects handle(const AckCommand& command, Timestamp now);
    Effects handle(const WelcomeCommand& command, Timestamp now);
    Effects handle(const IntentDurable& input, Timestamp now);
    Effects handle(const OutcomeDurable& input, Timestamp now);
    Effects handle(const Finished& input, Timestamp now);
    Effects handle(const Probed& input, Timestamp now);
    Effects handle(const DriftSeen& input, Timestamp now);
    Effects handle(const Tick& input, Timestamp now);

    [[nodiscard]] bool accept_epoch(std::uint64_t epoch, Effects& out);
    [[nodiscard]] Job* find(const std::string& action);
    void start_queued(Timestamp now, Effects& out);
    void conclude(Job& job, ActionResult result, Installation after, Effects& out);
    void end_unstarted(Job& job, ActionOutcome outcome, std::string error, Effects& out);
    [[nodiscard]] Installation current(const InstallKey& key) const;
    void forget_old(Effects& out);

    std::uint64_t epoch_ = 0;
    std::map<InstallKey, Installation> installations_;
    std::map<std::string, Job> jobs_;
    std::deque<std::string> order_;    ///< of arrival
    std::vector<std::string> queued_;  ///< those that may still start; oldest first
};

}  // namespace tidegate::machine
