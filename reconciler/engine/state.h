#pragma once
/// Everything the engine knows, as plain values. Owned by the daemon's loop; only engine.h's
/// functions change it. What must survive a crash is in the store's rows (see restore()); the rest
/// comes again from Git and from the agents.

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "reconciler/engine/alarms.h"
#include "reconciler/engine/question.h"
#include "schema/base/once_a_minute.h"
#include "schema/model/assignment.h"
#include "schema/model/release.h"
#include "schema/model/store.h"

namespace tidegate::engine {

/// One agent as last heard. Only the named agent's reports count for a target (design, 4.4).
struct AgentState {
    bool online = false;
    bool revoked = false;  ///< until it connects again, enrolled anew: it is not waited for
    std::string boot_id;
    OnceAMinute said;                ///< by kind of notice: what it can repeat
    int runs_at_once = 0;            ///< actions; 0: it does not say
    bool looks_twice = false;        ///< kSecondLookCapability
    bool watches = false;            ///< kVerifyCapability
    bool knows_slots = false;        ///< kSlotsCapability
    std::set<RouterType> routers{};  ///< whose routes it takes
    /// What it last said of each that it keeps, by assignment and router target.
    std::map<std::pair<AssignmentKey, std::string>, RouteReport> routes{};
    /// The newest revision of each that was sent over its present link.
    std::map<std::pair<AssignmentKey, std::string>, std::uint64_t> routes_sent{};
    std::optional<Timestamp> seen_at;  ///< connect or disconnect; none: not since this start
    std::optional<Lived> lost_at;      ///< its last disconnect since this start
    /// Before its first inventory of this daemon's life: hints from the store, shown only.
    std::map<InstallKey, Installation> installations;
    bool overflowed = false;  ///< it reported more than are taken in, and people were told
};

/// A question to be asked, until its answer brings what is needed (ask.h).
struct Inquiry {
    std::uint64_t id = 0;  ///< as which it is being asked; 0 = it is not
    int failures = 0;      ///< answers that did not bring it
    Lived again_at;        ///< it is not asked, or not anew, before
};

/// A definition that is read from Git.
struct Loading {
    Inquiry inquiry;
    std::string gone;  ///< it is not there (any more), and why
};

/// Of targets that are taken out of traffic (drain.h). In no row: after a restart it begins anew.
struct Drains {
    std::set<std::string> asked;           ///< in this look: something is to be done to them
    std::set<std::string> leaving;         ///< of those: they go out at its end
    std::optional<int> serving;            ///< in this look, without the leaving ones
    std::map<std::string, Lived> since;    ///< they are asked for, or out
    std::map<std::string, Lived> at_zero;  ///< routers have had it in force since then
    std::optional<Lived> late_since{};     ///< routers have not the route of now in force
    bool told = false;                     ///< people were
};

struct AssignmentState {
    AssignmentPtr wish;    ///< as accepted now; null: no longer in Git
    AssignmentPtr former;  ///< the last non-null wish before: how to reach targets that left
    std::map<std::string, std::size_t> target_index;  ///< of wish->targets, by name
    /// Targets that left the wish, with their agents, while something of it is there (orphaned) or
    /// on its way there.
    std::map<std::string, std::string> departed;
    bool targets_changed = false;  ///< the wish is new: releases may hold targets that left
    std::optional<GoodState> good;
    std::optional<Sides> sides;  ///< none: it has neither slots nor traffic
    Drains drains;
    std::string routed_at;  ///< the accepted commit whose traffic its route last followed
    std::set<std::string>
        servers_leaving{};  ///< that left Git, and get nothing by the route of now
    /// A store that knows nothing of the assignment may be a lost one: agents are asked first.
    bool recalled = false;
    Inquiry recalling;  ///< of FindLastGood
    /// Definitions other than the wish's that are needed, by digest: last good, or a failed one.
    std::map<Digest, DefinitionPtr> definitions;
    std::map<std::string, Loading> loading;  ///< by commit

