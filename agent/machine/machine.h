#pragma once
/// One host's state machine: what the daemon asks for and what happened on the host come in,
/// what is to be done goes out. Pure: the journal, processes and the link belong to the caller.
///
///     Run ─→ [fence, dedupe, queue] ─→ JournalIntent ─durable→ Start ─→ Finished
///         ─→ JournalOutcome ─durable→ Report ─→ Ack ─→ Forget
///     after a crash: intent without outcome ─→ Probe (what is left is ended) ─→ failed | unknown
///                                                └→ suspended ─Run again→ Start of the rest
///
/// An action of kind verify (a watch) looks only. It leaves the installation's record as it is,
/// drift is seen meanwhile, a newer action of its installation ends it, and so does a crash.
/// Routes are desired state and no actions: routes.h.
///
/// Promise (invariant 1): an action takes effect at most once. Its intent is durable before it
/// starts; of whatever has an intent only what is known not to have begun, and what may be done
/// twice, is ever run again (progress.h), and that only while the daemon still wants it.

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "agent/machine/progress.h"
#include "agent/machine/routes.h"
#include "schema/model/agent.h"

namespace tidegate::machine {

/// A way back: to last good, or by an uninstall to absent.
[[nodiscard]] inline bool is_restore(const Action& action) {
    return action.kind == ActionKind::rollback || action.rejected.has_value();
}
[[nodiscard]] inline bool is_watch(const Action& action) {
    return action.kind == ActionKind::verify;
}

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
    /// It says of each suspended action whether it is to go on. One that does not (an older build)
    /// wants whatever it does not cancel.
    bool answers_suspended = false;
};
/// From the host. The intent (outcome) of that action is on disk (fsync).
struct IntentDurable {
    std::string action;
};
struct OutcomeDurable {
    std::string action;
};
/// It cannot be written, for the disk has no room: nothing of the action may begin.
struct IntentFailed {
    std::string action;
    std::string why;
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
    std::string host_trouble = {};  ///< refused and untouched: what of the host is in the way
};
/// What the probe of an interrupted action found.
enum class ProbeAnswer { new_version, old_version, unknown };
struct Probed {
    std::string action;
    ProbeAnswer answer = ProbeAnswer::unknown;  ///< where nobody was to be asked: unknown
    std::optional<std::vector<Backup>> backups = std::nullopt;  ///< as in Finished
    std::optional<Timestamp> at = std::nullopt;                 ///< as in Finished
    bool survivors = false;  ///< something of it could not be ended
};
/// A drift check's finding; not drifted with a reason: nobody can tell. Reported when it is another
/// than before; drift also once more when the next check finds the same (kSecondLookCapability),
/// and once more after each Welcome.
struct DriftSeen {
    InstallKey key;
    bool drifted = false;
    std::string reason;
};
/// The agent is about to end. From now on nothing new begins: what is asked for is forgotten as if
/// it had never come, for the daemon sends again what the next process does not know.
struct Stopping {};
/// Time goes by: queued actions past their start_within are refused. Call at next_wake().
struct Tick {};

using Input = std::variant<RunCommand, CancelCommand, AckCommand, WelcomeCommand, IntentDurable,
                           IntentFailed, OutcomeDurable, Finished, Probed, DriftSeen,
                           SetRouteCommand, RouteDurable, RouteUnkept, RouteLooked, Stopping, Tick>;

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
/// The same: the daemon has these outcomes. Lost in a crash of the host, they are told once more.
struct JournalAcks {
    std::vector<std::string> actions;
};
/// Run the action to its end (installs or updates by `current`), then answer Finished.
struct Start {
    Action action;
    Installation current;
    /// Of an interrupted one what is done already; the rest runs, if its deadline holds. None: it
    /// never began.
    std::optional<Progress> resumed = std::nullopt;
};
/// End the action's processes; Finished comes with outcome cancelled (or what it reached).
struct Kill {
    std::string action;
};
/// End what may still run of an interrupted action, run its probe script if `ask`, answer Probed.
struct Probe {
    Action action;
    bool ask = true;
};
/// To the daemon, if the link is up. Unacknowledged ones are also in the next inventory, but those
/// with host trouble: of these nothing is kept, so that the same action can come again.
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
                 JournalAcks, JournalRoute, JournalForgetRoute, Start, Kill, Probe, ApplyRoute,
                 DropRoute, ReportResult, ReportChanged, ReportFenced, ReportRoute>;
using Effects = std::vector<Effect>;

/// What the journal holds, read back at start. Later records of one key replace earlier ones.
struct Records {
    std::uint64_t epoch = 0;
    std::vector<Installation> installations;
    struct Entry {
        Action action;  ///< only its id where it was refused or cancelled before its intent
        std::optional<ActionResult> result;  ///< none: it was interrupted
        bool acknowledged = false;           ///< kept for answering duplicates
        Progress progress = {};              ///< of one that was interrupted
    };
    std::vector<Entry> actions;  ///< oldest first
    std::vector<Route> routes = {};
};

