#pragma once
/// The one place that asks the world outside: when, how often, and how long an answer is waited
/// for. What an answer means is for those who asked (intake_git.cpp).

#include "reconciler/engine/turn.h"

namespace tidegate::engine {

/// Whether the question has to be asked, or asked anew; else the assignment is looked at when it
/// has. An answer that is due is waited for, for limits::kAnswerWithin.
[[nodiscard]] bool is_to_ask(Turn& turn, const AssignmentKey& key, const Inquiry& inquiry);
void ask(Turn& turn, const AssignmentKey& key, Inquiry& inquiry, Question question);

/// The answer brought what was needed, or what leads to the next question, which may fail in turn:
/// failures count on.
void settle(Inquiry& inquiry);
/// It did not: it is asked anew, later each time; `at_once`: at the next look.
void put_off(const Turn& turn, Inquiry& inquiry, bool at_once = false);

}  // namespace tidegate::engine