    std::vector<std::string> releases;  ///< ids, oldest first
    std::set<std::string> in_flight;    ///< actions in the outbox
    std::set<std::string> owing;        ///< rolled back, but not on targets that are away
    std::string active;                 ///< at most one (invariant 5); empty = none
    std::string beside;       ///< upkeep that goes on while the active one only waits; empty = none
    std::string pending;      ///< the next one, held by gates
    std::vector<Hold> holds;  ///< why nothing (more) happens, as of the last look
    std::map<std::string, Timestamp> behind;  ///< targets, and since when (behind.h)
    std::optional<Timestamp> looked_at;
    /// It left Git, and nothing is expected of it any more: when it was last active.
    std::optional<Timestamp> gone;
};

/// A revert that is not finished.
struct RevertJob {
    Inquiry inquiry;
    std::string prepared;  ///< the commit to push next; empty = to be made
};

struct State {
    std::uint64_t epoch = 0;
    /// A forecast: no rows and no audit are made, and of what is published only the holds.
    bool imagined = false;
    Lived started_at;
    Timestamp last_step;    ///< by the wall clock
    Milliseconds ahead{0};  ///< of the wall clock, before Lived once it counts; for people only
    Lived lived_stored;     ///< as the newest batch has it
    bool fenced = false;    ///< an agent has seen a newer daemon
    std::string git_hold;   ///< non-empty: the tip is held, and why

    std::shared_ptr<const Desired> desired;
    std::map<AssignmentKey, AssignmentState> assignments;
    std::map<std::string, AgentState> agents;
    std::map<std::string, Release> releases;          ///< by id
    std::map<std::string, OutboxEntry> outbox;        ///< by action id
    std::map<InstallKey, std::string> outbox_by_key;  ///< the one action on its way there
    std::set<std::string> cancelled;                  ///< actions a Cancel was sent for
    std::set<std::string> leaving;    ///< actions whose Run waits for the store: not begun
    std::map<std::string, int> left;  ///< by active release: the last step of which a Run left
    std::map<std::string, std::set<std::string>> sent_to;  ///< agent → actions in the outbox
    /// Of imagined actions, whose contents nobody runs and which are kept without them: what they
    /// would take at most.
    std::map<std::string, std::size_t> imagined_bytes;
    std::map<std::pair<AssignmentKey, Digest>, Quarantine> quarantines;
    std::map<InstallKey, Block> blocks;
    /// Not persisted: a daemon that knows of none asks the host again.
    std::map<InstallKey, HostTrouble> troubles;
    std::map<std::string, RevertJob> reverts;      ///< by release id
    std::map<std::string, Timestamp> own_reverts;  ///< that were made, by release id
    /// Whose revert is being made or pushed; empty = nobody's. One at a time, so that they do not
    /// lose the race to one another.
    std::string reverting;

    std::uint64_t last_ask = 0;                   ///< the newest Ask's id
    std::map<std::uint64_t, Question> questions;  ///< that were asked and not answered

    /// Agent → assignments whose targets it serves → their names; none is empty.
    std::map<std::string, std::map<AssignmentKey, std::set<std::string>>> by_agent;
    /// Agent → assignments that it is, or was, a router of.
    std::map<std::string, std::set<AssignmentKey>> by_router;
    /// (agent, whether for a restore) → who waits for a place there, the next one first.
    std::map<std::pair<std::string, bool>, std::deque<AssignmentKey>> lines;
    std::map<InstallKey, AssignmentKey> owners;    ///< which assignment wishes something there
    std::map<InstallKey, AssignmentKey> departed;  ///< the same, to find whom a report is for
    std::set<std::pair<Timestamp, AssignmentKey>> gone;  ///< to forget the oldest first
    Alarms<Timestamp> alarms;
    Alarms<Lived> lived_alarms;
    /// The last WakeAt.
    std::optional<Timestamp> wake;
    std::optional<Lived> lived_wake;
};

/// When that will be by the wall clock, if neither stops: for people.
[[nodiscard]] inline Timestamp wall_time(const State& state, Lived at) {
    return Timestamp{at.time_since_epoch() + state.ahead};
}

}  // namespace tidegate::engine