/// Owned by the agent's daemon, used on its loop thread.
class Machine {
public:
    Machine() = default;
    /// From the journal; `boot` then probes what was interrupted.
    explicit Machine(Records records);

    /// To be called once after construction: Probe for each interrupted action, the outcome of each
    /// interrupted watch, ApplyRoute for each route.
    [[nodiscard]] Effects boot();
    /// `now` is a monotonic clock's reading as an instant; only differences are used.
    [[nodiscard]] Effects step(const Input& input, Timestamp now);

    /// What goes up after Hello: installations, actions in progress, results without an Ack,
    /// routes.
    [[nodiscard]] Inventory inventory() const;
    [[nodiscard]] std::uint64_t highest_epoch() const { return epoch_; }
    /// An action of that installation, which is no watch, has begun and its outcome is not durable
    /// yet.
    [[nodiscard]] bool busy(const InstallKey& key) const;
    [[nodiscard]] bool keeps(const RouteId& id) const { return routes_.keeps(id); }
    /// Nothing is on its way to the host or to the disk; what is suspended does not count.
    [[nodiscard]] bool at_rest() const;
    /// When the next queued action expires.
    [[nodiscard]] std::optional<Timestamp> next_wake() const;

private:
    enum class Phase { queued, journaling, running, probing, suspended, recording, done };
    struct Job {
        Action action;
        Phase phase = Phase::queued;
        Timestamp expires;       ///< queued: not started after this
        bool cancelled = false;  ///< Cancel came before the start
        bool replaced = false;   ///< a watch: a newer action came
        bool wanted = false;     ///< probing: the daemon wants the rest of it
        bool acknowledged = false;
        std::optional<ActionResult> result;
        Progress progress;  ///< probing, suspended
    };

    Effects handle(const RunCommand& command, Timestamp now);
    Effects handle(const CancelCommand& command, Timestamp now);
    Effects handle(const AckCommand& command, Timestamp now);
    Effects handle(const WelcomeCommand& command, Timestamp now);
    Effects handle(const IntentDurable& input, Timestamp now);
    Effects handle(const IntentFailed& input, Timestamp now);
    Effects handle(const OutcomeDurable& input, Timestamp now);
    Effects handle(const Finished& input, Timestamp now);
    Effects handle(const Probed& input, Timestamp now);
    Effects handle(const DriftSeen& input, Timestamp now);
    Effects handle(const SetRouteCommand& command, Timestamp now);
    Effects handle(const RouteDurable& input, Timestamp now);
    Effects handle(const RouteUnkept& input, Timestamp now);
    Effects handle(const RouteLooked& input, Timestamp now);
    Effects handle(const Stopping& input, Timestamp now);
    Effects handle(const Tick& input, Timestamp now);

    [[nodiscard]] bool accept_epoch(std::uint64_t epoch, Effects& out);
    [[nodiscard]] Job* find(const std::string& action);
    /// Whether one that has begun there, and is not done, is of those.
    [[nodiscard]] bool has_begun(const InstallKey& key, bool watches_too) const;
    [[nodiscard]] bool watches_enough() const;
    void start_queued(Timestamp now, Effects& out);
    void end_watches(const InstallKey& key, Effects& out);
    void watch_ended(Job& job, const Finished& input, Effects& out);
    void resume(Job& job, Effects& out);
    void close(const Job& job);  ///< it is done, or gone
    /// It never began: as if it had never come.
    void drop(const std::string& action, Effects& out);
    /// The same, with the reason to the daemon, which may send it again.
    void refuse(const Job& job, const std::string& host_trouble, Effects& out);
    /// It was interrupted, and ends so.
    void end_interrupted(Job& job, ActionOutcome outcome, const std::string& error,
                         const Probed& found, Effects& out);
    void conclude(Job& job, ActionResult result, Installation after, Effects& out);
    void end_unstarted(Job& job, ActionOutcome outcome, std::string error, Effects& out);
    [[nodiscard]] Installation current(const InstallKey& key) const;
    void forget_old(Effects& out);

    std::uint64_t epoch_ = 0;
    bool stopping_ = false;
    std::map<InstallKey, Installation> installations_;
    /// That drifted, and were reported so twice, once of them since the last Welcome: a daemon may
    /// have heard neither.
    std::set<InstallKey> seen_twice_;
    std::map<std::string, Job> jobs_;
    std::multimap<InstallKey, std::string> open_;  ///< of jobs_, those that are not done
    std::deque<std::string> order_;                ///< of arrival
    std::vector<std::string> queued_;              ///< those that may still start; oldest first
    Routes routes_;
};

}  // namespace tidegate::machine
