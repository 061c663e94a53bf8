#pragma once
/// Watching on the agents, for verify and await steps: on every target that has the release's
/// version the agent runs the checks again and again for the whole time (an action of kind verify).
///
/// Such an action has no effect on its host. So it is in no outbox, takes no place on its agent and
/// nobody's budget, and nobody waits for the end of one that is not wanted any more. How far a
/// target is stands in TargetProgress::watch, and only what names the action that stands there
/// counts: an answer of another step, try or life of the daemon says nothing. What an agent turns
/// out not to have is begun anew, for the whole time.
///
///     waiting ─→ dispatched ─→ success
///        ↑        │  │  └─ a check failed, or too many tries: the target has failed, a bad verdict
///        │        │  └─ nobody wants it any more ─→ cancelled
///        └────────┘ restarted, refused, too early, or it never got there

#include "reconciler/engine/turn.h"

namespace tidegate::engine {

/// The targets that a step of this kind is about now, and where they stand.
struct Watching {
    int total = 0;
    int passed = 0;
    std::vector<std::string> away;  ///< their agents are
    std::vector<std::string> old;   ///< their agents cannot watch
    bool loading = false;           ///< the definition is being read
};

/// Begins on them what does not run yet; `again`: also what has passed, anew. Each for `time`.
/// Where there is no check at all only what drift checks find counts, until `time` after `began`.
[[nodiscard]] Watching tend_watches(Turn& turn, Release& release, const Step& step, Seconds time,
                                    bool again);
/// What keeps some of them from being watched.
[[nodiscard]] std::vector<Hold> watch_holds(const Release& release, const Watching& watching);
/// Its time is over for those that have not passed: they have failed. For the next look.
void fail_watches(Turn& turn, Release& release, const Step& step);
/// Nobody waits for them any more.
void end_watches(Turn& turn, Release& release);

/// Whether an agent that is there cannot do its part in such a step.
[[nodiscard]] bool cannot_watch(const State& state, const std::string& agent);

// For the intake.

/// An outcome of kind verify.
void take_watch(Turn& turn, const std::string& agent, const ActionResult& result);
/// It was not sent after all.
void take_unsent_watch(Turn& turn, const std::string& agent, const std::string& action);
/// A Run of kind verify may leave.
[[nodiscard]] bool may_watch(const State& state, const Action& action);
/// Its agent is back: what it neither does nor has told the outcome of, it does not do.
void tend_watches_of(Turn& turn, const std::string& agent, const Inventory& inventory);

}  // namespace tidegate::engine
