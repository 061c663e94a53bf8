#pragma once
/// The only way an action leaves: gates, budget's bookkeeping, outbox, Send. And what becomes of
/// actions that were on their way when the link or the daemon went.

#include "policies/gate.h"
#include "reconciler/engine/turn.h"

namespace tidegate::engine {

/// All that holds a dispatch or a re-send at this time; empty = go. Known ends are waited for.
[[nodiscard]] std::vector<Hold> dispatch_holds(Turn& turn, const AssignmentKey& key,
                                               const GateQuestion& question);

struct Order {
    int step = 0;
    bool restore = false;
};
/// What the gates are asked for it. A restore is a unit of its own: that the failed step or release
/// was admitted once says nothing of it (`respect_windows`).
[[nodiscard]] GateQuestion question_of(const Release& release, const Order& order);

enum class Dispatched {
    sent,
    loading,  ///< its definition is being read
    crowded,  ///< its agent runs all that it can; the assignment has its place in the line
};
/// Renders, records and sends.
[[nodiscard]] Dispatched dispatch(Turn& turn, Release& release, const DesiredTarget& target,
                                  const Order& order);

enum class Resend { later, now };
/// Withdraws what is no longer wanted, cancels what runs for a release that rolls back. What the
/// agent never got is sent again only once all that agents told is judged: until then it is kept.
void tend_outbox(Turn& turn, const AssignmentKey& key, Resend when);

/// What was sent is wanted to its end: also of a release that a newer wish superseded.
[[nodiscard]] bool may_go_on(const State& state, const OutboxEntry& entry);

/// Whether a release must not begin anything new because a newer wish is there.
[[nodiscard]] bool is_superseded(const AssignmentState& assignment, const Release& release);

/// Puts holds on the assignment for explain, each once, and wakes at their ends.
void add_holds(Turn& turn, const AssignmentKey& key, const std::vector<Hold>& holds);

}  // namespace tidegate::engine
