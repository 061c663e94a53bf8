#pragma once
/// Actions whose outcome does not come: how long it is waited for, and what then (design, 4.8).
///
///     dispatched ─link lost→ unreported ─┬ its agent is back ─────────→ what its journal says
///                                        ├ revoked, out of Git, a newer intent ─→ lost
///                                        └ deadline ─┬ verified elsewhere, `skip` → lost
///                                                    ├ verified elsewhere, `wait` → awaited
///                                                    └ else ───────────→ a bad verdict
///
/// A lost one is no verdict: its target leaves the steps. It stays in the outbox, so that its agent
/// is asked what it did before anything else is sent there.

#include "reconciler/engine/turn.h"

namespace tidegate::engine {

/// Gives up what is not waited for any more, and shows what is, and until when.
void tend_unreported(Turn& turn, const AssignmentKey& key);

/// Whose outcome the release is condemned for not having, in words; empty = nobody's.
[[nodiscard]] std::string find_overdue(const Turn& turn, const Release& release);
/// Its deadline stands still while it waits for agents that were lost over an action
/// (`offline: wait`).
void stand_still(Turn& turn, Release& release);

/// Until when the outcome of one of its actions is waited for at most; none = of no action.
[[nodiscard]] std::optional<Lived> awaited_until(const Turn& turn, const Release& release);

/// Its agent is back and runs it, or never got it: there is something to wait for again.
void renew(Turn& turn, Release& release, OutboxEntry& entry);

}  // namespace tidegate::engine
