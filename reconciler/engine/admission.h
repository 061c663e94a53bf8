#pragma once
/// What the gates let through once goes on after they close (`on_close`). That takes a beginning: a
/// dispatch that its host could not begin, or that never reached its agent, admits nothing, and
/// binds nobody to a `forward_only` release.

#include "reconciler/engine/dispatch.h"

namespace tidegate::engine {

/// The step's, and the release's, first dispatch passes the gates.
void admit(Turn& turn, Release& release, Step& step);
/// A dispatch of that step came to nothing: where nothing else of the step, or of the release, has
/// left and begun, or is out, its gates are asked as if for the first time.
void take_admission_back(Turn& turn, Release& release, int step);
/// question_of for what never reached its agent: only what else has begun, or may have, admits it.
[[nodiscard]] GateQuestion question_anew(const State& state, const Release& release,
                                         const Order& order);

}  // namespace tidegate::engine
