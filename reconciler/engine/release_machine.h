#pragma once
/// One release from its first dispatch to its end.
///
///     pending ─→ running ⇄ paused ─→ success
///                   │  └─ newer wish, nothing in flight ─→ cancelled
///                   │  └─ bad verdict, no way back ─→ failed   (+ quarantine or blocks)
///                   └─ bad verdict ─→ rolling_back ─→ rollback | failed

#include "reconciler/engine/turn.h"

namespace tidegate::engine {

/// Its gates are open: compiles the steps over `targets` (those offline are skipped) and begins.
void start_release(Turn& turn, Release& release, const std::vector<const DesiredTarget*>& targets);

/// As far as it goes now: outcomes, deadlines, steps, dispatches. For the active release, and the
/// one beside it.
void advance(Turn& turn, Release& release);
/// Nothing of it is on its way, and it brings something about only later: it watches, waits for a
/// person or a router, or for others that are down. Meanwhile what it has not touched is kept.
[[nodiscard]] bool only_waits(const Turn& turn, const Release& release);

/// Any final status; undispatched targets and steps end with it.
void end_release(Turn& turn, Release& release, ReleaseStatus status, std::string reason);

/// A bad verdict on the active release (verdict.cpp): quarantine and rollback, freeze, or blocks.
void condemn(Turn& turn, Release& release, const std::string& reason);
/// Nobody wanted it to go on: rolled back and reverted, but not quarantined. Where there is no way
/// back it ends where it is.
void take_back(Turn& turn, Release& release, const std::string& reason);
/// Why the way back must not be taken; empty = it may be.
[[nodiscard]] std::string why_no_rollback(const AssignmentState& assignment,
                                          const Release& release);
/// Of what has failed, as much as max_failed allows: it leaves the steps, is blocked, and goes back
/// alone. Never before others prove the version, or those that go with it may.
void let_go(Turn& turn, Release& release);
/// Why the release is bad; empty = it is not.
[[nodiscard]] std::string find_verdict(const Turn& turn, const Release& release);

/// The rolling_back part (rollback.cpp).
void advance_rollback(Turn& turn, Release& release);
/// Those that were let go, as far as it goes now; the release goes on meanwhile. True: one of them
/// is on its way back, or will be.
bool restore_let_go(Turn& turn, Release& release);
/// It was let go, and nothing brings it back.
[[nodiscard]] bool is_left_down(const State& state, const Release& release,
                                const TargetProgress& progress);
/// Targets that were away when their release rolled back: restored first thing on return.
void restore_owed(Turn& turn, const AssignmentKey& key);
/// It is one of them: its way back, with the rollback script, is still to come.
[[nodiscard]] bool is_owed(const State& state, const AssignmentKey& key, const std::string& target);
/// A new head treats all targets itself.
void forget_owed(Turn& turn, const AssignmentKey& key);

/// Whether an action of this release may still be running or reporting; lost ones are not awaited.
[[nodiscard]] bool has_in_flight(const Turn& turn, const Release& release);

}  // namespace tidegate::engine
